//! What members agree on: an ordered, authenticated, persistent map, and the ways it changes.

mod delta;
mod history;
mod key;
mod map;
mod node;
mod outline;
mod overlay;
mod partial;
mod proof;

pub use delta::{DELTA_CHANGES_MAX, Delta, DeltaError};
pub use history::{Entry, History, HistoryError};
pub use key::{Key, KeyTooLong};
pub use map::{Change, Entries, Map, VALUE_LEN_MAX};
pub use outline::PART_LEN_MAX;
pub use overlay::{Mark, Overlay};
pub use partial::{Missing, PartError, Partial};
pub use proof::{PROOF_LEN_MAX, Proof, ProofError};

/// A place in the tree: the nibbles that lead there from the root.
pub type Prefix = crate::wire::Nibbles;

#[cfg(test)]
pub(crate) use {delta::tests::mutated, history::tests as fixtures};
