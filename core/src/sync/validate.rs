//! The checks between a claim and committed state, each with its name.

use super::Synchronizer;
use super::reconcile::PartsError;
use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::state::{Delta, DeltaError, Map, PartError};
use crate::wire::{Certificate, Header, VoteKind};

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
    #[error("the state has root {have:?}, the header names {need:?}")]
    WrongValue {
        /// Root of the state.
        have: Hash,
        /// Root that the header names.
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
    /// A delta that does not lead from the state here to the certified one.
    #[error("delta refused: {0}")]
    Delta(#[from] DeltaError),
    /// Parts that are not of the certified state.
    #[error("parts refused: {0}")]
    Parts(#[from] PartsError),
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
            SyncError::Delta(error) => match error {
                DeltaError::WrongBase { .. } => "a delta from another state",
                DeltaError::RootMismatch { .. } => "a delta to another root than the certified one",
                DeltaError::Malformed(_) => "not a delta",
                DeltaError::TooLarge { .. } => "a delta over the bound",
            },
            SyncError::Parts(PartsError::Empty) => "an answer without parts",
            SyncError::Parts(PartsError::Part { error, .. }) => match error {
                PartError::Unasked => "a part that was not asked for",
                PartError::Malformed(what) => what,
                PartError::Foreign => "a key outside of its part",
                PartError::WrongHash { .. } => "a part of another state",
                PartError::NotTheSame => "a part that is not the same",
                PartError::TooLarge { .. } => "a state over the bound",
            },
            SyncError::Unasked => "not an answer to what was asked",
        })
    }
}

impl Synchronizer {
    /// Whether `map` is the state after the block with `header`, the block is final by `finalization`,
    /// and a phone that has committed `head` may go there. `verify` says whether a certificate is signed
    /// by a quorum of the committee of `epoch`.
    ///
    /// # Errors
    /// The first check that fails, by its name.
    pub fn validate_state(
        map: &Map,
        header: &Header,
        finalization: &Certificate,
        head: (u64, Hash),
        verify: &dyn Fn(&Certificate) -> bool,
        epoch: Hash,
    ) -> Result<(), SyncError> {
        check_final(
            header.height,
            header.hash(epoch),
            finalization,
            head,
            verify,
        )?;
        let have = map.root();
        if have != header.root {
            return Err(SyncError::WrongValue {
                have,
                need: header.root,
            });
        }
        Ok(())
    }

    /// The state that the encoded `delta` makes of `base`. It is built aside: `base` stays as it is, and
    /// nothing is given out that does not have the root of the certified `header`.
    ///
    /// # Errors
    /// [`DeltaError`] by name. Whether the header is certified is not looked at here.
    pub fn apply_delta(base: &Map, header: &Header, delta: &[u8]) -> Result<Map, DeltaError> {
        let delta = Delta::decode(delta)?;
        if delta.target_root() != header.root {
            return Err(DeltaError::RootMismatch {
                have: delta.target_root(),
                need: header.root,
            });
        }
        let mut state = base.clone();
        state.apply(&delta)?;
        Ok(state)
    }
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
pub(super) fn check_names(finalization: &Certificate, hash: Hash) -> Result<(), SyncError> {
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
