//! Every decoder of a link under 10^5 inputs each: random bytes, and valid ones tampered with.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use super::super::fragment::{Piece, SEQUENCES, VALUE_LEN_LIMIT, fragment, parse};
use super::super::reassembly::Reassembly;
use super::*;

const CASES: u32 = 100_000;

/// What is done to one place of a valid input.
type Tampering = (u8, Index, u8);

fn any_tampering() -> impl Strategy<Value = Tampering> {
    (0..3u8, any::<Index>(), 1..=255u8)
}

/// Other bytes than `valid`: one is flipped or added, or the end is cut off.
fn tamper(valid: &[u8], (how, at, byte): Tampering) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    let at = at.index(bytes.len());
    match how {
        0 => bytes[at] ^= byte,
        1 => bytes.truncate(at),
        _ => bytes.insert(at, byte),
    }
    bytes
}

fn any_bytes(len_max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=len_max)
}

/// Inflating gives a message within its limits or names the limit.
fn assert_inflates_within_limits(bytes: &[u8]) -> Result<(), TestCaseError> {
    let config = LinkConfig::default();
    match compress::inflate(bytes, &config) {
        Ok(message) => {
            let limit = match bytes {
                [0, raw @ ..] => raw.len(),
                _ => config
                    .inflate_len_max
                    .min((bytes.len() - 3) * config.inflate_ratio_max),
            };
            prop_assert!(message.capacity() <= limit, "{bytes:?}");
        }
        Err(named) => prop_assert!(
            [
                "empty",
                "truncated",
                "unknown form",
                "declares more than a message may have",
                "declares too large a ratio",
                "shorter than it declares",
                "not an LZ4 block of the declared length",
            ]
            .contains(&named),
            "{named}"
        ),
    }
    Ok(())
}

