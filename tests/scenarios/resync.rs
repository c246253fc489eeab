//! A phone that was away gets blocks while these are worth their bytes, and beyond that the change.

use crate::room::{Room, SECOND, cheap};

/// A phone misses `blocks`: bytes of the answers, and whether it got a state instead.
fn miss(blocks: usize) -> (u64, bool) {
    let mut room = Room::sit(cheap(1), 4);
    room.add(3, 1);
    room.settles(SECOND * 5);
    room.part(&[3]);
    for block in 0..blocks {
        room.add(block % 3, 1);
        room.commits(&[0, 1, 2], i64::try_from(block).unwrap() + 2, SECOND * 10);
    }
    let found = |room: &Room| room.world.sent_bytes().get("found").copied().unwrap_or(0);
    let before = found(&room);
    room.come_back(&[3]);
    room.commits(&[3], i64::try_from(blocks).unwrap() + 1, SECOND * 20);
    room.settles(SECOND * 10);
    let bytes = found(&room) - before;
    room.is_sound();
    let group = room.world.phone(3).group().unwrap();
    let transcript = room
        .world
        .phone(3)
        .node()
        .unwrap()
        .transcript(group)
        .unwrap();
    println!(
        "{blocks} blocks: {bytes} bytes, base {}",
        transcript.base_height()
    );
    (bytes, transcript.base_height() > 0)
}

#[test]
fn whichever_is_fewer_bytes() {
    let (one, by_state) = miss(1);
    assert!(!by_state, "one block is smaller than a change");
    let (thirty, by_state) = miss(30);
    assert!(by_state, "the change is smaller than thirty blocks");
    let (ninety, by_state) = miss(90);
    assert!(by_state);
    assert!(one < thirty);
    assert!(
        ninety < thirty * 3 / 2,
        "a change does not grow with the blocks"
    );
}
