//! A soak of splits: tables fall into two to four sides, play on in each as far as the rules allow,
//! and come together again, all at once or side by side.
//!
//! In some runs one phone lives a part of its time twice, once on each side: it signs numbers and
//! votes two times. In others phones lose their stores, or one never comes back.

use althing::Duration;

use super::{SoakOptions, come_home, kept, settles, unsettled};
use crate::chance::Chance;
use crate::player::{Game, Habits};
use crate::report::Report;
use crate::scenario::{NAMES, gather, quorum};
use crate::world::{Act, World, WorldConfig};

/// Centres of the rooms, mm: no two of them hear each other.
const ROOMS: [(i64, i64); 4] = [(0, 0), (30_000, 0), (0, 30_000), (30_000, 30_000)];
/// How long a table is apart, ms: long enough that it knows.
const APART_MS: (u64, u64) = (6_000, 25_000);
/// How long it is whole before the next split, ms; from short of a heal to long after it.
const WHOLE_MS: (u64, u64) = (1_000, 12_000);
/// After everything has its fate, how long until the statuses say so.
const CALM_AFTER: Duration = Duration::from_secs(10);

/// Who fails for good in a run.
struct Failing {
    /// Lives some time twice.
    rewinds: Option<usize>,
    /// Lose their stores.
    losers: u64,
    /// Never comes back.
    absent: Option<usize>,
}

/// Plays one seed of a soak of splits. Frames are not taken.
pub fn partition_soak(options: &SoakOptions) -> Report {
    let mut chance = Chance::new(options.seed, "partition soak");
    let players = usize::try_from(chance.between(3, 8)).expect("a few phones");
    let game = chance.pick(&[Game::Craps, Game::Craps, Game::Counter, Game::Board]);
    let failing = failing(&mut chance, players);
    let mut world = World::new(WorldConfig {
        seed: options.seed,
        signatures: options.signatures,
        node: super::super::node_config(options.transcript),
        rewinds: failing.rewinds,
        loss_permille: chance.pick(&[0, 20, 50, 100]),
        busy_permille: 20,
        setup_failure_permille: 30,
        #[cfg(feature = "planted")]
        plant: options.plant,
        ..WorldConfig::default()
    });
    for (phone, name) in NAMES.iter().enumerate().take(players) {
        let (x, y) = place(0, phone);
        world.add_phone(name, x, y);
    }
    let report = |world: &World| Report {
        transcript: kept(world, options.transcript, players),
        ..world.report(players)
    };
    if let Err(why) = gather(&mut world, players, game) {
        world.violate(None, format!("no gathering: {why}"));
        return report(&world);
    }
    let habits = Habits {
        pause_min_us: 300_000,
        pause_max_us: 1_500_000,
        unsettled_max: 6,
        ..Habits::default()
    };
    world.add_players(0..players, game, habits);
    world.set_origin();
    let lasts = trouble(&mut world, players, &mut chance, options.trouble, &failing);
    let until = world.now() + lasts;
    world.run_until(until);
    world.set_playing(false);
    come_home(&mut world, players);
    if let Some(phone) = failing.absent {
        world.act(Act::Crash { phone, clean: true });
        world.leave_out(phone);
    }
    if settles(&mut world, players) {
        world.check_transcripts(players);
        let until = world.now() + CALM_AFTER;
        world.run_until(until);
        is_whole(&mut world, players, &failing);
    } else {
        let what = unsettled(&world, players);
        world.violate(None, what);
    }
    report(&world)
}

/// Up to n - q phones may fail for good, in one of three ways.
fn failing(chance: &mut Chance, players: usize) -> Failing {
    let spare = players - quorum(players);
    let mut failing = Failing {
        rewinds: None,
        losers: 0,
        absent: None,
    };
    match chance.below(10) {
        // Fewer than four bear nobody who votes twice.
        0..=2 if players >= 4 => failing.rewinds = Some(chance.index(players)),
        3..=4 => failing.losers = chance.between(1, spare as u64),
        5..=6 => failing.absent = Some(chance.index(players)),
        _ => {}
    }
    failing
}

