//! After a heal every phone that was apart tells the same of what the sides did.

use std::collections::BTreeSet;

use althing::group::{PartitionReport, Side};
use althing::id::PeerId;
use althing::rules::counter;

use crate::room::{Room, SECOND, add, cheap};

fn report(room: &Room, phone: usize) -> Option<PartitionReport> {
    let phone = room.world.phone(phone);
    let group = phone.group().expect("a table");
    phone.node().expect("it runs").partition_report(group)
}

fn peer(room: &Room, phone: usize) -> PeerId {
    room.world.phone(phone).node().expect("it runs").peer()
}

#[test]
fn both_sides_tell_the_same_story() {
    let mut room = Room::sit(cheap(71), 4);
    room.add(0, 1);
    room.commits(&[0, 1, 2, 3], 1, SECOND * 10);
    let from = room.view(0).head;
    room.part(&[2, 3]);
    assert_eq!(report(&room, 0), None, "nothing is over yet");
    room.add(0, 10);
    room.add(2, 100);
    room.run(SECOND * 3);
    room.add(1, 20);
    room.add(3, 200);
    room.run(SECOND * 3);
    room.come_back(&[2, 3]);
    room.commits(&[0, 1, 2, 3], 331, SECOND * 20);
    room.settles(SECOND * 10);
    room.run(SECOND * 5);
    let pair = |one, other| BTreeSet::from([peer(&room, one), peer(&room, other)]);
    let (here, there) = (pair(0, 1), pair(2, 3));
    for phone in 0..4 {
        let told = report(&room, phone).expect("it was apart");
        assert_eq!((told.from, told.untold), (from, 0));
        assert_eq!(counter::value(&told.state), Some(1));
        assert_eq!(told.to, room.view(phone).head);
        let members = |side: &Side| side.members.iter().copied().collect::<BTreeSet<_>>();
        let sides: Vec<_> = told.sides.iter().map(members).collect();
        let (own, other) = if phone < 2 {
            (&here, &there)
        } else {
            (&there, &here)
        };
        assert_eq!(sides, [own.clone(), other.clone()], "the own side first");
        for side in &told.sides {
            let words: Vec<&str> = side.actions.iter().map(|it| it.words.as_str()).collect();
            assert_eq!(words.len(), 2, "{words:?}");
            assert!(side.actions.iter().all(|it| it.refused.is_none()));
        }
    }
    room.is_sound();
}

#[test]
fn what_is_refused_has_its_reason() {
    let mut room = Room::sit(cheap(72), 5);
    // The majority goes on; what one asked for before he went is too late.
    room.leave(&[4]);
    let late = room.submit(4, add(5, Some(0)));
    room.run(SECOND);
    assert!(
        room.view(4).pending[0].action.is_some(),
        "signed before it knew"
    );
    room.run(SECOND * 12);
    room.add(0, 1);
    room.commits(&[0, 1, 2, 3], 1, SECOND * 10);
    room.come_back(&[4]);
    room.commits(&[0, 1, 2, 3, 4], 1, SECOND * 20);
    room.settles(SECOND * 10);
    room.run(SECOND * 5);
    assert!(room.fate(4, late).is_some());
    assert_eq!(report(&room, 0), None, "it always had a quorum");
    let told = report(&room, 4).expect("it was apart");
    assert_eq!(told.sides[0].members, [peer(&room, 4)]);
    let [own] = &told.sides[0].actions[..] else {
        panic!("{told:?}");
    };
    let (_, words) = own.refused.as_ref().expect("it expected another value");
    assert!(words.contains('1'), "{words}");
    room.is_sound();
}
