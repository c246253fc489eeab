mod hostile;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::state::Key;
use crate::wire::{OutlineNode, decode};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

const BYTES_MAX: usize = 1 << 20;
const BUDGET: usize = 24 * 1024;

fn key(bytes: &[u8]) -> Key {
    Key::new(bytes).expect("test keys are short")
}

fn map_of(model: &Model) -> Map {
    model
        .iter()
        .map(|(bytes, value)| (key(bytes), value.clone()))
        .collect()
}

/// A board of `count` entries, with values of 16 to 24 bytes that do not repeat.
fn board(count: u32) -> Map {
    (0..count)
        .map(|number| (board_key(number), board_value(number, 0)))
        .collect()
}

fn board_key(number: u32) -> Key {
    key(format!("p/0/{number:05}").as_bytes())
}

fn board_value(number: u32, version: u8) -> Vec<u8> {
    let hash = crate::crypto::hash(
        crate::crypto::Domain::Trace,
        &[&number.to_le_bytes(), &[version]],
    );
    hash.as_bytes()[..16 + (number % 9) as usize].to_vec()
}

/// What went over the air.
#[derive(Debug, Default)]
struct Tally {
    trips: usize,
    requests: usize,
    up: usize,
    down: usize,
    /// Entries that travelled, alone or in an outline.
    entries: usize,
    longest: usize,
}

fn entries_in(answer: &PartsAnswer) -> usize {
    let count = |part: &Part| match &part.body {
        PartBody::Entries(entries) => entries.len(),
        PartBody::Outline(nodes) => nodes
            .iter()
            .filter(|node| matches!(node, OutlineNode::Leaf { .. }))
            .count(),
    };
    answer.parts.iter().map(count).sum()
}

/// All that can be asked at once makes one trip, until nothing is missing.
fn run(own: &Map, served: &Map, budget: usize) -> (Map, Tally) {
    let mut asker = Reconcile::new(own.clone(), served.root(), BYTES_MAX);
    let mut tally = Tally::default();
    while asker.finish().is_none() {
        tally.trips += 1;
        let requests: Vec<_> = std::iter::from_fn(|| asker.request()).collect();
        assert!(!requests.is_empty() && requests.len() <= REQUESTS_OUT_MAX);
        for request in requests {
            let answer = serve(served, &request, budget);
            let bytes = encode(&answer);
            tally.requests += 1;
            tally.up += encode(&request).len();
            tally.down += bytes.len();
            tally.longest = tally.longest.max(bytes.len());
            tally.entries += entries_in(&answer);
            let answer = decode(&bytes, budget).expect("an answer keeps to the budget");
            assert_ne!(asker.receive(&answer), Ok(0));
        }
        assert!(tally.trips < 1000);
    }
    let map = asker.finish().expect("nothing is missing");
    assert_eq!(map.root(), served.root());
    assert_eq!(&map, served);
    assert_eq!(map.len(), served.len());
    (map, tally)
}

#[test]
fn a_board_of_ten_thousand_costs_little_more_than_its_entries() {
    let served = board(10_000);
    let plain: usize = served
        .iter()
        .map(|(key, value)| encode(&(key.as_bytes(), value)).len())
        .sum();
    let mut last: &[u8] = &[];
    let mut packed = 0;
    let keys: Vec<_> = served.iter().collect();
    for (key, value) in &keys {
        let pairs = last.iter().zip(key.as_bytes());
        let shared = pairs.take_while(|(a, b)| a == b).count();
        packed += encode(&(shared as u8, &key.as_bytes()[shared..], value)).len();
        last = key.as_bytes();
    }
    let (_, tally) = run(&Map::new(), &served, BUDGET);
    let bytes = tally.up + tally.down;
    assert_eq!((plain, packed), (309_996, 241_111));
    assert_eq!((tally.requests, tally.up, tally.down), (21, 923, 245_591));
    assert!(bytes * 100 <= packed * 105, "{bytes} of {packed}");
    assert!(bytes * 100 <= plain * 115, "{bytes} of {plain}");
    assert!(tally.longest <= 16 * 1024);
    assert_eq!(tally.entries, 10_000);
}

