use proptest::prelude::*;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use super::super::map::tests::{content, key, map_of};
use super::*;

/// Calls `check` with `count` mutations of `samples`: bytes flipped, cut, repeated, inserted.
pub(crate) fn mutated(samples: &[Vec<u8>], count: usize, mut check: impl FnMut(&[u8])) {
    let mut rng = ChaCha12Rng::from_seed([7; 32]);
    let mut below = |bound: usize| rng.next_u32() as usize % bound.max(1);
    for index in 0..count {
        let mut bytes = samples[index % samples.len()].clone();
        for _ in 0..=below(3) {
            let at = below(bytes.len());
            match below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, below(256) as u8),
                2 if !bytes.is_empty() => {
                    bytes.remove(at);
                }
                3 => {
                    let tail = bytes[at..].to_vec();
                    bytes.extend(tail);
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << below(8);
                    }
                }
            }
        }
        check(&bytes);
    }
}

/// A delta before it is compressed: what has one spelling.
fn plain(delta: &Delta) -> Vec<u8> {
    [encode(&delta.head()), columns::write(&delta.changes)].concat()
}

/// The same, of bytes that decode.
fn plain_of(bytes: &[u8]) -> Vec<u8> {
    let (head, rest) = postcard::take_from_bytes::<Head>(bytes).expect("they decode");
    [encode(&head), columns::inflate(rest).expect("they decode")].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn applied_it_gives_the_target(a in content(), b in content(), heights in any::<(u64, u64)>()) {
        let (base, target) = (map_of(&a), map_of(&b));
        let delta = Delta::between((heights.0, &base), (heights.1, &target)).expect("small");
        prop_assert_eq!((delta.base(), delta.target()), heights);
        prop_assert_eq!(delta.base_root(), base.root());
        prop_assert_eq!(delta.target_root(), target.root());
        let decoded = Delta::decode(&delta.encode()).expect("own deltas decode");
        prop_assert_eq!(&decoded, &delta);
        let mut map = base.clone();
        prop_assert_eq!(map.apply(&decoded), Ok(()));
        prop_assert_eq!(&map, &target);
        // Once more: it starts from another state now, unless nothing changed.
        let again = map.apply(&decoded);
        if a == b {
            prop_assert_eq!(again, Ok(()));
        } else {
            prop_assert_eq!(again, Err(DeltaError::WrongBase {
                have: target.root(),
                need: base.root(),
            }));
        }
        prop_assert_eq!(&map, &target);
    }

    #[test]
    fn corrupted_it_changes_nothing_and_names_the_check(
        a in content(),
        b in content(),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let (base, target) = (map_of(&a), map_of(&b));
        let delta = Delta::between((1, &base), (2, &target)).expect("small");
        let mut bytes = delta.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let mut map = base.clone();
        match Delta::decode(&bytes) {
            Ok(bent) => match map.apply(&bent) {
                // Only the heights are outside the roots: they are the block's to prove.
                Ok(()) => {
                    prop_assert_eq!(bent.changes(), delta.changes());
                    prop_assert_eq!(&map, &target);
                }
                Err(DeltaError::WrongBase { need, .. }) => {
                    prop_assert_eq!(need, bent.base_root());
                    prop_assert_eq!(&map, &base);
                }
                Err(DeltaError::RootMismatch { need, .. }) => {
                    prop_assert_eq!(need, bent.target_root());
                    prop_assert_eq!(&map, &base);
                }
                Err(other) => prop_assert!(false, "{}", other),
            },
            Err(error) => prop_assert!(matches!(error, DeltaError::Malformed(_))),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..96)) {
        if let Ok(delta) = Delta::decode(&bytes) {
            prop_assert_eq!(Delta::decode(&delta.encode()), Ok(delta));
        }
    }
}

