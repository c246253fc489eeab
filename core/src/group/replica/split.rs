//! No quorum, and then one again: what is shown and named as seen meanwhile, and when all of it is put
//! together.

use std::collections::BTreeSet;

use super::{Replica, ReplicaEvent, ReplicaOutput, restore};
use crate::crypto::Hash;
use crate::group::{Head, PartitionReport, Status};
use crate::id::PeerId;
use crate::outbox::{Outbox, Record};
use crate::state::Map;
use crate::time::Instant;
use crate::wire::{Frontier, SignedAction};

/// Where this phone is between a lost quorum and one head on all.
#[derive(Debug, Default)]
pub(super) struct Split {
    phase: Phase,
    /// Actions of others that are in the store because an own one names them.
    stored: BTreeSet<Hash>,
    /// Revision of the pool that the screen shows.
    shown: Option<u64>,
    /// Where this phone stood when the quorum was lost, and who was with it.
    lost: Option<(Head, Map, Vec<PeerId>)>,
    report: Option<PartitionReport>,
    /// Members who have said where they stand since they came into reach.
    heard: BTreeSet<u8>,
    /// Somebody has said where he stands: all may be put together now.
    news: bool,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Whole,
    Apart,
    /// A quorum is back. At that time those are asked again of whom it is not known where they stand.
    Healing {
        ask: Instant,
    },
}

impl Split {
    /// Whether the group is known to have no quorum.
    pub(super) fn is_apart(&self) -> bool {
        matches!(self.phase, Phase::Apart)
    }

    /// A member has said where he stands.
    pub(super) fn heard(&mut self, member: u8) {
        self.news |= self.heard.insert(member) && matches!(self.phase, Phase::Healing { .. });
    }

    /// A member has come into reach: where he stood before is no news.
    pub(super) fn came(&mut self, member: u8) {
        self.heard.remove(&member);
    }

    /// When to ask again those who have not said where they stand.
    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        match &self.phase {
            Phase::Healing { ask } => Some((*ask, "members who are back and silent")),
            Phase::Whole | Phase::Apart => None,
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        matches!(self.phase, Phase::Whole)
    }
}

impl Replica {
    /// Notes that the quorum is gone, is back, and that all that was done apart has its fate.
    pub(super) fn watch_split(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        let quorum = self.reachability.quorum_in_reach();
        let apart = matches!(self.reachability.status(), Status::NoQuorum { .. }) && !quorum;
        if apart {
            self.split.phase = Phase::Apart;
            if self.split.lost.is_none() {
                self.split.lost = Some(self.lost());
            }
        } else if self.split.is_apart() && quorum {
            let ask = now + self.config.fetch_timeout;
            self.split.phase = Phase::Healing { ask };
        }
        let healing = matches!(self.split.phase, Phase::Healing { .. });
        let done = self.unheard().is_empty()
            && self.synchronizer.waits_for().is_empty()
            && !self.pool.has_includable(self.history.state());
        if healing && done {
            self.split.phase = Phase::Whole;
            self.report_split();
        }
        let mut changed = self.reachability.set_healing(healing && !done);
        if self.progress && healing {
            changed = self.reachability.confirm().or(changed);
        }
        out.extend(changed.map(|status| ReplicaOutput::Event(ReplicaEvent::Status(status))));
    }

    fn lost(&self) -> (Head, Map, Vec<PeerId>) {
        let with = match self.reachability.status() {
            Status::NoQuorum { with, .. } => with,
            _ => Vec::new(),
        };
        (self.head(), self.history.state().clone(), with)
    }

    fn report_split(&mut self) {
        let Some((from, state, with)) = self.split.lost.take() else {
            return;
        };
        self.split.report = Some(PartitionReport::new(
            (from, state),
            self.head(),
            &self.members,
            &with,
            &self.history,
            self.executor.rules(),
        ));
    }

    /// What the last split did, once all is put together; none where this phone was never without a
    /// quorum since it started.
    pub fn partition_report(&self) -> Option<&PartitionReport> {
        self.split.report.as_ref()
    }

