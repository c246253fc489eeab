//! Whole runs through the program, judged by what `--json` prints.

use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn althing(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_althing"))
        .args(arguments)
        .output()
        .expect("the rig starts")
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Runs with `arguments` and expects one object on stdout and nothing wrong.
fn object(arguments: &[&str]) -> Value {
    let output = althing(arguments);
    let said = String::from_utf8_lossy(&output.stdout);
    let faults = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments:?}: {said}{faults}"
    );
    assert_eq!(said.trim_end().lines().count(), 1, "one object: {said}");
    serde_json::from_str(&said).expect("stdout is JSON")
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

fn number(value: &Value, key: &str) -> u64 {
    value[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} is no count: {}", value[key]))
}

const TABLE_KEYS: [&str; 12] = [
    "actions",
    "blocks",
    "bytes_on_air",
    "commit_ms",
    "heads",
    "phones",
    "rolls",
    "seed",
    "speed",
    "trace_digest",
    "violations",
    "virtual_ms",
];

#[test]
fn stories_end_with_one_head_and_all_chips() {
    for (name, sides, tentative, refused) in [
        ("split-majority", 2, 2, 0),
        ("split-even", 2, 5, 0),
        ("three-ways", 3, 4, 0),
        ("pays-twice", 2, 3, 1),
        ("lost-store", 0, 0, 0),
    ] {
        let tell = || object(&["story", name, "--seed", "3", "--no-report", "--json"]);
        let mut told = tell();
        let heads = told["heads"].as_array().expect("a list");
        assert!(heads.iter().all(|head| *head == heads[0]), "{name}");
        assert_eq!(told["value"]["before"], told["value"]["after"], "{name}");
        assert_eq!(told["violations"], serde_json::json!([]), "{name}");
        assert_eq!(told["healed_ms"].is_null(), sides == 0, "{name}");
        assert_eq!(told["epochs"], 1);
        let branches = told["branches"].as_array().expect("a list");
        assert_eq!(branches.len(), sides, "{name}");
        let sum = |key: &str| {
            branches
                .iter()
                .filter_map(|it| it[key].as_u64())
                .sum::<u64>()
        };
        let lists = branches.iter().filter_map(|it| it["refused"].as_array());
        let refusals = lists.map(Vec::len).sum::<usize>();
        assert_eq!(sum("tentative"), tentative, "{name}");
        assert_eq!(
            (sum("merged"), refusals),
            (tentative - refused as u64, refused),
            "{name}"
        );
        let words: Vec<_> = told["statuses"].as_array().expect("a list").clone();
        assert!(
            sides == 0 || words.iter().any(|it| it["status"] == "no quorum"),
            "{name}"
        );
        let mut again = tell();
        for run in [&mut told, &mut again] {
            run.as_object_mut().expect("an object").remove("speed");
        }
        assert_eq!(told, again, "{name}: the same seed tells the same story");
    }
}

#[test]
fn a_table_is_the_same_for_the_same_seed() {
    let report = path("table.html");
    let report = report.to_string_lossy();
    let run = || object(&["--seed", "5", "--rolls", "6", "--json", "--report", &report]);
    let mut first = run();
    assert_eq!(keys(&first), TABLE_KEYS);
    assert_eq!(
        keys(&first["actions"]),
        ["committed", "pending", "rejected"]
    );
    assert_eq!(keys(&first["commit_ms"]), ["count", "p50", "p99"]);
    assert_eq!(number(&first, "seed"), 5);
    assert_eq!(number(&first, "phones"), 6);
    assert!(number(&first, "rolls") >= 6);
    assert_eq!(number(&first["actions"], "pending"), 0);
    assert_eq!(first["violations"], Value::Array(Vec::new()));
    let heads = first["heads"].as_array().expect("a list");
    assert_eq!(heads.len(), 6);
    assert!(heads.iter().all(|head| *head == heads[0]));
    assert_eq!(heads[0].as_str().map(str::len), Some(64));
    let page = fs::read(&*report).expect("the report was written");

    let mut second = run();
    for run in [&mut first, &mut second] {
        // The only figure that the machine has a part in.
        run["speed"].take();
    }
    assert_eq!(first, second);
    assert_eq!(fs::read(&*report).expect("the report was written"), page);
}

