//! The main table.

use std::time::Instant;

use althing_world::scenario::{TableOptions, table};

use crate::cli::Table;
use crate::live::Live;
use crate::{Ending, Refusal, json, page, words};

pub(crate) fn run(options: &Table) -> Result<Ending, Refusal> {
    page::probe(&options.out)?;
    let began = Instant::now();
    let mut live = Live::new(&format!(
        "table of {}, seed {}",
        options.phones, options.seed
    ));
    let report = table(
        &TableOptions {
            seed: options.seed,
            phones: usize::from(options.phones),
            rolls: options.rolls,
            ..TableOptions::default()
        },
        &mut |progress| live.show(progress),
    );
    drop(live);
    let wall = began.elapsed();

    let command = format!(
        "cargo run --release -- --seed {} --phones {} --rolls {}",
        options.seed, options.phones, options.rolls
    );
    let title = format!("{} phones, {} rolls", options.phones, report.rolls);
    let written = page::write(&options.out, &report, &title, &command)?;
    if options.out.json {
        json::print(&json::Table::new(&report, wall));
    } else {
        words::table(&report, wall, &command, written);
    }
    Ok(words::ending(&report))
}
