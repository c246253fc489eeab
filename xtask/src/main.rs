//! The build logic, in Rust and in one place: `cargo xtask test`.

use std::process::ExitCode;

mod report;
mod steps;
mod tools;

const USAGE: &str = "\
usage: cargo xtask <command>

  test     formatting, lints, documentation, every test, the dependency rules;
           brings what it lacks and ends with a table of what ran
  model    explores the rules of consensus exhaustively, in two rounds; ends with
           `states=N depth=N violations=N found=N/N`
             --deep        in three rounds: at most an hour and 16 GiB; what does not finish says so
             --plant NAME  finds a planted bug and tells the shortest path to it:
                           epoch-without-finalization, recovering-voter-answers
  fuzz     [SECONDS] guided fuzzing of every target, 60 seconds each unless told otherwise; needs a C++
           compiler, and a nightly toolchain where this one cannot instrument
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["test"] => steps::test(),
        ["model"] => steps::model(&[]),
        ["model", "--deep"] => steps::model(&["--deep"]),
        ["model", "--plant", name] => steps::model(&["--plant", name]),
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