#[test]
fn the_summary_says_it_in_words() {
    let output = althing(&["--seed", "5", "--rolls", "6", "--no-report"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    for words in [
        "6 phones",
        "0 violations",
        "All 6 players are at block",
        "--seed 5",
    ] {
        assert!(said.contains(words), "no {words:?} in: {said}");
    }
}

/// Lines `t i j` every 20 s of `seconds`.
fn contacts(seconds: Range<u64>, pairs: &[(u32, u32)]) -> String {
    let mut text = String::new();
    for second in seconds.step_by(20) {
        for (one, other) in pairs {
            // A fourth column, as some of the real files have.
            writeln!(text, "{second} {one} {other} ward").expect("a string takes everything");
        }
    }
    text
}

fn replay(name: &str, text: &str) -> Value {
    let file = path(name);
    fs::write(&file, text).expect("the folder for tests can be written");
    let file = file.to_string_lossy();
    let hours = "0.1666";
    let value = object(&[
        "replay",
        "--contacts",
        &file,
        "--linger",
        "20",
        "--hours",
        hours,
        "--json",
        "--no-report",
    ]);
    assert_eq!(value["violations"], Value::Array(Vec::new()));
    assert_eq!(number(&value, "phones"), 4);
    value
}

#[test]
fn players_agree_over_relays() {
    // The players meet at first; then 9 stands between two pairs of them.
    let near = [(1, 2), (3, 4), (1, 3), (2, 4), (1, 4), (2, 3)];
    let apart = [(1, 2), (3, 4), (2, 9), (9, 3)];
    let value = replay(
        "relays.dat",
        &(contacts(20..300, &near) + &contacts(300..640, &apart)),
    );
    let mut expected: Vec<&str> = [&TABLE_KEYS[..], &["quorum_ms", "behind"]].concat();
    expected.sort_unstable();
    assert_eq!(keys(&value), expected);
    assert!(number(&value, "blocks") > 0);
    assert!(number(&value["actions"], "committed") > 0);
    assert!(
        number(&value, "quorum_ms") > 500_000,
        "{}",
        value["quorum_ms"]
    );
    assert_eq!(value["behind"], Value::Array(Vec::new()));
}

#[test]
fn whoever_is_behind_is_named_with_the_reason() {
    // 4 is there at first and then alone.
    let near = [(1, 2), (1, 3), (2, 3), (1, 4), (2, 4), (3, 4)];
    let value = replay(
        "alone.dat",
        &(contacts(20..200, &near) + &contacts(200..640, &near[..3])),
    );
    let behind = value["behind"].as_array().expect("a list");
    assert_eq!(behind.len(), 1, "{behind:?}");
    let why = behind[0]["why"].as_str().expect("a reason");
    assert!(!why.is_empty());
    assert!(
        behind[0]["player"]
            .as_str()
            .is_some_and(|name| name.contains('4'))
    );
}

#[test]
fn a_soak_adds_up_and_excludes_its_end() {
    let value = object(&["soak", "--seeds", "3..5", "--signatures", "cheap", "--json"]);
    let expected = [
        "actions",
        "applied_twice",
        "blocks",
        "crashes",
        "links_lost",
        "root_mismatches",
        "rounds",
        "rounds_per_s",
        "seeds",
        "speed",
        "violations",
        "virtual_ms",
    ];
    assert_eq!(keys(&value), expected);
    assert_eq!(number(&value, "seeds"), 2);
    assert!(number(&value, "virtual_ms") >= 120_000);
    assert!(number(&value, "actions") > 0);
    let one = |seed| object(&["soak", "--seed", seed, "--signatures", "cheap", "--json"]);
    let parts = [one("3"), one("4")];
    for key in ["actions", "blocks", "crashes", "links_lost", "virtual_ms"] {
        let sum: u64 = parts.iter().map(|part| number(part, key)).sum();
        assert_eq!(number(&value, key), sum, "{key}");
    }
}

#[test]
fn a_soak_of_rounds_plays_them_and_applies_every_block_twice() {
    let soak = |more: &[&str]| {
        let base = ["soak", "--rounds", "1500", "--json"];
        object(&[&base[..], more].concat())
    };
    let mut value = soak(&[]);
    assert!(number(&value, "rounds") >= 1500);
    assert!(number(&value, "applied_twice") >= 3 * number(&value, "blocks"));
    assert_eq!(number(&value["root_mismatches"], "unexplained"), 0);
    assert_eq!(value["violations"], Value::Array(Vec::new()));
    let mut alone = soak(&["--jobs", "1"]);
    for run in [&mut value, &mut alone] {
        // What the machine has a part in.
        run["speed"].take();
        run["rounds_per_s"].take();
    }
    assert_eq!(
        value, alone,
        "whatever the cores, the same seeds are played"
    );
}

/// A soak that does not find a bug that is there is no soak.
#[cfg(feature = "planted")]
mod planted {
    use super::*;

    fn finds(plant: &str) {
        finds_in("mixed", plant);
    }

    fn finds_in(profile: &str, plant: &str) {
        let output = althing(&[
            "soak",
            "--profile",
            profile,
            "--seeds",
            "0..200",
            "--plant",
            plant,
            "--signatures",
            "cheap",
            "--json",
        ]);
        let said = String::from_utf8_lossy(&output.stdout);
        let value: Value = serde_json::from_str(&said).expect("stdout is JSON");
        let violations = value["violations"].as_array().expect("a list");
        assert!(!violations.is_empty(), "{plant} was not found: {said}");
        assert_eq!(output.status.code(), Some(1), "{plant}");
        println!("{plant} was found after {} seeds", value["seeds"]);
    }

    #[test]
    fn quorum_off_by_one() {
        finds("quorum-off-by-one");
    }

    #[test]
    fn vote_not_stored() {
        finds("vote-not-stored");
    }

    #[test]
    fn finalize_after_nullify() {
        finds("finalize-after-nullify");
    }

    #[test]
    fn skipped_root_check() {
        finds("skipped-root-check");
    }

    #[test]
    fn double_payout() {
        finds("double-payout");
    }

    #[test]
    fn merge_by_arrival() {
        finds_in("partitions", "merge-by-arrival");
    }

    #[test]
    fn third_branch_dropped() {
        finds_in("partitions", "third-branch-dropped");
    }

    #[test]
    fn applied_twice_after_heal() {
        finds_in("partitions", "applied-twice-after-heal");
    }
}
