//! The committed past, bounded by bytes.

use std::collections::VecDeque;

use super::Map;
use crate::crypto::Hash;
use crate::wire::{Block, Certificate, Header, encoded_len};

#[cfg(test)]
pub(crate) mod tests;

/// One committed block and the state after it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its header.
    pub header: Header,
    /// Hash of the header.
    pub block_hash: Hash,
    /// The block, where it was executed here. A state that came as a delta or a snapshot has none.
    pub block: Option<Block>,
    /// A finalization of this very block; without one, it is final by a block above it.
    pub finalization: Option<Certificate>,
    /// The state after it; shares with its neighbours what they did not change.
    pub state: Map,
    block_len: usize,
    finalization_len: usize,
}

/// Why a block cannot be the next one of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Its height does not follow.
    #[error("height {have} does not follow, {need} does")]
    Height {
        /// Height offered.
        have: u64,
        /// Height that would follow.
        need: u64,
    },
    /// It names another parent.
    #[error("the block follows {have:?}, the head is {need:?}")]
    Parent {
        /// Parent that it names.
        have: Hash,
        /// Hash of the head.
        need: Hash,
    },
    /// The state offered is not the one that it names.
    #[error("the state has root {have:?}, the header names {need:?}")]
    Root {
        /// Root of the state.
        have: Hash,
        /// Root that the header names.
        need: Hash,
    },
    /// The certificate is of another block.
    #[error("the certificate is of {have:?}, the block is {need:?}")]
    Finalization {
        /// What the certificate is of.
        have: Hash,
        /// Hash of the block.
        need: Hash,
    },
    /// No longer, or not yet, in the history.
    #[error("height {height} is not kept")]
    NotKept {
        /// Height asked for.
        height: u64,
    },
}

/// The committed blocks of one epoch, with the state after each, newest last.
///
/// The genesis (height 0, hash = epoch) has no block; its state stays for ever. Of the blocks, the
/// oldest go when their bytes exceed the bound; the head always stays. Only the oldest entry can be
/// without its block: the one that a state was installed at.
#[derive(Clone, Debug)]
pub struct History {
    epoch: Hash,
    genesis: Map,
    entries: VecDeque<Entry>,
    bytes: usize,
    bytes_max: usize,
}

