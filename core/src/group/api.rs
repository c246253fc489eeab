//! What a group shows to its app: heads, fates, status, the view and the transcript.

use serde::{Deserialize, Serialize};

use crate::crypto::Hash;
use crate::id::{GroupId, PeerId};
use crate::state::Map;
use crate::time::Instant;
use crate::wire::{ActionId, Block, Certificate, Header, Reason, SignedGenesis};

/// Names what the user asked for on this phone, before and after it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionId(pub u64);

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
    /// Signed while no quorum is in reach, or still under way when it was lost: shown and ordered on
    /// this side, final when quorum is back. It may be refused then.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Every voter is in reach.
    Live,
    /// A quorum is in reach.
    Degraded {
        /// Voters out of reach.
        missing: Vec<PeerId>,
    },
    /// No quorum is in reach, or it is and does not vote: nothing commits until somebody comes back.
    NoQuorum {
        /// Voters in reach, this phone among them.
        with: Vec<PeerId>,
        /// Voters out of reach.
        missing: Vec<PeerId>,
        /// Since when.
        since: Instant,
    },
    /// A quorum is in reach again after there was none: what was done apart is being put together.
    Healing,
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

/// An action that is not final, signed by a member of this side while there is no quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tentative {
    /// Its name.
    pub action: ActionId,
    /// What it asks for.
    pub payload: Vec<u8>,
    /// Why it would be refused if nothing else came; none where it would be applied.
    pub refused: Option<Reason>,
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
    /// Members without a vote, with their names.
    pub observers: Vec<(PeerId, String)>,
    /// The committed state with tentative and own pending actions applied.
    pub state: Map,
    /// The committed state alone.
    pub committed: Map,
    /// Own submissions that are not settled, oldest first.
    pub pending: Vec<Pending>,
    /// While there is no quorum, and until what was done apart is put together: all that is signed
    /// and not final here, own ones among it, in the order in which it would be applied.
    pub tentative: Vec<Tentative>,
    /// What the group waits for, empty when nothing is under way.
    pub waiting_for: Vec<WaitingFor>,
}

/// The tally as it is shown: the counter of a group that needs no agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TallyView {
    /// What everybody counted, as far as this phone has heard, with what its user counted last.
    pub value: i64,
    /// What each member counted, in index order; they add up to `value`.
    pub members: Vec<(PeerId, i64)>,
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

/// A group as it was at an earlier height: a copy beside the live one, which does not move.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollback {
    /// Where the group stood.
    pub head: Head,
    /// The committed state there.
    pub state: Map,
    /// What is retained up to there. Its last block may lack a finalization of its own, where it
    /// became final by a block above: then it is checked only as part of a longer transcript.
    pub transcript: Transcript,
}

/// What a group did, as far as it is retained: enough to execute it again.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// The genesis.
    pub genesis: SignedGenesis,
    /// The state that the first entry stands on.
    pub base: Map,
    /// The block that led to `base`, where older blocks were dropped; none where `base` is the
    /// genesis' state.
    pub base_block: Option<BaseBlock>,
    /// The blocks above `base` in order of height.
    pub entries: Vec<TranscriptEntry>,
}

/// The block below the first entry of a transcript: it names the root of the base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaseBlock {
    /// Its header.
    pub header: Header,
    /// Its own finalization, where it did not become final by a later block's.
    pub finalization: Option<Certificate>,
}

/// One block of a transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscriptEntry {
    /// The block.
    pub block: Block,
    /// Its own finalization, where it did not become final by a later block's.
    pub finalization: Option<Certificate>,
}
