//! Where the time comes from.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use althing::{Duration, Instant};

/// A clock that never goes back and goes on while the phone sleeps.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now.
    fn now(&self) -> Instant;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(unix)]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        use rustix::time::{ClockId, clock_gettime};

        // On Linux and Android the monotonic clock stops in suspend; Apple's goes on.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const CLOCK: ClockId = ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const CLOCK: ClockId = ClockId::Monotonic;

        let time = clock_gettime(CLOCK);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let micros = u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000;
        Instant::from_micros(seconds * 1_000_000 + micros)
    }
}

#[cfg(not(unix))]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        use std::sync::OnceLock;

        static START: OnceLock<std::time::Instant> = OnceLock::new();
        let elapsed = START.get_or_init(std::time::Instant::now).elapsed();
        Instant::from_micros(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }
}

/// A clock that its owner moves: all clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Instant) -> Self {
        Self(Arc::new(AtomicU64::new(now.as_micros())))
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let to = Clock::now(self) + by;
        self.set(to);
    }

    /// Sets it, back too.
    pub fn set(&self, to: Instant) {
        self.0.store(to.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_goes_on() {
        let first = SystemClock.now();
        std::thread::sleep(Duration::from_millis(5));
        let passed = SystemClock.now().since(first);
        assert!(passed >= Duration::from_millis(5), "{passed:?}");
        assert!(passed < Duration::from_secs(60), "{passed:?}");
    }

    #[test]
    fn clones_of_a_manual_clock_show_one_time() {
        let clock = ManualClock::new(Instant::from_millis(5));
        let other = clock.clone();
        clock.advance(Duration::from_millis(7));
        assert_eq!(other.now(), Instant::from_millis(12));
    }
}
