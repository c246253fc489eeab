//! Replays of contact files.

use std::fs;
use std::time::{Duration, Instant};

use althing_world::Contacts;
use althing_world::scenario::{ReplayOptions, replay};

use crate::cli::Replay;
use crate::live::Live;
use crate::{Ending, Refusal, json, page, transcript, words};

pub(crate) fn run(options: &Replay) -> Result<Ending, Refusal> {
    let path = options.contacts.display();
    let text = fs::read_to_string(&options.contacts).map_err(|fault| {
        Refusal(format!(
            "cannot read the contact file {path}: {fault}\n\
             give the path of a text file with lines `t i j` (seconds, person, person)"
        ))
    })?;
    let contacts = Contacts::parse(&text).map_err(|fault| Refusal(format!("{path}: {fault}")))?;
    page::probe(&options.out)?;
    let transcript = options.out.transcript.file.as_deref();
    transcript::probe(transcript)?;

    let began = Instant::now();
    let mut live = Live::new(&format!("replay, seed {}", options.seed));
    let report = replay(
        &contacts,
        &ReplayOptions {
            seed: options.seed,
            players: usize::from(options.phones),
            linger: Duration::from_secs(options.linger),
            from: options.from,
            length: Duration::from_secs_f64(options.hours * 3600.0),
            transcript: transcript.is_some(),
            ..ReplayOptions::default()
        },
        &mut |progress| live.show(progress),
    )
    .map_err(|fault| Refusal(format!("{path}: {fault}")))?;
    drop(live);
    let wall = began.elapsed();

    let from = options
        .from
        .map_or_else(String::new, |from| format!(" --from {from}"));
    let command = format!(
        "cargo run --release -- replay --contacts FILE --phones {} --linger {}{from} --hours {} --seed {}",
        options.phones, options.linger, options.hours, options.seed
    );
    let title = format!("{} players among recorded people", options.phones);
    let written = page::write(&options.out, &report, &title, &command)?;
    let told = [
        transcript::write(transcript, &report)?,
        transcript::write_evidence(options.out.transcript.evidence.as_deref(), &report)?,
    ];
    if options.out.json {
        json::print(&json::Replay::new(&report, wall));
    } else {
        words::replay(&report, wall, &command, written);
        told.iter()
            .flatten()
            .for_each(|told| words::say(&format!("{told}\n")));
    }
    Ok(words::ending(&report))
}
