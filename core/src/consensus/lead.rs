//! C3: what the leader of a round does.

use super::chain::Standing;
use super::round::{Event, Step};
use super::safety::Cast;
use super::{Consensus, Output, Sentence};
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::wire::{Block, Parent, Proposal};

impl Consensus {
    /// C3: what the leader of the current round does when it has not proposed yet.
    pub(super) fn lead(&mut self, now: Instant, out: &mut Outbox<Output>) {
        let cast = self.ledger.cast(self.round);
        if self.step != Step::Waiting
            || self.own != Some(self.committee.leader(self.round))
            || !self.may_vote()
            || self.proposal().is_some()
            || cast != Cast::default()
            || self.round <= self.ledger.closed()
            || self.is_hopeless()
        {
            return;
        }
        let (below, parent) = if self.rules.has(Sentence::HighestParent) {
            self.highest_certified()
        } else {
            (self.finalized.round, self.finalized.block)
        };
        let held = parent == self.finalized.block || self.chain.is_valid(&parent);
        let gaps = self.gaps_nullified(below) || !self.rules.has(Sentence::LeaderGaps);
        let Some(height) = self.height_of(&parent).filter(|_| held && gaps) else {
            self.lacks = true;
            return;
        };
        let capped = height - self.finalized.height >= self.config.depth_max
            && self.rules.has(Sentence::DepthCap);
        if self.work && !capped {
            if self.building != Some(parent) {
                self.building = Some(parent);
                out.push(Output::Build {
                    round: self.round,
                    parent,
                    height: height + 1,
                });
            }
        } else if let Some(entry) = self.chain.get(&parent) {
            let block = entry.block.clone();
            self.propose(Parent::Repeats { round: below }, block);
            self.moved = true;
        } else {
            // The tip is final and there is nothing to include, yet the round runs.
            self.step_by(Event::Hopeless, now);
        }
    }

    pub(super) fn built(&mut self, round: u64, block: Option<Block>) {
        let Some(parent) = self.building.take().filter(|_| round == self.round) else {
            return;
        };
        let Some(block) = block else {
            self.work = false;
            return;
        };
        let (below, highest) = if self.rules.has(Sentence::HighestParent) {
            self.highest_certified()
        } else {
            (self.finalized.round, self.finalized.block)
        };
        let current = parent == highest && block.parent == parent && self.step == Step::Waiting;
        if current && self.ledger.cast(self.round) == Cast::default() {
            self.propose(Parent::Extends { round: below }, block);
        }
    }

    fn propose(&mut self, parent: Parent, block: Block) {
        let Some(own) = self.own else {
            return;
        };
        let (group, epoch) = (self.committee.group, self.committee.epoch);
        let proposal = Proposal::sign(group, epoch, self.round, parent, block, own, &self.identity);
        let hash = proposal.block.hash(epoch);
        self.storage.put_proposal(&proposal);
        let round = self.rounds.entry(self.round).or_default();
        round.proposal = Some((hash, proposal.clone()));
        // Whoever built a block has executed it.
        self.keep_body(hash, proposal.block.clone(), Standing::Valid);
        self.outgoing.proposal = Some(proposal);
    }
}
