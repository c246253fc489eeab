//! How a phone that was away becomes consistent again, and how two sets of actions become one.

pub mod merge;
