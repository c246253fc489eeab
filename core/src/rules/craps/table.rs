//! The table as the state holds it, entry by entry, and as bots, reports and screens read it.

use serde::{Deserialize, Serialize};

use super::bet::{BetKind, Dice};
use super::cause::Cause;
use crate::rules::Rejection;
use crate::state::{Map, Overlay};
use crate::wire::{BoundedVec, MEMBERS_MAX, decode, encode};

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
    /// Chips that exist, from the genesis on.
    pub total: u64,
    /// Members who asked to skip the shooter in this turn, by member index.
    pub skips: Vec<u8>,
    /// Seated members whom the dice pass over until they act again, by member index.
    pub away: Vec<u8>,
}

impl Table {
    /// Reads the table through `get`; none where the state is not one of craps.
    pub fn read(get: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Self> {
        let record: Record = decode(&get(&RECORD_KEY)?, RECORD_LEN_MAX).ok()?;
        let number = |key: &[u8]| parse_number(&get(key)?);
        let members = 0..record.members;
        let mut throws: Vec<(u64, Dice)> = (0..THROWS_KEPT)
            .filter_map(|slot| decode(&get(&throw_key(slot))?, ENTRY_LEN_MAX).ok())
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
            bets: members
                .clone()
                .flat_map(|member| BetKind::ALL.map(|kind| (member, kind)))
                .filter_map(|(member, kind)| {
                    let chips = parse_stake(&get(&bet_key(member, kind))?)?;
                    Some(PlacedBet {
                        member,
                        kind,
                        chips,
                    })
                })
                .collect(),
            total: number(&TOTAL_KEY)?,
            skips: members
                .clone()
                .filter(|member| record.skips.has(*member))
                .collect(),
            away: members.filter(|member| record.away.has(*member)).collect(),
            seats: record.seats.into_vec(),
        })
    }

    /// Reads the table of a state.
    pub fn of(map: &Map) -> Option<Self> {
        Self::read(&|key| map.get(key).map(<[u8]>::to_vec))
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

    /// Chips in hands, in bets and in the bank; more than 64 bits only in a state that is broken.
    pub fn counted(&self) -> u128 {
        let hands: u128 = self.chips.iter().map(|chips| u128::from(*chips)).sum();
        let bets: u128 = self.bets.iter().map(|bet| u128::from(bet.chips)).sum();
        hands + bets + u128::from(self.bank)
    }

    /// Whether no chip was made or lost since the genesis.
    pub fn is_conserved(&self) -> bool {
        self.counted() == u128::from(self.total)
    }
}

/// Set of member indices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Members(u16);

impl Members {
    pub(super) fn has(self, member: u8) -> bool {
        self.0 & Self::bit(member) != 0
    }

    pub(super) fn add(&mut self, member: u8) {
        self.0 |= Self::bit(member);
    }

    pub(super) fn take(&mut self, member: u8) {
        self.0 &= !Self::bit(member);
    }

    pub(super) fn len(self) -> u32 {
        self.0.count_ones()
    }

    fn bit(member: u8) -> u16 {
        1u16.checked_shl(u32::from(member)).unwrap_or(0)
    }
}

/// Everything about the table that is not chips: one entry of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) members: u8,
    pub(super) seats: BoundedVec<Option<u8>, MEMBERS_MAX>,
    pub(super) shooter: Option<u8>,
    pub(super) point: Option<u8>,
    pub(super) dice_in_the_air: bool,
    pub(super) turn: u64,
    pub(super) throws: u64,
    /// What the bank must hold so that it can pay every bet on the table.
    pub(super) exposure: u64,
    pub(super) skips: Members,
    pub(super) away: Members,
}

impl Record {
    /// An empty table.
    pub(super) fn new(members: u8) -> Self {
        Self {
            members,
            seats: BoundedVec::new(),
            shooter: None,
            point: None,
            dice_in_the_air: false,
            turn: 0,
            throws: 0,
            exposure: 0,
            skips: Members::default(),
            away: Members::default(),
        }
    }

    pub(super) fn is_seated(&self, member: u8) -> bool {
        self.seats.contains(&Some(member))
    }

    /// Takes the first free position. The first to sit gets the dice.
    pub(super) fn sit(&mut self, member: u8) {
        let mut seats = std::mem::take(&mut self.seats).into_vec();
        match seats.iter_mut().find(|seat| seat.is_none()) {
            Some(free) => *free = Some(member),
            None => seats.push(Some(member)),
        }
        self.seats = BoundedVec::truncating(seats);
        if self.shooter.is_none() {
            self.shooter = Some(member);
            self.next_turn();
        }
    }

    /// Leaves the position. The dice move on; with nobody left the table is new.
    pub(super) fn stand(&mut self, member: u8) {
        if self.shooter == Some(member) {
            self.pass_dice_beyond(|seated| seated != member);
        }
        let mut seats = std::mem::take(&mut self.seats).into_vec();
        for seat in &mut seats {
            if *seat == Some(member) {
                *seat = None;
            }
        }
        while seats.last() == Some(&None) {
            seats.pop();
        }
        self.seats = BoundedVec::truncating(seats);
        if self.shooter.is_none() {
            self.point = None;
        }
    }

