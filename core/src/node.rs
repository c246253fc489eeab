//! The one public machine: composes the layers and translates between them.
//!
//! Layers never import each other. The node drains one, translates, and feeds the next until all of
//! them are quiet; only then does an input end.

mod api;
mod commands;
mod money;
mod radio;
mod running;
mod sealed;
mod sealing;
mod storage;
mod tables;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use crate::ble::{Discovery, DiscoveryInput, RadioEvent};
use crate::config::Config;
use crate::crypto::{Domain, Identity, hash};
use crate::error::{CommandError, PeerFault, RestoreError, StoreFault};
use crate::id::{GroupId, LinkId, MeshAddress, PeerId, RunId, StoreToken};
use crate::mesh::{Mesh, MeshInput};
use crate::outbox::Outbox;
use crate::state::Key;
use crate::time::Instant;

pub use crate::group::{
    CertifiedValue, Divergence, Fate, Head, PartitionReport, PatchEntry, Pending, RecoveryStage,
    Rollback, Status, SubmissionId, TallyView, Tentative, Transcript, TranscriptEntry, View,
    WaitingFor,
};
pub use crate::outbox::Record;
pub use api::{Command, Done, Event, Output, Plaintext, StoreCommand};
use radio::LinkEntry;
use running::Running;
use storage::Storage;
use tables::{OutgoingVotes, Table};

/// One phone: facts go in by `handle_*`, wishes come out by [`Node::poll_output`], and every input
/// is followed by a full drain.
#[derive(Debug)]
pub struct Node {
    config: Config,
    identity: Identity,
    rng: ChaCha12Rng,
    /// Numbering of this node's store.
    run: RunId,
    /// Whether the store was proved current (C8): else its groups ask the others before they vote.
    may_vote: bool,
    /// Whether a store before this one was lost: this phone may have voted in a group that it joins.
    lost_before: bool,
    /// Groups that this process opened.
    opened: BTreeSet<GroupId>,
    /// Names the questions of this process (C8).
    nonce: u64,
    discovery: Discovery,
    links: BTreeMap<LinkId, LinkEntry>,
    mesh: Mesh,
    reachable: BTreeSet<MeshAddress>,
    tables: BTreeMap<GroupId, Table>,
    outgoing_votes: OutgoingVotes,
    /// Phones asked so far for a table whose inviter was not in reach.
    join_asks: usize,
    storage: Storage,
    /// Groups whose records could not be read: this phone may have voted in them.
    damaged: BTreeSet<GroupId>,
    outputs: VecDeque<Output>,
    sent: BTreeMap<&'static str, u64>,
    faults: BTreeMap<&'static str, u64>,
}

impl Node {
    /// A node with an empty store.
    pub fn new(config: Config, identity: Identity, seed: [u8; 32], now: Instant) -> Self {
        let mut node = Self::build(config, identity, seed, None, now);
        node.storage.put_meta(node.run, 0, false);
        node.pump(now);
        node
    }

    /// A node that goes on from what its store holds.
    ///
    /// `counter` proves that the store is current (C8). It is kept outside the store: the driver
    /// passes its value plus one, and writes that value back once the first batch of the restored
    /// node is stored. A store that knows neither this value nor the one before is not current, and no
    /// more is one with a damaged record: the node numbers anew, follows its groups, and asks the others before it votes in them.
    ///
    /// Fails where a record has a format that this build does not know; nothing is written then.
    pub fn restore(
        config: Config,
        identity: Identity,
        seed: [u8; 32],
        stored: Vec<Record>,
        counter: u64,
        now: Instant,
    ) -> Result<Self, RestoreError> {
        let mut loaded = storage::Loaded::read(stored)?;
        let newest = |known: u64| known == counter || known.checked_add(1) == Some(counter);
        let current = loaded.damaged.is_empty() && loaded.counter.is_some_and(newest);
        // What an older store signed last is not known.
        let run = loaded.run.filter(|_| current);
        let mut node = Self::build(config, identity, seed, run, now);
        node.may_vote = current;
        node.lost_before = loaded.lost_before || !current;
        node.storage.put_meta(node.run, counter, node.lost_before);
        node.storage.remove(&loaded.damaged);
        // Groups say in the same batch that they cannot prove their votes: from then on the counter
        // proves this store again.
        node.restore_tables(&mut loaded, now);
        node.pump(now);
        Ok(node)
    }

