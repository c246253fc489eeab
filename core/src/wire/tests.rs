//! Every decoder against arbitrary bytes and against valid ones with a few bytes changed, and the
//! bytes of one message of every kind as version 1 fixed them.

mod samples;

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::samples::*;
use super::bounded::TRUSTED_ROOM;
use super::*;
use crate::crypto::{Domain, Signature, hash};
use crate::id::GroupId;

const CASES: u32 = 100_000;

#[test]
fn the_bytes_of_version_1_do_not_change() {
    let messages = one_of_each();
    let kinds: std::collections::BTreeSet<u8> = messages
        .iter()
        .map(|(_, message)| encode(message)[0])
        .collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        (0..15).collect::<Vec<_>>()
    );
    let shown: Vec<String> = messages
        .iter()
        .map(|(name, message)| {
            let bytes = encode(message);
            let digest = hash(Domain::Trace, &[&bytes]).to_hex();
            format!("{name} {} {}", bytes.len(), &digest[..16])
        })
        .collect();
    assert_eq!(shown, GOLDEN);
}

/// Name, length and the start of the hash of each: a change here is a new wire version.
const GOLDEN: [&str; 38] = [
    "join 288 ce9ffeb8d944a603",
    "roster 275 f7a548468f04a681",
    "genesis 994 f8fdb61ee1f523ac",
    "actions 71 0188511c74342cc9",
    "actions_anchored 106 ef37aeabe12cd221",
    "votes 302 c144efb9c4c12d5b",
    "certificates 695 798ff366e581a2a7",
    "reveal 35 ecbe4d710859f813",
    "status 60 3ff6b60fb0747a4a",
    "proposal_9 638 41cf06588bd645da",
    "proposal_10 638 31e75bc9ba94097a",
    "refusal_11 102 b6f68c480fbce861",
    "refusal_12 101 bb23d43e86f6aafe",
    "refusal_13 103 9ecf1c87ac6643f3",
    "fetch_14 37 56742b4f59eec1ac",
    "fetch_15 34 8be3777e26deee3c",
    "fetch_16 4 581cbc20b576fdbb",
    "fetch_17 4 f294cb5de0e22ab6",
    "fetch_18 62 6cc32533b1cf0c12",
    "found_19 1368 ac9f6ccf1950ae84",
    "found_20 432 6b76fa9d6443564e",
    "found_21 801 b3549f62d25a6d86",
    "found_22 171 9b3331075b2e02af",
    "found_23 2 ee658aa1daf9eb2f",
    "found_24 4 d90e81c461c36777",
    "found_25 422 e14f111cb956b64e",
    "found_26 135 c0622f4c7108daf3",
    "tally_27 146 d57d86c35d754826",
    "reconcile_28 14 0195ff7a7fc0ea87",
    "reconcile_29 2 9d7bbe05da12f24c",
    "reconcile_30 25 9033d0a46214626a",
    "reconcile_31 6 8aeb857d48b4477b",
    "reconcile_32 22 c28e4bc5b57720e1",
    "reconcile_33 19 99dbf0ec0f98d080",
    "reconcile_34 2 5a5e66ebe3960673",
    "recovery_35 40 d44a856906795886",
    "recovery_36 75 69f1383d86f6e7ec",
    "recovery_37 307 63d6f26c9c7f6104",
];

/// Random numbers that cost next to nothing: the cases are many.
struct Cheap(u64);

impl Cheap {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).expect("below a usize")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = self.below(160);
        // Small bytes are variants and lengths: they lead further into a decoder.
        let small = self.next().is_multiple_of(2);
        (0..len)
            .map(|_| if small { self.byte() % 5 } else { self.byte() })
            .collect()
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.next() % 6 {
                0 if at < bytes.len() => bytes[at] ^= 1 << (self.next() % 8),
                1 if at < bytes.len() => bytes[at] = self.byte(),
                2 => bytes.truncate(at),
                3 => bytes.insert(at, self.byte()),
                4 if at < bytes.len() => {
                    bytes.remove(at);
                }
                _ => bytes.extend_from_slice(&[0x80, 0][..1 + self.below(2)]),
            }
        }
    }
}

/// What must hold of every decoder, whatever the bytes.
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    bytes: &[u8],
    max: usize,
) -> Result<(), TestCaseError> {
    if let Ok(value) = decode::<T>(bytes, max) {
        prop_assert!(bytes.len() <= max);
        prop_assert_eq!(encode(&value), bytes);
    }
    Ok(())
}

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(samples: &[T]) {
    let encoded: Vec<Vec<u8>> = samples.iter().map(encode).collect();
    let longest = encoded.iter().map(Vec::len).max().expect("samples");
    for (sample, bytes) in samples.iter().zip(&encoded) {
        assert_eq!(decode::<T>(bytes, bytes.len()).as_ref(), Ok(sample));
        assert_eq!(decode::<T>(bytes, bytes.len() + 1).as_ref(), Ok(sample));
        let too_long = DecodeError::TooLong {
            len: bytes.len(),
            max: bytes.len() - 1,
        };
        assert_eq!(decode::<T>(bytes, bytes.len() - 1), Err(too_long));
        for len in 0..bytes.len() {
            assert!(decode::<T>(&bytes[..len], longest).is_err());
        }
        let mut trailing = bytes.clone();
        trailing.push(0);
        assert_eq!(
            decode::<T>(&trailing, longest + 1),
            Err(DecodeError::Trailing { count: 1 })
        );
    }
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&any::<u64>(), |seed| {
            let mut random = Cheap(seed | 1);
            check::<T>(&random.bytes(), longest)?;
            let mut bytes = encoded[random.below(encoded.len())].clone();
            random.mutate(&mut bytes);
            check::<T>(&bytes, longest + 8)
        })
        .expect("every decoder survives");
}

