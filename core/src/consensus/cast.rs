//! Votes, refusals and own proposals on their way out: approved, stored, then sent (C4, C5, C8).

use super::safety::{Facts, approve};
use super::votes::RefusalTag;
use super::{Batch, Consensus, Output, Sentence};
use crate::crypto::Hash;
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::wire::{BoundedVec, GroupMessage, Refusal, RefusalKind, Vote, VoteKind, VoteStatement};

impl Consensus {
    pub(super) fn notarize(&mut self) {
        let Some((hash, proposal)) = self.proposal().cloned() else {
            return;
        };
        let facts = self.facts_of(hash, &proposal);
        if self.cast(self.round, VoteKind::Notarize, hash, &facts)
            && self.rules.has(Sentence::BodyStored)
            && Some(proposal.leader) != self.own
        {
            // The own proposal's record holds the body already.
            self.storage.put_body(hash, &proposal.block);
        }
    }

    /// C5: finalize what is notarized and was executed, wherever the phone is by now.
    pub(super) fn finalize_votes(&mut self) {
        let early = !self.rules.has(Sentence::FinalizeNotarized);
        let blind = !self.rules.has(Sentence::FinalizeExecuted);
        let candidates: Vec<(u64, Hash, bool)> = self
            .rounds
            .iter()
            .filter_map(|(number, round)| {
                let notarization = round.certificate(VoteKind::Notarize);
                let block = notarization.map(|certificate| certificate.statement.block);
                let own = self.ledger.cast(*number).notarize.filter(|_| early);
                Some((*number, block.or(own)?, block.is_some()))
            })
            .collect();
        for (round, block, notarized) in candidates {
            let executed = block == self.finalized.block || self.chain.is_valid(&block);
            if executed || blind {
                let facts = Facts {
                    round: self.round,
                    notarized,
                    executed,
                    ..Facts::default()
                };
                self.cast(round, VoteKind::Finalize, block, &facts);
            }
        }
    }

    /// Casts a vote, if safety approves: it goes out when it is stored.
    pub(super) fn cast(&mut self, round: u64, kind: VoteKind, block: Hash, facts: &Facts) -> bool {
        let statement = VoteStatement { round, kind, block };
        let Some(own) = self.own.filter(|_| self.diverged.is_none()) else {
            return false;
        };
        if self.ledger.holds(&statement) {
            return false;
        }
        let facts = Facts {
            closed: self.ledger.closed(),
            ..self.recovery.facts(*facts)
        };
        let verdict = approve(&statement, self.ledger.cast(round), &facts, self.rules);
        #[cfg(feature = "planted")]
        let verdict = verdict.or_else(|objection| {
            let plant = self.config.plant == Some(crate::config::Plant::FinalizeAfterNullify);
            let excused = plant && objection == Sentence::NoFinalizeAfterNullify;
            if excused { Ok(()) } else { Err(objection) }
        });
        if verdict.is_err() {
            return false;
        }
        self.ledger.enter(&statement);
        let (group, epoch) = (self.committee.group, self.committee.epoch);
        let vote = statement.sign(group, epoch, own, &self.identity);
        self.storage.put_vote(&vote);
        self.outgoing.votes.push(vote);
        self.moved = true;
        true
    }

    /// C4: a refusal is told, once a round and kind.
    pub(super) fn refuse(&mut self, kind: RefusalKind, out: &mut Outbox<Output>) {
        let Some(own) = self.own.filter(|_| self.may_vote()) else {
            return;
        };
        let Some((block, leader)) = self.proposal().map(|(hash, p)| (*hash, p.leader)) else {
            return;
        };
        let new = self.told.insert(RefusalTag::of(kind));
        if leader == own || !new || !self.rules.has(Sentence::RefusalTold) {
            return;
        }
        let refusal: Refusal =
            self.committee
                .sign_refusal(self.round, block, own, kind, &self.identity);
        out.push(Output::Send {
            to: leader,
            message: GroupMessage::Refusal(refusal),
        });
    }

    /// C8: one atomic batch for all that this input caused.
    pub(super) fn flush(&mut self, now: Instant, out: &mut Outbox<Output>) {
        let nothing = self.outgoing.votes.is_empty() && self.outgoing.proposal.is_none();
        if nothing {
            return;
        }
        let batch = std::mem::take(&mut self.outgoing);
        #[cfg(feature = "planted")]
        let batch = if self.config.plant == Some(crate::config::Plant::VoteNotStored) {
            self.release(batch, now, out);
            Batch::default()
        } else {
            batch
        };
        #[cfg(not(feature = "planted"))]
        let _unused = now;
        self.store(batch, out);
    }

    /// Gives all that is to be written to the store; `batch` goes out when it is there.
    pub(super) fn store(&mut self, batch: Batch, out: &mut Outbox<Output>) {
        let (puts, deletes) = self.storage.take();
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.in_flight.insert(sequence, batch);
        out.push(Output::Store {
            sequence,
            puts,
            deletes,
        });
    }

    pub(super) fn stored(&mut self, sequence: u64, now: Instant, out: &mut Outbox<Output>) {
        if let Some(batch) = self.in_flight.remove(&sequence) {
            self.moved |= self.recovery.stored(sequence);
            self.release(batch, now, out);
        }
    }

    /// What waits to be stored for a round that is decided stays here: its record is not needed any
    /// more, and without a record nothing may leave.
    pub(super) fn withhold_decided(&mut self) {
        let decided = self.finalized.round;
        let Batch { votes, proposal } = &mut self.outgoing;
        votes.retain(|vote| vote.statement.round > decided);
        *proposal = proposal.take().filter(|proposal| proposal.round > decided);
    }

    fn release(&mut self, batch: Batch, now: Instant, out: &mut Outbox<Output>) {
        let Some(author) = self.own.filter(|_| !self.is_stopped()) else {
            return;
        };
        if let Some(proposal) = batch.proposal {
            let message = GroupMessage::Proposal(proposal);
            out.push(Output::Spread { author, message });
        }
        if batch.votes.is_empty() {
            return;
        }
        let votes: BoundedVec<Vote, 64> = BoundedVec::truncating(batch.votes.clone());
        let message = GroupMessage::Votes(votes);
        out.push(Output::Spread { author, message });
        for vote in batch.votes {
            let statement = vote.statement;
            if statement.kind == VoteKind::Notarize && statement.round == self.round {
                self.notarized_at = Some(now);
            }
            self.add_vote(vote, out);
        }
        self.moved = true;
    }
}
