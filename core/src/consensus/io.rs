//! Facts in, wishes out.

use std::collections::BTreeSet;

use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::id::RunId;
use crate::outbox::Record;
use crate::wire::{
    Block, Certificate, GroupMessage, Proposal, Refusal, RefusalKind, RoundAnswer, Vote,
};

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

/// What this phone can prove of its store (C8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreProof {
    /// Whether it holds every vote that was cast in this group.
    pub current: bool,
    /// The store's numbering.
    pub run: RunId,
    /// Names the questions of this process: no two processes have the same one.
    pub nonce: u64,
}

/// How far a voter has come that could not prove its store current (C8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryStage {
    /// It asks the others for their round, and casts no vote.
    Asking,
    /// It knows them, and votes from this round on.
    Waiting {
        /// The round.
        floor: u64,
    },
    /// It votes again.
    Voting,
    /// It can never vote again in this group, because too few others can answer or no round passes
    /// without it: its members have to found a successor group.
    NeedsSuccessor,
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
    /// A voter that lost its store asks for the own round.
    RoundAsked {
        /// His committee index, as the mesh names the sender.
        asker: u8,
        /// The epoch that he asks about.
        epoch: Hash,
        /// His question.
        nonce: u64,
    },
    /// A voter told his round.
    RoundAnswered(RoundAnswer),
    /// Voters that can be reached now.
    InReach(BTreeSet<u8>),
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
    /// C8: a voter that lost its store, this one or another, came further.
    Recovery {
        /// His committee index.
        voter: u8,
        /// How far.
        stage: RecoveryStage,
    },
    /// Somebody broke a rule.
    Fault(PeerFault),
}
