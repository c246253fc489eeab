//! What goes in and out of a replica.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::consensus::{RecoveryStage, StoreProof};
use crate::crypto::Identity;
use crate::error::PeerFault;
use crate::group::{Fate, Head, PatchEntry, Pending, Status, SubmissionId};
use crate::id::{MeshAddress, PeerId, RunId};
use crate::outbox::Record;
use crate::wire::{ActionId, GroupMessage};

/// What a replica needs beside its genesis.
#[derive(Clone, Debug)]
pub struct ReplicaSetup {
    /// Bounds and rule sets.
    pub config: Config,
    /// Who this phone is.
    pub identity: Identity,
    /// Numbering of its store.
    pub run: RunId,
    /// Whether its store is proved current: else it asks the others before it votes (C8).
    pub may_vote: bool,
    /// Names what this process asks (C8): no two processes have the same one.
    pub nonce: u64,
}

impl ReplicaSetup {
    /// What the store proves, where `readable` says that all of its records could be read.
    pub(super) fn proof(&self, readable: bool) -> StoreProof {
        StoreProof {
            current: self.may_vote && readable,
            run: self.run,
            nonce: self.nonce,
        }
    }
}

/// A fact for a replica.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "an input is handled at once, never kept"
)]
pub enum ReplicaInput {
    /// A message of this group.
    Message {
        /// Who sent the frame; content is believed by its own signature only.
        origin: MeshAddress,
        /// The message.
        message: GroupMessage,
    },
    /// Who can be reached over the mesh now.
    Reachable(BTreeSet<MeshAddress>),
    /// A member became a direct neighbour: what was under way to him may be lost.
    Neighbour(MeshAddress),
    /// Paths of the mesh changed: what was on its way may be lost.
    PathsChanged,
    /// The replica's own batch of that number is durable.
    Stored {
        /// The number.
        sequence: u64,
    },
    /// The agreement's batch of that number is durable.
    ConsensusStored {
        /// The number.
        sequence: u64,
    },
    /// The deadline has come.
    Timeout,
    /// The input of the node ends: sign, propose and show what changed, once.
    Flush,
}

/// A wish of a replica.
#[derive(Clone, Debug)]
pub enum ReplicaOutput {
    /// To all members, along the tree rooted at `origin`.
    Spread {
        /// Whose content it is.
        origin: MeshAddress,
        /// The message.
        message: GroupMessage,
    },
    /// To every member that is reached through no other member.
    Nearest {
        /// The message.
        message: GroupMessage,
    },
    /// To one phone.
    Send {
        /// To whom.
        to: MeshAddress,
        /// The message.
        message: GroupMessage,
    },
    /// To be stored; keys are relative to the group.
    Store {
        /// Named again by [`ReplicaInput::Stored`], none where nothing waits for it.
        receipt: Option<u64>,
        /// Writes.
        puts: Vec<Record>,
        /// Removals.
        deletes: Vec<Vec<u8>>,
    },
    /// To be stored for the agreement.
    StoreConsensus {
        /// Named again by [`ReplicaInput::ConsensusStored`].
        sequence: u64,
        /// Writes.
        puts: Vec<Record>,
        /// Removals.
        deletes: Vec<Vec<u8>>,
    },
    /// For the app.
    Event(ReplicaEvent),
    /// A member broke a rule.
    Fault {
        /// Who, where it is proved.
        peer: Option<PeerId>,
        /// Which.
        fault: PeerFault,
    },
}

/// What happened in a group, for the app.
#[derive(Clone, Debug)]
pub enum ReplicaEvent {
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
        /// Which.
        submission: SubmissionId,
        /// Its fate.
        fate: Fate,
    },
    /// A block became final here.
    Committed {
        /// The head now.
        head: Head,
        /// What it applied.
        applied: Vec<ActionId>,
        /// What it refused.
        refused: Vec<ActionId>,
    },
    /// How well the group can agree changed.
    Status(Status),
    /// The group runs by rules that this build lacks.
    RulesVersion {
        /// Version that this build has, none where it has no rules of that name.
        have: Option<u16>,
        /// Version that the group runs by.
        need: u16,
    },
    /// A member broke a rule in a way that others can check.
    Evidence {
        /// Who.
        peer: PeerId,
        /// What, in words.
        what: String,
    },
    /// A voter that lost its store, this one or another, came further (C8).
    Recovery {
        /// Who.
        peer: PeerId,
        /// How far.
        stage: RecoveryStage,
    },
    /// The tally shows another value.
    Tally {
        /// The value.
        value: i64,
    },
    /// A member who was missed, or this phone after it saw no quorum, is being brought up to date. At
    /// `target` he is.
    Resync {
        /// Who.
        peer: PeerId,
        /// Where he stands.
        height: u64,
        /// Where the others stand.
        target: u64,
    },
}
