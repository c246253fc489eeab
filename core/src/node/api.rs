//! What goes in and out of a node beside radio events.

use std::fmt;

use crate::ble::RadioCommand;
use crate::error::{PeerFault, StoreFault};
use crate::group::{Fate, Head, Listed, PatchEntry, Pending, RecoveryStage, Status, SubmissionId};
use crate::id::{GroupId, LinkId, PeerId, StoreToken};
use crate::outbox::Record;
use crate::time::Instant;
use crate::wire::{ActionId, Mode, Validity};

/// A wish of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens a table and shows a ticket for it.
    OpenTable {
        /// The user's name.
        name: String,
        /// Name of the rule set.
        rules: String,
        /// Its configuration, in the rule set's own encoding.
        rules_config: Vec<u8>,
        /// Mode for every committee size; by default Majority for 2 and 3 and Bft from 4.
        mode: Option<Mode>,
    },
    /// Joins the table of a ticket.
    JoinTable {
        /// Text of the ticket.
        ticket: String,
        /// The user's name.
        name: String,
    },
    /// Starts a table with everyone who is listed.
    StartTable {
        /// The table.
        group: GroupId,
    },
    /// Asks for a change of the state.
    Submit {
        /// The table.
        group: GroupId,
        /// The action, in the rule set's own encoding.
        payload: Vec<u8>,
        /// Own submissions without which this one must not be applied.
        dependencies: Vec<SubmissionId>,
        /// Until when it may be applied.
        validity: Validity,
    },
    /// Takes back an intent that was not signed yet.
    Withdraw {
        /// The table.
        group: GroupId,
        /// The intent.
        submission: SubmissionId,
    },
    /// The user has seen a rejected or conflicted submission: it leaves the view.
    Acknowledge {
        /// The table.
        group: GroupId,
        /// The submission.
        submission: SubmissionId,
    },
    /// Adds to the tally of a table, the counter that needs no agreement.
    Count {
        /// The table.
        group: GroupId,
        /// What is added; negative amounts subtract.
        amount: i64,
    },
    /// Seals bytes of a board for one member. It only makes the action: to put it on the board, its
    /// payload is submitted like any other.
    Seal {
        /// The table.
        group: GroupId,
        /// Key of the entry.
        key: Vec<u8>,
        /// Who can read it and may open it.
        owner: PeerId,
        /// What is sealed. It leaves this phone, and enters its store, in no other form.
        plaintext: Plaintext,
    },
}

/// Bytes that are nobody else's business: not printed either.
#[derive(Clone, PartialEq, Eq)]
pub struct Plaintext(pub Vec<u8>);

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} bytes)", self.0.len())
    }
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// A table is open.
    Opened {
        /// The table.
        group: GroupId,
        /// Text of its ticket.
        ticket: String,
    },
    /// The table is being joined.
    Joined {
        /// The table.
        group: GroupId,
    },
    /// The submission is in the view.
    Submitted {
        /// Its name.
        submission: SubmissionId,
    },
    /// Done, nothing to say.
    Ok,
    /// The action that seals is made.
    Sealed {
        /// Its payload, to be submitted.
        payload: Vec<u8>,
    },
}

/// A wish of the node, or the end of the drain.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// For the radio.
    Radio(RadioCommand),
    /// For the store.
    Store(StoreCommand),
    /// For the app.
    Event(Event),
    /// Nothing more: call again at `wake_at` or on the next fact.
    Idle {
        /// When to call `handle_timeout`, if ever.
        wake_at: Option<Instant>,
        /// Why.
        cause: &'static str,
    },
}

/// One atomic batch: all of it is stored and synced, then `handle_stored` is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCommand {
    /// Named again by the completion.
    pub token: StoreToken,
    /// Records to write.
    pub puts: Vec<Record>,
    /// Keys to remove, after the writes.
    pub deletes: Vec<Vec<u8>>,
}

/// What happened, for the app.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The list of a gathering changed.
    Gathering {
        /// The table.
        group: GroupId,
        /// Who is here.
        entries: Vec<Listed>,
    },
    /// A table that was being joined has started without this phone.
    TableStarted {
        /// The table.
        group: GroupId,
    },
    /// A group runs by rules that this build lacks: this phone follows it, shows what is committed
    /// as bytes, and can ask for nothing. The app should tell its user to update.
    RulesVersion {
        /// The group.
        group: GroupId,
        /// Version that this build has, none where it has no rules of that name.
        have: Option<u16>,
        /// Version that the group runs by.
        need: u16,
    },
    /// A group has started with this phone in it.
    Started {
        /// The table.
        group: GroupId,
    },
    /// The view changed.
    View {
        /// The head that it stands on.
        head: Head,
        /// What changed.
        patches: Vec<PatchEntry>,
        /// Own submissions that are not settled.
        pending: Vec<Pending>,
    },
    /// A submission has another fate.
    Fate {
        /// The table.
        group: GroupId,
        /// The submission.
        submission: SubmissionId,
        /// Its fate.
        fate: Fate,
    },
    /// A block became final here, or several at once with a snapshot, which does not name them.
    Committed {
        /// The head now.
        head: Head,
        /// Ids of the actions it applied.
        applied: Vec<ActionId>,
        /// Ids of the actions it refused.
        refused: Vec<ActionId>,
    },
    /// How well the group can agree changed.
    Status {
        /// The table.
        group: GroupId,
        /// The status.
        status: Status,
    },
    /// A member broke a rule in a way that others can check.
    Evidence {
        /// The table.
        group: GroupId,
        /// Who.
        peer: PeerId,
        /// What, in words.
        what: String,
    },
    /// A remote broke a rule.
    PeerFault {
        /// The link it came by.
        link: Option<LinkId>,
        /// Who, where it is proved.
        peer: Option<PeerId>,
        /// Which rule.
        fault: PeerFault,
    },
    /// An identified neighbour.
    NeighbourUp {
        /// The link.
        link: LinkId,
        /// Who.
        peer: PeerId,
    },
    /// A neighbour is gone.
    NeighbourDown {
        /// The link.
        link: LinkId,
        /// Who.
        peer: PeerId,
    },
    /// The store refused a batch: what depends on it does not happen.
    StoreFailed {
        /// Why.
        fault: StoreFault,
    },
    /// A voter that lost its store, this phone or another, came further (C8).
    Recovery {
        /// The table.
        group: GroupId,
        /// Whose store.
        peer: PeerId,
        /// How far.
        stage: RecoveryStage,
    },
    /// The tally of a table shows another value.
    Tally {
        /// The table.
        group: GroupId,
        /// The value.
        value: i64,
    },
    /// A member who was missed while there was a quorum, or this phone after it saw none, is being
    /// brought up to date: told at most 16 times a return, and once when `height` is `target`.
    Resync {
        /// The table.
        group: GroupId,
        /// Who.
        peer: PeerId,
        /// Where he stands.
        height: u64,
        /// Where the others stand.
        target: u64,
    },
}
