//! What a run yields, for machines and for the pictures of the rig.

use althing::crypto::Hash;
use althing::node::{Divergence, Transcript};

/// Everything that is known of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The seed that replays it.
    pub seed: u64,
    /// Phones in all, players first.
    pub phones: usize,
    /// Phones that play; the others relay.
    pub players: usize,
    /// Names, by phone.
    pub names: Vec<String>,
    /// Virtual time played, ms; of a replay, from the recording's start.
    pub virtual_ms: u64,
    /// Dice thrown, as far as the foremost player has seen it.
    pub rolls: u64,
    /// Fates of what players submitted.
    pub actions: ActionCounts,
    /// Committed blocks.
    pub blocks: u64,
    /// Rounds of agreement that were begun.
    pub rounds: u64,
    /// Executions of blocks, by all phones, that were made twice with one result.
    pub applied_twice: u64,
    /// Two roots of one block.
    pub roots: RootMismatches,
    /// What must never happen and did.
    pub violations: Vec<Violation>,
    /// Hash of the highest final block, by player; [`Hash::ZERO`] where no table has started.
    pub heads: Vec<Hash>,
    /// Height of that block, by player.
    pub heights: Vec<u64>,
    /// Submit to committed on every player in reach.
    pub commit: Latencies,
    /// What went over the air.
    pub air: AirBytes,
    /// Digest of every input and output of every phone.
    pub trace_digest: Hash,
    /// Samples over time.
    pub frames: Vec<Frame>,
    /// When players were crashed, switched off or out of reach of a quorum of the others.
    pub absences: Vec<Absence>,
    /// What players wait for at the end.
    pub waiting: Vec<Waiting>,
    /// What happened, in words.
    pub log: Vec<LogLine>,
    /// Processes killed.
    pub crashes: u64,
    /// Stores lost.
    pub stores_lost: u64,
    /// Times that a phone voted again after that.
    pub recovered: u64,
    /// Radios switched off and on.
    pub radio_cycles: u64,
    /// Connections made.
    pub links_made: u64,
    /// Connections that ended without anybody asking for it.
    pub links_lost: u64,
    /// Faults of peers that nodes counted, by name.
    pub faults: Vec<(&'static str, u64)>,
    /// Bytes of agreement sent by the idle table after everything was settled; `None` where the
    /// run did not look.
    pub idle_bytes: Option<u64>,
    /// Why the run did not reach its aim; `None` when it did.
    pub unfinished: Option<String>,
    /// Of a replay: the recording's part in it.
    pub recording: Option<Recording>,
    /// The longest transcript of a player, where the run was asked for it.
    pub transcript: Option<KeptTranscript>,
    /// Players that computed something else than what was certified.
    pub diverged: Vec<KeptDivergence>,
}

/// What a player knows of having diverged.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptDivergence {
    /// Whose.
    pub phone: usize,
    /// The evidence.
    pub divergence: Divergence,
    /// What his screen says of it.
    pub words: String,
}

/// What a player kept of the group.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptTranscript {
    /// Whose.
    pub phone: usize,
    /// What he kept.
    pub transcript: Transcript,
}

/// How often one block had two roots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RootMismatches {
    /// Found out by a phone whose rules were bent on purpose.
    pub explained: u64,
    /// Anything else: each is a violation.
    pub unexplained: u64,
}

/// Fates of what players submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActionCounts {
    /// Submitted.
    pub submitted: u64,
    /// Final: applied.
    pub committed: u64,
    /// Final: refused.
    pub rejected: u64,
    /// Without a final fate at the end.
    pub pending: u64,
    /// Gone with a crash before they were stored, or with their store.
    pub lost: u64,
}

/// Something that must never happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The seed of the run.
    pub seed: u64,
    /// Virtual time, ms.
    pub at_ms: u64,
    /// The phone, where it is one phone's.
    pub phone: Option<usize>,
    /// What.
    pub what: String,
}

/// Durations, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    sorted_us: Vec<u64>,
}

impl Latencies {
    /// The durations in `samples_us`, microseconds, in any order.
    pub fn new(mut samples_us: Vec<u64>) -> Self {
        samples_us.sort_unstable();
        Self {
            sorted_us: samples_us,
        }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.sorted_us.len()
    }

