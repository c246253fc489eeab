//! The tally's wishes, carried out.

use super::{Replica, ReplicaEvent, ReplicaOutput};
use crate::error::CommandError;
use crate::group::{TallyOutput, TallyView};
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::wire::{Counts, GroupMessage};

impl Replica {
    /// Adds to the tally, the counter that needs no agreement: the value is shown at once, here and
    /// without a quorum.
    pub fn count(
        &mut self,
        amount: i64,
        out: &mut Outbox<ReplicaOutput>,
    ) -> Result<(), CommandError> {
        let mut wishes = Outbox::new();
        let counted = self.tally.count(amount, &mut wishes);
        self.tally_outputs(wishes, out);
        counted
    }

    /// The tally as it is shown.
    pub fn tally(&self) -> TallyView {
        let members = (0u8..).zip(&self.members);
        TallyView {
            value: self.tally.value(),
            members: members
                .map(|(index, peer)| (*peer, self.tally.value_of(index)))
                .collect(),
        }
    }

    pub(super) fn tally_stored(&mut self, sequence: u64, out: &mut Outbox<ReplicaOutput>) {
        let mut wishes = Outbox::new();
        self.tally.stored(sequence, &mut wishes);
        self.tally_outputs(wishes, out);
    }

    pub(super) fn tally_received(
        &mut self,
        from: Option<u8>,
        counts: Counts,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let mut wishes = Outbox::new();
        self.tally.receive(from, counts, now, &mut wishes);
        self.tally_outputs(wishes, out);
    }

    pub(super) fn tally_heard(
        &mut self,
        from: u8,
        digest: u64,
        asks: bool,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let mut wishes = Outbox::new();
        self.tally.heard(from, digest, asks, now, &mut wishes);
        self.tally_outputs(wishes, out);
    }

    pub(super) fn tally_reachable(&mut self) {
        let reachable = self.reachable.iter();
        let reachable = reachable.filter_map(|address| self.index_of(*address));
        self.tally.reachable(reachable.collect());
    }

    pub(super) fn tally_timeout(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        let mut wishes = Outbox::new();
        self.tally.timeout(now, &mut wishes);
        self.tally_outputs(wishes, out);
    }

    pub(super) fn tally_flush(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        let mut wishes = Outbox::new();
        self.tally.flush(now, &mut wishes);
        self.tally_outputs(wishes, out);
    }

    fn tally_outputs(&mut self, mut wishes: Outbox<TallyOutput>, out: &mut Outbox<ReplicaOutput>) {
        while let Some(wish) = wishes.pop() {
            match wish {
                TallyOutput::Store { sequence, put } => {
                    let receipt = sequence.map(|sequence| {
                        self.store_sequence += 1;
                        self.counting.insert(self.store_sequence, sequence);
                        self.store_sequence
                    });
                    out.push(ReplicaOutput::Store {
                        receipt,
                        puts: vec![put],
                        deletes: vec![],
                    });
                }
                TallyOutput::Forget(key) => out.push(ReplicaOutput::Store {
                    receipt: None,
                    puts: vec![],
                    deletes: vec![key],
                }),
                TallyOutput::Spread { author, counts } => {
                    if let Some(origin) = self.address_of(author) {
                        let message = GroupMessage::Tally(counts);
                        out.push(ReplicaOutput::Spread { origin, message });
                    }
                }
                TallyOutput::Send { to, counts } => {
                    if let Some(to) = self.address_of(to) {
                        let message = GroupMessage::Tally(counts);
                        out.push(ReplicaOutput::Send { to, message });
                    }
                }
                TallyOutput::Ask { to } => {
                    if let Some(to) = self.address_of(to) {
                        self.send_status(to, true, out);
                    }
                }
                TallyOutput::Value(value) => {
                    out.push(ReplicaOutput::Event(ReplicaEvent::Tally { value }));
                }
                TallyOutput::Fault { peer, fault } => {
                    out.push(ReplicaOutput::Fault { peer, fault });
                }
            }
        }
    }
}
