//! Parts of a state: what one phone asks of the tree of a certified state, and what another gives.

use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

use super::{BoundedVec, Bytes};
use crate::crypto::Hash;

/// Nibbles of the longest key: the depth of the deepest tree.
pub const NIBBLES_MAX: usize = 128;
/// Most places of one request, and parts of one answer.
pub const PARTS_MAX: usize = 64;
/// Most nodes of the asker's own tree in one ask.
pub const HAVE_NODES_MAX: usize = 512;
/// Most nodes of one outline: more than fit a message with a hash in every second one.
pub const OUTLINE_NODES_MAX: usize = 2048;
/// Most entries of one part: more than fit a message, at three bytes each.
pub const PART_ENTRIES_MAX: usize = 10 * 1024;

/// A run of nibbles, two to a byte: a place in the tree, or the path of a node.
///
/// Ordered like the keys below it. Travels as its length and its packed bytes; the spare half of the
/// last byte is zero.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nibbles {
    packed: Vec<u8>,
    len: u8,
}

/// Digest of a node that the asker has: the first bytes of its hash. Two nodes that share them cost a
/// second request, never a wrong state.
pub type ShortHash = [u8; 4];

/// What an asker wants to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartsRequest {
    /// The places. An answer serves as many of the first ones as fit.
    pub asks: BoundedVec<PartAsk, PARTS_MAX>,
}

/// One place, with what the asker has there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartAsk {
    /// The place.
    pub prefix: Nibbles,
    /// The top of the asker's own tree there, parents before children, by ascending branch. Nothing:
    /// all entries are wanted.
    pub have: BoundedVec<HaveNode, HAVE_NODES_MAX>,
}

/// A node of the asker's tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HaveNode {
    /// All below it in one digest.
    Short(ShortHash),
    /// An inner node, whose children follow.
    Inner {
        /// Its path.
        path: Nibbles,
        /// Digest of its own value, if it has one.
        value: Option<ShortHash>,
        /// Which children it has.
        bitmap: u16,
    },
}

/// What a server gives: any member that keeps the state can serve any part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartsAnswer {
    /// The parts.
    pub parts: BoundedVec<Part, PARTS_MAX>,
}

/// What is at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The place.
    pub prefix: Nibbles,
    /// What is there.
    pub body: PartBody,
}

/// All of a place, or the top of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartBody {
    /// All entries below the place, in key order.
    Entries(BoundedVec<PartEntry, PART_ENTRIES_MAX>),
    /// The top of the tree there, parents before children, by ascending branch.
    Outline(BoundedVec<OutlineNode, OUTLINE_NODES_MAX>),
}

/// An entry without the bytes of its key that the one before has (the first: that the place has).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// Leading bytes of the key before that this key has too.
    pub shared: u8,
    /// The rest of the key.
    pub suffix: Bytes<64>,
    /// The value.
    pub value: Bytes<4096>,
}

/// A node of an outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutlineNode {
    /// An inner node, whose children follow.
    Inner {
        /// Its path.
        path: Nibbles,
        /// Its own value.
        value: OutlineValue,
        /// Which children it has.
        bitmap: u16,
    },
    /// A leaf.
    Leaf {
        /// Its path.
        path: Nibbles,
        /// Its value.
        value: Bytes<4096>,
    },
    /// A node that is not shown.
    Hidden {
        /// Its hash.
        hash: Hash,
        /// Bytes that its entries take in a part: a hint, which nothing proves.
        bytes: u32,
    },
    /// The node that the asker has at this place.
    Same,
}

/// The value of an inner node of an outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutlineValue {
    /// It has none.
    None,
    /// This one.
    Bytes(Bytes<4096>),
    /// What the asker has at this key.
    Same,
}

impl Nibbles {
    /// No nibbles: the whole tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first `len` nibbles of `packed`, two to a byte, of which nothing else may be left.
    pub fn from_packed(packed: &[u8], len: usize) -> Option<Self> {
        let fits = len <= NIBBLES_MAX && packed.len() == len.div_ceil(2);
        let spare = !len.is_multiple_of(2) && packed.last().is_some_and(|last| last & 0x0f != 0);
        (fits && !spare).then(|| Self {
            packed: packed.to_vec(),
            len: len as u8,
        })
    }

    /// How many.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Two to a byte, the high half first.
    pub fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// The bytes of which both halves are here.
    pub fn whole_bytes(&self) -> &[u8] {
        &self.packed[..self.len() / 2]
    }

    /// These and one more, unless that is more than a key has.
    pub fn with(&self, nibble: u8) -> Option<Self> {
        let mut longer = self.clone();
        longer.push(nibble).then_some(longer)
    }

    /// These and `others`, unless that is more than a key has.
    pub fn join(&self, others: &Self) -> Option<Self> {
        let mut longer = self.clone();
        (0..others.len())
            .all(|index| longer.push(others.get(index)))
            .then_some(longer)
    }

    fn get(&self, index: usize) -> u8 {
        let byte = self.packed[index / 2];
        if index.is_multiple_of(2) {
            byte >> 4
        } else {
            byte & 0x0f
        }
    }

    fn push(&mut self, nibble: u8) -> bool {
        if self.len() == NIBBLES_MAX {
            return false;
        }
        let nibble = nibble & 0x0f;
        match self.packed.last_mut() {
            Some(last) if !self.len.is_multiple_of(2) => *last |= nibble,
            _ => self.packed.push(nibble << 4),
        }
        self.len += 1;
        true
    }
}

impl fmt::Debug for Nibbles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nibbles(")?;
        for index in 0..self.len() {
            write!(f, "{:x}", self.get(index))?;
        }
        f.write_str(")")
    }
}

impl Serialize for Nibbles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(1 + self.packed.len())?;
        tuple.serialize_element(&self.len)?;
        for byte in &self.packed {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Nibbles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Packed;
        impl<'de> Visitor<'de> for Packed {
            type Value = Nibbles;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {NIBBLES_MAX} nibbles")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Nibbles, A::Error> {
                let mut next = || {
                    seq.next_element::<u8>()?
                        .ok_or_else(|| de::Error::custom("too few nibbles"))
                };
                let len = usize::from(next()?);
                if len > NIBBLES_MAX {
                    return Err(de::Error::custom("too many nibbles"));
                }
                let packed: Vec<u8> = (0..len.div_ceil(2))
                    .map(|_| next())
                    .collect::<Result<_, _>>()?;
                Nibbles::from_packed(&packed, len)
                    .ok_or_else(|| de::Error::custom("the spare half is not zero"))
            }
        }
        deserializer.deserialize_tuple(1 + NIBBLES_MAX / 2, Packed)
    }
}
