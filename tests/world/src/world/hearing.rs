//! Adverts and scans, coarsely: an advert is heard when it meets an open scan window and is not
//! lost. Stacks report a device again only after a while.

use althing::ble::{LinkDownReason, RadioEvent, Role};
use althing::id::DeviceId;

use super::{Happening, World};
use crate::profile::{advert_us, scan_permille};

/// When a device that was reported is reported again, µs.
const REPORT_AGAIN_US: u64 = 2_000_000;
/// How long the controller tries to connect, µs.
const ATTEMPT_US: u64 = 4_000_000;
/// Random part of the time between two adverts, µs.
const ADVERT_JITTER_US: u64 = 10_000;
/// Adverts missed in a row at most, so that a draw ends.
const MISSED_MAX: u32 = 400;

/// An attempt to connect.
#[derive(Debug)]
pub(super) struct Attempt {
    central: usize,
    incarnation: u32,
    device: DeviceId,
    until_us: u64,
}

impl World {
    /// What `other` is called by a phone that it is linked to in this role.
    pub(super) fn device_seen(&self, other: usize, role: Role) -> DeviceId {
        /// Set in the name of a central that is another one than it advertises with.
        const ALIAS: u64 = 1 << 63;
        let other = &self.phones[other];
        match role {
            Role::Peripheral if other.profile.aliases() => DeviceId(other.device.0 | ALIAS),
            Role::Central | Role::Peripheral => other.device,
        }
    }

    /// A phone has begun to scan.
    pub(super) fn listen(&mut self, listener: usize) {
        let near: Vec<usize> = self.near[listener].iter().copied().collect();
        for advertiser in near {
            self.arm_hearing(listener, advertiser);
        }
    }

    /// A phone has begun to advertise.
    pub(super) fn be_heard(&mut self, advertiser: usize) {
        let near: Vec<usize> = self.near[advertiser].iter().copied().collect();
        for listener in near {
            self.arm_hearing(listener, advertiser);
        }
    }

    /// Queues the next hearing of a pair, where there is to be one.
    pub(super) fn arm_hearing(&mut self, listener: usize, advertiser: usize) {
        if self.hearings.contains(&(listener, advertiser)) || !self.hears(listener, advertiser) {
            return;
        }
        self.hearings.insert((listener, advertiser));
        let after_us = self.until_heard(listener, advertiser);
        self.queue_hearing(listener, advertiser, after_us);
    }

    pub(super) fn heard(&mut self, listener: usize, advertiser: usize) {
        if !self.hears(listener, advertiser) {
            self.hearings.remove(&(listener, advertiser));
            return;
        }
        let after_us = self.until_heard(listener, advertiser).max(REPORT_AGAIN_US);
        self.queue_hearing(listener, advertiser, after_us);
        let phone = &self.phones[advertiser];
        let advert = match &phone.advert {
            Some((advert, _)) if !phone.profile.hides_advert(phone.mode) => advert.clone(),
            Some(_) | None => Vec::new(),
        };
        let device = phone.device;
        let rssi = self.rssi(listener, advertiser);
        self.radio(
            listener,
            RadioEvent::Discovered {
                device,
                advert,
                rssi,
            },
        );
    }

    /// A node wants to connect.
    pub(super) fn try_connect(&mut self, central: usize, device: DeviceId) {
        if !self.phones[central].radio_on {
            return;
        }
        let id = self.next_attempt;
        self.next_attempt += 1;
        self.attempts.insert(
            id,
            Attempt {
                central,
                incarnation: self.phones[central].incarnation,
                device,
                until_us: self.now_us + ATTEMPT_US,
            },
        );
        self.queue_attempt(id);
    }

    /// The wanted device advertises, or not: the next chance of an attempt.
    pub(super) fn attempt(&mut self, id: u64) {
        let Some(attempt) = self.attempts.get(&id) else {
            return;
        };
        let central = attempt.central;
        let this = &self.phones[central];
        if self.now_us > attempt.until_us
            || !this.is_up()
            || this.incarnation != attempt.incarnation
        {
            self.attempts.remove(&id);
            return;
        }
        let Some(peripheral) = self.devices.get(&attempt.device).copied() else {
            self.queue_attempt(id);
            return;
        };
        let other = &self.phones[peripheral];
        let connectable = other.is_up()
            && other.advert.is_some()
            && self.near[central].contains(&peripheral)
            && !self.air_chance.permille(self.config.loss_permille);
        if !connectable {
            self.queue_attempt(id);
            return;
        }
        self.attempts.remove(&id);
        // A controller holds one connection of a kind between two devices, and only so many in all.
        let full = [central, peripheral]
            .iter()
            .any(|phone| self.by_phone[*phone].len() >= self.phones[*phone].profile.links_max());
        let again = self.by_phone[central].iter().any(|connection| {
            self.connections[connection]
                .ends
                .each_ref()
                .map(|end| end.phone)
                == [central, peripheral]
        });
        if !full && !again {
            self.connect(central, peripheral);
        }
    }

