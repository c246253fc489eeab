//! A whole committee over a network that delays, loses, doubles and cuts; single rules one by one;
//! every sentence switched off.

mod bench;
#[cfg(feature = "mask")]
mod masked;
mod network;
mod rules;
mod sim;
