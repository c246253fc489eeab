use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{Key, Overlay};
use super::*;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

pub(crate) fn key(bytes: &[u8]) -> Key {
    Key::new(bytes).expect("test keys are short")
}

/// Few bytes and many lengths, so that prefixes, shared nibbles and deep paths are the rule.
pub(crate) fn some_key() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(vec![0x00u8, 0x01, 0x10, 0x11, 0x1f, 0xf0, 0xff]);
    prop_oneof![
        8 => prop::collection::vec(byte.clone(), 0..5),
        1 => prop::collection::vec(byte, 60..=64),
    ]
}

fn some_value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..3)
}

/// Content of a map.
pub(crate) fn content() -> impl Strategy<Value = Model> {
    prop::collection::btree_map(some_key(), some_value(), 0..40)
}

pub(crate) fn map_of(model: &Model) -> Map {
    model
        .iter()
        .map(|(bytes, value)| (key(bytes), value.clone()))
        .collect()
}

fn some_writes() -> impl Strategy<Value = Vec<(Vec<u8>, Option<Vec<u8>>)>> {
    prop::collection::vec(
        (some_key(), prop::option::weighted(0.6, some_value())),
        0..60,
    )
}

fn play(map: &mut Map, model: &mut Model, writes: &[(Vec<u8>, Option<Vec<u8>>)]) {
    for (bytes, value) in writes {
        match value {
            Some(value) => {
                map.insert(key(bytes), value.clone());
                model.insert(bytes.clone(), value.clone());
            }
            None => assert_eq!(map.remove(bytes), model.remove(bytes).is_some()),
        }
    }
}

