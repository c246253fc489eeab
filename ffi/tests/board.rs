//! A board as an app without rules of its own uses it: typed operations in, typed entries out.

use althing::id::PeerId;
use althing::rules::board::{BOARD_KEY_LEN_MAX, BOARD_VALUE_LEN_MAX, Board, Cause};
use althing::rules::{Context, Rejection, Rules};
use althing::state::{Map, Overlay};
use althing_ffi::{
    Althing, AlthingError, BoardAccess, BoardAccountsSetup, BoardContent, BoardEntry,
    BoardListSetup, BoardNumberSetup, BoardOperation, BoardPrefixSetup, BoardPurseSetup,
    BoardSetup, BoardValueSetup, StateEntry, board_config, board_entries, board_entry,
    board_payload, board_refusal,
};

const MEMBERS: [PeerId; 2] = [PeerId([1; 32]), PeerId([2; 32])];

fn setup() -> BoardSetup {
    BoardSetup {
        values: vec![BoardValueSetup {
            key: b"game/title".to_vec(),
            value: b"whist".to_vec(),
        }],
        numbers: vec![BoardNumberSetup {
            key: b"lives".to_vec(),
            value: 3,
            min: 0,
            max: 5,
        }],
        lists: vec![BoardListSetup {
            key: b"log".to_vec(),
            len_max: 4,
        }],
        slots: vec![b"seat".to_vec()],
        accounts: vec![BoardAccountsSetup {
            prefix: b"chips/".to_vec(),
            balance: 100,
        }],
        purses: vec![BoardPurseSetup {
            key: b"purse".to_vec(),
            members: vec![1],
            balance: 50,
        }],
        prefixes: vec![
            BoardPrefixSetup {
                prefix: b"game/".to_vec(),
                access: BoardAccess::Locked,
            },
            BoardPrefixSetup {
                prefix: b"notes/".to_vec(),
                access: BoardAccess::Owned,
            },
        ],
    }
}

struct Room(Overlay);

impl Room {
    fn new() -> Self {
        let mut overlay = Overlay::new(Map::new());
        let config = board_config(setup()).expect("short keys");
        Board
            .genesis(&mut overlay, &MEMBERS, &config)
            .expect("a good setup");
        Self(overlay)
    }

    fn act(&mut self, member: usize, operation: BoardOperation) -> Result<(), Rejection> {
        let payload = board_payload(operation).expect("short arguments");
        let mut context = Context::new(&MEMBERS, 1, true);
        Board.apply(&mut self.0, &MEMBERS[member], &payload, &mut context)
    }

    fn entries(&self) -> Vec<BoardEntry> {
        let map = self.0.clone().absorb();
        let state = map.iter().map(|(key, value)| StateEntry {
            key: key.as_bytes().to_vec(),
            value: value.to_vec(),
        });
        board_entries(state.collect())
    }

    fn content(&self, key: &str) -> BoardContent {
        let mut found = self.entries().into_iter();
        let entry = found.find(|entry| entry.key == key.as_bytes());
        entry.expect("an entry").content
    }
}