impl History {
    /// The history of `epoch`, at its genesis. Keeps at most `bytes_max` bytes of blocks and
    /// certificates.
    pub fn new(epoch: Hash, genesis: Map, bytes_max: usize) -> Self {
        Self {
            epoch,
            genesis,
            entries: VecDeque::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// Appends `block`, with the state after it.
    pub fn push(
        &mut self,
        block: Block,
        finalization: Option<Certificate>,
        state: Map,
    ) -> Result<(), HistoryError> {
        let (height, head) = self.head();
        if block.height != height + 1 {
            return Err(HistoryError::Height {
                have: block.height,
                need: height + 1,
            });
        }
        if block.parent != head {
            return Err(HistoryError::Parent {
                have: block.parent,
                need: head,
            });
        }
        let entry = Entry::new(block.header(), Some(block), finalization, state, self.epoch)?;
        self.add(entry);
        Ok(())
    }

    /// Starts anew at the block with `header`, whose state came without it.
    pub fn install(
        &mut self,
        header: Header,
        finalization: Certificate,
        state: Map,
    ) -> Result<(), HistoryError> {
        let entry = Entry::new(header, None, Some(finalization), state, self.epoch)?;
        self.entries.clear();
        self.bytes = 0;
        self.add(entry);
        Ok(())
    }

    /// The epoch: hash of the genesis.
    pub fn epoch(&self) -> Hash {
        self.epoch
    }

    /// Height and hash of the newest block.
    pub fn head(&self) -> (u64, Hash) {
        self.entries.back().map_or((0, self.epoch), |entry| {
            (entry.header.height, entry.block_hash)
        })
    }

    /// The state at the head.
    pub fn state(&self) -> &Map {
        self.entries
            .back()
            .map_or(&self.genesis, |entry| &entry.state)
    }

    /// The entry at `height`, if it is kept. The genesis has none.
    pub fn at(&self, height: u64) -> Option<&Entry> {
        let first = self.entries.front()?.header.height;
        self.entries
            .get(usize::try_from(height.checked_sub(first)?).ok()?)
    }

    /// The state at `height`, if it is kept.
    pub fn state_at(&self, height: u64) -> Option<&Map> {
        if height == 0 {
            return Some(&self.genesis);
        }
        self.at(height).map(|entry| &entry.state)
    }

    /// The entry of the block with `hash`, if it is kept.
    pub fn find(&self, hash: &Hash) -> Option<&Entry> {
        self.entries
            .iter()
            .rev()
            .find(|entry| entry.block_hash == *hash)
    }

    /// The entries above `height`, in order, if all of them are kept.
    pub fn since(&self, height: u64) -> Option<impl Iterator<Item = &Entry>> {
        let first = self.entries.front().map_or(1, |entry| entry.header.height);
        let skip = height.saturating_add(1).checked_sub(first)?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Some(self.entries.iter().skip(skip))
    }

    /// The kept entries, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The state at `height` and the history up to there, if it is kept. This one stays as it is:
    /// what is committed is never taken back. States are shared, not copied.
    pub fn rollback(&self, height: u64) -> Result<(Map, Self), HistoryError> {
        let state = self
            .state_at(height)
            .ok_or(HistoryError::NotKept { height })?;
        let kept = self
            .entries
            .iter()
            .take_while(|entry| entry.header.height <= height);
        let entries: VecDeque<Entry> = kept.cloned().collect();
        let past = Self {
            epoch: self.epoch,
            genesis: self.genesis.clone(),
            bytes: entries.iter().map(Entry::bytes).sum(),
            entries,
            bytes_max: self.bytes_max,
        };
        Ok((state.clone(), past))
    }

    /// Bytes of the kept blocks and certificates.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What memory may do to the state at the head.
    #[cfg(test)]
    pub(crate) fn damage_head(&mut self, damage: impl FnOnce(&Map) -> Map) {
        if let Some(head) = self.entries.back_mut() {
            head.state = damage(&head.state);
        }
    }

    fn add(&mut self, entry: Entry) {
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        self.prune();
    }

    fn prune(&mut self) {
        while self.bytes > self.bytes_max && self.entries.len() > 1 {
            let dropped = self.entries.pop_front().expect("there are two entries");
            self.bytes -= dropped.bytes();
        }
    }
}

impl Entry {
    /// Encoded bytes of what is kept of the block.
    pub fn block_len(&self) -> usize {
        self.block_len
    }

    /// Encoded bytes of the finalization, 0 where there is none.
    pub fn finalization_len(&self) -> usize {
        self.finalization_len
    }

    fn new(
        header: Header,
        block: Option<Block>,
        finalization: Option<Certificate>,
        state: Map,
        epoch: Hash,
    ) -> Result<Self, HistoryError> {
        let have = state.root();
        if have != header.root {
            return Err(HistoryError::Root {
                have,
                need: header.root,
            });
        }
        let block_hash = header.hash(epoch);
        if let Some(certificate) = &finalization
            && certificate.statement.block != block_hash
        {
            return Err(HistoryError::Finalization {
                have: certificate.statement.block,
                need: block_hash,
            });
        }
        let block_len = match &block {
            Some(block) => encoded_len(block),
            None => encoded_len(&header),
        };
        Ok(Self {
            header,
            block_hash,
            block,
            block_len,
            finalization_len: finalization.as_ref().map_or(0, encoded_len),
            finalization,
            state,
        })
    }

    fn bytes(&self) -> usize {
        self.block_len + self.finalization_len
    }
}
