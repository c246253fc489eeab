//! Agreement and progress, over hundreds of seeds.

use super::sim::{Seen, Sim, Weather};
use crate::time::Duration;
use crate::wire::Mode;

/// Plays seeds of one weather; names the seed when one fails.
fn play(name: &str, seeds: std::ops::Range<u64>, acts: u64, weather: Weather) -> Seen {
    let mut sum = Seen::default();
    for seed in seeds {
        let result = std::panic::catch_unwind(|| Sim::new(seed, weather).run(acts));
        let Ok(seen) = result else {
            panic!("{name}, seed {seed}: {weather:?}");
        };
        sum.height += seen.height;
        sum.rounds += seen.rounds;
        sum.messages += seen.messages;
        sum.evidence += seen.evidence;
        sum.crashes += seen.crashes;
        sum.losses += seen.losses;
        sum.recoveries += seen.recoveries;
        sum.settled_ms = sum.settled_ms.max(seen.settled_ms);
        sum.slowest_ms = sum.slowest_ms.max(seen.slowest_ms);
    }
    sum
}

const SIZES: [(usize, Mode); 9] = [
    (1, Mode::Majority),
    (2, Mode::Majority),
    (2, Mode::Unanimous),
    (3, Mode::Majority),
    (4, Mode::Bft),
    (4, Mode::Unanimous),
    (5, Mode::Majority),
    (5, Mode::Bft),
    (7, Mode::Bft),
];

#[test]
fn calm_weather_commits_without_a_wasted_round() {
    for (n, mode) in SIZES {
        let seen = play("calm", 0..5, 20, Weather::calm(n, mode));
        assert!(seen.height > 0);
        // A round a block, and the open one.
        assert_eq!(seen.rounds, seen.height as u64 + 5, "n = {n}, {mode:?}");
        assert!(seen.settled_ms < 300, "n = {n}, {mode:?}: {seen:?}");
    }
}

#[test]
fn storms_never_fork_and_always_end() {
    for (n, mode) in SIZES {
        let weather = Weather {
            loss: 150,
            doubled: 100,
            delay_max: Duration::from_millis(80),
            crashes: 3,
            cuts: 2,
            ..Weather::calm(n, mode)
        };
        let seen = play("storm", 0..30, 12, weather);
        assert!(seen.crashes > 0);
    }
}

#[test]
fn loss_and_crashes_in_every_size_keep_the_disk_and_the_ledger_in_step() {
    for (n, mode) in SIZES {
        let weather = Weather {
            crashes: 12,
            store_faults: 50,
            ..Weather::calm(n, mode)
        };
        let seen = play("crashes", 0..30, 12, weather);
        assert!(seen.crashes > 0);
    }
}

#[test]
fn lost_and_stale_stores_never_vote_twice_and_vote_again() {
    for (n, mode) in [
        (3, Mode::Majority),
        (4, Mode::Bft),
        (5, Mode::Majority),
        (7, Mode::Bft),
    ] {
        let weather = Weather {
            loss: 50,
            delay_max: Duration::from_millis(80),
            crashes: 2,
            losses: 3,
            cuts: 1,
            ..Weather::calm(n, mode)
        };
        let seen = play("losses", 0..60, 40, weather);
        assert!(seen.losses > 60, "n = {n}, {mode:?}: {seen:?}");
        assert!(seen.recoveries > 60, "n = {n}, {mode:?}: {seen:?}");
    }
}

#[test]
fn of_five_with_one_liar_a_lost_store_recovers_too() {
    for (n, liars) in [(5, 1), (7, 1), (10, 2)] {
        let weather = Weather {
            loss: 50,
            losses: 2,
            liars,
            ..Weather::calm(n, Mode::Bft)
        };
        let seen = play("losses with liars", 0..40, 40, weather);
        assert!(seen.losses > 40, "n = {n}: {seen:?}");
        assert!(seen.recoveries > 20, "n = {n}: {seen:?}");
    }
}

#[test]
fn a_line_of_phones_relays_votes_from_end_to_end() {
    for (n, mode) in [(3, Mode::Majority), (4, Mode::Bft), (7, Mode::Bft)] {
        let weather = Weather {
            line: true,
            loss: 50,
            ..Weather::calm(n, mode)
        };
        play("line", 0..20, 12, weather);
    }
}

#[test]
fn dead_leaders_are_skipped() {
    for (n, mode, dead) in [
        (3, Mode::Majority, 1),
        (4, Mode::Bft, 1),
        (5, Mode::Majority, 2),
        (7, Mode::Bft, 2),
    ] {
        let weather = Weather {
            dead,
            storm: Duration::from_secs(30),
            ..Weather::calm(n, mode)
        };
        let seen = play("dead leaders", 0..10, 40, weather);
        assert!(seen.height > 0);
    }
}

#[test]
fn liars_do_not_fork_and_do_not_stop_the_others() {
    for (n, liars) in [(4, 1), (5, 1), (7, 2)] {
        let weather = Weather {
            liars,
            loss: 50,
            crashes: 2,
            cuts: 1,
            ..Weather::calm(n, Mode::Bft)
        };
        let seen = play("liars", 0..60, 12, weather);
        assert!(seen.evidence > 0, "lies are seen");
    }
}

/// The network sees the bugs that it is there to see.
#[cfg(feature = "planted")]
#[test]
fn planted_bugs_are_found() {
    use crate::config::Plant;
    for plant in [
        Plant::QuorumOffByOne,
        Plant::VoteNotStored,
        Plant::FinalizeAfterNullify,
    ] {
        let weather = Weather {
            loss: 200,
            cuts: 3,
            crashes: 3,
            plant: Some(plant),
            ..Weather::calm(4, Mode::Bft)
        };
        let fails = |seed| std::panic::catch_unwind(|| Sim::new(seed, weather).run(12)).is_err();
        assert!((0..20).any(fails), "{plant:?}");
    }
}
