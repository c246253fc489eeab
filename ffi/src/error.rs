//! What a call can fail with.

use althing::error::CommandError;

/// A call that was not carried out. Nothing changed, except where the object is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum AlthingError {
    /// A call ran into a bug of the core: this object is of no further use. Make a new one, with one
    /// start more: it follows its groups again, but does not vote in them.
    #[error("the core failed: make a new object with one start more and report this")]
    Broken,
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
    #[error("this table plays {rules} version {need}, which this app lacks: update the app")]
    RulesVersion {
        /// Name of the rules.
        rules: String,
        /// Version that this app has, none where it has no rules of that name.
        have: Option<u16>,
        /// Version that the table runs by.
        need: u16,
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
        }
    }
}
