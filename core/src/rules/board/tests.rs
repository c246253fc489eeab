use proptest::prelude::*;

use super::*;
use crate::crypto::seal::SealingKey;
use crate::id::GroupId;
use crate::state::Map;
use crate::wire::{ACTION_PAYLOAD_LEN_MAX, BoundedVec, encode};

mod entries;
mod limits;
mod money;
mod prefixes;
mod sealed;
mod vectors;

const ANN: u8 = 0;
const BOB: u8 = 1;
const CAT: u8 = 2;
const MEMBERS: [PeerId; 3] = [PeerId([1; 32]), PeerId([2; 32]), PeerId([3; 32])];

/// A board of Ann, Bob and Cat.
struct Room {
    overlay: Overlay,
}

impl Room {
    fn new() -> Self {
        Self::with(&BoardConfig::default())
    }

    fn with(config: &BoardConfig) -> Self {
        Self::try_with(&config.encode()).expect("a valid configuration")
    }

    fn try_with(config: &[u8]) -> Result<Self, Rejection> {
        let mut overlay = Overlay::new(Map::new());
        Board.genesis(&mut overlay, &MEMBERS, config)?;
        Ok(Self { overlay })
    }

    /// Applies as the group does: a refusal leaves nothing behind.
    fn act(&mut self, author: u8, action: &BoardAction) -> Result<(), Rejection> {
        self.act_raw(&MEMBERS[usize::from(author)], &action.encode())
    }

    fn act_raw(&mut self, author: &PeerId, payload: &[u8]) -> Result<(), Rejection> {
        let mut context = Context::new(&MEMBERS, 1, true);
        let mark = self.overlay.mark();
        let result = Board.apply(&mut self.overlay, author, payload, &mut context);
        if result.is_err() {
            self.overlay.undo_to(mark);
        }
        self.check();
        result
    }

    fn state(&self) -> Map {
        self.overlay.clone().absorb()
    }

    fn entry(&self, key: &str) -> Option<Entry> {
        entry(&self.state(), key.as_bytes())
    }

    fn balance(&self, key: &str) -> u64 {
        self.entry(key).and_then(|entry| entry.balance()).unwrap()
    }

    fn does(&mut self, author: u8, action: BoardAction) {
        if let Err(rejection) = self.act(author, &action) {
            panic!(
                "{}: {}",
                Board.describe_action(&action.encode()),
                Board.describe(rejection.code, &rejection.detail)
            );
        }
    }

    fn refuses(&mut self, author: u8, action: BoardAction, cause: Cause) -> Option<Detail> {
        let before = self.state().root();
        let rejection = self.act(author, &action).expect_err("refused");
        assert_eq!(Cause::from_code(rejection.code), Some(cause));
        assert_eq!(self.state().root(), before);
        Detail::decode(&rejection.detail)
    }

    /// What always holds: money is conserved, sizes are counted right.
    fn check(&self) {
        let state = self.state();
        assert_eq!(is_conserved(&state), Some(true));
        let size: u64 = state
            .iter()
            .filter(|(key, value)| read(key.as_bytes(), value).is_some())
            .map(|(key, value)| (key.as_bytes().len() + value.len()) as u64)
            .sum();
        assert_eq!(state.get(&entry::SIZE_KEY), Some(&encode(&size)[..]));
    }
}

fn key(text: &str) -> BoardKey {
    Bytes::from_vec(text.as_bytes().to_vec()).expect("a short key")
}

fn value(text: &str) -> BoardValue {
    Bytes::from_vec(text.as_bytes().to_vec()).expect("a short value")
}

fn put(at: &str, text: &str) -> BoardAction {
    BoardAction::Put {
        key: key(at),
        value: value(text),
        expect: None,
    }
}

fn put_if(at: &str, text: &str, expect: Expect) -> BoardAction {
    BoardAction::Put {
        key: key(at),
        value: value(text),
        expect: Some(expect),
    }
}

fn remove(at: &str) -> BoardAction {
    BoardAction::Remove {
        key: key(at),
        expect: None,
    }
}

fn make(at: &str, entry: NewEntry) -> BoardAction {
    BoardAction::Make {
        key: key(at),
        entry,
    }
}

fn add(at: &str, amount: i64) -> BoardAction {
    BoardAction::Add {
        key: key(at),
        amount,
    }
}

fn transfer(from: &str, to: &str, amount: u64) -> BoardAction {
    BoardAction::Transfer {
        from: key(from),
        to: key(to),
        amount,
    }
}

fn spend(from: &str, to: &str, amount: u64) -> BoardAction {
    BoardAction::Spend {
        from: key(from),
        to: key(to),
        amount,
    }
}

fn append(at: &str, text: &str) -> BoardAction {
    BoardAction::Append {
        key: key(at),
        value: value(text),
    }
}

