//! Evidence: its bounds, its bytes, its words.

use super::*;
use crate::crypto::Signature;
use crate::rules::craps::Craps;
use crate::state::Key;
use crate::wire::{MEMBERS_MAX, VoteStatement};

fn evidence() -> Divergence {
    let rules = Craps::new().id();
    let header = Header {
        height: 7,
        parent: Hash([1; 32]),
        root: Hash([2; 32]),
        body: Hash([3; 32]),
    };
    let block = header.hash(Hash([4; 32]));
    let statement = VoteStatement {
        round: 9,
        kind: VoteKind::Finalize,
        block,
    };
    let certificate = Certificate {
        statement,
        signatures: BoundedVec::truncating(vec![(0, Signature([5; 64])); MEMBERS_MAX]),
    };
    let kind = DivergenceKind::OtherRoot { own: Hash([6; 32]) };
    Divergence::new(rules, (7, block), vec![header], certificate, kind)
}

fn map(entries: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Map {
    let mut map = Map::new();
    for (key, value) in entries {
        map.insert(Key::new(&key).unwrap(), value);
    }
    map
}

#[test]
fn so_many_keys_are_named_those_of_the_rules_first() {
    for extra in [0, 1] {
        let mut found = evidence();
        let keys = u8::try_from(DIFFERING_KEYS_MAX + extra).unwrap();
        let own = map((0..keys).map(|key| (vec![key, 1], vec![1])));
        found.compare(&own, &Map::new());
        assert_eq!(found.keys.len(), DIFFERING_KEYS_MAX);
        assert_eq!(found.keys_differing, u64::from(keys));
        let words = found.words(&Craps::new());
        assert_eq!(words.contains("1 more keys differ"), extra == 1);
        // Key 0 is of the group's own records.
        let first = &found.keys[0].key[..];
        assert_eq!(first, [1, 1]);
    }
}

#[test]
fn values_are_cut_and_say_so() {
    for len in [
        DIFFERING_VALUE_LEN_MAX - 1,
        DIFFERING_VALUE_LEN_MAX,
        DIFFERING_VALUE_LEN_MAX + 1,
    ] {
        let mut found = evidence();
        let own = map([(b"x".to_vec(), vec![0xab; len])]);
        found.compare(&own, &map([(b"c\x01".to_vec(), encode(&90u64))]));
        let value = found.keys[1].own.clone().unwrap();
        assert_eq!(value.len, len as u64);
        assert_eq!(value.bytes.len(), len.min(DIFFERING_VALUE_LEN_MAX));
        let words = found.words(&Craps::new());
        assert!(
            words.contains("certified: member 1 holds 90 chips"),
            "{words}"
        );
        assert!(words.contains("6301 has nothing"), "{words}");
        assert!(words.contains(&format!("({len} B)")), "{words}");
    }
}

#[test]
fn the_longest_evidence_fits_its_bound_and_another_version_is_named() {
    let mut found = evidence();
    let mut header = found.headers[0];
    header.height = u64::MAX;
    found.headers = BoundedVec::truncating(vec![header; FOUND_ITEMS_MAX]);
    let key = |first: u8| (vec![first; 64], vec![first; 4096]);
    let other = |first: u8| (vec![first; 64], vec![first + 1; 4096]);
    found.compare(&map((1..=20).map(key)), &map((1..=20).map(other)));
    let mut bytes = found.encode();
    assert!(bytes.len() <= DIVERGENCE_LEN_MAX, "{}", bytes.len());
    assert_eq!(Divergence::decode(&bytes), Ok(found));
    bytes[0] = 2;
    let unknown = DecodeError::UnknownVersion { have: 2, need: 1 };
    assert_eq!(Divergence::decode(&bytes), Err(unknown));
    assert_eq!(Divergence::decode(&[]), Err(DecodeError::Malformed));
}
