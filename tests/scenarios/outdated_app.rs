//! A phone whose app has older rules than the table: it has no vote and no hand, and sees everything.

use althing::error::CommandError;
use althing::node::Command;
use althing::rules::counter;
use althing_world::{Act, World, WorldConfig};

use crate::room::{Room, SECOND, add, cheap};

/// The last of five phones.
const OUTDATED: usize = 4;

fn sit(seed: u64) -> Room {
    let config = WorldConfig {
        outdated: Some(OUTDATED),
        loss_permille: 50,
        ..cheap(seed)
    };
    Room::sit(config, OUTDATED + 1)
}

fn followed(world: &World) -> bool {
    let heads: Vec<_> = (0..=OUTDATED)
        .filter_map(|phone| world.phone(phone).view())
        .map(|view| (view.head.block, view.committed.root()))
        .collect();
    heads.len() == OUTDATED + 1 && heads.windows(2).all(|pair| pair[0] == pair[1])
}

#[test]
fn an_outdated_app_follows_without_a_vote() {
    let mut room = sit(1);
    let view = room.view(0);
    assert_eq!((view.members.len(), view.observers.len()), (4, 1));
    for step in 1..=6 {
        room.add(step % OUTDATED, 1);
        room.commits(&[0, 1, 2, 3], step as i64, SECOND * 5);
    }
    assert!(room.reaches(SECOND * 5, followed), "it is at the same head");
    assert_eq!(counter::value(&room.view(OUTDATED).committed), Some(6));
    room.is_sound();
}

#[test]
fn an_outdated_app_says_what_it_lacks() {
    let mut room = sit(2);
    let group = room.world.phone(OUTDATED).group().expect("a table");
    let submit = Command::Submit {
        group,
        payload: add(1, None),
        dependencies: Vec::new(),
        validity: Default::default(),
    };
    let refused = room.world.command(OUTDATED, submit);
    let Err(CommandError::RulesVersion { rules, have, need }) = refused else {
        panic!("a submission was answered by {refused:?}");
    };
    assert_eq!(rules, "counter");
    assert_eq!(have.map(|have| have + 1), Some(need));
    room.run(SECOND * 5);
    assert_eq!(room.value(0), 0);
}

/// Its vote is not missed: four voters need three, whoever else is named.
#[test]
fn nobody_waits_for_an_outdated_app() {
    let mut room = sit(3);
    room.part(&[OUTDATED]);
    room.add(0, 5);
    room.commits(&[0, 1, 2, 3], 5, SECOND * 5);
    room.world.act(Act::Crash {
        phone: OUTDATED,
        clean: false,
    });
    room.add(1, 5);
    room.commits(&[0, 1, 2, 3], 10, SECOND * 5);
    room.world.act(Act::Restart { phone: OUTDATED });
    room.come_back(&[OUTDATED]);
    assert!(room.reaches(SECOND * 30, followed), "it has caught up");
    room.is_sound();
}
