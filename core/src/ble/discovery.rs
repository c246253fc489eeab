//! Which device connects to which, when to listen and what to advertise.
//!
//! The phone with the lower presence id connects. If that leads to no link within
//! `role_swap_after`, it is the other's turn, and so on: some stacks connect in one direction only.
//! Where no presence id is visible, whoever sees the other connects; the two links that may follow
//! are reduced to one above, and [`DiscoveryInput::Identified`] then keeps both devices from being
//! tried again.
//!
//! A phone connects by itself until it has the links that it wants, and accepts more. Of the link
//! budget some slots are kept: only a phone without any link connects to a phone that advertises no
//! free slot. Such a phone does not wait long for its turn anywhere, since the other may have the
//! links that it wants. Among several candidates
//! the choice is random: the strongest signal first would make cliques that share no link.

use std::collections::BTreeMap;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::advert::Advert;
use super::backoff::random_part;
use super::device::{Device, Devices};
use super::port::{
    AdvertInterval, AppMode, LinkDownReason, PowerState, RadioCommand, Role, ScanDuty,
};
use super::wish::Wish;
use crate::config::BleConfig;
use crate::crypto::{Domain, Hash, hash};
use crate::error::PeerFault;
use crate::id::{DeviceId, LinkId, PresenceId};
use crate::outbox::Outbox;
use crate::time::Instant;

#[cfg(test)]
mod tests;

/// The scheduler of one phone's radio. Nothing happens before the first
/// [`DiscoveryInput::Power`].
#[derive(Debug)]
pub struct Discovery {
    config: BleConfig,
    rng: ChaCha12Rng,
    power: PowerState,
    mode: AppMode,
    presence_key: Hash,
    presence_period: u64,
    presence: PresenceId,
    rotate_at: Instant,
    head_digest: [u8; 4],
    devices: Devices,
    links: BTreeMap<LinkId, LinkRecord>,
    attempts: BTreeMap<DeviceId, Instant>,
    next_dial: Option<Instant>,
    scan: Wish<ScanDuty>,
    /// Whether scanning was stopped because no link could come of it.
    scan_stopped: bool,
    advert: Wish<(Advert, AdvertInterval)>,
}

/// What the scheduler is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscoveryInput {
    /// The adapter's state. Off ends all links.
    Power(PowerState),
    /// What the OS lets this app do.
    Mode(AppMode),
    /// A device with our service was heard; to be said again as long as it is.
    Discovered {
        /// Which.
        device: DeviceId,
        /// Its advert; empty where the platform hides it.
        advert: Vec<u8>,
        /// Signal strength, dBm. It does not influence the choice.
        rssi: i8,
    },
    /// A connection exists.
    LinkUp {
        /// Its name.
        link: LinkId,
        /// The other end.
        device: DeviceId,
        /// Our role.
        role: Role,
    },
    /// A connection is gone. With the name of no link and [`LinkDownReason::Setup`]: an attempt
    /// failed.
    LinkDown {
        /// Its name.
        link: LinkId,
        /// Why.
        reason: LinkDownReason,
    },
    /// Scanning stopped by itself.
    ScanFailed,
    /// Advertising stopped by itself.
    AdvertisingFailed,
    /// The digest for the advert. It is keyed by the presence id, so a rotation sets it to zeros
    /// until it is said again.
    SetHeadDigest([u8; 4]),
    /// A link has proved who is at its other end.
    Identified {
        /// The link.
        link: LinkId,
        /// Another live link to the same peer.
        same_as: Option<LinkId>,
    },
    /// The deadline has come.
    Timeout,
}

/// What the scheduler wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscoveryOutput {
    /// For the radio: scanning, advertising, connecting and disconnecting.
    Command(RadioCommand),
    /// An advert that cannot be read; told once per device.
    Fault(PeerFault),
}

#[derive(Clone, Copy, Debug)]
struct LinkRecord {
    device: DeviceId,
    up_since: Instant,
    identified: bool,
    closing: bool,
}

impl Discovery {
    /// A scheduler for a radio that is off. `presence_key` is private; `seed` makes the presence
    /// ids of two runs differ, since no clock that both share could.
    pub fn new(config: BleConfig, presence_key: [u8; 32], seed: [u8; 32], now: Instant) -> Self {
        let devices = Devices::new(
            config.devices_max,
            config.forget_after,
            config.heard_within,
            now,
        );
        let mut this = Self {
            config,
            rng: ChaCha12Rng::from_seed(seed),
            power: PowerState::Off,
            mode: AppMode::Foreground,
            presence_key: hash(Domain::Presence, &[&presence_key, &seed]),
            presence_period: 0,
            presence: PresenceId([0; 6]),
            rotate_at: now,
            head_digest: [0; 4],
            devices,
            links: BTreeMap::new(),
            attempts: BTreeMap::new(),
            next_dial: None,
            scan: Wish::new(now),
            scan_stopped: false,
            advert: Wish::new(now),
        };
        this.rotate(now);
        this
    }

