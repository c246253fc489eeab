//! Bets up, down, on and off: what a player may do to his stakes between two throws.
//!
//! - **Up.** Pass and don't pass on the come-out, come and don't come while a point is up, odds once
//!   the bet before them has its number, the rest at any time. A second bet of a kind lies on top
//!   of the first. A come bet gets its number from the dice alone.
//! - **Down.** Anything, except that pass and come are contracts once they have their number: from
//!   there on they have the worse of it, and the player the better part behind him. Don't bets may
//!   go down, for then the player gives up the better part; as far as the odds behind them allow.
//! - **On and off.** Odds, place, buy, lay, big and hardways. Off by themselves on the come-out:
//!   place, buy, hardways and come odds. Line and come bets always work, and so do bets for one
//!   throw: their owner can take them down instead.
//! - **Limits.** What lies on a bet is at least the table minimum and at most the table maximum; odds
//!   are limited by the bet before them instead. Every stake is large enough to win a chip.

use super::bet::{BetKind, Number, Working};
use super::cause::Cause;
use super::config::CrapsConfig;
use super::cover::worst_case;
use super::ledger::Ledger;
use super::payout::Odds;
use super::record::Record;
use super::table::PlacedBet;
use crate::rules::Rejection;

impl BetKind {
    /// The bet that these odds stand behind; none where the kind is no odds.
    pub const fn backs(self) -> Option<Self> {
        match self {
            Self::PassOdds => Some(Self::Pass),
            Self::DontPassOdds => Some(Self::DontPass),
            Self::ComeOdds(number) => Some(Self::ComeOn(number)),
            Self::DontComeOdds(number) => Some(Self::DontComeOn(number)),
            _ => None,
        }
    }

    /// The odds that may stand behind this bet; none where there are no such.
    pub const fn backed_by(self) -> Option<Self> {
        match self {
            Self::Pass => Some(Self::PassOdds),
            Self::DontPass => Some(Self::DontPassOdds),
            Self::ComeOn(number) => Some(Self::ComeOdds(number)),
            Self::DontComeOn(number) => Some(Self::DontComeOdds(number)),
            _ => None,
        }
    }

    /// Whether the next throw settles or moves it, whatever falls.
    pub const fn is_one_throw(self) -> bool {
        matches!(
            self,
            Self::Field
                | Self::Come
                | Self::DontCome
                | Self::AnySeven
                | Self::AnyCraps
                | Self::Two
                | Self::Three
                | Self::Eleven
                | Self::Twelve
                | Self::Horn
                | Self::CAndE
                | Self::World
                | Self::Hop(_)
        )
    }

    /// Whether chips may be put on it while the point is `point`. Line bets are for the come-out:
    /// with a point up, pass would be a bad bet and don't pass a free one.
    pub const fn is_open(self, point: Option<u8>) -> bool {
        match self {
            Self::Pass | Self::DontPass => point.is_none(),
            Self::Come | Self::DontCome | Self::PassOdds | Self::DontPassOdds => point.is_some(),
            Self::ComeOn(_) | Self::DontComeOn(_) => false,
            _ => true,
        }
    }

    /// Whether it may not be taken down while the point is `point`.
    pub const fn is_contract(self, point: Option<u8>) -> bool {
        match self {
            Self::Pass => point.is_some(),
            Self::ComeOn(_) => true,
            _ => false,
        }
    }

    /// Whether it can be switched on and off.
    pub const fn is_switchable(self) -> bool {
        match self {
            Self::Place(_) | Self::Buy(_) | Self::Lay(_) => true,
            Self::BigSix | Self::BigEight | Self::Hard(_) => true,
            _ => self.backs().is_some(),
        }
    }

    /// Whether it takes part in a throw while the point is `point`.
    pub const fn is_on(self, working: Working, point: Option<u8>) -> bool {
        match working {
            Working::On => true,
            Working::Off => !self.is_switchable(),
            Working::Usual => {
                let rests_on_come_out = matches!(
                    self,
                    Self::Place(_) | Self::Buy(_) | Self::Hard(_) | Self::ComeOdds(_)
                );
                point.is_some() || !rests_on_come_out
            }
        }
    }

    /// The least that may lie on it.
    pub fn least(self, point: Option<u8>, house: &CrapsConfig) -> u32 {
        let Odds { pays, to } = self.best(point, house);
        let wins_a_chip = u32::from(to).div_ceil(u32::from(pays.max(1)));
        match self.backs() {
            Some(_) => wins_a_chip,
            None => wins_a_chip.max(house.min),
        }
    }

    /// The most that may lie on it; for odds, with a stake of `before` on the bet before them.
    pub fn most(self, point: Option<u8>, before: u32, house: &CrapsConfig) -> u32 {
        let times = |number: Number| {
            let [on_4_and_10, on_5_and_9, on_6_and_8] = house.odds_times;
            let times = match number {
                Number::Four | Number::Ten => on_4_and_10,
                Number::Five | Number::Nine => on_5_and_9,
                Number::Six | Number::Eight => on_6_and_8,
            };
            before.saturating_mul(times.into())
        };
        // Against the number the same win is allowed; it takes the larger stake.
        let against = |number| Odds::right(number).profit(times(number));
        let point = point.and_then(Number::of);
        match self {
            Self::PassOdds => point.map_or(0, times),
            Self::ComeOdds(number) => times(number),
            Self::DontPassOdds => u32::try_from(point.map_or(0, against)).unwrap_or(u32::MAX),
            Self::DontComeOdds(number) => u32::try_from(against(number)).unwrap_or(u32::MAX),
            _ => house.max,
        }
    }
}

