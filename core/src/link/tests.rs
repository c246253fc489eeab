//! Two links joined by a fake radio that reorders, refuses, repeats and garbles.

use std::collections::VecDeque;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::handshake::{HANDSHAKE_LEN_MAX, introduce, static_key};
use super::*;
use crate::id::OpId;
use crate::time::Duration;

const LENGTHS: [u16; 5] = [20, 182, 244, 498, 510];
/// How far a value may fall behind, in values of its direction.
const DISPLACEMENT_MAX: u64 = 24;

/// What the radio does with each value.
#[derive(Clone, Copy)]
struct Radio {
    /// Percent of values that others overtake.
    shuffled: u32,
    /// Percent of operations that find the stack's queue full.
    busy: u32,
}

const CALM: Radio = Radio {
    shuffled: 0,
    busy: 0,
};
const ROUGH: Radio = Radio {
    shuffled: 40,
    busy: 15,
};

struct Side {
    link: Link,
    outstanding: Option<(OpId, Vec<u8>)>,
    /// Values on their way to this side's peer, numbered.
    flight: VecDeque<(u64, Vec<u8>)>,
    sent: u64,
    newest: u64,
    values: Vec<Vec<u8>>,
    received: Vec<Vec<u8>>,
    faults: Vec<PeerFault>,
    refused: Vec<usize>,
    closed: Option<&'static str>,
}

struct Pair {
    sides: [Side; 2],
    radio: Radio,
    rng: ChaCha12Rng,
    now: Instant,
}

fn identity(byte: u8) -> Identity {
    Identity::new([byte; 32])
}

fn setup(config: &LinkConfig, byte: u8, role: Role, value_len_max: u16) -> LinkSetup {
    LinkSetup {
        config: config.clone(),
        identity: identity(byte),
        role,
        value_len_max,
        seed: [byte ^ 0x55; 32],
    }
}

impl Pair {
    fn new(value_len_max: u16, radio: Radio, seed: u64) -> Self {
        Self::with(&LinkConfig::default(), value_len_max, radio, seed, [1, 2])
    }

    fn with(
        config: &LinkConfig,
        value_len_max: u16,
        radio: Radio,
        seed: u64,
        identities: [u8; 2],
    ) -> Self {
        let side = |byte, role| Side {
            link: Link::new(setup(config, byte, role, value_len_max), Instant::ZERO),
            outstanding: None,
            flight: VecDeque::new(),
            sent: 0,
            newest: 0,
            values: Vec::new(),
            received: Vec::new(),
            faults: Vec::new(),
            refused: Vec::new(),
            closed: None,
        };
        let mut pair = Self {
            sides: [
                side(identities[0], Role::Central),
                side(identities[1], Role::Peripheral),
            ],
            radio,
            rng: ChaCha12Rng::seed_from_u64(seed),
            now: Instant::ZERO,
        };
        pair.feed(1, LinkInput::Ready);
        pair.feed(0, LinkInput::Ready);
        pair
    }

    /// A pair whose handshake has ended.
    fn established(value_len_max: u16, radio: Radio, seed: u64) -> Self {
        let mut pair = Self::new(value_len_max, radio, seed);
        pair.run();
        assert_eq!(pair.sides[0].link.peer(), Some(identity(2).peer()));
        assert_eq!(pair.sides[1].link.peer(), Some(identity(1).peer()));
        pair
    }

    fn feed(&mut self, side: usize, input: LinkInput) {
        let mut out = Outbox::new();
        let side = &mut self.sides[side];
        side.link.handle(input, self.now, &mut out);
        while let Some(output) = out.pop() {
            assert_eq!(side.closed, None, "nothing follows a close: {output:?}");
            match output {
                LinkOutput::Operation { op, bytes } => {
                    assert!(side.outstanding.is_none(), "one operation at a time");
                    side.outstanding = Some((op, bytes));
                }
                LinkOutput::Established { peer } => assert_eq!(side.link.peer(), Some(peer)),
                LinkOutput::Received { message } => side.received.push(message),
                LinkOutput::QueueFull { len } => side.refused.push(len),
                LinkOutput::Fault(fault) => side.faults.push(fault),
                LinkOutput::Close { cause } => side.closed = Some(cause),
            }
        }
    }

