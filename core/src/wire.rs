//! Every type that travels, its canonical codec and its limits: bytes in, value or
//! [`DecodeError`] out.

mod action;
mod block;
mod bounded;
mod codec;
pub mod coder;
mod gathering;
mod message;
mod packed;
mod parts;
mod recovery;
mod sketch;
mod tally;
#[cfg(test)]
mod tests;
mod vote;

pub use action::{
    Action, ActionId, ActionPayload, Frontier, FrontierEntry, Reason, Refused, SignedAction,
    Validity,
};
pub use block::{Block, Header, Opening, Parent, Proposal};
pub use bounded::{BoundedVec, Bytes, Full};
#[cfg(test)]
pub(crate) use codec::tap;
pub use codec::{DecodeError, decode, encode, encoded_len};
pub use gathering::{
    EpochKey, Genesis, JoinRequest, KEY_BOX_LEN, Mode, Roster, RosterEntry, RulesId, SignedGenesis,
};
pub use message::{
    BlockWithCertificate, Fetch, Found, GroupMessage, Refusal, RefusalKind, Reveal, Status,
};
pub use packed::{Anchor, PACKED_LEN_MAX, PackedActions, UnpackError};
pub use parts::{
    HAVE_NODES_MAX, HaveNode, NIBBLES_MAX, Nibbles, OUTLINE_NODES_MAX, OutlineNode, OutlineValue,
    PART_ENTRIES_MAX, PARTS_MAX, Part, PartAsk, PartBody, PartEntry, PartsAnswer, PartsRequest,
    ShortHash,
};
pub use recovery::{Recovery, RoundAnswer};
pub use sketch::{Element, Fresh, Reconcile, SYNDROMES_MAX, Share};
pub use tally::{Count, Counts, SignedCount, TALLY_COUNTS_MAX, TALLY_RUNS_MAX, TALLY_TOTAL_MAX};
pub use vote::{Certificate, Vote, VoteKind, VoteStatement};

/// Longest payload of one action, bytes: twice what the largest craps action needs. How many fit
/// one block is bounded by its bytes, not by this.
pub const ACTION_PAYLOAD_LEN_MAX: usize = 256;
/// Most actions in one block.
pub const BLOCK_ACTIONS_MAX: usize = 64;
/// Most members of a group: committees larger than this need aggregated signatures to fit the air.
pub const MEMBERS_MAX: usize = 16;
/// Longest member name, bytes of UTF-8.
pub const NAME_LEN_MAX: usize = 24;
/// Longest group message, bytes: what fits the reassembly of one link with its envelope.
pub const MESSAGE_LEN_MAX: usize = 31 * 1024;
/// Longest delta before it is compressed, bytes. A larger change travels as blocks or as
/// a snapshot.
pub const DELTA_LEN_MAX: usize = 8 * 1024;
/// Longest delta as it travels, bytes: one in front says whether it is compressed.
pub const DELTA_ENCODED_MAX: usize = DELTA_LEN_MAX + 1;
/// Blocks or votes of one sync answer.
pub const FOUND_ITEMS_MAX: usize = 256;
