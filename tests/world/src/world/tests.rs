//! The stack and the air alone: phones are puppets, tests say what their nodes would.

use althing::ble::{
    AdvertInterval, LinkDownReason, OperationResult, PowerState, RadioCommand, RadioEvent, Role,
    ScanDuty,
};
use althing::id::OpId;

use super::*;

mod air;

const SECOND: Duration = Duration::from_secs(1);

struct Room {
    world: World,
    ops: u64,
}

impl Room {
    fn new(config: WorldConfig, phones: usize) -> Self {
        let mut world = World::new(WorldConfig {
            interval_us: Some(15_000),
            profile: config.profile.or(Some(Profile::Bluez)),
            ..config
        });
        for phone in 0..phones {
            let x = i64::try_from(phone).unwrap() * 1000;
            world.put_phone("puppet", x, 0);
            world.phones[phone].puppet = Some(Vec::new());
        }
        Self { world, ops: 0 }
    }

    fn run(&mut self, time: Duration) {
        let until = self.world.now() + time;
        self.world.run_until(until);
    }

    fn say(&mut self, phone: usize, command: RadioCommand) {
        self.world.radio_command(phone, command);
    }

    fn advertise(&mut self, phone: usize) {
        self.say(
            phone,
            RadioCommand::Advertise {
                advert: vec![u8::try_from(phone).unwrap(); 12],
                interval: AdvertInterval::Fast,
            },
        );
    }

    fn connect(&mut self, central: usize, peripheral: usize) {
        let device = self.world.phones[peripheral].device;
        self.say(central, RadioCommand::Connect { device });
    }

    /// Connects two phones and waits until values can flow.
    fn link(&mut self, central: usize, peripheral: usize) -> [LinkId; 2] {
        self.advertise(peripheral);
        self.connect(central, peripheral);
        self.run(SECOND * 2);
        [central, peripheral].map(|phone| {
            let links = &self.world.phones[phone].links;
            let (link, state) = links.last_key_value().expect("a link is up");
            assert!(state.ready);
            *link
        })
    }

    fn send(&mut self, phone: usize, link: LinkId, bytes: Vec<u8>) -> OpId {
        self.ops += 1;
        let op = OpId(self.ops);
        let command = match self.world.phones[phone].links[&link].role {
            Role::Central => RadioCommand::Write { link, op, bytes },
            Role::Peripheral => RadioCommand::Notify { link, op, bytes },
        };
        self.say(phone, command);
        op
    }

    fn heard(&self, phone: usize) -> &[(u64, RadioEvent)] {
        self.world.phones[phone].puppet.as_ref().unwrap()
    }

    fn values(&self, phone: usize) -> Vec<Vec<u8>> {
        self.heard(phone)
            .iter()
            .filter_map(|(_, event)| match event {
                RadioEvent::ValueReceived { bytes, .. } => Some(bytes.clone()),
                _ => None,
            })
            .collect()
    }

    fn downs(&self, phone: usize) -> Vec<(u64, LinkDownReason)> {
        self.heard(phone)
            .iter()
            .filter_map(|(at, event)| match event {
                RadioEvent::LinkDown { reason, .. } => Some((*at, *reason)),
                _ => None,
            })
            .collect()
    }

    fn discoveries(&self, phone: usize) -> Vec<u64> {
        self.heard(phone)
            .iter()
            .filter(|(_, event)| matches!(event, RadioEvent::Discovered { .. }))
            .map(|(at, _)| *at)
            .collect()
    }

    /// Sends values one after another, each when the last one's operation is done.
    fn send_all(&mut self, phone: usize, link: LinkId, values: &[Vec<u8>]) {
        for value in values {
            let mut done = false;
            while !done {
                let op = self.send(phone, link, value.clone());
                let answered = |world: &World| {
                    let heard = world.phones[phone].puppet.as_ref().unwrap();
                    heard.iter().rev().find_map(|(_, event)| match event {
                        RadioEvent::OperationCompleted { op: of, result, .. } if *of == op => {
                            Some(*result)
                        }
                        _ => None,
                    })
                };
                let until = self.world.now() + SECOND;
                assert!(
                    self.world
                        .run_until_or(until, &mut |world| answered(world).is_some())
                );
                done = answered(&self.world) == Some(OperationResult::Done);
                if !done {
                    self.run(Duration::from_millis(20));
                }
            }
        }
    }

    fn sound(&self) {
        assert_eq!(self.world.violations(), []);
    }
}

fn numbered(count: u8, len: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| vec![number; len]).collect()
}

