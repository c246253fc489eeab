//! Stories: what happens to a table that falls apart, told as it goes.

use std::time::Instant;

use althing_world::scenario::{Plot, StoryOptions, story};
use althing_world::{Report, Signatures};

use crate::cli::{PlotName, Story};
use crate::{Ending, Refusal, json, page, transcript, words};

pub(crate) fn run(options: &Story) -> Result<Ending, Refusal> {
    page::probe(&options.out)?;
    let transcript = options.out.transcript.file.as_deref();
    transcript::probe(transcript)?;
    let began = Instant::now();
    let told = story(
        &StoryOptions {
            plot: plot(options.name),
            seed: options.seed,
            signatures: Signatures::Real,
            transcript: transcript.is_some(),
        },
        &mut |sentence| {
            if options.out.json {
                eprintln!("{sentence}");
            } else {
                words::say(&format!("{sentence}\n"));
            }
        },
    );
    let wall = began.elapsed();
    let name = options.name.as_str();
    let command = format!(
        "cargo run --release -- story {name} --seed {}",
        options.seed
    );
    let report = &told.report;
    let written = page::write(&options.out, report, name, &command)?;
    let kept = [
        transcript::write(transcript, report)?,
        transcript::write_evidence(options.out.transcript.evidence.as_deref(), report)?,
    ];
    if options.out.json {
        json::print(&json::Story::new(&told, wall));
    } else {
        words::table(report, wall, &command, written);
        kept.iter()
            .flatten()
            .for_each(|told| words::say(&format!("{told}\n")));
    }
    Ok(ending(report, told.value))
}

/// Chips that were made or lost are as bad as anything that must never happen.
fn ending(report: &Report, (before, after): (u128, u128)) -> Ending {
    if before == after {
        words::ending(report)
    } else {
        Ending::Bad
    }
}

fn plot(name: PlotName) -> Plot {
    match name {
        PlotName::SplitMajority => Plot::SplitMajority,
        PlotName::SplitEven => Plot::SplitEven,
        PlotName::ThreeWays => Plot::ThreeWays,
        PlotName::PaysTwice => Plot::PaysTwice,
        PlotName::LostStore => Plot::LostStore,
    }
}
