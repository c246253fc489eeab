//! Frames: one Noise message each, behind an explicit counter of 15 bits.
//!
//! The counter is the nonce. Frames may arrive in any order within a window that begins at the
//! lowest one missing, because whole frames overtake fragmented ones; each is accepted once. A link
//! loses no frame: one that stays missing ends the link.

use std::collections::BTreeSet;

use snow::StatelessTransportState;

/// Bytes that a frame adds to its plaintext: counter and tag.
pub(super) const FRAME_OVERHEAD: usize = COUNTER_LEN + TAG_LEN;

const COUNTER_LEN: usize = 2;
const TAG_LEN: usize = 16;
/// Values of the counter that travels.
const COUNTERS: u64 = 1 << 15;

/// The keys of one link and what was seen under them.
pub(super) struct Session {
    transport: StatelessTransportState,
    /// Frames that may arrive ahead of a missing one.
    window: u64,
    /// Frames of one direction in all.
    frames_max: u64,
    /// Counter of the next frame sealed.
    sealed: u64,
    /// The lowest counter not opened yet.
    opened: u64,
    /// Counters above it that were opened.
    ahead: BTreeSet<u64>,
}

impl Session {
    pub(super) fn new(transport: StatelessTransportState, window: u64, frames_max: u64) -> Self {
        Self {
            transport,
            window: window.clamp(1, COUNTERS / 2),
            frames_max,
            sealed: 0,
            opened: 0,
            ahead: BTreeSet::new(),
        }
    }

    /// Counter of the next frame sealed.
    pub(super) fn sealed(&self) -> u64 {
        self.sealed
    }

    /// The lowest counter not opened yet.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// Whether a frame is missing below one that arrived.
    pub(super) fn has_hole(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Whether a frame as new as the next one may overtake one with `counter` on its way: half of
    /// the window is left to what the receiver's stack reorders by itself.
    pub(super) fn may_overtake(&self, counter: u64) -> bool {
        self.sealed - counter < self.window / 2
    }

    /// Encrypts one frame; `None` when the session is used up.
    pub(super) fn seal(&mut self, plaintext: &[u8]) -> Option<Vec<u8>> {
        if self.sealed >= self.frames_max {
            return None;
        }
        let counter = self.sealed;
        self.sealed += 1;
        let low = u16::try_from(counter % COUNTERS).expect("15 bits fit");
        let mut frame = vec![0; FRAME_OVERHEAD + plaintext.len()];
        frame[..COUNTER_LEN].copy_from_slice(&low.to_be_bytes());
        self.transport
            .write_message(counter, plaintext, &mut frame[COUNTER_LEN..])
            .expect("frames are far below the 64 KiB of a Noise message");
        Some(frame)
    }

    /// Decrypts one frame, once.
    pub(super) fn open(&mut self, frame: &[u8]) -> Result<Vec<u8>, &'static str> {
        let (counter, sealed) = frame.split_at_checked(COUNTER_LEN).ok_or("truncated")?;
        if sealed.len() < TAG_LEN {
            return Err("truncated");
        }
        let low = u64::from(u16::from_be_bytes([counter[0], counter[1]]));
        if low >= COUNTERS {
            return Err("counter has 16 bits");
        }
        let distance = low.wrapping_sub(self.opened) % COUNTERS;
        if distance >= self.window {
            return Err("seen before or outside the window");
        }
        let counter = self.opened + distance;
        if counter >= self.frames_max {
            return Err("session is used up");
        }
        if self.ahead.contains(&counter) {
            return Err("seen before");
        }
        let mut plaintext = vec![0; sealed.len()];
        let len = self
            .transport
            .read_message(counter, sealed, &mut plaintext)
            .map_err(|_| "does not authenticate")?;
        plaintext.truncate(len);
        // Nothing moves before the frame is proved to be the peer's.
        self.ahead.insert(counter);
        while self.ahead.remove(&self.opened) {
            self.opened += 1;
        }
        Ok(plaintext)
    }
}
