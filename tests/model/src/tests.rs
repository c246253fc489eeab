//! What is explored.

use super::state::{EPOCH, GENESIS};
use super::*;

fn agrees(model: &Model) -> Explored {
    let explored = explore(model);
    assert_eq!(explored.violation, None, "{model:?}");
    assert_eq!(explored.stuck, None, "{model:?}");
    assert!(explored.complete, "everything was explored: {model:?}");
    explored
}

fn live(voters: usize, rounds: usize, liar: impl Into<Option<u8>>) -> Model {
    Model {
        live: true,
        ..Model::new(voters, rounds, liar.into())
    }
}

#[test]
fn two_rounds_agree_and_go_on_whoever_lies() {
    for liar in 0..4 {
        assert_eq!(
            agrees(&live(4, 2, liar)).height,
            2,
            "every round can commit"
        );
    }
}

#[test]
fn three_rounds_agree_and_go_on_when_the_first_leader_lies() {
    assert_eq!(agrees(&live(4, 3, 0)).height, 3);
}

#[test]
fn three_rounds_agree_whoever_lies() {
    for liar in 1..4 {
        assert_eq!(agrees(&Model::new(4, 3, Some(liar))).height, 3);
    }
}

#[test]
fn three_voters_of_whom_none_lies_agree_by_majority() {
    assert_eq!(agrees(&live(3, 2, None)).height, 2);
    assert_eq!(agrees(&live(3, 3, None)).height, 3);
}

#[test]
fn lost_stores_fork_nothing() {
    for losses in 1..=2 {
        let lossy = Model {
            opened: 2,
            losses,
            ..Model::new(3, 4, None)
        };
        let fewer = Model {
            losses: losses - 1,
            ..lossy.clone()
        };
        assert!(agrees(&lossy).states > agrees(&fewer).states);
    }
    for liar in [0, 3] {
        agrees(&Model {
            losses: 1,
            ..Model::new(4, 2, Some(liar))
        });
    }
}

#[test]
fn an_epoch_closes_and_the_next_one_commits() {
    for (voters, to, liar, losses) in [
        (4, 5, None, 0),
        (4, 3, None, 0),
        (4, 3, Some(3), 0),
        (3, 5, None, 1),
    ] {
        let closing = Model {
            losses,
            next: Some(Next {
                voters: to,
                rounds: 1,
            }),
            ..Model::new(voters, 2, liar)
        };
        // A block, the epoch block on it, and one in the next epoch.
        assert_eq!(agrees(&closing).height, 3, "{voters} to {to}");
    }
}

#[test]
fn the_bound_is_kept() {
    let bounded = Model {
        states_max: 100,
        ..Model::new(4, 3, Some(0))
    };
    let explored = explore(&bounded);
    assert!(!explored.complete && explored.states > 100 && explored.states <= 200);
    let timed = Model {
        seconds_max: 0,
        ..Model::new(4, 2, Some(0))
    };
    assert!(explore(&timed).complete, "a second has not passed");
}

#[test]
fn a_state_survives_packing() {
    let mut state = State::default();
    for (round, row) in state.votes.iter_mut().enumerate() {
        for (voter, votes) in row.iter_mut().enumerate() {
            let seed = (round * VOTERS + voter) as u8;
            *votes = Votes {
                notarize: 63 - seed,
                second: seed,
                finalize: seed * 3 % 64,
                nullify: seed & 1 == 0,
                forgotten: seed % 3 == 1,
            };
        }
    }
    state.proposed = [(63, 3), (1, 0), (0, 2), (42, 1)];
    state.floors = [7, 0, 5, 2, 6];
    assert_eq!(State::unpack(state.pack()), state);
    assert!(size_of::<Packed>() < 60);
}

#[test]
fn blocks_have_one_id_each() {
    let mut blocks = Blocks::default();
    let first = blocks.id(0, 0, GENESIS);
    let closing = blocks.id(1, EPOCH, first);
    assert_eq!(blocks.id(0, 0, GENESIS), first);
    assert!(blocks.is_epoch(closing) && !blocks.is_epoch(first));
    assert_eq!(blocks.chain(closing), [closing, first]);
}

/// The sentences that stand between a liar and a fork or a halt, each found by its absence.
#[cfg(feature = "mask")]
mod masked {
    use althing::consensus::Sentence;

    use super::super::runs::{Kind, PLANTS, explorations, switches, without};
    use super::*;

    #[test]
    fn every_switch_is_found_as_its_kind() {
        for (sentence, kind, models) in switches() {
            let found = models.iter().any(|model| {
                let explored = explore(&without(sentence, model));
                match kind {
                    Kind::Safety => explored.violation.is_some(),
                    Kind::Liveness => explored.stuck.is_some(),
                }
            });
            assert!(found, "{sentence:?}");
        }
    }

    #[test]
    fn with_its_sentence_no_switch_finds_anything() {
        for (_, _, models) in switches() {
            for model in models {
                agrees(&model);
            }
        }
    }

    #[test]
    fn other_sentences_prevent_neither_fork_nor_halt_here() {
        for sentence in [
            Sentence::CurrentRound,
            Sentence::LeaderOnly,
            Sentence::LeaderGaps,
            Sentence::LeaderTimeout,
            Sentence::TimersStop,
        ] {
            for liar in 0..4 {
                agrees(&without(sentence, &live(4, 2, liar)));
            }
        }
    }

    #[test]
    fn a_plant_tells_the_shortest_path() {
        for (name, sentence) in PLANTS {
            let mut models = switches();
            models.retain(|(other, _, _)| *other == sentence);
            let (_, _, models) = models.remove(0);
            let told = Model {
                told: true,
                ..without(sentence, &models[0])
            };
            let explored = explore(&told);
            assert!(explored.violation.is_some(), "{name}");
            assert_eq!(explored.path.len(), explored.depth, "{name}");
        }
    }

    #[test]
    fn the_two_round_form_is_complete() {
        for (name, model) in explorations(false) {
            assert!(explore(&model).complete, "{name}");
        }
    }
}
