//! A few replicas in one test: everyone hears everyone, stores answer at once, and every byte that
//! goes to a store or on a link is kept.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Replica, ReplicaEvent, ReplicaInput, ReplicaOutput, ReplicaSetup};
use crate::config::Config;
use crate::crypto::{Hash, Identity, SignatureScheme};
use crate::group::fixture::Cheap;
use crate::group::{HashChain, genesis_state};
use crate::id::{GroupId, MeshAddress, PeerId, RunId};
use crate::outbox::{Outbox, Record};
use crate::rules::Rules;
use crate::time::{Duration, Instant};
use crate::wire::{
    BoundedVec, Bytes, Genesis, GroupMessage, MESSAGE_LEN_MAX, Mode, RosterEntry, SignedAction,
    SignedGenesis, Validity, decode, encode,
};

/// Inputs in one run: far more than any test needs, so that a loop shows.
const INPUTS_MAX: usize = 100_000;

struct Phone {
    setup: ReplicaSetup,
    replica: Replica,
    store: BTreeMap<Vec<u8>, Vec<u8>>,
    in_reach: bool,
}

/// The replicas of one group.
pub(super) struct Cluster {
    phones: Vec<Phone>,
    now: Instant,
    inputs: VecDeque<(usize, ReplicaInput)>,
    /// What went to stores and links.
    pub(super) carried: Vec<Vec<u8>>,
    /// What the apps were told.
    pub(super) events: Vec<(usize, ReplicaEvent)>,
}

impl Cluster {
    /// `n` members by `rules`, with histories of `history_bytes_max`.
    pub(super) fn new(n: u8, rules: Arc<dyn Rules>, history_bytes_max: usize) -> Self {
        let scheme: Arc<dyn SignatureScheme> = Arc::new(Cheap);
        let now = Instant::from_millis(1_000);
        let group = GroupId([9; 16]);
        let identities: Vec<Identity> = (0..n)
            .map(|index| Identity::with_scheme([index + 1; 32], Arc::clone(&scheme)))
            .collect();
        let genesis = genesis(group, &identities, &*rules);
        let mut config = Config {
            rules: vec![rules],
            ..Config::default()
        };
        config.group.history_bytes_max = history_bytes_max;
        let mut cluster = Self {
            phones: Vec::new(),
            now,
            inputs: VecDeque::new(),
            carried: Vec::new(),
            events: Vec::new(),
        };
        for (index, identity) in identities.into_iter().enumerate() {
            let setup = ReplicaSetup {
                config: config.clone(),
                identity,
                run: RunId(index as u64 + 100),
                may_vote: true,
                nonce: 0,
            };
            let mut out = Outbox::new();
            let replica = Replica::new(&setup, genesis.clone(), now, &mut out);
            cluster.phones.push(Phone {
                setup,
                replica: replica.expect("a genesis of this test"),
                store: BTreeMap::new(),
                in_reach: true,
            });
            cluster.outputs(index, out);
        }
        cluster.topology();
        cluster
    }

    pub(super) fn replica(&self, phone: usize) -> &Replica {
        &self.phones[phone].replica
    }

    /// To be damaged.
    pub(super) fn replica_mut(&mut self, phone: usize) -> &mut Replica {
        &mut self.phones[phone].replica
    }

    pub(super) fn peer(&self, phone: usize) -> PeerId {
        self.phones[phone].setup.identity.peer()
    }

    /// Submits and runs until it is committed, or refused, on everyone in reach.
    pub(super) fn commit(&mut self, phone: usize, payload: Vec<u8>) {
        let mut out = Outbox::new();
        let submitted =
            self.phones[phone]
                .replica
                .submit(payload, vec![], Validity::default(), &mut out);
        submitted.expect("room in the view");
        self.outputs(phone, out);
        self.inputs.push_back((phone, ReplicaInput::Flush));
        self.settle();
    }

    /// These actions are known to one phone, and nothing follows from it yet.
    pub(super) fn knows(&mut self, phone: usize, actions: &[SignedAction]) {
        let replica = &mut self.phones[phone].replica;
        for action in actions {
            replica.action(action, None, self.now, &mut Outbox::new());
        }
    }

    /// Gives `phone` a message of `from`, and runs until nobody waits for anything.
    pub(super) fn hears(&mut self, phone: usize, from: usize, message: GroupMessage) {
        let origin = self.peer(from).address();
        let input = ReplicaInput::Message { origin, message };
        self.inputs.push_front((phone, input));
        self.settle();
    }

    /// Out of everybody's reach, or back.
    pub(super) fn set_in_reach(&mut self, phone: usize, in_reach: bool) {
        self.phones[phone].in_reach = in_reach;
        self.topology();
        self.settle();
    }

    /// The process ends and a new one goes on from the store.
    pub(super) fn restart(&mut self, phone: usize) {
        self.inputs.retain(|(to, _)| *to != phone);
        let dead = &mut self.phones[phone];
        let records: Vec<Record> = dead
            .store
            .iter()
            .map(|(key, value)| Record {
                key: key.clone(),
                value: value.clone(),
            })
            .collect();
        let mut out = Outbox::new();
        dead.replica =
            Replica::restore(&dead.setup, &records, self.now, &mut out).expect("a whole store");
        self.outputs(phone, out);
        self.topology();
        self.settle();
    }

