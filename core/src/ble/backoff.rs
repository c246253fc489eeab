//! A pause that doubles with every failure.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::Rng;

use crate::time::{Duration, Instant};

/// How long to leave something alone after it failed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// Counts one failure. The pause starts at `min`, doubles up to `max`, and is cut by up to a
    /// half at random: two phones that collided must not collide again.
    pub(super) fn fail(
        &mut self,
        min: Duration,
        max: Duration,
        rng: &mut ChaCha12Rng,
        now: Instant,
    ) {
        if self.until.is_some_and(|until| now.since(until) > max * 2) {
            self.failures = 0;
        }
        let pause = min.saturating_mul(1 << self.failures.min(16)).min(max);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + (pause - random_part(pause / 2, rng)));
    }

    /// The thing works.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The end of the pause, if it lies ahead.
    pub(super) fn pending(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }
}

/// A duration between zero and `max`.
pub(super) fn random_part(max: Duration, rng: &mut ChaCha12Rng) -> Duration {
    let micros = u64::try_from(max.as_micros()).unwrap_or(u64::MAX - 1);
    Duration::from_micros(rng.next_u64() % (micros + 1))
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_maximum_and_start_anew_after_peace() {
        let (min, max) = (Duration::from_millis(300), Duration::from_secs(8));
        let mut rng = ChaCha12Rng::from_seed([1; 32]);
        let mut backoff = Backoff::default();
        let mut now = Instant::from_millis(5);
        assert_eq!(backoff.pending(now), None);
        for full in [300, 600, 1200, 2400, 4800, 8000, 8000, 8000] {
            backoff.fail(min, max, &mut rng, now);
            let until = backoff.pending(now).unwrap();
            let pause = until.since(now);
            assert!(pause <= Duration::from_millis(full), "{pause:?} of {full}");
            assert!(
                pause >= Duration::from_millis(full / 2),
                "{pause:?} of {full}"
            );
            assert_eq!(backoff.pending(until), None);
            now = until;
        }
        now = now + max * 2 + Duration::from_micros(1);
        backoff.fail(min, max, &mut rng, now);
        assert!(backoff.pending(now).unwrap().since(now) <= min);
    }
}
