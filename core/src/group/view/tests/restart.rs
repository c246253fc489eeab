//! What survives a restart, and what a number alone does not prove.

use super::*;

/// Another store of the same identity, in the same run.
fn clone_of(phone: &Phone) -> Pen {
    let mut clone = phone.room.pen(0);
    clone.run = RunId(1);
    clone
}

fn fates(phone: &mut Phone) -> BTreeMap<SubmissionId, Fate> {
    phone.fates().into_iter().collect()
}

fn equivocation(height: u64) -> Fate {
    let reason = Reason::Equivocation;
    Fate::Rejected { height, reason }
}

#[test]
fn another_action_under_the_own_number_is_not_the_own_one() {
    let mut phone = Phone::new();
    let id = phone.submit(add(1));
    phone.sign();
    phone.store();
    let twin = clone_of(&phone).write(&add(5));
    phone.finalize(vec![twin]);
    assert_eq!(fates(&mut phone)[&id], equivocation(1));
    assert_eq!(phone.view(MINE), Some(vec![5]));
    // The number is used up; the next one follows what the state holds.
    let next = phone.submit(add(1));
    assert_eq!(phone.sign(), 1);
    let signed = phone.store();
    assert_eq!(signed[0].action.number, 2);
    phone.finalize(signed);
    assert_eq!(fates(&mut phone)[&next], Fate::Committed { height: 2 });
}

#[test]
fn what_lies_below_a_foreign_chain_is_unknown() {
    for by_snapshot in [false, true] {
        let mut phone = Phone::new();
        let id = phone.submit(add(1));
        phone.sign();
        phone.store();
        let mut clone = clone_of(&phone);
        let set = vec![clone.write(&add(5)), clone.write(&add(6))];
        if by_snapshot {
            phone.commit(set);
            phone.restart(1);
        } else {
            phone.finalize(set);
        }
        assert_eq!(fates(&mut phone)[&id], Fate::Unknown);
        phone.submit(add(1));
        phone.sign();
        assert_eq!(phone.store()[0].action.number, 3);
    }
}

#[test]
fn a_run_that_went_on_without_this_phone_needs_a_new_one() {
    let mut phone = Phone::new();
    let ids = [0; 3].map(|_| phone.submit(add(1)));
    phone.sign();
    phone.store();
    let twin = clone_of(&phone).write(&add(5));
    assert!(!phone.own.needs_run());
    phone.finalize(vec![twin]);
    assert!(phone.own.needs_run());
    assert_eq!(fates(&mut phone)[&ids[0]], equivocation(1));
    let more = phone.submit(add(1));
    assert_eq!(phone.sign(), 0);
    phone.own.set_run(RunId(8));
    phone.sign();
    let signed = phone.store();
    assert_eq!(
        (signed[0].action.run, signed[0].action.number),
        (RunId(8), 1)
    );
    phone.finalize(signed);
    let fates = fates(&mut phone);
    assert_eq!(fates[&more], Fate::Committed { height: 2 });
    assert_eq!(fates[&ids[1]], Fate::Unknown);
    assert_eq!(fates[&ids[2]], Fate::Unknown);
}

#[test]
fn a_number_in_the_store_or_the_state_is_never_signed_again() {
    // The record of the numbering is older than the rest, or lost.
    for lost in [false, true] {
        let mut phone = Phone::new();
        phone.store();
        let first = phone.store[&CHAIN_KEY].clone();
        phone.submit(add(1));
        phone.submit(add(2));
        phone.sign();
        let signed = phone.store();
        phone.store.insert(CHAIN_KEY, first);
        if lost {
            phone.store.remove(&CHAIN_KEY);
        }
        phone.restart(1);
        let id = phone.submit(add(3));
        assert_eq!(id, SubmissionId(3));
        phone.sign();
        let more = phone.store();
        let action = &more[0].action;
        assert_eq!((action.run, action.number), (RunId(1), 3));
        assert_eq!(
            action.previous,
            signed[1].action.hash(phone.room.genesis().group)
        );
        phone.finalize([signed, more].concat());
        assert_eq!(phone.own.committed.get(MINE), Some(&[6][..]));
    }
    // Everything is lost; the state remembers.
    let mut phone = Phone::new();
    let mut before = clone_of(&phone);
    let set = vec![before.write(&add(1)), before.write(&add(2))];
    phone.commit(set);
    phone.restart(1);
    let id = phone.submit(add(4));
    phone.sign();
    let signed = phone.store();
    assert_eq!(signed[0].action.number, 3);
    phone.finalize(signed);
    assert_eq!(fates(&mut phone)[&id], Fate::Committed { height: 2 });
}

