//! What a bad leader may try.

use super::*;

#[test]
fn every_tampering_is_named() {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pen = room.pen(0);
    let mut other = room.pen(1);
    commit(&room, &mut tip, vec![pen.write(&add(1))], &none());
    let set = vec![pen.write(&add(2)), pen.write(REFUSE), other.write(&add(4))];
    let (block, _) = room.executor.build(tip.standing(), set, &none()).unwrap();
    let judge = |change: &dyn Fn(&mut Block)| {
        let mut block = block.clone();
        change(&mut block);
        room.executor().execute(tip.standing(), &block).map(|_| ())
    };
    let actions = |block: &mut Block, change: &dyn Fn(&mut Vec<SignedAction>)| {
        let mut actions = std::mem::take(&mut block.actions).into_vec();
        change(&mut actions);
        block.actions = BoundedVec::from_vec(actions).unwrap();
    };
    assert_eq!(judge(&|_| {}), Ok(()));
    let wrong_height = rule(4, "not the height above its parent");
    assert_eq!(judge(&|block| block.height += 1), Err(wrong_height));
    assert_eq!(judge(&|block| block.height -= 1), Err(wrong_height));
    assert_eq!(judge(&|block| block.height = u64::MAX), Err(wrong_height));
    assert_eq!(
        judge(&|block| block.parent = Hash::ZERO),
        Err(rule(4, "another parent"))
    );
    assert_eq!(
        judge(&|block| block.root = Hash::ZERO),
        Err(Invalid::WrongRoot)
    );
    assert_eq!(
        judge(&|block| block.refused = BoundedVec::new()),
        Err(rule(4, "other fates"))
    );
    assert_eq!(
        judge(&|block| {
            let mut refused = block.refused.to_vec();
            refused[0].reason = Reason::Expired;
            block.refused = BoundedVec::truncating(refused);
        }),
        Err(rule(4, "other fates"))
    );
    assert_eq!(
        judge(&|block| actions(block, &|actions| actions.reverse())),
        Err(rule(4, "not in the one order"))
    );
    assert_eq!(
        judge(&|block| actions(block, &|actions| actions.push(actions[0].clone()))),
        Err(rule(4, "not in the one order"))
    );
    assert_eq!(
        judge(&|block| {
            actions(block, &|actions| actions[0].signature = Signature::ZERO);
        }),
        Err(rule(0, "an action that its author did not sign"))
    );
    assert_eq!(
        judge(&|block| {
            actions(block, &|actions| {
                let stranger = Room::new(5).pen(4).write(&add(1));
                actions.push(stranger);
            });
        }),
        Err(rule(4, "an author who is no member"))
    );
    assert_eq!(
        judge(&|block| {
            block.actions = BoundedVec::new();
            block.refused = BoundedVec::new();
        }),
        Err(rule(2, "an empty block"))
    );
    // Without its first action the second one hangs in the air.
    let first = pen.identity.peer();
    assert_eq!(
        judge(&|block| {
            actions(block, &|actions| {
                let at = actions
                    .iter()
                    .position(|a| a.action.author == first)
                    .unwrap();
                actions.remove(at);
                *actions = room.executor.order(&tip.state, std::mem::take(actions));
            });
        }),
        Err(rule(4, "an action without its predecessor"))
    );
    // An action that has its fate cannot have it again.
    let again = room.pen(0).write(&add(1));
    let again = Block {
        actions: BoundedVec::truncating(vec![again]),
        refused: BoundedVec::new(),
        ..block.clone()
    };
    assert_eq!(
        room.executor.execute(tip.standing(), &again).unwrap_err(),
        rule(4, "an action that has its fate")
    );
    let opening = |draw, preimages| {
        let opening = Opening {
            draw,
            preimages: BoundedVec::truncating(preimages),
        };
        judge(&|block| block.opening = Some(opening.clone()))
    };
    assert_eq!(
        opening(1, vec![]),
        Err(rule(4, "an opening without a draw"))
    );
}

/// An action of member 0 that names what it had seen.
fn after(room: &Room, frontier: Vec<FrontierEntry>) -> SignedAction {
    room.pen(0)
        .write_after(&add(1), BoundedVec::truncating(frontier))
}

fn entry(seen: &SignedAction) -> FrontierEntry {
    FrontierEntry {
        id: seen.action.id(),
        hash: seen.action.hash(GROUP),
    }
}

/// What a block with just these actions comes to.
fn judge_set(room: &Room, actions: Vec<SignedAction>) -> Result<Executed, Invalid> {
    let tip = room.head();
    let mut block = Block {
        height: 1,
        parent: tip.block,
        root: Hash::ZERO,
        opening: None,
        actions: BoundedVec::truncating(actions),
        refused: BoundedVec::new(),
    };
    match room.executor.outcome(tip.standing(), &block) {
        Ok(executed) => {
            block.root = executed.state.root();
            room.executor.execute(tip.standing(), &block)
        }
        Err(invalid) => Err(invalid),
    }
}

#[test]
fn a_set_is_closed_under_frontiers() {
    let room = Room::new(4);
    let seen = room.pen(1).write(&add(1));
    let action = after(&room, vec![entry(&seen)]);
    let build = |set| room.executor.build(room.head().standing(), set, &none());
    assert!(
        build(vec![action.clone()]).is_none(),
        "what it names is missing"
    );
    let (block, _) = build(vec![action.clone(), seen.clone()]).expect("both are here");
    assert_eq!(block.actions[..], [seen.clone(), action.clone()]);
    assert!(judge_set(&room, vec![seen.clone(), action.clone()]).is_ok());
    assert_eq!(
        judge_set(&room, vec![action.clone()]).unwrap_err(),
        rule(4, "a frontier that names what is not in the set")
    );
    // What its author has behind him counts as seen, whatever it was.
    let mut tip = room.head();
    commit(&room, &mut tip, vec![room.pen(1).write(&add(2))], &none());
    commit(&room, &mut tip, vec![action], &none());
}

