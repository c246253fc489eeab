//! A committee over a bad network, on bad disks, with liars in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use super::bench::{Bench, actions, block, root};
use crate::config::ConsensusConfig;
use crate::consensus::{Consensus, Finalized, Input, Output, Verdict};
use crate::crypto::Hash;
use crate::outbox::Outbox;
use crate::outbox::Record;
use crate::time::{Duration, Instant};
use crate::wire::{
    Block, BoundedVec, Certificate, Fetch, GroupMessage, Mode, Parent, Vote, VoteKind,
};

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
            cuts: 0,
            liars: 0,
            dead: 0,
            line: false,
            store_faults: 0,
            storm: Duration::from_secs(10),
        }
    }
}

#[derive(Clone, Debug)]
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
        message: Message,
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

#[derive(Default)]
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
}

/// What was seen, beside that nothing broke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) height: usize,
    pub(super) rounds: u64,
    pub(super) messages: u64,
    pub(super) evidence: usize,
    pub(super) crashes: u32,
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
    cast: BTreeMap<(usize, u64), (Option<Hash>, Option<Hash>, bool)>,
    acted: BTreeMap<u64, Instant>,
    pub(super) seen: Seen,
}

impl Sim {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        let bench = Bench::new(weather.n, weather.mode);
        let genesis = bench.committee.epoch;
        let mut sim = Self {
            rng: ChaCha12Rng::seed_from_u64(seed),
            config: ConsensusConfig::default(),
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
                true,
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
        for _ in 0..self.weather.cuts {
            let at = self.within(storm);
            let side = (0..self.weather.n).filter(|_| self.rng.next_u64() % 2 == 0);
            let side = side.collect();
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
                "{index}: round {} {:?} top {:?} lacks {} missing {:?} final {}@{} work {} waits {:?} deadline {:?} now {:?} \
                 pool {:?}\n",
                consensus.round(),
                consensus.step,
                consensus
                    .rounds
                    .iter()
                    .map(|(n, r)| (*n, r.certified(), r.is_nullified(), r.votes().count()))
                    .collect::<Vec<_>>(),
                consensus.lacks,
                consensus.missing_bodies(),
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
            Event::Deliver { from, to, message } => self.deliver(from, to, message),
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
    }

    fn crash(&mut self, node: usize) {
        if self.nodes[node].consensus.take().is_none() || self.calm {
            return;
        }
        self.seen.crashes += 1;
        // A prefix of what was being written is on the disk.
        let durable = self.rng.next_u64() as usize % (self.nodes[node].writes.len() + 1);
        for _ in 0..durable {
            let write = self.nodes[node].writes.pop_front().unwrap();
            self.apply(node, &write);
        }
        let state = &mut self.nodes[node];
        state.writes.clear();
        state.life += 1;
        state.wake = None;
        let at = self.within(Duration::from_secs(3));
        self.push(at, Event::Restart(node));
    }

    fn restart(&mut self, node: usize) {
        let state = &mut self.nodes[node];
        let (base, committed) = state.disk.base.clone().unwrap();
        state.committed = committed;
        state.executed = BTreeSet::from([base.block]);
        state.said = None;
        let records: Vec<Record> = state
            .disk
            .records
            .iter()
            .map(|(key, value)| Record {
                key: key.clone(),
                value: value.clone(),
            })
            .collect();
        let mut out = Outbox::new();
        let consensus = Consensus::restore(
            self.config.clone(),
            self.bench.committee.clone(),
            self.bench.identities[node].clone(),
            Some(node as u8),
            true,
            base,
            &records,
            self.now,
            &mut out,
        );
        self.nodes[node].consensus = Some(consensus);
        self.drain(node, out);
        self.work(node);
        for other in 0..self.weather.n {
            if self.linked[node][other] {
                let height = self.nodes[node].committed.len() as u64;
                let status = Message::Status {
                    height,
                    reply: true,
                };
                self.send(node, other, status);
            }
        }
    }

    fn apply(&mut self, node: usize, write: &Write) {
        let disk = &mut self.nodes[node].disk;
        match write {
            Write::Consensus { puts, deletes, .. } => {
                for put in puts {
                    disk.records.insert(put.key.clone(), put.value.clone());
                    if put.key[0] == b'v' {
                        let vote: Vote = crate::wire::decode(&put.value, 4096).unwrap();
                        let statement = vote.statement;
                        disk.votes
                            .insert((statement.round, statement.kind, statement.block));
                    }
                }
                for key in deletes {
                    disk.records.remove(key);
                }
            }
            Write::Base(base, committed) => disk.base = Some((base.clone(), committed.clone())),
        }
    }

    fn write(&mut self, node: usize, write: Write) {
        self.nodes[node].writes.push_back(write);
        let delay = Duration::from_micros(500 + self.rng.next_u64() % 10_000);
        let life = self.nodes[node].life;
        self.push(self.now + delay, Event::Written { node, life });
    }

    /// The oldest write ends: writes are in order.
    fn written(&mut self, node: usize) {
        let write = self.nodes[node].writes.pop_front().unwrap();
        if let Write::Consensus { sequence, .. } = write
            && self.chance(self.weather.store_faults)
        {
            self.feed(node, Input::StoreFailed { sequence });
            return;
        }
        self.apply(node, &write);
        if let Write::Consensus { sequence, .. } = write {
            self.feed(node, Input::Stored { sequence });
        }
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
            let message = message.clone();
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

    fn deliver(&mut self, from: usize, to: usize, message: Message) {
        let Some(consensus) = &self.nodes[to].consensus else {
            return;
        };
        match message {
            Message::Group(GroupMessage::Proposal(proposal)) => {
                self.feed(to, Input::Proposal(proposal));
            }
            Message::Group(GroupMessage::Votes(votes)) => {
                self.feed(to, Input::Votes(votes.into_vec()));
            }
            Message::Group(GroupMessage::Certificates(certificates)) => {
                self.feed(to, Input::Certificates(certificates.into_vec()));
            }
            Message::Group(GroupMessage::Refusal(refusal)) => {
                self.feed(to, Input::Refusal(refusal));
            }
            Message::Group(GroupMessage::Fetch(Fetch::Votes { from: round })) => {
                for answer in consensus.votes_from(round) {
                    self.send(to, from, Message::Group(answer));
                }
            }
            Message::Group(other) => panic!("not a message of consensus: {other:?}"),
            Message::Action(id) => {
                self.nodes[to].pool.insert(id);
                self.work(to);
            }
            Message::Status { height, reply } => {
                let own = self.nodes[to].committed.len() as u64;
                if own < height {
                    self.send(to, from, Message::AskBlocks);
                }
                if reply {
                    let status = Message::Status {
                        height: own,
                        reply: false,
                    };
                    self.send(to, from, status);
                    for answer in self.nodes[to]
                        .consensus
                        .as_ref()
                        .unwrap()
                        .votes_from(own.saturating_sub(1))
                    {
                        self.send(to, from, Message::Group(answer));
                    }
                }
            }
            Message::AskBlocks => {
                let finalized = consensus.finalized().clone();
                if finalized.certificate.is_some() {
                    let committed = self.nodes[to].committed.clone();
                    let answer = Message::Blocks(Box::new((finalized, committed)));
                    self.send(to, from, answer);
                }
            }
            Message::Blocks(answer) => {
                let (finalized, committed) = *answer;
                if finalized.height <= self.nodes[to].committed.len() as u64 {
                    return;
                }
                for (height, hash) in committed.iter().enumerate() {
                    self.agree(height, *hash);
                }
                let state = &mut self.nodes[to];
                state.committed.clone_from(&committed);
                state.executed.insert(finalized.block);
                self.write(to, Write::Base(finalized.clone(), committed));
                self.feed(to, Input::Installed(finalized));
            }
            Message::AskBody(hash) => {
                let held = consensus.body(&hash).map(|(block, _)| block);
                let committed = self.nodes[to].committed.contains(&hash);
                let old = self.blocks.get(&hash).filter(|_| committed).cloned();
                if let Some(block) = held.or(old) {
                    self.send(to, from, Message::Body(block));
                }
            }
            Message::Body(block) => self.feed(to, Input::Body(block)),
        }
    }

    fn agree(&mut self, height: usize, hash: Hash) {
        match self.agreed.get(height) {
            None => {
                assert_eq!(self.agreed.len(), height, "commits have no gaps");
                self.agreed.push(hash);
            }
            Some(agreed) => assert_eq!(*agreed, hash, "agreement at height {}", height + 1),
        }
    }

    /// Says whether there is something to include, when that or the tip has changed.
    fn work(&mut self, node: usize) {
        let state = &self.nodes[node];
        let Some(consensus) = &state.consensus else {
            return;
        };
        let tip = consensus.tip();
        assert!(state.executed.contains(&tip), "the tip was executed");
        let work = state.pool.difference(&self.states[&tip].1).next().is_some();
        if state.said != Some((tip, work)) {
            self.nodes[node].said = Some((tip, work));
            self.feed(node, Input::Work(work));
        }
    }

    fn feed(&mut self, node: usize, input: Input) {
        let mut out = Outbox::new();
        let Some(consensus) = &mut self.nodes[node].consensus else {
            return;
        };
        consensus.handle(input, self.now, &mut out);
        self.drain(node, out);
        self.work(node);
        let Some(consensus) = &self.nodes[node].consensus else {
            return;
        };
        self.seen.rounds = self.seen.rounds.max(consensus.round());
        let due = consensus.deadline().map(|(at, _)| at);
        if due != self.nodes[node].wake {
            self.nodes[node].wake = due;
            let life = self.nodes[node].life;
            if let Some(at) = due {
                self.push(at.max(self.now), Event::Wake { node, life });
            }
        }
    }

    fn drain(&mut self, node: usize, mut out: Outbox<Output>) {
        while let Some(output) = out.pop() {
            let answer = self.wish(node, output);
            if let Some(input) = answer
                && let Some(consensus) = &mut self.nodes[node].consensus
            {
                consensus.handle(input, self.now, &mut out);
            }
        }
    }

    fn wish(&mut self, node: usize, output: Output) -> Option<Input> {
        match output {
            Output::Build {
                round,
                parent,
                height,
            } => return Some(self.build(node, round, parent, height)),
            Output::Execute {
                parent,
                hash,
                block,
            } => return Some(self.execute(node, parent, hash, &block)),
            Output::Store {
                sequence,
                puts,
                deletes,
            } => self.write(
                node,
                Write::Consensus {
                    sequence,
                    puts,
                    deletes,
                },
            ),
            Output::Spread { author, message } => {
                self.check_sent(node, &message);
                let children = self.parents(usize::from(author));
                for (other, place) in children.into_iter().enumerate() {
                    if place.is_some_and(|(parent, hops)| parent == node && hops > 0) {
                        self.send(node, other, Message::Group(message.clone()));
                    }
                }
            }
            Output::Send { to, message } => {
                self.check_sent(node, &message);
                self.send(node, usize::from(to), Message::Group(message));
            }
            Output::Repeat { message } => {
                self.check_sent(node, &message);
                for other in 0..self.weather.n {
                    if self.linked[node][other] {
                        self.send(node, other, Message::Group(message.clone()));
                    }
                }
            }
            Output::Finalized {
                blocks,
                certificate,
            } => self.finalized(node, blocks, certificate),
            Output::NeedBody { block, from } => {
                let to = from[self.rng.next_u64() as usize % from.len()];
                self.send(node, usize::from(to), Message::AskBody(block));
            }
            Output::NeedBlocks { from } => {
                let to = from[self.rng.next_u64() as usize % from.len()];
                self.send(node, usize::from(to), Message::AskBlocks);
            }
            Output::Evidence { voter, what } => {
                assert!(usize::from(voter) >= self.honest(), "{voter}: {what}");
                self.seen.evidence += 1;
            }
            Output::Diverged { what } => panic!("{node} diverged: {what}"),
            Output::Fault(fault) => assert!(self.weather.liars > 0, "{fault}"),
        }
        None
    }

    fn build(&mut self, node: usize, round: u64, parent: Hash, height: u64) -> Input {
        let (parent_root, done) = self.states[&parent].clone();
        let fresh: Vec<u64> = self.nodes[node]
            .pool
            .difference(&done)
            .copied()
            .take(4)
            .collect();
        let built = (!fresh.is_empty()).then(|| {
            let block = block(height, parent, parent_root, &fresh);
            let hash = self.bench.hash(&block);
            let mut state = done;
            state.extend(&fresh);
            self.states.insert(hash, (block.root, state));
            self.blocks.insert(hash, block.clone());
            self.nodes[node].executed.insert(hash);
            block
        });
        if let Some(block) = &built
            && node >= self.honest()
        {
            self.propose_twice(node, round, block);
        }
        Input::Built {
            round,
            block: built,
        }
    }

    fn execute(&mut self, node: usize, parent: Hash, hash: Hash, block: &Block) -> Input {
        assert!(
            self.nodes[node].executed.contains(&parent),
            "parents are executed first"
        );
        let (parent_root, mut state) = self.states[&parent].clone();
        let ids = actions(block);
        let verdict = if ids.iter().any(|id| state.contains(id)) {
            Verdict::Invalid { rule: 8 }
        } else if root(parent_root, &ids) != block.root {
            Verdict::WrongRoot
        } else {
            state.extend(ids);
            self.states.insert(hash, (block.root, state));
            self.blocks.insert(hash, block.clone());
            self.nodes[node].executed.insert(hash);
            Verdict::Valid
        };
        Input::Executed {
            block: hash,
            verdict,
        }
    }

    fn finalized(&mut self, node: usize, blocks: Vec<(Hash, Block)>, certificate: Certificate) {
        assert!(self.bench.committee.verify_certificate(&certificate));
        assert_eq!(certificate.statement.kind, VoteKind::Finalize);
        for (hash, block) in blocks {
            let height = self.nodes[node].committed.len();
            assert_eq!(block.height, height as u64 + 1);
            assert!(self.nodes[node].executed.contains(&hash));
            if node < self.honest() {
                self.agree(height, hash);
            }
            self.nodes[node].committed.push(hash);
        }
        let top = *self.nodes[node].committed.last().unwrap();
        assert_eq!(certificate.statement.block, top);
        let base = Finalized {
            height: self.nodes[node].committed.len() as u64,
            block: top,
            round: certificate.statement.round,
            certificate: Some(certificate),
        };
        let committed = self.nodes[node].committed.clone();
        self.write(node, Write::Base(base, committed));
    }

    /// C6, C8, C10 on everything that an honest node says of itself.
    fn check_sent(&mut self, node: usize, message: &GroupMessage) {
        if node >= self.honest() {
            return;
        }
        let GroupMessage::Votes(votes) = message else {
            return;
        };
        for vote in votes.iter().filter(|vote| usize::from(vote.voter) == node) {
            let statement = vote.statement;
            let stored = (statement.round, statement.kind, statement.block);
            assert!(
                self.nodes[node].disk.votes.contains(&stored),
                "stored before it is sent"
            );
            let cast = self.cast.entry((node, statement.round)).or_default();
            let block = Some(statement.block);
            match statement.kind {
                VoteKind::Notarize => {
                    assert!(cast.0.is_none() || cast.0 == block, "two notarizes");
                    cast.0 = block;
                }
                VoteKind::Finalize => {
                    assert!(cast.1.is_none() || cast.1 == block, "two finalizes");
                    cast.1 = block;
                }
                VoteKind::Nullify => cast.2 = true,
            }
            assert!(
                cast.1.is_none() || !cast.2,
                "finalize and nullify in one round"
            );
        }
    }

    /// The liar's other face: another block for half of the others.
    fn propose_twice(&mut self, liar: usize, round: u64, first: &Block) {
        let ids = actions(first);
        let (parent_root, done) = self.states[&first.parent].clone();
        let mut ids: Vec<u64> = ids.into_iter().rev().collect();
        if ids.len() == 1 {
            ids.push(1_000_000 + round);
        }
        ids.retain(|id| *id < 1_000_000);
        let other = block(first.height, first.parent, parent_root, &ids);
        let consensus = self.nodes[liar].consensus.as_ref().unwrap();
        let (below, _) = consensus.highest_certified();
        let extends = Parent::Extends { round: below };
        let _forgotten = done;
        let proposal = self.bench.propose(round, extends, other);
        for to in 0..self.honest() {
            if self.rng.next_u64() % 2 == 0 {
                let message = GroupMessage::Proposal(proposal.clone());
                self.send(liar, to, Message::Group(message));
            }
        }
    }

    /// Votes for anything, in any kind, to anybody.
    fn lie(&mut self, liar: usize) {
        if self.calm {
            return;
        }
        let next = self.within(Duration::from_millis(200));
        self.push(next, Event::Lie(liar));
        let Some(consensus) = &self.nodes[liar].consensus else {
            return;
        };
        let ahead = self.rng.next_u64() % 3;
        let round = (consensus.round() + ahead).saturating_sub(1).max(1);
        let blocks: Vec<Hash> = self
            .nodes
            .iter()
            .filter_map(|node| node.consensus.as_ref()?.rounds.get(&round))
            .filter_map(|round| round.proposal.as_ref().map(|(hash, _)| *hash))
            .collect();
        let voter = liar as u8;
        let mut votes = vec![self.bench.vote(voter, round, VoteKind::Nullify, Hash::ZERO)];
        for block in blocks {
            votes.push(self.bench.vote(voter, round, VoteKind::Notarize, block));
            votes.push(self.bench.vote(voter, round, VoteKind::Finalize, block));
        }
        for to in 0..self.honest() {
            let chosen: Vec<Vote> = votes
                .iter()
                .filter(|_| self.rng.next_u64() % 2 == 0)
                .copied()
                .collect();
            let votes = BoundedVec::truncating(chosen);
            let message = GroupMessage::Votes(votes);
            self.send(liar, to, Message::Group(message));
        }
    }
}