fn claim(at: &str) -> BoardAction {
    BoardAction::Claim { key: key(at) }
}

fn release(at: &str) -> BoardAction {
    BoardAction::Release { key: key(at) }
}

/// Everyone has 100 in `chips/`, Ann and Bob share 500 in `pot`.
fn rich() -> BoardConfig {
    BoardConfig {
        accounts: BoundedVec::truncating(vec![(key("chips/"), 100)]),
        purses: BoundedVec::truncating(vec![(key("pot"), Members::of(&[ANN, BOB]), 500)]),
        ..BoardConfig::default()
    }
}

/// One action of every kind.
fn samples() -> Vec<BoardAction> {
    vec![
        put("a", "x"),
        put_if("a", "x", Expect::Absent),
        put_if("a", "x", Expect::Value(digest(b"y"))),
        remove("a"),
        BoardAction::Remove {
            key: key("a"),
            expect: Some(digest(b"y")),
        },
        make(
            "a",
            NewEntry::Number {
                value: 1,
                min: 0,
                max: 2,
            },
        ),
        make("a", NewEntry::List { len_max: 3 }),
        make("a", NewEntry::Slot),
        make("a", NewEntry::Account),
        make(
            "a",
            NewEntry::Purse {
                members: Members::of(&[ANN, CAT]),
            },
        ),
        add("a", -2),
        transfer("a", "b", 3),
        spend("a", "b", 4),
        append("a", "x"),
        claim("a"),
        release("a"),
        BoardAction::PublishKey {
            sealing_key: SealingKey([9; 32]),
        },
        BoardAction::Seal {
            key: key("a"),
            owner: BOB,
            commitment: Hash([7; 32]),
            ephemeral: SealingKey([8; 32]),
            bytes: Bytes::truncating(vec![6; 60]),
        },
        BoardAction::Open {
            key: key("a"),
            plaintext: Bytes::truncating(b"x".to_vec()),
            blinding: [5; 32],
        },
    ]
}

#[test]
fn exclusive_actions_and_expectations_wait_for_quorum() {
    let allowed: Vec<bool> = samples()
        .iter()
        .map(|action| Board.offline(&action.encode()) == Offline::Allowed)
        .collect();
    let expected = [
        true, false, false, false, false, false, false, false, false, false, true, true, true,
        true, false, true, true, false, true,
    ];
    assert_eq!(allowed, expected);
    assert_eq!(Board.offline(&[]), Offline::Forbidden);
}

#[test]
fn every_action_and_every_refusal_has_words_of_its_own() {
    let mut words: Vec<String> = samples()
        .iter()
        .map(|action| Board.describe_action(&action.encode()))
        .collect();
    words.push(Board.describe_action(&[0xff]));
    assert_eq!(words[9], "makes \"a\" a purse of players 1, 3");
    assert_eq!(words[17], "seals \"a\" for player 2");
    let count = words.len();
    words.sort();
    words.dedup();
    assert_eq!(words.len(), count);

    let details = [
        vec![],
        vec![0xff; 64],
        encode(&Detail::Member(255)),
        encode(&Detail::Amount(u64::MAX)),
        encode(&Detail::Number(i64::MIN)),
        encode(&Detail::Kind(Kind::Purse)),
        encode(&Detail::Standing(None)),
        encode(&Detail::Standing(Some(Bytes::truncating(vec![0xff; 60])))),
    ];
    for detail in details {
        let words: std::collections::BTreeSet<String> =
            (0..=30).map(|code| Board.describe(code, &detail)).collect();
        assert_eq!(words.len(), 31, "with {detail:?}");
    }
    assert_eq!(
        Board.describe(Cause::Taken.code(), &encode(&Detail::Member(BOB))),
        "player 2 has it"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_bytes_are_survived(
        noise in prop::collection::vec(any::<u8>(), 0..40),
        sample in prop::option::of(prop::sample::select(samples())),
        damage in (any::<u8>(), any::<u8>()),
    ) {
        let payload = match sample {
            Some(sample) => {
                let mut payload = sample.encode();
                let at = usize::from(damage.0) % payload.len();
                payload[at] ^= damage.1;
                payload
            }
            None => noise,
        };
        match BoardAction::decode(&payload) {
            Ok(action) => prop_assert_eq!(action.encode(), payload.clone()),
            Err(rejection) => {
                prop_assert_eq!(rejection.code, Cause::Malformed.code());
                prop_assert_eq!(Board.offline(&payload), Offline::Forbidden);
            }
        }
        Board.describe_action(&payload);
        Board.order_key(&payload);
        for cause in Cause::ALL {
            Board.describe(cause.code(), &payload);
        }
        read(&payload, &payload);
        let mut room = Room::with(&rich());
        let _ = room.act_raw(&MEMBERS[0], &payload);
        let _ = Room::try_with(&payload);
    }
}
