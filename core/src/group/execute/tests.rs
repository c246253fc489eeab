use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::crypto::{Ed25519, Signature};
use crate::group::fixture::{GROUP, PHASE, Pen, REFUSE, ROLL, Room, Tip, add, guarded, keyed};
use crate::group::randomness::draw_seed;
use crate::group::records::{CLOSED_RUNS_MAX, REFUSALS_KEPT};
use crate::id::RunId;
use crate::rules::Random;
use crate::wire::{Bytes, FrontierEntry, Mode, decode, encode};

fn none() -> Reveals {
    Reveals::default()
}

fn reasons(executed: &Executed) -> Vec<Option<Reason>> {
    executed
        .fates
        .iter()
        .map(|(_, reason)| reason.clone())
        .collect()
}

/// Builds with `room`, executes elsewhere, and gives what both agree on.
fn commit(room: &Room, tip: &mut Tip, set: Vec<SignedAction>, reveals: &Reveals) -> Executed {
    let mut elsewhere = tip.clone();
    let (block, built) = tip
        .build(&room.executor, set, reveals)
        .expect("there is work");
    let wire: Block = decode(&encode(&block), BLOCK_LEN_MAX).unwrap();
    let executed = elsewhere.execute(&room.executor(), &wire).unwrap();
    assert_eq!(executed.fates, built.fates);
    assert_eq!(executed.opened, built.opened);
    assert_eq!(executed.state.root(), built.state.root());
    executed
}

fn rule(rule: u8, what: &'static str) -> Invalid {
    Invalid::Rule { rule, what }
}

#[test]
fn a_genesis_that_the_rules_refuse_has_no_state() {
    let room = Room::new(4);
    let mut genesis = room.genesis().clone();
    genesis.rules_config = Bytes::truncating(b"bad".to_vec());
    assert_eq!(
        genesis_state(&genesis, &*room.rules).unwrap_err(),
        Rejection::new(1)
    );
    assert_eq!(
        room.executor.genesis_state().unwrap().root(),
        room.genesis().root
    );
}

