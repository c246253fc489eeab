//! A few phones as a shell would run them, joined by a fake radio.

use std::collections::BTreeMap;
use std::sync::Arc;

use althing::crypto::Ed25519;
use althing::group::Retrace;
use althing::node::Transcript;
use althing::rules::counter::{self, CounterAction};
use althing::state::{Key, Map};
use althing::{Duration, Instant};
use althing_driver::{Clock, ManualClock};
use althing_ffi::{
    Althing, AlthingError, Event, Fate, LinkDownReason, OperationResult, Outputs, PowerState,
    RadioCommand, RadioEvent, Role, Status, Table, Validity,
};

const PERIOD_MS: u64 = 100;

#[derive(Clone, Debug)]
enum Due {
    Radio(usize, RadioEvent),
    /// Adverts are heard.
    Adverts,
}

struct Phone {
    althing: Arc<Althing>,
    /// Switched off, nothing reaches it and nothing comes from it.
    on: bool,
    scanning: bool,
    advert: Option<Vec<u8>>,
    wake_at_ms: Option<u64>,
    events: Vec<Event>,
}

fn phone(secret: u8, seed: u8, starts: u64, clock: &ManualClock) -> Phone {
    let clock = Arc::new(clock.clone());
    let althing = Althing::with_clock(vec![secret + 1; 32], vec![seed; 32], starts, clock);
    Phone {
        althing: althing.expect("both keys have 32 bytes"),
        on: true,
        scanning: false,
        advert: None,
        wake_at_ms: None,
        events: Vec::new(),
    }
}

/// A room in which everyone hears everyone, and nothing is lost.
struct Room {
    clock: ManualClock,
    phones: Vec<Phone>,
    /// By (phone, link): the other end.
    ends: BTreeMap<(usize, u64), (usize, u64)>,
    due: BTreeMap<(u64, u64), Due>,
    counter: u64,
}

impl Room {
    fn new(count: u8) -> Self {
        let clock = ManualClock::new(Instant::from_millis(1_000));
        let phones = (0..count)
            .map(|index| phone(index, index + 101, 0, &clock))
            .collect();
        let mut room = Self {
            clock,
            phones,
            ends: BTreeMap::new(),
            due: BTreeMap::new(),
            counter: 0,
        };
        for phone in 0..usize::from(count) {
            room.power_on(phone);
        }
        room.later(PERIOD_MS, Due::Adverts);
        room
    }

    fn power_on(&mut self, phone: usize) {
        let state = PowerState::On;
        self.later(0, Due::Radio(phone, RadioEvent::PowerChanged { state }));
    }

    /// The phone's process ends: the others lose their links to it.
    fn kill(&mut self, phone: usize) {
        let links: Vec<(usize, u64)> = self.ends.keys().copied().collect();
        for (owner, link) in links {
            if owner == phone {
                self.disconnect(phone, link);
            }
        }
        let dead = &mut self.phones[phone];
        dead.on = false;
        dead.scanning = false;
        dead.advert = None;
        dead.wake_at_ms = None;
    }

    /// A new object of a phone that was killed.
    fn restart(&mut self, index: usize, starts: u64) {
        let secret = u8::try_from(index).expect("few");
        // What was under way to the old object is nobody's.
        self.due
            .retain(|_, due| !matches!(due, Due::Radio(phone, _) if *phone == index));
        self.phones[index] = phone(secret, secret + 201, starts, &self.clock);
        self.power_on(index);
    }

    /// Adds to the counter from a phone.
    fn add(&mut self, phone: usize, group: &str, amount: i64) {
        let payload = CounterAction::Add {
            amount,
            expect: None,
        };
        let submitted = self.phones[phone]
            .althing
            .submit(
                group.to_owned(),
                payload.encode(),
                Vec::new(),
                Validity::default(),
            )
            .expect("the group runs");
        self.take(phone, submitted.outputs);
    }

    fn value(&self, phone: usize, group: &str) -> Option<i64> {
        self.committed(phone, group)
            .as_ref()
            .and_then(counter::value)
    }

