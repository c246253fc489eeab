//! A scenario run twice has one trace digest, and another seed has another one.

use althing_world::Signatures;
use althing_world::scenario::{SoakOptions, soak};

use crate::room::SECOND;

#[test]
fn a_seed_has_one_trace() {
    let base = SoakOptions {
        signatures: Signatures::Cheap,
        ..SoakOptions::default()
    };
    let play = |seed| {
        soak(&SoakOptions {
            seed,
            trouble: SECOND * 20,
            ..base.clone()
        })
    };
    let (first, again, other) = (play(11), play(11), play(12));
    assert!(first.blocks > 0);
    assert_eq!(first.trace_digest, again.trace_digest);
    assert_eq!(first, again);
    assert_ne!(first.trace_digest, other.trace_digest);
}

#[test]
fn a_seed_has_one_trace_with_real_signatures() {
    let play = || {
        soak(&SoakOptions {
            seed: 13,
            trouble: SECOND * 5,
            ..SoakOptions::default()
        })
    };
    assert_eq!(play().trace_digest, play().trace_digest);
}
