//! The agreement's wishes: blocks to build and to execute, certificates to commit by.

use std::collections::VecDeque;

use super::diverge::Contradiction;
use super::{Replica, ReplicaEvent, ReplicaOutput, head_of, restore, standing};
use crate::consensus::{Finalized, Input, Output, Verdict};
use crate::crypto::Hash;
use crate::group::{Executed, Invalid};
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::wire::{Block, Certificate, Fetch, GroupMessage};

impl Replica {
    /// Feeds the agreement and everything that it asks for in return.
    pub(super) fn consensus_input(
        &mut self,
        input: Input,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        self.dirty = true;
        let mut inputs = VecDeque::from([input]);
        let mut wishes = Outbox::new();
        while let Some(input) = inputs.pop_front() {
            self.consensus.handle(input, now, &mut wishes);
            while let Some(wish) = wishes.pop() {
                inputs.extend(self.consensus_output(wish, now, out));
            }
        }
    }

    /// Carries one wish out; an answer goes back in.
    pub(super) fn consensus_output(
        &mut self,
        wish: Output,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) -> Option<Input> {
        match wish {
            Output::Build { round, parent, .. } => {
                return Some(Input::Built {
                    round,
                    block: self.build(parent),
                });
            }
            Output::Execute {
                parent,
                hash,
                block,
            } => {
                let verdict = self.execute(parent, hash, &block, out);
                return Some(Input::Executed {
                    block: hash,
                    verdict,
                });
            }
            Output::Store {
                sequence,
                puts,
                deletes,
            } => {
                let puts = restore::consensus_records(puts);
                let deletes = deletes
                    .iter()
                    .map(|key| restore::consensus_key(key))
                    .collect();
                out.push(ReplicaOutput::StoreConsensus {
                    sequence,
                    puts,
                    deletes,
                });
            }
            Output::Spread { author, message } => {
                if let Some(origin) = self.address_of(author) {
                    out.push(ReplicaOutput::Spread { origin, message });
                }
            }
            Output::Send { to, message } => {
                if let Some(to) = self.address_of(to) {
                    out.push(ReplicaOutput::Send { to, message });
                }
            }
            Output::Repeat { message } => out.push(ReplicaOutput::Nearest { message }),
            Output::Finalized {
                blocks,
                certificate,
            } => {
                self.finalized(blocks, &certificate, now, out);
            }
            Output::NeedBody { block, from } => {
                if let Some(to) = self.pick(&from) {
                    self.ask(to, Fetch::Body { block }, out);
                }
            }
            Output::NeedBlocks { from } => {
                if let Some(to) = self.pick(&from) {
                    self.ask_above(to, now, out);
                }
            }
            Output::Refused { voter, kind } => {
                self.refusals.insert(voter, kind);
            }
            Output::Evidence { voter, what } => {
                if let Some(peer) = self.members.get(usize::from(voter)).copied() {
                    out.push(ReplicaOutput::Event(ReplicaEvent::Evidence { peer, what }));
                }
            }
            Output::Diverged { what } => self.stopped(what, now, out),
            Output::Recovery { voter, stage } => {
                if let Some(peer) = self.members.get(usize::from(voter)).copied() {
                    out.push(ReplicaOutput::Event(ReplicaEvent::Recovery { peer, stage }));
                }
            }
            Output::Fault(fault) => out.push(ReplicaOutput::Fault { peer: None, fault }),
        }
        None
    }

    /// Tells the agreement whether there is something to propose on its tip.
    pub(super) fn weigh_work(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        let tip = self.consensus.tip();
        let work = self.standing_of(tip).is_some_and(|(_, state)| {
            // Without a quorum nobody could answer.
            self.reachability.enough_in_reach()
                && (self.pool.has_includable(state) || self.draws.complete(state))
        });
        // What is under way when nothing changed here must not be asked for twice.
        if work != self.work || work && tip != self.work_tip {
            self.work = work;
            self.work_tip = tip;
            self.consensus_input(Input::Work(work), now, out);
        }
    }

    /// A certified chain becomes the committed one. False, and nothing done, where the state is not
    /// that of the block.
    pub(super) fn commit(
        &mut self,
        block: Block,
        executed: Executed,
        finalization: Option<Certificate>,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) -> bool {
        let height = block.height;
        let record = restore::block_record(&block, finalization.as_ref());
        if self
            .history
            .push(block, finalization, executed.state)
            .is_err()
        {
            return false;
        }
        self.submissions.settle(height, &executed.fates);
        let (mut applied, mut refused) = (Vec::new(), Vec::new());
        for (id, reason) in &executed.fates {
            if reason.is_none() {
                &mut applied
            } else {
                &mut refused
            }
            .push(*id);
        }
        out.push(ReplicaOutput::Store {
            receipt: None,
            puts: vec![record],
            deletes: vec![],
        });
        let head = head_of(self.group, self.executor.epoch(), &self.history);
        out.push(ReplicaOutput::Event(ReplicaEvent::Committed {
            head,
            applied,
            refused,
        }));
        self.advanced(now, out);
        true
    }

