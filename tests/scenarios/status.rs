//! How well the group can agree is told as events, and a short absence tells nothing.

use althing::Duration;
use althing::node::Status;
use althing_world::{Act, World};

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
    let live = |world: &World| world.phone(0).status() == "live";
    assert!(room.reaches(SECOND * 20, live));
    let words = told(&room, 0).split_off(began);
    assert_eq!(words[..2], ["degraded", "no quorum"]);
    assert_eq!(words.last().unwrap(), "live");
    assert!(words.len() <= 4, "no flicker: {words:?}");
    room.is_sound();
}

/// Breaks all links of one phone a few times; what the others are told until they are back.
fn told_of_broken_links(hysteresis: Duration) -> Vec<String> {
    let mut config = cheap(2);
    config.node.group.status_hysteresis = hysteresis;
    let mut room = Room::sit(config, 4);
    let began: Vec<usize> = (0..4).map(|phone| told(&room, phone).len()).collect();
    for _ in 0..5 {
        room.world.act(Act::DropLinks { phone: 3 });
        let back = |world: &World| world.reach(3).len() == 4;
        assert!(room.reaches(SECOND * 8, back));
        room.run(SECOND * 12);
    }
    assert!((0..4).all(|phone| room.view(phone).status == Status::Live));
    room.is_sound();
    let words = began.into_iter().enumerate();
    words
        .flat_map(|(phone, began)| told(&room, phone).split_off(began))
        .collect()
}

#[test]
fn a_short_absence_is_not_told() {
    assert_eq!(told_of_broken_links(SECOND * 10), [""; 0]);
    let words = told_of_broken_links(SECOND / 100);
    assert!(
        words.len() >= 2 * 3 * 5,
        "without hysteresis each is told: {words:?}"
    );
}
