//! What a board holds, and under which keys of the state.

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use crate::crypto::Hash;
use crate::crypto::seal::SealingKey;
use crate::rules::members::Members;
use crate::state::{Key, Map};
use crate::wire::{Bytes, decode};

/// Longest key of an entry, bytes: with the number of an item it fits a [`Key`] of the state.
pub const BOARD_KEY_LEN_MAX: usize = 48;
/// Longest value of an entry or item, bytes: with its key and an expectation it fits one action.
pub const BOARD_VALUE_LEN_MAX: usize = 160;
/// Most bytes that can be sealed at once: with key, commitment and box they fit one action.
pub const SEALED_LEN_MAX: usize = 80;
/// Bytes of a box: the blinding, one byte of length, what is sealed filled up to the most that can be,
/// and what a box adds. Every box that is made here has them all.
pub const BOX_LEN_MAX: usize = 32 + 1 + SEALED_LEN_MAX + crate::crypto::seal::SEAL_OVERHEAD;
/// Most items of a list: removing it writes that often.
pub const LIST_LEN_MAX: u16 = 1024;

/// The name of an entry. Slashes are a good custom, and mean something in owned prefixes only.
pub type BoardKey = Bytes<BOARD_KEY_LEN_MAX>;
/// A value.
pub type BoardValue = Bytes<BOARD_VALUE_LEN_MAX>;

/// What stands under one key. An operation on an entry of another kind is refused. The order of
/// variants is wire format: new ones go to the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// Bytes that mean something to the app.
    Value(BoardValue),
    /// A number that is added to, within bounds that were fixed when it was made.
    Number {
        /// Where it stands.
        value: i64,
        /// Its least value.
        min: i64,
        /// Its greatest value.
        max: i64,
    },
    /// A list that only grows; its items stand under their positions.
    List {
        /// Items so far.
        len: u16,
        /// Items at most, fixed when it was made.
        len_max: u16,
    },
    /// Something that one member at a time can hold.
    Slot {
        /// Member index of who holds it.
        holder: Option<u8>,
    },
    /// One member's money.
    Account {
        /// Member index of who alone may transfer from it.
        owner: u8,
        /// What is in it.
        balance: u64,
    },
    /// Money that several members may spend.
    Purse {
        /// Who may.
        members: Members,
        /// What is in it.
        balance: u64,
    },
    /// Bytes that one member can read, until he opens them to all.
    Sealed(Sealed),
    /// Bytes that were sealed and are open now.
    Opened {
        /// Member index of who sealed them.
        sealer: u8,
        /// Member index of who could read and opened them.
        owner: u8,
        /// The bytes.
        plaintext: Bytes<SEALED_LEN_MAX>,
    },
}

/// A sealed entry as everyone sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Member index of who sealed it.
    pub sealer: u8,
    /// Member index of who can read it, and alone may open it.
    pub owner: u8,
    /// What an opening must fit.
    pub commitment: Hash,
    /// Public half of the key that the box was made with.
    pub ephemeral: SealingKey,
    /// The box, for its owner.
    pub bytes: Bytes<BOX_LEN_MAX>,
}

/// The kinds of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// [`Entry::Value`].
    Value,
    /// [`Entry::Number`].
    Number,
    /// [`Entry::List`].
    List,
    /// [`Entry::Slot`].
    Slot,
    /// [`Entry::Account`].
    Account,
    /// [`Entry::Purse`].
    Purse,
    /// [`Entry::Sealed`].
    Sealed,
    /// [`Entry::Opened`].
    Opened,
}

impl Kind {
    /// Its name with an article.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Value => "a value",
            Self::Number => "a number",
            Self::List => "a list",
            Self::Slot => "a slot",
            Self::Account => "an account",
            Self::Purse => "a purse",
            Self::Sealed => "a sealed entry",
            Self::Opened => "an opened entry",
        }
    }
}

impl Entry {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Value(_) => Kind::Value,
            Self::Number { .. } => Kind::Number,
            Self::List { .. } => Kind::List,
            Self::Slot { .. } => Kind::Slot,
            Self::Account { .. } => Kind::Account,
            Self::Purse { .. } => Kind::Purse,
            Self::Sealed(_) => Kind::Sealed,
            Self::Opened { .. } => Kind::Opened,
        }
    }

    /// A number within its bounds.
    pub(super) fn number(value: i64, min: i64, max: i64) -> Result<Self, Cause> {
        if min <= value && value <= max {
            Ok(Self::Number { value, min, max })
        } else {
            Err(Cause::BadBounds)
        }
    }

    /// An empty list.
    pub(super) fn list(len_max: u16) -> Result<Self, Cause> {
        if (1..=LIST_LEN_MAX).contains(&len_max) {
            Ok(Self::List { len: 0, len_max })
        } else {
            Err(Cause::BadBounds)
        }
    }

    /// The money in it; none where no money can be.
    pub fn balance(&self) -> Option<u64> {
        match self {
            Self::Account { balance, .. } | Self::Purse { balance, .. } => Some(*balance),
            Self::Value(_)
            | Self::Number { .. }
            | Self::List { .. }
            | Self::Slot { .. }
            | Self::Sealed(_)
            | Self::Opened { .. } => None,
        }
    }
}

