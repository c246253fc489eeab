//! Actions as they travel: what both sides know is signed, not sent.

use serde::{Deserialize, Serialize};

use super::{BoundedVec, Bytes, DecodeError, FOUND_ITEMS_MAX, MEMBERS_MAX};
use crate::crypto::{Hash, Signature};
use crate::id::RunId;

/// Longest packed form of the actions of one message without their signatures, bytes; also the most
/// that it may unpack to, counted in the raw form. What a block holds fits it.
pub const PACKED_LEN_MAX: usize = 16 * 1024;

/// Where an author's actions go on from, for those who may not know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Index of the author in the group.
    pub author: u8,
    /// The run.
    pub run: RunId,
    /// Number of the action before, 0 before the first of a run.
    pub number: u64,
    /// Hash of the action before, zero before the first of a run.
    pub previous: Hash,
}

/// Signed actions without what the receiver can derive: `sync::pack` makes and reads them. Author,
/// run, number and the hash of the action before come from an anchor, from the action before in the
/// same message, or from what the receiver knows; that it was the same is what the signature shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedActions {
    /// In the order of the actions that use them.
    pub anchors: BoundedVec<Anchor, MEMBERS_MAX>,
    /// Everything else but the signatures.
    pub bytes: Bytes<PACKED_LEN_MAX>,
    /// One an action, in order.
    pub signatures: BoundedVec<Signature, FOUND_ITEMS_MAX>,
}

/// Why a packed message is refused whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// The bytes are not what packing makes.
    #[error("packed actions: {0}")]
    Malformed(#[from] DecodeError),
    /// It unpacks to more than one message may hold.
    #[error("packed actions of more than {max} bytes")]
    TooLong {
        /// The bound on their raw form.
        max: usize,
    },
    /// An author or anchor without a member.
    #[error("packed actions of member {index}, the group has {members}")]
    NotMember {
        /// Index named.
        index: u8,
        /// Members that there are.
        members: usize,
    },
    /// Anchors and actions that use them are not the same number.
    #[error("packed actions use {used} of {have} anchors")]
    Anchors {
        /// Anchors used, or one more than there are.
        used: usize,
        /// Anchors sent.
        have: usize,
    },
}
