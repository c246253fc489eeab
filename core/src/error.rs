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
    /// The group runs by rules of another version than this build has: it can only be followed.
    #[error("this table plays {rules} version {need}: {}", rules_advice(*have, *need))]
    RulesVersion {
        /// Name of the rules.
        rules: String,
        /// Version that this build has, none where it has no rules of that name.
        have: Option<u16>,
        /// Version that the group runs by.
        need: u16,
    },
    /// What the others agreed on is something else by the rules of this build: it can only be followed.
    #[error(
        "this app computed block {height} otherwise than the others: update it; until then this table is only shown"
    )]
    Diverged {
        /// Height of the first block that differs.
        height: u64,
    },
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
    /// A height whose state is not, or not any more, kept.
    #[error("height {height} is not kept here: ask for 0 or for one from {oldest} to {head}")]
    NotKept {
        /// Height asked for.
        height: u64,
        /// Lowest height above the genesis that is kept.
        oldest: u64,
        /// Highest one.
        head: u64,
    },
    /// This phone has counted as much in the tally as one run may.
    #[error(
        "{total} is counted already and {max} is the most: count less at once, or by agreement"
    )]
    TallyFull {
        /// What this phone has added, or subtracted, so far.
        total: u64,
        /// The bound.
        max: u64,
    },
    /// The store was lost too often for what is counted here to count.
    #[error(
        "this phone has lost its store too often: {max} of its numberings count, and this is one more"
    )]
    TooManyRuns {
        /// The bound.
        max: usize,
    },
    /// Nothing that is committed was set aside by this phone's user under this number.
    #[error("nothing of yours is set aside under number {number}: wait until it is final")]
    NoEarmark {
        /// The number.
        number: u32,
    },
    /// What was given is not final.
    #[error(transparent)]
    NotFinal(#[from] NotFinal),
    /// Sealing, or reading what is sealed, was not possible.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Why a payment is not final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFinal {
    /// It is no release.
    #[error("this is a payment like any other: it may be refused once all are together again")]
    NotARelease,
    /// It was redeemed, or given back.
    #[error("this amount was paid out already")]
    Settled,
    /// This phone's user redeems it already.
    #[error("you have taken this one already: it pays once")]
    Taken,
    /// No such earmark is committed at this phone's head.
    #[error("no such amount is set aside as far as this phone knows: ask to be paid again later")]
    NotCommitted,
    /// It is set aside for somebody else.
    #[error("this amount is set aside for another player")]
    OtherPayee,
    /// It is another amount than what is set aside.
    #[error("another amount is set aside than the one promised")]
    OtherAmount,
    /// The payer did not sign it.
    #[error("the payer did not sign this: do not accept it")]
    NotGenuine,
}

/// Why something was not sealed, or what is sealed not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The group plays by other rules.
    #[error("this table is no board: only entries of a board can be sealed")]
    NotABoard,
    /// No entry can have this key.
    #[error("a key of {len} bytes: it must have 1 to {max}")]
    BadKey {
        /// Bytes offered.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The text is longer than one action can carry.
    #[error("{len} bytes to seal, at most {max} are possible: seal them in parts")]
    TooLong {
        /// Bytes offered.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// No member of this group has this identity.
    #[error("the one it is sealed for is not a member of this table")]
    NotMember,
    /// The member has not published his sealing key.
    #[error("that member has not published a sealing key yet: his app does so once")]
    NoSealingKey,
    /// No sealed entry has this key.
    #[error("nothing is sealed there")]
    NothingSealed,
    /// It is sealed for another member.
    #[error("it is sealed for another member")]
    NotItsOwner,
    /// Everyone can read it.
    #[error("it is open already: read it on the board")]
    AlreadyOpen,
    /// The box does not hold what its commitment says.
    #[error("its sealer put something here that cannot be opened: remove it and tell him")]
    Damaged,
}

/// What a build has of the rules that a group runs by, and what its user can do.
pub fn rules_advice(have: Option<u16>, need: u16) -> String {
    match have {
        None => "this app lacks these rules, update it".to_owned(),
        Some(have) if have < need => format!("this app has version {have}, update it"),
        Some(have) if have > need => {
            format!("this app has version {have}, the others should update theirs and start anew")
        }
        Some(_) => "this app has another build of that version, install the same one".to_owned(),
    }
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
    /// A count of the tally that cannot stand.
    #[error("count refused: {0}")]
    Tally(&'static str),
    /// A group message that came through others and is not sealed as it should be (M11).
    #[error("relayed message refused: it {0}")]
    Sealed(&'static str),
    /// A signed action that no phone of this build makes (T5).
    #[error("action refused: {0}")]
    Action(&'static str),
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
            Self::Tally(_) => "tally",
            Self::Action(_) => "action",
            Self::Sealed(_) => "sealed",
        }
    }
}

/// Why a node did not go on from a store. Nothing was written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// A record has a format that this build does not know.
    #[error(
        "the store was written by another version of this app (its format is {found}, this app reads {known}): install the newest version; nothing was changed"
    )]
    UnknownFormat {
        /// Format of the record.
        found: u8,
        /// Format that this build reads and writes.
        known: u8,
    },
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
    /// The store must not be written to.
    #[error("the store is read-only: allow this app to write to its folder")]
    ReadOnly,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_about_other_rules_depends_on_which_is_older() {
        let says = |have, what: &str| rules_advice(have, 2).contains(what);
        assert!(says(None, "lacks these rules, update it"));
        assert!(says(Some(1), "version 1, update it"));
        assert!(says(Some(3), "the others should update"));
        assert!(says(Some(2), "another build"));
    }
}
