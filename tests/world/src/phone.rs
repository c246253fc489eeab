//! One phone: a node, a fake Bluetooth stack, a disk and, on some, somebody who plays.

use std::collections::BTreeMap;
use std::sync::Arc;

use althing::ble::{AdvertInterval, AppMode, Role, ScanDuty};
use althing::crypto::Identity;
use althing::id::{DeviceId, GroupId, LinkId, OpId, PeerId};
use althing::node::{PatchEntry, RecoveryStage, TallyView, View};
use althing::rules::Rules;
use althing::rules::board::Board;
use althing::rules::counter::Counter;
use althing::rules::craps::Craps;
use althing::{Config, Instant, Node};

use crate::disk::Disk;
use crate::player::Player;
use crate::profile::Profile;

/// A phone of the world.
#[derive(Debug)]
pub struct Phone {
    pub(crate) name: String,
    pub(crate) profile: Profile,
    pub(crate) identity: Identity,
    pub(crate) config: Config,
    pub(crate) node: Option<Node>,
    /// Counts processes: what was meant for an earlier one is dropped.
    pub(crate) incarnation: u32,
    /// Progress of those who came back, as it was told: height and target.
    pub(crate) resyncs: Vec<(u64, u64)>,
    pub(crate) disk: Disk,
    /// A copy of the store, with the counter beside it, that the phone may be put back to.
    pub(crate) kept: Option<(Disk, u64)>,
    /// Kept outside the store: what the last restored node was given, once it had stored.
    pub(crate) counter: u64,
    /// What the running node was given, until its first batch is stored.
    pub(crate) counter_given: Option<u64>,
    /// Counts stores: submissions are named anew with each.
    pub(crate) store_number: u32,
    /// What its clock shows more than the world's, µs: no two phones share an epoch.
    pub(crate) clock_offset_us: u64,
    /// When its process died last, µs.
    pub(crate) crashed_us: u64,
    /// Outputs left until the process dies in the middle of a drain.
    pub(crate) dies_after: Option<u32>,
    /// Batches until the process dies while one is being synced.
    pub(crate) dies_unsynced: Option<u32>,
    /// Bytes of what is not synced that are on the disk when it dies next; a prefix of whole batches
    /// where none is given.
    pub(crate) tears_at: Option<usize>,
    /// The number of the store that a copy of before took the place of, until the next start.
    pub(crate) put_back: Option<u32>,
    pub(crate) radio_on: bool,
    pub(crate) mode: AppMode,
    pub(crate) device: DeviceId,
    pub(crate) scan: Option<ScanDuty>,
    pub(crate) advert: Option<(Vec<u8>, AdvertInterval)>,
    /// Links that the node was told of and that did not end for it.
    pub(crate) links: BTreeMap<LinkId, LinkState>,
    /// When the radio is free for another connection event, µs.
    pub(crate) radio_free_us: u64,
    pub(crate) x_mm: i64,
    pub(crate) y_mm: i64,
    /// When the node wants to be called, and the wake-up that is in the queue, µs of the world.
    pub(crate) wake_us: Option<u64>,
    pub(crate) wake_queued_us: Option<u64>,
    /// Calls at one time without end: a node that spins shows here.
    pub(crate) spins: u32,
    pub(crate) table: TableSeat,
    pub(crate) player: Option<Player>,
    /// Instead of a node: what the radio reported, for tests of the stack alone.
    #[cfg(test)]
    pub(crate) puppet: Option<Vec<(u64, althing::ble::RadioEvent)>>,
    /// Bytes and faults of earlier processes.
    pub(crate) sent_before: BTreeMap<&'static str, u64>,
    pub(crate) faults_before: BTreeMap<&'static str, u64>,
    /// Executions of earlier processes that were made twice.
    pub(crate) applied_twice_before: u64,
    /// What it had counted in the tally when its process died last.
    pub(crate) counted_before: i64,
}

/// What a node knows of a link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkState {
    pub(crate) role: Role,
    pub(crate) ready: bool,
    pub(crate) value_len_max: u16,
    pub(crate) outstanding: Option<OpId>,
}

/// A phone's part in a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableSeat {
    pub(crate) group: Option<GroupId>,
    pub(crate) ticket: Option<String>,
    pub(crate) started: bool,
    /// Phones on the roster, as last told.
    pub(crate) listed: usize,
    /// Height and time of the last head told, µs.
    pub(crate) height: u64,
    pub(crate) height_at_us: u64,
    /// How well the group can agree, as last told.
    pub(crate) status: &'static str,
    /// What changed on the screen, as last told.
    pub(crate) patches: Vec<PatchEntry>,
    /// The value of the tally, as last told.
    pub(crate) tally: i64,
    /// How far phones have come that lost their stores, as told, the last one last.
    pub(crate) recoveries: Vec<(PeerId, RecoveryStage)>,
}

