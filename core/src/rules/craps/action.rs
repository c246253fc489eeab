//! What a player asks of the table, on the wire and in words.

use serde::{Deserialize, Serialize};

use super::bet::{BetKind, Working};
use super::cause::Cause;
use crate::crypto::Signature;
use crate::rules::Rejection;
use crate::rules::earmark::EarmarkId;
use crate::wire::{ACTION_PAYLOAD_LEN_MAX, decode, encode};

/// What a player asks of the table. The order of variants is wire format: new ones go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CrapsAction {
    /// Takes the first free position.
    Sit,
    /// Puts chips on a bet: a new one, or on top of the one that lies there.
    Bet {
        /// On what.
        kind: BetKind,
        /// How many more.
        chips: u32,
    },
    /// Closes the bets and asks for dice.
    Roll,
    /// Gives chips from the own hand to another member.
    Transfer {
        /// Member index of who gets them.
        to: u8,
        /// How many.
        chips: u32,
    },
    /// Leaves the position.
    Stand,
    /// The dice should move on: by the shooter at once, by others when more than half of the
    /// members ask.
    Skip {
        /// The turn that is meant ([`Table::turn`](super::Table::turn)).
        turn: u64,
    },
    /// Takes chips of a bet back into the hand, all of them or a part.
    TakeDown {
        /// From what.
        kind: BetKind,
        /// How many.
        chips: u32,
    },
    /// Switches a bet on or off.
    Switch {
        /// Which.
        kind: BetKind,
        /// To what.
        working: Working,
    },
    /// Sets chips aside for another member, for good: he alone can redeem them or give them back.
    Earmark {
        /// Member index of whom they are for.
        to: u8,
        /// How many.
        chips: u32,
    },
    /// Takes chips that were set aside for the author, with their payer's release.
    Redeem {
        /// Which.
        id: EarmarkId,
        /// The signature of the release.
        signature: Signature,
    },
    /// Gives chips that were set aside for the author back to their payer.
    GiveBack {
        /// Which.
        id: EarmarkId,
    },
}

impl CrapsAction {
    /// The payload of an action.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The action of a payload.
    ///
    /// # Errors
    /// [`Cause::Malformed`] where it is none.
    pub fn decode(payload: &[u8]) -> Result<Self, Rejection> {
        decode(payload, ACTION_PAYLOAD_LEN_MAX).map_err(|_| Cause::Malformed.into())
    }

    /// Its place among actions that did not see each other: seats first, chips before they are bet,
    /// what comes down before what goes up, and the roll last, so that it shuts nobody out.
    pub(super) const fn order(&self) -> u8 {
        match self {
            Self::Sit => 0,
            Self::Transfer { .. }
            | Self::Earmark { .. }
            | Self::Redeem { .. }
            | Self::GiveBack { .. } => 1,
            Self::TakeDown { .. } => 2,
            Self::Bet { .. } => 3,
            Self::Switch { .. } => 4,
            Self::Stand => 5,
            Self::Skip { .. } => 6,
            Self::Roll => 7,
        }
    }

    /// In words for a transcript.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Sit => "takes a seat".to_owned(),
            Self::Bet { kind, chips } => format!("bets {chips} on {}", kind.name()),
            Self::Roll => "rolls the dice".to_owned(),
            Self::Transfer { to, chips } => {
                format!("gives {chips} to player {}", u16::from(*to) + 1)
            }
            Self::Earmark { to, chips } => {
                format!("sets {chips} aside for player {}", u16::from(*to) + 1)
            }
            Self::Redeem { id, .. } => {
                format!(
                    "takes what player {} set aside for him",
                    u16::from(id.payer) + 1
                )
            }
            Self::GiveBack { id } => {
                format!(
                    "gives back what player {} set aside",
                    u16::from(id.payer) + 1
                )
            }
            Self::Stand => "gets up".to_owned(),
            Self::Skip { .. } => "asks for the dice to move on".to_owned(),
            Self::TakeDown { kind, chips } => format!("takes {chips} down from {}", kind.name()),
            Self::Switch { kind, working } => match working {
                Working::Usual => format!("leaves {} to the custom of the house", kind.name()),
                Working::On => format!("calls {} on", kind.name()),
                Working::Off => format!("calls {} off", kind.name()),
            },
        }
    }
}
