//! The tables of a node: gatherings and started groups, fed with messages and drained into the mesh,
//! the store and the app.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::storage::{Loaded, Receipt};
use super::{Command, Done, Event, Node, drain};
use crate::error::{CommandError, PeerFault};
use crate::group::{
    Executor, Gathering, GatheringInput, GatheringOutput, HashChain, Replica, ReplicaEvent,
    ReplicaInput, ReplicaOutput, ReplicaSetup, Ticket,
};
use crate::id::{GroupId, LinkId, MeshAddress};
use crate::outbox::{Outbox, Record};
use crate::rules::Rules;
use crate::time::Instant;
use crate::wire::{
    Bytes, Genesis, GroupMessage, MESSAGE_LEN_MAX, SignedGenesis, Vote, decode, encode,
};

/// Votes of this input by where they go: one frame carries all of them (C12).
pub(super) type OutgoingVotes = BTreeMap<(GroupId, MeshAddress), BTreeSet<Vote>>;

/// A group on this node.
#[derive(Debug)]
pub(super) enum Table {
    /// Not started.
    Gathering(Box<Gathering>),
    /// Started.
    Replica(Box<Replica>),
}

impl Table {
    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        match self {
            Self::Gathering(gathering) => gathering.deadline(),
            Self::Replica(replica) => replica.deadline(),
        }
    }
}

impl Node {
    pub(super) fn replica(&self, group: GroupId) -> Option<&Replica> {
        match self.tables.get(&group)? {
            Table::Replica(replica) => Some(replica),
            Table::Gathering(_) => None,
        }
    }

    pub(super) fn table_command(
        &mut self,
        command: Command,
        now: Instant,
    ) -> Result<Done, CommandError> {
        match command {
            Command::OpenTable { name, rules, rules_config, mode } => {
                let rules = self.rules_named(&rules)?;
                let (group, ticket_seed) = (GroupId(self.random_16()), super::draw_seed(&mut self.rng));
                let tip = HashChain::new(&self.identity, group).tip();
                let (gathering, ticket) = Gathering::open(
                    self.identity.clone(),
                    &name,
                    rules,
                    rules_config,
                    mode,
                    tip,
                    group,
                    ticket_seed,
                )?;
                self.insert_gathering(group, gathering, now);
                Ok(Done::Opened { group, ticket: ticket.to_string() })
            }
            Command::JoinTable { ticket, name } => {
                let ticket: Ticket = ticket.parse()?;
                let group = ticket.group;
                if self.tables.contains_key(&group) {
                    return Err(CommandError::AlreadyJoined);
                }
                let tip = HashChain::new(&self.identity, group).tip();
                let known = self.config.rules.iter().map(|rules| rules.id()).collect();
                let nonce = self.random_16();
                let gathering =
                    Gathering::join(self.identity.clone(), ticket, &name, tip, nonce, known)?;
                self.insert_gathering(group, gathering, now);
                Ok(Done::Joined { group })
            }
            Command::StartTable { group } => {
                let rules = self.config.rules.clone();
                let scheme = Arc::clone(self.identity.scheme());
                let root = |genesis: &Genesis| {
                    let rules = find_rules(&rules, &genesis.rules.name)?;
                    let executor = Executor::new(genesis.clone(), rules, Arc::clone(&scheme));
                    let state = executor
                        .genesis_state()
                        .map_err(|refused| executor.bad_config(&refused))?;
                    Ok(state.root())
                };
                let mut out = Outbox::new();
                let genesis = match self.tables.get_mut(&group) {
                    Some(Table::Gathering(gathering)) => {
                        gathering.start(&root, now, &mut out)?
                    }
                    Some(Table::Replica(_)) => return Err(CommandError::TableStarted),
                    None => return Err(CommandError::UnknownGroup(group)),
                };
                self.gathering_outputs(group, out, now);
                self.start_replica(group, genesis, now);
                Ok(Done::Ok)
            }
            Command::Submit { group, payload, dependencies, validity } => {
                let submission = self.with_replica(group, now, |replica, out| {
                    replica.submit(payload, &dependencies, validity, now, out)
                })?;
                Ok(Done::Submitted { submission })
            }
            Command::Withdraw { group, submission } => {
                self.with_replica(group, now, |replica, out| replica.withdraw(submission, out))?;
                Ok(Done::Ok)
            }
            Command::Acknowledge { group, submission } => {
                self.with_replica(group, now, |replica, out| replica.acknowledge(submission, out))?;
                Ok(Done::Ok)
            }
        }
    }