#[test]
fn a_dependency_that_was_met_before_a_restart_stays_met() {
    let mut phone = Phone::new();
    let first = phone.submit(add(1));
    phone.sign();
    let signed = phone.store();
    let intent = phone.depend(add(2), &[first]);
    phone.store();
    phone.finalize(signed);
    let later = phone.depend(add(4), &[first, intent]);
    phone.store();
    phone.restart(1);
    assert_eq!(
        phone.listed(),
        [(intent, Fate::Intent), (later, Fate::Intent)]
    );
    phone.sign();
    let signed = phone.store();
    assert_eq!(signed[0].action.dependencies[..], []);
    assert_eq!(signed[1].action.dependencies[..], [2]);
    // One of them in the state, the other still on its way.
    phone.finalize(signed[..1].to_vec());
    phone.store();
    phone.restart(1);
    assert_eq!(phone.listed(), [(later, Fate::Pending)]);
    phone.finalize(signed[1..].to_vec());
    assert_eq!(fates(&mut phone)[&later], Fate::Committed { height: 3 });
}

#[test]
fn a_rejection_stays_over_restarts_until_it_is_acknowledged() {
    let mut phone = Phone::new();
    let refused = phone.submit(REFUSE.to_vec());
    let depends = phone.depend(add(1), &[refused]);
    phone.sign();
    let signed = phone.store();
    phone.finalize(signed);
    let listed = phone.listed();
    assert!(matches!(listed[0].1, Fate::Rejected { height: 1, .. }));
    assert_eq!(phone.fates(), listed);
    phone.store();
    phone.restart(1);
    assert_eq!(phone.listed(), listed);
    assert_eq!(phone.fates(), [], "each fate is told once");
    assert!(phone.own.is_idle());
    assert_eq!(phone.own.unsettled(), []);
    phone.own.acknowledge(refused).unwrap();
    phone.store();
    phone.restart(1);
    assert_eq!(phone.listed(), listed[1..]);
    phone.own.acknowledge(depends).unwrap();
    phone.store();
    assert_eq!(phone.store.keys().copied().collect::<Vec<_>>(), [CHAIN_KEY]);
    phone.restart(1);
    assert_eq!(phone.listed(), []);
}

#[test]
fn rejections_that_nobody_acknowledges_are_bounded_in_the_store() {
    let mut phone = Phone::new();
    for count in 1..=MAX + 2 {
        phone.submit(REFUSE.to_vec());
        phone.sign();
        let signed = phone.store();
        phone.finalize(signed);
        phone.store();
        assert_eq!(phone.store.len(), 1 + count.min(MAX));
    }
}

#[test]
fn only_an_unsigned_accusation_is_dropped() {
    let mut phone = Phone::new();
    phone.own.say_missing(1, 2);
    phone.sign();
    let signed = phone.store();
    phone.own.say_missing(1, 3);
    let plain = phone.submit(add(1));
    phone.store();
    assert_eq!(phone.store.len(), 4);
    phone.own.drop_unsigned_missing();
    phone.store();
    assert_eq!(phone.store.len(), 3);
    assert_eq!(phone.own.unsettled(), signed);
    assert_eq!(phone.listed(), [(plain, Fate::Intent)]);
    phone.sign();
    assert_eq!(phone.store().len(), 1);
}
