//! What lies below the last finalization, as far as it can convict: late finalizations of earlier
//! rounds must agree with it.

use std::collections::VecDeque;

use super::Finalized;
use crate::crypto::Hash;
use crate::wire::{VoteKind, VoteStatement};

/// Commits remembered.
pub(super) const ERAS_KEPT: usize = 64;

/// One commit.
#[derive(Clone, Debug)]
struct Era {
    /// The round of the finalization before; what that one left open begins above it.
    above: u64,
    /// The round of the finalization.
    round: u64,
    /// Its block.
    block: Hash,
    /// The block before and those that were committed, all that can be final in a round between.
    between: Vec<Hash>,
}

/// The last commits, ascending.
#[derive(Clone, Debug, Default)]
pub(super) struct Eras(VecDeque<Era>);

impl Eras {
    /// Starts where nothing but the last finalization is known.
    pub(super) fn from(base: &Finalized) -> Self {
        let mut eras = Self::default();
        eras.install(base);
        eras
    }

    /// Sync installed `finalized`: what lies between is not known here.
    pub(super) fn install(&mut self, finalized: &Finalized) {
        self.push(Era {
            above: finalized.round,
            round: finalized.round,
            block: finalized.block,
            between: Vec::new(),
        });
    }

    /// The blocks of `path`, which stand on `before`, are committed by a finalization of `round`.
    pub(super) fn commit(&mut self, before: &Finalized, path: &[Hash], round: u64) {
        let mut between = vec![before.block];
        between.extend(path);
        self.push(Era {
            above: before.round,
            round,
            block: path.last().copied().unwrap_or(before.block),
            between,
        });
    }

    fn push(&mut self, era: Era) {
        self.0.push_back(era);
        if self.0.len() > ERAS_KEPT {
            self.0.pop_front();
        }
    }

    /// Whether a certificate for `statement` is a finalization beside these. What is older than all
    /// of them, or lies where sync jumped, conflicts with nothing that is known.
    pub(super) fn conflict(&self, statement: &VoteStatement) -> bool {
        let VoteStatement { round, kind, block } = *statement;
        kind == VoteKind::Finalize
            && self.0.iter().any(|era| {
                round == era.round && block != era.block
                    || era.above < round && round < era.round && !era.between.contains(&block)
            })
    }
}
