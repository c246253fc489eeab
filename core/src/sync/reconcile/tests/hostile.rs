//! Servers and askers that lie: what they send is refused by name, and costs one part at most.

use super::*;
use crate::wire::{DecodeError, HAVE_NODES_MAX, HaveNode, PartEntry};

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
    let served = board(150);
    let mut own = served.clone();
    own.insert(board_key(7), vec![1]);
    own.insert(board_key(122), vec![2]);
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
    for count in [1, 2, 17, 130, HAVE_NODES_MAX] {
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
