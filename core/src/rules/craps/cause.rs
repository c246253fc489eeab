//! Why the table refuses, as codes that travel and as words.

use crate::rules::Rejection;
use crate::wire::{decode, encode};

/// Why the table refuses an action. The number is the code of the [`Rejection`]; "detail" is the
/// number that its detail carries, encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum Cause {
    /// The bytes are no action.
    Malformed = 1,
    /// The author is not a member.
    NotMember = 2,
    /// He sits already.
    AlreadySeated = 3,
    /// He does not sit.
    NotSeated = 4,
    /// The dice are in the air: bets are closed.
    DiceInTheAir = 5,
    /// No chips.
    ZeroChips = 6,
    /// He has fewer; the detail is what he has.
    NotEnoughChips = 7,
    /// He has such a bet already; the detail is its stake.
    AlreadyBet = 8,
    /// This bet is for the come-out; the detail is the point.
    NotNow = 9,
    /// The bank could not pay it; the detail is the most that it could still pay.
    BankShort = 10,
    /// Another one holds the dice; the detail is his member index.
    NotShooter = 11,
    /// A draw of this group is open.
    DrawOpen = 12,
    /// Nobody else has this member index.
    BadReceiver = 13,
    /// He has bets on the table.
    BetsOnTable = 14,
    /// That turn is over; the detail is the turn that it is.
    OtherTurn = 15,
    /// He asked for this already.
    AlreadySkipped = 16,
    /// Nobody holds the dice.
    NoShooter = 17,
    /// The configuration is malformed or makes more chips than can be counted.
    BadConfig = 18,
    /// The state is none of this rule set.
    BadState = 19,
}

impl Cause {
    /// All of them, by code.
    pub const ALL: [Self; 19] = [
        Self::Malformed,
        Self::NotMember,
        Self::AlreadySeated,
        Self::NotSeated,
        Self::DiceInTheAir,
        Self::ZeroChips,
        Self::NotEnoughChips,
        Self::AlreadyBet,
        Self::NotNow,
        Self::BankShort,
        Self::NotShooter,
        Self::DrawOpen,
        Self::BadReceiver,
        Self::BetsOnTable,
        Self::OtherTurn,
        Self::AlreadySkipped,
        Self::NoShooter,
        Self::BadConfig,
        Self::BadState,
    ];

    /// The code that travels.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The cause behind a code.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.code() == code)
    }

    /// A rejection that carries `number` as its detail.
    pub(super) fn with(self, number: u64) -> Rejection {
        Rejection::with_detail(self.code(), encode(&number))
    }

    /// In words for the one who was refused.
    pub(super) fn describe(self, detail: &[u8]) -> String {
        let number: Option<u64> = decode(detail, 10).ok();
        match (self, number) {
            (Self::Malformed, _) => "the table does not understand this".to_owned(),
            (Self::NotMember, _) => "only members of this table may play".to_owned(),
            (Self::AlreadySeated, _) => "you sit already".to_owned(),
            (Self::NotSeated, _) => "take a seat first".to_owned(),
            (Self::DiceInTheAir, _) => "the dice are in the air: bets are closed".to_owned(),
            (Self::ZeroChips, _) => "that takes at least one chip".to_owned(),
            (Self::NotEnoughChips, Some(have)) => format!("you have only {have} chips left"),
            (Self::NotEnoughChips, None) => "you do not have that many chips".to_owned(),
            (Self::AlreadyBet, Some(stake)) => format!("you have {stake} chips on this already"),
            (Self::AlreadyBet, None) => "you have a bet on this already".to_owned(),
            (Self::NotNow, Some(point)) => {
                format!("the point is {point}: line bets open again on the next come-out")
            }
            (Self::NotNow, None) => "line bets open again on the next come-out".to_owned(),
            (Self::BankShort, Some(most)) => {
                format!("the bank could pay {most} chips at most on top of the bets it holds")
            }
            (Self::BankShort, None) => "the bank could not pay this".to_owned(),
            (Self::NotShooter, Some(shooter)) => {
                format!("the dice are with player {}", shooter.saturating_add(1))
            }
            (Self::NotShooter, None) => "the dice are with another player".to_owned(),
            (Self::DrawOpen, _) => "another draw is still open".to_owned(),
            (Self::BadReceiver, _) => "there is no such other player".to_owned(),
            (Self::BetsOnTable, _) => "your bets are still on the table".to_owned(),
            (Self::OtherTurn, _) => "the dice have moved on".to_owned(),
            (Self::AlreadySkipped, _) => "you asked for that already".to_owned(),
            (Self::NoShooter, _) => "nobody holds the dice: take a seat first".to_owned(),
            (Self::BadConfig, _) => "buy-in and bank are not valid for this table".to_owned(),
            (Self::BadState, _) => "this table is not in order".to_owned(),
        }
    }
}

impl From<Cause> for Rejection {
    fn from(cause: Cause) -> Self {
        Self::new(cause.code())
    }
}
