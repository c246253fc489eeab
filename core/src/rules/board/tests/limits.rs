//! Every limit of the board, just below, at and above it.

use super::*;

fn long(len: usize) -> String {
    "x".repeat(len)
}

#[test]
fn the_largest_of_every_action_fits_a_payload() {
    let key = key(&long(BOARD_KEY_LEN_MAX));
    let value: BoardValue = Bytes::truncating(vec![0xff; BOARD_VALUE_LEN_MAX]);
    let largest = [
        BoardAction::Put {
            key: key.clone(),
            value: value.clone(),
            expect: Some(Expect::Value(digest(b""))),
        },
        BoardAction::Remove {
            key: key.clone(),
            expect: Some(digest(b"")),
        },
        BoardAction::Make {
            key: key.clone(),
            entry: NewEntry::Number {
                value: i64::MIN,
                min: i64::MIN,
                max: i64::MAX,
            },
        },
        BoardAction::Spend {
            from: key.clone(),
            to: key.clone(),
            amount: u64::MAX,
        },
        BoardAction::Append {
            key: key.clone(),
            value,
        },
        BoardAction::Seal {
            key: key.clone(),
            owner: 15,
            commitment: Hash([0xff; 32]),
            ephemeral: SealingKey([0xff; 32]),
            bytes: Bytes::truncating(vec![0xff; BOX_LEN_MAX]),
        },
        BoardAction::Open {
            key,
            plaintext: Bytes::truncating(vec![0xff; SEALED_LEN_MAX]),
            blinding: [0xff; 32],
        },
    ];
    for action in largest {
        let payload = action.encode();
        assert!(
            payload.len() <= ACTION_PAYLOAD_LEN_MAX,
            "{} bytes: {action:?}",
            payload.len()
        );
        assert_eq!(BoardAction::decode(&payload), Ok(action));
    }
}

#[test]
fn keys_and_values_have_lengths() {
    for (len, fits) in [
        (BOARD_KEY_LEN_MAX - 1, true),
        (BOARD_KEY_LEN_MAX, true),
        (BOARD_KEY_LEN_MAX + 1, false),
    ] {
        let mut room = Room::new();
        // As a sender who ignores the bound would encode it.
        let payload = encode(&(0u8, long(len), "x", None::<Expect>));
        assert_eq!(
            room.act_raw(&MEMBERS[0], &payload).is_ok(),
            fits,
            "key of {len}"
        );
        // A list of the longest key can be filled.
        if fits {
            room.does(ANN, remove(&long(len)));
            room.does(ANN, make(&long(len), NewEntry::List { len_max: 2 }));
            room.does(ANN, append(&long(len), "one"));
            assert_eq!(items(&room.state(), long(len).as_bytes()), [value("one")]);
        }
    }
    for (len, fits) in [
        (BOARD_VALUE_LEN_MAX - 1, true),
        (BOARD_VALUE_LEN_MAX, true),
        (BOARD_VALUE_LEN_MAX + 1, false),
    ] {
        let mut room = Room::new();
        let payload = encode(&(0u8, "k", long(len), None::<Expect>));
        assert_eq!(
            room.act_raw(&MEMBERS[0], &payload).is_ok(),
            fits,
            "value of {len}"
        );
    }
}

#[test]
fn a_standing_value_is_cut_to_what_a_refusal_carries() {
    for (len, told) in [
        (DETAIL_VALUE_LEN_MAX - 1, DETAIL_VALUE_LEN_MAX - 1),
        (DETAIL_VALUE_LEN_MAX, DETAIL_VALUE_LEN_MAX),
        (DETAIL_VALUE_LEN_MAX + 1, DETAIL_VALUE_LEN_MAX),
    ] {
        let mut room = Room::new();
        room.does(ANN, put("a", &long(len)));
        let detail = room.refuses(ANN, put_if("a", "y", Expect::Absent), Cause::Conflict);
        assert_eq!(
            detail,
            Some(Detail::Standing(Some(Bytes::truncating(vec![b'x'; told]))))
        );
    }
}

#[test]
fn a_full_board_takes_nothing_more_until_something_is_removed() {
    let mut room = Room::new();
    let mut overlay = std::mem::replace(&mut room.overlay, Overlay::new(Map::new()));
    let act = |overlay: &mut Overlay, action: BoardAction| {
        let mut context = Context::new(&MEMBERS, 1, true);
        let mark = overlay.mark();
        let result = Board.apply(overlay, &MEMBERS[0], &action.encode(), &mut context);
        if result.is_err() {
            overlay.undo_to(mark);
        }
        result
    };
    let size = |overlay: &Overlay| -> u64 {
        let bytes = overlay.get(&entry::SIZE_KEY).expect("a board");
        decode(bytes, 10).expect("a number")
    };
    // Place, key, kind, length and value of one entry.
    let entry_len = |value: usize| 1 + 5 + 1 + if value < 128 { 1 } else { 2 } + value;
    let mut number = 0;
    loop {
        let left = usize::try_from(BOARD_BYTES_MAX - size(&overlay)).expect("below the bound");
        if left < 2 * entry_len(BOARD_VALUE_LEN_MAX) {
            break;
        }
        let at = format!("{number:05}");
        act(&mut overlay, put(&at, &long(BOARD_VALUE_LEN_MAX))).expect("room");
        number += 1;
    }
    // Two more entries fill it to the last byte.
    let left = usize::try_from(BOARD_BYTES_MAX - size(&overlay)).expect("below the bound");
    act(&mut overlay, put("aaaaa", &long(90))).expect("room");
    let rest = left - entry_len(90) - entry_len(0);
    let rest = if rest < 128 { rest } else { rest - 1 };
    act(&mut overlay, put("bbbbb", &long(rest - 1))).expect("room");
    assert_eq!(size(&overlay), BOARD_BYTES_MAX - 1);
    act(&mut overlay, put("bbbbb", &long(rest))).expect("room");
    assert_eq!(size(&overlay), BOARD_BYTES_MAX);
    let full = act(&mut overlay, put("bbbbb", &long(rest + 1))).unwrap_err();
    assert_eq!(Cause::from_code(full.code), Some(Cause::BoardFull));
    assert_eq!(
        Detail::decode(&full.detail),
        Some(Detail::Amount(BOARD_BYTES_MAX))
    );
    assert_eq!(size(&overlay), BOARD_BYTES_MAX);
    act(&mut overlay, put("bbbbb", &"y".repeat(rest))).expect("as long as before");
    act(&mut overlay, remove("aaaaa")).expect("less");
    act(&mut overlay, put("aaaaa", &long(90))).expect("room again");
    room.overlay = overlay;
    room.check();
}

#[test]
fn a_configuration_has_256_bytes() {
    let config = |len: usize| BoardConfig {
        entries: BoundedVec::truncating(vec![
            (
                key("a"),
                FirstEntry::Value(value(&long(BOARD_VALUE_LEN_MAX))),
            ),
            (key("b"), FirstEntry::Value(value(&long(len)))),
        ]),
        ..BoardConfig::default()
    };
    let rest = CONFIG_LEN_MAX - config(0).encode().len();
    for (len, fits) in [(rest - 1, true), (rest, true), (rest + 1, false)] {
        let encoded = config(len).encode();
        assert_eq!(encoded.len() <= CONFIG_LEN_MAX, fits);
        assert_eq!(Room::try_with(&encoded).is_ok(), fits, "{len}");
    }
}
