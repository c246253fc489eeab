//! Stacks that are full or busy, and links that break in the middle of a frame: what was lost is
//! asked for again by the layer that needs it.

use althing_world::{Act, Profile, WorldConfig};

use crate::room::{Room, SECOND, cheap};

#[test]
fn full_queues_and_busy_stacks_delay_and_lose_nothing() {
    for (seed, profile) in [
        (1, Profile::Bluez),
        (2, Profile::Android),
        (3, Profile::Ios),
    ] {
        let mut room = Room::sit(
            WorldConfig {
                busy_permille: 300,
                loss_permille: 200,
                profile: Some(profile),
                ..cheap(seed)
            },
            4,
        );
        // A burst: far more than a stack takes at once.
        for action in 0..80 {
            room.add(action % 4, 1);
        }
        room.commits(&[0, 1, 2, 3], 80, SECOND * 20);
        let report = room.world.report(4);
        assert_eq!(room.faults(), [], "{profile:?}");
        assert_eq!(report.links_lost, 0, "{profile:?}");
        room.is_sound();
    }
}

#[test]
fn links_that_break_mid_frame_cost_time_only() {
    for seed in 0..4 {
        let mut room = Room::sit(
            WorldConfig {
                loss_permille: 50,
                // Short values: a proposal takes several.
                profile: Some(Profile::Ios),
                ..cheap(seed)
            },
            4,
        );
        let before = room.world.report(4).links_lost;
        for action in 0..24 {
            room.add(action % 4, 1);
            // At another point of the exchange every time.
            let phone = (action + 1) % 4;
            let at = SECOND / 1000 * u32::try_from(action * 7 + 3).unwrap();
            room.world.schedule(at, Act::DropLinks { phone });
            room.run(SECOND);
        }
        room.commits(&[0, 1, 2, 3], 24, SECOND * 30);
        room.settles(SECOND * 20);
        assert!(room.world.report(4).links_lost > before + 20);
        room.is_sound();
    }
}
