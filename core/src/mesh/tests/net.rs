//! A network in memory, and what is true of it by brute force.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::crypto::{Domain, hash};

pub(super) fn peer(n: usize) -> PeerId {
    // Hashed, so that the order of addresses has nothing to do with the order of numbers.
    PeerId(hash(Domain::Trace, &[&n.to_le_bytes()]).0)
}

pub(super) fn address(n: usize) -> MeshAddress {
    peer(n).address()
}

pub(super) struct Net {
    pub(super) nodes: Vec<Mesh>,
    pub(super) links: BTreeMap<LinkId, (usize, usize)>,
    pub(super) now: Instant,
    pub(super) delivered: Vec<(usize, MeshAddress, Vec<u8>)>,
    pub(super) unroutable: usize,
    pub(super) faults: Vec<PeerFault>,
    pub(super) frames: BTreeMap<&'static str, usize>,
    pub(super) bytes_max: usize,
    pub(super) topology_changes: Vec<usize>,
    pub(super) loss_percent: usize,
    queue: Vec<(LinkId, usize, Vec<u8>)>,
    next_link: u64,
    rng: ChaCha12Rng,
}

impl Net {
    pub(super) fn new(len: usize, seed: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let nodes = (0..len).map(|n| node(n, &mut rng, Instant::ZERO)).collect();
        Self {
            nodes,
            links: BTreeMap::new(),
            now: Instant::ZERO,
            delivered: Vec::new(),
            unroutable: 0,
            faults: Vec::new(),
            frames: BTreeMap::new(),
            bytes_max: 0,
            topology_changes: vec![0; len],
            loss_percent: 0,
            queue: Vec::new(),
            next_link: 0,
            rng,
        }
    }

    pub(super) fn pick(&mut self, len: usize) -> usize {
        self.rng.next_u32() as usize % len
    }

