use super::*;

#[test]
fn a_value_is_written_over_and_removed() {
    let mut room = Room::new();
    room.does(ANN, put("topic", "tea"));
    room.does(BOB, put("topic", "coffee"));
    assert_eq!(room.entry("topic"), Some(Entry::Value(value("coffee"))));
    room.does(CAT, remove("topic"));
    assert_eq!(room.entry("topic"), None);
    room.refuses(CAT, remove("topic"), Cause::NoEntry);
}

#[test]
fn of_two_puts_with_one_expectation_one_wins_and_the_other_learns_what_stands() {
    let mut room = Room::new();
    room.does(ANN, put_if("topic", "tea", Expect::Absent));
    let stands = room.refuses(
        BOB,
        put_if("topic", "milk", Expect::Absent),
        Cause::Conflict,
    );
    let Some(Detail::Standing(Some(stands))) = stands else {
        panic!("{stands:?}");
    };
    assert_eq!(&*stands, b"tea");
    let seen = Expect::Value(digest(&stands));
    room.does(BOB, put_if("topic", "milk", seen));
    room.refuses(CAT, put_if("topic", "rum", seen), Cause::Conflict);
    room.refuses(
        CAT,
        BoardAction::Remove {
            key: key("topic"),
            expect: Some(digest(b"tea")),
        },
        Cause::Conflict,
    );
    room.does(
        CAT,
        BoardAction::Remove {
            key: key("topic"),
            expect: Some(digest(b"milk")),
        },
    );
    let stands = room.refuses(CAT, put_if("topic", "rum", seen), Cause::Conflict);
    assert_eq!(stands, Some(Detail::Standing(None)));
}

#[test]
fn a_number_stays_within_the_bounds_it_was_made_with() {
    let mut room = Room::new();
    let number = |value, min, max| NewEntry::Number { value, min, max };
    room.does(ANN, make("lives", number(2, 0, 3)));
    room.does(BOB, add("lives", 1));
    let stands = room.refuses(BOB, add("lives", 1), Cause::OutOfBounds);
    assert_eq!(stands, Some(Detail::Number(3)));
    room.does(CAT, add("lives", -3));
    room.refuses(CAT, add("lives", -1), Cause::OutOfBounds);
    for (value, min, max) in [(0, 1, 2), (3, 1, 2), (1, 2, 1)] {
        room.refuses(
            ANN,
            make("other", number(value, min, max)),
            Cause::BadBounds,
        );
    }
    room.does(ANN, make("all", number(0, i64::MIN, i64::MAX)));
    room.does(ANN, add("all", i64::MAX));
    room.refuses(ANN, add("all", 1), Cause::OutOfBounds);
    room.does(ANN, add("all", i64::MIN));
    room.does(ANN, add("all", i64::MIN + 1));
    room.refuses(ANN, add("all", -1), Cause::OutOfBounds);
}

#[test]
fn a_list_keeps_the_order_of_its_items_and_its_length() {
    let mut room = Room::new();
    room.does(ANN, make("log", NewEntry::List { len_max: 2 }));
    // A list whose key begins alike, with the bytes of a position after it.
    room.does(ANN, make("log\0", NewEntry::List { len_max: 2 }));
    room.does(ANN, append("log\0", "other"));
    room.does(BOB, append("log", "one"));
    room.does(CAT, append("log", "two"));
    let full = room.refuses(ANN, append("log", "three"), Cause::ListFull);
    assert_eq!(full, Some(Detail::Amount(2)));
    assert_eq!(items(&room.state(), b"log"), [value("one"), value("two")]);
    room.does(ANN, remove("log"));
    assert!(items(&room.state(), b"log").is_empty());
    assert_eq!(items(&room.state(), b"log\0"), [value("other")]);
    for len_max in [0, LIST_LEN_MAX + 1] {
        room.refuses(
            ANN,
            make("log", NewEntry::List { len_max }),
            Cause::BadBounds,
        );
    }
    for len_max in [1, LIST_LEN_MAX] {
        room.does(ANN, make("log", NewEntry::List { len_max }));
        room.does(ANN, remove("log"));
    }
}

