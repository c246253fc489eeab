//! Facts in, wishes out.

use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::outbox::Record;
use crate::wire::{Block, Certificate, GroupMessage, Proposal, Refusal, RefusalKind, Vote};

/// The last finalized block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized {
    /// Its height.
    pub height: u64,
    /// Its hash; the epoch id at height 0.
    pub block: Hash,
    /// The round of its finalization.
    pub round: u64,
    /// Its finalization; the genesis has none.
    pub certificate: Option<Certificate>,
}

/// What executing a block gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The block's root.
    Valid,
    /// The block's root, but this phone does not notarize it; a quorum may all the same.
    Objected {
        /// Number of the C rule.
        rule: u8,
    },
    /// The block breaks this rule.
    Invalid {
        /// Number of the C rule.
        rule: u8,
    },
    /// Another root.
    WrongRoot,
    /// Something that it needs is missing here.
    Missing,
    /// It cannot be executed now.
    Busy {
        /// When to try again.
        retry_after_ms: u32,
    },
}

/// A fact.
#[derive(Clone, Debug)]
pub enum Input {
    /// Whether the group holds something that a block on [`super::Consensus::tip`] could include. Said
    /// again when that or the tip changes.
    Work(bool),
    /// A proposal came.
    Proposal(Proposal),
    /// Votes came.
    Votes(Vec<Vote>),
    /// Certificates came.
    Certificates(Vec<Certificate>),
    /// A voter refuses a proposal.
    Refusal(Refusal),
    /// A body came that was asked for.
    Body(Block),
    /// The answer to [`Output::Build`]; `None` when there is nothing to include. A block that was
    /// built counts as executed.
    Built {
        /// The round it was asked for.
        round: u64,
        /// The block.
        block: Option<Block>,
    },
    /// The answer to [`Output::Execute`].
    Executed {
        /// The block.
        block: Hash,
        /// What it gave.
        verdict: Verdict,
    },
    /// A batch is stored and synced.
    Stored {
        /// Its number.
        sequence: u64,
    },
    /// The group found that what is certified and what it computes differ.
    Diverged(String),
    /// Sync installed a certified state.
    Installed(Finalized),
    /// The deadline has passed.
    Timeout,
}

/// A wish.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Build a block; answered by [`Input::Built`].
    Build {
        /// The round.
        round: u64,
        /// The block below: executed, or the finalized one.
        parent: Hash,
        /// Height of the new block.
        height: u64,
    },
    /// Execute a block; answered by [`Input::Executed`].
    Execute {
        /// The block below: executed before, or the finalized one.
        parent: Hash,
        /// Hash of the block.
        hash: Hash,
        /// The block.
        block: Block,
    },
    /// Store and sync; answered by [`Input::Stored`], in order.
    Store {
        /// Number of the batch.
        sequence: u64,
        /// Records to write.
        puts: Vec<Record>,
        /// Keys to remove, after the writes.
        deletes: Vec<Vec<u8>>,
    },
    /// New content for all members, along the tree rooted at its author.
    Spread {
        /// Committee index of its author.
        author: u8,
        /// The content.
        message: GroupMessage,
    },
    /// For one member.
    Send {
        /// His committee index.
        to: u8,
        /// The message.
        message: GroupMessage,
    },
    /// A repetition (C9), for every nearest member.
    Repeat {
        /// What is repeated.
        message: GroupMessage,
    },
    /// Blocks are committed.
    Finalized {
        /// The blocks with their hashes, ascending.
        blocks: Vec<(Hash, Block)>,
        /// The finalization of the last one.
        certificate: Certificate,
    },
    /// The body of a certified block, or of an ancestor of one, is missing here.
    NeedBody {
        /// The block.
        block: Hash,
        /// Committee indices of those who should have it.
        from: Vec<u8>,
    },
    /// A certificate is here whose ancestors are not: sync.
    NeedBlocks {
        /// Committee indices of those who should have them.
        from: Vec<u8>,
    },
    /// C10: a voter is convicted.
    Evidence {
        /// His committee index.
        voter: u8,
        /// Of what.
        what: String,
    },
    /// A voter told why he does not notarize the own proposal of the current round; once a voter and
    /// kind.
    Refused {
        /// His committee index.
        voter: u8,
        /// Why.
        kind: RefusalKind,
    },
    /// C4: own votes have stopped for good. Said again after a restart.
    Diverged {
        /// What was seen.
        what: String,
    },
    /// Somebody broke a rule.
    Fault(PeerFault),
}
