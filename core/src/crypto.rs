//! Keys, signatures and hashes: everything that says who and what.

pub mod group_key;
mod hash;
mod identity;
mod scheme;
pub mod seal;

pub use hash::{Domain, Hash, Hasher, hash};
pub use identity::Identity;
pub use scheme::{Ed25519, Signature, SignatureScheme};
