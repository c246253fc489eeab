//! Bodies of blocks above the last finalized one, and what executing them gave.

use std::collections::{BTreeMap, BTreeSet};

use crate::crypto::Hash;
use crate::time::Instant;
use crate::wire::Block;

/// Bodies kept above the finalized block. With honest voters there is one a round, and the depth is
/// capped at 8; the rest is room for forks of rounds that were nullified.
pub(super) const BODIES_MAX: usize = 64;

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

/// How dear a body is when there is no room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    /// Nobody decided anything about it.
    Little,
    /// It is certified, or was notarized here. It can be fetched from others.
    Voted,
    /// It is the current proposal, or lies on the way from the highest certified block to the
    /// finalized one.
    Trunk,
}

/// The bodies.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    entries: BTreeMap<Hash, Entry>,
}

impl Chain {
    /// Keeps a body; whether it is new. Where there is no room the lowest of least worth goes, be it
    /// the new one. Where all are the trunk, which is deeper then than the cap lets it be, the new one
    /// goes.
    pub(super) fn insert(
        &mut self,
        hash: Hash,
        block: Block,
        standing: Standing,
        worth: impl Fn(&Hash) -> Worth,
    ) -> bool {
        if self.entries.contains_key(&hash) {
            return false;
        }
        if self.entries.len() >= BODIES_MAX {
            let lowest = self
                .entries
                .iter()
                .map(|(other, entry)| (worth(other), entry.block.height, *other))
                .min()
                .filter(|(least, _, _)| *least < Worth::Trunk)
                .filter(|lowest| *lowest < (worth(&hash), block.height, hash));
            let Some((_, _, lowest)) = lowest else {
                return false;
            };
            self.entries.remove(&lowest);
        }
        self.entries.insert(hash, Entry { block, standing });
        true
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

    /// The bodies on the way down from `top`, as far as they are here.
    pub(super) fn trunk(&self, top: Hash, base: Hash) -> BTreeSet<Hash> {
        let mut trunk = BTreeSet::new();
        let mut hash = top;
        while hash != base
            && let Some(entry) = self.entries.get(&hash)
            && trunk.insert(hash)
        {
            hash = entry.block.parent;
        }
        trunk
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::BoundedVec;

    fn block(height: u64, parent: u8) -> Block {
        Block {
            height,
            parent: Hash([parent; 32]),
            root: Hash::ZERO,
            opening: None,
            actions: BoundedVec::new(),
            refused: BoundedVec::new(),
        }
    }

    /// Blocks 1 to `count`, each on the one before.
    fn chain(count: u8, worth: Worth) -> Chain {
        let mut chain = Chain::default();
        for id in 1..=count {
            chain.insert(
                Hash([id; 32]),
                block(id.into(), id - 1),
                Standing::Held,
                |_| worth,
            );
        }
        chain
    }

    #[test]
    fn bodies_are_bounded_whatever_they_are_worth() {
        let new = Hash([200; 32]);
        for worth in [Worth::Little, Worth::Voted, Worth::Trunk] {
            for (count, kept) in [(63, 64), (64, 64), (100, 64)] {
                let mut chain = chain(count, worth);
                let trunk = |hash: &Hash| if *hash == new { Worth::Trunk } else { worth };
                let room = count < 64 || worth < Worth::Trunk;
                assert_eq!(chain.insert(new, block(1, 0), Standing::Held, trunk), room);
                assert_eq!(chain.entries.len(), kept, "{worth:?}");
                assert_eq!(chain.get(&new).is_some(), room);
            }
        }
    }

    #[test]
    fn the_lowest_of_least_worth_makes_room_and_stays_out() {
        let mut chain = chain(64, Worth::Little);
        let lowest = Hash([1; 32]);
        let new = Hash([65; 32]);
        let worth = |hash: &Hash| {
            if *hash == Hash([2; 32]) {
                Worth::Little
            } else {
                Worth::Voted
            }
        };
        assert!(chain.insert(new, block(65, 64), Standing::Held, worth));
        assert!(chain.get(&Hash([2; 32])).is_none() && chain.get(&lowest).is_some());
        // Nothing goes round in circles.
        assert!(!chain.insert(Hash([2; 32]), block(2, 1), Standing::Held, worth));
        assert!(!chain.insert(Hash([0; 32]), block(0, 9), Standing::Held, |_| Worth::Voted));
    }

    #[test]
    fn the_trunk_is_what_leads_down() {
        let chain = chain(5, Worth::Little);
        let trunk = chain.trunk(Hash([4; 32]), Hash([1; 32]));
        assert_eq!(trunk, [2, 3, 4].map(|id| Hash([id; 32])).into());
        assert!(chain.trunk(Hash([9; 32]), Hash([1; 32])).is_empty());
    }
}
