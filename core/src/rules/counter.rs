//! The agreed counter, the worked example. Increments commute: the result is their sum. With an
//! expectation, of two increments that expect the same value exactly one wins; the other is refused
//! and learns the value that stands.

use serde::{Deserialize, Serialize};

use super::{Context, Offline, Random, Rejection, Rules};
use crate::crypto::{Domain, hash};
use crate::id::PeerId;
use crate::state::{Map, Overlay};
use crate::wire::{ACTION_PAYLOAD_LEN_MAX, Bytes, Reason, RulesId, decode, encode};

/// What a member asks of the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CounterAction {
    /// Adds `amount`, where `expect` is given only if the counter stands there.
    Add {
        /// What is added; negative amounts subtract.
        amount: i64,
        /// The value that the author saw.
        expect: Option<i64>,
    },
}

impl CounterAction {
    /// The payload of an action.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The action of a payload.
    pub fn decode(payload: &[u8]) -> Result<Self, Rejection> {
        decode(payload, ACTION_PAYLOAD_LEN_MAX).map_err(|_| Rejection::new(MALFORMED))
    }
}

/// The bytes are no action or no configuration.
pub const MALFORMED: u16 = 1;
/// The counter does not stand where the author expected it; the detail is its value.
pub const CONFLICT: u16 = 2;
/// The sum would leave the range of 64 bits; the detail is the value that stands.
pub const OVERFLOW: u16 = 3;
/// The author is not a member.
pub const NOT_MEMBER: u16 = 4;

/// The rule set `counter`. Its configuration is the first value, an encoded `i64`; none means 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter;

/// The value of the counter in `map`.
pub fn value(map: &Map) -> Option<i64> {
    parse(map.get(&VALUE_KEY)?)
}

/// The value that stands, where `reason` refuses an increment because it expected another one: try
/// again from there.
pub fn conflict(reason: &Reason) -> Option<i64> {
    match reason {
        Reason::Rules { code, detail } if *code == CONFLICT => value_of_detail(detail),
        _ => None,
    }
}

/// The value that a [`CONFLICT`] or [`OVERFLOW`] carries as its detail.
pub fn value_of_detail(detail: &[u8]) -> Option<i64> {
    parse(detail)
}

impl Rules for Counter {
    fn id(&self) -> RulesId {
        RulesId {
            name: Bytes::truncating(b"counter".to_vec()),
            version: 1,
            vectors: hash(Domain::RulesVectors, &[VECTORS.as_bytes()]),
        }
    }

    fn genesis(
        &self,
        overlay: &mut Overlay,
        _members: &[PeerId],
        config: &[u8],
    ) -> Result<(), Rejection> {
        let first = if config.is_empty() {
            0
        } else {
            parse(config).ok_or(Rejection::new(MALFORMED))?
        };
        write(overlay, first);
        Ok(())
    }

    fn apply(
        &self,
        overlay: &mut Overlay,
        author: &PeerId,
        action: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Rejection> {
        let CounterAction::Add { amount, expect } = CounterAction::decode(action)?;
        if context.index_of(author).is_none() {
            return Err(Rejection::new(NOT_MEMBER));
        }
        let value = overlay.get(&VALUE_KEY).and_then(parse).unwrap_or(0);
        if expect.is_some_and(|expected| expected != value) {
            return Err(Rejection::with_detail(CONFLICT, encode(&value)));
        }
        let sum = value
            .checked_add(amount)
            .ok_or_else(|| Rejection::with_detail(OVERFLOW, encode(&value)))?;
        write(overlay, sum);
        Ok(())
    }

    fn on_draw(&self, _overlay: &mut Overlay, _random: &mut Random, _context: &mut Context<'_>) {}

    /// Plain increments commute. An expectation is an exclusive slot: whoever is first has it.
    fn offline(&self, action: &[u8]) -> Offline {
        match CounterAction::decode(action) {
            Ok(CounterAction::Add { expect: None, .. }) => Offline::Allowed,
            Ok(CounterAction::Add {
                expect: Some(_), ..
            })
            | Err(_) => Offline::Forbidden,
        }
    }

    fn describe(&self, code: u16, detail: &[u8]) -> String {
        match (code, parse(detail)) {
            (CONFLICT, Some(value)) => {
                format!("the counter stands at {value} by now: look at it and try again")
            }
            (CONFLICT, None) => "the counter stands elsewhere by now".to_owned(),
            (OVERFLOW, Some(value)) => {
                format!("the counter stands at {value} and cannot go that far")
            }
            (OVERFLOW, None) => "the counter cannot go that far".to_owned(),
            (MALFORMED, _) => "the counter does not understand this".to_owned(),
            (NOT_MEMBER, _) => "only members may count".to_owned(),
            _ => format!("the counter refuses this (code {code})"),
        }
    }

    fn describe_action(&self, action: &[u8]) -> String {
        match CounterAction::decode(action) {
            Ok(CounterAction::Add {
                amount,
                expect: None,
            }) => format!("adds {amount}"),
            Ok(CounterAction::Add {
                amount,
                expect: Some(expect),
            }) => format!("adds {amount} if the counter stands at {expect}"),
            Err(_) => "something that the counter does not understand".to_owned(),
        }
    }
}

fn parse(bytes: &[u8]) -> Option<i64> {
    decode(bytes, 10).ok()
}

fn write(overlay: &mut Overlay, value: i64) {
    overlay
        .set(&VALUE_KEY, encode(&value))
        .expect("the key has one byte");
}

const VALUE_KEY: [u8; 1] = [b'v'];
const VECTORS: &str = include_str!("counter/vectors.txt");

#[cfg(test)]
mod tests;
