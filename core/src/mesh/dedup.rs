//! Frames seen already, remembered in order and bounded.

use std::collections::{BTreeSet, VecDeque};

use crate::id::MeshAddress;

/// Names one routed frame: its origin and the number that the origin drew for it.
pub(super) type FrameId = (MeshAddress, u32);

#[derive(Debug)]
pub(super) struct Dedup {
    seen: BTreeSet<FrameId>,
    order: VecDeque<FrameId>,
    len_max: usize,
}

impl Dedup {
    pub(super) fn new(len_max: usize) -> Self {
        Self {
            seen: BTreeSet::new(),
            order: VecDeque::new(),
            len_max: len_max.max(1),
        }
    }

    /// Remembers `id`, in place of the oldest one when full. Says whether it is new.
    pub(super) fn insert(&mut self, id: FrameId) -> bool {
        if !self.seen.insert(id) {
            return false;
        }
        if self.order.len() == self.len_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.order.push_back(id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first_and_the_bound_holds() {
        let id = |n| (MeshAddress([1; 8]), n);
        let mut dedup = Dedup::new(3);
        for n in 0..3 {
            assert!(dedup.insert(id(n)));
        }
        assert!(!dedup.insert(id(0)), "three are remembered");
        assert!(dedup.insert(id(3)));
        assert!(dedup.insert(id(0)), "the fourth has pushed the first out");
        assert!(!dedup.insert(id(2)));
        assert!(!dedup.insert(id(3)));
        for n in 10..10_000 {
            dedup.insert(id(n));
            assert!(dedup.seen.len() == dedup.order.len() && dedup.order.len() <= 3);
        }
    }
}
