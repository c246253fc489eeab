//! Single rules beyond C3 to C7, and the limits.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::bench::{Bench, block};
use super::solo::{Solo, solo};
use crate::config::ConsensusConfig;
use crate::consensus::{Input, Output, Verdict};
use crate::crypto::{Hash, Signature};
use crate::wire::{
    BoundedVec, Certificate, Fetch, GroupMessage, Mode, Parent, RefusalKind, Vote, VoteKind,
    VoteStatement,
};
use Parent::{Extends, Repeats};
use VoteKind::{Finalize, Notarize, Nullify};

/// Authors of spread votes.
fn spread(solo: &Solo) -> Vec<u8> {
    solo.out
        .iter()
        .filter_map(|output| match output {
            Output::Spread {
                author,
                message: GroupMessage::Votes(_),
            } => Some(*author),
            _ => None,
        })
        .collect()
}

#[test]
fn c1_a_leader_that_was_silent_for_n_rounds_has_no_patience_left() {
    let mut solo = solo(3);
    // Leader 0 is dead; in round 1 nobody knows.
    solo.feed(Input::Work(true));
    solo.wait(499);
    assert!(!solo.has_cast(1, Nullify));
    solo.wait(2);
    assert!(solo.has_cast(1, Nullify));
    for voter in [1, 2] {
        solo.vote(voter, 1, Nullify, Hash::ZERO);
    }
    solo.feed(Input::Work(false));
    let mut parent = solo.bench.committee.epoch;
    for round in [2, 3] {
        let next = block(round - 1, parent, parent, &[round]);
        parent = solo.hash(&next);
        let below = if round == 2 { 0 } else { 2 };
        solo.proposal(round, Extends { round: below }, &next);
        for voter in [1, 2] {
            solo.vote(voter, round, Notarize, parent);
            solo.vote(voter, round, Finalize, parent);
        }
    }
    for voter in [1, 2] {
        solo.vote(voter, 4, Nullify, Hash::ZERO);
    }
    assert_eq!(solo.consensus.round(), 5);
    assert_eq!(solo.consensus.finalized().height, 2);
    // Now everybody knows.
    solo.feed(Input::Work(true));
    assert!(solo.has_cast(5, Nullify));
    // A vote of his brings him back, whatever it says.
    let mut solo = solo;
    for voter in [0, 1, 2] {
        solo.vote(voter, 5, Nullify, Hash::ZERO);
    }
    for round in 6..9 {
        for voter in [1, 2] {
            solo.vote(voter, round, Nullify, Hash::ZERO);
        }
    }
    assert_eq!(solo.consensus.round(), 9);
    solo.feed(Input::Timeout);
    assert!(!solo.has_cast(9, Nullify));
}

#[test]
fn c2_without_work_nothing_runs() {
    let mut solo = solo(3);
    assert_eq!(solo.consensus.deadline(), None);
    solo.feed(Input::Work(true));
    assert!(solo.consensus.deadline().is_some());
    solo.feed(Input::Work(false));
    assert_eq!(solo.consensus.deadline(), None);
    solo.wait(60_000);
    assert!(solo.out.is_empty());
    // Timers start from the wake-up.
    solo.feed(Input::Work(true));
    solo.wait(499);
    assert!(solo.cast().is_empty());
}

#[test]
fn c2_a_vote_for_this_round_is_work() {
    let mut solo = solo(3);
    solo.vote(1, 1, Nullify, Hash::ZERO);
    solo.wait(501);
    assert!(solo.has_cast(1, Nullify));
}

#[test]
fn c2_an_unfinal_block_is_proposed_again_after_3d() {
    let mut solo = solo(1);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.proposal(1, Extends { round: 0 }, &a);
    solo.certify(1, Notarize, a_hash);
    solo.wait(749);
    assert!(solo.proposed().is_empty());
    solo.wait(2);
    let proposed = solo.proposed();
    assert_eq!(proposed.len(), 1);
    assert_eq!(
        (proposed[0].round, proposed[0].parent),
        (2, Repeats { round: 1 })
    );
    assert_eq!(solo.hash(&proposed[0].block), a_hash);
    assert!(solo.has_cast(2, Notarize));
    // Its finalization in that round commits it.
    solo.certify(2, Finalize, a_hash);
    assert_eq!(solo.consensus.finalized().round, 2);
    assert_eq!(solo.finalized(), 1);
}

