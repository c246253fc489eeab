//! Who is linked to whom, as far as it was announced, and the shortest paths that follow from it.
//!
//! An edge counts if both of its ends announce it; an own link counts as long as it is up. Nodes
//! sit in numbered slots, and trees of shortest paths are grown when they are first asked for and
//! kept until an edge changes: in a crowd most announcements change none.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::frame::Announcement;
use crate::crypto::{Domain, hash};
use crate::id::MeshAddress;
use crate::wire::encode;

/// The slot of this node.
const OWN: usize = 0;

/// What became of an announcement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// It is the newest of its origin.
    Newer {
        /// Whether an edge came or went.
        edges_changed: bool,
    },
    /// It is known.
    Same,
    /// This newer one is known.
    Older(Announcement),
    /// There is no room for another node.
    Full,
}

#[derive(Debug)]
pub(super) struct Topology {
    slots: BTreeMap<MeshAddress, usize>,
    nodes: Vec<Entry>,
    free: Vec<usize>,
    trees: Vec<OnceCell<Tree>>,
    len_max: usize,
    announced_len: usize,
    accepted: u64,
    summary: u64,
}

#[derive(Debug)]
struct Entry {
    address: MeshAddress,
    announced: Option<Announced>,
    linked: bool,
    /// Slots at the other end, ascending.
    edges: Vec<usize>,
}

#[derive(Debug)]
struct Announced {
    announcement: Announcement,
    fingerprint: u64,
    /// Counts what was accepted: the smallest is the longest unheard of.
    accepted: u64,
}

/// The tree of shortest paths from one root, by slot. Among several parents at the same distance
/// the one with the lowest address counts, so that the same topology gives the same tree anywhere.
#[derive(Debug)]
struct Tree(Vec<Option<Step>>);

#[derive(Clone, Copy, Debug)]
struct Step {
    parent: usize,
    distance: usize,
}

impl Topology {
    pub(super) fn new(own: MeshAddress, len_max: usize) -> Self {
        let mut this = Self {
            slots: BTreeMap::new(),
            nodes: Vec::new(),
            free: Vec::new(),
            trees: Vec::new(),
            len_max: len_max.max(1),
            announced_len: 0,
            accepted: 0,
            summary: 0,
        };
        let slot = this.slot(own);
        debug_assert_eq!(slot, OWN);
        this
    }

    /// An own link to `address` came or went. Says whether an edge did.
    pub(super) fn set_linked(&mut self, address: MeshAddress, linked: bool) -> bool {
        let slot = self.slot(address);
        if slot == OWN || self.nodes[slot].linked == linked {
            return false;
        }
        self.nodes[slot].linked = linked;
        self.set_edge(OWN, slot, linked);
        self.forget_trees();
        if !linked && self.nodes[slot].announced.is_none() {
            self.release(slot);
        }
        true
    }

    /// Takes in the announcement of another node.
    pub(super) fn offer(&mut self, announcement: Announcement) -> Offer {
        let origin = announcement.origin;
        if let Some(held) = self.announcement(origin) {
            match (*held).cmp(&announcement) {
                Ordering::Greater => return Offer::Older(held.clone()),
                Ordering::Equal => return Offer::Same,
                Ordering::Less => {}
            }
        } else if self.announced_len >= self.len_max && !self.evict() {
            return Offer::Full;
        }
        let slot = self.slot(origin);
        let mut edges: Vec<usize> = announcement
            .neighbours
            .iter()
            .filter_map(|address| self.slots.get(address).copied())
            .filter(|other| *other != OWN)
            .filter(|other| {
                let announced = self.nodes[*other].announced.as_ref();
                announced.is_some_and(|announced| announced.announcement.names(origin))
            })
            .collect();
        if self.nodes[slot].linked {
            edges.push(OWN);
        }
        edges.sort_unstable();
        self.store(slot, announcement);
        let edges_changed = edges != self.nodes[slot].edges;
        if edges_changed {
            let old = std::mem::take(&mut self.nodes[slot].edges);
            for other in old {
                self.set_edge(slot, other, false);
            }
            for other in edges {
                self.set_edge(slot, other, true);
            }
            self.forget_trees();
        }
        Offer::Newer { edges_changed }
    }

