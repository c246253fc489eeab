//! The bytes beside the service UUID: the only thing that a phone says in the clear.
//!
//! version 1, presence id 6, free link slots 1, digest of group heads 4: what fits a scan response
//! beside a 128-bit UUID. Nothing in it is constant per phone.

use crate::id::PresenceId;
use crate::wire::DecodeError;

/// Length of an advert of this version, bytes.
pub const ADVERT_LEN: usize = 12;
/// The version that this build advertises and reads.
pub const ADVERT_VERSION: u8 = 1;

/// What a phone advertises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Stands for the phone until the next rotation.
    pub presence: PresenceId,
    /// Links that it would still take from anybody; 0 where it takes only phones without any link.
    pub free_slots: u8,
    /// Digest of its group heads, keyed by `presence`: only members can compare it.
    pub head_digest: [u8; 4],
}

impl Advert {
    /// The bytes.
    pub fn encode(&self) -> [u8; ADVERT_LEN] {
        let mut bytes = [0; ADVERT_LEN];
        bytes[0] = ADVERT_VERSION;
        bytes[1..7].copy_from_slice(&self.presence.0);
        bytes[7] = self.free_slots;
        bytes[8..].copy_from_slice(&self.head_digest);
        bytes
    }

    /// The advert of `bytes`. The version is judged first: another one may have another length.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let [version, rest @ ..] = bytes else {
            return Err(DecodeError::Malformed);
        };
        if bytes.len() > ADVERT_LEN {
            return Err(DecodeError::TooLong {
                len: bytes.len(),
                max: ADVERT_LEN,
            });
        }
        if *version != ADVERT_VERSION {
            return Err(DecodeError::UnknownVersion {
                have: *version,
                need: ADVERT_VERSION,
            });
        }
        let Ok(&[a, b, c, d, e, f, free_slots, w, x, y, z]) =
            <&[u8; ADVERT_LEN - 1]>::try_from(rest)
        else {
            return Err(DecodeError::Malformed);
        };
        Ok(Self {
            presence: PresenceId([a, b, c, d, e, f]),
            free_slots,
            head_digest: [w, x, y, z],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn advert() -> Advert {
        Advert {
            presence: PresenceId([1, 2, 3, 4, 5, 6]),
            free_slots: 7,
            head_digest: [8, 9, 10, 11],
        }
    }

    #[test]
    fn the_bytes_are_these() {
        assert_eq!(advert().encode(), [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn lengths_are_judged_at_the_edge() {
        let bytes = advert().encode();
        assert_eq!(Advert::decode(&bytes), Ok(advert()));
        assert_eq!(Advert::decode(&bytes[..11]), Err(DecodeError::Malformed));
        assert_eq!(Advert::decode(&[]), Err(DecodeError::Malformed));
        let mut long = bytes.to_vec();
        long.push(0);
        assert_eq!(
            Advert::decode(&long),
            Err(DecodeError::TooLong { len: 13, max: 12 })
        );
    }

    #[test]
    fn another_version_is_named() {
        for version in [0, 2, 255] {
            let mut bytes = advert().encode();
            bytes[0] = version;
            assert_eq!(
                Advert::decode(&bytes[..9]),
                Err(DecodeError::UnknownVersion {
                    have: version,
                    need: 1
                })
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]

        #[test]
        fn what_decodes_encodes_to_the_same_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..16), fix in any::<bool>()) {
            if fix && !bytes.is_empty() {
                bytes[0] = ADVERT_VERSION;
            }
            if let Ok(advert) = Advert::decode(&bytes) {
                prop_assert_eq!(&advert.encode()[..], &bytes[..]);
            }
        }
    }
}
