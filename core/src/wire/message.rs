//! What members of a group say to each other.

use serde::{Deserialize, Serialize};

use super::{
    Block, BoundedVec, Bytes, Certificate, Counts, DELTA_ENCODED_MAX, FOUND_ITEMS_MAX, Header,
    JoinRequest, PackedActions, PartsAnswer, PartsRequest, Proposal, Reconcile, Recovery, Roster,
    SignedGenesis, Vote,
};
use crate::crypto::{Hash, Signature};

/// A voter's preimage for one draw, revealed to the finalization of the closing block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reveal {
    /// Number of the draw.
    pub draw: u64,
    /// Committee index of the voter.
    pub voter: u8,
    /// The preimage: hashing it leads to the voter's committed tip.
    pub preimage: Hash,
}

/// Why a voter does not notarize a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalKind {
    /// It breaks this numbered rule; it will never be accepted here.
    Invalid {
        /// Number of the C rule.
        rule: u8,
    },
    /// A parent, certificate or body is missing here: fetch, then retry.
    Conflict,
    /// A queue or budget of this round is full.
    Busy {
        /// When to try again.
        retry_after_ms: u32,
    },
}

/// A refusal, told to the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The round.
    pub round: u64,
    /// The block refused.
    pub block: Hash,
    /// Committee index of the voter who refuses.
    pub voter: u8,
    /// Why.
    pub kind: RefusalKind,
    /// His signature: without it anybody could speak for him.
    pub signature: Signature,
}

/// Where a member stands: the first message of every synchronisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Height of the highest finalized block.
    pub height: u64,
    /// Its hash.
    pub block: Hash,
    /// The current round of consensus.
    pub round: u64,
    /// Per committee index: number of that author's last action known here (current run).
    pub actions_known: BoundedVec<u64, 16>,
    /// Digest over the hashes of those actions; equal counters with another digest are looked into.
    pub actions_digest: u64,
    /// Whether the sender wants this kind of message back.
    pub reply: bool,
    /// Digest over the tally's counts that he holds; 0 before anybody counted.
    pub tally_digest: u64,
}

/// A request to one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fetch {
    /// What became final above `height`: as blocks, as a delta or as a snapshot.
    Above {
        /// Highest finalized height of the asker.
        height: u64,
        /// Hash of that block.
        block: Hash,
        /// Whether the asker has the rules of the group: one who lacks them is served no blocks.
        executes: bool,
    },
    /// The body of one block.
    Body {
        /// Its hash.
        block: Hash,
    },
    /// All votes and certificates of rounds from `from` on.
    Votes {
        /// First round of interest.
        from: u64,
    },
    /// Actions of one author of his current run, from number `from` on.
    Actions {
        /// Committee index of the author.
        author: u8,
        /// First number of interest.
        from: u64,
    },
    /// Parts of a state.
    Parts {
        /// Block whose state it is.
        block: Hash,
        /// Which parts.
        request: PartsRequest,
    },
}

/// A block with the round it was notarized in, for those who fetch bodies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockWithCertificate {
    /// The block.
    pub block: Block,
    /// A certificate for it, where the sender has one.
    pub certificate: Option<Certificate>,
}

/// An answer to a [`Fetch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// A contiguous suffix of blocks; the finalization is for the last one of the whole suffix.
    Blocks {
        /// The blocks, by height.
        blocks: BoundedVec<Block, FOUND_ITEMS_MAX>,
        /// Finalization of the last block here.
        finalization: Certificate,
    },
    /// A snapshot begins: the certified root, and the first parts of the state under it.
    Snapshot {
        /// Header of the newest certified block.
        header: Header,
        /// Its finalization.
        finalization: Certificate,
        /// The whole state if it is small, else the top of its tree; nothing where the asker has
        /// collected some of an older state and asks for what differs.
        answer: PartsAnswer,
    },
    /// The body of a block that is not final.
    Body(BlockWithCertificate),
    /// Signed actions.
    Actions(PackedActions),
    /// Nothing that the asker lacks.
    UpToDate,
    /// Ask again later.
    Busy {
        /// When.
        retry_after_ms: u32,
    },
    /// The change from the state at the asker's head to a certified one.
    Delta {
        /// Header of the block that it leads to.
        header: Header,
        /// Its finalization.
        finalization: Certificate,
        /// The encoded delta.
        delta: Bytes<DELTA_ENCODED_MAX>,
    },
    /// Parts of a state.
    Parts {
        /// Block whose state it is.
        block: Hash,
        /// The parts.
        answer: PartsAnswer,
    },
}

/// One typed protocol value of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupMessage {
    /// A phone asks to be listed.
    Join(JoinRequest),
    /// The opener's list.
    Roster(Roster),
    /// The group has started.
    Genesis(SignedGenesis),
    /// Signed actions, spread to every voter.
    Actions(PackedActions),
    /// A leader's proposal.
    Proposal(Proposal),
    /// Votes that the receiver is believed to lack.
    Votes(BoundedVec<Vote, 64>),
    /// Certificates that the receiver is believed to lack.
    Certificates(BoundedVec<Certificate, 16>),
    /// A voter's reason for not notarizing.
    Refusal(Refusal),
    /// A preimage for a draw.
    Reveal(Reveal),
    /// Where the sender stands.
    Status(Status),
    /// A request.
    Fetch(Fetch),
    /// An answer.
    Found(Found),
    /// Counts of the tally that the receiver is believed to lack.
    Tally(Counts),
    /// Two members compare the actions that they know.
    Reconcile(Reconcile),
    /// A voter that lost its store asks for rounds, or is told one.
    Recovery(Recovery),
}

impl GroupMessage {
    /// The name under which its bytes are counted.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Join(_) => "join",
            Self::Roster(_) => "roster",
            Self::Genesis(_) => "genesis",
            Self::Actions(_) => "actions",
            Self::Proposal(_) => "proposal",
            Self::Votes(_) => "votes",
            Self::Certificates(_) => "certificates",
            Self::Refusal(_) => "refusal",
            Self::Reveal(_) => "reveal",
            Self::Status(_) => "status",
            Self::Fetch(_) => "fetch",
            Self::Found(_) => "found",
            Self::Tally(_) => "tally",
            Self::Reconcile(_) => "reconcile",
            Self::Recovery(_) => "recovery",
        }
    }
}
