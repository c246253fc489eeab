//! Signatures as a value: real phones use [`Ed25519`], the simulated world may bring a cheaper one.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::PeerId;

/// 64 bytes that only the holder of a secret can make over a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

impl Signature {
    /// No signature: never verifies under Ed25519.
    pub const ZERO: Self = Self([0; 64]);
}

/// How this node signs and verifies.
pub trait SignatureScheme: Send + Sync + fmt::Debug {
    /// The public half of `secret`.
    fn public(&self, secret: &[u8; 32]) -> PeerId;

    /// Signs `message` with `secret`.
    fn sign(&self, secret: &[u8; 32], message: &[u8]) -> Signature;

    /// Whether `signature` over `message` was made by the secret behind `peer`.
    fn verify(&self, peer: &PeerId, message: &[u8], signature: &Signature) -> bool;
}

/// Ed25519 with strict verification: the same verdict on every phone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ed25519;

impl SignatureScheme for Ed25519 {
    fn public(&self, secret: &[u8; 32]) -> PeerId {
        PeerId(SigningKey::from_bytes(secret).verifying_key().to_bytes())
    }

    fn sign(&self, secret: &[u8; 32], message: &[u8]) -> Signature {
        Signature(SigningKey::from_bytes(secret).sign(message).to_bytes())
    }

    fn verify(&self, peer: &PeerId, message: &[u8], signature: &Signature) -> bool {
        VerifyingKey::from_bytes(&peer.0).is_ok_and(|key| {
            key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0))
                .is_ok()
        })
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(64)?;
        for byte in &self.0 {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Signature;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("64 bytes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Signature, A::Error> {
                let mut bytes = [0; 64];
                for (index, byte) in bytes.iter_mut().enumerate() {
                    *byte = seq
                        .next_element()?
                        .ok_or_else(|| de::Error::invalid_length(index, &self))?;
                }
                Ok(Signature(bytes))
            }
        }
        deserializer.deserialize_tuple(64, Bytes)
    }
}
