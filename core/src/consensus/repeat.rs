//! C9 and the fetching half of C4: what was lost is repeated, asked for and answered, with back-off.

use std::collections::BTreeMap;

use super::chain::Path;
use super::{CERTIFICATES_PER_MESSAGE, Consensus, Output, Step, VOTES_PER_MESSAGE};
use crate::config::ConsensusConfig;
use crate::crypto::Hash;
use crate::outbox::Outbox;
use crate::time::{Duration, Instant};
use crate::wire::{
    BoundedVec, Certificate, Fetch, GroupMessage, Proposal, RefusalKind, Vote, VoteKind,
};

/// Repetitions of different members must not fall on one moment, ms per committee index.
const STAGGER: Duration = Duration::from_millis(17);

/// When to repeat and when to ask.
#[derive(Clone, Debug)]
pub(super) struct Repeater {
    repeat_min: Duration,
    repeat_max: Duration,
    repeat_at: Option<Instant>,
    interval: Duration,
    fetch_at: Option<Instant>,
    fetch_interval: Duration,
    /// Requests made since something began to be missing.
    fetches: u32,
    /// Counts repetitions: each asks another member.
    repeats: u32,
    /// The current round was entered by a certificate that skipped others.
    jumped: bool,
    answered: BTreeMap<u8, Instant>,
}

impl Repeater {
    pub(super) fn new(config: &ConsensusConfig) -> Self {
        Self {
            repeat_min: config.repeat_min,
            repeat_max: config.repeat_max,
            repeat_at: None,
            interval: config.repeat_min,
            fetch_at: None,
            fetch_interval: config.repeat_min,
            fetches: 0,
            repeats: 0,
            jumped: false,
            answered: BTreeMap::new(),
        }
    }

    /// There was progress: what is undecided now is new.
    pub(super) fn restart(&mut self) {
        self.repeat_at = None;
        self.interval = self.repeat_min;
    }

    pub(super) fn jumped(&mut self) {
        self.jumped = true;
    }

    pub(super) fn repeat_at_once(&mut self, now: Instant) {
        self.repeat_at = Some(now);
    }

    pub(super) fn repeat_at(&self) -> Option<Instant> {
        self.repeat_at
    }

    pub(super) fn fetch_at(&self) -> Option<Instant> {
        self.fetch_at
    }
}

impl Consensus {
    /// Runs at the end of every input.
    pub(super) fn repeat(&mut self, now: Instant, out: &mut Outbox<Output>) {
        let votes = self.undecided_votes();
        let follows = !self.may_vote() && self.step != Step::Asleep;
        let unfinal = self.highest_notarized_above_final().is_some();
        if votes.is_empty() && !follows && !unfinal {
            self.repeater.repeat_at = None;
            self.repeater.interval = self.repeater.repeat_min;
        } else {
            let stagger = STAGGER * u32::from(self.own.unwrap_or_default());
            let first = now + self.repeater.interval + stagger;
            let due = *self.repeater.repeat_at.get_or_insert(first);
            if due <= now {
                let doubled = self.repeater.interval * 2;
                self.repeater.interval = doubled.min(self.repeater.repeat_max);
                self.repeater.repeat_at = Some(now + self.repeater.interval);
                self.repeat_now(votes, out);
            }
        }
        self.fetch(now, out);
    }

    fn repeat_now(&mut self, votes: Vec<Vote>, out: &mut Outbox<Output>) {
        self.repeater.repeats += 1;
        let repeat = self.repeater.repeats;
        if let Some(proposal) = self.sendable_proposal()
            && Some(proposal.leader) == self.own
        {
            let message = GroupMessage::Proposal(proposal.clone());
            out.push(Output::Repeat { message });
        }
        let had_votes = !votes.is_empty();
        if had_votes {
            let newest = votes.len().saturating_sub(VOTES_PER_MESSAGE);
            let votes = BoundedVec::truncating(votes[newest..].to_vec());
            let message = GroupMessage::Votes(votes);
            out.push(Output::Repeat { message });
            if let Some(certificate) = self.opening_certificate() {
                let certificates = BoundedVec::truncating(vec![certificate]);
                let message = GroupMessage::Certificates(certificates);
                out.push(Output::Repeat { message });
            }
        }
        // Whoever has nothing to repeat, or repeated in vain, asks.
        if (!had_votes || repeat.is_multiple_of(2))
            && let Some(to) = self.rotating_member(repeat)
        {
            self.ask_votes(to, out);
        }
    }

