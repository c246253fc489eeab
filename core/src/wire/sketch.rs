//! What two members say to each other to make one set of two.

use serde::{Deserialize, Serialize};

use super::BoundedVec;

/// Most syndromes of one sketch, and most ids of one list: 512 bytes, three values on a good link.
pub const SYNDROMES_MAX: usize = 64;

/// Half of a salt: a value that its side makes for one reconciliation. Whoever writes ids knows
/// neither half before.
pub type Fresh = [u8; 4];

/// An element of GF(2^64): a short id, or a sum of powers of short ids. Eight bytes: a number of 64
/// random bits is longer as a varint.
pub type Element = [u8; 8];

/// The share of a set whose short ids start with the lowest `depth` bits of `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Bits that are fixed.
    pub depth: u8,
    /// Those bits.
    pub index: u32,
}

/// One message of a reconciliation of two sets of ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reconcile {
    /// The asker begins.
    Open {
        /// His half of the salt.
        fresh: Fresh,
        /// Ids that he has.
        count: u32,
        /// Over his ids, under his half of the salt.
        digest: [u8; 6],
    },
    /// The other one has the same ids.
    Equal,
    /// The other one has other ids.
    Sketch {
        /// His half of the salt.
        fresh: Fresh,
        /// Ids that he has.
        count: u32,
        /// The first syndromes of all of them.
        syndromes: BoundedVec<Element, SYNDROMES_MAX>,
    },
    /// That was too little.
    More {
        /// Of which share.
        share: Share,
        /// First syndrome that is asked for.
        from: u8,
        /// The one after the last.
        to: u8,
    },
    /// What [`Reconcile::More`] asked for.
    Syndromes {
        /// Of which share.
        share: Share,
        /// Index of the first one.
        from: u8,
        /// The syndromes.
        syndromes: BoundedVec<Element, SYNDROMES_MAX>,
    },
    /// The asker lacks what has these short ids.
    Want {
        /// The short ids.
        ids: BoundedVec<Element, SYNDROMES_MAX>,
    },
    /// The other one knows of no such reconciliation, or has given all that he gives to one.
    Gone,
}
