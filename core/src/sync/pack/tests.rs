use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::rules::counter::Counter;
use crate::rules::craps::{BetKind, Craps, CrapsAction, Working};
use crate::state::VALUE_LEN_MAX;
use crate::wire::{
    ACTION_PAYLOAD_LEN_MAX, ActionId, ActionPayload, FrontierEntry, Validity, decode,
};

const GROUP: GroupId = GroupId([3; 16]);

/// Members of a group with what each signed last.
#[derive(Clone)]
struct Room {
    members: Vec<PeerId>,
    last: Vec<Last>,
}

impl Room {
    fn new(members: u8) -> Self {
        Self {
            members: (1..=members).map(|member| PeerId([member; 32])).collect(),
            last: (1..=u64::from(members))
                .map(|member| (RunId(member << 40), member, Hash([7; 32])))
                .collect(),
        }
    }

    fn packing<'a>(&'a self, rules: &'a dyn Rules) -> Packing<'a> {
        Packing {
            group: GROUP,
            members: &self.members,
            rules,
        }
    }

    /// The next action of a member. The codec never looks at a signature, so it is any bytes.
    fn act(&mut self, author: u8, payload: ActionPayload) -> SignedAction {
        let (run, number, previous) = self.last[usize::from(author)];
        let action = Action {
            author: self.members[usize::from(author)],
            run,
            number: number + 1,
            previous,
            frontier: BoundedVec::new(),
            dependencies: BoundedVec::new(),
            validity: Validity::default(),
            payload,
        };
        self.sign(author, action)
    }

    fn sign(&mut self, author: u8, action: Action) -> SignedAction {
        let hash = action.hash(GROUP);
        self.last[usize::from(author)] = (action.run, action.number, hash);
        let signature = Signature([hash.0[0]; 64]);
        SignedAction { action, signature }
    }
}

impl Known for Room {
    fn last(&self, author: u8) -> Option<Last> {
        self.last.get(usize::from(author)).copied()
    }
}

fn rules_payload(bytes: Vec<u8>) -> ActionPayload {
    ActionPayload::Rules(Bytes::from_vec(bytes).expect("short"))
}

fn bet(chips: u32) -> ActionPayload {
    let kind = BetKind::Pass;
    rules_payload(CrapsAction::Bet { kind, chips }.encode())
}

fn actions_of(unpacked: Vec<Unpacked>) -> Vec<SignedAction> {
    unpacked
        .into_iter()
        .map(|one| match one {
            Unpacked::Action { signed, .. } => *signed,
            Unpacked::Held | Unpacked::Unknown { .. } => panic!("not a new action: {one:?}"),
        })
        .collect()
}

/// Random batches: mostly plain craps actions, now and then everything else that an action can have.
struct Dice(ChaCha12Rng);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn number(&mut self) -> u64 {
        let shift = self.below(64);
        self.0.next_u64() >> shift
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        let alphabet = [3, 40, 256][self.below(3) as usize];
        (0..len).map(|_| self.below(alphabet) as u8).collect()
    }

    fn payload(&mut self, members: u8) -> ActionPayload {
        let kind = BetKind::from_index(self.below(BetKind::COUNT.into()) as u8).expect("below");
        let chips = self.number() as u32;
        let to = self.below(members.into()) as u8;
        let action = match self.below(40) {
            0 => return rules_payload(self.bytes(0)),
            1 => {
                let len = self.below(ACTION_PAYLOAD_LEN_MAX as u64 + 1);
                return rules_payload(self.bytes(len));
            }
            2 => {
                let draw = self.number();
                return ActionPayload::Missing { draw, voter: to };
            }
            3 => CrapsAction::Sit,
            4 => CrapsAction::Stand,
            5 => CrapsAction::Skip {
                turn: self.number(),
            },
            6 => CrapsAction::Switch {
                kind,
                working: Working::Off,
            },
            7..10 => CrapsAction::TakeDown { kind, chips },
            10..17 => CrapsAction::Roll,
            17..24 => CrapsAction::Transfer { to, chips },
            _ => CrapsAction::Bet {
                kind,
                chips: chips % 100,
            },
        };
        rules_payload(action.encode())
    }

    fn action(&mut self, room: &mut Room) -> SignedAction {
        let members = room.members.len() as u8;
        let author = self.below(members.into()) as u8;
        let payload = self.payload(members);
        let mut signed = room.act(author, payload);
        let action = &mut signed.action;
        let rare = self.below(30);
        if rare == 0 {
            let entry = FrontierEntry {
                id: ActionId {
                    author: if self.below(2) == 0 {
                        room.members[0]
                    } else {
                        PeerId([88; 32])
                    },
                    run: RunId(self.number()),
                    number: self.number(),
                },
                hash: Hash([5; 32]),
            };
            let count = 1 + self.below(16) as usize;
            action.frontier = BoundedVec::truncating(vec![entry; count]);
        }
        if rare < 2 {
            let count = 1 + self.below(8);
            let numbers = (0..count).map(|_| self.number()).collect();
            action.dependencies = BoundedVec::truncating(numbers);
        }
        if rare < 3 {
            action.validity = Validity {
                until_height: (self.below(2) == 0).then(|| self.number()),
                phase: (self.below(2) == 0).then(|| self.number()),
            };
        }
        if self.below(60) == 0 {
            action.run = RunId(self.number());
            action.number = 1;
            action.previous = Hash::ZERO;
        }
        room.sign(author, signed.action)
    }
}

