//! C8: a voter that cannot prove its store current asks the others for their round, and votes again
//! only where it cannot have voted before.
//!
//! Why two above is enough: whoever voted in round r had seen a quorum's votes of r - 1. Of
//! n - q + f + 1 others at least one is honest and among those, and his round is r - 1 or higher for
//! ever. So r is at most one above the highest answer.

use std::collections::{BTreeMap, BTreeSet};

use super::io::{RecoveryStage, StoreProof};
use super::safety::{Facts, approve_answer, floor};
use super::storage::StoredRecovery;
use super::{Batch, Consensus, Output, Sentence};
use crate::config::ConsensusConfig;
use crate::crypto::Hash;
use crate::outbox::Outbox;
use crate::time::{Duration, Instant};
use crate::wire::{GroupMessage, RoundAnswer};

/// Where the own store stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It holds all own votes.
    Current,
    /// It may not, and does not say so yet.
    Doubted,
    /// It says so, and others are asked.
    Asking,
    /// The answers are on their way to the store, in this batch.
    Storing(u64),
    /// They are stored: it holds all own votes from the floor on.
    Recovered,
}

/// What is known of lost stores, the own one and others'.
#[derive(Clone, Debug)]
pub(super) struct Recovery {
    proof: StoreProof,
    nonce: u64,
    standing: Standing,
    /// The highest round that was answered, stored or about to be.
    answered: Option<u64>,
    /// The answers to the present question.
    answers: BTreeMap<u8, RoundAnswer>,
    in_reach: BTreeSet<u8>,
    ask_at: Option<Instant>,
    interval: Duration,
    interval_min: Duration,
    interval_max: Duration,
    /// Others that asked and were not seen to vote since, with the round that was the own one then.
    lost: BTreeMap<u8, u64>,
    /// When they may be answered again.
    answer_at: BTreeMap<u8, Instant>,
    /// What was told last, by voter.
    told: BTreeMap<u8, RecoveryStage>,
}

