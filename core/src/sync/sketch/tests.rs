use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::crypto::{Domain, Hash, hash};
use crate::wire::{BoundedVec, GroupMessage, Reconcile, Share, Status, encode};

/// Bytes that the two sides send as group messages, and their messages.
#[derive(Debug, Default)]
struct Cost {
    bytes: usize,
    messages: usize,
}

impl Cost {
    fn add(&mut self, message: &Reconcile) {
        self.bytes += encode(&GroupMessage::Reconcile(message.clone())).len();
        self.messages += 1;
    }
}

#[derive(Debug)]
struct Outcome {
    /// Up to the message that shows the difference.
    cost: Cost,
    lacking: BTreeSet<Hash>,
    surplus: BTreeSet<Hash>,
}

fn id(number: u64) -> Hash {
    hash(Domain::Trace, &[&number.to_le_bytes()])
}

fn reconcile(asker: &BTreeSet<Hash>, other: &BTreeSet<Hash>) -> Result<Outcome, SketchError> {
    let mut cost = Cost::default();
    let (mut asker, open) = Asker::open([1; 4], asker.iter().copied());
    cost.add(&open);
    let (mut answerer, mut answer) = Answerer::open(&open, [2; 4], other.iter().copied())?;
    loop {
        cost.add(&answer);
        match asker.receive(&answer)? {
            Step::Ask(question) => {
                cost.add(&question);
                answer = answerer.as_mut().expect("not equal").more(&question);
            }
            Step::Equal => {
                return Ok(Outcome {
                    cost,
                    lacking: BTreeSet::new(),
                    surplus: BTreeSet::new(),
                });
            }
            Step::Found { want, surplus } => {
                let answerer = answerer.expect("not equal");
                let lacking = want.iter().flat_map(|want| match want {
                    Reconcile::Want { ids } => answerer.wanted(ids).collect::<Vec<_>>(),
                    other => panic!("{other:?}"),
                });
                return Ok(Outcome {
                    cost,
                    lacking: lacking.collect(),
                    surplus: surplus.into_iter().collect(),
                });
            }
        }
    }
}

/// `common` ids that both have, and then those of one of them.
fn sets(common: u64, first: u64, second: u64) -> (BTreeSet<Hash>, BTreeSet<Hash>) {
    let shared = (0..common).map(id);
    let of_first = (0..first).map(|number| id(1_000_000 + number));
    let of_second = (0..second).map(|number| id(2_000_000 + number));
    (
        shared.clone().chain(of_first).collect(),
        shared.chain(of_second).collect(),
    )
}

fn check(first: &BTreeSet<Hash>, second: &BTreeSet<Hash>) -> Cost {
    let found = reconcile(first, second).expect("near enough");
    assert!(found.lacking.iter().eq(second.difference(first)));
    assert!(found.surplus.iter().eq(first.difference(second)));
    found.cost
}

#[test]
fn eight_differences_in_ten_thousand_take_110_bytes_and_three_messages() {
    for (first, second) in [(0, 8), (4, 4), (8, 0), (7, 1)] {
        let (first, second) = sets(10_000 - 8, first, second);
        let cost = check(&first, &second);
        assert!(cost.bytes <= 110, "{cost:?}");
        // The third one wants what is lacking, and brings what the other side lacks.
        assert_eq!(cost.messages, 2, "{cost:?}");
    }
}

#[test]
fn equal_sets_take_16_bytes() {
    let (first, second) = sets(10_000, 0, 0);
    let cost = check(&first, &second);
    assert!(cost.bytes <= 16, "{cost:?}");
    assert_eq!(cost.messages, 2);
    check(&BTreeSet::new(), &BTreeSet::new());
}

#[test]
fn a_longer_sketch_goes_on_where_a_shorter_one_ends() {
    let elements = (1..40).map(|number| id(number).prefix_u64());
    let mut short = Sketch::of(elements.clone(), 9);
    short.extend(&Sketch::range(elements.clone(), 9, 18));
    assert_eq!(short, Sketch::of(elements, 18));
}

#[test]
fn a_difference_beyond_one_sketch_is_cut_into_shares() {
    for (first, second) in [(9, 9), (63, 0), (64, 0), (40, 60), (200, 1), (150, 150)] {
        let differences = first + second;
        let (first, second) = sets(300, first, second);
        let cost = check(&first, &second);
        let least = 8 * differences as usize;
        assert!(cost.bytes <= 3 * least + 110, "{differences}: {cost:?}");
    }
}

#[test]
fn too_large_a_difference_is_named() {
    let (first, second) = sets(10, 2_000, 2_000);
    let fault = reconcile(&first, &second).expect_err("far apart");
    assert_eq!(fault, SketchError::TooFarApart);
}

