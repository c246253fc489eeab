//! Several schedulers with a radio that is kind.

use super::*;

/// Phones on one table with a radio that is kind: adverts every 100 ms, links after 50 ms.
struct Room {
    now: Instant,
    phones: Vec<Phone>,
    next_link: u64,
    /// (when, dialling phone, dialled phone)
    dials: Vec<(Instant, usize, usize)>,
    links: BTreeMap<LinkId, (Instant, usize, usize)>,
    /// A phone whose own attempts never succeed.
    broken_central: Option<usize>,
    dial_count: usize,
    reachable: fn(usize, usize) -> bool,
}

struct Phone {
    discovery: Discovery,
    power: bool,
    advert: Option<Vec<u8>>,
    scanning: bool,
    most_links: usize,
}

impl Room {
    fn new(len: usize, config: &BleConfig) -> Self {
        let phones = (0..len)
            .map(|n| Phone {
                discovery: Discovery::new(
                    config.clone(),
                    [u8::try_from(n).unwrap(); 32],
                    [7; 32],
                    Instant::ZERO,
                ),
                power: false,
                advert: None,
                scanning: false,
                most_links: 0,
            })
            .collect();
        let mut room = Self {
            now: Instant::ZERO,
            phones,
            next_link: 0,
            dials: Vec::new(),
            links: BTreeMap::new(),
            broken_central: None,
            dial_count: 0,
            reachable: |_, _| true,
        };
        for n in 0..len {
            room.power(n, true);
        }
        room
    }

    fn power(&mut self, n: usize, on: bool) {
        self.phones[n].power = on;
        self.phones[n].advert = None;
        self.phones[n].scanning = false;
        let state = if on { PowerState::On } else { PowerState::Off };
        self.feed(n, DiscoveryInput::Power(state));
        let dead: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, (_, a, b))| *a == n || *b == n)
            .map(|(link, _)| *link)
            .collect();
        for link in dead {
            self.end_link(link, LinkDownReason::Timeout);
        }
    }

    /// Device ids: phone `n` sees phone `m` as device 1000 + m, and by link as 1000 + m when it
    /// connected itself, else as 2000 + m.
    fn feed(&mut self, n: usize, input: DiscoveryInput) {
        let outputs = step(&mut self.phones[n].discovery, input, self.now);
        for command in commands(&outputs) {
            match command {
                RadioCommand::Scan { .. } => self.phones[n].scanning = true,
                RadioCommand::StopScan => self.phones[n].scanning = false,
                RadioCommand::Advertise { advert, .. } => self.phones[n].advert = Some(advert),
                RadioCommand::StopAdvertising => self.phones[n].advert = None,
                RadioCommand::Connect { device } => {
                    self.dial_count += 1;
                    let m = usize::try_from(device.0 % 1000).unwrap();
                    self.dials
                        .push((self.now + Duration::from_millis(50), n, m));
                }
                RadioCommand::Disconnect { link } => {
                    let (_, a, b) = self.links[&link];
                    self.links.remove(&link);
                    self.feed(
                        n,
                        DiscoveryInput::LinkDown {
                            link,
                            reason: LinkDownReason::Local,
                        },
                    );
                    let other = if a == n { b } else { a };
                    self.feed(
                        other,
                        DiscoveryInput::LinkDown {
                            link,
                            reason: LinkDownReason::Remote,
                        },
                    );
                }
                other => panic!("{other:?}"),
            }
        }
        for output in outputs {
            assert!(matches!(output, DiscoveryOutput::Command(_)), "{output:?}");
        }
    }

    fn end_link(&mut self, link: LinkId, reason: LinkDownReason) {
        if let Some((_, a, b)) = self.links.remove(&link) {
            self.feed(a, DiscoveryInput::LinkDown { link, reason });
            self.feed(b, DiscoveryInput::LinkDown { link, reason });
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.now = self.now + PERIOD;
            for n in 0..self.phones.len() {
                while let Some((at, _)) = self.phones[n].discovery.deadline() {
                    if at > self.now {
                        break;
                    }
                    self.feed(n, DiscoveryInput::Timeout);
                }
            }
            for (at, n, m) in std::mem::take(&mut self.dials) {
                let dead = self.broken_central == Some(n) || self.phones[m].advert.is_none();
                if at > self.now {
                    self.dials.push((at, n, m));
                } else if !dead && self.phones[n].power && (self.reachable)(n, m) {
                    let link = LinkId(self.next_link);
                    self.next_link += 1;
                    self.links.insert(link, (self.now, n, m));
                    let (to, from) = (1000 + m as u64, 2000 + n as u64);
                    self.feed(n, up(link.0, to, Role::Central));
                    if self.links.contains_key(&link) {
                        self.feed(m, up(link.0, from, Role::Peripheral));
                    }
                }
            }
            // What node does: the handshake ends, and of two links to one peer the older stays.
            let ready: Vec<(LinkId, usize, usize)> = self
                .links
                .iter()
                .filter(|(_, (at, _, _))| *at + PERIOD == self.now)
                .map(|(link, (_, a, b))| (*link, *a, *b))
                .collect();
            for (link, a, b) in ready {
                let twin = self
                    .links
                    .iter()
                    .find(|(other, (_, x, y))| {
                        **other != link && BTreeSet::from([*x, *y]) == BTreeSet::from([a, b])
                    })
                    .map(|(other, _)| *other);
                if !self.links.contains_key(&link) {
                    continue;
                }
                self.feed(
                    a,
                    DiscoveryInput::Identified {
                        link,
                        same_as: twin,
                    },
                );
                self.feed(
                    b,
                    DiscoveryInput::Identified {
                        link,
                        same_as: twin,
                    },
                );
                if let Some(twin) = twin {
                    self.end_link(link.max(twin), LinkDownReason::Local);
                }
            }
            for n in 0..self.phones.len() {
                for m in 0..self.phones.len() {
                    let (Some(advert), true) =
                        (self.phones[m].advert.clone(), self.phones[n].scanning)
                    else {
                        continue;
                    };
                    if n != m && (self.reachable)(n, m) {
                        self.feed(n, heard(1000 + m as u64, advert));
                    }
                }
                let held = self.links_of(n);
                let phone = &mut self.phones[n];
                phone.most_links = phone.most_links.max(held);
                assert!(phone.discovery.attempts.len() <= BleConfig::default().attempts_max);
            }
        }
    }

    fn links_of(&self, n: usize) -> usize {
        self.links
            .values()
            .filter(|(_, a, b)| *a == n || *b == n)
            .count()
    }

    fn pairs(&self) -> BTreeSet<(usize, usize)> {
        self.links
            .values()
            .map(|(_, a, b)| (*a.min(b), *a.max(b)))
            .collect()
    }
}