    /// Takes one fact.
    pub fn handle(
        &mut self,
        input: DiscoveryInput,
        now: Instant,
        out: &mut Outbox<DiscoveryOutput>,
    ) {
        match input {
            DiscoveryInput::Discovered { device, advert, .. } => {
                self.discovered(device, &advert, now, out);
                return;
            }
            DiscoveryInput::Power(power) => self.power_changed(power, now),
            DiscoveryInput::Mode(mode) => self.mode = mode,
            DiscoveryInput::LinkUp { link, device, role } => {
                self.link_up(link, device, role, now, out);
            }
            DiscoveryInput::LinkDown { link, reason } => self.link_down(link, reason, now),
            DiscoveryInput::ScanFailed => {
                self.scan.asked = None;
                let (min, max) = (self.config.retry_min, self.config.retry_max);
                self.scan.backoff.fail(min, max, &mut self.rng, now);
            }
            DiscoveryInput::AdvertisingFailed => {
                self.advert.asked = None;
                let (min, max) = (self.config.retry_min, self.config.retry_max);
                self.advert.backoff.fail(min, max, &mut self.rng, now);
            }
            DiscoveryInput::SetHeadDigest(digest) => self.head_digest = digest,
            DiscoveryInput::Identified { link, same_as } => self.identified(link, same_as),
            DiscoveryInput::Timeout => {}
        }
        if now >= self.rotate_at {
            self.rotate(now);
        }
        self.give_up_attempts(now);
        self.dial_all(now, out);
        self.review_scan(now, out);
        self.review_advert(now, out);
    }

