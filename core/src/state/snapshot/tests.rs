use proptest::prelude::*;

use super::super::map::tests::{content, key, map_of};
use super::*;
use crate::wire::encode;

fn chunks(map: &Map, cut: &Cut) -> Vec<ChunkEntries> {
    (0..cut.chunks())
        .map(|index| {
            cut.entries(map, index)
                .expect("the index is below the count")
        })
        .collect()
}

fn collect(chunks: Vec<ChunkEntries>) -> Result<Map, SnapshotError> {
    let mut assembly = Assembly::new(1 << 20);
    for chunk in chunks {
        assembly.add(chunk)?;
    }
    Ok(assembly.finish())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn cut_and_collected_it_is_the_same_state(model in content(), limit in 0usize..200) {
        let map = map_of(&model);
        let cut = Cut::new(&map, limit);
        let chunks = chunks(&map, &cut);
        prop_assert_eq!(cut.entries(&map, cut.chunks()), None);
        let mut sum = 0;
        for chunk in &chunks {
            let bytes: usize = chunk.iter().map(|entry| encode(entry).len()).sum();
            prop_assert!(bytes <= limit || chunk.len() == 1);
            prop_assert!(bytes <= cut.largest());
            prop_assert!(!chunk.is_empty() || map.is_empty());
            sum += bytes;
        }
        prop_assert_eq!(sum, cut.bytes());
        prop_assert_eq!(collect(chunks), Ok(map));
    }

    #[test]
    fn a_wrong_chunk_never_passes(
        model in content(),
        limit in 0usize..60,
        pick in any::<prop::sample::Index>(),
        bend in 0u8..4,
    ) {
        let map = map_of(&model);
        let mut chunks = chunks(&map, &Cut::new(&map, limit));
        let at = pick.index(chunks.len());
        match bend {
            0 => drop(chunks.remove(at)),
            1 => chunks.insert(at, chunks[at].clone()),
            2 => {
                let last = chunks.len() - 1;
                chunks.swap(at, last);
            }
            _ => {
                let mut entries = chunks[at].clone().into_vec();
                if let Some((_, value)) = entries.last_mut() {
                    *value = Bytes::truncating(b"not it".to_vec());
                }
                chunks[at] = BoundedVec::truncating(entries);
            }
        }
        let found = collect(chunks);
        // Empty states and swaps with itself are the same state.
        // Whoever compares roots takes nothing else for the state.
        if let Ok(found) = found {
            prop_assert_eq!(found.root() == map.root(), found == map);
        }
    }
}

#[test]
fn bounds_at_their_edges() {
    let map: Map = (0..CHUNK_ENTRIES_MAX as u16 + 1)
        .map(|number| (key(&number.to_be_bytes()), Vec::new()))
        .collect();
    let cut = Cut::new(&map, 1 << 20);
    assert_eq!(cut.chunks(), 2);
    assert_eq!(
        cut.entries(&map, 0).map(|it| it.len()),
        Some(CHUNK_ENTRIES_MAX)
    );
    let mut less = map.clone();
    less.remove(&[0, 0]);
    assert_eq!(Cut::new(&less, 1 << 20).chunks(), 1);
    // Ten entries of four bytes each.
    let ten: Map = map
        .iter()
        .take(10)
        .map(|(key, _)| (key, Vec::new()))
        .collect();
    for (limit, expected) in [(39, 2), (40, 1), (41, 1)] {
        assert_eq!(Cut::new(&ten, limit).chunks(), expected);
    }
    let entries = Cut::new(&ten, 40)
        .entries(&ten, 0)
        .expect("there is one chunk");
    for (bytes_max, fits) in [(39, false), (40, true), (41, true)] {
        let mut assembly = Assembly::new(bytes_max);
        let added = assembly.add(entries.clone());
        if fits {
            assert_eq!(added.map(|()| assembly.finish()), Ok(ten.clone()));
        } else {
            assert_eq!(added, Err(SnapshotError::TooLarge { max: bytes_max }));
        }
    }
    let largest: Map = [(key(&[7; 64]), vec![7; 4096])].into_iter().collect();
    assert_eq!(Cut::new(&largest, 0).bytes(), ENTRY_LEN_MAX);
}

#[test]
fn names_the_failing_check() {
    let map: Map = [(key(b"a"), vec![1]), (key(b"b"), vec![2])]
        .into_iter()
        .collect();
    let whole = chunks(&map, &Cut::new(&map, 0));
    let reversed = whole.iter().rev().cloned().collect();
    assert_eq!(collect(reversed), Err(SnapshotError::Order));
    let doubled = vec![whole[0].clone(), whole[0].clone()];
    assert_eq!(collect(doubled), Err(SnapshotError::Order));
    let part = collect(vec![whole[0].clone()]).expect("in order");
    assert_ne!(part.root(), map.root());
}
