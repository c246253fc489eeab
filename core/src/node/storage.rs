//! What waits for the store: atomic batches in order, and who is told when they are durable.

use std::collections::BTreeMap;

use super::{Record, StoreCommand};
use crate::crypto::{Domain, hash};
use crate::error::RestoreError;
use crate::id::{GroupId, RunId, StoreToken};
use crate::time::{Duration, Instant};
use crate::wire::{decode, encode};

/// Format of all records, the first byte of each: a change of any of them is a new one.
const FORMAT: u8 = 1;
/// Bytes of its checksum, after that.
const CHECKSUM_LEN: usize = 4;

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

/// Writes that wait, and the one batch under way.
///
/// Batches leave one at a time and in order: what a later write relies on is durable before it, and
/// a batch that the store refuses is tried again, with what came since behind it, before anything
/// else is stored. Nobody is told before his writes are durable (C8).
#[derive(Debug)]
pub(super) struct Storage {
    /// Value by key; none where the key is removed.
    waiting: Writes,
    receipts: Vec<(GroupId, Receipt)>,
    next_token: u64,
    under_way: Option<Batch>,
    pause: Pause,
    retry_at: Option<Instant>,
}

type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

#[derive(Debug)]
struct Batch {
    token: StoreToken,
    writes: Writes,
    receipts: Vec<(GroupId, Receipt)>,
}

/// How long a refused batch waits: doubles with every refusal in a row.
#[derive(Clone, Copy, Debug)]
struct Pause {
    min: Duration,
    max: Duration,
    now: Duration,
}

impl Storage {
    /// An idle store; a refused batch is tried again after `min`, later after up to `max`.
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self {
            waiting: Writes::new(),
            receipts: Vec::new(),
            next_token: 0,
            under_way: None,
            pause: Pause { min, max, now: min },
            retry_at: None,
        }
    }

    /// What the store says of itself: its numbering, what proves it current, and whether an earlier
    /// one was lost.
    pub(super) fn put_meta(&mut self, run: RunId, counter: u64, lost_before: bool) {
        let meta = encode(&(run, counter, lost_before));
        self.put(META_KEY.to_vec(), &meta);
    }

    fn put(&mut self, key: Vec<u8>, value: &[u8]) {
        let value = sealed(&key, value);
        self.waiting.insert(key, Some(value));
    }

    /// Removes records that cannot be read, so that they are not found again.
    pub(super) fn remove(&mut self, damaged: &[Vec<u8>]) {
        let removals = damaged.iter().map(|key| (key.clone(), None));
        self.waiting.extend(removals);
    }

    /// Adds writes of a group; keys are relative to it. Of writes to one key the last one counts.
    pub(super) fn add(
        &mut self,
        group: GroupId,
        puts: Vec<Record>,
        deletes: Vec<Vec<u8>>,
        receipt: Option<Receipt>,
    ) {
        for record in puts {
            self.put(absolute(group, &record.key), &record.value);
        }
        for key in deletes {
            self.waiting.insert(absolute(group, &key), None);
        }
        self.receipts
            .extend(receipt.map(|receipt| (group, receipt)));
    }

    /// The next batch, if anything waits and nothing is under way.
    pub(super) fn take_batch(&mut self, now: Instant) -> Option<StoreCommand> {
        let rests = self.under_way.is_some() || self.retry_at.is_some_and(|at| at > now);
        if rests || self.waiting.is_empty() && self.receipts.is_empty() {
            return None;
        }
        self.retry_at = None;
        self.next_token += 1;
        let token = StoreToken(self.next_token);
        let writes = std::mem::take(&mut self.waiting);
        let (mut puts, mut deletes) = (Vec::new(), Vec::new());
        for (key, value) in &writes {
            match value {
                Some(value) => puts.push(Record {
                    key: key.clone(),
                    value: value.clone(),
                }),
                None => deletes.push(key.clone()),
            }
        }
        let receipts = std::mem::take(&mut self.receipts);
        self.under_way = Some(Batch {
            token,
            writes,
            receipts,
        });
        Some(StoreCommand {
            token,
            puts,
            deletes,
        })
    }

    /// Whom the end of the batch under way concerns: everyone who waited for it, or nobody where it
    /// is not durable or not known.
    pub(super) fn complete(
        &mut self,
        token: StoreToken,
        ok: bool,
        now: Instant,
    ) -> Vec<(GroupId, Receipt)> {
        let Some(batch) = self.under_way.take_if(|batch| batch.token == token) else {
            return Vec::new();
        };
        if ok {
            self.pause.now = self.pause.min;
            return batch.receipts;
        }
        for (key, value) in batch.writes {
            self.waiting.entry(key).or_insert(value);
        }
        self.receipts.splice(0..0, batch.receipts);
        self.retry_at = Some(now + self.pause.now);
        self.pause.now = (self.pause.now * 2).min(self.pause.max);
        Vec::new()
    }

    /// When a refused batch is tried again.
    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        self.retry_at
            .map(|at| (at, "a batch that the store refused"))
    }
}

