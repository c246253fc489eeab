//! The tables of a node: gatherings and started groups, fed with messages and drained into the mesh,
//! the store and the app.

use std::collections::{BTreeMap, BTreeSet};

use super::running::Running;
use super::sealed::GROUP_TAG_LEN;
use super::storage::{Loaded, Receipt};
use super::{Event, Node, WaitingFor, drain};
use crate::group::{
    Follower, Gathering, GatheringInput, GatheringOutput, Replica, ReplicaEvent, ReplicaInput,
    ReplicaOutput, ReplicaSetup,
};
use crate::id::{GroupId, MeshAddress};
use crate::outbox::{Outbox, Record};
use crate::time::Instant;
use crate::wire::{BoundedVec, GroupMessage, RulesId, SignedGenesis, Vote};

/// Votes of this input by where they go: one frame carries all of them (C12).
pub(super) type OutgoingVotes = BTreeMap<(GroupId, MeshAddress), BTreeSet<Vote>>;

/// A group on this node: gathering, started, or for its opener both until every member was heard.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) gathering: Option<Box<Gathering>>,
    pub(super) running: Option<Running>,
}

impl Table {
    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        let gathering = self
            .gathering
            .as_ref()
            .and_then(|gathering| gathering.deadline());
        let running = self.running.as_ref().and_then(Running::deadline);
        gathering.into_iter().chain(running).min()
    }

    pub(super) fn waiting_for(&self) -> Vec<WaitingFor> {
        let gathering = self
            .gathering
            .as_ref()
            .and_then(|gathering| gathering.waiting_for());
        let gathering = gathering.map(|(what, whom)| WaitingFor { what, whom });
        let running = self.running.as_ref().map(Running::waiting_for);
        gathering
            .into_iter()
            .chain(running.unwrap_or_default())
            .collect()
    }
}

impl Node {
    pub(super) fn replica(&self, group: GroupId) -> Option<&Replica> {
        self.running(group)?.replica()
    }

    pub(super) fn running(&self, group: GroupId) -> Option<&Running> {
        self.tables.get(&group)?.running.as_ref()
    }

