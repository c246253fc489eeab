//! How a phone that was away catches up, and how two sets of actions become one.
//!
//! [`Synchronizer`] is the entry. Five operations, each a function of what it is given:
//!
//! | operation | gives |
//! |---|---|
//! | [`Synchronizer::sync_state`] | what brings a member from his head to ours: [`SyncState`] |
//! | [`Synchronizer::apply_delta`] | the state that a delta leads to, once it has the certified root |
//! | [`Synchronizer::validate_state`] | nothing, or the name of the check that a state fails |
//! | [`Synchronizer::create_snapshot`] | a certified state, for the store or another phone |
//! | [`Synchronizer::resolve_conflict`] | one state of two sets of actions, every refusal with its reason |
//!
//! Above them a machine decides whom to ask what ([`Synchronizer::generate`]) and what an answer proves
//! ([`Synchronizer::receive`]). Everything that a peer sends is a claim until the finalization beside
//! it verifies.

mod answer;
mod collection;
mod examine;
pub mod merge;
pub mod pack;
pub mod reconcile;
mod resolve;
pub mod sketch;
mod synchronizer;
mod validate;

pub use answer::{Asker, BLOCKS_SHORT, BLOCKS_WORTH, Snapshot, SyncState};
pub use resolve::{Apply, Order, Resolved};
pub use synchronizer::{SyncMessage, SyncStep, Synchronizer, SynchronizerSetup};
pub use validate::SyncError;