#[test]
fn a_connection_is_set_up_step_by_step() {
    let mut room = Room::new(WorldConfig::default(), 2);
    let [central, peripheral] = room.link(0, 1);
    assert_ne!(central, peripheral, "each end has its own name for it");
    let steps: Vec<&RadioEvent> = room.heard(0).iter().map(|(_, event)| event).collect();
    assert!(matches!(
        steps[..],
        [
            RadioEvent::LinkUp {
                role: Role::Central,
                value_len_max: 20,
                ..
            },
            RadioEvent::ValueLengthChanged {
                value_len_max: 510,
                ..
            },
            RadioEvent::Ready { .. }
        ]
    ));
    let at = |phone: usize, index: usize| room.heard(phone)[index].0;
    assert_eq!(at(0, 1) - at(0, 0), 5 * 15_000);
    assert_eq!(
        at(1, 2) - at(1, 1),
        12 * 15_000,
        "services and subscription"
    );
    assert_eq!(
        at(0, 2) - at(1, 2),
        15_000,
        "the central knows one event later"
    );
    room.sound();
}

#[test]
fn services_are_found_faster_the_second_time() {
    let mut room = Room::new(WorldConfig::default(), 2);
    let [link, _] = room.link(0, 1);
    room.say(0, RadioCommand::Disconnect { link });
    room.run(SECOND);
    room.link(0, 1);
    let readies: Vec<u64> = room
        .heard(1)
        .iter()
        .filter(|(_, event)| {
            matches!(
                event,
                RadioEvent::ValueLengthChanged { .. } | RadioEvent::Ready { .. }
            )
        })
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(readies[1] - readies[0], 12 * 15_000);
    assert_eq!(readies[3] - readies[2], 2 * 15_000);
}

#[test]
fn values_arrive_in_order_at_the_connection_events() {
    for loss_permille in [0, 200] {
        let mut room = Room::new(
            WorldConfig {
                loss_permille,
                ..WorldConfig::default()
            },
            2,
        );
        let [down, up] = room.link(0, 1);
        room.send_all(0, down, &numbered(40, 244));
        room.send_all(1, up, &numbered(40, 300));
        room.run(SECOND * 3);
        assert_eq!(room.values(1), numbered(40, 244), "at loss {loss_permille}");
        assert_eq!(room.values(0), numbered(40, 300), "at loss {loss_permille}");
        room.sound();
    }
}

#[test]
fn one_value_takes_host_delays_and_the_next_anchor() {
    let mut room = Room::new(WorldConfig::default(), 2);
    let [link, _] = room.link(0, 1);
    room.run(Duration::from_micros(777));
    let sent_us = room.world.now_us;
    let connection = room.world.connections.values().next().unwrap();
    let anchor_us = connection.anchor_from(sent_us + 1_000);
    room.send(0, link, vec![7; 100]);
    room.run(SECOND);
    let (at_us, _) = room.heard(1).last().unwrap();
    assert_eq!(*at_us, anchor_us + Phy::TWO.data_us(107) + 1_000);
}

#[test]
fn shuffled_values_all_arrive_and_out_of_order() {
    let mut room = Room::new(
        WorldConfig {
            shuffle_permille: 400,
            ..WorldConfig::default()
        },
        2,
    );
    let [link, _] = room.link(0, 1);
    let sent = numbered(100, 244);
    room.send_all(0, link, &sent);
    room.run(SECOND * 2);
    let mut arrived = room.values(1);
    let overtaken = arrived.windows(2).filter(|pair| pair[0] > pair[1]).count();
    assert!(overtaken > 10, "{overtaken} of 100 were overtaken");
    arrived.sort();
    assert_eq!(arrived, sent);
}

#[test]
fn a_full_queue_waits_or_answers_busy() {
    for (profile, busy) in [(Profile::Bluez, true), (Profile::Android, false)] {
        let mut room = Room::new(
            WorldConfig {
                profile: Some(profile),
                ..WorldConfig::default()
            },
            2,
        );
        let [link, _] = room.link(0, 1);
        // Out of reach nothing leaves the stack.
        room.world.act(Act::Move {
            phone: 1,
            x_mm: 1_000_000,
            y_mm: 0,
        });
        for _ in 0..profile.queue_max() {
            room.send(0, link, vec![1; 20]);
            room.run(Duration::from_millis(1));
        }
        let last = room.send(0, link, vec![2; 20]);
        room.run(Duration::from_millis(1));
        let answer = room
            .heard(0)
            .iter()
            .rev()
            .find_map(|(_, event)| match event {
                RadioEvent::OperationCompleted { op, result, .. } if *op == last => Some(*result),
                _ => None,
            });
        assert_eq!(answer, busy.then_some(OperationResult::Busy), "{profile:?}");
        room.world.act(Act::Move {
            phone: 1,
            x_mm: 1000,
            y_mm: 0,
        });
        room.run(SECOND);
        let expected = profile.queue_max() + usize::from(!busy);
        assert_eq!(room.values(1).len(), expected, "{profile:?}");
        room.sound();
    }
}

