use super::*;
use crate::crypto::Ed25519;
use crate::group::Reveals;
use crate::group::fixture::{ROLL, Room};
use crate::wire::{BoundedVec, Mode, VoteStatement};

/// A block of a room, final by the votes of `voters`, and the scheme of the room.
fn played(voters: &[u8]) -> (SignedGenesis, History, Arc<dyn SignatureScheme>) {
    let room = Room::with(4, Mode::Bft, Arc::new(Ed25519));
    let mut tip = room.head();
    let epoch = room.executor.epoch();
    let mut history = History::new(epoch, tip.state.clone(), 1 << 16);
    let set = vec![room.pens()[0].write(ROLL)];
    let built = tip.build(&room.executor, set, &Reveals::default());
    let (block, _) = built.expect("a roll is allowed");
    let statement = VoteStatement {
        round: 7,
        kind: VoteKind::Finalize,
        block: block.hash(epoch),
    };
    let signatures = voters
        .iter()
        .map(|voter| {
            let identity = &room.identities[usize::from(*voter)];
            let vote = statement.sign(room.executor.group(), epoch, *voter, identity);
            (*voter, vote.signature)
        })
        .collect();
    let finalization = Certificate {
        statement,
        signatures: BoundedVec::truncating(signatures),
    };
    history
        .push(block, Some(finalization), tip.state.clone())
        .expect("it follows the genesis");
    (room.genesis.clone(), history, room.scheme.clone())
}

#[test]
fn an_outsider_believes_what_a_quorum_certified_and_nothing_else() {
    let (genesis, history, scheme) = played(&[0, 1, 2]);
    let state = history.state().clone();
    let (key, value) = state.iter().last().expect("there are records");
    let absent = Key::new(b"nowhere").expect("short");
    for (key, expected) in [(&key, Some(value)), (&absent, None)] {
        let shown = CertifiedValue::new(&genesis, &history, key).expect("a block is certified");
        let bytes = shown.encode();
        let shown = CertifiedValue::decode(&bytes).expect("own bytes decode");
        assert_eq!(shown.verify(scheme.clone()), Ok(expected));
        // Each byte is signed, or leads to what is signed. Only the key is free where the same proof
        // shows that another one has nothing either.
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 1 << (at % 8);
            if let Ok(bent) = CertifiedValue::decode(&bent)
                && let Ok(found) = bent.verify(scheme.clone())
            {
                assert_ne!(bent.key, shown.key, "byte {at}");
                assert_eq!((found, state.get(&bent.key)), (None, None), "byte {at}");
            }
        }
    }
}

#[test]
fn names_the_failing_check() {
    let (genesis, history, scheme) = played(&[0, 1, 2]);
    let key = history.state().iter().next().expect("records").0;
    let shown = CertifiedValue::new(&genesis, &history, &key).expect("a block is certified");
    let check = |bend: fn(&mut CertifiedValue)| {
        let mut bent = shown.clone();
        bend(&mut bent);
        bent.verify(scheme.clone()).map(|_| ())
    };
    assert_eq!(
        check(|it| it.genesis.genesis.draw_timeout_ms += 1),
        Err(CertifiedError::Genesis)
    );
    assert!(matches!(
        check(|it| it.header.height += 1),
        Err(CertifiedError::OtherBlock { .. })
    ));
    assert!(matches!(
        check(|it| it.finalization.statement.kind = VoteKind::Notarize),
        Err(CertifiedError::OtherBlock { .. })
    ));
    assert!(matches!(
        check(|it| it.key = BoundedVec::new()),
        Err(CertifiedError::Proof(_))
    ));
    let (genesis, history, scheme) = played(&[0, 1]);
    let short = CertifiedValue::new(&genesis, &history, &key).expect("it says it is certified");
    assert_eq!(short.verify(scheme), Err(CertifiedError::Unverified));
    let none = History::new(genesis.genesis.epoch(), history.state().clone(), 1 << 16);
    assert_eq!(CertifiedValue::new(&genesis, &none, &key), None);
}
