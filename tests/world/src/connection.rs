//! One BLE connection: anchors, values in flight and what one connection event carries.

use std::collections::VecDeque;

use althing::id::{LinkId, OpId};

use crate::airtime::{IFS_US, PDU_LEN_MAX, Phy, VALUE_OVERHEAD};

/// The central's end of a connection.
pub(crate) const CENTRAL: usize = 0;
/// The peripheral's end of a connection.
pub(crate) const PERIPHERAL: usize = 1;

/// One BLE connection between two phones.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The central's end and the peripheral's.
    pub(crate) ends: [End; 2],
    /// Time between two connection events, µs.
    pub(crate) interval_us: u64,
    /// Time of one connection event; all others are whole intervals away.
    pub(crate) anchor_us: u64,
    /// Longest value of both stacks.
    pub(crate) value_len_max: u16,
    /// Since when nothing passes.
    pub(crate) cut_since: Option<u64>,
    /// The connection event that is in the queue of happenings.
    pub(crate) armed: Option<u64>,
}

/// One phone's end of a connection.
#[derive(Debug)]
pub(crate) struct End {
    /// The phone.
    pub(crate) phone: usize,
    /// What it calls the connection.
    pub(crate) link: LinkId,
    /// Values that its stack took and that are not yet at the other end.
    pub(crate) queue: VecDeque<Outgoing>,
    /// An operation that waits for room in the stack.
    pub(crate) blocked: Option<(OpId, Vec<u8>)>,
    /// When the last value reached the app at this end: values arrive in order.
    pub(crate) last_arrival_us: u64,
}

/// A value on its way.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// When it has passed the OS.
    pub(crate) ready_us: u64,
    /// The value.
    pub(crate) bytes: Vec<u8>,
    /// How much of it, with its overhead, the other end has acknowledged.
    sent: usize,
}

/// What one connection event did.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// When the radios were free again, µs.
    pub(crate) end_us: u64,
    /// Bytes on air, repetitions included.
    pub(crate) air_bytes: u64,
    /// (end that received, when its last PDU was there, the value).
    pub(crate) arrived: Vec<(usize, u64, Vec<u8>)>,
}

impl End {
    /// An end with nothing to send.
    pub(crate) fn new(phone: usize, link: LinkId) -> Self {
        Self {
            phone,
            link,
            queue: VecDeque::new(),
            blocked: None,
            last_arrival_us: 0,
        }
    }

    /// Takes a value that has passed the OS at `ready_us`.
    pub(crate) fn push(&mut self, bytes: Vec<u8>, ready_us: u64) {
        self.queue.push_back(Outgoing {
            ready_us,
            bytes,
            sent: 0,
        });
    }

    /// Payload of the next data PDU in an event at `at_us`.
    fn next_len(&self, at_us: u64) -> Option<usize> {
        let value = self.queue.front().filter(|value| value.ready_us <= at_us)?;
        Some((value.bytes.len() + VALUE_OVERHEAD - value.sent).min(PDU_LEN_MAX))
    }

    /// The other end acknowledged `len` bytes; the value, when that was its last PDU.
    fn advance(&mut self, len: usize) -> Option<Vec<u8>> {
        let value = self.queue.front_mut().expect("a PDU belongs to a value");
        value.sent += len;
        if value.sent < value.bytes.len() + VALUE_OVERHEAD {
            return None;
        }
        self.queue.pop_front().map(|value| value.bytes)
    }
}

impl Connection {
    /// The first connection event at or after `at_us`.
    pub(crate) fn anchor_from(&self, at_us: u64) -> u64 {
        let passed = at_us.saturating_sub(self.anchor_us);
        self.anchor_us + passed.div_ceil(self.interval_us) * self.interval_us
    }

    /// The next event after `now_us` that has something to carry.
    pub(crate) fn next_anchor(&self, now_us: u64) -> Option<u64> {
        let ready_us = self
            .ends
            .iter()
            .filter_map(|end| end.queue.front())
            .map(|value| value.ready_us)
            .min()?;
        Some(self.anchor_from(ready_us.max(now_us + 1)))
    }

    /// Which end `link` is.
    pub(crate) fn side(&self, link: LinkId) -> usize {
        usize::from(self.ends[CENTRAL].link != link)
    }