#[test]
fn every_operation_arrives_as_itself() {
    let mut room = Room::new();
    let key = |text: &str| text.as_bytes().to_vec();
    let operations = [
        BoardOperation::PutIfAbsent {
            key: key("topic"),
            value: key("tea"),
        },
        BoardOperation::PutIf {
            key: key("topic"),
            value: key("milk"),
            expected: key("tea"),
        },
        BoardOperation::RemoveIf {
            key: key("topic"),
            expected: key("milk"),
        },
        BoardOperation::Put {
            key: key("notes/1"),
            value: key("mine"),
        },
        BoardOperation::Add {
            key: key("lives"),
            amount: 2,
        },
        BoardOperation::Append {
            key: key("log"),
            value: key("hello"),
        },
        BoardOperation::Claim { key: key("seat") },
        BoardOperation::Release { key: key("seat") },
        BoardOperation::Claim { key: key("seat") },
        BoardOperation::Transfer {
            from: key("chips/1"),
            to: key("purse"),
            amount: 30,
        },
        BoardOperation::Spend {
            from: key("purse"),
            to: key("chips/0"),
            amount: 70,
        },
        BoardOperation::MakeNumber {
            key: key("made"),
            value: 1,
            min: 1,
            max: 1,
        },
        BoardOperation::Remove { key: key("made") },
        BoardOperation::MakeList {
            key: key("list"),
            len_max: 9,
        },
        BoardOperation::MakeSlot { key: key("slot") },
        BoardOperation::MakeAccount { key: key("own") },
        BoardOperation::MakePurse {
            key: key("trip"),
            members: vec![0, 1],
        },
    ];
    for operation in operations {
        assert_eq!(room.act(1, operation.clone()), Ok(()), "{operation:?}");
    }
    let contents = [
        (
            "lives",
            BoardContent::Number {
                value: 5,
                min: 0,
                max: 5,
            },
        ),
        ("log", BoardContent::List { len: 1, len_max: 4 }),
        ("list", BoardContent::List { len: 0, len_max: 9 }),
        ("seat", BoardContent::Slot { holder: Some(1) }),
        ("slot", BoardContent::Slot { holder: None }),
        (
            "chips/0",
            BoardContent::Account {
                owner: 0,
                balance: 170,
            },
        ),
        (
            "purse",
            BoardContent::Purse {
                members: vec![1],
                balance: 10,
            },
        ),
        (
            "trip",
            BoardContent::Purse {
                members: vec![0, 1],
                balance: 0,
            },
        ),
        ("notes/1", BoardContent::Value { value: key("mine") }),
    ];
    for (at, content) in contents {
        assert_eq!(room.content(at), content, "{at}");
    }
    let item = BoardEntry {
        key: key("log"),
        content: BoardContent::Item {
            position: 0,
            value: key("hello"),
        },
    };
    assert!(room.entries().contains(&item));
    assert_eq!(board_entry(b"P".to_vec(), vec![0]), None);
}

#[test]
fn a_refusal_says_what_a_program_needs() {
    let mut room = Room::new();
    let claim = BoardOperation::Claim {
        key: b"seat".to_vec(),
    };
    room.act(0, claim.clone()).expect("free");
    let taken = room.act(1, claim).expect_err("taken");
    let refusal = board_refusal(taken.code, taken.detail.into_vec());
    assert_eq!(refusal.words, "player 1 has it");
    assert_eq!(refusal.member, Some(0));
    let locked = BoardOperation::PutIfAbsent {
        key: b"game/title".to_vec(),
        value: b"poker".to_vec(),
    };
    let locked = room.act(0, locked).expect_err("locked");
    assert_eq!(locked.code, Cause::Locked.code());
}

#[test]
fn arguments_that_are_too_long_are_named() {
    for (key, value, what) in [
        (BOARD_KEY_LEN_MAX, BOARD_VALUE_LEN_MAX, None),
        (BOARD_KEY_LEN_MAX + 1, 1, Some(("key", BOARD_KEY_LEN_MAX))),
        (
            1,
            BOARD_VALUE_LEN_MAX + 1,
            Some(("value", BOARD_VALUE_LEN_MAX)),
        ),
    ] {
        let payload = board_payload(BoardOperation::Put {
            key: vec![b'k'; key],
            value: vec![b'v'; value],
        });
        let error = what.map(|(what, max)| AlthingError::TooLong {
            what: what.to_owned(),
            len: max as u64 + 1,
            max: max as u64,
        });
        assert_eq!(payload.err(), error);
    }
}

#[test]
fn sealing_needs_a_table_and_a_peer() {
    let phone = Althing::new(vec![1; 32], vec![2; 32], 0).expect("both keys have 32 bytes");
    let group = "00".repeat(16);
    let unknown = AlthingError::UnknownGroup {
        group: group.clone(),
    };
    let key = b"hand".to_vec();
    let peer = phone.peer().expect("a peer");
    let sealed = phone.seal(group.clone(), key.clone(), peer, vec![1]);
    assert_eq!(sealed.err(), Some(unknown.clone()));
    assert_eq!(
        phone.unseal(group.clone(), key.clone()),
        Err(unknown.clone())
    );
    assert_eq!(
        phone.open_seal(group.clone(), key.clone()),
        Err(unknown.clone())
    );
    assert_eq!(phone.sealing_key_payload(group.clone()), Err(unknown));
    let nobody = phone.seal(group, key, "Anna".to_owned(), vec![1]);
    let bad = AlthingError::BadPeer {
        id: "Anna".to_owned(),
    };
    assert_eq!(nobody.err(), Some(bad));
}
