//! What is not proved, not signed or not well formed changes nothing.

use super::*;

/// What the opener says to a join that was tampered with.
fn verdict_on_join(setup: &JoinSetup, tamper: impl Fn(&mut crate::wire::JoinRequest)) -> Phone {
    let mut opener = Phone::opener();
    let now = Instant::from_millis(10);
    opener.reach(&[0, 1, 2], now);
    let mut request = join_request(setup);
    tamper(&mut request);
    opener.receive(
        setup.identity.peer().address(),
        GroupMessage::Join(request),
        now,
    );
    opener
}

#[test]
fn only_the_holder_of_the_ticket_is_listed() {
    let good = verdict_on_join(&join_setup(1), |_| {});
    assert_eq!(good.entries.len(), 2);

    let mut guessed = join_setup(1);
    guessed.ticket.seed[0] ^= 1;
    let mut other_group = join_setup(1);
    other_group.ticket.group = GroupId([0; 16]);
    let mut other_inviter = join_setup(1);
    other_inviter.ticket.inviter = identity(5).peer();
    for setup in [guessed, other_group, other_inviter] {
        let refused = verdict_on_join(&setup, |_| {});
        assert_eq!(
            refused.faults,
            [PeerFault::Gathering("a join that proves no ticket")]
        );
        assert_eq!(refused.entries.len(), 1);
        assert!(refused.sent.is_empty(), "no answer for strangers");
    }
}

#[test]
fn every_field_of_a_join_is_signed() {
    type Tamper = fn(&mut crate::wire::JoinRequest);
    let tampers: [Tamper; 6] = [
        |request| request.name = Bytes::truncating(b"Eve".to_vec()),
        |request| request.tip = tip(9),
        |request| request.nonce[3] ^= 1,
        |request| request.rules = BoundedVec::truncating(vec![Craps::new().id()]),
        |request| request.ticket_signature.0[1] ^= 1,
        |request| request.signature = Signature::ZERO,
    ];
    for tamper in tampers {
        let refused = verdict_on_join(&join_setup(1), tamper);
        assert_eq!(
            refused.faults,
            [PeerFault::Gathering("a join that proves no ticket")]
        );
        assert_eq!(refused.entries.len(), 1);
    }
    let stolen = verdict_on_join(&join_setup(1), |request| {
        request.joiner = identity(2).peer()
    });
    assert_eq!(
        stolen.faults,
        [PeerFault::Gathering("a join for somebody else")]
    );
}

#[test]
fn a_joiner_without_the_rules_is_listed_without_a_vote() {
    let mut setup = join_setup(1);
    setup.rules = vec![Counter.id()];
    let mut listed = verdict_on_join(&setup, |_| {});
    assert_eq!(listed.faults, []);
    assert_eq!(listed.sent_kinds(), [(address(1), "roster")]);
    let votes: Vec<bool> = listed.entries.iter().map(|entry| entry.votes).collect();
    assert_eq!(votes, [true, false]);
}

/// Who updates his app before the start gets his vote.
#[test]
fn a_joiner_who_updates_gets_his_vote() {
    let mut setup = join_setup(1);
    setup.rules = vec![Counter.id()];
    let mut opener = Phone::opener();
    let ask = |opener: &mut Phone, setup: &JoinSetup| {
        let request = GroupMessage::Join(join_request(setup));
        opener.receive(address(1), request, Instant::ZERO);
        let votes: Vec<bool> = opener.entries.iter().map(|entry| entry.votes).collect();
        votes
    };
    assert_eq!(ask(&mut opener, &setup), [true, false]);
    setup.rules = known_rules();
    assert_eq!(ask(&mut opener, &setup), [true, true]);
    assert_eq!(ask(&mut opener, &setup), [true, true]);
    assert_eq!(opener.faults, []);
}

/// One version off is not having the rules.
#[test]
fn the_version_of_the_rules_counts() {
    for (version, votes) in [(-1, false), (0, true), (1, false)] {
        let mut setup = join_setup(1);
        let mut rules = Craps::new().id();
        rules.version = rules.version.saturating_add_signed(version);
        setup.rules = vec![rules];
        let listed = verdict_on_join(&setup, |_| {});
        assert_eq!(listed.entries[1].votes, votes, "{version}");
    }
}