    pub(super) fn table_message(
        &mut self,
        origin: MeshAddress,
        link: LinkId,
        bytes: &[u8],
        now: Instant,
    ) {
        let Some((tag, message)) = bytes.split_at_checked(GROUP_TAG_LEN) else {
            let fault = PeerFault::Mesh("a payload without a group");
            return self.fault(Some(link), None, fault);
        };
        let Some(group) = self.tables.keys().find(|group| group.0[..GROUP_TAG_LEN] == *tag) else {
            *self.faults.entry("unknown group").or_default() += 1;
            return;
        };
        let group = *group;
        match decode::<GroupMessage>(message, MESSAGE_LEN_MAX) {
            Ok(message) => self.group_message(group, origin, message, now),
            Err(error) => self.fault(Some(link), None, PeerFault::Undecodable(error)),
        }
    }

    pub(super) fn table_timeout(&mut self, group: GroupId, now: Instant) {
        match self.tables.get(&group) {
            Some(Table::Gathering(_)) => {
                self.gathering_input(group, GatheringInput::Timeout, now);
            }
            Some(Table::Replica(_)) => self.replica_input(group, ReplicaInput::Timeout, now),
            None => {}
        }
    }

    pub(super) fn table_stored(&mut self, group: GroupId, receipt: Receipt, ok: bool, now: Instant) {
        let input = match receipt {
            Receipt::Consensus(sequence) => ReplicaInput::ConsensusStored { sequence, ok },
            Receipt::Replica(sequence) => ReplicaInput::Stored { sequence, ok },
        };
        self.replica_input(group, input, now);
    }

    /// Tells the tables who is reachable when that changed.
    pub(super) fn announce_topology(&mut self, now: Instant) {
        if *self.mesh.reachable() == self.reachable {
            return;
        }
        self.reachable = self.mesh.reachable().clone();
        for group in self.groups() {
            self.tell_reachable(group, now);
        }
    }

    /// Lets every table finish this input, then sends the votes that gathered.
    pub(super) fn flush_tables(&mut self, now: Instant) {
        for group in self.groups() {
            if self.replica(group).is_some() {
                self.replica_input(group, ReplicaInput::Flush, now);
            }
        }
        for ((group, dest), votes) in std::mem::take(&mut self.outgoing_votes) {
            let votes: Vec<Vote> = votes.into_iter().collect();
            for votes in votes.chunks(VOTES_PER_MESSAGE) {
                let votes = crate::wire::BoundedVec::truncating(votes.to_vec());
                self.send_message(group, dest, &GroupMessage::Votes(votes), now);
            }
        }
    }

    pub(super) fn restore_tables(&mut self, loaded: &mut Loaded, now: Instant) {
        for (group, records) in std::mem::take(&mut loaded.groups) {
            let mut out = Outbox::new();
            if let Some(replica) = Replica::restore(&self.replica_setup(), &records, now, &mut out) {
                self.tables.insert(group, Table::Replica(Box::new(replica)));
                self.replica_outputs(group, out, now);
            } else if let Some(record) = records.iter().find(|record| record.key == GATHERING_KEY)
                && let Some(gathering) = Gathering::restore(
                    self.identity.clone(),
                    &record.value,
                    &self.config.rules,
                    now,
                )
            {
                self.tables.insert(group, Table::Gathering(Box::new(gathering)));
            }
        }
    }

    fn group_message(
        &mut self,
        group: GroupId,
        origin: MeshAddress,
        message: GroupMessage,
        now: Instant,
    ) {
        match self.tables.get(&group) {
            Some(Table::Gathering(_)) => {
                self.gathering_input(group, GatheringInput::Message { origin, message }, now);
            }
            Some(Table::Replica(_)) => {
                self.replica_input(group, ReplicaInput::Message { origin, message }, now);
            }
            None => {}
        }
    }

    fn gathering_input(&mut self, group: GroupId, input: GatheringInput, now: Instant) {
        let mut out = Outbox::new();
        if let Some(Table::Gathering(gathering)) = self.tables.get_mut(&group) {
            gathering.handle(input, now, &mut out);
        }
        self.gathering_outputs(group, out, now);
    }

