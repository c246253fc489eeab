//! A large board reaches one who has nothing of it about as fast as a link carries bytes.

use althing::Duration;
use althing_world::scenario::{SnapshotOptions, snapshot_over_link};

#[test]
fn ten_thousand_entries_come_at_nearly_the_ceiling_of_an_iphone_link() {
    let snapshot = snapshot_over_link(&SnapshotOptions::default());
    let report = &snapshot.report;
    assert_eq!(report.unfinished, None);
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    assert!(snapshot.entry_bytes > 10_000 * 32);
    let over = snapshot.over_ceiling();
    assert!(over <= 1.15, "{over} of the ceiling's time, {snapshot:?}");
}

/// Lost PDUs take the air of as many others, and the event that they end.
#[test]
fn a_lossy_link_brings_it_whole() {
    let snapshot = snapshot_over_link(&SnapshotOptions {
        entries: 2_000,
        interval: Duration::from_millis(30),
        loss_permille: 50,
        ..SnapshotOptions::default()
    });
    assert_eq!(snapshot.report.unfinished, None);
    let over = snapshot.over_ceiling();
    assert!(over > 1.0 && over < 2.0, "{over} of the ceiling's time");
}
