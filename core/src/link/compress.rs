//! LZ4 where it makes a message shorter, the message itself where it does not: one flag byte in
//! front, so that no message grows by more than that.
//!
//! Inflating happens only after authentication, and only into a buffer whose declared length was
//! checked against both limits first.

use lz4_flex::block;

use crate::config::LinkConfig;

const RAW: u8 = 0;
const LZ4: u8 = 1;
/// Flag and declared length of a deflated message.
const LZ4_HEADER_LEN: usize = 3;
/// Below this no message was seen to shrink: identifiers and signatures fill it.
const OFFERED_LEN_MIN: usize = 48;

/// The shorter form of `message`.
pub(super) fn deflate(message: &[u8], config: &LinkConfig) -> Vec<u8> {
    if let Some(packed) = shorter(message, config) {
        return packed;
    }
    let mut raw = Vec::with_capacity(1 + message.len());
    raw.push(RAW);
    raw.extend_from_slice(message);
    raw
}

/// The deflated form, where it is shorter and the receiver's limits allow it.
fn shorter(message: &[u8], config: &LinkConfig) -> Option<Vec<u8>> {
    if message.len() < OFFERED_LEN_MIN || message.len() > config.inflate_len_max {
        return None;
    }
    let declared = u16::try_from(message.len()).ok()?;
    let packed = block::compress(message);
    let wins = LZ4_HEADER_LEN + packed.len() < 1 + message.len();
    if !wins || message.len() > packed.len().saturating_mul(config.inflate_ratio_max) {
        return None;
    }
    let mut bytes = Vec::with_capacity(LZ4_HEADER_LEN + packed.len());
    bytes.push(LZ4);
    bytes.extend_from_slice(&declared.to_be_bytes());
    bytes.extend_from_slice(&packed);
    Some(bytes)
}

/// The message inside.
pub(super) fn inflate(bytes: &[u8], config: &LinkConfig) -> Result<Vec<u8>, &'static str> {
    match bytes {
        [RAW, message @ ..] => Ok(message.to_vec()),
        [LZ4, high, low, packed @ ..] => {
            let declared = usize::from(u16::from_be_bytes([*high, *low]));
            if declared > config.inflate_len_max {
                return Err("declares more than a message may have");
            }
            if declared > packed.len().saturating_mul(config.inflate_ratio_max) {
                return Err("declares too large a ratio");
            }
            let mut message = vec![0; declared];
            match block::decompress_into(packed, &mut message) {
                Ok(len) if len == declared => Ok(message),
                Ok(_) => Err("shorter than it declares"),
                Err(_) => Err("not an LZ4 block of the declared length"),
            }
        }
        [LZ4, ..] => Err("truncated"),
        [_, ..] => Err("unknown form"),
        [] => Err("empty"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn config() -> LinkConfig {
        LinkConfig::default()
    }

    #[test]
    fn repetition_shrinks_and_noise_grows_by_one_byte() {
        let text = b"chips ".repeat(100);
        let packed = deflate(&text, &config());
        assert!(packed.len() < text.len() / 4);
        assert_eq!(inflate(&packed, &config()), Ok(text));
        let mut noise = [0; 400];
        crate::crypto::Hasher::new(crate::crypto::Domain::Trace).fill(&mut noise);
        assert_eq!(deflate(&noise, &config()).len(), 401);
    }

    #[test]
    fn the_sender_keeps_the_receivers_ratio() {
        let zeros = vec![0; 31 * 1024];
        let bytes = deflate(&zeros, &config());
        assert_eq!(inflate(&bytes, &config()), Ok(zeros));
    }

    #[test]
    fn bombs_are_refused_before_they_inflate() {
        let config = config();
        let zeros = vec![0; config.inflate_len_max];
        let packed = block::compress(&zeros);
        let bomb = |declared: usize, packed: &[u8]| {
            let mut bytes = vec![LZ4];
            bytes.extend_from_slice(&u16::try_from(declared).expect("fits").to_be_bytes());
            bytes.extend_from_slice(packed);
            inflate(&bytes, &config)
        };
        assert_eq!(
            bomb(zeros.len(), &packed),
            Err("declares too large a ratio")
        );
        assert_eq!(
            bomb(config.inflate_len_max + 1, &vec![0; 2000]),
            Err("declares more than a message may have")
        );
        let ratio = config.inflate_ratio_max;
        for (declared, named) in [
            (10 * ratio - 1, "not an LZ4 block of the declared length"),
            (10 * ratio, "not an LZ4 block of the declared length"),
            (10 * ratio + 1, "declares too large a ratio"),
        ] {
            assert_eq!(bomb(declared, &[0xff; 10]), Err(named));
        }
        let text = b"abcdefgh".repeat(20);
        let packed = block::compress(&text);
        assert_eq!(bomb(text.len(), &packed), Ok(text.clone()));
        assert!(bomb(text.len() - 1, &packed).is_err());
        assert_eq!(
            bomb(text.len() + 1, &packed),
            Err("shorter than it declares")
        );
    }

    #[test]
    fn lengths_hold_at_their_edges() {
        let config = config();
        for len in [config.inflate_len_max - 1, config.inflate_len_max] {
            let message = b"0123456789abcdef".repeat(len / 16 + 1)[..len].to_vec();
            assert_eq!(inflate(&deflate(&message, &config), &config), Ok(message));
        }
        let long = vec![1; config.inflate_len_max + 1];
        assert_eq!(deflate(&long, &config).len(), long.len() + 1);
        assert_eq!(inflate(&[], &config), Err("empty"));
        assert_eq!(inflate(&[LZ4, 0], &config), Err("truncated"));
        assert_eq!(inflate(&[2, 0], &config), Err("unknown form"));
        assert_eq!(inflate(&[RAW], &config), Ok(Vec::new()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_message_survives(seed in any::<u64>(), len in 0usize..3_000, alphabet in 1u64..300) {
            let mut state = seed | 1;
            let message: Vec<u8> = (0..len)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    ((state >> 33) % alphabet).to_le_bytes()[0]
                })
                .collect();
            let bytes = deflate(&message, &config());
            prop_assert!(bytes.len() <= message.len() + 1);
            prop_assert_eq!(inflate(&bytes, &config()), Ok(message));
        }
    }
}
