//! Proofs that a key has a value, or has none, under one root.

use serde::{Deserialize, Serialize};

use super::key::{common, nibble, pack};
use super::node::{Node, empty_hash, inner_hash, leaf_hash, own_value_hash};
use super::{Key, Map, VALUE_LEN_MAX};
use crate::crypto::Hash;
use crate::wire::{BoundedVec, Bytes, DecodeError, decode, encode};

#[cfg(test)]
mod tests;

/// Branches on the longest way down.
const STEPS_MAX: usize = 2 * Key::LEN_MAX;
/// Longest encoded proof, bytes: every step with all siblings and a value, and the longest end.
pub const PROOF_LEN_MAX: usize = STEPS_MAX * (1 + 33 + 3 + 1 + 15 * 32) + 8 * 1024;

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It cannot be about this key, whatever the root is.
    #[error("the proof is not about this key")]
    OtherKey,
    /// Its parts do not fit together.
    #[error("the proof contradicts itself")]
    Malformed,
    /// It leads to another root.
    #[error("the proof leads to {have:?}, not to {need:?}")]
    WrongRoot {
        /// Where it leads.
        have: Hash,
        /// The root asked about.
        need: Hash,
    },
}

/// Shows what one key has under one root: a value or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    steps: BoundedVec<Step, STEPS_MAX>,
    end: End,
}

/// An inner node that the way to the key passes; its path and its branch are the key's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    path_len: u8,
    value: Option<Hash>,
    bitmap: u16,
    siblings: BoundedVec<Hash, 15>,
}

/// The node at which the way ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum End {
    /// There is no entry at all.
    Empty,
    /// A leaf: the key's own, or one that stands where it would.
    Leaf {
        path: Path,
        value: Bytes<VALUE_LEN_MAX>,
    },
    /// An inner node: the key's own, or one that has no branch to it.
    Inner {
        path: Path,
        value: OwnValue,
        bitmap: u16,
        children: BoundedVec<Hash, 16>,
    },
}

/// The value of an inner node: only its hash, unless it is the one asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum OwnValue {
    None,
    Hash(Hash),
    Bytes(Bytes<VALUE_LEN_MAX>),
}

/// The nibbles of a path, two to a byte, after their count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Path {
    len: u8,
    packed: Bytes<{ Key::LEN_MAX }>,
}

impl Map {
    /// Shows what `key` has under this map's root.
    pub fn prove(&self, key: &Key) -> Proof {
        let mut steps = BoundedVec::new();
        let Some(mut node) = self.node() else {
            return Proof {
                steps,
                end: End::Empty,
            };
        };
        let key = key.as_bytes();
        let len = key.len() * 2;
        loop {
            let (path, start, end) = node.path();
            let reached = end < len && common(path, key, start, end) == end;
            let branch = if reached { nibble(key, end) } else { 0 };
            let Some(child) = node.child(branch).filter(|_| reached) else {
                break;
            };
            let siblings = hashes(node, |sibling| !std::sync::Arc::ptr_eq(sibling, child));
            steps
                .push(Step {
                    path_len: (end - start) as u8,
                    value: node.entry().map(|(_, value)| own_value_hash(value)),
                    bitmap: node.bitmap(),
                    siblings: BoundedVec::truncating(siblings),
                })
                .expect("each step takes a nibble of the key");
            node = child;
        }
        Proof {
            steps,
            end: End::of(node, key),
        }
    }
}

impl Proof {
    /// What `key` has under `root`: its value, or nothing.
    pub fn verify(&self, root: Hash, key: &Key) -> Result<Option<&[u8]>, ProofError> {
        let key = key.as_bytes();
        let mut depth = 0;
        let mut passed = Vec::with_capacity(self.steps.len());
        for step in self.steps.iter() {
            let branch_at = depth + usize::from(step.path_len);
            if branch_at >= key.len() * 2 {
                return Err(ProofError::OtherKey);
            }
            let bit = 1u16 << nibble(key, branch_at);
            if step.bitmap & bit == 0 {
                return Err(ProofError::OtherKey);
            }
            if step.siblings.len() + 1 != step.bitmap.count_ones() as usize {
                return Err(ProofError::Malformed);
            }
            passed.push((step, depth, branch_at));
            depth = branch_at + 1;
        }
        if matches!(self.end, End::Empty) && depth > 0 {
            return Err(ProofError::Malformed);
        }
        let (found, mut have) = self.end.check(key, depth)?;
        for (step, start, branch_at) in passed.into_iter().rev() {
            have = step.hash(key, start, branch_at, have);
        }
        if have != root {
            return Err(ProofError::WrongRoot { have, need: root });
        }
        Ok(found)
    }