/// One step of a script: who signs what.
fn script() -> impl Strategy<Value = Vec<(u8, Vec<u8>, Vec<u64>)>> {
    let payload = prop_oneof![
        (1u8..9).prop_map(add),
        (1u8..9, 0u8..12).prop_map(|(amount, expect)| guarded(amount, expect)),
        Just(ROLL.to_vec()),
        Just(REFUSE.to_vec()),
        Just(PHASE.to_vec()),
        (0u8..4, 2usize..40).prop_map(|(key, len)| keyed(key, len)),
    ];
    let step = (0u8..4, payload, prop::collection::vec(0u64..6, 0..3));
    prop::collection::vec(step, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// Whatever the order of arrival, every leader builds the same block, and every voter executes
    /// it to the same root and fates; every action gets one fate.
    #[test]
    fn blocks_do_not_depend_on_arrival(
        script in script(),
        shuffle in any::<prop::sample::Index>(),
        cut in 1..=REFUSED_PER_AUTHOR_MAX,
    ) {
        let room = Room::new(4);
        let mut tip = room.head();
        let mut pens = room.pens();
        let mut reveals = Reveals::default();
        for draw in 1..3 {
            for voter in 0..4 {
                reveals.insert(room.reveal(draw, voter));
            }
        }
        let mut fates = 0;
        for steps in script.chunks(cut) {
            let set: Vec<_> = steps
                .iter()
                .map(|(author, payload, dependencies)| {
                    pens[usize::from(*author)].write_with(
                        payload,
                        dependencies,
                        Validity::default(),
                    )
                })
                .collect();
            let mut shuffled = set.clone();
            shuffled.rotate_left(shuffle.index(set.len()));
            shuffled.extend(set.iter().rev().cloned());
            let other = room.executor().build(tip.standing(), shuffled, &reveals).unwrap().0;
            let one = room.executor.build(tip.standing(), set.clone(), &reveals).unwrap().0;
            prop_assert_eq!(&one, &other);
            fates += commit(&room, &mut tip, set, &reveals).fates.len();
        }
        prop_assert_eq!(fates, script.len());
    }

    /// No change of one byte of a block passes: it does not decode, or it breaks a rule.
    #[test]
    fn no_flipped_bit_passes(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let room = Room::new(4);
        let mut pen = room.pen(0);
        let set = vec![pen.write(&add(3)), pen.write(REFUSE), room.pen(1).write(ROLL)];
        let tip = room.head();
        let (block, _) = room.executor.build(tip.standing(), set, &none()).unwrap();
        let mut bytes = encode(&block);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(block) = decode::<Block>(&bytes, BLOCK_LEN_MAX) {
            prop_assert!(room.executor.execute(tip.standing(), &block).is_err());
        }
    }

    /// A block never holds what any member could have thrown in, only chains that go on.
    #[test]
    fn junk_of_members_neither_panics_nor_passes(
        junk in prop::collection::vec((0u8..3, 0u64..4, 0u64..5, any::<bool>(), 0u8..6), 0..24),
    ) {
        let room = Room::new(3);
        let mut tip = room.head();
        let mut pens = room.pens();
        let mut set = Vec::new();
        let mut hashes = vec![Hash::ZERO];
        for (author, run, number, linked, amount) in junk {
            let pen = &mut pens[usize::from(author)];
            pen.run = RunId(run);
            pen.number = number;
            pen.previous = if linked {
                hashes[usize::from(amount) % hashes.len()]
            } else {
                Hash::ZERO
            };
            let signed = pen.write(&add(amount));
            hashes.push(signed.action.hash(GROUP));
            set.push(signed);
        }
        for _ in 0..4 {
            if room.executor.build(tip.standing(), set.clone(), &none()).is_none() {
                break;
            }
            commit(&room, &mut tip, set.clone(), &none());
        }
    }
}

#[test]
fn a_refused_action_changes_nothing_but_its_number() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pen = room.pen(0);
    let executed = commit(&room, &mut tip, vec![pen.write(REFUSE)], &none());
    let reason = Reason::Rules {
        code: 9,
        detail: Bytes::new(),
    };
    assert_eq!(reasons(&executed), [Some(reason.clone())]);
    assert_eq!(tip.state.get(b"junk"), None);
    let record = tip.state.author(0);
    assert_eq!((record.number, record.refusal(1)), (1, Some(&reason)));
    // The number is used up: the next one goes on from the refused one.
    let executed = commit(&room, &mut tip, vec![pen.write(&add(1))], &none());
    assert_eq!(reasons(&executed), [None]);
}

#[test]
fn of_two_increments_with_one_expectation_one_wins() {
    let room = Room::new(4);
    let mut tip = room.head();
    let set = vec![
        room.pen(0).write(&guarded(5, 0)),
        room.pen(1).write(&guarded(5, 0)),
    ];
    let executed = commit(&room, &mut tip, set, &none());
    let refused: Vec<_> = reasons(&executed).into_iter().flatten().collect();
    let reason = Reason::Rules {
        code: 2,
        detail: Bytes::truncating(vec![5]),
    };
    assert_eq!(refused, [reason]);
}

#[test]
fn dependencies_take_along_exactly_what_depends() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pen = room.pen(0);
    let on = |pen: &mut Pen, numbers: &[u64]| pen.write_with(&add(1), numbers, Validity::default());
    let set = vec![
        pen.write(REFUSE),
        on(&mut pen, &[1]),
        on(&mut pen, &[2]),
        pen.write(&add(1)),
        on(&mut pen, &[4]),
        on(&mut pen, &[6]),
        on(&mut pen, &[0]),
        on(&mut pen, &[9]),
        on(&mut pen, &[4, 1]),
    ];
    let refused: Vec<_> = reasons(&commit(&room, &mut tip, set, &none()))
        .into_iter()
        .map(|reason| match reason {
            Some(Reason::Dependency { number }) => Some(number),
            Some(_) => Some(99),
            None => None,
        })
        .collect();
    let expected = [
        Some(99),
        Some(1),
        Some(2),
        None,
        None,
        Some(6),
        Some(0),
        Some(9),
        Some(1),
    ];
    assert_eq!(refused, expected);
    // And in a later block.
    let set = vec![on(&mut pen, &[5]), on(&mut pen, &[2])];
    let executed = commit(&room, &mut tip, set, &none());
    assert_eq!(
        reasons(&executed),
        [None, Some(Reason::Dependency { number: 2 })]
    );
}

