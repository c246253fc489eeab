//! Uncommitted writes over a [`Map`]: dropped or absorbed.

use std::collections::BTreeMap;
use std::ops::Bound;

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
        match self.writes.get(key) {
            Some(written) => written.as_deref(),
            None => self.base.get(key),
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
        let bounds = (Bound::Included(prefix), Bound::Unbounded);
        let mut written = self
            .writes
            .range::<[u8], _>(bounds)
            .take_while(|(key, _)| key.as_bytes().starts_with(prefix))
            .peekable();
        let mut found = Vec::new();
        let mut keep = |key: &Key, value: &Option<Vec<u8>>| {
            found.extend(value.clone().map(|value| (key.clone(), value)));
        };
        for (key, value) in self.base.prefix(prefix) {
            while let Some((earlier, value)) = written.next_if(|(other, _)| **other < key) {
                keep(earlier, value);
            }
            match written.next_if(|(other, _)| **other == key) {
                Some((_, value)) => keep(&key, value),
                None => keep(&key, &Some(value.to_vec())),
            }
        }
        for (key, value) in written {
            keep(key, value);
        }
        found
    }

    /// Where we are now.
    pub fn mark(&self) -> Mark {
        Mark(self.journal.len())
    }

    /// The keys written or removed since `mark`, in the order of the writes.
    pub fn written_since(&self, mark: Mark) -> impl Iterator<Item = &Key> {
        self.journal.iter().skip(mark.0).map(|(key, _)| key)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(
            prop::sample::select(vec![0x00, 0x01, 0x10, 0x11, 0xff]),
            0..3,
        )
    }

    fn write() -> impl Strategy<Value = (Vec<u8>, Option<u8>)> {
        (key(), prop::option::of(any::<u8>()))
    }

    fn play(overlay: &mut Overlay, writes: &[(Vec<u8>, Option<u8>)]) {
        for (key, value) in writes {
            match value {
                Some(value) => overlay.set(key, vec![*value]),
                None => overlay.remove(key),
            }
            .expect("keys are short");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn reads_like_the_map_it_will_become_and_undoes_exactly(
            base in prop::collection::vec((key(), any::<u8>()), 0..12),
            kept in prop::collection::vec(write(), 0..12),
            undone in prop::collection::vec(write(), 0..12),
            prefix in key(),
        ) {
            let base: Map = base
                .into_iter()
                .map(|(key, value)| (Key::new(&key).expect("short"), vec![value]))
                .collect();
            let mut overlay = Overlay::new(base.clone());
            play(&mut overlay, &kept);
            let reference = overlay.clone();
            let mark = overlay.mark();
            play(&mut overlay, &undone);
            prop_assert!(
                overlay.written_since(mark).map(Key::as_bytes)
                    .eq(undone.iter().map(|(key, _)| key.as_slice()))
            );
            overlay.undo_to(mark);
            prop_assert_eq!(&overlay.writes, &reference.writes);

            let found = overlay.prefix(&prefix);
            let map = overlay.clone().absorb();
            for key in base.iter().map(|(key, _)| key).chain(overlay.writes.keys().cloned()) {
                prop_assert_eq!(overlay.get(key.as_bytes()), map.get(key.as_bytes()));
            }
            prop_assert!(
                map.prefix(&prefix).map(|(key, value)| (key, value.to_vec())).eq(found)
            );
        }
    }

    #[test]
    fn refuses_a_long_key_and_writes_nothing() {
        let mut overlay = Overlay::new(Map::new());
        assert_eq!(
            overlay.set(&[0; 65], Vec::new()),
            Err(KeyTooLong { len: 65 })
        );
        assert_eq!(overlay.remove(&[0; 65]), Err(KeyTooLong { len: 65 }));
        assert_eq!(overlay.get(&[0; 65]), None);
        assert!(overlay.absorb().is_empty());
    }
}
