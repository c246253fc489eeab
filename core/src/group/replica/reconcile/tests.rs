use std::collections::BTreeSet;

use super::*;
use crate::config::Config;
use crate::group::fixture::{Room, add};
use crate::group::{ReplicaInput, ReplicaSetup};
use crate::id::{MeshAddress, RunId};
use crate::time::Duration;
use crate::wire::{BoundedVec, SignedAction};

/// Two members who hear each other and nobody else.
struct Pair {
    replicas: [Replica; 2],
    addresses: [MeshAddress; 2],
    now: Instant,
    /// Kind and bytes of what went between them.
    sent: Vec<(&'static str, usize)>,
}

impl Pair {
    fn new(room: &Room) -> Self {
        let now = Instant::from_millis(1);
        let replicas = [0, 1].map(|index: usize| {
            let config = Config {
                rules: vec![room.rules.clone()],
                ..Config::default()
            };
            let setup = ReplicaSetup {
                config,
                identity: room.identities[index].clone(),
                run: RunId(1),
                may_vote: true,
                nonce: 0,
            };
            Replica::new(&setup, room.genesis.clone(), now, &mut Outbox::new()).unwrap()
        });
        Self {
            addresses: [0, 1].map(|index: usize| room.identities[index].peer().address()),
            replicas,
            now,
            sent: Vec::new(),
        }
    }

    fn give(&mut self, to: usize, actions: &[SignedAction]) {
        for action in actions {
            let (now, mut out) = (self.now, Outbox::new());
            self.replicas[to].action(action, None, now, &mut out);
        }
    }

    fn pool(&self, of: usize) -> BTreeSet<Hash> {
        self.replicas[of].pool.hashes().collect()
    }

    /// One says where he stands; what follows from it between the two.
    fn greet(&mut self, from: usize) {
        self.now = self.now + Duration::from_secs(5);
        let mut out = Outbox::new();
        self.replicas[from].send_status(self.addresses[1 - from], false, &mut out);
        let mut way = vec![(from, out)];
        while let Some((from, mut out)) = way.pop() {
            while let Some(output) = out.pop() {
                let ReplicaOutput::Send { to, message } = output else {
                    continue;
                };
                assert_eq!(to, self.addresses[1 - from]);
                self.sent.push((message.kind(), encode(&message).len()));
                let mut answers = Outbox::new();
                let origin = self.addresses[from];
                let input = ReplicaInput::Message { origin, message };
                self.replicas[1 - from].handle(input, self.now, &mut answers);
                way.push((1 - from, answers));
            }
        }
    }

