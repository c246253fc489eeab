//! Transcripts through the program: written by a run, shown again, and refused where they are bent.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

fn althing(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_althing"))
        .args(arguments)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("the rig starts")
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn file(name: &str, bytes: &[u8]) -> String {
    fs::write(path(name), bytes).expect("the folder for tests can be written");
    name.to_owned()
}

/// The transcript of one short table, and what the run said of itself.
fn played() -> &'static (Vec<u8>, Value) {
    static PLAYED: OnceLock<(Vec<u8>, Value)> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let arguments =
            "--seed 3 --phones 4 --rolls 4 --no-report --json --transcript short.althing";
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let (code, out, error) = said(&althing(&arguments));
        assert_eq!(code, Some(0), "{out}{error}");
        let bytes = fs::read(path("short.althing")).expect("the transcript was written");
        (bytes, serde_json::from_str(&out).expect("stdout is JSON"))
    })
}

/// Looks at `name` and expects status 2 and every one of `words`; what was printed all the same.
fn refused(name: &str, words: &[&str]) -> String {
    let (code, out, error) = said(&althing(&["history", name, "--no-page"]));
    assert_eq!(code, Some(2), "{name}: {out}{error}");
    for word in words.iter().chain(&[name]) {
        assert!(error.contains(word), "{name}: no {word:?} in: {error}");
    }
    out
}

/// Where each record of a transcript begins.
fn records(bytes: &[u8]) -> Vec<usize> {
    let mut at = 10;
    let mut starts = Vec::new();
    while at < bytes.len() {
        starts.push(at);
        let len = u32::from_le_bytes(bytes[at + 1..at + 5].try_into().expect("four bytes"));
        at += 5 + len as usize + 8;
    }
    starts
}

#[test]
fn a_run_leaves_a_transcript_that_tells_its_game() {
    let (bytes, run) = played();
    let name = file("whole.althing", bytes);
    let (code, out, error) = said(&althing(&["history", &name, "--json", "--no-page"]));
    assert_eq!(code, Some(0), "{error}");
    let game: Value = serde_json::from_str(&out).expect("stdout is JSON");
    assert_eq!(game["height"], run["blocks"]);
    assert_eq!(game["rolls"], run["rolls"]);
    assert_eq!(game["base_height"], 0);
    let steps = game["steps"].as_array().expect("a list");
    assert_eq!(Some(steps.len() as u64), run["blocks"].as_u64());
    assert_eq!(steps[steps.len() - 1]["block"], run["heads"][0]);
    // What phones say of each other by themselves is nobody's submission.
    let submitted = |action: &&Value| {
        let what = action["what"].as_str().expect("words");
        !what.contains("does not open draw")
    };
    let actions = |refused: bool| {
        steps
            .iter()
            .flat_map(|step| step["actions"].as_array().expect("a list"))
            .filter(submitted)
            .filter(|action| action["refused"].is_null() != refused)
            .count() as u64
    };
    assert_eq!(Some(actions(false)), run["actions"]["committed"].as_u64());
    assert_eq!(Some(actions(true)), run["actions"]["rejected"].as_u64());
    let dice = steps
        .iter()
        .filter(|step| !step["roll"]["dice"].is_null())
        .count();
    assert_eq!(Some(dice as u64), run["rolls"].as_u64());
    assert!(steps.iter().all(|step| step["table"]["kind"] == "craps"));
    // Who is given chips is called by his name.
    let members = game["members"].as_array().expect("a list");
    let names: Vec<&str> = members.iter().filter_map(Value::as_str).collect();
    let said = steps
        .iter()
        .flat_map(|step| step["actions"].as_array().expect("a list"))
        .filter_map(|action| action["what"].as_str());
    let given: Vec<&str> = said
        .filter(|what| what.starts_with("gives "))
        .filter_map(|what| what.rsplit(' ').next())
        .collect();
    assert!(!given.is_empty());
    assert!(given.iter().all(|name| names.contains(name)), "{given:?}");
}