#[test]
fn survives_mutated_deltas() {
    let base: Map = (0..20u8).map(|it| (key(&[it / 4, it]), vec![it])).collect();
    let target: Map = (5..25u8)
        .map(|it| (key(&[it / 4, it]), vec![it / 8]))
        .collect();
    let samples = [
        Delta::between((3, &base), (9, &target))
            .expect("small")
            .encode(),
        Delta::between((3, &base), (4, &Map::new()))
            .expect("small")
            .encode(),
        Delta::between((0, &Map::new()), (0, &Map::new()))
            .expect("small")
            .encode(),
    ];
    let mut decoded = 0;
    mutated(&samples, 100_000, |bytes| {
        if let Ok(delta) = Delta::decode(bytes) {
            decoded += 1;
            assert_eq!(plain(&delta), plain_of(bytes));
            let mut map = base.clone();
            if map.apply(&delta).is_err() {
                assert_eq!(map, base);
            } else {
                assert_eq!(map.root(), delta.target_root());
            }
        }
    });
    assert!(
        decoded > 1000,
        "the mutations are too wild to test anything"
    );
}

#[test]
fn at_most_8_kib() {
    let base = Map::new();
    let mut noise = vec![0; DELTA_LEN_MAX];
    crate::crypto::Hasher::new(crate::crypto::Domain::Trace).fill(&mut noise);
    let mut target = Map::new();
    target.insert(key(b"a"), noise[..4096].to_vec());
    target.insert(key(b"b"), vec![]);
    let fixed = plain(&Delta::between((0, &base), (1, &target)).expect("it fits")).len();
    // A value above 126 bytes has a second length byte.
    let room = DELTA_LEN_MAX - fixed - 1;
    for (len, fits) in [(room - 1, true), (room, true), (room + 1, false)] {
        target.insert(key(b"b"), noise[4096..4096 + len].to_vec());
        let delta = Delta::between((0, &base), (1, &target));
        if fits {
            let bytes = delta.expect("it fits").encode();
            // Noise does not compress: one byte says so.
            assert_eq!(bytes.len(), fixed + 1 + len + 1);
            assert!(Delta::decode(&bytes).is_ok());
        } else {
            assert_eq!(
                delta,
                Err(DeltaError::TooLarge {
                    len: DELTA_LEN_MAX + 1,
                    max: DELTA_LEN_MAX,
                    unit: "bytes",
                })
            );
        }
    }
    let too_large = Err(DeltaError::TooLarge {
        len: DELTA_LEN_MAX + 2,
        max: DELTA_LEN_MAX + 1,
        unit: "bytes",
    });
    assert_eq!(Delta::decode(&vec![0; DELTA_LEN_MAX + 2]), too_large);
    let head = encode(&head());
    let plain = |columns: usize| [&head[..], &[0], &vec![0; columns]].concat();
    let room = DELTA_LEN_MAX - head.len();
    let trailing = DecodeError::Trailing { count: room - 1 };
    assert_eq!(Delta::decode(&plain(room)), Err(trailing.into()));
    assert!(Delta::decode(&plain(room + 1)).is_err());
}

fn head() -> Head {
    Head {
        base: 1,
        target: 2,
        base_root: Hash::ZERO,
        target_root: Hash::ZERO,
    }
}

#[test]
fn bombs_are_refused_before_they_inflate() {
    let columns = columns::write(&[(key(b"a"), Some(vec![7; 4000]))]);
    let packed = lz4_flex::block::compress(&columns);
    let bomb = |declared: usize, packed: &[u8]| {
        let declared = u16::try_from(declared).expect("two bytes").to_be_bytes();
        Delta::decode(&[&encode(&head())[..], &[1], &declared, packed].concat())
            .map(|delta| delta.changes().len())
    };
    let malformed = Err(DeltaError::Malformed(DecodeError::Malformed));
    assert!(packed.len() * 64 < columns.len(), "it is a bomb");
    assert_eq!(bomb(columns.len(), &packed), malformed);
    for (declared, named) in [(639, malformed), (640, malformed), (641, malformed)] {
        assert_eq!(bomb(declared, &[0xff; 10]), named);
    }
    assert_eq!(
        bomb(DELTA_LEN_MAX + 1, &[0; 500]),
        Err(DeltaError::Malformed(DecodeError::TooLong {
            len: DELTA_LEN_MAX + 1,
            max: DELTA_LEN_MAX,
        }))
    );
    // Text that repeats stays inside the ratio.
    let value = b"the same words again, ".repeat(12);
    let columns = columns::write(&[(key(b"a"), Some(value))]);
    let packed = lz4_flex::block::compress(&columns);
    assert_eq!(bomb(columns.len(), &packed), Ok(1));
    assert_eq!(bomb(columns.len() - 1, &packed), malformed);
    assert_eq!(bomb(columns.len() + 1, &packed), malformed);
    // LZ4 that does not pay is no form of ours.
    let not_canonical = Err(DeltaError::Malformed(DecodeError::NotCanonical));
    let short = columns::write(&[(key(b"a"), None)]);
    let packed = lz4_flex::block::compress(&short);
    assert_eq!(bomb(short.len(), &packed), not_canonical);
}