macro_rules! decoders_survive {
    ($($name:ident: $samples:expr;)*) => {
        $(
            #[test]
            fn $name() {
                survives(&$samples);
            }
        )*
    };
}

decoders_survive! {
    group_messages_survive: one_of_each().into_iter().map(|(_, message)| message).collect::<Vec<_>>();
    actions_survive: [action(6, ActionPayload::Rules(bytes(b"bet"))), action(7, ActionPayload::Missing { draw: 9, voter: 2 })];
    unsigned_actions_survive: [action(6, ActionPayload::Rules(bytes(b"bet"))).action];
    action_ids_survive: [action(6, ActionPayload::Rules(Bytes::new())).action.id()];
    blocks_survive: [block()];
    headers_survive: [block().header()];
    openings_survive: block().opening.as_slice();
    refused_survive: block().refused;
    proposals_survive: proposals();
    statements_survive: [statement(VoteKind::Notarize), statement(VoteKind::Nullify)];
    votes_survive: [vote(VoteKind::Notarize, 1), vote(VoteKind::Nullify, 2), vote(VoteKind::Finalize, 3)];
    certificates_survive: [certificate(VoteKind::Finalize), certificate(VoteKind::Nullify)];
    joins_survive: [join()];
    rosters_survive: [roster()];
    genesis_survives: [genesis()];
    rules_ids_survive: [rules()];
    refusals_survive: refusals();
    reveals_survive: [reveal()];
    recovery_survives: recovery();
    status_survives: [status()];
    fetches_survive: fetches();
    answers_survive: answers();
    parts_requests_survive: [parts_request()];
    parts_answers_survive: [parts_answer()];
    bodies_survive: [BlockWithCertificate { block: block(), certificate: None }];
}

#[test]
fn other_encodings_of_a_value_are_refused() {
    assert_eq!(decode::<u64>(&[1], 10), Ok(1));
    assert_eq!(
        decode::<u64>(&[0x81, 0], 10),
        Err(DecodeError::NotCanonical)
    );
    assert_eq!(
        decode::<u64>(&[1, 0], 10),
        Err(DecodeError::Trailing { count: 1 })
    );
    assert_eq!(decode::<bool>(&[2], 10), Err(DecodeError::Malformed));
    assert_eq!(decode::<u64>(&[], 10), Err(DecodeError::Malformed));
}

#[test]
fn lengths_inside_a_value_hold_at_their_edges() {
    for (len, fits) in [(15, true), (16, true), (17, false)] {
        let claim = encode(&vec![7u64; len]);
        assert_eq!(decode::<BoundedVec<u64, 16>>(&claim, 100).is_ok(), fits);
        assert_eq!(BoundedVec::<u64, 16>::from_vec(vec![7; len]).is_ok(), fits);
        let kept = BoundedVec::<u64, 16>::truncating(vec![7; len]);
        assert_eq!(kept.len(), len.min(16));
        let mut pushed = BoundedVec::<u64, 16>::new();
        let mut results = (0..len).map(|_| pushed.push(7));
        assert_eq!(results.all(|result| result.is_ok()), fits);
    }
    for (len, fits) in [
        (ACTION_PAYLOAD_LEN_MAX - 1, true),
        (ACTION_PAYLOAD_LEN_MAX, true),
        (ACTION_PAYLOAD_LEN_MAX + 1, false),
    ] {
        let claim = encode(&vec![7u8; len]);
        let decoded = decode::<Bytes<ACTION_PAYLOAD_LEN_MAX>>(&claim, 1_000);
        assert_eq!(decoded.is_ok(), fits);
    }
}

#[test]
fn the_room_given_on_trust_is_no_limit() {
    for len in [TRUSTED_ROOM - 1, TRUSTED_ROOM, TRUSTED_ROOM + 1] {
        let bytes = Bytes::<1024>::truncating(vec![7; len]);
        let encoded = encode(&bytes);
        assert_eq!(encoded_len(&bytes), encoded.len());
        assert_eq!(decode::<Bytes<1024>>(&encoded, 1_100), Ok(bytes));
    }
    // An element larger than all of it: room for none, and still each one decodes.
    let large = vec![[[1u8; 32]; 32]; 4];
    let decoded = decode::<BoundedVec<[[u8; 32]; 32], 4>>(&encode(&large), 5_000);
    assert_eq!(decoded.map(BoundedVec::into_vec), Ok(large));
}