    /// This node announces something new. Its own edges follow from its links alone.
    pub(super) fn set_own(&mut self, announcement: Announcement) {
        self.store(OWN, announcement);
    }

    /// Forgets what `origin` announced, if anything is known. Says whether an edge went: one that
    /// is an own link stays.
    pub(super) fn forget(&mut self, origin: MeshAddress) -> Option<bool> {
        let slot = *self.slots.get(&origin)?;
        self.nodes[slot].announced.as_ref()?;
        self.unstore(slot);
        if slot == OWN {
            return Some(false);
        }
        let linked = self.nodes[slot].linked;
        let gone: Vec<usize> = self.nodes[slot]
            .edges
            .iter()
            .copied()
            .filter(|other| !(linked && *other == OWN))
            .collect();
        for other in &gone {
            self.set_edge(slot, *other, false);
        }
        self.forget_trees();
        if !linked {
            self.release(slot);
        }
        Some(!gone.is_empty())
    }

    /// The newest announcement of `origin`.
    pub(super) fn announcement(&self, origin: MeshAddress) -> Option<&Announcement> {
        let slot = self.slots.get(&origin)?;
        let announced = self.nodes[*slot].announced.as_ref()?;
        Some(&announced.announcement)
    }

    /// All announcements with their salted fingerprints, by address.
    pub(super) fn announcements(
        &self,
        salt: [u8; 4],
    ) -> impl Iterator<Item = ([u8; 4], &Announcement)> {
        self.slots.values().filter_map(move |slot| {
            let announced = self.nodes[*slot].announced.as_ref()?;
            let fingerprint = salted(announced.fingerprint, salt);
            Some((fingerprint, &announced.announcement))
        })
    }

    /// One number over all announcements.
    pub(super) fn summary(&self) -> u64 {
        self.summary
    }

    /// Everyone to whom there is a path, without this node.
    pub(super) fn reachable(&self) -> BTreeSet<MeshAddress> {
        let tree = self.tree(OWN);
        let steps = tree.0.iter().enumerate().skip(1);
        steps
            .filter(|(_, step)| step.is_some())
            .map(|(slot, _)| self.nodes[slot].address)
            .collect()
    }

    /// The neighbour that comes first on the path to `dest`, and the links on that path.
    pub(super) fn next_hop(&self, dest: MeshAddress) -> Option<(MeshAddress, usize)> {
        let mut slot = *self.slots.get(&dest)?;
        let tree = self.tree(OWN);
        let distance = tree.step(slot)?.distance;
        loop {
            let parent = tree.step(slot)?.parent;
            if slot == OWN {
                return None;
            }
            if parent == OWN {
                return Some((self.nodes[slot].address, distance));
            }
            slot = parent;
        }
    }

    /// Members of `set`, in its order, before which this node is the last of `set` and `origin` on
    /// the tree of `origin`.
    pub(super) fn children(
        &self,
        origin: MeshAddress,
        set: &BTreeSet<MeshAddress>,
    ) -> Vec<MeshAddress> {
        let Some(&root) = self.slots.get(&origin) else {
            return Vec::new();
        };
        let tree = self.tree(root);
        let mut stops = vec![false; self.nodes.len()];
        stops[root] = true;
        for slot in set.iter().filter_map(|member| self.slots.get(member)) {
            stops[*slot] = true;
        }
        let is_child = |member: &MeshAddress| {
            let mut slot = *self.slots.get(member)?;
            if slot == root {
                return None;
            }
            loop {
                slot = tree.step(slot)?.parent;
                if stops[slot] {
                    return (slot == OWN).then_some(*member);
                }
            }
        };
        set.iter().filter_map(is_child).collect()
    }

    fn tree(&self, root: usize) -> &Tree {
        self.trees[root].get_or_init(|| self.grow(root))
    }