/// Puts chips on a bet, new or not.
pub(super) fn bet(
    ledger: &mut Ledger<'_>,
    record: &Record,
    member: u8,
    kind: BetKind,
    chips: u32,
) -> Result<(), Rejection> {
    between_throws(record, member)?;
    if chips == 0 {
        return Err(Cause::ZeroChips.into());
    }
    let point = record.point;
    if !kind.is_open(point) {
        return Err(match kind {
            BetKind::ComeOn(_) | BetKind::DontComeOn(_) => Cause::DiceMoveIt.into(),
            _ if point.is_none() => Cause::NeedsPoint.into(),
            _ => Cause::NotNow.with(point.map_or(0, u64::from)),
        });
    }
    let before = match kind.backs() {
        Some(flat) => {
            ledger
                .placed(member, flat)
                .ok_or(Cause::NothingBefore)?
                .chips
        }
        None => 0,
    };
    let house = ledger.house()?;
    let old = ledger.placed(member, kind);
    let lies = old.map_or(0, |bet| bet.chips);
    let most = kind.most(point, before, &house);
    let stake = lies.checked_add(chips).filter(|stake| *stake <= most);
    let stake = stake.ok_or_else(|| Cause::OverMost.with(most.into()))?;
    let least = kind.least(point, &house);
    if stake < least {
        return Err(Cause::UnderLeast.with(least.into()));
    }
    let hand = ledger.chips(member)?;
    let left = hand
        .checked_sub(chips.into())
        .ok_or_else(|| Cause::NotEnoughChips.with(hand))?;
    let new = PlacedBet {
        member,
        kind,
        chips: stake,
        working: old.map_or(Working::Usual, |bet| bet.working),
    };
    cover(ledger, old, new, point, &house)?;
    ledger.set_chips(member, left);
    ledger.place(new);
    Ok(())
}

/// Takes chips of a bet back into the hand.
pub(super) fn take_down(
    ledger: &mut Ledger<'_>,
    record: &Record,
    member: u8,
    kind: BetKind,
    chips: u32,
) -> Result<(), Rejection> {
    between_throws(record, member)?;
    if chips == 0 {
        return Err(Cause::ZeroChips.into());
    }
    let old = ledger.placed(member, kind).ok_or(Cause::NoBet)?;
    let point = record.point;
    if kind.is_contract(point) {
        return Err(Cause::Contract.into());
    }
    let left = old
        .chips
        .checked_sub(chips)
        .ok_or_else(|| Cause::MoreThanLies.with(old.chips.into()))?;
    let house = ledger.house()?;
    let least = kind.least(point, &house);
    if (1..least).contains(&left) {
        return Err(Cause::UnderLeast.with(least.into()));
    }
    if let Some(odds) = kind.backed_by() {
        let behind = ledger.stake(member, odds);
        if behind > odds.most(point, left, &house) {
            return Err(Cause::OddsBehind.with(behind.into()));
        }
    }
    let hand = ledger.chips(member)?.checked_add(chips.into());
    ledger.set_chips(member, hand.ok_or(Cause::BadState)?);
    let new = PlacedBet { chips: left, ..old };
    if left == 0 {
        ledger.take_off(old);
    } else {
        ledger.place(new);
    }
    let bests = ledger.bests()?;
    let freed = old.best(point, &house) - new.best(point, &house);
    ledger.set_bests(bests.checked_sub(freed).ok_or(Cause::BadState)?);
    Ok(())
}

/// Switches a bet on or off.
pub(super) fn switch(
    ledger: &mut Ledger<'_>,
    record: &Record,
    member: u8,
    kind: BetKind,
    working: Working,
) -> Result<(), Rejection> {
    between_throws(record, member)?;
    let bet = ledger.placed(member, kind).ok_or(Cause::NoBet)?;
    if !kind.is_switchable() {
        return Err(Cause::AlwaysWorks.into());
    }
    ledger.place(PlacedBet { working, ..bet });
    Ok(())
}

fn between_throws(record: &Record, member: u8) -> Result<(), Rejection> {
    if !record.is_seated(member) {
        return Err(Cause::NotSeated.into());
    }
    if record.dice_in_the_air {
        return Err(Cause::DiceInTheAir.into());
    }
    Ok(())
}

/// Takes on `new` in place of `old`, if the bank can pay whatever falls. That the sum of all bests is
/// covered is enough and cheap to know; only where it is not, the whole table is looked through.
fn cover(
    ledger: &mut Ledger<'_>,
    old: Option<PlacedBet>,
    new: PlacedBet,
    point: Option<u8>,
    house: &CrapsConfig,
) -> Result<(), Rejection> {
    let bank = ledger.bank()?;
    let released = old.map_or(0, |old| old.best(point, house));
    let bests = ledger
        .bests()?
        .checked_sub(released)
        .and_then(|bests| bests.checked_add(new.best(point, house)))
        .ok_or(Cause::BadState)?;
    if bests > bank {
        let mut bets = ledger.bets();
        let held = worst_case(&bets, point, house);
        bets.retain(|bet| (bet.member, bet.kind) != (new.member, new.kind));
        bets.push(new);
        if worst_case(&bets, point, house) > bank {
            return Err(Cause::BankShort.with(bank.saturating_sub(held)));
        }
    }
    ledger.set_bests(bests);
    Ok(())
}
