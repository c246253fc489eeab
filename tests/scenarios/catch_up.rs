//! A phone that was away for 60 s and 200 blocks, with 10 % of the PDUs lost, is consistent again
//! soon after it is back in range.

use althing_world::scenario::{CatchUpOptions, catch_up};

use crate::seeds;

#[test]
fn a_phone_that_was_away_catches_up() {
    let mut took_ms = Vec::new();
    let caught = seeds::each(0..100, |seed| {
        catch_up(&CatchUpOptions {
            seed,
            ..CatchUpOptions::default()
        })
    });
    for (seed, caught) in caught {
        assert_eq!(caught.report.violations, [], "seed {seed}");
        assert_eq!(caught.report.unfinished, None, "seed {seed}");
        assert!(caught.blocks_missed >= 200, "seed {seed}");
        let ms = caught.consistent_ms.unwrap_or(u64::MAX);
        took_ms.push((ms, seed));
    }
    took_ms.sort_unstable();
    println!("back in range to consistent, ms and seed: {took_ms:?}");
    let (worst, seed) = took_ms[99];
    assert!(worst <= 5_000, "seed {seed}: {worst} ms");
    let (p95, seed) = took_ms[94];
    assert!(p95 <= 2_000, "seed {seed}: {p95} ms in 95 of 100");
}
