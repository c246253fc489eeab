use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::state::Key;
use crate::wire::{DecodeError, HaveNode, OutlineNode, PartEntry, decode};

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
    while !asker.is_complete() {
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
    println!(
        "10,000 entries: {plain} B as (key, value), {packed} B packed; {bytes} B travel \
         ({:.3} and {:.3}): {tally:?}",
        bytes as f64 / plain as f64,
        bytes as f64 / packed as f64
    );
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
const COMPARED_LEN: usize = 300;

#[test]
fn only_what_differs_travels() {
    println!("n, d: up B, down B, trips (negentropy and Merkle of 8-byte hashes beside it)");
    for (n, d, beside) in [
        (64, 8, "1143/1 528/3"),
        (1_000, 1, ""),
        (1_000, 8, "4270/2 1568/4"),
        (10_000, 1, ""),
        (10_000, 8, "5477/2 2608/5"),
        (10_000, 128, "47036/2 21458/5"),
    ] {
        let tally = differing(n, d);
        println!(
            "{n}, {d}: {} {} {} ({beside})",
            tally.up, tally.down, tally.trips
        );
        assert_eq!(tally.entries, d as usize);
        assert!(tally.trips <= 4);
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
            if asker.is_complete() {
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
        prop_assert!(asker.is_complete());
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

/// Every answer of one exchange, with the asker as he was before it.
fn exchange(own: &Map, served: &Map) -> Vec<(Reconcile, PartsAnswer)> {
    let mut asker = Reconcile::new(own.clone(), served.root(), BYTES_MAX);
    let mut seen = Vec::new();
    while let Some(request) = asker.request() {
        let answer = serve(served, &request, BUDGET);
        seen.push((asker.clone(), answer.clone()));
        asker.receive(&answer).expect("true");
    }
    seen
}

/// Goes on with a truthful server: whatever came before, it ends at the certified state. So does a new
/// asker with what was collected.
fn recovers(mut asker: Reconcile, served: &Map) {
    let mut rest = Reconcile::new(asker.salvage(), served.root(), BYTES_MAX);
    for asker in [&mut asker, &mut rest] {
        asker.out.clear();
        for _ in 0..1000 {
            let Some(request) = asker.request() else {
                break;
            };
            asker
                .receive(&serve(served, &request, BUDGET))
                .expect("true");
        }
        assert_eq!(asker.finish().as_ref(), Some(served));
    }
}

#[test]
fn no_flipped_bit_makes_another_map() {
    let served = board(300);
    let mut own = served.clone();
    own.insert(board_key(7), vec![1]);
    own.insert(board_key(222), vec![2]);
    own.remove(board_key(100).as_bytes());
    own.insert(key(b"p/0/00100/x"), vec![3]);
    let (mut refused, mut harmless) = (0, 0);
    for own in [Map::new(), board(40), own] {
        for (asker, answer) in exchange(&own, &served) {
            let bytes = encode(&answer);
            for at in 0..bytes.len() {
                for flip in [1, 0x80, 0xff] {
                    let mut bent = bytes.clone();
                    bent[at] ^= flip;
                    let Ok(bent) = decode::<PartsAnswer>(&bent, BUDGET) else {
                        refused += 1;
                        continue;
                    };
                    let mut asker = asker.clone();
                    let result = asker.receive(&bent);
                    refused += usize::from(result.is_err());
                    if result.is_ok() {
                        // Only hints are not under a hash.
                        harmless += 1;
                        recovers(asker, &served);
                    } else if at % 97 == 0 {
                        recovers(asker, &served);
                    }
                }
            }
        }
    }
    println!("{refused} refused, {harmless} harmless");
    assert!(refused > 50 * harmless.max(1));
}

#[test]
fn a_liar_costs_one_part() {
    let served = board(5_000);
    let other = {
        let mut other = served.clone();
        other.insert(board_key(4_242), vec![6, 6, 6]);
        other
    };
    let mut asker = Reconcile::new(Map::new(), served.root(), BYTES_MAX);
    let first = asker.request().expect("the root is missing");
    let lie = serve(&other, &first, BUDGET);
    assert!(matches!(
        asker.receive(&lie),
        Err(PartsError::Part {
            index: 0,
            error: PartError::WrongHash { .. }
        })
    ));
    assert_eq!(asker.bytes(), 0);
    assert_eq!(asker.request().as_ref(), Some(&first));
    asker
        .receive(&serve(&served, &first, BUDGET))
        .expect("true");
    let (mut lies, mut true_bytes) = (0, 0);
    while let Some(request) = asker.request() {
        let before = asker.bytes();
        let lie = serve(&other, &request, BUDGET);
        match asker.receive(&lie) {
            Ok(_) => {}
            Err(error) => {
                lies += 1;
                assert!(matches!(
                    error,
                    PartsError::Part {
                        error: PartError::WrongHash { .. },
                        ..
                    }
                ));
                // What was true of the answer is kept, the rest is asked again.
                let again = asker.request().expect("it is missing again");
                asker
                    .receive(&serve(&served, &again, BUDGET))
                    .expect("true");
            }
        }
        true_bytes += asker.bytes() - before;
    }
    assert_eq!(lies, 1);
    assert!(true_bytes > 100_000);
    assert_eq!(asker.finish(), Some(served));
}

fn part(prefix: Prefix, body: PartBody) -> PartsAnswer {
    let parts = BoundedVec::truncating(vec![Part { prefix, body }]);
    PartsAnswer { parts }
}

fn entry(shared: u8, suffix: &[u8], value: &[u8]) -> PartEntry {
    PartEntry {
        shared,
        suffix: crate::wire::Bytes::truncating(suffix.to_vec()),
        value: crate::wire::Bytes::truncating(value.to_vec()),
    }
}

fn place(nibbles: &[u8]) -> Prefix {
    nibbles.iter().fold(Prefix::new(), |place, nibble| {
        place.with(*nibble).expect("short")
    })
}

#[test]
fn names_the_failing_check() {
    let served = board(2_000);
    let mut asker = Reconcile::new(Map::new(), served.root(), BYTES_MAX);
    let request = asker.request().expect("the root is missing");
    asker
        .receive(&serve(&served, &request, BUDGET))
        .expect("true");
    let request = asker.request().expect("there is more");
    let there = request.asks[0].prefix.clone();
    let answer = serve(&served, &request, BUDGET);
    let PartBody::Entries(whole) = &answer.parts[0].body else {
        panic!("small enough for entries");
    };
    let entries = |entries: Vec<PartEntry>| PartBody::Entries(BoundedVec::truncating(entries));
    let outline = |nodes: Vec<OutlineNode>| PartBody::Outline(BoundedVec::truncating(nodes));
    let hidden = OutlineNode::Hidden {
        hash: Hash::ZERO,
        bytes: 1,
    };
    let inner = |path: &[u8], bitmap| OutlineNode::Inner {
        path: place(path),
        value: crate::wire::OutlineValue::None,
        bitmap,
    };
    let mut short = whole.to_vec();
    short.pop();
    let mut swapped = whole.to_vec();
    swapped.swap(1, 2);
    let deep = std::iter::repeat_n(inner(&[1, 2, 3], 1), 60).collect();
    for (body, expected) in [
        (entries(vec![]), PartError::Malformed("no entries")),
        (entries(swapped), PartError::Malformed("keys out of order")),
        (
            entries(vec![entry(200, b"", b"")]),
            PartError::Malformed("more shared than there is"),
        ),
        (
            entries(vec![entry(2, &[7; 63], b"")]),
            PartError::Malformed("a key too long"),
        ),
        (entries(vec![entry(0, b"q/0", b"")]), PartError::Foreign),
        (
            entries([whole.to_vec(), vec![entry(0, b"q/0", b"")]].concat()),
            PartError::Foreign,
        ),
        (outline(vec![]), PartError::Malformed("an outline cut off")),
        (
            outline(vec![inner(&[], 3), hidden.clone()]),
            PartError::Malformed("an outline cut off"),
        ),
        (
            outline(vec![inner(&[], 1), hidden.clone(), hidden.clone()]),
            PartError::Malformed("nodes after the end"),
        ),
        (
            outline(vec![hidden]),
            PartError::Malformed("an outline that shows nothing"),
        ),
        (
            outline(vec![OutlineNode::Same]),
            PartError::Malformed("an outline that shows nothing"),
        ),
        (
            outline(vec![inner(&[], 1), OutlineNode::Same]),
            PartError::Malformed("the same as nothing"),
        ),
        (
            outline(deep),
            PartError::Malformed("deeper than a key is long"),
        ),
    ] {
        let error = Err(PartsError::Part {
            index: 0,
            error: expected,
        });
        let mut asker = asker.clone();
        let before = asker.bytes();
        assert_eq!(asker.receive(&part(there.clone(), body)), error);
        assert_eq!(asker.bytes(), before);
        recovers(asker, &served);
    }
    assert!(matches!(
        asker.clone().receive(&part(there, entries(short))),
        Err(PartsError::Part {
            index: 0,
            error: PartError::WrongHash { .. }
        })
    ));
    assert_eq!(
        asker.receive(&part(place(&[1, 2]), entries(whole.to_vec()))),
        Err(PartsError::Part {
            index: 0,
            error: PartError::Unasked
        })
    );
    let nothing = PartsAnswer {
        parts: BoundedVec::new(),
    };
    assert_eq!(asker.receive(&nothing), Err(PartsError::Empty));
    assert!(matches!(
        decode::<PartsAnswer>(&encode(&answer)[..100], BUDGET),
        Err(DecodeError::Malformed)
    ));
    // A second answer to the same request is no fault of its server.
    assert!(asker.receive(&answer).is_ok_and(|new| new > 0));
    assert_eq!(asker.receive(&answer), Ok(0));
}

#[test]
fn equal_digests_of_different_nodes_cost_one_more_request() {
    let served = board(100);
    let mut own = served.clone();
    own.insert(board_key(50), vec![1]);
    let mut asker = Reconcile::new(own.clone(), served.root(), BYTES_MAX);
    let request = asker.request().expect("the root differs");
    // As if the digest of the changed leaf were that of the true one.
    let mut collided = request.clone();
    let ask = PartAsk {
        prefix: Prefix::new(),
        have: BoundedVec::truncating(served.have_at(&Prefix::new(), 400)),
    };
    collided.asks = BoundedVec::truncating(vec![ask]);
    assert_eq!(
        asker.receive(&serve(&served, &collided, BUDGET)),
        Err(PartsError::Part {
            index: 0,
            error: PartError::NotTheSame
        })
    );
    let again = asker.request().expect("it is missing again");
    assert!(again.asks[0].have.is_empty());
    asker
        .receive(&serve(&served, &again, BUDGET))
        .expect("true");
    assert_eq!(asker.finish(), Some(served));
}

#[test]
fn bounds_at_their_edges() {
    let served = board(10_000);
    let mut asker = Reconcile::new(Map::new(), served.root(), BYTES_MAX);
    let request = asker.request().expect("the root is missing");
    let answer = serve(&served, &request, BUDGET);
    let bytes = encode(&answer.parts[0]).len();
    for (bytes_max, fits) in [(bytes - 1, false), (bytes, true), (bytes + 1, true)] {
        let mut asker = Reconcile::new(Map::new(), served.root(), bytes_max);
        let expected = PartsError::Part {
            index: 0,
            error: PartError::TooLarge { max: bytes_max },
        };
        assert_eq!(
            asker.receive(&answer),
            if fits { Ok(1) } else { Err(expected) }
        );
    }
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

#[test]
fn a_server_survives_any_request() {
    let mut served = board(3_000);
    for len in 0..=64 {
        served.insert(key(&vec![0x55; len]), vec![1; 60 * len]);
    }
    let path = Prefix::new();
    let inner = HaveNode::Inner {
        path,
        value: Some([0; 4]),
        bitmap: u16::MAX,
    };
    for count in [1, 2, 17, 130, HAVE_MAX] {
        for prefix in [
            place(&[]),
            place(&[7]),
            place(&[5, 5, 5]),
            place(&[5; 128]),
            place(&[9]),
        ] {
            let have = BoundedVec::truncating(vec![inner.clone(); count]);
            let ask = PartAsk { prefix, have };
            let asks = BoundedVec::truncating(vec![ask; PARTS_MAX]);
            let answer = serve(&served, &PartsRequest { asks }, BUDGET);
            assert!(encode(&answer).len() <= BUDGET);
        }
    }
}

const HAVE_MAX: usize = crate::wire::HAVE_NODES_MAX;
