//! The summary in words.

use std::fmt::Write;
use std::io::Write as _;
use std::time::Duration;

use althing_world::{KeptDivergence, Report, Waiting};

use crate::cli::{ProfileName, SignatureName};
use crate::json::{Soak, speed};
use crate::page::Written;
use crate::{Ending, json};

/// Violations that are printed one by one; the rest is a number.
const VIOLATIONS_SHOWN: usize = 20;
/// Absences that are printed one by one; the report has all of them.
const ABSENCES_SHOWN: usize = 12;

/// Whether everything held and the aim was reached.
pub(crate) fn ending(report: &Report) -> Ending {
    if report.violations.is_empty() && report.unfinished.is_none() {
        Ending::Good
    } else {
        Ending::Bad
    }
}

/// Of a table.
pub(crate) fn table(report: &Report, wall: Duration, command: &str, written: Written) {
    let mut text = format!(
        "A table of {} phones threw {} in {} of virtual time ({} links made, {} lost on the way).\n",
        report.players,
        counted(report.rolls, "roll"),
        time(report.virtual_ms),
        report.links_made,
        report.links_lost,
    );
    common(&mut text, report);
    close(&mut text, report, wall, command, written);
    say(&text);
}

/// Of a replay.
pub(crate) fn replay(report: &Report, wall: Duration, command: &str, written: Written) {
    let mut text = String::new();
    if let Some(recording) = &report.recording {
        let people: Vec<String> = recording.people.iter().map(u32::to_string).collect();
        line(
            &mut text,
            format_args!(
                "Played {} of the recording from second {}, with persons {} at the table and {} relaying.",
                time(recording.length_s * 1000),
                recording.from_s,
                people.join(", "),
                report.phones - report.players,
            ),
        );
        line(
            &mut text,
            format_args!(
                "Assumed: a contact lingers for {} s (--linger), because Bluetooth hears further than the sensors did.",
                recording.linger_s
            ),
        );
        if recording.quorum_anywhere {
            line(
                &mut text,
                format_args!(
                    "A quorum of the players was in reach of each other, directly or over relays, for {}.",
                    time(recording.quorum_ms)
                ),
            );
        } else {
            text.push_str(
                "Nowhere in the file was a quorum of the players in reach of each other: the first hours were played, \
                 and nothing could commit after the start.\n",
            );
        }
        line(
            &mut text,
            format_args!("{} thrown.", counted(report.rolls, "roll")),
        );
    }
    common(&mut text, report);
    if let Some(recording) = &report.recording {
        for behind in &recording.behind {
            line(
                &mut text,
                format_args!(
                    "{} is at block {} of {}: {}.",
                    report.names[behind.phone], behind.height, behind.last, behind.why
                ),
            );
        }
    }
    close(&mut text, report, wall, command, written);
    say(&text);
}

