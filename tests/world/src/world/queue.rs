//! What will happen, in order of time; what was said first happens first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use althing::ble::{LinkDownReason, OperationResult};
use althing::id::{LinkId, OpId};

use super::Act;

/// Something that happens at one moment.
#[derive(Debug)]
pub(super) enum Happening {
    /// A node wanted to be called.
    Wake { phone: usize },
    /// A disk has synced.
    Synced { phone: usize, incarnation: u32 },
    /// A stack answers for an operation.
    Completed {
        phone: usize,
        link: LinkId,
        op: OpId,
        result: OperationResult,
    },
    /// A connection event.
    Anchor { connection: u64 },
    /// A value has passed the OS.
    Value {
        phone: usize,
        link: LinkId,
        bytes: Vec<u8>,
    },
    /// A connection takes the next step of being set up.
    SetUp { connection: u64, stage: u8 },
    /// A phone learns that a link is gone.
    LinkEnds {
        phone: usize,
        link: LinkId,
        reason: LinkDownReason,
    },
    /// The supervision timeout of a connection that was cut at that time.
    Supervision { connection: u64, since_us: u64 },
    /// An advert meets an open scan window.
    Heard { listener: usize, advertiser: usize },
    /// The next chance of an attempt to connect.
    Attempt { attempt: u64 },
    /// Somebody or something acts.
    Act(Act),
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Entry>,
    sequence: u64,
}

#[derive(Debug)]
struct Entry {
    at_us: u64,
    sequence: u64,
    happening: Happening,
}

impl Queue {
    /// Adds a happening.
    pub(super) fn push(&mut self, at_us: u64, happening: Happening) {
        self.sequence += 1;
        self.heap.push(Entry {
            at_us,
            sequence: self.sequence,
            happening,
        });
    }

    /// Takes the next happening, unless it is later than `until_us`.
    pub(super) fn pop_until(&mut self, until_us: u64) -> Option<(u64, Happening)> {
        if self.heap.peek()?.at_us > until_us {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at_us, entry.happening))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives its greatest: the earliest is the greatest.
        (other.at_us, other.sequence).cmp(&(self.at_us, self.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_of_equals_the_one_said_first() {
        let mut queue = Queue::default();
        for (at_us, phone) in [(5, 1), (3, 2), (5, 3), (3, 4)] {
            queue.push(at_us, Happening::Wake { phone });
        }
        let mut order = Vec::new();
        while let Some((at_us, Happening::Wake { phone })) = queue.pop_until(4) {
            order.push((at_us, phone));
        }
        assert_eq!(order, vec![(3, 2), (3, 4)]);
        while let Some((at_us, Happening::Wake { phone })) = queue.pop_until(5) {
            order.push((at_us, phone));
        }
        assert_eq!(order[2..], [(5, 1), (5, 3)]);
    }
}
