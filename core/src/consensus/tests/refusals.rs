//! Proposals that are refused, or objected to.

use super::solo::{Solo, solo};
use crate::consensus::{Input, Output, Verdict};
use crate::crypto::Hash;
use crate::wire::{GroupMessage, Parent, RefusalKind, VoteKind};
use Parent::{Extends, Repeats};
use VoteKind::{Finalize, Notarize, Nullify};

#[test]
fn refusals_of_a_blocking_minority_end_the_round() {
    let mut solo = solo(0);
    solo.feed(Input::Work(true));
    let block = solo.hash(&solo.proposed()[0].block);
    for voter in [1, 2] {
        assert!(!solo.has_cast(1, Nullify));
        let kind = RefusalKind::Invalid { rule: 4 };
        let identity = &solo.bench.identities[usize::from(voter)];
        let refusal = solo
            .bench
            .committee
            .sign_refusal(1, block, voter, kind, identity);
        let mut forged = refusal;
        forged.voter = 3;
        solo.feed(Input::Refusal(forged));
        solo.feed(Input::Refusal(refusal));
    }
    assert!(solo.has_cast(1, Nullify));
}

#[test]
fn the_leader_learns_why_it_is_refused() {
    let refused = |solo: &Solo| -> Vec<(u8, RefusalKind)> {
        solo.out
            .iter()
            .filter_map(|output| match output {
                Output::Refused { voter, kind } => Some((*voter, *kind)),
                _ => None,
            })
            .collect()
    };
    let mut solo = solo(0);
    solo.feed(Input::Work(true));
    let own = solo.hash(&solo.proposed()[0].block);
    let say = |solo: &mut Solo, voter: u8, round, block, kind| {
        let identity = solo.bench.identities[usize::from(voter)].clone();
        let committee = &solo.bench.committee;
        let refusal = committee.sign_refusal(round, block, voter, kind, &identity);
        solo.feed(Input::Refusal(refusal));
    };
    let busy = |retry_after_ms| RefusalKind::Busy { retry_after_ms };
    let expected = [
        (1, RefusalKind::Conflict),
        (1, busy(5)),
        (2, RefusalKind::Invalid { rule: 8 }),
    ];
    for (voter, kind) in expected {
        say(&mut solo, voter, 1, own, kind);
    }
    assert_eq!(refused(&solo), expected);
    // Once a kind; not of another block or round, and not in another's name.
    say(&mut solo, 1, 1, own, busy(6));
    say(&mut solo, 3, 1, Hash([9; 32]), RefusalKind::Conflict);
    say(&mut solo, 3, 2, own, RefusalKind::Conflict);
    let identity = solo.bench.identities[1].clone();
    let kind = RefusalKind::Conflict;
    let mut forged = solo
        .bench
        .committee
        .sign_refusal(1, own, 1, kind, &identity);
    forged.voter = 3;
    solo.feed(Input::Refusal(forged));
    assert_eq!(refused(&solo), expected);
    assert_eq!(solo.faults(), 1);
    // Of another's proposal it is not.
    let mut solo = super::solo::solo(3);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.proposal(1, Extends { round: 0 }, &a);
    say(&mut solo, 1, 1, a_hash, RefusalKind::Conflict);
    assert_eq!(refused(&solo), []);
}

#[test]
fn c4_an_objection_is_no_divergence() {
    let mut solo = solo(3);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.verdicts.insert(a_hash, Verdict::Objected { rule: 4 });
    solo.proposal(1, Extends { round: 0 }, &a);
    assert!(!solo.has_cast(1, Notarize) && solo.has_cast(1, Nullify));
    let refusal = |(_, message): &(u8, GroupMessage)| {
        matches!(message, GroupMessage::Refusal(refusal)
        if refusal.kind == RefusalKind::Invalid { rule: 4 })
    };
    assert!(solo.sent().iter().any(refusal));
    // A quorum did not share it: the block stands, and is built on and proposed again.
    solo.certify(1, Notarize, a_hash);
    assert!(!solo.consensus.is_stopped());
    assert!(!solo.has_cast(1, Finalize), "it nullified");
    assert_eq!(solo.consensus.tip(), a_hash);
    solo.proposal(2, Repeats { round: 1 }, &a);
    assert!(solo.has_cast(2, Notarize));
    solo.certify(2, Notarize, a_hash);
    assert!(solo.has_cast(2, Finalize));
    solo.certify(2, Finalize, a_hash);
    assert_eq!((solo.finalized(), solo.consensus.is_stopped()), (1, false));
}
