//! The simulated world: the first client of the core. Discrete events, virtual time, one seed.
//!
//! Phones are real [`althing::Node`]s behind a fake Bluetooth stack and a fake disk; the air between
//! them loses PDUs, repeats them, and takes the time that Bluetooth LE takes. After every event the
//! invariants are checked; a run with one seed has one trace digest, whoever runs it.
//!
//! Start at [`scenario`]: each function there builds a world, plays it and returns a [`Report`].

pub mod adversary;
pub mod airtime;
mod bent;
pub mod chance;
mod connection;
pub mod contacts;
mod disk;
mod invariants;
mod phone;
mod player;
pub mod profile;
pub mod report;
pub mod scenario;
pub mod scheme;
mod stats;
mod trace;
pub mod world;

pub use adversary::Adversary;
pub use contacts::{Contacts, ContactsError};
pub use phone::Phone;
pub use player::{Game, Habits};
pub use profile::Profile;
pub use report::{
    Absence, ActionCounts, AirBytes, Behind, Frame, KeptDivergence, KeptTranscript, Latencies,
    LogLine, PhoneFrame, Progress, Recording, Report, RootMismatches, Violation, Waiting,
};
pub use scheme::{KeyedHash, Signatures};
pub use world::{Act, World, WorldConfig};

/// The worked example is compiled and run as a test of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/counter.md")]
struct CounterGuide;
