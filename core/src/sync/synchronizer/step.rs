//! What one answer means for the asker.

use super::super::validate::{check_final, check_head};
use super::{SyncError, Synchronizer};
use crate::crypto::Hash;
use crate::state::{Delta, History, Map};
use crate::wire::{Block, BoundedVec, Certificate, FOUND_ITEMS_MAX, Fetch, Found, Header};

/// What an answer means for the asker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncStep {
    /// These blocks follow the head, in order; the finalization is of the last one. They are certified,
    /// not executed yet.
    Blocks {
        /// The blocks.
        blocks: Vec<Block>,
        /// Finalization of the last one.
        finalization: Certificate,
    },
    /// The whole state after a certified block, by a delta or a snapshot.
    State {
        /// Header of the block.
        header: Header,
        /// Its finalization.
        finalization: Certificate,
        /// The state after it.
        state: Map,
    },
    /// It was of use, and more is needed.
    More,
    /// Nothing in it that is not committed here.
    UpToDate,
    /// Nobody waits for it any more.
    Late,
    /// Ask again later.
    Busy {
        /// When.
        retry_after_ms: u32,
    },
    /// Another block is certified at a height that is committed here: own votes must stop.
    Diverged {
        /// The height.
        height: u64,
        /// The block committed here.
        own: Hash,
        /// The block certified there.
        certified: Hash,
        /// What certifies it, or a block above it.
        finalization: Certificate,
    },
    /// What [`Synchronizer::examine`] asked for.
    Examined {
        /// The block.
        block: Hash,
        /// The state that it is certified to have; none where nobody keeps it any more.
        state: Option<Map>,
    },
}

/// A suffix of blocks.
pub(super) fn blocks(
    blocks: BoundedVec<Block, FOUND_ITEMS_MAX>,
    finalization: &Certificate,
    head: (u64, Hash),
    verify: &dyn Fn(&Certificate) -> bool,
    epoch: Hash,
) -> Result<SyncStep, SyncError> {
    let mut blocks = blocks.into_vec();
    let hashes: Vec<Hash> = blocks.iter().map(|block| block.hash(epoch)).collect();
    let (Some(first), Some(last), Some(last_hash)) = (blocks.first(), blocks.last(), hashes.last())
    else {
        return Err(SyncError::NoBlocks);
    };
    for (pair, parent) in blocks.windows(2).zip(&hashes) {
        let next = pair[0].height.checked_add(1);
        if next != Some(pair[1].height) || pair[1].parent != *parent {
            return Err(SyncError::BrokenChain {
                after: pair[0].height,
            });
        }
    }
    check_final(last.height, *last_hash, finalization, head, verify)?;
    if last.height == head.0 {
        return Ok(SyncStep::UpToDate);
    }
    if first.height > head.0 + 1 {
        return Err(SyncError::Gap {
            have: first.height,
            need: head.0,
        });
    }
    // The certified chain names a block at the head's height: it must be the head.
    let known = (head.0 + 1 - first.height) as usize;
    let certified = match known.checked_sub(1) {
        Some(at_head) => hashes[at_head],
        None => first.parent,
    };
    check_head(head.0, certified, head)?;
    Ok(SyncStep::Blocks {
        blocks: blocks.split_off(known),
        finalization: finalization.clone(),
    })
}

/// Whether `found` answers an earlier request than `asked`: it leads no further than from where that
/// one starts, or starts from below. At the own height another block is news all the same.
pub(super) fn is_earlier(found: &Found, asked: &Fetch, head: (u64, Hash), epoch: Hash) -> bool {
    let Fetch::Above { height: from, .. } = asked else {
        // Parts are out: only a newer state, or that there is none, can be the answer.
        return matches!(found, Found::Blocks { .. } | Found::Delta { .. });
    };
    let top = match found {
        Found::Blocks { blocks, .. } => match blocks.last() {
            Some(last) => (last.height, last.hash(epoch)),
            None => return false,
        },
        Found::Delta { header, delta, .. } => {
            if Delta::decode(delta).is_ok_and(|delta| delta.base() < *from) {
                return true;
            }
            (header.height, header.hash(epoch))
        }
        Found::Snapshot { header, .. } => (header.height, header.hash(epoch)),
        _ => return false,
    };
    top.0 < *from || top.0 == *from && top == head
}

/// A change from the state that `asked` named.
pub(super) fn delta(
    asked: &Fetch,
    header: Header,
    finalization: &Certificate,
    delta: &[u8],
    history: &History,
    verify: &dyn Fn(&Certificate) -> bool,
    epoch: Hash,
) -> Result<SyncStep, SyncError> {
    let Fetch::Above { height, .. } = asked else {
        return Err(SyncError::Unasked);
    };
    let head = history.head();
    check_final(
        header.height,
        header.hash(epoch),
        finalization,
        head,
        verify,
    )?;
    if header.height == head.0 {
        return Ok(SyncStep::UpToDate);
    }
    // The head may have moved on since: the delta starts from where it was.
    let Some(base) = history.state_at(*height) else {
        return Ok(SyncStep::Late);
    };
    let state = Synchronizer::apply_delta(base, &header, delta)?;
    let known = |_: &Certificate| true;
    Synchronizer::validate_state(&state, &header, finalization, head, &known, epoch)?;
    Ok(SyncStep::State {
        header,
        finalization: finalization.clone(),
        state,
    })
}
