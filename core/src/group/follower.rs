//! A member without a vote, whose build lacks the rules of its group. It executes nothing: it follows
//! by certified deltas and snapshots, and shows what is committed. Nobody asks it: voters and followers
//! ask voters.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::group_key;
use super::replica;
use super::{
    Head, Reachability, ReplicaEvent, ReplicaInput, ReplicaOutput, ReplicaSetup, View, WaitingFor,
    patches,
};
use crate::config::GroupConfig;
use crate::consensus::{Committee, doubted_record, quorum};
use crate::crypto::group_key::GroupKey;
use crate::error::{CommandError, PeerFault};
use crate::id::{MeshAddress, PeerId};
use crate::outbox::{Outbox, Record};
use crate::state::{History, Map};
use crate::sync::{SyncMessage, SyncStep, Synchronizer, SynchronizerSetup};
use crate::time::Instant;
use crate::wire::{
    BoundedVec, Certificate, Found, GroupMessage, Header, RulesId, SignedGenesis, VoteKind,
};

/// One group that this phone follows.
#[derive(Debug)]
pub struct Follower {
    genesis: SignedGenesis,
    group_key: Option<GroupKey>,
    /// Version of the group's rules that this build has, none where it has no rules of that name.
    have: Option<u16>,
    config: GroupConfig,
    committee: Committee,
    history: History,
    synchronizer: Synchronizer,
    reachability: Reachability,
    reachable: BTreeSet<MeshAddress>,
    addresses: BTreeSet<MeshAddress>,
    shown: Map,
    /// Height of the state that is stored: after a restart a delta leads on from there.
    stored_base: Option<u64>,
    base_every: u64,
    /// When to ask again where the voters stand, after paths changed.
    greet_at: Option<Instant>,
}

/// A voter without a provable store that only follows casts no vote, but it may once its app is
/// updated: that it has to ask the others first (C8) is stored now.
fn mark_doubted(setup: &ReplicaSetup, out: &mut Outbox<ReplicaOutput>) {
    if !setup.may_vote {
        out.push(ReplicaOutput::Store {
            receipt: None,
            puts: replica::consensus_records(vec![doubted_record()]),
            deletes: vec![],
        });
    }
}

impl Follower {
    /// A group that starts now. The genesis was verified by whoever received it.
    pub fn new(
        setup: &ReplicaSetup,
        genesis: SignedGenesis,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) -> Result<Self, PeerFault> {
        let record = replica::genesis_record(&genesis);
        let follower = Self::assemble(setup, genesis, now)
            .ok_or(PeerFault::Gathering("a genesis without this phone"))?;
        out.push(ReplicaOutput::Store {
            receipt: None,
            puts: vec![record],
            deletes: vec![],
        });
        mark_doubted(setup, out);
        follower.say_version(out);
        Ok(follower)
    }

    /// A group that goes on from its records; none where they hold no genesis that names this phone,
    /// or where it votes and its build has the rules. A voter whose app was updated to other rules in
    /// the middle of a game follows it to its end. A state that cannot be read is fetched again.
    pub fn restore(
        setup: &ReplicaSetup,
        records: &[Record],
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) -> Option<Self> {
        let mut follower = Self::assemble(setup, replica::stored_genesis(records)?, now)?;
        if let Some(base) = replica::stored_base(records) {
            // What was stored was verified then: a damaged one does not have its root.
            let installed = follower
                .history
                .install(base.header, base.finalization, base.state);
            if installed.is_ok() {
                follower.stored_base = Some(follower.history.head().0);
                follower.shown = follower.history.state().clone();
            }
        }
        mark_doubted(setup, out);
        follower.say_version(out);
        Some(follower)
    }

