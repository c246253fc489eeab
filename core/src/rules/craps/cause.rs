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
    /// He has no such bet.
    NoBet = 8,
    /// Line bets are for the come-out; the detail is the point.
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
    /// This bet is for when a point is up.
    NeedsPoint = 20,
    /// He has no bet that these odds could stand behind.
    NothingBefore = 21,
    /// Less would lie there than may; the detail is the least.
    UnderLeast = 22,
    /// More would lie there than may; the detail is the most.
    OverMost = 23,
    /// A bet with a number stays until the dice decide it.
    Contract = 24,
    /// He has fewer chips there; the detail is how many.
    MoreThanLies = 25,
    /// The odds behind it would be too large; the detail is what lies there.
    OddsBehind = 26,
    /// This bet cannot be switched off.
    AlwaysWorks = 27,
    /// The dice alone give a come bet its number.
    DiceMoveIt = 28,
    /// Nothing is set aside under this name: it was redeemed, given back, or never was.
    NoEarmark = 29,
    /// It is set aside for another one; the detail is his member index.
    NotPayee = 30,
    /// Its payer did not release it.
    NotReleased = 31,
    /// He has set aside as much as he may; the detail is how many times.
    TooManyEarmarks = 32,
}

impl Cause {
    /// All of them, by code.
    pub const ALL: [Self; 32] = [
        Self::Malformed,
        Self::NotMember,
        Self::AlreadySeated,
        Self::NotSeated,
        Self::DiceInTheAir,
        Self::ZeroChips,
        Self::NotEnoughChips,
        Self::NoBet,
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
        Self::NeedsPoint,
        Self::NothingBefore,
        Self::UnderLeast,
        Self::OverMost,
        Self::Contract,
        Self::MoreThanLies,
        Self::OddsBehind,
        Self::AlwaysWorks,
        Self::DiceMoveIt,
        Self::NoEarmark,
        Self::NotPayee,
        Self::NotReleased,
        Self::TooManyEarmarks,
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
            (Self::NoBet, _) => "you have no such bet on the table".to_owned(),
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
            (Self::BadConfig, _) => "buy-in, bank or limits are not valid for a table".to_owned(),
            (Self::BadState, _) => "this table is not in order".to_owned(),
            (Self::NeedsPoint, _) => "this bet opens when a point is up".to_owned(),
            (Self::NothingBefore, _) => {
                "odds stand behind a bet that has its number: you have none".to_owned()
            }
            (Self::UnderLeast, Some(least)) => {
                format!("at least {} must lie on this bet", counted(least))
            }
            (Self::UnderLeast, None) => "that is too little for this bet".to_owned(),
            (Self::OverMost, Some(0)) => "this table takes no odds".to_owned(),
            (Self::OverMost, Some(most)) => {
                format!("at most {} may lie on this bet", counted(most))
            }
            (Self::OverMost, None) => "that is too much for this bet".to_owned(),
            (Self::Contract, _) => {
                "this bet has its number: it stays until it is decided".to_owned()
            }
            (Self::MoreThanLies, Some(stake)) => {
                format!("you have only {} on this bet", counted(stake))
            }
            (Self::MoreThanLies, None) => "you have fewer chips on this bet".to_owned(),
            (Self::OddsBehind, Some(behind)) => {
                format!(
                    "take down some of the {} of odds behind it first",
                    counted(behind)
                )
            }
            (Self::OddsBehind, None) => "take down the odds behind it first".to_owned(),
            (Self::AlwaysWorks, _) => "this bet always works".to_owned(),
            (Self::DiceMoveIt, _) => {
                "bet on come or don't come: the dice give it its number".to_owned()
            }
            (Self::NoEarmark, _) => "nothing is set aside there any more".to_owned(),
            (Self::NotPayee, Some(payee)) => {
                format!("that is set aside for player {}", payee.saturating_add(1))
            }
            (Self::NotPayee, None) => "that is set aside for another player".to_owned(),
            (Self::NotReleased, _) => "its payer did not release it to you".to_owned(),
            (Self::TooManyEarmarks, _) => {
                "you have set chips aside too often: wait until some are redeemed".to_owned()
            }
        }
    }
}

impl From<Cause> for Rejection {
    fn from(cause: Cause) -> Self {
        Self::new(cause.code())
    }
}

fn counted(chips: u64) -> String {
    match chips {
        1 => "1 chip".to_owned(),
        _ => format!("{chips} chips"),
    }
}
