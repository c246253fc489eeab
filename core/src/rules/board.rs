//! The board: typed entries for apps that write no rules of their own.
//!
//! - Every entry has one of eight kinds. An operation on another kind is refused, so two parts of an
//!   app cannot overwrite each other unnoticed.
//! - A value is written with or without an expectation; of two that expect the same exactly one
//!   wins, and the other learns what stands.
//! - A number keeps its bounds, a list its length, a slot its one holder: of two claims the first in
//!   the one order has it, and the other learns who does.
//! - Money is only ever moved between accounts and purses: what the genesis put there stays, to the
//!   unit. Of concurrent spendings from one purse the larger goes first.
//! - A sealed entry shows everyone a commitment and one member what is in it. He alone opens it, and
//!   what he shows must fit the commitment. While it is sealed nobody writes over it, and only its
//!   owner can remove it: one that he cannot read is not in his way for ever.
//! - The genesis says who may write under which prefix.
//! - No randomness, no clock, no phases.

mod action;
mod cause;
mod desk;
mod entry;
mod money;
mod sealing;
mod setup;

pub use super::members::Members;
pub use action::{BoardAction, Expect, NewEntry, digest};
pub use cause::{Cause, DETAIL_VALUE_LEN_MAX, Detail};
pub use desk::BOARD_BYTES_MAX;
pub use entry::{
    BOARD_KEY_LEN_MAX, BOARD_VALUE_LEN_MAX, BOX_LEN_MAX, BoardKey, BoardValue, Entry, Kind,
    LIST_LEN_MAX, Reading, SEALED_LEN_MAX, Sealed, entries, entry, is_board, is_conserved, items,
    read, sealing_key,
};
pub use sealing::{Place, Unsealed, publish, seal, unseal};
pub use setup::{Access, BoardConfig, FirstEntry, own_key};

use self::desk::Desk;
use self::setup::Touch;
use super::{Context, Offline, Random, Rejection, Rules};
use crate::crypto::{Domain, Hash, hash};
use crate::id::PeerId;
use crate::state::Overlay;
use crate::wire::{Bytes, RulesId, decode};

/// The rule set `board`. Its configuration is an encoded [`BoardConfig`]; none is an empty board.
#[derive(Clone, Copy, Debug, Default)]
pub struct Board;

impl Rules for Board {
    fn id(&self) -> RulesId {
        RulesId {
            name: Bytes::truncating(b"board".to_vec()),
            version: 1,
            vectors: hash(Domain::RulesVectors, &[VECTORS.as_bytes()]),
        }
    }

    fn genesis(
        &self,
        overlay: &mut Overlay,
        members: &[PeerId],
        config: &[u8],
    ) -> Result<(), Rejection> {
        let config = if config.is_empty() {
            BoardConfig::default()
        } else {
            decode(config, CONFIG_LEN_MAX).map_err(|_| Cause::BadConfig)?
        };
        let mut desk = Desk::empty(overlay);
        config.write(&mut desk, members.len())?;
        desk.close()
    }