#[test]
fn misuse_of_a_stack_is_a_violation() {
    let misuse = |act: &dyn Fn(&mut Room, [LinkId; 2])| {
        let mut room = Room::new(WorldConfig::default(), 2);
        let links = room.link(0, 1);
        act(&mut room, links);
        let violations = room.world.violations();
        assert_eq!(violations.len(), 1, "{violations:?}");
        violations[0].what.clone()
    };
    let two = misuse(&|room, [link, _]| {
        room.send(0, link, vec![1]);
        room.send(0, link, vec![2]);
    });
    assert!(two.contains("outstanding"), "{two}");
    let long = misuse(&|room, [link, _]| {
        room.send(0, link, vec![1; 510]);
        room.run(SECOND);
        room.send(0, link, vec![1; 511]);
    });
    assert!(long.contains("511 bytes where 510 fit"), "{long}");
    let role = misuse(&|room, [_, link]| {
        room.say(
            1,
            RadioCommand::Write {
                link,
                op: OpId(9),
                bytes: vec![1],
            },
        );
    });
    assert!(role.contains("as Peripheral"), "{role}");
    let gone = misuse(&|room, [link, _]| {
        room.say(0, RadioCommand::Disconnect { link });
        room.run(SECOND);
        room.say(
            0,
            RadioCommand::Write {
                link,
                op: OpId(9),
                bytes: vec![1],
            },
        );
    });
    assert!(gone.contains("gone"), "{gone}");
    let advert = misuse(&|room, _| {
        room.say(
            0,
            RadioCommand::Advertise {
                advert: vec![0; 13],
                interval: AdvertInterval::Slow,
            },
        );
    });
    assert!(advert.contains("13 bytes"), "{advert}");
}

#[test]
fn silence_ends_a_link_after_six_seconds_and_a_short_one_does_not() {
    let mut room = Room::new(WorldConfig::default(), 2);
    let [link, _] = room.link(0, 1);
    let far = Act::Move {
        phone: 1,
        x_mm: 12_001,
        y_mm: 0,
    };
    let near = Act::Move {
        phone: 1,
        x_mm: 12_000,
        y_mm: 0,
    };
    room.world.act(far.clone());
    room.send(0, link, vec![5]);
    room.run(Duration::from_millis(5_999));
    assert!(room.values(1).is_empty());
    room.world.act(near);
    room.run(SECOND);
    assert_eq!(
        room.values(1),
        vec![vec![5]],
        "it was repeated until it passed"
    );
    room.world.act(far);
    let cut_us = room.world.now_us;
    room.run(SECOND * 7);
    let down = vec![(cut_us + 6_000_000, LinkDownReason::Timeout)];
    assert_eq!(room.downs(0), down);
    assert_eq!(room.downs(1), down);
    assert!(room.world.links().is_empty());
    room.sound();
}

#[test]
fn a_disconnect_is_learnt_by_both_ends() {
    let mut room = Room::new(WorldConfig::default(), 2);
    let [_, link] = room.link(0, 1);
    room.say(1, RadioCommand::Disconnect { link });
    room.run(SECOND);
    let reasons = |phone| {
        let downs = room.downs(phone);
        assert_eq!(downs.len(), 1);
        downs[0].1
    };
    assert_eq!(reasons(1), LinkDownReason::Local);
    assert_eq!(reasons(0), LinkDownReason::Remote);
}

#[test]
fn a_radio_that_is_switched_off_takes_its_links_along_and_comes_back_as_another_device() {
    let mut room = Room::new(WorldConfig::default(), 2);
    room.link(0, 1);
    let before = room.world.phones[1].device;
    room.world.act(Act::Radio {
        phone: 1,
        on: false,
    });
    let reported: Vec<&RadioEvent> = room.heard(1).iter().rev().map(|(_, event)| event).collect();
    assert_eq!(reported[0], &RadioEvent::PowerChanged(PowerState::Off));
    assert!(matches!(reported[1], RadioEvent::LinkDown { .. }));
    room.run(SECOND * 7);
    assert_eq!(room.downs(0).len(), 1, "the other end learns it too");
    room.world.act(Act::Radio { phone: 1, on: true });
    assert_ne!(room.world.phones[1].device, before);
    room.say(0, RadioCommand::Connect { device: before });
    room.run(SECOND * 10);
    assert!(room.world.links().is_empty(), "the old device is nobody");
    assert!(room.world.attempts.is_empty(), "an attempt ends");
}

#[test]
fn a_crash_takes_unsynced_batches_and_links() {
    let mut room = Room::new(WorldConfig::default(), 2);
    room.link(0, 1);
    room.world.drop_links(0, false, true);
    room.run(SECOND);
    assert_eq!(room.downs(1).len(), 1);
    assert_eq!(room.downs(1)[0].1, LinkDownReason::Remote);
    assert!(room.downs(0).is_empty(), "nobody is there to learn it");
}

#[test]
fn one_seed_has_one_course() {
    let course = |seed| {
        let config = WorldConfig {
            seed,
            loss_permille: 100,
            shuffle_permille: 400,
            ..WorldConfig::default()
        };
        let mut room = Room::new(config, 2);
        let [link, _] = room.link(0, 1);
        room.send_all(0, link, &numbered(30, 400));
        room.run(SECOND * 2);
        room.heard(1).to_vec()
    };
    assert_eq!(course(3), course(3));
    assert_ne!(course(3), course(4));
}
