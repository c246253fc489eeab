//! What the state costs is what the golden file says, and every bound is kept.

use std::path::Path;
use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_althing"))
        .args(["bench", "state"])
        .args(arguments)
        .output()
        .expect("the rig starts")
}

#[test]
fn the_state_costs_what_the_golden_file_says() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/state.golden.txt");
    let golden = golden.to_str().expect("a path in UTF-8");
    let output = bench(&["--golden", golden]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");

    // Another figure is a difference, and shows.
    let text = std::fs::read_to_string(golden).expect("just read");
    let bent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bent.golden.txt");
    let (first, rest) = text.split_once('\n').expect("lines");
    std::fs::write(&bent, format!("{first}7\n{rest}")).expect("a folder for tests");
    let output = bench(&[
        "--golden",
        bent.to_str().expect("a path in UTF-8"),
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(&format!("- {first}7")), "{said}");
    assert!(said.contains(r#""good":false"#), "{said}");
}

#[test]
fn a_golden_file_that_is_not_there_is_named() {
    let output = bench(&["--golden", "no/such/file"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("no/such/file") && said.contains("--bless"),
        "{said}"
    );
}