#[test]
fn c2_a_leader_without_anything_to_propose_ends_its_round_at_once() {
    let mut solo = solo(0);
    solo.vote(1, 1, Nullify, Hash::ZERO);
    assert!(solo.has_cast(1, Nullify));
    assert!(solo.proposed().is_empty());
}

#[test]
fn a_round_that_cannot_be_finalized_is_not_waited_for() {
    let mut solo = solo(3);
    solo.vote(1, 1, Nullify, Hash::ZERO);
    assert!(!solo.has_cast(1, Nullify));
    solo.vote(2, 1, Nullify, Hash::ZERO);
    assert!(solo.has_cast(1, Nullify));
    assert_eq!(solo.consensus.round(), 2);
}

#[test]
fn c3_the_leader_does_not_wait_for_the_finalization() {
    let mut solo = solo(1);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.feed(Input::Work(true));
    solo.proposal(1, Extends { round: 0 }, &a);
    solo.vote(0, 1, Notarize, a_hash);
    assert!(solo.proposed().is_empty());
    solo.vote(2, 1, Notarize, a_hash);
    let proposed = solo.proposed();
    assert_eq!(proposed[0].parent, Extends { round: 1 });
    // Proposal, its notarize and the finalize of the round before share one batch.
    assert!(solo.has_cast(1, Finalize) && solo.has_cast(2, Notarize));
}

#[test]
fn c4_a_proposal_before_its_parents_notarization_is_held() {
    let mut solo = solo(3);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    let b = block(2, a_hash, a_hash, &[2]);
    let b_hash = solo.hash(&b);
    solo.proposal(2, Extends { round: 1 }, &b);
    solo.proposal(1, Extends { round: 0 }, &a);
    assert!(!solo.has_cast(2, Notarize));
    solo.certify(1, Notarize, a_hash);
    assert!(solo.cast().contains(&VoteStatement {
        round: 2,
        kind: Notarize,
        block: b_hash
    }));
}

#[test]
fn c4_what_a_proposal_lacks_is_asked_for() {
    let mut solo = solo(3);
    let b = block(2, Hash([1; 32]), Hash([1; 32]), &[2]);
    solo.nullified(1);
    solo.proposal(2, Extends { round: 1 }, &b);
    assert!(solo.sent().is_empty(), "most of it is only late");
    solo.wait(70);
    let sent = solo.sent();
    assert!(sent.iter().any(|(to, message)| *to == 1
        && matches!(message, GroupMessage::Refusal(refusal) if refusal.kind == RefusalKind::Conflict)));
    assert!(sent.contains(&(1, GroupMessage::Fetch(Fetch::Votes { from: 2 }))));
}

#[test]
fn c4_a_missing_body_is_asked_for_and_then_finalized() {
    let mut solo = solo(3);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.certify(1, Notarize, a_hash);
    solo.wait(70);
    let need = Output::NeedBody {
        block: a_hash,
        from: vec![0, 1, 2],
    };
    assert!(solo.out.contains(&need));
    solo.feed(Input::Body(solo.first(9)));
    assert!(
        solo.consensus.body(&a_hash).is_none(),
        "another body is not kept"
    );
    solo.feed(Input::Body(a));
    assert!(solo.has_cast(1, Finalize));
}

#[test]
fn c4_busy_and_missing_are_tried_again() {
    for verdict in [Verdict::Busy { retry_after_ms: 50 }, Verdict::Missing] {
        let mut solo = solo(3);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.verdicts.insert(a_hash, verdict);
        solo.proposal(1, Extends { round: 0 }, &a);
        assert!(solo.cast().is_empty());
        solo.verdicts.clear();
        solo.wait(200);
        assert!(solo.has_cast(1, Notarize));
    }
}

