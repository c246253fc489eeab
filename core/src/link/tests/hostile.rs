//! Replayed, garbled and forged: named, bounded, and nothing changes.

use super::super::handshake::{HANDSHAKE_LEN_MAX, introduce, static_key};
use super::*;

#[test]
fn early_values_are_bounded() {
    let config = LinkConfig::default();
    let mut pair = Pair::new(244, CALM, 0);
    for _ in 0..config.early_values_max {
        pair.feed(1, LinkInput::Value(vec![0; 100]));
    }
    assert_eq!(pair.sides[1].faults, []);
    pair.feed(1, LinkInput::Value(vec![0; 100]));
    assert_eq!(
        pair.sides[1].faults,
        [PeerFault::Frame("before the end of the handshake")]
    );
}

#[test]
fn replayed_values_are_named_and_change_nothing() {
    let mut pair = Pair::established(182, CALM, 0);
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let mut values = sealed_values(&mut pair, 0, b"once");
    values.extend(sealed_values(&mut pair, 0, &noise(&mut rng, 1_000)));
    for value in &values {
        pair.feed(1, LinkInput::Value(value.clone()));
    }
    assert_eq!(pair.sides[1].received.len(), 2);
    for value in &values {
        pair.feed(1, LinkInput::Value(value.clone()));
    }
    assert_eq!(pair.sides[1].faults.len(), values.len());
    for fault in &pair.sides[1].faults {
        assert!(matches!(
            fault,
            PeerFault::Frame(_) | PeerFault::Fragment(_)
        ));
    }
    pair.sides[1].faults.clear();
    pair.send(0, b"still alive");
    pair.run();
    assert_eq!(pair.sides[1].received.len(), 3);
    pair.assert_clean();
}

#[test]
fn every_flipped_bit_and_every_truncation_is_refused() {
    let mut pair = Pair::established(182, CALM, 0);
    let [value] = sealed_values(&mut pair, 0, b"a vote")
        .try_into()
        .expect("one");
    for bit in 0..value.len() * 8 {
        let mut flipped = value.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // A fresh receiver each time, so that no case hides behind the one before.
        let mut pair = Pair::established(182, CALM, 0);
        pair.feed(1, LinkInput::Value(flipped));
        assert_eq!(pair.sides[1].received.len(), 0);
        // The first bit makes a fragment of it, which the handshake's numbers are past.
        let fault = &pair.sides[1].faults[..];
        if bit == 7 {
            assert!(matches!(fault, [PeerFault::Fragment(_)]));
        } else {
            assert!(matches!(fault, [PeerFault::Frame(_)]));
        }
        pair.feed(1, LinkInput::Value(value.clone()));
        assert_eq!(pair.sides[1].received, [b"a vote".to_vec()]);
    }
    for len in 0..value.len() {
        let mut pair = Pair::established(182, CALM, 0);
        pair.feed(1, LinkInput::Value(value[..len].to_vec()));
        assert_eq!(pair.sides[1].faults.len(), 1, "{len}");
        pair.feed(1, LinkInput::Value(value.clone()));
        assert_eq!(pair.sides[1].received, [b"a vote".to_vec()]);
    }
}

#[test]
fn a_garbled_fragment_costs_its_frame_and_then_the_link() {
    let mut pair = Pair::established(182, CALM, 0);
    let message = noise(&mut ChaCha12Rng::seed_from_u64(1), 1_000);
    let mut values = sealed_values(&mut pair, 0, &message);
    values[2][50] ^= 1;
    for value in values {
        pair.feed(1, LinkInput::Value(value));
    }
    assert_eq!(
        pair.sides[1].faults,
        [PeerFault::Frame("does not authenticate")]
    );
    assert_eq!(pair.sides[1].received.len(), 0);
    pair.send(0, b"next");
    pair.run();
    assert_eq!(pair.sides[1].received, [b"next".to_vec()]);
    pair.wait(1);
    assert_eq!(pair.sides[1].closed, Some("a frame stayed missing"));
}

#[test]
fn garbage_is_named_and_ends_the_link_after_a_bounded_number() {
    let config = LinkConfig::default();
    let mut rng = ChaCha12Rng::seed_from_u64(9);
    for established in [false, true] {
        for _ in 0..200 {
            let mut pair = Pair::new(244, CALM, 0);
            if established {
                pair.run();
            }
            for _ in 0..400 {
                let len = (rng.next_u32() % 600) as usize;
                let garbage = noise(&mut rng, len);
                if pair.sides[1].closed.is_none() {
                    pair.feed(1, LinkInput::Value(garbage));
                }
                assert!(
                    pair.sides[1].link.reassembly.len()
                        <= config.reassembly_len_max + 31 * fragment::VALUE_LEN_LIMIT
                );
            }
            assert_eq!(pair.sides[1].received.len(), 0);
            assert!(pair.sides[1].closed.is_some());
            assert!(pair.sides[1].faults.len() <= config.faults_max as usize);
        }
    }
}

