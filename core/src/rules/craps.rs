//! Craps, the reference game: seats, every standard bet against a bank, come-out and point, a
//! shooter who keeps the dice until he sevens out, and chips that are never made or lost.
//!
//! - Everyone gets the buy-in at the genesis; sitting down costs nothing. Bets need a seat.
//! - What can be bet on is [`BetKind`]. What it pays, how that is rounded and when the vig is taken is
//!   said at [`verdict`]'s module, `payout`; what may go up, down, on and off in `stakes`; limits and
//!   house rules are the [`CrapsConfig`]; what the house keeps of each bet is computed by [`rates`].
//! - A settled stake goes back to its owner's hand or to the bank, it never rides on: a bet wins once,
//!   so that the bank knows what it may still have to pay. It takes no bet that it could not (`cover`).
//! - Only the shooter rolls; he needs no line bet, so that a shooter without chips stops nobody. A
//!   roll closes the bets: until the dice fall no stake is touched, and nobody gets up.
//! - The shooter passes the dice on with `Skip`. Without him more than half of the members can:
//!   any quorum is more than half, so whoever can commit can also go on. He keeps seat and bets, and
//!   the dice pass him over until he acts again.
//! - No clock: nothing here happens by itself.

mod action;
mod bet;
mod cause;
mod config;
mod cover;
mod edge;
mod ledger;
mod money;
mod pack;
mod payout;
mod record;
mod stakes;
mod table;

pub use action::CrapsAction;
pub use bet::{BetKind, Dice, Hop, NoSuchBet, Number, Pair, Working};
pub use cause::Cause;
pub use config::{CrapsConfig, ODDS_TIMES_MAX};
pub use edge::{Fraction, Rate, rates};
pub use payout::{Odds, Verdict, verdict};
pub use table::{PlacedBet, THROWS_KEPT, Table};

use self::ledger::{Ledger, record};
use self::record::{Record, point_after};
use super::earmark::{Committed, EarmarkId, Release};
use super::{Batch, Context, Offline, Random, Rejection, Rules};
use crate::crypto::{Domain, hash};
use crate::id::PeerId;
use crate::state::{Map, Overlay};
use crate::wire::coder::Coder;
use crate::wire::{Bytes, RulesId};

/// The rule set `craps`. Its configuration is an encoded [`CrapsConfig`]; none means the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Craps {
    #[cfg(feature = "planted")]
    double_payout: bool,
}

impl Craps {
    /// The rule set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The rule set with a bug: what a bet wins is paid twice and taken from the bank once.
    #[cfg(feature = "planted")]
    pub fn with_plant(double_payout: bool) -> Self {
        Self { double_payout }
    }

    fn roll(record: &mut Record, member: u8, context: &mut Context<'_>) -> Result<(), Rejection> {
        let shooter = record.shooter.ok_or(Cause::NoShooter)?;
        if shooter != member {
            return Err(Cause::NotShooter.with(shooter.into()));
        }
        if record.dice_in_the_air {
            return Err(Cause::DiceInTheAir.into());
        }
        if !context.request_draw() {
            return Err(Cause::DrawOpen.into());
        }
        record.dice_in_the_air = true;
        Ok(())
    }

    fn transfer(
        ledger: &mut Ledger<'_>,
        record: &Record,
        from: u8,
        to: u8,
        chips: u32,
    ) -> Result<(), Rejection> {
        if to == from || to >= record.members {
            return Err(Cause::BadReceiver.into());
        }
        if chips == 0 {
            return Err(Cause::ZeroChips.into());
        }
        let giver = ledger.chips(from)?;
        let left = giver
            .checked_sub(chips.into())
            .ok_or_else(|| Cause::NotEnoughChips.with(giver))?;
        let receiver = ledger.chips(to)?.checked_add(chips.into());
        ledger.set_chips(from, left);
        ledger.set_chips(to, receiver.ok_or(Cause::BadState)?);
        Ok(())
    }

    fn stand(ledger: &Ledger<'_>, record: &mut Record, member: u8) -> Result<(), Rejection> {
        if !record.is_seated(member) {
            return Err(Cause::NotSeated.into());
        }
        if record.dice_in_the_air {
            return Err(Cause::DiceInTheAir.into());
        }
        if !ledger.bets_of(member).is_empty() {
            return Err(Cause::BetsOnTable.into());
        }
        record.stand(member);
        Ok(())
    }