    /// Runs for two minutes, or until nobody waits for anything.
    pub(super) fn settle(&mut self) {
        let end = self.now + Duration::from_secs(120);
        for _ in 0..INPUTS_MAX {
            if let Some((phone, input)) = self.inputs.pop_front() {
                self.input(phone, input);
                continue;
            }
            let due = self.phones.iter().map(|phone| phone.replica.deadline());
            let next = due.flatten().map(|(at, _)| at).min();
            let Some(at) = next.filter(|at| *at <= end) else {
                return;
            };
            self.now = self.now.max(at);
            for phone in 0..self.phones.len() {
                let due = self.phones[phone].replica.deadline();
                if due.is_some_and(|(at, _)| at <= self.now) {
                    self.input(phone, ReplicaInput::Timeout);
                }
            }
        }
        panic!("no rest after {INPUTS_MAX} inputs");
    }

    fn input(&mut self, phone: usize, input: ReplicaInput) {
        let mut out = Outbox::new();
        let replica = &mut self.phones[phone].replica;
        replica.handle(input, self.now, &mut out);
        replica.handle(ReplicaInput::Flush, self.now, &mut out);
        self.outputs(phone, out);
    }

    /// Tells everyone who is in reach, and that they may greet each other.
    fn topology(&mut self) {
        let all = 0..self.phones.len();
        for phone in all.clone() {
            let heard: Vec<MeshAddress> = all
                .clone()
                .filter(|other| *other != phone && self.is_heard(phone, *other))
                .map(|other| self.peer(other).address())
                .collect();
            let reachable: BTreeSet<MeshAddress> = heard.iter().copied().collect();
            self.inputs
                .push_back((phone, ReplicaInput::Reachable(reachable)));
            for address in heard {
                self.inputs
                    .push_back((phone, ReplicaInput::Neighbour(address)));
            }
        }
    }

    fn is_heard(&self, phone: usize, other: usize) -> bool {
        self.phones[phone].in_reach && self.phones[other].in_reach
    }

    fn outputs(&mut self, phone: usize, mut out: Outbox<ReplicaOutput>) {
        while let Some(output) = out.pop() {
            match output {
                ReplicaOutput::Spread { origin, message } => {
                    // Everyone is next to the origin.
                    if origin == self.peer(phone).address() {
                        self.send(phone, None, &message);
                    }
                }
                ReplicaOutput::Nearest { message } => self.send(phone, None, &message),
                ReplicaOutput::Send { to, message } => self.send(phone, Some(to), &message),
                ReplicaOutput::Store {
                    receipt,
                    puts,
                    deletes,
                } => {
                    self.store(phone, puts, &deletes);
                    let stored = receipt.map(|sequence| ReplicaInput::Stored { sequence });
                    self.inputs.extend(stored.map(|stored| (phone, stored)));
                }
                ReplicaOutput::StoreConsensus {
                    sequence,
                    puts,
                    deletes,
                } => {
                    self.store(phone, puts, &deletes);
                    let stored = ReplicaInput::ConsensusStored { sequence };
                    self.inputs.push_back((phone, stored));
                }
                ReplicaOutput::Event(event) => self.events.push((phone, event)),
                ReplicaOutput::Fault { peer, fault } => panic!("{phone} blames {peer:?}: {fault}"),
            }
        }
    }

    fn send(&mut self, from: usize, to: Option<MeshAddress>, message: &GroupMessage) {
        let bytes = encode(message);
        let origin = self.peer(from).address();
        for phone in 0..self.phones.len() {
            let meant = to.is_none_or(|to| self.peer(phone).address() == to);
            if phone != from && meant && self.is_heard(from, phone) {
                let message = decode(&bytes, MESSAGE_LEN_MAX).expect("what was just encoded");
                let input = ReplicaInput::Message { origin, message };
                self.inputs.push_back((phone, input));
            }
        }
        self.carried.push(bytes);
    }

    fn store(&mut self, phone: usize, puts: Vec<Record>, deletes: &[Vec<u8>]) {
        let store = &mut self.phones[phone].store;
        for record in puts {
            self.carried.push(record.key.clone());
            self.carried.push(record.value.clone());
            store.insert(record.key, record.value);
        }
        for key in deletes {
            store.remove(key);
        }
    }
}

fn genesis(group: GroupId, identities: &[Identity], rules: &dyn Rules) -> SignedGenesis {
    let members = identities
        .iter()
        .map(|identity| RosterEntry {
            peer: identity.peer(),
            name: Bytes::truncating(b"somebody".to_vec()),
            tip: HashChain::new(identity, group).tip(),
            sealing: crate::crypto::seal::SealingKey([0; 32]),
            votes: true,
        })
        .collect();
    let mut genesis = Genesis {
        group,
        observers: BoundedVec::new(),
        members: BoundedVec::truncating(members),
        rules: rules.id(),
        rules_config: Bytes::new(),
        modes: BoundedVec::truncating(vec![Mode::Bft; 16]),
        draw_timeout_ms: 8000,
        root: Hash::ZERO,
        key: crate::wire::EpochKey::default(),
    };
    genesis.root = genesis_state(&genesis, rules)
        .expect("no configuration")
        .root();
    genesis.sign(&identities[0])
}
