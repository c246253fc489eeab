use std::collections::VecDeque;

use althing::Instant;
use althing::ble::{OperationResult, Role};
use althing::config::LinkConfig;
use althing::crypto::Identity;
use althing::link::{Link, LinkInput, LinkOutput, LinkSetup};
use althing::outbox::Outbox;

use crate::Input;

/// Bytes of one value.
const VALUE_LEN: u16 = 64;

struct End {
    link: Link,
    values: VecDeque<Vec<u8>>,
    received: Vec<Vec<u8>>,
    closed: bool,
}

impl End {
    fn new(role: Role) -> Self {
        let secret = [1 + role as u8; 32];
        let setup = LinkSetup {
            config: LinkConfig::default(),
            identity: Identity::new(secret),
            role,
            value_len_max: VALUE_LEN,
            seed: secret,
        };
        Self {
            link: Link::new(setup, Instant::ZERO),
            values: VecDeque::new(),
            received: Vec::new(),
            closed: false,
        }
    }

    /// Hands `input` in and completes every operation at once.
    fn handle(&mut self, input: LinkInput) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            if self.closed {
                return;
            }
            let mut out = Outbox::new();
            self.link.handle(input, Instant::from_millis(1), &mut out);
            while let Some(output) = out.pop() {
                match output {
                    LinkOutput::Operation { op, bytes } => {
                        assert!(bytes.len() <= usize::from(VALUE_LEN), "a value is too long");
                        self.values.push_back(bytes);
                        let result = OperationResult::Done;
                        inputs.push_back(LinkInput::Completed { op, result });
                    }
                    LinkOutput::Received { message } => self.received.push(message),
                    LinkOutput::Close { .. } => self.closed = true,
                    LinkOutput::Established { .. }
                    | LinkOutput::QueueFull { .. }
                    | LinkOutput::Fault(_) => {}
                }
            }
        }
    }
}

/// Two ends with a session between them; then the input decides which values arrive, in which order,
/// how often and mixed with what. Nothing but what was sent is ever received, and that once.
pub fn reassembly(data: &[u8]) {
    let mut input = Input(data);
    let mut central = End::new(Role::Central);
    let mut peripheral = End::new(Role::Peripheral);
    peripheral.handle(LinkInput::Ready);
    central.handle(LinkInput::Ready);
    while !(central.values.is_empty() && peripheral.values.is_empty()) {
        while let Some(value) = central.values.pop_front() {
            peripheral.handle(LinkInput::Value(value));
        }
        while let Some(value) = peripheral.values.pop_front() {
            central.handle(LinkInput::Value(value));
        }
    }
    assert!(
        peripheral.link.peer().is_some(),
        "an honest handshake fails"
    );
    peripheral.received.clear();

    let mut sent = Vec::new();
    while let Some(kind) = input.byte() {
        match kind & 3 {
            0 => {
                let len = 1 + usize::from(input.byte().unwrap_or(0)) * 4;
                let mut message = vec![kind; len];
                // No two messages are alike, and no long one is compressible to nothing.
                for (index, byte) in message.iter_mut().enumerate() {
                    *byte = (index * 31 + sent.len() * 7) as u8;
                }
                message.extend((sent.len() as u32).to_le_bytes());
                sent.push(message.clone());
                central.handle(LinkInput::Send { message });
            }
            1 => {
                // The next value, or one that it overtakes.
                let ahead = usize::from(kind >> 2).min(central.values.len());
                let at = if ahead == central.values.len() {
                    0
                } else {
                    ahead
                };
                if let Some(value) = central.values.remove(at) {
                    let twice = kind & 128 != 0;
                    if twice {
                        peripheral.handle(LinkInput::Value(value.clone()));
                    }
                    peripheral.handle(LinkInput::Value(value));
                }
            }
            2 => {
                let value = input.slice().unwrap_or_default();
                peripheral.handle(LinkInput::Value(value.to_vec()));
            }
            _ => {
                // A value with one bit wrong, or lost.
                let Some(mut value) = central.values.pop_front() else {
                    continue;
                };
                let at = usize::from(input.byte().unwrap_or(0)) % value.len().max(1);
                if let Some(byte) = value.get_mut(at) {
                    *byte ^= 1 << (kind >> 5);
                    peripheral.handle(LinkInput::Value(value));
                }
            }
        }
    }

    let mut left = sent;
    for message in peripheral.received {
        let at = left.iter().position(|sent| *sent == message);
        left.remove(at.expect("what was received was sent, and only once"));
    }
}
