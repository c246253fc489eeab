//! Tables of two, three and four, and the mode that needs everybody.

use althing::node::Status;
use althing::wire::Mode;
use althing_world::Game;

use crate::room::{Room, SECOND, cheap};

/// Whether a table whose last `away` phones left goes on, and that it does so when they are back.
fn goes_on_without(players: usize, away: usize, mode: Option<Mode>) -> bool {
    let mut room = Room::sit_by(cheap(players as u64), players, Game::Counter, mode);
    for phone in 0..players {
        room.add(phone, 1);
    }
    let all: Vec<usize> = (0..players).collect();
    let value = i64::try_from(players).unwrap();
    room.commits(&all, value, SECOND * 5);

    let (stay, gone) = all.split_at(players - away);
    room.part(gone);
    room.add(0, 10);
    room.run(SECOND * 30);
    let goes_on = stay.iter().all(|phone| room.value(*phone) == value + 10);
    assert!(goes_on || stay.iter().all(|phone| room.value(*phone) == value));
    match room.view(0).status {
        Status::Degraded { missing } => assert!(goes_on && missing.len() == away),
        Status::NoQuorum { missing, .. } => assert!(!goes_on && missing.len() == away),
        other => panic!("{other:?} with {away} of {players} away"),
    }
    room.come_back(gone);
    room.commits(&all, value + 10, SECOND * 20);
    room.settles(SECOND * 20);
    room.is_sound();
    goes_on
}

#[test]
fn two_need_each_other() {
    assert!(!goes_on_without(2, 1, None));
}

#[test]
fn three_go_on_as_two() {
    assert!(goes_on_without(3, 1, None));
    assert!(!goes_on_without(3, 2, None));
}

#[test]
fn four_go_on_as_three() {
    assert!(goes_on_without(4, 1, None));
    assert!(!goes_on_without(4, 2, None));
}

#[test]
fn seven_go_on_as_five() {
    assert!(goes_on_without(7, 2, None));
    assert!(!goes_on_without(7, 3, None));
}

#[test]
fn unanimous_stops_when_one_leaves_and_goes_on_when_he_is_back() {
    assert!(!goes_on_without(3, 1, Some(Mode::Unanimous)));
    assert!(!goes_on_without(5, 1, Some(Mode::Unanimous)));
}
