//! What is signed and not final while there is no quorum.

use crate::model::{ActionId, Reason};

/// An action that is not final, signed by a member of this side while there is no quorum.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Tentative {
    /// Its name.
    pub action: ActionId,
    /// What it asks for.
    pub payload: Vec<u8>,
    /// Why it would be refused if nothing else came; none where it would be applied.
    pub refused: Option<Reason>,
}
