//! The one payout table.
//!
//! Rounding: what a bet wins is its stake times its odds, rounded down to whole chips in favour of
//! the bank; once for each bet, never for the parts of a horn or of the vig.
//!
//! The vig of buy and lay bets is 5 %, taken out of what a bet wins and never from one that loses or
//! comes down: on buy bets 5 % of the stake, on lay bets 5 % of what they would win without it. So
//! 20 on buy 4 win 40 − 1, and 40 on lay 4 win 20 − 1. It is part of the odds below.

use super::bet::{BetKind, Dice, Hop, Number, Pair, Working};
use super::config::CrapsConfig;

/// What a win adds to a stake: `pays` chips for each `to` chips staked, rounded down to whole
/// chips in favour of the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Odds {
    /// Chips won …
    pub pays: u8,
    /// … for so many staked.
    pub to: u8,
}

impl Odds {
    const EVEN: Self = Self::new(1, 1);

    const fn new(pays: u8, to: u8) -> Self {
        Self { pays, to }
    }

    /// Of so many equal parts of a stake one wins `pays` to 1, and pays for the others, which lose.
    const fn one_part_of(parts: u8, pays: u8) -> Self {
        let left = pays - (parts - 1);
        if left.is_multiple_of(parts) {
            Self::new(left / parts, 1)
        } else {
            Self::new(left, parts)
        }
    }

    /// What the bank adds to a stake of `chips`.
    pub fn profit(self, chips: u32) -> u64 {
        u64::from(chips) * u64::from(self.pays) / u64::from(self.to.max(1))
    }

    /// The number before 7, as likely as it is.
    pub(super) const fn right(number: Number) -> Self {
        match number {
            Number::Four | Number::Ten => Self::new(2, 1),
            Number::Five | Number::Nine => Self::new(3, 2),
            Number::Six | Number::Eight => Self::new(6, 5),
        }
    }

    /// 7 before the number, as likely as it is.
    pub(super) const fn wrong(number: Number) -> Self {
        let Self { pays, to } = Self::right(number);
        Self::new(to, pays)
    }

    const fn place(number: Number) -> Self {
        match number {
            Number::Four | Number::Ten => Self::new(9, 5),
            Number::Five | Number::Nine => Self::new(7, 5),
            Number::Six | Number::Eight => Self::new(7, 6),
        }
    }

    /// [`Odds::right`] less a twentieth of the stake.
    const fn buy(number: Number) -> Self {
        match number {
            Number::Four | Number::Ten => Self::new(39, 20),
            Number::Five | Number::Nine => Self::new(29, 20),
            Number::Six | Number::Eight => Self::new(23, 20),
        }
    }

    /// [`Odds::wrong`] less a twentieth of itself.
    const fn lay(number: Number) -> Self {
        match number {
            Number::Four | Number::Ten => Self::new(19, 40),
            Number::Five | Number::Nine => Self::new(19, 30),
            Number::Six | Number::Eight => Self::new(19, 24),
        }
    }