    /// When to call with [`DiscoveryInput::Timeout`], and why.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        if self.power != PowerState::On {
            return None;
        }
        let attempt = self.attempts.values().min().copied();
        [
            (Some(self.rotate_at), "presence rotation"),
            (attempt, "attempt to connect"),
            (self.next_dial, "turn to connect"),
            (self.scan.due, "scan"),
            (self.advert.due, "advert"),
        ]
        .into_iter()
        .filter_map(|(at, cause)| Some((at?, cause)))
        .min()
    }

    /// The presence id that is being advertised.
    pub fn presence(&self) -> PresenceId {
        self.presence
    }

    fn discovered(
        &mut self,
        id: DeviceId,
        bytes: &[u8],
        now: Instant,
        out: &mut Outbox<DiscoveryOutput>,
    ) {
        if self.power != PowerState::On {
            return;
        }
        let advert = match bytes {
            [] => Ok(None),
            bytes => Advert::decode(bytes).map(Some),
        };
        match advert {
            Ok(advert) => self.devices.hear(id, advert, now),
            Err(error) => {
                if self.devices.hear_unreadable(id, now) {
                    out.push(DiscoveryOutput::Fault(error.into()));
                }
                return;
            }
        }
        self.scan.backoff.clear();
        let turn = self
            .devices
            .get(id)
            .and_then(|device| self.turn(id, device, now));
        match turn {
            // With all attempts in use the end of one of them looks again.
            Some(at) if at <= now && self.attempts.len() >= self.config.attempts_max => {}
            Some(at) if at <= now => self.dial(id, now, out),
            Some(at) => self.next_dial = Some(self.next_dial.map_or(at, |next| next.min(at))),
            None => {}
        }
    }

    fn power_changed(&mut self, power: PowerState, now: Instant) {
        if power == self.power {
            return;
        }
        self.power = power;
        self.links.clear();
        self.attempts.clear();
        self.next_dial = None;
        self.devices.reset_links(now);
        self.scan = Wish::new(now);
        self.scan_stopped = false;
        self.advert = Wish::new(now);
    }

    fn link_up(
        &mut self,
        link: LinkId,
        device: DeviceId,
        role: Role,
        now: Instant,
        out: &mut Outbox<DiscoveryOutput>,
    ) {
        if self.links.contains_key(&link) {
            return;
        }
        match role {
            Role::Central => {
                self.attempts.remove(&device);
            }
            Role::Peripheral => self.advert.backoff.clear(),
        }
        let over_budget = self.links_open() >= self.config.link_budget;
        self.devices.link_up(device, now);
        self.links.insert(
            link,
            LinkRecord {
                device,
                up_since: now,
                identified: false,
                closing: over_budget,
            },
        );
        if over_budget {
            out.push(DiscoveryOutput::Command(RadioCommand::Disconnect { link }));
        }
    }

    fn link_down(&mut self, link: LinkId, reason: LinkDownReason, now: Instant) {
        let Some(record) = self.links.remove(&link) else {
            // A connection that never came up has no known name: with one attempt under way it can
            // only be that one.
            let mut attempts = self.attempts.keys();
            if let (LinkDownReason::Setup, Some(&device), None) =
                (reason, attempts.next(), attempts.next())
            {
                self.attempts.remove(&device);
                self.back_off(device, now);
            }
            return;
        };
        self.devices.link_down(record.device, now);
        let was_good = record.identified
            && reason != LinkDownReason::Local
            && now.since(record.up_since) >= self.config.good_after;
        if was_good {
            if let Some(device) = self.devices.get_mut(record.device) {
                device.backoff.clear();
            }
        } else {
            self.back_off(record.device, now);
        }
    }

    fn identified(&mut self, link: LinkId, same_as: Option<LinkId>) {
        let other = same_as
            .and_then(|other| self.links.get(&other))
            .map(|other| other.device);
        let Some(record) = self.links.get_mut(&link) else {
            return;
        };
        record.identified = true;
        if let Some(other) = other {
            self.devices.same_phone(record.device, other);
        }
    }

    fn give_up_attempts(&mut self, now: Instant) {
        let over: Vec<DeviceId> = self
            .attempts
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(device, _)| *device)
            .collect();
        for device in over {
            self.attempts.remove(&device);
            let linked = self
                .devices
                .get(device)
                .is_some_and(|device| device.links > 0);
            if !linked {
                self.back_off(device, now);
            }
        }
    }

    fn back_off(&mut self, device: DeviceId, now: Instant) {
        let (min, max) = (self.config.retry_min, self.config.retry_max);
        if let Some(device) = self.devices.get_mut(device) {
            device.backoff.fail(min, max, &mut self.rng, now);
        }
    }

    /// Connects to candidates whose turn it is, in random order, and notes the next turn.
    fn dial_all(&mut self, now: Instant, out: &mut Outbox<DiscoveryOutput>) {
        self.next_dial = None;
        if self.power != PowerState::On {
            return;
        }
        while self.attempts.len() < self.config.attempts_max {
            let mut next = None;
            let mut candidates = Vec::new();
            for (id, device) in self.devices.iter() {
                match self.turn(id, device, now) {
                    Some(at) if at <= now => candidates.push(id),
                    Some(at) => next = Some(next.map_or(at, |next: Instant| next.min(at))),
                    None => {}
                }
            }
            self.next_dial = next;
            if candidates.is_empty() {
                return;
            }
            let len = u64::try_from(candidates.len()).expect("a length fits 64 bits");
            let pick = usize::try_from(self.rng.next_u64() % len).expect("less than a length");
            self.dial(candidates[pick], now, out);
        }
    }

    fn dial(&mut self, device: DeviceId, now: Instant, out: &mut Outbox<DiscoveryOutput>) {
        self.attempts
            .insert(device, now + self.config.connect_timeout);
        out.push(DiscoveryOutput::Command(RadioCommand::Connect { device }));
    }

    /// From when on this phone may connect to `device`, as far as is known now.
    fn turn(&self, id: DeviceId, device: &Device, now: Instant) -> Option<Instant> {
        let heard = device.heard?;
        if device.unreadable
            || device.links > 0
            || self.attempts.contains_key(&id)
            || now.since(heard) > self.config.heard_within
        {
            return None;
        }
        let used = self.links_open() + self.attempts.len();
        let isolated = self.links_open() == 0;
        let usable = if isolated {
            self.config.link_budget
        } else {
            let open_to_all = self.config.link_budget - self.kept_slots();
            open_to_all.min(self.config.links_wanted)
        };
        if used >= usable || self.is_under_way(device.party) {
            return None;
        }
        let turn = match device.advert {
            // Hidden: nobody can tell whose turn it is.
            None => now,
            Some(advert) if advert.presence == self.presence => return None,
            // It takes only phones without a link, and will not connect by itself.
            Some(advert) if advert.free_slots == 0 => {
                if !isolated {
                    return None;
                }
                now
            }
            Some(advert) => {
                let turn = self.next_turn(self.presence < advert.presence, device.since, now);
                if isolated {
                    turn.min(now.max(device.since + self.config.lonely_wait))
                } else {
                    turn
                }
            }
        };
        let at = device
            .backoff
            .pending(now)
            .map_or(turn, |until| until.max(turn));
        (at <= heard + self.config.heard_within).then_some(at)
    }

    /// Turns alternate from `since` on; the first is that of the lower presence id.
    fn next_turn(&self, lower: bool, since: Instant, now: Instant) -> Instant {
        let turn_len = self.config.role_swap_after;
        let turns = now.since(since).as_micros() / turn_len.as_micros().max(1);
        if turns.is_multiple_of(2) == lower {
            return now;
        }
        let next = u32::try_from(turns + 1).unwrap_or(u32::MAX);
        since + turn_len.saturating_mul(next)
    }

    /// Whether a link or an attempt leads to this phone already, by whatever device.
    fn is_under_way(&self, party: u64) -> bool {
        let links = self.links.values().map(|link| link.device);
        links.chain(self.attempts.keys().copied()).any(|id| {
            self.devices
                .get(id)
                .is_some_and(|device| device.party == party)
        })
    }

    fn links_open(&self) -> usize {
        self.links.values().filter(|link| !link.closing).count()
    }

    fn kept_slots(&self) -> usize {
        self.config.kept_slots.min(self.config.link_budget)
    }

    fn free_slots(&self) -> usize {
        (self.config.link_budget - self.kept_slots()).saturating_sub(self.links_open())
    }

    fn rotate(&mut self, now: Instant) {
        let id = hash(
            Domain::Presence,
            &[
                self.presence_key.as_bytes(),
                &self.presence_period.to_le_bytes(),
            ],
        );
        self.presence_period += 1;
        let [a, b, c, d, e, f, ..] = id.0;
        self.presence = PresenceId([a, b, c, d, e, f]);
        self.head_digest = [0; 4];
        // At uneven times: phones that rotate with one rhythm can be told apart by its phase.
        let life = self.config.presence_life;
        self.rotate_at = now + (life - random_part(life / 4, &mut self.rng));
    }

    fn wished_duty(&self) -> Option<ScanDuty> {
        if self.power != PowerState::On || self.links_open() >= self.config.link_budget {
            return None;
        }
        Some(match self.mode {
            AppMode::Foreground if self.free_slots() > 0 => ScanDuty::High,
            AppMode::Foreground => ScanDuty::Balanced,
            AppMode::Background | AppMode::LowPower => ScanDuty::Low,
        })
    }

    fn review_scan(&mut self, now: Instant, out: &mut Outbox<DiscoveryOutput>) {
        let wished = self.wished_duty();
        self.scan.due = None;
        if wished == self.scan.asked {
            return;
        }
        let Some(duty) = wished else {
            self.scan.asked = None;
            self.scan_stopped = true;
            out.push(DiscoveryOutput::Command(RadioCommand::StopScan));
            return;
        };
        let spaced = if self.scan.asked.is_some() || self.scan_stopped {
            self.scan.asked_at + self.config.scan_min
        } else {
            now
        };
        if self.scan.ask(duty, spaced, now) {
            self.scan_stopped = false;
            out.push(DiscoveryOutput::Command(RadioCommand::Scan { duty }));
        }
    }

    fn wished_advert(&self) -> Option<(Advert, AdvertInterval)> {
        if self.power != PowerState::On || self.links_open() >= self.config.link_budget {
            return None;
        }
        let free_slots = self.free_slots();
        let interval = match self.mode {
            AppMode::Foreground if free_slots > 0 => AdvertInterval::Fast,
            AppMode::Foreground | AppMode::Background | AppMode::LowPower => AdvertInterval::Slow,
        };
        let advert = Advert {
            presence: self.presence,
            free_slots: u8::try_from(free_slots).unwrap_or(u8::MAX),
            head_digest: self.head_digest,
        };
        Some((advert, interval))
    }

    fn review_advert(&mut self, now: Instant, out: &mut Outbox<DiscoveryOutput>) {
        let wished = self.wished_advert();
        self.advert.due = None;
        if wished == self.advert.asked {
            return;
        }
        let Some((advert, interval)) = wished else {
            self.advert.asked = None;
            out.push(DiscoveryOutput::Command(RadioCommand::StopAdvertising));
            return;
        };
        // A new presence id goes out at once, and so does the digest that belongs to it: an old
        // digest under a new id would link the two.
        let spaced = match self.advert.asked {
            Some((asked, _)) if asked.presence != advert.presence => now,
            Some((asked, _)) if asked.head_digest == [0; 4] && advert.head_digest != [0; 4] => now,
            Some(_) => self.advert.asked_at + self.config.advert_min,
            None => now,
        };
        if self.advert.ask((advert, interval), spaced, now) {
            out.push(DiscoveryOutput::Command(RadioCommand::Advertise {
                advert: advert.encode().to_vec(),
                interval,
            }));
        }
    }
}
