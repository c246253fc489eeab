//! A crowd in one room: nobody holds more links than the budget, everybody is connected, and a
//! table plays in the middle of it.

use std::collections::BTreeMap;

use althing::Duration;
use althing_world::{Game, World};

use crate::room::{Room, SECOND, cheap};

const CROWD: usize = 24;

/// Runs for `time`; the longest that one phone was over `budget` without a break. Who is called
/// while his last slot goes away can only hang up.
fn longest_over(room: &mut Room, budget: usize, time: Duration) -> Duration {
    let step = SECOND / 20;
    let end = room.now() + time;
    let mut over: BTreeMap<usize, Duration> = BTreeMap::new();
    let mut longest = Duration::ZERO;
    while room.now() < end {
        room.run(step);
        let mut links: BTreeMap<usize, usize> = BTreeMap::new();
        for (one, other) in room.world.links() {
            *links.entry(one).or_default() += 1;
            *links.entry(other).or_default() += 1;
        }
        over.retain(|phone, _| links.get(phone).is_some_and(|links| *links > budget));
        for (phone, _) in links.into_iter().filter(|(_, links)| *links > budget) {
            let time = over.entry(phone).or_default();
            *time += step;
            longest = longest.max(*time);
        }
    }
    longest
}

#[test]
fn a_crowd_keeps_the_link_budget() {
    for (budget, seed) in [(7, 1), (4, 2)] {
        let mut config = cheap(seed);
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
        let over = longest_over(&mut room, budget, SECOND * 40);
        assert!(over < SECOND / 2, "over a budget of {budget} for {over:?}");
        assert_eq!(room.world.reach(0).len(), CROWD, "nobody is left out");
        room.gather(Game::Counter, None);
        for action in 0..8 {
            room.add(action % 4, 1);
            room.run(SECOND / 2);
        }
        room.commits(&[0, 1, 2, 3], 8, SECOND * 5);
        let over = longest_over(&mut room, budget, SECOND * 20);
        assert!(over < SECOND / 2, "over a budget of {budget} for {over:?}");
        room.is_sound();
    }
}
