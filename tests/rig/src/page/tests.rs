use althing::crypto::Hash;
use althing_world::{
    Absence, ActionCounts, AirBytes, Frame, Latencies, LogLine, PhoneFrame, Report, RootMismatches,
    Violation,
};

use super::*;

fn report() -> Report {
    let phone = |height| PhoneFrame {
        x: 1200,
        y: 3400,
        up: true,
        height,
        pending: 1,
        committed_chips: 100,
        shown_chips: 95,
        status: "Live",
    };
    Report {
        seed: 7,
        phones: 2,
        players: 2,
        names: vec!["Anna".to_owned(), "</script><b>".to_owned()],
        virtual_ms: 60_000,
        rolls: 3,
        actions: ActionCounts {
            submitted: 9,
            committed: 8,
            rejected: 1,
            ..ActionCounts::default()
        },
        blocks: 5,
        rounds: 6,
        applied_twice: 0,
        roots: RootMismatches::default(),
        violations: vec![Violation {
            seed: 7,
            at_ms: 1234,
            phone: Some(1),
            what: "two blocks at one height".to_owned(),
        }],
        heads: vec![Hash::ZERO; 2],
        heights: vec![5, 5],
        commit: Latencies::new(vec![61_000, 48_000]),
        air: AirBytes {
            total: 9000,
            values: 7000,
            by_kind: vec![("votes", 4000), ("proposal", 2000)],
            flooding: 30_000,
        },
        trace_digest: Hash::ZERO,
        frames: (0..5000_u64)
            .map(|index| Frame {
                at_ms: index as i64 * 500,
                phones: vec![phone(index), phone(index / 2)],
                links: vec![(0, 1)],
            })
            .collect(),
        absences: vec![Absence {
            phone: 1,
            from_ms: 10_000,
            to_ms: 20_000,
            why: "out of reach",
        }],
        waiting: Vec::new(),
        log: vec![LogLine {
            at_ms: 10_000,
            text: "Anna rolls".to_owned(),
        }],
        crashes: 0,
        stores_lost: 0,
        recovered: 0,
        radio_cycles: 0,
        links_made: 1,
        links_lost: 0,
        faults: Vec::new(),
        idle_bytes: None,
        unfinished: None,
        recording: None,
        transcript: None,
        diverged: Vec::new(),
    }
}

#[test]
fn the_page_is_whole_and_needs_no_network() {
    let page = page(&report(), "Two phones", "cargo run --release -- --seed 7");
    assert!(!page.contains("{{"), "a placeholder was left");
    for scheme in ["http:", "https:", "//cdn", "@import", "src=", "url("] {
        assert!(!page.contains(scheme), "{scheme}");
    }
    assert!(page.contains("<title>Althing: Two phones</title>"));
}

#[test]
fn data_cannot_leave_its_script_element() {
    let page = page(&report(), "a </title> title", "a command");
    let data = page
        .split_once("id=\"data\">")
        .and_then(|(_, rest)| rest.split_once("</script>"))
        .expect("the data has its element")
        .0;
    let data: serde_json::Value = serde_json::from_str(data).expect("the data is JSON");
    assert_eq!(data["names"][1], "</script><b>");
    assert!(!page.contains("</title> title"));
}

#[test]
fn long_runs_are_thinned_and_keep_their_end() {
    let report = report();
    let data = Data::new(&report, "", "");
    assert!(data.frames.len() <= FRAMES_MAX + 1);
    let last = data.frames.last().expect("there are frames");
    assert_eq!(last.0, report.frames[4999].at_ms);
    assert_eq!(last.1[0][3], 4999);
    assert_eq!(data.statuses, ["Live"]);
}
