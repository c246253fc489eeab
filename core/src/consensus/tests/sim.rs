//! A committee over a bad network, on bad disks, with liars in it.

mod disk;
mod liar;
mod phone;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use super::bench::Bench;
use crate::config::ConsensusConfig;
use crate::consensus::safety::Cast;
use crate::consensus::{Consensus, Finalized, Input};
use crate::crypto::Hash;
use crate::outbox::Record;
use crate::time::{Duration, Instant};
use crate::wire::{Block, GroupMessage, Mode, VoteKind};

/// How bad it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) n: usize,
    pub(super) mode: Mode,
    /// Messages lost, per thousand.
    pub(super) loss: u64,
    /// Messages doubled, per thousand.
    pub(super) doubled: u64,
    /// Longest delay of one hop.
    pub(super) delay_max: Duration,
    /// Crashes over the whole storm.
    pub(super) crashes: usize,
    /// Stores lost or put back over the whole storm, by the first n - q phones.
    pub(super) losses: usize,
    /// Partitions over the whole storm.
    pub(super) cuts: usize,
    /// Indices above this many are liars.
    pub(super) liars: usize,
    /// These never take part.
    pub(super) dead: usize,
    /// The nodes form a line instead of a full mesh.
    pub(super) line: bool,
    /// Writes refused, per thousand.
    pub(super) store_faults: u64,
    /// Until when it is that bad.
    pub(super) storm: Duration,
    /// A bug in everybody.
    #[cfg(feature = "planted")]
    pub(super) plant: Option<crate::config::Plant>,
}

impl Weather {
    pub(super) fn calm(n: usize, mode: Mode) -> Self {
        Self {
            n,
            mode,
            loss: 0,
            doubled: 0,
            delay_max: Duration::from_millis(20),
            crashes: 0,
            losses: 0,
            cuts: 0,
            liars: 0,
            dead: 0,
            line: false,
            store_faults: 0,
            storm: Duration::from_secs(10),
            #[cfg(feature = "planted")]
            plant: None,
        }
    }
}

#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a message of a simulation, moved once and seldom kept"
)]
enum Message {
    Group(GroupMessage),
    /// An action, spread by the group.
    Action(u64),
    Status {
        height: u64,
        reply: bool,
    },
    AskBlocks,
    Blocks(Box<(Finalized, Vec<Hash>)>),
    AskBody(Hash),
    Body(Block),
}

enum Event {
    Deliver {
        from: usize,
        to: usize,
        message: Box<Message>,
    },
    Written {
        node: usize,
        life: u32,
    },
    Wake {
        node: usize,
        life: u32,
    },
    Crash(usize),
    /// A copy of the store is made, and put back at that time where it is that of a loss.
    Copy(usize, Instant),
    Lose(usize, Option<Box<Disk>>),
    Restart(usize),
    Cut(BTreeSet<usize>),
    Heal,
    Act(usize, u64),
    Lie(usize),
}

enum Write {
    Consensus {
        sequence: u64,
        puts: Vec<Record>,
        deletes: Vec<Vec<u8>>,
    },
    Base(Finalized, Vec<Hash>),
}

#[derive(Clone, Default)]
struct Disk {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    base: Option<(Finalized, Vec<Hash>)>,
    /// Every vote that ever was on it.
    votes: BTreeSet<(u64, VoteKind, Hash)>,
}

struct Node {
    consensus: Option<Consensus>,
    life: u32,
    disk: Disk,
    writes: VecDeque<Write>,
    /// Hashes of the committed blocks, by height - 1.
    committed: Vec<Hash>,
    executed: BTreeSet<Hash>,
    pool: BTreeSet<u64>,
    said: Option<(Hash, bool)>,
    wake: Option<Instant>,
    dead: bool,
    /// Its store is not what it wrote last.
    lost: bool,
}

/// What was seen, beside that nothing broke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) height: usize,
    pub(super) rounds: u64,
    pub(super) messages: u64,
    pub(super) evidence: usize,
    pub(super) crashes: u32,
    pub(super) losses: u32,
    /// Times that somebody voted again after a loss.
    pub(super) recoveries: u32,
    /// Time from the storm's end until all actions were committed everywhere.
    pub(super) settled_ms: u64,
    /// Longest time from an action to its commit on every node, ms.
    pub(super) slowest_ms: u64,
}