#[test]
fn a_frontier_that_nobody_means_is_refused() {
    let room = Room::new(4);
    let mut pen = room.pen(1);
    let (first, second) = (pen.write(&add(1)), pen.write(&add(1)));
    let other = room.pen(2).write(&add(1));
    let own = room.pen(0).write(&add(9));
    let mut zero = entry(&first);
    zero.id.number = 0;
    let sorted = |mut entries: Vec<FrontierEntry>| {
        entries.sort_unstable();
        entries
    };
    let mut unordered = sorted(vec![entry(&first), entry(&other)]);
    unordered.reverse();
    let order = "a frontier that is not one action an author, in order";
    for (frontier, what) in [
        (
            vec![entry(&own)],
            "a frontier that names an action of its own author",
        ),
        (vec![zero], "a frontier that names number 0"),
        (unordered, order),
        (sorted(vec![entry(&first), entry(&second)]), order),
        (vec![entry(&first), entry(&first)], order),
    ] {
        let action = after(&room, frontier);
        let set = vec![first.clone(), second.clone(), other.clone(), action.clone()];
        let built = room.executor.build(room.head().standing(), set, &none());
        let (block, _) = built.expect("the others go on");
        assert!(!block.actions.contains(&action));
        let mut actions = block.actions.into_vec();
        actions.push(action);
        assert_eq!(judge_set(&room, actions).unwrap_err(), rule(4, what));
    }
}

#[test]
fn one_that_waits_for_ever_holds_up_nobody_else() {
    let room = Room::new(4);
    let mut unknown = entry(&room.pen(1).write(&add(1)));
    unknown.hash = Hash([9; 32]);
    let mut pen = room.pen(0);
    let waits = pen.write_after(&add(1), BoundedVec::truncating(vec![unknown]));
    let behind = pen.write(&add(1));
    let other = room.pen(2).write(&add(1));
    let names = |it: &SignedAction| BoundedVec::truncating(vec![entry(it)]);
    let after_it = room.pen(3).write_after(&add(1), names(&waits));
    let mut tip = room.head();
    let set = vec![waits, behind, after_it, other.clone()];
    let executed = commit(&room, &mut tip, set, &none());
    assert_eq!(executed.fates, [(other.action.id(), None)]);
}

#[test]
fn a_twin_with_an_unknown_frontier_does_not_keep_the_other_from_being_refused() {
    let room = Room::new(4);
    let unknown = FrontierEntry {
        id: room.pen(1).write(&add(1)).action.id(),
        hash: Hash([9; 32]),
    };
    let waits = after(&room, vec![unknown]);
    let twin = room.pen(0).write(&add(2));
    let follows = room
        .pen(2)
        .write_after(&add(1), BoundedVec::truncating(vec![entry(&twin)]));
    let mut tip = room.head();
    let set = vec![waits, twin.clone(), follows.clone()];
    let executed = commit(&room, &mut tip, set, &none());
    let ids: Vec<_> = executed.fates.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [twin.action.id(), follows.action.id()]);
}

#[test]
fn a_wrong_signature_of_a_known_action_stays_wrong() {
    let room = Room::with(4, Mode::Bft, Arc::new(Ed25519));
    let good = room.pen(0).write(&add(1));
    let mut bad = good.clone();
    bad.signature.0[5] ^= 1;
    for _ in 0..2 {
        assert!(room.executor.verify(&good));
        assert!(!room.executor.verify(&bad));
    }
    let stranger = Room::with(5, Mode::Bft, Arc::new(Ed25519))
        .pen(4)
        .write(&add(1));
    assert!(!room.executor.verify(&stranger));
    // A bad signature among the candidates costs its chain, not the block.
    let set = vec![bad, room.pen(1).write(&add(1))];
    let (block, _) = room
        .executor
        .build(room.head().standing(), set, &none())
        .unwrap();
    assert_eq!(block.actions.len(), 1);
}

#[test]
fn verified_signatures_are_bounded() {
    let mut verified = Verified::default();
    for number in 0..VERIFIED_MAX + 1 {
        verified.insert(hash_of(number));
    }
    verified.insert(hash_of(VERIFIED_MAX));
    assert_eq!(verified.names.len(), VERIFIED_MAX);
    assert_eq!(verified.queue.len(), VERIFIED_MAX);
    assert!(!verified.names.contains(&hash_of(0)));
}

fn hash_of(number: usize) -> Hash {
    crate::crypto::hash(Domain::Trace, &[&number.to_le_bytes()])
}

#[cfg(feature = "planted")]
#[test]
fn a_planted_voter_does_not_compare_roots() {
    let room = Room::new(4);
    let tip = room.head();
    let set = vec![room.pen(0).write(&add(1))];
    let (mut block, _) = room.executor.build(tip.standing(), set, &none()).unwrap();
    block.root = Hash::ZERO;
    let planted = Executor::new(
        room.genesis().clone(),
        room.rules.clone(),
        Arc::clone(&room.scheme),
        Some(Plant::SkippedRootCheck),
    );
    assert!(planted.execute(tip.standing(), &block).is_ok());
    assert_eq!(
        room.executor.execute(tip.standing(), &block).unwrap_err(),
        Invalid::WrongRoot
    );
}