    /// Own stored votes of undecided rounds.
    fn undecided_votes(&self) -> Vec<Vote> {
        let Some(own) = self.own else {
            return Vec::new();
        };
        self.rounds
            .range(..=self.round)
            .filter(|(number, _)| !self.is_decided(**number))
            .flat_map(|(_, round)| round.of_voter(own))
            .copied()
            .collect()
    }

    /// The proposal of the current round, unless it is an own one that is not stored yet.
    pub(super) fn sendable_proposal(&self) -> Option<&Proposal> {
        let (_, proposal) = self.proposal()?;
        let is_it = |other: &Proposal| other.signature == proposal.signature;
        let batches = self.in_flight.values();
        let unstored = batches
            .chain([&self.outgoing])
            .filter_map(|batch| batch.proposal.as_ref())
            .any(is_it);
        (!unstored).then_some(proposal)
    }

    pub(super) fn opening_certificate(&self) -> Option<Certificate> {
        let opener = self.round - 1;
        if opener == self.finalized.round {
            return self.finalized.certificate.clone();
        }
        let round = self.rounds.get(&opener)?;
        [VoteKind::Finalize, VoteKind::Notarize, VoteKind::Nullify]
            .into_iter()
            .find_map(|kind| round.certificate(kind))
            .cloned()
    }

    fn rotating_member(&self, turn: u32) -> Option<u8> {
        let n = self.committee.len();
        let others: Vec<u8> = (0..=u8::MAX)
            .take(n)
            .filter(|member| Some(*member) != self.own)
            .collect();
        others.get(turn as usize % others.len().max(1)).copied()
    }

    /// Asks for all from the first round on that is open here.
    fn ask_votes(&self, to: u8, out: &mut Outbox<Output>) {
        let closed = |number: u64| {
            self.rounds
                .get(&number)
                .is_some_and(|round| round.is_nullified())
        };
        let first = self.finalized.round + 1;
        let from = (first..self.round)
            .find(|number| !closed(*number))
            .unwrap_or(self.round);
        let message = GroupMessage::Fetch(Fetch::Votes { from });
        out.push(Output::Send { to, message });
    }

    /// Whether a vote comes from somebody who is behind: it is for a round that is over here, and is
    /// a repetition or came long after the end. A vote that is merely late in the air is not.
    pub(super) fn is_late(&self, vote: &Vote, repeated: bool, now: Instant) -> bool {
        let round = vote.statement.round;
        let patience = self.config.repeat_min / 2;
        if Some(vote.voter) == self.own || round >= self.round {
            return false;
        }
        if round <= self.finalized.round {
            return repeated || self.finalized_at + patience <= now;
        }
        // Whoever finalizes is past that round; he waits for the finalization, as we do.
        (vote.statement.kind != VoteKind::Finalize || self.is_decided(round))
            && (repeated || round + 1 < self.round || self.entered_at + patience <= now)
    }

