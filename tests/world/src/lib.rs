//! The simulated world: the first client of the core. Discrete events, virtual time, one seed.
//!
//! Phones are real [`althing::Node`]s behind a fake Bluetooth stack and a fake disk; the air between
//! them loses PDUs, repeats them, and takes the time that Bluetooth LE takes. After every event the
//! invariants are checked; a run with one seed has one trace digest, whoever runs it.
//!
//! Start at [`scenario`]: each function there builds a world, plays it and returns a [`Report`].

pub mod airtime;
pub mod chance;
pub mod contacts;
pub mod profile;
pub mod report;
pub mod scenario;
pub mod scheme;

pub use contacts::{Contacts, ContactsError};
pub use report::{
    Absence, ActionCounts, AirBytes, Behind, Frame, Latencies, LogLine, PhoneFrame, Progress,
    Recording, Report, Violation, Waiting,
};
