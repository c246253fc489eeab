//! Processes that die between a store and its completion, at every point of a commit: after the
//! restart nobody votes twice, and nothing that was stored is lost.

use althing_world::{Act, WorldConfig};

use crate::room::{Room, SECOND, cheap};

/// A crash of `phone` while an action of phone 0 is under way; then all must come right.
fn crash(config: WorldConfig, phone: usize, plan: impl FnOnce(&mut Room)) {
    let seed = config.seed;
    let mut room = Room::sit(config, 4);
    for author in 0..4 {
        room.add(author, 1);
    }
    room.settles(SECOND * 10);
    room.add(0, 1);
    room.add(1, 1);
    plan(&mut room);
    room.run(SECOND);
    // A plan with many outputs may not have come to its end.
    room.world.act(Act::Crash { phone, clean: true });
    room.world.act(Act::Restart { phone });
    room.run(SECOND / 2);
    room.add(2, 1);
    room.settles(SECOND * 30);
    let actions = room.world.report(4).actions;
    let committed = i64::try_from(actions.committed).unwrap();
    assert_eq!(actions.pending, 0, "seed {seed}");
    assert_eq!(actions.rejected, 0, "seed {seed}");
    // Only what its author lost before it was stored may be missing; a crash may also hide from an
    // author that his action was stored.
    let lost = i64::try_from(actions.lost).unwrap();
    let value = room.value(0);
    assert!(
        value >= committed && value <= committed + lost && committed + lost == 7,
        "seed {seed}: {value} of {committed} committed and {lost} lost"
    );
    assert!(
        phone <= 1 || lost == 0,
        "seed {seed}: phone {phone} took another's action along"
    );
    room.is_sound();
}

#[test]
fn in_the_middle_of_a_drain() {
    for phone in [0, 3] {
        for outputs in 0..24 {
            let seed = u64::from(outputs) + 100 * phone as u64;
            crash(cheap(seed), phone, |room| {
                room.world.act(Act::CrashAfter { phone, outputs });
            });
        }
    }
}

#[test]
fn while_a_sync_is_under_way() {
    for phone in [0, 2] {
        for step in 0..16 {
            let config = WorldConfig {
                // Long syncs: nearly every moment is inside one.
                sync_us: 40_000,
                ..cheap(500 + u64::from(step))
            };
            crash(config, phone, |room| {
                let at = SECOND / 1000 * (7 * step + 1);
                room.world.schedule(
                    at,
                    Act::Crash {
                        phone,
                        clean: false,
                    },
                );
            });
        }
    }
}

#[test]
fn all_at_once() {
    for step in 0..8 {
        let mut room = Room::sit(
            WorldConfig {
                sync_us: 20_000,
                ..cheap(700 + u64::from(step))
            },
            4,
        );
        for author in 0..4 {
            room.add(author, 1);
        }
        room.settles(SECOND * 10);
        // A head may be told before it is synced.
        room.run(SECOND);
        let before = room.view(0).head.height;
        for author in 0..4 {
            room.add(author, 1);
        }
        room.run(SECOND / 1000 * (12 * step + 2));
        for phone in 0..4 {
            room.world.act(Act::Crash {
                phone,
                clean: false,
            });
        }
        room.run(SECOND);
        for phone in 0..4 {
            room.world.act(Act::Restart { phone });
        }
        assert!(
            room.view(0).head.height >= before,
            "what was committed stays"
        );
        room.settles(SECOND * 40);
        assert!((0..4).all(|phone| room.value(phone) >= 4));
        room.is_sound();
    }
}
