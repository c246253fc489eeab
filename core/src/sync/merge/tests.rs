use proptest::prelude::*;

use super::*;
use crate::crypto::{Signature, SignatureScheme};
use crate::id::{GroupId, RunId};
use crate::rules::{Context, Offline, Random, Rejection, Rules};
use crate::state::Overlay;
use crate::wire::{Action, BoundedVec, Bytes, FrontierEntry, RulesId, Validity};

const GROUP: GroupId = GroupId([0; 16]);

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
    frontier: Vec<FrontierEntry>,
) -> SignedAction {
    SignedAction {
        action: Action {
            author: peer(author),
            run: RunId(run),
            number,
            previous: Hash::ZERO,
            frontier: BoundedVec::truncating(frontier),
            dependencies: BoundedVec::new(),
            validity: Validity::default(),
            payload: ActionPayload::Rules(Bytes::truncating(vec![key])),
        },
        signature: Signature([key; 64]),
    }
}

/// What names it.
pub(crate) fn entry(seen: &SignedAction) -> FrontierEntry {
    FrontierEntry {
        id: seen.action.id(),
        hash: seen.action.hash(GROUP),
    }
}

/// The same after another one of its author.
pub(crate) fn after(mut later: SignedAction, earlier: &SignedAction) -> SignedAction {
    later.action.previous = earlier.action.hash(GROUP);
    later
}

fn ordered_in(set: Vec<SignedAction>, running: RunId, salt: Hash) -> Vec<SignedAction> {
    let order = Order {
        running: &|_| Some(running),
        salt,
        rules: &Keyed,
        group: GROUP,
    };
    super::order(set, order)
}

fn ordered(set: Vec<SignedAction>) -> Vec<SignedAction> {
    ordered_in(set, RunId(0), Hash::ZERO)
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
    let first = action(1, 0, 5, 9, vec![]);
    let set = vec![
        after(action(1, 0, 6, 0, vec![]), &first),
        first,
        action(2, 0, 1, 5, vec![]),
    ];
    assert_eq!(ids(&ordered(set)), [(2, 0, 1), (1, 0, 5), (1, 0, 6)]);
}

#[test]
fn what_an_author_had_seen_goes_before_what_he_did() {
    let seen = action(2, 0, 1, 9, vec![]);
    let set = vec![
        action(1, 0, 1, 0, vec![entry(&seen)]),
        seen,
        action(3, 0, 1, 5, vec![]),
    ];
    assert_eq!(ids(&ordered(set)), [(3, 0, 1), (2, 0, 1), (1, 0, 1)]);
    // Outside the set it counts for nothing.
    let outside = entry(&action(2, 0, 7, 9, vec![]));
    let set = vec![
        action(1, 0, 1, 0, vec![outside]),
        action(3, 0, 1, 5, vec![]),
    ];
    assert_eq!(ids(&ordered(set)), [(1, 0, 1), (3, 0, 1)]);
}

#[test]
fn a_new_run_goes_after_all_of_the_running_one() {
    let first = action(1, 5, 7, 0, vec![]);
    let set = vec![
        action(1, 9, 1, 0, vec![]),
        after(action(1, 5, 8, 0, vec![]), &first),
        first,
    ];
    let order = ordered_in(set, RunId(5), Hash::ZERO);
    assert_eq!(ids(&order), [(1, 5, 7), (1, 5, 8), (1, 9, 1)]);
}

#[test]
fn the_salt_decides_among_authors_and_favours_nobody() {
    let mut first = [0; 4];
    for salt in 0..200u8 {
        let set = (0..4)
            .map(|author| action(author, 0, 1, 0, vec![]))
            .collect();
        let order = ordered_in(set, RunId(0), Hash([salt; 32]));
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

/// Hashes lead back only, so a name that leads in a circle is a wrong hash: it leads nowhere.
#[test]
fn forged_cycles_lead_nowhere() {
    let name = |author| FrontierEntry {
        id: action(author, 0, 1, 0, vec![]).action.id(),
        hash: Hash::ZERO,
    };
    let one = action(1, 0, 1, 0, vec![name(2)]);
    let two = action(2, 0, 1, 0, vec![name(1)]);
    let own = action(3, 0, 1, 0, vec![name(3)]);
    let order = Order {
        running: &|_| Some(RunId(0)),
        salt: Hash::ZERO,
        rules: &Keyed,
        group: GROUP,
    };
    assert_eq!(depths(&[one, two, own], order), [0, 0, 0]);
}

proptest! {
    /// The order is a function of the set: of no arrival order, no repetition, no grouping.
    #[test]
    fn merging_is_commutative_associative_and_idempotent(
        content in prop::collection::vec(
            (0u8..5, 0u64..2, 0u8..3, prop::collection::vec(any::<prop::sample::Index>(), 0..3)),
            0..40,
        ),
        cuts in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        // Each may have seen any of those before it, and follows one of its author, if there is one:
        // not always the last, since authors may lie.
        let mut set: Vec<SignedAction> = Vec::new();
        for (author, run, key, seen) in content {
            // Who has begun a new run has lost the store of the old one.
            let new = (peer(author), RunId(1));
            let begun = set.iter().any(|it| (it.action.author, it.action.run) == new);
            let run = if begun { 1 } else { run };
            let name = (peer(author), RunId(run));
            let of = |it: &&SignedAction| (it.action.author, it.action.run) == name;
            let own: Vec<_> = set.iter().filter(of).cloned().collect();
            let names = seen.iter().filter(|_| !set.is_empty());
            let names = names.map(|it| entry(it.get(&set))).collect();
            let previous = seen.first().filter(|_| !own.is_empty()).map(|it| it.get(&own));
            let number = previous.map_or(1, |it| it.action.number + 1);
            let next = action(author, run, number, key, names);
            set.push(previous.map_or(next.clone(), |it| after(next, it)));
        }
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
    let mut set = vec![action(1, 0, 1, 0, vec![])];
    for number in 2..=2000 {
        let next = action(1, 0, number, 0, vec![]);
        set.push(after(next, set.last().expect("the first one")));
    }
    set.reverse();
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
