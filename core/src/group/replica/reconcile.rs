//! Equal counters over other actions: the sets themselves are compared with one member at a time per
//! pair, and what either side lacks travels.
//!
//! What is out of turn, and a difference that does not decode, is dropped and nobody is blamed: an
//! answer may be late, or meant for what ran before this phone was started again, under another salt.
//! The next status begins anew. Only who sends what nobody can mean is named.

use std::collections::BTreeMap;

use super::{Replica, ReplicaOutput};
use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::outbox::Outbox;
use crate::sync::pack::{Nothing, pack};
use crate::sync::sketch::{Answerer, Asker, SketchError, Step, is_possible};
use crate::time::Instant;
use crate::wire::{Fetch, Found, Fresh, GroupMessage, Reconcile, encode};

/// Reconciliations under way: with each member at most one that this side began, and one that he
/// began. They end with the height that they began at, since a block takes actions out of the set.
#[derive(Debug, Default)]
pub(super) struct Reconciliations {
    height: u64,
    /// When an unanswered one may be begun again, and the one.
    asked: BTreeMap<u8, (Instant, Asker)>,
    answered: BTreeMap<u8, Answerer>,
    begun: u64,
}

impl Replica {
    /// Begins to compare sets with `member`, unless that is under way.
    pub(super) fn reconcile(&mut self, member: u8, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        self.end_old_reconciliations();
        let under_way = |(deadline, _): &(Instant, Asker)| *deadline > now;
        if self
            .reconciliations
            .asked
            .get(&member)
            .is_some_and(under_way)
        {
            return;
        }
        let fresh = self.fresh(now);
        let (asker, open) = Asker::open(fresh, self.pool.hashes());
        let deadline = now + self.config.fetch_timeout;
        self.reconciliations.asked.insert(member, (deadline, asker));
        self.send_reconcile(member, open, out);
    }

    /// A message of a reconciliation with `member`.
    pub(super) fn reconcile_message(
        &mut self,
        member: u8,
        message: &Reconcile,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        self.end_old_reconciliations();
        if !is_possible(message) {
            return out.push(ReplicaOutput::Fault {
                peer: self.members.get(usize::from(member)).copied(),
                fault: PeerFault::Sync("a comparison of sets that nobody can mean"),
            });
        }
        match message {
            Reconcile::Open { .. } => {
                let opened = Answerer::open(message, self.fresh(now), self.pool.hashes());
                let Ok((answerer, answer)) = opened else {
                    // Only another message is refused: nobody's fault.
                    return;
                };
                self.reconciliations.answered.remove(&member);
                if let Some(answerer) = answerer {
                    self.reconciliations.answered.insert(member, answerer);
                }
                self.send_reconcile(member, answer, out);
            }
            Reconcile::More { .. } => {
                let answerer = self.reconciliations.answered.get_mut(&member);
                let answer = answerer.map_or(Reconcile::Gone, |answerer| answerer.more(message));
                self.send_reconcile(member, answer, out);
            }
            Reconcile::Want { ids } => {
                if let Some(answerer) = self.reconciliations.answered.get(&member) {
                    let wanted: Vec<_> = answerer.wanted(ids).collect();
                    self.give(member, &wanted, out);
                }
            }
            Reconcile::Equal
            | Reconcile::Sketch { .. }
            | Reconcile::Syndromes { .. }
            | Reconcile::Gone => self.compared(member, message, now, out),
        }
    }

    fn compared(
        &mut self,
        member: u8,
        answer: &Reconcile,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let Some((_, mut asker)) = self.reconciliations.asked.remove(&member) else {
            return;
        };
        match asker.receive(answer) {
            Ok(Step::Ask(question)) => {
                let deadline = now + self.config.fetch_timeout;
                self.reconciliations.asked.insert(member, (deadline, asker));
                self.send_reconcile(member, question, out);
            }
            Ok(Step::Found { want, surplus }) => {
                for want in want {
                    self.send_reconcile(member, want, out);
                }
                self.give(member, &surplus, out);
            }
            // Both may be far apart, or he answered what was asked before: nothing is proved.
            Err(SketchError::TooFarApart | SketchError::Undecodable { .. }) => {
                for author in (0u8..).take(self.members.len()) {
                    self.ask(member, Fetch::Actions { author, from: 1 }, out);
                }
            }
            Ok(Step::Equal) | Err(SketchError::OutOfTurn | SketchError::Gone) => {}
        }
    }

    /// Sends waiting actions, as many to a message as fit an answer.
    fn give(&self, member: u8, hashes: &[Hash], out: &mut Outbox<ReplicaOutput>) {
        let Some(to) = self.address_of(member) else {
            return;
        };
        let mut actions = self.pool.with_hashes(hashes);
        let budget = self.config.sync_answer_bytes_max;
        while let Ok((packed, taken)) = pack(self.packing(), &actions, &Nothing, budget) {
            actions.drain(..taken.max(1).min(actions.len()));
            let message = GroupMessage::Found(Found::Actions(packed));
            out.push(ReplicaOutput::Send { to, message });
            if actions.is_empty() {
                break;
            }
        }
    }

    fn send_reconcile(&self, member: u8, message: Reconcile, out: &mut Outbox<ReplicaOutput>) {
        if let Some(to) = self.address_of(member) {
            let message = GroupMessage::Reconcile(message);
            out.push(ReplicaOutput::Send { to, message });
        }
    }

    /// A value that nobody else foresees, another one each time.
    fn fresh(&mut self, now: Instant) -> Fresh {
        self.reconciliations.begun = self.reconciliations.begun.wrapping_add(1);
        let context = encode(&(now.as_micros(), self.reconciliations.begun));
        let [a, b, c, d, ..] = self.identity.derive("reconcile", &context).0;
        [a, b, c, d]
    }

    fn end_old_reconciliations(&mut self) {
        let (height, _) = self.history.head();
        if self.reconciliations.height != height {
            self.reconciliations.height = height;
            self.reconciliations.asked.clear();
            self.reconciliations.answered.clear();
        }
    }
}

#[cfg(test)]
mod tests;
