//! Uncommitted writes over a [`Map`]: dropped or absorbed.

use std::collections::BTreeMap;

use super::{Key, KeyTooLong, Map, VALUE_LEN_MAX};

/// Uncommitted writes over a [`Map`]. A mark taken before an action undoes exactly that action.
#[derive(Clone, Debug)]
pub struct Overlay {
    base: Map,
    writes: BTreeMap<Key, Option<Vec<u8>>>,
    journal: Vec<(Key, Option<Option<Vec<u8>>>)>,
}

/// A point to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

impl Overlay {
    /// No writes over `base` (a clone of a map is O(1)).
    pub fn new(base: Map) -> Self {
        Self {
            base,
            writes: BTreeMap::new(),
            journal: Vec::new(),
        }
    }

    /// The value at `key`, with the writes.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let key = Key::new(key).ok()?;
        match self.writes.get(&key) {
            Some(written) => written.as_deref(),
            None => self.base.get(key.as_bytes()),
        }
    }

    /// Writes `value` at `key`.
    ///
    /// # Panics
    /// If the value is longer than [`VALUE_LEN_MAX`]: rule sets bound what they write.
    pub fn set(&mut self, key: &[u8], value: Vec<u8>) -> Result<(), KeyTooLong> {
        assert!(value.len() <= VALUE_LEN_MAX, "rule sets bound their values");
        self.write(Key::new(key)?, Some(value));
        Ok(())
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: &[u8]) -> Result<(), KeyTooLong> {
        self.write(Key::new(key)?, None);
        Ok(())
    }

    /// All entries whose key starts with `prefix`, in key order, with the writes.
    pub fn prefix(&self, prefix: &[u8]) -> Vec<(Key, Vec<u8>)> {
        let mut found: BTreeMap<Key, Vec<u8>> = self
            .base
            .prefix(prefix)
            .map(|(key, value)| (key, value.to_vec()))
            .collect();
        for (key, value) in &self.writes {
            if key.as_bytes().starts_with(prefix) {
                match value {
                    Some(value) => found.insert(key.clone(), value.clone()),
                    None => found.remove(key),
                };
            }
        }
        found.into_iter().collect()
    }

    /// Where we are now.
    pub fn mark(&self) -> Mark {
        Mark(self.journal.len())
    }

    /// Undoes every write since `mark`.
    pub fn undo_to(&mut self, mark: Mark) {
        while self.journal.len() > mark.0 {
            let (key, before) = self
                .journal
                .pop()
                .expect("the journal is longer than the mark");
            match before {
                Some(value) => self.writes.insert(key, value),
                None => self.writes.remove(&key),
            };
        }
    }

    /// The map with the writes absorbed.
    pub fn absorb(self) -> Map {
        let mut map = self.base;
        for (key, value) in self.writes {
            match value {
                Some(value) => map.insert(key, value),
                None => {
                    map.remove(key.as_bytes());
                }
            }
        }
        map
    }

    fn write(&mut self, key: Key, value: Option<Vec<u8>>) {
        let before = self.writes.insert(key.clone(), value);
        self.journal.push((key, before));
    }
}