#[test]
fn c4_structure_is_checked() {
    let genesis = solo(3).bench.committee.epoch;
    let table = [
        (Extends { round: 1 }, block(1, genesis, genesis, &[1])),
        (Extends { round: 0 }, block(2, genesis, genesis, &[1])),
        (Extends { round: 0 }, block(0, genesis, genesis, &[1])),
        (Extends { round: 0 }, block(1, Hash([9; 32]), genesis, &[1])),
        (Repeats { round: 0 }, block(1, genesis, genesis, &[1])),
        (
            Extends { round: u64::MAX },
            block(1, genesis, genesis, &[1]),
        ),
    ];
    for (parent, block) in table {
        let mut solo = solo(3);
        solo.proposal(1, parent, &block);
        assert!(!solo.has_cast(1, Notarize), "{parent:?}");
        assert!(solo.has_cast(1, Nullify), "{parent:?}");
        let refusals = solo.sent();
        assert!(
            matches!(&refusals[..], [(0, GroupMessage::Refusal(_))]),
            "{parent:?}"
        );
    }
}

#[test]
fn c6_d_is_measured_between_its_bounds() {
    let config = ConsensusConfig::default();
    let mut solo = Solo::new(3, &config);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.proposal(1, Extends { round: 0 }, &a);
    solo.wait(400);
    solo.certify(1, Notarize, a_hash);
    solo.feed(Input::Work(true));
    // mean 400 ms and deviation 200 ms: D is 1200 ms.
    solo.wait(2399);
    assert!(!solo.has_cast(2, Nullify));
    solo.wait(2);
    assert!(solo.has_cast(2, Nullify));
}

#[test]
fn c7_quorum_edges() {
    for (signers, moves) in [(2, false), (3, true), (4, true)] {
        let mut solo = solo(3);
        let voters: Vec<u8> = (0..signers).collect();
        let certificate = solo.bench.certificate(&voters, 1, Nullify, Hash::ZERO);
        solo.feed(Input::Certificates(vec![certificate]));
        assert_eq!(solo.consensus.round() == 2, moves);
        assert_eq!(solo.faults() == 0, moves);
    }
}

#[test]
fn certificates_that_are_none() {
    let bench = Bench::new(4, Mode::Bft);
    let good = bench.certificate(&[0, 1, 2], 1, Notarize, Hash([1; 32]));
    let with = |signatures: Vec<(u8, Signature)>| Certificate {
        statement: good.statement,
        signatures: BoundedVec::from_vec(signatures).unwrap(),
    };
    let s = good.signatures.to_vec();
    let mut bad = vec![
        with(vec![s[0], s[1], s[1]]),
        with(vec![s[1], s[0], s[2]]),
        with(vec![s[0], s[1], (4, s[2].1)]),
        with(vec![s[0], s[1], (3, s[2].1)]),
        with(vec![s[0], s[1], (2, Signature::ZERO)]),
        bench.certificate(&[0, 1, 2], 1, Nullify, Hash([1; 32])),
        bench.certificate(&[0, 1, 2], 1, Notarize, Hash::ZERO),
        bench.certificate(&[0, 1, 2], 0, Notarize, Hash([1; 32])),
        bench.certificate(&[0, 1, 2], u64::MAX, Notarize, Hash([1; 32])),
    ];
    let mut other_round = good.clone();
    other_round.statement.round = 2;
    bad.push(other_round);
    for certificate in bad {
        assert!(
            !bench.committee.verify_certificate(&certificate),
            "{certificate:?}"
        );
        let mut solo = solo(3);
        solo.feed(Input::Certificates(vec![certificate]));
        assert_eq!(solo.consensus.round(), 1);
    }
    assert!(bench.committee.verify_certificate(&good));
}

