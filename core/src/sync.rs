//! How a phone that was away catches up, and how two sets of actions become one.
//!
//! [`answer`] serves, [`Synchronizer`] collects, [`validate_state`] says which check a state fails.
//! Everything that a peer sends is a claim until the finalization beside it verifies.

mod answer;
pub mod merge;
pub mod sketch;
mod synchronizer;
mod validate;

pub use answer::answer;
pub use synchronizer::{SyncStep, Synchronizer};
pub use validate::{SyncError, validate_state};
