//! group.

mod gathering;
mod ticket;

pub use gathering::{
    Gathering, GatheringInput, GatheringOutput, JoinSetup, TableSetup, clean_name, safety_code,
};
pub use ticket::Ticket;
