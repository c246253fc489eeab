//! The full state in chunks.
//!
//! The cut depends on the state and the limit only: any member that keeps the state serves any chunk
//! of it. Chunks are collected in key order, and what they give is used only if it has the root of a
//! certified block.

use super::{Key, Map};
use crate::wire::{BoundedVec, Bytes};

#[cfg(test)]
mod tests;

/// Most entries of one chunk.
pub const CHUNK_ENTRIES_MAX: usize = 512;
/// Bytes of the largest entry: key, value, and the length of each.
pub const ENTRY_LEN_MAX: usize = 1 + Key::LEN_MAX + 2 + super::VALUE_LEN_MAX;

/// The entries of one chunk, as they travel.
pub type ChunkEntries = BoundedVec<(Bytes<64>, Bytes<4096>), CHUNK_ENTRIES_MAX>;

/// Where a state is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// For each chunk, the number of its entries and their encoded bytes.
    chunks: Vec<(usize, usize)>,
}

/// Why collected chunks are no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A key is not above the one before.
    #[error("keys out of order")]
    Order,
    /// More bytes than a snapshot may have.
    #[error("more than {max} bytes")]
    TooLarge {
        /// Bytes allowed.
        max: usize,
    },
}

impl Cut {
    /// Cuts `map` into chunks whose entries take at most `limit` bytes, except that a chunk has at
    /// least one entry. An empty state is one empty chunk.
    pub fn new(map: &Map, limit: usize) -> Self {
        let mut chunks = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        for (key, value) in map {
            let len = entry_len(key.as_bytes(), value);
            if count > 0 && (bytes + len > limit || count == CHUNK_ENTRIES_MAX) {
                chunks.push((count, bytes));
                (count, bytes) = (0, 0);
            }
            count += 1;
            bytes += len;
        }
        chunks.push((count, bytes));
        Self { chunks }
    }

    /// Chunks in all, at least one.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Bytes of all entries.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Bytes of the largest chunk's entries; above the limit only where one entry is.
    pub fn largest(&self) -> usize {
        let bytes = self.chunks.iter().map(|(_, bytes)| *bytes);
        bytes.max().unwrap_or_default()
    }

    /// The entries of chunk `index` of the `map` that was cut.
    pub fn entries(&self, map: &Map, index: usize) -> Option<ChunkEntries> {
        let (count, _) = self.chunks.get(index)?;
        let before: usize = self.chunks[..index].iter().map(|(count, _)| count).sum();
        let entries = map
            .iter()
            .skip(before)
            .take(*count)
            .map(|(key, value)| {
                let key = Bytes::truncating(key.as_bytes().to_vec());
                (key, Bytes::truncating(value.to_vec()))
            })
            .collect();
        Some(BoundedVec::truncating(entries))
    }
}

/// Chunks on their way to becoming a state. Holds at most `bytes_max` bytes of entries.
#[derive(Clone, Debug)]
pub struct Assembly {
    map: Map,
    last: Option<Key>,
    bytes: usize,
    bytes_max: usize,
}

impl Assembly {
    /// Nothing collected.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            map: Map::new(),
            last: None,
            bytes: 0,
            bytes_max,
        }
    }

    /// Takes the next chunk. After an error the collection is of no use.
    pub fn add(&mut self, entries: ChunkEntries) -> Result<(), SnapshotError> {
        for (key, value) in entries.into_vec() {
            self.bytes += entry_len(&key, &value);
            if self.bytes > self.bytes_max {
                return Err(SnapshotError::TooLarge {
                    max: self.bytes_max,
                });
            }
            let key = Key::new(&key).expect("the type of an entry bounds its key");
            if self.last.as_ref().is_some_and(|last| *last >= key) {
                return Err(SnapshotError::Order);
            }
            self.last = Some(key.clone());
            self.map.insert(key, value.into_vec());
        }
        Ok(())
    }

    /// What was collected: the caller compares its root.
    pub fn finish(self) -> Map {
        self.map
    }
}

/// Encoded bytes of one entry.
fn entry_len(key: &[u8], value: &[u8]) -> usize {
    // Lengths are varints of 7 bits a byte; keys are at most 64 and values at most 4096 long.
    1 + key.len() + 1 + usize::from(value.len() > 0x7f) + value.len()
}
