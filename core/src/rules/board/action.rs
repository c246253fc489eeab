//! What a member asks of a board.

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::entry::{BOX_LEN_MAX, BoardKey, BoardValue, SEALED_LEN_MAX};
use crate::crypto::seal::SealingKey;
use crate::crypto::{Domain, Hash, hash};
use crate::rules::members::Members;
use crate::rules::{Offline, Rejection};
use crate::wire::{ACTION_PAYLOAD_LEN_MAX, Bytes, decode, encode};

/// What a member asks of a board. The order of variants is wire format: new ones go to the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BoardAction {
    /// Writes a value: a new one, or over a value or an opened entry that stands there.
    Put {
        /// Where.
        key: BoardKey,
        /// What.
        value: BoardValue,
        /// What must stand there, where the author cares.
        expect: Option<Expect>,
    },
    /// Takes an entry away; a list goes with its items.
    Remove {
        /// Which.
        key: BoardKey,
        /// The value that must stand there, where the author cares.
        expect: Option<Hash>,
    },
    /// Makes an entry that is more than a value. Nothing may stand there.
    Make {
        /// Where.
        key: BoardKey,
        /// What.
        entry: NewEntry,
    },
    /// Adds to a number, if it stays within its bounds.
    Add {
        /// Which.
        key: BoardKey,
        /// What is added; negative amounts subtract.
        amount: i64,
    },
    /// Moves money out of the author's account.
    Transfer {
        /// His account.
        from: BoardKey,
        /// An account or a purse.
        to: BoardKey,
        /// How much.
        amount: u64,
    },
    /// Moves money out of a purse that the author may spend from.
    Spend {
        /// The purse.
        from: BoardKey,
        /// An account or another purse.
        to: BoardKey,
        /// How much.
        amount: u64,
    },
    /// Adds an item to the end of a list.
    Append {
        /// Which.
        key: BoardKey,
        /// The item.
        value: BoardValue,
    },
    /// Takes a slot that nobody holds.
    Claim {
        /// Which.
        key: BoardKey,
    },
    /// Gives up a slot that the author holds.
    Release {
        /// Which.
        key: BoardKey,
    },
    /// Says what to seal for the author with; once.
    PublishKey {
        /// His key.
        sealing_key: SealingKey,
    },
    /// Puts down bytes that one member can read. Nothing may stand there.
    Seal {
        /// Where.
        key: BoardKey,
        /// Member index of who can read it.
        owner: u8,
        /// What the opening must fit.
        commitment: Hash,
        /// Public half of the key that the box was made with.
        ephemeral: SealingKey,
        /// The box.
        bytes: Bytes<BOX_LEN_MAX>,
    },
    /// Shows everyone what was sealed for the author.
    Open {
        /// Which.
        key: BoardKey,
        /// What it is.
        plaintext: Bytes<SEALED_LEN_MAX>,
        /// What it was committed with.
        blinding: [u8; 32],
    },
}

/// What must stand under a key for a put to apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expect {
    /// Nothing.
    Absent,
    /// A value with this digest ([`digest`]).
    Value(Hash),
}

/// How an expectation names a value.
pub fn digest(value: &[u8]) -> Hash {
    hash(Domain::BoardValue, &[value])
}

/// An entry that a member makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NewEntry {
    /// A number.
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
        /// Items at most, 1 to [`super::LIST_LEN_MAX`].
        len_max: u16,
    },
    /// A slot that nobody holds.
    Slot,
    /// An empty account of its maker.
    Account,
    /// An empty purse.
    Purse {
        /// Who may spend from it.
        members: Members,
    },
}

impl BoardAction {
    /// The payload of an action.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The action of a payload.
    pub fn decode(payload: &[u8]) -> Result<Self, Rejection> {
        decode(payload, ACTION_PAYLOAD_LEN_MAX).map_err(|_| Cause::Malformed.into())
    }

