//! Every bound and every delay of the core: name, unit, source.

use std::sync::Arc;

use crate::rules::Rules;
use crate::time::Duration;

/// Configuration of a node. The defaults are meant for phones in a room.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Discovery and connections.
    pub ble: BleConfig,
    /// One BLE connection.
    pub link: LinkConfig,
    /// Relaying.
    pub mesh: MeshConfig,
    /// Agreement.
    pub consensus: ConsensusConfig,
    /// The group around it.
    pub group: GroupConfig,
    /// What is kept over a restart.
    pub store: StoreConfig,
    /// The rule sets that this build can run.
    pub rules: Vec<Arc<dyn Rules>>,
    /// A bug switched on to see whether the tests find it.
    #[cfg(feature = "planted")]
    pub plant: Option<Plant>,
}

/// What is kept over a restart.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// First pause before a batch that the store refused is tried again; doubles up to `retry_max`.
    pub retry_min: Duration,
    /// Longest such pause: a user who frees some space should not wait long for it.
    pub retry_max: Duration,
    /// Blocks after which a state is stored whole again: a restart executes at most as many.
    pub base_every: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(8),
            base_every: 32,
        }
    }
}

/// Bugs that the soak must find.
#[cfg(feature = "planted")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// Quorums are one vote too small.
    QuorumOffByOne,
    /// Votes leave before they are stored.
    VoteNotStored,
    /// A voter finalizes in a round that it nullified.
    FinalizeAfterNullify,
    /// A voter does not compare its own root with the block's.
    SkippedRootCheck,
    /// A winning bet is paid twice.
    DoublePayout,
    /// A voter that lost its store tells others its round although it may have voted above it.
    RecoveringVoterAnswers,
    /// What was done apart is put together in the order in which it arrived.
    MergeByArrival,
    /// What comes to a heal after its first block is forgotten.
    ThirdBranchDropped,
    /// What was done apart is applied once more after its block.
    AppliedTwiceAfterHeal,
}

/// Discovery and connections.
#[derive(Clone, Debug)]
pub struct BleConfig {
    /// Links held at once. Classic Android stacks hold 7, some vendors' 10 to 15.
    pub link_budget: usize,
    /// Links of that budget that only a phone without any link may take.
    pub kept_slots: usize,
    /// When the peripheral of a pair stops waiting and becomes the central (in fixed
    /// roles a pair whose peripheral cannot be heard never recovers).
    pub role_swap_after: Duration,
    /// When an attempt to connect is given up.
    pub connect_timeout: Duration,
    /// First pause after a failed attempt; doubles up to `retry_max`.
    pub retry_min: Duration,
    /// Longest pause between attempts.
    pub retry_max: Duration,
    /// When a device that is no longer heard is forgotten.
    pub forget_after: Duration,
    /// Devices remembered; the longest unheard goes first.
    pub devices_max: usize,
    /// Life of a presence id (at most 15 minutes: the practice of contact tracing, and of BLE private addresses).
    pub presence_life: Duration,
    /// Attempts to connect that run at once: host stacks refuse more (a guess).
    pub attempts_max: usize,
    /// How recently a device must have been heard to be worth an attempt.
    pub heard_within: Duration,
    /// Shortest time between two changes of what is advertised: each one restarts the advertiser.
    pub advert_min: Duration,
    /// Shortest time between two changes of the scan duty (Android mutes an app that starts more
    /// than five scans in 30 s).
    pub scan_min: Duration,
    /// A link that lived this long after it came up does not count as a failure when it ends.
    pub good_after: Duration,
    /// Links up to which a phone connects by itself. Between these and the budget less the kept
    /// slots it only accepts: else a crowd fills up, and a pair that walks in finds no room
    /// (a guess).
    pub links_wanted: usize,
    /// How long a phone without any link waits for its turn to connect.
    pub lonely_wait: Duration,
}