    fn apply(
        &self,
        overlay: &mut Overlay,
        author: &PeerId,
        action: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Rejection> {
        let action = BoardAction::decode(action)?;
        let member = context.index_of(author).ok_or(Cause::NotMember)?;
        let mut turn = Turn {
            desk: Desk::open(overlay)?,
            member,
            members: context.members.len(),
        };
        turn.apply(action)?;
        turn.desk.close()
    }

    fn on_draw(&self, _overlay: &mut Overlay, _random: &mut Random, _context: &mut Context<'_>) {}

    /// What commutes or is guarded goes on without quorum; what is exclusive or expects waits.
    ///
    /// | allowed | forbidden |
    /// |---|---|
    /// | put without expectation, add, transfer, spend, append, release, publish key, open | put with expectation, remove, make, claim, seal |
    fn offline(&self, action: &[u8]) -> Offline {
        BoardAction::decode(action).map_or(Offline::Forbidden, |action| action.offline())
    }

    fn order_key(&self, action: &[u8]) -> Vec<u8> {
        BoardAction::decode(action).map_or_else(|_| vec![u8::MAX], |action| action.order_key())
    }

    fn describe(&self, code: u16, detail: &[u8]) -> String {
        match Cause::from_code(code) {
            Some(cause) => cause.describe(detail),
            None => format!("the board refuses this (code {code})"),
        }
    }

    fn describe_action(&self, action: &[u8]) -> String {
        match BoardAction::decode(action) {
            Ok(action) => action.describe(),
            Err(_) => "something that the board does not understand".to_owned(),
        }
    }
}

/// One member's action on the board.
struct Turn<'a> {
    desk: Desk<'a>,
    member: u8,
    /// How many there are.
    members: usize,
}

impl Turn<'_> {
    fn apply(&mut self, action: BoardAction) -> Result<(), Rejection> {
        match action {
            BoardAction::Put { key, value, expect } => self.put(&key, value, expect),
            BoardAction::Remove { key, expect } => self.remove(&key, expect),
            BoardAction::Make { key, entry } => self.make(&key, entry),
            BoardAction::Add { key, amount } => self.add(&key, amount),
            BoardAction::Transfer { from, to, amount } => self.transfer(&from, &to, amount),
            BoardAction::Spend { from, to, amount } => self.spend(&from, &to, amount),
            BoardAction::Append { key, value } => self.append(&key, &value),
            BoardAction::Claim { key } => self.claim(&key),
            BoardAction::Release { key } => self.release(&key),
            BoardAction::PublishKey { sealing_key } => self.publish_key(sealing_key),
            BoardAction::Seal {
                key,
                owner,
                commitment,
                ephemeral,
                bytes,
            } => {
                let sealed = Sealed {
                    sealer: self.member,
                    owner,
                    commitment,
                    ephemeral,
                    bytes,
                };
                self.seal(&key, sealed)
            }
            BoardAction::Open {
                key,
                plaintext,
                blinding,
            } => self.open(&key, plaintext, &blinding),
        }
    }

    fn may(&self, key: &BoardKey, touch: Touch) -> Result<(), Rejection> {
        setup::check(&self.desk.prefixes()?, self.member, key, touch)
    }

    fn put(
        &mut self,
        key: &BoardKey,
        value: BoardValue,
        expect: Option<Expect>,
    ) -> Result<(), Rejection> {
        self.may(key, Touch::Write)?;
        let stands = self.desk.entry(key)?;
        match &stands {
            None | Some(Entry::Value(_) | Entry::Opened { .. }) => {}
            Some(other) => return Err(wrong_kind(other)),
        }
        let fits = match expect {
            None => true,
            Some(Expect::Absent) => stands.is_none(),
            Some(Expect::Value(expected)) => is_value(stands.as_ref(), expected),
        };
        if !fits {
            return Err(conflict(stands.as_ref()));
        }
        self.desk.set(key, &Entry::Value(value));
        Ok(())
    }

    fn remove(&mut self, key: &BoardKey, expect: Option<Hash>) -> Result<(), Rejection> {
        self.may(key, Touch::Write)?;
        let stands = self.desk.entry(key)?;
        if let Some(expected) = expect {
            match &stands {
                None | Some(Entry::Value(_) | Entry::Opened { .. }) => {}
                Some(other) => return Err(wrong_kind(other)),
            }
            if !is_value(stands.as_ref(), expected) {
                return Err(conflict(stands.as_ref()));
            }
        }
        match stands.ok_or(Cause::NoEntry)? {
            Entry::Value(_) | Entry::Number { .. } | Entry::Opened { .. } => {}
            Entry::List { .. } => self.desk.remove_items(key),
            Entry::Slot { holder } => match holder {
                Some(holder) if holder != self.member => {
                    return Err(Cause::Taken.with(&Detail::Member(holder)));
                }
                Some(_) | None => {}
            },
            Entry::Account { owner, balance } => {
                if owner != self.member {
                    return Err(Cause::NotYourAccount.with(&Detail::Member(owner)));
                }
                is_empty(balance)?;
            }
            Entry::Purse { members, balance } => {
                if !members.has(self.member) {
                    return Err(Cause::NotYourPurse.into());
                }
                is_empty(balance)?;
            }
            Entry::Sealed(sealed) => {
                if sealed.owner != self.member {
                    return Err(Cause::NotItsOwner.with(&Detail::Member(sealed.owner)));
                }
            }
        }
        self.desk.remove(key);
        Ok(())
    }

    fn make(&mut self, key: &BoardKey, entry: NewEntry) -> Result<(), Rejection> {
        self.may_fill(key)?;
        let entry = match entry {
            NewEntry::Number { value, min, max } => Entry::number(value, min, max)?,
            NewEntry::List { len_max } => Entry::list(len_max)?,
            NewEntry::Slot => Entry::Slot { holder: None },
            NewEntry::Account => Entry::Account {
                owner: self.member,
                balance: 0,
            },
            NewEntry::Purse { members } => {
                if !members.are_within(self.members) {
                    return Err(Cause::NoSuchMember.into());
                }
                Entry::Purse {
                    members,
                    balance: 0,
                }
            }
        };
        self.desk.set(key, &entry);
        Ok(())
    }

