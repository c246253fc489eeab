//! A phone that was away for 60 s and 200 blocks, with 10 % of the PDUs lost, is consistent again
//! soon after it is back in range.

use althing_world::scenario::{CatchUpOptions, catch_up};

const SEEDS: u64 = 25;

#[test]
fn a_phone_that_was_away_catches_up() {
    let mut took_ms = Vec::new();
    for seed in 0..SEEDS {
        let caught = catch_up(&CatchUpOptions {
            seed,
            ..CatchUpOptions::default()
        });
        assert_eq!(caught.report.violations, [], "seed {seed}");
        assert_eq!(caught.report.unfinished, None, "seed {seed}");
        assert!(caught.blocks_missed >= 200, "seed {seed}");
        let ms = caught.consistent_ms.unwrap_or(u64::MAX);
        took_ms.push((ms, seed));
    }
    took_ms.sort_unstable();
    println!("back in range to consistent, ms and seed: {took_ms:?}");
    let (worst, seed) = took_ms[took_ms.len() - 1];
    assert!(worst <= 5_000, "seed {seed}: {worst} ms");
    let slow = took_ms.iter().filter(|(ms, _)| *ms > 2_000).count();
    assert!(slow as u64 * 20 <= SEEDS, "{slow} of {SEEDS} took over 2 s");
}