#[test]
fn a_flood_of_first_fragments_is_bounded_and_ends_the_link() {
    let config = LinkConfig::default();
    for established in [false, true] {
        let mut pair = Pair::new(244, CALM, 0);
        if established {
            pair.run();
        }
        let start = pair.sides[1].link.reassembly.taken();
        let mut most = 0;
        for index in 0..1_000u64 {
            if pair.sides[1].closed.is_some() {
                break;
            }
            let sequence = u8::try_from((start + index) % 64).expect("below 64");
            let value = fragment::fragment(sequence, false, &[0; 243]);
            pair.feed(1, LinkInput::Value(value));
            most = most.max(pair.sides[1].link.reassembly.len());
        }
        let limit = if established {
            config.reassembly_len_max
        } else {
            HANDSHAKE_LEN_MAX
        };
        assert!(most <= limit);
        assert_eq!(
            pair.sides[1].faults,
            [PeerFault::Fragment("frame too long")]
        );
        assert_eq!(
            pair.sides[1].closed,
            Some("a fragmented frame broke its limits")
        );
    }
}

#[test]
fn a_bomb_of_an_authenticated_peer_is_refused() {
    let mut pair = Pair::established(244, CALM, 0);
    let Phase::Session(session) = &mut pair.sides[0].link.phase else {
        panic!("established");
    };
    let bomb = session
        .seal(&[1, 0x7f, 0xff, 1, 2, 3])
        .expect("not used up");
    pair.feed(1, LinkInput::Value(bomb));
    assert_eq!(
        pair.sides[1].faults,
        [PeerFault::Inflate("declares too large a ratio")]
    );
    pair.send(0, b"next");
    pair.run();
    assert_eq!(pair.sides[1].received, [b"next".to_vec()]);
}

/// Lets the side's introduction be whatever the test wants and runs the handshake.
fn with_introduction(side: usize, introduction: Vec<u8>) -> Pair {
    let mut pair = Pair::new(244, CALM, 0);
    let Phase::Handshake(handshake) = &mut pair.sides[side].link.phase else {
        panic!("the handshake has not ended");
    };
    handshake.introduction = introduction;
    pair.run();
    pair
}

fn assert_refused(pair: &Pair, by: usize, why: &'static str) {
    let side = &pair.sides[by];
    assert_eq!(side.faults, [PeerFault::Handshake(why)]);
    assert_eq!(side.closed, Some("the handshake failed"));
    assert_eq!(side.link.peer(), None);
    assert_eq!(side.link.handshake_hash(), None);
}

#[test]
fn an_identity_that_did_not_sign_the_key_is_refused() {
    for side in [0, 1] {
        let own = identity([1, 2][side]);
        // Signed by the right identity over another key, and by another identity over this key.
        let wrong_key = introduce(&own, &[5; 32], (1, 1));
        let mut wrong_signer = introduce(&identity(3), &static_key(&own), (1, 1));
        wrong_signer[2..34].copy_from_slice(own.peer().as_bytes());
        for introduction in [wrong_key, wrong_signer] {
            let pair = with_introduction(side, introduction);
            assert_refused(&pair, 1 - side, "identity did not sign this key");
        }
    }
}

#[test]
fn versions_without_overlap_are_refused() {
    for side in [0, 1] {
        let own = identity([1, 2][side]);
        for (versions, common) in [
            ((0, 0), false),
            ((0, 1), true),
            ((1, 1), true),
            ((1, 9), true),
            ((2, 9), false),
            ((9, 0), false),
        ] {
            let pair = with_introduction(side, introduce(&own, &static_key(&own), versions));
            if common {
                pair.assert_clean();
                assert_eq!(pair.sides[1 - side].link.peer(), Some(own.peer()));
            } else {
                assert_refused(&pair, 1 - side, "no common protocol version");
            }
        }
    }
}

#[test]
fn a_malformed_introduction_is_refused() {
    for side in [0, 1] {
        let own = identity([1, 2][side]);
        let valid = introduce(&own, &static_key(&own), (1, 1));
        let mut long = valid.clone();
        long.push(0);
        for introduction in [valid[..97].to_vec(), long, Vec::new()] {
            let pair = with_introduction(side, introduction);
            assert_refused(&pair, 1 - side, "malformed introduction");
        }
    }
}

#[test]
fn a_connection_to_itself_is_refused() {
    let mut pair = Pair::with(&LinkConfig::default(), 244, CALM, 0, [1, 1]);
    pair.run();
    assert_refused(&pair, 0, "connected to itself");
}

#[test]
fn a_garbled_handshake_is_refused() {
    for (side, count) in [(0, 1), (1, 1), (0, 2)] {
        for at in [1, 20, 33, 90, 150] {
            let mut pair = Pair::new(244, CALM, 0);
            while pair.sides[side].values.len() < count {
                pair.step(0);
                pair.step(1);
            }
            if let Some((_, value)) = pair.sides[side].flight.back_mut()
                && let Some(byte) = value.get_mut(at)
            {
                *byte ^= 1;
            } else {
                continue;
            }
            pair.run();
            let failed = pair.sides.iter().any(|side| {
                side.closed == Some("the handshake failed")
                    && matches!(side.faults[..], [PeerFault::Handshake(_)])
            });
            assert!(failed, "{side} {count} {at}");
            assert_eq!(pair.sides[1].link.peer(), None);
        }
    }
}
