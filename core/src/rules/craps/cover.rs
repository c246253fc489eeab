//! What the bank must hold: the most that it could still have to pay, whatever falls, throw after
//! throw, until every bet that lies is settled.
//!
//! The bank takes a bet only while it holds this much, and it never pays more: a throw pays some
//! bets and takes them off, and what is then left could at worst have been paid after it in the
//! first place. What bets lose is not counted on. So:
//!
//! - Bets for one throw all meet the same dice: of the 36 the dearest counts.
//! - Pass and don't pass are decided by one throw, and one of them at most is paid; so are come and
//!   don't come, and those two on each number. Odds win only with the bet before them. The dearer
//!   side counts; a come bet that moves takes its share along to the number.
//! - The rest, which may be off when others are decided, is paid once each and adds up.

use super::bet::{BetKind, Dice, Number};
use super::config::CrapsConfig;
use super::payout::{Verdict, verdict_on};
use super::table::PlacedBet;

/// The most that the bank could have to pay for `bets`; saturates.
pub(super) fn worst_case(bets: &[PlacedBet], point: Option<u8>, house: &CrapsConfig) -> u64 {
    let mut throws = [0u64; 36];
    let mut line = Sides::default();
    let mut come = Sides::default();
    let mut on_numbers = [Sides::default(); 6];
    let mut rest = 0u64;
    for bet in bets {
        let best = bet.best(point, house);
        let on = |number: Number| usize::from(number.place());
        let held = match bet.kind {
            BetKind::Pass | BetKind::PassOdds => &mut line.right,
            BetKind::DontPass | BetKind::DontPassOdds => &mut line.wrong,
            BetKind::Come => &mut come.right,
            BetKind::DontCome => &mut come.wrong,
            BetKind::ComeOn(number) | BetKind::ComeOdds(number) => {
                &mut on_numbers[on(number)].right
            }
            BetKind::DontComeOn(number) | BetKind::DontComeOdds(number) => {
                &mut on_numbers[on(number)].wrong
            }
            kind if kind.is_one_throw() => {
                for (held, dice) in throws.iter_mut().zip(Dice::all()) {
                    if let Verdict::Wins(odds) = verdict_on(kind, point, dice, house) {
                        *held = held.saturating_add(odds.profit(bet.chips));
                    }
                }
                continue;
            }
            _ => &mut rest,
        };
        *held = held.saturating_add(best);
    }
    let dearest = throws.into_iter().max().unwrap_or(0);
    [line, come]
        .into_iter()
        .chain(on_numbers)
        .map(|sides| sides.right.max(sides.wrong))
        .fold(dearest.saturating_add(rest), u64::saturating_add)
}

/// What two bets win of which one at most is paid.
#[derive(Clone, Copy, Debug, Default)]
struct Sides {
    right: u64,
    wrong: u64,
}

impl PlacedBet {
    /// The most that it can win.
    pub fn best(&self, point: Option<u8>, house: &CrapsConfig) -> u64 {
        self.kind.best(point, house).profit(self.chips)
    }
}
