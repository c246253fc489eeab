//! A tree of which the root is certified and the rest arrives in parts.

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use super::node::{Node, branches, empty_hash, inner_hash, own_value_hash};
use super::{Key, Map};
use crate::crypto::Hash;
use crate::wire::{Nibbles, OutlineNode, OutlineValue, Part, PartBody, PartEntry, encode};

/// Why a part was refused. Nothing of it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Its place is none of those that the outlines so far have shown.
    #[error("no such place was asked for")]
    Unasked,
    /// Entries out of order, an outline that is cut off, a key of a broken length.
    #[error("no part of a state: {0}")]
    Malformed(&'static str),
    /// A key that does not belong to the place.
    #[error("a key outside of its place")]
    Foreign,
    /// It is of another state than the certified one.
    #[error("the part has hash {have:?}, {need:?} is certified")]
    WrongHash {
        /// Hash of the part.
        have: Hash,
        /// Hash that is certified at its place.
        need: Hash,
    },
    /// It does not fit together with what is here and was called the same: that is another part's
    /// digest, or the part is false. The place is asked for again without digests, and then it shows.
    #[error("what was called the same is not, or the part is false")]
    NotTheSame,
    /// The state takes more bytes than are allowed. The server is not to blame.
    #[error("the state takes more than {max} bytes")]
    TooLarge {
        /// Bytes allowed.
        max: usize,
    },
}

/// A place of the certified tree of which only the hash is known.
#[derive(Clone, Debug)]
pub struct Missing {
    hash: Hash,
    /// Bytes of its entries in a part, as one server said: nothing proves it.
    pub bytes: u32,
    /// Whether the own map has an inner node there: then what is equal need not travel.
    pub compare: bool,
}

/// What is at a place.
#[derive(Clone, Debug)]
enum Known {
    Inner {
        path: Nibbles,
        value: Option<(Key, Arc<[u8]>)>,
        bitmap: u16,
    },
    Whole(Arc<Node>),
}

#[derive(Debug)]
enum Found {
    Known(Known),
    Missing(Hash, u32),
}

/// Bytes of outlines for each byte of entries that are allowed: whoever serves a true state in the
/// smallest outlines, 37 bytes for an entry of five, must not be able to fill the bound.
const OUTLINE_SHARE: usize = 8;

/// The certified tree as far as it is known here, each part of it verified.
#[derive(Clone, Debug)]
pub struct Partial {
    own: Map,
    root: Hash,
    known: BTreeMap<Nibbles, Known>,
    missing: BTreeMap<Nibbles, Missing>,
    bytes: usize,
    outline_bytes: usize,
    bytes_max: usize,
}

impl Partial {
    /// Nothing but the certified `root` and an `own` map, some of which may be the same. Takes entries
    /// of at most `bytes_max` bytes in all.
    pub fn new(own: Map, root: Hash, bytes_max: usize) -> Self {
        let mut partial = Self {
            own,
            root,
            known: BTreeMap::new(),
            missing: BTreeMap::new(),
            bytes: 0,
            outline_bytes: 0,
            bytes_max,
        };
        if root != empty_hash() {
            partial.learn(Nibbles::new(), Found::Missing(root, u32::MAX));
        }
        partial
    }

    /// What the whole is to become.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The map that it started from.
    pub fn own(&self) -> &Map {
        &self.own
    }

    /// What is still missing, in key order.
    pub fn missing(&self) -> &BTreeMap<Nibbles, Missing> {
        &self.missing
    }

    /// Bytes of the parts taken.
    pub fn bytes(&self) -> usize {
        self.bytes + self.outline_bytes
    }

