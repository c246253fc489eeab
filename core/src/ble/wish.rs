//! Something that the radio is asked to do until further notice, such as scanning.

use super::backoff::Backoff;
use crate::time::Instant;

/// What was asked last, and when the next change may be asked for.
#[derive(Debug)]
pub(super) struct Wish<T> {
    pub(super) asked: Option<T>,
    pub(super) asked_at: Instant,
    /// When a change that has to wait may be asked for.
    pub(super) due: Option<Instant>,
    pub(super) backoff: Backoff,
}

impl<T> Wish<T> {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            asked: None,
            asked_at: now,
            due: None,
            backoff: Backoff::default(),
        }
    }

    /// Notes that `wished` is asked for now, unless `spaced` or the pause after a failure lies
    /// ahead: then says no and notes when to try again.
    pub(super) fn ask(&mut self, wished: T, spaced: Instant, now: Instant) -> bool {
        let pause = self.backoff.pending(now);
        let due = pause.map_or(spaced, |until| until.max(spaced));
        if due > now {
            self.due = Some(due);
            return false;
        }
        self.due = None;
        self.asked = Some(wished);
        self.asked_at = now;
        true
    }
}