    /// Whether it may be signed without quorum. What commutes or is guarded by a balance, a bound or
    /// an owner where it is replayed may: nothing that others did meanwhile turns it into something
    /// else, it can only be refused. What is exclusive may not: whoever is first has it, and a phone
    /// alone cannot know that he is. A plain put asks for nothing, so the later one in the order
    /// stands; who minds gives an expectation.
    pub(super) fn offline(&self) -> Offline {
        match self {
            Self::Put { expect: None, .. }
            | Self::Add { .. }
            | Self::Transfer { .. }
            | Self::Spend { .. }
            | Self::Append { .. }
            | Self::Release { .. }
            | Self::PublishKey { .. }
            | Self::Open { .. } => Offline::Allowed,
            Self::Put {
                expect: Some(_), ..
            }
            | Self::Remove { .. }
            | Self::Make { .. }
            | Self::Claim { .. }
            | Self::Seal { .. } => Offline::Forbidden,
        }
    }

    /// Among actions that did not see each other: what others can build on first, then money out of
    /// accounts, then money out of purses, the larger amount first, then the rest.
    pub(super) fn order_key(&self) -> Vec<u8> {
        match self {
            Self::Release { .. } | Self::PublishKey { .. } => vec![0],
            Self::Transfer { .. } => vec![1],
            Self::Spend { amount, .. } => {
                let mut key = vec![2];
                key.extend((u64::MAX - amount).to_be_bytes());
                key
            }
            Self::Put { .. }
            | Self::Remove { .. }
            | Self::Make { .. }
            | Self::Add { .. }
            | Self::Append { .. }
            | Self::Claim { .. }
            | Self::Seal { .. }
            | Self::Open { .. } => vec![3],
        }
    }

    /// In words for a transcript.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Put {
                key,
                value,
                expect: None,
            } => format!("writes {} to {}", shown(value), shown(key)),
            Self::Put {
                key,
                value,
                expect: Some(Expect::Absent),
            } => format!("writes {} to {} if it is empty", shown(value), shown(key)),
            Self::Put {
                key,
                value,
                expect: Some(Expect::Value(_)),
            } => format!("writes {} to {} if it is as seen", shown(value), shown(key)),
            Self::Remove { key, expect: None } => format!("removes {}", shown(key)),
            Self::Remove {
                key,
                expect: Some(_),
            } => format!("removes {} if it is as seen", shown(key)),
            Self::Make { key, entry } => format!("makes {} {}", shown(key), entry.describe()),
            Self::Add { key, amount } => format!("adds {amount} to {}", shown(key)),
            Self::Transfer { from, to, amount } => {
                format!("transfers {amount} from {} to {}", shown(from), shown(to))
            }
            Self::Spend { from, to, amount } => {
                format!("spends {amount} from {} to {}", shown(from), shown(to))
            }
            Self::Append { key, value } => format!("appends {} to {}", shown(value), shown(key)),
            Self::Claim { key } => format!("claims {}", shown(key)),
            Self::Release { key } => format!("releases {}", shown(key)),
            Self::PublishKey { .. } => "says what to seal for him with".to_owned(),
            Self::Seal { key, owner, .. } => {
                format!("seals {} for player {}", shown(key), u16::from(*owner) + 1)
            }
            Self::Open { key, plaintext, .. } => {
                format!("opens {}: {}", shown(key), shown(plaintext))
            }
        }
    }
}

impl NewEntry {
    fn describe(self) -> String {
        match self {
            Self::Number { value, min, max } => format!("a number, {value} in {min} to {max}"),
            Self::List { len_max } => format!("a list of up to {len_max}"),
            Self::Slot => "a slot".to_owned(),
            Self::Account => "his account".to_owned(),
            Self::Purse { members } => {
                let names: Vec<String> = members
                    .indices()
                    .iter()
                    .map(|index| (u16::from(*index) + 1).to_string())
                    .collect();
                format!("a purse of players {}", names.join(", "))
            }
        }
    }
}

/// Bytes in words: as text where they are text.
pub(super) fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => format!("{text:?}"),
        Ok(_) | Err(_) => format!("{} bytes", bytes.len()),
    }
}
