//! A long soak: as many rounds of agreement as the machine can play, with trouble now and then.
//!
//! Where [`soak`](super::soak) makes one minute as hard as it can, this keeps few phones busy without
//! a pause, in one room, so that most of the work is agreement; every block is executed twice.

use althing::config::GroupConfig;
use althing::{Config, Duration};

use super::{SoakOptions, come_home, place, settles, unsettled};
use crate::chance::Chance;
use crate::player::{Game, Habits};
use crate::report::Report;
use crate::scenario::{NAMES, gather};
use crate::world::{Act, World, WorldConfig};

/// Between two troubles, ms.
const CALM_MS: (u64, u64) = (3_000, 20_000);
/// How long a table plays, if the options do not say.
pub const DENSE_LASTS: Duration = Duration::from_secs(300);

/// Plays one seed of a long soak.
pub fn dense_soak(options: &SoakOptions) -> Report {
    let mut chance = Chance::new(options.seed, "dense soak");
    let players = if chance.permille(800) { 4 } else { 5 };
    let game = chance.pick(&[Game::Craps, Game::Counter]);
    // One that computes something else shows that roots are compared.
    let bent = chance.permille(50).then(|| chance.index(players));
    let loser = (bent.is_none() && chance.permille(100)).then(|| chance.index(players));
    let mut world = World::new(WorldConfig {
        seed: options.seed,
        signatures: options.signatures,
        bent,
        sync_us: chance.pick(&[1_000, 5_000, 5_000, 40_000]),
        loss_permille: chance.pick(&[0, 0, 20, 100]),
        shuffle_permille: chance.pick(&[0, 0, 0, 400]),
        busy_permille: 10,
        setup_failure_permille: 10,
        node: Config {
            group: GroupConfig {
                apply_twice: true,
                ..GroupConfig::default()
            },
            ..Config::default()
        },
        #[cfg(feature = "planted")]
        plant: options.plant,
        ..WorldConfig::default()
    });
    for (phone, name) in NAMES.iter().enumerate().take(players) {
        let (x, y) = place(0, phone);
        world.add_phone(name, x, y);
    }
    if let Err(why) = gather(&mut world, players, game) {
        world.violate(None, format!("no gathering: {why}"));
        return world.report(players);
    }
    let habits = Habits {
        pause_min_us: 20_000,
        pause_max_us: 150_000,
        unsettled_max: 4,
        counts_permille: 50,
    };
    for phone in (0..players).filter(|phone| bent != Some(*phone)) {
        world.add_player(phone, game, habits);
    }
    world.set_origin();
    trouble(&mut world, players, &mut chance, options.trouble);
    if let Some(phone) = loser {
        let half = options.trouble / 2;
        world.schedule(half, Act::LoseStore { phone });
        world.schedule(half + Duration::from_secs(1), Act::Restart { phone });
    }
    let until = world.now() + options.trouble;
    world.run_until(until);
    world.set_playing(false);
    come_home(&mut world, players);
    if settles(&mut world, players) {
        world.check_transcripts(players);
        check_tally(&mut world, players, bent, loser.is_some());
    } else {
        let what = unsettled(&world, players);
        world.violate(None, what);
    }
    world.report(players)
}

/// Plans what goes wrong during `time` from now, one thing after another.
fn trouble(world: &mut World, players: usize, chance: &mut Chance, time: Duration) {
    let end_ms = u64::try_from(time.as_millis()).expect("a soak takes minutes");
    let mut at_ms = chance.between(CALM_MS.0, CALM_MS.1);
    while at_ms < end_ms {
        let phone = chance.index(players);
        let lasts_ms = chance.between(200, 3_000);
        let at = Duration::from_millis(at_ms);
        let end = Duration::from_millis(at_ms + lasts_ms);
        match chance.below(6) {
            0 => {
                let clean = chance.permille(500);
                world.schedule(at, Act::Crash { phone, clean });
                world.schedule(end, Act::Restart { phone });
            }
            1 => {
                let batches = u32::try_from(chance.below(3)).expect("below 3");
                world.schedule(at, Act::CrashUnsynced { phone, batches });
                world.schedule(end, Act::Restart { phone });
            }
            2 => {
                let outputs = u32::try_from(chance.below(40)).expect("below 40");
                world.schedule(at, Act::CrashAfter { phone, outputs });
                world.schedule(end, Act::Restart { phone });
            }
            3 => world.schedule(at, Act::DropLinks { phone }),
            // One goes to the next room, or half of them: then nobody has a quorum.
            kind => {
                let gone = if kind == 4 { 1 } else { players / 2 };
                for other in (0..gone).map(|step| (phone + step) % players) {
                    for (when, room) in [(at, 1), (end + Duration::from_secs(6), 0)] {
                        let (x_mm, y_mm) = place(room, other);
                        let phone = other;
                        world.schedule(when, Act::Move { phone, x_mm, y_mm });
                    }
                }
                at_ms += 6_000;
            }
        }
        at_ms += lasts_ms + chance.between(CALM_MS.0, CALM_MS.1);
    }
}

/// All show one tally, and it is what was counted. With a store goes what was not sent from it.
fn check_tally(world: &mut World, players: usize, bent: Option<usize>, store_lost: bool) {
    let tallies: Vec<Option<i64>> = (0..players)
        .filter(|phone| bent != Some(*phone))
        .map(|phone| world.phone(phone).tally().map(|tally| tally.value))
        .collect();
    let counted = world.counted();
    let good = |value: i64| value == counted || store_lost && value <= counted;
    let same = tallies.iter().all(|tally| *tally == tallies[0]);
    if !same || !tallies[0].is_some_and(good) {
        let what = format!("tallies {tallies:?}, {counted} were counted");
        world.violate(None, what);
    }
}
