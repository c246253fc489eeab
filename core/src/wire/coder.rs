//! A range coder: symbols under models into as few bytes as their probabilities allow, and back.
//!
//! Integers only, the same on every phone. What is coded is written once, for both ways: [`Coder`]
//! takes the symbol and gives the symbol, the encoder the one that it was given, the decoder the one
//! that the bytes hold. Any bytes decode to some symbols; whoever decodes bounds how many it asks
//! for, looks at [`Decoder::is_overrun`] and encodes again to see that the bytes are the canonical
//! ones.

mod model;
pub mod schema;
#[cfg(test)]
mod tests;

pub use model::{MODEL_TOTAL_MAX, Model, Number};

/// Both ways of coding. An implementation that decodes ignores the symbols that it is given.
pub trait Coder {
    /// Codes one symbol under its model, which learns from it.
    ///
    /// # Panics
    /// If the model has no such symbol; a decoder does not look at it.
    fn symbol(&mut self, model: &mut Model, symbol: usize) -> usize;

    /// Codes the low `count` bits of `value`, each 0 or 1 alike; at most 64.
    fn bits(&mut self, value: u64, count: u32) -> u64;
}

/// The range is kept above this, so that each of [`MODEL_TOTAL_MAX`] gets some of it.
const RANGE_MIN: u32 = 1 << 24;
/// Bits that [`Coder::bits`] codes at once.
const BITS_STEP: u32 = 16;

/// Symbols into bytes.
#[derive(Clone, Debug)]
pub struct Encoder {
    bytes: Vec<u8>,
    low: u32,
    range: u32,
}

impl Default for Encoder {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            low: 0,
            range: u32::MAX,
        }
    }
}

impl Encoder {
    /// An encoder that has coded nothing.
    pub fn new() -> Self {
        Self::default()
    }

    fn narrow(&mut self, start: u32, width: u32, total: u32) {
        let (offset, range) = part(self.range, start, width, total);
        self.raise(offset);
        self.range = range;
        while self.range < RANGE_MIN {
            self.bytes.push(self.low.to_be_bytes()[0]);
            self.low <<= 8;
            self.range <<= 8;
        }
    }

    /// Adds to the lower end; a carry runs into what was written. It cannot leave it: the range ends
    /// below what the bytes so far started with.
    fn raise(&mut self, offset: u32) {
        let (low, carry) = self.low.overflowing_add(offset);
        self.low = low;
        if carry {
            for byte in self.bytes.iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
        }
    }

    /// The fewest bytes that decode to what was coded, when zeros follow them.
    pub fn finish(mut self) -> Vec<u8> {
        for kept in 0..=4u32 {
            // All bits below the kept bytes; none where all four are kept.
            let below = u32::MAX.checked_shr(8 * kept).unwrap_or(0);
            // The first multiple of the kept unit at or above the lower end.
            let offset = 0u32.wrapping_sub(self.low) & below;
            if offset < self.range {
                self.raise(offset);
                let kept = usize::try_from(kept).expect("at most four");
                self.bytes
                    .extend_from_slice(&self.low.to_be_bytes()[..kept]);
                return self.bytes;
            }
        }
        unreachable!("with four bytes kept the lower end itself is named")
    }
}

impl Coder for Encoder {
    fn symbol(&mut self, model: &mut Model, symbol: usize) -> usize {
        let (start, width) = model.interval(symbol);
        self.narrow(start, width, model.total());
        model.learn(symbol);
        symbol
    }

    fn bits(&mut self, value: u64, count: u32) -> u64 {
        for (shift, step) in steps(count) {
            self.narrow(digit(value, shift, step), 1, 1 << step);
        }
        value
    }
}

/// Bytes into symbols.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    taken: usize,
    /// What the bytes say above the lower end of the range.
    value: u32,
    range: u32,
}