    fn skip(record: &mut Record, member: u8, turn: u64) -> Result<(), Rejection> {
        let shooter = record.shooter.ok_or(Cause::NoShooter)?;
        if record.dice_in_the_air {
            return Err(Cause::DiceInTheAir.into());
        }
        if turn != record.turn {
            return Err(Cause::OtherTurn.with(record.turn));
        }
        if member == shooter {
            record.pass_dice();
            return Ok(());
        }
        if record.skips.has(member) {
            return Err(Cause::AlreadySkipped.into());
        }
        record.skips.add(member);
        if record.skips.len() * 2 > u32::from(record.members) {
            record.away.add(shooter);
            record.pass_dice();
        }
        Ok(())
    }

    /// Settles one bet and takes it off the table, unless it stays; where to, if it moves.
    fn settle(
        &self,
        ledger: &mut Ledger<'_>,
        bet: PlacedBet,
        point: Option<u8>,
        dice: Dice,
        house: &CrapsConfig,
    ) -> Result<Option<BetKind>, Rejection> {
        let stake = u64::from(bet.chips);
        let bank = ledger.bank()?;
        let (to_hand, bank) = match verdict(bet.kind, bet.working, point, dice, house) {
            Verdict::Stays => return Ok(None),
            Verdict::Moves(kind) => {
                ledger.take_off(bet);
                return Ok(Some(kind));
            }
            Verdict::Pushes => (stake, Some(bank)),
            Verdict::Loses => (0, bank.checked_add(stake)),
            Verdict::Wins(odds) => {
                let profit = odds.profit(bet.chips);
                #[cfg(feature = "planted")]
                let paid = if self.double_payout {
                    profit * 2
                } else {
                    profit
                };
                #[cfg(not(feature = "planted"))]
                let paid = profit;
                (stake + paid, bank.checked_sub(profit))
            }
        };
        let hand = ledger.chips(bet.member)?.checked_add(to_hand);
        let bests = ledger.bests()?.checked_sub(bet.best(point, house));
        ledger.set_chips(bet.member, hand.ok_or(Cause::BadState)?);
        ledger.set_bank(bank.ok_or(Cause::BadState)?);
        ledger.set_bests(bests.ok_or(Cause::BadState)?);
        ledger.take_off(bet);
        Ok(None)
    }

    fn throw(&self, overlay: &mut Overlay, dice: Dice) -> Result<(), Rejection> {
        let mut ledger = Ledger(overlay);
        let mut record = ledger.record()?;
        if !record.dice_in_the_air {
            return Ok(());
        }
        let house = ledger.house()?;
        let mut moved = Vec::new();
        for bet in ledger.bets() {
            let to = self.settle(&mut ledger, bet, record.point, dice, &house)?;
            moved.extend(to.map(|kind| PlacedBet { kind, ..bet }));
        }
        // The number that a bet moves to was just thrown: whatever lay there is settled.
        for bet in moved {
            ledger.place(bet);
        }
        record.dice_in_the_air = false;
        ledger.set_throw(record.throws, dice);
        record.throws = record.throws.saturating_add(1);
        let seven_out = record.point.is_some() && dice.total() == 7;
        record.point = point_after(record.point, dice.total());
        if seven_out {
            record.pass_dice();
        } else {
            record.next_turn();
        }
        ledger.set_record(&record);
        Ok(())
    }
}

impl Rules for Craps {
    fn id(&self) -> RulesId {
        RulesId {
            name: Bytes::truncating(b"craps".to_vec()),
            version: 3,
            vectors: hash(Domain::RulesVectors, &[VECTORS.as_bytes()]),
        }
    }

    fn genesis(
        &self,
        overlay: &mut Overlay,
        members: &[PeerId],
        config: &[u8],
    ) -> Result<(), Rejection> {
        let house = CrapsConfig::decode(config)?;
        let total = house.total(members.len()).ok_or(Cause::BadConfig)?;
        let count = u8::try_from(members.len()).map_err(|_| Cause::BadConfig)?;
        let mut ledger = Ledger(overlay);
        ledger.set_record(&Record::new(count));
        ledger.set_house(&house);
        ledger.set_bank(house.bank);
        ledger.set_bests(0);
        ledger.set_total(total);
        for member in 0..count {
            ledger.set_chips(member, house.buy_in.into());
        }
        Ok(())
    }