    fn gathering_outputs(&mut self, group: GroupId, mut out: Outbox<GatheringOutput>, now: Instant) {
        for output in drain(&mut out) {
            match output {
                GatheringOutput::Send { to, message } => {
                    self.send_gathering(group, to, &message, now);
                }
                GatheringOutput::Entries(entries) => {
                    self.store_gathering(group);
                    self.event(Event::Gathering { group, entries });
                }
                GatheringOutput::Genesis(genesis) => self.start_replica(group, genesis, now),
                GatheringOutput::StartedWithoutUs => {
                    self.tables.remove(&group);
                    self.storage.add(group, vec![], vec![GATHERING_KEY.to_vec()], None);
                    self.event(Event::TableStarted { group });
                }
                GatheringOutput::Fault(fault) => self.fault(None, None, fault),
            }
        }
    }

    /// A join goes to the inviter; where he cannot be reached, to everyone who can: whoever holds the
    /// genesis answers, so that a phone that lost its store finds its table again.
    fn send_gathering(
        &mut self,
        group: GroupId,
        to: MeshAddress,
        message: &GroupMessage,
        now: Instant,
    ) {
        let is_join = matches!(message, GroupMessage::Join(_));
        if is_join && !self.reachable.contains(&to) {
            let everyone: Vec<MeshAddress> =
                self.reachable.iter().copied().take(JOIN_FAN_OUT).collect();
            for to in everyone {
                self.send_message(group, to, message, now);
            }
        } else {
            self.send_message(group, to, message, now);
        }
    }

    fn insert_gathering(&mut self, group: GroupId, gathering: Gathering, now: Instant) {
        self.tables.insert(group, Table::Gathering(Box::new(gathering)));
        self.store_gathering(group);
        self.tell_reachable(group, now);
    }

    fn store_gathering(&mut self, group: GroupId) {
        if let Some(Table::Gathering(gathering)) = self.tables.get(&group) {
            let record = Record { key: GATHERING_KEY.to_vec(), value: gathering.encode() };
            self.storage.add(group, vec![record], vec![], None);
        }
    }

    fn start_replica(&mut self, group: GroupId, genesis: SignedGenesis, now: Instant) {
        let mut out = Outbox::new();
        match Replica::new(&self.replica_setup(), genesis, now, &mut out) {
            Ok(replica) => {
                self.tables.insert(group, Table::Replica(Box::new(replica)));
                self.storage.add(group, vec![], vec![GATHERING_KEY.to_vec()], None);
                self.event(Event::Started { group });
                self.replica_outputs(group, out, now);
                self.tell_reachable(group, now);
            }
            Err(fault) => self.fault(None, None, fault),
        }
    }

    fn tell_reachable(&mut self, group: GroupId, now: Instant) {
        let reachable = self.reachable.clone();
        match self.tables.get(&group) {
            Some(Table::Gathering(_)) => {
                self.gathering_input(group, GatheringInput::Reachable(reachable), now);
            }
            Some(Table::Replica(_)) => {
                self.replica_input(group, ReplicaInput::Reachable(reachable), now);
            }
            None => {}
        }
    }

    fn replica_setup(&self) -> ReplicaSetup {
        ReplicaSetup {
            config: self.config.clone(),
            identity: self.identity.clone(),
            run: self.run,
            may_vote: self.may_vote,
        }
    }

    /// Runs a command on a started group.
    fn with_replica<T>(
        &mut self,
        group: GroupId,
        now: Instant,
        command: impl FnOnce(&mut Replica, &mut Outbox<ReplicaOutput>) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let mut out = Outbox::new();
        let result = match self.tables.get_mut(&group) {
            Some(Table::Replica(replica)) => command(replica, &mut out),
            Some(Table::Gathering(_)) => Err(CommandError::NotStarted),
            None => Err(CommandError::UnknownGroup(group)),
        };
        self.replica_outputs(group, out, now);
        result
    }

    fn replica_input(&mut self, group: GroupId, input: ReplicaInput, now: Instant) {
        let mut out = Outbox::new();
        if let Some(Table::Replica(replica)) = self.tables.get_mut(&group) {
            replica.handle(input, now, &mut out);
        }
        self.replica_outputs(group, out, now);
    }

