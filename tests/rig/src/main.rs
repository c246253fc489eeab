//! The test rig: a table of simulated phones, replays of recorded movements, soaks, benches, rate
//! cards, and what a transcript tells of a game.

mod bench;
mod cli;
mod file;
mod history;
mod json;
mod live;
mod odds;
mod page;
mod replay;
mod soak;
mod story;
mod table;
mod transcript;
mod words;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

use crate::cli::{Bench, Cli, Run};

/// Many small messages: the allocator decides how many rounds an hour has.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
        Some(Run::Story(options)) => story::run(&options),
        Some(Run::Odds(options)) => Ok(odds::run(&options)),
        Some(Run::History(options)) => history::run(&options),
        Some(Run::Bench(Bench::State(options))) => bench::run(&options),
        Some(Run::Bench(Bench::Heal(options))) => bench::heal::run(&options),
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