pub(super) struct Sim {
    bench: Bench,
    weather: Weather,
    config: ConsensusConfig,
    rng: ChaCha12Rng,
    now: Instant,
    queue: BTreeMap<(Instant, u64), Event>,
    queued: u64,
    nodes: Vec<Node>,
    linked: Vec<Vec<bool>>,
    calm: bool,
    blocks: BTreeMap<Hash, Block>,
    /// Root and actions of every block that was executed anywhere.
    states: BTreeMap<Hash, (Hash, BTreeSet<u64>)>,
    agreed: Vec<Hash>,
    cast: BTreeMap<(usize, u64), Cast>,
    acted: BTreeMap<u64, Instant>,
    pub(super) seen: Seen,
}

impl Sim {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        let bench = Bench::new(weather.n, weather.mode);
        let genesis = bench.committee.epoch;
        let mut sim = Self {
            rng: ChaCha12Rng::seed_from_u64(seed),
            config: ConsensusConfig {
                #[cfg(feature = "planted")]
                plant: weather.plant,
                ..ConsensusConfig::default()
            },
            now: Instant::from_millis(1000),
            queue: BTreeMap::new(),
            queued: 0,
            nodes: Vec::new(),
            linked: Vec::new(),
            calm: false,
            blocks: BTreeMap::new(),
            states: BTreeMap::from([(genesis, (genesis, BTreeSet::new()))]),
            agreed: Vec::new(),
            cast: BTreeMap::new(),
            acted: BTreeMap::new(),
            seen: Seen::default(),
            bench,
            weather,
        };
        for index in 0..weather.n {
            let base = sim.bench.base();
            let consensus = Consensus::new(
                sim.config.clone(),
                sim.bench.committee.clone(),
                sim.bench.identities[index].clone(),
                Some(index as u8),
                Bench::proof(true, index as u64),
                base.clone(),
                sim.now,
            );
            let dead = index >= weather.n - weather.dead;
            sim.nodes.push(Node {
                consensus: (!dead).then_some(consensus),
                life: 0,
                disk: Disk {
                    base: Some((base, Vec::new())),
                    ..Disk::default()
                },
                writes: VecDeque::new(),
                committed: Vec::new(),
                executed: BTreeSet::from([genesis]),
                pool: BTreeSet::new(),
                said: None,
                wake: None,
                dead,
                lost: false,
            });
        }
        sim.heal();
        sim
    }

    /// Plays `acts` actions through the storm, then waits in calm weather until everybody has all of
    /// them, then watches that nobody says anything more.
    pub(super) fn run(mut self, acts: u64) -> Seen {
        let start = self.now;
        let storm = self.weather.storm;
        for id in 0..acts {
            let node = self.pick_alive();
            let at = self.within(storm);
            self.push(at, Event::Act(node, id));
        }
        for _ in 0..self.weather.crashes {
            let at = self.within(storm);
            let node = self.pick_alive();
            self.push(at, Event::Crash(node));
        }
        for loss in 0..self.weather.losses {
            let committee = &self.bench.committee;
            let absent = committee.len() - committee.quorum() - self.weather.liars;
            let node = loss % absent.max(1);
            let at = self.within(storm);
            if self.coin() {
                self.push(at, Event::Lose(node, None));
            } else {
                let copied = start + Duration::from_micros(at.since(start).as_micros() as u64 / 2);
                self.push(copied, Event::Copy(node, at));
            }
        }
        for _ in 0..self.weather.cuts {
            let at = self.within(storm);
            let side = (0..self.weather.n).filter(|_| self.coin()).collect();
            self.push(at, Event::Cut(side));
            let heal = Duration::from_millis(self.rng.next_u64() % 4000);
            self.push(at + heal, Event::Heal);
        }
        for liar in self.honest()..self.weather.n {
            self.push(start, Event::Lie(liar));
        }
        let storm_ends = start + storm;
        self.play_until(storm_ends);
        self.calm = true;
        for node in 0..self.weather.n {
            if self.nodes[node].consensus.is_none() && !self.nodes[node].dead {
                self.restart(node);
            }
        }
        self.heal();
        let limit = self.now + Duration::from_secs(240);
        while !self.settled(acts) {
            assert!(self.now < limit, "no progress: {}", self.describe());
            let step = self.now + Duration::from_millis(10);
            self.play_until(step);
        }
        self.seen.settled_ms = self.now.since(storm_ends).as_millis() as u64;
        if self.weather.liars == 0 {
            // Statuses and late answers end; after that an idle committee is silent.
            let quiet = self.now + Duration::from_secs(20);
            self.play_until(quiet);
            let said = self.seen.messages;
            let end = self.now + Duration::from_secs(120);
            self.play_until(end);
            assert_eq!(
                self.seen.messages,
                said,
                "an idle committee sends nothing: {}",
                self.describe()
            );
            for node in self.nodes.iter().filter_map(|node| node.consensus.as_ref()) {
                assert_eq!(node.deadline(), None, "an idle committee has no timer");
                assert_eq!(node.waiting_for(), Vec::new());
            }
        }
        self.seen.height = self.agreed.len();
        self.seen
    }

    fn honest(&self) -> usize {
        self.weather.n - self.weather.liars
    }

    fn settled(&self, acts: u64) -> bool {
        self.nodes[..self.honest()].iter().all(|node| {
            node.dead || {
                let top = node.committed.last();
                let top = top.copied().unwrap_or(self.bench.committee.epoch);
                self.states[&top].1.len() as u64 == acts
            }
        })
    }

    fn describe(&self) -> String {
        let mut text = format!("{:?}\n", self.weather);
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(consensus) = &node.consensus else {
                continue;
            };
            text += &format!(
                "{index}: round {} {:?} final {}@{} work {} waits {:?} deadline {:?} now {:?} \
                 pool {:?}\n",
                consensus.round(),
                consensus.step,
                consensus.finalized().height,
                consensus.finalized().round,
                consensus.work,
                consensus.waiting_for(),
                consensus.deadline(),
                self.now,
                node.pool,
            );
        }
        text
    }

    fn push(&mut self, at: Instant, event: Event) {
        self.queued += 1;
        self.queue.insert((at, self.queued), event);
    }

    fn within(&mut self, span: Duration) -> Instant {
        let micros = self.rng.next_u64() % span.as_micros() as u64;
        self.now + Duration::from_micros(micros)
    }

    fn coin(&mut self) -> bool {
        self.rng.next_u64().is_multiple_of(2)
    }

    fn chance(&mut self, per_thousand: u64) -> bool {
        !self.calm && self.rng.next_u64() % 1000 < per_thousand
    }

    fn pick_alive(&mut self) -> usize {
        let alive = (self.weather.n - self.weather.dead).min(self.honest());
        (self.rng.next_u64() % alive as u64) as usize
    }

    fn play_until(&mut self, end: Instant) {
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.play(event);
        }
        self.now = end;
    }

    fn play(&mut self, event: Event) {
        match event {
            Event::Deliver { from, to, message } => self.deliver(from, to, *message),
            Event::Written { node, life } if self.nodes[node].life == life => self.written(node),
            Event::Wake { node, life } if self.nodes[node].life == life => {
                if self.nodes[node].wake.is_some_and(|at| at <= self.now) {
                    self.nodes[node].wake = None;
                    self.feed(node, Input::Timeout);
                    let due = self.nodes[node].consensus.as_ref().unwrap().deadline();
                    assert!(
                        due.is_none_or(|(at, _)| at > self.now),
                        "spins: {due:?}, {}",
                        self.describe()
                    );
                }
            }
            Event::Written { .. } | Event::Wake { .. } => {}
            Event::Crash(node) => self.crash(node),
            Event::Copy(node, at) => {
                let copy = Box::new(self.nodes[node].disk.clone());
                self.push(at, Event::Lose(node, Some(copy)));
            }
            Event::Lose(node, copy) => self.lose(node, copy.map(|copy| *copy)),
            Event::Restart(node) => {
                if self.nodes[node].consensus.is_none() && !self.nodes[node].dead {
                    self.restart(node);
                }
            }
            Event::Cut(side) => {
                for one in 0..self.weather.n {
                    for other in 0..self.weather.n {
                        if side.contains(&one) != side.contains(&other) && !self.calm {
                            self.linked[one][other] = false;
                        }
                    }
                }
                self.tell_reaches();
            }
            Event::Heal => self.heal(),
            Event::Act(node, id) => {
                self.acted.entry(id).or_insert(self.now);
                if self.nodes[node].consensus.is_none() {
                    // The user opens the app again.
                    let at = self.now + Duration::from_secs(1);
                    self.push(at, Event::Act(node, id));
                    return;
                }
                self.nodes[node].pool.insert(id);
                for other in 0..self.weather.n {
                    self.send(node, other, Message::Action(id));
                }
                // The group repeats actions until their fate is known.
                let repeat = self.now + Duration::from_millis(1500);
                if !self.is_committed_everywhere(id) {
                    self.push(repeat, Event::Act(node, id));
                } else {
                    let took = self.now.since(self.acted[&id]).as_millis() as u64;
                    self.seen.slowest_ms = self.seen.slowest_ms.max(took);
                }
                self.work(node);
            }
            Event::Lie(node) => self.lie(node),
        }
    }

    fn is_committed_everywhere(&self, id: u64) -> bool {
        let live = self.nodes[..self.honest()].iter().filter(|node| !node.dead);
        live.into_iter().all(|node| {
            let top = node.committed.last();
            top.is_some_and(|top| self.states[top].1.contains(&id))
        })
    }

    fn heal(&mut self) {
        let n = self.weather.n;
        let line = self.weather.line;
        let links = |one: usize, other: usize| one != other && (!line || one.abs_diff(other) == 1);
        self.linked = (0..n)
            .map(|one| (0..n).map(|other| links(one, other)).collect())
            .collect();
        for one in 0..n {
            for other in 0..n {
                if let Some(consensus) = &self.nodes[one].consensus
                    && self.linked[one][other]
                {
                    let height = consensus.finalized().height;
                    let status = Message::Status {
                        height,
                        reply: true,
                    };
                    self.send(one, other, status);
                }
            }
        }
        self.tell_reaches();
    }

    fn tell_reaches(&mut self) {
        for node in 0..self.weather.n {
            self.tell_reach(node);
        }
    }

    fn tell_reach(&mut self, node: usize) {
        let reached = (0..self.weather.n).filter(|other| self.distance(node, *other).is_some());
        let reached = reached.map(|other| other as u8).collect();
        self.feed(node, Input::InReach(reached));
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        let Some(hops) = self.distance(from, to).filter(|hops| *hops > 0) else {
            return;
        };
        self.seen.messages += 1;
        if self.chance(self.weather.loss) {
            return;
        }
        let copies = 1 + usize::from(self.chance(self.weather.doubled));
        for _ in 0..copies {
            let span = self.weather.delay_max * hops as u32;
            let at = self.within(span) + Duration::from_millis(1);
            let message = Box::new(message.clone());
            self.push(at, Event::Deliver { from, to, message });
        }
    }

    /// Hops between two nodes over live links.
    fn distance(&self, from: usize, to: usize) -> Option<usize> {
        self.parents(from)[to].map(|(_, hops)| hops)
    }

    /// Breadth-first tree rooted at `root`: (parent, hops) of each node that is reached.
    fn parents(&self, root: usize) -> Vec<Option<(usize, usize)>> {
        let mut found = vec![None; self.weather.n];
        found[root] = Some((root, 0));
        let mut queue = VecDeque::from([root]);
        while let Some(node) = queue.pop_front() {
            let hops = found[node].unwrap().1;
            for (other, place) in found.iter_mut().enumerate() {
                if self.linked[node][other] && place.is_none() {
                    *place = Some((node, hops + 1));
                    queue.push_back(other);
                }
            }
        }
        found
    }
}
