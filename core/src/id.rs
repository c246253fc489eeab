//! Newtypes for every identifier and counter. None converts from a bare integer by `From`.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $shown:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Lower-case hex of all bytes.
            pub fn to_hex(&self) -> String {
                self.0.iter().map(|byte| format!("{byte:02x}")).collect()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                for byte in &self.0[..$shown] {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str(")")
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

bytes_id! {
    /// A cryptographic identity, however many links lead to it: an Ed25519 verifying key.
    PeerId, 32, 4
}

impl PeerId {
    /// How frames on the mesh name this peer.
    pub fn address(&self) -> MeshAddress {
        let mut short = [0; 8];
        short.copy_from_slice(&self.0[..8]);
        MeshAddress(short)
    }
}

bytes_id! {
    /// The first eight bytes of a [`PeerId`]: enough to route by, never enough to trust by.
    MeshAddress, 8, 4
}

bytes_id! {
    /// A group, named by sixteen random bytes that its opener drew.
    GroupId, 16, 4
}

bytes_id! {
    /// What an advert carries instead of an identity; rotates at most every 15 minutes.
    PresenceId, 6, 6
}

number_id! {
    /// A radio identity that the OS hands us; may rotate.
    DeviceId
}

number_id! {
    /// One physical BLE connection. Minted by the driver, never reused: a late callback names a
    /// dead link and is dropped.
    LinkId
}

number_id! {
    /// One write or notification that was handed to the radio and has not completed.
    OpId
}

number_id! {
    /// One batch that was handed to the store and has not completed.
    StoreToken
}

number_id! {
    /// The numbering of one store: a random value that a store gets when it is made, so that a lost
    /// store never numbers twice.
    RunId
}
