//! How far a phone is on its way back from a lost store.

use althing::node;

/// How far a phone has come that lost its store: it votes again only where it cannot have voted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum RecoveryStage {
    /// It asks the others for their round, and casts no vote.
    Asking,
    /// It votes from this round on.
    Waiting {
        /// The round.
        floor: u64,
    },
    /// It votes again.
    Voting,
    /// It can never vote again at this table: too few others can answer, or nothing is decided without
    /// it. Its members have to found a successor group.
    NeedsSuccessor,
}

impl From<node::RecoveryStage> for RecoveryStage {
    fn from(stage: node::RecoveryStage) -> Self {
        match stage {
            node::RecoveryStage::Asking => Self::Asking,
            node::RecoveryStage::Waiting { floor } => Self::Waiting { floor },
            node::RecoveryStage::Voting => Self::Voting,
            node::RecoveryStage::NeedsSuccessor => Self::NeedsSuccessor,
        }
    }
}
