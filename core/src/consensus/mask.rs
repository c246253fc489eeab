//! The sentences of rules C3 to C8 and C11, one by one, so that a test can switch each of them off and
//! see what it is there for.

use crate::config::ConsensusConfig;

/// One sentence of the consensus rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Sentence {
    /// C3: the leader proposes on its highest notarized block.
    HighestParent,
    /// C3: the leader holds nullifications for every round between.
    LeaderGaps,
    /// C3: the unfinalized depth is capped, then only re-proposal.
    DepthCap,
    /// C4: a voter notarizes only in its current round.
    CurrentRound,
    /// C4: only what the leader of the round proposed.
    LeaderOnly,
    /// C4: only the first proposal.
    FirstProposal,
    /// C4: only if it holds the named parent's notarization.
    ParentNotarized,
    /// C4: only if it holds a nullification for every round between.
    VoterGaps,
    /// C4: only with the body stored.
    BodyStored,
    /// C4: only if its own execution gives the root.
    RootMatches,
    /// C4: the parent need not be the voter's own highest notarized block.
    AnyParent,
    /// C4: a refusal is told.
    RefusalTold,
    /// C4: a notarized block that executes to another root, or a second finalization, stops the
    /// voter.
    DivergedStops,
    /// C6: no new vote where the ledger is closed: up to the stored finalization, and below what was
    /// voted before a restart.
    LedgerClosed,
    /// C5: a notarization moves the phone to the next round.
    NotarizationMoves,
    /// C5: finalize only a block that is notarized in that round.
    FinalizeNotarized,
    /// C5: finalize only what was executed to its root.
    FinalizeExecuted,
    /// C5 and C6: never finalize in a round that was nullified.
    NoFinalizeAfterNullify,
    /// C6: never nullify a round in which a finalize was cast.
    NoNullifyAfterFinalize,
    /// C6: at most one finalize a round.
    OneFinalize,
    /// C6: nullify when the leader is silent for 2D.
    LeaderTimeout,
    /// C6: nullify when the round does not advance for 3D.
    AdvanceTimeout,
    /// C6: back-off by consecutive nullifications.
    BackOff,
    /// C6: timers stop on leaving their round.
    TimersStop,
    /// C6: notarize and nullify in one round is legal.
    NotarizeAndNullify,
    /// C7: a nullification opens the next round.
    NullificationMoves,
    /// C7: a finalization commits the block and its ancestors.
    FinalizationCommits,
    /// C7: notarizes never commit.
    NoFastPath,
    /// C8: after a lost store a voter votes only from 2 rounds above the highest answer.
    FloorTwoAbove,
    /// C8: it waits for the answers of n - q + f + 1 others.
    EnoughAnswers,
    /// C8: a voter that is itself below such a floor does not answer.
    RecoveringSilent,
    /// C8: a vote is stored before it is sent.
    StoredFirst,
    /// C8: it asks anew in each later epoch.
    AsksEachEpoch,
    /// C11: an epoch block gets no child in its epoch.
    EpochBlockNoChild,
    /// C11: nobody votes in the next epoch without the finalization of the epoch block.
    EpochFinalFirst,
}

/// Sentences that are switched off, one bit each.
#[cfg(feature = "mask")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleMask(pub u64);

#[cfg(feature = "mask")]
impl RuleMask {
    /// Switches `sentence` off.
    pub const fn without(self, sentence: Sentence) -> Self {
        Self(self.0 | 1 << sentence as u8)
    }
}

/// Which sentences are in force: all of them, unless the feature `mask` says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    #[cfg(feature = "mask")]
    mask: RuleMask,
}

impl InForce {
    /// As `config` says.
    #[cfg_attr(not(feature = "mask"), expect(unused_variables))]
    pub const fn of(config: &ConsensusConfig) -> Self {
        Self {
            #[cfg(feature = "mask")]
            mask: config.mask,
        }
    }

    /// All but those in `mask`.
    #[cfg(feature = "mask")]
    pub const fn except(mask: RuleMask) -> Self {
        Self { mask }
    }

    /// Whether `sentence` is in force.
    #[cfg_attr(not(feature = "mask"), expect(unused_variables))]
    pub const fn has(self, sentence: Sentence) -> bool {
        #[cfg(feature = "mask")]
        {
            self.mask.0 & (1 << sentence as u8) == 0
        }
        #[cfg(not(feature = "mask"))]
        true
    }
}
