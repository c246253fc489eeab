//! A crowd in one room: nobody holds more links than the budget, everybody is connected, and a
//! table plays in the middle of it.

use std::collections::BTreeMap;

use althing_world::{Game, World, WorldConfig};

use crate::room::{Room, SECOND, cheap};

const CROWD: usize = 24;

fn most_links(world: &World) -> usize {
    let mut links: BTreeMap<usize, usize> = BTreeMap::new();
    for (one, other) in world.links() {
        *links.entry(one).or_default() += 1;
        *links.entry(other).or_default() += 1;
    }
    links.into_values().max().unwrap_or(0)
}

#[test]
fn a_crowd_keeps_the_link_budget() {
    for (budget, seed) in [(7, 1), (4, 2)] {
        let mut config = WorldConfig { ..cheap(seed) };
        config.node.ble.link_budget = budget;
        config.node.ble.links_wanted = budget - 2;
        let mut world = World::new(config);
        for phone in 0..CROWD {
            let place = i64::try_from(phone).unwrap();
            world.add_phone(
                &format!("phone {phone}"),
                place % 6 * 1000,
                place / 6 * 1000,
            );
        }
        let mut room = Room { world, players: 4 };
        let over = |world: &World| most_links(world) > budget;
        assert!(
            !room.reaches(SECOND * 40, over),
            "over a budget of {budget}"
        );
        assert_eq!(room.world.reach(0).len(), CROWD, "nobody is left out");
        room.gather(Game::Counter, None);
        for action in 0..8 {
            room.add(action % 4, 1);
            room.run(SECOND / 2);
        }
        room.commits(&[0, 1, 2, 3], 8, SECOND * 5);
        assert!(
            !room.reaches(SECOND * 20, over),
            "over a budget of {budget}"
        );
        room.is_sound();
    }
}
