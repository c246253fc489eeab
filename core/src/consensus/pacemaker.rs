//! C6: how long a round may take.

use crate::config::ConsensusConfig;
use crate::time::{Duration, Instant};

/// Measures hops and keeps the timers of the current round.
#[derive(Clone, Debug, Default)]
pub(super) struct Pacemaker {
    /// (smoothed hop, smoothed deviation), as TCP keeps them.
    hop: Option<(Duration, Duration)>,
    started: Option<Instant>,
}

impl Pacemaker {
    /// Notes how long a vote took to come back as a certificate.
    pub(super) fn sample(&mut self, hop: Duration) {
        self.hop = Some(match self.hop {
            None => (hop, hop / 2),
            Some((mean, deviation)) => {
                let error = mean.abs_diff(hop);
                ((mean * 7 + hop) / 8, (deviation * 3 + error) / 4)
            }
        });
    }

    /// D after `nullified` consecutive nullifications.
    pub(super) fn d(&self, config: &ConsensusConfig, nullified: u64) -> Duration {
        let measured = self
            .hop
            .map_or(config.d_floor, |(mean, deviation)| mean + deviation * 4);
        let doublings = u32::try_from(nullified)
            .unwrap_or(u32::MAX)
            .min(config.back_off_max);
        let backed_off = measured.max(config.d_floor) * 2u32.saturating_pow(doublings);
        backed_off.min(config.d_cap.max(config.d_floor))
    }

    /// Starts the timers, unless they run.
    pub(super) fn start(&mut self, now: Instant) {
        self.started.get_or_insert(now);
    }

    /// Stops them.
    pub(super) fn stop(&mut self) {
        self.started = None;
    }

    /// When they were started.
    pub(super) fn started(&self) -> Option<Instant> {
        self.started
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_keeps_to_floor_and_cap_and_doubles() {
        let config = ConsensusConfig::default();
        let mut pacemaker = Pacemaker::default();
        assert_eq!(pacemaker.d(&config, 0), config.d_floor);
        assert_eq!(pacemaker.d(&config, 2), config.d_floor * 4);
        assert_eq!(pacemaker.d(&config, u64::MAX), config.d_cap);
        for _ in 0..100 {
            pacemaker.sample(Duration::from_millis(600));
        }
        let d = pacemaker.d(&config, 0);
        assert!(d >= Duration::from_millis(600) && d < Duration::from_millis(700));
        for _ in 0..100 {
            pacemaker.sample(Duration::from_millis(1));
        }
        assert_eq!(pacemaker.d(&config, 0), config.d_floor);
        pacemaker.sample(Duration::from_secs(1000));
        assert_eq!(pacemaker.d(&config, 0), config.d_cap);
    }
}
