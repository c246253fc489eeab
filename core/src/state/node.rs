//! The nodes of the tree: path-compressed, sixteen ways, hashed once.
//!
//! A node stands for the keys that share the nibbles `0..end`. Its *path* is `start..end`, the
//! nibbles after the branch that led here. Every node but the empty tree has a value or at least two
//! children, so the shape depends on the keys alone.
//!
//! What is hashed, after the domain: a leaf is its path and its value; an inner node is its path,
//! the bitmap of its children, a flag for a value of its own, that value as the hash of a leaf with
//! an empty path, and the hashes of the children. A path is one byte of length in nibbles and the
//! nibbles, two to a byte.

mod place;

use std::cmp::Ordering;
use std::mem;
use std::sync::{Arc, OnceLock};

use super::Key;
use super::key::{common, nibble, pack};
use super::map::Change;
#[cfg(feature = "metered")]
use super::meter;
use crate::crypto::{Domain, Hash, Hasher};

/// Length byte and packed nibbles of the longest path.
const PATH_LEN_MAX: usize = 1 + Key::LEN_MAX;

/// One node. Shared by every version of the map that holds it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    // A key below this node, for its nibbles; the node's own key where it has a value.
    key: Key,
    start: usize,
    end: usize,
    value: Option<Arc<[u8]>>,
    bitmap: u16,
    children: Vec<Arc<Self>>,
    hash: OnceLock<Hash>,
}

impl Node {
    /// The only node of a map with one entry.
    pub(super) fn root(key: Key, value: Arc<[u8]>) -> Self {
        Self::leaf(key, 0, value)
    }

    /// Writes `value` at `key` below `node`; whether the key is new.
    pub(super) fn insert(node: &mut Arc<Self>, key: Key, value: Arc<[u8]>) -> bool {
        let len = key.as_bytes().len() * 2;
        let this = Self::own(node);
        this.hash = OnceLock::new();
        let at = common(
            this.key.as_bytes(),
            key.as_bytes(),
            this.start,
            this.end.min(len),
        );
        if at < this.end {
            this.split(at);
        }
        if at == len {
            this.key = key;
            return this.value.replace(value).is_none();
        }
        let branch = nibble(key.as_bytes(), at);
        match this.slot(branch) {
            Ok(slot) => Self::insert(&mut this.children[slot], key, value),
            Err(slot) => {
                this.bitmap |= 1 << branch;
                let leaf = Self::leaf(key, at + 1, value);
                this.children.insert(slot, Arc::new(leaf));
                true
            }
        }
    }

    /// Removes `key`, which is below `node`; whether nothing is left.
    pub(super) fn remove(node: &mut Arc<Self>, key: &[u8]) -> bool {
        let this = Self::own(node);
        this.hash = OnceLock::new();
        if this.end == key.len() * 2 {
            this.value = None;
            if this.children.is_empty() {
                return true;
            }
        } else {
            let branch = nibble(key, this.end);
            let slot = this.slot(branch).expect("the key is below this node");
            if Self::remove(&mut this.children[slot], key) {
                this.children.remove(slot);
                this.bitmap &= !(1 << branch);
            }
        }
        if this.value.is_none() && this.children.len() == 1 {
            let mut child = this.children.pop().expect("there is one child");
            let below = Self::own(&mut child);
            below.start = this.start;
            below.hash = OnceLock::new();
            *node = child;
        }
        false
    }