    /// Its canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The proof of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, PROOF_LEN_MAX)
    }
}

impl Step {
    fn hash(&self, key: &[u8], start: usize, branch_at: usize, child: Hash) -> Hash {
        let below = self.bitmap & ((1 << nibble(key, branch_at)) - 1);
        let (before, after) = self.siblings.split_at(below.count_ones() as usize);
        let children = before
            .iter()
            .copied()
            .chain([child])
            .chain(after.iter().copied());
        let path = Path::of(key, start, branch_at).hashed();
        inner_hash(&path, self.value, self.bitmap, children)
    }
}

impl End {
    fn of(node: &Node, key: &[u8]) -> Self {
        let (bytes, start, end) = node.path();
        let path = Path::of(bytes, start, end);
        match node.entry() {
            Some((_, value)) if node.children().is_empty() => Self::Leaf {
                path,
                value: Bytes::truncating(value.to_vec()),
            },
            entry => Self::Inner {
                path,
                value: match entry {
                    None => OwnValue::None,
                    Some((own, value)) if own.as_bytes() == key => {
                        OwnValue::Bytes(Bytes::truncating(value.to_vec()))
                    }
                    Some((_, value)) => OwnValue::Hash(own_value_hash(value)),
                },
                bitmap: node.bitmap(),
                children: BoundedVec::truncating(hashes(node, |_| true)),
            },
        }
    }

    /// What the key has if this node is where its way ends, `depth` nibbles down; and the node's hash.
    fn check(&self, key: &[u8], depth: usize) -> Result<(Option<&[u8]>, Hash), ProofError> {
        match self {
            Self::Empty => Ok((None, empty_hash())),
            Self::Leaf { path, value } => {
                let found = path.walk(key, depth)? == Some(key.len() * 2);
                let hash = leaf_hash(&path.hashed(), value);
                Ok((found.then_some(value), hash))
            }
            Self::Inner {
                path,
                value,
                bitmap,
                children,
            } => {
                if children.len() != bitmap.count_ones() as usize {
                    return Err(ProofError::Malformed);
                }
                let mut found = None;
                if let Some(end) = path.walk(key, depth)? {
                    if end < key.len() * 2 {
                        if bitmap >> nibble(key, end) & 1 == 1 {
                            return Err(ProofError::OtherKey);
                        }
                    } else {
                        found = match value {
                            OwnValue::None => None,
                            OwnValue::Bytes(bytes) => Some(&**bytes),
                            OwnValue::Hash(_) => return Err(ProofError::OtherKey),
                        };
                    }
                }
                let value = match value {
                    OwnValue::None => None,
                    OwnValue::Hash(hash) => Some(*hash),
                    OwnValue::Bytes(bytes) => Some(own_value_hash(bytes)),
                };
                let children = children.iter().copied();
                Ok((found, inner_hash(&path.hashed(), value, *bitmap, children)))
            }
        }
    }
}

impl Path {
    fn of(bytes: &[u8], start: usize, end: usize) -> Self {
        let mut packed = [0; Key::LEN_MAX];
        let len = pack(bytes, start, end, &mut packed);
        Self {
            len: (end - start) as u8,
            packed: Bytes::truncating(packed[..len].to_vec()),
        }
    }

    /// Where `key` stands after this path, if it takes the whole of it from nibble `depth` on.
    fn walk(&self, key: &[u8], depth: usize) -> Result<Option<usize>, ProofError> {
        let len = usize::from(self.len);
        // Other nibbles give another hash, but a shorter path could pass bytes on to the value.
        if self.packed.len() != len.div_ceil(2) {
            return Err(ProofError::Malformed);
        }
        let end = depth + len;
        let taken = end <= key.len() * 2
            && (0..len).all(|at| nibble(&self.packed, at) == nibble(key, depth + at));
        Ok(taken.then_some(end))
    }

    fn hashed(&self) -> Vec<u8> {
        [&[self.len], &*self.packed].concat()
    }
}

fn hashes(node: &Node, keep: impl Fn(&std::sync::Arc<Node>) -> bool) -> Vec<Hash> {
    let children = node.children().iter();
    children
        .filter(|child| keep(child))
        .map(|child| child.hash())
        .collect()
}