    /// Takes `part`, if it is what the certified root says; whether it was missing.
    pub fn take(&mut self, part: &Part) -> Result<bool, PartError> {
        let Some(missing) = self.missing.get(&part.prefix) else {
            // Another server may have been faster.
            return match self.known.contains_key(&part.prefix) {
                true => Ok(false),
                false => Err(PartError::Unasked),
            };
        };
        let need = missing.hash;
        let (taken, max) = match &part.body {
            PartBody::Entries(_) => (self.bytes, self.bytes_max),
            PartBody::Outline(_) => (
                self.outline_bytes,
                self.bytes_max.saturating_mul(OUTLINE_SHARE),
            ),
        };
        let bytes = taken + encode(part).len();
        if bytes > max {
            return Err(PartError::TooLarge {
                max: self.bytes_max,
            });
        }
        let found = match &part.body {
            PartBody::Entries(entries) => {
                let node = subtree(&part.prefix, entries)?;
                let have = node.hash();
                if have != need {
                    return Err(PartError::WrongHash { have, need });
                }
                vec![(part.prefix.clone(), Found::Known(Known::Whole(node)))]
            }
            PartBody::Outline(nodes) => {
                let mut reader = Reader {
                    own: &self.own,
                    nodes: nodes.iter(),
                    found: Vec::new(),
                    same: false,
                };
                let have = reader.read(part.prefix.clone(), true)?;
                if reader.nodes.next().is_some() {
                    return Err(PartError::Malformed("nodes after the end"));
                }
                if have != need {
                    let Some(missing) = self.missing.get_mut(&part.prefix).filter(|_| reader.same)
                    else {
                        return Err(PartError::WrongHash { have, need });
                    };
                    missing.compare = false;
                    return Err(PartError::NotTheSame);
                }
                reader.found
            }
        };
        match &part.body {
            PartBody::Entries(_) => self.bytes = bytes,
            PartBody::Outline(_) => self.outline_bytes = bytes,
        }
        self.missing.remove(&part.prefix);
        for (place, found) in found {
            self.learn(place, found);
        }
        Ok(true)
    }

    /// The certified map, once nothing is missing. Shares with the own map what is equal.
    pub fn finish(&self) -> Option<Map> {
        if !self.missing.is_empty() {
            return None;
        }
        let map = match self.known.is_empty() {
            true => Map::new(),
            false => Map::from_node(self.build(&Nibbles::new())?),
        };
        (map.root() == self.root).then_some(map)
    }

    /// The own map with every entry that was taken: of no use as a state, but what to start from when
    /// another root is certified in the meantime.
    pub fn salvage(&self) -> Map {
        let mut map = self.own.clone();
        for known in self.known.values() {
            match known {
                Known::Whole(node) => {
                    for (key, value) in super::map::Entries::new(Some(node)) {
                        map.insert(key, value.to_vec());
                    }
                }
                Known::Inner { value, .. } => {
                    if let Some((key, value)) = value {
                        map.insert(key.clone(), value.to_vec());
                    }
                }
            }
        }
        map
    }

    fn learn(&mut self, place: Nibbles, found: Found) {
        match found {
            Found::Known(known) => {
                self.known.insert(place, known);
            }
            Found::Missing(hash, bytes) => match self.own.node_at(&place) {
                Some(node) if node.hash() == hash => {
                    self.known.insert(place, Known::Whole(node));
                }
                own => {
                    let compare = own.is_some_and(|node| !node.children().is_empty());
                    let missing = Missing {
                        hash,
                        bytes,
                        compare,
                    };
                    self.missing.insert(place, missing);
                }
            },
        }
    }

    fn build(&self, place: &Nibbles) -> Option<Arc<Node>> {
        match self.known.get(place)? {
            Known::Whole(node) => Some(node.clone()),
            Known::Inner {
                path,
                value,
                bitmap,
            } => {
                let end = place.join(path)?;
                let children = branches(*bitmap)
                    .map(|branch| self.build(&end.with(branch)?))
                    .collect::<Option<_>>()?;
                Node::inner_at(place.len(), end.len(), value.clone(), *bitmap, children)
            }
        }
    }
}

