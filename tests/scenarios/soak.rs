//! Many seeds of a minute in which everything goes wrong: nothing that must never happen does.

use althing_world::Signatures;
use althing_world::scenario::{SoakOptions, soak};

fn soak_all(seeds: std::ops::Range<u64>, signatures: Signatures) {
    let mut bad = Vec::new();
    for seed in seeds {
        let report = soak(&SoakOptions {
            seed,
            signatures,
            ..SoakOptions::default()
        });
        if !report.violations.is_empty() || report.actions.pending > 0 || report.blocks == 0 {
            println!("seed {seed}: {:?} {:?}", report.actions, report.violations);
            bad.push(seed);
        }
    }
    assert_eq!(
        bad, [0; 0],
        "`althing soak --seeds A..B` replays these seeds"
    );
}

#[test]
fn a_hundred_seeds_with_cheap_signatures() {
    soak_all(0..100, Signatures::Cheap);
}

#[test]
fn five_seeds_with_real_signatures() {
    soak_all(1000..1005, Signatures::Real);
}