#[test]
fn a_claimed_length_alone_allocates_nothing() {
    // 2^60 elements announced, none sent: were the claim believed, the process would end here.
    let claim = encode(&(1u64 << 60));
    assert_eq!(
        decode::<BoundedVec<Block, FOUND_ITEMS_MAX>>(&claim, 100),
        Err(DecodeError::Malformed)
    );
    assert_eq!(
        decode::<Bytes<256>>(&claim, 100),
        Err(DecodeError::Malformed)
    );
    let within = encode(&(FOUND_ITEMS_MAX as u64));
    assert_eq!(
        decode::<BoundedVec<Block, FOUND_ITEMS_MAX>>(&within, 100),
        Err(DecodeError::Malformed)
    );
}

#[test]
fn nibbles_hold_at_their_edges() {
    for (len, fits) in [
        (NIBBLES_MAX - 1, true),
        (NIBBLES_MAX, true),
        (NIBBLES_MAX + 1, false),
    ] {
        let packed = vec![0x50; len.div_ceil(2)];
        assert_eq!(Nibbles::from_packed(&packed, len).is_some(), fits);
        let grown = (0..len).try_fold(Nibbles::new(), |nibbles, _| nibbles.with(5));
        assert_eq!(grown.is_some(), fits);
        let claim = [&[len as u8], &*packed].concat();
        assert_eq!(decode::<Nibbles>(&claim, 100).is_ok(), fits);
    }
    let [half, third] = [[5].as_slice(), &[5, 0, 1]].map(|nibbles| {
        nibbles.iter().fold(Nibbles::new(), |run, nibble| {
            run.with(*nibble).expect("short")
        })
    });
    assert_eq!(encode(&half), [1, 0x50]);
    assert_eq!(encode(&third), [3, 0x50, 0x10]);
    assert_eq!(encode(&half.join(&third).expect("short")), [4, 0x55, 0x01]);
    // The spare half of a byte is zero, and no run has two spellings.
    assert_eq!(
        decode::<Nibbles>(&[1, 0x51], 100),
        Err(DecodeError::Malformed)
    );
    assert_eq!(
        decode::<Nibbles>(&[2, 0x51, 0], 100),
        Err(DecodeError::Trailing { count: 1 })
    );
    assert!(Nibbles::from_packed(&[0x51, 0], 2).is_none());
    // Ordered like the keys below them.
    assert!(Nibbles::new() < half && half < third);
    assert!(
        half.with(0)
            .is_some_and(|longer| half < longer && longer < third)
    );
}

#[test]
fn signatures_hold_for_exactly_what_was_signed() {
    let scheme = identity(1).scheme().clone();
    let signed = action(6, ActionPayload::Rules(bytes(b"bet")));
    assert!(signed.verify(GROUP, &*scheme));
    assert!(!signed.verify(GroupId([7; 16]), &*scheme));
    let mut other = signed.clone();
    other.action.number += 1;
    assert!(!other.verify(GROUP, &*scheme));
    let mut unsigned = signed;
    unsigned.signature = Signature::ZERO;
    assert!(!unsigned.verify(GROUP, &*scheme));

    let cast = vote(VoteKind::Notarize, 1);
    assert!(cast.verify(GROUP, digest(8), &peer(1), &*scheme));
    assert!(!cast.verify(GROUP, digest(9), &peer(1), &*scheme));
    assert!(!cast.verify(GROUP, digest(8), &peer(2), &*scheme));
    let mut other = cast;
    other.statement.kind = VoteKind::Finalize;
    assert!(!other.verify(GROUP, digest(8), &peer(1), &*scheme));

    let [first, second] = proposals().try_into().expect("two");
    assert!(first.verify(GROUP, digest(8), &peer(1), &*scheme));
    let mut moved = first.clone();
    moved.parent = second.parent;
    assert!(!moved.verify(GROUP, digest(8), &peer(1), &*scheme));
    let mut changed = first;
    changed.block.height += 1;
    assert!(!changed.verify(GROUP, digest(8), &peer(1), &*scheme));

    let founded = genesis();
    assert!(founded.verify(&*scheme));
    let mut other = founded;
    other.genesis.draw_timeout_ms += 1;
    assert!(!other.verify(&*scheme));
}

#[test]
fn every_field_of_a_block_is_under_its_hash() {
    let base = block().hash(digest(8));
    assert_ne!(block().hash(digest(9)), base);
    let changes: [fn(&mut Block); 6] = [
        |block| block.height += 1,
        |block| block.parent = digest(90),
        |block| block.root = digest(90),
        |block| block.opening = None,
        |block| block.actions = BoundedVec::new(),
        |block| block.refused = BoundedVec::new(),
    ];
    for change in changes {
        let mut changed = block();
        change(&mut changed);
        assert_ne!(changed.hash(digest(8)), base);
    }
}

#[test]
fn a_header_stands_for_its_block() {
    let header = block().header();
    assert_eq!(header.hash(digest(8)), block().hash(digest(8)));
    let same = (header.height, header.parent, header.root);
    assert_eq!(same, (block().height, block().parent, block().root));
    let mut other = header;
    other.body = digest(90);
    assert_ne!(other.hash(digest(8)), block().hash(digest(8)));
}
