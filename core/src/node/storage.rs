//! What waits for the store: one atomic batch per input, and who is told when it is durable.

use std::collections::BTreeMap;

use super::{Record, StoreCommand};
use crate::id::{GroupId, RunId, StoreToken};
use crate::wire::{decode, encode};

/// Counter of a store that was found lost or old: no driver's counter ever reaches it.
pub(super) const NEVER_CURRENT: u64 = u64::MAX - 1;

const META_KEY: &[u8] = b"m";
const GROUP_PREFIX: u8 = b'g';
const GROUP_LEN: usize = 16;

/// Who waits for a batch: a number that the table understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receipt {
    /// The gathering's record of that number.
    Gathering(u64),
    /// The agreement's batch of that number.
    Consensus(u64),
    /// The replica's own batch of that number.
    Replica(u64),
}

/// Writes of the running input, and batches under way.
#[derive(Debug, Default)]
pub(super) struct Storage {
    puts: Vec<Record>,
    deletes: Vec<Vec<u8>>,
    receipts: Vec<(GroupId, Receipt)>,
    next_token: u64,
    under_way: BTreeMap<StoreToken, Vec<(GroupId, Receipt)>>,
}

impl Storage {
    pub(super) fn put_meta(&mut self, run: RunId, counter: u64) {
        self.puts.push(Record {
            key: META_KEY.to_vec(),
            value: encode(&(run, counter)),
        });
    }

    /// Adds writes of a group; keys are relative to it.
    pub(super) fn add(
        &mut self,
        group: GroupId,
        puts: Vec<Record>,
        deletes: Vec<Vec<u8>>,
        receipt: Option<Receipt>,
    ) {
        for record in puts {
            // A later write of one key wins, whatever an earlier one of the same batch said.
            let key = absolute(group, &record.key);
            self.deletes.retain(|deleted| *deleted != key);
            self.puts.push(Record {
                key,
                value: record.value,
            });
        }
        self.deletes
            .extend(deletes.iter().map(|key| absolute(group, key)));
        self.receipts
            .extend(receipt.map(|receipt| (group, receipt)));
    }

    /// The batch of this input, if anything was written.
    pub(super) fn take_batch(&mut self) -> Option<StoreCommand> {
        if self.puts.is_empty() && self.deletes.is_empty() && self.receipts.is_empty() {
            return None;
        }
        self.next_token += 1;
        let token = StoreToken(self.next_token);
        self.under_way
            .insert(token, std::mem::take(&mut self.receipts));
        Some(StoreCommand {
            token,
            puts: std::mem::take(&mut self.puts),
            deletes: std::mem::take(&mut self.deletes),
        })
    }

    /// Whom the end of a batch concerns; nobody for a token that is not under way.
    pub(super) fn complete(&mut self, token: StoreToken) -> Vec<(GroupId, Receipt)> {
        self.under_way.remove(&token).unwrap_or_default()
    }
}

/// What a store held.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Its numbering, none for an empty store.
    pub(super) run: Option<RunId>,
    /// The last counter it was told.
    pub(super) counter: Option<u64>,
    /// Records by group, keys relative to it, ascending.
    pub(super) groups: BTreeMap<GroupId, Vec<Record>>,
}

impl Loaded {
    pub(super) fn read(mut stored: Vec<Record>) -> Self {
        stored.sort_by(|left, right| left.key.cmp(&right.key));
        let mut loaded = Self::default();
        for record in stored {
            if record.key == META_KEY {
                if let Ok((run, counter)) = decode::<(RunId, u64)>(&record.value, 64) {
                    loaded.run = Some(run);
                    loaded.counter = Some(counter);
                }
            } else if record.key.first() == Some(&GROUP_PREFIX)
                && let Some(group) = record.key.get(1..=GROUP_LEN)
            {
                let group = GroupId(group.try_into().expect("the range has the length of an id"));
                loaded.groups.entry(group).or_default().push(Record {
                    key: record.key[1 + GROUP_LEN..].to_vec(),
                    value: record.value,
                });
            }
        }
        loaded
    }
}

fn absolute(group: GroupId, key: &[u8]) -> Vec<u8> {
    let mut absolute = Vec::with_capacity(1 + GROUP_LEN + key.len());
    absolute.push(GROUP_PREFIX);
    absolute.extend_from_slice(group.as_bytes());
    absolute.extend_from_slice(key);
    absolute
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: GroupId = GroupId([7; 16]);

    #[test]
    fn one_batch_per_input_names_who_waits() {
        let mut storage = Storage::default();
        assert_eq!(storage.take_batch(), None);
        let record = Record {
            key: vec![1],
            value: vec![2],
        };
        storage.add(
            GROUP,
            vec![record],
            vec![vec![3]],
            Some(Receipt::Consensus(9)),
        );
        let batch = storage.take_batch().expect("something was written");
        assert_eq!((batch.puts.len(), batch.deletes.len()), (1, 1));
        assert_eq!(
            storage.complete(batch.token),
            vec![(GROUP, Receipt::Consensus(9))]
        );
        assert_eq!(storage.complete(batch.token), vec![]);
    }

    #[test]
    fn a_put_after_a_delete_of_the_same_key_stays() {
        let mut storage = Storage::default();
        storage.add(GROUP, vec![], vec![vec![1]], None);
        storage.add(
            GROUP,
            vec![Record {
                key: vec![1],
                value: vec![2],
            }],
            vec![],
            None,
        );
        let batch = storage.take_batch().expect("something was written");
        assert!(batch.deletes.is_empty());
    }

    #[test]
    fn a_store_is_read_back() {
        let mut storage = Storage::default();
        storage.put_meta(RunId(5), 3);
        storage.add(
            GROUP,
            vec![Record {
                key: vec![1],
                value: vec![2],
            }],
            vec![],
            None,
        );
        let batch = storage.take_batch().expect("something was written");
        let loaded = Loaded::read(batch.puts);
        assert_eq!((loaded.run, loaded.counter), (Some(RunId(5)), Some(3)));
        assert_eq!(
            loaded.groups[&GROUP],
            vec![Record {
                key: vec![1],
                value: vec![2]
            }]
        );
    }
}
