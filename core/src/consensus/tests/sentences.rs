//! Every sentence of C3 to C8: what holds with it, and, under the feature `mask`, that the same
//! does not hold without it.
//!
//! The voter is one of four (q = 3); the leader of round r has index (r − 1) mod 4.

use super::bench::block;
use super::lost::Lost;
use super::solo::Solo;
use crate::config::ConsensusConfig;
use crate::consensus::safety::{Cast, Facts, approve};
use crate::consensus::{InForce, Output, Sentence, Verdict};
use crate::crypto::Hash;
use crate::wire::{GroupMessage, Parent, VoteKind, VoteStatement};
use Parent::{Extends, Repeats};
use VoteKind::{Finalize, Notarize, Nullify};

macro_rules! both_ways {
    ($($name:ident, $sentence:ident: $holds:expr;)*) => {$(
        #[test]
        fn $name() {
            let holds: fn(&ConsensusConfig) -> bool = $holds;
            assert!(holds(&ConsensusConfig::default()), "with the sentence");
            assert!(!has_effect(Sentence::$sentence, holds), "without the sentence");
        }
    )*

        #[test]
        fn every_sentence_is_tried() {
            let tried = [$(Sentence::$sentence),*];
            for bit in 0..=Sentence::RecoveringSilent as u8 {
                assert!(tried.iter().any(|sentence| *sentence as u8 == bit), "{bit}");
            }
        }
    };
}

/// Whether the same holds when the sentence is off. Always false where it cannot be switched.
#[cfg(feature = "mask")]
fn has_effect(sentence: Sentence, holds: fn(&ConsensusConfig) -> bool) -> bool {
    holds(&ConsensusConfig {
        mask: crate::consensus::RuleMask::default().without(sentence),
        ..ConsensusConfig::default()
    })
}

#[cfg(not(feature = "mask"))]
fn has_effect(_: Sentence, _: fn(&ConsensusConfig) -> bool) -> bool {
    false
}

