//! What is explored.

use super::*;

fn model(rounds: usize, liar: impl Into<Option<u8>>) -> Model {
    Model {
        rounds,
        liar: liar.into(),
        rules: InForce::default(),
        forgetful: false,
        states_max: 3_000_000,
    }
}

fn report(what: &str, explored: &Explored) {
    println!(
        "{what}: {} states, {} steps, {} with a commit, height {}, {}, fork: {:?}",
        explored.states,
        explored.steps,
        explored.committed,
        explored.height,
        if explored.complete { "all" } else { "not all" },
        explored.fork,
    );
}

fn agrees(rounds: usize, liar: impl Into<Option<u8>>) {
    let liar = liar.into();
    let explored = explore(&model(rounds, liar));
    report(&format!("{rounds} rounds, {liar:?} lies"), &explored);
    assert_eq!(explored.fork, None);
    assert!(explored.complete, "everything was explored");
    assert_eq!(explored.height, rounds, "every round can commit");
}

#[test]
fn two_rounds_agree_whoever_lies() {
    for liar in 0..4 {
        agrees(2, liar);
    }
}

#[test]
fn three_rounds_agree_when_the_first_leader_lies() {
    agrees(3, 0);
}

#[test]
fn three_rounds_agree_when_the_second_leader_lies() {
    agrees(3, 1);
}

#[test]
fn three_rounds_agree_when_the_third_leader_lies() {
    agrees(3, 2);
}

#[test]
fn three_rounds_agree_when_a_voter_lies() {
    agrees(3, 3);
}

#[test]
fn three_voters_of_whom_none_lies_agree_by_majority() {
    agrees(2, None);
    agrees(3, None);
}

#[test]
fn three_voters_that_forget_their_votes_fork() {
    let forgetful = Model {
        forgetful: true,
        ..model(2, None)
    };
    assert!(explore(&forgetful).fork.is_some());
}

#[test]
fn the_bound_is_kept() {
    let bounded = Model {
        states_max: 100,
        ..model(3, 0)
    };
    let explored = explore(&bounded);
    assert!(!explored.complete && explored.states <= 200);
}

#[test]
fn voters_that_forget_their_votes_fork() {
    let forgetful = Model {
        forgetful: true,
        ..model(2, 1)
    };
    let explored = explore(&forgetful);
    report("forgetful", &explored);
    assert!(explored.fork.is_some());
}

/// The sentences that stand between a liar and a fork, and those that do not: they keep the
/// group going, or concern what this model leaves out.
#[cfg(feature = "mask")]
#[test]
fn sentences_that_prevent_forks() {
    use althing::consensus::RuleMask;
    let table = [
        (Sentence::FirstProposal, true),
        (Sentence::ParentNotarized, true),
        (Sentence::VoterGaps, true),
        (Sentence::FinalizeNotarized, true),
        (Sentence::NoFinalizeAfterNullify, true),
        (Sentence::NoNullifyAfterFinalize, true),
        (Sentence::NoFastPath, true),
        (Sentence::CurrentRound, false),
        (Sentence::TimersStop, false),
        (Sentence::NotarizationMoves, false),
        (Sentence::NullificationMoves, false),
        (Sentence::NotarizeAndNullify, false),
    ];
    for (sentence, forks) in table {
        let found = (0..4).any(|liar| {
            let masked = Model {
                rules: InForce::except(RuleMask::default().without(sentence)),
                ..model(2, liar)
            };
            let explored = explore(&masked);
            report(&format!("without {sentence:?}, {liar} lies"), &explored);
            explored.fork.is_some()
        });
        assert_eq!(found, forks, "{sentence:?}");
    }
}