/// Who has no vote is named after the committee, and counts for no quorum.
#[test]
fn a_genesis_names_those_without_a_vote_apart() {
    let without_vote = |index: u8| RosterEntry {
        votes: false,
        ..genesis_of(&[index]).members[0].clone()
    };
    let with = |observers: Vec<RosterEntry>| {
        let mut genesis = Genesis {
            observers: BoundedVec::truncating(observers),
            ..genesis_of(&[0, 1])
        };
        genesis.key = group_key::seal(&genesis, &identity(0));
        genesis
    };
    let verdict = |genesis: Genesis| {
        let mut joiner = Phone::joiner(2);
        let signed = genesis.sign(&identity(0));
        joiner.receive(address(0), GroupMessage::Genesis(signed), Instant::ZERO);
        (joiner.genesis.is_some(), joiner.faults)
    };
    assert_eq!(verdict(with(vec![without_vote(2)])), (true, vec![]));
    let refused = |what| (false, vec![PeerFault::Gathering(what)]);
    assert_eq!(
        verdict(with(vec![without_vote(1)])),
        refused("one phone is listed twice")
    );
    let voter = genesis_of(&[2]).members[0].clone();
    assert_eq!(
        verdict(with(vec![voter])),
        refused("a genesis that mixes up who has a vote")
    );
    let full: Vec<_> = (2..16).map(without_vote).collect();
    assert!(verdict(with(full)).0);
    let one_more: Vec<_> = (2..17).map(without_vote).collect();
    assert_eq!(
        verdict(with(one_more)),
        refused("a genesis with too many members")
    );
}

#[test]
fn names_are_cleaned_by_the_opener() {
    let mut setup = join_setup(1);
    setup.name = " A\u{202e}nn\t\tB ".to_owned();
    let phone = verdict_on_join(&setup, |_| {});
    assert_eq!(phone.entries[1].name, "Ann B");
    setup.name = "\u{200d}".to_owned();
    let phone = verdict_on_join(&setup, |_| {});
    assert_eq!(
        phone.faults,
        [PeerFault::Gathering("a name without a letter")]
    );
    setup.name = "x".to_owned();
    let mut request = join_request(&setup);
    request.name = Bytes::truncating(vec![0xff, b'y']);
    request.signature = Signature::ZERO;
    let phone = verdict_on_join(&setup, |to| *to = request.clone());
    assert_eq!(phone.entries.len(), 1);
}

#[test]
fn a_repeated_join_lists_once_and_is_answered() {
    let mut opener = Phone::opener();
    let now = Instant::from_millis(10);
    let mut setup = join_setup(1);
    for count in 0..3 {
        setup.nonce = [count; 16];
        setup.name = format!("name {count}");
        let request = GroupMessage::Join(join_request(&setup));
        opener.receive(address(1), request, now);
        assert_eq!(opener.sent_kinds(), [(address(1), "roster")]);
    }
    assert_eq!(names(&opener), ["Ann", "name 0"]);
    assert_eq!(
        opener.records.len(),
        2,
        "one for the opening, one for the listing"
    );
}

