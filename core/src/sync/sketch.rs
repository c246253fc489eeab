//! Reconciliation of two unordered sets of ids: pending actions where counters do not tell them apart.
//!
//! Counters come first: [`crate::wire::Status`] carries one per author and a digest, and as long as
//! every author numbers his actions once, they say exactly what is missing. Where they are equal and
//! the digests differ (a doubled number, runs of a lost store), the sets are compared here, by a
//! sketch that is as long as the difference, however large the sets are.
//!
//! A [`Sketch`] of capacity c holds the sums of the 1st, 3rd, … (2c - 1)th powers of its elements in
//! GF(2^64): the syndromes of a BCH code, known as PinSketch. Elements that two sets share cancel
//! when their sketches are added, and what is left gives the difference as long as it has fewer than c
//! elements. The sum that is left over is the check: a wrong difference passes it once in 2^64.
//! A longer sketch goes on where a shorter one ends, so after a failure only the new sums travel; a
//! difference beyond [`SYNDROMES_MAX`] is cut in two by the first bit of its elements, and only one
//! half travels, since the other one is what is missing from the whole.
//!
//! Elements are short ids: 8 bytes of the id's hash under a salt, half of which each side makes when
//! the two begin. An author who chose his ids before that gains nothing: whatever he chose, they are
//! random elements. Asker and other side: [`Asker`] and [`Answerer`].
//!
//! Why own code: `riblt` 0.1 has no licence, iterates hash maps, and needs 13 bytes for each of
//! about 1.7 symbols a difference where this needs 8 bytes for one (182 against 72 for 8
//! differences); `minisketch-rs` binds C++; `negentropy` is well kept and has no I/O, and sends whole
//! ranges of fingerprints and ids (5.5 kB for 8 differences in 10 000). `althing bench state` runs
//! `negentropy` beside this.

mod decode;
mod exchange;
mod field;

pub use exchange::{Answerer, Asker, SHARES_MAX, Step, is_possible};

use self::field::{Factor, power, square};
use crate::wire::{Element, SYNDROMES_MAX};

/// Why two sets were not reconciled. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SketchError {
    /// There is no set of fewer elements than the sketch has syndromes that makes this sketch: the
    /// difference is larger, or the syndromes are none.
    #[error("a sketch of {capacity} syndromes does not decode")]
    Undecodable {
        /// Syndromes of the sketch.
        capacity: usize,
    },
    /// The difference is larger than what is cut into shares: fetch the list.
    #[error("the sets differ in more than {SHARES_MAX} shares show")]
    TooFarApart,
    /// A message that is none that was asked for.
    #[error("a reconciliation message out of turn")]
    OutOfTurn,
    /// The other side does not go on.
    #[error("the other side has ended the reconciliation")]
    Gone,
}

/// Syndromes of a set of elements, none of them zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch(Vec<u64>);

impl Sketch {
    /// The first `capacity` syndromes of `elements`.
    pub fn of(elements: impl IntoIterator<Item = u64>, capacity: usize) -> Self {
        Self::range(elements, 0, capacity)
    }

    /// The syndromes `from..to` of `elements`.
    pub(super) fn range(elements: impl IntoIterator<Item = u64>, from: usize, to: usize) -> Self {
        let mut sums = vec![0; to.saturating_sub(from)];
        for element in elements {
            let mut term = power(element, 2 * from as u64 + 1);
            let step = Factor::new(square(element));
            for sum in &mut sums {
                *sum ^= term;
                term = step.times(term);
            }
        }
        Self(sums)
    }

    /// Syndromes that it has. It shows a difference of fewer elements.
    pub fn capacity(&self) -> usize {
        self.0.len()
    }

    /// Adds `other`: the sketch of what is in one of the two sets and not in both. The shorter one of
    /// the two decides how long it is.
    pub fn add(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        for (sum, other) in self.0.iter_mut().zip(&other.0) {
            *sum ^= other;
        }
    }

    /// The elements, in ascending order.
    ///
    /// # Errors
    /// [`SketchError::Undecodable`] where there are as many as syndromes, or more.
    pub fn decode(&self) -> Result<Vec<u64>, SketchError> {
        let capacity = self.capacity();
        let mut elements = decode::decode(&self.0)
            .filter(|_| capacity <= SYNDROMES_MAX)
            .ok_or(SketchError::Undecodable { capacity })?;
        elements.sort_unstable();
        Ok(elements)
    }

    fn from_wire(elements: &[Element]) -> Self {
        Self(elements.iter().copied().map(u64::from_be_bytes).collect())
    }

    fn to_wire(&self) -> Vec<Element> {
        self.0.iter().map(|sum| sum.to_be_bytes()).collect()
    }

    /// Goes on with `more`.
    fn extend(&mut self, more: &Self) {
        self.0.extend(&more.0);
    }
}

#[cfg(test)]
mod tests;