#[test]
fn c10_evidence_is_exactly_this() {
    let (x, y) = (Hash([1; 32]), Hash([2; 32]));
    let z = Hash::ZERO;
    let table = [
        ((Notarize, x), (Notarize, y), true),
        ((Finalize, x), (Finalize, y), true),
        ((Finalize, x), (Nullify, z), true),
        ((Nullify, z), (Finalize, x), true),
        ((Notarize, x), (Finalize, y), false),
        ((Notarize, x), (Nullify, z), false),
        ((Notarize, x), (Finalize, x), false),
        ((Notarize, x), (Notarize, x), false),
    ];
    for (one, other, convicts) in table {
        let mut solo = solo(3);
        solo.vote(1, 1, one.0, one.1);
        solo.vote(1, 1, other.0, other.1);
        let expected = if convicts { vec![1] } else { Vec::new() };
        assert_eq!(solo.evidence(), expected, "{one:?} {other:?}");
        // Once.
        solo.vote(1, 1, other.0, other.1);
        assert_eq!(solo.evidence(), expected);
        // In two rounds it is honest.
        let mut solo = super::solo::solo(3);
        solo.vote(1, 1, one.0, one.1);
        solo.vote(1, 2, other.0, other.1);
        assert_eq!(solo.evidence(), Vec::<u8>::new());
    }
}

#[test]
fn c10_two_proposals_convict() {
    let mut solo = solo(3);
    let a = solo.first(1);
    solo.proposal(1, Extends { round: 0 }, &a);
    solo.proposal(1, Extends { round: 0 }, &a);
    assert_eq!(solo.evidence(), Vec::<u8>::new());
    solo.proposal(1, Repeats { round: 0 }, &a);
    assert_eq!(solo.evidence(), [0]);
    let spread = solo.out.iter().filter(|output| {
        matches!(
            output,
            Output::Spread {
                message: GroupMessage::Proposal(_),
                ..
            }
        )
    });
    assert_eq!(spread.count(), 2, "the others get to see both");
}