    /// The dice go to the next position whose player is not away; where all are, to the next.
    pub(super) fn pass_dice(&mut self) {
        self.pass_dice_beyond(|_| true);
    }

    fn pass_dice_beyond(&mut self, may_shoot: impl Fn(u8) -> bool) {
        let Some(shooter) = self.shooter else { return };
        let at = self.seats.iter().position(|seat| *seat == Some(shooter));
        let after = at.map_or(0, |at| at + 1);
        let around = self.seats[after..].iter().chain(&self.seats[..after]);
        let seated: Vec<u8> = around
            .filter_map(|seat| *seat)
            .filter(|member| may_shoot(*member))
            .collect();
        let next = seated
            .iter()
            .find(|member| !self.away.has(**member))
            .or(seated.first());
        self.shooter = next.copied();
        self.next_turn();
    }

    pub(super) fn next_turn(&mut self) {
        self.turn = self.turn.saturating_add(1);
        self.skips = Members::default();
    }
}

/// The entries of one table, read and written one by one, so that a change touches only what it
/// changes.
#[derive(Debug)]
pub(super) struct Ledger<'a>(pub(super) &'a mut Overlay);

impl Ledger<'_> {
    pub(super) fn record(&self) -> Result<Record, Rejection> {
        record(self.0)
    }

    pub(super) fn set_record(&mut self, record: &Record) {
        self.set(&RECORD_KEY, encode(record));
    }

    pub(super) fn chips(&self, member: u8) -> Result<u64, Rejection> {
        self.number(&chips_key(member))
    }

    pub(super) fn set_chips(&mut self, member: u8, chips: u64) {
        self.set(&chips_key(member), encode(&chips));
    }

    pub(super) fn bank(&self) -> Result<u64, Rejection> {
        self.number(&BANK_KEY)
    }

    pub(super) fn set_bank(&mut self, chips: u64) {
        self.set(&BANK_KEY, encode(&chips));
    }

    pub(super) fn set_total(&mut self, chips: u64) {
        self.set(&TOTAL_KEY, encode(&chips));
    }

    pub(super) fn stake(&self, member: u8, kind: BetKind) -> Option<u32> {
        parse_stake(self.0.get(&bet_key(member, kind))?)
    }

    pub(super) fn set_stake(&mut self, member: u8, kind: BetKind, chips: u32) {
        self.set(&bet_key(member, kind), encode(&chips));
    }

    pub(super) fn take_bet(&mut self, member: u8, kind: BetKind) {
        self.0
            .remove(&bet_key(member, kind))
            .expect("keys of this rule set are a few bytes long");
    }

    /// The bets of everyone, by member and kind.
    pub(super) fn bets(&self, members: u8) -> Vec<PlacedBet> {
        (0..members)
            .flat_map(|member| BetKind::ALL.map(|kind| (member, kind)))
            .filter_map(|(member, kind)| {
                let chips = self.stake(member, kind)?;
                Some(PlacedBet {
                    member,
                    kind,
                    chips,
                })
            })
            .collect()
    }

    pub(super) fn set_throw(&mut self, number: u64, dice: Dice) {
        self.set(&throw_key(number), encode(&(number, dice)));
    }

    fn number(&self, key: &[u8]) -> Result<u64, Rejection> {
        let number = self.0.get(key).and_then(parse_number);
        number.ok_or_else(|| Cause::BadState.into())
    }

    fn set(&mut self, key: &[u8], value: Vec<u8>) {
        self.0
            .set(key, value)
            .expect("keys of this rule set are a few bytes long");
    }
}

/// The record of a state.
pub(super) fn record(overlay: &Overlay) -> Result<Record, Rejection> {
    overlay
        .get(&RECORD_KEY)
        .and_then(|bytes| decode(bytes, RECORD_LEN_MAX).ok())
        .ok_or_else(|| Cause::BadState.into())
}

fn parse_number(bytes: &[u8]) -> Option<u64> {
    decode(bytes, ENTRY_LEN_MAX).ok()
}

fn parse_stake(bytes: &[u8]) -> Option<u32> {
    decode(bytes, ENTRY_LEN_MAX).ok()
}

fn chips_key(member: u8) -> [u8; 2] {
    [b'c', member]
}

fn throw_key(number: u64) -> [u8; 2] {
    let slot = number % THROWS_KEPT;
    [b'd', u8::try_from(slot).expect("a remainder of 32 fits")]
}

fn bet_key(member: u8, kind: BetKind) -> Vec<u8> {
    encode(&(b'b', member, kind))
}

const RECORD_KEY: [u8; 1] = [b't'];
const BANK_KEY: [u8; 1] = [b'k'];
const TOTAL_KEY: [u8; 1] = [b'n'];
const RECORD_LEN_MAX: usize = 128;
const ENTRY_LEN_MAX: usize = 16;
