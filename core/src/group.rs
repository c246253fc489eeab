//! group.

mod gathering;
mod ticket;
