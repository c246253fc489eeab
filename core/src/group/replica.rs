//! One started group on one phone: agreement, state, own submissions and the way to the others.
//!
//! The replica drains the agreement, executes what it asks for, keeps the history, and translates
//! between the two and the mesh. It never decides a vote itself.

mod agree;
mod catch_up;
#[cfg(test)]
mod cluster;
mod count;
mod diverge;
mod looks;
mod money;
mod port;
mod reach;
mod receive;
mod reconcile;
mod restore;
mod resync;
mod sealing;
mod split;
mod submit;

pub(super) use restore::{
    base_record, consensus_records, genesis_record, stored_base, stored_genesis,
};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::group_key;
use super::{
    Draws, DrawsSetup, Executed, Executor, Head, Pool, Reachability, Standing, Submissions, Tally,
    TallySetup,
};
use crate::config::GroupConfig;
use crate::consensus::{Committee, Consensus, Finalized, Input};
use crate::crypto::group_key::GroupKey;
use crate::crypto::{Hash, Identity};
use crate::error::PeerFault;
use crate::id::{GroupId, MeshAddress, PeerId, RunId};
use crate::outbox::{Outbox, Record};
use crate::state::{History, Map};
use crate::sync::{Synchronizer, SynchronizerSetup};
use crate::time::{Duration, Instant};
use crate::wire::{GroupMessage, RefusalKind, RosterEntry, SignedAction, SignedGenesis};
use diverge::Diverging;
use reconcile::Reconciliations;
use resync::Resyncs;
use split::Split;
use submit::Repeat;

pub use port::{ReplicaEvent, ReplicaInput, ReplicaOutput, ReplicaSetup};

/// Bytes of one message of own or forwarded actions: a bulk frame of a link.
const ACTIONS_MESSAGE_LEN_MAX: usize = 2 * 1024;

/// One started group on this phone.
#[derive(Debug)]
pub struct Replica {
    config: GroupConfig,
    identity: Identity,
    own: u8,
    run: RunId,
    group: GroupId,
    genesis: SignedGenesis,
    group_key: Option<GroupKey>,
    executor: Executor,
    members: Vec<PeerId>,
    addresses: BTreeSet<MeshAddress>,
    /// Members without a vote.
    observers: BTreeSet<MeshAddress>,
    observers_in_reach: BTreeSet<MeshAddress>,
    consensus: Consensus,
    history: History,
    /// Height of the newest stored base: blocks above it are stored one by one.
    stored_base: u64,
    /// Blocks after which the state is stored whole again.
    base_every: u64,
    /// What blocks above the head lead to.
    executed: BTreeMap<Hash, (u64, Executed)>,
    pool: Pool,
    submissions: Submissions,
    draws: Draws,
    reachability: Reachability,
    split: Split,
    resyncs: Resyncs,
    reachable: BTreeSet<MeshAddress>,
    synchronizer: Synchronizer,
    /// Per author, the first number that was asked for last, and when to ask for it again.
    asked_actions: BTreeMap<u8, (u64, Instant)>,
    reconciliations: Reconciliations,
    diverging: Diverging,
    /// When a member may be sent the open rounds again, and the pause after that.
    offers: BTreeMap<u8, (Instant, Duration)>,
    repeat: Repeat,
    store_sequence: u64,
    /// Signed submissions that wait for the store, with their batch.
    storing: BTreeMap<u64, Vec<SignedAction>>,
    tally: Tally,
    /// Batches that hold a count of the tally, with the number that the tally gave it.
    counting: BTreeMap<u64, u64>,
    /// Since when there is work and no certificate.
    waits_since: Option<Instant>,
    /// A block became final in this input.
    progress: bool,
    /// Voters that refused the own proposal, with their reason, since the last commit.
    refusals: BTreeMap<u8, RefusalKind>,
    /// When to tell the members where this phone stands, since paths changed.
    greet_at: Option<Instant>,
    work: bool,
    work_tip: Hash,
    /// Something changed in this input that [`ReplicaInput::Flush`] must look at.
    dirty: bool,
    shown: Shown,
    #[cfg(feature = "planted")]
    plant: Option<crate::config::Plant>,
}

