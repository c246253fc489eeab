//! C8: what goes to the store before it goes to anybody, under which keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::crypto::Hash;
use crate::outbox::Record;
use crate::wire::{Block, Certificate, Proposal, RoundAnswer, Vote, VoteKind, decode, encode};

const VOTE: u8 = b'v';
const CERTIFICATE: u8 = b'c';
const PROPOSAL: u8 = b'p';
const BODY: u8 = b'b';
const DIVERGENCE: u8 = b'd';
const RECOVERY: u8 = b'r';

/// Until when a record is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needed {
    /// Until a round at or above this one is finalized.
    Round(u64),
    /// Until a round above this one is finalized: it is the proof that everything below is decided,
    /// and goes out with the batch that deletes the rest.
    Finalization(u64),
    /// As long as this body is kept.
    Body(Hash),
    /// For ever.
    Always,
}

/// What was seen when own votes stopped, with the certificate that convicts the others, where one
/// does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Divergence {
    pub(super) what: String,
    pub(super) certificate: Option<Certificate>,
}

/// How far a voter has come that lost its store (C8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredRecovery {
    /// Whether answers lack: no vote before they are here.
    pub(super) asking: bool,
    /// The highest round that was answered, now or after an earlier loss.
    pub(super) answered: Option<u64>,
    /// The answers that gave it.
    pub(super) answers: Vec<RoundAnswer>,
}

/// One record of ours, read back.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    Vote(Vote),
    Certificate(Certificate),
    Proposal(Proposal),
    Body(Block),
    Divergence(Divergence),
    Recovery(StoredRecovery),
    /// It is one of ours, and cannot be read.
    Unreadable,
}

/// The record that says that a store is not proved current, for a group whose agreement does not run
/// here: it has to know of it once it does.
pub fn doubted_record() -> Record {
    let recovery = StoredRecovery {
        asking: true,
        ..StoredRecovery::default()
    };
    Record {
        key: vec![RECOVERY],
        value: encode(&recovery),
    }
}

/// A key that is kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    needed: Needed,
    /// A batch with it was given out, so the store may hold it.
    given: bool,
}

/// Keys in the store, and the batch in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Storage {
    kept: BTreeMap<Vec<u8>, Kept>,
    puts: BTreeMap<Vec<u8>, Vec<u8>>,
    deletes: Vec<Vec<u8>>,
}

fn round_key(tag: u8, kind: u8, round: u64) -> Vec<u8> {
    let mut key = vec![tag, kind];
    key.extend(round.to_be_bytes());
    key
}

fn kind_tag(kind: VoteKind) -> u8 {
    match kind {
        VoteKind::Notarize => b'n',
        VoteKind::Nullify => b'x',
        VoteKind::Finalize => b'f',
    }
}

fn vote_key(vote: &Vote) -> Vec<u8> {
    round_key(VOTE, kind_tag(vote.statement.kind), vote.statement.round)
}

fn needed_by(certificate: &Certificate) -> Needed {
    let statement = certificate.statement;
    match statement.kind {
        VoteKind::Finalize => Needed::Finalization(statement.round),
        VoteKind::Notarize | VoteKind::Nullify => Needed::Round(statement.round),
    }
}

impl Storage {
    /// An own vote.
    pub(super) fn put_vote(&mut self, vote: &Vote) {
        let needed = Needed::Round(vote.statement.round);
        self.put(vote_key(vote), encode(vote), needed);
    }

    /// A certificate.
    pub(super) fn put_certificate(&mut self, certificate: &Certificate) {
        let statement = certificate.statement;
        let key = round_key(CERTIFICATE, kind_tag(statement.kind), statement.round);
        self.put(key, encode(certificate), needed_by(certificate));
    }

    /// An own proposal.
    pub(super) fn put_proposal(&mut self, proposal: &Proposal) {
        let key = round_key(PROPOSAL, 0, proposal.round);
        self.put(key, encode(proposal), Needed::Round(proposal.round));
    }