    fn apply(
        &self,
        overlay: &mut Overlay,
        author: &PeerId,
        action: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Rejection> {
        let action = CrapsAction::decode(action)?;
        let member = context.index_of(author).ok_or(Cause::NotMember)?;
        let mut ledger = Ledger(overlay);
        let before = ledger.record()?;
        let mut record = before.clone();
        record.away.take(member);
        match action {
            CrapsAction::Sit if record.is_seated(member) => {
                return Err(Cause::AlreadySeated.into());
            }
            CrapsAction::Sit => record.sit(member),
            CrapsAction::Bet { kind, chips } => {
                stakes::bet(&mut ledger, &record, member, kind, chips)?;
            }
            CrapsAction::Roll => Self::roll(&mut record, member, context)?,
            CrapsAction::Transfer { to, chips } => {
                Self::transfer(&mut ledger, &record, member, to, chips)?;
            }
            CrapsAction::Stand => Self::stand(&ledger, &mut record, member)?,
            CrapsAction::Skip { turn } => Self::skip(&mut record, member, turn)?,
            CrapsAction::TakeDown { kind, chips } => {
                stakes::take_down(&mut ledger, &record, member, kind, chips)?;
            }
            CrapsAction::Switch { kind, working } => {
                stakes::switch(&mut ledger, &record, member, kind, working)?;
            }
            CrapsAction::Earmark { to, chips } => {
                Self::earmark(&mut ledger, &record, (member, author), to, chips)?;
            }
            CrapsAction::Redeem { id, signature } => {
                Self::redeem(&mut ledger, member, id, &signature, context)?;
            }
            CrapsAction::GiveBack { id } => Self::give_back(&mut ledger, member, id)?,
        }
        if record != before {
            ledger.set_record(&record);
        }
        Ok(())
    }

    fn on_draw(&self, overlay: &mut Overlay, random: &mut Random, _context: &mut Context<'_>) {
        let dice = Dice {
            first: random.die(6),
            second: random.die(6),
        };
        let mark = overlay.mark();
        if self.throw(overlay, dice).is_err() {
            // Only in a state that these rules did not make: it stays as it was.
            overlay.undo_to(mark);
        }
    }

    /// A payment is guarded by the balance wherever it is replayed, and what is redeemed is nobody
    /// else's. Bets and dice need the bank and
    /// the draw, and seats are slots whose order has value.
    fn offline(&self, action: &[u8]) -> Offline {
        match CrapsAction::decode(action) {
            Ok(
                CrapsAction::Transfer { .. }
                | CrapsAction::Earmark { .. }
                | CrapsAction::Redeem { .. }
                | CrapsAction::GiveBack { .. },
            ) => Offline::Allowed,
            Ok(
                CrapsAction::Sit
                | CrapsAction::Bet { .. }
                | CrapsAction::Roll
                | CrapsAction::Stand
                | CrapsAction::Skip { .. }
                | CrapsAction::TakeDown { .. }
                | CrapsAction::Switch { .. },
            )
            | Err(_) => Offline::Forbidden,
        }
    }

    /// Whoever bets or rolls means the next throw, not one that he comes to late.
    fn phase_bound(&self, action: &[u8]) -> bool {
        matches!(
            CrapsAction::decode(action),
            Ok(CrapsAction::Bet { .. } | CrapsAction::Roll)
        )
    }

    fn earmark(&self, state: &Map, id: EarmarkId) -> Committed {
        ledger::committed(state, id)
    }

    fn redeem(&self, release: &Release) -> Option<Vec<u8>> {
        let (id, signature) = (release.id, release.signature);
        Some(CrapsAction::Redeem { id, signature }.encode())
    }

    /// The order that [`CrapsAction`] gives; what is no action comes after everything.
    fn order_key(&self, action: &[u8]) -> Vec<u8> {
        let order = CrapsAction::decode(action).map_or(u8::MAX, |action| action.order());
        vec![order]
    }

    /// Twice the throws so far, one more while the dice are in the air: only ever forward, and a
    /// bet that names it is good for the next throw alone.
    fn phase(&self, overlay: &Overlay) -> u64 {
        record(overlay).map_or(0, |record| {
            record
                .throws
                .saturating_mul(2)
                .saturating_add(u64::from(record.dice_in_the_air))
        })
    }

    fn pack(&self, coder: &mut dyn Coder, batch: Batch<'_>, payloads: &[&[u8]]) -> bool {
        pack::pack(coder, batch, payloads)
    }

    fn unpack(&self, coder: &mut dyn Coder, batch: Batch<'_>) -> Option<Vec<Vec<u8>>> {
        Some(pack::unpack(coder, batch))
    }

    fn describe(&self, code: u16, detail: &[u8]) -> String {
        match Cause::from_code(code) {
            Some(cause) => cause.describe(detail),
            None => format!("the table refuses this (code {code})"),
        }
    }

    fn describe_action(&self, action: &[u8]) -> String {
        match CrapsAction::decode(action) {
            Ok(action) => action.describe(),
            Err(_) => "something that the table does not understand".to_owned(),
        }
    }

    fn describe_entry(&self, key: &[u8], value: &[u8]) -> Option<String> {
        ledger::describe_entry(key, value)
    }
}

const VECTORS: &str = include_str!("craps/vectors.txt");

#[cfg(test)]
mod tests;
