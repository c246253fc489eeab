//! What is measured: counts and bytes, never time.

pub(crate) mod codec;
