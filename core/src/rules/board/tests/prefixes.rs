use super::*;

fn guarded() -> BoardConfig {
    let number = FirstEntry::Number {
        value: 1,
        min: 0,
        max: 5,
    };
    BoardConfig {
        entries: BoundedVec::truncating(vec![
            (key("game/title"), FirstEntry::Value(value("poker"))),
            (key("game/rounds"), number),
            (key("game/log"), FirstEntry::List { len_max: 4 }),
            (key("game/dealer"), FirstEntry::Slot),
        ]),
        accounts: BoundedVec::truncating(vec![(key("game/chips/"), 10)]),
        prefixes: BoundedVec::truncating(vec![
            (key("game/"), Access::Locked),
            (key("game/free/"), Access::Open),
            (key("notes/"), Access::Owned),
        ]),
        ..BoardConfig::default()
    }
}

#[test]
fn each_member_writes_under_his_own_key() {
    let mut room = Room::with(&guarded());
    room.does(BOB, put("notes/1", "bare"));
    room.does(BOB, put("notes/1/colour", "blue"));
    let owner = room.refuses(ANN, put("notes/1/colour", "red"), Cause::NotYours);
    assert_eq!(owner, Some(Detail::Member(BOB)));
    room.refuses(ANN, remove("notes/1"), Cause::NotYours);
    for nobodys in [
        "notes/", "notes/x", "notes/01", "notes/+1", "notes/16", "notes/1x", "notes//1",
    ] {
        let detail = room.refuses(BOB, put(nobodys, "x"), Cause::NotYours);
        assert_eq!(detail, None, "{nobodys}");
    }
    room.does(BOB, make("notes/1/slot", NewEntry::Slot));
    room.refuses(ANN, claim("notes/1/slot"), Cause::NotYours);
    room.does(BOB, claim("notes/1/slot"));
    room.does(BOB, make("notes/1/list", NewEntry::List { len_max: 1 }));
    room.refuses(ANN, append("notes/1/list", "x"), Cause::NotYours);
    let number = NewEntry::Number {
        value: 0,
        min: 0,
        max: 1,
    };
    room.does(BOB, make("notes/1/number", number));
    room.refuses(ANN, add("notes/1/number", 1), Cause::NotYours);
    // Money comes from everybody.
    room.does(BOB, make("notes/1/chips", NewEntry::Account));
    room.does(ANN, transfer("game/chips/0", "notes/1/chips", 1));
    assert_eq!(own_key(b"notes/", 1, b""), b"notes/1");
    assert_eq!(own_key(b"notes/", 12, b"a/b"), b"notes/12/a/b");
}

#[test]
fn what_is_locked_stays_and_works() {
    let mut room = Room::with(&guarded());
    room.refuses(ANN, put("game/title", "whist"), Cause::Locked);
    room.refuses(ANN, put("game/new", "x"), Cause::Locked);
    room.refuses(ANN, make("game/new", NewEntry::Slot), Cause::Locked);
    room.refuses(ANN, remove("game/rounds"), Cause::Locked);
    room.does(ANN, add("game/rounds", 1));
    room.does(ANN, append("game/log", "begins"));
    room.does(ANN, claim("game/dealer"));
    room.does(ANN, release("game/dealer"));
    room.does(ANN, transfer("game/chips/0", "game/chips/1", 10));
    room.refuses(ANN, remove("game/chips/0"), Cause::Locked);
    // The longest prefix counts.
    room.does(ANN, put("game/free/x", "y"));
}

#[test]
fn a_configuration_that_does_not_fit_is_refused() {
    let refused = |config: BoardConfig| {
        let refused = Room::try_with(&config.encode()).err();
        refused.and_then(|rejection| Cause::from_code(rejection.code))
    };
    let entries = |entries: Vec<(BoardKey, FirstEntry)>| BoardConfig {
        entries: BoundedVec::truncating(entries),
        ..BoardConfig::default()
    };
    let twice = vec![(key("a"), FirstEntry::Slot); 2];
    assert_eq!(refused(entries(twice)), Some(Cause::BadConfig));
    let nameless = vec![(key(""), FirstEntry::Slot)];
    assert_eq!(refused(entries(nameless)), Some(Cause::BadConfig));
    let upside_down = FirstEntry::Number {
        value: 1,
        min: 2,
        max: 3,
    };
    let upside_down = vec![(key("a"), upside_down)];
    assert_eq!(refused(entries(upside_down)), Some(Cause::BadBounds));
    let endless = vec![(key("a"), FirstEntry::List { len_max: 0 })];
    assert_eq!(refused(entries(endless)), Some(Cause::BadBounds));
    let purse = |members, balance| BoardConfig {
        purses: BoundedVec::truncating(vec![(key("pot"), members, balance)]),
        accounts: BoundedVec::truncating(vec![(key("chips/"), 1)]),
        ..BoardConfig::default()
    };
    assert_eq!(refused(purse(Members(0), 1)), Some(Cause::BadConfig));
    assert_eq!(
        refused(purse(Members::of(&[3]), 1)),
        None,
        "he may not come"
    );
    // Three accounts of 1 beside it.
    assert_eq!(refused(purse(Members(1), u64::MAX - 3)), None);
    assert_eq!(
        refused(purse(Members(1), u64::MAX - 2)),
        Some(Cause::BadConfig)
    );
    let prefixes = BoardConfig {
        prefixes: BoundedVec::truncating(vec![(key("a"), Access::Open), (key("a"), Access::Owned)]),
        ..BoardConfig::default()
    };
    assert_eq!(refused(prefixes), Some(Cause::BadConfig));
    let long = BoardConfig {
        accounts: BoundedVec::truncating(vec![(key(&"x".repeat(BOARD_KEY_LEN_MAX)), 1)]),
        ..BoardConfig::default()
    };
    assert_eq!(
        refused(long),
        Some(Cause::BadConfig),
        "no room for an index"
    );
    for (noise, cause) in [
        (&[0xff][..], Cause::BadConfig),
        (&[0; 300], Cause::BadConfig),
    ] {
        let refused = Room::try_with(noise).err().expect("refused");
        assert_eq!(refused.code, cause.code());
    }
    assert!(Room::try_with(&[]).is_ok(), "none is an empty board");
}

#[test]
fn a_genesis_has_room_for_a_card_table() {
    let config = BoardConfig {
        entries: BoundedVec::truncating(
            (0..8)
                .map(|seat| (key(&format!("seat/{seat}")), FirstEntry::Slot))
                .chain([(key("game/log"), FirstEntry::List { len_max: 512 })])
                .collect(),
        ),
        ..guarded_money()
    };
    let len = config.encode().len();
    assert!(len <= CONFIG_LEN_MAX, "{len} bytes");
}

fn guarded_money() -> BoardConfig {
    BoardConfig {
        prefixes: guarded().prefixes,
        ..rich()
    }
}
