//! How likely which symbol is: counts that start from a prior and learn.

use super::Coder;

/// Counts of one model never sum to more than this, so that each count keeps a share of the range.
pub const MODEL_TOTAL_MAX: u32 = 1 << 15;

/// Counts of symbols.
#[derive(Clone, Debug)]
pub struct Model {
    counts: Vec<u16>,
    total: u32,
    step: u16,
}

impl Model {
    /// Starts from `prior`; each symbol seen adds `step` to its count. A count of 0 is taken as 1:
    /// every symbol can be coded.
    ///
    /// # Panics
    /// If the prior is empty or sums to more than half of [`MODEL_TOTAL_MAX`].
    pub fn new(prior: &[u16], step: u16) -> Self {
        let counts: Vec<u16> = prior.iter().map(|count| (*count).max(1)).collect();
        let total = counts.iter().copied().map(u32::from).sum();
        assert!(
            (1..=MODEL_TOTAL_MAX / 2).contains(&total),
            "a prior has symbols and fits the range"
        );
        Self {
            counts,
            total,
            step,
        }
    }

    /// `len` symbols, all alike.
    pub fn uniform(len: usize, step: u16) -> Self {
        Self::new(&vec![1; len.max(1)], step)
    }

    /// Sum of the counts.
    pub(super) fn total(&self) -> u32 {
        self.total
    }

    /// Where `symbol` lies among the counts: start and width.
    ///
    /// # Panics
    /// If there is no such symbol.
    pub(super) fn interval(&self, symbol: usize) -> (u32, u32) {
        let width = u32::from(self.counts[symbol]);
        let start = self.counts[..symbol].iter().copied().map(u32::from).sum();
        (start, width)
    }

    /// The symbol whose interval holds `target`.
    pub(super) fn at(&self, target: u32) -> usize {
        let mut end = 0;
        self.counts
            .iter()
            .position(|count| {
                end += u32::from(*count);
                target < end
            })
            .expect("a target lies below the total")
    }

    pub(super) fn learn(&mut self, symbol: usize) {
        self.counts[symbol] += self.step;
        self.total += u32::from(self.step);
        if self.total > MODEL_TOTAL_MAX - u32::from(self.step) {
            for count in &mut self.counts {
                *count = count.div_ceil(2);
            }
            self.total = self.counts.iter().copied().map(u32::from).sum();
        }
    }
}

/// Model of numbers of any size: how many bits they have, the bit below the highest, the rest alike.
#[derive(Clone, Debug)]
pub struct Number {
    lengths: Model,
    seconds: Vec<Model>,
}

/// What a length counts for before anything was seen, by bits: small numbers are common.
const LENGTHS: [u16; 65] = [
    24, 24, 20, 18, 16, 14, 12, 10, 8, 6, 5, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1,
];
/// Lengths whose second bit has a model of its own; longer ones share the last.
const SECONDS_LEN: usize = 16;
/// What one number seen counts for beside the prior.
const NUMBER_STEP: u16 = 24;

impl Default for Number {
    fn default() -> Self {
        Self {
            lengths: Model::new(&LENGTHS, NUMBER_STEP),
            seconds: vec![Model::new(&[6, 6], NUMBER_STEP / 4); SECONDS_LEN],
        }
    }
}

impl Number {
    /// Codes `value`.
    pub fn code(&mut self, coder: &mut dyn Coder, value: u64) -> u64 {
        let have = usize::try_from(u64::BITS - value.leading_zeros()).expect("at most 64");
        let len = coder.symbol(&mut self.lengths, have);
        if len < 2 {
            return u64::from(len == 1);
        }
        let below = u32::try_from(len - 2).expect("at most 64");
        let second = usize::from(value >> below & 1 == 1);
        let second = coder.symbol(&mut self.seconds[len.min(SECONDS_LEN - 1)], second);
        let rest = coder.bits(value & ((1 << below) - 1), below);
        let second = u64::from(second == 1);
        (0b10 | second) << below | rest
    }
}
