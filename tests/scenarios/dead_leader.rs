//! A leader that is dead costs its timeout once or twice, and is skipped from then on.

use althing_world::Act;

use crate::room::{Room, SECOND, cheap};

#[test]
fn a_dead_leader_is_skipped() {
    for dead in 0..4 {
        let mut room = Room::sit(cheap(dead as u64), 4);
        room.world.act(Act::Crash {
            phone: dead,
            clean: true,
        });
        let alive: Vec<usize> = (0..4).filter(|phone| *phone != dead).collect();
        let mut slow = 0;
        for action in 0..20 {
            let begun = room.now();
            room.add(alive[action % 3], 1);
            let value = i64::try_from(action + 1).unwrap();
            room.commits(&alive, value, SECOND * 10);
            let took = room.now().since(begun);
            if took > SECOND / 4 {
                assert!(
                    action < 8,
                    "action {action} took {took:?} without phone {dead}"
                );
                slow += 1;
            }
            room.run(SECOND / 10);
        }
        assert!(slow <= 3, "{slow} actions waited for phone {dead}");
        room.world.act(Act::Restart { phone: dead });
        room.settles(SECOND * 20);
        assert_eq!(room.value(dead), 20);
        room.is_sound();
    }
}
