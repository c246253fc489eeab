//! Bluetooth as facts and wishes: what to advertise, when to listen, whom to connect to. This
//! module does not know that peers exist.

mod advert;
mod backoff;
mod device;
mod discovery;
mod port;
mod wish;

pub use advert::{ADVERT_LEN, ADVERT_VERSION, Advert};
pub use discovery::{Discovery, DiscoveryInput, DiscoveryOutput};
pub use port::{
    AdvertInterval, AppMode, LinkDownReason, OperationResult, PowerState, RadioCommand, RadioEvent,
    Role, ScanDuty,
};
