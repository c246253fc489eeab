//! One group of members: how it gathers, its records in the state, the execution of its blocks, its
//! dice, the actions that wait, the view of the screen, how well the members can agree, and the
//! replica that puts all of that to work.

mod api;
mod certified;
mod closure;
mod divergence;
mod execute;
#[cfg(test)]
mod fixture;
mod follower;
mod gathering;
mod group_key;
mod partition;
mod pool;
mod randomness;
mod records;
mod replica;
mod tally;
mod ticket;
mod transcript;
mod view;

pub use api::{
    BaseBlock, Fate, Head, PatchEntry, Pending, Rollback, Status, SubmissionId, TallyView,
    Tentative, Transcript, TranscriptEntry, View, WaitingFor,
};
pub use certified::{CERTIFIED_LEN_MAX, CertifiedError, CertifiedValue};
pub use divergence::{
    CutValue, DIFFERING_KEYS_MAX, DIFFERING_VALUE_LEN_MAX, DIVERGENCE_LEN_MAX, DIVERGENCE_VERSION,
    DifferingKey, Divergence, DivergenceError, DivergenceKind, DivergenceOutcome,
};
pub use execute::{
    BLOCK_LEN_MAX, Executed, Executor, Invalid, Opened, REFUSED_PER_AUTHOR_MAX, Standing,
    genesis_state,
};
pub use follower::Follower;
pub use gathering::{
    Gathering, GatheringInput, GatheringOutput, JoinSetup, Listed, TableSetup, clean_name,
    safety_code,
};
pub use partition::{PartitionReport, REPORT_ACTIONS_MAX, Reachability, Side, SideAction};
pub use pool::{Inserted, Pool};
pub use randomness::{
    DRAWS_MAX, DrawState, Draws, DrawsSetup, HashChain, PendingDraw, Received, Reveals, VoterChain,
    draw_seed,
};
pub use records::{AuthorRecord, CLOSED_RUNS_MAX, Place, REFUSALS_KEPT, Records};
pub use replica::{Replica, ReplicaEvent, ReplicaInput, ReplicaOutput, ReplicaSetup};
pub use tally::{Tally, TallyOutput, TallySetup};
pub use ticket::Ticket;
pub use transcript::{
    Retrace, Roll, Step, StepAction, TRANSCRIPT_LEN_MAX, TRANSCRIPT_VERSION, TranscriptDamage,
    TranscriptError, TranscriptFileError, TranscriptReader, verify,
};
use view::patches;
pub use view::{StoreBatch, Submissions};

pub use crate::consensus::RecoveryStage;