fn round_trips(batches: usize, seed: u8) {
    let mut dice = Dice(ChaCha12Rng::from_seed([seed; 32]));
    let mut shorter = 0;
    for index in 0..batches {
        let members = 1 + dice.below(16) as u8;
        let mut room = Room::new(members);
        let before = room.clone();
        let len = [1, 1, 1, 2, 4, 16][dice.below(6) as usize];
        let actions: Vec<_> = (0..len).map(|_| dice.action(&mut room)).collect();
        let craps = Craps::new();
        let rules: &dyn Rules = if index % 4 == 0 { &Counter } else { &craps };
        let packing = before.packing(rules);
        let known: &dyn Known = if index % 3 == 0 { &Nothing } else { &before };
        let (packed, taken) = pack(packing, &actions, known, 1 << 20).expect("members' actions");
        let found = actions_of(unpack(packing, &packed, known).expect("own bytes"));
        assert_eq!(found, actions[..taken], "batch {index}");
        let encoded: PackedActions = decode(&encode(&packed), 1 << 20).expect("it travels");
        assert_eq!(encoded, packed);
        let (_, items) = link(packing, &actions[..taken], known, 1 << 20).expect("again");
        let raw: usize = items.iter().map(raw::len).sum();
        assert!(packed.bytes.len() <= raw + 1, "batch {index} expands");
        shorter += usize::from(packed.bytes.len() < raw);
    }
    assert!(
        shorter * 10 > batches * 9,
        "{shorter} of {batches} got shorter"
    );
}

/// Two tests, so that two cores share the million.
#[test]
fn half_a_million_batches_come_back() {
    round_trips(500_000, 1);
}

#[test]
fn the_other_half_million_comes_back() {
    round_trips(500_000, 2);
}

