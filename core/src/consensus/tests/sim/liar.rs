//! Two faces and any vote.

use rand_core::Rng;

use super::super::bench::{actions, block};
use super::{Event, Message, Sim};
use crate::crypto::Hash;
use crate::time::Duration;
use crate::wire::{Block, BoundedVec, GroupMessage, Parent, RoundAnswer, Vote, VoteKind};

impl Sim {
    /// A liar answers whoever lost its store with a round that was never reached, or with the first.
    pub(super) fn as_told_by(&mut self, from: usize, answer: RoundAnswer) -> RoundAnswer {
        if from < self.honest() {
            return answer;
        }
        let (round, opened_by) = if self.coin() {
            (answer.round + 1_000, answer.opened_by)
        } else {
            (1, None)
        };
        let committee = &self.bench.committee;
        RoundAnswer::sign(
            committee.group,
            committee.epoch,
            answer.nonce,
            answer.asker,
            answer.voter,
            round,
            opened_by,
            &self.bench.identities[from],
        )
    }

    /// The liar's other face: another block for half of the others.
    pub(super) fn propose_twice(&mut self, liar: usize, round: u64, first: &Block) {
        let ids = actions(first);
        let (parent_root, done) = self.states[&first.parent].clone();
        let mut ids: Vec<u64> = ids.into_iter().rev().collect();
        if ids.len() == 1 {
            ids.push(1_000_000 + round);
        }
        ids.retain(|id| *id < 1_000_000);
        let other = block(first.height, first.parent, parent_root, &ids);
        let consensus = self.nodes[liar].consensus.as_ref().unwrap();
        let (below, _) = consensus.highest_certified();
        let extends = Parent::Extends { round: below };
        let _forgotten = done;
        let proposal = self.bench.propose(round, extends, other);
        for to in 0..self.honest() {
            if self.coin() {
                let message = GroupMessage::Proposal(proposal.clone());
                self.send(liar, to, Message::Group(message));
            }
        }
    }

    /// Votes for anything, in any kind, to anybody.
    pub(super) fn lie(&mut self, liar: usize) {
        if self.calm {
            return;
        }
        let next = self.within(Duration::from_millis(200));
        self.push(next, Event::Lie(liar));
        let Some(consensus) = &self.nodes[liar].consensus else {
            return;
        };
        let ahead = self.rng.next_u64() % 3;
        let round = (consensus.round() + ahead).saturating_sub(1).max(1);
        let blocks: Vec<Hash> = self
            .nodes
            .iter()
            .filter_map(|node| node.consensus.as_ref()?.rounds.get(&round))
            .filter_map(|round| round.proposal.as_ref().map(|(hash, _)| *hash))
            .collect();
        let voter = liar as u8;
        let mut votes = vec![self.bench.vote(voter, round, VoteKind::Nullify, Hash::ZERO)];
        for block in blocks {
            votes.push(self.bench.vote(voter, round, VoteKind::Notarize, block));
            votes.push(self.bench.vote(voter, round, VoteKind::Finalize, block));
        }
        for to in 0..self.honest() {
            let chosen: Vec<Vote> = votes.iter().filter(|_| self.coin()).copied().collect();
            let votes = BoundedVec::truncating(chosen);
            let message = GroupMessage::Votes(votes);
            self.send(liar, to, Message::Group(message));
        }
    }
}
