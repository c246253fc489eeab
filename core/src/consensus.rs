//! Agreement on every change: rounds with one leader each, after Simplex.
//!
//! In a round its leader proposes a block; whoever finds it sound notarizes it; q notarizes are a
//! notarization and open the next round; who saw it finalizes; q finalizes are a finalization and
//! commit the block with its ancestors. A silent round ends by q nullifies. The rules are numbered
//! C1 to C12 (`docs/protocol/consensus.md`).
//!
//! Deviations from the paper, all because the voters are phones: rounds run only when there is
//! work (C2), a notarized block that is not final is proposed again instead of an empty one, nothing
//! is sent before it is stored (C8), and what was lost is repeated with back-off instead of being
//! delivered by the transport (C9).
//!
//! A voter that lost its store asks the others for their round before it votes again.
//!
//! [`round`] is the table of one round, [`safety`] the only code that approves a vote.

mod advance;
mod cast;
mod chain;
mod committee;
mod eras;
mod evidence;
mod io;
mod lead;
mod mask;
mod pacemaker;
mod receive;
mod recovery;
mod repeat;
pub mod round;
pub mod safety;
mod storage;
mod votes;

use std::collections::{BTreeMap, BTreeSet};

pub use committee::{Committee, faults, mode_in_force, quorum};
pub use io::{Finalized, Input, Output, RecoveryStage, StoreProof, Verdict};
#[cfg(feature = "mask")]
pub use mask::RuleMask;
pub use mask::{InForce, Sentence};

use crate::config::ConsensusConfig;
use crate::crypto::{Hash, Identity};
use crate::outbox::Outbox;
use crate::outbox::Record;
use crate::time::{Duration, Instant};
use crate::wire::{Block, BoundedVec, Certificate, GroupMessage, Proposal, Vote, VoteKind};
use chain::{Chain, Standing};
use eras::Eras;
use pacemaker::Pacemaker;
use recovery::Recovery;
use repeat::Repeater;
use round::Step;
use safety::Ledger;
pub use storage::doubted_record;
use storage::{Divergence, Storage, Stored};
use votes::{RefusalTag, Round};

/// Votes and a proposal on their way to the store.
#[derive(Clone, Debug, Default)]
struct Batch {
    votes: Vec<Vote>,
    proposal: Option<Proposal>,
}

/// One member's part in the agreement of one epoch.
#[derive(Clone, Debug)]
pub struct Consensus {
    config: ConsensusConfig,
    rules: InForce,
    committee: Committee,
    identity: Identity,
    own: Option<u8>,
    recovery: Recovery,
    /// What diverged: own votes have stopped.
    diverged: Option<Divergence>,

    finalized: Finalized,
    eras: Eras,
    finalized_at: Instant,
    /// Since when a notarized block waits for its finalization.
    unfinal_since: Option<Instant>,
    /// Rounds above the last finalization.
    rounds: BTreeMap<u64, Round>,
    chain: Chain,
    ledger: Ledger,

    round: u64,
    entered_at: Instant,
    step: Step,
    pacemaker: Pacemaker,
    /// Timers of the current round that have fired.
    leader_fired: bool,
    advance_fired: bool,
    /// When the own notarize of the current round left.
    notarized_at: Option<Instant>,
    /// Kinds of refusals that were told in this round.
    told: BTreeSet<RefusalTag>,

    work: bool,
    /// The parent of the block that is being built.
    building: Option<Hash>,
    /// The proposal, or what the own one would stand on, lacks something.
    lacks: bool,
    /// Highest round in which each voter was heard (C1).
    last_heard: Vec<u64>,
    /// Late votes that were seen, to tell a repetition from a latecomer.
    seen: BTreeSet<(u64, VoteKind, u8)>,
    /// A voter that is further ahead than votes are kept.
    ahead: Option<u8>,

    storage: Storage,
    outgoing: Batch,
    /// Batches that the store has.
    in_flight: BTreeMap<u64, Batch>,
    next_sequence: u64,
    repeater: Repeater,
    /// Whether the last pass changed anything that another pass could build on.
    moved: bool,
}

