//! Where records are kept.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use althing::error::StoreFault;
use althing::id::StoreToken;
use althing::node::{Record, StoreCommand};

/// A store of records by key. Batches are atomic and complete in the order they were given.
pub trait Store: Send + fmt::Debug {
    /// All records that are stored and synced, by ascending key.
    fn load(&self) -> Vec<Record>;

    /// Takes a batch; its completion comes out of [`Store::poll`].
    fn submit(&mut self, batch: StoreCommand);

    /// The next batch that is stored and synced, or was refused.
    fn poll(&mut self) -> Option<(StoreToken, Result<(), StoreFault>)>;
}

/// A store in memory. Batches complete at once, or when its owner says so: between the two lies
/// every moment at which a phone may crash.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    explicit: bool,
    waiting: VecDeque<StoreCommand>,
    completed: VecDeque<(StoreToken, Result<(), StoreFault>)>,
}

impl MemoryStore {
    /// An empty store whose batches complete at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store whose batches wait for [`MemoryStore::complete`] or [`MemoryStore::refuse`].
    pub fn explicit() -> Self {
        Self {
            explicit: true,
            ..Self::default()
        }
    }

    /// Batches that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Stores the oldest batch that waits; false when none does.
    pub fn complete(&mut self) -> bool {
        let Some(batch) = self.waiting.pop_front() else {
            return false;
        };
        for record in batch.puts {
            self.records.insert(record.key, record.value);
        }
        for key in &batch.deletes {
            self.records.remove(key);
        }
        self.completed.push_back((batch.token, Ok(())));
        true
    }

    /// Refuses the oldest batch that waits; false when none does.
    pub fn refuse(&mut self, fault: StoreFault) -> bool {
        let Some(batch) = self.waiting.pop_front() else {
            return false;
        };
        self.completed.push_back((batch.token, Err(fault)));
        true
    }

    /// What a crash does: batches that wait are gone, and so is what was not polled.
    pub fn crash(&mut self) {
        self.waiting.clear();
        self.completed.clear();
    }
}

impl Store for MemoryStore {
    fn load(&self) -> Vec<Record> {
        self.records
            .iter()
            .map(|(key, value)| Record {
                key: key.clone(),
                value: value.clone(),
            })
            .collect()
    }

    fn submit(&mut self, batch: StoreCommand) {
        self.waiting.push_back(batch);
        if !self.explicit {
            self.complete();
        }
    }

    fn poll(&mut self) -> Option<(StoreToken, Result<(), StoreFault>)> {
        self.completed.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(token: u64, puts: &[(&[u8], &[u8])], deletes: &[&[u8]]) -> StoreCommand {
        StoreCommand {
            token: StoreToken(token),
            puts: puts
                .iter()
                .map(|(key, value)| Record {
                    key: key.to_vec(),
                    value: value.to_vec(),
                })
                .collect(),
            deletes: deletes.iter().map(|key| key.to_vec()).collect(),
        }
    }

    fn keys(store: &MemoryStore) -> Vec<Vec<u8>> {
        store.load().into_iter().map(|record| record.key).collect()
    }

    #[test]
    fn a_plain_store_completes_at_once() {
        let mut store = MemoryStore::new();
        store.submit(batch(1, &[(b"b", b"1"), (b"a", b"2")], &[]));
        store.submit(batch(2, &[(b"c", b"3")], &[b"b", b"nothing"]));
        assert_eq!(store.poll(), Some((StoreToken(1), Ok(()))));
        assert_eq!(store.poll(), Some((StoreToken(2), Ok(()))));
        assert_eq!(store.poll(), None);
        assert_eq!(keys(&store), [b"a".to_vec(), b"c".to_vec()]);
    }

    #[test]
    fn deletes_come_after_writes() {
        let mut store = MemoryStore::new();
        store.submit(batch(1, &[(b"a", b"1")], &[b"a"]));
        assert_eq!(keys(&store), [] as [Vec<u8>; 0]);
    }

    #[test]
    fn an_explicit_store_waits_and_forgets_in_a_crash() {
        let mut store = MemoryStore::explicit();
        store.submit(batch(1, &[(b"a", b"1")], &[]));
        store.submit(batch(2, &[(b"b", b"1")], &[]));
        assert_eq!(store.poll(), None);
        assert!(store.complete());
        assert_eq!(store.poll(), Some((StoreToken(1), Ok(()))));
        assert_eq!(store.waiting(), 1);
        store.crash();
        assert!(!store.complete());
        assert!(!store.refuse(StoreFault::Full));
        assert_eq!(store.poll(), None);
        assert_eq!(keys(&store), [b"a".to_vec()]);
    }

    #[test]
    fn a_refused_batch_changes_nothing() {
        let mut store = MemoryStore::explicit();
        store.submit(batch(1, &[(b"a", b"1")], &[]));
        assert!(store.refuse(StoreFault::Full));
        assert_eq!(store.poll(), Some((StoreToken(1), Err(StoreFault::Full))));
        assert_eq!(keys(&store), [] as [Vec<u8>; 0]);
    }
}
