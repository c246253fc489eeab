//! Bodies of blocks above the last finalized one, and what executing them gave.

use std::collections::BTreeMap;

use crate::crypto::Hash;
use crate::time::Instant;
use crate::wire::Block;

/// Bodies kept above the finalized block. With honest voters there is one a round, and the depth is
/// capped at 8; the rest is room for forks of rounds that were nullified.
const BODIES_MAX: usize = 64;

/// How far a body got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not executed: its parent is missing, or it is about to be.
    Held,
    /// Given out for execution.
    Executing,
    /// Executed to its root.
    Valid,
    /// Executed to its root, but not to be notarized here for this rule.
    Objected(u8),
    /// Executed, and refused for breaking this rule.
    Invalid(u8),
    /// To be tried again then.
    Later(Instant),
}

/// One block.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) block: Block,
    pub(super) standing: Standing,
}

/// The way from a block down to the finalized one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// All blocks above the finalized one, ascending.
    Complete(Vec<Hash>),
    /// This body is missing.
    Missing(Hash),
    /// It does not lead there.
    Elsewhere,
}

/// The bodies.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    entries: BTreeMap<Hash, Entry>,
}

impl Chain {
    /// Keeps a body. `protected` names those that must not make room for it.
    pub(super) fn insert(
        &mut self,
        hash: Hash,
        block: Block,
        standing: Standing,
        protected: impl Fn(&Hash) -> bool,
    ) {
        if self.entries.contains_key(&hash) {
            return;
        }
        if self.entries.len() >= BODIES_MAX {
            let lowest = self
                .entries
                .iter()
                .filter(|(other, _)| !protected(other))
                .min_by_key(|(_, entry)| entry.block.height)
                .map(|(other, _)| *other);
            if let Some(lowest) = lowest {
                self.entries.remove(&lowest);
            }
        }
        self.entries.insert(hash, Entry { block, standing });
    }

    /// The entry of `hash`.
    pub(super) fn get(&self, hash: &Hash) -> Option<&Entry> {
        self.entries.get(hash)
    }

    /// Whether it was executed to its root.
    pub(super) fn is_valid(&self, hash: &Hash) -> bool {
        matches!(
            self.standing(hash),
            Some(Standing::Valid | Standing::Objected(_))
        )
    }

    /// How far it got.
    pub(super) fn standing(&self, hash: &Hash) -> Option<Standing> {
        self.entries.get(hash).map(|entry| entry.standing)
    }

    /// Notes how far it got.
    pub(super) fn set(&mut self, hash: &Hash, standing: Standing) {
        if let Some(entry) = self.entries.get_mut(hash) {
            entry.standing = standing;
        }
    }

    /// Bodies that can be executed now: their parent was, or is the finalized block.
    pub(super) fn ready(&self, base: &Hash, now: Instant) -> Vec<Hash> {
        self.entries
            .iter()
            .filter(|(_, entry)| match entry.standing {
                Standing::Held => true,
                Standing::Later(at) => at <= now,
                Standing::Executing
                | Standing::Valid
                | Standing::Objected(_)
                | Standing::Invalid(_) => false,
            })
            .filter(|(_, entry)| entry.block.parent == *base || self.is_valid(&entry.block.parent))
            .map(|(hash, _)| *hash)
            .collect()
    }

    /// When the next body is to be tried again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.entries
            .values()
            .filter_map(|entry| match entry.standing {
                Standing::Later(at) => Some(at),
                Standing::Held
                | Standing::Executing
                | Standing::Valid
                | Standing::Objected(_)
                | Standing::Invalid(_) => None,
            })
            .min()
    }

    /// The way from `top` down to the finalized block.
    pub(super) fn path(&self, top: Hash, base: (u64, Hash)) -> Path {
        let mut blocks = Vec::new();
        let mut hash = top;
        while hash != base.1 {
            let Some(entry) = self.entries.get(&hash) else {
                return Path::Missing(hash);
            };
            if entry.block.height <= base.0 {
                return Path::Elsewhere;
            }
            if entry.block.height == base.0 + 1 && entry.block.parent != base.1 {
                return Path::Elsewhere;
            }
            blocks.push(hash);
            hash = entry.block.parent;
        }
        blocks.reverse();
        Path::Complete(blocks)
    }

    /// Drops what does not stand on the finalized block. Bodies whose ancestors are missing stay:
    /// they may still come.
    pub(super) fn prune(&mut self, base: (u64, Hash)) {
        let dead: Vec<Hash> = self
            .entries
            .keys()
            .filter(|hash| **hash == base.1 || self.path(**hash, base) == Path::Elsewhere)
            .copied()
            .collect();
        for hash in dead {
            self.entries.remove(&hash);
        }
    }
}
