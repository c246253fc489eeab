//! Failures: what the caller can act on, and what a remote did wrong. A third kind, our own bugs,
//! panics with the broken invariant.

use crate::id::GroupId;
use crate::wire::{DecodeError, UnpackError};

/// A command that was not carried out. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No such group on this node.
    #[error("group {0:?} is not known here: open or join it first")]
    UnknownGroup(GroupId),
    /// The text is not a ticket.
    #[error("not a valid ticket ({0}): ask for a fresh copy of it")]
    BadTicket(&'static str),
    /// This node opened or joined this group already.
    #[error("this table is already open here")]
    AlreadyJoined,
    /// The table has started.
    #[error("the table has started: joining a running table is not possible yet")]
    TableStarted,
    /// The table has not started.
    #[error("the table has not started: wait for its opener")]
    NotStarted,
    /// Only the opener may do this.
    #[error("only the phone that opened the table can start it")]
    NotOpener,
    /// Too few phones.
    #[error("{have} phones are here, at least {need} are needed: let others join first")]
    TooFewMembers {
        /// Phones listed.
        have: usize,
        /// Phones needed.
        need: usize,
    },
    /// A rule set that this build does not have.
    #[error("rule set {0:?} is not part of this build")]
    UnknownRules(String),
    /// The configuration was refused by the rule set.
    #[error("the rules refuse this configuration: {0}")]
    BadRulesConfig(String),
    /// The payload is longer than one action may be.
    #[error("an action of {len} bytes, at most {max} are possible: split it")]
    PayloadTooLong {
        /// Bytes offered.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Too many actions wait for their fate.
    #[error("{max} actions wait for their fate: wait for some of them")]
    TooManyPending {
        /// The bound.
        max: usize,
    },
    /// No such submission, or it has its final fate.
    #[error("this submission is not waiting any more")]
    UnknownSubmission,
    /// An intent was signed in the meantime: it can no longer be withdrawn.
    #[error("this action is signed already and cannot be withdrawn")]
    AlreadySigned,
    /// A name that cannot be shown.
    #[error("the name is empty or has only characters that cannot be shown")]
    BadName,
    /// More dependencies than one action may have.
    #[error("{len} dependencies, at most {max} are possible: depend on the last of them only")]
    TooManyDependencies {
        /// Dependencies offered.
        len: usize,
        /// Dependencies allowed.
        max: usize,
    },
}

/// A numbered rule that a remote broke: counted and reported, never a panic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerFault {
    /// Bytes that are no message (W1).
    #[error("undecodable message: {0}")]
    Undecodable(#[from] DecodeError),
    /// A fragment outside the window or over the limits (L2).
    #[error("fragment refused: {0}")]
    Fragment(&'static str),
    /// A handshake that does not prove its identity (L3).
    #[error("handshake refused: {0}")]
    Handshake(&'static str),
    /// A frame that does not authenticate or was seen before (L4).
    #[error("frame refused: {0}")]
    Frame(&'static str),
    /// A compressed message over its limits (L5).
    #[error("compressed message refused: {0}")]
    Inflate(&'static str),
    /// A mesh frame over its limits (M1).
    #[error("mesh frame refused: {0}")]
    Mesh(&'static str),
    /// Signed content with a signature that does not verify (C0): nobody is blamed for it.
    #[error("signature does not verify")]
    Signature,
    /// Content of a member that breaks a C rule.
    #[error("consensus rule C{rule}: {what}")]
    Consensus {
        /// The rule.
        rule: u8,
        /// What was wrong.
        what: &'static str,
    },
    /// A sync answer that does not check out (S1).
    #[error("sync answer refused: {0}")]
    Sync(&'static str),
    /// A join or genesis that does not check out (G1).
    #[error("gathering message refused: {0}")]
    Gathering(&'static str),
    /// Actions that do not unpack (W6).
    #[error("{0}")]
    Packed(#[from] UnpackError),
}

impl PeerFault {
    /// The name under which it is counted.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "undecodable",
            Self::Fragment(_) => "fragment",
            Self::Handshake(_) => "handshake",
            Self::Frame(_) => "frame",
            Self::Inflate(_) => "inflate",
            Self::Mesh(_) => "mesh",
            Self::Signature => "signature",
            Self::Consensus { .. } => "consensus",
            Self::Sync(_) => "sync",
            Self::Gathering(_) => "gathering",
            Self::Packed(_) => "packed",
        }
    }
}

/// Why the store refused a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// No space is left.
    #[error("the disk is full: free some space")]
    Full,
    /// The device failed.
    #[error("the store could not write")]
    Io,
}
