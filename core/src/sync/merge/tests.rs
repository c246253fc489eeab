use proptest::prelude::*;

use super::*;
use crate::crypto::{Signature, SignatureScheme};
use crate::id::GroupId;
use crate::rules::{Context, Offline, Random, Rejection};
use crate::state::Overlay;
use crate::wire::{Action, BoundedVec, Bytes, FrontierEntry, RulesId, Validity};

/// Orders by the first byte of the payload.
#[derive(Debug)]
pub(crate) struct Keyed;

impl Rules for Keyed {
    fn id(&self) -> RulesId {
        RulesId {
            name: Bytes::new(),
            version: 1,
            vectors: Hash::ZERO,
        }
    }

    fn genesis(&self, _: &mut Overlay, _: &[PeerId], _: &[u8]) -> Result<(), Rejection> {
        Ok(())
    }

    fn apply(
        &self,
        _: &mut Overlay,
        _: &PeerId,
        _: &[u8],
        _: &mut Context<'_>,
    ) -> Result<(), Rejection> {
        Ok(())
    }

    fn on_draw(&self, _: &mut Overlay, _: &mut Random, _: &mut Context<'_>) {}

    fn offline(&self, _: &[u8]) -> Offline {
        Offline::Allowed
    }

    fn order_key(&self, action: &[u8]) -> Vec<u8> {
        action[..1].to_vec()
    }

    fn describe(&self, _: u16, _: &[u8]) -> String {
        String::new()
    }

    fn describe_action(&self, _: &[u8]) -> String {
        String::new()
    }
}

pub(crate) fn peer(author: u8) -> PeerId {
    PeerId([author; 32])
}

pub(crate) fn action(
    author: u8,
    run: u64,
    number: u64,
    key: u8,
    frontier: Vec<ActionId>,
) -> SignedAction {
    let frontier = frontier.into_iter().map(|id| FrontierEntry {
        id,
        hash: Hash::ZERO,
    });
    SignedAction {
        action: Action {
            author: peer(author),
            run: RunId(run),
            number,
            previous: Hash::ZERO,
            frontier: BoundedVec::truncating(frontier.collect()),
            dependencies: BoundedVec::new(),
            validity: Validity::default(),
            payload: ActionPayload::Rules(Bytes::truncating(vec![key])),
        },
        signature: Signature([key; 64]),
    }
}

fn ordered(set: Vec<SignedAction>) -> Vec<SignedAction> {
    order(set, |_| Some(RunId(0)), Hash::ZERO, &Keyed)
}

fn ids(set: &[SignedAction]) -> Vec<(u8, u64, u64)> {
    set.iter()
        .map(|signed| {
            let id = signed.action.id();
            (id.author.0[0], id.run.0, id.number)
        })
        .collect()
}

#[test]
fn own_order_goes_before_the_order_key() {
    let set = vec![
        action(1, 0, 6, 0, vec![]),
        action(1, 0, 5, 9, vec![]),
        action(2, 0, 1, 5, vec![]),
    ];
    assert_eq!(ids(&ordered(set)), [(2, 0, 1), (1, 0, 5), (1, 0, 6)]);
}

#[test]
fn what_an_author_had_seen_goes_before_what_he_did() {
    let seen = action(2, 0, 1, 9, vec![]);
    let set = vec![
        action(1, 0, 1, 0, vec![seen.action.id()]),
        seen,
        action(3, 0, 1, 5, vec![]),
    ];
    assert_eq!(ids(&ordered(set)), [(3, 0, 1), (2, 0, 1), (1, 0, 1)]);
    // Outside the set it counts for nothing.
    let outside = action(2, 0, 7, 9, vec![]).action.id();
    let set = vec![
        action(1, 0, 1, 0, vec![outside]),
        action(3, 0, 1, 5, vec![]),
    ];
    assert_eq!(ids(&ordered(set)), [(1, 0, 1), (3, 0, 1)]);
}

#[test]
fn a_new_run_goes_after_all_of_the_running_one() {
    let set = vec![
        action(1, 9, 1, 0, vec![]),
        action(1, 5, 8, 0, vec![]),
        action(1, 5, 7, 0, vec![]),
        action(1, 1, 1, 0, vec![]),
    ];
    let order = order(set, |_| Some(RunId(5)), Hash::ZERO, &Keyed);
    assert_eq!(ids(&order), [(1, 5, 7), (1, 5, 8), (1, 1, 1), (1, 9, 1)]);
}

#[test]
fn the_salt_decides_among_authors_and_favours_nobody() {
    let mut first = [0; 4];
    for salt in 0..200u8 {
        let set = (0..4)
            .map(|author| action(author, 0, 1, 0, vec![]))
            .collect();
        let order = order(set, |_| Some(RunId(0)), Hash([salt; 32]), &Keyed);
        first[usize::from(order[0].action.author.0[0])] += 1;
    }
    assert!(
        first.iter().all(|count| (25..80).contains(count)),
        "{first:?}"
    );
}

#[test]
fn two_signatures_of_one_action_are_one_action_and_two_actions_stay_two() {
    let one = action(1, 0, 1, 0, vec![]);
    let mut resigned = one.clone();
    resigned.signature = Signature([9; 64]);
    let mut twin = one.clone();
    twin.action.dependencies = BoundedVec::truncating(vec![3]);
    let mut other = twin.clone();
    other.signature = Signature([1; 64]);
    let set = vec![resigned.clone(), twin.clone(), one.clone(), other.clone()];
    let first = ordered(set.clone());
    assert_eq!(first.len(), 2);
    assert_eq!(first, ordered(set.into_iter().rev().collect()));
}

#[test]
fn forged_cycles_end() {
    let one = action(1, 0, 1, 0, vec![action(2, 0, 1, 0, vec![]).action.id()]);
    let two = action(2, 0, 1, 0, vec![one.action.id()]);
    let own = action(3, 0, 1, 0, vec![action(3, 0, 1, 0, vec![]).action.id()]);
    assert_eq!(ordered(vec![one, two, own]).len(), 3);
}

proptest! {
    /// The order is a function of the set: of no arrival order, no repetition, no grouping.
    #[test]
    fn merging_is_commutative_associative_and_idempotent(
        content in prop::collection::vec(
            (0u8..5, 0u64..2, 1u64..6, 0u8..3, prop::collection::vec((0u8..5, 1u64..6), 0..3)),
            0..40,
        ),
        cuts in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let set: Vec<_> = content
            .into_iter()
            .map(|(author, run, number, key, seen)| {
                // What is named by its hash cannot name back: earlier numbers only.
                let seen = seen.into_iter().filter(|seen| seen.1 < number);
                let seen = seen.map(|(author, number)| ActionId {
                    author: peer(author),
                    run: RunId(0),
                    number,
                });
                action(author, run, number, key, seen.collect())
            })
            .collect();
        let all = ordered(set.clone());
        let (a, rest) = set.split_at(cuts.0.index(set.len() + 1));
        let (b, c) = rest.split_at(cuts.1.index(rest.len() + 1));
        let (a, b, c) = (ordered(a.to_vec()), ordered(b.to_vec()), ordered(c.to_vec()));
        let merge = |left: &[SignedAction], right: &[SignedAction]| {
            ordered([left, right].concat())
        };
        prop_assert_eq!(&merge(&merge(&a, &b), &c), &all);
        prop_assert_eq!(&merge(&a, &merge(&c, &b)), &all);
        prop_assert_eq!(&merge(&all, &all), &all);
        // Every action once, and none invented.
        for signed in &set {
            prop_assert_eq!(all.iter().filter(|kept| kept.action == signed.action).count(), 1);
        }
        // Own order holds, and so does every prefix of the order: it is the order of itself.
        for len in 0..=all.len() {
            let prefix = all[..len].to_vec();
            prop_assert_eq!(&ordered(prefix.clone()), &prefix);
        }
    }
}

#[test]
fn a_long_chain_is_ordered_in_one_pass() {
    let set: Vec<_> = (1..=2000)
        .rev()
        .map(|number| action(1, 0, number, 0, vec![]))
        .collect();
    let numbers: Vec<_> = ordered(set)
        .iter()
        .map(|signed| signed.action.number)
        .collect();
    assert!(numbers.is_sorted());
}

#[test]
fn missing_actions_have_no_order_key() {
    let scheme = crate::crypto::Ed25519;
    let secret = [3; 32];
    let action = Action {
        author: scheme.public(&secret),
        run: RunId(0),
        number: 1,
        previous: Hash::ZERO,
        frontier: BoundedVec::new(),
        dependencies: BoundedVec::new(),
        validity: Validity::default(),
        payload: ActionPayload::Missing { draw: 1, voter: 2 },
    };
    let identity = crate::crypto::Identity::new(secret);
    let missing = action.sign(GroupId([0; 16]), &identity);
    let keyed = self::action(1, 0, 1, 0, vec![]);
    let order = ordered(vec![keyed, missing.clone()]);
    assert_eq!(order[0], missing);
}