#[test]
fn two_phones_come_to_one_link_and_stay_there() {
    let mut room = Room::new(2, &BleConfig::default());
    room.run(Duration::from_secs(1));
    assert_eq!(room.links.len(), 1);
    let (_, central, _) = room.links.values().next().unwrap();
    let lower =
        usize::from(room.phones[1].discovery.presence() < room.phones[0].discovery.presence());
    assert_eq!(*central, lower);
    room.run(Duration::from_secs(120));
    assert_eq!(room.links.len(), 1);
    // The peripheral knows its link by another device id than the one it hears: it may have to
    // find out once that they are one phone, and never again.
    assert!(room.dial_count <= 2, "{}", room.dial_count);
}

#[test]
fn roles_swap_where_one_side_cannot_connect() {
    for broken in [0, 1] {
        let mut room = Room::new(2, &BleConfig::default());
        room.broken_central = Some(broken);
        room.run(Duration::from_secs(11));
        assert_eq!(room.links.len(), 1, "broken central {broken}");
    }
}

#[test]
fn a_crowd_keeps_its_budget_and_leaves_nobody_alone() {
    let config = BleConfig::default();
    let mut room = Room::new(20, &config);
    room.run(Duration::from_secs(60));
    for n in 0..20 {
        assert!(room.links_of(n) >= 1, "phone {n} is alone");
        assert!(room.links_of(n) <= config.link_budget);
        // One more may exist for the instant in which it is refused.
        assert!(room.phones[n].most_links <= config.link_budget + 1);
    }
    let calm = room.dial_count;
    room.run(Duration::from_secs(60));
    assert!(
        room.dial_count - calm < 60,
        "{} more attempts",
        room.dial_count - calm
    );
    assert_eq!(
        room.pairs().len(),
        room.links.len(),
        "two links between one pair"
    );
}

#[test]
fn a_full_crowd_still_takes_a_phone_without_links() {
    let config = BleConfig::default();
    let mut room = Room::new(20, &config);
    room.power(19, false);
    room.run(Duration::from_secs(30));
    room.power(19, true);
    room.run(Duration::from_secs(5));
    assert!(room.links_of(19) >= 1);
}

#[test]
fn a_pair_that_walks_into_a_crowd_finds_room() {
    let config = BleConfig::default();
    let mut room = Room::new(20, &config);
    // The pair hears only each other at first.
    room.reachable = |n, m| (n < 18) == (m < 18);
    room.run(Duration::from_secs(30));
    assert_eq!(room.links_of(18), 1);
    room.reachable = |_, _| true;
    room.run(Duration::from_secs(30));
    let across = room
        .pairs()
        .into_iter()
        .filter(|(n, m)| *n < 18 && *m >= 18);
    assert!(across.count() >= 1);
}

#[test]
fn links_come_back_after_the_power_was_off() {
    let mut room = Room::new(4, &BleConfig::default());
    room.run(Duration::from_secs(5));
    assert_eq!(room.pairs().len(), 6);
    room.power(2, false);
    room.run(Duration::from_secs(60));
    assert_eq!(room.pairs().len(), 3);
    assert_eq!(room.phones[2].discovery.deadline(), None);
    room.power(2, true);
    room.run(Duration::from_secs(2));
    assert_eq!(room.pairs().len(), 6);
}

#[test]
fn one_hundred_power_cycles_end_with_a_link_each() {
    let mut room = Room::new(2, &BleConfig::default());
    for cycle in 0..100 {
        room.power(cycle % 2, false);
        room.run(Duration::from_secs(1 + cycle as u64 % 7));
        room.power(cycle % 2, true);
        room.run(Duration::from_secs(3));
        assert_eq!(room.links.len(), 1, "cycle {cycle}");
    }
}

#[test]
fn rotation_changes_the_id_in_time_and_breaks_no_link() {
    let mut room = Room::new(2, &BleConfig::default());
    room.run(Duration::from_secs(5));
    let link = *room.links.keys().next().unwrap();
    let mut seen = BTreeSet::from([room.phones[0].discovery.presence()]);
    let mut last = (room.now, room.phones[0].discovery.presence());
    for _ in 0..240 {
        room.run(Duration::from_secs(15));
        let presence = room.phones[0].discovery.presence();
        if presence != last.1 {
            assert!(seen.insert(presence), "an id came again");
            last = (room.now, presence);
        }
        assert!(room.now.since(last.0) <= BleConfig::default().presence_life);
    }
    assert!(seen.len() >= 5);
    assert_eq!(room.links.keys().copied().collect::<Vec<_>>(), [link]);
    assert!(room.dial_count <= 3);
}