/// What a store held.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Its numbering, none for an empty store.
    pub(super) run: Option<RunId>,
    /// The last counter it was told.
    pub(super) counter: Option<u64>,
    /// Whether an earlier store was lost.
    pub(super) lost_before: bool,
    /// Keys of records that were cut: what else was lost with them is not known.
    pub(super) damaged: Vec<Vec<u8>>,
    /// Records by group, keys relative to it, ascending.
    pub(super) groups: BTreeMap<GroupId, Vec<Record>>,
}

impl Loaded {
    /// Fails where a record has another format than this build's. A record that was cut to nothing
    /// has none: it is damaged like one that was cut later.
    pub(super) fn read(mut stored: Vec<Record>) -> Result<Self, RestoreError> {
        stored.sort_by(|left, right| left.key.cmp(&right.key));
        let mut loaded = Self::default();
        for Record { key, value } in stored {
            if let Some(found) = value.first().copied().filter(|found| *found != FORMAT) {
                let known = FORMAT;
                return Err(RestoreError::UnknownFormat { found, known });
            }
            let Some(value) = opened(&key, &value) else {
                loaded.damaged.push(key);
                continue;
            };
            if key == META_KEY {
                if let Ok((run, counter, lost)) = decode::<(RunId, u64, bool)>(&value, 64) {
                    loaded.run = Some(run);
                    loaded.counter = Some(counter);
                    loaded.lost_before = lost;
                }
            } else if key.first() == Some(&GROUP_PREFIX)
                && let Some(group) = key.get(1..=GROUP_LEN)
            {
                let group = GroupId(group.try_into().expect("the range has the length of an id"));
                loaded.groups.entry(group).or_default().push(Record {
                    key: key[1 + GROUP_LEN..].to_vec(),
                    value,
                });
            }
        }
        Ok(loaded)
    }
}

/// A record as it is stored: its format, a checksum over key and value, the value. A store that keeps
/// its promises needs no checksum; one that breaks them must not cost a number or a vote twice.
fn sealed(key: &[u8], value: &[u8]) -> Vec<u8> {
    [&[FORMAT], &checksum(key, value)[..], value].concat()
}

fn opened(key: &[u8], stored: &[u8]) -> Option<Vec<u8>> {
    let (_, rest) = stored.split_first()?;
    let (sum, value) = rest.split_first_chunk()?;
    (*sum == checksum(key, value)).then(|| value.to_vec())
}

