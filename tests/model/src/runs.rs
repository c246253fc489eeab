//! What is explored, and which sentences are switched off in what.

use althing::consensus::{InForce, RuleMask, Sentence};

use super::{Model, Next};

/// A named exploration.
pub type Run = (&'static str, Model);

/// What becomes of the group without a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It forks.
    Safety,
    /// It stops.
    Liveness,
}

const STATES_MAX: usize = 6_000_000;
/// Of 56 bytes each, with what the set takes for itself: below 16 GiB.
const STATES_MAX_DEEP: usize = 100_000_000;

fn lossy(rounds: usize, opened: usize, losses: usize) -> Model {
    Model {
        opened,
        losses,
        ..Model::new(3, rounds, None)
    }
}

fn epoch(voters: usize, to: usize, rounds: (usize, usize), liar: Option<u8>) -> Model {
    Model {
        next: Some(Next {
            voters: to,
            rounds: rounds.1,
        }),
        ..Model::new(voters, rounds.0, liar)
    }
}

fn live(voters: usize, rounds: usize, liar: Option<u8>) -> Model {
    Model {
        live: true,
        ..Model::new(voters, rounds, liar)
    }
}

/// The explorations with every rule in force: two rounds, or three.
pub fn explorations(deep: bool) -> Vec<Run> {
    let rounds = if deep { 3 } else { 2 };
    let mut runs = vec![
        ("three voters, none lies", live(3, rounds, None)),
        (
            "four voters, the first leader lies",
            live(4, rounds, Some(0)),
        ),
        (
            "four voters, the second leader lies",
            live(4, rounds, Some(1)),
        ),
        (
            "four voters, the third leader lies",
            live(4, rounds, Some(2)),
        ),
        (
            "four voters, one that never leads lies",
            live(4, rounds, Some(3)),
        ),
        (
            "three voters, one store lost, rounds 2 and 3",
            lossy(3, 1, 1),
        ),
        (
            "three voters, one store lost, rounds 3 and 4",
            lossy(4, 2, 1),
        ),
        (
            "three voters, two stores lost, rounds 3 and 4",
            lossy(4, 2, 2),
        ),
        (
            "four voters, the first leader lies, one store lost",
            Model {
                losses: 1,
                ..Model::new(4, rounds, Some(0))
            },
        ),
        ("an epoch of four closes to five", epoch(4, 5, (2, 1), None)),
        (
            "an epoch of four closes to three",
            epoch(4, 3, (2, 1), None),
        ),
        (
            "an epoch of three closes to five, one store lost",
            Model {
                losses: 1,
                ..epoch(3, 5, (2, 1), None)
            },
        ),
    ];
    if deep {
        for (name, liar) in [
            ("four voters, the second leader lies, one store lost", 1),
            ("four voters, one that never leads lies, one store lost", 3),
        ] {
            let lossy = Model {
                losses: 1,
                ..Model::new(4, 3, Some(liar))
            };
            runs.push((name, lossy));
        }
        runs.push((
            "an epoch of four, of whom one lies, closes to five",
            epoch(4, 5, (2, 1), Some(0)),
        ));
        runs.push((
            "an epoch of four, of whom one lies, closes to three",
            epoch(4, 3, (2, 1), Some(3)),
        ));
        runs.push((
            "three voters, one store lost, rounds 1 to 3",
            lossy(3, 0, 1),
        ));
        runs.push((
            "three voters, one store lost, rounds 2 to 4",
            lossy(4, 1, 1),
        ));
    }
    for (_, model) in &mut runs {
        model.states_max = if deep { STATES_MAX_DEEP } else { STATES_MAX };
        model.seconds_max = if deep { 1800 } else { 60 };
    }
    runs
}

/// Without which sentence what happens, and in which exploration.
pub fn switches() -> Vec<(Sentence, Kind, Vec<Model>)> {
    use Kind::{Liveness, Safety};
    use Sentence as S;
    let liars = || (0..4).map(|liar| Model::new(4, 2, Some(liar))).collect();
    let lively = || (0..3).map(|liar| live(4, 2, Some(liar))).collect();
    vec![
        (S::FirstProposal, Safety, liars()),
        (S::ParentNotarized, Safety, liars()),
        (S::VoterGaps, Safety, liars()),
        (S::FinalizeNotarized, Safety, liars()),
        (S::NoFinalizeAfterNullify, Safety, liars()),
        (S::NoNullifyAfterFinalize, Safety, liars()),
        (S::NoFastPath, Safety, liars()),
        (S::LedgerClosed, Safety, vec![lossy(4, 2, 1)]),
        (S::StoredFirst, Safety, vec![Model::new(3, 2, None)]),
        (S::FloorTwoAbove, Safety, vec![lossy(3, 1, 1)]),
        (S::EnoughAnswers, Safety, vec![lossy(4, 2, 1)]),
        (S::RecoveringSilent, Safety, vec![lossy(4, 2, 2)]),
        (
            S::AsksEachEpoch,
            Safety,
            vec![Model {
                losses: 1,
                ..epoch(2, 3, (1, 2), None)
            }],
        ),
        (
            S::EpochBlockNoChild,
            Safety,
            vec![epoch(3, 5, (2, 1), None)],
        ),
        (S::EpochFinalFirst, Safety, vec![epoch(3, 5, (2, 1), None)]),
        (S::HighestParent, Liveness, lively()),
        (S::BodyStored, Liveness, lively()),
        (S::NotarizationMoves, Liveness, lively()),
        (S::AdvanceTimeout, Liveness, lively()),
        (S::NotarizeAndNullify, Liveness, lively()),
        (S::NullificationMoves, Liveness, lively()),
        (S::FinalizationCommits, Liveness, lively()),
    ]
}

/// `model` without `sentence`.
pub fn without(sentence: Sentence, model: &Model) -> Model {
    Model {
        rules: InForce::except(RuleMask::default().without(sentence)),
        states_max: STATES_MAX,
        ..model.clone()
    }
}

/// Bugs that can be planted here, by name.
pub const PLANTS: [(&str, Sentence); 2] = [
    ("epoch-without-finalization", Sentence::EpochFinalFirst),
    ("recovering-voter-answers", Sentence::RecoveringSilent),
];