    const fn hard(pair: Pair) -> Self {
        match pair {
            Pair::Twos | Pair::Fives => Self::new(7, 1),
            Pair::Threes | Pair::Fours => Self::new(9, 1),
        }
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
    /// The stake moves on to another bet.
    Moves(BetKind),
}

/// What throwing `dice` while the point is `point` does to a bet that is switched to `working`.
pub fn verdict(
    kind: BetKind,
    working: Working,
    point: Option<u8>,
    dice: Dice,
    house: &CrapsConfig,
) -> Verdict {
    let on = verdict_on(kind, point, dice, house);
    if kind.is_on(working, point) {
        return on;
    }
    if kind.backs().is_some() && on != Verdict::Stays {
        // The bet that it stands behind is decided: odds that were off come back.
        Verdict::Pushes
    } else {
        Verdict::Stays
    }
}

/// What throwing `dice` does to a bet that works.
pub(super) fn verdict_on(
    kind: BetKind,
    point: Option<u8>,
    dice: Dice,
    house: &CrapsConfig,
) -> Verdict {
    let total = dice.total();
    let point = point.and_then(Number::of);
    match kind {
        BetKind::Pass => match point {
            None => come_out(total, Verdict::Stays),
            Some(point) => right(point, total, Odds::EVEN),
        },
        BetKind::DontPass => match point {
            None => dont_come_out(total, Verdict::Stays),
            Some(point) => wrong(point, total, Odds::EVEN),
        },
        BetKind::Come => come_out(total, moves(total, BetKind::ComeOn)),
        BetKind::DontCome => dont_come_out(total, moves(total, BetKind::DontComeOn)),
        BetKind::PassOdds => point.map_or(Verdict::Stays, |point| {
            right(point, total, Odds::right(point))
        }),
        BetKind::DontPassOdds => point.map_or(Verdict::Stays, |point| {
            wrong(point, total, Odds::wrong(point))
        }),
        BetKind::ComeOn(number) => right(number, total, Odds::EVEN),
        BetKind::DontComeOn(number) => wrong(number, total, Odds::EVEN),
        BetKind::ComeOdds(number) => right(number, total, Odds::right(number)),
        BetKind::DontComeOdds(number) => wrong(number, total, Odds::wrong(number)),
        BetKind::Place(number) => right(number, total, Odds::place(number)),
        BetKind::Buy(number) => right(number, total, Odds::buy(number)),
        BetKind::Lay(number) => wrong(number, total, Odds::lay(number)),
        BetKind::BigSix => right(Number::Six, total, Odds::EVEN),
        BetKind::BigEight => right(Number::Eight, total, Odds::EVEN),
        BetKind::Hard(pair) if total == 7 || total == pair.total() => {
            once((total != 7 && dice.is_pair()).then_some(Odds::hard(pair)))
        }
        BetKind::Hard(_) => Verdict::Stays,
        BetKind::Field => once(match total {
            2 => Some(Odds::new(2, 1)),
            3 | 4 | 9 | 10 | 11 => Some(Odds::EVEN),
            12 => Some(Odds::new(house.field_twelve, 1)),
            _ => None,
        }),
        BetKind::AnySeven => once((total == 7).then_some(ANY_SEVEN)),
        BetKind::AnyCraps => once(matches!(total, 2 | 3 | 12).then_some(ANY_CRAPS)),
        BetKind::Two => once((total == 2).then_some(ONE_WAY)),
        BetKind::Three => once((total == 3).then_some(TWO_WAYS)),
        BetKind::Eleven => once((total == 11).then_some(TWO_WAYS)),
        BetKind::Twelve => once((total == 12).then_some(ONE_WAY)),
        BetKind::Horn => once(match total {
            2 | 12 => Some(HORN_HIGH),
            3 | 11 => Some(Odds::one_part_of(4, 15)),
            _ => None,
        }),
        BetKind::CAndE => once(match total {
            2 | 3 | 12 => Some(Odds::one_part_of(2, 7)),
            11 => Some(C_AND_E_HIGH),
            _ => None,
        }),
        BetKind::World => match total {
            // Any seven wins 4 to 1 with a fifth of the stake: what the other four lose.
            7 => Verdict::Pushes,
            2 | 12 => Verdict::Wins(WORLD_HIGH),
            3 | 11 => Verdict::Wins(Odds::one_part_of(5, 15)),
            _ => Verdict::Loses,
        },
        BetKind::Hop(hop) => once((Hop::of(dice) == Some(hop)).then_some(if dice.is_pair() {
            ONE_WAY
        } else {
            TWO_WAYS
        })),
    }
}

/// A bet for one throw: it wins at these odds or loses.
fn once(odds: Option<Odds>) -> Verdict {
    odds.map_or(Verdict::Loses, Verdict::Wins)
}

fn right(number: Number, total: u8, odds: Odds) -> Verdict {
    match total {
        7 => Verdict::Loses,
        _ if total == number.total() => Verdict::Wins(odds),
        _ => Verdict::Stays,
    }
}

fn wrong(number: Number, total: u8, odds: Odds) -> Verdict {
    match total {
        7 => Verdict::Wins(odds),
        _ if total == number.total() => Verdict::Loses,
        _ => Verdict::Stays,
    }
}

/// The first throw of a pass or come bet.
fn come_out(total: u8, on_number: Verdict) -> Verdict {
    match total {
        7 | 11 => Verdict::Wins(Odds::EVEN),
        2 | 3 | 12 => Verdict::Loses,
        _ => on_number,
    }
}

/// The first throw of a don't pass or don't come bet.
fn dont_come_out(total: u8, on_number: Verdict) -> Verdict {
    match total {
        2 | 3 => Verdict::Wins(Odds::EVEN),
        7 | 11 => Verdict::Loses,
        12 => Verdict::Pushes,
        _ => on_number,
    }
}

fn moves(total: u8, to: fn(Number) -> BetKind) -> Verdict {
    Number::of(total).map_or(Verdict::Stays, |number| Verdict::Moves(to(number)))
}

impl BetKind {
    /// The most that it can win while the point is `point`: what the bank must hold for it.
    pub fn best(self, point: Option<u8>, house: &CrapsConfig) -> Odds {
        let number = point.and_then(Number::of);
        match self {
            Self::Pass
            | Self::DontPass
            | Self::Come
            | Self::DontCome
            | Self::ComeOn(_)
            | Self::DontComeOn(_)
            | Self::BigSix
            | Self::BigEight => Odds::EVEN,
            Self::PassOdds => number.map_or(Odds::EVEN, Odds::right),
            Self::DontPassOdds => number.map_or(Odds::EVEN, Odds::wrong),
            Self::ComeOdds(number) => Odds::right(number),
            Self::DontComeOdds(number) => Odds::wrong(number),
            Self::Place(number) => Odds::place(number),
            Self::Buy(number) => Odds::buy(number),
            Self::Lay(number) => Odds::lay(number),
            Self::Hard(pair) => Odds::hard(pair),
            Self::Field => Odds::new(house.field_twelve.max(2), 1),
            Self::AnySeven => ANY_SEVEN,
            Self::AnyCraps => ANY_CRAPS,
            Self::Two | Self::Twelve => ONE_WAY,
            Self::Three | Self::Eleven => TWO_WAYS,
            Self::Horn => HORN_HIGH,
            Self::CAndE => C_AND_E_HIGH,
            Self::World => WORLD_HIGH,
            Self::Hop(hop) if hop.faces().is_pair() => ONE_WAY,
            Self::Hop(_) => TWO_WAYS,
        }
    }
}

/// What a total thrown by one pair of faces pays on its own.
const ONE_WAY: Odds = Odds::new(30, 1);
/// What a total thrown by two pays.
const TWO_WAYS: Odds = Odds::new(15, 1);
const ANY_SEVEN: Odds = Odds::new(4, 1);
const ANY_CRAPS: Odds = Odds::new(7, 1);
const HORN_HIGH: Odds = Odds::one_part_of(4, 30);
const C_AND_E_HIGH: Odds = Odds::one_part_of(2, 15);
const WORLD_HIGH: Odds = Odds::one_part_of(5, 30);
