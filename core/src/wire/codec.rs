//! postcard, made canonical: a value is accepted only if encoding it again gives the same bytes.

use postcard::ser_flavors::{Flavor, Size};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Room that an encoding begins with, bytes: an action and most messages fit, so that they do not
/// grow byte by byte from nothing.
const ENCODE_ROOM: usize = 256;

/// Why bytes are not a value. Decoding changes nothing, so the bytes can be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than this kind of value may have.
    #[error("{len} bytes, at most {max} are allowed")]
    TooLong {
        /// Bytes received.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not a value of this type: truncated, unknown variant or over a limit inside.
    #[error("not a valid value")]
    Malformed,
    /// A valid value, followed by more bytes.
    #[error("{count} bytes after the end")]
    Trailing {
        /// Bytes left over.
        count: usize,
    },
    /// A valid value that has a shorter or other encoding.
    #[error("not the canonical encoding")]
    NotCanonical,
    /// A version that this build does not speak.
    #[error("version {have} is not known, this build speaks {need}")]
    UnknownVersion {
        /// What the bytes say.
        have: u8,
        /// What this build speaks.
        need: u8,
    },
}

/// The canonical bytes of `value`.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let bytes = postcard::to_extend(value, Vec::with_capacity(ENCODE_ROOM)).expect(SERIALIZES);
    #[cfg(test)]
    tap::saw(&bytes);
    bytes
}

/// How long [`encode`] would make `value`, bytes.
pub fn encoded_len<T: Serialize + ?Sized>(value: &T) -> usize {
    postcard::serialize_with_flavor(value, Size::default()).expect(SERIALIZES)
}

/// The value of `bytes`, which may be at most `max` long.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLong {
            len: bytes.len(),
            max,
        });
    }
    let (value, rest) =
        postcard::take_from_bytes::<T>(bytes).map_err(|_| DecodeError::Malformed)?;
    if !rest.is_empty() {
        return Err(DecodeError::Trailing { count: rest.len() });
    }
    // Compared as it is encoded: nothing is kept of it.
    if postcard::serialize_with_flavor(&value, Same { rest: bytes }).is_err() {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

/// The invariant behind every encoding.
const SERIALIZES: &str = "wire types serialize: no maps, no unsized sequences";

/// Takes an encoding for as long as it is `rest`, and ends well only if it is all of it.
struct Same<'a> {
    rest: &'a [u8],
}

impl Flavor for Same<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.rest = self.rest.strip_prefix(bytes).ok_or(DIFFERS)?;
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DIFFERS)
        }
    }
}

/// What [`Same`] says of other bytes; nobody sees it.
const DIFFERS: postcard::Error = postcard::Error::SerializeBufferFull;

/// Everything that a thread encodes, for tests that search it.
#[cfg(test)]
pub(crate) mod tap {
    use std::cell::RefCell;

    thread_local! {
        static SEEN: RefCell<Option<Vec<Vec<u8>>>> = const { RefCell::new(None) };
    }

    /// Forgets what was seen and listens from now on.
    pub(crate) fn open() {
        SEEN.with_borrow_mut(|seen| *seen = Some(Vec::new()));
    }

    /// What was encoded since the last call; nothing where nobody listens.
    pub(crate) fn take() -> Vec<Vec<u8>> {
        SEEN.with_borrow_mut(|seen| seen.as_mut().map(std::mem::take).unwrap_or_default())
    }

    pub(super) fn saw(bytes: &[u8]) {
        SEEN.with_borrow_mut(|seen| {
            if let Some(seen) = seen {
                seen.push(bytes.to_vec());
            }
        });
    }
}