#[test]
fn a_joiner_takes_only_a_sound_genesis_of_its_inviter() {
    let cases: Vec<(SignedGenesis, Option<PeerFault>)> = vec![
        (genesis_of(&[0, 1]).sign(&identity(0)), None),
        (
            genesis_of(&[0, 1]).sign(&identity(1)),
            Some(PeerFault::Signature),
        ),
        (
            genesis_of(&[2, 1]).sign(&identity(2)),
            Some(PeerFault::Gathering("the inviter does not stand first")),
        ),
        (
            genesis_of(&[]).sign(&identity(0)),
            Some(PeerFault::Gathering("the inviter does not stand first")),
        ),
        (
            genesis_of(&[0]).sign(&identity(0)),
            Some(PeerFault::Gathering("a genesis with too few members")),
        ),
        (
            genesis_of(&[0, 1, 2, 1]).sign(&identity(0)),
            Some(PeerFault::Gathering("one phone is listed twice")),
        ),
        (
            Genesis {
                group: GroupId([1; 16]),
                ..genesis_of(&[0, 1])
            }
            .sign(&identity(0)),
            Some(PeerFault::Gathering("a genesis of another group")),
        ),
        (
            Genesis {
                modes: BoundedVec::new(),
                ..genesis_of(&[0, 1])
            }
            .sign(&identity(0)),
            Some(PeerFault::Gathering(
                "a genesis without a mode for each size",
            )),
        ),
        (
            Genesis {
                rules: RulesId {
                    version: 9,
                    ..Craps::new().id()
                },
                ..genesis_of(&[0, 1])
            }
            .sign(&identity(0)),
            Some(PeerFault::Gathering(
                "a genesis with rules that are not here",
            )),
        ),
        (
            with_member(1, |entry| entry.tip = tip(7)).sign(&identity(0)),
            Some(PeerFault::Gathering(
                "a genesis with a tip that is not ours",
            )),
        ),
        (
            with_member(0, |entry| entry.name = Bytes::truncating(b"a\nb".to_vec()))
                .sign(&identity(0)),
            Some(PeerFault::Gathering("a name that is not clean")),
        ),
        (
            with_member(1, |entry| entry.name = Bytes::truncating(vec![0xc0])).sign(&identity(0)),
            Some(PeerFault::Gathering("a name that is not clean")),
        ),
    ];
    for (signed, fault) in cases {
        let mut joiner = Phone::joiner(1);
        joiner.receive(
            address(0),
            GroupMessage::Genesis(signed.clone()),
            Instant::ZERO,
        );
        assert_eq!(joiner.faults, fault.clone().into_iter().collect::<Vec<_>>());
        assert_eq!(joiner.genesis.is_some(), fault.is_none());
        // A bad one does not keep the good one out.
        let good = genesis_of(&[0, 1]).sign(&identity(0));
        joiner.receive(
            address(0),
            GroupMessage::Genesis(good.clone()),
            Instant::ZERO,
        );
        assert_eq!(joiner.genesis, Some(good));
    }
}

fn with_member(index: usize, change: impl Fn(&mut RosterEntry)) -> Genesis {
    let mut genesis = genesis_of(&[0, 1]);
    let mut members = genesis.members.into_vec();
    change(&mut members[index]);
    genesis.members = BoundedVec::truncating(members);
    genesis
}

#[test]
fn a_second_genesis_is_ignored() {
    let mut joiner = Phone::joiner(1);
    let first = genesis_of(&[0, 1]).sign(&identity(0));
    let second = genesis_of(&[0, 1, 2]).sign(&identity(0));
    for signed in [
        first.clone(),
        second,
        genesis_of(&[0, 2]).sign(&identity(0)),
    ] {
        joiner.receive(address(0), GroupMessage::Genesis(signed), Instant::ZERO);
    }
    assert_eq!(joiner.genesis, Some(first));
    assert!(!joiner.left_out);
}

#[test]
fn only_the_newest_roster_of_the_inviter_is_shown() {
    let entries = |indices: &[u8]| genesis_of(indices).members;
    let mut joiner = Phone::joiner(1);
    let mut show = |roster: Roster| {
        joiner.receive(address(0), GroupMessage::Roster(roster), Instant::ZERO);
        (joiner.entries.len(), joiner.faults.len())
    };
    let opener = identity(0);
    assert_eq!(
        show(sign_roster(&opener, GROUP, 5, entries(&[0, 1]))),
        (2, 0)
    );
    assert_eq!(
        show(sign_roster(&opener, GROUP, 4, entries(&[0, 1, 2]))),
        (2, 0)
    );
    assert_eq!(
        show(sign_roster(&identity(1), GROUP, 6, entries(&[0, 1, 2]))),
        (2, 1)
    );
    assert_eq!(
        show(sign_roster(
            &opener,
            GroupId([0; 16]),
            6,
            entries(&[0, 1, 2])
        )),
        (2, 2)
    );
    assert_eq!(
        show(sign_roster(&opener, GROUP, 6, entries(&[1, 0]))),
        (2, 3)
    );
    assert_eq!(
        show(sign_roster(&opener, GROUP, 6, entries(&[0, 0]))),
        (2, 4)
    );
    assert_eq!(
        show(sign_roster(&opener, GROUP, 6, entries(&[0, 1, 2]))),
        (3, 4)
    );
}