    /// Sets whether two phones are in range.
    pub(super) fn set_near(&mut self, one: usize, other: usize, near: bool) {
        let changed = if near {
            self.near[other].insert(one);
            self.near[one].insert(other)
        } else {
            self.near[other].remove(&one);
            self.near[one].remove(&other)
        };
        if changed {
            self.recheck(one);
            if near {
                self.arm_hearing(one, other);
                self.arm_hearing(other, one);
            }
        }
    }

    /// Sets who is in range of a phone by where they are.
    pub(super) fn place(&mut self, phone: usize) {
        if !self.config.places {
            return;
        }
        for other in 0..self.phones.len() {
            if other != phone {
                let near = self.distance_mm(phone, other) <= self.config.range_mm.unsigned_abs();
                self.set_near(phone, other, near);
            }
        }
    }

    /// The radio of a phone was switched.
    pub(super) fn set_radio(&mut self, phone: usize, on: bool) {
        if self.phones[phone].radio_on == on {
            return;
        }
        self.phones[phone].radio_on = on;
        let power = if on {
            // The OS draws a new address.
            let device = self.mint_device();
            let before = std::mem::replace(&mut self.phones[phone].device, device);
            self.devices.remove(&before);
            self.devices.insert(device, phone);
            althing::ble::PowerState::On
        } else {
            self.stats.radio_cycles += 1;
            self.phones[phone].scan = None;
            self.phones[phone].advert = None;
            let clean = self.stack_chance.permille(500);
            self.drop_links(phone, false, clean);
            let links: Vec<_> = self.phones[phone].links.keys().copied().collect();
            for link in links {
                self.link_ends(phone, link, LinkDownReason::Local);
            }
            althing::ble::PowerState::Off
        };
        self.radio(phone, RadioEvent::PowerChanged(power));
    }

    fn hears(&self, listener: usize, advertiser: usize) -> bool {
        let (one, other) = (&self.phones[listener], &self.phones[advertiser]);
        one.is_up()
            && other.is_up()
            && one.scan.is_some()
            && other.advert.is_some()
            && self.near[listener].contains(&advertiser)
            && self.linked(listener, advertiser).is_none()
    }

    /// The connection between two phones, the older one of two.
    pub(super) fn linked(&self, one: usize, other: usize) -> Option<u64> {
        self.by_phone[one]
            .intersection(&self.by_phone[other])
            .next()
            .copied()
    }

    /// Until an advert meets an open window and is not lost, µs.
    fn until_heard(&mut self, listener: usize, advertiser: usize) -> u64 {
        let (one, other) = (&self.phones[listener], &self.phones[advertiser]);
        let duty = one.scan.map_or(0, |duty| scan_permille(duty, one.mode));
        let every_us = other
            .advert
            .as_ref()
            .map_or(1_000_000, |(_, interval)| advert_us(*interval, other.mode));
        let mut after_us = self.air_chance.between(1_000, every_us);
        for _ in 0..MISSED_MAX {
            let lost = self.air_chance.permille(self.config.loss_permille);
            if !lost && self.air_chance.permille(duty) {
                break;
            }
            after_us += every_us + self.air_chance.below(ADVERT_JITTER_US);
        }
        after_us
    }

    fn queue_hearing(&mut self, listener: usize, advertiser: usize, after_us: u64) {
        self.queue.push(
            self.now_us + after_us,
            Happening::Heard {
                listener,
                advertiser,
            },
        );
    }

    fn queue_attempt(&mut self, attempt: u64) {
        // An initiator listens all the time: the next advert decides.
        let after_us = self.air_chance.between(5_000, 152_500 + ADVERT_JITTER_US);
        self.queue
            .push(self.now_us + after_us, Happening::Attempt { attempt });
    }

    fn distance_mm(&self, one: usize, other: usize) -> u64 {
        let (one, other) = (&self.phones[one], &self.phones[other]);
        let (x, y) = (one.x_mm - other.x_mm, one.y_mm - other.y_mm);
        (x * x + y * y).unsigned_abs().isqrt()
    }

    fn rssi(&self, one: usize, other: usize) -> i8 {
        let metres = if self.config.places {
            self.distance_mm(one, other) / 1000
        } else {
            2
        };
        // Near enough to how a body-worn phone fades: 50 dB at a metre, then 2 dB a metre.
        -50 - i8::try_from((2 * metres).min(45)).expect("at most 45")
    }
}