#[test]
fn a_dependency_older_than_the_remembered_refusals_is_not_met() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pen = room.pen(0);
    let mut set = vec![pen.write(REFUSE), pen.write(&add(1))];
    set.extend((0..REFUSALS_KEPT - 1).map(|_| pen.write(REFUSE)));
    while tip.state.author(0).number < set.len() as u64 {
        commit(&room, &mut tip, set.clone(), &none());
    }
    let depends = |pen: &mut Pen| pen.write_with(&add(1), &[2], Validity::default());
    // 32 refusals are remembered, from number 1 on: number 2 is known to be applied.
    let executed = commit(&room, &mut tip, vec![depends(&mut pen)], &none());
    assert_eq!(reasons(&executed), [None]);
    let set = vec![pen.write(REFUSE), depends(&mut pen)];
    let executed = commit(&room, &mut tip, set, &none());
    assert_eq!(executed.fates[1].1, Some(Reason::Dependency { number: 2 }));
}

#[test]
fn validity_ends_with_its_height_and_phase() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pen = room.pen(0);
    let until = |height| Validity {
        until_height: Some(height),
        phase: None,
    };
    let phase = |phase| Validity {
        until_height: None,
        phase: Some(phase),
    };
    let set = vec![
        pen.write_with(&add(1), &[], until(0)),
        pen.write_with(&add(1), &[], until(1)),
        pen.write_with(&add(1), &[], until(2)),
        pen.write_with(&add(1), &[], phase(0)),
        pen.write(PHASE),
        pen.write_with(&add(1), &[], phase(0)),
        pen.write_with(&add(1), &[], phase(1)),
    ];
    let executed = commit(&room, &mut tip, set, &none());
    let expired = Some(Reason::Expired);
    assert_eq!(
        reasons(&executed),
        [expired.clone(), None, None, None, None, expired, None]
    );
}

#[test]
fn two_with_one_number_in_one_set_are_both_refused() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pen = room.pen(0);
    let mut twin = pen.clone();
    let set = vec![
        pen.write(&add(1)),
        twin.write(&add(2)),
        room.pen(1).write(&add(9)),
    ];
    let executed = commit(&room, &mut tip, set, &none());
    let doubled = reasons(&executed).into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(doubled, [Reason::Equivocation, Reason::Equivocation]);
    assert_eq!(tip.state.get(b"m\0"), None);
    assert!(tip.state.author(0).ended);
    // From there on the run is closed, a new one is not.
    let rest = vec![pen.write(&add(1)), twin.write(&add(1))];
    assert!(room.executor.build(tip.standing(), rest, &none()).is_none());
    pen.begin(7);
    let executed = commit(&room, &mut tip, vec![pen.write(&add(3))], &none());
    assert_eq!(reasons(&executed), [None]);
    assert_eq!(tip.state.get(b"m\0"), Some(&[3][..]));
}

#[test]
fn one_in_the_base_stands_and_its_twin_ends_the_run() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pen = room.pen(0);
    let mut twin = pen.clone();
    commit(&room, &mut tip, vec![pen.write(&add(1))], &none());
    let set = vec![twin.write(&add(2)), pen.write(&add(4))];
    let executed = commit(&room, &mut tip, set, &none());
    assert_eq!(reasons(&executed), vec![Some(Reason::Equivocation); 2]);
    assert_eq!(tip.state.get(b"m\0"), Some(&[1][..]));
    assert!(
        room.executor
            .build(tip.standing(), vec![pen.write(&add(4))], &none())
            .is_none()
    );
}

#[test]
fn what_follows_a_doubled_number_in_one_set_is_refused_too() {
    let room = Room::new(4);
    let tip = room.head();
    let mut pen = room.pen(0);
    let mut twin = pen.clone();
    let mut set = vec![pen.write(&add(1)), twin.write(&add(2)), pen.write(&add(3))];
    let mut other_run = pen.clone();
    other_run.begin(1);
    set.push(other_run.write(&add(8)));
    // Honest leaders leave the followers out; a block that holds them is judged all the same.
    let actions = room.executor.order(&tip.state, set);
    let (executed, _) = room.executor.run(tip.standing(), None, &actions).unwrap();
    let doubled = Some(Reason::Equivocation);
    let fates: BTreeMap<_, _> = executed.fates.iter().cloned().collect();
    assert_eq!(fates[&actions[0].action.id()], None);
    assert_eq!(
        reasons(&executed)
            .iter()
            .filter(|fate| **fate == doubled)
            .count(),
        3
    );
    let block = Block {
        height: 1,
        parent: tip.block,
        root: executed.state.root(),
        opening: None,
        actions: BoundedVec::truncating(actions),
        refused: refused(&executed.fates),
    };
    assert!(room.executor().execute(tip.standing(), &block).is_ok());
}