    /// A body.
    pub(super) fn put_body(&mut self, hash: Hash, block: &Block) {
        let mut key = vec![BODY];
        key.extend(hash.as_bytes());
        if !self.kept.contains_key(&key) {
            self.put(key, encode(block), Needed::Body(hash));
        }
    }

    /// Own votes have stopped.
    pub(super) fn put_divergence(&mut self, divergence: &Divergence) {
        self.put(vec![DIVERGENCE], encode(divergence), Needed::Always);
    }

    /// What a voter that lost its store knows.
    pub(super) fn put_recovery(&mut self, recovery: &StoredRecovery) {
        self.put(vec![RECOVERY], encode(recovery), Needed::Always);
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>, needed: Needed) {
        // Deletes are applied after the writes of their batch.
        let deletes = self.deletes.len();
        self.deletes.retain(|deleted| *deleted != key);
        let given = self.deletes.len() < deletes || self.kept.get(&key).is_some_and(|k| k.given);
        self.kept.insert(key.clone(), Kept { needed, given });
        self.puts.insert(key, value);
    }

    /// Records that a decision made useless are deleted with the next batch. They cost nothing but
    /// room until then. What never went to the store needs no deleting: whoever abstains has no
    /// next batch.
    pub(super) fn prune(&mut self, is_needed: impl Fn(&Needed) -> bool) {
        let dead = self.kept.extract_if(.., |_, kept| !is_needed(&kept.needed));
        for (key, kept) in dead {
            self.puts.remove(&key);
            if kept.given {
                self.deletes.push(key);
            }
        }
    }

    /// Takes the batch.
    pub(super) fn take(&mut self) -> (Vec<Record>, Vec<Vec<u8>>) {
        let puts = std::mem::take(&mut self.puts);
        for key in puts.keys() {
            if let Some(kept) = self.kept.get_mut(key) {
                kept.given = true;
            }
        }
        let puts = puts
            .into_iter()
            .map(|(key, value)| Record { key, value })
            .collect();
        (puts, std::mem::take(&mut self.deletes))
    }

    /// Reads a record back; none that is not ours. What cannot be read is deleted with the next batch.
    pub(super) fn load(&mut self, record: &Record, epoch: Hash) -> Option<Stored> {
        let tag = *record.key.first()?;
        if ![VOTE, CERTIFICATE, PROPOSAL, BODY, DIVERGENCE, RECOVERY].contains(&tag) {
            return None;
        }
        let Some((stored, needed)) = read(tag, &record.value, epoch) else {
            self.deletes.push(record.key.clone());
            return Some(Stored::Unreadable);
        };
        let given = true;
        self.kept.insert(record.key.clone(), Kept { needed, given });
        Some(stored)
    }
}

fn read(tag: u8, value: &[u8], epoch: Hash) -> Option<(Stored, Needed)> {
    Some(match tag {
        VOTE => {
            let vote: Vote = decode(value, usize::MAX).ok()?;
            (Stored::Vote(vote), Needed::Round(vote.statement.round))
        }
        CERTIFICATE => {
            let certificate: Certificate = decode(value, usize::MAX).ok()?;
            let needed = needed_by(&certificate);
            (Stored::Certificate(certificate), needed)
        }
        PROPOSAL => {
            let proposal: Proposal = decode(value, usize::MAX).ok()?;
            let round = proposal.round;
            (Stored::Proposal(proposal), Needed::Round(round))
        }
        BODY => {
            let block: Block = decode(value, usize::MAX).ok()?;
            let hash = block.hash(epoch);
            (Stored::Body(block), Needed::Body(hash))
        }
        DIVERGENCE => {
            let divergence = decode(value, usize::MAX).ok()?;
            (Stored::Divergence(divergence), Needed::Always)
        }
        RECOVERY => {
            let recovery = decode(value, usize::MAX).ok()?;
            (Stored::Recovery(recovery), Needed::Always)
        }
        _ => return None,
    })
}