    /// Opens a table at phone 0 that everyone joins, and starts it. Gives its id and ticket.
    fn table(&mut self) -> (String, String) {
        let opened = self.phones[0].althing.open_table(
            "Anna".to_owned(),
            "counter".to_owned(),
            Vec::new(),
            None,
        );
        let Table {
            group,
            ticket,
            outputs,
        } = opened.expect("the counter is built in");
        self.take(0, outputs);
        for phone in 1..self.phones.len() {
            self.join(phone, &group, &ticket);
        }
        let all = self.phones.len();
        self.run_until("all are listed", |room| {
            room.saw(
                0,
                |event| matches!(event, Event::Gathering { entries, .. } if entries.len() == all),
            )
        });
        let outputs = self.phones[0].althing.start_table(group.clone());
        self.take(0, outputs.expect("enough are here"));
        self.run_until("all have started", |room| {
            (0..all).all(|phone| room.saw(phone, |event| matches!(event, Event::Started { .. })))
        });
        (group, ticket)
    }

    fn join(&mut self, phone: usize, group: &str, ticket: &str) {
        let joined = self.phones[phone]
            .althing
            .join_table(ticket.to_owned(), "Björn".to_owned());
        let joined = joined.expect("a fresh ticket");
        assert_eq!(joined.group, group);
        self.take(phone, joined.outputs);
    }

    fn now_ms(&self) -> u64 {
        self.clock.now().as_millis()
    }

    fn fresh(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn later(&mut self, ms: u64, due: Due) {
        let order = self.fresh();
        self.due.insert((self.now_ms() + ms, order), due);
    }

    fn device(phone: usize) -> u64 {
        phone as u64 + 1_000
    }

    /// Carries out what a call returned.
    fn take(&mut self, phone: usize, outputs: Outputs) {
        self.phones[phone].wake_at_ms = outputs.wake_after_ms.map(|after| self.now_ms() + after);
        self.phones[phone].events.extend(outputs.events);
        for command in outputs.radio {
            match command {
                RadioCommand::Scan { .. } => self.phones[phone].scanning = true,
                RadioCommand::StopScan => self.phones[phone].scanning = false,
                RadioCommand::Advertise { advert, .. } => {
                    self.phones[phone].advert = Some(advert);
                }
                RadioCommand::StopAdvertising => self.phones[phone].advert = None,
                RadioCommand::Connect { device } => self.connect(phone, device),
                RadioCommand::Disconnect { link } => self.disconnect(phone, link),
                RadioCommand::Write { link, op, bytes }
                | RadioCommand::Notify { link, op, bytes } => self.carry(phone, link, op, bytes),
            }
        }
    }

    fn connect(&mut self, central: usize, device: u64) {
        let peripheral = usize::try_from(device - 1_000).expect("one of ours");
        if !self.phones[peripheral].on {
            return;
        }
        let links = [self.fresh(), self.fresh()];
        let sides = [
            (central, links[0], peripheral, Role::Central),
            (peripheral, links[1], central, Role::Peripheral),
        ];
        self.ends
            .insert((central, links[0]), (peripheral, links[1]));
        self.ends
            .insert((peripheral, links[1]), (central, links[0]));
        for (phone, link, other, role) in sides {
            let up = RadioEvent::LinkUp {
                link,
                device: Self::device(other),
                role,
                value_len_max: 244,
            };
            self.later(30, Due::Radio(phone, up));
            self.later(60, Due::Radio(phone, RadioEvent::Ready { link }));
        }
    }

    /// Lets time pass.
    fn pass(&mut self, ms: u64) {
        let end = self.now_ms() + ms;
        while self.now_ms() < end {
            self.step();
        }
    }

    fn disconnect(&mut self, phone: usize, link: u64) {
        let Some((other, other_link)) = self.ends.remove(&(phone, link)) else {
            return;
        };
        self.ends.remove(&(other, other_link));
        for (phone, link, reason) in [
            (phone, link, LinkDownReason::Local),
            (other, other_link, LinkDownReason::Remote),
        ] {
            self.later(1, Due::Radio(phone, RadioEvent::LinkDown { link, reason }));
        }
    }

    fn carry(&mut self, phone: usize, link: u64, op: u64, bytes: Vec<u8>) {
        let Some((other, other_link)) = self.ends.get(&(phone, link)).copied() else {
            return;
        };
        assert!(bytes.len() <= 244);
        let completed = RadioEvent::OperationCompleted {
            link,
            op,
            result: OperationResult::Done,
        };
        let received = RadioEvent::ValueReceived {
            link: other_link,
            bytes,
        };
        self.later(2, Due::Radio(phone, completed));
        self.later(5, Due::Radio(other, received));
    }

    fn adverts(&mut self) {
        for phone in 0..self.phones.len() {
            for other in 0..self.phones.len() {
                if phone != other
                    && self.phones[phone].scanning
                    && let Some(advert) = self.phones[other].advert.clone()
                {
                    let heard = RadioEvent::Discovered {
                        device: Self::device(other),
                        advert,
                        rssi: -50,
                    };
                    self.later(phone as u64, Due::Radio(phone, heard));
                }
            }
        }
        self.later(PERIOD_MS, Due::Adverts);
    }

    /// Lets the next thing happen.
    fn step(&mut self) {
        let wake = (0..self.phones.len())
            .filter_map(|phone| Some((self.phones[phone].wake_at_ms?, phone)))
            .min();
        let (at, order) = *self.due.keys().next().expect("adverts go on for ever");
        if let Some((wake_at, phone)) = wake
            && wake_at <= at
        {
            self.move_to(wake_at);
            let outputs = self.phones[phone].althing.handle_timeout();
            return self.take(phone, outputs.expect("alive"));
        }
        self.move_to(at);
        match self.due.remove(&(at, order)).expect("was there") {
            Due::Adverts => self.adverts(),
            Due::Radio(phone, _) if !self.phones[phone].on => {}
            Due::Radio(phone, event) => {
                let outputs = self.phones[phone].althing.handle_radio(event);
                self.take(phone, outputs.expect("alive"));
            }
        }
    }

    fn move_to(&mut self, at_ms: u64) {
        let ahead = at_ms.saturating_sub(self.now_ms());
        self.clock.advance(Duration::from_millis(ahead));
    }

    /// Runs until `done`, for at most a minute of its own time.
    fn run_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let limit = self.now_ms() + 60_000;
        while !done(self) {
            self.step();
            assert!(self.now_ms() < limit, "a minute has passed: {what}");
        }
    }