#[test]
fn c12_votes_are_given_out_once_and_two_of_a_kind_are_kept() {
    let mut solo = solo(3);
    let first = solo.vote(1, 1, Notarize, Hash([1; 32]));
    assert_eq!(spread(&solo), [1]);
    solo.feed(Input::Votes(vec![first]));
    assert_eq!(spread(&solo), [1], "once");
    solo.vote(1, 1, Notarize, Hash([2; 32]));
    assert_eq!(spread(&solo), [1, 1], "the second convicts");
    solo.vote(1, 1, Notarize, Hash([3; 32]));
    assert_eq!(spread(&solo), [1, 1], "the third is dropped");
    let kept: usize = solo
        .consensus
        .votes_from(0)
        .iter()
        .map(|message| match message {
            GroupMessage::Votes(votes) => votes.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(kept, 2);
}

#[test]
fn c12_votes_are_kept_up_to_rounds_ahead_max() {
    let ahead = ConsensusConfig::default().rounds_ahead_max;
    for (round, kept) in [(ahead, true), (ahead + 1, true), (ahead + 2, false)] {
        let mut solo = solo(3);
        solo.vote(1, round, Nullify, Hash::ZERO);
        assert_eq!(!spread(&solo).is_empty(), kept, "{round}");
        solo.wait(70);
        let ask = (1, GroupMessage::Fetch(Fetch::Votes { from: 1 }));
        assert!(solo.sent().contains(&ask), "whoever is ahead is asked");
    }
}

#[test]
fn strangers_and_forgers_change_nothing() {
    let mut solo = solo(3);
    let good = solo.bench.vote(1, 1, Nullify, Hash::ZERO);
    let forged = [
        Vote { voter: 2, ..good },
        Vote { voter: 4, ..good },
        Vote { voter: 255, ..good },
        Vote {
            signature: Signature::ZERO,
            ..good
        },
        Vote {
            statement: VoteStatement {
                round: 2,
                ..good.statement
            },
            ..good
        },
        solo.bench.vote(1, 1, Nullify, Hash([1; 32])),
        solo.bench.vote(1, 1, Notarize, Hash::ZERO),
        solo.bench.vote(1, 0, Nullify, Hash::ZERO),
    ];
    for (count, vote) in forged.into_iter().enumerate() {
        solo.feed(Input::Votes(vec![vote]));
        assert_eq!(solo.faults(), count + 1, "{vote:?}");
    }
    assert!(spread(&solo).is_empty());
    let mut proposal = solo.bench.propose(1, Extends { round: 0 }, solo.first(1));
    proposal.signature = Signature::ZERO;
    solo.feed(Input::Proposal(proposal));
    assert!(solo.cast().is_empty());
    assert_eq!(solo.consensus.deadline(), None, "none of it is work");
}

#[test]
fn two_finalizations_in_one_round_stop_the_voter() {
    let mut solo = solo(3);
    let a = solo.first(1);
    let a_hash = solo.hash(&a);
    solo.proposal(1, Extends { round: 0 }, &a);
    solo.certify(1, Finalize, a_hash);
    assert!(!solo.consensus.is_stopped());
    solo.certify(1, Finalize, Hash([8; 32]));
    assert!(solo.consensus.is_stopped());
    assert_eq!(solo.consensus.deadline(), None);
}

#[test]
fn a_finalization_beside_the_chain_stops_the_voter() {
    let mut solo = solo(3);
    let (a, b) = (solo.first(1), solo.first(2));
    let (a_hash, b_hash) = (solo.hash(&a), solo.hash(&b));
    solo.proposal(1, Extends { round: 0 }, &a);
    solo.certify(1, Finalize, a_hash);
    let c = block(2, b_hash, b_hash, &[3]);
    solo.certify(2, Finalize, solo.hash(&c));
    solo.feed(Input::Body(c));
    solo.feed(Input::Body(b));
    assert!(solo.consensus.is_stopped());
}

#[test]
fn one_voter_orders_alone() {
    let bench = Bench::new(1, Mode::Majority);
    let mut solo = Solo::of(bench, 0, true, &ConsensusConfig::default());
    solo.feed(Input::Work(true));
    assert_eq!(solo.consensus.finalized().height, 20);
    solo.feed(Input::Work(false));
    assert_eq!(solo.consensus.waiting_for(), Vec::new());
}

/// Anything a peer could say, well signed or not.
fn any_input() -> impl Strategy<Value = (u8, u64, u8, u8, u8, bool)> {
    let round = prop_oneof![0u64..6, Just(17), Just(18), Just(u64::MAX), Just(1 << 62)];
    (0u8..5, round, 0u8..6, 0u8..4, 0u8..6, any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever members say, well signed, an honest voter casts at most one of {finalize, nullify}
    /// and one notarize a round, panics never and keeps its tables bounded.
    #[test]
    fn anything_that_members_say_is_survived(inputs in prop::collection::vec(any_input(), 1..80)) {
        let mut solo = solo(3);
        let genesis = solo.bench.committee.epoch;
        let blocks: Vec<_> = (0..4u64).map(|id| block(1 + id % 2, genesis, genesis, &[id])).collect();
        for (what, round, member, kind, pick, good) in inputs {
            let block = blocks[usize::from(pick) % 4].clone();
            let hash = if pick < 4 { solo.hash(&block) } else { Hash::ZERO };
            let kind = [Notarize, Nullify, Finalize][usize::from(kind) % 3];
            let signer = member % 3;
            match what {
                0 => {
                    let mut vote = solo.bench.vote(signer, round, kind, hash);
                    if !good && member != 3 {
                        vote.voter = member;
                    }
                    solo.feed(Input::Votes(vec![vote]));
                }
                1 => {
                    let voters: Vec<u8> = (0..member.min(4)).collect();
                    let hash = if kind == Nullify { Hash::ZERO } else { hash };
                    let certificate = solo.bench.certificate(&voters, round, kind, hash);
                    solo.feed(Input::Certificates(vec![certificate]));
                }
                2 => {
                    let below = u64::from(pick);
                    let parent = if good { Extends { round: below } } else { Repeats { round: below } };
                    let leader = solo.bench.committee.leader(round);
                    if leader != 3 {
                        let proposal = solo.bench.propose_as(leader, round, parent, block);
                        solo.feed(Input::Proposal(proposal));
                    }
                }
                3 => solo.feed(Input::Body(block)),
                _ => {
                    solo.feed(Input::Work(good));
                    solo.wait(u64::from(pick) * 100);
                }
            }
        }
        let mut cast: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
        for vote in solo.cast() {
            let counts = cast.entry(vote.round).or_default();
            match vote.kind {
                Notarize => counts.0 += 1,
                Nullify | Finalize => counts.1 += 1,
            }
        }
        prop_assert!(cast.values().all(|(notarizes, others)| *notarizes <= 1 && *others <= 1));
    }
}