    fn assemble(setup: &ReplicaSetup, genesis: SignedGenesis, now: Instant) -> Option<Self> {
        let content = &genesis.genesis;
        let own = setup.identity.peer();
        let named = content.everyone().find(|entry| entry.peer == own)?;
        let mut rules = setup.config.rules.iter().map(|rules| rules.id());
        if named.votes && rules.any(|rules| rules == content.rules) {
            return None;
        }
        let members: Vec<PeerId> = content.members.iter().map(|member| member.peer).collect();
        let epoch = content.epoch();
        let committee = Committee::new(
            content.group,
            epoch,
            members.clone(),
            content.mode(),
            Arc::clone(setup.identity.scheme()),
        );
        let config = setup.config.group.clone();
        let have = setup.config.rules.iter().map(|rules| rules.id());
        let have = have
            .filter(|rules| rules.name == content.rules.name)
            .map(|rules| rules.version)
            .max();
        let reachability = Reachability::new(
            content,
            // A voter whose build has other rules by now casts no vote.
            None,
            quorum(members.len(), content.mode()),
            config.status_hysteresis,
            now,
        );
        Some(Self {
            have,
            committee,
            // The first state follows from the rules, which are not here: until there is a certified
            // one, nothing is shown.
            history: History::new(epoch, Map::new(), config.history_bytes_max),
            synchronizer: Synchronizer::new(SynchronizerSetup {
                epoch,
                executes: false,
                fetch_timeout: config.fetch_timeout,
                busy_max: config.repeat_max,
                snapshot_bytes_max: config.snapshot_bytes_max,
            }),
            reachability,
            reachable: BTreeSet::new(),
            addresses: content
                .everyone()
                .map(|member| member.peer.address())
                .collect(),
            shown: Map::new(),
            stored_base: None,
            base_every: setup.config.store.base_every,
            greet_at: None,
            config,
            group_key: group_key::open(&genesis.genesis, &setup.identity),
            genesis,
        })
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
            // It votes on nothing and signs nothing: nothing waits for the store.
            ReplicaInput::Stored { .. } | ReplicaInput::ConsensusStored { .. } => {}
            ReplicaInput::Timeout => self.timeout(now, out),
            ReplicaInput::Flush => {
                while let Some(SyncMessage { to, fetch }) =
                    self.synchronizer.generate(&self.history, now)
                {
                    self.send(to, GroupMessage::Fetch(fetch), out);
                }
            }
        }
    }

    /// When to call [`Follower::handle`] with a timeout, and why.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        let request = self.synchronizer.deadline();
        [
            self.reachability.deadline(),
            self.greet_at.map(|at| (at, "paths that changed")),
            request.map(|at| (at, "an unanswered request")),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Mesh addresses of all members.
    pub fn addresses(&self) -> &BTreeSet<MeshAddress> {
        &self.addresses
    }

    /// Where this phone stands.
    pub fn head(&self) -> Head {
        let (height, block) = self.history.head();
        Head {
            group: self.genesis.genesis.group,
            epoch: self.history.epoch(),
            height,
            block,
        }
    }

    /// What the screen shows: the committed state, as bytes that only the rules understand.
    pub fn view(&self) -> View {
        View {
            head: self.head(),
            status: self.reachability.status(),
            members: replica::named(&self.genesis.genesis.members),
            observers: replica::named(&self.genesis.genesis.observers),
            state: self.history.state().clone(),
            committed: self.history.state().clone(),
            pending: Vec::new(),
            tentative: Vec::new(),
            waiting_for: self.waiting_for(),
        }
    }

    /// The key of the epoch, unless its box does not open here.
    pub fn group_key(&self) -> Option<&GroupKey> {
        self.group_key.as_ref()
    }

    /// What is waited for, and for whom.
    pub fn waiting_for(&self) -> Vec<WaitingFor> {
        let whom: Vec<PeerId> = self
            .synchronizer
            .waits_for()
            .into_iter()
            .filter_map(|index| self.peer(index))
            .collect();
        let blocks = WaitingFor {
            what: "blocks",
            whom,
        };
        (!blocks.whom.is_empty())
            .then_some(blocks)
            .into_iter()
            .collect()
    }

    /// Why this phone can ask for nothing in this group.
    pub fn refusal(&self) -> CommandError {
        CommandError::RulesVersion {
            rules: String::from_utf8_lossy(&self.need().name).into_owned(),
            have: self.have,
            need: self.need().version,
        }
    }

    fn need(&self) -> &RulesId {
        &self.genesis.genesis.rules
    }

    fn say_version(&self, out: &mut Outbox<ReplicaOutput>) {
        out.push(ReplicaOutput::Event(ReplicaEvent::RulesVersion {
            have: self.have,
            need: self.need().version,
        }));
    }

    fn message(
        &mut self,
        origin: MeshAddress,
        message: GroupMessage,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let sender = self.index_of(origin);
        match message {
            GroupMessage::Join(_) => out.push(ReplicaOutput::Send {
                to: origin,
                message: GroupMessage::Genesis(self.genesis.clone()),
            }),
            // The opener repeats the genesis until he hears us.
            GroupMessage::Genesis(_) => self.greet(origin, out),
            GroupMessage::Status(status) => {
                if let Some(sender) = sender {
                    let claim = (status.height, status.block);
                    self.synchronizer.heard(sender, claim, self.history.head());
                }
            }
            // Only a phone that is a voter to the others gets these: something is about to become final.
            GroupMessage::Votes(_) | GroupMessage::Proposal(_) if sender.is_some() => {
                self.greet_at.get_or_insert(now + self.config.repeat_min);
            }
            GroupMessage::Certificates(certificates) => {
                let news = |certificate: &Certificate| {
                    certificate.statement.kind == VoteKind::Finalize
                        && self.history.find(&certificate.statement.block).is_none()
                };
                if let Some(sender) = sender.filter(|_| certificates.iter().any(news)) {
                    self.synchronizer.want(sender);
                }
            }
            GroupMessage::Found(found) => {
                if let Some(sender) = sender {
                    self.found(sender, found, now, out);
                }
            }
            // What members agree on is for those who can execute it.
            _ => {}
        }
    }

    fn found(&mut self, sender: u8, found: Found, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        let committee = &self.committee;
        let verify = |certificate: &Certificate| committee.verify_certificate(certificate);
        let step = self
            .synchronizer
            .receive(sender, found, &self.history, &verify, now);
        match step {
            Ok(SyncStep::State {
                header,
                finalization,
                state,
            }) => self.install(header, finalization, state, out),
            Ok(SyncStep::Diverged {
                height,
                own,
                certified,
                ..
            }) => {
                self.synchronizer.stop();
                let evidence = format!(
                    "height {height} is {own:?} here and {certified:?} there, both certified"
                );
                let status = self.reachability.diverged(evidence);
                out.extend(status.map(|status| ReplicaOutput::Event(ReplicaEvent::Status(status))));
            }
            // Blocks are refused by a synchroniser that executes none.
            Ok(
                SyncStep::Blocks { .. }
                | SyncStep::More
                | SyncStep::UpToDate
                | SyncStep::Late
                | SyncStep::Examined { .. }
                | SyncStep::Busy { .. },
            ) => {}
            Err(fault) => out.push(ReplicaOutput::Fault {
                peer: self.peer(sender),
                fault,
            }),
        }
    }

    fn install(
        &mut self,
        header: Header,
        finalization: Certificate,
        state: Map,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let height = header.height;
        if self.history.install(header, finalization, state).is_err() {
            let fault = PeerFault::Sync("a state that is not of its block");
            return out.push(ReplicaOutput::Fault { peer: None, fault });
        }
        let due = self
            .stored_base
            .is_none_or(|base| height >= base + self.base_every);
        let base = Synchronizer::create_snapshot(&self.history, height).filter(|_| due);
        if let Some(base) = base {
            self.stored_base = Some(height);
            out.push(ReplicaOutput::Store {
                receipt: None,
                puts: vec![replica::base_record(base)],
                deletes: vec![],
            });
        }
        out.push(ReplicaOutput::Event(ReplicaEvent::Committed {
            head: self.head(),
            applied: Vec::new(),
            refused: Vec::new(),
        }));
        let before = std::mem::replace(&mut self.shown, self.history.state().clone());
        out.push(ReplicaOutput::Event(ReplicaEvent::View {
            head: self.head(),
            patches: patches(&before, &self.shown),
            pending: Vec::new(),
        }));
    }

    fn reachable(
        &mut self,
        reachable: BTreeSet<MeshAddress>,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        if let Some(status) = self.reachability.update(&reachable, now) {
            out.push(ReplicaOutput::Event(ReplicaEvent::Status(status)));
        }
        let members = reachable.intersection(&self.addresses).copied().collect();
        let before = std::mem::replace(&mut self.reachable, members);
        let indices = self.reachable.iter().filter_map(|it| self.index_of(*it));
        self.synchronizer.set_reachable(indices.collect());
        let came: Vec<MeshAddress> = self.reachable.difference(&before).copied().collect();
        for address in came {
            self.greet(address, out);
        }
    }

    fn timeout(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        if let Some(status) = self.reachability.timeout(now) {
            out.push(ReplicaOutput::Event(ReplicaEvent::Status(status)));
        }
        if self.greet_at.is_some_and(|at| at <= now) {
            self.greet_at = None;
            for address in self.reachable.clone() {
                self.greet(address, out);
            }
        }
    }

    /// Tells a voter where this phone stands, and asks where he does.
    fn greet(&self, address: MeshAddress, out: &mut Outbox<ReplicaOutput>) {
        if let Some(index) = self.index_of(address) {
            let (height, block) = self.history.head();
            let status = crate::wire::Status {
                height,
                block,
                round: 0,
                actions_known: BoundedVec::new(),
                actions_digest: 0,
                tally_digest: 0,
                reply: true,
            };
            self.send(index, GroupMessage::Status(status), out);
        }
    }

    fn send(&self, to: u8, message: GroupMessage, out: &mut Outbox<ReplicaOutput>) {
        if let Some(peer) = self.peer(to) {
            let to = peer.address();
            out.push(ReplicaOutput::Send { to, message });
        }
    }

    fn peer(&self, index: u8) -> Option<PeerId> {
        let member = self.genesis.genesis.members.get(usize::from(index))?;
        Some(member.peer)
    }

    fn index_of(&self, address: MeshAddress) -> Option<u8> {
        let mut members = (0u8..).zip(self.genesis.genesis.members.iter());
        members
            .find(|(_, member)| member.peer.address() == address)
            .map(|(index, _)| index)
    }
}