/// What `d` changed values of a board cost, up and down, with the trips.
fn differing(n: u32, d: u32) -> Tally {
    let served = board(n);
    let mut own = served.clone();
    for index in 0..d {
        // Spread without a pattern that the tree would like.
        let number = (index * 7919 + 13) % n;
        own.insert(board_key(number), board_value(number, 1));
    }
    assert_eq!(own.changes(&served).len(), d as usize);
    run(&own, &served, BUDGET).1
}

/// What a comparison of two boards of at most 10,000 entries may cost, bytes: the top of the own tree
/// twice in [`DIGESTS_MAX`] digests at most; and for each difference two levels of ten digests up and
/// one hash down, with their places, and the entry.
const COMPARED_FIXED_LEN: usize = 1400;
const COMPARED_LEN: usize = 240;

#[test]
fn only_what_differs_travels() {
    // Bytes up and down, and trips. Beside it what comparing ids alone costs, bytes and trips: by
    // negentropy, and by a tree of sixteen branches with hashes of 8 bytes, which prove nothing.
    for (n, d, expected) in [
        (64, 8, (376, 299, 1)), // 1143 in 1, 528 in 3
        (1_000, 1, (642, 260, 2)),
        (1_000, 8, (1104, 848, 2)), // 4270 in 2, 1568 in 4
        (10_000, 1, (1150, 408, 2)),
        (10_000, 8, (1624, 1320, 3)),     // 5477 in 2, 2608 in 5
        (10_000, 128, (15122, 15778, 3)), // 47036 in 2, 21458 in 5
    ] {
        let tally = differing(n, d);
        assert_eq!((tally.up, tally.down, tally.trips), expected, "{n}, {d}");
        assert_eq!(tally.entries, d as usize);
        assert!(tally.up + tally.down <= COMPARED_FIXED_LEN + COMPARED_LEN * d as usize);
    }
    let equal = board(1_000);
    assert_eq!(run(&equal, &equal, BUDGET).1.trips, 0);
}

#[test]
fn a_small_map_takes_one_trip() {
    let served = board(256);
    let mut own = served.clone();
    own.insert(board_key(77), vec![1]);
    own.insert(board_key(200), vec![1]);
    let (_, tally) = run(&own, &served, BUDGET);
    assert_eq!((tally.trips, tally.entries), (1, 2));
    assert_eq!(run(&Map::new(), &served, BUDGET).1.trips, 1);
}

/// Few bytes and many lengths: keys that are prefixes of each other, deep paths.
fn some_key() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(vec![0x00u8, 0x01, 0x10, 0x11, 0x1f, 0xf0, 0xff]);
    prop_oneof![
        8 => prop::collection::vec(byte.clone(), 0..6),
        1 => prop::collection::vec(byte, 60..=64),
        2 => any::<[u8; 3]>().prop_map(|bytes| bytes.to_vec()),
    ]
}

fn some_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => prop::collection::vec(any::<u8>(), 0..24),
        1 => prop::collection::vec(any::<u8>(), 1000..=4096),
    ]
}

fn some_model(max: usize) -> impl Strategy<Value = Model> {
    prop::collection::btree_map(some_key(), some_value(), 0..max)
}

