//! A table among recorded movements: only contacts carry, and whoever is no player relays.

use std::fmt::Write;

use althing::Duration;
use althing_world::scenario::{ReplayOptions, replay};
use althing_world::{Contacts, Signatures};

use crate::room::SECOND;

/// Twenty minutes of four people in one room. From the fifth to the tenth minute person 4 stands
/// with person 5 only, who hears person 1; then 3 and 4 are away from 1 and 2 for five minutes.
fn recording() -> Contacts {
    let mut text = String::new();
    for step in 1..=60 {
        let pairs: &[(u32, u32)] = match step {
            15..30 => &[(1, 2), (1, 3), (2, 3), (4, 5), (1, 5)],
            30..45 => &[(1, 2), (3, 4)],
            _ => &[(1, 2), (1, 3), (2, 3), (1, 4), (2, 4), (3, 4)],
        };
        for (one, other) in pairs {
            writeln!(text, "{} {one} {other} ward ward", step * 20).expect("a string takes it");
        }
    }
    Contacts::parse(&text).expect("lines of contacts")
}

#[test]
fn a_recording_is_played() {
    let options = ReplayOptions {
        linger: SECOND * 20,
        length: Duration::from_secs(1200),
        from: Some(0),
        signatures: Signatures::Cheap,
        ..ReplayOptions::default()
    };
    let play = || replay(&recording(), &options, &mut |_| {}).expect("people to play");
    let report = play();
    let part = report.recording.as_ref().expect("a replay");
    let mut people = part.people.clone();
    people.sort_unstable();
    assert_eq!(people, [1, 2, 3, 4]);
    assert_eq!(report.violations, []);
    assert!(report.blocks > 0 && report.rolls > 0);
    // Three of four are in reach for the first ten minutes and the last five.
    assert!(
        (860_000..=940_000).contains(&part.quorum_ms),
        "{} ms",
        part.quorum_ms
    );
    assert_eq!(part.behind, []);
    assert_eq!(play().trace_digest, report.trace_digest);
}
