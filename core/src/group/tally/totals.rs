//! Everybody's totals, merged.

use std::collections::BTreeMap;

use crate::crypto::{Domain, Hasher};
use crate::id::RunId;
use crate::wire::{Count, SignedCount, TALLY_RUNS_MAX, encode};

/// For each author and run the highest count that was seen.
///
/// Merging is a join: commutative, associative and idempotent, so that phones that saw the same
/// counts hold the same, in whatever order and however often they came. Also for a liar's counts:
/// of two that no honest author can both have signed, all phones keep the same one, and of more
/// runs than are counted those with the lowest numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    counts: BTreeMap<(u8, RunId), SignedCount>,
}

/// What became of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// It is more than was known; the count of another run may have had to go for it.
    New {
        /// The run that counts no more.
        dropped: Option<RunId>,
    },
    /// As much is known already.
    Known,
    /// Its author has as many runs as count, all with lower numbers.
    TooManyRuns,
}

impl Totals {
    /// Takes a count in.
    pub(super) fn merge(&mut self, signed: SignedCount) -> Merged {
        let Count { author, run, .. } = signed.count;
        if let Some(held) = self.counts.get_mut(&(author, run)) {
            if rank(&held.count) >= rank(&signed.count) {
                return Merged::Known;
            }
            *held = signed;
            return Merged::New { dropped: None };
        }
        if !self.has_room(author, run) {
            return Merged::TooManyRuns;
        }
        let dropped = self.runs(author).nth(TALLY_RUNS_MAX - 1);
        if let Some(last) = dropped {
            self.counts.remove(&(author, last));
        }
        self.counts.insert((author, run), signed);
        Merged::New { dropped }
    }

    /// Runs of an author that count, ascending.
    pub(super) fn runs(&self, author: u8) -> impl Iterator<Item = RunId> {
        let all = (author, RunId(0))..=(author, RunId(u64::MAX));
        self.counts.range(all).map(|((_, run), _)| *run)
    }

    /// Whether a count of this run would stand.
    pub(super) fn has_room(&self, author: u8, run: RunId) -> bool {
        let last = self.runs(author).nth(TALLY_RUNS_MAX - 1);
        last.is_none_or(|last| run <= last)
    }

    /// The count of a run.
    pub(super) fn get(&self, author: u8, run: RunId) -> Option<&SignedCount> {
        self.counts.get(&(author, run))
    }

    /// All counts, by author and run.
    pub(super) fn iter(&self) -> impl Iterator<Item = &SignedCount> {
        self.counts.values()
    }

    /// Names all counts, not their signatures: equal on phones that hold the same; 0 where nothing
    /// was counted.
    pub(super) fn digest(&self) -> u64 {
        if self.counts.is_empty() {
            return 0;
        }
        let mut hasher = Hasher::new(Domain::TallyDigest);
        for signed in self.iter() {
            hasher.part(&encode(&signed.count));
        }
        hasher.finish().prefix_u64()
    }
}

/// A total order in which every honest count is above all earlier ones of its run.
fn rank(count: &Count) -> (u128, u64) {
    let moved = u128::from(count.added) + u128::from(count.subtracted);
    (moved, count.added)
}

#[cfg(test)]
mod tests;