    pub(super) fn table_timeout(&mut self, group: GroupId, now: Instant) {
        let due =
            |deadline: Option<(Instant, &'static str)>| deadline.is_some_and(|(at, _)| at <= now);
        let Some(table) = self.tables.get(&group) else {
            return;
        };
        let gathering = table
            .gathering
            .as_ref()
            .is_some_and(|gathering| due(gathering.deadline()));
        let running = table
            .running
            .as_ref()
            .is_some_and(|running| due(running.deadline()));
        if gathering {
            self.gathering_input(group, GatheringInput::Timeout, now);
        }
        if running {
            self.replica_input(group, ReplicaInput::Timeout, now);
        }
    }

    pub(super) fn table_stored(&mut self, group: GroupId, receipt: Receipt, now: Instant) {
        match receipt {
            Receipt::Gathering(sequence) => {
                self.gathering_input(group, GatheringInput::Stored(sequence), now);
            }
            Receipt::Consensus(sequence) => {
                self.replica_input(group, ReplicaInput::ConsensusStored { sequence }, now);
            }
            Receipt::Replica(sequence) => {
                self.replica_input(group, ReplicaInput::Stored { sequence }, now);
            }
        }
    }

    /// Paths changed: what was on its way to a member may be lost.
    pub(super) fn tell_paths_changed(&mut self, now: Instant) {
        for group in self.groups() {
            self.replica_input(group, ReplicaInput::PathsChanged, now);
        }
    }

    /// A peer became a neighbour: groups that he is in compare with him where they stand.
    pub(super) fn tell_neighbour(&mut self, address: MeshAddress, now: Instant) {
        for group in self.groups() {
            self.replica_input(group, ReplicaInput::Neighbour(address), now);
        }
    }

    /// Tells the tables who is reachable when that changed.
    pub(super) fn announce_topology(&mut self, now: Instant) {
        let reachable = self.mesh.reachable();
        if reachable == self.reachable {
            return;
        }
        self.reachable = reachable;
        for group in self.groups() {
            self.tell_reachable(group, now);
        }
    }

    /// Lets every table finish this input, then sends the votes that gathered.
    pub(super) fn flush_tables(&mut self, now: Instant) {
        for group in self.groups() {
            self.replica_input(group, ReplicaInput::Flush, now);
        }
        for ((group, dest), votes) in std::mem::take(&mut self.outgoing_votes) {
            let votes: Vec<Vote> = votes.into_iter().collect();
            for votes in votes.chunks(VOTES_PER_MESSAGE) {
                let votes = BoundedVec::truncating(votes.to_vec());
                self.send_message(group, dest, &GroupMessage::Votes(votes), now);
            }
        }
    }

    pub(super) fn restore_tables(&mut self, loaded: &mut Loaded, now: Instant) {
        for (group, records) in std::mem::take(&mut loaded.groups) {
            let mut out = Outbox::new();
            let setup = self.replica_setup(group);
            let running = match Follower::restore(&setup, &records, now, &mut out) {
                Some(follower) => Some(Running::Follower(Box::new(follower))),
                None => Replica::restore(&setup, &records, now, &mut out)
                    .map(|replica| Running::Replica(Box::new(replica))),
            };
            if running.is_none() && records.iter().any(|record| record.key != GATHERING_KEY) {
                self.damaged.insert(group);
            }
            let gathering = records.iter().find(|record| record.key == GATHERING_KEY);
            let gathering = gathering.and_then(|record| {
                let (identity, config) = (self.identity.clone(), self.config.group.clone());
                Gathering::restore(identity, config, self.rules_ids(), &record.value).ok()
            });
            if running.is_none() && gathering.is_none() {
                continue;
            }
            let table = Table {
                gathering: gathering.map(Box::new),
                running,
            };
            self.tables.insert(group, table);
            self.replica_outputs(group, out, now);
        }
    }

    /// The group here whose messages begin like `bytes`: no two of them do.
    pub(super) fn group_of(&self, bytes: &[u8]) -> Option<GroupId> {
        let tag = bytes.get(..GROUP_TAG_LEN)?;
        self.tables
            .keys()
            .find(|group| group.0[..GROUP_TAG_LEN] == *tag)
            .copied()
    }

    pub(super) fn group_message(
        &mut self,
        group: GroupId,
        origin: MeshAddress,
        message: GroupMessage,
        now: Instant,
    ) {
        let Some(table) = self.tables.get(&group) else {
            return;
        };
        let gathers = matches!(
            message,
            GroupMessage::Join(_) | GroupMessage::Roster(_) | GroupMessage::Genesis(_)
        );
        match (&table.gathering, &table.running) {
            (Some(_), None) => {
                self.gathering_input(group, GatheringInput::Message { origin, message }, now);
            }
            (Some(_), Some(_)) => {
                if gathers {
                    self.gathering_input(group, GatheringInput::Message { origin, message }, now);
                } else {
                    self.gathering_input(group, GatheringInput::Heard(origin), now);
                    self.replica_input(group, ReplicaInput::Message { origin, message }, now);
                }
                self.close_gathering_if_done(group);
            }
            (None, _) => {
                self.replica_input(group, ReplicaInput::Message { origin, message }, now);
            }
        }
    }

    fn gathering_input(&mut self, group: GroupId, input: GatheringInput, now: Instant) {
        let mut out = Outbox::new();
        if let Some(Table {
            gathering: Some(gathering),
            ..
        }) = self.tables.get_mut(&group)
        {
            gathering.handle(input, now, &mut out);
        }
        self.gathering_outputs(group, out, now);
    }

    pub(super) fn gathering_outputs(
        &mut self,
        group: GroupId,
        mut out: Outbox<GatheringOutput>,
        now: Instant,
    ) {
        for output in drain(&mut out) {
            match output {
                GatheringOutput::Store { sequence, record } => {
                    let record = Record {
                        key: GATHERING_KEY.to_vec(),
                        value: record,
                    };
                    let receipt = Some(Receipt::Gathering(sequence));
                    self.storage.add(group, vec![record], vec![], receipt);
                }
                GatheringOutput::Send { to, message } => {
                    self.send_gathering(group, to, &message, now);
                }
                GatheringOutput::Entries(entries) => {
                    self.event(Event::Gathering { group, entries })
                }
                GatheringOutput::Genesis(genesis) => {
                    self.start_replica(group, genesis, now);
                    self.close_gathering(group);
                }
                GatheringOutput::StartedWithoutUs => {
                    self.close_gathering(group);
                    self.tables.remove(&group);
                    self.event(Event::TableStarted { group });
                }
                GatheringOutput::Fault(fault) => self.fault(None, None, fault),
            }
        }
    }

    /// The opener's gathering ends once every member was heard in the group.
    fn close_gathering_if_done(&mut self, group: GroupId) {
        let gathering = self
            .tables
            .get(&group)
            .and_then(|table| table.gathering.as_ref());
        if gathering.is_some_and(|gathering| gathering.waiting_for().is_none()) {
            self.close_gathering(group);
        }
    }

    fn close_gathering(&mut self, group: GroupId) {
        if let Some(table) = self.tables.get_mut(&group)
            && table.gathering.take().is_some()
        {
            self.storage
                .add(group, vec![], vec![GATHERING_KEY.to_vec()], None);
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
            // In a crowd others are asked each time.
            let skip = self.join_asks % self.reachable.len().max(1);
            self.join_asks += JOIN_FAN_OUT;
            let all = self.reachable.iter().copied();
            let some: Vec<MeshAddress> = all
                .cycle()
                .skip(skip)
                .take(JOIN_FAN_OUT.min(self.reachable.len()))
                .collect();
            for to in some {
                self.send_message(group, to, message, now);
            }
        } else {
            self.send_message(group, to, message, now);
        }
    }

    pub(super) fn insert_gathering(
        &mut self,
        group: GroupId,
        gathering: Gathering,
        out: Outbox<GatheringOutput>,
        now: Instant,
    ) {
        let table = Table {
            gathering: Some(Box::new(gathering)),
            running: None,
        };
        self.tables.insert(group, table);
        self.gathering_outputs(group, out, now);
        self.tell_reachable(group, now);
    }

    pub(super) fn start_replica(&mut self, group: GroupId, genesis: SignedGenesis, now: Instant) {
        let mut out = Outbox::new();
        let mut setup = self.replica_setup(group);
        // A table that an earlier store may have voted in; not one that this process opened.
        let new_here = self.opened.contains(&group);
        setup.may_vote = new_here || setup.may_vote && !self.lost_before;
        let own = self.identity.peer();
        let observes = genesis.genesis.observers.iter().any(|it| it.peer == own);
        let running = if observes {
            Follower::new(&setup, genesis, now, &mut out)
                .map(|follower| Running::Follower(Box::new(follower)))
        } else {
            Replica::new(&setup, genesis, now, &mut out)
                .map(|replica| Running::Replica(Box::new(replica)))
        };
        match running {
            Ok(running) => {
                self.tables.entry(group).or_default().running = Some(running);
                self.event(Event::Started { group });
                self.replica_outputs(group, out, now);
                self.tell_reachable(group, now);
            }
            // A table that this phone cannot play: it may be joined again by another build.
            Err(fault) => {
                self.fault(None, None, fault);
                self.close_gathering(group);
                self.tables.remove(&group);
                self.event(Event::TableStarted { group });
            }
        }
    }

    fn tell_reachable(&mut self, group: GroupId, now: Instant) {
        let reachable = self.reachable.clone();
        self.gathering_input(group, GatheringInput::Reachable(reachable.clone()), now);
        self.replica_input(group, ReplicaInput::Reachable(reachable), now);
    }

    fn replica_setup(&self, group: GroupId) -> ReplicaSetup {
        ReplicaSetup {
            config: self.config.clone(),
            identity: self.identity.clone(),
            run: self.run,
            may_vote: self.may_vote && !self.damaged.contains(&group),
            nonce: self.nonce,
        }
    }

    fn replica_input(&mut self, group: GroupId, input: ReplicaInput, now: Instant) {
        let mut out = Outbox::new();
        if let Some(Table {
            running: Some(running),
            ..
        }) = self.tables.get_mut(&group)
        {
            running.handle(input, now, &mut out);
        }
        self.replica_outputs(group, out, now);
    }

    pub(super) fn replica_outputs(
        &mut self,
        group: GroupId,
        mut out: Outbox<ReplicaOutput>,
        now: Instant,
    ) {
        for output in drain(&mut out) {
            match output {
                ReplicaOutput::Spread { origin, message } => {
                    let members = self.member_addresses(group);
                    // Where the origin is not reachable any more, its tree is not known: everyone
                    // who is next to us gets it.
                    let dests = if origin == self.own_address() || self.reachable.contains(&origin)
                    {
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
                ReplicaOutput::Store {
                    receipt,
                    puts,
                    deletes,
                } => {
                    let receipt = receipt.map(Receipt::Replica);
                    self.storage.add(group, puts, deletes, receipt);
                }
                ReplicaOutput::StoreConsensus {
                    sequence,
                    puts,
                    deletes,
                } => {
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
            ReplicaEvent::View {
                head,
                patches,
                pending,
            } => Event::View {
                head,
                patches,
                pending,
            },
            ReplicaEvent::Fate { submission, fate } => Event::Fate {
                group,
                submission,
                fate,
            },
            ReplicaEvent::Committed {
                head,
                applied,
                refused,
            } => Event::Committed {
                head,
                applied,
                refused,
            },
            ReplicaEvent::Status(status) => Event::Status { group, status },
            ReplicaEvent::Evidence { peer, what } => Event::Evidence { group, peer, what },
            ReplicaEvent::Tally { value } => Event::Tally { group, value },
            ReplicaEvent::Recovery { peer, stage } => Event::Recovery { group, peer, stage },
            ReplicaEvent::Resync {
                peer,
                height,
                target,
            } => Event::Resync {
                group,
                peer,
                height,
                target,
            },
            ReplicaEvent::RulesVersion { have, need } => Event::RulesVersion { group, have, need },
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
                    self.outgoing_votes
                        .entry((group, *dest))
                        .or_default()
                        .extend(votes.iter());
                }
                _ => self.send_message(group, *dest, message, now),
            }
        }
    }

    fn member_addresses(&self, group: GroupId) -> BTreeSet<MeshAddress> {
        self.running(group)
            .map(|running| running.addresses().clone())
            .unwrap_or_default()
    }

    pub(super) fn own_address(&self) -> MeshAddress {
        self.identity.peer().address()
    }

    pub(super) fn rules_ids(&self) -> Vec<RulesId> {
        self.config.rules.iter().map(|rules| rules.id()).collect()
    }
}

/// Votes in one message: what `GroupMessage::Votes` holds.
const VOTES_PER_MESSAGE: usize = 64;
/// Phones asked at once for a table whose inviter is not reachable: as many as a group has members.
const JOIN_FAN_OUT: usize = crate::wire::MEMBERS_MAX;
/// Key of a gathering's record, relative to its group.
const GATHERING_KEY: &[u8] = b"t";
