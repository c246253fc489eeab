//! What the house keeps of each bet on average, worked out exactly from the payout table.
//!
//! A bet and the point are an absorbing Markov chain: each of the 36 dice pays it, takes it, gives it
//! back, or leads on to the next throw. What it is worth in each phase solves as many linear
//! equations as there are phases, in whole numbers. Payouts count at their odds, before they are
//! rounded to whole chips.

use std::cmp::Ordering;
use std::fmt;

use super::bet::{BetKind, Dice, Working};
use super::config::CrapsConfig;
use super::payout::{Odds, Verdict, verdict};
use super::record::point_after;

/// A fraction in lowest terms, its denominator above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    const ZERO: Self = Self {
        numerator: 0,
        denominator: 1,
    };

    /// `numerator` over `denominator`.
    ///
    /// # Panics
    /// If the denominator is 0.
    pub fn new(numerator: i128, denominator: i128) -> Self {
        assert!(denominator != 0, "nothing is divided by 0");
        let divisor = gcd(numerator, denominator) * denominator.signum();
        Self {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        }
    }

    /// Above the line.
    pub fn numerator(self) -> i128 {
        self.numerator
    }

    /// Below the line.
    pub fn denominator(self) -> i128 {
        self.denominator
    }

    /// In thousandths of a percent, rounded to the nearest, halves away from 0.
    pub fn percent_thousandths(self) -> i128 {
        let doubled = self.numerator * 2 * 100_000;
        (doubled + self.denominator * self.numerator.signum()) / (2 * self.denominator)
    }

    fn times(self, other: Self) -> Self {
        Self::new(
            self.numerator * other.numerator,
            self.denominator * other.denominator,
        )
    }

    fn over(self, other: Self) -> Self {
        Self::new(
            self.numerator * other.denominator,
            self.denominator * other.numerator,
        )
    }

    fn plus(self, other: Self) -> Self {
        Self::new(
            self.numerator * other.denominator + other.numerator * self.denominator,
            self.denominator * other.denominator,
        )
    }

    fn minus(self, other: Self) -> Self {
        self.plus(Self {
            numerator: -other.numerator,
            ..other
        })
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.denominator == 1 {
            return write!(f, "{}", self.numerator);
        }
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

/// A bet on the rate card of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The bet.
    pub kind: BetKind,
    /// What it pays, from the least to the most.
    pub pays: Vec<Odds>,
    /// What the house keeps of a stake on average, pushes counted as bets.
    pub edge: Fraction,
}

/// Every bet that a player can make at this table, with what it pays and what it costs.
pub fn rates(house: &CrapsConfig) -> Vec<Rate> {
    BetKind::ALL
        .into_iter()
        .filter_map(|kind| {
            let start = PHASES.into_iter().find(|point| kind.is_open(*point))?;
            Some(Rate {
                kind,
                pays: pays(kind, house),
                edge: edge(kind, start, Working::Usual, house),
            })
        })
        .collect()
}

/// What the house keeps of a bet that lies on the table while the point is `point`.
fn edge(kind: BetKind, point: Option<u8>, working: Working, house: &CrapsConfig) -> Fraction {
    let worth = worths(kind, working, house)[phase(point)];
    Fraction::ZERO.minus(worth)
}

/// What a stake of 1 wins on average, by phase.
fn worths(kind: BetKind, working: Working, house: &CrapsConfig) -> [Fraction; 7] {
    // 36 worth(here) − Σ worth(next phase, where it stays) = Σ what the others pay.
    let mut equations = [[Fraction::ZERO; 8]; 7];
    for (row, point) in PHASES.into_iter().enumerate() {
        let equation = &mut equations[row];
        equation[row] = Fraction::new(36, 1);
        for dice in Dice::all() {
            let next = phase(point_after(point, dice.total()));
            let paid = match verdict(kind, working, point, dice, house) {
                Verdict::Stays => {
                    equation[next] = equation[next].minus(Fraction::new(1, 1));
                    continue;
                }
                Verdict::Wins(odds) => Fraction::new(odds.pays.into(), odds.to.into()),
                Verdict::Loses => Fraction::new(-1, 1),
                Verdict::Pushes => Fraction::ZERO,
                Verdict::Moves(to) => worths(to, working, house)[next],
            };
            equation[7] = equation[7].plus(paid);
        }
    }
    solve(equations)
}

/// Gauss and Jordan. No diagonal is outweighed by the rest of its row, and it outweighs it wherever some
/// throw decides the bet; a bet that rests on the come-out is led to such a phase by the next point. So
/// no pivot is ever 0.
fn solve(mut equations: [[Fraction; 8]; 7]) -> [Fraction; 7] {
    for pivot in 0..7 {
        let scale = equations[pivot][pivot];
        equations[pivot] = equations[pivot].map(|entry| entry.over(scale));
        let solved = equations[pivot];
        for (row, equation) in equations.iter_mut().enumerate() {
            let factor = equation[pivot];
            if row != pivot {
                for (entry, of_pivot) in equation.iter_mut().zip(solved) {
                    *entry = entry.minus(factor.times(of_pivot));
                }
            }
        }
    }
    equations.map(|equation| equation[7])
}

fn pays(kind: BetKind, house: &CrapsConfig) -> Vec<Odds> {
    let mut pays: Vec<Odds> = PHASES
        .into_iter()
        .filter(|point| kind.is_open(*point))
        .flat_map(|point| {
            Dice::all().map(move |dice| verdict(kind, Working::On, point, dice, house))
        })
        .filter_map(|verdict| match verdict {
            Verdict::Wins(odds) => Some(odds),
            Verdict::Stays | Verdict::Loses | Verdict::Pushes | Verdict::Moves(_) => None,
        })
        .collect();
    pays.sort_by(|one, other| compare(*one, *other));
    pays.dedup();
    pays
}

fn compare(one: Odds, other: Odds) -> Ordering {
    let left = u16::from(one.pays) * u16::from(other.to);
    left.cmp(&(u16::from(other.pays) * u16::from(one.to)))
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Place of a point among [`PHASES`].
fn phase(point: Option<u8>) -> usize {
    let place = PHASES.into_iter().position(|other| other == point);
    place.expect("the come-out, or a point of six")
}

const PHASES: [Option<u8>; 7] = [None, Some(4), Some(5), Some(6), Some(8), Some(9), Some(10)];

#[cfg(test)]
mod tests;