#[test]
fn a_new_run_comes_after_the_old_one_and_closes_it() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pen = room.pen(0);
    commit(&room, &mut tip, vec![pen.write(&add(1))], &none());
    let mut old = pen.clone();
    let late = old.clone().write(&add(100));
    pen.begin(1);
    let set = vec![
        pen.write(&add(2)),
        pen.write(&add(3)),
        old.write(&add(4)),
        old.write(&add(5)),
    ];
    let executed = commit(&room, &mut tip, set, &none());
    let runs: Vec<_> = executed.fates.iter().map(|(id, _)| id.run.0).collect();
    assert_eq!(runs, [100, 100, 1, 1]);
    assert_eq!(tip.state.get(b"m\0"), Some(&[15][..]));
    for closed in [old.write(&add(1)), late, room.pen(0).write(&add(1))] {
        assert!(
            room.executor
                .build(tip.standing(), vec![closed.clone()], &none())
                .is_none()
        );
        let block = Block {
            height: tip.height + 1,
            parent: tip.block,
            root: Hash::ZERO,
            opening: None,
            actions: BoundedVec::truncating(vec![closed]),
            refused: BoundedVec::new(),
        };
        assert_eq!(
            room.executor.execute(tip.standing(), &block).unwrap_err(),
            rule(4, "an action of a closed run")
        );
    }
}

#[test]
fn runs_of_one_author_are_bounded() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pen = room.pen(0);
    for run in 0..=CLOSED_RUNS_MAX as u64 {
        pen.begin(run);
        commit(&room, &mut tip, vec![pen.write(&add(1))], &none());
    }
    assert_eq!(tip.state.author(0).closed.len(), CLOSED_RUNS_MAX);
    // The running one goes on, and can still be ended by a doubled number; another cannot begin.
    let mut twin = pen.clone();
    commit(&room, &mut tip, vec![pen.write(&add(1))], &none());
    commit(&room, &mut tip, vec![twin.write(&add(2))], &none());
    assert!(tip.state.author(0).ended);
    pen.begin(99);
    assert!(
        room.executor
            .build(tip.standing(), vec![pen.write(&add(1))], &none())
            .is_none()
    );
}

#[test]
fn a_block_holds_so_many_actions_and_no_more() {
    for count in [
        BLOCK_ACTIONS_MAX - 1,
        BLOCK_ACTIONS_MAX,
        BLOCK_ACTIONS_MAX + 1,
    ] {
        let room = Room::new(4);
        let mut tip = room.head();
        let mut pens = room.pens();
        let set: Vec<_> = (0..count).map(|i| pens[i % 4].write(&add(1))).collect();
        let executed = commit(&room, &mut tip, set.clone(), &none());
        assert_eq!(executed.fates.len(), count.min(BLOCK_ACTIONS_MAX));
        // What was cut goes into the next one.
        if count > BLOCK_ACTIONS_MAX {
            assert_eq!(commit(&room, &mut tip, set, &none()).fates.len(), 1);
        }
    }
}