    fn bytes(&self, kind: &str) -> usize {
        let of_kind = self.sent.iter().filter(|(other, _)| *other == kind);
        of_kind.map(|(_, bytes)| bytes).sum()
    }
}

#[test]
fn a_doubled_number_is_known_on_both_sides_for_its_bytes() {
    let room = Room::new(4);
    let mut pair = Pair::new(&room);
    for mut pen in room.pens().into_iter().skip(2) {
        let common: Vec<_> = (0..50).map(|_| pen.write(&add(1))).collect();
        pair.give(0, &common);
        pair.give(1, &common);
        let mut twin = pen.clone();
        pair.give(0, &[pen.write(&add(2))]);
        pair.give(1, &[twin.write(&add(3))]);
    }
    let [first, second] = [0, 1].map(|of| pair.replicas[of].pool.counters());
    assert_eq!(first, second, "the counters do not tell");
    pair.greet(1);
    assert_eq!(pair.pool(0), pair.pool(1));
    assert_eq!(pair.pool(0).len(), 104);
    let [first, second] = [0, 1].map(|of| pair.replicas[of].pool.digest());
    assert_eq!(first, second);
    // A sketch for eight differences, the two short ids that lack, and each action that lacks once.
    assert!(pair.bytes("reconcile") <= 110 + 20, "{:?}", pair.sent);
    assert_eq!(pair.bytes("fetch"), 0, "{:?}", pair.sent);
    let action = encode(&room.pen(2).write(&add(2))).len();
    assert!(pair.bytes("found") <= 4 * (action + 4), "{:?}", pair.sent);
    // Nothing more is said of it.
    pair.sent.clear();
    pair.greet(0);
    pair.greet(1);
    assert_eq!(pair.bytes("reconcile"), 0, "{:?}", pair.sent);
}

#[test]
fn a_run_that_only_one_knows_is_found_too() {
    let room = Room::new(4);
    let mut pair = Pair::new(&room);
    let mut pen = room.pen(2);
    let one = [pen.write(&add(1))];
    pen.begin(9);
    let other = [pen.write(&add(1))];
    pair.give(0, &one);
    pair.give(1, &other);
    pair.greet(0);
    assert_eq!(pair.pool(0), pair.pool(1));
    assert_eq!(pair.pool(1).len(), 2);
}

#[test]
fn an_unanswered_one_is_begun_again_after_its_time() {
    let room = Room::new(4);
    let mut pair = Pair::new(&room);
    let now = pair.now;
    let begun = |pair: &mut Pair, now| {
        let mut out = Outbox::new();
        pair.replicas[0].reconcile(1, now, &mut out);
        std::iter::from_fn(|| out.pop()).count()
    };
    assert_eq!(begun(&mut pair, now), 1);
    let timeout = pair.replicas[0].config.fetch_timeout;
    let just_before = Instant::from_micros((now + timeout).as_micros() - 1);
    assert_eq!(begun(&mut pair, just_before), 0);
    assert_eq!(begun(&mut pair, now + timeout), 1);
}

#[test]
fn what_is_out_of_turn_is_dropped() {
    let room = Room::new(4);
    let mut pair = Pair::new(&room);
    let mut out = Outbox::new();
    let replica = &mut pair.replicas[0];
    let want = Reconcile::Want {
        ids: BoundedVec::truncating(vec![[1; 8]]),
    };
    for message in [Reconcile::Equal, Reconcile::Gone, want] {
        replica.reconcile_message(1, &message, pair.now, &mut out);
    }
    assert!(out.pop().is_none());
    // Whoever asks on where nothing began learns it.
    let share = crate::wire::Share { depth: 0, index: 0 };
    let more = Reconcile::More {
        share,
        from: 9,
        to: 18,
    };
    replica.reconcile_message(1, &more, pair.now, &mut out);
    let answer = out.pop();
    assert!(
        matches!(
            &answer,
            Some(ReplicaOutput::Send {
                message: GroupMessage::Reconcile(Reconcile::Gone),
                ..
            })
        ),
        "{answer:?}"
    );
}

#[test]
fn whoever_sends_what_nobody_can_mean_is_named() {
    let room = Room::new(4);
    let mut pair = Pair::new(&room);
    pair.give(0, &[room.pen(2).write(&add(1))]);
    let culprit = room.identities[1].peer();
    let sketch = |count, sum: u8| Reconcile::Sketch {
        fresh: [2; 4],
        count,
        syndromes: BoundedVec::truncating(vec![[sum; 8]; 9]),
    };
    let share = crate::wire::Share {
        depth: 33,
        index: 0,
    };
    let deep = Reconcile::More {
        share,
        from: 0,
        to: 1,
    };
    // A set of three that no three ids make; of nothing; and a request that no sketch has.
    for (message, named) in [
        (sketch(3, 7), true),
        (sketch(0, 7), true),
        (deep, true),
        (sketch(0, 0), false),
        (sketch(9, 7), false),
    ] {
        let mut out = Outbox::new();
        let replica = &mut pair.replicas[0];
        // What was asked before may be answered now: who answers under another salt is not blamed.
        replica.reconcile(1, pair.now, &mut out);
        replica.reconcile_message(1, &message, pair.now, &mut out);
        let faults: Vec<_> = std::iter::from_fn(|| out.pop())
            .filter_map(|output| match output {
                ReplicaOutput::Fault { peer, fault } => Some((peer, fault.name())),
                _ => None,
            })
            .collect();
        let expected: &[_] = if named {
            &[(Some(culprit), "sync")]
        } else {
            &[]
        };
        assert_eq!(faults, expected, "{message:?}");
    }
}