/// Of a soak.
pub(crate) fn soak(total: &Soak, options: &crate::cli::Soak, jobs: usize) {
    let cheap = options.signatures() == SignatureName::Cheap;
    let plant = options.plant;
    let mut text = format!(
        "{} played on {}, {} of virtual time, {} signatures: {} submitted, {}, {}, {} lost.\n",
        counted(total.seeds, "seed"),
        counted(jobs as u64, "core"),
        time(total.virtual_ms),
        if cheap { "cheap" } else { "real" },
        counted(total.actions, "action"),
        counted(total.blocks, "block"),
        counted(total.crashes, "crash"),
        counted(total.links_lost, "link"),
    );
    line(
        &mut text,
        format_args!("{} times real time per core.", total.speed),
    );
    violations(&mut text, &total.violations);
    if let Some(first) = total.violations.first() {
        let (features, plant) = plant.map_or(Default::default(), |plant| {
            (
                " --features planted",
                format!(" --plant {}", plant.as_str()),
            )
        });
        let signatures = match options.signatures {
            Some(SignatureName::Cheap) => " --signatures cheap",
            Some(SignatureName::Real) if options.rounds.is_some() => " --signatures real",
            Some(SignatureName::Real) | None => "",
        };
        let rounds = match (options.rounds, options.profile) {
            // One round is less than any seed has: exactly this one is played.
            (Some(_), _) => " --rounds 1",
            (None, ProfileName::Partitions) => " --profile partitions",
            (None, ProfileName::Mixed) => "",
        };
        line(
            &mut text,
            format_args!(
                "Again: cargo run --release{features} -- soak{rounds} --seed {}{plant}{signatures}",
                first.seed
            ),
        );
    }
    match (plant, total.violations.first()) {
        (Some(plant), Some(first)) => line(
            &mut text,
            format_args!(
                "The planted bug {} was found by seed {}, after {}.",
                plant.as_str(),
                first.seed,
                counted(total.seeds, "seed")
            ),
        ),
        (Some(plant), None) => line(
            &mut text,
            format_args!("The planted bug {} was NOT found.", plant.as_str()),
        ),
        (None, _) => {}
    }
    if options.rounds.is_some() {
        line(
            &mut text,
            format_args!(
                "{} ({} a second), {}, {} executions made twice, root mismatches: {} explained by bent rules, {} unexplained, {}.",
                counted(total.rounds, "round"),
                total.rounds_per_s,
                counted(total.blocks, "block"),
                total.applied_twice,
                total.root_mismatches.explained,
                total.root_mismatches.unexplained,
                counted(total.violations.len() as u64, "violation"),
            ),
        );
    }
    say(&text);
}

fn common(text: &mut String, report: &Report) {
    line(
        text,
        format_args!(
            "{}. {} committed, {} rejected, {} pending.",
            counted(report.blocks, "block"),
            counted(report.actions.committed, "action"),
            report.actions.rejected,
            report.actions.pending,
        ),
    );
    let last = report.heights.iter().max().copied().unwrap_or(0);
    let at_last = report.heights.iter().filter(|height| **height == last);
    let at_last = at_last.count();
    if at_last == report.players {
        let head = report
            .heads
            .first()
            .map_or_else(String::new, |head| head.to_hex());
        line(
            text,
            format_args!(
                "All {} players are at block {last} ({}).",
                report.players,
                head.get(..8).unwrap_or_default()
            ),
        );
    } else {
        line(
            text,
            format_args!(
                "{at_last} of {} players are at block {last}.",
                report.players
            ),
        );
    }
    line(
        text,
        format_args!(
            "Submit to committed on every player in reach: half within {} ms, 99 of 100 within {} ms ({}).",
            report.commit.p50_ms(),
            report.commit.p99_ms(),
            counted(report.commit.count() as u64, "sample"),
        ),
    );
    line(
        text,
        format_args!(
            "On the air: {}. Sending the whole state by flooding would have cost {}.",
            bytes(report.air.total),
            bytes(report.air.flooding),
        ),
    );
    absences(text, report);
}

/// Who was away, those who were it together on one line.
fn absences(text: &mut String, report: &Report) {
    let mut together: Vec<(i64, i64, &str, Vec<&str>)> = Vec::new();
    for absence in &report.absences {
        let when = (absence.from_ms, absence.to_ms, absence.why);
        let name = report.names[absence.phone].as_str();
        match together
            .iter_mut()
            .find(|one| (one.0, one.1, one.2) == when)
        {
            Some((.., names)) => names.push(name),
            None => together.push((when.0, when.1, when.2, vec![name])),
        }
    }
    together.sort_by_key(|one| (one.0, one.1));
    for (from_ms, to_ms, why, names) in together.iter().take(ABSENCES_SHOWN) {
        let lasted = time(to_ms.abs_diff(*from_ms));
        let from = signed_time(*from_ms);
        if names.len() == report.players && *why == "out of reach" {
            let told =
                format_args!("No quorum was in reach of each other for {lasted} from {from}.");
            line(text, told);
        } else {
            let was = if names.len() == 1 { "was" } else { "were" };
            let who = names.join(", ");
            line(
                text,
                format_args!("{who} {was} away for {lasted} from {from} ({why})."),
            );
        }
    }
    if together.len() > ABSENCES_SHOWN {
        line(
            text,
            format_args!("And {} more absences.", together.len() - ABSENCES_SHOWN),
        );
    }
}