fn spelled(map: &Map) -> Vec<(Vec<u8>, Vec<u8>)> {
    map.iter()
        .map(|(key, value)| (key.as_bytes().to_vec(), value.to_vec()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn holds_what_a_btree_map_holds(writes in some_writes(), asked in some_key()) {
        let (mut map, mut model) = (Map::new(), Model::new());
        play(&mut map, &mut model, &writes);
        prop_assert_eq!(map.len(), model.len());
        prop_assert_eq!(map.is_empty(), model.is_empty());
        prop_assert_eq!(spelled(&map), model.clone().into_iter().collect::<Vec<_>>());
        for (bytes, _) in &writes {
            prop_assert_eq!(map.get(bytes), model.get(bytes).map(Vec::as_slice));
        }
        prop_assert_eq!(map.get(&asked), model.get(&asked).map(Vec::as_slice));
        let below: Vec<_> = map
            .prefix(&asked)
            .map(|(key, value)| (key.as_bytes().to_vec(), value.to_vec()))
            .collect();
        let expected: Vec<_> = model
            .into_iter()
            .filter(|(bytes, _)| bytes.starts_with(&asked))
            .collect();
        prop_assert_eq!(below, expected);
    }

    #[test]
    fn the_root_depends_on_the_content_alone(writes in some_writes(), seed in any::<u64>()) {
        let (mut map, mut model) = (Map::new(), Model::new());
        // Hashes cached on the way must not survive a write below them.
        for (index, write) in writes.iter().enumerate() {
            play(&mut map, &mut model, std::slice::from_ref(write));
            if (seed >> (index % 64)) & 1 == 1 {
                map.root();
            }
        }
        let ascending = map_of(&model);
        let mut descending = Map::new();
        for (bytes, value) in model.iter().rev() {
            descending.insert(key(bytes), value.clone());
        }
        prop_assert_eq!(map.root(), ascending.root());
        prop_assert_eq!(map.root(), descending.root());
        prop_assert_eq!(&map, &ascending);
        let mut overlay = Overlay::new(Map::new());
        for (bytes, value) in &writes {
            match value {
                Some(value) => overlay.set(bytes, value.clone()).expect("short"),
                None => overlay.remove(bytes).expect("short"),
            }
        }
        prop_assert_eq!(overlay.absorb().root(), map.root());
    }

    #[test]
    fn another_content_has_another_root(a in content(), b in content()) {
        let (left, right) = (map_of(&a), map_of(&b));
        prop_assert_eq!(a == b, left == right);
        prop_assert_eq!(a == b, left.root() == right.root());
        prop_assert_eq!(a == b, left == right);
    }

    #[test]
    fn a_clone_does_not_see_later_writes(first in some_writes(), second in some_writes()) {
        let (mut map, mut model) = (Map::new(), Model::new());
        play(&mut map, &mut model, &first);
        let (kept, kept_model) = (map.clone(), model.clone());
        let root = kept.root();
        play(&mut map, &mut model, &second);
        prop_assert_eq!(kept.root(), root);
        prop_assert_eq!(&kept, &map_of(&kept_model));
        prop_assert_eq!(&map, &map_of(&model));
    }

    #[test]
    fn changes_turn_one_into_the_other(
        first in some_writes(),
        second in some_writes(),
        unrelated in content(),
        hashed in any::<(bool, bool)>(),
    ) {
        let (mut map, mut model) = (Map::new(), Model::new());
        play(&mut map, &mut model, &first);
        let (before, before_model) = (map.clone(), model.clone());
        play(&mut map, &mut model, &second);
        for (other, other_model) in [(map, model), (map_of(&unrelated), unrelated)] {
            if hashed.0 {
                before.root();
            }
            if hashed.1 {
                other.root();
            }
            let mut expected = Vec::new();
            let mut all = before_model.clone();
            all.extend(other_model.clone());
            for bytes in all.keys() {
                let (old, new) = (before_model.get(bytes), other_model.get(bytes));
                if old != new {
                    expected.push(Change {
                        key: key(bytes),
                        old: old.cloned(),
                        new: new.cloned(),
                    });
                }
            }
            prop_assert_eq!(before.changes(&other), expected);
        }
    }
}

#[test]
fn changes_walk_only_what_differs() {
    let mut map = Map::new();
    for number in 0..10_000u32 {
        map.insert(key(&number.to_be_bytes()), vec![1]);
    }
    let mut other = map.clone();
    other.insert(key(&77u32.to_be_bytes()), vec![2]);
    // Ten thousand walks of everything would not end in a test's time: 10^8 entries.
    for _ in 0..10_000 {
        assert_eq!(map.changes(&other).len(), 1);
    }
    // Two maps that share nothing, with known hashes.
    let copy: Map = map
        .iter()
        .map(|(key, value)| (key, value.to_vec()))
        .collect();
    copy.root();
    other.root();
    for _ in 0..10_000 {
        assert_eq!(copy.changes(&other).len(), 1);
    }
}

#[test]
fn equal_hashes_at_different_depths_are_no_equal_parts() {
    // The leaf below "5" and the root of the other map have one path, one value and one hash.
    let a: Map = [(key(&[0x55; 3]), vec![1]), (key(&[0x56]), vec![2])]
        .into_iter()
        .collect();
    let b: Map = [(key(&[0x55; 2]), vec![1])].into_iter().collect();
    a.root();
    b.root();
    assert_eq!(a.changes(&b).len(), 3);
    assert_eq!(b.changes(&a).len(), 3);
}

#[test]
fn a_prefix_scan_walks_only_what_it_gives() {
    let mut map = Map::new();
    for number in 0..10_000u32 {
        map.insert(key(&number.to_be_bytes()), vec![1]);
    }
    for _ in 0..10_000 {
        assert_eq!(map.prefix(&[0, 0, 1, 7]).count(), 1);
        assert_eq!(map.prefix(&[9]).count(), 0);
    }
    assert_eq!(map.prefix(&[0, 0, 1]).count(), 256);
    assert_eq!(map.prefix(&[]).count(), 10_000);
}

#[test]
fn the_deepest_tree_holds() {
    // Every prefix of one key, and a neighbour that branches off at each nibble.
    let mut model = Model::new();
    for len in 0..=64 {
        model.insert(vec![0x55; len], vec![len as u8]);
        if len > 0 {
            let mut low = vec![0x55; len];
            low[len - 1] = 0x56;
            model.insert(low, vec![1]);
            let mut high = vec![0x55; len];
            high[len - 1] = 0x65;
            model.insert(high, vec![2]);
        }
    }
    let mut map = map_of(&model);
    let root = map.root();
    assert_eq!(map.len(), 193);
    for bytes in model.keys() {
        assert!(map.remove(bytes));
        map.insert(key(bytes), model[bytes].clone());
        assert_eq!(map.root(), root);
    }
    for bytes in model.keys() {
        assert!(map.remove(bytes));
    }
    assert_eq!(map.root(), Map::new().root());
}

#[test]
fn a_value_is_at_most_4096_bytes() {
    let mut map = Map::new();
    map.insert(key(b"a"), vec![0; VALUE_LEN_MAX]);
    assert_eq!(map.get(b"a").map(<[u8]>::len), Some(VALUE_LEN_MAX));
}

#[test]
#[should_panic(expected = "bounded before")]
fn a_longer_value_is_a_bug_of_the_caller() {
    Map::new().insert(key(b"a"), vec![0; VALUE_LEN_MAX + 1]);
}

#[test]
fn long_keys_are_not_there() {
    let mut map = Map::new();
    map.insert(key(&[7; 64]), vec![1]);
    assert_eq!(map.get(&[7; 65]), None);
    assert!(!map.remove(&[7; 65]));
    assert_eq!(map.prefix(&[7; 65]).count(), 0);
    assert_eq!(map.prefix(&[7; 64]).count(), 1);
}

/// Roots are signed and stored: these must never change.
#[test]
fn roots_of_version_1() {
    let mut map = Map::new();
    let mut roots = vec![map.root().to_hex()];
    for (bytes, value) in [
        (b"".as_slice(), b"empty key".as_slice()),
        (b"chips/1", b"\x64"),
        (b"chips/2", b"\x32"),
        (b"chips", b""),
        (b"phase", b"\x01\x04"),
    ] {
        map.insert(key(bytes), value.to_vec());
        roots.push(map.root().to_hex()[..16].to_string());
    }
    assert_eq!(roots, ROOTS);
    // The first two by hand: the domain alone; domain, empty path, value.
    assert_eq!(blake3::hash(&[2]).to_hex()[..], roots[0]);
    let leaf = blake3::hash(b"\x01\x00empty key").to_hex();
    assert_eq!(leaf[..16], roots[1]);
}

const ROOTS: [&str; 6] = [
    "ab13bedf42e84bae0f7c62c7dd6a8ada571e8829bed6ea558217f0361b5e25d0",
    "7cf2f5a4807b8713",
    "0661077c68d31940",
    "f1394458bdf2e09c",
    "2fbf72fe8bdf3a29",
    "0a32048728c01ac6",
];