    fn saw(&self, phone: usize, what: impl Fn(&Event) -> bool) -> bool {
        self.phones[phone].events.iter().any(what)
    }

    fn committed(&self, phone: usize, group: &str) -> Option<Map> {
        let althing = &self.phones[phone].althing;
        let entries = althing.committed(group.to_owned()).expect("alive")?;
        let mut map = Map::new();
        for entry in entries {
            let key = Key::new(&entry.key).expect("the core's own key");
            map.insert(key, entry.value);
        }
        Some(map)
    }
}

#[test]
fn two_phones_commit_one_action() {
    let mut room = Room::new(2);
    let (group, _) = room.table();
    for phone in &room.phones {
        assert_eq!(phone.althing.groups(), Ok(vec![group.clone()]));
    }

    let payload = CounterAction::Add {
        amount: 5,
        expect: Some(0),
    };
    let submitted = room.phones[1]
        .althing
        .submit(
            group.clone(),
            payload.encode(),
            Vec::new(),
            Validity::default(),
        )
        .expect("the group runs");
    let submission = submitted.submission;
    room.take(1, submitted.outputs);
    // Shown at once, committed later.
    let view = room.phones[1].althing.view(group.clone());
    let view = view.expect("alive").expect("started");
    assert_eq!(view.pending.len(), 1);
    assert_eq!(
        room.committed(1, &group).as_ref().and_then(counter::value),
        Some(0)
    );

    room.run_until("the action is committed everywhere", |room| {
        (0..2).all(|phone| {
            let map = room.committed(phone, &group);
            map.as_ref().and_then(counter::value) == Some(5)
        })
    });
    assert!(room.saw(1, |event| {
        matches!(event, Event::Fate { submission: id, fate: Fate::Committed { .. }, .. } if *id == submission)
    }));
    let views: Vec<_> = room
        .phones
        .iter()
        .map(|phone| phone.althing.view(group.clone()))
        .map(|view| view.expect("alive").expect("started"))
        .collect();
    assert_eq!(views[0].head, views[1].head);
    assert_eq!(views[0].state, views[1].state);
    assert!(views[0].head.height >= 1);
    for view in views {
        assert_eq!(view.members.len(), 2);
        assert_eq!(view.pending, []);
        assert_eq!(view.status, Status::Live);
    }
    for phone in 0..2 {
        assert!(!room.saw(phone, |event| matches!(event, Event::PeerFault { .. })));
    }
}

