//! Counters of what the map and the rules cost, for benches: counts repeat exactly where times do not.
//!
//! They are the thread's own. Nothing of this is compiled without the feature `metered`.

use std::cell::Cell;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Hashes of nodes computed.
    pub hashes: u64,
    /// Places looked at to compare two maps: two nodes that are not one, or a node where the other
    /// map has none.
    pub visits: u64,
    /// Nodes copied because another version holds them.
    pub clones: u64,
    /// Bytes of nodes made or copied, with the values that are new.
    pub node_bytes: u64,
    /// Actions given to the rules.
    pub applied: u64,
}

thread_local! {
    static COUNTS: Cell<Counts> = const {
        Cell::new(Counts { hashes: 0, visits: 0, clones: 0, node_bytes: 0, applied: 0 })
    };
}

/// What `work` gives, and what it cost.
pub fn measure<T>(work: impl FnOnce() -> T) -> (T, Counts) {
    let before = COUNTS.get();
    let result = work();
    let after = COUNTS.get();
    let counts = Counts {
        hashes: after.hashes - before.hashes,
        visits: after.visits - before.visits,
        clones: after.clones - before.clones,
        node_bytes: after.node_bytes - before.node_bytes,
        applied: after.applied - before.applied,
    };
    (result, counts)
}

pub(super) fn hashed() {
    count(|counts| counts.hashes += 1);
}

pub(super) fn visited() {
    count(|counts| counts.visits += 1);
}

pub(super) fn cloned() {
    count(|counts| counts.clones += 1);
}

pub(super) fn made(bytes: usize) {
    count(|counts| counts.node_bytes += bytes as u64);
}

/// An action was given to the rules.
pub(crate) fn applied() {
    count(|counts| counts.applied += 1);
}

fn count(add: impl FnOnce(&mut Counts)) {
    let mut counts = COUNTS.get();
    add(&mut counts);
    COUNTS.set(counts);
}
