//! The devices in sight, as far as they matter for connecting: bounded, and forgotten when unheard.

use std::collections::BTreeMap;

use super::advert::Advert;
use super::backoff::Backoff;
use crate::id::DeviceId;
use crate::time::{Duration, Instant};

/// One radio identity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Device {
    /// When it was last heard or linked.
    pub(super) seen: Instant,
    /// When it was last heard; `None` where only its link is known.
    pub(super) heard: Option<Instant>,
    /// When it last came in sight, or lost its link: turns to connect count from here.
    pub(super) since: Instant,
    /// What it advertised last; `None` where the platform hides it.
    pub(super) advert: Option<Advert>,
    /// Devices with one number are known to be one phone: their links proved one identity. What an
    /// advert says never counts for that, since anybody can repeat it.
    pub(super) party: u64,
    /// Live links with it.
    pub(super) links: usize,
    /// When to leave it alone.
    pub(super) backoff: Backoff,
    /// Its adverts cannot be read: told once, never connected to.
    pub(super) unreadable: bool,
}

/// All devices in sight.
#[derive(Debug)]
pub(super) struct Devices {
    map: BTreeMap<DeviceId, Device>,
    len_max: usize,
    forget_after: Duration,
    regard_as_new_after: Duration,
    next_party: u64,
    next_sweep: Instant,
}

impl Devices {
    pub(super) fn new(
        len_max: usize,
        forget_after: Duration,
        regard_as_new_after: Duration,
        now: Instant,
    ) -> Self {
        Self {
            map: BTreeMap::new(),
            len_max: len_max.max(1),
            forget_after,
            regard_as_new_after,
            next_party: 0,
            next_sweep: now,
        }
    }

    pub(super) fn get(&self, device: DeviceId) -> Option<&Device> {
        self.map.get(&device)
    }

    pub(super) fn get_mut(&mut self, device: DeviceId) -> Option<&mut Device> {
        self.map.get_mut(&device)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (DeviceId, &Device)> {
        self.map.iter().map(|(id, device)| (*id, device))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// The device was heard with an advert that can be read, or with none.
    pub(super) fn hear(&mut self, id: DeviceId, advert: Option<Advert>, now: Instant) {
        self.sweep(now);
        let new_after = self.regard_as_new_after;
        let device = self.entry(id, now);
        let away = device.heard.map_or(Duration::MAX, |heard| now.since(heard));
        device.heard = Some(now);
        device.seen = now;
        device.unreadable = false;
        // One advert without its payload does not make what was heard untrue.
        device.advert = advert.or(device.advert);
        if away > new_after && device.links == 0 {
            device.since = now;
        }
    }

    /// The device was heard with an advert that cannot be read. Says whether this is news.
    pub(super) fn hear_unreadable(&mut self, id: DeviceId, now: Instant) -> bool {
        self.sweep(now);
        let device = self.entry(id, now);
        device.seen = now;
        !std::mem::replace(&mut device.unreadable, true)
    }

    /// The device has one more link.
    pub(super) fn link_up(&mut self, id: DeviceId, now: Instant) {
        let device = self.entry(id, now);
        device.links += 1;
        device.seen = now;
    }

    /// The device has one link less. Whether it is still there must be heard first: an attempt to
    /// connect to a phone that walked away would block the radio when it comes back.
    pub(super) fn link_down(&mut self, id: DeviceId, now: Instant) {
        let Some(device) = self.map.get_mut(&id) else {
            return;
        };
        device.links = device.links.saturating_sub(1);
        device.seen = now;
        let party = device.party;
        for device in self.map.values_mut() {
            if device.party == party {
                device.since = now;
                device.heard = None;
            }
        }
    }

    /// The radio is off: no device has a link, and what was heard is past.
    pub(super) fn reset_links(&mut self, now: Instant) {
        for device in self.map.values_mut() {
            device.links = 0;
            device.since = now;
            device.heard = None;
            device.backoff.clear();
        }
    }

    /// Both devices are one phone.
    pub(super) fn same_phone(&mut self, a: DeviceId, b: DeviceId) {
        let party = |id| self.map.get(&id).map(|device| device.party);
        if let (Some(a), Some(b)) = (party(a), party(b)) {
            self.merge(a, b);
        }
    }

    fn merge(&mut self, from: u64, into: u64) {
        for device in self.map.values_mut() {
            if device.party == from {
                device.party = into;
            }
        }
    }

    fn entry(&mut self, id: DeviceId, now: Instant) -> &mut Device {
        if !self.map.contains_key(&id) && self.map.len() >= self.len_max {
            let oldest = self
                .map
                .iter()
                .filter(|(_, device)| device.links == 0)
                .min_by_key(|(_, device)| device.seen)
                .map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                self.map.remove(&oldest);
            }
        }
        let party = self.next_party;
        self.map.entry(id).or_insert_with(|| {
            self.next_party += 1;
            Device {
                seen: now,
                heard: None,
                since: now,
                advert: None,
                party,
                links: 0,
                backoff: Backoff::default(),
                unreadable: false,
            }
        })
    }

    /// Drops what was not heard for long. Once a second is enough, and cheap in a crowd.
    fn sweep(&mut self, now: Instant) {
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now + Duration::from_secs(1);
        let forget_after = self.forget_after;
        self.map
            .retain(|_, device| device.links > 0 || now.since(device.seen) < forget_after);
    }
}
