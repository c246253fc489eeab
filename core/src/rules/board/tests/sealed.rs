use super::*;
use crate::crypto::Identity;
use crate::crypto::seal::SealingSecret;
use crate::error::SealError;

const GROUP: GroupId = GroupId([4; 16]);
const QUEEN: &[u8] = b"queen of spades";

fn secret(member: u8) -> SealingSecret {
    SealingSecret::of(&Identity::new([member + 1; 32]), &GROUP.0)
}

/// Everyone has published a key.
fn room() -> Room {
    let mut room = Room::new();
    for member in [ANN, BOB, CAT] {
        room.does(member, publish(&secret(member)));
    }
    room
}

fn place(key: &str, sealer: u8, owner: u8) -> Place<'_> {
    Place {
        group: GROUP,
        key: key.as_bytes(),
        sealer,
        owner,
    }
}

fn seals(room: &Room, key: &str, sealer: u8, owner: u8) -> BoardAction {
    seal(
        &room.state(),
        place(key, sealer, owner),
        QUEEN,
        [7; 32],
        [8; 32],
    )
    .expect("a good seal")
}

fn reads(room: &Room, key: &str, reader: u8) -> Result<Unsealed, SealError> {
    unseal(
        &room.state(),
        &secret(reader),
        GROUP,
        key.as_bytes(),
        reader,
    )
}

fn holds(state: &Map, bytes: &[u8]) -> bool {
    state
        .iter()
        .any(|(_, value)| value.windows(bytes.len()).any(|window| window == bytes))
}

#[test]
fn a_dealt_card_is_read_by_one_and_opened_to_all() {
    let mut room = room();
    let action = seals(&room, "hand", ANN, BOB);
    assert!(!format!("{action:?}").contains("queen"));
    room.does(ANN, action);
    assert!(!holds(&room.state(), QUEEN) && !holds(&room.state(), &[7; 32]));
    assert_eq!(reads(&room, "hand", CAT), Err(SealError::NotItsOwner));
    assert_eq!(reads(&room, "hand", ANN), Err(SealError::NotItsOwner));
    // Whoever says that he is Bob needs his secret too.
    let forced = unseal(&room.state(), &secret(CAT), GROUP, b"hand", BOB);
    assert_eq!(forced, Err(SealError::Damaged));
    let card = reads(&room, "hand", BOB).expect("his own");
    assert_eq!(card.plaintext(), QUEEN);
    assert_eq!(format!("{card:?}"), "Unsealed(15 bytes)");
    let owner = room.refuses(CAT, card.open(), Cause::NotItsOwner);
    assert_eq!(owner, Some(Detail::Member(BOB)));
    room.does(BOB, card.open());
    let opened = Entry::Opened {
        sealer: ANN,
        owner: BOB,
        plaintext: Bytes::truncating(QUEEN.to_vec()),
    };
    assert_eq!(room.entry("hand"), Some(opened));
    assert_eq!(reads(&room, "hand", BOB), Err(SealError::AlreadyOpen));
    room.refuses(BOB, card.open(), Cause::WrongKind);
}