    fn replica_outputs(&mut self, group: GroupId, mut out: Outbox<ReplicaOutput>, now: Instant) {
        for output in drain(&mut out) {
            match output {
                ReplicaOutput::Spread { origin, message } => {
                    let members = self.member_addresses(group);
                    // Where the origin is not reachable any more, its tree is not known: everyone
                    // who is next to us gets it.
                    let dests = if origin == self.own_address() || self.reachable.contains(&origin) {
                        self.mesh.children(origin, &members)
                    } else {
                        self.mesh.nearest(&members)
                    };
                    self.send_to_all(group, &dests, &message, now);
                }
                ReplicaOutput::Nearest { message } => {
                    let dests = self.mesh.nearest(&self.member_addresses(group));
                    self.send_to_all(group, &dests, &message, now);
                }
                ReplicaOutput::Send { to, message } => {
                    self.send_to_all(group, &[to], &message, now);
                }
                ReplicaOutput::Store { receipt, puts, deletes } => {
                    let receipt = receipt.map(Receipt::Replica);
                    self.storage.add(group, puts, deletes, receipt);
                }
                ReplicaOutput::StoreConsensus { sequence, puts, deletes } => {
                    let receipt = Some(Receipt::Consensus(sequence));
                    self.storage.add(group, puts, deletes, receipt);
                }
                ReplicaOutput::Event(event) => self.replica_event(group, event),
                ReplicaOutput::Fault { peer, fault } => self.fault(None, peer, fault),
            }
        }
    }

    fn replica_event(&mut self, group: GroupId, event: ReplicaEvent) {
        self.event(match event {
            ReplicaEvent::View { head, patches, pending } => Event::View { head, patches, pending },
            ReplicaEvent::Fate { submission, fate } => Event::Fate { group, submission, fate },
            ReplicaEvent::Committed { head, applied, refused } => {
                Event::Committed { head, applied, refused }
            }
            ReplicaEvent::Status(status) => Event::Status { group, status },
            ReplicaEvent::Evidence { peer, what } => Event::Evidence { group, peer, what },
        });
    }

    fn send_to_all(
        &mut self,
        group: GroupId,
        dests: &[MeshAddress],
        message: &GroupMessage,
        now: Instant,
    ) {
        let own = self.own_address();
        for dest in dests.iter().filter(|dest| **dest != own) {
            match message {
                GroupMessage::Votes(votes) => {
                    self.outgoing_votes.entry((group, *dest)).or_default().extend(votes.iter());
                }
                _ => self.send_message(group, *dest, message, now),
            }
        }
    }

    fn send_message(
        &mut self,
        group: GroupId,
        dest: MeshAddress,
        message: &GroupMessage,
        now: Instant,
    ) {
        let mut bytes = group.0[..GROUP_TAG_LEN].to_vec();
        bytes.extend(encode(message));
        self.mesh_send(dest, bytes, message.kind(), now);
    }

    fn member_addresses(&self, group: GroupId) -> BTreeSet<MeshAddress> {
        self.replica(group).map(|replica| replica.addresses().clone()).unwrap_or_default()
    }

    fn own_address(&self) -> MeshAddress {
        self.identity.peer().address()
    }

    fn rules_named(&self, name: &str) -> Result<Arc<dyn Rules>, CommandError> {
        find_rules(&self.config.rules, &Bytes::truncating(name.as_bytes().to_vec()))
    }

    fn random_16(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        rand_core::Rng::fill_bytes(&mut self.rng, &mut bytes);
        bytes
    }
}

fn find_rules(
    known: &[Arc<dyn Rules>],
    name: &Bytes<32>,
) -> Result<Arc<dyn Rules>, CommandError> {
    known
        .iter()
        .find(|rules| rules.id().name == *name)
        .cloned()
        .ok_or_else(|| CommandError::UnknownRules(String::from_utf8_lossy(name).into_owned()))
}

/// First bytes of a group's id in front of its messages. A stranger's group with the same bytes
/// costs one failed signature.
const GROUP_TAG_LEN: usize = 4;
/// Votes in one message: what `GroupMessage::Votes` holds.
const VOTES_PER_MESSAGE: usize = 64;
/// Phones asked at once for a table whose inviter is not reachable: as many as a group has members.
const JOIN_FAN_OUT: usize = crate::wire::MEMBERS_MAX;
/// Key of a gathering's record, relative to its group.
const GATHERING_KEY: &[u8] = b"t";
