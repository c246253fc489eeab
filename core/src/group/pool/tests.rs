use proptest::prelude::*;

use super::*;
use crate::group::fixture::{GROUP, Pen, Room, Tip, add};
use crate::group::randomness::Reveals;
use crate::wire::Frontier;

const MAX: usize = 6;

fn pool(room: &Room, tip: &Tip) -> Pool {
    Pool::new(room.genesis(), &tip.state, MAX)
}

fn held(pool: &Pool) -> usize {
    pool.chains
        .iter()
        .flat_map(BTreeMap::values)
        .map(Vec::len)
        .sum()
}

fn signed(pen: &mut Pen, count: usize) -> Vec<SignedAction> {
    (0..count).map(|_| pen.write(&add(1))).collect()
}

#[test]
fn an_action_is_kept_once() {
    let room = Room::new(4);
    let mut pool = pool(&room, &room.head());
    let action = room.pen(0).write(&add(1));
    assert_eq!(pool.insert(action.clone()), Inserted::New);
    assert_eq!(pool.insert(action), Inserted::Known);
    assert_eq!(held(&pool), 1);
}

#[test]
fn strangers_and_frontiers_and_number_zero_are_not_kept() {
    let room = Room::new(4);
    let mut pool = pool(&room, &room.head());
    assert_eq!(
        pool.insert(Room::new(5).pen(4).write(&add(1))),
        Inserted::Stale
    );
    let mut zero = room.pen(0);
    let mut action = zero.write(&add(1));
    action.action.number = 0;
    assert_eq!(pool.insert(action), Inserted::Stale);
    assert_eq!(held(&pool), 0);
}

#[test]
fn a_gap_is_kept_and_named_and_closes() {
    let room = Room::new(4);
    let tip = room.head();
    let mut pool = pool(&room, &tip);
    let actions = signed(&mut room.pen(1), 4);
    assert_eq!(pool.insert(actions[0].clone()), Inserted::New);
    let gap = |from| Inserted::Gap { author: 1, from };
    assert_eq!(pool.insert(actions[3].clone()), gap(2));
    assert_eq!(pool.includable(&tip.state), actions[..1]);
    assert_eq!(pool.counters(), [0, 1, 0, 0]);
    assert_eq!(pool.insert(actions[2].clone()), gap(2));
    assert_eq!(pool.insert(actions[1].clone()), Inserted::New);
    assert_eq!(pool.includable(&tip.state), actions);
    assert_eq!(pool.counters(), [0, 4, 0, 0]);
    assert_eq!(pool.since(1, 3), actions[2..]);
    assert_eq!(pool.since(9, 1), []);
}

#[test]
fn one_author_is_bounded_and_costs_nobody_else() {
    let room = Room::new(4);
    let tip = room.head();
    let mut pool = pool(&room, &tip);
    let mut pen = room.pen(0);
    let actions = signed(&mut pen, MAX + 1);
    for action in &actions[..MAX] {
        assert_eq!(pool.insert(action.clone()), Inserted::New);
    }
    assert_eq!(pool.insert(actions[MAX].clone()), Inserted::Full);
    assert_eq!(pool.insert(room.pen(1).write(&add(1))), Inserted::New);
    // A number that far ahead would only take room.
    let far = signed(&mut room.pen(2), MAX + 1);
    assert_eq!(pool.insert(far[MAX].clone()), Inserted::Full);
    assert!(matches!(
        pool.insert(far[MAX - 1].clone()),
        Inserted::Gap { .. }
    ));
}

#[test]
fn twins_are_kept_as_evidence_and_a_third_is_not() {
    let room = Room::new(4);
    let tip = room.head();
    let mut pool = pool(&room, &tip);
    let mut pen = room.pen(0);
    let twins: Vec<_> = (1..4)
        .map(|amount| pen.clone().write(&add(amount)))
        .collect();
    assert_eq!(pool.insert(twins[0].clone()), Inserted::New);
    let equivocation = Inserted::Equivocation {
        author: room.identities[0].peer(),
        first: twins[0].action.hash(GROUP),
        second: twins[1].action.hash(GROUP),
    };
    assert_eq!(pool.insert(twins[1].clone()), equivocation);
    assert_eq!(pool.insert(twins[2].clone()), Inserted::Known);
    // Both go into one block, and what follows one of them: all of it is refused there.
    pen.write(&add(1));
    pool.insert(pen.write(&add(9)));
    assert_eq!(pool.includable(&tip.state).len(), 3);
}

