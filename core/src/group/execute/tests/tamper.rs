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

#[test]
fn a_frontier_does_not_pass_yet() {
    let room = Room::new(4);
    let tip = room.head();
    let seen = room.pen(1).write(&add(1));
    let mut action = room.pen(0).write(&add(1)).action;
    action.frontier = BoundedVec::truncating(vec![FrontierEntry {
        id: seen.action.id(),
        hash: seen.action.hash(GROUP),
    }]);
    let signed = action.sign(GROUP, &room.identities[0]);
    assert!(
        room.executor
            .build(tip.standing(), vec![signed.clone()], &none())
            .is_none()
    );
    let block = Block {
        height: 1,
        parent: tip.block,
        root: Hash::ZERO,
        opening: None,
        actions: BoundedVec::truncating(vec![signed]),
        refused: BoundedVec::new(),
    };
    assert_eq!(
        room.executor.execute(tip.standing(), &block).unwrap_err(),
        rule(4, "a frontier before there are tentative orders")
    );
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
