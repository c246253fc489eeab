//! Agreement.

/// Placeholder.
#[cfg(feature = "mask")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleMask(pub u32);
