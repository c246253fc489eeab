//! The test rig: a table of simulated phones, replays of recorded movements, soaks.

#[allow(dead_code, reason = "tables for the command that prints them")]
mod bench;
mod cli;
mod json;
mod live;
mod page;
mod replay;
mod soak;
mod table;
mod words;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Run};

/// How a run that could be made has ended.
enum Ending {
    /// Everything held.
    Good,
    /// Something that must never happen has happened, or the aim was not reached.
    Bad,
}

/// A run that could not be made: what is wrong and what to do about it.
struct Refusal(String);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ending = match cli.run {
        None => table::run(&cli.table),
        Some(Run::Replay(options)) => replay::run(&options),
        Some(Run::Soak(options)) => soak::run(&options),
    };
    match ending {
        Ok(Ending::Good) => ExitCode::SUCCESS,
        Ok(Ending::Bad) => ExitCode::FAILURE,
        Err(Refusal(why)) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}