#[test]
fn no_bytes_harm_and_only_canonical_ones_are_taken() {
    let craps = Craps::new();
    let mut dice = Dice(ChaCha12Rng::from_seed([9; 32]));
    let mut taken = 0;
    for _ in 0..30_000 {
        let mut room = Room::new(1 + dice.below(16) as u8);
        let known = room.clone();
        let packing = known.packing(&craps);
        let len = 1 + dice.below(4);
        let actions: Vec<_> = (0..len).map(|_| dice.action(&mut room)).collect();
        let (mut packed, _) = pack(packing, &actions, &known, 1 << 20).expect("members");
        let mut bytes = packed.bytes.to_vec();
        match dice.below(5) {
            0 => bytes = dice.bytes(30),
            1 => bytes.truncate(dice.below(bytes.len() as u64 + 1) as usize),
            2 => bytes.push(dice.below(3) as u8),
            3 => bytes.insert(0, 0xff),
            _ => {
                let at = dice.below(bytes.len().max(1) as u64) as usize;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
        }
        packed.bytes = Bytes::truncating(bytes);
        if let Ok(found) = unpack(packing, &packed, &known) {
            taken += 1;
            let found = actions_of(found);
            let (again, _) = pack(packing, &found, &known, 1 << 20).expect("members");
            assert_eq!(again.bytes, packed.bytes);
        }
    }
    assert!(taken > 300, "{taken}: too wild to test anything");
}

#[test]
fn a_receiver_that_knows_another_predecessor_gets_another_action() {
    let craps = Craps::new();
    let mut room = Room::new(4);
    let behind = room.clone();
    let first = room.act(2, bet(5));
    let before_second = room.clone();
    let second = room.act(2, bet(10));
    let packing = room.packing(&craps);
    let before = Before::new(2, &second.action);
    let (packed, _) = pack(packing, std::slice::from_ref(&second), &before, 2_000).expect("ok");
    assert!(packed.anchors.is_empty());
    let got = |known: &dyn Known| unpack(packing, &packed, known).expect("canonical");
    assert_eq!(
        actions_of(got(&before_second)),
        std::slice::from_ref(&second)
    );
    let other = got(&behind);
    let [
        Unpacked::Action {
            signed,
            anchored: false,
            ..
        },
    ] = &other[..]
    else {
        panic!("{other:?}");
    };
    assert_ne!(signed.action.hash(GROUP), second.action.hash(GROUP));
    assert_eq!(got(&Nothing), [Unpacked::Unknown { author: 2 }]);
    // With an anchor it is the same for all.
    let both = [first, second];
    let (packed, taken) = pack(packing, &both, &Nothing, 2_000).expect("ok");
    assert_eq!((packed.anchors.len(), taken), (1, 2));
    for known in [&behind as &dyn Known, &Nothing, &room] {
        assert_eq!(
            actions_of(unpack(packing, &packed, known).expect("ok")),
            both
        );
    }
}

#[test]
fn what_is_held_is_told_by_its_signature() {
    #[derive(Debug)]
    struct Holds(SignedAction);
    impl Known for Holds {
        fn last(&self, _: u8) -> Option<Last> {
            let action = &self.0.action;
            Some((action.run, action.number, action.hash(GROUP)))
        }
        fn held(&self, author: u8, signature: &Signature) -> Option<Last> {
            (*signature == self.0.signature).then(|| self.last(author))?
        }
    }
    let craps = Craps::new();
    let mut room = Room::new(2);
    let known = room.clone();
    let both = [room.act(1, bet(5)), room.act(1, bet(15))];
    let packing = room.packing(&craps);
    let (packed, _) = pack(packing, &both, &known, 2_000).expect("ok");
    let found = unpack(packing, &packed, &Holds(both[0].clone())).expect("ok");
    assert_eq!(found[0], Unpacked::Held);
    assert_eq!(actions_of(found[1..].to_vec()), both[1..]);
}

#[test]
fn anchors_must_be_needed_used_and_of_members() {
    let craps = Craps::new();
    let mut room = Room::new(3);
    let both = [room.act(1, bet(5)), room.act(1, bet(10))];
    let packing = room.packing(&craps);
    let (packed, _) = pack(packing, &both, &Nothing, 2_000).expect("ok");
    let anchor = packed.anchors[0];
    let with = |anchors: Vec<Anchor>| PackedActions {
        anchors: BoundedVec::truncating(anchors),
        ..packed.clone()
    };
    let refused = |packed: &PackedActions| unpack(packing, packed, &Nothing).expect_err("refused");
    let more = refused(&with(vec![anchor, anchor]));
    assert_eq!(more, UnpackError::Anchors { used: 1, have: 2 });
    let none = refused(&with(vec![]));
    assert_eq!(none, UnpackError::Anchors { used: 1, have: 0 });
    let stranger = refused(&with(vec![Anchor {
        author: 3,
        ..anchor
    }]));
    assert_eq!(
        stranger,
        UnpackError::NotMember {
            index: 3,
            members: 3
        }
    );
    let last = Anchor {
        number: u64::MAX,
        ..anchor
    };
    assert_eq!(refused(&with(vec![last])), DecodeError::Malformed.into());
    // An anchor for the second one, which the first one says already.
    let again = Anchor {
        number: both[0].action.number,
        previous: both[0].action.hash(GROUP),
        ..anchor
    };
    let items: Vec<Item> = both
        .iter()
        .map(|signed| Item::of(Link::Anchor(1), &signed.action))
        .collect();
    let doubled = PackedActions {
        anchors: BoundedVec::truncating(vec![anchor, again]),
        bytes: Bytes::truncating(items::encode(packing, &items)),
        signatures: packed.signatures.clone(),
    };
    assert_eq!(refused(&doubled), DecodeError::NotCanonical.into());
}

#[test]
fn what_is_too_much_stays_for_the_next_message() {
    let mut room = Room::new(2);
    let known = room.clone();
    let long = || rules_payload((0..ACTION_PAYLOAD_LEN_MAX).map(|at| at as u8).collect());
    let actions: Vec<_> = (0..FOUND_ITEMS_MAX + 1)
        .map(|_| room.act(0, long()))
        .collect();
    let packing = room.packing(&Counter);
    // Flags, two bytes of length and the payload each, one byte that says plain.
    let each = ACTION_PAYLOAD_LEN_MAX + 3;
    let fit = (PACKED_LEN_MAX - 1) / each;
    let (packed, taken) = pack(packing, &actions, &known, usize::MAX).expect("ok");
    assert_eq!(taken, fit);
    assert!(packed.bytes.len() <= PACKED_LEN_MAX);
    let whole = each + 1 + 64;
    for (budget, expected) in [
        (whole - 1, Err(PackError::TooLong { max: whole - 1 })),
        (whole, Ok(1)),
        (2 * whole - 1, Ok(1)),
        (2 * whole, Ok(2)),
    ] {
        let taken = pack(packing, &actions, &known, budget).map(|(_, taken)| taken);
        assert_eq!(taken, expected, "budget {budget}");
    }
    let messages = pack_all(
        packing,
        &actions,
        &Before::new(0, &actions[0].action),
        4_000,
    );
    let count: usize = messages.iter().map(|packed| packed.signatures.len()).sum();
    assert_eq!(count, actions.len());
    // Only the first one goes on from what its receivers know.
    assert!(
        messages
            .iter()
            .skip(1)
            .all(|packed| packed.anchors.len() == 1)
    );
    assert!(messages[0].anchors.is_empty());
}

#[test]
fn strangers_and_number_zero_are_not_packed() {
    let mut room = Room::new(2);
    let good = room.act(0, bet(5));
    let mut zero = good.clone();
    zero.action.number = 0;
    let mut stranger = good.clone();
    stranger.action.author = PeerId([99; 32]);
    let packing = room.packing(&Counter);
    for bad in [zero, stranger] {
        let both = [bad, good.clone()];
        let refused = pack(packing, &both, &Nothing, 2_000).expect_err("refused");
        assert_eq!(refused, PackError::NotOfGroup);
        let messages = pack_all(packing, &both, &Nothing, 2_000);
        assert_eq!(messages.len(), 1);
    }
}

#[test]
fn a_small_message_that_unpacks_to_much_is_refused() {
    // Long runs of one byte cost next to nothing under a model that learns.
    let mut room = Room::new(2);
    let known = room.clone();
    let zeros = || rules_payload(vec![0; ACTION_PAYLOAD_LEN_MAX]);
    let actions: Vec<_> = (0..FOUND_ITEMS_MAX).map(|_| room.act(0, zeros())).collect();
    let packing = room.packing(&Counter);
    let items: Vec<Item> = actions
        .iter()
        .map(|signed| Item::of(Link::After(0), &signed.action))
        .collect();
    let bomb = PackedActions {
        anchors: BoundedVec::new(),
        bytes: Bytes::truncating(items::encode(packing, &items)),
        signatures: BoundedVec::truncating(vec![Signature([1; 64]); FOUND_ITEMS_MAX]),
    };
    assert!(bomb.bytes.len() < VALUE_LEN_MAX);
    let max = PACKED_LEN_MAX;
    assert_eq!(
        unpack(packing, &bomb, &known),
        Err(UnpackError::TooLong { max })
    );
}
