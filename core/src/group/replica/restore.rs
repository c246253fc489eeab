//! What a replica keeps in the store, and how it goes on from there.
//!
//! Keys, relative to the group: `G` the genesis; `S` a base, a whole state with its certified header;
//! `B` + height, one block above it; `A` + submission, own submissions; `C` + key, the agreement's;
//! `T` + author and run, a count of the tally; `D` the evidence of a divergence; `O` + hash, an action
//! of another that an own one names as seen.

use serde::{Deserialize, Serialize};

use super::diverge::Diverging;
use super::{Replica, ReplicaOutput, ReplicaSetup, own_index, standing};
use crate::consensus::{Consensus, Finalized};
use crate::crypto::Hash;
use crate::group::{Divergence, Executor, Submissions};
use crate::outbox::{Outbox, Record};
use crate::state::{History, Key, Map, VALUE_LEN_MAX};
use crate::sync::{Snapshot, Synchronizer};
use crate::time::Instant;
use crate::wire::{Block, Certificate, Header, SignedAction, SignedGenesis, decode, encode};

#[derive(Serialize, Deserialize)]
struct StoredBlock {
    block: Block,
    finalization: Option<Certificate>,
}

#[derive(Serialize, Deserialize)]
struct StoredBase {
    header: Header,
    finalization: Certificate,
    entries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Replica {
    /// A group that goes on from its records; none where they hold no genesis that fits this phone.
    /// What cannot be read is fetched again, and the phone asks the others before it votes (C8): what
    /// else it forgot is not known.
    pub fn restore(
        setup: &ReplicaSetup,
        records: &[Record],
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) -> Option<Self> {
        let genesis = stored_genesis(records)?;
        let own = own_index(&setup.identity, &genesis).ok()?;
        let (executor, state) = Self::executor(setup, &genesis).ok()?;
        let committee = Self::committee(setup, &executor);
        let past = Past::read(
            &executor,
            state,
            records,
            setup.config.group.history_bytes_max,
        );
        let history = past.history;
        let (height, block) = history.head();
        let certificate = history
            .at(height)
            .and_then(|entry| entry.finalization.clone());
        let round = certificate
            .as_ref()
            .map_or(0, |certificate| certificate.statement.round);
        let submitted: Vec<(u64, Vec<u8>)> = records
            .iter()
            .filter(|record| record.key.first() == Some(&SUBMISSION))
            .filter_map(|record| Some((submission_of(&record.key)?, record.value.clone())))
            .collect();
        let mut submissions = Submissions::restore(
            &genesis.genesis,
            setup.identity.peer(),
            setup.run,
            setup.config.group.pending_max,
            height,
            history.state().clone(),
            &submitted,
        );
        if !setup.may_vote {
            // The chain of an older store may have gone on since: its next number is not free.
            submissions.set_run(setup.run);
        }
        let votes: Vec<Record> = records
            .iter()
            .filter(|record| record.key.first() == Some(&CONSENSUS))
            .map(|record| Record {
                key: record.key[1..].to_vec(),
                value: record.value.clone(),
            })
            .collect();
        let mut wishes = Outbox::new();
        let consensus = Consensus::restore(
            setup.config.consensus.clone(),
            committee,
            setup.identity.clone(),
            Some(own),
            setup.proof(past.whole),
            Finalized {
                height,
                block,
                round,
                certificate,
            },
            &votes,
            now,
            &mut wishes,
        );
        let mut replica = Self::assemble(
            setup,
            genesis,
            executor,
            history,
            submissions,
            consensus,
            own,
            records,
            now,
        );
        replica.stored_base = past.base_height;
        replica.diverging = Diverging::restored(records);
        while let Some(wish) = wishes.pop() {
            if let Some(input) = replica.consensus_output(wish, now, out) {
                replica.consensus_input(input, now, out);
            }
        }
        replica.resume_diverged();
        replica.restore_seen(records);
        // What was signed and stored before the crash may never have left.
        replica.repeat.arm(true, now);
        Some(replica)
    }

    /// Stores the whole state once enough blocks stand on the last one that was.
    pub(super) fn store_base_if_due(&mut self, out: &mut Outbox<ReplicaOutput>) {
        let (height, _) = self.history.head();
        if height >= self.stored_base + self.base_every {
            self.store_base(height, out);
        }
    }

    /// Stores the head's state whole, if the head has its own finalization; blocks up to `blocks_to`
    /// need not be kept any more.
    pub(super) fn store_base(&mut self, blocks_to: u64, out: &mut Outbox<ReplicaOutput>) {
        let (height, _) = self.history.head();
        let Some(base) = Synchronizer::create_snapshot(&self.history, height) else {
            return;
        };
        let put = base_record(base);
        let deletes = (self.stored_base..=blocks_to).map(block_key).collect();
        self.stored_base = height;
        out.push(ReplicaOutput::Store {
            receipt: None,
            puts: vec![put],
            deletes,
        });
    }
}

/// The committed past as the records tell it.
struct Past {
    history: History,
    base_height: u64,
    /// Whether every record could be read and stood on the one before.
    whole: bool,
}

impl Past {
    fn read(executor: &Executor, genesis: Map, records: &[Record], bytes_max: usize) -> Self {
        let mut past = Self {
            history: History::new(executor.epoch(), genesis, bytes_max),
            base_height: 0,
            whole: true,
        };
        if records.iter().any(|record| record.key == [BASE]) {
            past.whole = past.install(records).is_some();
        }
        for record in records
            .iter()
            .filter(|record| record.key.first() == Some(&BLOCK))
        {
            if past.push(executor, &record.value).is_none() {
                past.whole = false;
                break;
            }
        }
        // Only a block with its own finalization can be the head of the agreement.
        let certified = past.history.entries().rev();
        let head = certified
            .filter(|entry| entry.finalization.is_some())
            .map(|entry| entry.header.height)
            .next()
            .unwrap_or(0);
        if let Ok((_, certified)) = past.history.rollback(head) {
            past.history = certified;
        }
        past
    }