#[test]
fn the_capacity_is_exact() {
    let elements: Vec<_> = (0..SYNDROMES_MAX as u64 + 2)
        .map(|number| id(number).prefix_u64())
        .collect();
    for capacity in [1, 2, 9, SYNDROMES_MAX] {
        let decode = |count: usize| {
            let mut elements = elements[..count].to_vec();
            elements.sort_unstable();
            let decoded = Sketch::of(elements.clone(), capacity).decode();
            decoded.map(|decoded| assert_eq!(decoded, elements))
        };
        assert_eq!(decode(capacity - 1), Ok(()));
        assert_eq!(decode(capacity), Err(SketchError::Undecodable { capacity }));
        assert_eq!(
            decode(capacity + 1),
            Err(SketchError::Undecodable { capacity })
        );
    }
    let capacity = 0;
    let empty = Sketch::of([], capacity);
    assert_eq!(empty.decode(), Err(SketchError::Undecodable { capacity }));
    let capacity = SYNDROMES_MAX + 1;
    let long = Sketch::of([3], capacity);
    assert_eq!(long.decode(), Err(SketchError::Undecodable { capacity }));
}

/// Ids that differ in one bit, or that a salt of zeros would give neighbouring short ids, cost what
/// random ones cost.
#[test]
fn chosen_ids_cost_no_more_than_random_ones() {
    let random = {
        let (first, second) = sets(2_000, 20, 20);
        check(&first, &second)
    };
    let near = |number: u64| {
        let mut id = [0; 32];
        id[24..].copy_from_slice(&number.to_be_bytes());
        Hash(id)
    };
    let mut ground: Vec<_> = (0..50_000).map(id).collect();
    ground.sort_unstable_by_key(|id| hash(Domain::ShortId, &[&[0; 8], id.as_bytes()]).prefix_u64());
    for chosen in [(0..2_040).map(near).collect::<Vec<_>>(), ground] {
        let first: BTreeSet<_> = chosen[..2_020].iter().copied().collect();
        let second = chosen[..2_000].iter().chain(&chosen[2_020..2_040]);
        let cost = check(&first, &second.copied().collect());
        assert!(cost.bytes <= 2 * random.bytes, "{cost:?} to {random:?}");
        assert!(cost.messages <= 2 * random.messages);
    }
}

#[test]
fn messages_out_of_turn_are_named() {
    let (first, second) = sets(10, 5, 5);
    let (mut asker, open) = Asker::open([1; 4], first.iter().copied());
    let gone = asker.receive(&Reconcile::Gone);
    assert_eq!(gone, Err(SketchError::Gone));
    assert_eq!(
        asker.receive(&Reconcile::Equal),
        Err(SketchError::OutOfTurn)
    );
    let (mut asker, _) = Asker::open([1; 4], first.iter().copied());
    assert_eq!(asker.receive(&open), Err(SketchError::OutOfTurn));
    let other = Answerer::open(&Reconcile::Equal, [2; 4], []);
    assert_eq!(other.err(), Some(SketchError::OutOfTurn));

    let (answerer, _) = Answerer::open(&open, [2; 4], second).expect("an opening");
    let mut answerer = answerer.expect("not equal");
    let share = |depth| Share { depth, index: 0 };
    let ask = |depth, from, to| Reconcile::More {
        share: share(depth),
        from,
        to,
    };
    for wrong in [
        ask(33, 0, 1),
        ask(0, 0, 65),
        ask(0, 5, 5),
        ask(0, 6, 5),
        Reconcile::More {
            share: Share { depth: 1, index: 2 },
            from: 0,
            to: 1,
        },
        open,
    ] {
        assert_eq!(answerer.more(&wrong), Reconcile::Gone, "{wrong:?}");
    }
    // One opening buys as many syndromes as an honest asker may need, and no more.
    let full = ask(32, 0, 64);
    let given = (0..100).take_while(|_| answerer.more(&full) != Reconcile::Gone);
    assert_eq!(given.count(), SHARES_MAX);
    assert_eq!(answerer.more(&ask(0, 0, 64)), Reconcile::Gone);
}

