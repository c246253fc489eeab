//! The key of a group's epoch: what members say to each other is encrypted with it wherever somebody
//! else carries it.
//!
//! A message is ChaCha20-Poly1305 under a random nonce of 12 bytes, bound to its context. The key
//! reaches each member in a box (X25519, see [`super::seal`]), and a commitment to it stands in the
//! block that opens the epoch, so that nobody can be given another one.

use std::fmt;

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, Nonce, Tag};

use super::seal::{SEAL_OVERHEAD, SealedBytes, SealingKey, SealingSecret, seal};
use super::{Domain, Hash, hash};

/// Bytes of a nonce.
const NONCE_LEN: usize = 12;
/// Bytes that a sealed message has more than what is in it.
pub const GROUP_SEAL_OVERHEAD: usize = NONCE_LEN + SEAL_OVERHEAD;

/// The key of one epoch of one group.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupKey([u8; 32]);

impl GroupKey {
    /// The key of these bytes, which nobody else may know.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What stands for the key where everybody can read it. `context` names the group and the epoch.
    pub fn commitment(&self, context: &[u8]) -> Hash {
        hash(Domain::GroupKey, &[context, &self.0])
    }

    /// The key in a box for `reader`. One `ephemeral`, 32 random bytes, serves all readers of one key.
    /// None where the reader's key is weak.
    pub fn seal_for(
        &self,
        reader: &SealingKey,
        context: &[u8],
        ephemeral: [u8; 32],
    ) -> Option<SealedBytes> {
        seal(reader, context, &self.0, ephemeral)
    }

    /// The key in a box made for the holder of `secret`, if it is the one that `commitment` names.
    pub fn unseal(
        secret: &SealingSecret,
        sealed: &SealedBytes,
        context: &[u8],
        commitment: Hash,
    ) -> Option<Self> {
        let bytes = secret.unseal(sealed, context)?;
        let key = Self(bytes.try_into().ok()?);
        (key.commitment(context) == commitment).then_some(key)
    }

    /// Encrypts a message: nonce, ciphertext, tag. `nonce` is never used twice with one key.
    pub fn encrypt(&self, nonce: [u8; NONCE_LEN], context: &[u8], message: &[u8]) -> Vec<u8> {
        let mut bytes = message.to_vec();
        let tag = self
            .cipher()
            .encrypt_in_place_detached(Nonce::from_slice(&nonce), context, &mut bytes)
            .expect("a message is far below the cipher's 256 GiB");
        [&nonce[..], &bytes, &tag].concat()
    }

    /// What was encrypted in the same context; none where it was with another key, or was changed.
    pub fn decrypt(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let (bytes, tag) = rest.split_at_checked(rest.len().checked_sub(SEAL_OVERHEAD)?)?;
        let mut bytes = bytes.to_vec();
        self.cipher()
            .decrypt_in_place_detached(
                Nonce::from_slice(nonce),
                context,
                &mut bytes,
                Tag::from_slice(tag),
            )
            .ok()?;
        Some(bytes)
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(Key::from_slice(&self.0))
    }
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Identity;

    #[test]
    fn a_message_opens_with_its_key_in_its_context_only() {
        let (key, other) = (GroupKey::new([1; 32]), GroupKey::new([2; 32]));
        for len in [0, 1, 300] {
            let message = vec![7; len];
            let sealed = key.encrypt([9; 12], b"here", &message);
            assert_eq!(sealed.len(), len + GROUP_SEAL_OVERHEAD);
            assert_eq!(key.decrypt(b"here", &sealed), Some(message));
            assert_eq!(key.decrypt(b"there", &sealed), None);
            assert_eq!(other.decrypt(b"here", &sealed), None);
            for at in 0..sealed.len() {
                let mut flipped = sealed.clone();
                flipped[at] ^= 1;
                assert_eq!(key.decrypt(b"here", &flipped), None, "byte {at}");
                assert_eq!(key.decrypt(b"here", &sealed[..at]), None, "{at} bytes");
            }
        }
    }

    #[test]
    fn a_box_opens_for_its_reader_and_holds_the_key_committed_to() {
        let secret = |byte| SealingSecret::of(&Identity::new([byte; 32]), b"group");
        let key = GroupKey::new([1; 32]);
        let commitment = key.commitment(b"epoch");
        let sealed = key
            .seal_for(&secret(1).public(), b"epoch", [5; 32])
            .unwrap();
        let open = |reader: u8, context: &[u8], commitment| {
            GroupKey::unseal(&secret(reader), &sealed, context, commitment)
        };
        assert_eq!(open(1, b"epoch", commitment), Some(key.clone()));
        assert_eq!(open(2, b"epoch", commitment), None);
        assert_eq!(open(1, b"other", commitment), None);
        let another = GroupKey::new([2; 32]).commitment(b"epoch");
        assert_eq!(open(1, b"epoch", another), None, "not the key of the epoch");
        let weak = key.seal_for(&SealingKey([0; 32]), b"epoch", [5; 32]);
        assert!(weak.is_none());
        assert!(!format!("{key:?}").contains('1'));
    }
}
