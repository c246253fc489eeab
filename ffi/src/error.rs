//! What a call can fail with.

use althing::error::{CommandError, RestoreError, SealError, rules_advice};

/// A call that was not carried out. Nothing changed, except where the object is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum AlthingError {
    /// A call ran into a bug of the core: this object is of no further use. Make a new one, with one
    /// start more: it follows its groups again, and asks the others before it votes in them.
    #[error("the core failed: make a new object with one start more and report this")]
    Broken,
    /// The store was written by another version of this app. Nothing was changed.
    #[error(
        "the store was written by another version of this app (its format is {found}, this app reads {known}): install the newest version; nothing was changed"
    )]
    StoreFormat {
        /// Format of the store.
        found: u8,
        /// Format that this app reads.
        known: u8,
    },
    /// A byte string of another length than it must have.
    #[error("{what} has {have} bytes, {need} are needed")]
    BadLength {
        /// Which argument.
        what: String,
        /// Bytes given.
        have: u64,
        /// Bytes needed.
        need: u64,
    },
    /// The text names no group: 32 hex digits do.
    #[error("{id:?} is not the id of a group")]
    BadId {
        /// The text.
        id: String,
    },
    /// No such group on this phone.
    #[error("this group is not known here: open or join it first")]
    UnknownGroup {
        /// The group.
        group: String,
    },
    /// The text is not a ticket.
    #[error("not a valid ticket ({reason}): ask for a fresh copy of it")]
    BadTicket {
        /// What is wrong with it.
        reason: String,
    },
    /// This phone opened or joined this group already.
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
        have: u64,
        /// Phones needed.
        need: u64,
    },
    /// A rule set that this build does not have.
    #[error("rule set {name:?} is not part of this build")]
    UnknownRules {
        /// Its name.
        name: String,
    },
    /// The table runs by rules of another version than this app has: it can only be followed.
    #[error("this table plays {rules} version {need}: {}", rules_advice(*have, *need))]
    RulesVersion {
        /// Name of the rules.
        rules: String,
        /// Version that this app has, none where it has no rules of that name.
        have: Option<u16>,
        /// Version that the table runs by.
        need: u16,
    },
    /// The table agreed on something else than this app computed: it is only shown.
    #[error(
        "this app computed block {height} otherwise than the others: update it; until then this table is only shown"
    )]
    Diverged {
        /// Height of the first block that differs.
        height: u64,
    },
    /// The rule set refused its configuration.
    #[error("the rules refuse this configuration: {reason}")]
    BadRulesConfig {
        /// Why.
        reason: String,
    },
    /// The payload is longer than one action may be.
    #[error("an action of {len} bytes, at most {max} are possible: split it")]
    PayloadTooLong {
        /// Bytes offered.
        len: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// Too many actions wait for their fate.
    #[error("{max} actions wait for their fate: wait for some of them")]
    TooManyPending {
        /// The bound.
        max: u64,
    },
    /// More dependencies than one action may have.
    #[error("{len} dependencies, at most {max} are possible: depend on the last of them only")]
    TooManyDependencies {
        /// Dependencies offered.
        len: u64,
        /// Dependencies allowed.
        max: u64,
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
        max: u64,
    },
    /// Nothing that is committed was set aside by this phone's user under this number.
    #[error("nothing of yours is set aside under number {number}: wait until it is final")]
    NoEarmark {
        /// The number.
        number: u32,
    },
    /// What was given is not final: it may be refused once all are together again.
    #[error("{why}")]
    NotFinal {
        /// Why, for the user.
        why: String,
    },
    /// An argument is longer than it may be.
    #[error("{what} has {len} bytes or elements, at most {max} are possible")]
    TooLong {
        /// Which argument.
        what: String,
        /// Its length.
        len: u64,
        /// The bound.
        max: u64,
    },
    /// Something was not sealed, or what is sealed not read.
    #[error("{fault}")]
    Seal {
        /// Why.
        fault: SealFault,
    },
    /// The text names no peer: 64 hex digits do.
    #[error("{id:?} is not the id of a peer")]
    BadPeer {
        /// The text.
        id: String,
    },
}