#[test]
fn a_slot_has_one_holder_and_he_alone_gives_it_up() {
    let mut room = Room::new();
    room.does(ANN, make("seat", NewEntry::Slot));
    room.refuses(ANN, release("seat"), Cause::NotHolder);
    room.does(BOB, claim("seat"));
    let who = Some(Detail::Member(BOB));
    assert_eq!(room.refuses(CAT, claim("seat"), Cause::Taken), who);
    assert_eq!(room.refuses(BOB, claim("seat"), Cause::Taken), who);
    assert_eq!(room.refuses(CAT, release("seat"), Cause::NotHolder), who);
    assert_eq!(room.refuses(CAT, remove("seat"), Cause::Taken), who);
    room.does(BOB, release("seat"));
    room.does(CAT, claim("seat"));
    room.does(CAT, remove("seat"));
    room.refuses(CAT, claim("seat"), Cause::NoEntry);
}

#[test]
fn an_operation_on_another_kind_is_refused_with_the_kind_that_stands() {
    let mut room = Room::with(&rich());
    room.does(ANN, put("value", "x"));
    let number = NewEntry::Number {
        value: 0,
        min: 0,
        max: 9,
    };
    room.does(ANN, make("number", number));
    room.does(ANN, make("list", NewEntry::List { len_max: 1 }));
    room.does(ANN, make("slot", NewEntry::Slot));
    let kinds = [
        ("value", Kind::Value),
        ("number", Kind::Number),
        ("list", Kind::List),
        ("slot", Kind::Slot),
        ("chips/0", Kind::Account),
        ("pot", Kind::Purse),
    ];
    type Operation = fn(&str) -> BoardAction;
    let operations: [(Kind, Operation); 9] = [
        (Kind::Value, |at| put(at, "x")),
        (Kind::Value, |at| BoardAction::Remove {
            key: key(at),
            expect: Some(digest(b"x")),
        }),
        (Kind::Number, |at| add(at, 1)),
        (Kind::List, |at| append(at, "x")),
        (Kind::Slot, claim),
        (Kind::Slot, release),
        (Kind::Account, |at| transfer(at, "chips/1", 1)),
        (Kind::Purse, |at| spend(at, "chips/1", 1)),
        (Kind::Sealed, |at| BoardAction::Open {
            key: key(at),
            plaintext: Bytes::new(),
            blinding: [0; 32],
        }),
    ];
    for (at, stands) in kinds {
        for (needed, operation) in operations {
            if needed != stands {
                let detail = room.refuses(ANN, operation(at), Cause::WrongKind);
                assert_eq!(detail, Some(Detail::Kind(stands)), "{at}");
            }
        }
        let detail = room.refuses(BOB, make(at, NewEntry::Slot), Cause::Occupied);
        assert_eq!(detail, Some(Detail::Kind(stands)));
        if stands.ne(&Kind::Account) && stands.ne(&Kind::Purse) {
            let detail = room.refuses(ANN, transfer("chips/0", at, 1), Cause::WrongKind);
            assert_eq!(detail, Some(Detail::Kind(stands)));
        }
    }
    for (needed, operation) in operations.into_iter().skip(2) {
        let detail = room.refuses(ANN, operation("nothing"), Cause::NoEntry);
        assert_eq!(detail, None, "{needed:?}");
    }
}

#[test]
fn strangers_are_refused_and_an_entry_needs_a_key() {
    let mut room = Room::new();
    let refused = room.act_raw(&PeerId([9; 32]), &put("a", "x").encode());
    assert_eq!(refused.unwrap_err().code, Cause::NotMember.code());
    room.refuses(ANN, put("", "x"), Cause::BadKey);
    room.refuses(ANN, make("", NewEntry::Slot), Cause::BadKey);
    let refused = room.act_raw(&MEMBERS[0], &[0, 1]);
    assert_eq!(refused.unwrap_err().code, Cause::Malformed.code());
}
