//! What this version of the rules does, byte by byte.

use std::fmt::Write;

use super::*;
use crate::crypto::Identity;
use crate::crypto::seal::SealingSecret;

const GROUP: GroupId = GroupId([4; 16]);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn script() -> Vec<(u8, BoardAction)> {
    let number = NewEntry::Number {
        value: 0,
        min: -1,
        max: 2,
    };
    let members = Members::of(&[BOB, CAT]);
    vec![
        (ANN, put("topic", "tea")),
        (BOB, put_if("topic", "milk", Expect::Absent)),
        (BOB, put_if("topic", "milk", Expect::Value(digest(b"tea")))),
        (ANN, make("lives", number)),
        (BOB, add("lives", 2)),
        (BOB, add("lives", 1)),
        (ANN, claim("lives")),
        (ANN, make("log", NewEntry::List { len_max: 1 })),
        (CAT, append("log", "hello")),
        (CAT, append("log", "again")),
        (ANN, make("seat", NewEntry::Slot)),
        (CAT, claim("seat")),
        (ANN, claim("seat")),
        (ANN, release("seat")),
        (CAT, release("seat")),
        (ANN, transfer("chips/0", "chips/1", 60)),
        (ANN, transfer("chips/0", "chips/1", 60)),
        (BOB, spend("pot", "chips/2", 500)),
        (CAT, spend("pot", "chips/2", 1)),
        (CAT, make("trip", NewEntry::Purse { members })),
        (CAT, make("mine", NewEntry::Account)),
        (ANN, put("notes/1", "x")),
        (BOB, put("notes/1", "x")),
        (ANN, put("game/new", "x")),
        (ANN, remove("lives")),
    ]
}

#[test]
fn vectors_hold() {
    let mut room = Room::with(&BoardConfig {
        prefixes: BoundedVec::truncating(vec![
            (key("game/"), Access::Locked),
            (key("notes/"), Access::Owned),
        ]),
        ..rich()
    });
    let mut text = String::from("board 1\n");
    let mut play = |room: &mut Room, member: u8, action: &BoardAction| {
        let result = match room.act(member, action) {
            Ok(()) => "ok".to_owned(),
            Err(rejection) => format!("code {} [{}]", rejection.code, hex(&rejection.detail)),
        };
        let payload = hex(&action.encode());
        let root = room.state().root().to_hex();
        writeln!(text, "{member} {payload} -> {result}, {root}").expect("a string takes all");
    };
    for (member, action) in script() {
        play(&mut room, member, &action);
    }
    let secret = SealingSecret::of(&Identity::new([2; 32]), &GROUP.0);
    play(&mut room, BOB, &publish(&secret));
    play(&mut room, BOB, &publish(&secret));
    let place = Place {
        group: GROUP,
        key: b"hand",
        sealer: ANN,
        owner: BOB,
    };
    let sealed = seal(&room.state(), place, b"queen", [7; 32], [8; 32]).expect("a good seal");
    play(&mut room, ANN, &sealed);
    let card = unseal(&room.state(), &secret, GROUP, b"hand", BOB).expect("his own");
    play(&mut room, CAT, &card.open());
    play(&mut room, BOB, &card.open());
    assert_eq!(
        text, VECTORS,
        "behaviour changed: a new version of the rule set"
    );
}
