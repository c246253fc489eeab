//! What was computed here is damaged in memory: the phone finds out that it was no rule, goes on with
//! what is certified, and votes no more.

use std::sync::Arc;

use crate::error::CommandError;
use crate::group::replica::Replica;
use crate::group::replica::cluster::Cluster;
use crate::group::{DivergenceOutcome, Status};
use crate::rules::counter::{Counter, CounterAction, value};
use crate::state::{Key, Map};

const PHONES: usize = 4;
const DAMAGED: usize = 3;

fn add() -> Vec<u8> {
    let (amount, expect) = (1, None);
    CounterAction::Add { amount, expect }.encode()
}

/// A counter of four that counted to 2.
fn cluster() -> Cluster {
    let mut cluster = Cluster::new(PHONES as u8, Arc::new(Counter), 64 * 1024);
    for phone in 0..2 {
        cluster.commit(phone, add());
    }
    cluster
}

fn counted(cluster: &Cluster, phone: usize) -> Option<i64> {
    value(cluster.replica(phone).history.state())
}

/// A map with an entry that nobody wrote.
fn damage(state: &Map) -> Map {
    let mut damaged = state.clone();
    damaged.insert(Key::new(b"\x7fdamage").unwrap(), vec![1]);
    damaged
}

fn outcome(replica: &Replica) -> Option<DivergenceOutcome> {
    Some(replica.divergence()?.outcome)
}

/// Has everybody else commit a block while the damaged phone is away, then brings it back with `hurt`
/// done to it.
fn comes_back(hurt: impl FnOnce(&mut Replica)) -> Cluster {
    let mut cluster = cluster();
    cluster.set_in_reach(DAMAGED, false);
    cluster.commit(0, add());
    hurt(cluster.replica_mut(DAMAGED));
    cluster.set_in_reach(DAMAGED, true);
    cluster
}

fn damage_head(replica: &mut Replica) {
    replica.history.damage_head(damage);
}

#[test]
fn a_damaged_state_is_restored_and_the_phone_plays_on_without_a_vote() {
    let mut cluster = comes_back(damage_head);
    let replica = cluster.replica(DAMAGED);
    assert_eq!(outcome(replica), Some(DivergenceOutcome::Recovered));
    let found = replica.divergence().unwrap();
    assert_eq!(&found.keys[0].key[..], b"\x7fdamage");
    assert_eq!(found.keys_differing, 1);
    assert!(matches!(
        replica.view().status,
        Status::Diverged { evidence } if evidence.contains("is restored")
    ));
    assert_eq!(counted(&cluster, DAMAGED), Some(3));
    // It executes and asks again; its vote stays away, after a restart too.
    for restart in [false, true] {
        if restart {
            cluster.restart(DAMAGED);
        }
        cluster.commit(DAMAGED, add());
        cluster.commit(0, add());
        let heads: Vec<_> = (0..PHONES).map(|it| cluster.replica(it).head()).collect();
        assert!(heads.iter().all(|head| *head == heads[0]), "{heads:?}");
        let history = &cluster.replica(0).history;
        let mut above = history.entries().filter(|it| it.header.height > 3);
        let votes = above.all(|entry| {
            let certificate = entry.finalization.iter();
            certificate
                .flat_map(|it| it.votes())
                .all(|vote| usize::from(vote.voter) != DAMAGED)
        });
        assert!(votes, "it votes");
        assert!(cluster.replica(DAMAGED).consensus.is_stopped());
        assert_eq!(
            outcome(cluster.replica(DAMAGED)),
            Some(DivergenceOutcome::Recovered)
        );
    }
    assert_eq!(counted(&cluster, 0), Some(7));
    assert_eq!(counted(&cluster, DAMAGED), Some(7));
}

#[test]
fn evidence_that_nobody_could_explain_is_not_forgotten_in_a_restart() {
    let mut cluster = comes_back(damage_head);
    // As if the process had ended before it was looked into.
    let record = cluster.replica_mut(DAMAGED);
    let found = record.diverging.record.as_mut().unwrap();
    found.outcome = DivergenceOutcome::Unexplained;
    let height = found.height;
    assert_eq!(record.check_asks(), Err(CommandError::Diverged { height }));
    record.resume_diverged();
    cluster.commit(0, add());
    let (head, damaged) = (cluster.replica(0).head(), cluster.replica(DAMAGED));
    assert_eq!(damaged.head(), head, "it follows by certified states");
}