/// Two maps that share most, some or nothing.
fn some_pair(max: usize) -> impl Strategy<Value = (Map, Map)> {
    (
        some_model(max),
        some_model(max / 4),
        some_model(max / 4),
        0u8..3,
    )
        .prop_map(|(common, mine, theirs, kind)| {
            let (mut own, mut served) = match kind {
                0 => (Model::new(), common),
                1 => (common.clone(), common),
                _ => (mine.clone(), common),
            };
            own.extend(mine);
            for key in theirs.keys().step_by(2) {
                own.remove(key);
            }
            served.extend(theirs);
            (map_of(&own), map_of(&served))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_two_maps_end_equal(pair in some_pair(2000), budget in 6_000usize..31_000) {
        let (own, served) = pair;
        run(&own, &served, budget);
        run(&Map::new(), &served, budget);
        run(&served, &Map::new(), budget);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_order_loss_or_server_matters(
        pair in some_pair(600),
        choices in prop::collection::vec(any::<u16>(), 64),
    ) {
        // Answers late, lost, twice or in any order, with servers of different budgets.
        let (own, served) = pair;
        let mut asker = Reconcile::new(own, served.root(), BYTES_MAX);
        let mut under_way: Vec<PartsRequest> = Vec::new();
        let mut choices = choices.into_iter().cycle();
        for _ in 0..20_000 {
            if asker.finish().is_some() {
                break;
            }
            let choice = usize::from(choices.next().expect("it is a cycle"));
            if let Some(request) = asker.request() {
                under_way.push(request);
            }
            prop_assert!(!under_way.is_empty());
            let request = under_way[choice % under_way.len()].clone();
            if choice % 5 == 0 {
                asker.expire(&request);
            } else {
                let answer = serve(&served, &request, 6_000 + choice % 20_000);
                prop_assert!(asker.receive(&answer).is_ok());
            }
            if choice % 3 > 0 || under_way.len() > 32 {
                under_way.retain(|other| *other != request);
                asker.expire(&request);
            }
        }
        prop_assert!(asker.finish().is_some());
        prop_assert_eq!(asker.finish(), Some(served));
    }

    #[test]
    fn what_was_collected_serves_the_next_root(pair in some_pair(600), change in some_model(20)) {
        let (own, served) = pair;
        let mut asker = Reconcile::new(own, served.root(), BYTES_MAX);
        if let Some(request) = asker.request() {
            asker.receive(&serve(&served, &request, BUDGET)).expect("true");
        }
        let mut next = served;
        for (bytes, value) in change {
            next.insert(key(&bytes), value);
        }
        run(&asker.salvage(), &next, BUDGET);
    }
}

#[test]
fn bounds_at_their_edges() {
    // A few entries travel as entries, many as an outline: of these eight times as much is allowed.
    let edges = [(20, 1), (10_000, 8)].into_iter().flat_map(|(len, share)| {
        let served = board(len);
        let mut asker = Reconcile::new(Map::new(), served.root(), BYTES_MAX);
        let request = asker.request().expect("the root is missing");
        let answer = serve(&served, &request, BUDGET);
        let least = encode(&answer.parts[0]).len().div_ceil(share);
        [(least - 1, false), (least, true), (least + 1, true)]
            .map(|(max, fits)| (served.root(), answer.clone(), max, fits))
    });
    for (root, answer, bytes_max, fits) in edges {
        let mut asker = Reconcile::new(Map::new(), root, bytes_max);
        let expected = PartsError::Part {
            index: 0,
            error: PartError::TooLarge { max: bytes_max },
        };
        assert_eq!(
            asker.receive(&answer),
            if fits { Ok(1) } else { Err(expected) }
        );
    }
}

#[test]
fn requests_and_answers_are_bounded() {
    let served = board(10_000);
    let mut asker = Reconcile::new(Map::new(), served.root(), BYTES_MAX);
    let request = asker.request().expect("the root is missing");
    let answer = serve(&served, &request, BUDGET);
    asker.receive(&answer).expect("true");
    let out: Vec<_> = std::iter::from_fn(|| asker.request()).collect();
    assert_eq!(out.len(), REQUESTS_OUT_MAX);
    asker.expire(&out[3]);
    assert_eq!(asker.request().as_ref(), Some(&out[3]));
    assert_eq!(asker.request(), None);
    // Every budget is kept, and what fits is served.
    for budget in 0..200 {
        let answer = serve(&served, &out[0], budget * 100);
        assert!(encode(&answer).len() <= budget * 100 || answer.parts.is_empty());
    }
    // The largest entry in the smallest budget that must do.
    let largest: Map = [(key(&[7; 64]), vec![7; 4096])].into_iter().collect();
    run(&Map::new(), &largest, 6_000);
}
