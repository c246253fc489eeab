//! The group's own records inside the state map. Their keys start with 0x00; rule sets stay away
//! from that byte.

use serde::{Deserialize, Serialize};

use super::randomness::DrawState;
use crate::crypto::Hash;
use crate::id::RunId;
use crate::state::{Map, Overlay};
use crate::wire::{BoundedVec, Reason, decode, encode};

/// Refusals remembered per author: dependencies reach back this far, and a phone that catches up by
/// snapshot still learns why.
pub const REFUSALS_KEPT: usize = 32;
/// Closed runs remembered per author; then he must leave the group. A run closes only when a store
/// is lost or a number is doubled.
pub const CLOSED_RUNS_MAX: usize = 8;

/// What the state knows of one author's numbering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorRecord {
    /// The running run, none before the first action.
    pub run: Option<RunId>,
    /// Number of the last action of that run that got its fate.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// A number of the running run was doubled: what of it is not in the state is refused.
    pub ended: bool,
    /// Earlier runs: nothing of them is accepted any more.
    pub closed: BoundedVec<RunId, CLOSED_RUNS_MAX>,
    /// The latest refused numbers of the running run, oldest first.
    pub refused: BoundedVec<(u64, Reason), REFUSALS_KEPT>,
}

/// Where an action stands relative to its author's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The next one.
    Next,
    /// Another action with the number of the last one: that one stands.
    Twin,
    /// Got its fate already, or its number did.
    Final,
    /// Of a run that is closed, or one run too many.
    Closed,
    /// Its predecessor is not in the state, or is another one than it names.
    Ahead,
}

impl Default for AuthorRecord {
    fn default() -> Self {
        Self {
            run: None,
            number: 0,
            hash: Hash::ZERO,
            ended: false,
            closed: BoundedVec::new(),
            refused: BoundedVec::new(),
        }
    }
}

impl AuthorRecord {
    /// Where the action (run, number, previous) with `hash` stands.
    pub fn place(&self, run: RunId, number: u64, previous: Hash, hash: Hash) -> Place {
        if self.run == Some(run) {
            if self.ended {
                Place::Closed
            } else if number == self.number && hash != self.hash {
                Place::Twin
            } else if number <= self.number {
                Place::Final
            } else if number - 1 == self.number && previous == self.hash {
                Place::Next
            } else {
                Place::Ahead
            }
        } else if !self.may_open(run) {
            Place::Closed
        } else if number == 1 && previous == Hash::ZERO {
            Place::Next
        } else {
            Place::Ahead
        }
    }

    /// Whether `run` may still become the running one.
    pub fn may_open(&self, run: RunId) -> bool {
        let room = self.run.is_none() || self.closed.len() < CLOSED_RUNS_MAX;
        room && !self.closed.contains(&run)
    }

    /// Whether an action may stand directly on this record: the next one, the first of another run,
    /// or the twin of the last one.
    pub fn takes(&self, run: RunId, number: u64, previous: Hash, hash: Hash) -> bool {
        let place = self.place(run, number, previous, hash);
        matches!(place, Place::Next | Place::Twin)
    }

    /// Whether anything of `run` may still get a fate.
    pub fn is_open(&self, run: RunId) -> bool {
        if self.run == Some(run) {
            !self.ended
        } else {
            self.may_open(run)
        }
    }

    /// Whether nothing can become of (run, number) any more that is not in the state already: it has
    /// its fate, or its run is over.
    pub fn has_passed(&self, run: RunId, number: u64) -> bool {
        if self.run == Some(run) {
            self.ended || number <= self.number
        } else {
            !self.may_open(run)
        }
    }

    /// Uses up a number; `refusal` when the action was refused. A first action of another run
    /// closes the running one.
    pub fn advance(&mut self, run: RunId, number: u64, hash: Hash, refusal: Option<Reason>) {
        if self.run != Some(run) {
            if let Some(old) = self.run {
                self.closed
                    .push(old)
                    .expect("Place::Next of a new run needs room for the old one");
            }
            self.run = Some(run);
            self.ended = false;
            self.refused = BoundedVec::new();
        }
        self.number = number;
        self.hash = hash;
        if let Some(reason) = refusal {
            let mut refused = std::mem::take(&mut self.refused).into_vec();
            if refused.len() == REFUSALS_KEPT {
                refused.remove(0);
            }
            refused.push((number, reason));
            self.refused = BoundedVec::truncating(refused);
        }
    }