    fn build(
        #[cfg_attr(not(feature = "planted"), expect(unused_mut))] mut config: Config,
        identity: Identity,
        seed: [u8; 32],
        run: Option<RunId>,
        now: Instant,
    ) -> Self {
        #[cfg(feature = "planted")]
        {
            config.consensus.plant = config.plant;
        }
        let store = config.store.clone();
        let mut rng = ChaCha12Rng::from_seed(seed);
        // Not drawn: the draws of a seed stay what they are.
        let nonce = hash(Domain::Recovery, &[&seed]);
        let (nonce, _) = nonce
            .as_bytes()
            .split_first_chunk()
            .expect("a hash is longer");
        let run = run.unwrap_or_else(|| RunId(rng.next_u64()));
        let presence_key = identity.derive("presence", &[]).0;
        let discovery = Discovery::new(config.ble.clone(), presence_key, draw_seed(&mut rng), now);
        let mesh = Mesh::new(
            config.mesh.clone(),
            identity.peer(),
            draw_seed(&mut rng),
            now,
        );
        Self {
            config,
            identity,
            rng,
            run,
            may_vote: true,
            lost_before: false,
            opened: BTreeSet::new(),
            nonce: u64::from_le_bytes(*nonce),
            discovery,
            links: BTreeMap::new(),
            mesh,
            reachable: BTreeSet::new(),
            tables: BTreeMap::new(),
            outgoing_votes: OutgoingVotes::new(),
            join_asks: 0,
            storage: Storage::new(store.retry_min, store.retry_max),
            damaged: BTreeSet::new(),
            outputs: VecDeque::new(),
            sent: BTreeMap::new(),
            faults: BTreeMap::new(),
        }
    }

    /// A fact from the radio.
    pub fn handle_radio(&mut self, event: RadioEvent, now: Instant) {
        self.radio_event(event, now);
        self.pump(now);
    }

    /// A wish of the user.
    pub fn handle_command(&mut self, command: Command, now: Instant) -> Result<Done, CommandError> {
        let done = self.table_command(command, now);
        self.pump(now);
        done
    }

    /// A batch was stored and synced, or not.
    pub fn handle_stored(
        &mut self,
        token: StoreToken,
        result: Result<(), StoreFault>,
        now: Instant,
    ) {
        if let Err(fault) = result {
            self.event(Event::StoreFailed { fault });
        }
        for (group, receipt) in self.storage.complete(token, result.is_ok(), now) {
            self.table_stored(group, receipt, now);
        }
        self.pump(now);
    }