    /// The value at `key`. Paths are skipped on the way down: the key is compared once, at the end.
    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let len = key.len() * 2;
        let mut node = self;
        while node.end < len {
            node = node.child(nibble(key, node.end))?;
        }
        if node.end > len || node.key.as_bytes() != key {
            return None;
        }
        node.value.as_deref()
    }

    /// The node that holds exactly the keys that start with `prefix`.
    pub(super) fn below(&self, prefix: &[u8]) -> Option<&Self> {
        let len = prefix.len() * 2;
        let mut node = self;
        while node.end < len {
            node = node.child(nibble(prefix, node.end))?;
        }
        node.key.as_bytes().starts_with(prefix).then_some(node)
    }

    /// Its hash, computed at most once.
    pub(super) fn hash(&self) -> Hash {
        *self.hash.get_or_init(|| {
            let mut path = [0; PATH_LEN_MAX];
            let path = self.write_path(&mut path);
            match (&self.value, self.children.is_empty()) {
                (Some(value), true) => leaf_hash(path, value),
                (value, _) => inner_hash(
                    path,
                    value.as_deref().map(own_value_hash),
                    self.bitmap,
                    self.children.iter().map(|child| child.hash()),
                ),
            }
        })
    }

    /// Whether both hold the same entries, when both start at the same nibble.
    pub(super) fn same(a: &Arc<Self>, b: &Arc<Self>) -> bool {
        if Arc::ptr_eq(a, b) {
            return true;
        }
        if let (Some(a), Some(b)) = (a.hash.get(), b.hash.get()) {
            return a == b;
        }
        a.end == b.end
            && a.bitmap == b.bitmap
            && a.value == b.value
            && common(a.key.as_bytes(), b.key.as_bytes(), a.start, a.end) == a.end
            && a.children
                .iter()
                .zip(&b.children)
                .all(|(a, b)| Self::same(a, b))
    }

    /// Appends what turns `a` into `b`, both seen from nibble `from` on, in key order.
    pub(super) fn changes(a: &Arc<Self>, b: &Arc<Self>, from: usize, out: &mut Vec<Change>) {
        if Arc::ptr_eq(a, b) {
            return;
        }
        #[cfg(feature = "metered")]
        meter::visited();
        // Hashes are compared only where they are at hand: versions of one map share their nodes,
        // and a view is compared without ever being hashed.
        if a.start == b.start
            && let (Some(left), Some(right)) = (a.hash.get(), b.hash.get())
            && left == right
        {
            return;
        }
        let (left, right) = (a.key.as_bytes(), b.key.as_bytes());
        let at = common(left, right, from, a.end.min(b.end));
        match (at == a.end, at == b.end) {
            (true, true) => {
                if a.value != b.value {
                    out.push(Change {
                        // Only the side that has a value has exactly this key.
                        key: if a.value.is_some() { &a.key } else { &b.key }.clone(),
                        old: a.value.as_deref().map(<[u8]>::to_vec),
                        new: b.value.as_deref().map(<[u8]>::to_vec),
                    });
                }
                for branch in branches(a.bitmap | b.bitmap) {
                    match (a.child(branch), b.child(branch)) {
                        (Some(a), Some(b)) => Self::changes(a, b, at + 1, out),
                        (Some(a), None) => a.all(Side::Old, true, out),
                        (None, Some(b)) => b.all(Side::New, true, out),
                        (None, None) => {}
                    }
                }
            }
            (true, false) => {
                a.all(Side::Old, false, out);
                let within = nibble(right, at);
                for branch in branches(a.bitmap | 1 << within) {
                    match a.child(branch) {
                        Some(a) if branch == within => Self::changes(a, b, at + 1, out),
                        Some(a) => a.all(Side::Old, true, out),
                        None => b.all(Side::New, true, out),
                    }
                }
            }
            (false, true) => {
                b.all(Side::New, false, out);
                let within = nibble(left, at);
                for branch in branches(b.bitmap | 1 << within) {
                    match b.child(branch) {
                        Some(b) if branch == within => Self::changes(a, b, at + 1, out),
                        Some(b) => b.all(Side::New, true, out),
                        None => a.all(Side::Old, true, out),
                    }
                }
            }
            (false, false) => match nibble(left, at).cmp(&nibble(right, at)) {
                Ordering::Less => {
                    a.all(Side::Old, true, out);
                    b.all(Side::New, true, out);
                }
                Ordering::Equal | Ordering::Greater => {
                    b.all(Side::New, true, out);
                    a.all(Side::Old, true, out);
                }
            },
        }
    }

    /// Its own entry.
    pub(super) fn entry(&self) -> Option<(&Key, &[u8])> {
        self.value.as_deref().map(|value| (&self.key, value))
    }

    /// Its children, by ascending branch.
    pub(super) fn children(&self) -> &[Arc<Self>] {
        &self.children
    }

    /// Which branches it has.
    pub(super) fn bitmap(&self) -> u16 {
        self.bitmap
    }

    /// The child at `branch`.
    pub(super) fn child(&self, branch: u8) -> Option<&Arc<Self>> {
        self.slot(branch).ok().map(|slot| &self.children[slot])
    }

    /// The bytes whose nibbles are its path, and the path's bounds.
    pub(super) fn path(&self) -> (&[u8], usize, usize) {
        (self.key.as_bytes(), self.start, self.end)
    }

    fn leaf(key: Key, start: usize, value: Arc<[u8]>) -> Self {
        let leaf = Self {
            start,
            end: key.as_bytes().len() * 2,
            key,
            value: Some(value),
            bitmap: 0,
            children: Vec::new(),
            hash: OnceLock::new(),
        };
        #[cfg(feature = "metered")]
        meter::made(leaf.bytes() + leaf.key.as_bytes().len());
        leaf
    }

    /// The node for this version alone: a copy where another version holds it.
    fn own(node: &mut Arc<Self>) -> &mut Self {
        #[cfg(feature = "metered")]
        if Arc::strong_count(node) > 1 {
            meter::cloned();
            meter::made(node.bytes());
        }
        Arc::make_mut(node)
    }

    /// Bytes that it takes without its key and its value, which versions share.
    #[cfg(feature = "metered")]
    fn bytes(&self) -> usize {
        // Two counters stand before what an `Arc` shares.
        let counters = 2 * size_of::<usize>();
        counters + size_of::<Self>() + self.children.len() * size_of::<Arc<Self>>()
    }

    /// Cuts the path at nibble `at`: the part after it moves to an only child.
    fn split(&mut self, at: usize) {
        let upper = Self {
            key: self.key.clone(),
            start: self.start,
            end: at,
            value: None,
            bitmap: 1 << nibble(self.key.as_bytes(), at),
            children: Vec::with_capacity(2),
            hash: OnceLock::new(),
        };
        #[cfg(feature = "metered")]
        meter::made(self.bytes());
        let mut lower = mem::replace(self, upper);
        lower.start = at + 1;
        self.children.push(Arc::new(lower));
    }

    /// Index of the child at `branch`, or where it would go.
    fn slot(&self, branch: u8) -> Result<usize, usize> {
        let bit = 1u16 << branch;
        let slot = (self.bitmap & (bit - 1)).count_ones() as usize;
        if self.bitmap & bit == 0 {
            Err(slot)
        } else {
            Ok(slot)
        }
    }

    fn write_path<'a>(&self, out: &'a mut [u8; PATH_LEN_MAX]) -> &'a [u8] {
        let (len, packed) = out.split_first_mut().expect("a path has a length byte");
        *len = (self.end - self.start) as u8;
        let count = pack(self.key.as_bytes(), self.start, self.end, packed);
        &out[..=count]
    }

    /// Appends its own entry and, if `deep`, all entries below, as lost or gained.
    fn all(&self, side: Side, deep: bool, out: &mut Vec<Change>) {
        #[cfg(feature = "metered")]
        meter::visited();
        if let Some(value) = &self.value {
            let (old, new) = match side {
                Side::Old => (Some(value.to_vec()), None),
                Side::New => (None, Some(value.to_vec())),
            };
            let key = self.key.clone();
            out.push(Change { key, old, new });
        }
        if deep {
            for child in &self.children {
                child.all(side, true, out);
            }
        }
    }
}