    /// Why `number` was refused, if it was and that is still remembered.
    pub fn refusal(&self, number: u64) -> Option<&Reason> {
        self.refused
            .iter()
            .find(|(refused, _)| *refused == number)
            .map(|(_, reason)| reason)
    }

    /// Whether a refusal of `number` would have been forgotten by now.
    pub fn forgot(&self, number: u64) -> bool {
        self.refused.len() == REFUSALS_KEPT && number < self.refused[0].0
    }
}

/// What can be read of the group's records: a map or an overlay.
pub trait Records {
    /// The value at `key`.
    fn read(&self, key: &[u8]) -> Option<&[u8]>;

    /// The record of the author at `index`.
    fn author(&self, index: u8) -> AuthorRecord {
        self.read(&author_key(index))
            .and_then(|bytes| decode(bytes, usize::MAX).ok())
            .unwrap_or_default()
    }

    /// The draws.
    fn draws(&self) -> Option<DrawState> {
        decode(self.read(&DRAW_KEY)?, usize::MAX).ok()
    }

    /// What orders actions of equal depth: the seed of the group's first draw, before it `epoch`.
    fn salt(&self, epoch: Hash) -> Hash {
        self.read(&SALT_KEY)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map_or(epoch, Hash)
    }
}

/// The records of all authors, from one state to the next: a record is decoded only where its bytes
/// are others than in the state before, which few are.
#[derive(Clone, Debug)]
pub(super) struct Authors(Vec<(Vec<u8>, AuthorRecord)>);

impl Authors {
    /// Those of a state without records.
    pub(super) fn new(members: usize) -> Self {
        Self(vec![Default::default(); members])
    }

    /// The record at `index` in `state`.
    pub(super) fn read(&mut self, state: &Map, index: u8) -> &AuthorRecord {
        let (known, record) = &mut self.0[usize::from(index)];
        let bytes = state.read(&author_key(index)).unwrap_or_default();
        if bytes != known {
            *record = decode(bytes, usize::MAX).unwrap_or_default();
            bytes.clone_into(known);
        }
        record
    }

    /// Goes to `state` with all of them.
    pub(super) fn follow(&mut self, state: &Map) {
        for index in (0u8..).take(self.0.len()) {
            self.read(state, index);
        }
    }

    /// The record at `index`, as it was read last.
    pub(super) fn get(&self, index: usize) -> Option<&AuthorRecord> {
        self.0.get(index).map(|(_, record)| record)
    }

    /// All of them, as they were read last.
    pub(super) fn iter(&self) -> impl Iterator<Item = &AuthorRecord> {
        self.0.iter().map(|(_, record)| record)
    }
}

impl Records for Map {
    fn read(&self, key: &[u8]) -> Option<&[u8]> {
        self.get(key)
    }
}

impl Records for Overlay {
    fn read(&self, key: &[u8]) -> Option<&[u8]> {
        self.get(key)
    }
}

/// Whether `key` is one of the group's own.
pub(super) fn is_own_key(key: &[u8]) -> bool {
    key.first() == Some(&0)
}

/// Writes the record of the author at `index`.
pub(super) fn set_author(overlay: &mut Overlay, index: u8, record: &AuthorRecord) {
    overlay
        .set(&author_key(index), encode(record))
        .expect("the key has 3 bytes");
}

/// Writes the draws.
pub(super) fn set_draws(overlay: &mut Overlay, draws: &DrawState) {
    overlay
        .set(&DRAW_KEY, encode(draws))
        .expect("the key has 2 bytes");
}

/// Writes the salt, once.
pub(super) fn set_salt(overlay: &mut Overlay, salt: Hash) {
    if overlay.get(&SALT_KEY).is_none() {
        overlay
            .set(&SALT_KEY, salt.as_bytes().to_vec())
            .expect("the key has 2 bytes");
    }
}

fn author_key(index: u8) -> [u8; 3] {
    [0, b'a', index]
}

const DRAW_KEY: [u8; 2] = [0, b'd'];
const SALT_KEY: [u8; 2] = [0, b's'];
