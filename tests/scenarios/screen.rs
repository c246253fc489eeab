//! The screen: what its user does shows at once, as patches; the committed state stands beside it.

use althing::node::{Fate, PatchEntry};
use althing::wire::encode;

use crate::room::{Room, SECOND, add, cheap};

fn patch(old: i64, new: i64) -> PatchEntry {
    PatchEntry {
        key: vec![b'v'],
        old: Some(encode(&old)),
        new: Some(encode(&new)),
    }
}

#[test]
fn pending_shows_at_once_and_committed_beside_it() {
    let mut room = Room::sit(cheap(1), 4);
    let submission = room.add(0, 5);
    // No time has passed.
    assert_eq!((room.shown(0), room.value(0)), (5, 0));
    assert_eq!(room.world.phone(0).patches(), [patch(0, 5)]);
    assert!(matches!(
        room.fate(0, submission),
        Some(Fate::Intent | Fate::Pending)
    ));
    assert_eq!(room.shown(1), 0, "others see it when it is committed");
    room.commits(&[0, 1, 2, 3], 5, SECOND * 5);
    assert_eq!(room.world.phone(1).patches(), [patch(0, 5)]);
    assert_eq!(room.fate(0, submission), None);
    assert_eq!((room.shown(0), room.value(0)), (5, 5));
    room.is_sound();
}

#[test]
fn what_others_commit_goes_below_what_is_pending() {
    let mut room = Room::sit(cheap(2), 4);
    room.part(&[3]);
    room.add(3, 100);
    room.add(0, 1);
    room.commits(&[0, 1, 2], 1, SECOND * 10);
    assert_eq!((room.shown(3), room.value(3)), (100, 0));
    room.come_back(&[3]);
    let caught_up = |world: &althing_world::World| crate::room::committed(world, 3) >= 1;
    assert!(room.reaches(SECOND * 20, caught_up));
    assert_eq!(room.shown(3), 101);
    room.commits(&[0, 1, 2, 3], 101, SECOND * 20);
    room.is_sound();
}

#[test]
fn what_no_longer_applies_is_forecast_as_conflicted() {
    let mut room = Room::sit(cheap(3), 4);
    room.part(&[3]);
    let expecting = room.submit(3, add(100, Some(0)));
    let free = room.add(3, 10);
    assert_eq!(room.shown(3), 110);
    room.add(0, 1);
    room.commits(&[0, 1, 2], 1, SECOND * 10);
    room.come_back(&[3]);
    let caught_up = |world: &althing_world::World| crate::room::committed(world, 3) >= 1;
    assert!(room.reaches(SECOND * 20, caught_up));
    assert!(matches!(
        room.fate(3, expecting),
        Some(Fate::Conflicted { .. } | Fate::Rejected { .. })
    ));
    assert_eq!(room.shown(3), 11, "the other one still shows");
    room.commits(&[0, 1, 2, 3], 11, SECOND * 20);
    room.run(SECOND * 5);
    assert!(matches!(
        room.fate(3, expecting),
        Some(Fate::Rejected { .. })
    ));
    assert_eq!(room.fate(3, free), None);
    room.is_sound();
}
