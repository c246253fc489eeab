//! Random choices of the world, each purpose with its own stream, so that one more choice of one
//! kind changes no other.

use althing::crypto::{Domain, hash};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

/// One stream of choices.
#[derive(Clone, Debug)]
pub struct Chance(ChaCha12Rng);

impl Chance {
    /// The stream for `purpose` under `seed`.
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self(ChaCha12Rng::from_seed(secret(seed, purpose, 0)))
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder is below 2^-40 for every bound that the world uses.
        self.0.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True `permille` times of a thousand.
    pub fn permille(&mut self, permille: u32) -> bool {
        permille > 0 && self.below(1000) < u64::from(permille)
    }

    /// One of `items`.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let index = usize::try_from(self.below(items.len() as u64)).expect("an index fits usize");
        items[index]
    }

    /// An index below `len`; 0 where `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("an index fits usize")
    }
}

/// Thirty-two bytes that follow from the seed: secrets and seeds of phones.
pub fn secret(seed: u64, purpose: &str, number: u64) -> [u8; 32] {
    hash(
        Domain::KeyDerivation,
        &[
            b"world",
            &seed.to_le_bytes(),
            purpose.as_bytes(),
            &number.to_le_bytes(),
        ],
    )
    .0
}