#[test]
fn a_twin_of_the_last_final_action_is_evidence_too() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pool = pool(&room, &tip);
    let mut pen = room.pen(0);
    let mut twin = pen.clone();
    let action = pen.write(&add(1));
    pool.insert(action.clone());
    let set = pool.includable(&tip.state);
    tip.build(&room.executor, set, &Reveals::default()).unwrap();
    pool.prune(&tip.state);
    assert_eq!(held(&pool), 0);
    assert_eq!(pool.insert(action.clone()), Inserted::Stale);
    let twin = twin.write(&add(2));
    let equivocation = Inserted::Equivocation {
        author: room.identities[0].peer(),
        first: action.action.hash(GROUP),
        second: twin.action.hash(GROUP),
    };
    assert_eq!(pool.insert(twin), equivocation);
    assert!(pool.has_includable(&tip.state));
    let set = pool.includable(&tip.state);
    tip.build(&room.executor, set, &Reveals::default()).unwrap();
    pool.prune(&tip.state);
    assert_eq!(held(&pool), 0);
    // Its run is closed now.
    assert_eq!(pool.insert(pen.write(&add(1))), Inserted::Stale);
}

#[test]
fn chains_go_on_from_any_base() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pool = pool(&room, &tip);
    let actions = signed(&mut room.pen(0), 3);
    for action in &actions {
        pool.insert(action.clone());
    }
    // On a block that is not final: nothing is pruned, and only the rest is includable there.
    let genesis = tip.state.clone();
    tip.build(&room.executor, actions[..2].to_vec(), &Reveals::default())
        .unwrap();
    assert_eq!(pool.includable(&tip.state), actions[2..]);
    assert_eq!(pool.includable(&genesis), actions);
    // What was read of one base is not believed of another.
    assert_eq!(pool.includable(&tip.state), actions[2..]);
    tip.build(&room.executor, actions[2..].to_vec(), &Reveals::default())
        .unwrap();
    assert!(!pool.has_includable(&tip.state));
}

#[test]
fn a_new_run_waits_behind_the_old_one() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pool = pool(&room, &tip);
    let mut pen = room.pen(0);
    let old = signed(&mut pen, 2);
    tip.build(&room.executor, old[..1].to_vec(), &Reveals::default())
        .unwrap();
    pool.prune(&tip.state);
    pen.begin(1);
    let new = signed(&mut pen, 2);
    pool.insert(new[1].clone());
    assert_eq!(pool.includable(&tip.state), []);
    assert_eq!(pool.since(0, 9), new[1..]);
    pool.insert(new[0].clone());
    pool.insert(old[1].clone());
    assert_eq!(pool.includable(&tip.state), [&old[1..], &new[..]].concat());
    tip.build(
        &room.executor,
        pool.includable(&tip.state),
        &Reveals::default(),
    )
    .unwrap();
    pool.prune(&tip.state);
    assert_eq!(pool.counters()[0], 2);
    assert_eq!(pool.insert(old[1].clone()), Inserted::Stale);
}

#[test]
fn an_orphan_of_a_lost_run_holds_up_no_other_run() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pool = pool(&room, &tip);
    let mut pen = room.pen(0);
    pen.begin(1);
    let lost = signed(&mut pen, 2);
    pen.begin(2);
    let new = signed(&mut pen, 2);
    pool.insert(lost[1].clone());
    for action in &new {
        pool.insert(action.clone());
    }
    assert_eq!(pool.includable(&tip.state), new);
    assert_eq!(pool.counters()[0], 2);
    // So does one whose first action follows another one.
    let mut odd = lost[1].clone();
    odd.action.number = 1;
    pool.insert(odd);
    assert_eq!(pool.includable(&tip.state), new);
    let set = pool.includable(&tip.state);
    tip.build(&room.executor, set, &Reveals::default()).unwrap();
    pool.prune(&tip.state);
    assert!(!pool.has_includable(&tip.state));
}

