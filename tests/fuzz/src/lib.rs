//! What the fuzz targets do. Each function takes arbitrary bytes and panics when the core breaks a
//! promise on them.

mod delta;
mod node;
mod packed;
mod parts;
mod reassembly;
mod sketch;
mod transcript;
mod wire;

pub use delta::delta;
pub use node::node;
pub use packed::packed;
pub use parts::parts;
pub use reassembly::reassembly;
pub use sketch::sketch;
pub use transcript::transcript;
pub use wire::wire;

/// The input, eaten from the front.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A slice with its length in front, cut where the input ends.
    fn slice(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(self.byte()?).min(self.0.len());
        let (slice, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(slice)
    }
}
