//! The entries of one table in the state, read and written one by one, so that a change touches
//! only what it changes.
//!
//! | key | value |
//! |---|---|
//! | `t` | [`Record`]: seats, dice, phase |
//! | `c` member | chips in hand |
//! | `b` member kind | stake and switch of a bet: an entry each, so that one bet is one small change |
//! | `k` | chips of the bank |
//! | `e` | sum of what all bets could win at best |
//! | `d` slot | a throw, numbered |
//! | `h` | rules of the house; written once |
//! | `n` | chips that exist; written once |
//! | `m` payer | earmarks that he ever made |
//! | `m` payer number | payee and chips of an earmark |

use super::bet::{BetKind, Dice, Working};
use super::cause::Cause;
use super::config::{CONFIG_LEN_MAX, CrapsConfig};
use super::record::Record;
use super::table::{PlacedBet, THROWS_KEPT};
use crate::rules::Rejection;
use crate::rules::earmark::{Committed, Earmark, EarmarkId};
use crate::state::{Map, Overlay};
use crate::wire::{decode, encode};

/// The entries of one table.
#[derive(Debug)]
pub(super) struct Ledger<'a>(pub(super) &'a mut Overlay);

impl Ledger<'_> {
    pub(super) fn record(&self) -> Result<Record, Rejection> {
        record(self.0)
    }

    pub(super) fn set_record(&mut self, record: &Record) {
        self.set(&RECORD_KEY, encode(record));
    }

    pub(super) fn house(&self) -> Result<CrapsConfig, Rejection> {
        let house = self.0.get(&HOUSE_KEY).and_then(parse_house);
        house.ok_or_else(|| Cause::BadState.into())
    }

    pub(super) fn set_house(&mut self, house: &CrapsConfig) {
        self.set(&HOUSE_KEY, house.encode());
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

    /// What all bets on the table could win at best, added up.
    pub(super) fn bests(&self) -> Result<u64, Rejection> {
        self.number(&BESTS_KEY)
    }

    pub(super) fn set_bests(&mut self, chips: u64) {
        self.set(&BESTS_KEY, encode(&chips));
    }

    pub(super) fn placed(&self, member: u8, kind: BetKind) -> Option<PlacedBet> {
        let key = bet_key(member, kind);
        parse_bet(&key, self.0.get(&key)?)
    }

    /// The stake of a bet, 0 where there is none.
    pub(super) fn stake(&self, member: u8, kind: BetKind) -> u32 {
        self.placed(member, kind).map_or(0, |bet| bet.chips)
    }

    pub(super) fn place(&mut self, bet: PlacedBet) {
        let key = bet_key(bet.member, bet.kind);
        self.set(&key, encode(&(bet.chips, bet.working)));
    }

    pub(super) fn take_off(&mut self, bet: PlacedBet) {
        self.0
            .remove(&bet_key(bet.member, bet.kind))
            .expect("keys of this rule set are a few bytes long");
    }

    /// The bets of everyone, by member and kind.
    pub(super) fn bets(&self) -> Vec<PlacedBet> {
        self.bets_under(&[BET])
    }

    /// The bets of one member, by kind.
    pub(super) fn bets_of(&self, member: u8) -> Vec<PlacedBet> {
        self.bets_under(&[BET, member])
    }

    fn bets_under(&self, prefix: &[u8]) -> Vec<PlacedBet> {
        let entries = self.0.prefix(prefix);
        entries
            .iter()
            .filter_map(|(key, value)| parse_bet(key.as_bytes(), value))
            .collect()
    }

    pub(super) fn earmark(&self, id: EarmarkId) -> Option<Earmark> {
        let key = earmark_key(id);
        parse_earmark(&key, self.0.get(&key)?)
    }

    pub(super) fn earmarks_of(&self, payer: u8) -> Vec<Earmark> {
        let entries = self.0.prefix(&[EARMARK, payer]);
        entries
            .iter()
            .filter_map(|(key, value)| parse_earmark(key.as_bytes(), value))
            .collect()
    }

    /// The number of the next earmark of `payer`; it is used up.
    pub(super) fn next_earmark(&mut self, payer: u8) -> Result<u32, Rejection> {
        let made = self.0.get(&[EARMARK, payer]).and_then(parse_number);
        let next = made.unwrap_or(0).checked_add(1).ok_or(Cause::BadState)?;
        self.set(&[EARMARK, payer], encode(&next));
        u32::try_from(next).map_err(|_| Cause::BadState.into())
    }

    pub(super) fn set_earmark(&mut self, earmark: Earmark) {
        let value = encode(&(earmark.payee, earmark.amount, earmark.payer));
        self.set(&earmark_key(earmark.id), value);
    }

    pub(super) fn take_earmark(&mut self, id: EarmarkId) {
        self.0
            .remove(&earmark_key(id))
            .expect("keys of this rule set are a few bytes long");
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
        .and_then(parse_record)
        .ok_or_else(|| Cause::BadState.into())
}

pub(super) fn parse_record(bytes: &[u8]) -> Option<Record> {
    decode(bytes, RECORD_LEN_MAX).ok()
}

pub(super) fn parse_house(bytes: &[u8]) -> Option<CrapsConfig> {
    decode(bytes, CONFIG_LEN_MAX).ok()
}

pub(super) fn parse_number(bytes: &[u8]) -> Option<u64> {
    decode(bytes, ENTRY_LEN_MAX).ok()
}

pub(super) fn parse_throw(bytes: &[u8]) -> Option<(u64, Dice)> {
    decode(bytes, ENTRY_LEN_MAX).ok()
}

pub(super) fn parse_bet(key: &[u8], value: &[u8]) -> Option<PlacedBet> {
    let &[BET, member, index] = key else {
        return None;
    };
    let (chips, working): (u32, Working) = decode(value, ENTRY_LEN_MAX).ok()?;
    Some(PlacedBet {
        member,
        kind: BetKind::from_index(index)?,
        chips,
        working,
    })
}

pub(super) fn parse_earmark(key: &[u8], value: &[u8]) -> Option<Earmark> {
    let (&[EARMARK, payer], number) = key.split_first_chunk::<2>()? else {
        return None;
    };
    let number = u32::from_be_bytes(number.try_into().ok()?);
    let (payee, amount, peer) = decode(value, ENTRY_LEN_MAX).ok()?;
    Some(Earmark {
        id: EarmarkId { payer, number },
        payer: peer,
        payee,
        amount,
    })
}

/// What `state` knows of an earmark: its number was given out, or never.
pub(super) fn committed(state: &Map, id: EarmarkId) -> Committed {
    let key = earmark_key(id);
    if let Some(earmark) = state.get(&key).and_then(|value| parse_earmark(&key, value)) {
        return Committed::Stands(earmark);
    }
    let made = state.get(&[EARMARK, id.payer]).and_then(parse_number);
    if id.number > 0 && u64::from(id.number) <= made.unwrap_or(0) {
        Committed::Settled
    } else {
        Committed::Never
    }
}

pub(super) fn earmark_key(id: EarmarkId) -> [u8; 6] {
    let [a, b, c, d] = id.number.to_be_bytes();
    [EARMARK, id.payer, a, b, c, d]
}

/// An entry in words, for evidence; members are counted from 0, as in a genesis.
pub(super) fn describe_entry(key: &[u8], value: &[u8]) -> Option<String> {
    let number = || parse_number(value);
    match key {
        [b'c', member] => Some(format!("member {member} holds {} chips", number()?)),
        [BET, member, _] => {
            let PlacedBet { kind, chips, .. } = parse_bet(key, value)?;
            Some(format!("member {member} has {chips} chips on {kind:?}"))
        }
        key if *key == BANK_KEY => Some(format!("the bank holds {} chips", number()?)),
        key if *key == BESTS_KEY => Some(format!("all bets could win {} chips", number()?)),
        [EARMARK, payer] => Some(format!(
            "member {payer} set chips aside {} times",
            number()?
        )),
        [EARMARK, ..] => {
            let Earmark {
                id, payee, amount, ..
            } = parse_earmark(key, value)?;
            let payer = id.payer;
            Some(format!(
                "member {payer} set {amount} chips aside for member {payee}"
            ))
        }
        [THROW, _] => {
            let (number, dice) = parse_throw(value)?;
            Some(format!(
                "throw {number} is {} and {}",
                dice.first, dice.second
            ))
        }
        _ => None,
    }
}

pub(super) fn chips_key(member: u8) -> [u8; 2] {
    [b'c', member]
}

fn throw_key(number: u64) -> [u8; 2] {
    let slot = number % THROWS_KEPT;
    [THROW, u8::try_from(slot).expect("a remainder of 32 fits")]
}

fn bet_key(member: u8, kind: BetKind) -> [u8; 3] {
    [BET, member, kind.index()]
}

pub(super) const RECORD_KEY: [u8; 1] = [b't'];
pub(super) const BANK_KEY: [u8; 1] = [b'k'];
pub(super) const TOTAL_KEY: [u8; 1] = [b'n'];
pub(super) const HOUSE_KEY: [u8; 1] = [b'h'];
pub(super) const BET: u8 = b'b';
pub(super) const THROW: u8 = b'd';
pub(super) const EARMARK: u8 = b'm';
const BESTS_KEY: [u8; 1] = [b'e'];
const RECORD_LEN_MAX: usize = 128;
const ENTRY_LEN_MAX: usize = 48;
