//! Ranges, scans, shared radios and people on their way.

use super::*;

#[test]
fn scanning_hears_who_advertises_in_range_and_is_not_linked() {
    let mut room = Room::new(WorldConfig::default(), 3);
    room.world.act(Act::Move {
        phone: 2,
        x_mm: 50_000,
        y_mm: 0,
    });
    for phone in 0..3 {
        room.advertise(phone);
    }
    room.say(
        0,
        RadioCommand::Scan {
            duty: ScanDuty::High,
        },
    );
    room.run(SECOND * 10);
    let devices: BTreeSet<u64> = room
        .heard(0)
        .iter()
        .filter_map(|(_, event)| match event {
            RadioEvent::Discovered { device, advert, .. } => {
                assert_eq!(advert.len(), 12);
                Some(device.0)
            }
            _ => None,
        })
        .collect();
    assert_eq!(devices, BTreeSet::from([room.world.phones[1].device.0]));
    let times = room.discoveries(0);
    assert!(times[0] < 200_000, "the first advert is heard: {times:?}");
    assert_eq!(times.len(), 5, "then every other second: {times:?}");
    room.link(0, 1);
    let linked = room.discoveries(0).len();
    room.run(SECOND * 10);
    assert_eq!(room.discoveries(0).len(), linked, "nothing while linked");
    room.say(0, RadioCommand::StopScan);
    room.world.act(Act::Move {
        phone: 2,
        x_mm: 2000,
        y_mm: 0,
    });
    room.run(SECOND * 5);
    assert_eq!(room.discoveries(0).len(), linked, "nothing without a scan");
}

#[test]
fn a_low_scan_duty_hears_later() {
    let first_heard = |duty, seed| {
        let config = WorldConfig {
            seed,
            ..WorldConfig::default()
        };
        let mut room = Room::new(config, 2);
        room.advertise(1);
        room.say(0, RadioCommand::Scan { duty });
        room.run(SECOND * 60);
        room.discoveries(0)[0]
    };
    let mean = |duty| (0..40).map(|seed| first_heard(duty, seed)).sum::<u64>() / 40;
    let (high, balanced, low) = (
        mean(ScanDuty::High),
        mean(ScanDuty::Balanced),
        mean(ScanDuty::Low),
    );
    assert!(high < 110_000, "{high}");
    assert!(balanced > 2 * high && balanced < 1_200_000, "{balanced}");
    assert!(low > balanced && low < 3_000_000, "{low}");
}

#[test]
fn a_controller_holds_only_so_many_links() {
    let mut room = Room::new(
        WorldConfig {
            profile: Some(Profile::Android),
            range_mm: 1_000_000,
            ..WorldConfig::default()
        },
        10,
    );
    for phone in 1..10 {
        room.advertise(phone);
        room.connect(0, phone);
    }
    room.run(SECOND * 8);
    assert_eq!(room.world.phones[0].links.len(), 7);
}

#[test]
fn seven_busy_links_share_one_radio() {
    let throughput = |links: usize| {
        let mut room = Room::new(
            WorldConfig {
                range_mm: 1_000_000,
                profile: Some(Profile::Android),
                ..WorldConfig::default()
            },
            links + 1,
        );
        for phone in 1..=links {
            room.link(0, phone);
        }
        // Past the OS, straight into the queues: the air alone is measured.
        let now_us = room.world.now_us;
        let ids: Vec<u64> = room.world.connections.keys().copied().collect();
        for id in ids {
            let connection = room.world.connections.get_mut(&id).unwrap();
            for _ in 0..1000 {
                connection.ends[0].push(vec![1; 244], now_us);
            }
            let at_us = connection.next_anchor(now_us).unwrap();
            connection.armed = Some(at_us);
            room.world
                .queue
                .push(at_us, Happening::Anchor { connection: id });
        }
        room.run(SECOND);
        (1..=links)
            .map(|phone| room.values(phone).len())
            .sum::<usize>()
    };
    // Ten full PDUs an event; with seven links each event has 6 * 388 µs less, and a radio can do
    // no more than 1 s / 1392 µs = 718 of them.
    let one = throughput(1);
    assert!((650..=670).contains(&one), "{one}");
    let seven = throughput(7);
    assert!((400..=718).contains(&seven), "{seven}");
}

#[test]
fn walks_pass_through_the_places_between() {
    let mut room = Room::new(WorldConfig::default(), 2);
    room.world.walk(
        1,
        &[
            (SECOND, 1000, 0),
            (SECOND * 21, 21_000, 0),
            (SECOND * 31, 21_000, 0),
            (SECOND * 41, 1000, 0),
        ],
    );
    let at = |room: &Room| room.world.phones[1].x_mm;
    room.run(SECOND * 11);
    assert_eq!(at(&room), 11_000);
    assert!(room.world.near(0).contains(&1));
    room.run(SECOND * 2);
    assert_eq!(at(&room), 13_000);
    assert!(room.world.near(0).is_empty());
    room.run(SECOND * 15);
    assert_eq!(at(&room), 21_000);
    room.run(SECOND * 30);
    assert_eq!(at(&room), 1000);
    assert_eq!(room.world.within(0), BTreeSet::from([0, 1]));
}

#[test]
fn garbled_and_replayed_values_are_counted() {
    let mut room = Room::new(WorldConfig::default(), 2);
    let [link, _] = room.link(0, 1);
    room.world.set_adversary(Some(Adversary::new(1, 200, 200)));
    let sent = numbered(100, 50);
    room.send_all(0, link, &sent);
    room.run(SECOND * 2);
    let adversary = room.world.adversary().unwrap();
    assert!(adversary.garbled > 5 && adversary.replayed > 5);
    let arrived = room.values(1);
    assert_eq!(arrived.len() as u64, 100 + adversary.replayed);
    let whole = sent.iter().filter(|value| arrived.contains(value)).count() as u64;
    assert!(whole + adversary.garbled >= 100);
}
