//! The board in a room: expectations, a shared purse, a seat that two want, and a card for one.

use althing::Duration;
use althing::error::{CommandError, SealError};
use althing::node::{Command, Done, Fate, Plaintext, SubmissionId};
use althing::rules::board::{
    BoardAction, BoardConfig, BoardKey, Cause, Detail, Entry, Expect, FirstEntry, Members, digest,
    entry, is_conserved,
};
use althing::wire::{BoundedVec, Bytes, Reason};
use althing_world::{Act, WorldConfig};

use crate::room::{Room, SECOND, cheap};
use crate::seeds;

const PLAYERS: usize = 4;
const QUEEN: &[u8] = b"queen of spades";

fn key(text: &str) -> BoardKey {
    Bytes::from_vec(text.as_bytes().to_vec()).unwrap()
}

/// A seat, 100 chips for each, and a purse of 500 for all of them.
fn sit(seed: u64) -> Room {
    sit_in(cheap(seed))
}

fn sit_in(world: WorldConfig) -> Room {
    let config = BoardConfig {
        entries: BoundedVec::truncating(vec![(key("seat"), FirstEntry::Slot)]),
        accounts: BoundedVec::truncating(vec![(key("chips/"), 100)]),
        purses: BoundedVec::truncating(vec![(key("purse"), Members(0b1111), 500)]),
        ..BoardConfig::default()
    };
    Room::sit_with(world, PLAYERS, "board", config.encode(), None)
}

fn put(text: &str, expect: Option<Expect>) -> Vec<u8> {
    let action = BoardAction::Put {
        key: key("topic"),
        value: Bytes::truncating(text.as_bytes().to_vec()),
        expect,
    };
    action.encode()
}

fn spend(phone: usize, amount: u64) -> Vec<u8> {
    let action = BoardAction::Spend {
        from: key("purse"),
        to: key(&format!("chips/{phone}")),
        amount,
    };
    action.encode()
}

/// What is committed on a phone under `at`.
fn stands(room: &Room, phone: usize, at: &str) -> Option<Entry> {
    entry(&room.view(phone).committed, at.as_bytes())
}

/// Everyone settles, and has one and the same under `at`.
fn agree(room: &mut Room, at: &str) -> Option<Entry> {
    room.settles(SECOND * 10);
    let first = stands(room, 0, at);
    for phone in 1..PLAYERS {
        assert_eq!(stands(room, phone, at), first, "phone {phone}");
    }
    first
}

