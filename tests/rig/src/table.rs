//! The main table.

use std::time::Instant;

use althing_world::scenario::{TableOptions, table};

use crate::cli::Table;
use crate::live::Live;
use crate::{Ending, Refusal, json, page, transcript, words};

pub(crate) fn run(options: &Table) -> Result<Ending, Refusal> {
    page::probe(&options.out)?;
    let transcript = options.out.transcript.file.as_deref();
    transcript::probe(transcript)?;
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
            transcript: transcript.is_some(),
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
    let told = [
        transcript::write(transcript, &report)?,
        transcript::write_evidence(options.out.transcript.evidence.as_deref(), &report)?,
    ];
    if options.out.json {
        json::print(&json::Table::new(&report, wall));
    } else {
        words::table(&report, wall, &command, written);
        told.iter()
            .flatten()
            .for_each(|told| words::say(&format!("{told}\n")));
    }
    Ok(words::ending(&report))
}
