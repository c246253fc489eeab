//! A table at rest sends no bytes of agreement at all.

use std::collections::BTreeMap;

use crate::room::{Room, SECOND, cheap};

/// Kinds of messages that do not belong to the agreement: links and the mesh itself.
const UPKEEP: [&str; 3] = ["announce", "relay", "handshake"];

fn agreement(room: &Room) -> BTreeMap<&'static str, u64> {
    let mut sent = room.world.sent_bytes();
    sent.retain(|kind, _| !UPKEEP.contains(kind));
    sent
}

#[test]
fn an_idle_table_sends_nothing() {
    for players in [2, 4, 7] {
        let mut room = Room::sit(cheap(1), players);
        for phone in 0..players {
            room.add(phone, 1);
        }
        room.settles(SECOND * 10);
        room.run(SECOND * 10);
        let before = agreement(&room);
        assert!(before.values().sum::<u64>() > 0);
        room.run(SECOND * 600);
        assert_eq!(agreement(&room), before, "a table of {players}");
        room.is_sound();
    }
}
