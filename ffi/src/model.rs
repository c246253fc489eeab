//! Records and enums as Kotlin and Swift see them. Groups, peers and hashes are lower-case hex, so
//! that they can be keys of a map there; the meaning of each field is the core's.

use crate::tentative::Tentative;

/// Role on one BLE connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Role {
    /// Initiated the connection; writes.
    Central,
    /// Advertised; notifies.
    Peripheral,
}

/// What the Bluetooth adapter can do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum PowerState {
    /// Ready.
    On,
    /// Switched off.
    Off,
    /// The user did not permit Bluetooth.
    Unauthorised,
}

/// What the OS lets this app do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum AppMode {
    /// On the screen.
    Foreground,
    /// Not on the screen.
    Background,
    /// The user or the OS asks to save power.
    LowPower,
}

/// How much of the time to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ScanDuty {
    /// All the time.
    High,
    /// About a quarter.
    Balanced,
    /// About a tenth.
    Low,
}

/// How often to advertise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum AdvertInterval {
    /// About 150 ms.
    Fast,
    /// About 1 s.
    Slow,
}

/// What became of one write or notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum OperationResult {
    /// The stack took it; the next may follow.
    Done,
    /// The stack's queue was full.
    Busy,
    /// The stack refused it for good.
    Failed,
}

/// Why a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LinkDownReason {
    /// Nothing heard for the supervision timeout.
    Timeout,
    /// The other side ended it.
    Remote,
    /// We asked for it.
    Local,
    /// The connection never came up or the service was not found.
    Setup,
}

/// A fact that the radio reports.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum RadioEvent {
    /// The adapter's state changed.
    PowerChanged {
        /// The state.
        state: PowerState,
    },
    /// The app's state changed.
    AppModeChanged {
        /// The state.
        mode: AppMode,
    },
    /// A device with our service was heard.
    Discovered {
        /// Which.
        device: u64,
        /// What it advertised beside the service UUID; empty where the platform hides it.
        advert: Vec<u8>,
        /// Signal strength, dBm.
        rssi: i8,
    },
    /// A connection exists.
    LinkUp {
        /// Its name, never used before.
        link: u64,
        /// The other end.
        device: u64,
        /// Our role.
        role: Role,
        /// Bytes that fit one value.
        value_len_max: u16,
    },
    /// The length of a value changed.
    ValueLengthChanged {
        /// The link.
        link: u64,
        /// The new length, bytes.
        value_len_max: u16,
    },
    /// Service found and subscribed: values can flow both ways.
    Ready {
        /// The link.
        link: u64,
    },
    /// A value arrived.
    ValueReceived {
        /// The link.
        link: u64,
        /// The value.
        bytes: Vec<u8>,
    },
    /// An operation ended.
    OperationCompleted {
        /// The link.
        link: u64,
        /// The operation.
        op: u64,
        /// How.
        result: OperationResult,
    },
    /// The connection is gone.
    LinkDown {
        /// The link.
        link: u64,
        /// Why.
        reason: LinkDownReason,
    },
    /// Scanning stopped by itself.
    ScanFailed,
    /// Advertising stopped by itself.
    AdvertisingFailed,
}

/// A wish of the core, for the radio.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum RadioCommand {
    /// Listen for our service.
    Scan {
        /// How much.
        duty: ScanDuty,
    },
    /// Stop listening.
    StopScan,
    /// Advertise our service with this payload.
    Advertise {
        /// At most 12 bytes.
        advert: Vec<u8>,
        /// How often.
        interval: AdvertInterval,
    },
    /// Stop advertising.
    StopAdvertising,
    /// Connect as central.
    Connect {
        /// To whom.
        device: u64,
    },
    /// End a link.
    Disconnect {
        /// Which.
        link: u64,
    },
    /// As central: write without response.
    Write {
        /// The link.
        link: u64,
        /// Named again by its completion.
        op: u64,
        /// The value.
        bytes: Vec<u8>,
    },
    /// As peripheral: notify.
    Notify {
        /// The link.
        link: u64,
        /// Named again by its completion.
        op: u64,
        /// The value.
        bytes: Vec<u8>,
    },
}