impl Recovery {
    pub(super) fn new(
        config: &ConsensusConfig,
        own: Option<u8>,
        proof: StoreProof,
        epoch: Hash,
    ) -> Self {
        let (tag, _) = epoch
            .as_bytes()
            .split_first_chunk()
            .expect("a hash is longer");
        Self {
            proof,
            nonce: proof.nonce ^ u64::from_le_bytes(*tag),
            standing: if proof.current || own.is_none() {
                Standing::Current
            } else {
                Standing::Doubted
            },
            answered: None,
            answers: BTreeMap::new(),
            in_reach: BTreeSet::new(),
            ask_at: None,
            interval: config.repeat_min,
            interval_min: config.repeat_min,
            interval_max: config.repeat_max,
            lost: BTreeMap::new(),
            answer_at: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// The store was doubted before. Where it is doubted again, the earlier floor is the least.
    pub(super) fn restore(&mut self, stored: StoredRecovery) {
        self.answered = self.answered.max(stored.answered);
        if self.standing == Standing::Current {
            self.standing = if stored.asking {
                Standing::Asking
            } else {
                Standing::Recovered
            };
        }
    }

    /// A record cannot be read: what else is lost is not known.
    pub(super) fn doubt(&mut self) {
        self.standing = Standing::Doubted;
    }

    /// A batch is stored; whether it was the one with the answers.
    pub(super) fn stored(&mut self, sequence: u64) -> bool {
        let done = self.standing == Standing::Storing(sequence);
        if done {
            self.standing = Standing::Recovered;
        }
        done
    }

    /// What safety has to know of the own store.
    pub(super) fn facts(&self, facts: Facts) -> Facts {
        Facts {
            answered: self.answered,
            unanswered: self.is_unanswered(),
            ..facts
        }
    }

    fn is_unanswered(&self) -> bool {
        !matches!(self.standing, Standing::Current | Standing::Recovered)
    }

    fn is_asking(&self) -> bool {
        matches!(self.standing, Standing::Doubted | Standing::Asking)
    }

    /// When to ask again.
    pub(super) fn ask_at(&self) -> Option<Instant> {
        self.ask_at
    }

    fn lacking(&self) -> BTreeSet<u8> {
        let mut lacking = self.in_reach.clone();
        lacking.retain(|voter| !self.answers.contains_key(voter));
        lacking
    }
}

impl Consensus {
    /// What the next epoch's agreement has to be told of this store. `acted` says whether that epoch
    /// opens on a block that holds an action of this run: all know then that votes of another store
    /// are none of this voter's. Until then it asks anew in each epoch.
    pub fn proof_in_next_epoch(&self, acted: bool) -> StoreProof {
        StoreProof {
            current: acted || self.recovery.standing == Standing::Current,
            ..self.recovery.proof
        }
    }

    /// C8: how far this voter has come since it lost its store; none where it never did.
    pub fn recovery(&self) -> Option<RecoveryStage> {
        let own = self.own?;
        match self.recovery.standing {
            Standing::Current => None,
            Standing::Recovered => {
                let floor = floor(self.recovery.answered, self.rules);
                Some(if self.round >= floor {
                    RecoveryStage::Voting
                } else {
                    RecoveryStage::Waiting { floor }
                })
            }
            Standing::Doubted | Standing::Asking | Standing::Storing(_) => {
                Some(self.asking_stage(own))
            }
        }
    }

    /// Voters that asked since they lost their store, with what becomes of them; and whose answers
    /// this voter waits for.
    pub fn recovery_waits(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut waits = Vec::new();
        let stuck: Vec<u8> = self
            .recovery
            .told
            .iter()
            .filter(|(_, stage)| **stage == RecoveryStage::NeedsSuccessor)
            .map(|(voter, _)| *voter)
            .collect();
        if !stuck.is_empty() {
            waits.push(("a successor group: a store was lost", stuck));
        } else if self.recovery.is_asking() {
            let silent = (0..=u8::MAX).take(self.committee.len()).filter(|voter| {
                Some(*voter) != self.own && !self.recovery.answers.contains_key(voter)
            });
            waits.push(("the others' rounds", silent.collect()));
        }
        waits
    }

    /// Whether a vote in the current round is possible at all. Each vote is still approved by itself.
    pub(super) fn may_vote(&self) -> bool {
        let asked = !self.recovery.is_unanswered() || !self.rules.has(Sentence::EnoughAnswers);
        self.own.is_some() && asked && self.round >= floor(self.recovery.answered, self.rules)
    }

    /// The others that lost their stores, and this voter where it did.
    fn asking_stage(&self, voter: u8) -> RecoveryStage {
        let mut lost: BTreeSet<u8> = self.recovery.lost.keys().copied().collect();
        lost.insert(voter);
        if self.recovery.is_unanswered() {
            lost.extend(self.own);
        }
        if self.committee.can_recover(lost.len()) {
            RecoveryStage::Asking
        } else {
            RecoveryStage::NeedsSuccessor
        }
    }

    /// Runs at the end of every input: marks, asks, tells.
    pub(super) fn recover(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if self.recovery.standing == Standing::Doubted {
            self.recovery.standing = Standing::Asking;
            // Atomic with what makes the store current again: a restart in between asks anew.
            self.storage.put_recovery(&StoredRecovery {
                asking: true,
                answered: self.recovery.answered,
                answers: Vec::new(),
            });
            self.store(Batch::default(), out);
        }
        self.ask_rounds(now, out);
        self.tell_recoveries(out);
    }

    fn ask_rounds(&mut self, now: Instant, out: &mut Outbox<Output>) {
        let lacking = self.recovery.lacking();
        if !self.recovery.is_asking() || lacking.is_empty() {
            self.recovery.ask_at = None;
            return;
        }
        let due = *self.recovery.ask_at.get_or_insert(now);
        if due > now {
            return;
        }
        self.recovery.ask_at = Some(now + self.recovery.interval);
        let doubled = self.recovery.interval * 2;
        self.recovery.interval = doubled.min(self.recovery.interval_max);
        for to in lacking {
            let message = GroupMessage::Recovery(crate::wire::Recovery::Query {
                epoch: self.committee.epoch,
                nonce: self.recovery.nonce,
                run: self.recovery.proof.run,
            });
            out.push(Output::Send { to, message });
        }
    }

    fn tell_recoveries(&mut self, out: &mut Outbox<Output>) {
        let own = self.recovery().map(|stage| (self.own, stage));
        let own = own.and_then(|(voter, stage)| Some((voter?, stage)));
        let others: Vec<(u8, RecoveryStage)> = self
            .recovery
            .lost
            .keys()
            .map(|voter| (*voter, self.asking_stage(*voter)))
            .collect();
        for (voter, stage) in own.into_iter().chain(others) {
            let before = self.recovery.told.insert(voter, stage);
            // A restart long after is no news.
            let old = before.is_none() && stage == RecoveryStage::Voting;
            if before != Some(stage) && !old {
                out.push(Output::Recovery { voter, stage });
            }
        }
    }

    /// Others that can be reached changed.
    pub(super) fn in_reach(&mut self, voters: BTreeSet<u8>) {
        let came = voters.difference(&self.recovery.in_reach).copied();
        let came: Vec<u8> = came.filter(|voter| Some(*voter) != self.own).collect();
        self.recovery.in_reach = voters;
        self.recovery
            .in_reach
            .retain(|voter| Some(*voter) != self.own);
        if came.is_empty() {
            return;
        }
        self.recovery.ask_at = None;
        self.recovery.interval = self.recovery.interval_min;
        if self.recovery.is_asking() && !self.committee.can_recover(1) {
            // Nothing comes of the answer, but whoever was restarted has to hear of the loss again.
            for voter in came {
                self.recovery.answers.remove(&voter);
            }
        }
    }

    /// A voter asks for the own round.
    pub(super) fn round_asked(
        &mut self,
        asker: u8,
        epoch: Hash,
        nonce: u64,
        now: Instant,
        out: &mut Outbox<Output>,
    ) {
        let Some(own) = self.own.filter(|own| *own != asker) else {
            return;
        };
        let pauses = self
            .recovery
            .answer_at
            .get(&asker)
            .is_some_and(|at| *at > now);
        if epoch != self.committee.epoch || self.committee.member(asker).is_none() || pauses {
            return;
        }
        let pause = self.config.repeat_min / 2;
        self.recovery.answer_at.insert(asker, now + pause);
        self.recovery.lost.insert(asker, self.round);
        let facts = self.recovery.facts(Facts {
            round: self.round,
            ..Facts::default()
        });
        let verdict = approve_answer(&facts, self.rules);
        #[cfg(feature = "planted")]
        let verdict = verdict.or_else(|objection| {
            let plant = self.config.plant == Some(crate::config::Plant::RecoveringVoterAnswers);
            if plant { Ok(()) } else { Err(objection) }
        });
        // A vote above the own round: this one was sent back, and what else it said is not known.
        let beyond = self.ledger.last().is_some_and(|last| last > self.round);
        if verdict.is_err() || beyond || self.is_stopped() {
            return;
        }
        let opened_by = self.opening_certificate();
        if opened_by.is_none() && self.round != 1 {
            return;
        }
        let (group, epoch) = (self.committee.group, self.committee.epoch);
        let round = self.round;
        let answer = RoundAnswer::sign(
            group,
            epoch,
            nonce,
            asker,
            own,
            round,
            opened_by,
            &self.identity,
        );
        let message = GroupMessage::Recovery(crate::wire::Recovery::Answer(answer));
        out.push(Output::Send { to: asker, message });
    }

    /// A voter told his round.
    pub(super) fn round_answered(&mut self, answer: RoundAnswer, out: &mut Outbox<Output>) {
        let RoundAnswer { voter, round, .. } = answer;
        let is_ours = self.recovery.standing == Standing::Asking
            && answer.nonce == self.recovery.nonce
            && Some(answer.asker) == self.own
            && Some(voter) != self.own;
        let known = self.recovery.answers.get(&voter);
        if !is_ours || known.is_some_and(|known| known.round >= round) {
            return;
        }
        if let Err(fault) = self.committee.verify_answer(&answer) {
            return out.push(Output::Fault(fault));
        }
        let opened_by = answer.opened_by.clone();
        self.recovery.answers.insert(voter, answer);
        // What opened his round opens it here too.
        self.receive_certificates(opened_by.into_iter().collect(), out);
        let answers = &self.recovery.answers;
        if answers.len() < self.committee.answers_needed() || !self.committee.can_recover(1) {
            return;
        }
        let highest = answers.values().map(|answer| answer.round).max();
        let answers = answers.values().cloned().collect();
        self.recovery.answered = self.recovery.answered.max(highest);
        self.recovery.standing = Standing::Storing(self.next_sequence);
        self.storage.put_recovery(&StoredRecovery {
            asking: false,
            answered: self.recovery.answered,
            answers,
        });
        self.store(Batch::default(), out);
    }

    /// A voter was heard in a round: one that had lost its store votes again.
    pub(super) fn note_recovered(&mut self, voter: u8, round: u64, out: &mut Outbox<Output>) {
        let asked_in = self.recovery.lost.get(&voter);
        // Votes from before the loss are no sign, and reach one above what anybody answered.
        if asked_in.is_some_and(|asked_in| round > asked_in + 1) {
            self.recovery.lost.remove(&voter);
            self.recovery.told.remove(&voter);
            let stage = RecoveryStage::Voting;
            out.push(Output::Recovery { voter, stage });
        }
    }
}