impl<'a> Decoder<'a> {
    /// A decoder of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self {
            bytes,
            taken: 0,
            value: 0,
            range: u32::MAX,
        };
        for _ in 0..4 {
            decoder.shift();
        }
        decoder
    }

    /// Whether more symbols were asked for than the bytes can hold.
    pub fn is_overrun(&self) -> bool {
        self.taken > self.bytes.len() + 4
    }

    fn shift(&mut self) {
        let byte = self.bytes.get(self.taken).copied().unwrap_or(0);
        self.value = self.value << 8 | u32::from(byte);
        self.taken += 1;
    }

    /// Which of `total` parts the bytes name; bytes that no encoder made may name none and get the
    /// last.
    fn target(&self, total: u32) -> u32 {
        (self.value / (self.range / total)).min(total - 1)
    }

    fn narrow(&mut self, start: u32, width: u32, total: u32) {
        let (offset, range) = part(self.range, start, width, total);
        self.value = self.value.wrapping_sub(offset);
        self.range = range;
        while self.range < RANGE_MIN {
            self.shift();
            self.range <<= 8;
        }
    }
}

impl Coder for Decoder<'_> {
    fn symbol(&mut self, model: &mut Model, _: usize) -> usize {
        let symbol = model.at(self.target(model.total()));
        let (start, width) = model.interval(symbol);
        self.narrow(start, width, model.total());
        model.learn(symbol);
        symbol
    }

    fn bits(&mut self, _: u64, count: u32) -> u64 {
        let mut value = 0;
        for (shift, step) in steps(count) {
            let digit = self.target(1 << step);
            self.narrow(digit, 1, 1 << step);
            value |= u64::from(digit) << shift;
        }
        value
    }
}

/// Counts what the models say that the symbols cost, without coding them: the bound that the
/// encoder is measured against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    cost: u64,
}

/// Parts of a bit that [`Meter::cost`] counts in.
pub const COST_PER_BIT: u64 = 1 << COST_BITS;
const COST_BITS: u32 = 12;

impl Meter {
    /// In 1/[`COST_PER_BIT`] bits, rounded down once a symbol.
    pub fn cost(&self) -> u64 {
        self.cost
    }
}

impl Coder for Meter {
    fn symbol(&mut self, model: &mut Model, symbol: usize) -> usize {
        let (_, width) = model.interval(symbol);
        self.cost += log2(model.total()).saturating_sub(log2(width));
        model.learn(symbol);
        symbol
    }

    fn bits(&mut self, value: u64, count: u32) -> u64 {
        self.cost += u64::from(count) * COST_PER_BIT;
        value
    }
}

/// Where the part `start..start + width` of `total` lies in a range: its offset and its length. The
/// last part gets what the division leaves over.
fn part(range: u32, start: u32, width: u32, total: u32) -> (u32, u32) {
    let unit = range / total;
    let offset = unit * start;
    if start + width == total {
        (offset, range - offset)
    } else {
        (offset, unit * width)
    }
}

/// How `count` bits are coded, lowest first: (shift, bits).
fn steps(count: u32) -> impl Iterator<Item = (u32, u32)> {
    debug_assert!(count <= u64::BITS, "a value has 64 bits");
    (0..count.div_ceil(BITS_STEP)).map(move |step| {
        let shift = step * BITS_STEP;
        (shift, BITS_STEP.min(count - shift))
    })
}

fn digit(value: u64, shift: u32, step: u32) -> u32 {
    u32::try_from(value >> shift & ((1 << step) - 1)).expect("at most 16 bits are left")
}

/// Binary logarithm of `value` in parts of a bit, rounded down: one squaring a binary digit.
fn log2(value: u32) -> u64 {
    let whole = value.max(1).ilog2();
    // 32 fraction bits: 1 <= x < 2.
    let mut x = (u64::from(value.max(1)) << 32) >> whole;
    let mut digits = u64::from(whole);
    for _ in 0..COST_BITS {
        x = ((u128::from(x) * u128::from(x)) >> 32)
            .try_into()
            .expect("below four");
        digits <<= 1;
        if x >> 33 > 0 {
            digits |= 1;
            x >>= 1;
        }
    }
    digits
}