    pub(super) fn link(&mut self, a: usize, b: usize) -> Option<LinkId> {
        if a == b {
            return None;
        }
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link, (a, b));
        self.feed(
            a,
            MeshInput::LinkUp {
                link,
                peer: peer(b),
            },
        );
        self.feed(
            b,
            MeshInput::LinkUp {
                link,
                peer: peer(a),
            },
        );
        Some(link)
    }

    pub(super) fn unlink(&mut self, link: LinkId) {
        let (a, b) = self.links.remove(&link).unwrap();
        self.queue.retain(|(on, _, _)| *on != link);
        self.feed(a, MeshInput::LinkDown { link });
        self.feed(b, MeshInput::LinkDown { link });
    }

    pub(super) fn unlink_any(&mut self) {
        if self.links.is_empty() {
            return;
        }
        let at = self.pick(self.links.len());
        let link = *self.links.keys().nth(at).unwrap();
        self.unlink(link);
    }

    /// Only node `n` notices that the link is gone.
    pub(super) fn drop_end(&mut self, link: LinkId, n: usize) {
        self.feed(n, MeshInput::LinkDown { link });
    }

    pub(super) fn restart(&mut self, n: usize) {
        let dead: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, (a, b))| *a == n || *b == n)
            .map(|(link, _)| *link)
            .collect();
        self.nodes[n] = node(n, &mut self.rng, self.now);
        for link in dead {
            self.unlink(link);
        }
    }

    pub(super) fn send(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        self.feed(
            from,
            MeshInput::Send {
                dest: address(to),
                bytes,
                kind: "test",
            },
        );
    }

    pub(super) fn feed(&mut self, n: usize, input: MeshInput) {
        let mut out = Outbox::new();
        self.nodes[n].handle(input, self.now, &mut out);
        while let Some(output) = out.pop() {
            match output {
                MeshOutput::Transmit { link, bytes, kind } => {
                    *self.frames.entry(kind).or_default() += 1;
                    if self.frames.len() == 1 && self.frames.get(kind) == Some(&1) {
                        self.bytes_max = 0;
                    }
                    self.bytes_max = self.bytes_max.max(bytes.len());
                    let lost = self.pick(100) < self.loss_percent;
                    if let (Some((a, b)), false) = (self.links.get(&link), lost) {
                        let to = if *a == n { *b } else { *a };
                        self.queue.push((link, to, bytes));
                    }
                }
                MeshOutput::Deliver { origin, bytes, .. } => {
                    self.delivered.push((n, origin, bytes));
                }
                MeshOutput::TopologyChanged => self.topology_changes[n] += 1,
                MeshOutput::NoRoute { .. } => self.unroutable += 1,
                MeshOutput::TooLong { len, .. } => panic!("{len} bytes"),
                MeshOutput::Fault { fault, .. } => self.faults.push(fault),
            }
        }
    }

    /// Delivers up to `count` frames, any first.
    pub(super) fn deliver(&mut self, count: usize) {
        for _ in 0..count {
            if self.queue.is_empty() {
                return;
            }
            let at = self.pick(self.queue.len());
            let (link, to, bytes) = self.queue.swap_remove(at);
            self.feed(to, MeshInput::Frame { link, bytes });
        }
    }

    /// Runs until no frame is under way and nobody wants to announce anything.
    pub(super) fn settle(&mut self) {
        loop {
            self.deliver(usize::MAX);
            let announcing = |mesh: &Mesh| mesh.announce_due;
            let Some(next) = self.nodes.iter().filter_map(announcing).min() else {
                return;
            };
            self.advance(next);
        }
    }

    /// Lets time pass, with every deadline met and every frame delivered.
    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.deliver(usize::MAX);
            let deadlines = self.nodes.iter().filter_map(Mesh::deadline);
            match deadlines.map(|(at, _)| at).min() {
                Some(at) if at <= end => self.advance(at),
                _ => break,
            }
        }
        self.now = end;
    }

    fn advance(&mut self, to: Instant) {
        self.now = self.now.max(to);
        for n in 0..self.nodes.len() {
            if self.nodes[n]
                .deadline()
                .is_some_and(|(at, _)| at <= self.now)
            {
                self.feed(n, MeshInput::Timeout);
                let deadline = self.nodes[n].deadline();
                assert!(deadline.is_none_or(|(at, _)| at > self.now), "{deadline:?}");
            }
        }
    }

    pub(super) fn linked(&self, n: usize) -> BTreeSet<usize> {
        let ends = self.links.values();
        ends.filter_map(|(a, b)| match n {
            _ if *a == n => Some(*b),
            _ if *b == n => Some(*a),
            _ => None,
        })
        .collect()
    }

    pub(super) fn distances(&self, root: usize) -> Vec<Option<usize>> {
        let mut distances = vec![None; self.nodes.len()];
        distances[root] = Some(0);
        let mut edge = vec![root];
        for distance in 1.. {
            let mut next = Vec::new();
            for n in edge {
                for m in self.linked(n) {
                    if distances[m].is_none() {
                        distances[m] = Some(distance);
                        next.push(m);
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            edge = next;
        }
        distances
    }

    pub(super) fn component(&self, n: usize) -> BTreeSet<MeshAddress> {
        let distances = self.distances(n);
        let others = (0..self.nodes.len()).filter(|m| *m != n && distances[*m].is_some());
        others.map(address).collect()
    }

    /// What `children` must be, straight from its definition.
    pub(super) fn children(
        &self,
        n: usize,
        origin: usize,
        members: &BTreeSet<usize>,
    ) -> Vec<MeshAddress> {
        let distances = self.distances(origin);
        let parent = |m: usize| {
            let nearer = self.linked(m).into_iter();
            nearer
                .filter(|k| distances[*k].map(|d| d + 1) == distances[m])
                .min_by_key(|k| address(*k))
                .unwrap()
        };
        let mut children = Vec::new();
        for member in members {
            if *member == origin || distances[*member].is_none() {
                continue;
            }
            let mut before = parent(*member);
            while before != origin && !members.contains(&before) {
                before = parent(before);
            }
            if before == n {
                children.push(address(*member));
            }
        }
        children.sort_unstable();
        children
    }
}

fn node(n: usize, rng: &mut ChaCha12Rng, now: Instant) -> Mesh {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    Mesh::new(MeshConfig::default(), peer(n), seed, now)
}
