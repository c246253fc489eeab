//! The arguments.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Highest seed of a soak: whatever is played from there on, no counter of seeds wraps.
const SEED_MAX: u64 = u64::MAX / 2;

/// Plays rooms of simulated phones that agree over Bluetooth LE.
///
/// Without a command it plays a table of craps: gathered by ticket, two rooms, a walk-out and a
/// return. The same seed plays the same table.
#[derive(Debug, Parser)]
#[command(name = "althing", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) run: Option<Run>,
    #[command(flatten)]
    pub(crate) table: Table,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Run {
    /// Plays a table among recorded movements of people
    Replay(Replay),
    /// Plays many short runs full of trouble, on every core
    Soak(Soak),
    /// Tells what happens to a table that falls apart, or whose phone forgets
    Story(Story),
    /// Executes a transcript again and steps through its game
    History(History),
    /// Prints what each bet at craps pays and what the house keeps of it
    Odds(Odds),
    /// Measures what has a bound: counts and bytes, beside what they may be
    #[command(subcommand)]
    Bench(Bench),
}

/// A rate card.
#[derive(Debug, Args)]
pub(crate) struct Odds {
    /// What the field pays on 12, to 1
    #[arg(long, value_name = "TIMES", default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=3))]
    pub(crate) field_twelve: u8,
    /// Print one JSON object on stdout instead of words
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// The map, the view and the reconciliation of sets
    State(BenchState),
    /// How fast a table that fell apart is whole again, in virtual time, and the bytes of that
    Heal(BenchHeal),
}

/// A bench of heals.
#[derive(Debug, Args)]
pub(crate) struct BenchHeal {
    /// Runs of each kind
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) seeds: u64,
    /// Print JSON on stdout instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// A bench of the state.
#[derive(Debug, Args)]
pub(crate) struct BenchState {
    /// Print one JSON object on stdout instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Compare bytes and counts with those of this file
    #[arg(long, value_name = "FILE")]
    pub(crate) golden: Option<PathBuf>,
    /// Write that file anew
    #[arg(long, requires = "golden")]
    pub(crate) bless: bool,
}

/// The main table.
#[derive(Debug, Args)]
pub(crate) struct Table {
    /// Everything that chance decides follows from it
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Phones at the table
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(4..=16))]
    pub(crate) phones: u8,
    /// Dice to be thrown
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) rolls: u64,
    #[command(flatten)]
    pub(crate) out: Out,
}

/// What is printed and written.
#[derive(Debug, Args)]
pub(crate) struct Out {
    /// Print one JSON object on stdout instead of words
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to write the report
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub(crate) report: PathBuf,
    /// Write no report
    #[arg(long, conflicts_with = "report")]
    pub(crate) no_report: bool,
    #[command(flatten)]
    pub(crate) transcript: Transcript,
}

/// Whether the transcript is kept.
#[derive(Debug, Args)]
pub(crate) struct Transcript {
    /// Where to write the transcript of the group, for `althing history`; phones then keep more of
    /// their past than they would
    #[arg(long = "transcript", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Where to write the evidence of a phone that computed something else than what was agreed on,
    /// if one did
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
}

/// A replay.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Lines `t i j`: persons i and j were in contact during the 20 s before second t; further
    /// columns are ignored
    #[arg(long, value_name = "FILE")]
    pub(crate) contacts: PathBuf,
    /// Players: the most cohesive people; everyone else relays
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(2..=16))]
    pub(crate) phones: u8,
    /// Seconds that a contact lingers: the sensors hear 1 to 1.5 m, Bluetooth more
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(20..=86_400))]
    pub(crate) linger: u64,
    /// First second to play, in the file's time [default: where a quorum of the players was in
    /// reach of each other longest]
    #[arg(long, value_name = "SECOND")]
    pub(crate) from: Option<u64>,
    /// Hours to play
    #[arg(long, default_value_t = 2.0, value_parser = hours)]
    pub(crate) hours: f64,
    /// Everything that chance decides follows from it
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) out: Out,
}

/// A soak.
#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// Seeds to play, the last one excluded: 60 virtual seconds of trouble each
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "0..20")]
    pub(crate) seeds: Range<u64>,
    /// Only this seed; with --rounds the first one
    #[arg(long, conflicts_with = "seeds", value_parser = clap::value_parser!(u64).range(..=SEED_MAX))]
    pub(crate) seed: Option<u64>,
    /// Play seeds until so many rounds of agreement have run: busy tables with trouble now and then,
    /// every block executed twice
    #[arg(long, value_name = "N", conflicts_with = "seeds", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) rounds: Option<u64>,
    /// What goes wrong
    #[arg(long, value_enum, default_value_t = ProfileName::Mixed, conflicts_with = "rounds")]
    pub(crate) profile: ProfileName,
    /// A bug to switch on; the soak ends when it is found
    #[arg(long, value_name = "NAME")]
    pub(crate) plant: Option<PlantName>,
    /// Which signatures the phones use [default: real; with --rounds cheap]
    #[arg(long, value_enum)]
    pub(crate) signatures: Option<SignatureName>,
    /// Runs at once [default: one per core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// Print one JSON object on stdout instead of words
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to write the evidence of a phone of the one --seed that computed something else than
    /// what was agreed on, if one did
    #[arg(
        long,
        value_name = "FILE",
        requires = "seed",
        conflicts_with = "rounds"
    )]
    pub(crate) evidence: Option<PathBuf>,
    /// Where to write the transcript of the one --seed, for `althing history`; phones then keep more
    /// of their past than they would
    #[arg(long, value_name = "FILE", conflicts_with = "rounds")]
    pub(crate) transcript: Option<PathBuf>,
}

