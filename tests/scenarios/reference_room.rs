//! The reference room: four phones, full mesh, connection interval 15 ms, lossless, 5 ms a sync.

use althing_world::Signatures;
use althing_world::scenario::{RoomOptions, reference_room};

#[test]
fn a_commit_reaches_every_phone_in_75_ms() {
    let report = reference_room(&RoomOptions {
        signatures: Signatures::Cheap,
        ..RoomOptions::default()
    });
    assert_eq!(report.unfinished, None);
    assert_eq!(report.violations, []);
    let count = u64::try_from(report.commit.count()).unwrap();
    assert_eq!(count, 200);
    let bytes: u64 = report.air.by_kind.iter().map(|(_, bytes)| bytes).sum();
    println!(
        "submit to committed everywhere: p50 {} ms, p99 {} ms; a commit takes {} bytes in messages, \
         {} in values, {} on air; by kind {:?}",
        report.commit.p50_ms(),
        report.commit.p99_ms(),
        bytes / count,
        report.air.values / count,
        report.air.total / count,
        report.air.by_kind,
    );
    assert!(
        report.commit.p50_ms() <= 75,
        "p50 {} ms",
        report.commit.p50_ms()
    );
    assert!(
        report.commit.p99_ms() <= 150,
        "p99 {} ms",
        report.commit.p99_ms()
    );
}
