//! Phones in a line: each hears only its neighbours, and a table reaches along it up to the hop
//! limit.

use althing_world::{Act, Game, World, WorldConfig};

use crate::room::{Room, SECOND, cheap};

/// A line of `hops` links; the two players stand at its ends.
fn line(hops: usize, hop_limit: u8, seed: u64) -> Room {
    let mut config = WorldConfig {
        places: false,
        ..cheap(seed)
    };
    config.node.mesh.hop_limit = hop_limit;
    let mut world = World::new(config);
    // Phone 0 and phone 1 are the ends, the others stand between them.
    let order: Vec<usize> = [0].into_iter().chain(2..=hops).chain([1]).collect();
    for phone in 0..=hops {
        world.add_phone(&format!("phone {phone}"), 0, 0);
    }
    for pair in order.windows(2) {
        world.act(Act::Near {
            one: pair[0],
            other: pair[1],
            near: true,
        });
    }
    let mut room = Room { world, players: 2 };
    let all = hops + 1;
    assert!(room.reaches(SECOND * 60, |world| world.reach(0).len() == all));
    room.run(SECOND * 10);
    room
}

#[test]
fn a_table_plays_over_five_hops() {
    let mut room = line(5, 16, 1);
    room.gather(Game::Counter, None);
    for action in 0..10 {
        room.add(action % 2, 1);
        room.run(SECOND / 2);
    }
    room.commits(&[0, 1], 10, SECOND * 5);
    assert!(room.world.sent_bytes()["relay"] > 0);
    room.is_sound();
}

#[test]
fn a_member_in_the_middle_sees_what_passes() {
    let mut room = line(4, 16, 2);
    // The third phone is between the ends and plays too.
    room.players = 3;
    room.gather(Game::Counter, None);
    for action in 0..9 {
        room.add(action % 3, 1);
        room.run(SECOND / 2);
    }
    room.commits(&[0, 1, 2], 9, SECOND * 5);
    room.is_sound();
}

#[test]
fn the_hop_limit_is_the_last_link_that_carries() {
    for hops in [2, 3, 4] {
        let mut at = line(hops, u8::try_from(hops).unwrap(), 3);
        at.gather(Game::Counter, None);
        at.add(0, 1);
        at.commits(&[0, 1], 1, SECOND * 5);

        let mut below = line(hops, u8::try_from(hops - 1).unwrap(), 3);
        let open = althing::node::Command::OpenTable {
            name: "near".to_owned(),
            rules: "counter".to_owned(),
            rules_config: Vec::new(),
            mode: None,
        };
        below.world.command(0, open).unwrap();
        let ticket = below.world.phone(0).ticket().unwrap().to_owned();
        below.join(1, &ticket);
        below.run(SECOND * 40);
        assert_eq!(
            below.world.phone(0).listed(),
            1,
            "{hops} hops are one too many"
        );
        assert_eq!(below.world.violations(), []);
    }
}
