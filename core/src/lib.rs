//! Althing: state machines that let the phones in a room share one state and agree on it.

pub mod ble;
pub mod config;
pub mod consensus;
pub mod crypto;
pub mod error;
pub mod group;
pub mod id;
pub mod link;
pub mod mesh;
pub mod node;
pub mod outbox;
pub mod rules;
pub mod state;
pub mod sync;
pub mod time;
pub mod wire;

pub use config::Config;
pub use node::Node;
pub use time::{Duration, Instant};
