//! The checks between a claim and committed state, each with its name.

use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::state::Map;
use crate::wire::{Block, Certificate, VoteKind};

/// Which check failed. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// The certificate is a notarization or nullification: nothing is final by it.
    #[error("the certificate is no finalization")]
    NotFinal,
    /// The certificate is of another block.
    #[error("the finalization is of {have:?}, the block is {need:?}")]
    OtherBlock {
        /// What the certificate is of.
        have: Hash,
        /// Hash of the block.
        need: Hash,
    },
    /// The certificate's signatures are not those of a quorum of this committee.
    #[error("the finalization does not verify")]
    Unverified,
    /// The state is not the one that the block names.
    #[error("the state has root {have:?}, the block names {need:?}")]
    WrongValue {
        /// Root of the state.
        have: Hash,
        /// Root that the block names.
        need: Hash,
    },
    /// It is older than what is committed here.
    #[error("height {have} is below the {need} committed here")]
    Stale {
        /// Height offered.
        have: u64,
        /// Height committed here.
        need: u64,
    },
    /// A block is certified at a height where another one is committed here.
    #[error("two blocks are final at height {height}: {own:?} here, {certified:?} there")]
    Diverged {
        /// The height.
        height: u64,
        /// The block committed here.
        own: Hash,
        /// The block certified there.
        certified: Hash,
    },
    /// There is no block in an answer that says it has some.
    #[error("no blocks")]
    NoBlocks,
    /// A block does not follow the one before.
    #[error("the block after height {after} does not follow it")]
    BrokenChain {
        /// Height of the one before.
        after: u64,
    },
    /// The first block does not follow what is committed here.
    #[error("blocks from height {have} do not follow height {need}")]
    Gap {
        /// Height of the first block.
        have: u64,
        /// Height committed here.
        need: u64,
    },
    /// A chunk that no cut of a state has: index, count, order or number of its entries.
    #[error("not a chunk of a snapshot: {0}")]
    BadChunk(&'static str),
    /// Not an answer to a request for the certified suffix or a snapshot.
    #[error("not an answer to what was asked")]
    Unasked,
}

impl From<SyncError> for PeerFault {
    fn from(error: SyncError) -> Self {
        Self::Sync(match error {
            SyncError::NotFinal => "the certificate is no finalization",
            SyncError::OtherBlock { .. } => "the finalization is of another block",
            SyncError::Unverified => "the finalization does not verify",
            SyncError::WrongValue { .. } => "the state does not have the certified root",
            SyncError::Stale { .. } => "older than what is committed",
            SyncError::Diverged { .. } => "two blocks are final at one height",
            SyncError::NoBlocks => "no blocks",
            SyncError::BrokenChain { .. } => "a block does not follow the one before",
            SyncError::Gap { .. } => "blocks do not follow the head",
            SyncError::BadChunk(what) => what,
            SyncError::Unasked => "not an answer to what was asked",
        })
    }
}

/// Whether `map` is the state after `block`, `block` is final by `finalization`, and a phone that has
/// committed `head` may go there. `Err` names the first check that fails.
pub fn validate_state(
    map: &Map,
    block: &Block,
    finalization: &Certificate,
    head: (u64, Hash),
    verify: &dyn Fn(&Certificate) -> bool,
    epoch: Hash,
) -> Result<(), SyncError> {
    check_final(block.height, block.hash(epoch), finalization, head, verify)?;
    let have = map.root();
    if have != block.root {
        return Err(SyncError::WrongValue {
            have,
            need: block.root,
        });
    }
    Ok(())
}

/// Whether the block `hash` at `height` is final by `finalization`, and a phone that has committed
/// `head` may go there.
pub(super) fn check_final(
    height: u64,
    hash: Hash,
    finalization: &Certificate,
    head: (u64, Hash),
    verify: &dyn Fn(&Certificate) -> bool,
) -> Result<(), SyncError> {
    check_names(finalization, hash)?;
    if !verify(finalization) {
        return Err(SyncError::Unverified);
    }
    check_head(height, hash, head)
}

/// Whether `finalization` says that it finalizes the block with `hash`.
fn check_names(finalization: &Certificate, hash: Hash) -> Result<(), SyncError> {
    if finalization.statement.kind != VoteKind::Finalize {
        return Err(SyncError::NotFinal);
    }
    if finalization.statement.block != hash {
        return Err(SyncError::OtherBlock {
            have: finalization.statement.block,
            need: hash,
        });
    }
    Ok(())
}

/// Whether the certified block `hash` at `height` is at or above `head`, and agrees with it.
pub(super) fn check_head(height: u64, hash: Hash, head: (u64, Hash)) -> Result<(), SyncError> {
    if height < head.0 {
        return Err(SyncError::Stale {
            have: height,
            need: head.0,
        });
    }
    if height == head.0 && hash != head.1 {
        return Err(SyncError::Diverged {
            height,
            own: head.1,
            certified: hash,
        });
    }
    Ok(())
}