/// What is to be done after a call, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, uniffi::Record)]
pub struct Outputs {
    /// For the radio.
    pub radio: Vec<RadioCommand>,
    /// For the app.
    pub events: Vec<Event>,
    /// When to call `handle_timeout`, counted from this call; every call replaces it.
    pub wake_after_ms: Option<u64>,
}

/// A table that was opened or is being joined.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Table {
    /// Its group.
    pub group: String,
    /// Its ticket, for the others to join.
    pub ticket: String,
    /// What is to be done.
    pub outputs: Outputs,
}

/// A submission that is in the view.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Submitted {
    /// Its name on this phone.
    pub submission: u64,
    /// What is to be done.
    pub outputs: Outputs,
}

/// An action that seals, made and not submitted yet.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Sealed {
    /// Its payload, for `submit`.
    pub payload: Vec<u8>,
    /// What is to be done.
    pub outputs: Outputs,
}

/// How many must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Mode {
    /// Up to a third of the members may lie; from four members on.
    Bft,
    /// Friends: members may crash, none lies.
    Majority,
    /// Every member, for everything.
    Unanimous,
}

/// Until when an action may be applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Record)]
pub struct Validity {
    /// Highest height of a block that may apply it.
    #[uniffi(default = None)]
    pub until_height: Option<u64>,
    /// The only phase of the rules in which it may be applied.
    #[uniffi(default = None)]
    pub phase: Option<u64>,
}

/// Names an action everywhere.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ActionId {
    /// Who signed it.
    pub author: String,
    /// The numbering it belongs to.
    pub run: u64,
    /// Its number in that run.
    pub number: u64,
}

/// Where a group stands.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Head {
    /// The group.
    pub group: String,
    /// The epoch.
    pub epoch: String,
    /// Height of the highest finalized block.
    pub height: u64,
    /// Its hash.
    pub block: String,
}

/// Why an action was refused.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Reason {
    /// By the rules of the group.
    Rules {
        /// Code of the rule set.
        code: u16,
        /// What the rule set says beside it.
        detail: Vec<u8>,
    },
    /// The author is not a member.
    NotMember,
    /// An action that it depends on was refused.
    Dependency {
        /// Number of that action.
        number: u64,
    },
    /// Its validity had passed.
    Expired,
    /// Another action with the same number was signed: neither is applied.
    Equivocation,
    /// A system action that does not fit the state.
    NotApplicable,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Fate {
    /// Not signed: quorum is missing, and it can be withdrawn.
    Intent,
    /// Signed, not final.
    Pending,
    /// Signed while there is no quorum: shown here as if it were done, and decided when quorum is
    /// back. It may be refused then.
    Tentative,
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
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Status {
    /// Every voter is in reach.
    Live,
    /// A quorum is in reach.
    Degraded {
        /// Voters out of reach.
        missing: Vec<String>,
    },
    /// No quorum is in reach: nothing commits until somebody comes back.
    NoQuorum {
        /// Voters in reach, this phone among them.
        with: Vec<String>,
        /// Voters out of reach.
        missing: Vec<String>,
        /// For how long by now.
        for_ms: u64,
    },
    /// A quorum is in reach again after there was none: what was done apart is being put together.
    Healing,
    /// Own votes have stopped.
    Diverged {
        /// What was seen, in words.
        evidence: String,
    },
}

/// What a group waits for.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct WaitingFor {
    /// What.
    pub what: String,
    /// From whom; empty where nobody is to be named.
    pub whom: Vec<String>,
}

/// An own submission that is not settled.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Pending {
    /// Its name on this phone.
    pub submission: u64,
    /// Its name everywhere, once signed.
    pub action: Option<ActionId>,
    /// Its fate so far.
    pub fate: Fate,
    /// The action, in the rule set's own encoding.
    pub payload: Vec<u8>,
}

/// A phone of a gathering or a member of a group.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Member {
    /// Who.
    pub peer: String,
    /// His name.
    pub name: String,
    /// Short code to compare face to face, while the table gathers.
    pub safety_code: Option<String>,
    /// Whether he has a vote. Without one his app is too old for this table: he follows it, and
    /// should look for an update.
    pub votes: bool,
}

