//! Stacks deliver 40 % of the values of every link out of order, and nothing breaks.

use althing_world::WorldConfig;

use crate::room::{Room, SECOND, cheap};

#[test]
fn forty_percent_out_of_order() {
    let mut room = Room::sit(
        WorldConfig {
            shuffle_permille: 400,
            // Short values, so that most messages are fragments.
            profile: Some(althing_world::Profile::Ios),
            ..cheap(1)
        },
        4,
    );
    for action in 0..40 {
        room.add(action % 4, 1);
        room.run(SECOND / 10);
    }
    room.commits(&[0, 1, 2, 3], 40, SECOND * 5);
    room.settles(SECOND * 10);
    let report = room.world.report(4);
    assert_eq!(room.faults(), [], "an honest stack is nobody's fault");
    assert_eq!(report.links_lost, 0);
    room.is_sound();
}

#[test]
fn out_of_order_and_lost() {
    let mut room = Room::sit(
        WorldConfig {
            shuffle_permille: 400,
            loss_permille: 100,
            ..cheap(2)
        },
        5,
    );
    for action in 0..40 {
        room.add(action % 5, 1);
        room.run(SECOND / 5);
    }
    room.commits(&[0, 1, 2, 3, 4], 40, SECOND * 10);
    assert_eq!(room.faults(), []);
    room.is_sound();
}