impl Consensus {
    /// Starts on `base`. `own` is the own index in the committee, if it has one. Where the store is
    /// not proved current it follows, and asks the others before it votes (C8).
    pub fn new(
        config: ConsensusConfig,
        committee: Committee,
        identity: Identity,
        own: Option<u8>,
        proof: StoreProof,
        base: Finalized,
        now: Instant,
    ) -> Self {
        #[cfg(feature = "planted")]
        let committee = if config.plant == Some(crate::config::Plant::QuorumOffByOne) {
            committee.with_short_quorum()
        } else {
            committee
        };
        let members = committee.len();
        let recovery = Recovery::new(&config, own, proof, committee.epoch);
        let mut ledger = Ledger::default();
        ledger.prune(base.round);
        Self {
            rules: InForce::of(&config),
            repeater: Repeater::new(&config),
            config,
            committee,
            identity,
            own,
            recovery,
            diverged: None,
            round: base.round + 1,
            eras: Eras::from(&base),
            finalized: base,
            finalized_at: now,
            unfinal_since: None,
            rounds: BTreeMap::new(),
            chain: Chain::default(),
            ledger,
            entered_at: now,
            step: Step::Asleep,
            pacemaker: Pacemaker::default(),
            leader_fired: false,
            advance_fired: false,
            notarized_at: None,
            told: BTreeSet::new(),
            work: false,
            building: None,
            lacks: false,
            last_heard: vec![0; members],
            seen: BTreeSet::new(),
            ahead: None,
            storage: Storage::default(),
            outgoing: Batch::default(),
            in_flight: BTreeMap::new(),
            next_sequence: 1,
            moved: false,
        }
    }