#[test]
fn any_height_is_shown_in_words_and_as_json() {
    let name = file("at.althing", &played().0);
    let (code, out, _) = said(&althing(&["history", &name, "--at", "1"]));
    assert_eq!(code, Some(0));
    for words in [
        "takes a seat  (committed)",
        "At height 1:",
        "come-out",
        "1000 chips",
        "seat 1",
    ] {
        assert!(out.contains(words), "no {words:?} in: {out}");
    }
    let (code, out, _) = said(&althing(&["history", &name, "--at", "0", "--json"]));
    assert_eq!(code, Some(0));
    let look: Value = serde_json::from_str(&out).expect("stdout is JSON");
    assert!(look["step"].is_null());
    assert_eq!(look["table"]["throws"], 0);
    let (code, out, error) = said(&althing(&["history", &name, "--at", "100000"]));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        error.contains("no height 100000") && error.contains("--at HEIGHT"),
        "{error}"
    );
}

#[test]
fn the_page_is_written_whole_or_not_at_all() {
    let name = file("page.althing", &played().0);
    let (code, out, _) = said(&althing(&["history", &name, "--page", "game.html"]));
    assert_eq!(code, Some(0));
    assert!(out.contains("Page: game.html"));
    let page = fs::read_to_string(path("game.html")).expect("the page was written");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    // A game that cannot be read leaves the page of another as it is.
    file("bad.althing", b"nothing");
    let (code, _, _) = said(&althing(&["history", "bad.althing", "--page", "game.html"]));
    assert_eq!(code, Some(2));
    assert_eq!(
        fs::read_to_string(path("game.html")).expect("still there"),
        page
    );
    let (code, out, error) = said(&althing(&[
        "history",
        &name,
        "--page",
        "no/such/folder/game.html",
    ]));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    for words in ["no/such/folder/game.html", "--page FILE", "--no-page"] {
        assert!(error.contains(words), "no {words:?} in: {error}");
    }
    let left: Vec<_> = fs::read_dir(env!("CARGO_TARGET_TMPDIR"))
        .expect("the folder for tests can be read")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(".game.html"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn one_height_has_no_page_and_says_so() {
    let (bytes, _) = played();
    let name = file("one.althing", bytes);
    let both = ["history", &name, "--at", "1", "--page", "one.html"];
    let (code, out, error) = said(&althing(&both));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        error.contains("--at") && error.contains("--page"),
        "{error}"
    );
    assert!(!path("one.html").exists());

    // Of a damaged file, or one with a lie in it, one height was shown and not the rest.
    let cut = file("one-cut.althing", &bytes[..bytes.len() / 2]);
    let mut transcript = althing::node::Transcript::decode(bytes).expect("a whole transcript");
    transcript.entries[8].block.root = althing::crypto::Hash::ZERO;
    let lie = file("one-lie.althing", &transcript.encode());
    for (name, words) in [(cut, "can be read;"), (lie, "is proved;")] {
        let (code, out, error) = said(&althing(&["history", &name, "--at", "1"]));
        assert_eq!(code, Some(2));
        assert!(out.contains("At height 1:"), "{out}");
        assert!(error.contains(words) && !error.contains("shown"), "{error}");
    }
}

#[test]
fn the_name_of_unknown_rules_turns_nothing_round() {
    let (bytes, _) = played();
    let mut transcript = althing::node::Transcript::decode(bytes).expect("a whole transcript");
    let rules = &mut transcript.genesis.genesis.rules;
    rules.name = althing::wire::Bytes::truncating("cr\u{202e}aps".into());
    let name = file("turned.althing", &transcript.encode());
    refused(&name, &["by the rules craps 3 under a name with hidden"]);
}

#[test]
fn what_is_no_transcript_is_refused() {
    refused(
        "no-such.althing",
        &["cannot read the transcript", "--transcript FILE"],
    );
    fs::create_dir_all(path("folder.althing")).expect("the folder for tests can be written");
    refused("folder.althing", &["cannot read the transcript"]);
    let nothing = file("empty.althing", b"");
    assert_eq!(refused(&nothing, &["it is empty", "--transcript FILE"]), "");
    let text = file("text.althing", b"t i j\n20 1 2\n");
    assert_eq!(refused(&text, &["it is not a transcript"]), "");
    let mut newer = played().0.clone();
    newer[8] += 1;
    let newer = file("newer.althing", &newer);
    let words = ["version 2", "versions up to 1", "a newer one"];
    assert_eq!(refused(&newer, &words), "");
}

#[test]
fn of_a_damaged_transcript_the_beginning_is_shown() {
    let (bytes, run) = played();
    let starts = records(bytes);
    let end = starts[starts.len() - 1];
    let cut = file("cut.althing", &bytes[..bytes.len() / 2]);
    let out = refused(
        &cut,
        &[
            "it is cut off",
            "can be read and was shown",
            "another phone",
        ],
    );
    assert!(out.contains("takes a seat"), "{out}");
    // Without its end every block is there; without half of its genesis none is.
    let last = format!("blocks 0 to {} can be read and was shown", run["blocks"]);
    let open = file("open.althing", &bytes[..end]);
    refused(&open, &["it is cut off", &last]);
    let head = file("head.althing", &bytes[..40]);
    assert_eq!(
        refused(&head, &["it is cut off", "no block of it can be read"]),
        ""
    );
    let mut flipped = bytes.clone();
    flipped[end - 40] ^= 4;
    let flipped = file("flipped.althing", &flipped);
    let out = refused(
        &flipped,
        &["does not match its check", "(at byte", "can be read"],
    );
    assert!(out.contains("takes a seat"), "{out}");
    let longer = file("longer.althing", &[&bytes[..], b"x"].concat());
    refused(&longer, &["something follows its end", &last]);
}

#[test]
fn a_transcript_of_unknown_rules_names_them() {
    let (bytes, _) = played();
    let mut transcript = althing::node::Transcript::decode(bytes).expect("a whole transcript");
    let rules = &mut transcript.genesis.genesis.rules;
    rules.version += 7;
    let version = format!("craps {}", rules.version);
    let name = file("rules.althing", &transcript.encode());
    assert_eq!(
        refused(&name, &[&version, "this build has", "counter 1"]),
        ""
    );
}

#[test]
fn a_transcript_with_a_lie_in_it_is_believed_up_to_there() {
    let (bytes, _) = played();
    let mut transcript = althing::node::Transcript::decode(bytes).expect("a whole transcript");
    transcript.entries[8].block.root = althing::crypto::Hash::ZERO;
    let name = file("lie.althing", &transcript.encode());
    let words = [
        "not believed beyond height",
        "block 9: it executes to another root here",
    ];
    let out = refused(&name, &words);
    assert!(out.contains("takes a seat"), "{out}");
    transcript.genesis.signature.0[0] ^= 1;
    let name = file("stranger.althing", &transcript.encode());
    assert_eq!(
        refused(&name, &["is not believed", "not signed by its opener"]),
        ""
    );
}

#[test]
fn a_transcript_that_cannot_be_written_is_told_before_the_run() {
    let short = [
        "--phones",
        "4",
        "--rolls",
        "1",
        "--no-report",
        "--transcript",
    ];
    for (name, words) in [
        (
            "no/such/folder/x.althing",
            ["no/such/folder/x.althing", "--transcript FILE"],
        ),
        (".", ["cannot write the transcript", "directory"]),
    ] {
        let (code, out, error) = said(&althing(&[&short[..], &[name]].concat()));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{error}");
        for word in words {
            assert!(error.contains(word), "no {word:?} in: {error}");
        }
    }
    let (code, _, error) = said(&althing(&["soak", "--seeds", "0..2", "--transcript", "x"]));
    assert_eq!(code, Some(2));
    assert!(error.contains("--seed"), "{error}");
    let (code, out, error) = said(&althing(&[
        "soak",
        "--rounds",
        "9",
        "--seed",
        "1",
        "--signatures",
        "real",
        "--transcript",
        "x",
    ]));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        error.contains("--rounds")
            && error.contains("cannot be used with")
            && error.contains("--transcript"),
        "{error}"
    );
    let cheap = "soak --seed 1 --signatures cheap --transcript x";
    let (code, _, error) = said(&althing(&cheap.split(' ').collect::<Vec<_>>()));
    assert_eq!(code, Some(2));
    assert!(error.contains("--signatures real"), "{error}");
}

#[test]
fn the_transcript_of_a_soak_is_a_transcript() {
    let run = "soak --seed 2 --json --transcript soak.althing";
    let (code, _, error) = said(&althing(&run.split(' ').collect::<Vec<_>>()));
    assert_eq!(code, Some(0), "{error}");
    let (code, out, error) = said(&althing(&["history", "soak.althing", "--no-page"]));
    assert_eq!(code, Some(0), "{error}");
    assert!(
        out.contains("Every root and every roll is the one that was agreed on"),
        "{out}"
    );
}