    /// Asks again where the others stand: what was said while paths came up may be lost.
    pub(super) fn split_timeout(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        match &mut self.split.phase {
            Phase::Healing { ask } if *ask <= now => *ask = now + self.config.fetch_timeout,
            Phase::Whole | Phase::Apart | Phase::Healing { .. } => return,
        }
        self.dirty = true;
        for member in self.unheard() {
            if let Some(to) = self.address_of(member) {
                self.send_status(to, true, out);
            }
        }
    }

    /// Members in reach who have not said where they stand since they came.
    fn unheard(&self) -> Vec<u8> {
        let members = (0u8..).take(self.members.len());
        let others = members.filter(|index| *index != self.own && self.is_reachable(*index));
        others
            .filter(|index| !self.split.heard.contains(index))
            .collect()
    }

    /// Hands to the screen what is signed and not final while there is no quorum, and until what was
    /// done apart is put together.
    pub(super) fn show_tentative(&mut self) {
        let shown = (!self.split.is_whole()).then(|| self.pool.revision());
        if shown.is_some() || self.split.shown.is_some() {
            let unsettled = if self.split.shown == shown {
                None
            } else if shown.is_some() {
                Some(self.pool.includable(self.history.state()))
            } else {
                Some(Vec::new())
            };
            if let Some(unsettled) = unsettled {
                let head = self.history.head().1;
                self.submissions.set_unsettled(head, unsettled);
            }
            self.split.shown = shown;
        }
        self.submissions.set_apart(self.split.is_apart());
    }

    /// What the screen shows of others and is not final: an own action names it as seen.
    pub(super) fn frontier(&self) -> Frontier {
        if self.split.is_whole() {
            return Frontier::new();
        }
        let own = self.identity.peer();
        self.pool.frontier(self.history.state(), &own)
    }

    /// Stores what others did and is not final: an own action names it, and whoever is asked for it
    /// must have it, after a crash too.
    pub(super) fn store_seen(&mut self, out: &mut Outbox<ReplicaOutput>) {
        let own = self.identity.peer();
        let mut puts: Vec<Record> = Vec::new();
        for signed in self.pool.includable(self.history.state()) {
            let hash = signed.action.hash(self.group);
            if signed.action.author != own && self.split.stored.insert(hash) {
                puts.push(restore::seen_record(hash, &signed));
            }
        }
        if !puts.is_empty() {
            out.push(ReplicaOutput::Store {
                receipt: None,
                puts,
                deletes: vec![],
            });
        }
    }

    /// Of what was stored as seen, what has its fate need not be kept.
    pub(super) fn forget_seen(&mut self, out: &mut Outbox<ReplicaOutput>) {
        if self.split.stored.is_empty() {
            return;
        }
        let waiting: BTreeSet<Hash> = self.pool.hashes().collect();
        let passed: Vec<Hash> = self.split.stored.difference(&waiting).copied().collect();
        self.split.stored = self.split.stored.intersection(&waiting).copied().collect();
        if !passed.is_empty() {
            out.push(ReplicaOutput::Store {
                receipt: None,
                puts: vec![],
                deletes: passed.iter().map(restore::seen_key).collect(),
            });
        }
    }

    /// Whether somebody said where he stands since this was asked last.
    pub(super) fn take_split_news(&mut self) -> bool {
        std::mem::take(&mut self.split.news)
    }

    /// What was seen, and signed, before a restart waits again.
    pub(super) fn restore_seen(&mut self, records: &[Record]) {
        for signed in self.submissions.unsettled() {
            self.pool.insert(signed);
        }
        for signed in restore::stored_seen(records) {
            self.restore_one(signed);
        }
    }

    fn restore_one(&mut self, signed: SignedAction) {
        if self.executor.verify(&signed) {
            self.split.stored.insert(signed.action.hash(self.group));
            self.pool.insert(signed);
        }
    }
}
