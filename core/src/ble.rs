//! Bluetooth as facts and wishes. This module does not know that peers exist.

mod port;

pub use port::{
    AdvertInterval, AppMode, LinkDownReason, OperationResult, PowerState, RadioCommand, RadioEvent,
    Role, ScanDuty,
};
