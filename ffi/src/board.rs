//! The board for apps that write no rules: typed operations become payloads for `submit`, and keys of
//! a view become typed entries again.

use althing::rules::Rules;
use althing::rules::board::{self as core, Board};
use althing::wire::{BoundedVec, Bytes};

use crate::error::AlthingError;
use crate::model::StateEntry;

mod model;

pub use model::{
    BoardAccess, BoardAccountsSetup, BoardContent, BoardEntry, BoardListSetup, BoardNumberSetup,
    BoardOperation, BoardPrefixSetup, BoardPurseSetup, BoardRefusal, BoardSetup, BoardValueSetup,
};

/// The payload of an operation, for `submit`.
#[uniffi::export]
pub fn board_payload(operation: BoardOperation) -> Result<Vec<u8>, AlthingError> {
    use core::{BoardAction, Expect, Members, NewEntry, digest};
    let put = |key, value, expect| {
        Ok(BoardAction::Put {
            key: bytes("key", key)?,
            value: bytes("value", value)?,
            expect,
        })
    };
    let make = |key, entry| {
        Ok(BoardAction::Make {
            key: bytes("key", key)?,
            entry,
        })
    };
    let action: Result<BoardAction, AlthingError> = match operation {
        BoardOperation::Put { key, value } => put(key, value, None),
        BoardOperation::PutIfAbsent { key, value } => put(key, value, Some(Expect::Absent)),
        BoardOperation::PutIf {
            key,
            value,
            expected,
        } => put(key, value, Some(Expect::Value(digest(&expected)))),
        BoardOperation::Remove { key } => Ok(BoardAction::Remove {
            key: bytes("key", key)?,
            expect: None,
        }),
        BoardOperation::RemoveIf { key, expected } => Ok(BoardAction::Remove {
            key: bytes("key", key)?,
            expect: Some(digest(&expected)),
        }),
        BoardOperation::MakeNumber {
            key,
            value,
            min,
            max,
        } => make(key, NewEntry::Number { value, min, max }),
        BoardOperation::MakeList { key, len_max } => make(key, NewEntry::List { len_max }),
        BoardOperation::MakeSlot { key } => make(key, NewEntry::Slot),
        BoardOperation::MakeAccount { key } => make(key, NewEntry::Account),
        BoardOperation::MakePurse { key, members } => {
            let members = Members::of(&members);
            make(key, NewEntry::Purse { members })
        }
        BoardOperation::Add { key, amount } => Ok(BoardAction::Add {
            key: bytes("key", key)?,
            amount,
        }),
        BoardOperation::Transfer { from, to, amount } => Ok(BoardAction::Transfer {
            from: bytes("from", from)?,
            to: bytes("to", to)?,
            amount,
        }),
        BoardOperation::Spend { from, to, amount } => Ok(BoardAction::Spend {
            from: bytes("from", from)?,
            to: bytes("to", to)?,
            amount,
        }),
        BoardOperation::Append { key, value } => Ok(BoardAction::Append {
            key: bytes("key", key)?,
            value: bytes("value", value)?,
        }),
        BoardOperation::Claim { key } => Ok(BoardAction::Claim {
            key: bytes("key", key)?,
        }),
        BoardOperation::Release { key } => Ok(BoardAction::Release {
            key: bytes("key", key)?,
        }),
    };
    Ok(action?.encode())
}

