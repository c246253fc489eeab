//! What can be bet on and what it pays. A new bet is a variant of [`BetKind`] and its lines in
//! [`verdict`], [`BetKind::best`] and [`BetKind::is_open`]; nothing else knows one bet from another.

use serde::{Deserialize, Serialize};

/// Two dice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dice {
    /// 1 to 6.
    pub first: u8,
    /// 1 to 6.
    pub second: u8,
}

impl Dice {
    /// 2 to 12.
    pub fn total(self) -> u8 {
        self.first.saturating_add(self.second)
    }
}

/// What is bet on. The order of variants is wire format: new ones go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BetKind {
    /// With the shooter: 7 and 11 win the come-out, 2, 3 and 12 lose it; then the point wins and 7
    /// loses. 1:1.
    Pass,
    /// Against the shooter: 2 and 3 win the come-out, 7 and 11 lose it, 12 is barred and gives the
    /// stake back; then 7 wins and the point loses. 1:1.
    DontPass,
    /// The next throw alone: 3, 4, 9, 10 and 11 win 1:1, 2 and 12 win 2:1. Many houses pay 3:1 on
    /// one of these two; this one pays 2:1 on both.
    Field,
}

/// What a win adds to a stake: `pays` chips for each `to` chips staked, rounded down to whole
/// chips in favour of the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds {
    /// Chips won …
    pub pays: u8,
    /// … for so many staked.
    pub to: u8,
}

impl Odds {
    const EVEN: Self = Self { pays: 1, to: 1 };
    const DOUBLE: Self = Self { pays: 2, to: 1 };

    /// What the bank adds to a stake of `chips`.
    pub fn profit(self, chips: u32) -> u64 {
        u64::from(chips) * u64::from(self.pays) / u64::from(self.to.max(1))
    }
}

/// What one throw does to one bet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it waits for another throw.
    Stays,
    /// The stake comes back with a profit.
    Wins(Odds),
    /// The stake goes to the bank.
    Loses,
    /// The stake comes back.
    Pushes,
}

impl BetKind {
    /// All of them, in the order of the wire.
    pub const ALL: [Self; 3] = [Self::Pass, Self::DontPass, Self::Field];

    /// As a player says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::DontPass => "don't pass",
            Self::Field => "field",
        }
    }

    /// Whether it may be placed while the point is `point`. Line bets are for the come-out: with a
    /// point up, pass would be a bad bet and don't pass a free one.
    pub const fn is_open(self, point: Option<u8>) -> bool {
        match self {
            Self::Pass | Self::DontPass => point.is_none(),
            Self::Field => true,
        }
    }

    /// The most that it can win: what the bank must hold before it takes the bet.
    pub const fn best(self) -> Odds {
        match self {
            Self::Pass | Self::DontPass => Odds::EVEN,
            Self::Field => Odds::DOUBLE,
        }
    }
}

/// The one payout table: what throwing `dice` while the point is `point` does to a bet.
pub fn verdict(kind: BetKind, point: Option<u8>, dice: Dice) -> Verdict {
    let total = dice.total();
    match (kind, point) {
        (BetKind::Pass, None) => match total {
            7 | 11 => Verdict::Wins(Odds::EVEN),
            2 | 3 | 12 => Verdict::Loses,
            _ => Verdict::Stays,
        },
        (BetKind::DontPass, None) => match total {
            2 | 3 => Verdict::Wins(Odds::EVEN),
            7 | 11 => Verdict::Loses,
            12 => Verdict::Pushes,
            _ => Verdict::Stays,
        },
        (BetKind::Pass, Some(point)) if total == point => Verdict::Wins(Odds::EVEN),
        (BetKind::DontPass, Some(point)) if total == point => Verdict::Loses,
        (BetKind::Pass, Some(_)) if total == 7 => Verdict::Loses,
        (BetKind::DontPass, Some(_)) if total == 7 => Verdict::Wins(Odds::EVEN),
        (BetKind::Pass | BetKind::DontPass, Some(_)) => Verdict::Stays,
        (BetKind::Field, _) => match total {
            2 | 12 => Verdict::Wins(Odds::DOUBLE),
            3 | 4 | 9 | 10 | 11 => Verdict::Wins(Odds::EVEN),
            _ => Verdict::Loses,
        },
    }
}