    /// Starts from what was stored: votes that were cast are repeated and never cast differently,
    /// bodies above `base` are executed again.
    #[expect(
        clippy::too_many_arguments,
        reason = "those of new, the records and the outbox"
    )]
    pub fn restore(
        config: ConsensusConfig,
        committee: Committee,
        identity: Identity,
        own: Option<u8>,
        proof: StoreProof,
        base: Finalized,
        records: &[Record],
        now: Instant,
        out: &mut Outbox<Output>,
    ) -> Self {
        let mut this = Self::new(config, committee, identity, own, proof, base, now);
        let epoch = this.committee.epoch;
        let mut stored: Vec<Stored> = records
            .iter()
            .filter_map(|record| this.storage.load(record, epoch))
            .collect();
        // Before anything is concluded: whether own votes have stopped, and which there are.
        stored.sort_by_key(|stored| match stored {
            Stored::Divergence(_) | Stored::Recovery(_) | Stored::Unreadable => 0,
            Stored::Vote(_) => 1,
            Stored::Certificate(_) | Stored::Proposal(_) | Stored::Body(_) => 2,
        });
        for stored in stored {
            this.restore_record(stored, out);
        }
        this.ledger.close_below_last();
        this.forget();
        // Whoever slept through the others' progress learns it from their answers to this.
        this.repeater.repeat_at_once(now);
        this.advance(now, out);
        this
    }

    fn restore_record(&mut self, stored: Stored, out: &mut Outbox<Output>) {
        let decided = self.finalized.round;
        match stored {
            Stored::Divergence(divergence) => {
                let what = divergence.what.clone();
                self.diverged = Some(divergence);
                out.push(Output::Diverged { what });
            }
            Stored::Recovery(recovery) => self.recovery.restore(recovery),
            Stored::Unreadable => self.recovery.doubt(),
            Stored::Vote(vote) if vote.statement.round > decided => {
                self.ledger.enter(&vote.statement);
                // Alone, an own vote is a quorum.
                self.add_vote(vote, out);
            }
            Stored::Certificate(certificate) if certificate.statement.round > decided => {
                for vote in certificate.votes() {
                    self.add_vote(vote, out);
                }
            }
            Stored::Proposal(proposal) if proposal.round > decided => {
                let hash = proposal.block.hash(self.committee.epoch);
                self.keep_body(hash, proposal.block.clone(), Standing::Held);
                let round = self.rounds.entry(proposal.round).or_default();
                round.proposal = Some((hash, proposal));
            }
            Stored::Body(block) if block.height > self.finalized.height => {
                self.keep_body(block.hash(self.committee.epoch), block, Standing::Held);
            }
            Stored::Vote(_) | Stored::Certificate(_) | Stored::Proposal(_) | Stored::Body(_) => {}
        }
    }

    /// Takes a fact in.
    pub fn handle(&mut self, input: Input, now: Instant, out: &mut Outbox<Output>) {
        match input {
            Input::Work(work) => self.work = work,
            Input::Proposal(proposal) => self.receive_proposal(proposal, out),
            Input::Votes(votes) => self.receive_votes(votes, now, out),
            // Nothing is decided here any more, so they would only pile up.
            Input::Certificates(_) if self.is_stopped() => {}
            Input::Certificates(certificates) => self.receive_certificates(certificates, out),
            Input::Refusal(refusal) => self.receive_refusal(refusal, out),
            Input::RoundAsked {
                asker,
                epoch,
                nonce,
            } => self.round_asked(asker, epoch, nonce, now, out),
            Input::RoundAnswered(answer) => self.round_answered(answer, out),
            Input::InReach(voters) => self.in_reach(voters),
            Input::Body(block) => self.receive_body(block),
            Input::Built { round, block } => self.built(round, block),
            Input::Executed { block, verdict } => self.executed(block, verdict, now),
            Input::Stored { sequence } => self.stored(sequence, now, out),
            Input::Diverged(what) => self.diverge(what, None, out),
            Input::Installed(finalized) => self.installed(finalized, now, out),
            Input::Timeout => {}
        }
        self.advance(now, out);
    }

    /// When [`Input::Timeout`] is due, and why.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        if self.is_stopped() {
            return None;
        }
        let stale = self
            .stale_at()
            .filter(|_| self.step == Step::Asleep)
            .map(|at| (at, "a notarized block is not final"));
        [
            self.leader_deadline().map(|at| (at, "leader timeout")),
            self.advance_deadline().map(|at| (at, "advance timeout")),
            stale,
            self.chain.deadline().map(|at| (at, "execute again")),
            self.repeater.repeat_at().map(|at| (at, "repeat votes")),
            self.repeater
                .fetch_at()
                .map(|at| (at, "fetch what is missing")),
            self.recovery.ask_at().map(|at| (at, "ask for rounds")),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The current round.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// The committee.
    pub fn committee(&self) -> &Committee {
        &self.committee
    }

    /// The last finalized block.
    pub fn finalized(&self) -> &Finalized {
        &self.finalized
    }

    /// The block that the next own proposal would extend, as far as it was executed here.
    pub fn tip(&self) -> Hash {
        self.rounds
            .values()
            .rev()
            .filter_map(Round::certified)
            .find(|block| self.chain.is_valid(block))
            .unwrap_or(self.finalized.block)
    }

    /// A body above the finalized block, with a certificate for it where there is one.
    pub fn body(&self, block: &Hash) -> Option<(Block, Option<Certificate>)> {
        let certificate = self.rounds.values().rev().find_map(|round| {
            [VoteKind::Finalize, VoteKind::Notarize]
                .into_iter()
                .filter_map(|kind| round.certificate(kind))
                .find(|certificate| certificate.statement.block == *block)
        });
        let held = self.chain.get(block).map(|entry| &entry.block);
        let proposed = || {
            self.rounds
                .values()
                .filter_map(|round| round.proposal.as_ref())
                .find(|(hash, _)| hash == block)
                .map(|(_, proposal)| &proposal.block)
        };
        let body = held.or_else(proposed)?;
        Some((body.clone(), certificate.cloned()))
    }

    /// All that is known of the rounds from `from` on, for a member that asks.
    pub fn votes_from(&self, from: u64) -> Vec<GroupMessage> {
        let mut certificates = Vec::new();
        if from <= self.finalized.round {
            certificates.extend(self.finalized.certificate.clone());
        }
        let mut votes = Vec::new();
        for round in self.rounds.range(from..).map(|(_, round)| round) {
            certificates.extend(round.certificates().cloned());
            let certified: BTreeSet<Vote> =
                round.certificates().flat_map(Certificate::votes).collect();
            votes.extend(
                round
                    .votes()
                    .filter(|vote| !certified.contains(vote))
                    .copied(),
            );
        }
        // The oldest, from which the asker goes on; and the newest, which lets him jump.
        let mut messages = Vec::new();
        for chunk in ends(&certificates, CERTIFICATES_PER_MESSAGE) {
            messages.push(GroupMessage::Certificates(BoundedVec::truncating(chunk)));
        }
        for chunk in ends(&votes, VOTES_PER_MESSAGE) {
            let votes = BoundedVec::truncating(chunk);
            messages.push(GroupMessage::Votes(votes));
        }
        let proposal = self.sendable_proposal().cloned();
        messages.extend(proposal.map(GroupMessage::Proposal));
        messages
    }

    /// What is waited for, and for whom; empty when nothing is under way.
    pub fn waiting_for(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut waits = Vec::new();
        if !self.in_flight.is_empty() {
            waits.push(("store", Vec::new()));
        }
        if self.is_stopped() {
            return waits;
        }
        for (block, from) in self.missing_bodies() {
            if block != self.finalized.block {
                waits.push(("blocks", from));
            }
        }
        match self.step {
            Step::Asleep => {}
            Step::Waiting => waits.push(("proposal", vec![self.committee.leader(self.round)])),
            Step::Judging => waits.push(("execution", Vec::new())),
            Step::Voted | Step::Refused => waits.push(("votes", self.silent_in(self.round))),
        }
        if let Some(since) = self.highest_notarized_above_final() {
            waits.push(("votes", self.silent_in(since)));
        }
        waits
    }

    /// Whether own votes have stopped for good (C4).
    pub fn is_stopped(&self) -> bool {
        self.diverged.is_some()
    }

    /// What was seen when own votes stopped, and the certificate that contradicts what is held here,
    /// where one does.
    pub fn divergence(&self) -> Option<(&str, Option<&Certificate>)> {
        let divergence = self.diverged.as_ref()?;
        Some((&divergence.what, divergence.certificate.as_ref()))
    }

    /// Voters that were not heard in `round`.
    fn silent_in(&self, round: u64) -> Vec<u8> {
        let heard: BTreeSet<u8> = self
            .rounds
            .get(&round)
            .into_iter()
            .flat_map(|round| round.votes().map(|vote| vote.voter))
            .collect();
        (0..=u8::MAX)
            .take(self.committee.len())
            .filter(|voter| !heard.contains(voter) && Some(*voter) != self.own)
            .collect()
    }

    fn note_heard(&mut self, voter: u8, round: u64) {
        if let Some(last) = self.last_heard.get_mut(usize::from(voter)) {
            *last = round.max(*last);
        }
    }

    /// Rounds between the highest certified block below the current round and that round: all of
    /// them are nullified, and everybody in this round can see it.
    fn consecutive_nullifications(&self) -> u64 {
        (self.round - 1).saturating_sub(self.highest_certified().0)
    }

    /// D of the current round (C6).
    fn d(&self) -> Duration {
        let nullified = if self.rules.has(Sentence::BackOff) {
            self.consecutive_nullifications()
        } else {
            0
        };
        self.pacemaker.d(&self.config, nullified)
    }
}

/// The first few messages' worth of `items`, and the last.
fn ends<T: Clone>(items: &[T], per_message: usize) -> Vec<Vec<T>> {
    let mut chunks: Vec<Vec<T>> = items.chunks(per_message).map(<[T]>::to_vec).collect();
    if chunks.len() > ANSWER_MESSAGES_MAX {
        chunks.drain(ANSWER_MESSAGES_MAX - 1..chunks.len() - 1);
    }
    chunks
}

/// Certificates of one message, and their bound on the wire.
const CERTIFICATES_PER_MESSAGE: usize = 16;
/// Votes of one message, and their bound on the wire.
const VOTES_PER_MESSAGE: usize = 64;
/// Messages of each kind in one answer.
const ANSWER_MESSAGES_MAX: usize = 4;

#[cfg(test)]
mod tests;
