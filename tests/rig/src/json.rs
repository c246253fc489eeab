//! What `--json` prints: one object, for machines. Counts and times are integers.

use std::time::Duration;

use althing::crypto::Hash;
use althing::rules::craps::Rate;
use althing_world::{KeptDivergence, Report, Violation};
use serde::Serialize;

use crate::odds;
use crate::words::say;

/// Of a table.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    seed: u64,
    phones: usize,
    virtual_ms: u64,
    rolls: u64,
    actions: Actions,
    blocks: u64,
    violations: Vec<Broken>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diverged: Vec<Diverged>,
    heads: Vec<String>,
    commit_ms: Commit,
    bytes_on_air: u64,
    trace_digest: String,
    speed: f64,
}

/// A player that computed something else than what was agreed on.
#[derive(Debug, Serialize)]
pub(crate) struct Diverged {
    phone: usize,
    height: u64,
    what: String,
    /// The evidence, as hexadecimal digits.
    evidence: String,
}

impl Diverged {
    pub(crate) fn new(kept: &KeptDivergence) -> Self {
        let bytes = kept.divergence.encode();
        Self {
            phone: kept.phone,
            height: kept.divergence.height,
            what: kept.words.clone(),
            evidence: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// Of a replay: what a table has, and the recording's part.
#[derive(Debug, Serialize)]
pub(crate) struct Replay {
    #[serde(flatten)]
    table: Table,
    quorum_ms: u64,
    behind: Vec<Behind>,
}

/// Of a story: what a table has, and what it was about.
#[derive(Debug, Serialize)]
pub(crate) struct Story {
    #[serde(flatten)]
    table: Table,
    branches: Vec<Branch>,
    healed_ms: Option<u64>,
    value: Value,
    epochs: u64,
    statuses: Vec<Said>,
}

/// What one side of a split did.
#[derive(Debug, Serialize)]
struct Branch {
    players: Vec<usize>,
    from_head: String,
    tentative: usize,
    merged: usize,
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Refused {
    id: String,
    reason: String,
}

/// Chips that exist, the bank's among them.
#[derive(Debug, Serialize)]
struct Value {
    before: u64,
    after: u64,
}

/// What a phone said of how well its group agrees.
#[derive(Debug, Serialize)]
struct Said {
    player: usize,
    at_ms: i64,
    status: String,
}

impl Story {
    pub(crate) fn new(story: &althing_world::scenario::Story, wall: Duration) -> Self {
        let chips = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
        let branch = |branch: &althing_world::scenario::Branch| Branch {
            players: branch.players.clone(),
            from_head: branch.from_head.to_hex(),
            tentative: branch.tentative,
            merged: branch.merged,
            refused: branch
                .refused
                .iter()
                .map(|(id, reason)| Refused {
                    id: id.clone(),
                    reason: reason.clone(),
                })
                .collect(),
        };
        Self {
            table: Table::new(&story.report, wall),
            branches: story.branches.iter().map(branch).collect(),
            healed_ms: story.healed_ms,
            value: Value {
                before: chips(story.value.0),
                after: chips(story.value.1),
            },
            // Members do not come and go yet.
            epochs: 1,
            statuses: story
                .statuses
                .iter()
                .map(|(player, at_ms, status)| Said {
                    player: *player,
                    at_ms: *at_ms,
                    status: status.clone(),
                })
                .collect(),
        }
    }
}

/// Of a soak.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Soak {
    pub(crate) seeds: u64,
    pub(crate) actions: u64,
    pub(crate) rounds: u64,
    pub(crate) blocks: u64,
    pub(crate) applied_twice: u64,
    pub(crate) root_mismatches: Mismatches,
    pub(crate) crashes: u64,
    pub(crate) links_lost: u64,
    pub(crate) violations: Vec<Broken>,
    /// With one seed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) diverged: Vec<Diverged>,
    pub(crate) virtual_ms: u64,
    pub(crate) speed: f64,
    pub(crate) rounds_per_s: f64,
}

/// Two roots of one block.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Mismatches {
    pub(crate) explained: u64,
    pub(crate) unexplained: u64,
}

/// What each bet at a table pays and costs.
#[derive(Debug, Serialize)]
pub(crate) struct RateCard {
    field_twelve: u8,
    bets: Vec<Bet>,
}

#[derive(Debug, Serialize)]
struct Bet {
    name: String,
    pays: Vec<String>,
    edge: String,
    percent_thousandths: i128,
}

#[derive(Debug, Serialize)]
struct Actions {
    committed: u64,
    rejected: u64,
    pending: u64,
}

#[derive(Debug, Serialize)]
struct Commit {
    p50: u64,
    p99: u64,
    count: usize,
}

/// Something that must never happen.
#[derive(Debug, Serialize)]
pub(crate) struct Broken {
    pub(crate) seed: u64,
    pub(crate) what: String,
}

#[derive(Debug, Serialize)]
struct Behind {
    player: String,
    height: u64,
    last: u64,
    why: String,
}

impl Table {
    pub(crate) fn new(report: &Report, wall: Duration) -> Self {
        Self {
            seed: report.seed,
            phones: report.players,
            virtual_ms: report.virtual_ms,
            rolls: report.rolls,
            actions: Actions {
                committed: report.actions.committed,
                rejected: report.actions.rejected,
                pending: report.actions.pending,
            },
            blocks: report.blocks,
            violations: report.violations.iter().map(Broken::new).collect(),
            diverged: report.diverged.iter().map(Diverged::new).collect(),
            heads: report.heads.iter().map(Hash::to_hex).collect(),
            commit_ms: Commit {
                p50: report.commit.p50_ms(),
                p99: report.commit.p99_ms(),
                count: report.commit.count(),
            },
            bytes_on_air: report.air.total,
            trace_digest: report.trace_digest.to_hex(),
            speed: speed(report.virtual_ms, wall),
        }
    }
}

impl Replay {
    pub(crate) fn new(report: &Report, wall: Duration) -> Self {
        let recording = report.recording.as_ref();
        Self {
            table: Table::new(report, wall),
            quorum_ms: recording.map_or(0, |recording| recording.quorum_ms),
            behind: recording
                .iter()
                .flat_map(|recording| &recording.behind)
                .map(|behind| Behind {
                    player: report.names[behind.phone].clone(),
                    height: behind.height,
                    last: behind.last,
                    why: behind.why.clone(),
                })
                .collect(),
        }
    }
}

impl RateCard {
    pub(crate) fn new(rates: &[Rate], field_twelve: u8) -> Self {
        let bets = rates.iter().map(|rate| Bet {
            name: rate.kind.name(),
            pays: odds::pays(&rate.pays),
            edge: rate.edge.to_string(),
            percent_thousandths: rate.edge.percent_thousandths(),
        });
        Self {
            field_twelve,
            bets: bets.collect(),
        }
    }
}

impl Broken {
    pub(crate) fn new(violation: &Violation) -> Self {
        let at_ms = violation.at_ms;
        let at = format!("at {}.{:03} s", at_ms / 1000, at_ms % 1000);
        let what = match violation.phone {
            Some(phone) => format!("{at}, phone {phone}: {}", violation.what),
            None => format!("{at}: {}", violation.what),
        };
        Self {
            seed: violation.seed,
            what,
        }
    }
}

/// Virtual over wall time, to a tenth.
pub(crate) fn speed(virtual_ms: u64, wall: Duration) -> f64 {
    let wall_ms = wall.as_secs_f64() * 1000.0;
    if wall_ms <= 0.0 {
        return 0.0;
    }
    (virtual_ms as f64 / wall_ms * 10.0).round() / 10.0
}

/// Prints `object` on one line of stdout.
pub(crate) fn print(object: &impl Serialize) {
    let text = serde_json::to_string(object).expect("plain structures serialize");
    say(&format!("{text}\n"));
}
