//! From the first request to the genesis on every phone: losses, returns, crashes, the store.

use super::*;

#[test]
fn everyone_sees_everyone_and_all_start_with_one_genesis() {
    let mut room = Room::new(3);
    room.settle();
    for phone in &room.phones {
        assert_eq!(names(phone).len(), 4);
        assert_eq!(phone.entries, room.phones[0].entries);
        assert_eq!(phone.entries, phone.gathering.entries());
        assert!(phone.faults.is_empty());
    }
    assert_eq!(names(&room.phones[0])[0], "Ann");
    let started = room.phones[0].start(room.now).unwrap();
    room.phones[0].handle(GatheringInput::Timeout, room.now);
    room.settle();
    assert_eq!(started.genesis.root, ROOT);
    assert_eq!(started.genesis.index_of(&identity(0).peer()), Some(0));
    assert_eq!(started.genesis.draw_timeout_ms, 8000);
    for (index, phone) in room.phones.iter().enumerate().skip(1) {
        assert_eq!(phone.genesis.as_ref(), Some(&started));
        let entry = &started.genesis.members[usize::from(
            started
                .genesis
                .index_of(&identity(index as u8).peer())
                .unwrap(),
        )];
        assert_eq!(entry.tip, tip(index as u8));
        assert_eq!(phone.gathering.deadline(), None);
        assert_eq!(phone.gathering.waiting_for(), None);
    }
}

#[test]
fn a_table_needs_two() {
    let mut alone = Phone::opener();
    assert_eq!(
        alone.start(Instant::ZERO),
        Err(CommandError::TooFewMembers { have: 1, need: 2 })
    );
    let mut room = Room::new(1);
    room.settle();
    assert!(room.phones[0].start(room.now).is_ok());
    assert_eq!(
        room.phones[0].start(room.now),
        Err(CommandError::TableStarted)
    );
    assert_eq!(room.phones[1].start(room.now), Err(CommandError::NotOpener));
}

#[test]
fn the_default_mode_is_majority_for_friends_and_bft_from_four() {
    for (wish, two, four, sixteen) in [
        (None, Mode::Majority, Mode::Bft, Mode::Bft),
        (Some(Mode::Bft), Mode::Majority, Mode::Bft, Mode::Bft),
        (
            Some(Mode::Majority),
            Mode::Majority,
            Mode::Majority,
            Mode::Majority,
        ),
        (
            Some(Mode::Unanimous),
            Mode::Unanimous,
            Mode::Unanimous,
            Mode::Unanimous,
        ),
    ] {
        let modes = proof::modes(wish);
        assert_eq!(modes.len(), MEMBERS_MAX);
        assert_eq!(
            [modes[1], modes[2], modes[3], modes[15]],
            [two, two, four, sixteen]
        );
    }
}

#[test]
fn sixteen_sit_down_and_the_next_one_is_told() {
    let mut room = Room::new(16);
    room.settle();
    assert_eq!(room.phones[0].entries.len(), MEMBERS_MAX);
    let unlisted: Vec<_> = room
        .phones
        .iter()
        .filter(|phone| {
            phone
                .gathering
                .waiting_for()
                .is_some_and(|(what, _)| what == "a place at the table")
        })
        .collect();
    assert_eq!(unlisted.len(), 1);
    assert!(room.phones[0].faults.is_empty());
    let started = room.phones[0].start(room.now).unwrap();
    assert_eq!(started.genesis.members.len(), MEMBERS_MAX);
    for _ in 0..4 {
        room.settle();
        room.tick();
    }
    assert_eq!(
        room.phones
            .iter()
            .filter(|phone| phone.genesis.is_some())
            .count(),
        15
    );
    assert_eq!(room.phones.iter().filter(|phone| phone.left_out).count(), 1);
}

#[test]
fn who_comes_after_the_start_learns_it() {
    let mut room = Room::new(2);
    room.settle();
    room.phones[0].start(room.now).unwrap();
    room.phones.push(Phone::joiner(3));
    room.meet();
    room.settle();
    assert!(room.phones[3].left_out);
    assert!(room.phones[3].genesis.is_none());
    assert_eq!(room.phones[3].gathering.deadline(), None);
    assert!(room.phones[1].genesis.is_some());
}

