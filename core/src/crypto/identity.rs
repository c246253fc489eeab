//! The secret that a phone keeps, and the keys that follow from it.

use std::fmt;
use std::sync::Arc;

use super::{Domain, Ed25519, Hash, Signature, SignatureScheme, hash};
use crate::id::PeerId;

/// A phone's identity: one 32-byte secret and the signature scheme that uses it.
#[derive(Clone)]
pub struct Identity {
    secret: [u8; 32],
    peer: PeerId,
    scheme: Arc<dyn SignatureScheme>,
}

impl Identity {
    /// The identity of `secret` under Ed25519.
    pub fn new(secret: [u8; 32]) -> Self {
        Self::with_scheme(secret, Arc::new(Ed25519))
    }

    /// The identity of `secret` under another scheme: the simulated world brings a cheap one.
    pub fn with_scheme(secret: [u8; 32], scheme: Arc<dyn SignatureScheme>) -> Self {
        let peer = scheme.public(&secret);
        Self {
            secret,
            peer,
            scheme,
        }
    }

    /// Who this is.
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    /// The scheme that this node signs and verifies with.
    pub fn scheme(&self) -> &Arc<dyn SignatureScheme> {
        &self.scheme
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> Signature {
        self.scheme.sign(&self.secret, message)
    }

    /// A key for `purpose` that follows from the secret and reveals nothing about it.
    pub fn derive(&self, purpose: &str, context: &[u8]) -> Hash {
        hash(
            Domain::KeyDerivation,
            &[&self.secret, purpose.as_bytes(), context],
        )
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.peer)
    }
}
