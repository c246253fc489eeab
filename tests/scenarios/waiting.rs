//! Every state that waits says what it waits for, and for whom; a table at rest waits for nothing.

use althing::error::StoreFault;
use althing_world::Act;

use crate::room::{Room, SECOND, cheap};

/// Whether `phone` waits for `what` from exactly `whom` (phones).
fn waits(room: &Room, phone: usize, what: &str, whom: &[usize]) -> bool {
    let names: Vec<String> = whom.iter().map(|phone| format!("phone {phone}")).collect();
    room.world.waiting(room.players).iter().any(|waiting| {
        let mut found = waiting.whom.clone();
        found.sort();
        waiting.phone == phone && waiting.what == what && found == names
    })
}

#[test]
fn a_table_at_rest_waits_for_nothing() {
    let room = Room::sit(cheap(1), 4);
    assert_eq!(room.world.waiting(4), []);
}

#[test]
fn without_quorum_it_is_the_missing() {
    let mut room = Room::sit(cheap(2), 4);
    room.part(&[2, 3]);
    assert!(
        waits(&room, 0, "quorum", &[2, 3]),
        "{:?}",
        room.world.waiting(4)
    );
    assert!(
        waits(&room, 3, "quorum", &[0, 1]),
        "{:?}",
        room.world.waiting(4)
    );
    room.come_back(&[2, 3]);
    room.settles(SECOND * 20);
    assert_eq!(room.world.waiting(4), []);
}

#[test]
fn a_round_waits_for_the_silent() {
    let mut room = Room::sit(cheap(3), 4);
    // All links of two phones fall silent: the others hear it only after the supervision timeout.
    room.leave(&[2, 3]);
    room.add(0, 1);
    room.run(SECOND * 2);
    let waiting = room.world.waiting(4);
    let round = waiting
        .iter()
        .filter(|waiting| waiting.phone < 2 && ["votes", "proposal"].contains(&waiting.what));
    let round: Vec<_> = round.collect();
    assert!(!round.is_empty(), "{waiting:?}");
    for waiting in round {
        let silent = ["phone 2".to_owned(), "phone 3".to_owned()];
        assert!(
            waiting.whom.iter().any(|name| silent.contains(name)),
            "{waiting:?}"
        );
    }
    room.come_back(&[2, 3]);
    room.commits(&[0, 1, 2, 3], 1, SECOND * 20);
}

#[test]
fn a_refused_write_is_waited_for_and_made_up() {
    let mut room = Room::sit(cheap(4), 4);
    room.world.act(Act::Disk {
        phone: 0,
        fault: Some(StoreFault::Full),
    });
    room.add(0, 1);
    room.run(SECOND * 5);
    assert!(waits(&room, 0, "store", &[]), "{:?}", room.world.waiting(4));
    assert_eq!(room.value(1), 0, "what is not stored does not leave");
    room.add(1, 10);
    room.commits(&[1, 2, 3], 10, SECOND * 10);
    room.world.act(Act::Disk {
        phone: 0,
        fault: None,
    });
    room.commits(&[0, 1, 2, 3], 11, SECOND * 20);
    room.settles(SECOND * 10);
    room.is_sound();
}
