//! What members agree on: an ordered, authenticated, persistent map, and the ways it changes.

mod map;
mod overlay;

pub use map::{Change, Key, KeyTooLong, Map, VALUE_LEN_MAX};
pub use overlay::{Mark, Overlay};