    fn send(&mut self, side: usize, message: &[u8]) {
        self.feed(
            side,
            LinkInput::Send {
                message: message.to_vec(),
            },
        );
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.next_u32() % 100 < percent
    }

    /// Completes an operation or delivers a value; false when there is neither.
    fn step(&mut self, side: usize) -> bool {
        if let Some((op, bytes)) = self.sides[side].outstanding.take() {
            let busy = self.chance(self.radio.busy);
            if !busy {
                let from = &mut self.sides[side];
                from.flight.push_back((from.sent, bytes.clone()));
                from.values.push(bytes);
                from.sent += 1;
            }
            let result = if busy {
                OperationResult::Busy
            } else {
                OperationResult::Done
            };
            self.feed(side, LinkInput::Completed { op, result });
            // The radio holds a few values, or there would be nothing to reorder.
            if self.sides[side].flight.len() < 16 {
                return true;
            }
        }
        self.deliver(side)
    }

    fn deliver(&mut self, side: usize) -> bool {
        let from = &self.sides[side];
        let Some((oldest, _)) = from.flight.front() else {
            return false;
        };
        let late = oldest + DISPLACEMENT_MAX <= from.newest;
        let len = u32::try_from(from.flight.len()).expect("few");
        let index = if !late && self.chance(self.radio.shuffled) {
            (self.rng.next_u32() % len) as usize
        } else {
            0
        };
        let from = &mut self.sides[side];
        let (number, bytes) = from.flight.remove(index).expect("in range");
        from.newest = from.newest.max(number);
        self.feed(1 - side, LinkInput::Value(bytes));
        true
    }

    /// Runs until nothing moves; timers fire only when they are what everything waits for.
    fn run(&mut self) {
        loop {
            let first = (self.rng.next_u32() % 2) as usize;
            if self.step(first) || self.step(1 - first) {
                self.now = self.now + Duration::from_micros(500);
                continue;
            }
            let retry = self
                .sides
                .iter()
                .filter_map(|side| side.link.deadline())
                .filter(|(_, cause)| *cause == "link retry")
                .min();
            let Some((at, _)) = retry else {
                return;
            };
            self.now = self.now.max(at);
            self.feed(0, LinkInput::Timeout);
            self.feed(1, LinkInput::Timeout);
        }
    }

    /// Lets time pass to each deadline until none is left.
    fn wait(&mut self, side: usize) {
        while let Some((at, _)) = self.sides[side].link.deadline() {
            self.now = self.now.max(at);
            self.feed(side, LinkInput::Timeout);
        }
    }

    fn assert_clean(&self) {
        for side in &self.sides {
            assert_eq!(side.faults, []);
            assert_eq!(side.closed, None);
            assert_eq!(side.refused, []);
            assert_eq!(side.link.queued_bytes(), 0);
            assert_eq!(side.link.deadline(), None);
        }
    }
}

