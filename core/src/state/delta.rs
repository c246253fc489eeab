//! The change between two roots, as bytes that can be checked.

use serde::{Deserialize, Serialize};

use super::{Key, Map, VALUE_LEN_MAX};
use crate::crypto::Hash;
use crate::wire::{BoundedVec, Bytes, DELTA_LEN_MAX, DecodeError, decode, encode};

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

/// How it travels. Keys are in ascending order, each without the bytes that it shares with the one
/// before.
#[derive(Debug, Serialize, Deserialize)]
struct Encoded {
    base: u64,
    target: u64,
    base_root: Hash,
    target_root: Hash,
    changes: BoundedVec<EncodedChange, DELTA_CHANGES_MAX>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EncodedChange {
    shared: u8,
    rest: Bytes<{ Key::LEN_MAX }>,
    value: Option<Bytes<VALUE_LEN_MAX>>,
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
        let len = delta.encode().len();
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

    /// Its canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut changes = Vec::with_capacity(self.changes.len());
        let mut before: &[u8] = &[];
        for (key, value) in &self.changes {
            let key = key.as_bytes();
            let shared = shared_len(before, key);
            changes.push(EncodedChange {
                shared: shared as u8,
                rest: Bytes::truncating(key[shared..].to_vec()),
                value: value.clone().map(Bytes::truncating),
            });
            before = key;
        }
        encode(&Encoded {
            base: self.base,
            target: self.target,
            base_root: self.base_root,
            target_root: self.target_root,
            changes: BoundedVec::truncating(changes),
        })
    }

    /// The delta of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, DeltaError> {
        let encoded: Encoded = decode(bytes, DELTA_LEN_MAX)?;
        let mut changes: Vec<(Key, Option<Vec<u8>>)> = Vec::with_capacity(encoded.changes.len());
        for change in encoded.changes.into_vec() {
            let before = changes.last().map(|(key, _)| key.as_bytes());
            let start = before
                .unwrap_or_default()
                .get(..usize::from(change.shared))
                .ok_or(DecodeError::Malformed)?;
            let key =
                Key::new(&[start, &change.rest].concat()).map_err(|_| DecodeError::Malformed)?;
            if before.is_some_and(|before| before >= key.as_bytes()) {
                return Err(DecodeError::Malformed.into());
            }
            if shared_len(before.unwrap_or_default(), key.as_bytes()) != start.len() {
                return Err(DecodeError::NotCanonical.into());
            }
            changes.push((key, change.value.map(BoundedVec::into_vec)));
        }
        Ok(Self {
            base: encoded.base,
            target: encoded.target,
            base_root: encoded.base_root,
            target_root: encoded.target_root,
            changes,
        })
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

/// Bytes that both start with.
fn shared_len(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