#[test]
fn a_join_is_repeated_with_back_off_until_listed() {
    let mut joiner = Phone::joiner(1);
    assert_eq!(joiner.gathering.deadline(), None, "nobody to ask");
    let mut now = Instant::from_millis(500);
    // Without the inviter, whoever came may hold the genesis: the node passes the request on.
    joiner.reach(&[2], now);
    assert_eq!(joiner.sent_kinds(), [(address(0), "join")]);
    joiner.reach(&[0, 2], now);
    assert_eq!(joiner.sent_kinds(), [(address(0), "join")]);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let (at, cause) = joiner.gathering.deadline().unwrap();
        assert_eq!(cause, "join repeat");
        joiner.handle(GatheringInput::Timeout, at - Duration::from_micros(1));
        assert!(joiner.sent_kinds().is_empty());
        joiner.handle(GatheringInput::Timeout, at);
        assert_eq!(joiner.sent_kinds(), [(address(0), "join")]);
        pauses.push(at.since(now).as_millis());
        now = at;
    }
    assert_eq!(pauses, [1500, 3000, 6000, 12000, 12000, 12000]);
    joiner.reach(&[], now);
    assert_eq!(joiner.gathering.deadline(), None);
    joiner.reach(&[0], now);
    assert_eq!(joiner.sent_kinds(), [(address(0), "join")]);
    assert_eq!(
        joiner
            .gathering
            .deadline()
            .unwrap()
            .0
            .since(now)
            .as_millis(),
        1500
    );
    assert_eq!(
        joiner.gathering.waiting_for(),
        Some(("roster", vec![identity(0).peer()]))
    );
}

#[test]
fn a_listed_joiner_asks_rarely() {
    let mut room = Room::new(1);
    room.settle();
    let joiner = &mut room.phones[1];
    let (at, _) = joiner.gathering.deadline().unwrap();
    assert_eq!(at.since(room.now).as_millis(), 12000);
    joiner.handle(GatheringInput::Timeout, at);
    assert_eq!(
        joiner.gathering.deadline().unwrap().0.since(at).as_millis(),
        12000
    );
    assert_eq!(joiner.gathering.waiting_for().unwrap().0, "start");
    // Back in reach it asks at once, and the roster that it knows already lets it rest again.
    room.phones[1].reach(&[], room.now);
    room.meet();
    room.settle();
    let (at, _) = room.phones[1].gathering.deadline().unwrap();
    assert_eq!(at.since(room.now).as_millis(), 12000);
}

#[test]
fn a_lost_roster_and_a_lost_genesis_come_again() {
    let mut room = Room::new(2);
    room.deliver(&mut || true);
    room.phones[0].start(room.now).unwrap();
    let lost = room.phones[0].sent_kinds();
    assert_eq!(
        lost.iter().filter(|(_, kind)| *kind == "genesis").count(),
        2
    );
    assert_eq!(
        room.phones[0].gathering.waiting_for().unwrap().0,
        "genesis received"
    );
    assert!(room.tick());
    room.settle();
    assert!(room.phones[1..].iter().all(|phone| phone.genesis.is_some()));
    // Until they are heard it is said again.
    let (at, cause) = room.phones[0].gathering.deadline().unwrap();
    assert_eq!(cause, "genesis repeat");
    let opener = &mut room.phones[0];
    opener.handle(GatheringInput::Heard(address(1)), at);
    opener.handle(GatheringInput::Timeout, at);
    assert_eq!(opener.sent_kinds(), [(address(2), "genesis")]);
    opener.handle(GatheringInput::Heard(address(2)), at);
    assert_eq!(opener.gathering.deadline(), None);
    assert_eq!(opener.gathering.waiting_for(), None);
}

#[test]
fn who_is_out_of_reach_gets_it_on_return() {
    let mut room = Room::new(2);
    room.settle();
    let now = room.now;
    let opener = &mut room.phones[0];
    opener.reach(&[0, 1], now);
    opener.start(now).unwrap();
    assert_eq!(opener.sent_kinds(), [(address(1), "genesis")]);
    opener.handle(GatheringInput::Heard(address(1)), now);
    assert_eq!(
        opener.gathering.deadline(),
        None,
        "nobody in reach lacks it"
    );
    opener.reach(&[0, 1, 2], now);
    assert_eq!(opener.sent_kinds(), [(address(2), "genesis")]);
    opener.reach(&[0, 1], now);
    opener.reach(&[0, 1, 2], now);
    assert_eq!(
        opener.sent_kinds(),
        [(address(2), "genesis")],
        "it may have been lost"
    );
}