/// Parsing a value loses nothing and refuses only what no sender makes.
fn assert_parses(value: &[u8]) -> Result<(), TestCaseError> {
    match parse(value) {
        Ok(Piece::Whole(frame)) => prop_assert!(frame == value && value[0] & 0x80 == 0),
        Ok(Piece::Fragment {
            sequence,
            last,
            bytes,
        }) => {
            prop_assert!(sequence < SEQUENCES);
            prop_assert_eq!(fragment(sequence, last, bytes), value);
        }
        Err("empty value") => prop_assert!(value.is_empty()),
        Err("empty fragment") => prop_assert!(value.len() == 1 && value[0] & 0x80 != 0),
        Err("longer than a value can be") => prop_assert!(value.len() > VALUE_LEN_LIMIT),
        Err(other) => prop_assert!(false, "{}", other),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn inflating_garbage_stays_within_its_limits(form in 0..3u8, mut bytes in any_bytes(32)) {
        assert_inflates_within_limits(&bytes)?;
        bytes.insert(0, form);
        assert_inflates_within_limits(&bytes)?;
    }

    #[test]
    fn inflating_what_was_tampered_with_stays_within_its_limits(
        which in 0..3usize,
        tampering in any_tampering(),
    ) {
        let messages: [&[u8]; 3] = [&[7; 900], &b"chips and dice, ".repeat(8), b"a vote"];
        let valid = compress::deflate(messages[which], &LinkConfig::default());
        assert_inflates_within_limits(&tamper(&valid, tampering))?;
    }

    #[test]
    fn parsing_garbage_loses_nothing(header in any::<u8>(), byte in any::<u8>(), len in 0..530usize) {
        let mut value = vec![byte; len];
        if let Some(first) = value.first_mut() {
            *first = header;
        }
        assert_parses(&value)?;
    }

    #[test]
    fn parsing_what_was_tampered_with_loses_nothing(
        sequence in 0..SEQUENCES,
        last in any::<bool>(),
        tampering in any_tampering(),
    ) {
        assert_parses(&tamper(&fragment(sequence, last, &[9; 20]), tampering))?;
    }

    /// One fragment of a frame was tampered with: whatever comes out is not longer than a frame may be.
    #[test]
    fn reassembly_of_what_was_tampered_with_stays_within_its_limits(
        garbled in 0..6usize,
        tampering in any_tampering(),
    ) {
        let limit = 6 * 10;
        let mut reassembly = Reassembly::new(31);
        for index in 0..6u8 {
            let mut value = fragment(index, index == 5, &[index; 10]);
            if usize::from(index) == garbled {
                value = tamper(&value, tampering);
            }
            if let Ok(Piece::Fragment { sequence, last, bytes }) = parse(&value) {
                let before = reassembly.len();
                let added = reassembly.insert(sequence, last, bytes).map_or(0, |()| bytes.len());
                prop_assert_eq!(reassembly.len(), before + added);
            }
            match reassembly.next_frame(limit) {
                Ok(Some(frame)) => prop_assert!(frame.len() <= limit),
                Ok(None) => {}
                Err(named) => prop_assert_eq!(named, "frame too long"),
            }
            prop_assert!(reassembly.len() <= limit + 11);
        }
    }
}

/// Two sessions of one link, after frames 1 and 2 of the first have overtaken its frame 0; and
/// that frame.
fn sessions() -> (Session, Session, Vec<u8>) {
    let pair = Pair::established(182, CALM, 0);
    let [from, to] = pair.sides.map(|side| match side.link.phase {
        Phase::Session(session) => *session,
        Phase::Handshake(_) | Phase::Closed => panic!("established"),
    });
    let (mut from, mut to) = (from, to);
    let frames: Vec<Vec<u8>> = (0..3)
        .map(|_| from.seal(b"a vote").expect("not used up"))
        .collect();
    for frame in &frames[1..] {
        assert_eq!(to.open(frame), Ok(b"a vote".to_vec()));
    }
    (from, to, frames[0].clone())
}

/// Opens 10^5 frames that are not the peer's: each is named and moves nothing.
fn assert_refuses<S: Strategy>(inputs: &S, frame: impl Fn(S::Value, &[u8]) -> Vec<u8>) {
    let (mut from, to, valid) = sessions();
    let to = RefCell::new(to);
    let state = |to: &Session| (to.sealed(), to.opened(), to.has_hole());
    let mut runner = TestRunner::new(ProptestConfig::with_cases(CASES));
    let result = runner.run(inputs, |input| {
        let mut to = to.borrow_mut();
        let before = state(&to);
        match to.open(&frame(input, &valid)) {
            Ok(_) => prop_assert!(false, "opened"),
            Err(named) => prop_assert!(
                [
                    "truncated",
                    "counter has 16 bits",
                    "seen before or outside the window",
                    "seen before",
                    "does not authenticate",
                ]
                .contains(&named),
                "{named}"
            ),
        }
        prop_assert_eq!(state(&to), before);
        Ok(())
    });
    result.expect("every input is refused");
    let mut to = to.into_inner();
    assert_eq!((to.opened(), to.has_hole()), (0, true));
    assert_eq!(to.open(&valid), Ok(b"a vote".to_vec()));
    assert_eq!((to.opened(), to.has_hole()), (3, false));
    let next = from.seal(b"next").expect("not used up");
    assert_eq!(to.open(&next), Ok(b"next".to_vec()));
}

#[test]
fn a_session_refuses_garbage_and_moves_nothing() {
    // Counters inside the window, or hardly any would get as far as the cipher.
    let inputs = (any::<bool>(), 0..4u8, any_bytes(40));
    assert_refuses(&inputs, |(near, low, mut bytes), _| {
        if near {
            bytes.splice(0..0, [0, low]);
        }
        bytes
    });
}

#[test]
fn a_session_refuses_what_was_tampered_with_and_moves_nothing() {
    assert_refuses(&any_tampering(), |tampering, valid| {
        tamper(valid, tampering)
    });
}
