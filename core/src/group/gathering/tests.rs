use std::collections::BTreeMap;

use proptest::prelude::*;

use super::proof::{sign_join, sign_roster, verify_genesis};
use super::*;
use crate::crypto::Signature;
use crate::rules::counter::Counter;
use crate::rules::craps::{Craps, CrapsConfig};
use crate::wire::{BoundedVec, MEMBERS_MAX, NAME_LEN_MAX, decode, encode};

const GROUP: GroupId = GroupId([7; 16]);
const SEED: [u8; 32] = [8; 32];
const ROOT: Hash = Hash([9; 32]);

fn identity(index: u8) -> Identity {
    Identity::new([100 + index; 32])
}

fn address(index: u8) -> MeshAddress {
    identity(index).peer().address()
}

fn tip(index: u8) -> Hash {
    Hash([50 + index; 32])
}

fn known_rules() -> Vec<RulesId> {
    crate::rules::built_in()
        .iter()
        .map(|rules| rules.id())
        .collect()
}

fn table_setup(name: &str) -> TableSetup {
    TableSetup {
        identity: identity(0),
        config: GroupConfig::default(),
        name: name.to_owned(),
        rules: Arc::new(Craps::new()),
        rules_config: CrapsConfig::default().encode(),
        mode: None,
        tip: tip(0),
        group: GROUP,
        ticket_seed: SEED,
    }
}

fn join_setup(index: u8) -> JoinSetup {
    JoinSetup {
        identity: identity(index),
        config: GroupConfig::default(),
        ticket: Ticket::new(GROUP, identity(0).peer(), SEED),
        name: format!("phone {index}"),
        tip: tip(index),
        nonce: [index; 16],
        rules: known_rules(),
    }
}

fn root(_: &Genesis) -> Result<Hash, CommandError> {
    Ok(ROOT)
}

/// One phone with what it put out.
struct Phone {
    gathering: Gathering,
    sent: Vec<(MeshAddress, GroupMessage)>,
    records: Vec<(u64, Vec<u8>)>,
    entries: Vec<(PeerId, String, String)>,
    genesis: Option<SignedGenesis>,
    left_out: bool,
    faults: Vec<PeerFault>,
    store_works: bool,
}

impl Phone {
    fn new(gathering: Gathering, out: Outbox<GatheringOutput>) -> Self {
        let mut phone = Self {
            gathering,
            sent: Vec::new(),
            records: Vec::new(),
            entries: Vec::new(),
            genesis: None,
            left_out: false,
            faults: Vec::new(),
            store_works: true,
        };
        phone.drain(out, Instant::ZERO);
        phone
    }

    fn opener() -> Self {
        let mut out = Outbox::new();
        let (gathering, _) = Gathering::open(table_setup("Ann"), &mut out).unwrap();
        Self::new(gathering, out)
    }

    fn joiner(index: u8) -> Self {
        let mut out = Outbox::new();
        let gathering = Gathering::join(join_setup(index), &mut out).unwrap();
        Self::new(gathering, out)
    }

    /// The same phone after a crash: what was stored last is all that is left.
    fn restarted(&self, index: u8) -> Self {
        let (_, record) = self.records.last().expect("something was stored");
        let gathering = Gathering::restore(
            identity(index),
            GroupConfig::default(),
            known_rules(),
            record,
        );
        Self::new(gathering.unwrap(), Outbox::new())
    }

    fn handle(&mut self, input: GatheringInput, now: Instant) {
        let mut out = Outbox::new();
        self.gathering.handle(input, now, &mut out);
        self.drain(out, now);
    }

    fn receive(&mut self, origin: MeshAddress, message: GroupMessage, now: Instant) {
        let bytes = encode(&message);
        let message = decode(&bytes, crate::wire::MESSAGE_LEN_MAX).expect("it travels");
        self.handle(GatheringInput::Message { origin, message }, now);
    }

    fn reach(&mut self, indices: &[u8], now: Instant) {
        let reachable = indices.iter().map(|index| address(*index)).collect();
        self.handle(GatheringInput::Reachable(reachable), now);
    }

    fn start(&mut self, now: Instant) -> Result<SignedGenesis, CommandError> {
        let mut out = Outbox::new();
        let result = self.gathering.start(&root, &mut out);
        self.drain(out, now);
        result
    }

    fn drain(&mut self, mut out: Outbox<GatheringOutput>, now: Instant) {
        while let Some(output) = out.pop() {
            match output {
                GatheringOutput::Store { sequence, record } => {
                    self.records.push((sequence, record));
                    if self.store_works {
                        let mut more = Outbox::new();
                        self.gathering
                            .handle(GatheringInput::Stored(sequence), now, &mut more);
                        while let Some(output) = more.pop() {
                            out.push(output);
                        }
                    }
                }
                GatheringOutput::Send { to, message } => self.sent.push((to, message)),
                GatheringOutput::Entries(entries) => self.entries = entries,
                GatheringOutput::Genesis(genesis) => {
                    assert!(self.genesis.is_none(), "one genesis");
                    self.genesis = Some(genesis);
                }
                GatheringOutput::StartedWithoutUs => self.left_out = true,
                GatheringOutput::Fault(fault) => self.faults.push(fault),
            }
        }
    }

