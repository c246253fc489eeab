//! One group of members: its records in the state, the execution of its blocks, its dice, the
//! actions that wait, the view of the screen and how well the members can agree.

mod execute;
#[cfg(test)]
mod fixture;
mod partition;
mod pool;
mod randomness;
mod records;
mod transcript;
mod view;

pub use execute::{
    BLOCK_LEN_MAX, Executed, Executor, Invalid, Opened, Standing, genesis_state, quorum,
};
pub use partition::Reachability;
pub use pool::{Inserted, Pool};
pub use randomness::{
    DRAWS_MAX, DrawState, Draws, DrawsSetup, HashChain, PendingDraw, Received, Reveals, VoterChain,
    draw_seed,
};
pub use records::{AuthorRecord, CLOSED_RUNS_MAX, Place, REFUSALS_KEPT, Records};
pub use transcript::{Roll, TranscriptError, verify};
pub use view::{StoreBatch, Submissions};