/// A story.
#[derive(Debug, Args)]
pub(crate) struct Story {
    /// Which one
    #[arg(value_name = "NAME")]
    pub(crate) name: PlotName,
    /// The same seed tells the same story
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) out: Out,
}

/// What happens in a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlotName {
    /// Six phones, 4 | 2: the majority goes on
    SplitMajority,
    /// Four phones, 2 | 2: payments on both sides
    SplitEven,
    /// Six phones, 2 | 2 | 2
    ThreeWays,
    /// One gives the same chips away on both sides
    PaysTwice,
    /// One loses his store, and votes again
    LostStore,
}

impl PlotName {
    /// The name as it is asked for.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::SplitMajority => "split-majority",
            Self::SplitEven => "split-even",
            Self::ThreeWays => "three-ways",
            Self::PaysTwice => "pays-twice",
            Self::LostStore => "lost-store",
        }
    }
}

/// A look at a transcript.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// A file that --transcript wrote, or a phone exported
    pub(crate) transcript: PathBuf,
    /// Show the table as it was at this height, and write no page
    #[arg(long, value_name = "HEIGHT", conflicts_with = "page")]
    pub(crate) at: Option<u64>,
    /// Print one JSON object on stdout instead of words
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to write the page that steps through the game
    #[arg(long, value_name = "FILE", default_value = "history.html")]
    pub(crate) page: PathBuf,
    /// Write no page
    #[arg(long, conflicts_with = "page")]
    pub(crate) no_page: bool,
}

/// Bugs that the soak must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlantName {
    /// Quorums are one vote too small
    QuorumOffByOne,
    /// Votes leave before they are stored
    VoteNotStored,
    /// A voter finalizes in a round that it nullified
    FinalizeAfterNullify,
    /// A voter does not compare its own root with the block's
    SkippedRootCheck,
    /// A winning bet is paid twice
    DoublePayout,
    /// A voter that lost its store tells its round although it may have voted above it
    RecoveringVoterAnswers,
    /// What was done apart is put together in the order in which it arrived
    MergeByArrival,
    /// What comes to a heal after its first block is forgotten
    ThirdBranchDropped,
    /// What was done apart is applied once more after its block
    AppliedTwiceAfterHeal,
}

/// What goes wrong in a soak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileName {
    /// Crashes, walks, lost stores, radios that are switched off
    Mixed,
    /// Tables that fall into two to four sides and come together again
    Partitions,
}

/// Which signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignatureName {
    /// Ed25519, as on real phones
    Real,
    /// A keyed hash that nobody inside the world can forge
    Cheap,
}

impl Soak {
    /// The signatures asked for, or those that fit the kind of soak.
    pub(crate) fn signatures(&self) -> SignatureName {
        self.signatures.unwrap_or(match self.rounds {
            Some(_) => SignatureName::Cheap,
            None => SignatureName::Real,
        })
    }
}

impl PlantName {
    /// The name as `--plant` takes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::QuorumOffByOne => "quorum-off-by-one",
            Self::VoteNotStored => "vote-not-stored",
            Self::FinalizeAfterNullify => "finalize-after-nullify",
            Self::SkippedRootCheck => "skipped-root-check",
            Self::DoublePayout => "double-payout",
            Self::RecoveringVoterAnswers => "recovering-voter-answers",
            Self::MergeByArrival => "merge-by-arrival",
            Self::ThirdBranchDropped => "third-branch-dropped",
            Self::AppliedTwiceAfterHeal => "applied-twice-after-heal",
        }
    }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    const HINT: &str = "give two numbers A..B with A below B, such as 0..100; B is not played and \
                        at most 2^63";
    let (first, end) = text.split_once("..").ok_or(HINT)?;
    let first: u64 = first.trim().parse().map_err(|_| HINT)?;
    let end: u64 = end.trim().parse().map_err(|_| HINT)?;
    if first >= end || end > SEED_MAX + 1 {
        return Err(HINT.to_owned());
    }
    Ok(first..end)
}

fn hours(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(hours) if hours > 0.0 && hours <= 24.0 => Ok(hours),
        _ => Err("give a number of hours above 0, at most 24, such as 2 or 0.5".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn plants_are_named_as_they_are_asked_for() {
        for plant in PlantName::value_variants() {
            assert_eq!(PlantName::from_str(plant.as_str(), false), Ok(*plant));
        }
    }

    #[test]
    fn seeds_exclude_their_end() {
        assert_eq!(seeds("0..100"), Ok(0..100));
        assert_eq!(seeds("7..8"), Ok(7..8));
        for bad in ["", "5", "5..5", "6..5", "a..b", "0..=5", "-1..4", ".."] {
            assert!(seeds(bad).is_err(), "{bad}");
        }
        let upto = |end: u64| seeds(&format!("{SEED_MAX}..{end}"));
        assert_eq!(upto(SEED_MAX + 1), Ok(SEED_MAX..SEED_MAX + 1));
        assert!(upto(SEED_MAX + 2).is_err());
        let one = |seed: u64| Cli::try_parse_from(["althing", "soak", "--seed", &seed.to_string()]);
        assert!(one(SEED_MAX - 1).is_ok() && one(SEED_MAX).is_ok());
        assert!(one(SEED_MAX + 1).is_err() && one(u64::MAX).is_err());
    }

    #[test]
    fn hours_are_bounded() {
        assert_eq!(hours("0.5"), Ok(0.5));
        for bad in ["0", "-1", "nan", "25", "two"] {
            assert!(hours(bad).is_err(), "{bad}");
        }
    }
}