fn noise(rng: &mut ChaCha12Rng, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// The values that a side would send for `message`, without sending them.
fn sealed_values(pair: &mut Pair, side: usize, message: &[u8]) -> Vec<Vec<u8>> {
    let before = pair.sides[side].values.len();
    pair.send(side, message);
    while let Some((op, bytes)) = pair.sides[side].outstanding.take() {
        pair.sides[side].values.push(bytes);
        let result = OperationResult::Done;
        pair.feed(side, LinkInput::Completed { op, result });
    }
    pair.sides[side].values[before..].to_vec()
}

#[test]
fn messages_of_every_size_cross_a_rough_radio() {
    for value_len_max in LENGTHS {
        for seed in 0..3 {
            let mut pair = Pair::established(value_len_max, ROUGH, seed);
            let mut rng = ChaCha12Rng::seed_from_u64(seed);
            let cut = usize::from(value_len_max);
            let mut sizes = vec![1, 2, 31 * 1024, cut - 20, cut - 19, cut - 18, 5_000];
            for _ in 0..60 {
                sizes.push(1 + (rng.next_u32() % 400) as usize);
            }
            let mut sent = [Vec::new(), Vec::new()];
            for len in sizes {
                for (side, sent) in sent.iter_mut().enumerate() {
                    let mut message = noise(&mut rng, len.max(1));
                    if len % 2 == 0 {
                        message.fill(len.to_le_bytes()[0]);
                    }
                    pair.send(side, &message);
                    sent.push(message);
                }
            }
            pair.run();
            pair.assert_clean();
            for (side, mut sent) in sent.into_iter().enumerate() {
                let mut received = std::mem::take(&mut pair.sides[1 - side].received);
                assert_eq!(received.len(), sent.len());
                received.sort();
                sent.sort();
                assert!(received == sent, "{value_len_max} {seed}");
            }
        }
    }
}

#[test]
fn values_follow_the_length_rule() {
    for value_len_max in LENGTHS {
        let mut pair = Pair::established(value_len_max, CALM, 0);
        let message = noise(&mut ChaCha12Rng::seed_from_u64(1), 5_000);
        let values = sealed_values(&mut pair, 0, &message);
        let (last, full) = values.split_last().expect("some");
        for value in full {
            assert!(value.len() <= usize::from(value_len_max));
            if value_len_max >= 244 {
                assert_eq!((value.len() + 7) % 251, 0);
            } else {
                assert_eq!(value.len(), usize::from(value_len_max));
            }
        }
        assert!(last.len() <= full[0].len());
        let bytes: usize = values.iter().map(|value| value.len() - 1).sum();
        assert_eq!(bytes, 5_000 + 1 + FRAME_OVERHEAD);
    }
}

#[test]
fn a_short_message_overtakes_a_long_one() {
    let mut pair = Pair::established(182, CALM, 0);
    let long = noise(&mut ChaCha12Rng::seed_from_u64(1), 20_000);
    pair.send(0, &long);
    pair.step(0);
    pair.send(0, b"vote");
    pair.run();
    assert_eq!(pair.sides[1].received, [b"vote".to_vec(), long]);
    pair.assert_clean();
}

#[test]
fn short_messages_do_not_starve_a_long_one() {
    let mut pair = Pair::established(20, ROUGH, 3);
    let long = noise(&mut ChaCha12Rng::seed_from_u64(1), 4_000);
    pair.send(0, &long);
    let mut sent = 1;
    while !pair.sides[1].received.contains(&long) {
        if pair.sides[0].link.queued_bytes() < 5_000 {
            pair.send(0, b"x");
            sent += 1;
        }
        pair.step(0);
        assert!(sent < 4_000, "the long message starves");
        let retry = pair.sides[0].link.deadline().expect("an operation is out");
        if retry.1 == "link retry" {
            pair.now = pair.now.max(retry.0);
            pair.feed(0, LinkInput::Timeout);
        }
    }
    pair.run();
    pair.assert_clean();
    assert_eq!(pair.sides[1].received.len(), sent);
}

#[test]
fn handshake_fits_its_budget_and_binds_both_sides() {
    for value_len_max in [182, 244, 498, 510] {
        let pair = Pair::established(value_len_max, CALM, 0);
        let bytes: usize = pair
            .sides
            .iter()
            .flat_map(|side| &side.values)
            .map(Vec::len)
            .sum();
        assert!(bytes <= 400, "{bytes} bytes at {value_len_max}");
        let hashes = pair.sides.each_ref().map(|side| side.link.handshake_hash());
        assert!(hashes[0].is_some());
        assert_eq!(hashes[0], hashes[1]);
        pair.assert_clean();
    }
}

#[test]
fn handshake_survives_any_order_with_early_messages() {
    for value_len_max in [20, 244] {
        for seed in 0..50 {
            let mut pair = Pair::new(value_len_max, ROUGH, seed);
            for index in 0..8 {
                pair.send(0, &[index]);
                pair.send(1, &[index]);
            }
            pair.run();
            pair.assert_clean();
            assert_eq!(pair.sides[0].received.len(), 8, "{value_len_max} {seed}");
            assert_eq!(pair.sides[1].received.len(), 8, "{value_len_max} {seed}");
        }
    }
}

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
fn same_seeds_give_the_same_bytes() {
    let trace = |seed| {
        let mut pair = Pair::established(182, ROUGH, seed);
        for len in [1usize, 300, 9_000] {
            pair.send(0, &vec![3; len]);
            pair.send(1, &noise(&mut ChaCha12Rng::seed_from_u64(7), len));
        }
        pair.run();
        let mut hasher = crate::crypto::Hasher::new(crate::crypto::Domain::Trace);
        for value in pair.sides.iter().flat_map(|side| &side.values) {
            hasher.part(value);
        }
        hasher.finish()
    };
    assert_eq!(trace(5), trace(5));
}

#[test]
fn the_wire_of_version_1_does_not_change() {
    let mut pair = Pair::established(244, CALM, 0);
    pair.send(0, b"vote");
    pair.send(1, &noise(&mut ChaCha12Rng::seed_from_u64(7), 600));
    pair.run();
    let values = pair.sides.iter().flat_map(|side| &side.values);
    let mut hasher = crate::crypto::Hasher::new(crate::crypto::Domain::Trace);
    for value in values.clone() {
        hasher.part(value);
    }
    let lengths: Vec<usize> = values.map(Vec::len).collect();
    assert_eq!(lengths, [33, 163, 23, 195, 244, 244, 134]);
    assert_eq!(
        hasher.finish().to_hex(),
        "3c53740660e9b35b092f217e23c393b75aa3d8ee81077cbc5b1e4bd4beb2b6d7"
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

#[test]
fn a_message_longer_than_a_frame_is_refused_by_the_sender() {
    let config = LinkConfig::default();
    let most = config.reassembly_len_max - FRAME_OVERHEAD - 1;
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    for (len, fits) in [(most - 1, true), (most, true), (most + 1, false)] {
        let mut pair = Pair::established(510, CALM, 0);
        let message = noise(&mut rng, len);
        pair.send(0, &message);
        pair.run();
        assert_eq!(pair.sides[0].refused.is_empty(), fits, "{len}");
        assert_eq!(pair.sides[1].received == [message], fits, "{len}");
        assert_eq!(pair.sides[1].faults, []);
    }
}

#[test]
fn a_full_queue_is_a_return_value() {
    let config = LinkConfig::default();
    let mut pair = Pair::new(244, CALM, 0);
    for _ in 0..config.queue_frames_max {
        pair.send(0, b"x");
    }
    assert_eq!(pair.sides[0].refused, []);
    pair.send(0, b"xyz");
    assert_eq!(pair.sides[0].refused, [3]);
    pair.sides[0].refused.clear();
    pair.run();
    assert_eq!(pair.sides[1].received.len(), config.queue_frames_max);
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let message = noise(&mut rng, 1023);
    let fit = config.queue_bytes_max / 1024;
    // One is on its way at once and leaves its place.
    for _ in 0..=fit {
        pair.send(0, &message);
    }
    assert_eq!(pair.sides[0].refused, []);
    pair.send(0, &message);
    assert_eq!(pair.sides[0].refused, [1023]);
    assert!(pair.sides[0].link.queued_bytes() <= config.queue_bytes_max + 1100);
}

#[test]
fn lengths_that_change_under_way_lose_nothing() {
    for seed in 0..20 {
        let mut pair = Pair::established(244, ROUGH, seed);
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut sent = Vec::new();
        for _ in 0..40 {
            let len = 1 + (rng.next_u32() % 700) as usize;
            let message = noise(&mut rng, len);
            pair.send(0, &message);
            sent.push(message);
        }
        let mut value_len_max = 244;
        for index in 0..400 {
            if index % 7 == 0 {
                value_len_max = LENGTHS[(rng.next_u32() % 5) as usize];
                pair.feed(0, LinkInput::ValueLengthChanged(value_len_max));
            }
            let fresh = pair.sides[0].outstanding.is_none();
            pair.step(0);
            if let Some((at, "link retry")) = pair.sides[0].link.deadline() {
                pair.now = pair.now.max(at);
                pair.feed(0, LinkInput::Timeout);
            }
            if fresh && let Some((_, bytes)) = &pair.sides[0].outstanding {
                assert!(bytes.len() <= usize::from(value_len_max));
            }
        }
        pair.run();
        pair.assert_clean();
        sent.sort();
        pair.sides[1].received.sort();
        assert!(pair.sides[1].received == sent, "{seed}");
    }
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

#[test]
fn a_handshake_that_does_not_end_closes_the_link() {
    let config = LinkConfig::default();
    let mut pair = Pair::new(244, CALM, 0);
    for side in [0, 1] {
        // The stack takes the first message, then nothing more happens.
        if let Some((op, _)) = pair.sides[side].outstanding.take() {
            let result = OperationResult::Done;
            pair.feed(side, LinkInput::Completed { op, result });
        }
        let (at, cause) = pair.sides[side].link.deadline().expect("a deadline");
        assert_eq!(cause, "link handshake");
        assert_eq!(at, Instant::ZERO + config.handshake_timeout);
        pair.now = at - Duration::from_micros(1);
        pair.feed(side, LinkInput::Timeout);
        assert_eq!(pair.sides[side].closed, None);
        pair.now = at;
        pair.feed(side, LinkInput::Timeout);
        assert_eq!(pair.sides[side].closed, Some("the handshake took too long"));
        assert_eq!(pair.sides[side].link.deadline(), None);
    }
}

#[test]
fn a_missing_fragment_or_frame_closes_the_link() {
    let config = LinkConfig::default();
    for (len, missing) in [(1_000, 1), (1_000, 5), (10, 0)] {
        let mut pair = Pair::established(182, CALM, 0);
        pair.now = Instant::from_millis(60_000);
        let message = noise(&mut ChaCha12Rng::seed_from_u64(1), len);
        let mut values = sealed_values(&mut pair, 0, &message);
        values.remove(missing);
        values.extend(sealed_values(&mut pair, 0, b"after"));
        for value in values {
            pair.feed(1, LinkInput::Value(value));
        }
        assert_eq!(pair.sides[1].received, [b"after".to_vec()]);
        let (at, cause) = pair.sides[1].link.deadline().expect("something is missing");
        assert_eq!(
            (at, cause),
            (pair.now + config.reassembly_timeout, "link frame")
        );
        pair.now = at;
        pair.feed(1, LinkInput::Timeout);
        assert_eq!(pair.sides[1].closed, Some("a frame stayed missing"));
    }
}

#[test]
fn progress_moves_the_deadline_and_overtaking_does_not() {
    let config = LinkConfig::default();
    let mut pair = Pair::established(182, CALM, 0);
    let message = noise(&mut ChaCha12Rng::seed_from_u64(1), 1_000);
    let values = sealed_values(&mut pair, 0, &message);
    let second = Instant::from_millis(1_000);
    pair.now = second;
    pair.feed(1, LinkInput::Value(values[0].clone()));
    for step in 1..5u64 {
        pair.now = second + Duration::from_secs(step);
        let [whole] = sealed_values(&mut pair, 0, b"x").try_into().expect("one");
        pair.feed(1, LinkInput::Value(whole));
        let (at, _) = pair.sides[1].link.deadline().expect("waiting");
        assert_eq!(at, second + config.reassembly_timeout);
    }
    pair.feed(1, LinkInput::Value(values[1].clone()));
    let (at, _) = pair.sides[1].link.deadline().expect("waiting");
    assert_eq!(at, pair.now + config.reassembly_timeout);
    for value in &values[2..] {
        pair.feed(1, LinkInput::Value(value.clone()));
    }
    assert_eq!(pair.sides[1].link.deadline(), None);
    assert_eq!(pair.sides[1].received.len(), 5);
}

#[test]
fn a_stack_that_fails_or_sleeps_closes_the_link() {
    let config = LinkConfig::default();
    let mut pair = Pair::established(182, CALM, 0);
    pair.send(0, b"x");
    let (op, _) = pair.sides[0].outstanding.take().expect("sent at once");
    let other = OpId(op.0 + 1);
    let result = OperationResult::Failed;
    pair.feed(0, LinkInput::Completed { op: other, result });
    assert_eq!(pair.sides[0].closed, None);
    pair.feed(0, LinkInput::Completed { op, result });
    assert_eq!(pair.sides[0].closed, Some("the stack refused a value"));
    let mut pair = Pair::established(182, CALM, 0);
    pair.send(0, b"x");
    let (at, cause) = pair.sides[0].link.deadline().expect("an operation is out");
    assert_eq!(
        (at, cause),
        (pair.now + config.operation_timeout, "link operation")
    );
    pair.now = at;
    pair.feed(0, LinkInput::Timeout);
    assert_eq!(
        pair.sides[0].closed,
        Some("the stack does not complete a value")
    );
}

#[test]
fn a_busy_stack_gets_the_same_value_again_after_a_pause() {
    let config = LinkConfig::default();
    for len in [5, 1_000] {
        let mut pair = Pair::established(182, CALM, 0);
        pair.send(0, &noise(&mut ChaCha12Rng::seed_from_u64(1), len));
        for _ in 0..5 {
            let (op, bytes) = pair.sides[0].outstanding.take().expect("offered");
            let result = OperationResult::Busy;
            pair.feed(0, LinkInput::Completed { op, result });
            assert!(pair.sides[0].outstanding.is_none());
            let deadline = pair.sides[0].link.deadline();
            assert_eq!(deadline, Some((pair.now + config.busy_retry, "link retry")));
            pair.now = pair.now + config.busy_retry;
            pair.feed(0, LinkInput::Timeout);
            let (again, offered) = pair.sides[0].outstanding.clone().expect("offered again");
            assert_ne!(again, op);
            assert_eq!(offered, bytes);
        }
        pair.run();
        pair.assert_clean();
        assert_eq!(pair.sides[1].received.len(), 1);
    }
}

#[test]
fn a_session_ends_at_its_last_frame() {
    let config = LinkConfig {
        session_frames_max: 3,
        ..LinkConfig::default()
    };
    for len in [1, 1_000] {
        let mut pair = Pair::with(&config, 182, CALM, 0, [1, 2]);
        pair.run();
        for _ in 0..3 {
            pair.send(0, &vec![1; len]);
            pair.run();
            assert_eq!(pair.sides[0].closed, None);
        }
        assert_eq!(pair.sides[1].received.len(), 3);
        pair.send(0, &vec![1; len]);
        assert_eq!(pair.sides[0].closed, Some("the session is used up"));
    }
}

#[test]
fn counters_wrap_and_the_window_holds_at_its_edges() {
    let mut pair = Pair::established(182, CALM, 0);
    let window = LinkConfig::default().replay_window;
    let [from, to] = &mut pair.sides;
    let (Phase::Session(from), Phase::Session(to)) = (&mut from.link.phase, &mut to.link.phase)
    else {
        panic!("established");
    };
    for _ in 0..40_000 {
        let frame = from.seal(b"x").expect("not used up");
        assert_eq!(to.open(&frame), Ok(b"x".to_vec()));
        assert_eq!(to.open(&frame), Err("seen before or outside the window"));
    }
    let frames: Vec<Vec<u8>> = (0..=window)
        .map(|_| from.seal(b"x").expect("not used up"))
        .collect();
    let index = |offset: u64| usize::try_from(offset).expect("small");
    assert!(to.open(&frames[index(window)]).is_err());
    assert!(to.open(&frames[index(window - 1)]).is_ok());
    assert_eq!(to.open(&frames[index(window - 1)]), Err("seen before"));
    assert!(to.has_hole());
    for frame in frames[..index(window - 1)].iter().rev() {
        assert!(to.open(frame).is_ok());
    }
    assert!(!to.has_hole());
    assert!(to.open(&frames[index(window)]).is_ok());
}

#[test]
fn nothing_follows_a_close() {
    let mut pair = Pair::established(182, CALM, 0);
    pair.send(0, b"x");
    let (op, _) = pair.sides[0].outstanding.take().expect("offered");
    let result = OperationResult::Failed;
    pair.feed(0, LinkInput::Completed { op, result });
    for input in [
        LinkInput::Ready,
        LinkInput::Timeout,
        LinkInput::Value(vec![0; 100]),
        LinkInput::Send { message: vec![1] },
        LinkInput::ValueLengthChanged(20),
    ] {
        pair.feed(0, input);
    }
    assert_eq!(pair.sides[0].link.deadline(), None);
}
