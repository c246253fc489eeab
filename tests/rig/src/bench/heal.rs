//! How fast a table heals, in virtual time: `althing bench heal`.
//!
//! Four phones, a connection interval of 30 ms, one PDU of ten lost. Counted is from the first link
//! between the sides to one head on all with nothing open.

use std::collections::BTreeMap;
use std::time::Duration;

use althing_world::scenario::{Heal, HealOptions, heal};
use serde::Serialize;

use crate::cli::BenchHeal;
use crate::{Ending, Refusal, json};

/// PDUs lost, of a thousand.
const LOSS_PERMILLE: u32 = 100;
/// How long a heal may take, ms, in 95 of 100 runs.
const HEALED_MS_MAX: u64 = 2_000;

/// One kind of split.
struct Kind {
    name: &'static str,
    away: usize,
    actions: usize,
    blocks: u64,
    lasts: Duration,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "2 | 2, 20 actions a side",
        away: 2,
        actions: 20,
        blocks: 0,
        lasts: Duration::ZERO,
    },
    Kind {
        name: "2 | 2, 100 actions a side",
        away: 2,
        actions: 100,
        blocks: 0,
        lasts: Duration::ZERO,
    },
    Kind {
        name: "3 | 1, 256 blocks and 100 actions",
        away: 1,
        actions: 100,
        blocks: 256,
        lasts: Duration::ZERO,
    },
    Kind {
        name: "3 | 1, an hour and 2 000 blocks",
        away: 1,
        actions: 0,
        blocks: 2_000,
        lasts: Duration::from_secs(3_600),
    },
];

/// What the runs of one kind came to.
#[derive(Serialize)]
struct Line {
    name: &'static str,
    seeds: u64,
    /// Virtual time that half of the runs, and 95 of 100, did not exceed.
    median_ms: Option<u64>,
    p95_ms: Option<u64>,
    bound_ms: u64,
    /// Runs that met the bound.
    within: u64,
    missing_blocks: u64,
    /// Bytes handed to links, median.
    bytes: u64,
    /// The same by kind, on average.
    by_kind: BTreeMap<&'static str, u64>,
    violations: u64,
    /// What did not happen before the heal, by seed.
    failed: Vec<(u64, String)>,
    good: bool,
}

pub(crate) fn run(options: &BenchHeal) -> Result<Ending, Refusal> {
    let lines: Vec<Line> = KINDS
        .iter()
        // A run of an hour takes long: one of ten is played.
        .map(|kind| {
            let part = if kind.lasts.is_zero() { 1 } else { 10 };
            measure(kind, options.seeds.div_ceil(part))
        })
        .collect();
    let good = lines.iter().all(|line| line.good);
    if options.json {
        json::print(&lines);
    } else {
        for line in &lines {
            let ms = |ms: Option<u64>| ms.map_or("never".to_owned(), |ms| format!("{ms} ms"));
            crate::words::say(&format!(
                "{:36} median {:>8}, 95 %: {:>8} (bound {} ms, met by {} of {}), {} blocks, {} bytes, {} violations{}\n",
                line.name,
                ms(line.median_ms),
                ms(line.p95_ms),
                line.bound_ms,
                line.within,
                line.seeds,
                line.missing_blocks,
                line.bytes,
                line.violations,
                if line.good { "" } else { "  MISSED" },
            ));
            let kinds = line.by_kind.iter();
            let kinds: Vec<String> = kinds
                .map(|(kind, bytes)| format!("{kind} {bytes}"))
                .collect();
            crate::words::say(&format!("  {}\n", kinds.join(", ")));
            for (seed, why) in &line.failed {
                crate::words::say(&format!("  seed {seed}: {why}\n"));
            }
        }
    }
    Ok(if good { Ending::Good } else { Ending::Bad })
}

fn measure(kind: &Kind, seeds: u64) -> Line {
    let mut failed = Vec::new();
    let mut runs: Vec<Heal> = Vec::new();
    for seed in 0..seeds {
        let options = HealOptions {
            seed,
            away: kind.away,
            actions: kind.actions,
            blocks: kind.blocks,
            lasts: kind.lasts,
            loss_permille: LOSS_PERMILLE,
        };
        match heal(&options) {
            Ok(run) => runs.push(run),
            Err(why) => failed.push((seed, why)),
        }
    }
    // Who never healed comes last.
    let ms = |run: &Heal| {
        let ms = run.healed?.as_millis();
        u64::try_from(ms).ok()
    };
    let mut times: Vec<u64> = runs.iter().map(|run| ms(run).unwrap_or(u64::MAX)).collect();
    times.sort_unstable();
    let at = |percent: usize| {
        let index = (times.len() * percent).div_ceil(100).checked_sub(1)?;
        times.get(index).copied().filter(|ms| *ms < u64::MAX)
    };
    let mut bytes: Vec<u64> = runs
        .iter()
        .map(|run| run.bytes.iter().map(|(_, bytes)| bytes).sum())
        .collect();
    bytes.sort_unstable();
    let mut by_kind: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (kind, bytes) in runs.iter().flat_map(|run| &run.bytes) {
        *by_kind.entry(kind).or_insert(0) += bytes;
    }
    for bytes in by_kind.values_mut() {
        *bytes /= runs.len().max(1) as u64;
    }
    let within = times.iter().filter(|ms| **ms <= HEALED_MS_MAX).count() as u64;
    let violations = runs.iter().map(|run| run.violations.len() as u64).sum();
    Line {
        name: kind.name,
        seeds,
        median_ms: at(50),
        p95_ms: at(95),
        bound_ms: HEALED_MS_MAX,
        within,
        missing_blocks: runs.iter().map(|run| run.missing).max().unwrap_or(0),
        bytes: bytes.get(bytes.len() / 2).copied().unwrap_or(0),
        by_kind,
        violations,
        good: within * 100 >= seeds * 95 && violations == 0,
        failed,
    }
}