    /// The committed state moved on: everything that stands on it follows.
    pub(super) fn advanced(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        let (height, state) = (self.history.head().0, self.history.state().clone());
        self.refusals.clear();
        self.progress = true;
        self.offers.clear();
        self.executed.retain(|_, (above, _)| *above > height);
        self.pool.prune(&state);
        #[cfg(feature = "planted")]
        if self.plant == Some(crate::config::Plant::ThirdBranchDropped) && !self.split.is_whole() {
            self.pool.forget_waiting();
        }
        self.submissions.rebase(state.clone(), height);
        if let Some(reveal) = self.draws.finalized(&state, now) {
            out.push(ReplicaOutput::Spread {
                origin: self.own_address(),
                message: GroupMessage::Reveal(reveal),
            });
        }
        self.forget_seen(out);
        self.store_base_if_due(out);
        self.tell_observers(height, out);
        self.dirty = true;
    }

    fn build(&mut self, parent: Hash) -> Option<Block> {
        let (height, state) = self.standing_of(parent)?;
        let candidates = self.pool.includable(state);
        let (block, executed) = self.executor.build(
            standing(height, parent, state),
            candidates,
            self.draws.reveals(),
        )?;
        let hash = block.hash(self.executor.epoch());
        self.keep_executed(hash, block.height, executed);
        Some(block)
    }

    /// Keeps what a block leads to for as long as the agreement keeps the block.
    fn keep_executed(&mut self, hash: Hash, height: u64, executed: Executed) {
        if self.executed.len() >= EXECUTED_MAX {
            let consensus = &self.consensus;
            self.executed
                .retain(|hash, _| consensus.body(hash).is_some());
        }
        self.executed.insert(hash, (height, executed));
    }

    fn execute(
        &mut self,
        parent: Hash,
        hash: Hash,
        block: &Block,
        out: &mut Outbox<ReplicaOutput>,
    ) -> Verdict {
        if self.executed.contains_key(&hash) {
            return Verdict::Valid;
        }
        let Some((height, state)) = self.standing_of(parent) else {
            return Verdict::Missing;
        };
        match self
            .executor
            .execute(standing(height, parent, state), block)
        {
            Ok(executed) => {
                // Whoever holds the preimage of a voter objects to the block that leaves him out.
                let reveal = self.draws.objection(state, &executed.state);
                self.keep_executed(hash, block.height, executed);
                // What somebody proposed, others need not send again.
                for action in block.actions.iter() {
                    self.pool.insert(action.clone());
                }
                match reveal {
                    Some(reveal) => {
                        let message = GroupMessage::Reveal(reveal);
                        out.push(ReplicaOutput::Nearest { message });
                        Verdict::Objected { rule: 4 }
                    }
                    None => Verdict::Valid,
                }
            }
            Err(Invalid::Rule { rule, .. }) => Verdict::Invalid { rule },
            Err(Invalid::WrongRoot) => Verdict::WrongRoot,
        }
    }

    /// Blocks became final by votes.
    fn finalized(
        &mut self,
        blocks: Vec<(Hash, Block)>,
        certificate: &Certificate,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let mut blocks = blocks.into_iter();
        while let Some((hash, block)) = blocks.next() {
            let executed = match self.executed.remove(&hash) {
                Some((_, executed)) => Some(executed),
                // Its body came after the certificates that made it final.
                None => {
                    let (height, parent) = self.history.head();
                    let base = standing(height, parent, self.history.state());
                    self.executor.execute(base, &block).ok()
                }
            };
            let state = executed.as_ref().map(|executed| executed.state.clone());
            let own = (certificate.statement.block == hash).then(|| certificate.clone());
            let committed =
                executed.is_some_and(|it| self.commit(block.clone(), it, own, now, out));
            if !committed {
                let contradiction = Contradiction {
                    block,
                    above: blocks.map(|(_, block)| block.header()).collect(),
                    certificate: certificate.clone(),
                    own: state,
                };
                return self.contradicted(contradiction, now, out);
            }
        }
    }
}

/// Where a certified head leaves the agreement.
pub(super) fn finalized_head(height: u64, block: Hash, certificate: Certificate) -> Finalized {
    Finalized {
        height,
        block,
        round: certificate.statement.round,
        certificate: Some(certificate),
    }
}

/// Executed blocks above the head at which those that the agreement has dropped go.
const EXECUTED_MAX: usize = 64;