#[test]
fn the_length_of_a_box_says_nothing() {
    let room = room();
    let lengths = [0, 1, 15, SEALED_LEN_MAX].map(|len| {
        let plaintext = vec![b'q'; len];
        let at = place("hand", ANN, BOB);
        match seal(&room.state(), at, &plaintext, [7; 32], [8; 32]) {
            Ok(BoardAction::Seal { bytes, .. }) => bytes.len(),
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(lengths, [BOX_LEN_MAX; 4]);
}

#[test]
fn a_box_that_is_filled_up_otherwise_is_damaged() {
    let mut room = room();
    let BoardAction::Seal {
        key,
        commitment,
        owner,
        ..
    } = seals(&room, "hand", ANN, BOB)
    else {
        panic!("a seal");
    };
    // As a sealer makes it who lets the length show.
    let inside = [&[7; 32], &[QUEEN.len() as u8][..], QUEEN].concat();
    let context = encode(&(GROUP, &b"hand"[..], ANN, BOB, commitment));
    let made = crate::crypto::seal::seal(&secret(BOB).public(), &context, &inside, [8; 32])
        .expect("a good key");
    let short = BoardAction::Seal {
        key,
        owner,
        commitment,
        ephemeral: made.ephemeral,
        bytes: Bytes::truncating(made.bytes),
    };
    room.does(ANN, short);
    assert_eq!(reads(&room, "hand", BOB), Err(SealError::Damaged));
}

#[test]
fn an_opening_that_does_not_fit_is_refused() {
    let mut room = room();
    room.does(ANN, seals(&room, "hand", ANN, BOB));
    let king = BoardAction::Open {
        key: key("hand"),
        plaintext: Bytes::truncating(b"king of spades!".to_vec()),
        blinding: [7; 32],
    };
    room.refuses(BOB, king, Cause::WrongOpening);
    let other_blinding = BoardAction::Open {
        key: key("hand"),
        plaintext: Bytes::truncating(QUEEN.to_vec()),
        blinding: [6; 32],
    };
    room.refuses(BOB, other_blinding, Cause::WrongOpening);
}

#[test]
fn a_copied_seal_opens_for_nobody() {
    let mut room = room();
    // Ann's sealed bid, copied by Bob to his own place, to another key, and under her name.
    let bid = seals(&room, "bid/ann", ANN, ANN);
    room.does(ANN, bid.clone());
    let BoardAction::Seal {
        commitment,
        ephemeral,
        bytes,
        ..
    } = bid
    else {
        panic!("a seal");
    };
    let copy = |at: &str, owner| BoardAction::Seal {
        key: key(at),
        owner,
        commitment,
        ephemeral,
        bytes: bytes.clone(),
    };
    room.does(BOB, copy("bid/bob", BOB));
    room.does(BOB, copy("bid/copy", ANN));
    assert_eq!(reads(&room, "bid/bob", BOB), Err(SealError::Damaged));
    assert_eq!(reads(&room, "bid/copy", ANN), Err(SealError::Damaged));
    room.does(ANN, reads(&room, "bid/ann", ANN).expect("hers").open());
    let opened = |at: &str| BoardAction::Open {
        key: key(at),
        plaintext: Bytes::truncating(QUEEN.to_vec()),
        blinding: [7; 32],
    };
    room.refuses(BOB, opened("bid/bob"), Cause::WrongOpening);
    room.refuses(ANN, opened("bid/copy"), Cause::WrongOpening);
    // The one whom it is for gets it out of his way.
    room.does(ANN, remove("bid/copy"));
}

#[test]
fn what_is_sealed_stands() {
    let mut room = room();
    room.does(ANN, seals(&room, "hand", ANN, BOB));
    room.refuses(ANN, put("hand", "x"), Cause::WrongKind);
    let owner = room.refuses(ANN, remove("hand"), Cause::NotItsOwner);
    assert_eq!(owner, Some(Detail::Member(BOB)));
    let again = seals(&room, "hand", CAT, BOB);
    let kind = room.refuses(CAT, again, Cause::Occupied);
    assert_eq!(kind, Some(Detail::Kind(Kind::Sealed)));
    room.does(BOB, reads(&room, "hand", BOB).expect("his own").open());
    room.does(CAT, put("hand", "played"));
}

#[test]
fn a_seal_needs_a_reader_with_a_key() {
    let mut room = Room::new();
    let nobody = seal(
        &room.state(),
        place("hand", ANN, BOB),
        QUEEN,
        [7; 32],
        [8; 32],
    );
    assert_eq!(nobody, Err(SealError::NoSealingKey));
    room.does(BOB, publish(&secret(BOB)));
    let good = seals(&room, "hand", ANN, BOB);
    let other_owner = |index| {
        let mut action = good.clone();
        if let BoardAction::Seal { owner, .. } = &mut action {
            *owner = index;
        }
        action
    };
    let who = room.refuses(ANN, other_owner(CAT), Cause::NoSealingKey);
    assert_eq!(who, Some(Detail::Member(CAT)));
    room.refuses(ANN, other_owner(3), Cause::NoSuchMember);
    room.does(ANN, good);
}

#[test]
fn a_sealing_key_is_published_once_and_keeps_secrets() {
    let mut room = Room::new();
    let sealing_key = SealingKey([0; 32]);
    room.refuses(ANN, BoardAction::PublishKey { sealing_key }, Cause::WeakKey);
    room.does(ANN, publish(&secret(ANN)));
    room.refuses(ANN, publish(&secret(BOB)), Cause::KeyPublished);
    assert_eq!(sealing_key_of(&room, ANN), Some(secret(ANN).public()));
    assert_eq!(sealing_key_of(&room, BOB), None);
}

fn sealing_key_of(room: &Room, member: u8) -> Option<SealingKey> {
    sealing_key(&room.state(), member)
}

#[test]
fn sealing_has_limits_and_names_what_is_wrong() {
    let room = room();
    for (len, fits) in [
        (0, true),
        (SEALED_LEN_MAX - 1, true),
        (SEALED_LEN_MAX, true),
        (SEALED_LEN_MAX + 1, false),
    ] {
        let mut other = Room {
            overlay: room.overlay.clone(),
        };
        let longest = "k".repeat(BOARD_KEY_LEN_MAX);
        let plaintext = vec![3; len];
        let made = seal(
            &other.state(),
            place(&longest, ANN, BOB),
            &plaintext,
            [7; 32],
            [8; 32],
        );
        if !fits {
            let max = SEALED_LEN_MAX;
            assert_eq!(made, Err(SealError::TooLong { len, max }));
            continue;
        }
        other.does(ANN, made.expect("it fits"));
        let read = reads(&other, &longest, BOB).expect("his own");
        assert_eq!(read.plaintext(), plaintext);
        other.does(BOB, read.open());
    }
    let state = room.state();
    for len in [0, BOARD_KEY_LEN_MAX + 1] {
        let at = "k".repeat(len);
        let max = BOARD_KEY_LEN_MAX;
        let made = seal(&state, place(&at, ANN, BOB), QUEEN, [7; 32], [8; 32]);
        assert_eq!(made, Err(SealError::BadKey { len, max }));
        assert_eq!(reads(&room, &at, BOB), Err(SealError::BadKey { len, max }));
    }
    assert_eq!(reads(&room, "nothing", BOB), Err(SealError::NothingSealed));
    let other = Map::new();
    let made = seal(&other, place("hand", ANN, BOB), QUEEN, [7; 32], [8; 32]);
    assert_eq!(made, Err(SealError::NotABoard));
    let read = unseal(&other, &secret(BOB), GROUP, b"hand", BOB);
    assert_eq!(read, Err(SealError::NotABoard));
}