    /// Whether the member may write there and nothing stands there yet.
    fn may_fill(&self, key: &BoardKey) -> Result<(), Rejection> {
        self.may(key, Touch::Write)?;
        match self.desk.entry(key)? {
            None => Ok(()),
            Some(stands) => Err(Cause::Occupied.with(&Detail::Kind(stands.kind()))),
        }
    }

    fn add(&mut self, key: &BoardKey, amount: i64) -> Result<(), Rejection> {
        self.may(key, Touch::Use)?;
        match self.desk.need(key)? {
            Entry::Number { value, min, max } => {
                let sum = value
                    .checked_add(amount)
                    .filter(|sum| (min..=max).contains(sum))
                    .ok_or_else(|| Cause::OutOfBounds.with(&Detail::Number(value)))?;
                let entry = Entry::Number {
                    value: sum,
                    min,
                    max,
                };
                self.desk.set(key, &entry);
                Ok(())
            }
            other => Err(wrong_kind(&other)),
        }
    }

    fn append(&mut self, key: &BoardKey, value: &BoardValue) -> Result<(), Rejection> {
        self.may(key, Touch::Use)?;
        match self.desk.need(key)? {
            Entry::List { len, len_max } => {
                if len >= len_max {
                    return Err(Cause::ListFull.with(&Detail::Amount(len.into())));
                }
                self.desk.set_item(key, len, value);
                let entry = Entry::List {
                    len: len + 1,
                    len_max,
                };
                self.desk.set(key, &entry);
                Ok(())
            }
            other => Err(wrong_kind(&other)),
        }
    }

    fn claim(&mut self, key: &BoardKey) -> Result<(), Rejection> {
        self.may(key, Touch::Use)?;
        match self.desk.need(key)? {
            Entry::Slot { holder: None } => {
                let holder = Some(self.member);
                self.desk.set(key, &Entry::Slot { holder });
                Ok(())
            }
            Entry::Slot {
                holder: Some(holder),
            } => Err(Cause::Taken.with(&Detail::Member(holder))),
            other => Err(wrong_kind(&other)),
        }
    }

    fn release(&mut self, key: &BoardKey) -> Result<(), Rejection> {
        match self.desk.need(key)? {
            Entry::Slot {
                holder: Some(holder),
            } if holder == self.member => {
                self.desk.set(key, &Entry::Slot { holder: None });
                Ok(())
            }
            Entry::Slot {
                holder: Some(holder),
            } => Err(Cause::NotHolder.with(&Detail::Member(holder))),
            Entry::Slot { holder: None } => Err(Cause::NotHolder.into()),
            other => Err(wrong_kind(&other)),
        }
    }
}

fn wrong_kind(entry: &Entry) -> Rejection {
    Cause::WrongKind.with(&Detail::Kind(entry.kind()))
}

fn is_value(entry: Option<&Entry>, expected: Hash) -> bool {
    value_of(entry).is_some_and(|value| digest(value) == expected)
}

/// Not what was expected: the author learns what stands.
fn conflict(stands: Option<&Entry>) -> Rejection {
    let value = value_of(stands).map(|value| Bytes::truncating(value.to_vec()));
    Cause::Conflict.with(&Detail::Standing(value))
}

/// What an expectation compares: an opened entry reads like a value.
fn value_of(entry: Option<&Entry>) -> Option<&[u8]> {
    match entry {
        Some(Entry::Value(value)) => Some(value),
        Some(Entry::Opened { plaintext, .. }) => Some(plaintext),
        Some(
            Entry::Number { .. }
            | Entry::List { .. }
            | Entry::Slot { .. }
            | Entry::Account { .. }
            | Entry::Purse { .. }
            | Entry::Sealed(_),
        )
        | None => None,
    }
}

fn is_empty(balance: u64) -> Result<(), Rejection> {
    if balance == 0 {
        Ok(())
    } else {
        Err(Cause::NotEmpty.with(&Detail::Amount(balance)))
    }
}

/// Bytes of a configuration: what a genesis carries.
const CONFIG_LEN_MAX: usize = 256;
const VECTORS: &str = include_str!("board/vectors.txt");

#[cfg(test)]
mod tests;
