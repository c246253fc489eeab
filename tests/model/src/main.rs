//! `cargo xtask model`: every exploration, every switch, one line each.

use std::process::ExitCode;

use althing_model::runs::{Kind, PLANTS, explorations, switches, without};
use althing_model::{Model, explore};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => all(false),
        ["--deep"] => all(true),
        ["--plant", name] => plant(name),
        _ => {
            eprintln!("usage: model [--deep | --plant NAME]");
            ExitCode::from(2)
        }
    }
}

fn all(deep: bool) -> ExitCode {
    let began = std::time::Instant::now();
    let (mut states, mut depth, mut violations) = (0, 0, 0);
    for (name, mut model) in explorations(deep) {
        // An hour for all of it.
        let left = 3500_u64.saturating_sub(began.elapsed().as_secs());
        model.seconds_max = model.seconds_max.min(left);
        let found = explore(&model);
        let bad = found.violation.or(found.stuck);
        println!(
            "{name}: states={} depth={} violations={} complete={} committed={} height={}",
            found.states,
            found.depth,
            u8::from(bad.is_some()),
            found.complete,
            found.committed,
            found.height,
        );
        if let Some(bad) = bad {
            println!("    {bad}");
            violations += 1;
        }
        states += found.states;
        depth = depth.max(found.depth);
    }
    let switches = switches();
    let mut hits = 0;
    for (sentence, kind, models) in &switches {
        let mut seen = 0;
        let hit = models.iter().find_map(|model| {
            let found = explore(&without(*sentence, model));
            seen += found.states;
            match kind {
                Kind::Safety => found.violation,
                Kind::Liveness => found.stuck,
            }
        });
        let verdict = if hit.is_some() { "found" } else { "not found" };
        let what = hit.unwrap_or_default();
        println!("without {sentence:?} ({kind:?}): {verdict} in {seen} states: {what}");
        hits += usize::from(verdict == "found");
    }
    println!(
        "states={states} depth={depth} violations={violations} found={hits}/{}",
        switches.len()
    );
    if violations == 0 && hits == switches.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn plant(name: &str) -> ExitCode {
    let Some((_, sentence)) = PLANTS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = PLANTS.iter().map(|(known, _)| *known).collect();
        eprintln!("no plant is named {name:?}; known are {}", known.join(", "));
        return ExitCode::from(2);
    };
    for (_, _, models) in switches()
        .into_iter()
        .filter(|(other, _, _)| other == sentence)
    {
        for model in models {
            let told = Model {
                told: true,
                ..without(*sentence, &model)
            };
            let found = explore(&told);
            if let Some(violation) = found.violation {
                println!("{name}: found in {} states: {violation}", found.states);
                for (number, step) in found.path.iter().enumerate() {
                    println!("{:>3} {step}", number + 1);
                }
                return ExitCode::SUCCESS;
            }
        }
    }
    println!("{name}: not found");
    ExitCode::FAILURE
}
