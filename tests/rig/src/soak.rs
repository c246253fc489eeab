//! Soaks: many seeds at once, and what came of them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use althing_world::Signatures;
use althing_world::scenario::{DENSE_LASTS, SoakOptions, dense_soak, partition_soak, soak};
use althing_world::{Report, Violation};

#[cfg(feature = "planted")]
use crate::cli::PlantName;
use crate::cli::{ProfileName, SignatureName, Soak};
use crate::live::Live;
use crate::{Ending, Refusal, json, transcript, words};

/// Virtual time of one seed.
const SEED_LASTS: Duration = Duration::from_secs(60);

/// What one seed came to.
struct Played {
    /// The run, or what it panicked with.
    report: Result<Report, String>,
    took: Duration,
}

pub(crate) fn run(options: &Soak) -> Result<Ending, Refusal> {
    let seeds = match (options.rounds, options.seed) {
        (Some(_), first) => first.unwrap_or(0)..u64::MAX,
        (None, Some(seed)) => seed..seed + 1,
        (None, None) => options.seeds.clone(),
    };
    let template = template(options)?;
    let transcript = options.transcript.as_deref();
    transcript::probe(transcript)?;
    let began = Instant::now();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = options.jobs.map_or(cores, usize::from);
    let run = match (options.rounds, options.profile) {
        (Some(_), _) => dense_soak,
        (None, ProfileName::Mixed) => soak,
        (None, ProfileName::Partitions) => partition_soak,
    };

    let next = AtomicU64::new(seeds.start);
    // The lowest seed at which a planted bug was found: higher ones need not be played.
    let end = AtomicU64::new(seeds.end);
    let played: Mutex<BTreeMap<u64, Played>> = Mutex::new(BTreeMap::new());
    let live = Mutex::new(Live::new("soak"));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end.load(Ordering::Relaxed) {
                        return;
                    }
                    let one = play(&template, seed, run);
                    if options.plant.is_some() && !one.is_good() {
                        end.fetch_min(seed + 1, Ordering::Relaxed);
                    }
                    let mut played = played.lock().expect("no holder panics");
                    played.insert(seed, one);
                    let bad = played.values().filter(|one| !one.is_good()).count();
                    let (part, done) = match options.rounds {
                        Some(wanted) => {
                            if let Some(last) = enough(&played, seeds.start, wanted) {
                                end.fetch_min(last + 1, Ordering::Relaxed);
                            }
                            let rounds: u64 = played.values().map(Played::rounds).sum();
                            let part = rounds.min(wanted) * 1000 / wanted;
                            (part, format!("{rounds} of {wanted} rounds"))
                        }
                        None => {
                            let (count, all) = (played.len() as u64, seeds.end - seeds.start);
                            (count * 1000 / all, format!("{count} of {all} seeds"))
                        }
                    };
                    let text = format!("{done} · {bad} with violations");
                    live.lock().expect("no holder panics").say(part, text);
                }
            });
        }
    });
    drop(live);

    let end = end.into_inner();
    let mut played = played.into_inner().expect("no holder panics");
    // What other threads played beyond the seed that found the bug depends on their luck.
    played.retain(|seed, _| *seed < end);
    let mut total = add_up(&played, began.elapsed());
    // One is asked for with --seed alone, which plays that seed and no other.
    let one = options.seed.and(played.values().next());
    let mut told = Vec::new();
    if let Some(one) = one {
        told.extend(keep(transcript, &one.report)?);
    }
    if let Some(Ok(report)) = one.map(|one| &one.report) {
        total.diverged = report.diverged.iter().map(json::Diverged::new).collect();
        let diverged = report
            .diverged
            .iter()
            .map(|kept| words::diverged(report, kept));
        told.extend(diverged.filter(|_| !options.json));
        let evidence = options.evidence.as_deref();
        told.extend(transcript::write_evidence(evidence, report)?);
    }
    let good = total.violations.is_empty();
    if options.json {
        json::print(&total);
    } else {
        words::soak(&total, options, jobs.min(cores));
        told.iter()
            .for_each(|told| words::say(&format!("{told}\n")));
    }
    Ok(if good { Ending::Good } else { Ending::Bad })
}

/// Writes the transcript of `report` to `path`; what came of it, in words.
fn keep(path: Option<&Path>, report: &Result<Report, String>) -> Result<Option<String>, Refusal> {
    match report {
        Ok(report) => transcript::write(path, report),
        Err(_) => Ok(path.map(|path| {
            format!(
                "Transcript: none was written to {}, the run panicked.",
                path.display()
            )
        })),
    }
}

/// The first seed with which all from `first` on come to `wanted` rounds: how many seeds are played
/// does not depend on the cores. A panic in a seed counts as one round, so that it ends.
fn enough(played: &BTreeMap<u64, Played>, first: u64, wanted: u64) -> Option<u64> {
    let mut rounds = 0;
    for (expected, (seed, one)) in (first..).zip(played) {
        if expected != *seed {
            return None;
        }
        rounds += one.rounds().max(1);
        if rounds >= wanted {
            return Some(*seed);
        }
    }
    None
}