    fn install(&mut self, records: &[Record]) -> Option<()> {
        let base = stored_base(records)?;
        let height = base.header.height;
        self.history
            .install(base.header, base.finalization, base.state)
            .ok()?;
        self.base_height = height;
        Some(())
    }

    fn push(&mut self, executor: &Executor, value: &[u8]) -> Option<()> {
        let stored: StoredBlock = decode(value, usize::MAX).ok()?;
        let (height, parent) = self.history.head();
        if stored.block.height <= height {
            return Some(());
        }
        let base = standing(height, parent, self.history.state());
        let executed = executor.execute(base, &stored.block).ok()?;
        let StoredBlock {
            block,
            finalization,
        } = stored;
        self.history.push(block, finalization, executed.state).ok()
    }
}

/// The genesis among the records of a group.
pub(in crate::group) fn stored_genesis(records: &[Record]) -> Option<SignedGenesis> {
    let record = records.iter().find(|record| record.key == [GENESIS])?;
    decode(&record.value, usize::MAX).ok()
}

/// The whole state among the records of a group.
pub(in crate::group) fn stored_base(records: &[Record]) -> Option<Snapshot> {
    let record = records.iter().find(|record| record.key == [BASE])?;
    let base: StoredBase = decode(&record.value, usize::MAX).ok()?;
    Some(Snapshot {
        header: base.header,
        finalization: base.finalization,
        state: map_of(base.entries)?,
    })
}

/// The record of a whole state.
pub(in crate::group) fn base_record(base: Snapshot) -> Record {
    let entries = base.state.iter();
    let base = StoredBase {
        header: base.header,
        finalization: base.finalization,
        entries: entries
            .map(|(key, value)| (key.as_bytes().to_vec(), value.to_vec()))
            .collect(),
    };
    Record {
        key: vec![BASE],
        value: encode(&base),
    }
}

pub(in crate::group) fn genesis_record(genesis: &SignedGenesis) -> Record {
    Record {
        key: vec![GENESIS],
        value: encode(genesis),
    }
}

/// The evidence of a divergence among the records of a group.
pub(super) fn stored_divergence(records: &[Record]) -> Option<Divergence> {
    let record = records.iter().find(|record| record.key == [DIVERGENCE])?;
    Divergence::decode(&record.value).ok()
}

pub(super) fn divergence_record(divergence: &Divergence) -> Record {
    Record {
        key: vec![DIVERGENCE],
        value: divergence.encode(),
    }
}

/// The record of an action that was seen.
pub(super) fn seen_record(hash: Hash, signed: &SignedAction) -> Record {
    Record {
        key: seen_key(&hash),
        value: encode(signed),
    }
}

pub(super) fn seen_key(hash: &Hash) -> Vec<u8> {
    [&[SEEN][..], hash.as_bytes()].concat()
}

/// The actions among the records of a group that were seen.
pub(super) fn stored_seen(records: &[Record]) -> impl Iterator<Item = SignedAction> {
    records
        .iter()
        .filter(|record| record.key.first() == Some(&SEEN))
        .filter_map(|record| decode(&record.value, usize::MAX).ok())
}

pub(super) fn block_record(block: &Block, finalization: Option<&Certificate>) -> Record {
    let stored = StoredBlock {
        block: block.clone(),
        finalization: finalization.cloned(),
    };
    Record {
        key: block_key(block.height),
        value: encode(&stored),
    }
}

pub(in crate::group) fn consensus_records(records: Vec<Record>) -> Vec<Record> {
    records
        .into_iter()
        .map(|record| Record {
            key: consensus_key(&record.key),
            value: record.value,
        })
        .collect()
}

pub(super) fn consensus_key(key: &[u8]) -> Vec<u8> {
    [&[CONSENSUS], key].concat()
}

pub(super) fn submission_records(records: Vec<(u64, Vec<u8>)>) -> Vec<Record> {
    records
        .into_iter()
        .map(|(id, value)| Record {
            key: submission_key(id),
            value,
        })
        .collect()
}

pub(super) fn submission_key(id: u64) -> Vec<u8> {
    [&[SUBMISSION][..], &id.to_be_bytes()].concat()
}

fn submission_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(1..)?.try_into().ok()?))
}

fn block_key(height: u64) -> Vec<u8> {
    [&[BLOCK][..], &height.to_be_bytes()].concat()
}

fn map_of(entries: Vec<(Vec<u8>, Vec<u8>)>) -> Option<Map> {
    let mut map = Map::new();
    for (key, value) in entries {
        // A damaged record can say anything.
        if value.len() > VALUE_LEN_MAX {
            return None;
        }
        map.insert(Key::new(&key).ok()?, value);
    }
    Some(map)
}

const GENESIS: u8 = b'G';
const BASE: u8 = b'S';
const BLOCK: u8 = b'B';
const SUBMISSION: u8 = b'A';
const CONSENSUS: u8 = b'C';
const DIVERGENCE: u8 = b'D';
const SEEN: u8 = b'O';
