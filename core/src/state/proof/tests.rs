use proptest::prelude::*;

use super::super::map::tests::{content, key, map_of, some_key};
use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn proves_what_the_map_says(model in content(), asked in prop::collection::vec(some_key(), 1..8)) {
        let map = map_of(&model);
        let root = map.root();
        for bytes in asked.iter().chain(model.keys()) {
            let proof = map.prove(&key(bytes));
            let proof = Proof::decode(&proof.encode()).expect("own proofs decode");
            prop_assert_eq!(
                proof.verify(root, &key(bytes)),
                Ok(model.get(bytes).map(Vec::as_slice))
            );
        }
    }

    #[test]
    fn proves_nothing_else(model in content(), about in some_key(), asked in some_key()) {
        // A proof of one key, read as one of another, is refused or tells the truth.
        let map = map_of(&model);
        if let Ok(found) = map.prove(&key(&about)).verify(map.root(), &key(&asked)) {
            prop_assert_eq!(found, map.get(&asked));
        }
        // And never under the root of another content.
        let mut other = map.clone();
        other.insert(key(b"one more"), vec![1]);
        prop_assert!(map.prove(&key(&about)).verify(other.root(), &key(&about)).is_err());
    }

    #[test]
    fn a_bent_proof_never_tells_a_lie(
        model in content(),
        asked in some_key(),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let map = map_of(&model);
        let mut bytes = map.prove(&key(&asked)).encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(proof) = Proof::decode(&bytes)
            && let Ok(found) = proof.verify(map.root(), &key(&asked))
        {
            prop_assert_eq!(found, map.get(&asked));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..48)) {
        if let Ok(proof) = Proof::decode(&bytes) {
            prop_assert_eq!(proof.encode(), bytes);
            let _ = proof.verify(Hash::ZERO, &key(b"some key"));
        }
    }
}

#[test]
fn survives_mutated_proofs() {
    let map: Map = (0..64u8)
        .map(|number| (key(&[number / 8, number]), vec![number; 3]))
        .chain([(key(&[3]), vec![9])])
        .collect();
    let root = map.root();
    let asked = [
        key(&[3, 27]),
        key(&[3]),
        key(&[3, 99]),
        key(&[77]),
        key(&[]),
    ];
    let proofs = asked.clone().map(|key| map.prove(&key).encode());
    crate::state::mutated(&proofs, 100_000, |bytes| {
        if let Ok(proof) = Proof::decode(bytes) {
            for key in &asked {
                if let Ok(found) = proof.verify(root, key) {
                    assert_eq!(found, map.get(key.as_bytes()));
                }
            }
        }
    });
}

#[test]
fn the_longest_proof_fits() {
    // Sixteen branches at every nibble of a 64-byte key, each node with a value of its own, and the
    // longest value at the end.
    let mut map = Map::new();
    for at in 0..128 {
        for branch in 0..16u8 {
            let mut bytes = vec![0x55; at / 2 + 1];
            bytes[at / 2] = if at % 2 == 0 {
                branch << 4
            } else {
                0x50 | branch
            };
            map.insert(key(&bytes), vec![1]);
        }
    }
    map.insert(key(&[0x55; 64]), vec![7; VALUE_LEN_MAX]);
    let proof = map.prove(&key(&[0x55; 64]));
    let bytes = proof.encode();
    assert!(bytes.len() <= PROOF_LEN_MAX);
    assert_eq!(proof.steps.len(), STEPS_MAX);
    let proof = Proof::decode(&bytes).expect("it fits");
    let value = vec![7; VALUE_LEN_MAX];
    assert_eq!(
        proof.verify(map.root(), &key(&[0x55; 64])),
        Ok(Some(value.as_slice()))
    );
    let long = vec![0; PROOF_LEN_MAX + 1];
    assert!(matches!(
        Proof::decode(&long),
        Err(DecodeError::TooLong { .. })
    ));
}

#[test]
fn names_the_failing_check() {
    let map: Map = [
        (key(b"a"), vec![1]),
        (key(b"ab"), vec![2]),
        (key(b"b"), vec![3]),
    ]
    .into_iter()
    .collect();
    let proof = map.prove(&key(b"ab"));
    assert!(matches!(
        proof.verify(Hash::ZERO, &key(b"ab")),
        Err(ProofError::WrongRoot {
            need: Hash::ZERO,
            ..
        })
    ));
    // It passes the inner node of "a" with only the hash of its value.
    assert_eq!(
        proof.verify(map.root(), &key(b"a")),
        Err(ProofError::OtherKey)
    );
    let mut bent = proof;
    bent.end = End::Empty;
    assert_eq!(
        bent.verify(map.root(), &key(b"ab")),
        Err(ProofError::Malformed)
    );
    assert_eq!(
        Map::new()
            .prove(&key(b"x"))
            .verify(Map::new().root(), &key(b"x")),
        Ok(None)
    );
}

#[test]
fn no_flipped_byte_forges() {
    // Every byte of proofs of presence and of absence that end in every way a proof can end.
    let map: Map = (0..48u8)
        .map(|number| (key(&[0x30 + number / 10, b'/', number]), vec![number; 5]))
        .chain([
            (key(&[0x33]), vec![9; 3]),
            (key(&[0x33, b'/']), Vec::new()),
            (key(&[0x90; 64]), vec![7; 300]),
        ])
        .collect();
    let root = map.root();
    let present = [
        key(&[0x31, b'/', 12]),
        key(&[0x33]),
        key(&[0x33, b'/']),
        key(&[0x90; 64]),
    ];
    let absent = [
        key(&[]),
        key(&[0x31, b'/']),
        key(&[0x31, b'/', 250]),
        key(&[0x90; 63]),
        key(&[0x91]),
        key(&[0x33, b'/', 31, 1]),
    ];
    let (mut undecodable, mut refused, mut harmless) = (0, 0, 0);
    for key in present.iter().chain(&absent) {
        let bytes = map.prove(key).encode();
        assert_eq!(
            Proof::decode(&bytes).expect("true").verify(root, key),
            Ok(map.get(key.as_bytes()))
        );
        for at in 0..bytes.len() {
            for flip in (0..8).map(|bit| 1 << bit).chain([0xff, 0x55]) {
                let mut bent = bytes.clone();
                bent[at] ^= flip;
                let Ok(bent) = Proof::decode(&bent) else {
                    undecodable += 1;
                    continue;
                };
                // Of this key and of every other one: refused, or still the truth.
                for asked in present.iter().chain(&absent) {
                    match bent.verify(root, asked) {
                        Ok(found) => {
                            assert_eq!(found, map.get(asked.as_bytes()));
                            harmless += 1;
                        }
                        Err(_) => refused += 1,
                    }
                }
            }
        }
    }
    // All that a proof holds is under the root: a bent one proves nothing at all.
    assert_eq!(harmless, 0, "{undecodable} undecodable, {refused} refused");
    assert!(undecodable > 100 && refused > 10_000);
}

#[test]
fn a_proof_for_another_root_is_named() {
    let map: Map = [(key(b"a"), vec![1]), (key(b"b"), vec![2])]
        .into_iter()
        .collect();
    let mut later = map.clone();
    later.insert(key(b"b"), vec![3]);
    for asked in [key(b"a"), key(b"b"), key(b"c")] {
        assert_eq!(
            map.prove(&asked).verify(later.root(), &asked),
            Err(ProofError::WrongRoot {
                have: map.root(),
                need: later.root()
            })
        );
    }
}
