//! What one phone tells another of its tree: all entries of a place, the top of what is there, or
//! digests of the own nodes.
//!
//! A place is a run of nibbles from the root; what is there is the subtree of the keys that start with
//! them, its path counted from the place on. Its hash stands in the node above it: so a part is
//! verified on its own, against an outline that was verified before.

use std::slice;
use std::sync::Arc;

use super::map::Entries;
use super::node::{Node, branches, own_value_hash};
use super::{Map, VALUE_LEN_MAX};
use crate::crypto::Hash;
use crate::wire::{
    Bytes, HAVE_NODES_MAX, HaveNode, NIBBLES_MAX, Nibbles, OUTLINE_NODES_MAX, OutlineNode,
    OutlineValue, PART_ENTRIES_MAX, PartEntry, ShortHash, encode,
};

#[cfg(test)]
mod tests;

/// Most bytes of entries in one part; what is more is shown as an outline first. Small beside what a
/// link carries in a second, large beside the hash and the request that each part costs.
pub const PART_LEN_MAX: usize = 12 * 1024;
/// A hidden subtree costs its hash now and a request later: one of fewer bytes is shown at once.
const SHOWN_LEN_MAX: usize = 64;
/// A leaf that differs is what was looked for: it is shown at once up to this many bytes.
const LEAF_SHOWN_LEN_MAX: usize = 256;
/// Where two trees have another shape, a subtree of fewer bytes is given whole.
const REPLACED_LEN_MAX: usize = 512;
/// Hidden subtrees are measured up to here; larger ones are alone in their request anyway.
const HINT_MAX: usize = 2 * PART_LEN_MAX;

impl Map {
    /// All entries at `place`, if they take at most `len_max` bytes as part entries.
    pub fn entries_at(&self, place: &Nibbles, len_max: usize) -> Option<Vec<PartEntry>> {
        let node = self.node_at(place)?;
        let mut found = Vec::new();
        let len = measure(&node, place.whole_bytes(), len_max, |shared, key, value| {
            found.push(PartEntry {
                shared: shared as u8,
                suffix: Bytes::truncating(key[shared..].to_vec()),
                value: Bytes::truncating(value.to_vec()),
            });
        });
        (len <= len_max && found.len() <= PART_ENTRIES_MAX).then_some(found)
    }

    /// The top of the tree at `place` in at most `len_max` bytes: as many levels as fit, down to
    /// subtrees of at most [`PART_LEN_MAX`] bytes.
    ///
    /// With `have`, the top of the asker's tree there: as far down as that goes, without what is equal.
    /// None if there is nothing, or nothing that fits.
    pub fn outline_at(
        &self,
        place: &Nibbles,
        have: &[HaveNode],
        len_max: usize,
    ) -> Option<Vec<OutlineNode>> {
        let node = self.node_at(place)?;
        if !have.is_empty() {
            let mut writer = Writer::new(len_max);
            let mut have = have.iter();
            let compared = writer.compared(&node, &mut have, true);
            if compared.is_some() && have.next().is_none() {
                return Some(writer.nodes);
            }
            // The asker's tree has another shape here. What is below may still be equal: he sees from
            // one level of hashes.
            let mut writer = Writer::new(len_max);
            if measure(&node, place.whole_bytes(), REPLACED_LEN_MAX, |_, _, _| {})
                <= REPLACED_LEN_MAX
            {
                writer.whole(&node)?;
            } else {
                writer.levels(&node, 1)?;
            }
            return Some(writer.nodes);
        }
        let mut best: Option<Vec<OutlineNode>> = None;
        for depth in 1..=NIBBLES_MAX {
            let mut writer = Writer::new(len_max);
            if writer.levels(&node, depth).is_none() {
                break;
            }
            let more = best
                .as_ref()
                .is_none_or(|best| best.len() < writer.nodes.len());
            best = Some(writer.nodes);
            if !more {
                break;
            }
        }
        best
    }