/// The `rules_config` of a board, for `open_table` with the rules `board`.
#[uniffi::export]
pub fn board_config(setup: BoardSetup) -> Result<Vec<u8>, AlthingError> {
    let mut entries = Vec::new();
    for BoardValueSetup { key, value } in setup.values {
        let value = core::FirstEntry::Value(bytes("value", value)?);
        entries.push((bytes("key", key)?, value));
    }
    for BoardNumberSetup {
        key,
        value,
        min,
        max,
    } in setup.numbers
    {
        let number = core::FirstEntry::Number { value, min, max };
        entries.push((bytes("key", key)?, number));
    }
    for BoardListSetup { key, len_max } in setup.lists {
        entries.push((bytes("key", key)?, core::FirstEntry::List { len_max }));
    }
    for key in setup.slots {
        entries.push((bytes("key", key)?, core::FirstEntry::Slot));
    }
    let mut accounts = Vec::new();
    for BoardAccountsSetup { prefix, balance } in setup.accounts {
        accounts.push((bytes("prefix", prefix)?, balance));
    }
    let mut purses = Vec::new();
    for BoardPurseSetup {
        key,
        members,
        balance,
    } in setup.purses
    {
        let members = core::Members::of(&members);
        purses.push((bytes("key", key)?, members, balance));
    }
    let mut prefixes = Vec::new();
    for BoardPrefixSetup { prefix, access } in setup.prefixes {
        let access = match access {
            BoardAccess::Open => core::Access::Open,
            BoardAccess::Owned => core::Access::Owned,
            BoardAccess::Locked => core::Access::Locked,
        };
        prefixes.push((bytes("prefix", prefix)?, access));
    }
    let config = core::BoardConfig {
        entries: list("entries", entries)?,
        accounts: list("accounts", accounts)?,
        purses: list("purses", purses)?,
        prefixes: list("prefixes", prefixes)?,
    };
    Ok(config.encode())
}

/// The entries of a board's view, or of its committed state.
#[uniffi::export]
pub fn board_entries(state: Vec<StateEntry>) -> Vec<BoardEntry> {
    state
        .iter()
        .filter_map(|entry| read(&entry.key, &entry.value))
        .collect()
}

/// What one key of a board means, such as that of a patch; null for keys that are not for a screen.
#[uniffi::export]
pub fn board_entry(key: Vec<u8>, value: Vec<u8>) -> Option<BoardEntry> {
    read(&key, &value)
}

/// Why a board refused: code and detail are those of `Reason::Rules`.
#[uniffi::export]
pub fn board_refusal(code: u16, detail: Vec<u8>) -> BoardRefusal {
    let mut refusal = BoardRefusal {
        words: Board.describe(code, &detail),
        member: None,
        amount: None,
        number: None,
        standing: None,
    };
    match core::Detail::decode(&detail) {
        Some(core::Detail::Member(member)) => refusal.member = Some(member),
        Some(core::Detail::Amount(amount)) => refusal.amount = Some(amount),
        Some(core::Detail::Number(number)) => refusal.number = Some(number),
        Some(core::Detail::Standing(value)) => refusal.standing = value.map(Bytes::into_vec),
        Some(core::Detail::Kind(_)) | None => {}
    }
    refusal
}

fn read(key: &[u8], value: &[u8]) -> Option<BoardEntry> {
    let (key, content) = match core::read(key, value)? {
        core::Reading::Entry { key, entry } => (key.into_vec(), content(entry)),
        core::Reading::Item {
            list,
            position,
            value,
        } => {
            let value = value.into_vec();
            (list.into_vec(), BoardContent::Item { position, value })
        }
        core::Reading::SealingKey { member, key: _ } => {
            (Vec::new(), BoardContent::Reader { member })
        }
    };
    Some(BoardEntry { key, content })
}

fn content(entry: core::Entry) -> BoardContent {
    match entry {
        core::Entry::Value(value) => BoardContent::Value {
            value: value.into_vec(),
        },
        core::Entry::Number { value, min, max } => BoardContent::Number { value, min, max },
        core::Entry::List { len, len_max } => BoardContent::List { len, len_max },
        core::Entry::Slot { holder } => BoardContent::Slot { holder },
        core::Entry::Account { owner, balance } => BoardContent::Account { owner, balance },
        core::Entry::Purse { members, balance } => BoardContent::Purse {
            members: members.indices(),
            balance,
        },
        core::Entry::Sealed(sealed) => BoardContent::Sealed {
            sealer: sealed.sealer,
            owner: sealed.owner,
        },
        core::Entry::Opened {
            sealer,
            owner,
            plaintext,
        } => BoardContent::Opened {
            sealer,
            owner,
            plaintext: plaintext.into_vec(),
        },
    }
}

fn bytes<const N: usize>(what: &str, bytes: Vec<u8>) -> Result<Bytes<N>, AlthingError> {
    list(what, bytes)
}

fn list<T, const N: usize>(what: &str, elements: Vec<T>) -> Result<BoundedVec<T, N>, AlthingError> {
    BoundedVec::from_vec(elements).map_err(|full| AlthingError::TooLong {
        what: what.to_owned(),
        len: full.len as u64,
        max: full.max as u64,
    })
}