#[test]
fn a_twin_of_an_older_final_number_is_evidence_once() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pool = pool(&room, &tip);
    let mut pen = room.pen(0);
    let mut clone = pen.clone();
    let actions = signed(&mut pen, 3);
    for action in &actions {
        // The last two come with their block only.
        if action.action.number < 2 {
            pool.insert(action.clone());
        }
        let set = vec![action.clone()];
        tip.build(&room.executor, set, &Reveals::default()).unwrap();
        pool.prune(&tip.state);
    }
    for action in &actions[..2] {
        let twin = clone.write(&add(9));
        clone.previous = action.action.hash(GROUP);
        let equivocation = Inserted::Equivocation {
            author: room.identities[0].peer(),
            first: action.action.hash(GROUP),
            second: twin.action.hash(GROUP),
        };
        assert_eq!(pool.insert(action.clone()), Inserted::Stale);
        assert_eq!(pool.insert(twin.clone()), equivocation);
        assert_eq!(pool.insert(twin), Inserted::Stale);
        assert_eq!(pool.insert(action.clone()), Inserted::Stale);
    }
    assert_eq!(held(&pool), 0);
    assert!(!pool.has_includable(&tip.state));
}

#[test]
fn final_numbers_are_remembered_within_a_bound() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pool = pool(&room, &tip);
    let mut pen = room.pen(0);
    let mut clones = Vec::new();
    for _ in 0..FINALS_MAX + 2 {
        clones.push(pen.clone());
        let set = vec![pen.write(&add(1))];
        tip.build(&room.executor, set, &Reveals::default()).unwrap();
        pool.prune(&tip.state);
    }
    let mut twin = |number: usize| pool.insert(clones[number - 1].write(&add(2)));
    // The last one is in the state, and as many as the bound are remembered below it.
    assert_eq!(twin(1), Inserted::Stale);
    assert!(matches!(twin(2), Inserted::Equivocation { .. }));
    assert!(matches!(
        twin(FINALS_MAX + 2),
        Inserted::Equivocation { .. }
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Two phones that know the same actions say so with the same counters and digest, whatever
    /// came first, and wherever finality has got to on each of them.
    #[test]
    fn equal_knowledge_has_equal_counters_and_digest(
        counts in prop::collection::vec(0usize..MAX, 3),
        finals in prop::collection::vec(0usize..MAX, 3),
        turn in any::<prop::sample::Index>(),
    ) {
        let room = Room::new(3);
        let mut tip = room.head();
        let mut one = pool(&room, &tip);
        let mut pens = room.pens();
        let chains: Vec<_> =
            pens.iter_mut().zip(&counts).map(|(pen, count)| signed(pen, *count)).collect();
        let all = chains.concat();
        for action in &all {
            one.insert(action.clone());
        }
        let set: Vec<_> = chains
            .iter()
            .zip(&finals)
            .flat_map(|(chain, last)| chain.iter().take(*last).cloned())
            .collect();
        tip.build(&room.executor, set, &Reveals::default());
        let mut other = pool(&room, &tip);
        let turn = if all.is_empty() { 0 } else { turn.index(all.len()) };
        for action in all[turn..].iter().chain(&all[..turn]) {
            other.insert(action.clone());
        }
        prop_assert_eq!(one.counters(), other.counters());
        prop_assert_eq!(one.digest(), other.digest());
        one.prune(&tip.state);
        prop_assert_eq!(one.counters(), other.counters());
        prop_assert_eq!(held(&one), held(&other));
    }
}

fn entry(seen: &SignedAction) -> FrontierEntry {
    FrontierEntry {
        id: seen.action.id(),
        hash: seen.action.hash(GROUP),
    }
}

#[test]
fn what_a_frontier_names_and_is_not_here_is_asked_for() {
    let room = Room::new(4);
    let tip = room.head();
    let mut pool = pool(&room, &tip);
    let seen = signed(&mut room.pen(1), 3);
    let names = BoundedVec::truncating(vec![entry(&seen[2])]);
    let later = room.pen(0).write_after(&add(1), names);
    let gap = |from| Inserted::Gap { author: 1, from };
    assert_eq!(pool.insert(later.clone()), gap(1));
    assert!(pool.includable(&tip.state).is_empty());
    assert_eq!(pool.insert(seen[0].clone()), Inserted::New);
    assert_eq!(pool.insert(seen[2].clone()), gap(2));
    assert_eq!(pool.insert(seen[1].clone()), Inserted::New);
    assert_eq!(pool.includable(&tip.state).len(), 4);
    // Known by another hash, it is still missing.
    let mut forged = entry(&seen[2]);
    forged.hash = Hash([9; 32]);
    let names = BoundedVec::truncating(vec![forged]);
    let waits = room.pen(2).write_after(&add(1), names);
    assert_eq!(pool.insert(waits), gap(3));
    assert_eq!(pool.includable(&tip.state).len(), 4);
}

#[test]
fn a_frontier_names_the_last_of_each_and_no_one_twice() {
    let room = Room::new(4);
    let tip = room.head();
    let mut pool = pool(&room, &tip);
    let own = room.identities[3].peer();
    assert_eq!(pool.frontier(&tip.state, &own), Frontier::new());
    let ones = signed(&mut room.pen(0), 2);
    let two = room.pen(1).write(&add(1));
    for action in ones.iter().chain([&two]) {
        pool.insert(action.clone());
    }
    let mut both = vec![entry(&ones[1]), entry(&two)];
    both.sort_unstable();
    assert_eq!(pool.frontier(&tip.state, &own)[..], both);
    // Who names both stands for both.
    let three = room
        .pen(2)
        .write_after(&add(1), BoundedVec::truncating(both));
    assert_eq!(pool.insert(three.clone()), Inserted::New);
    assert_eq!(pool.frontier(&tip.state, &own)[..], [entry(&three)]);
    // What is not here yet is not named, nor what waits for it.
    let four = room.pen(3).write(&add(1));
    let names = BoundedVec::truncating(vec![entry(&four)]);
    let mut pen = room.pen(2);
    pen.number = 1;
    pen.previous = three.action.hash(GROUP);
    pool.insert(pen.write_after(&add(1), names));
    let other = room.identities[0].peer();
    assert_eq!(pool.frontier(&tip.state, &other)[..], [entry(&three)]);
}

#[test]
fn what_waits_for_an_unknown_frontier_is_bounded() {
    let room = Room::new(4);
    let tip = room.head();
    let mut pool = pool(&room, &tip);
    let unknown = FrontierEntry {
        hash: Hash([9; 32]),
        ..entry(&room.pen(1).write(&add(1)))
    };
    let mut pen = room.pen(0);
    let names = BoundedVec::truncating(vec![unknown]);
    for number in 1..=MAX {
        let kept = pool.insert(pen.write_after(&add(1), names.clone()));
        assert_eq!(kept, Inserted::Gap { author: 1, from: 1 }, "{number}");
    }
    assert_eq!(pool.insert(pen.write(&add(1))), Inserted::Full);
    assert_eq!(held(&pool), MAX);
    let own = entry(&room.pen(2).write(&add(1)));
    let wrong = room
        .pen(2)
        .write_after(&add(1), BoundedVec::truncating(vec![own]));
    assert_eq!(
        pool.insert(wrong),
        Inserted::Malformed {
            author: room.identities[2].peer(),
            what: "a frontier that names an action of its own author",
        }
    );
}

#[test]
fn two_who_name_each_other_in_turn_are_all_in_the_set() {
    let room = Room::new(4);
    let tip = room.head();
    let mut pool = pool(&room, &tip);
    let mut pens = [room.pen(0), room.pen(1)];
    let mut last: Option<SignedAction> = None;
    let mut all = Vec::new();
    for turn in 0..2 * MAX {
        let names = last.iter().map(entry).collect();
        let action = pens[turn % 2].write_after(&add(1), BoundedVec::truncating(names));
        last = Some(action.clone());
        all.push(action);
    }
    // The last comes first: each waits until what it names is here.
    for action in all.iter().rev() {
        assert!(pool.includable(&tip.state).is_empty());
        pool.insert(action.clone());
    }
    assert_eq!(pool.includable(&tip.state).len(), 2 * MAX);
}
