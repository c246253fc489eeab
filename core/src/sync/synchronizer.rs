//! The asking side: collects an answer and says what it proves.

use super::SyncError;
use super::validate::{check_final, check_head, validate_state};
use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::state::Map;
use crate::state::snapshot::{Assembly, SnapshotError};
use crate::wire::{Block, BoundedVec, Certificate, FOUND_ITEMS_MAX, Fetch, Found, SnapshotChunk};

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
    /// Ask this next.
    More(Fetch),
    /// The whole state after a certified block.
    Snapshot {
        /// The block.
        block: Block,
        /// Its finalization.
        finalization: Certificate,
        /// The state after it.
        state: Map,
    },
    /// Nothing in it that is not committed here.
    UpToDate,
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
}

/// Collects answers for one group. Nothing that it takes in is trusted before a certificate
/// verifies, and nothing that it collects is given out before the whole has the certified root.
///
/// A snapshot should be fetched from one member: its chunks are proved by the root of the whole, so a
/// wrong one costs the collection, and whoever sent the last chunk is blamed.
#[derive(Debug)]
pub struct Synchronizer {
    snapshot_bytes_max: usize,
    open: Option<Open>,
}

/// A snapshot on its way.
#[derive(Debug)]
struct Open {
    block: Block,
    block_hash: Hash,
    finalization: Certificate,
    next: u32,
    chunks: u32,
    assembly: Assembly,
}

impl Synchronizer {
    /// Nothing collected; a snapshot may have `snapshot_bytes_max` bytes of entries.
    pub fn new(snapshot_bytes_max: usize) -> Self {
        Self {
            snapshot_bytes_max,
            open: None,
        }
    }

    /// What to ask a member: the rest of a snapshot that was begun, or what is above `head`.
    pub fn request(&self, head: (u64, Hash)) -> Fetch {
        match &self.open {
            Some(open) if open.block.height > head.0 => open.request(),
            Some(_) | None => Fetch::Above {
                height: head.0,
                block: head.1,
            },
        }
    }

    /// Forgets what was collected.
    pub fn reset(&mut self) {
        self.open = None;
    }

    /// Takes an answer. `head` is what is committed here; `verify` says whether a certificate is
    /// signed by a quorum of `epoch`'s committee. After a fault nothing has changed, except that a
    /// snapshot that turned out wrong is forgotten.
    pub fn receive(
        &mut self,
        found: Found,
        head: (u64, Hash),
        verify: &dyn Fn(&Certificate) -> bool,
        epoch: Hash,
    ) -> Result<SyncStep, PeerFault> {
        self.open.take_if(|open| open.block.height <= head.0);
        let (step, finalization) = match found {
            Found::Blocks {
                blocks,
                finalization,
            } => (
                blocks_step(blocks, &finalization, head, verify, epoch),
                finalization,
            ),
            Found::Snapshot(chunk) => {
                let finalization = chunk.finalization.clone();
                (self.chunk_step(chunk, head, verify, epoch), finalization)
            }
            Found::UpToDate => return Ok(SyncStep::UpToDate),
            Found::Busy { retry_after_ms } => return Ok(SyncStep::Busy { retry_after_ms }),
            Found::Body(_) | Found::Actions(_) => return Err(SyncError::Unasked.into()),
        };
        match step {
            // Answers cross with commits: what they carry is then simply known.
            Err(SyncError::Stale { .. }) => Ok(SyncStep::UpToDate),
            // Not the peer's fault: it shows what a quorum has signed.
            Err(SyncError::Diverged {
                height,
                own,
                certified,
            }) => Ok(SyncStep::Diverged {
                height,
                own,
                certified,
                finalization,
            }),
            step => Ok(step?),
        }
    }

    fn chunk_step(
        &mut self,
        chunk: SnapshotChunk,
        head: (u64, Hash),
        verify: &dyn Fn(&Certificate) -> bool,
        epoch: Hash,
    ) -> Result<SyncStep, SyncError> {
        if chunk.chunk >= chunk.chunks {
            return Err(SyncError::BadChunk("index beyond the count"));
        }
        if chunk.entries.is_empty() && chunk.chunks > 1 {
            return Err(SyncError::BadChunk("a chunk without entries"));
        }
        let hash = chunk.block.hash(epoch);
        // One verification for each snapshot: the others carry the same statement.
        let known = self
            .open
            .as_ref()
            .is_some_and(|open| open.block_hash == hash);
        check_final(
            chunk.block.height,
            hash,
            &chunk.finalization,
            head,
            &|finalization| known || verify(finalization),
        )?;
        if chunk.block.height == head.0 {
            return Ok(SyncStep::UpToDate);
        }
        if let Some(open) = &self.open
            && open.block_hash != hash
            && open.block.height >= chunk.block.height
        {
            return Ok(SyncStep::More(open.request()));
        }
        let mut open = match self.open.take() {
            Some(open) if known => open,
            _ => Open {
                block: chunk.block,
                block_hash: hash,
                finalization: chunk.finalization,
                next: 0,
                chunks: chunk.chunks,
                assembly: Assembly::new(self.snapshot_bytes_max),
            },
        };
        if chunk.chunks != open.chunks {
            return Err(SyncError::BadChunk("another count than before"));
        }
        if chunk.chunk == open.next {
            open.assembly.add(chunk.entries).map_err(chunk_error)?;
            open.next += 1;
        }
        if open.next < open.chunks {
            let next = open.request();
            self.open = Some(open);
            return Ok(SyncStep::More(next));
        }
        let state = open.assembly.finish();
        let verified = |_: &Certificate| true;
        validate_state(
            &state,
            &open.block,
            &open.finalization,
            head,
            &verified,
            epoch,
        )?;
        Ok(SyncStep::Snapshot {
            block: open.block,
            finalization: open.finalization,
            state,
        })
    }
}

impl Open {
    fn request(&self) -> Fetch {
        Fetch::Snapshot {
            block: self.block_hash,
            from_chunk: self.next,
        }
    }
}

fn chunk_error(error: SnapshotError) -> SyncError {
    match error {
        SnapshotError::Order => SyncError::BadChunk("keys out of order"),
        SnapshotError::TooLarge { .. } => SyncError::BadChunk("a snapshot over the bound"),
    }
}

fn blocks_step(
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

#[cfg(test)]
pub(crate) mod tests;
