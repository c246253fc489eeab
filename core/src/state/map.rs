//! Placeholder with the final interface.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::crypto::{Domain, Hash, Hasher};

/// Longest value, bytes.
pub const VALUE_LEN_MAX: usize = 4096;

/// More than 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key of {len} bytes, at most 64 are allowed")]
pub struct KeyTooLong {
    /// Bytes offered.
    pub len: usize,
}

/// A key: at most 64 bytes; one may be a prefix of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<[u8]>);

impl Key {
    /// Longest key, bytes.
    pub const LEN_MAX: usize = 64;

    /// A key of `bytes`.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyTooLong> {
        if bytes.len() > Self::LEN_MAX {
            return Err(KeyTooLong { len: bytes.len() });
        }
        Ok(Self(bytes.into()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// One key that differs between two maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Key,
    /// Its value before.
    pub old: Option<Vec<u8>>,
    /// Its value after.
    pub new: Option<Vec<u8>>,
}

/// An ordered map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    entries: Arc<BTreeMap<Key, Vec<u8>>>,
}

impl Map {
    /// The empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value at `key`.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.entries.get(&Key::new(key).ok()?).map(Vec::as_slice)
    }

    /// Writes `value` (at most [`VALUE_LEN_MAX`] bytes) at `key`.
    pub fn insert(&mut self, key: Key, value: Vec<u8>) {
        Arc::make_mut(&mut self.entries).insert(key, value);
    }

    /// Removes `key`; whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        Key::new(key).is_ok_and(|key| Arc::make_mut(&mut self.entries).remove(&key).is_some())
    }

    /// The root.
    pub fn root(&self) -> Hash {
        let mut hasher = Hasher::new(Domain::MapNode);
        for (key, value) in self.entries.iter() {
            hasher.part(key.as_bytes());
            hasher.part(value);
        }
        hasher.finish()
    }

    /// Entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries in key order.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &[u8])> {
        self.entries
            .iter()
            .map(|(key, value)| (key.clone(), value.as_slice()))
    }

    /// The entries whose key starts with `prefix`, in key order.
    pub fn prefix<'a>(&'a self, prefix: &[u8]) -> impl Iterator<Item = (Key, &'a [u8])> {
        let prefix = prefix.to_vec();
        self.iter()
            .filter(move |(key, _)| key.as_bytes().starts_with(&prefix))
    }

    /// What turns `self` into `other`, in key order; walks only what differs.
    pub fn changes(&self, other: &Self) -> Vec<Change> {
        let mut keys: Vec<_> = self.entries.keys().chain(other.entries.keys()).collect();
        keys.sort();
        keys.dedup();
        keys.into_iter()
            .filter_map(|key| {
                let old = self.entries.get(key).cloned();
                let new = other.entries.get(key).cloned();
                (old != new).then(|| Change {
                    key: key.clone(),
                    old,
                    new,
                })
            })
            .collect()
    }
}