/// The subtree of `entries` at `place`.
fn subtree(place: &Nibbles, entries: &[PartEntry]) -> Result<Arc<Node>, PartError> {
    let mut map = Map::new();
    let mut last = place.whole_bytes().to_vec();
    for (index, entry) in entries.iter().enumerate() {
        let shared = last.get(..usize::from(entry.shared));
        let shared = shared.ok_or(PartError::Malformed("more shared than there is"))?;
        let bytes = [shared, &entry.suffix].concat();
        if index > 0 && bytes <= last {
            return Err(PartError::Malformed("keys out of order"));
        }
        let key = Key::new(&bytes).map_err(|_| PartError::Malformed("a key too long"))?;
        map.insert(key, entry.value.to_vec());
        last = bytes;
    }
    if map.is_empty() {
        return Err(PartError::Malformed("no entries"));
    }
    let node = map.node_at(place).ok_or(PartError::Foreign)?;
    if super::map::Entries::new(Some(&node)).count() != map.len() {
        return Err(PartError::Foreign);
    }
    Ok(node)
}

/// Reads an outline, parents before children. Nothing of it is believed before the hash is known.
struct Reader<'a> {
    own: &'a Map,
    nodes: slice::Iter<'a, OutlineNode>,
    found: Vec<(Nibbles, Found)>,
    /// Whether it refers to the own map.
    same: bool,
}

impl Reader<'_> {
    /// The hash of the next node, which is at `place`. Every level takes a nibble: it ends.
    fn read(&mut self, place: Nibbles, top: bool) -> Result<Hash, PartError> {
        const TOO_DEEP: PartError = PartError::Malformed("deeper than a key is long");
        let node = self.nodes.next();
        let (hash, found) = match node.ok_or(PartError::Malformed("an outline cut off"))? {
            OutlineNode::Hidden { .. } | OutlineNode::Same if top => {
                return Err(PartError::Malformed("an outline that shows nothing"));
            }
            OutlineNode::Hidden { hash, bytes } => (*hash, Found::Missing(*hash, *bytes)),
            OutlineNode::Same => {
                self.same = true;
                let node = self.own.node_at(&place);
                let node = node.ok_or(PartError::Malformed("the same as nothing"))?;
                (node.hash(), Found::Known(Known::Whole(node)))
            }
            OutlineNode::Leaf { path, value } => {
                let key = key_of(&place.join(path).ok_or(TOO_DEEP)?)?;
                let node = Node::leaf_at(key, place.len(), (&**value).into());
                (node.hash(), Found::Known(Known::Whole(node)))
            }
            OutlineNode::Inner {
                path,
                value,
                bitmap,
            } => {
                let end = place.join(path).ok_or(TOO_DEEP)?;
                let value: Option<(Key, Arc<[u8]>)> = match value {
                    OutlineValue::None => None,
                    OutlineValue::Bytes(value) => Some((key_of(&end)?, (&**value).into())),
                    OutlineValue::Same => {
                        self.same = true;
                        let key = key_of(&end)?;
                        let value = self.own.get(key.as_bytes());
                        let value = value.ok_or(PartError::Malformed("the same as nothing"))?;
                        let value = value.into();
                        Some((key, value))
                    }
                };
                let mut children = Vec::with_capacity(16);
                for branch in branches(*bitmap) {
                    children.push(self.read(end.with(branch).ok_or(TOO_DEEP)?, false)?);
                }
                let spelled = [&[path.len() as u8], path.packed()].concat();
                let own = value.as_ref().map(|(_, value)| own_value_hash(value));
                let hash = inner_hash(&spelled, own, *bitmap, children.into_iter());
                let inner = Known::Inner {
                    path: path.clone(),
                    value,
                    bitmap: *bitmap,
                };
                (hash, Found::Known(inner))
            }
        };
        self.found.push((place, found));
        Ok(hash)
    }
}

fn key_of(end: &Nibbles) -> Result<Key, PartError> {
    if !end.len().is_multiple_of(2) {
        return Err(PartError::Malformed("a key of half a byte"));
    }
    Ok(Key::new(end.packed()).expect("nibbles are at most as many as a key has"))
}
