//! Two links joined by a fake radio that reorders, refuses, repeats and garbles.

mod garbage;
mod hostile;
mod limits;

use std::collections::VecDeque;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

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
            assert_eq!(side.link.outgoing.len(), 0);
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
        if pair.sides[0].link.outgoing.len() < 5_000 {
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
