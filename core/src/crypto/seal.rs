//! Seals: bytes for one reader, and a commitment by which everyone can check them later.
//!
//! A box is X25519 with a fresh key, BLAKE3 over the shared secret and everything that the box is
//! bound to, then ChaCha20-Poly1305. A commitment is BLAKE3 over a random blinding and the bytes: it
//! hides them and cannot be opened to others. No entropy here: the caller brings it.

use std::fmt;

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, Nonce, Tag};
use serde::{Deserialize, Serialize};
use x25519_dalek::{PublicKey, StaticSecret};

use super::{Domain, Hash, Identity, hash};

/// Bytes that a box has more than what is in it.
pub const SEAL_OVERHEAD: usize = 16;

/// What others seal for: the public half of a [`SealingSecret`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SealingKey(pub [u8; 32]);

impl SealingKey {
    /// Whether this is one of the few points with which every secret agrees on zero: what is sealed
    /// for it could be read by anybody.
    pub fn is_weak(&self) -> bool {
        // Whether the shared secret is zero depends on the point alone.
        agree(&StaticSecret::from([1; 32]), self).is_none()
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// What one member opens boxes with.
#[derive(Clone)]
pub struct SealingSecret(StaticSecret);

impl SealingSecret {
    /// The secret of `identity` for what `context` names, such as a group: it follows from the
    /// identity, so a phone that lost its store still reads what was sealed for it.
    pub fn of(identity: &Identity, context: &[u8]) -> Self {
        Self(StaticSecret::from(identity.derive("sealing", context).0))
    }

    /// The public half.
    pub fn public(&self) -> SealingKey {
        SealingKey(PublicKey::from(&self.0).to_bytes())
    }

    /// What is in `sealed`; none where it was made for another key or context, or was changed.
    pub fn unseal(&self, sealed: &SealedBytes, context: &[u8]) -> Option<Vec<u8>> {
        let split = sealed.bytes.len().checked_sub(SEAL_OVERHEAD)?;
        let (bytes, tag) = sealed.bytes.split_at(split);
        let shared = agree(&self.0, &sealed.ephemeral)?;
        let cipher = cipher(&shared, &sealed.ephemeral, &self.public(), context);
        let mut bytes = bytes.to_vec();
        cipher
            .decrypt_in_place_detached(&Nonce::default(), &[], &mut bytes, Tag::from_slice(tag))
            .ok()?;
        Some(bytes)
    }
}

impl fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingSecret(of {:?})", self.public())
    }
}

/// A box: readable with one secret only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBytes {
    /// Public half of the key that this box alone was made with.
    pub ephemeral: SealingKey,
    /// Ciphertext, then its tag: [`SEAL_OVERHEAD`] bytes more than what is in it.
    pub bytes: Vec<u8>,
}

/// Seals `plaintext` for `reader`, bound to `context`. `ephemeral` is 32 random bytes that are used
/// for nothing else. None where the reader's key is weak.
pub fn seal(
    reader: &SealingKey,
    context: &[u8],
    plaintext: &[u8],
    ephemeral: [u8; 32],
) -> Option<SealedBytes> {
    let secret = StaticSecret::from(ephemeral);
    let ephemeral = SealingKey(PublicKey::from(&secret).to_bytes());
    let shared = agree(&secret, reader)?;
    let mut bytes = plaintext.to_vec();
    let tag = cipher(&shared, &ephemeral, reader, context)
        .encrypt_in_place_detached(&Nonce::default(), &[], &mut bytes)
        .expect("a plaintext is far below the cipher's 256 GiB");
    bytes.extend_from_slice(&tag);
    Some(SealedBytes { ephemeral, bytes })
}

/// The commitment to `plaintext` under `blinding`, 32 random bytes, bound to `context`.
pub fn commitment(context: &[u8], plaintext: &[u8], blinding: &[u8; 32]) -> Hash {
    hash(Domain::SealCommitment, &[context, blinding, plaintext])
}

fn agree(secret: &StaticSecret, other: &SealingKey) -> Option<[u8; 32]> {
    let shared = secret.diffie_hellman(&PublicKey::from(other.0));
    shared.was_contributory().then(|| shared.to_bytes())
}