    /// Digests of the top of the own tree at `place`, for an asker: as many whole levels as take at
    /// most `nodes_max` nodes, at least one. Nothing where there is no inner node.
    pub fn have_at(&self, place: &Nibbles, nodes_max: usize) -> Vec<HaveNode> {
        let Some(node) = self.node_at(place).filter(|it| !it.children().is_empty()) else {
            return Vec::new();
        };
        let mut best = Vec::new();
        for depth in 1..=NIBBLES_MAX {
            let mut nodes = Vec::new();
            let nodes_max = if depth == 1 {
                HAVE_NODES_MAX
            } else {
                nodes_max
            };
            if !digests(&node, depth, nodes_max.min(HAVE_NODES_MAX), &mut nodes)
                || nodes.len() == best.len()
            {
                break;
            }
            best = nodes;
        }
        best
    }

    pub(super) fn node_at(&self, place: &Nibbles) -> Option<Arc<Node>> {
        Node::at(self.node()?, place)
    }
}

/// The first bytes of a hash.
fn short(hash: Hash) -> ShortHash {
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

/// Appends the top `depth` levels below `node`; whether they are at most `nodes_max` nodes.
fn digests(node: &Node, depth: usize, nodes_max: usize, out: &mut Vec<HaveNode>) -> bool {
    out.push(if depth == 0 || node.children().is_empty() {
        HaveNode::Short(short(node.hash()))
    } else {
        HaveNode::Inner {
            path: node.path_nibbles(),
            value: node.value().map(|value| short(own_value_hash(value))),
            bitmap: node.bitmap(),
        }
    });
    out.len() <= nodes_max
        && (depth == 0
            || node
                .children()
                .iter()
                .all(|child| digests(child, depth - 1, nodes_max, out)))
}

/// Bytes that the entries below `node` take in a part whose place has the bytes `before`; stops above
/// `len_max`. Shows each entry with the number of bytes that its key shares with the one before.
fn measure(
    node: &Node,
    before: &[u8],
    len_max: usize,
    mut show: impl FnMut(usize, &[u8], &[u8]),
) -> usize {
    let mut last = before.to_vec();
    let mut len = 0;
    for (key, value) in Entries::new(Some(node)) {
        let key = key.as_bytes();
        let pairs = last.iter().zip(key);
        let shared = pairs.take_while(|(a, b)| a == b).count();
        len += entry_len(key.len() - shared, value.len());
        if len > len_max {
            return len;
        }
        show(shared, key, value);
        last.clear();
        last.extend_from_slice(key);
    }
    len
}

/// Bytes of one entry of a part.
fn entry_len(suffix: usize, value: usize) -> usize {
    // A suffix is at most 64 bytes and a value at most 4096: one and two bytes of length.
    const _: () = assert!(VALUE_LEN_MAX < 1 << 14);
    1 + 1 + suffix + 1 + usize::from(value > 0x7f) + value
}

/// An outline in the making. Every method gives nothing where it does not fit.
struct Writer {
    nodes: Vec<OutlineNode>,
    len: usize,
    len_max: usize,
}

impl Writer {
    fn new(len_max: usize) -> Self {
        Self {
            nodes: Vec::new(),
            len: 0,
            len_max,
        }
    }

    fn push(&mut self, node: OutlineNode) -> Option<()> {
        self.len += encode(&node).len();
        let fits = self.len <= self.len_max && self.nodes.len() < OUTLINE_NODES_MAX;
        fits.then(|| self.nodes.push(node))
    }

    /// The node itself, without what is below.
    fn show(&mut self, node: &Node, value: OutlineValue) -> Option<()> {
        let path = node.path_nibbles();
        self.push(match node.value() {
            Some(value) if node.children().is_empty() => OutlineNode::Leaf {
                path,
                value: Bytes::truncating(value.to_vec()),
            },
            _ => OutlineNode::Inner {
                path,
                value,
                bitmap: node.bitmap(),
            },
        })
    }

    fn hide(&mut self, node: &Node, bytes: usize) -> Option<()> {
        self.push(OutlineNode::Hidden {
            hash: node.hash(),
            bytes: u32::try_from(bytes).expect("a subtree is measured up to a small bound"),
        })
    }

    /// All of `node`.
    fn whole(&mut self, node: &Node) -> Option<()> {
        self.show(node, own_value(node))?;
        node.children()
            .iter()
            .try_for_each(|child| self.whole(child))
    }

    /// The top `depth` levels below `node`; small subtrees whole, those of a part's size hidden.
    fn levels(&mut self, node: &Node, depth: usize) -> Option<()> {
        self.show(node, own_value(node))?;
        node.children().iter().try_for_each(|child| {
            let bytes = hint(child);
            if bytes <= SHOWN_LEN_MAX {
                self.whole(child)
            } else if depth > 1 && bytes > PART_LEN_MAX {
                self.levels(child, depth - 1)
            } else {
                self.hide(child, bytes)
            }
        })
    }

    /// `node`, where the asker has what comes next in `have`. At the `top` it gives nothing if that has
    /// another shape.
    fn compared(
        &mut self,
        node: &Node,
        have: &mut slice::Iter<'_, HaveNode>,
        top: bool,
    ) -> Option<()> {
        match have.next()? {
            HaveNode::Short(_) if top => None,
            HaveNode::Short(digest) if *digest == short(node.hash()) => {
                self.push(OutlineNode::Same)
            }
            HaveNode::Short(_) => self.lone(node),
            HaveNode::Inner {
                path,
                value,
                bitmap,
            } if *path == node.path_nibbles() && !node.children().is_empty() => {
                let own = match (node.value(), value) {
                    (Some(own), Some(digest)) if short(own_value_hash(own)) == *digest => {
                        OutlineValue::Same
                    }
                    _ => own_value(node),
                };
                self.show(node, own)?;
                branches(bitmap | node.bitmap()).try_for_each(|branch| {
                    match (node.child(branch), bitmap >> branch & 1 == 1) {
                        (Some(child), true) => self.compared(child, have, false),
                        (Some(child), false) => self.lone(child),
                        (None, _) => skip(have, 0),
                    }
                })
            }
            HaveNode::Inner { .. } if top => None,
            HaveNode::Inner { bitmap, .. } => {
                branches(*bitmap).try_for_each(|_| skip(have, 0))?;
                self.lone(node)
            }
        }
    }

    /// `node`, which the asker lacks, or has otherwise.
    fn lone(&mut self, node: &Node) -> Option<()> {
        let bytes = hint(node);
        let leaf = node.children().is_empty();
        if bytes <= SHOWN_LEN_MAX || leaf && bytes <= LEAF_SHOWN_LEN_MAX {
            self.whole(node)
        } else {
            self.hide(node, bytes)
        }
    }
}

fn own_value(node: &Node) -> OutlineValue {
    node.value().map_or(OutlineValue::None, |value| {
        OutlineValue::Bytes(Bytes::truncating(value.to_vec()))
    })
}

/// Bytes of what is at a node's place, as a part.
fn hint(node: &Node) -> usize {
    let (bytes, start, _) = node.path();
    measure(node, &bytes[..start / 2], HINT_MAX, |_, _, _| {})
}

/// Passes over one node of `have` and all below it.
fn skip(have: &mut slice::Iter<'_, HaveNode>, depth: usize) -> Option<()> {
    match have.next()? {
        HaveNode::Short(_) => Some(()),
        // A path below a path: deeper than a tree is, it is nobody's tree.
        HaveNode::Inner { .. } if depth == NIBBLES_MAX => None,
        HaveNode::Inner { bitmap, .. } => branches(*bitmap).try_for_each(|_| skip(have, depth + 1)),
    }
}
