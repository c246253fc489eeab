//! One group of members: how it gathers, its records in the state, the execution of its blocks, its
//! dice, the actions that wait, the view of the screen, how well the members can agree, and the
//! replica that puts all of that to work.

mod api;
mod certified;
mod execute;
#[cfg(test)]
mod fixture;
mod gathering;
mod partition;
mod pool;
mod randomness;
mod records;
mod replica;
mod ticket;
mod transcript;
mod view;

pub use api::{
    Fate, Head, PatchEntry, Pending, Status, SubmissionId, Transcript, TranscriptEntry, View,
    WaitingFor,
};
pub use certified::{CERTIFIED_LEN_MAX, CertifiedError, CertifiedValue};
pub use execute::{
    BLOCK_LEN_MAX, Executed, Executor, Invalid, Opened, REFUSED_PER_AUTHOR_MAX, Standing,
    genesis_state,
};
pub use gathering::{
    Gathering, GatheringInput, GatheringOutput, JoinSetup, TableSetup, clean_name, safety_code,
};
pub use partition::Reachability;
pub use pool::{Inserted, Pool};
pub use randomness::{
    DRAWS_MAX, DrawState, Draws, DrawsSetup, HashChain, PendingDraw, Received, Reveals, VoterChain,
    draw_seed,
};
pub use records::{AuthorRecord, CLOSED_RUNS_MAX, Place, REFUSALS_KEPT, Records};
pub use replica::{Replica, ReplicaEvent, ReplicaInput, ReplicaOutput, ReplicaSetup};
pub use ticket::Ticket;
pub use transcript::{Roll, TranscriptError, verify};
pub use view::{StoreBatch, Submissions};
