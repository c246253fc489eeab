//! A board of 10 000 entries, to one who has nothing: in bytes, and over the air of one link.

use althing::Duration;
use althing::state::Map;
use althing::sync::reconcile::{Reconcile, serve};
use althing::wire::encode;
use althing_world::scenario::{SnapshotOptions, snapshot_over_link};

use super::row::{Bound, Row};
use super::{map, resync};

/// Bytes of one answer, as a group is configured.
const ANSWER_LEN_MAX: usize = 24 * 1024;
/// How much longer than its entries at the link's ceiling a board may take; the same for bytes.
const OVER_MAX: Bound = Bound::AtMost(1.15);
/// Connection intervals of an iPhone, ms.
const INTERVALS_MS: [u64; 2] = [15, 30];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = bytes();
    rows.extend(INTERVALS_MS.into_iter().flat_map(link));
    rows
}

/// Without a radio: requests and answers.
fn bytes() -> Vec<Row> {
    let state = map::map();
    let mut asker = Reconcile::new(Map::default(), state.root(), usize::MAX);
    let (mut up, mut down, mut requests) = (0, 0, 0);
    while let Some(request) = asker.request() {
        let answer = serve(&state, &request, ANSWER_LEN_MAX);
        asker.receive(&answer).expect("an honest answer");
        up += encode(&request).len() as u64;
        down += encode(&answer).len() as u64;
        requests += 1;
    }
    assert!(asker.finish().is_some_and(|map| map == state));
    let entries = resync::entries(&state) as u64;
    vec![
        Row::count("spread keys, entries: bytes", entries),
        Row::count("  answers: bytes", down),
        Row::count("  requests: bytes", up),
        Row::count("  round trips, if one by one", requests),
        Row::ratio("  answers over entries", down, entries, OVER_MAX),
    ]
}

/// In the simulated world, in virtual time.
fn link(interval_ms: u64) -> Vec<Row> {
    let options = SnapshotOptions {
        interval: Duration::from_millis(interval_ms),
        ..SnapshotOptions::default()
    };
    let snapshot = snapshot_over_link(&options);
    let of = format!("one link, interval {interval_ms} ms");
    let Some(took_us) = snapshot.took_us else {
        let why = snapshot.report.unfinished.unwrap_or_default();
        panic!("{of}: {why}");
    };
    vec![
        Row::count(format!("{of}, entries: bytes"), snapshot.entry_bytes),
        Row::count("  ceiling of the link: bit/s", snapshot.ceiling_bps),
        Row::count("  first request to installed: ms", took_us / 1000),
        Row::value(
            "  over its entries at the ceiling",
            snapshot.over_ceiling(),
            OVER_MAX,
        ),
    ]
}
