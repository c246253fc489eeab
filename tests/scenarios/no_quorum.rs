//! Without a quorum nothing commits: what the user asks stays an intent until heal, what was signed
//! before stays pending, and all of it is committed once a quorum is back.

use althing::node::{Fate, Status};
use althing_world::{Act, World};

use crate::room::{Room, SECOND, cheap, committed};

#[test]
fn intents_are_signed_on_heal() {
    let mut room = Room::sit(cheap(1), 4);
    room.add(0, 1);
    room.commits(&[0, 1, 2, 3], 1, SECOND * 5);
    room.part(&[2, 3]);
    let here = room.add(0, 10);
    let there = room.add(3, 100);
    room.run(SECOND * 30);
    for (phone, submission, shown) in [(0, here, 11), (3, there, 101)] {
        assert_eq!(room.fate(phone, submission), Some(Fate::Intent));
        assert_eq!(room.view(phone).pending[0].action, None, "it is not signed");
        assert_eq!(room.value(phone), 1, "nothing commits");
        assert_eq!(room.shown(phone), shown, "the screen shows it all the same");
        assert!(matches!(room.view(phone).status, Status::NoQuorum { .. }));
    }
    room.come_back(&[2, 3]);
    room.commits(&[0, 1, 2, 3], 111, SECOND * 20);
    room.settles(SECOND * 10);
    room.is_sound();
}

#[test]
fn what_was_signed_before_the_split_stays_pending() {
    let mut room = Room::sit(cheap(2), 4);
    // Out of earshot at once: the phone learns of it by the supervision timeout only.
    room.leave(&[1, 2, 3]);
    let signed = room.add(0, 1);
    room.run(SECOND * 20);
    assert_eq!(room.fate(0, signed), Some(Fate::Pending));
    let action = room.view(0).pending[0].action;
    assert!(action.is_some());
    let intent = room.add(0, 2);
    room.run(SECOND * 20);
    assert_eq!(room.fate(0, intent), Some(Fate::Intent));
    assert_eq!(room.fate(0, signed), Some(Fate::Pending));
    assert_eq!(room.view(0).pending[0].action, action, "it keeps its name");
    assert_eq!(room.value(0), 0);

    // A restart changes none of it.
    room.world.act(Act::Crash {
        phone: 0,
        clean: true,
    });
    room.world.act(Act::Restart { phone: 0 });
    room.run(SECOND * 5);
    assert_eq!(room.fate(0, intent), Some(Fate::Intent));
    assert_eq!(room.fate(0, signed), Some(Fate::Pending));
    assert_eq!(room.view(0).pending[0].action, action);

    room.come_back(&[1, 2, 3]);
    room.commits(&[0, 1, 2, 3], 3, SECOND * 20);
    room.settles(SECOND * 10);
    room.is_sound();
}

#[test]
fn only_the_side_with_a_quorum_goes_on() {
    let mut room = Room::sit(cheap(3), 5);
    room.part(&[4]);
    for phone in 0..4 {
        room.add(phone, 1);
    }
    room.add(4, 100);
    room.commits(&[0, 1, 2, 3], 4, SECOND * 10);
    room.run(SECOND * 10);
    assert_eq!(room.value(4), 0);
    let never = |world: &World| committed(world, 4) == 100;
    assert!(!room.reaches(SECOND * 20, never));
    room.come_back(&[4]);
    room.commits(&[0, 1, 2, 3, 4], 104, SECOND * 20);
    room.is_sound();
}
