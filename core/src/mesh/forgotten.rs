//! Who was forgotten lately at his own request, bounded.

use std::collections::BTreeMap;

use crate::id::MeshAddress;
use crate::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Forgotten {
    at: BTreeMap<MeshAddress, Instant>,
    space: Duration,
    len_max: usize,
}

impl Forgotten {
    pub(super) fn new(space: Duration, len_max: usize) -> Self {
        Self {
            at: BTreeMap::new(),
            space,
            len_max: len_max.max(1),
        }
    }

    /// Whether `origin` was forgotten less than the space ago.
    pub(super) fn is_recent(&self, origin: MeshAddress, now: Instant) -> bool {
        self.at
            .get(&origin)
            .is_some_and(|at| now < *at + self.space)
    }

    /// Notes that `origin` is forgotten now. Says no if it was lately, or if too many were.
    pub(super) fn note(&mut self, origin: MeshAddress, now: Instant) -> bool {
        let space = self.space;
        self.at.retain(|_, at| now < *at + space);
        if self.at.contains_key(&origin) || self.at.len() >= self.len_max {
            return false;
        }
        self.at.insert(origin, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_and_length_hold_at_their_edges() {
        let space = Duration::from_secs(5);
        let mut forgotten = Forgotten::new(space, 2);
        let address = |n| MeshAddress([n; 8]);
        let at = Instant::from_millis(1_000);
        assert!(forgotten.note(address(1), at));
        assert!(forgotten.note(address(2), at));
        assert!(!forgotten.note(address(3), at), "two are remembered");
        let before = at + space - Duration::from_micros(1);
        assert!(forgotten.is_recent(address(1), before));
        assert!(!forgotten.note(address(1), before));
        assert!(!forgotten.is_recent(address(1), at + space));
        assert!(forgotten.note(address(1), at + space));
        assert!(forgotten.at.len() <= 2);
    }
}
