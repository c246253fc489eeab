//! C8 and C9: what the disk, the repetitions and the others give back.

use super::bench::{Bench, block};
use super::solo::{Solo, solo};
use crate::config::ConsensusConfig;
use crate::consensus::{Finalized, Input, Output};
use crate::crypto::Hash;
use crate::wire::{GroupMessage, Mode, Parent, VoteKind};
use Parent::Extends;
use VoteKind::{Finalize, Notarize, Nullify};

/// Messages that were repeated.
fn repeated(solo: &Solo) -> Vec<GroupMessage> {
    solo.out
        .iter()
        .filter_map(|output| match output {
            Output::Repeat { message } => Some(message.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn c8_nothing_leaves_before_it_is_stored() {
    let mut solo = solo(0);
    solo.stores = false;
    solo.feed(Input::Work(true));
    assert_eq!(solo.waiting, [1], "proposal and vote are one batch");
    assert!(solo.proposed().is_empty() && solo.cast().is_empty());
    solo.wait(5_000);
    let leaks = |message: &GroupMessage| {
        matches!(message, GroupMessage::Proposal(_) | GroupMessage::Votes(_))
    };
    assert!(!solo.consensus.votes_from(0).iter().any(leaks));
    assert!(!repeated(&solo).iter().any(leaks));
    solo.feed(Input::Stored { sequence: 1 });
    assert_eq!(solo.proposed().len(), 1);
    assert!(solo.has_cast(1, Notarize));
    solo.feed(Input::Stored { sequence: 1 });
    solo.feed(Input::Stored { sequence: 77 });
    assert_eq!(solo.proposed().len(), 1);
}

#[test]
fn c8_who_waits_for_the_store_says_so_and_votes_on_behind_it() {
    let mut solo = solo(3);
    let a = solo.first(1);
    solo.stores = false;
    solo.proposal(1, Extends { round: 0 }, &a);
    let store = ("store", Vec::new());
    assert!(solo.consensus.waiting_for().contains(&store));
    solo.wait(2_000);
    assert_eq!(solo.waiting, [1, 2], "the nullify waits behind");
    assert!(solo.cast().is_empty() && repeated(&solo).is_empty());
    solo.feed(Input::Stored { sequence: 1 });
    assert!(solo.has_cast(1, Notarize) && !solo.has_cast(1, Nullify));
    assert!(solo.consensus.waiting_for().contains(&store));
    solo.feed(Input::Stored { sequence: 2 });
    assert!(solo.has_cast(1, Nullify));
    assert!(!solo.consensus.waiting_for().contains(&store));
}

#[test]
fn c8_who_abstains_gives_the_store_nothing_to_delete() {
    let bench = Bench::new(4, Mode::Bft);
    let mut solo = Solo::of(bench, 3, false, &ConsensusConfig::default());
    solo.feed(Input::Timeout);
    assert_eq!(solo.disk.len(), 1, "that it cannot prove its store");
    let mut parent = solo.bench.committee.epoch;
    for round in 1..=40 {
        let next = block(round, parent, parent, &[round]);
        parent = solo.hash(&next);
        solo.certify(round, Notarize, parent);
        solo.certify(round, Finalize, parent);
        solo.feed(Input::Body(next));
    }
    assert_eq!(solo.consensus.finalized().height, 40);
    let (puts, deletes) = solo.consensus.storage.take();
    assert_eq!((puts.len(), deletes.len()), (1, 0), "the last finalization");
}

#[test]
fn c8_a_restart_repeats_and_never_casts_differently() {
    let mut solo = solo(3);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.proposal(1, Extends { round: 0 }, &a);
    assert!(solo.has_cast(1, Notarize));
    solo.restart();
    let own = solo.bench.vote(3, 1, Notarize, a_hash);
    assert!(
        repeated(&solo)
            .iter()
            .any(|message| matches!(message, GroupMessage::Votes(votes) if votes.contains(&own)))
    );
    // The leader's other face comes first now.
    let b = solo.first(2);
    solo.proposal(1, Extends { round: 0 }, &b);
    assert!(solo.cast().is_empty());
    solo.certify(1, Notarize, a_hash);
    assert!(solo.has_cast(1, Finalize), "the body was executed again");
}

#[test]
fn c8_votes_that_others_send_back_bind_a_phone_that_lost_its_store() {
    let mut solo = solo(3);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.proposal(1, Extends { round: 0 }, &a);
    assert!(solo.has_cast(1, Notarize));
    solo.disk.clear();
    solo.restart();
    solo.vote(3, 1, Notarize, a_hash);
    let b = solo.first(2);
    let forged = crate::wire::Vote {
        voter: 3,
        ..solo.bench.vote(0, 2, Nullify, Hash::ZERO)
    };
    solo.feed(Input::Votes(vec![forged]));
    solo.proposal(1, Extends { round: 0 }, &b);
    solo.wait(10_000);
    let others: Vec<_> = solo
        .cast()
        .into_iter()
        .filter(|vote| vote.block != a_hash)
        .collect();
    assert_eq!(others, [], "what else it said in round 1 is not known");
    solo.nullified(1);
    let c = solo.first(3);
    solo.proposal(2, Extends { round: 0 }, &c);
    assert!(solo.has_cast(2, Notarize), "the next round is open");
    assert!(solo.disk.values().any(|value| {
        let own = solo.bench.vote(3, 1, Notarize, a_hash);
        *value == crate::wire::encode(&own)
    }));
}

#[test]
fn c8_the_last_round_before_a_restart_stays_open() {
    let mut solo = solo(3);
    let a = solo.first(1);
    solo.proposal(1, Extends { round: 0 }, &a);
    solo.restart();
    // The leader showed its block to nobody else and died: without this nullify the round never
    // ends.
    solo.wait(10_000);
    assert!(solo.has_cast(1, Nullify));
}

#[test]
fn c8_nothing_is_cast_up_to_the_stored_finalization() {
    use crate::consensus::safety::Ledger;
    let mut ledger = Ledger::default();
    ledger.prune(5);
    assert_eq!(ledger.closed(), 5);
    ledger.prune(3);
    assert_eq!(ledger.closed(), 5);
    let mut solo = solo(3);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.proposal(1, Extends { round: 0 }, &a);
    solo.certify(1, Finalize, a_hash);
    assert_eq!(solo.consensus.ledger.closed(), 1);
}

#[test]
fn c8_a_leader_that_crashed_after_storing_proposes_the_same() {
    let mut solo = solo(0);
    solo.feed(Input::Work(true));
    let before = solo.proposed();
    solo.restart();
    solo.feed(Input::Work(true));
    solo.wait(1_000);
    assert!(solo.proposed().is_empty());
    let after: Vec<_> = repeated(&solo)
        .into_iter()
        .filter_map(|message| match message {
            GroupMessage::Proposal(proposal) => Some(proposal),
            _ => None,
        })
        .collect();
    assert!(!after.is_empty() && after.iter().all(|proposal| *proposal == before[0]));
}

#[test]
fn c8_a_voter_without_its_store_abstains_and_follows() {
    let bench = Bench::new(4, Mode::Bft);
    let mut solo = Solo::of(bench, 3, false, &ConsensusConfig::default());
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.feed(Input::Work(true));
    solo.proposal(1, Extends { round: 0 }, &a);
    solo.certify(1, Notarize, a_hash);
    solo.wait(30_000);
    assert!(solo.cast().is_empty() && repeated(&solo).is_empty());
    let asks = |(_, message): &(u8, GroupMessage)| matches!(message, GroupMessage::Fetch(_));
    assert!(solo.sent().iter().any(asks), "it asks instead");
    solo.certify(1, Finalize, a_hash);
    assert_eq!(solo.finalized(), 1);
}

#[test]
fn c8_what_is_decided_leaves_the_disk() {
    let mut solo = solo(3);
    let mut parent = solo.bench.committee.epoch;
    let mut most = 0;
    for round in 1..=40 {
        if solo.bench.committee.leader(round) == 3 {
            solo.nullified(round);
            continue;
        }
        let height = solo.consensus.finalized().height + 1;
        let next = block(height, parent, parent, &[round]);
        parent = solo.hash(&next);
        let below = solo.consensus.finalized().round;
        solo.proposal(round, Extends { round: below }, &next);
        solo.certify(round, Notarize, parent);
        solo.certify(round, Finalize, parent);
        most = most.max(solo.disk.len());
    }
    assert_eq!(solo.consensus.finalized().height, 30);
    assert!(most <= 12, "{most} records");
    assert_eq!(solo.consensus.deadline(), None);
}

#[test]
fn c9_votes_of_undecided_rounds_are_repeated_with_back_off() {
    let mut solo = solo(3);
    solo.nullified(1);
    solo.feed(Input::Work(true));
    solo.wait(60_000);
    let repeats = repeated(&solo)
        .iter()
        .filter(|message| match message {
            GroupMessage::Votes(votes) => {
                assert_eq!(votes.len(), 1);
                true
            }
            _ => false,
        })
        .count();
    assert!((8..=14).contains(&repeats), "{repeats}");
    let opening = |message: &GroupMessage| {
        matches!(message, GroupMessage::Certificates(certificates)
            if certificates[0].statement.round == 1)
    };
    assert!(
        repeated(&solo).iter().any(opening),
        "with what opened the round"
    );
}

#[test]
fn c9_a_vote_for_an_older_round_is_answered_once_and_not_when_it_is_only_late() {
    let mut solo = solo(3);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.proposal(1, Extends { round: 0 }, &a);
    for voter in [0, 1] {
        solo.vote(voter, 1, Notarize, a_hash);
        solo.vote(voter, 1, Finalize, a_hash);
    }
    assert_eq!(solo.consensus.finalized().height, 1);
    let late = solo.vote(2, 1, Notarize, a_hash);
    assert!(solo.sent().is_empty(), "it was in the air");
    solo.feed(Input::Votes(vec![late]));
    let answers = solo.sent();
    assert!(
        matches!(&answers[..], [(2, GroupMessage::Certificates(certificates))]
        if certificates[0].statement.kind == Finalize)
    );
    solo.feed(Input::Votes(vec![late]));
    assert_eq!(solo.sent().len(), 1, "not twice in a row");
    solo.wait(400);
    solo.vote(2, 1, Nullify, Hash::ZERO);
    assert_eq!(solo.sent().len(), 2);
}

#[test]
fn a_finalization_without_bodies_asks_for_blocks_and_goes_on_from_what_sync_installs() {
    let mut solo = solo(3);
    let far = Hash([5; 32]);
    let certificate = solo.certify(200, Finalize, far);
    assert_eq!(solo.consensus.round(), 201);
    solo.wait(70);
    let asked =
        |output: &Output| matches!(output, Output::NeedBlocks { from } if *from == [0, 1, 2]);
    assert!(solo.out.iter().any(asked));
    assert_eq!(solo.finalized(), 0);
    solo.feed(Input::Installed(Finalized {
        height: 180,
        block: far,
        round: 200,
        certificate: Some(certificate),
    }));
    assert_eq!(solo.consensus.tip(), far);
    assert_eq!(solo.consensus.deadline(), None);
    // The next block stands on it.
    let next = block(181, far, far, &[1]);
    solo.proposal(201, Extends { round: 200 }, &next);
    assert!(solo.has_cast(201, Notarize));
}
