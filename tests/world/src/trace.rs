//! The digest of a whole run: every input and every output of every phone, with its time.

use althing::ble::{RadioCommand, RadioEvent};
use althing::crypto::{Domain, Hash, Hasher};
use althing::node::{Event, Output};

/// A digest in the making.
#[derive(Debug)]
pub(crate) struct Trace {
    hasher: Hasher,
}

impl Trace {
    /// The digest of nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            hasher: Hasher::new(Domain::Trace),
        }
    }

    /// The digest so far.
    pub(crate) fn digest(&self) -> Hash {
        self.hasher.finish()
    }

    /// A fact of the radio.
    pub(crate) fn radio(&mut self, at_us: u64, phone: usize, event: &RadioEvent) {
        match event {
            RadioEvent::ValueReceived { link, bytes } => {
                self.entry(at_us, phone, 1, link.0);
                self.hasher.part(bytes);
            }
            RadioEvent::Discovered { device, advert, .. } => {
                self.entry(at_us, phone, 2, device.0);
                self.hasher.part(advert);
            }
            RadioEvent::OperationCompleted { link, op, result } => {
                self.entry(at_us, phone, 3, link.0);
                self.hasher.fixed(&op.0.to_le_bytes());
                self.hasher.fixed(&[*result as u8]);
            }
            other => self.words(at_us, phone, 4, other),
        }
    }

    /// Another input, by its name and a number.
    pub(crate) fn input(&mut self, at_us: u64, phone: usize, name: &str, number: u64) {
        self.entry(at_us, phone, 5, number);
        self.hasher.part(name.as_bytes());
    }

    /// A wish of a node.
    pub(crate) fn output(&mut self, at_us: u64, phone: usize, output: &Output) {
        match output {
            Output::Radio(
                RadioCommand::Write { link, op, bytes } | RadioCommand::Notify { link, op, bytes },
            ) => {
                self.entry(at_us, phone, 6, link.0);
                self.hasher.fixed(&op.0.to_le_bytes());
                self.hasher.part(bytes);
            }
            Output::Radio(command) => self.words(at_us, phone, 7, command),
            Output::Store(batch) => {
                self.entry(at_us, phone, 8, batch.token.0);
                for record in &batch.puts {
                    self.hasher.part(&record.key);
                    self.hasher.part(&record.value);
                }
                for key in &batch.deletes {
                    self.hasher.part(key);
                }
            }
            Output::Event(Event::View {
                head,
                patches,
                pending,
            }) => {
                self.entry(at_us, phone, 9, head.height);
                self.hasher.fixed(head.block.as_bytes());
                for patch in patches {
                    self.hasher.part(&patch.key);
                    self.hasher.part(patch.new.as_deref().unwrap_or_default());
                }
                for own in pending {
                    self.hasher.fixed(&own.submission.0.to_le_bytes());
                }
            }
            Output::Event(event) => self.words(at_us, phone, 10, event),
            Output::Idle { wake_at, cause } => {
                let wake_us = wake_at.map_or(u64::MAX, althing::Instant::as_micros);
                self.entry(at_us, phone, 11, wake_us);
                self.hasher.part(cause.as_bytes());
            }
        }
    }

    fn words(&mut self, at_us: u64, phone: usize, kind: u8, what: &dyn std::fmt::Debug) {
        self.entry(at_us, phone, kind, 0);
        self.hasher.part(format!("{what:?}").as_bytes());
    }

    fn entry(&mut self, at_us: u64, phone: usize, kind: u8, number: u64) {
        self.hasher.fixed(&at_us.to_le_bytes());
        self.hasher.fixed(&(phone as u64).to_le_bytes());
        self.hasher.fixed(&[kind]);
        self.hasher.fixed(&number.to_le_bytes());
    }
}
