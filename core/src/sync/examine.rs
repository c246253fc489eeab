//! The state after one certified block, fetched to compare an own one with it: only what differs
//! travels, and every part is checked against the certified root.

use std::collections::BTreeSet;

use super::reconcile::Reconcile;
use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::state::Map;
use crate::time::{Duration, Instant};
use crate::wire::{Fetch, Header, PartsAnswer, PartsRequest};

/// Answers without the state after which nobody is asked any more: the block is final for them and
/// not kept, or what they send is wrong.
const MISSES_MAX: u8 = 8;
/// Pause after the first request in vain; the pauses double up to the longest of the synchroniser.
const PAUSE_MIN: Duration = Duration::from_millis(700);

/// One comparison under way: one request out, to one member.
#[derive(Debug)]
pub(super) struct Examination {
    pub(super) block: Hash,
    height: u64,
    parts: Reconcile,
    flight: Option<(u8, PartsRequest, Instant)>,
    /// When to ask again after a request in vain, and the pause after the next one.
    at: Option<Instant>,
    pause: Duration,
    next: u8,
    misses: u8,
}

impl Examination {
    /// Compares `own` with the state of `root`, which `block` at `height` has.
    pub(super) fn new(height: u64, block: Hash, root: Hash, own: Map, bytes_max: usize) -> Self {
        Self {
            block,
            height,
            parts: Reconcile::new(own, root, bytes_max),
            flight: None,
            at: None,
            pause: PAUSE_MIN,
            next: 0,
            misses: 0,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.flight.as_ref().map(|(_, _, at)| *at).or(self.at)
    }

    pub(super) fn waits_for(&self) -> Option<u8> {
        self.flight.as_ref().map(|(member, _, _)| *member)
    }

    pub(super) fn generate(
        &mut self,
        reachable: &BTreeSet<u8>,
        now: Instant,
        (timeout, longest): (Duration, Duration),
    ) -> Option<(u8, Fetch)> {
        let late = |(_, _, at): &(u8, PartsRequest, Instant)| *at <= now;
        if self.flight.as_ref().is_some_and(late) {
            self.in_vain(now, longest);
        }
        if self.flight.is_some() || self.at.is_some_and(|at| at > now) {
            return None;
        }
        let next = self.next;
        // Nobody in reach: whoever comes is asked at once.
        self.at = None;
        let to = *reachable.iter().min_by_key(|it| it.wrapping_sub(next))?;
        let request = self.parts.request()?;
        self.flight = Some((to, request.clone(), now + timeout));
        let block = self.block;
        Some((to, Fetch::Parts { block, request }))
    }

    /// Parts that `from` sends, where he was asked for them: the state once it is whole.
    pub(super) fn receive(
        &mut self,
        from: u8,
        answer: &PartsAnswer,
        now: Instant,
        longest: Duration,
    ) -> Result<Option<Map>, PeerFault> {
        let Some((_, request, _)) = self.flight.take_if(|(to, _, _)| *to == from) else {
            return Ok(None);
        };
        let taken = self.parts.receive(answer);
        self.parts.expire(&request);
        match taken {
            Ok(_) => {
                self.pause = PAUSE_MIN;
                Ok(self.parts.finish())
            }
            Err(_) => {
                self.flight = Some((from, request, now));
                self.misses = self.misses.saturating_add(1);
                self.in_vain(now, longest);
                Err(PeerFault::Sync("parts of another state"))
            }
        }
    }

    /// `from` has not got the state; `newest` is the certified header that he shows instead.
    pub(super) fn has_not(
        &mut self,
        from: u8,
        newest: Option<&Header>,
        now: Instant,
        longest: Duration,
    ) {
        if self.waits_for() == Some(from) {
            // Else the block is only not final there yet.
            let passed = newest.is_some_and(|header| header.height >= self.height);
            self.misses = self.misses.saturating_add(u8::from(passed));
            self.in_vain(now, longest);
        }
    }

    /// Whether it is of no use to go on.
    pub(super) fn is_hopeless(&self) -> bool {
        self.misses >= MISSES_MAX
    }

    fn in_vain(&mut self, now: Instant, longest: Duration) {
        if let Some((member, request, _)) = self.flight.take() {
            self.parts.expire(&request);
            self.next = member.wrapping_add(1);
        }
        self.at = Some(now + self.pause);
        self.pause = (self.pause * 2).min(longest);
    }
}
