//! How a frame becomes values: whole, or cut into fragments.
//!
//! The first bit of a value says which: 0 is a whole frame, 1 a fragment, followed by one bit
//! "last" and six bits of sequence that count the fragments of that direction.

/// Longest value that any side may offer: 512 is the longest attribute that ATT knows.
pub(super) const VALUE_LEN_LIMIT: usize = 512;
/// Shortest `value_len_max`: ATT guarantees a payload of 23 bytes, three of them header.
pub(super) const VALUE_LEN_MIN: u16 = 20;
/// Sequence numbers of fragments.
pub(super) const SEQUENCES: u8 = 64;

/// Longest `value_len_max` that is used; above it a value spills into one more PDU.
const VALUE_LEN_USED_MAX: u16 = 510;
/// `value_len_max` from which data length extension is in use, so that sizes follow the PDU.
const PDU_ALIGNED_FROM: usize = 244;
/// Payload of one link-layer PDU with data length extension.
const PDU_LEN: usize = 251;
/// L2CAP and ATT headers in front of a value.
const VALUE_OVERHEAD: usize = 7;

const FRAGMENT: u8 = 0x80;
const LAST: u8 = 0x40;

/// The length at which frames are cut into values, fragment header included: a multiple of the PDU
/// where PDUs are long, else all that fits.
pub(super) fn value_len(value_len_max: u16) -> usize {
    let fits = usize::from(value_len_max.clamp(VALUE_LEN_MIN, VALUE_LEN_USED_MAX));
    if fits < PDU_ALIGNED_FROM {
        return fits;
    }
    (fits + VALUE_OVERHEAD) / PDU_LEN * PDU_LEN - VALUE_OVERHEAD
}

/// One received value, told apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A whole frame.
    Whole(&'a [u8]),
    /// A share of a frame.
    Fragment {
        sequence: u8,
        last: bool,
        bytes: &'a [u8],
    },
}

/// Reads the header of a value.
pub(super) fn parse(value: &[u8]) -> Result<Piece<'_>, &'static str> {
    if value.len() > VALUE_LEN_LIMIT {
        return Err("longer than a value can be");
    }
    let (header, bytes) = value.split_first().ok_or("empty value")?;
    if header & FRAGMENT == 0 {
        return Ok(Piece::Whole(value));
    }
    if bytes.is_empty() {
        return Err("empty fragment");
    }
    Ok(Piece::Fragment {
        sequence: header & (SEQUENCES - 1),
        last: header & LAST != 0,
        bytes,
    })
}

/// The value that carries `bytes` as fragment `sequence`.
pub(super) fn fragment(sequence: u8, last: bool, bytes: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(1 + bytes.len());
    value.push(FRAGMENT | if last { LAST } else { 0 } | (sequence & (SEQUENCES - 1)));
    value.extend_from_slice(bytes);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fill_whole_pdus_where_pdus_are_long() {
        for (value_len_max, expected) in [
            (0, 20),
            (20, 20),
            (182, 182),
            (243, 243),
            (244, 244),
            (245, 244),
            (494, 244),
            (495, 495),
            (498, 495),
            (510, 495),
            (512, 495),
            (u16::MAX, 495),
        ] {
            assert_eq!(value_len(value_len_max), expected, "{value_len_max}");
        }
    }

    #[test]
    fn header_survives_the_round_trip() {
        for sequence in 0..SEQUENCES {
            for last in [false, true] {
                assert_eq!(
                    parse(&fragment(sequence, last, b"x")),
                    Ok(Piece::Fragment {
                        sequence,
                        last,
                        bytes: b"x"
                    })
                );
            }
        }
        assert_eq!(parse(&[0x7f]), Ok(Piece::Whole(&[0x7f])));
    }

    #[test]
    fn limits_hold_at_their_edges() {
        assert_eq!(parse(&[]), Err("empty value"));
        assert_eq!(parse(&[0x80]), Err("empty fragment"));
        assert!(parse(&[0; VALUE_LEN_LIMIT]).is_ok());
        assert!(parse(&[0; VALUE_LEN_LIMIT - 1]).is_ok());
        assert_eq!(
            parse(&[0; VALUE_LEN_LIMIT + 1]),
            Err("longer than a value can be")
        );
    }
}
