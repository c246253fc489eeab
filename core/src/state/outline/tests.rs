use proptest::prelude::*;

use super::super::map::tests::{content, key, map_of, some_key};
use super::super::{PartError, Partial};
use super::*;
use crate::wire::{BoundedVec, Part, PartBody};

fn place_of(bytes: &[u8], len: usize) -> Nibbles {
    let len = len.min(bytes.len() * 2);
    (0..len).fold(Nibbles::new(), |place, at| {
        let nibble = crate::state::key::nibble(bytes, at);
        place.with(nibble).expect("a key has no more")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_place_holds_what_starts_with_it(model in content(), at in some_key(), len in 0usize..8) {
        let map = map_of(&model);
        let place = place_of(&at, len);
        let below: Map = map
            .iter()
            .filter(|(key, _)| {
                let bytes = key.as_bytes();
                bytes.len() * 2 >= place.len() && place_of(bytes, place.len()) == place
            })
            .map(|(key, value)| (key, value.to_vec()))
            .collect();
        let [whole, part] = [&map, &below].map(|map| map.node_at(&place).map(|node| node.hash()));
        prop_assert_eq!(whole, part);
        prop_assert_eq!(whole.is_none(), below.is_empty());
        let entries = map.entries_at(&place, 1 << 20);
        prop_assert_eq!(entries.as_ref().map_or(0, Vec::len), below.len());
        if let Some(entries) = entries {
            // A bound that is exactly their length holds them, one byte less does not.
            let len: usize = entries.iter().map(|entry| encode(entry).len()).sum();
            prop_assert_eq!(map.entries_at(&place, len), Some(entries));
            prop_assert_eq!(map.entries_at(&place, len - 1), None);
        }
    }

    #[test]
    fn an_outline_keeps_to_its_length(model in content(), len_max in 0usize..400) {
        let map = map_of(&model);
        let top = Nibbles::new();
        if let Some(nodes) = map.outline_at(&top, &[], len_max) {
            let len: usize = nodes.iter().map(|node| encode(node).len()).sum();
            prop_assert!(len <= len_max);
        }
        let have = map.have_at(&top, 40);
        prop_assert!(have.len() <= 40);
        // Compared with itself it shows its shape and nothing else.
        if let Some(nodes) = map.outline_at(&top, &have, 1 << 20) {
            let shown = |node: &OutlineNode| {
                matches!(node, OutlineNode::Hidden { .. } | OutlineNode::Leaf { .. })
            };
            prop_assert!(have.is_empty() || !nodes.iter().any(shown));
        }
    }
}

#[test]
fn a_part_of_another_place_is_refused() {
    let map: Map = (0..200u8)
        .map(|number| (key(&[number % 4, number]), vec![number; 100]))
        .collect();
    let mut partial = Partial::new(Map::new(), map.root(), 1 << 20);
    let part = |prefix: &Nibbles, from: &Nibbles| Part {
        prefix: prefix.clone(),
        body: PartBody::Entries(BoundedVec::truncating(
            map.entries_at(from, 1 << 20).expect("there are some"),
        )),
    };
    let outline = map.outline_at(&Nibbles::new(), &[], 1 << 10);
    let top = Part {
        prefix: Nibbles::new(),
        body: PartBody::Outline(BoundedVec::truncating(outline.expect("it fits"))),
    };
    assert_eq!(partial.take(&top), Ok(true));
    assert_eq!(partial.finish(), None);
    let places: Vec<Nibbles> = partial.missing().keys().cloned().collect();
    let [first, second] = &places[..2] else {
        panic!("four branches");
    };
    // Its keys continue those of the place: they are read as keys there, and have another hash.
    assert!(matches!(
        partial.take(&part(first, second)),
        Err(PartError::WrongHash { .. })
    ));
    // The place above overlaps: it is known already, and nothing of it is taken again.
    let bytes = partial.bytes();
    assert_eq!(
        partial.take(&part(&Nibbles::new(), &Nibbles::new())),
        Ok(false)
    );
    assert_eq!(partial.bytes(), bytes);
    for place in &places {
        assert_eq!(partial.take(&part(place, place)), Ok(true));
    }
    assert_eq!(partial.finish(), Some(map));
}