    fn grow(&self, root: usize) -> Tree {
        let mut steps = vec![None; self.nodes.len()];
        steps[root] = Some(Step {
            parent: root,
            distance: 0,
        });
        let mut queue = vec![(root, 0)];
        let mut next = 0;
        while let Some(&(slot, distance)) = queue.get(next) {
            next += 1;
            let distance = distance + 1;
            for &other in &self.nodes[slot].edges {
                match &mut steps[other] {
                    Some(step) => {
                        let lower = self.nodes[slot].address < self.nodes[step.parent].address;
                        if step.distance == distance && lower {
                            step.parent = slot;
                        }
                    }
                    empty => {
                        *empty = Some(Step {
                            parent: slot,
                            distance,
                        });
                        queue.push((other, distance));
                    }
                }
            }
        }
        Tree(steps)
    }

    fn forget_trees(&mut self) {
        for tree in &mut self.trees {
            tree.take();
        }
    }

    fn set_edge(&mut self, a: usize, b: usize, exists: bool) {
        for (from, to) in [(a, b), (b, a)] {
            let edges = &mut self.nodes[from].edges;
            match (edges.binary_search(&to), exists) {
                (Err(at), true) => edges.insert(at, to),
                (Ok(at), false) => {
                    edges.remove(at);
                }
                (Ok(_), true) | (Err(_), false) => {}
            }
        }
    }

    fn store(&mut self, slot: usize, announcement: Announcement) {
        self.unstore(slot);
        let fingerprint = hash(Domain::MeshFrame, &[&encode(&announcement)]).prefix_u64();
        self.summary = self.summary.wrapping_add(fingerprint);
        self.accepted += 1;
        self.announced_len += 1;
        self.nodes[slot].announced = Some(Announced {
            announcement,
            fingerprint,
            accepted: self.accepted,
        });
    }

    fn unstore(&mut self, slot: usize) {
        if let Some(announced) = self.nodes[slot].announced.take() {
            self.summary = self.summary.wrapping_sub(announced.fingerprint);
            self.announced_len -= 1;
        }
    }

    /// Makes room for one more node at the cost of one that nobody can reach. Says whether there
    /// was one.
    fn evict(&mut self) -> bool {
        let tree = self.tree(OWN);
        let oldest = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(slot, _)| tree.step(*slot).is_none())
            .filter_map(|(slot, node)| Some((node.announced.as_ref()?.accepted, slot)))
            .min();
        let Some((_, slot)) = oldest else {
            return false;
        };
        self.unstore(slot);
        for other in std::mem::take(&mut self.nodes[slot].edges) {
            self.set_edge(slot, other, false);
        }
        self.forget_trees();
        self.release(slot);
        true
    }

    fn slot(&mut self, address: MeshAddress) -> usize {
        if let Some(slot) = self.slots.get(&address) {
            return *slot;
        }
        let entry = Entry {
            address,
            announced: None,
            linked: false,
            edges: Vec::new(),
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.nodes[slot] = entry;
                slot
            }
            None => {
                self.nodes.push(entry);
                self.trees.push(OnceCell::new());
                self.nodes.len() - 1
            }
        };
        self.slots.insert(address, slot);
        slot
    }

    fn release(&mut self, slot: usize) {
        self.slots.remove(&self.nodes[slot].address);
        self.free.push(slot);
    }
}

impl Tree {
    /// A slot that is younger than the tree has no edge yet.
    fn step(&self, slot: usize) -> Option<Step> {
        self.0.get(slot).copied().flatten()
    }
}

fn salted(fingerprint: u64, salt: [u8; 4]) -> [u8; 4] {
    // An odd factor mixes every bit of the sum upwards; the fingerprint itself is a hash.
    let mixed = (fingerprint ^ u64::from(u32::from_le_bytes(salt))).wrapping_mul(MIX);
    let [a, b, c, d, ..] = mixed.to_be_bytes();
    [a, b, c, d]
}

/// 2^64 divided by the golden ratio: odd, with no pattern in its bits.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
