//! The build logic, in Rust and in one place: `cargo xtask test`.

use std::process::ExitCode;

mod report;
mod steps;
mod tools;

const USAGE: &str = "\
usage: cargo xtask <command>

  test     formatting, lints, documentation, every test, the dependency rules;
           brings what it lacks and ends with a table of what ran
  fuzz     [SECONDS] guided fuzzing of every target, 60 seconds each unless told otherwise; needs a C++
           compiler, and a nightly toolchain where this one cannot instrument
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["test"] => steps::test(),
        ["fuzz"] => steps::fuzz(60),
        ["fuzz", seconds] | ["fuzz", "--seconds", seconds] => match seconds.parse() {
            Ok(seconds) => steps::fuzz(seconds),
            Err(_) => refuse(&format!("{seconds:?} is not a number of seconds")),
        },
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        [] => refuse("no command"),
        [other, ..] => refuse(&format!("unknown command {other:?}")),
    }
}

fn refuse(what: &str) -> ExitCode {
    eprint!("xtask: {what}\n\n{USAGE}");
    ExitCode::from(2)
}