/// What the screen was shown last.
#[derive(Debug)]
struct Shown {
    head: Head,
    state: Map,
    pending: Vec<super::Pending>,
    tentative: Vec<super::Tentative>,
}

impl Replica {
    /// A group that starts now. The genesis was verified by whoever received it.
    pub fn new(
        setup: &ReplicaSetup,
        genesis: SignedGenesis,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) -> Result<Self, PeerFault> {
        let (executor, state) = Self::executor(setup, &genesis)?;
        let record = genesis_record(&genesis);
        out.push(ReplicaOutput::Store {
            receipt: None,
            puts: vec![record],
            deletes: vec![],
        });
        let history = History::new(
            executor.epoch(),
            state,
            setup.config.group.history_bytes_max,
        );
        let submissions = Submissions::new(
            &genesis.genesis,
            setup.identity.peer(),
            setup.run,
            setup.config.group.pending_max,
            0,
            history.state().clone(),
        );
        let base = Finalized {
            height: 0,
            block: executor.epoch(),
            round: 0,
            certificate: None,
        };
        let committee = Self::committee(setup, &executor);
        let own = own_index(&setup.identity, &genesis)?;
        let consensus = Consensus::new(
            setup.config.consensus.clone(),
            committee,
            setup.identity.clone(),
            Some(own),
            setup.proof(true),
            base,
            now,
        );
        let mut replica = Self::assemble(
            setup,
            genesis,
            executor,
            history,
            submissions,
            consensus,
            own,
            &[],
            now,
        );
        if !setup.may_vote {
            // That it cannot prove its store is stored with the genesis.
            replica.consensus_input(Input::Timeout, now, out);
        }
        Ok(replica)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one private constructor for two public ones"
    )]
    fn assemble(
        setup: &ReplicaSetup,
        genesis: SignedGenesis,
        executor: Executor,
        history: History,
        submissions: Submissions,
        consensus: Consensus,
        own: u8,
        records: &[Record],
        now: Instant,
    ) -> Self {
        let config = setup.config.group.clone();
        let content = &genesis.genesis;
        let members: Vec<PeerId> = content.members.iter().map(|member| member.peer).collect();
        let tally = TallySetup {
            identity: setup.identity.clone(),
            own,
            run: setup.run,
            group: content.group,
            members: members.clone(),
        };
        let tally = Tally::new(tally, &config, records, now);
        let pool = Pool::new(content, history.state(), config.pool_per_author_max);
        let mut draws = Draws::new(DrawsSetup {
            identity: &setup.identity,
            group: content.group,
            own: Some(own),
            timeout: Duration::from_millis(u64::from(content.draw_timeout_ms)),
        });
        draws.finalized(history.state(), now);
        let reachability = Reachability::new(
            content,
            Some(setup.identity.peer()),
            executor.quorum(),
            config.status_hysteresis,
            now,
        );
        let head = head_of(content.group, executor.epoch(), &history);
        Self {
            identity: setup.identity.clone(),
            own,
            run: setup.run,
            group: content.group,
            addresses: members.iter().map(PeerId::address).collect(),
            observers: content
                .observers
                .iter()
                .map(|observer| observer.peer.address())
                .collect(),
            observers_in_reach: BTreeSet::new(),
            members,
            consensus,
            stored_base: 0,
            base_every: setup.config.store.base_every,
            executed: BTreeMap::new(),
            pool,
            submissions,
            draws,
            reachability,
            split: Split::default(),
            resyncs: Resyncs::default(),
            reachable: BTreeSet::new(),
            synchronizer: Synchronizer::new(SynchronizerSetup {
                epoch: executor.epoch(),
                executes: true,
                fetch_timeout: config.fetch_timeout,
                busy_max: config.repeat_max,
                snapshot_bytes_max: config.snapshot_bytes_max,
            }),
            asked_actions: BTreeMap::new(),
            reconciliations: Reconciliations::default(),
            diverging: Diverging::default(),
            offers: BTreeMap::new(),
            repeat: Repeat::new(config.repeat_min, config.repeat_max),
            store_sequence: 0,
            storing: BTreeMap::new(),
            tally,
            counting: BTreeMap::new(),
            waits_since: None,
            progress: false,
            refusals: BTreeMap::new(),
            greet_at: None,
            work: false,
            work_tip: Hash::ZERO,
            dirty: true,
            #[cfg(feature = "planted")]
            plant: setup.config.plant,
            shown: Shown {
                head,
                state: history.state().clone(),
                pending: Vec::new(),
                tentative: Vec::new(),
            },
            config,
            group_key: group_key::open(&genesis.genesis, &setup.identity),
            genesis,
            executor,
            history,
        }
    }

    fn executor(
        setup: &ReplicaSetup,
        genesis: &SignedGenesis,
    ) -> Result<(Executor, Map), PeerFault> {
        let content = &genesis.genesis;
        let rules = setup
            .config
            .rules
            .iter()
            .find(|rules| rules.id() == content.rules)
            .ok_or(PeerFault::Gathering("rules that this build does not have"))?;
        let executor = Executor::new(
            content.clone(),
            Arc::clone(rules),
            Arc::clone(setup.identity.scheme()),
            #[cfg(feature = "planted")]
            setup.config.plant,
        )
        .applying_twice(setup.config.group.apply_twice);
        let state = executor
            .genesis_state()
            .map_err(|_| PeerFault::Gathering("a configuration that the rules refuse"))?;
        if state.root() != content.root {
            return Err(PeerFault::Gathering("a genesis with another root"));
        }
        Ok((executor, state))
    }

    fn committee(setup: &ReplicaSetup, executor: &Executor) -> Committee {
        let content = executor.genesis();
        Committee::new(
            content.group,
            executor.epoch(),
            content.members.iter().map(|member| member.peer).collect(),
            content.mode(),
            Arc::clone(setup.identity.scheme()),
        )
    }

    /// Takes one fact in.
    pub fn handle(&mut self, input: ReplicaInput, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        match input {
            ReplicaInput::Message { origin, message } => self.message(origin, message, now, out),
            ReplicaInput::Reachable(reachable) => self.reachable(reachable, now, out),
            ReplicaInput::Neighbour(address) => self.greet(address, out),
            ReplicaInput::PathsChanged => {
                self.greet_at.get_or_insert(now + self.config.repeat_min);
            }
            ReplicaInput::Stored { sequence } => self.stored(sequence, now, out),
            ReplicaInput::ConsensusStored { sequence } => {
                self.consensus_input(Input::Stored { sequence }, now, out);
            }
            ReplicaInput::Timeout => self.timeout(now, out),
            ReplicaInput::Flush => self.flush(now, out),
        }
    }

    /// When to call [`Replica::handle`] with a timeout, and why.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        [
            self.consensus.deadline(),
            self.reachability.deadline(),
            self.draws.deadline(),
            self.tally.deadline(),
            self.diverging.deadline(),
            self.split.deadline(),
            self.synchronizer
                .deadline()
                .map(|at| (at, "an unanswered request")),
            self.greet_at.map(|at| (at, "paths that changed")),
            self.waits_since
                .filter(|_| !self.reachability.is_stalled())
                .map(|since| (since + self.config.stall_after, "votes that do not come")),
            self.repeat
                .deadline()
                .map(|at| (at, "a repetition of what has no fate")),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Mesh addresses of all voters: those who pass on what is spread.
    pub fn addresses(&self) -> &BTreeSet<MeshAddress> {
        &self.addresses
    }

    /// Where this phone stands.
    pub fn head(&self) -> Head {
        head_of(self.group, self.executor.epoch(), &self.history)
    }

    /// The round of agreement that this phone is in.
    pub fn round(&self) -> u64 {
        self.consensus.round()
    }

    /// Executions of blocks that were made twice, with one result.
    pub fn applied_twice(&self) -> u64 {
        self.executor.applied_twice()
    }

    fn timeout(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        let due =
            |deadline: Option<(Instant, &'static str)>| deadline.is_some_and(|(at, _)| at <= now);
        if due(self.consensus.deadline()) {
            self.consensus_input(Input::Timeout, now, out);
        }
        if due(self.reachability.deadline())
            && let Some(status) = self.reachability.timeout(now)
        {
            self.dirty = true;
            out.push(ReplicaOutput::Event(ReplicaEvent::Status(status)));
        }
        if due(self.draws.deadline()) {
            for (draw, voter) in self.draws.timeout(now) {
                self.submissions.say_missing(draw, voter);
                self.dirty = true;
            }
        }
        self.diverging_timeout(now, out);
        self.split_timeout(now, out);
        if due(self.tally.deadline()) {
            self.tally_timeout(now, out);
        }
        if self.synchronizer.deadline().is_some_and(|at| at <= now) {
            self.dirty = true;
            self.synchronize(now, out);
        }
        if let Some(since) = self.waits_since
            && since + self.config.stall_after <= now
            && !self.reachability.is_stalled()
        {
            let status = self.reachability.stall(self.silent(), since);
            out.extend(status.map(|status| ReplicaOutput::Event(ReplicaEvent::Status(status))));
        }
        if self.greet_at.is_some_and(|at| at <= now) {
            self.greet_at = None;
            for to in self.reachable.iter().copied().collect::<Vec<_>>() {
                if to != self.own_address() {
                    self.send_status(to, false, out);
                }
            }
        }
        if self.repeat.deadline().is_some_and(|at| at <= now) {
            self.repeat_unsettled(now, out);
        }
    }

    /// Signs, proposes and shows what this input changed.
    fn flush(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        self.tally_flush(now, out);
        self.dirty |= self.take_split_news();
        if !self.dirty {
            return;
        }
        // Work may start a round here whose outputs change the tip, and progress lets intents be
        // signed: all of it is weighed until it is stable.
        while std::mem::take(&mut self.dirty) {
            self.watch_split(now, out);
            self.watch_progress(now, out);
            self.sign_intents(out);
            self.weigh_work(now, out);
        }
        self.show_tentative();
        self.show(out);
        self.repeat.arm(self.is_unsettled(), now);
    }

    fn send_status(&self, to: MeshAddress, reply: bool, out: &mut Outbox<ReplicaOutput>) {
        let message = GroupMessage::Status(self.own_status(reply));
        out.push(ReplicaOutput::Send { to, message });
    }

    fn standing_of(&self, block: Hash) -> Option<(u64, &Map)> {
        let (height, head) = self.history.head();
        if block == head {
            return Some((height, self.history.state()));
        }
        self.executed
            .get(&block)
            .map(|(height, executed)| (*height, &executed.state))
    }

    fn index_of(&self, address: MeshAddress) -> Option<u8> {
        let index = self
            .members
            .iter()
            .position(|member| member.address() == address)?;
        u8::try_from(index).ok()
    }

    fn own_address(&self) -> MeshAddress {
        self.identity.peer().address()
    }

    fn address_of(&self, index: u8) -> Option<MeshAddress> {
        self.members.get(usize::from(index)).map(PeerId::address)
    }
}

/// Members with their names, in order.
pub(super) fn named(members: &[RosterEntry]) -> Vec<(PeerId, String)> {
    let name = |member: &RosterEntry| String::from_utf8_lossy(&member.name).into_owned();
    members
        .iter()
        .map(|member| (member.peer, name(member)))
        .collect()
}

fn head_of(group: GroupId, epoch: Hash, history: &History) -> Head {
    let (height, block) = history.head();
    Head {
        group,
        epoch,
        height,
        block,
    }
}

fn own_index(identity: &Identity, genesis: &SignedGenesis) -> Result<u8, PeerFault> {
    genesis
        .genesis
        .index_of(&identity.peer())
        .ok_or(PeerFault::Gathering("a genesis without this phone"))
}

/// A standing of the executor.
fn standing(height: u64, block: Hash, state: &Map) -> Standing<'_> {
    Standing {
        height,
        block,
        state,
    }
}
