//! C4: when own votes stop, and that they stay stopped.

use super::bench::block;
use super::solo::{Solo, solo};
use crate::consensus::eras::ERAS_KEPT;
use crate::consensus::{Finalized, Input, Output};
use crate::crypto::Hash;
use crate::wire::{Block, Parent, VoteKind};
use Parent::Extends;
use VoteKind::{Finalize, Notarize, Nullify};

fn told(solo: &Solo) -> Vec<String> {
    solo.out
        .iter()
        .filter_map(|output| match output {
            Output::Diverged { what } => Some(what.clone()),
            _ => None,
        })
        .collect()
}

/// Has `rounds` blocks committed, each in its round; gives them back with their hashes.
fn committed(solo: &mut Solo, rounds: u64) -> Vec<(Hash, Block)> {
    let mut parent = solo.bench.committee.epoch;
    let mut blocks = Vec::new();
    for round in 1..=rounds {
        let next = block(round, parent, parent, &[round]);
        parent = solo.hash(&next);
        solo.certify(round, Finalize, parent);
        solo.feed(Input::Body(next.clone()));
        assert_eq!(solo.consensus.finalized().height, round);
        blocks.push((parent, next));
    }
    blocks
}

#[test]
fn what_the_group_finds_stops_the_voter_for_good() {
    let mut solo = solo(3);
    solo.feed(Input::Work(true));
    solo.feed(Input::Diverged("another root".into()));
    solo.feed(Input::Diverged("again".into()));
    assert_eq!(told(&solo), ["another root"], "once");
    for _ in 0..2 {
        assert!(solo.consensus.is_stopped());
        assert_eq!(solo.consensus.divergence(), Some(("another root", None)));
        assert_eq!(solo.consensus.deadline(), None);
        assert_eq!(solo.consensus.waiting_for(), Vec::new());
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.feed(Input::Work(true));
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.certify(1, Notarize, a_hash);
        solo.wait(60_000);
        assert!(solo.cast().is_empty());
        solo.restart();
        assert_eq!(told(&solo), ["another root"], "and again after a restart");
    }
}

#[test]
fn a_vote_that_was_being_stored_does_not_leave_after_the_divergence() {
    let mut solo = solo(3);
    solo.stores = false;
    solo.proposal(1, Extends { round: 0 }, &solo.first(1));
    solo.feed(Input::Diverged("x".into()));
    assert_eq!(solo.waiting, [1, 2]);
    assert_eq!(solo.consensus.waiting_for(), [("store", Vec::new())]);
    solo.feed(Input::Stored { sequence: 1 });
    solo.feed(Input::Stored { sequence: 2 });
    assert!(solo.cast().is_empty());
}

#[test]
fn the_convicting_certificate_survives_a_restart() {
    let mut solo = solo(3);
    committed(&mut solo, 1);
    let rival = solo.certify(1, Finalize, Hash([8; 32]));
    solo.restart();
    let (_, certificate) = solo.consensus.divergence().unwrap();
    assert_eq!(certificate, Some(&rival));
}

#[test]
fn an_earlier_finalization_beside_the_chain_stops_the_voter() {
    // b of round 6 stands on a of round 2; c was repeated nowhere.
    for (round, own, stops) in [
        (2, true, false),
        (5, true, false),
        (5, false, true),
        (2, false, true),
        (1, false, true),
        (7, false, false),
    ] {
        for first in [false, true] {
            let mut solo = solo(3);
            let a = solo.first(1);
            let a_hash = solo.hash(&a);
            let b = block(2, a_hash, a_hash, &[2]);
            let b_hash = solo.hash(&b);
            let late = if own { a_hash } else { Hash([9; 32]) };
            if first && round < 6 {
                solo.certify(round, Finalize, late);
            }
            solo.certify(2, Notarize, a_hash);
            solo.certify(6, Finalize, b_hash);
            solo.feed(Input::Body(b));
            solo.feed(Input::Body(a));
            solo.certify(round, Finalize, late);
            let name = format!("{round} {own} {first}");
            assert_eq!(solo.consensus.is_stopped(), stops, "{name}");
            assert_eq!(told(&solo).len(), usize::from(stops), "{name}");
        }
    }
}

#[test]
fn a_forged_earlier_finalization_does_not() {
    let mut solo = solo(3);
    committed(&mut solo, 3);
    let forged = solo.bench.certificate(&[0, 1], 2, Finalize, Hash([9; 32]));
    solo.feed(Input::Certificates(vec![forged]));
    let nullified = solo.bench.certificate(&[0, 1, 2], 2, Nullify, Hash::ZERO);
    solo.feed(Input::Certificates(vec![nullified]));
    assert!(!solo.consensus.is_stopped());
    assert_eq!(solo.faults(), 1);
}

#[test]
fn finalizations_are_remembered_for_so_many_commits() {
    let kept = ERAS_KEPT as u64;
    for (back, stops) in [(kept - 2, true), (kept - 1, true), (kept, false)] {
        let mut solo = solo(3);
        let rounds = kept + 5;
        let blocks = committed(&mut solo, rounds);
        let round = rounds - back;
        solo.certify(round, Finalize, blocks[round as usize - 1].0);
        assert!(!solo.consensus.is_stopped());
        solo.certify(round, Finalize, Hash([9; 32]));
        assert_eq!(solo.consensus.is_stopped(), stops, "{back}");
    }
}

#[test]
fn what_sync_installs_must_agree_too() {
    let installed = |round: u64, height: u64, block: Option<Hash>| {
        let mut solo = solo(3);
        let blocks = committed(&mut solo, 5);
        let block = block.unwrap_or(blocks[4].0);
        let certificate = solo.bench.certificate(&[0, 1, 2], round, Finalize, block);
        solo.feed(Input::Installed(Finalized {
            height,
            block,
            round,
            certificate: Some(certificate),
        }));
        (
            solo.consensus.is_stopped(),
            solo.consensus.finalized().height,
        )
    };
    let other = Some(Hash([9; 32]));
    assert_eq!(installed(5, 5, None), (false, 5));
    assert_eq!(installed(7, 5, None), (false, 5));
    assert_eq!(installed(7, 6, other), (false, 6));
    assert_eq!(installed(7, 5, other), (true, 5), "later, yet no higher");
    assert_eq!(installed(7, 4, other), (true, 5), "later, yet lower");
    assert_eq!(installed(5, 9, other), (true, 5));
    assert_eq!(installed(4, 4, other), (true, 5));
}

#[test]
fn who_stopped_does_not_pile_up_what_the_others_do() {
    let mut solo = solo(3);
    solo.feed(Input::Diverged("x".into()));
    for round in 1..=200 {
        solo.certify(round, Finalize, Hash([7; 32]));
        for voter in 0..3 {
            solo.vote(voter, round, Nullify, Hash::ZERO);
        }
    }
    assert!(solo.consensus.rounds.len() <= 17);
    assert!(solo.consensus.storage.take().0.len() <= 17);
}