#[test]
fn a_block_is_cut_at_its_bytes_even_where_all_is_refused() {
    let room = Room::new(8);
    let mut tip = room.head();
    let mut pens = room.pens();
    let mut payload = vec![6; 256];
    payload[1] = 0;
    let set: Vec<_> = (0..BLOCK_ACTIONS_MAX)
        .map(|i| pens[i % 8].write(&payload))
        .collect();
    let mut blocks = 0;
    let mut fates = 0;
    while let Some((block, executed)) = tip.build(&room.executor, set.clone(), &none()) {
        assert!(encode(&block).len() <= BLOCK_LEN_MAX);
        blocks += 1;
        fates += executed.fates.len();
    }
    assert_eq!((blocks, fates), (2, BLOCK_ACTIONS_MAX));
    // Too long a block does not pass, whoever built it.
    let tip = room.head();
    let mut pens = room.pens();
    let set: Vec<_> = (0..BLOCK_ACTIONS_MAX)
        .map(|i| pens[i % 8].write(&payload))
        .collect();
    let block = Block {
        height: 1,
        parent: tip.block,
        root: Hash::ZERO,
        opening: None,
        actions: BoundedVec::truncating(room.executor.order(&tip.state, set)),
        refused: BoundedVec::new(),
    };
    assert_eq!(
        room.executor.execute(tip.standing(), &block).unwrap_err(),
        rule(4, "longer than a block may be")
    );
}

#[test]
fn one_authors_refusals_are_capped_in_a_block() {
    const MAX: usize = REFUSED_PER_AUTHOR_MAX;
    for count in [MAX - 1, MAX, MAX + 1] {
        let room = Room::new(4);
        let mut tip = room.head();
        let (mut pen, mut other) = (room.pen(0), room.pen(1));
        let mut set: Vec<_> = (0..count).map(|_| pen.write(REFUSE)).collect();
        set.push(pen.write(&add(1)));
        set.extend((0..MAX).map(|_| other.write(REFUSE)));
        set.extend((0..2).map(|_| other.write(&add(1))));
        let executed = commit(&room, &mut tip, set.clone(), &none());
        let of = |executed: &Executed, author: usize| {
            let author = room.identities[author].peer();
            let fates = executed.fates.iter();
            fates.filter(|(id, _)| id.author == author).count()
        };
        // What is over waits, with what follows it; others are not held up.
        assert_eq!(of(&executed, 0), if count > MAX { MAX } else { count + 1 });
        assert_eq!(of(&executed, 1), MAX + 2);
        if count > MAX {
            let executed = commit(&room, &mut tip, set, &none());
            assert!(matches!(reasons(&executed)[..], [Some(_), None]));
        }
    }
}

#[test]
fn a_block_over_the_cap_of_refusals_does_not_pass() {
    const MAX: usize = REFUSED_PER_AUTHOR_MAX;
    for count in [MAX, MAX + 1] {
        let room = Room::new(4);
        let tip = room.head();
        let mut pen = room.pen(0);
        let actions: Vec<_> = (0..count).map(|_| pen.write(REFUSE)).collect();
        let (executed, _) = room.executor.run(tip.standing(), None, &actions).unwrap();
        let block = Block {
            height: 1,
            parent: tip.block,
            root: executed.state.root(),
            opening: None,
            actions: BoundedVec::truncating(actions),
            refused: refused(&executed.fates),
        };
        let verdict = room.executor.execute(tip.standing(), &block).map(|_| ());
        let over = rule(4, "too many refusals of one author");
        assert_eq!(verdict, if count > MAX { Err(over) } else { Ok(()) });
        // Keeping silent about one is no way around.
        let mut fewer = block.refused.into_vec();
        fewer.pop();
        let block = Block {
            refused: BoundedVec::truncating(fewer),
            ..block
        };
        let verdict = room.executor.execute(tip.standing(), &block).map(|_| ());
        assert_eq!(verdict, Err(rule(4, "other fates")));
    }
}

#[test]
fn the_longest_refusal_fits_what_is_reserved() {
    let refused = Refused {
        index: u16::MAX,
        reason: Reason::Rules {
            code: u16::MAX,
            detail: Bytes::truncating(vec![0; 64]),
        },
    };
    assert!(encode(&refused).len() <= REFUSED_LEN_MAX);
}

#[test]
fn a_stranger_is_told_so() {
    let room = Room::new(4);
    let mut overlay = Overlay::new(room.head().state);
    let payload = ActionPayload::Rules(Bytes::truncating(add(1)));
    let mut draws = DrawsOpen::of(None);
    let validity = Validity::default();
    let stranger = PeerId([1; 32]);
    let forecast =
        room.executor
            .forecast(&mut overlay, 1, &stranger, &payload, validity, &mut draws);
    assert_eq!(forecast, Err(Reason::NotMember));
}

mod branches;
mod doubles;
mod draws;
mod tamper;