/// The cipher of one box. Its key serves one message, so the nonce can be zero; the context is in the
/// key, so it needs no associated data.
fn cipher(
    shared: &[u8; 32],
    ephemeral: &SealingKey,
    reader: &SealingKey,
    context: &[u8],
) -> ChaCha20Poly1305 {
    let key = hash(Domain::SealBox, &[shared, &ephemeral.0, &reader.0, context]);
    ChaCha20Poly1305::new(Key::from_slice(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(first: u8) -> SealingSecret {
        SealingSecret::of(&Identity::new([first; 32]), b"room")
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_reader_alone_opens_a_box() {
        let (ann, bob) = (secret(1), secret(2));
        for len in [0, 1, 15, 16, 17, 112] {
            let plaintext = vec![7; len];
            let sealed = seal(&ann.public(), b"here", &plaintext, [9; 32]).unwrap();
            assert_eq!(sealed.bytes.len(), len + SEAL_OVERHEAD);
            assert_eq!(ann.unseal(&sealed, b"here"), Some(plaintext));
            assert_eq!(ann.unseal(&sealed, b"there"), None);
            assert_eq!(bob.unseal(&sealed, b"here"), None);
        }
    }

    #[test]
    fn no_flipped_bit_and_no_cut_passes() {
        let ann = secret(1);
        let sealed = seal(&ann.public(), b"here", b"queen", [9; 32]).unwrap();
        for bit in 0..sealed.bytes.len() * 8 {
            let mut bent = sealed.clone();
            bent.bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(ann.unseal(&bent, b"here"), None, "bit {bit}");
        }
        // The top bit of a Montgomery coordinate is ignored by the curve, but not by the key.
        for bit in 0..256 {
            let mut bent = sealed.clone();
            bent.ephemeral.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(ann.unseal(&bent, b"here"), None, "key bit {bit}");
        }
        for len in 0..sealed.bytes.len() {
            let mut cut = sealed.clone();
            cut.bytes.truncate(len);
            assert_eq!(ann.unseal(&cut, b"here"), None, "cut at {len}");
        }
    }

    #[test]
    fn a_key_that_agrees_with_everyone_is_no_reader() {
        // The points of small order, as curve25519 implementations list them.
        let mut one = [0; 32];
        one[0] = 1;
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        for weak in [[0; 32], one, minus_one] {
            assert!(SealingKey(weak).is_weak());
            assert_eq!(seal(&SealingKey(weak), b"", b"queen", [9; 32]), None);
        }
        assert!(!secret(1).public().is_weak());
    }

    #[test]
    fn a_commitment_fits_one_context_one_blinding_and_one_plaintext() {
        let made = commitment(b"here", b"queen", &[5; 32]);
        assert_eq!(made, commitment(b"here", b"queen", &[5; 32]));
        assert_ne!(made, commitment(b"there", b"queen", &[5; 32]));
        assert_ne!(made, commitment(b"here", b"quee", &[5; 32]));
        assert_ne!(made, commitment(b"here", b"queen", &[6; 32]));
    }

    #[test]
    fn vectors_hold() {
        let ann = secret(1);
        assert_eq!(hex(&ann.public().0), KEY);
        let sealed = seal(&ann.public(), b"here", b"queen", [9; 32]).unwrap();
        assert_eq!(hex(&sealed.ephemeral.0), EPHEMERAL);
        assert_eq!(hex(&sealed.bytes), BOX);
        let made = commitment(b"here", b"queen", &[5; 32]);
        assert_eq!(made.to_hex(), COMMITMENT);
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(
            format!("{:?}", secret(1)),
            format!("SealingSecret(of {:?})", secret(1).public())
        );
    }

    // Computed by another implementation of X25519, BLAKE3 and ChaCha20-Poly1305.
    const KEY: &str = "55b09637b53996efe1929e1218c0c0611f85b1359f1b6f9fd302de94b261b651";
    const EPHEMERAL: &str = "57db4b359f23ae5e146e4e2512056704722506348c150c14753d0c933d04d421";
    const BOX: &str = "3e385f8a662c0dce84244ae34a5c07a55b29e43c01";
    const COMMITMENT: &str = "d5d7cb7a423901e1490b2b981325b90709f7eb5f728a2aabe869952c4e17ff8d";
}