/// Why a submission was refused, and what the refusal says; none where it was not.
fn refusal(room: &Room, phone: usize, submission: SubmissionId) -> Option<(Cause, Option<Detail>)> {
    match room.fate(phone, submission)? {
        Fate::Rejected {
            reason: Reason::Rules { code, detail },
            ..
        } => Some((Cause::from_code(code)?, Detail::decode(&detail))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_two_edits_of_one_value_one_wins_and_the_other_sees_it_and_retries() {
    for seed in 0..5 {
        let mut room = sit(seed);
        room.submit(3, put("tea", Some(Expect::Absent)));
        agree(&mut room, "topic");
        let seen = Some(Expect::Value(digest(b"tea")));
        let tries = [(0, "coffee"), (1, "cocoa")]
            .map(|(phone, text)| (phone, text, room.submit(phone, put(text, seen))));
        let after = agree(&mut room, "topic");
        let mut lost = 0;
        for (phone, text, submission) in tries {
            let Some((cause, detail)) = refusal(&room, phone, submission) else {
                continue;
            };
            lost += 1;
            assert_eq!(cause, Cause::Conflict);
            let Some(Detail::Standing(Some(now))) = detail else {
                panic!("seed {seed}: {detail:?}");
            };
            assert_eq!(after, Some(Entry::Value(Bytes::truncating(now.to_vec()))));
            room.submit(phone, put(text, Some(Expect::Value(digest(&now)))));
            let mine = Entry::Value(Bytes::truncating(text.as_bytes().to_vec()));
            assert_eq!(agree(&mut room, "topic"), Some(mine));
        }
        assert_eq!(lost, 1, "seed {seed}");
        room.is_sound();
    }
}

#[test]
fn a_purse_pays_the_larger_of_two_spendings_in_one_block_and_never_more_than_it_has() {
    let mut together = 0;
    for seed in 0..6 {
        let mut room = sit(seed);
        // A block is under way: what is asked meanwhile comes into the next one together.
        room.submit(3, put("tea", None));
        room.run(Duration::from_millis(20));
        let small = room.submit(1, spend(1, 300));
        let large = room.submit(2, spend(2, 400));
        let purse = agree(&mut room, "purse");
        let refused = [
            refusal(&room, 1, small).is_some(),
            refusal(&room, 2, large).is_some(),
        ];
        let balance = purse.and_then(|purse| purse.balance());
        match refused {
            [true, false] => {
                assert_eq!(balance, Some(100));
                together += 1;
            }
            // The small one was final before the leader had heard of the large one.
            [false, true] => assert_eq!(balance, Some(200)),
            other => panic!("seed {seed}: {other:?}"),
        }
        room.is_sound();
    }
    assert!(together >= 3, "the larger went first in {together} of 6");
}

#[test]
fn of_two_phones_that_claim_a_seat_at_once_one_has_it_and_the_other_hears_who() {
    for seed in 0..5 {
        let mut room = sit(seed);
        let claim = BoardAction::Claim { key: key("seat") }.encode();
        let tries = [0, 2].map(|phone| (phone, room.submit(phone, claim.clone())));
        let Some(Entry::Slot {
            holder: Some(holder),
        }) = agree(&mut room, "seat")
        else {
            panic!("seed {seed}: nobody has it");
        };
        for (phone, submission) in tries {
            let told = refusal(&room, phone, submission);
            if phone == usize::from(holder) {
                assert_eq!(told, None);
            } else {
                assert_eq!(told, Some((Cause::Taken, Some(Detail::Member(holder)))));
            }
        }
        let release = BoardAction::Release { key: key("seat") }.encode();
        room.submit(holder.into(), release);
        let free = Entry::Slot { holder: None };
        assert_eq!(agree(&mut room, "seat"), Some(free));
        room.is_sound();
    }
}

/// Everyone spends from the purse and edits one value, while the air loses and turns round what is
/// sent and one phone crashes: what is refused is the same for all, and no chip is lost or made.
#[test]
fn a_lossy_air_and_a_crash_change_no_outcome() {
    let paid = seeds::each(0..4, |seed| {
        let mut room = sit_in(WorldConfig {
            loss_permille: 80,
            shuffle_permille: 300,
            sync_us: 30_000,
            ..cheap(5000 + seed)
        });
        let claim = BoardAction::Claim { key: key("seat") }.encode();
        for round in 0..4 {
            for phone in 0..PLAYERS {
                // The one that crashed is back in the end and plays no further part.
                if phone == 3 && round > 1 {
                    continue;
                }
                room.submit(phone, spend(phone, 60));
                room.submit(phone, put(&format!("{phone} in {round}"), None));
                room.submit(phone, claim.clone());
            }
            if round == 1 {
                let crash = Act::CrashUnsynced {
                    phone: 3,
                    batches: 1,
                };
                room.world.act(crash);
                room.world.schedule(SECOND * 2, Act::Restart { phone: 3 });
            }
            room.run(SECOND / 2);
        }
        room.run(SECOND * 2);
        room.settles(SECOND * 60);
        let topic = agree(&mut room, "topic");
        assert!(matches!(topic, Some(Entry::Value(_))), "seed {seed}");
        let seat = agree(&mut room, "seat");
        assert!(
            matches!(seat, Some(Entry::Slot { holder: Some(_) })),
            "seed {seed}"
        );
        let committed = room.view(0).committed;
        assert_eq!(is_conserved(&committed), Some(true), "seed {seed}");
        let purse = agree(&mut room, "purse").and_then(|purse| purse.balance());
        room.is_sound();
        purse
    });
    for (seed, purse) in paid {
        // 14 or a few less asked for 60 each, and 8 of them empty it.
        assert_eq!(purse, Some(500 % 60), "seed {seed}");
    }
}

/// What a phone's user asks of it.
fn seal(room: &mut Room, phone: usize, owner: usize) -> Result<Vec<u8>, CommandError> {
    let group = room.world.phone(phone).group().unwrap();
    let seal = Command::Seal {
        group,
        key: b"hand/1".to_vec(),
        owner: room.view(owner).members[owner].0,
        plaintext: Plaintext(QUEEN.to_vec()),
    };
    match room.world.command(phone, seal)? {
        Done::Sealed { payload } => Ok(payload),
        other => panic!("{other:?}"),
    }
}

fn unseal(room: &Room, phone: usize) -> Result<Vec<u8>, CommandError> {
    let phone = room.world.phone(phone);
    let node = phone.node().unwrap();
    node.unseal(phone.group().unwrap(), b"hand/1")
}

#[test]
fn a_card_is_dealt_to_one_who_reads_and_later_shows_it() {
    let mut room = sit(7);
    let no_key = Err(CommandError::Seal(SealError::NoSealingKey));
    assert_eq!(seal(&mut room, 0, 1), no_key);
    let group = room.world.phone(1).group().unwrap();
    let node = room.world.phone(1).node().unwrap();
    let publish = node.publish_sealing_key(group).unwrap();
    room.submit(1, publish);
    room.settles(SECOND * 10);

    let nothing = Err(CommandError::Seal(SealError::NothingSealed));
    assert_eq!(unseal(&room, 1), nothing);
    let deal = seal(&mut room, 0, 1).unwrap();
    room.submit(0, deal);
    let sealed = agree(&mut room, "hand/1");
    assert!(matches!(sealed, Some(Entry::Sealed(_))));
    assert_eq!(unseal(&room, 1).unwrap(), QUEEN);
    for phone in [0, 2, 3] {
        let not_his = Err(CommandError::Seal(SealError::NotItsOwner));
        assert_eq!(unseal(&room, phone), not_his);
        let state = room.view(phone).state;
        let mut values = state.iter().map(|(_, value)| value);
        assert!(!values.any(|value| value.windows(QUEEN.len()).any(|window| window == QUEEN)));
    }

    let node = room.world.phone(1).node().unwrap();
    let open = node.open_seal(group, b"hand/1").unwrap();
    room.submit(1, open);
    let opened = Entry::Opened {
        sealer: 0,
        owner: 1,
        plaintext: Bytes::truncating(QUEEN.to_vec()),
    };
    assert_eq!(agree(&mut room, "hand/1"), Some(opened));
    let open = Err(CommandError::Seal(SealError::AlreadyOpen));
    assert_eq!(unseal(&room, 1), open);
    room.is_sound();
}