    fn sent_kinds(&mut self) -> Vec<(MeshAddress, &'static str)> {
        std::mem::take(&mut self.sent)
            .into_iter()
            .map(|(to, message)| {
                let kind = match message {
                    GroupMessage::Join(_) => "join",
                    GroupMessage::Roster(_) => "roster",
                    GroupMessage::Genesis(_) => "genesis",
                    other => panic!("{other:?}"),
                };
                (to, kind)
            })
            .collect()
    }
}

/// Opener and joiners with a network that delivers at once.
struct Room {
    phones: Vec<Phone>,
    now: Instant,
}

impl Room {
    fn new(joiners: u8) -> Self {
        let mut phones = vec![Phone::opener()];
        phones.extend((1..=joiners).map(Phone::joiner));
        let mut room = Self {
            phones,
            now: Instant::from_millis(1000),
        };
        room.meet();
        room
    }

    fn meet(&mut self) {
        let all: Vec<u8> = (0..self.phones.len() as u8).collect();
        for phone in &mut self.phones {
            phone.reach(&all, self.now);
        }
    }

    /// Delivers what `arrives` lets through until nothing is under way.
    fn deliver(&mut self, arrives: &mut dyn FnMut() -> bool) {
        loop {
            let mut under_way = Vec::new();
            for (from, phone) in self.phones.iter_mut().enumerate() {
                for (to, message) in phone.sent.drain(..) {
                    under_way.push((address(from as u8), to, message));
                }
            }
            if under_way.is_empty() {
                return;
            }
            for (from, to, message) in under_way {
                let index = (0..self.phones.len()).find(|index| address(*index as u8) == to);
                if let Some(index) = index.filter(|_| arrives()) {
                    self.phones[index].receive(from, message, self.now);
                }
            }
        }
    }

    fn settle(&mut self) {
        self.deliver(&mut || true);
    }

    /// Goes on to the next deadline of anybody; false when nobody waits.
    fn tick(&mut self) -> bool {
        let next = self
            .phones
            .iter()
            .filter_map(|phone| phone.gathering.deadline())
            .min();
        let Some((at, cause)) = next else {
            return false;
        };
        assert!(!cause.is_empty());
        self.now = self.now.max(at);
        for phone in &mut self.phones {
            phone.handle(GatheringInput::Timeout, self.now);
        }
        true
    }
}

fn names(phone: &Phone) -> Vec<&str> {
    phone
        .entries
        .iter()
        .map(|(_, name, _)| name.as_str())
        .collect()
}

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
    joiner.reach(&[2], now);
    assert!(joiner.sent_kinds().is_empty());
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
    opener.handle(GatheringInput::StoreFailed(second), now);
    let (at, cause) = opener.gathering.deadline().unwrap();
    assert_eq!(cause, "gathering store");
    opener.handle(GatheringInput::Timeout, at);
    let third = opener.records.last().unwrap().0;
    assert_eq!(third, second + 1);
    opener.handle(GatheringInput::Stored(third + 9), at);
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
    assert!(room.phones[0].gathering.is_opener());
    assert_eq!(room.phones[0].gathering.entries().len(), 3);
    assert_eq!(room.phones[0].gathering.ticket().seed, SEED);
    room.meet();
    room.settle();
    assert_eq!(room.phones[2].entries.len(), 3);
    let started = room.phones[0].start(room.now).unwrap();
    // And one between start and sending.
    room.phones[0] = room.phones[0].restarted(0);
    assert_eq!(room.phones[0].gathering.genesis(), Some(&started));
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
            "buy-in and bank are not valid for this table".to_owned()
        ))
    );
    let mut own = join_setup(0);
    own.identity = identity(0);
    assert_eq!(
        Gathering::join(own, &mut out).map(|_| ()),
        Err(CommandError::AlreadyJoined)
    );
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
    assert!(room.phones[0].gathering.genesis().is_none());
    assert!(
        room.phones[0].start(room.now).is_ok(),
        "a refused start changes nothing"
    );
}

fn join_request(setup: &JoinSetup) -> crate::wire::JoinRequest {
    sign_join(
        &setup.identity,
        &setup.ticket,
        Bytes::truncating(setup.name.clone().into_bytes()),
        setup.tip,
        setup.nonce,
        BoundedVec::truncating(setup.rules.clone()),
    )
}

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
fn a_joiner_without_the_rules_is_not_listed_but_answered() {
    let mut setup = join_setup(1);
    setup.rules = vec![Counter.id()];
    let mut refused = verdict_on_join(&setup, |_| {});
    assert_eq!(
        refused.faults,
        [PeerFault::Gathering("a joiner without this rule set")]
    );
    assert_eq!(refused.sent_kinds(), [(address(1), "roster")]);
    assert_eq!(refused.entries.len(), 1);
}