/// Plans splits and heals for about `time` from now, with other trouble in between; when it ends.
fn trouble(
    world: &mut World,
    players: usize,
    chance: &mut Chance,
    time: Duration,
    failing: &Failing,
) -> Duration {
    let time_ms = u64::try_from(time.as_millis()).expect("a soak takes minutes");
    let mut at_ms = chance.between(2_000, 8_000);
    let mut losers: Vec<usize> = (0..players).collect();
    while losers.len() as u64 > failing.losers {
        losers.swap_remove(chance.index(losers.len()));
    }
    while at_ms < time_ms {
        let heal_ms = at_ms + chance.between(APART_MS.0, APART_MS.1);
        let end_ms = split(world, players, chance, at_ms, heal_ms);
        for _ in 0..chance.below(3) {
            crash(world, players, chance, at_ms, end_ms);
        }
        if chance.permille(300) {
            let phone = chance.index(players);
            let at = Duration::from_millis(chance.between(at_ms, end_ms + 3_000));
            world.schedule(at, Act::DropLinks { phone });
        }
        if let Some(phone) = losers.pop() {
            let lost_ms = chance.between(at_ms, end_ms);
            world.schedule(Duration::from_millis(lost_ms), Act::LoseStore { phone });
            let back_ms = lost_ms + chance.between(100, 8_000);
            world.schedule(Duration::from_millis(back_ms), Act::Restart { phone });
        }
        if let Some(phone) = failing.rewinds {
            lives_twice(world, phone, chance, at_ms, heal_ms);
        }
        at_ms = end_ms + chance.between(WHOLE_MS.0, WHOLE_MS.1);
    }
    Duration::from_millis(at_ms)
}

/// The table falls into two to four sides, which come back one by one or together; when the last of
/// them is back, ms.
fn split(world: &mut World, players: usize, chance: &mut Chance, at_ms: u64, heal_ms: u64) -> u64 {
    let sides = usize::try_from(chance.between(2, 4)).expect("a few sides");
    let sides = sides.min(players);
    let together = chance.permille(500);
    let mut end_ms = heal_ms;
    let backs: Vec<u64> = (0..sides)
        .map(|side| {
            let later = if together || side == 0 {
                chance.below(300)
            } else {
                chance.below(6_000)
            };
            end_ms = end_ms.max(heal_ms + later);
            heal_ms + later
        })
        .collect();
    for phone in 0..players {
        let side = chance.index(sides);
        for (when_ms, room) in [(at_ms, side), (backs[side], 0)] {
            let (x_mm, y_mm) = place(room, phone);
            let act = Act::Move { phone, x_mm, y_mm };
            world.schedule(Duration::from_millis(when_ms), act);
        }
    }
    end_ms
}

fn crash(world: &mut World, players: usize, chance: &mut Chance, from_ms: u64, to_ms: u64) {
    let phone = chance.index(players);
    let at_ms = chance.between(from_ms, to_ms + 2_000);
    let act = match chance.below(4) {
        0 => Act::Crash { phone, clean: true },
        1 => Act::Crash {
            phone,
            clean: false,
        },
        2 => Act::CrashUnsynced {
            phone,
            batches: u32::try_from(chance.below(3)).expect("below 3"),
        },
        _ => Act::CrashAfter {
            phone,
            outputs: u32::try_from(chance.below(40)).expect("below 40"),
        },
    };
    world.schedule(Duration::from_millis(at_ms), act);
    let back_ms = at_ms + chance.between(100, 6_000);
    world.schedule(Duration::from_millis(back_ms), Act::Restart { phone });
}

/// A phone plays on one side, is put back to what it was, and plays on another.
fn lives_twice(world: &mut World, phone: usize, chance: &mut Chance, at_ms: u64, heal_ms: u64) {
    let keep_ms = at_ms + chance.between(0, 4_000);
    let back_ms = chance.between(keep_ms, heal_ms.max(keep_ms));
    world.schedule(Duration::from_millis(keep_ms), Act::Keep { phone });
    let (x_mm, y_mm) = place(chance.index(ROOMS.len()), phone);
    let act = Act::Move { phone, x_mm, y_mm };
    world.schedule(Duration::from_millis(back_ms), act);
    world.schedule(Duration::from_millis(back_ms), Act::Rewind { phone });
    let (x_mm, y_mm) = place(0, phone);
    let act = Act::Move { phone, x_mm, y_mm };
    world.schedule(Duration::from_millis(heal_ms), act);
}

/// After the last heal every screen shows what is committed, and says that all is well.
fn is_whole(world: &mut World, players: usize, failing: &Failing) {
    // A restart that was planned before he went for good may have brought him back.
    let gone = failing
        .absent
        .filter(|phone| world.phone(*phone).node().is_none());
    for phone in (0..players).filter(|phone| failing.absent != Some(*phone)) {
        let Some(view) = world.phone(phone).view() else {
            continue;
        };
        let wanted = if gone.is_some() { "degraded" } else { "live" };
        let status = world.phone(phone).status();
        if status != wanted {
            let what = format!("healed, and the status is {status}: {:?}", view.status);
            world.violate(Some(phone), what);
        }
        if !view.tentative.is_empty() || view.state.root() != view.committed.root() {
            let left = view.tentative.len();
            let what = format!("healed, and {left} actions are shown as tentative");
            world.violate(Some(phone), what);
        }
    }
}

fn place(room: usize, phone: usize) -> (i64, i64) {
    let (x, y) = ROOMS[room];
    let phone = i64::try_from(phone).expect("a few phones");
    (x + phone % 3 * 1_500, y + phone / 3 * 1_500)
}