    /// The duration that `percent` of all do not exceed, microseconds; 0 of none.
    pub fn percentile_us(&self, percent: u32) -> u64 {
        let Some(last) = self.sorted_us.len().checked_sub(1) else {
            return 0;
        };
        let rank = (self.sorted_us.len() * percent as usize).div_ceil(100);
        self.sorted_us[rank.saturating_sub(1).min(last)]
    }

    /// The median, ms, rounded up.
    pub fn p50_ms(&self) -> u64 {
        self.percentile_us(50).div_ceil(1000)
    }

    /// The 99th percentile, ms, rounded up.
    pub fn p99_ms(&self) -> u64 {
        self.percentile_us(99).div_ceil(1000)
    }

    /// All of them, ascending, microseconds.
    pub fn sorted_us(&self) -> &[u64] {
        &self.sorted_us
    }
}

/// Bytes over the air.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AirBytes {
    /// All bytes of data PDUs with their link-layer overhead and repetitions.
    pub total: u64,
    /// Bytes of GATT values, once each.
    pub values: u64,
    /// Bytes of messages handed to links, by kind of message, largest first.
    pub by_kind: Vec<(&'static str, u64)>,
    /// What sending the whole state over every link at every block would have cost.
    pub flooding: u64,
}

/// The room at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Virtual time, ms; before the recording of a replay it is negative.
    pub at_ms: i64,
    /// Every phone.
    pub phones: Vec<PhoneFrame>,
    /// Links that are up, as pairs of phones, lower first.
    pub links: Vec<(usize, usize)>,
}

/// One phone at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhoneFrame {
    /// Where it is, mm; zero in a replay.
    pub x: i64,
    /// Where it is, mm; zero in a replay.
    pub y: i64,
    /// Whether it runs and its radio is on.
    pub up: bool,
    /// Height of its highest final block.
    pub height: u64,
    /// Own submissions without a final fate.
    pub pending: u32,
    /// Its player's chips by the committed state.
    pub committed_chips: i64,
    /// Its player's chips by the view, with what is pending.
    pub shown_chips: i64,
    /// How well its group can agree, as the phone says it.
    pub status: &'static str,
}

/// When a player was away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Who.
    pub phone: usize,
    /// From, ms.
    pub from_ms: i64,
    /// To, ms.
    pub to_ms: i64,
    /// Why: `crashed`, `radio off` or `out of reach`.
    pub why: &'static str,
}

/// What a player waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Who waits.
    pub phone: usize,
    /// For what.
    pub what: &'static str,
    /// For whom, by name.
    pub whom: Vec<String>,
}

/// What happened, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Virtual time, ms.
    pub at_ms: i64,
    /// The words.
    pub text: String,
}

/// The recording's part in a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Ids in the file, by player.
    pub people: Vec<u32>,
    /// First second of the recording that was played, in the file's time.
    pub from_s: u64,
    /// Seconds of it that were played.
    pub length_s: u64,
    /// Seconds that a contact lingers.
    pub linger_s: u64,
    /// How long a quorum of the players was in reach of each other, directly or over relays, ms.
    pub quorum_ms: u64,
    /// Whether there was a time with a quorum anywhere in the file; without one the first hours
    /// are played.
    pub quorum_anywhere: bool,
    /// Players that are not at the last head.
    pub behind: Vec<Behind>,
}

/// A player that is not at the last head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Who.
    pub phone: usize,
    /// Its height.
    pub height: u64,
    /// Height of the last head.
    pub last: u64,
    /// Why.
    pub why: String,
}

/// How far a run is, for a live line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Virtual time, ms.
    pub at_ms: u64,
    /// Virtual time at which the run ends at the latest, ms.
    pub end_ms: u64,
    /// Dice thrown.
    pub rolls: u64,
    /// Dice wanted, where the run ends by them.
    pub rolls_wanted: u64,
    /// Highest committed block.
    pub height: u64,
    /// Submissions without a final fate.
    pub pending: u64,
    /// Links that are up.
    pub links: usize,
    /// Players whose phone says that a quorum is in reach.
    pub with_quorum: usize,
    /// Players.
    pub players: usize,
    /// Violations so far.
    pub violations: usize,
}
