//! Without a quorum nothing commits. What the rules allow then is signed, exchanged and shown as
//! tentative; what they forbid stays an intent; what was signed before keeps its name. All of it gets
//! its fate once a quorum is back.

use althing::node::{Fate, Status};
use althing_world::{Act, World};

use crate::room::{Room, SECOND, add, cheap, committed};

#[test]
fn what_the_rules_allow_is_tentative_and_shown_on_its_side() {
    let mut room = Room::sit(cheap(1), 4);
    room.add(0, 1);
    room.commits(&[0, 1, 2, 3], 1, SECOND * 5);
    room.part(&[2, 3]);
    let (here, there) = (room.add(0, 10), room.add(3, 100));
    room.run(SECOND * 30);
    for (phone, submission, other, shown) in [(0, here, 1, 11), (3, there, 2, 101)] {
        assert_eq!(room.fate(phone, submission), Some(Fate::Tentative));
        let name = room.view(phone).pending[0].action;
        for phone in [phone, other] {
            assert_eq!(room.value(phone), 1, "nothing commits");
            assert_eq!(room.shown(phone), shown, "the side's screens show it");
            let tentative = room.view(phone).tentative;
            assert_eq!(tentative.len(), 1);
            assert_eq!(
                (Some(tentative[0].action), &tentative[0].refused),
                (name, &None)
            );
            assert!(matches!(room.view(phone).status, Status::NoQuorum { .. }));
        }
    }
    room.come_back(&[2, 3]);
    room.commits(&[0, 1, 2, 3], 111, SECOND * 20);
    room.settles(SECOND * 10);
    for phone in 0..4 {
        assert_eq!(room.view(phone).tentative, []);
        assert_eq!(room.view(phone).status, Status::Live);
    }
    room.is_sound();
}

#[test]
fn what_the_rules_forbid_stays_an_intent() {
    let mut room = Room::sit(cheap(4), 4);
    room.part(&[2, 3]);
    let guarded = room.submit(0, add(10, Some(1)));
    let allowed = room.add(0, 1);
    room.run(SECOND * 10);
    assert_eq!(room.fate(0, guarded), Some(Fate::Intent));
    assert_eq!(room.fate(0, allowed), Some(Fate::Tentative));
    assert_eq!((room.shown(0), room.shown(1)), (11, 1));
    room.come_back(&[2, 3]);
    // The other one was signed first: it is what the expectation meets.
    room.commits(&[0, 1, 2, 3], 11, SECOND * 20);
    room.is_sound();
}

#[test]
fn who_restarts_apart_still_has_what_his_side_did() {
    let mut room = Room::sit(cheap(5), 5);
    room.part(&[0, 1]);
    room.run(SECOND * 8);
    room.add(0, 1);
    room.run(SECOND * 4);
    // Names what it has seen, and must be able to serve it.
    room.add(1, 10);
    room.run(SECOND * 4);
    for phone in [0, 1] {
        room.world.act(Act::Crash {
            phone,
            clean: false,
        });
    }
    room.run(SECOND);
    room.world.act(Act::Restart { phone: 1 });
    room.run(SECOND * 10);
    assert_eq!(room.shown(1), 11);
    assert_eq!(room.view(1).tentative.len(), 2);
    // Phone 1 alone brings both home.
    room.come_back(&[1]);
    room.commits(&[1, 2, 3, 4], 11, SECOND * 20);
    room.world.act(Act::Restart { phone: 0 });
    room.come_back(&[0]);
    room.commits(&[0, 1, 2, 3, 4], 11, SECOND * 20);
    room.is_sound();
}

#[test]
fn what_was_signed_before_the_split_stays_pending() {
    let mut room = Room::sit(cheap(2), 4);
    // Out of earshot at once: the phone learns of it by the supervision timeout only.
    room.leave(&[1, 2, 3]);
    let signed = room.submit(0, add(1, Some(0)));
    room.run(SECOND);
    assert_eq!(room.fate(0, signed), Some(Fate::Pending));
    room.run(SECOND * 20);
    assert_eq!(room.fate(0, signed), Some(Fate::Tentative));
    let action = room.view(0).pending[0].action;
    assert!(action.is_some());
    let intent = room.submit(0, add(2, Some(1)));
    room.run(SECOND * 20);
    assert_eq!(room.fate(0, intent), Some(Fate::Intent));
    assert_eq!(room.fate(0, signed), Some(Fate::Tentative));
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
    assert_eq!(room.fate(0, signed), Some(Fate::Tentative));
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
