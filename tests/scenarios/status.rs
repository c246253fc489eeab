//! How well the group can agree is told as events, and a short absence tells nothing.

use althing::node::Status;
use althing_world::Act;

use crate::room::{Room, SECOND, cheap};

/// What the status events of a phone said, in order.
fn told(room: &Room, phone: usize) -> Vec<String> {
    let prefix = format!("phone {phone}: ");
    let log = room.world.report(room.players).log;
    log.into_iter()
        .filter_map(|line| Some(line.text.strip_prefix(&prefix)?.to_owned()))
        .filter(|word| ["live", "degraded", "no quorum"].contains(&word.as_str()))
        .collect()
}

#[test]
fn status_goes_down_and_up() {
    let mut room = Room::sit(cheap(1), 4);
    assert_eq!(room.view(0).status, Status::Live);
    let began = told(&room, 0).len();
    room.part(&[3]);
    room.run(SECOND * 4);
    let missing = room.world.phone(3).node().unwrap().peer();
    assert_eq!(
        room.view(0).status,
        Status::Degraded {
            missing: vec![missing]
        }
    );
    room.part(&[2]);
    room.run(SECOND * 4);
    match room.view(0).status {
        Status::NoQuorum { with, missing, .. } => {
            assert_eq!((with.len(), missing.len()), (2, 2));
        }
        other => panic!("{other:?}"),
    }
    room.come_back(&[2, 3]);
    let live = |world: &althing_world::World| world.phone(0).status() == "live";
    assert!(room.reaches(SECOND * 20, live));
    let words = told(&room, 0).split_off(began);
    assert_eq!(words[..2], ["degraded", "no quorum"]);
    assert_eq!(words.last().unwrap(), "live");
    assert!(words.len() <= 4, "no flicker: {words:?}");
    room.is_sound();
}

#[test]
fn a_short_absence_is_not_told() {
    let mut room = Room::sit(cheap(2), 4);
    let began: Vec<usize> = (0..4).map(|phone| told(&room, phone).len()).collect();
    for _ in 0..5 {
        room.world.act(Act::DropLinks { phone: 3 });
        // Back within the hysteresis of 3 s.
        let back = |world: &althing_world::World| world.reach(3).len() == 4;
        assert!(room.reaches(SECOND * 3, back));
        room.run(SECOND * 5);
    }
    for (phone, began) in began.into_iter().enumerate() {
        assert_eq!(told(&room, phone).split_off(began), [""; 0]);
        assert_eq!(room.view(phone).status, Status::Live);
    }
    room.is_sound();
}