#[test]
fn names_are_cleaned_by_the_opener() {
    let mut setup = join_setup(1);
    setup.name = " A\u{202e}nn\t\tB ".to_owned();
    let phone = verdict_on_join(&setup, |_| {});
    assert_eq!(phone.entries[1].1, "Ann B");
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

fn genesis_of(indices: &[u8]) -> Genesis {
    let members = indices.iter().map(|index| RosterEntry {
        peer: identity(*index).peer(),
        name: Bytes::truncating(format!("phone {index}").into_bytes()),
        tip: tip(*index),
    });
    Genesis {
        group: GROUP,
        members: BoundedVec::truncating(members.collect()),
        rules: Craps::new().id(),
        rules_config: Bytes::new(),
        modes: proof::modes(None),
        draw_timeout_ms: 1,
        root: ROOT,
    }
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
    assert!(opener.gathering.genesis().is_none());
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

proptest! {
    #[test]
    fn clean_names_are_clean_and_stay_so(name in any::<String>()) {
        if let Some(clean) = clean_name(&name) {
            prop_assert!(clean.len() <= NAME_LEN_MAX && !clean.is_empty());
            prop_assert_eq!(clean.trim(), &clean);
            prop_assert!(!clean.chars().any(char::is_control));
            prop_assert_eq!(clean_name(&clean), Some(clean.clone()));
        }
    }

    #[test]
    fn any_record_is_survived(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, flip in 1u8..) {
        let restore = |bytes: &[u8]| {
            Gathering::restore(identity(0), GroupConfig::default(), known_rules(), bytes)
        };
        if let Some(version) = bytes.first_mut() {
            *version = 1;
        }
        let _ = restore(&bytes);
        let mut record = Phone::opener().records.pop().unwrap().1;
        let at = at.index(record.len());
        record[at] ^= flip;
        if let Ok(gathering) = restore(&record) {
            gathering.entries();
            gathering.deadline();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Half of all messages are lost, phones crash and walk: in the end everyone who was listed
    /// holds the same genesis.
    #[test]
    fn loss_crashes_and_walks_only_delay_the_start(
        luck in proptest::collection::vec(any::<bool>(), 400),
        crashes in proptest::collection::vec((0usize..12, 0u8..4), 0..6),
    ) {
        let mut room = Room::new(3);
        let crashes: BTreeMap<usize, u8> = crashes.into_iter().collect();
        let mut luck = luck.into_iter();
        let mut arrives = move || luck.next().unwrap_or(true);
        let mut started = None;
        for step in 0..40 {
            room.deliver(&mut arrives);
            if let Some(index) = crashes.get(&step) {
                let phone = &room.phones[usize::from(*index)];
                if phone.genesis.is_none() {
                    room.phones[usize::from(*index)] = phone.restarted(*index);
                }
                room.meet();
            }
            if started.is_none() && room.phones[0].gathering.entries().len() == 4 {
                let now = room.now;
                started = Some(room.phones[0].start(now).unwrap());
            }
            room.tick();
        }
        room.settle();
        let started = started.expect("all were listed");
        for phone in &room.phones[1..] {
            prop_assert_eq!(phone.genesis.as_ref(), Some(&started));
            prop_assert!(phone.faults.is_empty());
        }
        prop_assert!(verify_genesis(
            identity(0).scheme().as_ref(),
            room.phones[0].gathering.ticket(),
            &started
        ).is_ok());
    }

    /// Whatever arrives from whomever: no panic, and nobody is listed who proved no ticket.
    #[test]
    fn any_message_is_survived(
        messages in proptest::collection::vec((0u8..4, 0u8..6, any::<u64>()), 1..30),
    ) {
        let mut opener = Phone::opener();
        let mut joiner = Phone::joiner(1);
        for (index, kind, noise) in messages {
            let mut setup = join_setup(index);
            setup.ticket.seed = [noise as u8 | 1; 32];
            if setup.ticket.seed == SEED {
                continue;
            }
            let message = match kind {
                0 => GroupMessage::Join(join_request(&setup)),
                1 => GroupMessage::Roster(Roster {
                    revision: noise,
                    entries: genesis_of(&[0, index]).members,
                    signature: Signature::ZERO,
                }),
                2 => GroupMessage::Genesis(genesis_of(&[0, 1]).sign(&identity(1 + index))),
                3 => GroupMessage::Genesis(genesis_of(&[index, 0]).sign(&identity(index))),
                4 => GroupMessage::Roster(sign_roster(
                    &identity(index + 1), GROUP, noise, genesis_of(&[0, 1]).members)),
                _ => GroupMessage::Found(crate::wire::Found::UpToDate),
            };
            let now = Instant::from_micros(noise);
            opener.receive(address(index), message.clone(), now);
            joiner.receive(address(index), message, now);
            opener.handle(GatheringInput::Stored(noise), now);
            joiner.handle(GatheringInput::StoreFailed(noise), now);
            joiner.handle(GatheringInput::Timeout, now);
        }
        prop_assert_eq!(opener.gathering.entries().len(), 1);
        prop_assert!(joiner.gathering.entries().is_empty());
        prop_assert!(joiner.genesis.is_none());
    }
}
