//! A cheap signature scheme for soaks: a keyed hash.

use althing::crypto::{Domain, Hash, Signature, SignatureScheme, hash};
use althing::id::PeerId;

/// Which signatures phones use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signatures {
    /// Ed25519, as on real phones.
    #[default]
    Real,
    /// A keyed hash that nobody inside the world can forge: far cheaper.
    Cheap,
}

/// Signs with a hash keyed by a value that follows from the public half and a secret of the world.
///
/// Unforgeable inside the world: whoever forges would have to hold the world's secret, and no
/// machine in it does. It proves nothing outside.
#[derive(Clone, Debug)]
pub struct KeyedHash {
    world: Hash,
}

impl KeyedHash {
    /// The scheme of the world with this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            world: Hash(crate::chance::secret(seed, "keyed-hash", 0)),
        }
    }

    fn tag(&self, peer: &PeerId, message: &[u8]) -> Signature {
        let first = hash(
            Domain::KeyDerivation,
            &[self.world.as_bytes(), peer.as_bytes(), message],
        );
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(first.as_bytes());
        // The second half repeats the identity: a signature moved to another peer shows both ways.
        bytes[32..].copy_from_slice(peer.as_bytes());
        Signature(bytes)
    }
}

impl SignatureScheme for KeyedHash {
    fn public(&self, secret: &[u8; 32]) -> PeerId {
        PeerId(hash(Domain::KeyDerivation, &[b"public", secret]).0)
    }

    fn sign(&self, secret: &[u8; 32], message: &[u8]) -> Signature {
        self.tag(&self.public(secret), message)
    }

    fn verify(&self, peer: &PeerId, message: &[u8], signature: &Signature) -> bool {
        self.tag(peer, message) == *signature
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_signer_over_the_same_message_verifies() {
        let scheme = KeyedHash::new(7);
        let (one, two) = ([1; 32], [2; 32]);
        let signature = scheme.sign(&one, b"bet");
        assert!(scheme.verify(&scheme.public(&one), b"bet", &signature));
        assert!(!scheme.verify(&scheme.public(&two), b"bet", &signature));
        assert!(!scheme.verify(&scheme.public(&one), b"bet!", &signature));
        assert!(!KeyedHash::new(8).verify(&scheme.public(&one), b"bet", &signature));
        let mut bent = signature;
        bent.0[63] ^= 1;
        assert!(!scheme.verify(&scheme.public(&one), b"bet", &bent));
    }
}