fn checksum(key: &[u8], value: &[u8]) -> [u8; CHECKSUM_LEN] {
    let digest = hash(Domain::StoredRecord, &[key, value]);
    let (sum, _) = digest
        .as_bytes()
        .split_first_chunk()
        .expect("a hash is longer");
    *sum
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
    const PAUSE: Duration = Duration::from_millis(500);

    fn storage() -> Storage {
        Storage::new(PAUSE, PAUSE * 4)
    }

    fn put(storage: &mut Storage, key: u8, value: u8, receipt: u64) {
        let record = Record {
            key: vec![key],
            value: vec![value],
        };
        storage.add(
            GROUP,
            vec![record],
            vec![],
            Some(Receipt::Consensus(receipt)),
        );
    }

    #[test]
    fn one_batch_at_a_time_names_who_waits() {
        let mut storage = storage();
        let now = Instant::ZERO;
        assert_eq!(storage.take_batch(now), None);
        put(&mut storage, 1, 2, 9);
        storage.add(GROUP, vec![], vec![vec![3]], None);
        let batch = storage.take_batch(now).expect("something was written");
        assert_eq!((batch.puts.len(), batch.deletes.len()), (1, 1));
        put(&mut storage, 4, 5, 10);
        assert_eq!(storage.take_batch(now), None, "the first is under way");
        let told = storage.complete(batch.token, true, now);
        assert_eq!(told, [(GROUP, Receipt::Consensus(9))]);
        assert_eq!(storage.complete(batch.token, true, now), [], "only once");
        assert!(storage.take_batch(now).is_some());
    }

    #[test]
    fn the_last_write_to_a_key_counts() {
        let mut storage = storage();
        put(&mut storage, 1, 1, 1);
        storage.add(GROUP, vec![], vec![vec![1]], None);
        put(&mut storage, 1, 2, 2);
        let batch = storage
            .take_batch(Instant::ZERO)
            .expect("something was written");
        assert!(batch.deletes.is_empty());
        assert_eq!(batch.puts[0].value[1 + CHECKSUM_LEN..], [2]);
    }

    #[test]
    fn a_refused_batch_is_tried_again_in_order_and_before_anything_else() {
        let mut storage = storage();
        let now = Instant::ZERO;
        put(&mut storage, 1, 1, 1);
        put(&mut storage, 2, 1, 2);
        let first = storage.take_batch(now).expect("something was written");
        put(&mut storage, 1, 9, 3);
        assert_eq!(storage.complete(first.token, false, now), []);
        assert_eq!(storage.deadline().map(|(at, _)| at), Some(now + PAUSE));
        assert_eq!(
            storage.take_batch(now + PAUSE - Duration::from_micros(1)),
            None
        );
        let again = storage.take_batch(now + PAUSE).expect("it is tried again");
        let values: Vec<_> = again
            .puts
            .iter()
            .map(|record| record.value[1 + CHECKSUM_LEN])
            .collect();
        assert_eq!(
            values,
            [9, 1],
            "the newer write of one key, the older one of the other"
        );
        let told = storage.complete(again.token, true, now);
        let order = [1, 2, 3].map(|number| (GROUP, Receipt::Consensus(number)));
        assert_eq!(told, order);
    }

    fn written() -> Vec<Record> {
        let mut storage = storage();
        storage.put_meta(RunId(5), 3, true);
        put(&mut storage, 1, 2, 1);
        let batch = storage.take_batch(Instant::ZERO);
        batch.expect("something was written").puts
    }

    #[test]
    fn a_store_is_read_back() {
        let loaded = Loaded::read(written()).expect("the format is ours");
        assert_eq!((loaded.run, loaded.counter), (Some(RunId(5)), Some(3)));
        assert!(loaded.lost_before);
        let record = Record {
            key: vec![1],
            value: vec![2],
        };
        assert_eq!(loaded.groups[&GROUP], [record]);
    }

    #[test]
    fn a_record_of_another_format_is_named_and_a_cut_one_is_damaged() {
        for at in 0..written().len() {
            for found in [0, FORMAT + 1, u8::MAX] {
                let mut records = written();
                assert_eq!(records[at].value[0], FORMAT);
                records[at].value[0] = found;
                let error = Loaded::read(records).expect_err("another format");
                let known = FORMAT;
                assert_eq!(error, RestoreError::UnknownFormat { found, known });
            }
        }
        for (at, record) in written().iter().enumerate() {
            for len in 0..record.value.len() {
                let mut records = written();
                records[at].value.truncate(len);
                let loaded = Loaded::read(records).expect("a cut record has no other format");
                assert_eq!(
                    loaded.damaged,
                    std::slice::from_ref(&record.key),
                    "{len} bytes"
                );
                let left = usize::from(loaded.run.is_some()) + loaded.groups.len();
                assert_eq!(left, written().len() - 1);
            }
        }
        let mut records = written();
        let (one, other) = (records[0].key.clone(), records[1].key.clone());
        (records[0].key, records[1].key) = (other, one);
        let loaded = Loaded::read(records).expect("the format is ours");
        assert_eq!(loaded.damaged.len(), 2, "a record in the place of another");
    }
}