both_ways! {
    c3_leader_proposes_on_its_highest_notarized_block, HighestParent: |config| {
        let mut solo = Solo::new(1, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.certify(1, Notarize, a_hash);
        solo.feed(super::Input::Work(true));
        solo.builds() == [(2, a_hash)]
    };
    c3_leader_holds_nullifications_between, LeaderGaps: |config| {
        let mut solo = Solo::new(2, config);
        solo.nullified(2);
        solo.feed(super::Input::Work(true));
        let before = solo.builds().is_empty();
        solo.nullified(1);
        before && solo.builds().len() == 1
    };
    c3_depth_is_capped, DepthCap: |config| {
        let mut solo = Solo::new(0, config);
        let mut parent = solo.bench.committee.epoch;
        for height in 1..=8 {
            let next = block(height, parent, parent, &[height]);
            parent = solo.hash(&next);
            solo.certify(height, Notarize, parent);
            solo.feed(super::Input::Body(next));
        }
        solo.feed(super::Input::Work(true));
        let proposed = solo.proposed();
        proposed.len() == 1 && proposed[0].round == 9 && proposed[0].parent == Repeats { round: 8 }
    };
    c4_only_in_the_current_round, CurrentRound: |config| {
        let vote = VoteStatement { round: 1, kind: Notarize, block: Hash([1; 32]) };
        let facts = Facts { round: 2, ..sound() };
        approve(&vote, Cast::default(), &facts, InForce::of(config)) == Err(Sentence::CurrentRound)
    };
    c4_only_what_the_leader_proposed, LeaderOnly: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let usurped = solo.bench.propose_as(2, 1, Extends { round: 0 }, a);
        solo.feed(super::Input::Proposal(usurped));
        !solo.has_cast(1, Notarize)
    };
    c4_only_the_first_proposal, FirstProposal: |config| {
        let mut solo = Solo::new(3, config);
        let (a, b) = (solo.first(1), solo.first(2));
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.proposal(1, Extends { round: 0 }, &b);
        let cast = solo.cast();
        cast.len() == 1 && cast[0].block == solo.hash(&a) && solo.evidence() == [0]
    };
    c4_only_with_the_parents_notarization, ParentNotarized: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.nullified(1);
        solo.proposal(2, Extends { round: 1 }, &block(2, a_hash, a_hash, &[2]));
        let before = !solo.has_cast(2, Notarize);
        solo.certify(1, Notarize, a_hash);
        before && solo.has_cast(2, Notarize)
    };
    c4_only_with_nullifications_between, VoterGaps: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.certify(1, Notarize, a_hash);
        let b = solo.first(2);
        solo.proposal(2, Extends { round: 0 }, &b);
        let before = !solo.has_cast(2, Notarize);
        solo.nullified(1);
        before && solo.has_cast(2, Notarize)
    };
    c4_only_with_the_body_stored, BodyStored: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.restart();
        solo.consensus.body(&a_hash).is_some_and(|(body, _)| body == a)
    };
    c4_only_if_own_execution_gives_the_root, RootMatches: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        solo.verdicts.insert(solo.hash(&a), Verdict::WrongRoot);
        solo.proposal(1, Extends { round: 0 }, &a);
        // It is refused, and the round is given up.
        !solo.has_cast(1, Notarize) && solo.has_cast(1, Nullify)
    };
    c4_parent_need_not_be_the_highest, AnyParent: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.certify(1, Notarize, a_hash);
        solo.nullified(1);
        let b = solo.first(2);
        solo.proposal(2, Extends { round: 0 }, &b);
        solo.has_cast(2, Notarize)
    };
    c4_a_refusal_is_told, RefusalTold: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        solo.verdicts.insert(solo.hash(&a), Verdict::Invalid { rule: 8 });
        solo.proposal(1, Extends { round: 0 }, &a);
        matches!(&solo.sent()[..], [(0, GroupMessage::Refusal(refusal))]
            if solo.bench.committee.verify_refusal(refusal))
    };
    c4_divergence_stops_the_voter, DivergedStops: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.verdicts.insert(a_hash, Verdict::WrongRoot);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.certify(1, Notarize, a_hash);
        let told = solo.out.iter().any(|output| matches!(output, Output::Diverged { .. }));
        let cast = solo.cast().len();
        solo.feed(super::Input::Work(true));
        solo.wait(60_000);
        told && solo.consensus.is_stopped() && solo.cast().len() == cast
    };
    c5_a_notarization_moves, NotarizationMoves: |config| {
        let mut solo = Solo::new(3, config);
        solo.certify(1, Notarize, Hash([1; 32]));
        solo.consensus.round() == 2
    };
    c5_finalize_needs_a_notarization, FinalizeNotarized: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.proposal(1, Extends { round: 0 }, &a);
        let before = solo.has_cast(1, Notarize) && !solo.has_cast(1, Finalize);
        solo.certify(1, Notarize, a_hash);
        before && solo.has_cast(1, Finalize)
    };
    c5_finalize_needs_execution, FinalizeExecuted: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.certify(1, Notarize, a_hash);
        let before = !solo.has_cast(1, Finalize);
        solo.feed(super::Input::Body(a));
        before && solo.has_cast(1, Finalize)
    };
    c5_no_finalize_after_nullify, NoFinalizeAfterNullify: |config| {
        let mut solo = Solo::new(3, config);
        solo.feed(super::Input::Work(true));
        solo.wait(600);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.certify(1, Notarize, a_hash);
        // Notarize after nullify is legal.
        solo.has_cast(1, Nullify) && solo.has_cast(1, Notarize) && !solo.has_cast(1, Finalize)
    };
    c6_no_nullify_after_finalize_across_restarts, NoNullifyAfterFinalize: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.certify(1, Notarize, a_hash);
        let finalized = solo.has_cast(1, Finalize);
        // Even a store that kept nothing but the votes does not cast the other one.
        solo.disk.retain(|key, _| key[0] == b'v');
        solo.restart();
        solo.feed(super::Input::Work(true));
        solo.wait(10_000);
        finalized && solo.consensus.round() == 1 && !solo.has_cast(1, Nullify)
    };
    c6_no_new_vote_below_the_last_of_before_a_restart, LedgerClosed: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.certify(1, Notarize, a_hash);
        solo.feed(super::Input::Work(true));
        solo.wait(1000);
        let nullified = solo.has_cast(2, Nullify);
        solo.restart();
        solo.feed(super::Input::Body(a));
        nullified && solo.consensus.round() == 2 && !solo.has_cast(1, Finalize)
    };
    c6_one_finalize_a_round, OneFinalize: |config| {
        let vote = VoteStatement { round: 1, kind: Finalize, block: Hash([1; 32]) };
        let cast = Cast { finalize: Some(Hash([2; 32])), ..Cast::default() };
        approve(&vote, cast, &sound(), InForce::of(config)) == Err(Sentence::OneFinalize)
    };
    c6_nullify_after_2d_of_silence, LeaderTimeout: |config| {
        let mut solo = Solo::new(3, config);
        solo.feed(super::Input::Work(true));
        solo.wait(499);
        let before = !solo.has_cast(1, Nullify);
        solo.wait(2);
        before && solo.has_cast(1, Nullify)
    };
    c6_nullify_after_3d_without_a_certificate, AdvanceTimeout: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.wait(749);
        let before = !solo.has_cast(1, Nullify);
        solo.wait(2);
        before && solo.has_cast(1, Nullify)
    };
    c6_back_off_by_consecutive_nullifications, BackOff: |config| {
        let mut solo = Solo::new(3, config);
        solo.nullified(1);
        solo.nullified(2);
        solo.feed(super::Input::Work(true));
        solo.wait(1999);
        let before = !solo.has_cast(3, Nullify);
        solo.wait(2);
        before && solo.has_cast(3, Nullify)
    };
    c6_timers_stop_on_leaving, TimersStop: |config| {
        let mut solo = Solo::new(3, config);
        solo.feed(super::Input::Work(true));
        solo.wait(400);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.certify(1, Notarize, a_hash);
        solo.wait(400);
        let before = !solo.has_cast(2, Nullify);
        solo.wait(101);
        before && solo.has_cast(2, Nullify)
    };
    c6_notarize_and_nullify_is_legal, NotarizeAndNullify: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.wait(1000);
        solo.has_cast(1, Notarize) && solo.has_cast(1, Nullify)
    };
    c7_a_nullification_moves, NullificationMoves: |config| {
        let mut solo = Solo::new(3, config);
        solo.nullified(1);
        solo.consensus.round() == 2
    };
    c7_a_finalization_commits_block_and_ancestors, FinalizationCommits: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        let b = block(2, a_hash, a_hash, &[2]);
        let b_hash = solo.hash(&b);
        solo.proposal(1, Extends { round: 0 }, &a);
        solo.certify(1, Notarize, a_hash);
        solo.proposal(2, Extends { round: 1 }, &b);
        solo.certify(2, Finalize, b_hash);
        let committed = solo.out.iter().find_map(|output| match output {
            Output::Finalized { blocks, .. } => Some(blocks.clone()),
            _ => None,
        });
        committed == Some(vec![(a_hash, a), (b_hash, b)]) && solo.consensus.finalized().height == 2
    };
    c7_notarizes_never_commit, NoFastPath: |config| {
        let mut solo = Solo::new(3, config);
        let a = solo.first(1);
        let a_hash = solo.hash(&a);
        solo.proposal(1, Extends { round: 0 }, &a);
        for voter in 0..3 {
            solo.vote(voter, 1, Notarize, a_hash);
        }
        solo.finalized() == 0
    };
    c8_votes_two_above_the_highest_answer, FloorTwoAbove: |config| {
        let mut lost = Lost::of(4, config);
        lost.answers(&[0, 1, 2], 3);
        lost.solo.nullified(3);
        lost.offer(4);
        let early = lost.solo.has_cast(4, Notarize);
        lost.solo.nullified(4);
        lost.offer(5);
        !early && lost.solo.has_cast(5, Notarize)
    };
    c8_asks_enough_others, EnoughAnswers: |config| {
        let mut lost = Lost::of(4, config);
        lost.answers(&[0, 1], 3);
        for round in 3..6 {
            lost.solo.nullified(round);
        }
        lost.offer(6);
        !lost.solo.has_cast(6, Notarize)
    };
    c8_below_its_floor_a_voter_is_silent, RecoveringSilent: |config| {
        let mut lost = Lost::of(4, config);
        lost.answers(&[0, 1, 2], 3);
        lost.is_asked(2);
        let early = lost.told().is_some();
        lost.solo.nullified(3);
        lost.solo.nullified(4);
        lost.solo.wait(1_000);
        lost.is_asked(2);
        !early && lost.told() == Some(5)
    };
}