/// One key of a board's state with what it means, for a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// An entry.
    Entry {
        /// Its key.
        key: BoardKey,
        /// What stands there.
        entry: Entry,
    },
    /// An item of a list.
    Item {
        /// Key of the list.
        list: BoardKey,
        /// Position, from 0.
        position: u16,
        /// The item.
        value: BoardValue,
    },
    /// What to seal for a member with.
    SealingKey {
        /// Member index.
        member: u8,
        /// His key.
        key: SealingKey,
    },
}

/// What one key of a board's state means; none for keys that are not for the screen.
pub fn read(key: &[u8], value: &[u8]) -> Option<Reading> {
    let (place, rest) = key.split_first()?;
    match *place {
        ENTRY => Some(Reading::Entry {
            key: Bytes::from_vec(rest.to_vec()).ok()?,
            entry: decode(value, usize::MAX).ok()?,
        }),
        ITEM => {
            let (len, rest) = rest.split_first()?;
            let (list, position) = rest.split_at_checked((*len).into())?;
            Some(Reading::Item {
                list: Bytes::from_vec(list.to_vec()).ok()?,
                position: u16::from_be_bytes(position.try_into().ok()?),
                value: Bytes::from_vec(value.to_vec()).ok()?,
            })
        }
        SEALING_KEY => match rest {
            [member] => Some(Reading::SealingKey {
                member: *member,
                key: SealingKey(value.try_into().ok()?),
            }),
            _ => None,
        },
        _ => None,
    }
}

/// What stands under `key` in the state of a board.
pub fn entry(state: &Map, key: &[u8]) -> Option<Entry> {
    decode(state.get(&entry_key(key))?, usize::MAX).ok()
}

/// The items of the list under `key`, in order.
pub fn items(state: &Map, key: &[u8]) -> Vec<BoardValue> {
    state
        .prefix(&items_key(key))
        .filter_map(|(_, value)| Bytes::from_vec(value.to_vec()).ok())
        .collect()
}

/// All entries of the state of a board, by ascending key.
pub fn entries(state: &Map) -> impl Iterator<Item = (BoardKey, Entry)> {
    state
        .prefix(&[ENTRY])
        .filter_map(|(key, value)| match read(key.as_bytes(), value) {
            Some(Reading::Entry { key, entry }) => Some((key, entry)),
            Some(Reading::Item { .. } | Reading::SealingKey { .. }) | None => None,
        })
}

/// What to seal for the member at `index` with, once he has published it.
pub fn sealing_key(state: &Map, index: u8) -> Option<SealingKey> {
    let bytes = state.get(&sealing_key_key(index))?;
    Some(SealingKey(bytes.try_into().ok()?))
}

/// Whether this is the state of a board.
pub fn is_board(state: &Map) -> bool {
    state.get(&PREFIXES_KEY).is_some()
}

/// Whether all accounts and purses together hold what the genesis put there; none where this is no
/// board.
pub fn is_conserved(state: &Map) -> Option<bool> {
    let total: u64 = decode(state.get(&TOTAL_KEY)?, 10).ok()?;
    let sum: u128 = entries(state)
        .filter_map(|(_, entry)| entry.balance())
        .map(u128::from)
        .sum();
    Some(sum == u128::from(total))
}

pub(super) fn entry_key(key: &[u8]) -> Vec<u8> {
    [&[ENTRY], key].concat()
}

pub(super) fn sealing_key_key(member: u8) -> [u8; 2] {
    [SEALING_KEY, member]
}

/// What the keys of all items of a list begin with. The length in front keeps lists apart whose keys
/// begin alike.
pub(super) fn items_key(list: &[u8]) -> Vec<u8> {
    let len = u8::try_from(list.len()).unwrap_or(u8::MAX);
    [&[ITEM, len], list].concat()
}

pub(super) fn item_key(list: &[u8], position: u16) -> Vec<u8> {
    [&items_key(list)[..], &position.to_be_bytes()].concat()
}

const ENTRY: u8 = b'E';
const ITEM: u8 = b'I';
const SEALING_KEY: u8 = b'K';
/// Who may write where.
pub(super) const PREFIXES_KEY: [u8; 1] = [b'P'];
/// All the money there is.
pub(super) const TOTAL_KEY: [u8; 1] = [b'T'];
/// Bytes that entries, items and sealing keys have.
pub(super) const SIZE_KEY: [u8; 1] = [b'S'];

// One byte of place, one of length and two of position beside the key of the list.
const _: () = assert!(1 + 1 + BOARD_KEY_LEN_MAX + 2 <= Key::LEN_MAX);