impl Played {
    fn rounds(&self) -> u64 {
        self.report.as_ref().map_or(0, |report| report.rounds)
    }

    fn is_good(&self) -> bool {
        self.report
            .as_ref()
            .is_ok_and(|report| report.violations.is_empty() && report.unfinished.is_none())
    }
}

fn play(template: &SoakOptions, seed: u64, run: fn(&SoakOptions) -> Report) -> Played {
    let began = Instant::now();
    let options = SoakOptions {
        seed,
        ..template.clone()
    };
    // A panic is a bug like any other: it is told with its seed, and the other seeds go on.
    let report = catch_unwind(AssertUnwindSafe(|| run(&options))).map_err(|payload| {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        format!("panicked: {}", text.unwrap_or("without a text"))
    });
    Played {
        report,
        took: began.elapsed(),
    }
}

fn add_up(played: &BTreeMap<u64, Played>, wall: Duration) -> json::Soak {
    let mut total = json::Soak::default();
    let mut busy = Duration::ZERO;
    for (&seed, one) in played {
        total.seeds += 1;
        busy += one.took;
        let mut violations: Vec<Violation> = Vec::new();
        match &one.report {
            Ok(report) => {
                total.actions += report.actions.submitted;
                total.rounds += report.rounds;
                total.blocks += report.blocks;
                total.applied_twice += report.applied_twice;
                total.root_mismatches.explained += report.roots.explained;
                total.root_mismatches.unexplained += report.roots.unexplained;
                total.crashes += report.crashes;
                total.links_lost += report.links_lost;
                total.virtual_ms += report.virtual_ms;
                violations.extend_from_slice(&report.violations);
                if let Some(why) = &report.unfinished {
                    violations.push(Violation {
                        seed,
                        at_ms: report.virtual_ms,
                        phone: None,
                        what: format!("unfinished: {why}"),
                    });
                }
            }
            Err(panic) => violations.push(Violation {
                seed,
                at_ms: 0,
                phone: None,
                what: panic.clone(),
            }),
        }
        total
            .violations
            .extend(violations.iter().map(json::Broken::new));
    }
    // Each run has one core to itself, so the sum of their times is core time.
    total.speed = json::speed(total.virtual_ms, busy);
    total.rounds_per_s = json::speed(total.rounds * 1000, wall);
    total
}

fn template(options: &Soak) -> Result<SoakOptions, Refusal> {
    if options.plant.is_some() && !cfg!(feature = "planted") {
        return Err(Refusal(
            "this build has no planted bugs in it\n\
             run it as `cargo run --release --features planted -- soak --plant NAME`"
                .to_owned(),
        ));
    }
    if options.transcript.is_some() && options.seed.is_none() {
        return Err(Refusal(
            "a transcript is of one run\n\
             name the run with --seed N"
                .to_owned(),
        ));
    }
    if options.transcript.is_some() && options.signatures() == SignatureName::Cheap {
        return Err(Refusal(
            "cheap signatures prove nothing outside of their run\n\
             write the transcript with --signatures real"
                .to_owned(),
        ));
    }
    Ok(SoakOptions {
        seed: 0,
        transcript: options.transcript.is_some(),
        trouble: match options.rounds {
            Some(_) => DENSE_LASTS,
            None => SEED_LASTS,
        },
        signatures: match options.signatures() {
            SignatureName::Real => Signatures::Real,
            SignatureName::Cheap => Signatures::Cheap,
        },
        #[cfg(feature = "planted")]
        plant: options.plant.map(plant),
    })
}

#[cfg(feature = "planted")]
fn plant(name: PlantName) -> althing::config::Plant {
    use althing::config::Plant;
    match name {
        PlantName::QuorumOffByOne => Plant::QuorumOffByOne,
        PlantName::VoteNotStored => Plant::VoteNotStored,
        PlantName::FinalizeAfterNullify => Plant::FinalizeAfterNullify,
        PlantName::SkippedRootCheck => Plant::SkippedRootCheck,
        PlantName::DoublePayout => Plant::DoublePayout,
        PlantName::RecoveringVoterAnswers => Plant::RecoveringVoterAnswers,
        PlantName::MergeByArrival => Plant::MergeByArrival,
        PlantName::ThirdBranchDropped => Plant::ThirdBranchDropped,
        PlantName::AppliedTwiceAfterHeal => Plant::AppliedTwiceAfterHeal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_run_that_panicked_it_is_said_that_no_transcript_was_written() {
        let panicked = Err("panicked: why".to_owned());
        let path = std::env::temp_dir().join("never-written.althing");
        let Ok(Some(told)) = keep(Some(&path), &panicked) else {
            panic!("nothing is said");
        };
        assert!(told.contains("none was written"), "{told}");
        assert!(told.contains("never-written.althing"), "{told}");
        assert!(!path.exists());
        assert!(matches!(keep(None, &panicked), Ok(None)));
    }
}