impl Default for BleConfig {
    fn default() -> Self {
        Self {
            link_budget: 7,
            kept_slots: 1,
            role_swap_after: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            retry_min: Duration::from_millis(300),
            retry_max: Duration::from_secs(8),
            forget_after: Duration::from_secs(30),
            devices_max: 256,
            presence_life: Duration::from_secs(15 * 60),
            attempts_max: 3,
            heard_within: Duration::from_secs(5),
            advert_min: Duration::from_secs(1),
            scan_min: Duration::from_secs(6),
            good_after: Duration::from_secs(1),
            links_wanted: 5,
            lonely_wait: Duration::from_secs(1),
        }
    }
}

/// One BLE connection.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// When a handshake that does not finish costs the link.
    pub handshake_timeout: Duration,
    /// Bytes of one frame in reassembly: one group message with its envelope. Fragments ahead of a
    /// missing one, at most `reorder_window` of 511 bytes, come on top.
    pub reassembly_len_max: usize,
    /// When a frame that does not come on costs the link: what was lost in it holds up all longer
    /// messages behind it. With 2 % of the values lost, 10 s leaves 86 % of the goodput and 2.5 s
    /// 95 % (measured); a busy link pauses for some 300 ms between two fragments.
    pub reassembly_timeout: Duration,
    /// Fragments that may arrive ahead of a missing one: half of the 6-bit sequence space.
    pub reorder_window: usize,
    /// Frames that may arrive ahead of the lowest one missing, that one counted.
    pub replay_window: u64,
    /// Values kept that overtook the end of the handshake.
    pub early_values_max: usize,
    /// Frames waiting to be sent; full is a return value.
    pub queue_frames_max: usize,
    /// Bytes waiting to be sent.
    pub queue_bytes_max: usize,
    /// Longest inflated message, bytes.
    pub inflate_len_max: usize,
    /// Largest ratio of inflated to deflated bytes.
    pub inflate_ratio_max: usize,
    /// Frames of one direction after which the session ends and the link is made anew.
    pub session_frames_max: u64,
    /// When a value that the stack does not take costs the link, counted from when it was first
    /// offered, whether the stack is silent or busy.
    pub operation_timeout: Duration,
    /// Pause before a value is offered again to a stack whose queue was full.
    pub busy_retry: Duration,
    /// Whole frames that may pass between two fragments of a longer one, so that neither starves.
    pub overtake_max: usize,
    /// Refused values and frames after which the link is closed.
    pub faults_max: u32,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(5),
            reassembly_len_max: 32 * 1024,
            reassembly_timeout: Duration::from_millis(2500),
            reorder_window: 31,
            replay_window: 1024,
            early_values_max: 16,
            queue_frames_max: 512,
            queue_bytes_max: 128 * 1024,
            inflate_len_max: 32 * 1024,
            inflate_ratio_max: 64,
            session_frames_max: 1 << 24,
            operation_timeout: Duration::from_secs(10),
            busy_retry: Duration::from_millis(4),
            overtake_max: 8,
            faults_max: 64,
        }
    }
}

/// Relaying.
#[derive(Clone, Debug)]
pub struct MeshConfig {
    /// Links that a frame may cross.
    pub hop_limit: u8,
    /// Frame ids remembered for dedup.
    pub dedup_len_max: usize,
    /// Nodes whose neighbours are remembered.
    pub nodes_max: usize,
    /// Neighbours that one node may announce.
    pub neighbours_max: usize,
    /// Shortest time between two announcements of own neighbours.
    pub announce_min: Duration,
    /// How often neighbours compare what they know of the topology: repairs what a full queue lost.
    pub summary_every: Duration,
    /// Shortest time between two requests to forget one node that are followed: longer than an
    /// announcement takes round the largest mesh.
    pub forget_min: Duration,
}