fn close(text: &mut String, report: &Report, wall: Duration, command: &str, written: Written) {
    if let Some(why) = &report.unfinished {
        line(text, format_args!("NOT FINISHED: {why}"));
    }
    for Waiting { phone, what, whom } in &report.waiting {
        let name = &report.names[*phone];
        if whom.is_empty() {
            line(text, format_args!("{name} waits for {what}."));
        } else {
            line(
                text,
                format_args!("{name} waits for {what} from {}.", whom.join(", ")),
            );
        }
    }
    for kept in &report.diverged {
        line(text, format_args!("{}", diverged(report, kept)));
    }
    let broken: Vec<json::Broken> = report.violations.iter().map(json::Broken::new).collect();
    violations(text, &broken);
    line(
        text,
        format_args!(
            "Trace digest {}. {} times real time. Again: {command}",
            report.trace_digest.to_hex(),
            speed(report.virtual_ms, wall),
        ),
    );
    if let Written::To(path) = written {
        line(
            text,
            format_args!("Report: {} (open it in a browser)", path.display()),
        );
    }
}

/// That a phone diverged, and what its screen says of it.
pub(crate) fn diverged(report: &Report, kept: &KeptDivergence) -> String {
    format!("{} DIVERGED: {}", report.names[kept.phone], kept.words)
}

fn violations(text: &mut String, broken: &[json::Broken]) {
    if broken.is_empty() {
        text.push_str("0 violations: nothing happened that must never happen.\n");
        return;
    }
    line(text, format_args!("{} VIOLATIONS:", broken.len()));
    for one in broken.iter().take(VIOLATIONS_SHOWN) {
        line(text, format_args!("  seed {}, {}", one.seed, one.what));
    }
    if broken.len() > VIOLATIONS_SHOWN {
        line(
            text,
            format_args!("  and {} more", broken.len() - VIOLATIONS_SHOWN),
        );
    }
}

/// Prints `text`. A reader who has seen enough, such as `head`, may leave.
pub(crate) fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

pub(crate) fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").expect("a string takes everything");
}

/// `1 block`, `2 blocks`, `3 crashes`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ if what.ends_with("sh") => format!("{count} {what}es"),
        _ => format!("{count} {what}s"),
    }
}

/// `850 ms`, `12.3 s`, `4 min 10 s`, `2 h 0 min`.
fn time(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{}.{} s", seconds, ms % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn signed_time(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let seconds = ms.unsigned_abs() / 1000;
    format!("{sign}{}:{:02}", seconds / 60, seconds % 60)
}

/// `900 B`, `12.3 kB`, `4.5 MB`.
fn bytes(count: u64) -> String {
    match count {
        0..1000 => format!("{count} B"),
        1000..1_000_000 => format!("{}.{} kB", count / 1000, count % 1000 / 100),
        _ => format!("{}.{} MB", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(time(850), "850 ms");
        assert_eq!(time(12_340), "12.3 s");
        assert_eq!(time(250_000), "4 min 10 s");
        assert_eq!(time(7_200_000), "2 h 0 min");
        assert_eq!(signed_time(-61_000), "-1:01");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(12_399), "12.3 kB");
        assert_eq!(bytes(4_560_000), "4.5 MB");
        assert_eq!(counted(1, "crash"), "1 crash");
        assert_eq!(counted(2, "crash"), "2 crashes");
        assert_eq!(counted(0, "block"), "0 blocks");
    }
}