#[test]
fn repetition_is_compressed_and_noise_grows_by_one_byte() {
    let target: Map = (0..50u8)
        .map(|it| (key(&[b'b', it / 10, it]), b"worth 100 chips".to_vec()))
        .collect();
    let delta = Delta::between((3, &Map::new()), (4, &target)).expect("small");
    let bytes = delta.encode();
    assert!(
        bytes.len() * 2 < plain(&delta).len(),
        "{} bytes",
        bytes.len()
    );
    assert_eq!(Delta::decode(&bytes), Ok(delta));
}

#[test]
fn at_most_2048_changes() {
    let map = |count: u16| -> Map {
        (0..count)
            .map(|it| (key(&it.to_be_bytes()), Vec::new()))
            .collect()
    };
    // 2048 keys in ascending order take four bytes each, and more than the whole with the roots.
    for count in [
        DELTA_CHANGES_MAX - 1,
        DELTA_CHANGES_MAX,
        DELTA_CHANGES_MAX + 1,
    ] {
        let delta = Delta::between((0, &Map::new()), (1, &map(count as u16)));
        let Err(DeltaError::TooLarge { max, unit, .. }) = delta else {
            panic!("{count} changes do not fit");
        };
        let expected = if count > DELTA_CHANGES_MAX {
            (DELTA_CHANGES_MAX, "keys")
        } else {
            (DELTA_LEN_MAX, "bytes")
        };
        assert_eq!((max, unit), expected);
    }
}

#[test]
fn refuses_other_spellings_of_one_change() {
    // Removed keys, so that all lengths are zero and there are no values.
    let spelled = |changes: &[(u8, &[u8])]| {
        let mut columns = vec![u8::try_from(changes.len()).expect("few")];
        columns.extend(changes.iter().map(|(shared, _)| *shared));
        columns.extend(changes.iter().map(|(_, rest)| rest.len() as u8));
        changes
            .iter()
            .for_each(|(_, rest)| columns.extend_from_slice(rest));
        columns.extend(vec![0; changes.len()]);
        Delta::decode(&[&encode(&head())[..], &[0], &columns].concat())
            .map(|delta| delta.changes().len())
    };
    let malformed = Err(DeltaError::Malformed(DecodeError::Malformed));
    let not_canonical = Err(DeltaError::Malformed(DecodeError::NotCanonical));
    assert_eq!(spelled(&[(0, b"ab"), (1, b"c")]), Ok(2));
    assert_eq!(spelled(&[(0, b"ab"), (0, b"ac")]), not_canonical);
    assert_eq!(spelled(&[(0, b"ab"), (2, b"")]), malformed);
    assert_eq!(spelled(&[(0, b"b"), (0, b"a")]), malformed);
    assert_eq!(spelled(&[(0, b"ab"), (3, b"c")]), malformed);
    assert_eq!(spelled(&[(1, b"a")]), malformed);
    let long = [7; 64];
    assert_eq!(spelled(&[(0, &long[..63]), (63, b"x")]), Ok(2));
    assert_eq!(spelled(&[(0, &long), (64, b"x")]), malformed);
}