/// One key of a state with its value.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct StateEntry {
    /// The key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

/// One key of the view that changed.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct PatchEntry {
    /// The key.
    pub key: Vec<u8>,
    /// Its value before.
    pub old: Option<Vec<u8>>,
    /// Its value now.
    pub new: Option<Vec<u8>>,
}

/// What the screen shows of a group.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct View {
    /// The committed head that it stands on.
    pub head: Head,
    /// How well the group can agree.
    pub status: Status,
    /// Members in index order.
    pub members: Vec<Member>,
    /// The committed state with tentative and own pending actions applied, by ascending key.
    pub state: Vec<StateEntry>,
    /// Own submissions that are not settled, oldest first.
    pub pending: Vec<Pending>,
    /// While there is no quorum, and until what was done apart is put together: all that is signed
    /// and not final here, own ones among it, in the order in which it would be applied.
    pub tentative: Vec<Tentative>,
    /// What the group waits for, empty when nothing is under way.
    pub waiting_for: Vec<WaitingFor>,
}

/// The counter of a table that needs no agreement.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Tally {
    /// What everybody counted, as far as this phone has heard, with what its user counted last.
    pub value: i64,
    /// What each member counted, in the order of `View::members`; they add up to `value`.
    pub members: Vec<MemberTally>,
}

/// What one member counted.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct MemberTally {
    /// Who.
    pub peer: String,
    /// The sum.
    pub value: i64,
}

/// What happened, for the app.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Event {
    /// The list of a gathering changed.
    Gathering {
        /// The table.
        group: String,
        /// Who is here.
        entries: Vec<Member>,
    },
    /// A table runs by rules that this app lacks: it is followed, its state is shown as bytes, and
    /// nothing can be asked for. Tell the user to update the app.
    RulesVersion {
        /// The table.
        group: String,
        /// Version that this app has, none where it has no rules of that name.
        have: Option<u16>,
        /// Version that the table runs by.
        need: u16,
    },
    /// A table that was being joined has started without this phone.
    TableStarted {
        /// The table.
        group: String,
    },
    /// A group has started with this phone in it.
    Started {
        /// The table.
        group: String,
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
        group: String,
        /// The submission.
        submission: u64,
        /// Its fate.
        fate: Fate,
    },
    /// A block became final here.
    Committed {
        /// The head now.
        head: Head,
        /// The actions it applied.
        applied: Vec<ActionId>,
        /// The actions it refused.
        refused: Vec<ActionId>,
    },
    /// How well the group can agree changed.
    Status {
        /// The table.
        group: String,
        /// The status.
        status: Status,
    },
    /// A member broke a rule in a way that others can check.
    Evidence {
        /// The table.
        group: String,
        /// Who.
        peer: String,
        /// What, in words.
        what: String,
    },
    /// A remote broke a rule.
    PeerFault {
        /// The link it came by.
        link: Option<u64>,
        /// Who, where it is proved.
        peer: Option<String>,
        /// Which rule, in words.
        fault: String,
    },
    /// An identified neighbour.
    NeighbourUp {
        /// The link.
        link: u64,
        /// Who.
        peer: String,
    },
    /// A neighbour is gone.
    NeighbourDown {
        /// The link.
        link: u64,
        /// Who.
        peer: String,
    },
    /// The store refused a batch: what depends on it does not happen.
    StoreFailed {
        /// Why, in words.
        fault: String,
    },
    /// A phone that lost its store, this one or another, came further on its way to vote again.
    Recovery {
        /// The table.
        group: String,
        /// Whose store.
        peer: String,
        /// How far.
        stage: crate::recovery::RecoveryStage,
    },
    /// The tally of a table shows another value.
    Tally {
        /// The table.
        group: String,
        /// The value.
        value: i64,
    },
    /// A member who was missed, or this phone, is being brought up to date; at `target` it is done.
    Resync {
        /// The table.
        group: String,
        /// Who.
        peer: String,
        /// Where he stands.
        height: u64,
        /// Where the others stand.
        target: u64,
    },
}
