//! The change between two roots, as bytes that can be checked.

use serde::{Deserialize, Serialize};

use super::{Key, Map};
use crate::crypto::Hash;
use crate::wire::{DELTA_ENCODED_MAX, DELTA_LEN_MAX, DecodeError, encode};

mod columns;
#[cfg(test)]
pub(crate) mod tests;

/// Most keys that one delta changes: what fits its bytes at 4 bytes a key.
pub const DELTA_CHANGES_MAX: usize = DELTA_LEN_MAX / 4;

/// Which check a delta failed. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// It starts from another state than the one at hand.
    #[error("the delta starts from {need:?}, the state here is {have:?}")]
    WrongBase {
        /// Root of the state at hand.
        have: Hash,
        /// Root that the delta starts from.
        need: Hash,
    },
    /// Its changes do not give the root that it names.
    #[error("the changes give {have:?}, the delta names {need:?}")]
    RootMismatch {
        /// Root after the changes.
        have: Hash,
        /// Root that the delta names.
        need: Hash,
    },
    /// Its bytes are no delta.
    #[error("not a delta: {0}")]
    Malformed(#[from] DecodeError),
    /// The change does not fit a delta.
    #[error("a delta of {len} {unit}, at most {max} are allowed")]
    TooLarge {
        /// How much there is.
        len: usize,
        /// How much is allowed.
        max: usize,
        /// Of what: bytes or keys.
        unit: &'static str,
    },
}

/// What turns the state at one height into the state at another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    base: u64,
    target: u64,
    base_root: Hash,
    target_root: Hash,
    changes: Vec<(Key, Option<Vec<u8>>)>,
}

/// What stands before the columns: heights and roots. Roots do not compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    base: u64,
    target: u64,
    base_root: Hash,
    target_root: Hash,
}

impl Delta {
    /// What turns `base` into `target`, each with its height.
    pub fn between(base: (u64, &Map), target: (u64, &Map)) -> Result<Self, DeltaError> {
        let changes: Vec<_> = base
            .1
            .changes(target.1)
            .into_iter()
            .map(|change| (change.key, change.new))
            .collect();
        if changes.len() > DELTA_CHANGES_MAX {
            return Err(DeltaError::TooLarge {
                len: changes.len(),
                max: DELTA_CHANGES_MAX,
                unit: "keys",
            });
        }
        let delta = Self {
            base: base.0,
            target: target.0,
            base_root: base.1.root(),
            target_root: target.1.root(),
            changes,
        };
        let len = encode(&delta.head()).len() + columns::write(&delta.changes).len();
        if len > DELTA_LEN_MAX {
            return Err(DeltaError::TooLarge {
                len,
                max: DELTA_LEN_MAX,
                unit: "bytes",
            });
        }
        Ok(delta)
    }

    /// Height that it starts from.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// Height that it leads to.
    pub fn target(&self) -> u64 {
        self.target
    }

    /// Root that it starts from.
    pub fn base_root(&self) -> Hash {
        self.base_root
    }

    /// Root that it leads to.
    pub fn target_root(&self) -> Hash {
        self.target_root
    }

    /// The new value of each changed key, none where it is removed, in key order.
    pub fn changes(&self) -> &[(Key, Option<Vec<u8>>)] {
        &self.changes
    }

    /// How it travels: heights and roots, one byte that says whether LZ4 follows, then the changes in
    /// columns.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = encode(&self.head());
        bytes.extend(columns::deflate(&columns::write(&self.changes)));
        bytes
    }

    /// The delta of `bytes`. What it inflates to has one spelling for one delta; the bytes outside of
    /// LZ4 are canonical too.
    pub fn decode(bytes: &[u8]) -> Result<Self, DeltaError> {
        let too_large = |len, max| DeltaError::TooLarge {
            len,
            max,
            unit: "bytes",
        };
        if bytes.len() > DELTA_ENCODED_MAX {
            return Err(too_large(bytes.len(), DELTA_ENCODED_MAX));
        }
        let (head, rest) =
            postcard::take_from_bytes::<Head>(bytes).map_err(|_| DecodeError::Malformed)?;
        let head_len = bytes.len() - rest.len();
        if encode(&head) != bytes[..head_len] {
            return Err(DecodeError::NotCanonical.into());
        }
        let columns = columns::inflate(rest)?;
        if head_len + columns.len() > DELTA_LEN_MAX {
            return Err(too_large(head_len + columns.len(), DELTA_LEN_MAX));
        }
        Ok(Self {
            base: head.base,
            target: head.target,
            base_root: head.base_root,
            target_root: head.target_root,
            changes: columns::read(&columns)?,
        })
    }

    fn head(&self) -> Head {
        Head {
            base: self.base,
            target: self.target,
            base_root: self.base_root,
            target_root: self.target_root,
        }
    }
}

impl Map {
    /// Applies `delta`: built aside, checked against the root that it names, then swapped in. A delta
    /// that fails a check changes nothing.
    pub fn apply(&mut self, delta: &Delta) -> Result<(), DeltaError> {
        let have = self.root();
        if have != delta.base_root {
            return Err(DeltaError::WrongBase {
                have,
                need: delta.base_root,
            });
        }
        let mut next = self.clone();
        for (key, value) in &delta.changes {
            match value {
                Some(value) => next.insert(key.clone(), value.clone()),
                None => {
                    next.remove(key.as_bytes());
                }
            }
        }
        let have = next.root();
        if have != delta.target_root {
            return Err(DeltaError::RootMismatch {
                have,
                need: delta.target_root,
            });
        }
        *self = next;
        Ok(())
    }
}
