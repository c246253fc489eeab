//! How one phone gets the certified state of another, whatever it has itself.
//!
//! [`Reconcile`] asks, [`serve`] answers. With an empty map of its own the asker fetches a snapshot;
//! with another one, only what differs travels. Every part is verified against the certified root on
//! arrival: any member that keeps the state can serve any of it, several at once.

use std::collections::BTreeMap;

use crate::crypto::Hash;
use crate::state::{Map, Missing, PART_LEN_MAX, PartError, Partial, Prefix};
use crate::wire::{
    BoundedVec, MESSAGE_LEN_MAX, PARTS_MAX, Part, PartAsk, PartBody, PartsAnswer, PartsRequest,
    encode,
};

#[cfg(test)]
mod tests;

/// Requests out at once. With the length of a message it bounds what can be on its way to the asker.
pub const REQUESTS_OUT_MAX: usize = 8;
/// Places of one request whose own trees are sent along, and digests of all of them together: about
/// the bytes that one more round trip costs on a phone's link, and a map of 256 leaves at once.
const COMPARED_MAX: usize = 16;
const DIGESTS_MAX: usize = 400;
/// A hint is nobody's word: a place counts as at least this many bytes.
const HINT_MIN: usize = 32;
/// Bytes of an answer around its parts: their count, and the kinds of the message around it.
const ANSWER_HEADER_LEN: usize = 8;
/// Bytes of a part around its nodes or entries: kind and count, beside its place.
const PART_HEADER_LEN: usize = 3;

/// Why an answer was refused. The parts before the refused one were verified and are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartsError {
    /// There is nothing in it: expire its request.
    #[error("no parts")]
    Empty,
    /// One of its parts.
    #[error("part {index}: {error}")]
    Part {
        /// Which one.
        index: usize,
        /// What was wrong with it.
        error: PartError,
    },
}

impl PartsError {
    /// Whether the state is over the bound, whoever serves it.
    pub fn is_too_large(&self) -> bool {
        let Self::Part { error, .. } = self else {
            return false;
        };
        matches!(error, PartError::TooLarge { .. })
    }
}

/// Gets the certified state in parts.
#[derive(Clone, Debug)]
pub struct Reconcile {
    partial: Partial,
    // The request in which each place is out.
    out: BTreeMap<Prefix, u64>,
    requests: u64,
}

impl Reconcile {
    /// Wants the state under the certified `root`, has `own`, and takes at most `bytes_max` bytes of
    /// parts.
    pub fn new(own: Map, root: Hash, bytes_max: usize) -> Self {
        Self {
            partial: Partial::new(own, root, bytes_max),
            out: BTreeMap::new(),
            requests: 0,
        }
    }

    /// The next request, for any member that has the state. None while too many are out, or all that
    /// is missing is.
    pub fn request(&mut self) -> Option<PartsRequest> {
        let out: std::collections::BTreeSet<u64> = self.out.values().copied().collect();
        if out.len() >= REQUESTS_OUT_MAX {
            return None;
        }
        let mut free = self
            .partial
            .missing()
            .iter()
            .filter(|(place, _)| !self.out.contains_key(place))
            .peekable();
        let compare = free.peek()?.1.compare;
        let mut places: Vec<Prefix> = Vec::new();
        let mut bytes = 0;
        for (place, missing) in free.filter(|(_, missing)| missing.compare == compare) {
            bytes += expected(missing);
            let fits = match compare {
                true => places.len() < COMPARED_MAX,
                false => places.is_empty() || bytes <= PART_LEN_MAX && places.len() < PARTS_MAX,
            };
            if !fits {
                break;
            }
            places.push(place.clone());
        }
        self.requests += 1;
        let each = DIGESTS_MAX / places.len();
        let asks = places.into_iter().map(|prefix| {
            self.out.insert(prefix.clone(), self.requests);
            let have = match compare {
                true => self.partial.own().have_at(&prefix, each),
                false => Vec::new(),
            };
            let have = BoundedVec::truncating(have);
            PartAsk { prefix, have }
        });
        let asks = BoundedVec::truncating(asks.collect());
        Some(PartsRequest { asks })
    }

    /// Takes what is true of `answer`; gives the number of parts that were new. Whatever its request
    /// asked and it did not bring can be asked again.
    pub fn receive(&mut self, answer: &PartsAnswer) -> Result<usize, PartsError> {
        if answer.parts.is_empty() {
            return Err(PartsError::Empty);
        }
        let mut new = 0;
        let mut result = Ok(());
        for (index, part) in answer.parts.iter().enumerate() {
            if let Some(request) = self.out.get(&part.prefix).copied() {
                self.out.retain(|_, other| *other != request);
            }
            match self.partial.take(part) {
                Ok(missing) => new += usize::from(missing),
                Err(error) => {
                    result = Err(PartsError::Part { index, error });
                    break;
                }
            }
        }
        result.map(|()| new)
    }

    /// Puts `request` back: its answer was lost, or refused.
    pub fn expire(&mut self, request: &PartsRequest) {
        let numbers: Vec<u64> = request
            .asks
            .iter()
            .filter_map(|ask| self.out.get(&ask.prefix).copied())
            .collect();
        self.out.retain(|_, number| !numbers.contains(number));
    }

    /// The root of the state that is wanted.
    pub fn root(&self) -> Hash {
        self.partial.root()
    }

    /// Bytes of the parts taken so far.
    pub fn bytes(&self) -> usize {
        self.partial.bytes()
    }

    /// The certified state, once nothing is missing.
    pub fn finish(&self) -> Option<Map> {
        self.partial.finish()
    }

    /// What was collected, as the own map of the next one: for when another root is certified before
    /// this one is complete, and nobody keeps this state any more.
    pub fn salvage(&self) -> Map {
        self.partial.salvage()
    }
}

fn expected(missing: &Missing) -> usize {
    usize::try_from(missing.bytes)
        .unwrap_or(usize::MAX)
        .clamp(HINT_MIN, MESSAGE_LEN_MAX)
}

/// Answers `request` from `map`, with a message of at most `budget` bytes (and never more than
/// [`MESSAGE_LEN_MAX`]): parts of as many of the first places as fit. A place that the map does not have
/// ends it: no asker learnt of it from this state.
pub fn serve(map: &Map, request: &PartsRequest, budget: usize) -> PartsAnswer {
    let budget = budget
        .min(MESSAGE_LEN_MAX)
        .saturating_sub(ANSWER_HEADER_LEN);
    let mut parts = BoundedVec::new();
    let mut left = budget;
    for ask in request.asks.iter() {
        let header = encode(&ask.prefix).len() + PART_HEADER_LEN;
        let Some(room) = left.checked_sub(header) else {
            break;
        };
        let entries = match ask.have.is_empty() {
            true => map.entries_at(&ask.prefix, PART_LEN_MAX.min(budget - header)),
            false => None,
        };
        let body = match entries {
            Some(entries) => Some(PartBody::Entries(BoundedVec::truncating(entries))),
            None => map
                .outline_at(&ask.prefix, &ask.have, room)
                .map(|nodes| PartBody::Outline(BoundedVec::truncating(nodes))),
        };
        let Some(body) = body else { break };
        let prefix = ask.prefix.clone();
        let part = Part { prefix, body };
        let Some(rest) = left.checked_sub(encode(&part).len()) else {
            break;
        };
        left = rest;
        parts
            .push(part)
            .expect("an answer has room for as many parts as a request has asks");
    }
    PartsAnswer { parts }
}