#[test]
fn nothing_is_said_before_it_is_stored() {
    let mut opener = Phone::opener();
    let now = Instant::from_millis(10);
    let join = join_request(&join_setup(1));
    opener.store_works = false;
    opener.reach(&[0, 1], now);
    opener.receive(address(1), GroupMessage::Join(join), now);
    assert!(opener.sent.is_empty());
    assert_eq!(opener.gathering.waiting_for(), Some(("store", vec![])));
    let (first, _) = *opener.records.last().unwrap();
    opener.handle(GatheringInput::Stored(first), now);
    assert_eq!(opener.sent_kinds(), [(address(1), "roster")]);
    opener.start(now).unwrap();
    opener.handle(GatheringInput::Stored(first), now);
    assert!(
        opener.sent.is_empty(),
        "an older completion releases nothing"
    );
    let second = opener.records.last().unwrap().0;
    assert_eq!(opener.gathering.deadline(), None);
    opener.handle(GatheringInput::Stored(second + 9), now);
    assert_eq!(opener.sent_kinds(), [(address(1), "genesis")]);
    let mut joiner = Phone::joiner(1);
    joiner.store_works = false;
    joiner.gathering.store(&mut Outbox::new());
    joiner.reach(&[0], now);
    assert!(joiner.sent.is_empty());
}

#[test]
fn a_crash_before_the_start_loses_nothing() {
    let mut room = Room::new(2);
    room.settle();
    room.phones[0] = room.phones[0].restarted(0);
    room.phones[2] = room.phones[2].restarted(2);
    assert!(matches!(room.phones[0].gathering.side, Side::Opener(_)));
    assert_eq!(room.phones[0].gathering.entries().len(), 3);
    assert_eq!(room.phones[0].gathering.core.ticket.seed, SEED);
    room.meet();
    room.settle();
    assert_eq!(room.phones[2].entries.len(), 3);
    let started = room.phones[0].start(room.now).unwrap();
    // And one between start and sending.
    room.phones[0] = room.phones[0].restarted(0);
    assert_eq!(room.phones[0].started(), Some(&started));
    assert_eq!(
        room.phones[0].start(room.now),
        Err(CommandError::TableStarted)
    );
    room.meet();
    room.settle();
    assert!(
        room.phones[1..]
            .iter()
            .all(|phone| phone.genesis.as_ref() == Some(&started))
    );
}

#[test]
fn records_of_others_are_refused() {
    let opener = Phone::opener();
    let (_, record) = opener.records.last().unwrap();
    let restore = |index: u8, record: &[u8]| {
        let config = GroupConfig::default();
        Gathering::restore(identity(index), config, known_rules(), record).map(|_| ())
    };
    assert_eq!(restore(0, record), Ok(()));
    assert_eq!(restore(1, record), Err(DecodeError::Malformed));
    assert_eq!(restore(0, &[]), Err(DecodeError::Malformed));
    let mut newer = record.clone();
    newer[0] = 2;
    assert_eq!(
        restore(0, &newer),
        Err(DecodeError::UnknownVersion { have: 2, need: 1 })
    );
    for cut in 1..record.len() {
        assert!(restore(0, &record[..cut]).is_err());
    }
}

#[test]
fn the_fullest_record_fits() {
    let mut room = Room::new(15);
    room.settle();
    room.phones[0].start(room.now).unwrap();
    let restarted = room.phones[0].restarted(0);
    assert_eq!(restarted.gathering.entries().len(), MEMBERS_MAX);
}

#[test]
fn commands_that_cannot_be_carried_out_say_why() {
    let mut out = Outbox::new();
    let open = |setup: TableSetup| Gathering::open(setup, &mut Outbox::new()).map(|_| ());
    assert_eq!(
        open(table_setup(" \u{202e}\u{200b}\n")),
        Err(CommandError::BadName)
    );
    let mut setup = table_setup("Ann");
    setup.rules_config = vec![1, 2, 3, 4, 5, 6, 7];
    assert_eq!(
        open(setup),
        Err(CommandError::BadRulesConfig(
            "buy-in, bank or limits are not valid for a table".to_owned()
        ))
    );
    // The opener himself may come back to his table without a store.
    let mut own = join_setup(0);
    own.identity = identity(0);
    assert!(Gathering::join(own, &mut out).is_ok());
    let mut nameless = join_setup(1);
    nameless.name = "\u{7}".to_owned();
    assert_eq!(
        Gathering::join(nameless, &mut out).map(|_| ()),
        Err(CommandError::BadName)
    );
    let mut room = Room::new(1);
    room.settle();
    let refuse = |_: &Genesis| Err(CommandError::BadRulesConfig("no".to_owned()));
    let refused = room.phones[0].gathering.start(&refuse, &mut out);
    assert_eq!(refused, Err(CommandError::BadRulesConfig("no".to_owned())));
    assert!(room.phones[0].started().is_none());
    assert!(
        room.phones[0].start(room.now).is_ok(),
        "a refused start changes nothing"
    );
}
