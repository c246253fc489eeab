//! Answers that cross with commits, and with other answers.

use super::*;

#[test]
fn answers_cross_with_commits() {
    let server = history(8, usize::MAX, &Map::new());
    let (blocks, finalization) = suffix(&server, 3..=8);
    for height in 2..=8u64 {
        let (_, own) = server.rollback(height).expect("kept");
        let expected = match height {
            8 => SyncStep::Late,
            _ => SyncStep::Blocks {
                blocks: blocks[(height - 2) as usize..].to_vec(),
                finalization: finalization.clone(),
            },
        };
        assert_eq!(
            offer(blocks.clone(), finalization.clone(), &own),
            Ok(expected)
        );
    }
    let (blocks, finalization) = suffix(&server, 3..=4);
    assert_eq!(offer(blocks, finalization, &server), Ok(SyncStep::Late));
}

/// A request that is made again gets two answers: the second one is none to the request after it.
#[test]
fn an_answer_that_comes_twice_costs_nobody_anything() {
    let server = history(25, usize::MAX, &filled(50, 10));
    let mut phone = Phone::new(history(10, usize::MAX, &filled(50, 10)), true);
    phone.sync.set_reachable([0].into());
    phone.sync.heard(0, server.head(), phone.history.head());
    let asked = phone.sync.generate(&phone.history, at(0)).expect("behind");
    let again = phone.sync.generate(&phone.history, at(1500)).expect("late");
    assert_eq!(asked, again);
    let (blocks, finalization) = suffix(&server, 11..=20);
    let first = Found::Blocks {
        blocks: BoundedVec::truncating(blocks),
        finalization,
    };
    let delta = served_delta(&server, 10);
    for twice in [first.clone(), delta] {
        let mut phone = Phone::new(history(10, usize::MAX, &filled(50, 10)), true);
        phone.sync.set_reachable([0].into());
        phone.sync.heard(0, server.head(), phone.history.head());
        phone.sync.generate(&phone.history, at(0)).expect("behind");
        assert!(phone.receive(0, first.clone()).is_ok());
        phone.history = server.rollback(20).expect("kept").1;
        let next = phone.sync.generate(&phone.history, at(10)).expect("behind");
        assert!(matches!(next.fetch, Fetch::Above { height: 20, .. }));
        assert_eq!(phone.receive(0, twice), Ok(SyncStep::Late));
        assert_eq!(
            phone.sync.waits_for(),
            [0].into(),
            "its answer is waited for"
        );
        let rest = Synchronizer::answer(&server, &next.fetch, BUDGET);
        assert!(matches!(
            phone.receive(0, rest),
            Ok(SyncStep::Blocks { .. } | SyncStep::State { .. })
        ));
    }
}

fn served_delta(server: &History, height: u64) -> Found {
    let entry = server.at(25).or(server.at(24)).expect("kept");
    let certified = [entry, server.at(24).expect("kept")]
        .into_iter()
        .find(|entry| entry.finalization.is_some())
        .expect("every second one is");
    let base = server.state_at(height).expect("kept");
    let target = (certified.header.height, &certified.state);
    let delta = Delta::between((height, base), target).expect("a small change");
    Found::Delta {
        header: certified.header,
        finalization: certified.finalization.clone().expect("certified"),
        delta: Bytes::truncating(delta.encode()),
    }
}
