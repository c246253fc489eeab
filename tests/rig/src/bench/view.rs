//! The view of a phone with much pending, while others commit.
//!
//! Nothing of the view is computed before somebody looks, and it stands on a clone of the committed
//! map. Beside it: what a view costs that clones the committed state whole and replays at each commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use althing::crypto::{Ed25519, Hash, Identity};
use althing::group::{Executor, Submissions};
use althing::id::{GroupId, RunId};
use althing::rules::Rules;
use althing::rules::counter::{Counter, CounterAction};
use althing::state::Map;
use althing::state::meter::{Counts, measure};
use althing::wire::{BoundedVec, Bytes, Genesis, Mode, RosterEntry, Validity};

use super::map::{ENTRIES, entry};
use super::row::{Bound, Row};

/// Own actions that wait.
const PENDING: usize = 200;
/// Commits of others.
const COMMITS: u64 = 50;
/// How many times less than a full clone and replay a rebase must cost.
const TARGET: Bound = Bound::AtLeast(20.0);

/// A phone at a counter, with a large state below it.
struct Phone {
    executor: Executor,
    submissions: Submissions,
    commits: Vec<Map>,
}

pub(super) fn rows() -> Vec<Row> {
    let (burst, burst_time) = Phone::new().run(|phone| {
        for (map, height) in phone.commits.clone().into_iter().zip(1..) {
            phone.submissions.rebase(map, height);
        }
        phone.look();
    });
    let (each, each_time) = Phone::new().run(|phone| {
        for (map, height) in phone.commits.clone().into_iter().zip(1..) {
            phone.submissions.rebase(map, height);
            phone.look();
        }
    });
    let (full, full_time) = Phone::new().run(|phone| {
        for (map, height) in phone.commits.clone().into_iter().zip(1..) {
            let copy: Map = map
                .iter()
                .map(|(key, value)| (key, value.to_vec()))
                .collect();
            phone.submissions.rebase(copy, height);
            phone.look();
        }
    });
    let over = |time: Duration| full_time.as_secs_f64() / time.as_secs_f64().max(1e-9);
    vec![
        Row::count("full clone and replay: rules applied", full.applied),
        Row::count("full clone and replay: bytes of nodes", full.node_bytes),
        Row::count("one burst, looked at once: rules applied", burst.applied),
        Row::count(
            "one burst, looked at once: bytes of nodes",
            burst.node_bytes,
        ),
        Row::ratio("  full over it, rules", full.applied, burst.applied, TARGET),
        Row::ratio(
            "  full over it, bytes",
            full.node_bytes,
            burst.node_bytes,
            TARGET,
        ),
        Row::time("  full over it, time", over(burst_time)),
        Row::count("looked at after each: rules applied", each.applied),
        Row::count("looked at after each: bytes of nodes", each.node_bytes),
        Row::ratio(
            "  full over it, rules",
            full.applied,
            each.applied,
            Bound::None,
        ),
        Row::ratio(
            "  full over it, bytes",
            full.node_bytes,
            each.node_bytes,
            TARGET,
        ),
        Row::time("  full over it, time", over(each_time)),
    ]
}

impl Phone {
    fn new() -> Self {
        let identities: Vec<_> = (1..=4).map(|byte| Identity::new([byte; 32])).collect();
        let members = identities.iter().map(|identity| RosterEntry {
            peer: identity.peer(),
            name: Bytes::truncating(b"somebody".to_vec()),
            tip: Hash::ZERO,
            sealing: althing::crypto::seal::SealingKey([0; 32]),
            votes: true,
        });
        let genesis = Genesis {
            group: GroupId([9; 16]),
            members: BoundedVec::truncating(members.collect()),
            observers: BoundedVec::new(),
            rules: Counter.id(),
            rules_config: Bytes::new(),
            modes: BoundedVec::truncating(vec![Mode::Bft; 16]),
            draw_timeout_ms: 8_000,
            root: Hash::ZERO,
            key: althing::wire::EpochKey::default(),
        };
        let executor = Executor::new(
            genesis,
            Arc::new(Counter),
            Arc::new(Ed25519),
            #[cfg(feature = "planted")]
            None,
        );
        let mut state = executor.genesis_state().expect("a counter has a genesis");
        for (key, value) in (0..ENTRIES).map(|number| entry(number, 0)) {
            state.insert(key, value);
        }
        state.root();
        let own = identities[0].peer();
        let mut submissions =
            Submissions::new(executor.genesis(), own, RunId(1), PENDING, 0, state.clone());
        let add = CounterAction::Add {
            amount: 1,
            expect: None,
        };
        for _ in 0..PENDING {
            submissions
                .submit(add.encode(), Vec::new(), Validity::default())
                .expect("as many as may wait");
        }
        let commits = (0..COMMITS).map(|number| {
            let (key, value) = entry(number * 7, 1);
            state.insert(key, value);
            state.root();
            state.clone()
        });
        let commits = commits.collect();
        let mut phone = Self {
            executor,
            submissions,
            commits,
        };
        phone.look();
        phone
    }

    fn look(&mut self) {
        self.submissions.state(&self.executor);
    }

    fn run(mut self, work: impl FnOnce(&mut Self)) -> (Counts, Duration) {
        let start = Instant::now();
        let ((), counts) = measure(|| work(&mut self));
        let took = start.elapsed();
        assert_eq!(
            althing::rules::counter::value(self.submissions.state(&self.executor)),
            Some(PENDING as i64),
            "everything pending shows"
        );
        (counts, took)
    }
}
