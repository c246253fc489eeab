//! Bad arguments and files get an error that says what to do, and exit status 2.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

fn althing(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_althing"))
        .args(arguments)
        .output()
        .expect("the rig starts")
}

/// A file of this test run with `text` in it.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("the folder for tests can be written");
    path
}

/// Runs with `arguments`, expects a refusal and every one of `words` in it.
fn refused(arguments: &[&str], words: &[&str]) {
    let output = althing(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    for word in words {
        assert!(said.contains(word), "{arguments:?}: no {word:?} in: {said}");
    }
}

#[test]
fn numbers_out_of_range() {
    refused(&["--phones", "3"], &["--phones", "4..=16"]);
    refused(&["--phones", "17"], &["--phones", "4..=16"]);
    refused(&["--rolls", "0"], &["--rolls"]);
    refused(&["--seed", "many"], &["--seed"]);
    refused(
        &["soak", "--seeds", "5..5"],
        &["--seeds", "A below B", "0..100"],
    );
    refused(&["soak", "--seeds", "5"], &["--seeds", "0..100"]);
    let last = u64::MAX.to_string();
    refused(&["soak", "--seed", &last], &["--seed", &last]);
    let seeds = format!("0..{last}");
    refused(&["soak", "--seeds", &seeds], &["--seeds", "2^63"]);
    refused(
        &["replay", "--contacts", "x", "--hours", "0"],
        &["--hours", "0.5"],
    );
}

#[test]
fn unknown_words() {
    refused(&["dance"], &["dance", "--help"]);
    refused(
        &["soak", "--plant", "rose"],
        &["rose", "vote-not-stored", "double-payout"],
    );
    refused(&["replay"], &["--contacts"]);
}

#[test]
fn contact_files() {
    refused(
        &["replay", "--contacts", "no-such-file"],
        &["no-such-file", "lines `t i j`"],
    );
    for (name, text) in [
        ("empty.dat", ""),
        ("words.dat", "20 1 2\nhello world\n"),
        ("two-columns.dat", "20 1\n"),
        ("not-numbers.dat", "20 1 two\n"),
    ] {
        let path = file(name, text);
        let path = path.to_string_lossy();
        refused(&["replay", "--contacts", &path], &[name, "t i j"]);
    }
    let pair = file("pair.dat", "20 1 2\n40 1 2\n");
    refused(
        &[
            "replay",
            "--no-report",
            "--contacts",
            &pair.to_string_lossy(),
        ],
        &["pair.dat", "--phones 2"],
    );
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_run() {
    refused(
        &["--report", "no/such/folder/report.html"],
        &["no/such/folder/report.html", "--report FILE", "--no-report"],
    );
}

#[cfg(not(feature = "planted"))]
#[test]
fn plants_need_their_feature() {
    refused(
        &["soak", "--plant", "vote-not-stored"],
        &["--features planted"],
    );
}

/// A reader such as `head` leaves early: that is no fault of the run.
#[test]
fn a_reader_may_leave() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_althing"))
        .arg("odds")
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .output()
        .expect("the rig starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*said), (Some(0), ""));
}

#[test]
fn help_names_every_command() {
    let output = althing(&["--help"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    for word in ["replay", "soak", "--seed", "--json", "--report"] {
        assert!(said.contains(word), "no {word} in: {said}");
    }
}
