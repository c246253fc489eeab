//! A voter that is away when dice are to fall is left out of the draw, and the table goes on.

use std::sync::Arc;

use althing::group::verify;
use althing::rules::craps::{Craps, CrapsAction, Table};
use althing_world::{Act, Game, KeyedHash, World};

use crate::room::{Room, SECOND, cheap};

fn throws(world: &World, phone: usize) -> u64 {
    let view = world.phone(phone).view().expect("the table runs");
    Table::of(&view.committed).expect("a table").throws
}

#[test]
fn an_absent_voter_is_left_out_and_comes_back() {
    let seed = 3;
    let mut room = Room::sit_by(cheap(seed), 4, Game::Craps, None);
    for phone in 0..4 {
        room.submit(phone, CrapsAction::Sit.encode());
        room.settles(SECOND * 5);
    }
    let table = Table::of(&room.view(0).committed).unwrap();
    let shooter = usize::from(table.shooter.expect("somebody shoots"));
    let absent = (shooter + 1) % 4;
    let roll = |room: &mut Room, throw: u64, others: &[usize]| {
        room.submit(shooter, CrapsAction::Roll.encode());
        let fell = |world: &World| others.iter().all(|phone| throws(world, *phone) == throw);
        assert!(room.reaches(SECOND * 25, fell), "throw {throw} falls");
        room.run(SECOND);
    };
    roll(&mut room, 1, &[0, 1, 2, 3]);

    room.world.act(Act::Crash {
        phone: absent,
        clean: false,
    });
    let others: Vec<usize> = (0..4).filter(|phone| *phone != absent).collect();
    room.submit(shooter, CrapsAction::Roll.encode());
    let waits = |world: &World| {
        let view = world.phone(shooter).view().expect("the table runs");
        let absent = world.phone(absent).name();
        view.waiting_for.iter().any(|waiting| {
            let names = |peer| view.members.iter().find(|(member, _)| member == peer);
            waiting.what == "preimage"
                && waiting
                    .whom
                    .iter()
                    .filter_map(names)
                    .all(|(_, name)| name == absent)
        })
    };
    assert!(
        room.reaches(SECOND * 10, waits),
        "the dice wait for the absent"
    );
    let fell = |world: &World| others.iter().all(|phone| throws(world, *phone) == 2);
    assert!(room.reaches(SECOND * 25, fell), "the dice fall without him");

    // Now nobody waits for him: he contributes again only after an action of his.
    let begun = room.now();
    let shooter = usize::from(
        Table::of(&room.view(others[0]).committed)
            .unwrap()
            .shooter
            .unwrap(),
    );
    if shooter != absent {
        room.submit(shooter, CrapsAction::Roll.encode());
        let fell = |world: &World| others.iter().all(|phone| throws(world, *phone) == 3);
        assert!(room.reaches(SECOND * 5, fell));
        assert!(room.now().since(begun) < SECOND * 5);
    }

    room.world.act(Act::Restart { phone: absent });
    room.settles(SECOND * 30);
    room.is_sound();
    let group = room.world.phone(0).group().unwrap();
    let transcript = room
        .world
        .phone(0)
        .node()
        .unwrap()
        .transcript(group)
        .unwrap();
    let rolls = verify(
        &transcript,
        Arc::new(Craps::new()),
        Arc::new(KeyedHash::new(seed)),
    )
    .unwrap();
    let index = u8::try_from(
        room.view(0)
            .members
            .iter()
            .position(|(_, name)| *name == format!("phone {absent}"))
            .unwrap(),
    )
    .unwrap();
    assert_eq!(rolls[0].contributors, [0, 1, 2, 3]);
    assert!(!rolls[1].contributors.contains(&index));
    assert_eq!(rolls[1].contributors.len(), 3);
}
