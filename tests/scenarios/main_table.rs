//! The table that the rig plays by default: six phones, two rooms, a walk-out and a return.

use althing_world::Signatures;
use althing_world::scenario::{TableOptions, table};

#[test]
fn thirty_rolls_and_everybody_is_back() {
    let play = |seed| {
        let options = TableOptions {
            seed,
            signatures: Signatures::Cheap,
            ..TableOptions::default()
        };
        table(&options, &mut |_| {})
    };
    for seed in 1..=3 {
        let report = play(seed);
        assert_eq!(report.unfinished, None, "seed {seed}");
        assert_eq!(report.violations, [], "seed {seed}");
        assert!(report.rolls >= 30, "seed {seed}");
        assert_eq!(report.actions.pending, 0, "seed {seed}");
        assert!(
            report.heads.windows(2).all(|pair| pair[0] == pair[1]),
            "seed {seed}"
        );
        assert!(
            !report.absences.is_empty(),
            "seed {seed}: somebody walks out"
        );
        assert!(
            report.air.values < report.air.flooding,
            "seed {seed}: deltas are fewer bytes"
        );
        if seed == 1 {
            assert_eq!(play(seed).trace_digest, report.trace_digest);
        }
    }
}