/// Where an entry stands alone.
#[derive(Clone, Copy)]
enum Side {
    Old,
    New,
}

/// The branches of `bitmap`, ascending.
pub(super) fn branches(bitmap: u16) -> impl Iterator<Item = u8> {
    (0..16).filter(move |branch| bitmap >> branch & 1 == 1)
}

/// The root of a map without entries.
pub(super) fn empty_hash() -> Hash {
    Hasher::new(Domain::MapNode).finish()
}

/// Hash of a leaf. `path` is a length byte and packed nibbles.
pub(super) fn leaf_hash(path: &[u8], value: &[u8]) -> Hash {
    #[cfg(feature = "metered")]
    meter::hashed();
    let mut hasher = Hasher::new(Domain::MapLeaf);
    hasher.fixed(path);
    hasher.fixed(value);
    hasher.finish()
}

/// What an inner node hashes of its own value, so that a proof of another key can leave it out.
pub(super) fn own_value_hash(value: &[u8]) -> Hash {
    leaf_hash(&[0], value)
}

/// Hash of an inner node. `path` is a length byte and packed nibbles.
pub(super) fn inner_hash(
    path: &[u8],
    value: Option<Hash>,
    bitmap: u16,
    children: impl Iterator<Item = Hash>,
) -> Hash {
    #[cfg(feature = "metered")]
    meter::hashed();
    let mut hasher = Hasher::new(Domain::MapNode);
    hasher.fixed(path);
    hasher.fixed(&bitmap.to_le_bytes());
    hasher.fixed(&[u8::from(value.is_some())]);
    if let Some(value) = value {
        hasher.fixed(value.as_bytes());
    }
    for child in children {
        hasher.fixed(child.as_bytes());
    }
    hasher.finish()
}
