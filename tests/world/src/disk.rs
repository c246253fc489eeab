//! A phone's store: records, batches that are being synced, and what a crash leaves of them.

use std::collections::BTreeMap;

use althing::error::StoreFault;
use althing::id::StoreToken;
use althing::node::{Record, StoreCommand};

use crate::chance::Chance;

/// Batches that may wait: a node that stores without end shows here.
pub(crate) const BATCHES_MAX: usize = 1024;

/// What became of one batch.
pub(crate) type Completion = (StoreToken, Result<(), StoreFault>);

/// A store with a sync latency.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    waiting: Vec<StoreCommand>,
    syncing: Vec<StoreCommand>,
    fault: Option<StoreFault>,
    /// The store as it was once.
    copy: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Disk {
    /// Takes a batch; whether a sync is to be started now.
    pub(crate) fn take(&mut self, batch: StoreCommand) -> bool {
        self.waiting.push(batch);
        self.start()
    }

    /// The sync under way is done: tokens with their results, and whether the next one starts.
    pub(crate) fn synced(&mut self) -> (Vec<Completion>, bool) {
        let batches = std::mem::take(&mut self.syncing);
        let done = batches
            .into_iter()
            .map(|batch| {
                let token = batch.token;
                let result = self.fault.map_or(Ok(()), Err);
                if result.is_ok() {
                    self.apply(batch);
                }
                (token, result)
            })
            .collect();
        (done, self.start())
    }

    /// The process died. Of the batches that were not synced a prefix is on the disk, by chance;
    /// each of them whole.
    pub(crate) fn crash(&mut self, chance: &mut Chance) {
        let mut unsynced = std::mem::take(&mut self.syncing);
        unsynced.append(&mut self.waiting);
        let kept = if chance.permille(500) && self.fault.is_none() {
            chance.index(unsynced.len() + 1)
        } else {
            0
        };
        for batch in unsynced.into_iter().take(kept) {
            self.apply(batch);
        }
    }

    /// The process died, and what was not synced is on the disk up to this byte: the record that it
    /// falls into is cut, those after it are as they were. A removal counts as one byte.
    pub(crate) fn tear(&mut self, bytes: usize) {
        let mut unsynced = std::mem::take(&mut self.syncing);
        unsynced.append(&mut self.waiting);
        let mut left = bytes;
        for batch in unsynced {
            for Record { key, mut value } in batch.puts {
                let Some(room) = left.checked_sub(key.len()) else {
                    return;
                };
                value.truncate(room);
                left = room - value.len();
                self.records.insert(key, value);
                if left == 0 {
                    return;
                }
            }
            for key in batch.deletes {
                let Some(rest) = left.checked_sub(1) else {
                    return;
                };
                left = rest;
                self.records.remove(&key);
            }
        }
    }

    /// A copy of what is synced.
    pub(crate) fn copied(&self) -> Self {
        Self {
            records: self.records.clone(),
            ..Self::default()
        }
    }

    /// All records are gone.
    pub(crate) fn lose(&mut self) {
        self.records.clear();
        self.waiting.clear();
        self.syncing.clear();
        self.fault = None;
    }

    /// Keeps a copy of what is synced.
    pub(crate) fn copy(&mut self) {
        self.copy = Some(self.records.clone());
    }

    /// The copy takes the place of everything that was synced since; nothing where none was made.
    pub(crate) fn put_back(&mut self) -> bool {
        let Some(copy) = self.copy.clone() else {
            return false;
        };
        self.lose();
        self.records = copy;
        true
    }

    /// From now on writes are refused, or no longer.
    pub(crate) fn set_fault(&mut self, fault: Option<StoreFault>) {
        self.fault = fault;
    }

    /// What a restart finds, in key order.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.records
            .iter()
            .map(|(key, value)| Record {
                key: key.clone(),
                value: value.clone(),
            })
            .collect()
    }

    /// Batches that are not synced.
    pub(crate) fn unsynced(&self) -> usize {
        self.waiting.len() + self.syncing.len()
    }

    fn start(&mut self) -> bool {
        if !self.syncing.is_empty() || self.waiting.is_empty() {
            return false;
        }
        // Batches that wait are synced together.
        self.syncing = std::mem::take(&mut self.waiting);
        true
    }

    fn apply(&mut self, batch: StoreCommand) {
        for Record { key, value } in batch.puts {
            self.records.insert(key, value);
        }
        for key in batch.deletes {
            self.records.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(token: u64, key: u8) -> StoreCommand {
        StoreCommand {
            token: StoreToken(token),
            puts: vec![Record {
                key: vec![key],
                value: vec![key],
            }],
            deletes: vec![vec![key + 100]],
        }
    }

    fn tokens(done: Vec<Completion>) -> Vec<u64> {
        done.into_iter()
            .map(|(token, result)| {
                assert_eq!(result, Ok(()));
                token.0
            })
            .collect()
    }

    #[test]
    fn batches_that_wait_are_synced_together() {
        let mut disk = Disk::default();
        assert!(disk.take(batch(1, 1)));
        assert!(!disk.take(batch(2, 2)));
        assert!(!disk.take(batch(3, 3)));
        assert!(
            disk.records().is_empty(),
            "nothing is there before its sync"
        );
        let (done, more) = disk.synced();
        assert_eq!((tokens(done), more), (vec![1], true));
        let (done, more) = disk.synced();
        assert_eq!((tokens(done), more), (vec![2, 3], false));
        assert_eq!(disk.records().len(), 3);
        assert!(disk.take(batch(4, 101)));
        disk.take(batch(5, 1));
        disk.synced();
        assert_eq!(disk.records().len(), 4);
        disk.synced();
        assert_eq!(disk.records().len(), 3, "a delete follows its puts");
    }

    #[test]
    fn a_crash_keeps_a_prefix_of_what_was_not_synced() {
        let mut seen = std::collections::BTreeSet::new();
        let mut chance = Chance::new(1, "crash");
        for _ in 0..200 {
            let mut disk = Disk::default();
            disk.take(batch(0, 0));
            disk.synced();
            for token in 1..4 {
                disk.take(batch(token, u8::try_from(token).unwrap()));
            }
            disk.crash(&mut chance);
            assert_eq!(disk.unsynced(), 0);
            let keys: Vec<u8> = disk.records().iter().map(|record| record.key[0]).collect();
            assert_eq!(
                keys,
                (0..u8::try_from(keys.len()).unwrap()).collect::<Vec<_>>()
            );
            seen.insert(keys.len());
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), vec![1, 2, 3, 4]);
    }

    #[test]
    fn a_torn_disk_holds_everything_up_to_one_byte() {
        let two = || StoreCommand {
            token: StoreToken(1),
            puts: [(b'a', 3), (b'b', 2)]
                .map(|(key, len)| Record {
                    key: vec![key],
                    value: vec![7; len],
                })
                .to_vec(),
            deletes: vec![b"old".to_vec()],
        };
        let lens = |bytes: usize| {
            let mut disk = Disk::default();
            disk.records.insert(b"old".to_vec(), vec![1]);
            disk.take(two());
            disk.tear(bytes);
            assert_eq!(disk.unsynced(), 0);
            let records = disk.records().into_iter();
            let lens =
                records.map(|record| format!("{}{}", record.key[0] as char, record.value.len()));
            lens.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(lens(0), "o1");
        assert_eq!(lens(1), "a0 o1");
        assert_eq!(lens(3), "a2 o1");
        assert_eq!(lens(4), "a3 o1");
        assert_eq!(lens(5), "a3 b0 o1");
        assert_eq!(lens(7), "a3 b2 o1");
        assert_eq!(lens(8), "a3 b2");
        assert_eq!(lens(1_000), "a3 b2");
    }

    #[test]
    fn a_copy_takes_the_place_of_what_came_since() {
        let mut disk = Disk::default();
        assert!(!disk.put_back(), "there is none");
        disk.take(batch(1, 1));
        disk.synced();
        disk.copy();
        disk.take(batch(2, 2));
        disk.synced();
        disk.take(batch(3, 3));
        assert!(disk.put_back());
        assert_eq!((disk.records().len(), disk.unsynced()), (1, 0));
        disk.lose();
        assert!(disk.put_back(), "it is kept apart");
        assert_eq!(disk.records().len(), 1);
    }

    #[test]
    fn a_faulty_disk_changes_nothing_and_says_so() {
        let mut disk = Disk::default();
        disk.set_fault(Some(StoreFault::Full));
        disk.take(batch(1, 1));
        let (done, _) = disk.synced();
        assert_eq!(done, vec![(StoreToken(1), Err(StoreFault::Full))]);
        assert!(disk.records().is_empty());
    }
}
