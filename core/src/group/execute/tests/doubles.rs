//! One number signed twice, on two sides of a split: whatever comes first, everybody gets the same.

use super::*;
use crate::wire::{ActionId, Frontier};

/// Every order of `set`.
fn orders(set: &[SignedAction]) -> Vec<Vec<SignedAction>> {
    if set.len() < 2 {
        return vec![set.to_vec()];
    }
    let mut all = Vec::new();
    for first in 0..set.len() {
        let mut rest = set.to_vec();
        let head = rest.remove(first);
        for mut tail in orders(&rest) {
            tail.insert(0, head.clone());
            all.push(tail);
        }
    }
    all
}

/// The fates of `set` on `tip`, the same for every order in which it came.
fn fates(room: &Room, tip: &Tip, set: &[SignedAction]) -> Vec<(ActionId, Option<Reason>)> {
    let mut first = None;
    for order in orders(set) {
        let mut tip = tip.clone();
        let executed = commit(room, &mut tip, order, &none());
        let outcome = (executed.fates, tip.state.root());
        assert_eq!(*first.get_or_insert(outcome.clone()), outcome);
    }
    first.expect("a set has an order").0
}

fn refused(signed: &SignedAction) -> (ActionId, Option<Reason>) {
    (signed.action.id(), Some(Reason::Equivocation))
}

fn names(seen: &SignedAction) -> Frontier {
    Frontier::truncating(vec![FrontierEntry {
        id: seen.action.id(),
        hash: seen.action.hash(GROUP),
    }])
}

#[test]
fn one_number_signed_twice_neither_committed() {
    let room = Room::new(4);
    let (mut here, mut there) = (room.pen(0), room.pen(0));
    let set = [here.write(&add(1)), there.write(&add(2))];
    assert_eq!(
        fates(&room, &room.head(), &set),
        [refused(&set[0]), refused(&set[1])]
    );
}

#[test]
fn one_number_signed_twice_one_committed() {
    let room = Room::new(4);
    let mut tip = room.head();
    let (mut here, mut there) = (room.pen(0), room.pen(0));
    commit(&room, &mut tip, vec![here.write(&add(1))], &none());
    let set = [there.write(&add(2))];
    assert_eq!(fates(&room, &tip, &set), [refused(&set[0])]);
    assert_eq!(
        tip.state.get(b"m\0"),
        Some(&[1][..]),
        "the committed one stands"
    );
}

#[test]
fn one_number_signed_twice_a_chain_after_each() {
    let room = Room::new(4);
    let (mut here, mut there) = (room.pen(0), room.pen(0));
    let first = here.write(&add(1));
    let twin = there.write(&add(2));
    // Others saw one of them, and one of them what the other side had done.
    let witness = room.pen(1).write_after(&add(4), names(&first));
    let chain = here.write(&add(1));
    let other = there.write_after(&add(2), names(&witness));
    let set = [first, twin, witness.clone(), chain, other];
    let fates = fates(&room, &room.head(), &set);
    let good: Vec<_> = fates
        .iter()
        .filter(|(_, reason)| reason.is_none())
        .collect();
    assert_eq!(
        good,
        [&(witness.action.id(), None)],
        "who had seen it goes on"
    );
    assert_eq!(fates.len(), 5, "everything has a fate");
}

#[test]
fn one_number_signed_twice_a_chain_after_the_committed_one() {
    let room = Room::new(4);
    let mut tip = room.head();
    let (mut here, mut there) = (room.pen(0), room.pen(0));
    commit(&room, &mut tip, vec![here.write(&add(1))], &none());
    let set = [
        there.write(&add(2)),
        here.write(&add(4)),
        there.write(&add(8)),
    ];
    for (id, reason) in fates(&room, &tip, &set) {
        assert_eq!(reason, Some(Reason::Equivocation), "{id:?}");
    }
    // The author goes on in a new run.
    let mut ended = tip.clone();
    commit(&room, &mut ended, set.to_vec(), &none());
    here.begin(7);
    let again = [here.write(&add(3))];
    assert_eq!(fates(&room, &ended, &again), [(again[0].action.id(), None)]);
}

/// A store that was thought lost goes on after its owner has begun a new run: what it did in the
/// knowledge of the new run is left out, and nothing goes in a circle.
#[test]
fn an_old_store_that_knows_the_new_run() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut old = room.pen(0);
    commit(&room, &mut tip, vec![old.write(&add(1))], &none());
    let before = old.write(&add(1));
    let mut new = old.clone();
    new.begin(9);
    let begun = new.write(&add(2));
    let witness = room.pen(1).write_after(&add(4), names(&begun));
    let after = old.write_after(&add(8), names(&witness));
    let set = [before.clone(), begun.clone(), witness.clone(), after];
    let ids: Vec<_> = fates(&room, &tip, &set)
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids, [before, begun, witness].map(|it| it.action.id()));
}
