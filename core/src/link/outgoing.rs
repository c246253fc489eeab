//! What waits to be sent, and which value goes next.
//!
//! Short messages travel as whole frames and overtake the fragments of longer ones, so that a vote
//! never waits behind a snapshot. Frames are sealed when their first value is due: the order of
//! counters is the order on the air. A value that the stack did not take is cut again from the same
//! bytes, so a `value_len_max` that changed in between is honoured.

use std::collections::VecDeque;

use super::fragment::{self, SEQUENCES};
use super::session::{FRAME_OVERHEAD, Session};
use crate::config::LinkConfig;

/// A frame that is being cut into fragments.
#[derive(Debug)]
struct OpenFrame {
    bytes: Vec<u8>,
    sent: usize,
    /// `None` for a message of the handshake, which nothing may overtake.
    counter: Option<u64>,
}

/// What the outstanding operation carries.
#[derive(Debug)]
enum Carried {
    Whole { frame: Vec<u8>, counter: u64 },
    Fragment { len: usize },
}

/// The next value, or why there is none.
#[derive(Debug)]
pub(super) enum Next {
    Value(Vec<u8>),
    Nothing,
    /// The session took its last frame.
    UsedUp,
}

/// Send queue of one link.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// Plaintexts whose frames fit one value, as far as known when they were queued.
    short: VecDeque<Vec<u8>>,
    /// Plaintexts whose frames have to be cut.
    long: VecDeque<Vec<u8>>,
    /// Bytes of both.
    queued: usize,
    /// Frames being cut; only the first one has started.
    open: VecDeque<OpenFrame>,
    /// A whole frame that the stack did not take.
    again: Option<(Vec<u8>, u64)>,
    carried: Option<Carried>,
    sequence: u8,
    /// Whole frames since the last fragment.
    overtaken: usize,
}

impl Outgoing {
    /// Queues a message of the handshake.
    pub(super) fn push_handshake(&mut self, bytes: Vec<u8>) {
        self.open.push_back(OpenFrame {
            bytes,
            sent: 0,
            counter: None,
        });
    }

    /// Queues the plaintext of a frame; false when the queue is full.
    pub(super) fn push(
        &mut self,
        plaintext: Vec<u8>,
        value_len: usize,
        config: &LinkConfig,
    ) -> bool {
        let frames = self.short.len() + self.long.len();
        if frames >= config.queue_frames_max
            || self.queued + plaintext.len() > config.queue_bytes_max
        {
            return false;
        }
        self.queued += plaintext.len();
        if FRAME_OVERHEAD + plaintext.len() <= value_len {
            self.short.push_back(plaintext);
        } else {
            self.long.push_back(plaintext);
        }
        true
    }

    /// Bytes of messages that wait or are on their way.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let open: usize = self
            .open
            .iter()
            .map(|frame| frame.bytes.len() - frame.sent)
            .sum();
        let whole = match &self.carried {
            Some(Carried::Whole { frame, .. }) => frame.len(),
            Some(Carried::Fragment { .. }) | None => 0,
        };
        let again = self.again.as_ref().map_or(0, |(frame, _)| frame.len());
        self.queued + open + whole + again
    }

    /// Cuts the next value; its operation is outstanding until `taken` or `refused`.
    pub(super) fn next(
        &mut self,
        session: Option<&mut Session>,
        value_len: usize,
        config: &LinkConfig,
    ) -> Next {
        debug_assert!(
            self.carried.is_none(),
            "one operation is outstanding at most"
        );
        if let Some(session) = session
            && self
                .open
                .front()
                .is_none_or(|frame| frame.counter.is_some())
        {
            if let Some((frame, counter)) = self.whole(session, value_len, config) {
                if frame.len() <= value_len {
                    self.overtaken += 1;
                    self.carried = Some(Carried::Whole {
                        frame: frame.clone(),
                        counter,
                    });
                    return Next::Value(frame);
                }
                // The length of a value shrank since this frame was sealed.
                self.push_open(frame, counter);
            }
            if self.open.is_empty()
                && let Some(plaintext) = self.long.pop_front()
            {
                self.queued -= plaintext.len();
                let counter = session.sealed();
                match session.seal(&plaintext) {
                    Some(frame) => self.push_open(frame, counter),
                    None => return Next::UsedUp,
                }
            }
            if self.open.is_empty() && !self.short.is_empty() {
                return Next::UsedUp;
            }
        }
        let Some(frame) = self.open.front() else {
            return Next::Nothing;
        };
        let rest = &frame.bytes[frame.sent..];
        let len = rest.len().min(value_len - 1);
        self.overtaken = 0;
        self.carried = Some(Carried::Fragment { len });
        Next::Value(fragment::fragment(
            self.sequence,
            len == rest.len(),
            &rest[..len],
        ))
    }

    /// The stack took the value.
    pub(super) fn taken(&mut self) {
        if let Some(Carried::Fragment { len }) = self.carried.take() {
            self.sequence = (self.sequence + 1) % SEQUENCES;
            let frame = self
                .open
                .front_mut()
                .expect("a fragment is of the open frame");
            frame.sent += len;
            if frame.sent == frame.bytes.len() {
                self.open.pop_front();
            }
        }
    }

    /// The stack did not take the value: it is cut again.
    pub(super) fn refused(&mut self) {
        if let Some(Carried::Whole { frame, counter }) = self.carried.take() {
            self.again = Some((frame, counter));
        }
    }

    /// A whole frame whose turn it is.
    fn whole(
        &mut self,
        session: &mut Session,
        value_len: usize,
        config: &LinkConfig,
    ) -> Option<(Vec<u8>, u64)> {
        if let Some(again) = self.again.take() {
            return Some(again);
        }
        if let Some(open) = self.open.iter().filter_map(|frame| frame.counter).min()
            && (self.overtaken >= config.overtake_max || !session.may_overtake(open))
        {
            return None;
        }
        // A long message that has not begun must not starve either.
        if self.open.is_empty() && !self.long.is_empty() && self.overtaken >= config.overtake_max {
            return None;
        }
        while let Some(plaintext) = self.short.pop_front() {
            if FRAME_OVERHEAD + plaintext.len() > value_len {
                self.long.push_back(plaintext);
                continue;
            }
            let counter = session.sealed();
            let Some(frame) = session.seal(&plaintext) else {
                self.short.push_front(plaintext);
                return None;
            };
            self.queued -= plaintext.len();
            return Some((frame, counter));
        }
        None
    }

    fn push_open(&mut self, bytes: Vec<u8>, counter: u64) {
        self.open.push_back(OpenFrame {
            bytes,
            sent: 0,
            counter: Some(counter),
        });
    }
}
