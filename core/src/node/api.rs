//! What goes in and out of a node beside radio events.

use crate::ble::RadioCommand;
use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::id::{GroupId, LinkId, PeerId, StoreToken};
use crate::state::Map;
use crate::time::Instant;
use crate::wire::{ActionId, Block, Certificate, Mode, Reason, SignedGenesis, Validity};

/// Names what the user asked for on this phone, before and after it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionId(pub u64);

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

/// One key of the store with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The key; an equal key is replaced.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
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

/// Where a group stands. Heads compare by ancestry only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The group.
    pub group: GroupId,
    /// The epoch.
    pub epoch: Hash,
    /// Height of the highest finalized block.
    pub height: u64,
    /// Its hash.
    pub block: Hash,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// An intent, not signed: quorum is missing, and it can be withdrawn.
    Intent,
    /// Signed, not final.
    Pending,
    /// Final: applied at this height.
    Committed {
        /// Height of the block.
        height: u64,
    },
    /// Final: refused at this height.
    Rejected {
        /// Height of the block.
        height: u64,
        /// Why.
        reason: Reason,
    },
    /// A forecast: it does not apply on the present base; committed or rejected still follows.
    Conflicted {
        /// Why.
        reason: Reason,
    },
    /// Sent, outcome not learnt.
    Unknown,
}

/// How well a group can agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Every voter is in reach.
    Live,
    /// A quorum is in reach.
    Degraded {
        /// Voters out of reach.
        missing: Vec<PeerId>,
    },
    /// No quorum is in reach: nothing commits until somebody comes back.
    NoQuorum {
        /// Voters in reach, this phone among them.
        with: Vec<PeerId>,
        /// Voters out of reach.
        missing: Vec<PeerId>,
        /// Since when.
        since: Instant,
    },
    /// A certified block executes to another root here, or two finalizations conflict: own votes
    /// have stopped.
    Diverged {
        /// What was seen, in words.
        evidence: String,
    },
}

/// What a state that waits is waiting for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingFor {
    /// What, such as `quorum`, `votes`, `proposal`, `preimage`, `blocks`, `store`.
    pub what: &'static str,
    /// From whom; empty where nobody is to be named.
    pub whom: Vec<PeerId>,
}

/// An own submission that is not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its name on this phone.
    pub submission: SubmissionId,
    /// Its name everywhere, once signed.
    pub action: Option<ActionId>,
    /// Its fate so far.
    pub fate: Fate,
    /// The action.
    pub payload: Vec<u8>,
}

/// fold(committed, tentative, pending): what the screen shows.
#[derive(Clone, Debug)]
pub struct View {
    /// The committed head that it stands on.
    pub head: Head,
    /// How well the group can agree.
    pub status: Status,
    /// Members in index order, with their names.
    pub members: Vec<(PeerId, String)>,
    /// The state with own pending actions applied.
    pub state: Map,
    /// The committed state alone.
    pub committed: Map,
    /// Own submissions that are not settled, oldest first.
    pub pending: Vec<Pending>,
    /// What the group waits for, empty when nothing is under way.
    pub waiting_for: Vec<WaitingFor>,
}

/// One key of the view that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchEntry {
    /// The key.
    pub key: Vec<u8>,
    /// Its value before.
    pub old: Option<Vec<u8>>,
    /// Its value now.
    pub new: Option<Vec<u8>>,
}

/// What a group did, as far as it is retained: enough to execute it again.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// The genesis.
    pub genesis: SignedGenesis,
    /// The blocks in order of height. The first one stands on `base`.
    pub entries: Vec<TranscriptEntry>,
    /// The state below the first entry, where older blocks were dropped; else the genesis' state.
    pub base: Map,
    /// Height of `base`.
    pub base_height: u64,
}

/// One block of a transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscriptEntry {
    /// The block.
    pub block: Block,
    /// Its own finalization, where it did not become final by a later block's.
    pub finalization: Option<Certificate>,
}

/// What happened, for the app.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The list of a gathering changed: (peer, name, safety code).
    Gathering {
        /// The table.
        group: GroupId,
        /// Who is here.
        entries: Vec<(PeerId, String, String)>,
    },
    /// A table that was being joined has started without this phone.
    TableStarted {
        /// The table.
        group: GroupId,
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
    /// A block became final here.
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
        fault: crate::error::StoreFault,
    },
}