impl Phone {
    /// The node, while the process runs.
    pub fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// The name of its user.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of phone it is.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Whether its process runs and its radio is on.
    pub fn is_up(&self) -> bool {
        #[cfg(test)]
        if self.puppet.is_some() {
            return self.radio_on;
        }
        self.node.is_some() && self.radio_on
    }

    /// Its table, once opened or joined.
    pub fn group(&self) -> Option<GroupId> {
        self.table.group
    }

    /// Text of its table's ticket.
    pub fn ticket(&self) -> Option<&str> {
        self.table.ticket.as_deref()
    }

    /// Phones on its table's roster, as last told.
    pub fn listed(&self) -> usize {
        self.table.listed
    }

    /// Whether its table has started.
    pub fn has_started(&self) -> bool {
        self.table.started
    }

    /// Height of the last head that it told.
    pub fn height(&self) -> u64 {
        self.table.height
    }

    /// What it told of members, and of itself, who were brought up to date: height and target of each
    /// step.
    pub fn resyncs(&self) -> &[(u64, u64)] {
        &self.resyncs
    }

    /// The status that it told last, in one word.
    pub fn status(&self) -> &'static str {
        self.table.status
    }

    /// What changed on its screen when it told so last.
    pub fn patches(&self) -> &[PatchEntry] {
        &self.table.patches
    }

    /// How far phones have come that lost their stores, in the order that it was told.
    pub fn recoveries(&self) -> &[(PeerId, RecoveryStage)] {
        &self.table.recoveries
    }

    /// Who it is.
    pub fn peer(&self) -> PeerId {
        self.identity.peer()
    }

    /// Batches that wait for its disk, or are being synced.
    pub fn unsynced(&self) -> usize {
        self.disk.unsynced()
    }

    /// The tally of its table, once that has started and while the process runs.
    pub fn tally(&self) -> Option<TallyView> {
        self.node.as_ref()?.tally(self.table.group?)
    }

    /// What its user counted in the tally.
    pub fn counted(&self) -> i64 {
        let own = self.identity.peer();
        let tally = self.tally().map(|tally| tally.members);
        let own = tally.into_iter().flatten().find(|(peer, _)| *peer == own);
        own.map_or(0, |(_, counted)| counted)
    }

    /// The value of the tally that it told last.
    pub fn tally_told(&self) -> i64 {
        self.table.tally
    }

    /// What its screen shows.
    pub fn view(&self) -> Option<View> {
        self.node.as_ref()?.view(self.table.group?)
    }

    /// The world's time on its clock.
    pub(crate) fn clock(&self, world_us: u64) -> Instant {
        Instant::from_micros(world_us + self.clock_offset_us)
    }

    /// Its clock's time in the world.
    pub(crate) fn world_us(&self, clock: Instant) -> u64 {
        clock.as_micros().saturating_sub(self.clock_offset_us)
    }

    /// Bytes handed to links, by kind, over all processes.
    pub fn sent_bytes(&self) -> BTreeMap<&'static str, u64> {
        let now = self.node.as_ref().map(Node::sent_bytes);
        sum(&self.sent_before, now.unwrap_or_default())
    }

    /// Executions of blocks that were made twice, over all processes.
    pub(crate) fn applied_twice(&self) -> u64 {
        let now = self.node.as_ref().map(Node::applied_twice);
        self.applied_twice_before + now.unwrap_or(0)
    }

    /// Faults of peers, by name, over all processes.
    pub(crate) fn faults(&self) -> BTreeMap<&'static str, u64> {
        let now = self.node.as_ref().map(Node::faults);
        sum(&self.faults_before, now.unwrap_or_default())
    }
}

/// The rule sets that phones of the world can run. With `double_payout` a planted bug is in.
pub(crate) fn rule_sets(double_payout: bool) -> Vec<Arc<dyn Rules>> {
    #[cfg(feature = "planted")]
    let craps = Craps::with_plant(double_payout);
    #[cfg(not(feature = "planted"))]
    let craps = {
        let _ = double_payout;
        Craps::new()
    };
    vec![Arc::new(Counter), Arc::new(craps), Arc::new(Board)]
}

fn sum(
    before: &BTreeMap<&'static str, u64>,
    now: Vec<(&'static str, u64)>,
) -> BTreeMap<&'static str, u64> {
    let mut all = before.clone();
    for (name, count) in now {
        *all.entry(name).or_insert(0) += count;
    }
    all
}