    /// The time named by [`Output::Idle`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due =
            |deadline: Option<(Instant, &'static str)>| deadline.is_some_and(|(at, _)| at <= now);
        if due(self.discovery.deadline()) {
            self.discovery_input(DiscoveryInput::Timeout, now);
        }
        if due(self.mesh.deadline()) {
            self.mesh_input(MeshInput::Timeout, now);
        }
        let links: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, entry)| due(entry.machine.deadline()))
            .map(|(link, _)| *link)
            .collect();
        for link in links {
            self.link_timeout(link, now);
        }
        let groups: Vec<GroupId> = self
            .tables
            .iter()
            .filter(|(_, table)| due(table.deadline()))
            .map(|(group, _)| *group)
            .collect();
        for group in groups {
            self.table_timeout(group, now);
        }
        self.pump(now);
    }

    /// The next output; [`Output::Idle`] ends the drain.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        let deadlines = [self.discovery.deadline(), self.mesh.deadline()]
            .into_iter()
            .chain(self.links.values().map(|entry| entry.machine.deadline()))
            .chain(self.tables.values().map(Table::deadline))
            .chain([self.storage.deadline()]);
        match deadlines.flatten().min() {
            Some((at, cause)) => Output::Idle {
                wake_at: Some(at),
                cause,
            },
            None => Output::Idle {
                wake_at: None,
                cause: "nothing to wait for",
            },
        }
    }

    /// Who this node is.
    pub fn peer(&self) -> PeerId {
        self.identity.peer()
    }

    /// The groups of this node, gathering or started.
    pub fn groups(&self) -> Vec<GroupId> {
        self.tables.keys().copied().collect()
    }

    /// What the screen shows of a group that has started.
    pub fn view(&self, group: GroupId) -> Option<View> {
        self.running(group).map(Running::view)
    }

    /// The tally of a group that has started: the counter that needs no agreement.
    pub fn tally(&self, group: GroupId) -> Option<TallyView> {
        self.replica(group).map(|replica| replica.tally())
    }

    /// What a table waits for, gathering or started; empty when nothing is under way.
    pub fn waiting_for(&self, group: GroupId) -> Vec<WaitingFor> {
        self.tables
            .get(&group)
            .map(Table::waiting_for)
            .unwrap_or_default()
    }

    /// Its transcript as far as this node retains it; none of a group that it cannot execute.
    pub fn transcript(&self, group: GroupId) -> Option<Transcript> {
        self.replica(group).map(|replica| replica.transcript())
    }

    /// What `key` has at the newest certified block, or that it has nothing, with all that proves it
    /// to somebody who is no member; none before a block is certified.
    pub fn certified_value(&self, group: GroupId, key: &Key) -> Option<CertifiedValue> {
        self.replica(group)?.certified_value(key)
    }

    /// The round of agreement that a group is in here.
    pub fn round(&self, group: GroupId) -> Option<u64> {
        self.replica(group).map(|replica| replica.round())
    }

    /// Executions of blocks that were made twice since the start, all groups together; each gave the
    /// same root both times.
    pub fn applied_twice(&self) -> u64 {
        let replicas = self.tables.values();
        let replicas = replicas.filter_map(|table| table.running.as_ref()?.replica());
        replicas.map(|replica| replica.applied_twice()).sum()
    }

    /// What was found when a group and this phone's own execution diverged: none as long as they agree.
    /// [`Divergence::encode`] gives the bytes to hand on, [`Divergence::verify`] checks them elsewhere.
    pub fn divergence(&self, group: GroupId) -> Option<Divergence> {
        self.replica(group)?.divergence().cloned()
    }

    /// What the last split of a group did: where it parted, what each side did since, what was merged
    /// and what refused. None where this phone was never without a quorum since it started; a side
    /// that kept one has nothing to report.
    pub fn partition_report(&self, group: GroupId) -> Option<PartitionReport> {
        self.replica(group)?.partition_report().cloned()
    }

    /// A group as it was at `height`: its state, head and transcript, beside the live ones, which do
    /// not move. For screens that look back, for debugging, and for comparing what two phones hold.
    ///
    /// Fails with `UnknownGroup`, `NotStarted`, or `NotKept` for a height above the head or one whose
    /// block was dropped; the genesis is always kept.
    pub fn rollback(&self, group: GroupId, height: u64) -> Result<Rollback, CommandError> {
        self.started(group)?.rollback(height)
    }

    /// Bytes of messages handed to links since the start, by kind of message.
    pub fn sent_bytes(&self) -> Vec<(&'static str, u64)> {
        self.sent
            .iter()
            .map(|(kind, bytes)| (*kind, *bytes))
            .collect()
    }

    /// Faults of peers since the start, by name.
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        self.faults
            .iter()
            .map(|(name, count)| (*name, *count))
            .collect()
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn fault(&mut self, link: Option<LinkId>, peer: Option<PeerId>, fault: PeerFault) {
        *self.faults.entry(fault.name()).or_default() += 1;
        self.event(Event::PeerFault { link, peer, fault });
    }

    /// Ends an input: what the layers still owe each other is exchanged, then one batch is stored.
    fn pump(&mut self, now: Instant) {
        self.announce_topology(now);
        self.flush_tables(now);
        if let Some(batch) = self.storage.take_batch(now) {
            self.outputs.push_back(Output::Store(batch));
        }
    }
}

/// A seed for a machine below.
fn draw_seed(rng: &mut ChaCha12Rng) -> [u8; 32] {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    seed
}

/// Takes everything out of `outbox`.
fn drain<T>(outbox: &mut Outbox<T>) -> Vec<T> {
    let mut outputs = Vec::with_capacity(outbox.len());
    while let Some(output) = outbox.pop() {
        outputs.push(output);
    }
    outputs
}
