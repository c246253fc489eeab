//! Keys, and their reading as nibbles: what the tree branches on.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// More than 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key of {len} bytes, at most 64 are allowed")]
pub struct KeyTooLong {
    /// Bytes offered.
    pub len: usize,
}

/// A key: at most 64 bytes; one may be a prefix of another. A clone is O(1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<[u8]>);

impl Key {
    /// Longest key, bytes.
    pub const LEN_MAX: usize = 64;

    /// A key of `bytes`.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyTooLong> {
        if bytes.len() > Self::LEN_MAX {
            return Err(KeyTooLong { len: bytes.len() });
        }
        Ok(Self(bytes.into()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

// Ordered and compared like its bytes, so that sets of keys can be asked without making a key.
impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.escape_ascii())
    }
}

/// Nibble `index` of `bytes`, the high half of a byte first: nibble order is byte order.
pub(super) fn nibble(bytes: &[u8], index: usize) -> u8 {
    let byte = bytes[index / 2];
    if index.is_multiple_of(2) {
        byte >> 4
    } else {
        byte & 0x0f
    }
}

/// The first nibble in `from..to` at which `a` and `b` differ, or `to`.
pub(super) fn common(a: &[u8], b: &[u8], from: usize, to: usize) -> usize {
    let mut at = from;
    if at < to && !at.is_multiple_of(2) {
        if nibble(a, at) != nibble(b, at) {
            return at;
        }
        at += 1;
    }
    while at + 1 < to {
        let (left, right) = (a[at / 2], b[at / 2]);
        if left != right {
            return at + usize::from(left >> 4 == right >> 4);
        }
        at += 2;
    }
    if at < to && nibble(a, at) == nibble(b, at) {
        at += 1;
    }
    at
}

/// Writes nibbles `start..end` of `bytes` to `out`, two to a byte; gives the bytes written.
pub(super) fn pack(bytes: &[u8], start: usize, end: usize, out: &mut [u8]) -> usize {
    let len = (end - start).div_ceil(2);
    if start.is_multiple_of(2) {
        out[..len].copy_from_slice(&bytes[start / 2..start / 2 + len]);
    } else {
        for (index, slot) in out[..len].iter_mut().enumerate() {
            let at = start / 2 + index;
            let low = bytes.get(at + 1).map_or(0, |next| next >> 4);
            *slot = bytes[at] << 4 | low;
        }
    }
    if !(end - start).is_multiple_of(2) {
        out[len - 1] &= 0xf0;
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(bytes: &[u8]) -> Vec<u8> {
        (0..bytes.len() * 2).map(|at| nibble(bytes, at)).collect()
    }

    #[test]
    fn a_key_is_at_most_64_bytes() {
        for len in [0, 1, 63, 64] {
            assert_eq!(
                Key::new(&vec![7; len]).map(|key| key.as_bytes().len()),
                Ok(len)
            );
        }
        assert_eq!(Key::new(&[7; 65]), Err(KeyTooLong { len: 65 }));
    }

    #[test]
    fn common_and_pack_agree_with_spelled_out_nibbles() {
        let samples: [&[u8]; 6] = [
            b"",
            b"\x12",
            b"\x12\x34\x56",
            b"\x12\x35\x56",
            b"\x12\x44\x56\x78",
            b"\x12\x34\x56\x79\xff",
        ];
        for a in samples {
            for b in samples {
                let (left, right) = (spelled(a), spelled(b));
                for to in 0..=left.len().min(right.len()) {
                    for from in 0..=to {
                        let expected = (from..to).find(|&at| left[at] != right[at]).unwrap_or(to);
                        assert_eq!(common(a, b, from, to), expected);
                    }
                }
            }
            let nibbles = spelled(a);
            for end in 0..=nibbles.len() {
                for start in 0..=end {
                    let mut out = [0xaa; 64];
                    let len = pack(a, start, end, &mut out);
                    let mut expected = nibbles[start..end].to_vec();
                    expected.resize(expected.len().next_multiple_of(2), 0);
                    assert_eq!(spelled(&out[..len]), expected);
                }
            }
        }
    }
}