/// What one phone exports leads whoever has the rules to the state that the other one shows; what was
/// before can be looked at.
#[test]
fn a_transcript_is_executed_again_elsewhere() {
    let mut room = Room::new(2);
    let (group, _) = room.table();
    for amount in [5, 7] {
        let before = room.value(0, &group).expect("started");
        room.add(0, &group, amount);
        room.run_until("the action is committed everywhere", |room| {
            (0..2).all(|phone| room.value(phone, &group) == Some(before + amount))
        });
    }
    let althing = &room.phones[0].althing;
    let bytes = althing.transcript(group.clone()).expect("alive");
    let transcript = Transcript::decode(&bytes.expect("started")).expect("a whole file");
    let retrace = Retrace::new(&transcript, Arc::new(counter::Counter), Arc::new(Ed25519));
    let steps: Vec<_> = retrace
        .expect("a genesis of this group")
        .map(|step| step.expect("what was agreed on"))
        .collect();
    let last = &steps[steps.len() - 1].state;
    assert_eq!(Some(last), room.committed(1, &group).as_ref());
    assert_eq!(counter::value(last), Some(12));

    let head = steps[steps.len() - 1].height;
    let first = althing.committed_at(group.clone(), 0).expect("kept");
    assert_ne!(
        Some(first),
        althing.committed(group.clone()).expect("alive")
    );
    assert_eq!(
        althing.committed_at(group.clone(), head + 1),
        Err(AlthingError::NotKept {
            height: head + 1,
            oldest: 1,
            head,
        })
    );
    assert_eq!(althing.transcript("00".repeat(16)), Ok(None));
}

/// With a store that holds nothing a phone cannot know what it voted for: it comes back by the
/// ticket and follows, but its vote is missing where it is needed.
#[test]
fn a_restarted_phone_follows_and_does_not_vote() {
    let mut room = Room::new(3);
    let (group, ticket) = room.table();
    room.add(0, &group, 5);
    let all_have = |value: i64, phones: &'static [usize]| {
        let group = group.clone();
        move |room: &Room| {
            let mut phones = phones.iter();
            phones.all(|phone| room.value(*phone, &group) == Some(value))
        }
    };
    room.run_until("the first action is committed", all_have(5, &[0, 1, 2]));

    room.kill(2);
    room.pass(2_000);
    room.restart(2, 1);
    assert_eq!(room.phones[2].althing.groups(), Ok(Vec::new()));
    room.join(2, &group, &ticket);
    room.run_until("it has what it missed", all_have(5, &[2]));
    room.add(1, &group, 20);
    room.run_until(
        "it follows what two others commit",
        all_have(25, &[0, 1, 2]),
    );

    // Two of three are a quorum, but one of these two has no vote.
    room.kill(1);
    room.add(0, &group, 100);
    room.pass(40_000);
    assert_eq!(room.value(0, &group), Some(25));
    assert_eq!(room.value(2, &group), Some(25));
    let links = room.ends.len();
    assert_eq!(links, 2, "the two are linked all the while");
}

/// What the restarted phone must not do, any other one does.
#[test]
fn two_of_three_commit() {
    let mut room = Room::new(3);
    let (group, _) = room.table();
    room.kill(1);
    room.add(0, &group, 100);
    room.run_until("two commit", |room| {
        [0, 2]
            .iter()
            .all(|phone| room.value(*phone, &group) == Some(100))
    });
}

/// The counter that needs no agreement: each shows his own at once, both the sum on contact.
#[test]
fn two_phones_count_without_agreement() {
    let mut room = Room::new(2);
    let (group, _) = room.table();
    for (phone, amount) in [(0, 7), (1, -2)] {
        let outputs = room.phones[phone].althing.count(group.clone(), amount);
        room.take(phone, outputs.expect("the group runs"));
        let tally = room.phones[phone].althing.tally(group.clone());
        let tally = tally.expect("alive").expect("started");
        assert_eq!(tally.members[phone].value, amount, "shown at once");
        assert!(room.saw(phone, |event| matches!(event, Event::Tally { .. })));
    }
    room.run_until("both show the sum", |room| {
        room.phones.iter().all(|phone| {
            let tally = phone.althing.tally(group.clone()).expect("alive");
            tally.is_some_and(|tally| tally.value == 5)
        })
    });
    let full = room.phones[0].althing.count(group.clone(), i64::MAX);
    assert!(matches!(
        full,
        Err(AlthingError::TallyFull { total: 7, .. })
    ));
    assert_eq!(room.phones[0].althing.tally("00".repeat(16)), Ok(None));
}
