//! Who is in reach, who votes, and what those who come back are told.

use std::collections::BTreeSet;

use super::{Replica, ReplicaEvent, ReplicaOutput};
use crate::consensus::Input;
use crate::id::{MeshAddress, PeerId};
use crate::outbox::Outbox;
use crate::time::Instant;

impl Replica {
    /// Notes since when there is work; without any, nothing stalls.
    pub(super) fn watch_progress(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        let waits = !self.silent().is_empty();
        // A commit is progress, whoever else is still waited for.
        let progress = std::mem::take(&mut self.progress);
        if !waits || progress {
            self.waits_since = None;
        }
        if waits {
            self.waits_since.get_or_insert(now);
        }
        if self.reachability.is_stalled() && (!waits || progress) {
            // What was held back may be signed now.
            self.dirty = true;
            let status = self.reachability.resume();
            out.extend(status.map(|status| ReplicaOutput::Event(ReplicaEvent::Status(status))));
        }
    }

    /// Voters that the agreement waits for.
    pub(super) fn silent(&self) -> Vec<PeerId> {
        let mut silent: Vec<u8> = self
            .consensus
            .waiting_for()
            .into_iter()
            .flat_map(|(_, whom)| whom)
            .collect();
        silent.sort_unstable();
        silent.dedup();
        let member = |index: &u8| self.members.get(usize::from(*index)).copied();
        silent
            .iter()
            .filter_map(member)
            .filter(|peer| *peer != self.identity.peer())
            .collect()
    }

    /// Who can be reached now.
    pub(super) fn reachable(
        &mut self,
        reachable: BTreeSet<MeshAddress>,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let had_quorum = self.reachability.quorum_in_reach();
        if let Some(status) = self.reachability.update(&reachable, now) {
            out.push(ReplicaOutput::Event(ReplicaEvent::Status(status)));
        }
        if !had_quorum && self.reachability.quorum_in_reach() {
            let unsaid = self.submissions.drop_unsigned_missing();
            self.draws.postpone(&unsaid, now);
        }
        let observers = reachable.intersection(&self.observers).copied().collect();
        let before = std::mem::replace(&mut self.observers_in_reach, observers);
        for address in self.observers_in_reach.difference(&before) {
            self.send_status(*address, true, out);
        }
        let members = reachable.intersection(&self.addresses).copied().collect();
        let before = std::mem::replace(&mut self.reachable, members);
        let came: Vec<MeshAddress> = self.reachable.difference(&before).copied().collect();
        for address in came {
            if let Some(index) = self.index_of(address) {
                self.offers.remove(&index);
                self.split.came(index);
            }
            self.greet(address, out);
        }
        if self.reachable != before {
            self.mark_missing();
            let members = (0u8..).zip(&self.members);
            let reachable = members
                .filter(|(index, peer)| {
                    *index != self.own && self.reachable.contains(&peer.address())
                })
                .map(|(index, _)| index);
            let reachable: BTreeSet<u8> = reachable.collect();
            self.synchronizer.set_reachable(reachable.clone());
            self.consensus_input(Input::InReach(reachable), now, out);
            self.synchronize(now, out);
            self.dirty = true;
            self.repeat.reset(now);
            self.tally_reachable();
        }
    }

    /// A member is back: both learn where the other stands, and fetch what they lack.
    pub(super) fn greet(&mut self, address: MeshAddress, out: &mut Outbox<ReplicaOutput>) {
        let member = self.addresses.contains(&address) || self.observers.contains(&address);
        if member && address != self.own_address() {
            self.send_status(address, true, out);
        }
    }

    /// Members without a vote hear of a new head from two voters, others each time: the first in
    /// reach, from the height on. One may have stopped without knowing it.
    pub(super) fn tell_observers(&self, height: u64, out: &mut Outbox<ReplicaOutput>) {
        let n = self.members.len().max(1) as u64;
        let order = (0..n).map(|step| u8::try_from((height % n + step) % n));
        let mut tellers = order
            .flatten()
            .filter(|index| *index == self.own || self.is_reachable(*index))
            .take(2);
        if tellers.any(|index| index == self.own) {
            for address in &self.observers_in_reach {
                self.send_status(*address, false, out);
            }
        }
    }
}