impl Default for MeshConfig {
    fn default() -> Self {
        Self {
            hop_limit: 16,
            dedup_len_max: 8192,
            nodes_max: 512,
            neighbours_max: 16,
            announce_min: Duration::from_millis(200),
            summary_every: Duration::from_secs(20),
            forget_min: Duration::from_secs(5),
        }
    }
}

/// Agreement.
#[derive(Clone, Debug)]
pub struct ConsensusConfig {
    /// Rounds above the current one whose votes are kept.
    pub rounds_ahead_max: u64,
    /// Blocks notarized above the last finalized one before only re-proposal is left.
    pub depth_max: u64,
    /// Shortest D (C6): a hop with its store sync on a busy link.
    pub d_floor: Duration,
    /// Longest D (C6).
    pub d_cap: Duration,
    /// Most doublings of D by consecutive nullifications.
    pub back_off_max: u32,
    /// First pause between repetitions (C9); doubles up to `repeat_max`.
    pub repeat_min: Duration,
    /// Longest pause between repetitions.
    pub repeat_max: Duration,
    /// Sentences of the consensus rules that are switched off.
    #[cfg(feature = "mask")]
    pub mask: crate::consensus::RuleMask,
    /// A bug switched on to see whether the tests find it.
    #[cfg(feature = "planted")]
    pub plant: Option<Plant>,
}

impl Default for ConsensusConfig {
    fn default() -> Self {
        Self {
            rounds_ahead_max: 16,
            depth_max: 8,
            d_floor: Duration::from_millis(250),
            d_cap: Duration::from_secs(4),
            back_off_max: 4,
            repeat_min: Duration::from_millis(700),
            repeat_max: Duration::from_secs(6),
            #[cfg(feature = "mask")]
            mask: crate::consensus::RuleMask::default(),
            #[cfg(feature = "planted")]
            plant: None,
        }
    }
}

/// The group around the agreement.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// Actions of one author that wait for a block.
    pub pool_per_author_max: usize,
    /// Own intents and actions without a final fate.
    pub pending_max: usize,
    /// Bytes of blocks that the history keeps.
    pub history_bytes_max: usize,
    /// How long a member must be gone, or back, before the status says so.
    pub status_hysteresis: Duration,
    /// Work without a certificate for this long means that a quorum does not vote, whoever is in
    /// reach: the longest round lasts 3D with D at its cap.
    pub stall_after: Duration,
    /// First pause before an action or a join is repeated; doubles up to `repeat_max`.
    pub repeat_min: Duration,
    /// Longest pause between repetitions.
    pub repeat_max: Duration,
    /// When an unanswered request is made again, to another member.
    pub fetch_timeout: Duration,
    /// How long a voter waits for another's preimage before it says `Missing`.
    pub draw_timeout: Duration,
    /// Bytes of one sync answer: below `wire::MESSAGE_LEN_MAX`, so that several fit a link's queue.
    pub sync_answer_bytes_max: usize,
    /// Bytes of entries that a snapshot may have; bounds what a liar can make this phone collect.
    pub snapshot_bytes_max: usize,
    /// Shortest time between two spreadings of the tally: what is counted in between goes together,
    /// so that one who counts without pause does not fill the links of the others.
    pub tally_spread_min: Duration,
    /// Whether every block is executed twice from the same base, so that rules which are not
    /// deterministic show at once. On by default in debug builds.
    pub apply_twice: bool,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            pool_per_author_max: 256,
            pending_max: 256,
            history_bytes_max: 256 * 1024,
            status_hysteresis: Duration::from_secs(3),
            stall_after: Duration::from_secs(20),
            repeat_min: Duration::from_millis(1500),
            repeat_max: Duration::from_secs(12),
            fetch_timeout: Duration::from_millis(1500),
            draw_timeout: Duration::from_secs(8),
            sync_answer_bytes_max: 24 * 1024,
            snapshot_bytes_max: 1024 * 1024,
            tally_spread_min: Duration::from_millis(100),
            apply_twice: cfg!(debug_assertions),
        }
    }
}