#[test]
fn only_what_nobody_can_mean_is_impossible() {
    let sketch = |count, sums: Vec<[u8; 8]>| Reconcile::Sketch {
        fresh: [2; 4],
        count,
        syndromes: BoundedVec::truncating(sums),
    };
    for ids in [0, 1, 7, 8, 9, 10, 40] {
        let elements = (1..=ids).map(|number| id(number).prefix_u64());
        let sums = Sketch::of(elements, 9).to_wire();
        let ids = u32::try_from(ids).unwrap();
        assert!(is_possible(&sketch(ids, sums.clone())), "{ids}");
        assert!(!is_possible(&sketch(ids, sums[..8].to_vec())), "too short");
        // With 9 ids or more it may be whatever it is.
        assert!(is_possible(&sketch(9, sums.clone())), "{ids}");
        for wrong in (0..9).filter(|wrong| *wrong != ids) {
            assert!(
                !is_possible(&sketch(wrong, sums.clone())),
                "{ids} as {wrong}"
            );
        }
    }
    let share = Share {
        depth: 32,
        index: u32::MAX,
    };
    let syndromes = |share, from, len| Reconcile::Syndromes {
        share,
        from,
        syndromes: BoundedVec::truncating(vec![[3; 8]; len]),
    };
    assert!(is_possible(&syndromes(share, 0, 64)) && is_possible(&syndromes(share, 63, 1)));
    for (from, len) in [(0, 0), (1, 64), (64, 1), (255, 1)] {
        assert!(!is_possible(&syndromes(share, from, len)), "{from} {len}");
    }
    let deep = Share {
        depth: 33,
        index: 0,
    };
    assert!(!is_possible(&syndromes(deep, 0, 1)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_difference_is_exact(
        common in 0u64..200,
        first in 0u64..90,
        second in 0u64..90,
    ) {
        let (first, second) = sets(common, first, second);
        check(&first, &second);
    }

    #[test]
    fn what_decodes_makes_the_sketch(sums in prop::collection::vec(any::<u64>(), 0..20)) {
        let sketch = Sketch(sums);
        if let Ok(elements) = sketch.decode() {
            prop_assert_eq!(Sketch::of(elements, sketch.capacity()), sketch);
        }
    }

    /// Sums of elements that are few, doubled or zero: whatever is made of them decodes to a set or
    /// not at all.
    #[test]
    fn crafted_sketches_decode_or_are_named(
        elements in prop::collection::vec(0u64..8, 0..12),
        flip in prop::option::of((0usize..16, any::<u64>())),
        capacity in 0usize..16,
    ) {
        let mut sketch = Sketch::of(elements, capacity);
        if let Some((at, bits)) = flip && let Some(sum) = sketch.0.get_mut(at) {
            *sum ^= bits;
        }
        if let Ok(elements) = sketch.decode() {
            prop_assert!(!elements.contains(&0));
            prop_assert_eq!(Sketch::of(elements, capacity), sketch);
        }
    }

    /// An asker ends after a bounded number of answers, whatever they are.
    #[test]
    fn a_hostile_answerer_ends(seed in any::<u64>(), polynomial in any::<bool>()) {
        let (own, _) = sets(20, 0, 0);
        let (mut asker, _) = Asker::open([1; 4], own);
        let mut asked = 0;
        let sums = |from: usize, to: usize, salt: u64| -> Vec<_> {
            let elements = (0..70).map(|number| id(seed ^ salt << 8 ^ number).prefix_u64());
            let elements = elements.take(if polynomial { 70 } else { 50 });
            Sketch::range(elements, from, to).to_wire()
        };
        let mut answer = Reconcile::Sketch {
            fresh: [2; 4],
            count: 7,
            syndromes: BoundedVec::truncating(sums(0, 9, 0)),
        };
        while let Ok(Step::Ask(Reconcile::More { share, from, to })) = asker.receive(&answer) {
            asked += 1;
            prop_assert!(asked <= SHARES_MAX + 4);
            let syndromes = sums(usize::from(from), usize::from(to), u64::from(share.depth));
            answer = Reconcile::Syndromes {
                share,
                from,
                syndromes: BoundedVec::truncating(syndromes),
            };
        }
    }
}

/// Bytes that a status spends on telling actions apart: all that it has beside where its sender
/// stands.
fn counters_len(actions_known: u64) -> usize {
    let status = Status {
        height: 1,
        block: Hash::ZERO,
        round: 1,
        actions_known: BoundedVec::truncating(vec![actions_known; 16]),
        actions_digest: u64::MAX,
        reply: true,
        tally_digest: u64::MAX,
    };
    let standing = (1u64, Hash::ZERO, 1u64, true, u64::MAX);
    encode(&status).len() - encode(&standing).len()
}

#[test]
fn counters_of_sixteen_authors_take_48_bytes() {
    // Up to 16 383 actions of each, in a digest's worst case.
    let lengths = [0, 127, 128, 16_382, 16_383, 16_384].map(counters_len);
    assert_eq!(lengths, [27, 27, 43, 43, 43, 59]);
    assert!(lengths[4] <= 48);
}
