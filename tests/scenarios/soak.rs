//! Many seeds of a minute in which everything goes wrong: nothing that must never happen does.

use std::ops::Range;

use althing_world::Signatures;
use althing_world::scenario::{SoakOptions, soak};

use crate::seeds;

/// Plays them; how many stores were lost, and how often somebody voted again after that.
fn soak_all(range: Range<u64>, signatures: Signatures) -> (u64, u64) {
    let reports = seeds::each(range, |seed| {
        soak(&SoakOptions {
            seed,
            signatures,
            ..SoakOptions::default()
        })
    });
    let mut bad = Vec::new();
    let (mut lost, mut recovered) = (0, 0);
    for (seed, report) in reports {
        lost += report.stores_lost;
        recovered += report.recovered;
        let sound = report.violations.is_empty()
            && report.actions.pending == 0
            && report.blocks > 0
            // What an idle table sends is a violation, except by a phone whose rules differ.
            && report.idle_bytes.is_some();
        if !sound {
            println!(
                "`althing soak --seeds {seed}..{}`: {} blocks, {:?}, {:?}",
                seed + 1,
                report.blocks,
                report.actions,
                report.violations
            );
            bad.push(seed);
        }
    }
    assert_eq!(bad, [0; 0], "the seeds that went wrong");
    (lost, recovered)
}

#[test]
fn a_hundred_seeds_with_cheap_signatures() {
    let (lost, recovered) = soak_all(0..100, Signatures::Cheap);
    assert!(lost > 30 && recovered > 20, "{lost} lost, {recovered} back");
}

#[test]
fn five_seeds_with_real_signatures() {
    soak_all(1000..1005, Signatures::Real);
}