/// Facts under which every vote is approved.
fn sound() -> Facts {
    Facts {
        round: 1,
        closed: 0,
        first_of_leader: true,
        parent_notarized: true,
        gaps_nullified: true,
        parent_highest: true,
        body_held: true,
        executed: true,
        notarized: true,
        answered: None,
        unanswered: false,
    }
}

#[test]
fn safety_names_the_sentence_that_forbids() {
    let rules = InForce::default();
    let block = Hash([1; 32]);
    let other = Some(Hash([2; 32]));
    let none = Cast::default();
    let nullified = Cast {
        nullify: true,
        ..none
    };
    let finalized = Cast {
        finalize: other,
        ..none
    };
    let notarized = Cast {
        notarize: other,
        ..none
    };
    let ask = |kind, cast, facts: Facts| {
        let block = if kind == Nullify { Hash::ZERO } else { block };
        let vote = VoteStatement {
            round: 1,
            kind,
            block,
        };
        approve(&vote, cast, &facts, rules)
    };
    use Sentence as S;
    let table = [
        (Notarize, none, sound(), Ok(())),
        (Notarize, nullified, sound(), Ok(())),
        (Notarize, notarized, sound(), Err(S::FirstProposal)),
        (
            Notarize,
            none,
            Facts {
                round: 2,
                ..sound()
            },
            Err(S::CurrentRound),
        ),
        (
            Notarize,
            none,
            Facts {
                first_of_leader: false,
                ..sound()
            },
            Err(S::LeaderOnly),
        ),
        (
            Notarize,
            none,
            Facts {
                parent_notarized: false,
                ..sound()
            },
            Err(S::ParentNotarized),
        ),
        (
            Notarize,
            none,
            Facts {
                gaps_nullified: false,
                ..sound()
            },
            Err(S::VoterGaps),
        ),
        (
            Notarize,
            none,
            Facts {
                parent_highest: false,
                ..sound()
            },
            Ok(()),
        ),
        (
            Notarize,
            none,
            Facts {
                body_held: false,
                ..sound()
            },
            Err(S::BodyStored),
        ),
        (
            Notarize,
            none,
            Facts {
                executed: false,
                ..sound()
            },
            Err(S::RootMatches),
        ),
        (
            Notarize,
            none,
            Facts {
                notarized: false,
                ..sound()
            },
            Ok(()),
        ),
        (
            Notarize,
            none,
            Facts {
                closed: 1,
                ..sound()
            },
            Err(S::LedgerClosed),
        ),
        (
            Nullify,
            none,
            Facts {
                closed: 1,
                ..sound()
            },
            Err(S::LedgerClosed),
        ),
        (
            Finalize,
            none,
            Facts {
                closed: 1,
                ..sound()
            },
            Err(S::LedgerClosed),
        ),
        (Nullify, none, sound(), Ok(())),
        (Nullify, notarized, sound(), Ok(())),
        (Nullify, finalized, sound(), Err(S::NoNullifyAfterFinalize)),
        (
            Nullify,
            none,
            Facts {
                round: 2,
                ..sound()
            },
            Err(S::TimersStop),
        ),
        (Finalize, none, sound(), Ok(())),
        (Finalize, notarized, sound(), Ok(())),
        (
            Finalize,
            none,
            Facts {
                round: 9,
                ..sound()
            },
            Ok(()),
        ),
        (Finalize, nullified, sound(), Err(S::NoFinalizeAfterNullify)),
        (Finalize, finalized, sound(), Err(S::OneFinalize)),
        (
            Finalize,
            none,
            Facts {
                notarized: false,
                ..sound()
            },
            Err(S::FinalizeNotarized),
        ),
        (
            Finalize,
            none,
            Facts {
                executed: false,
                ..sound()
            },
            Err(S::FinalizeExecuted),
        ),
    ];
    for (kind, cast, facts, expected) in table {
        assert_eq!(
            ask(kind, cast, facts),
            expected,
            "{kind:?} {cast:?} {facts:?}"
        );
    }
}