#[test]
fn messages_for_the_other_side_are_ignored() {
    let now = Instant::ZERO;
    let genesis = GroupMessage::Genesis(genesis_of(&[0, 1]).sign(&identity(0)));
    let roster = sign_roster(&identity(0), GROUP, 9, genesis_of(&[0, 1]).members);
    let mut opener = Phone::opener();
    opener.receive(address(1), genesis, now);
    opener.receive(address(1), GroupMessage::Roster(roster), now);
    assert!(opener.started().is_none());
    assert_eq!(opener.entries.len(), 1);
    let mut joiner = Phone::joiner(1);
    joiner.receive(
        address(2),
        GroupMessage::Join(join_request(&join_setup(2))),
        now,
    );
    assert!(opener.sent.is_empty() && joiner.sent.is_empty());
    assert!(opener.faults.is_empty() && joiner.faults.is_empty());
}

#[test]
fn answers_waiting_for_the_store_are_bounded() {
    let mut opener = Phone::opener();
    opener.store_works = false;
    opener.gathering.store(&mut Outbox::new());
    let count = 2 * MEMBERS_MAX as u8 + 1;
    for index in 1..=count {
        let request = GroupMessage::Join(join_request(&join_setup(index)));
        opener.receive(address(index), request, Instant::ZERO);
    }
    assert!(opener.sent.is_empty());
    opener.handle(GatheringInput::Stored(u64::MAX), Instant::ZERO);
    assert_eq!(opener.sent.len(), 2 * MEMBERS_MAX);
}

#[test]
fn names_are_cleaned() {
    for (name, clean) in [
        ("Ann", Some("Ann")),
        ("  Ann \t of\n  York ", Some("Ann of York")),
        ("a\u{202e}b\u{2066}c\u{200f}d\u{0}e\u{7f}", Some("abcde")),
        ("\u{feff}\u{e0041}\u{e000}\u{10fffd}", None),
        ("", None),
        (" ", None),
        ("Þórður 🎲", Some("Þórður 🎲")),
        ("123456789012345678901234", Some("123456789012345678901234")),
        (
            "1234567890123456789012345",
            Some("123456789012345678901234"),
        ),
        ("12345678901234567890123 5", Some("12345678901234567890123")),
        ("1234567890123456789012é5", Some("1234567890123456789012é")),
        ("12345678901234567890123é", Some("12345678901234567890123")),
        ("123456789012345678901🎲", Some("123456789012345678901")),
        ("12345678901234567890🎲", Some("12345678901234567890🎲")),
    ] {
        assert_eq!(clean_name(name).as_deref(), clean, "{name:?}");
    }
}

#[test]
fn safety_codes_are_short_and_tell_phones_and_tables_apart() {
    let code = safety_code(GROUP, &identity(1).peer());
    assert_eq!(code.len(), 9);
    assert_eq!(code.as_bytes()[4], b'-');
    assert_ne!(code, safety_code(GROUP, &identity(2).peer()));
    assert_ne!(code, safety_code(GroupId([0; 16]), &identity(1).peer()));
}

/// Whoever is named can open his box, and to the key that everybody else has.
#[test]
fn a_joiner_takes_no_genesis_whose_key_does_not_open() {
    let verdict = |bend: &dyn Fn(&mut Genesis)| {
        let mut genesis = genesis_of(&[0, 1]);
        bend(&mut genesis);
        let joiner = Phone::joiner(1);
        let core = &joiner.gathering.core;
        verify_genesis(&core.identity, &core.ticket, &genesis.sign(&identity(0)))
    };
    assert_eq!(verdict(&|_| {}), Ok(()));
    let refused = Err(PeerFault::Gathering(
        "a genesis whose group key does not open here",
    ));
    assert_eq!(verdict(&|it| it.key = EpochKey::default()), refused);
    assert_eq!(verdict(&|it| it.key.commitment = Hash([1; 32])), refused);
    let swapped = |it: &mut Genesis| {
        let mut boxes = it.key.boxes.to_vec();
        boxes.swap(0, 1);
        it.key.boxes = BoundedVec::truncating(boxes);
    };
    assert_eq!(verdict(&swapped), refused);
    let of_another = |it: &mut Genesis| it.key = group_key::seal(it, &identity(3));
    assert_eq!(
        verdict(&of_another),
        Ok(()),
        "any key will do that all can open"
    );
}
