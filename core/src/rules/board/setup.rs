//! What the genesis fixes: the first entries, all the money, and who may write where.

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::desk::Desk;
use super::entry::{BoardKey, BoardValue, Entry};
use crate::rules::Rejection;
use crate::rules::members::Members;
use crate::wire::{BoundedVec, Bytes, MEMBERS_MAX, encode};

/// Entries, kinds of accounts, purses and prefixes of one configuration: each takes some bytes of
/// the 256 that a genesis has for its rules.
const SETUP_ITEMS_MAX: usize = 32;

/// How a board starts. A genesis has 256 bytes for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardConfig {
    /// Entries that are there from the start.
    pub entries: BoundedVec<(BoardKey, FirstEntry), SETUP_ITEMS_MAX>,
    /// One account for every member under each of these keys, followed by his index ([`own_key`]),
    /// with so much in it.
    pub accounts: BoundedVec<(BoardKey, u64), SETUP_ITEMS_MAX>,
    /// Purses, with who may spend from them and what is in them. It may name members who do not
    /// come.
    pub purses: BoundedVec<(BoardKey, Members, u64), SETUP_ITEMS_MAX>,
    /// Who may write under which prefix; the longest that fits a key counts, and elsewhere
    /// everybody may.
    pub prefixes: Prefixes,
}

/// An entry of the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FirstEntry {
    /// A value.
    Value(BoardValue),
    /// A number with its bounds.
    Number {
        /// Where it starts.
        value: i64,
        /// Its least value.
        min: i64,
        /// Its greatest value.
        max: i64,
    },
    /// An empty list.
    List {
        /// Items at most.
        len_max: u16,
    },
    /// A slot that nobody holds.
    Slot,
}

/// Who may write under a prefix. Money is guarded by its owners, not by prefixes: anybody may
/// transfer to an account wherever it stands. So are releasing a slot and opening a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Every member.
    Open,
    /// Each member under the prefix followed by his own index and, where the key goes on, a slash
    /// ([`own_key`]); nobody elsewhere under the prefix.
    Owned,
    /// Nobody: what the genesis put there is neither written over nor removed, and nothing is added
    /// to it. Its numbers, lists and slots work for everybody.
    Locked,
}

/// Who may write where.
pub(super) type Prefixes = BoundedVec<(BoardKey, Access), SETUP_ITEMS_MAX>;

/// The key of `member` under an owned prefix: `notes/` gives `notes/3`, and with `rest` `notes/3/rest`.
pub fn own_key(prefix: &[u8], member: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = prefix.to_vec();
    key.extend(member.to_string().bytes());
    if !rest.is_empty() {
        key.push(b'/');
        key.extend_from_slice(rest);
    }
    key
}

/// Member index that a key names after an owned prefix.
fn owner_of(rest: &[u8]) -> Option<u8> {
    let digits = rest.split(|byte| *byte == b'/').next()?;
    let text = std::str::from_utf8(digits).ok()?;
    let index: u8 = text.parse().ok()?;
    // One spelling each.
    (index.to_string() == text && usize::from(index) < MEMBERS_MAX).then_some(index)
}

/// What is to be done with an entry, as far as prefixes care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// It is made, written over or removed.
    Write,
    /// It stays and changes as its kind does.
    Use,
}

/// Whether `member` may.
pub(super) fn check(
    prefixes: &Prefixes,
    member: u8,
    key: &[u8],
    touch: Touch,
) -> Result<(), Rejection> {
    if key.is_empty() {
        return Err(Cause::BadKey.into());
    }
    let longest = prefixes
        .iter()
        .filter(|(prefix, _)| key.starts_with(prefix))
        .max_by_key(|(prefix, _)| prefix.len());
    match longest {
        None | Some((_, Access::Open)) => Ok(()),
        Some((_, Access::Locked)) if touch == Touch::Use => Ok(()),
        Some((_, Access::Locked)) => Err(Cause::Locked.into()),
        Some((prefix, Access::Owned)) => match owner_of(&key[prefix.len()..]) {
            Some(owner) if owner == member => Ok(()),
            Some(owner) => Err(Cause::NotYours.with(&super::Detail::Member(owner))),
            None => Err(Cause::NotYours.into()),
        },
    }
}

impl BoardConfig {
    /// The `rules_config` of a genesis.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Writes it to an empty board.
    pub(super) fn write(&self, desk: &mut Desk<'_>, members: usize) -> Result<(), Rejection> {
        for (index, (prefix, _)) in self.prefixes.iter().enumerate() {
            let twice = self.prefixes.iter().take(index);
            if twice.into_iter().any(|(other, _)| other == prefix) {
                return Err(Cause::BadConfig.into());
            }
        }
        let mut total = 0u64;
        for (key, entry) in self.entries.iter() {
            let entry = match entry {
                FirstEntry::Value(value) => Entry::Value(value.clone()),
                FirstEntry::Number { value, min, max } => Entry::number(*value, *min, *max)?,
                FirstEntry::List { len_max } => Entry::list(*len_max)?,
                FirstEntry::Slot => Entry::Slot { holder: None },
            };
            first(desk, key, &entry)?;
        }
        let count = u8::try_from(members).map_err(|_| Cause::BadConfig)?;
        for (prefix, balance) in self.accounts.iter() {
            for owner in 0..count {
                let key = Bytes::from_vec(own_key(prefix, owner, &[]));
                let entry = Entry::Account {
                    owner,
                    balance: *balance,
                };
                first(desk, &key.map_err(|_| Cause::BadConfig)?, &entry)?;
                total = total.checked_add(*balance).ok_or(Cause::BadConfig)?;
            }
        }
        for (key, spenders, balance) in self.purses.iter() {
            // Who will be there is not known yet when a table opens: a position that stays empty
            // names nobody.
            if spenders.indices().is_empty() {
                return Err(Cause::BadConfig.into());
            }
            let entry = Entry::Purse {
                members: *spenders,
                balance: *balance,
            };
            first(desk, key, &entry)?;
            total = total.checked_add(*balance).ok_or(Cause::BadConfig)?;
        }
        desk.set_up(&self.prefixes, total);
        Ok(())
    }
}

fn first(desk: &mut Desk<'_>, key: &BoardKey, entry: &Entry) -> Result<(), Rejection> {
    if key.is_empty() || desk.entry(key)?.is_some() {
        return Err(Cause::BadConfig.into());
    }
    desk.set(key, entry);
    Ok(())
}
