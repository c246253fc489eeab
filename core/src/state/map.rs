//! The authenticated map: canonical, persistent, ordered.

use std::fmt;
use std::sync::Arc;

use super::Key;
use super::node::{Node, empty_hash};
use crate::crypto::Hash;

#[cfg(test)]
pub(crate) mod tests;

/// Longest value, bytes.
pub const VALUE_LEN_MAX: usize = 4096;

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

/// An ordered map of [`Key`]s to bytes: a path-compressed radix-16 tree over the key's nibbles.
///
/// Its shape and its root depend on its content only, never on the order of writes. A clone is
/// O(1), and versions share every node that did not change. Hashes are computed when the root is
/// asked for, and each node's only once.
#[derive(Clone, Default)]
pub struct Map {
    root: Option<Arc<Node>>,
    len: usize,
}

impl Map {
    /// The empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value at `key`.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.root.as_ref()?.get(key)
    }

    /// Writes `value` at `key`. Writing what is there already changes nothing.
    ///
    /// # Panics
    /// If the value is longer than [`VALUE_LEN_MAX`]: decoders and rule sets bound it before.
    pub fn insert(&mut self, key: Key, value: Vec<u8>) {
        assert!(value.len() <= VALUE_LEN_MAX, "values are bounded before");
        if self.get(key.as_bytes()) == Some(&value) {
            return;
        }
        let value = value.into();
        let new = match &mut self.root {
            Some(root) => Node::insert(root, key, value),
            None => {
                self.root = Some(Arc::new(Node::root(key, value)));
                true
            }
        };
        self.len += usize::from(new);
    }

    /// Removes `key`; whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let Some(root) = &mut self.root else {
            return false;
        };
        if root.get(key).is_none() {
            return false;
        }
        if Node::remove(root, key) {
            self.root = None;
        }
        self.len -= 1;
        true
    }

    /// The root: equal for two maps exactly if their entries are.
    pub fn root(&self) -> Hash {
        self.root
            .as_ref()
            .map_or_else(empty_hash, |root| root.hash())
    }

    /// Entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries in key order.
    pub fn iter(&self) -> Entries<'_> {
        Entries::new(self.root.as_deref())
    }

    /// The entries whose key starts with `prefix`, in key order. Walks no others.
    pub fn prefix(&self, prefix: &[u8]) -> Entries<'_> {
        Entries::new(self.root.as_ref().and_then(|root| root.below(prefix)))
    }

    /// What turns `self` into `other`, in key order. Walks only what differs: parts that the two
    /// share, or whose hashes are known and equal, are skipped whole.
    pub fn changes(&self, other: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        match (&self.root, &other.root) {
            (Some(old), Some(new)) => Node::changes(old, new, 0, &mut changes),
            (Some(_), None) => changes.extend(self.iter().map(|(key, value)| Change {
                key,
                old: Some(value.to_vec()),
                new: None,
            })),
            (None, Some(_)) => changes.extend(other.iter().map(|(key, value)| Change {
                key,
                old: None,
                new: Some(value.to_vec()),
            })),
            (None, None) => {}
        }
        changes
    }

    pub(super) fn node(&self) -> Option<&Arc<Node>> {
        self.root.as_ref()
    }

    /// The map of the tree under `root`.
    pub(super) fn from_node(root: Arc<Node>) -> Self {
        let len = Entries::new(Some(&root)).count();
        Self {
            root: Some(root),
            len,
        }
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        match (&self.root, &other.root) {
            (Some(a), Some(b)) => self.len == other.len && Node::same(a, b),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Eq for Map {}

/// Entries that a map prints of itself: states are large, and they stand inside many values.
const DEBUG_ENTRIES_MAX: usize = 16;

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in self.iter().take(DEBUG_ENTRIES_MAX) {
            map.entry(&key, &format_args!("{}", value.escape_ascii()));
        }
        if self.len > DEBUG_ENTRIES_MAX {
            map.finish_non_exhaustive()
        } else {
            map.finish()
        }
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (Key, &'a [u8]);
    type IntoIter = Entries<'a>;

    fn into_iter(self) -> Entries<'a> {
        self.iter()
    }
}

impl FromIterator<(Key, Vec<u8>)> for Map {
    fn from_iter<I: IntoIterator<Item = (Key, Vec<u8>)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

/// Entries of a map in key order.
#[derive(Debug)]
pub struct Entries<'a> {
    // Nodes still to visit, the next one last.
    stack: Vec<&'a Node>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(node: Option<&'a Node>) -> Self {
        Self {
            stack: node.into_iter().collect(),
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Key, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // A node's own key is a prefix of all keys below it: it comes first.
        while let Some(node) = self.stack.pop() {
            self.stack
                .extend(node.children().iter().rev().map(Arc::as_ref));
            if let Some((key, value)) = node.entry() {
                return Some((key.clone(), value));
            }
        }
        None
    }
}