    /// The event at `at_us`, which begins when both radios are free at `start_us`. It carries what
    /// was ready at its anchor: a reply goes in the next event. A PDU that fails (`fails`) closes
    /// it and is repeated in the next one.
    pub(crate) fn exchange(
        &mut self,
        phy: Phy,
        at_us: u64,
        start_us: u64,
        idle_us: u64,
        pdus_max: [u64; 2],
        mut fails: impl FnMut() -> bool,
    ) -> Exchange {
        let limit_us = (at_us + self.interval_us).saturating_sub(IFS_US + idle_us);
        let mut done = Exchange {
            end_us: start_us,
            ..Exchange::default()
        };
        let mut sent = [0; 2];
        loop {
            let lens = [CENTRAL, PERIPHERAL].map(|side| {
                let may = sent[side] < pdus_max[side];
                self.ends[side].next_len(at_us).filter(|_| may)
            });
            if lens == [None, None] {
                return done;
            }
            let [down, up] = lens.map(Option::unwrap_or_default);
            let took_us = phy.exchange_us(down, up);
            if done.end_us + took_us > limit_us {
                return done;
            }
            done.end_us += took_us;
            done.air_bytes += phy.pdu_bytes(down) + phy.pdu_bytes(up);
            if fails() {
                return done;
            }
            for (side, len) in lens.into_iter().enumerate() {
                let Some(len) = len else { continue };
                sent[side] += 1;
                if let Some(value) = self.ends[side].advance(len) {
                    done.arrived.push((1 - side, done.end_us, value));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection {
            ends: [End::new(0, LinkId(1)), End::new(1, LinkId(2))],
            interval_us: 15_000,
            anchor_us: 4_000,
            value_len_max: 244,
            cut_since: None,
            armed: None,
        }
    }

    fn exchange(connection: &mut Connection, at_us: u64, failures: &[bool]) -> Exchange {
        let mut failures = failures.iter().copied();
        connection.exchange(Phy::TWO, at_us, at_us, 0, [5, 64], || {
            failures.next().unwrap_or(false)
        })
    }

    #[test]
    fn anchors_are_whole_intervals_apart() {
        let connection = connection();
        for (at, anchor) in [
            (0, 4_000),
            (4_000, 4_000),
            (4_001, 19_000),
            (34_000, 34_000),
        ] {
            assert_eq!(connection.anchor_from(at), anchor, "from {at}");
        }
    }

    #[test]
    fn what_becomes_ready_after_the_anchor_waits_for_the_next_event() {
        let mut connection = connection();
        connection.ends[CENTRAL].push(vec![1; 10], 4_001);
        assert!(exchange(&mut connection, 4_000, &[]).arrived.is_empty());
        assert_eq!(connection.next_anchor(4_000), Some(19_000));
        let done = exchange(&mut connection, 19_000, &[]);
        assert_eq!(done.arrived.len(), 1);
        assert_eq!(done.arrived[0].0, PERIPHERAL);
        assert_eq!(done.end_us, 19_000 + Phy::TWO.data_us(17));
        assert_eq!(connection.next_anchor(19_000), None);
    }

    #[test]
    fn a_phone_sends_its_pdus_per_event_and_no_more() {
        let mut connection = connection();
        for _ in 0..7 {
            connection.ends[CENTRAL].push(vec![1; 244], 0);
            connection.ends[PERIPHERAL].push(vec![2; 244], 0);
        }
        let done = exchange(&mut connection, 4_000, &[]);
        let to = |side| done.arrived.iter().filter(|value| value.0 == side).count();
        assert_eq!(to(PERIPHERAL), 5, "an iPhone's five");
        // Full PDUs in both directions take 2 * 1042 + 2 * 150 µs; seven of them would fit.
        assert_eq!(to(CENTRAL), 7);
        assert_eq!(exchange(&mut connection, 19_000, &[]).arrived.len(), 2);
    }

    #[test]
    fn an_event_ends_before_the_next_anchor() {
        let mut connection = connection();
        for _ in 0..20 {
            connection.ends[PERIPHERAL].push(vec![2; 244], 0);
        }
        let done = exchange(&mut connection, 4_000, &[]);
        assert_eq!(done.arrived.len(), 10, "floor((15000 - 150) / 1392)");
        assert!(done.end_us <= 19_000 - IFS_US);
    }

    #[test]
    fn a_lost_pdu_closes_the_event_and_is_repeated() {
        let mut connection = connection();
        connection.ends[CENTRAL].push(vec![1; 400], 0);
        let first = exchange(&mut connection, 4_000, &[false, true]);
        assert!(first.arrived.is_empty());
        let second = exchange(&mut connection, 19_000, &[]);
        assert_eq!(
            second.arrived,
            vec![(
                PERIPHERAL,
                19_000 + Phy::TWO.data_us(400 + 7 - 251),
                vec![1; 400]
            )]
        );
        // Once the first PDU, twice the second, with three empty acknowledgements.
        let second_pdu = Phy::TWO.pdu_bytes(400 + 7 - 251);
        assert_eq!(
            first.air_bytes + second.air_bytes,
            Phy::TWO.pdu_bytes(251) + 2 * second_pdu + 3 * Phy::TWO.pdu_bytes(0)
        );
    }
}