/// Why something was not sealed, or what is sealed not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, uniffi::Enum)]
pub enum SealFault {
    /// The group plays by other rules than the board's.
    #[error("this table is no board: only entries of a board can be sealed")]
    NotABoard,
    /// A key has 1 to 48 bytes.
    #[error("a key of {len} bytes: it must have 1 to {max}")]
    BadKey {
        /// Bytes given.
        len: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// More than can be sealed at once.
    #[error("{len} bytes to seal, at most {max} are possible: seal them in parts")]
    TooLong {
        /// Bytes given.
        len: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// The one it is sealed for is no member.
    #[error("the one it is sealed for is not a member of this table")]
    NotMember,
    /// That member's app has not submitted its `sealing_key_payload` yet.
    #[error("that member has not published a sealing key yet: his app does so once")]
    NoSealingKey,
    /// Nothing is sealed under this key.
    #[error("nothing is sealed there")]
    NothingSealed,
    /// It is sealed for another member.
    #[error("it is sealed for another member")]
    NotItsOwner,
    /// It is open already: the view shows it.
    #[error("it is open already: read it on the board")]
    AlreadyOpen,
    /// Its sealer put something there that cannot be opened.
    #[error("its sealer put something here that cannot be opened: remove it and tell him")]
    Damaged,
}

impl From<SealError> for SealFault {
    fn from(error: SealError) -> Self {
        match error {
            SealError::NotABoard => Self::NotABoard,
            SealError::BadKey { len, max } => Self::BadKey {
                len: len as u64,
                max: max as u64,
            },
            SealError::TooLong { len, max } => Self::TooLong {
                len: len as u64,
                max: max as u64,
            },
            SealError::NotMember => Self::NotMember,
            SealError::NoSealingKey => Self::NoSealingKey,
            SealError::NothingSealed => Self::NothingSealed,
            SealError::NotItsOwner => Self::NotItsOwner,
            SealError::AlreadyOpen => Self::AlreadyOpen,
            SealError::Damaged => Self::Damaged,
        }
    }
}

impl From<RestoreError> for AlthingError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::UnknownFormat { found, known } => Self::StoreFormat { found, known },
        }
    }
}

impl From<CommandError> for AlthingError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::UnknownGroup(group) => Self::UnknownGroup {
                group: group.to_hex(),
            },
            CommandError::BadTicket(reason) => Self::BadTicket {
                reason: reason.to_owned(),
            },
            CommandError::AlreadyJoined => Self::AlreadyJoined,
            CommandError::TableStarted => Self::TableStarted,
            CommandError::NotStarted => Self::NotStarted,
            CommandError::NotOpener => Self::NotOpener,
            CommandError::TooFewMembers { have, need } => Self::TooFewMembers {
                have: have as u64,
                need: need as u64,
            },
            CommandError::RulesVersion { rules, have, need } => {
                Self::RulesVersion { rules, have, need }
            }
            CommandError::Diverged { height } => Self::Diverged { height },
            CommandError::UnknownRules(name) => Self::UnknownRules { name },
            CommandError::BadRulesConfig(reason) => Self::BadRulesConfig { reason },
            CommandError::PayloadTooLong { len, max } => Self::PayloadTooLong {
                len: len as u64,
                max: max as u64,
            },
            CommandError::TooManyPending { max } => Self::TooManyPending { max: max as u64 },
            CommandError::TooManyDependencies { len, max } => Self::TooManyDependencies {
                len: len as u64,
                max: max as u64,
            },
            CommandError::UnknownSubmission => Self::UnknownSubmission,
            CommandError::AlreadySigned => Self::AlreadySigned,
            CommandError::BadName => Self::BadName,
            CommandError::Seal(error) => Self::Seal {
                fault: error.into(),
            },
            CommandError::TallyFull { total, max } => Self::TallyFull { total, max },
            CommandError::TooManyRuns { max } => Self::TooManyRuns { max: max as u64 },
            CommandError::NoEarmark { number } => Self::NoEarmark { number },
            CommandError::NotFinal(why) => Self::NotFinal {
                why: why.to_string(),
            },
            CommandError::NotKept {
                height,
                oldest,
                head,
            } => Self::NotKept {
                height,
                oldest,
                head,
            },
        }
    }
}
