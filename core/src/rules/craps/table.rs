//! The table as bots, reports and screens read it.

use super::bet::{BetKind, Dice, Working};
use super::config::CrapsConfig;
use super::ledger::{
    BANK_KEY, BET, EARMARK, HOUSE_KEY, RECORD_KEY, THROW, TOTAL_KEY, chips_key, parse_bet,
    parse_earmark, parse_house, parse_number, parse_record, parse_throw,
};
use crate::rules::earmark::Earmark;
use crate::state::Map;

/// Throws that the state remembers.
pub const THROWS_KEPT: u64 = 32;

/// A bet that lies on the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedBet {
    /// Member index of its owner.
    pub member: u8,
    /// What it is on.
    pub kind: BetKind,
    /// The stake.
    pub chips: u32,
    /// Whether it takes part in the next throw.
    pub working: Working,
}

/// The whole table, read from a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Member index by position; positions are taken in the order of sitting down.
    pub seats: Vec<Option<u8>>,
    /// Member index of who holds the dice; none while nobody sits.
    pub shooter: Option<u8>,
    /// The point; none on the come-out.
    pub point: Option<u8>,
    /// Whether the dice are in the air: bets are closed until they fall.
    pub dice_in_the_air: bool,
    /// Counts the chances to roll: grows with every throw and whenever the dice move on. Names what
    /// a `Skip` is about.
    pub turn: u64,
    /// Throws so far.
    pub throws: u64,
    /// The latest throws, at most [`THROWS_KEPT`], oldest first.
    pub dice: Vec<Dice>,
    /// Chips in hand, by member index.
    pub chips: Vec<u64>,
    /// Chips of the bank.
    pub bank: u64,
    /// Bets on the table, by member and kind.
    pub bets: Vec<PlacedBet>,
    /// Chips that are set aside, by payer and number.
    pub earmarks: Vec<Earmark>,
    /// Chips that exist, from the genesis on.
    pub total: u64,
    /// What the table was opened with: limits, odds and the field's rule.
    pub house: CrapsConfig,
    /// Members who asked to skip the shooter in this turn, by member index.
    pub skips: Vec<u8>,
    /// Seated members whom the dice pass over until they act again, by member index.
    pub away: Vec<u8>,
}

impl Table {
    /// Reads the table of a state; none where it is not one of craps. The work is that of the
    /// entries that exist.
    pub fn of(map: &Map) -> Option<Self> {
        let record = parse_record(map.get(&RECORD_KEY)?)?;
        let number = |key: &[u8]| parse_number(map.get(key)?);
        let members = 0..record.members;
        let mut throws: Vec<(u64, Dice)> = map
            .prefix(&[THROW])
            .filter_map(|(_, value)| parse_throw(value))
            .collect();
        throws.sort_unstable();
        Some(Self {
            shooter: record.shooter,
            point: record.point,
            dice_in_the_air: record.dice_in_the_air,
            turn: record.turn,
            throws: record.throws,
            dice: throws.into_iter().map(|(_, dice)| dice).collect(),
            chips: members
                .clone()
                .map(|member| number(&chips_key(member)))
                .collect::<Option<_>>()?,
            bank: number(&BANK_KEY)?,
            bets: map
                .prefix(&[BET])
                .filter_map(|(key, value)| parse_bet(key.as_bytes(), value))
                .collect(),
            earmarks: map
                .prefix(&[EARMARK])
                .filter_map(|(key, value)| parse_earmark(key.as_bytes(), value))
                .collect(),
            total: number(&TOTAL_KEY)?,
            house: parse_house(map.get(&HOUSE_KEY)?)?,
            skips: members
                .clone()
                .filter(|member| record.skips.has(*member))
                .collect(),
            away: members.filter(|member| record.away.has(*member)).collect(),
            seats: record.seats.into_vec(),
        })
    }

    /// Whether the member sits.
    pub fn is_seated(&self, member: u8) -> bool {
        self.seats.contains(&Some(member))
    }

    /// The stake of a bet, 0 where there is none.
    pub fn stake(&self, member: u8, kind: BetKind) -> u32 {
        self.bets
            .iter()
            .find(|bet| bet.member == member && bet.kind == kind)
            .map_or(0, |bet| bet.chips)
    }

    /// Chips in hands, in bets, set aside and in the bank; more than 64 bits only in a state that is broken.
    pub fn counted(&self) -> u128 {
        let hands: u128 = self.chips.iter().map(|chips| u128::from(*chips)).sum();
        let bets: u128 = self.bets.iter().map(|bet| u128::from(bet.chips)).sum();
        let aside = self.earmarks.iter().map(|it| u128::from(it.amount));
        hands + bets + aside.sum::<u128>() + u128::from(self.bank)
    }

    /// Whether no chip was made or lost since the genesis.
    pub fn is_conserved(&self) -> bool {
        self.counted() == u128::from(self.total)
    }
}