    /// C9: what a voter in `round` needs to follow.
    pub(super) fn answer(&mut self, voter: u8, round: u64, now: Instant, out: &mut Outbox<Output>) {
        let pause = self.config.repeat_min / 2;
        let last = self.repeater.answered.get(&voter);
        if last.is_some_and(|last| *last + pause > now) {
            return;
        }
        self.repeater.answered.insert(voter, now);
        let mut certificates: Vec<Certificate> = Vec::new();
        if self.is_decided(round) {
            certificates.extend(self.finalized.certificate.clone());
        }
        certificates.extend(
            self.rounds
                .range(round..self.round)
                .flat_map(|(_, round)| round.certificates())
                .cloned(),
        );
        let newest = certificates.len().saturating_sub(CERTIFICATES_PER_MESSAGE);
        let certificates = certificates.split_off(newest);
        if !certificates.is_empty() {
            out.push(Output::Send {
                to: voter,
                message: GroupMessage::Certificates(BoundedVec::truncating(certificates)),
            });
        }
        let votes = self.undecided_votes();
        if !votes.is_empty() {
            out.push(Output::Send {
                to: voter,
                message: GroupMessage::Votes(BoundedVec::truncating(votes)),
            });
        }
    }

    /// Bodies of certified blocks, or of their ancestors, that are missing, with those who signed.
    pub(super) fn missing_bodies(&self) -> Vec<(Hash, Vec<u8>)> {
        let base = (self.finalized.height, self.finalized.block);
        let mut missing: BTreeMap<Hash, Vec<u8>> = BTreeMap::new();
        for round in self.rounds.values() {
            let certificates = [VoteKind::Notarize, VoteKind::Finalize]
                .into_iter()
                .filter_map(|kind| round.certificate(kind));
            for certificate in certificates {
                let Path::Missing(block) = self.chain.path(certificate.statement.block, base)
                else {
                    continue;
                };
                let from = missing.entry(block).or_default();
                for (voter, _) in certificate.signatures.iter() {
                    if Some(*voter) != self.own && !from.contains(voter) {
                        from.push(*voter);
                    }
                }
            }
        }
        missing.into_iter().collect()
    }

    /// Asks for what is missing, a little after it was missed: most of it is only late.
    fn fetch(&mut self, now: Instant, out: &mut Outbox<Output>) {
        let bodies = self.missing_bodies();
        let ahead = self.voter_ahead();
        if bodies.is_empty() && ahead.is_none() && !self.lacks {
            self.repeater.fetch_at = None;
            self.repeater.fetch_interval = self.repeater.repeat_min;
            self.repeater.fetches = 0;
            self.repeater.jumped = false;
            return;
        }
        let due = *self
            .repeater
            .fetch_at
            .get_or_insert(now + self.config.d_floor / 4);
        if due > now {
            return;
        }
        self.repeater.fetches += 1;
        self.repeater.fetch_at = Some(now + self.repeater.fetch_interval);
        let doubled = self.repeater.fetch_interval * 2;
        self.repeater.fetch_interval = doubled.min(self.repeater.repeat_max);

        let leader = self.committee.leader(self.round);
        if self.lacks {
            self.refuse(RefusalKind::Conflict, out);
        }
        let proposer = Some(leader)
            .filter(|leader| self.lacks && Some(*leader) != self.own && self.repeater.fetches == 1);
        if self.lacks || ahead.is_some() {
            let to = proposer
                .or(ahead)
                .or_else(|| self.rotating_member(self.repeater.fetches));
            if let Some(to) = to {
                self.ask_votes(to, out);
            }
        }
        let certified: Vec<Hash> = self.rounds.values().filter_map(|r| r.certified()).collect();
        for (block, from) in bodies {
            // A certified block that is one body away comes as a body. What lies further back may be
            // final by now, and then only sync has it.
            let far =
                self.repeater.jumped || self.repeater.fetches > 1 || !certified.contains(&block);
            if far {
                out.push(Output::NeedBlocks { from: from.clone() });
            }
            out.push(Output::NeedBody { block, from });
        }
    }

    /// Somebody who votes or proposes in a round that is not open here.
    fn voter_ahead(&self) -> Option<u8> {
        let later = self
            .rounds
            .range(self.round + 1..)
            .flat_map(|(_, round)| {
                let votes = round.votes().map(|vote| vote.voter);
                votes.chain(round.proposal.as_ref().map(|(_, proposal)| proposal.leader))
            })
            .find(|voter| Some(*voter) != self.own);
        later.or(self.ahead)
    }
}
