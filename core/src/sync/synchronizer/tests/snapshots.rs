//! Snapshots in parts: several members, breaks, liars, newer blocks meanwhile.

use super::*;

/// A state of some dozens of parts, after which `count` blocks follow.
fn large(count: u64) -> History {
    history(count, usize::MAX, &filled(6_000, 20))
}

fn empty() -> Phone {
    let mut own = History::new(EPOCH, Map::new(), usize::MAX);
    // Of a genesis that nobody keeps: neither blocks nor a delta lead to the head.
    grow(&mut own, Map::new(), true);
    Phone::new(own, false)
}

/// Servers that keep no more than the last block.
fn pruned(history: &History) -> History {
    let mut pruned = History::new(EPOCH, Map::new(), usize::MAX);
    let entry = history.at(history.head().0).expect("kept").clone();
    let finalization = entry.finalization.expect("even heights are certified");
    pruned
        .install(entry.header, finalization, entry.state)
        .expect("it has the root");
    pruned
}

#[test]
fn parts_come_from_several_members_at_once() {
    let server = pruned(&large(8));
    let mut phone = empty();
    for member in 0..3 {
        phone
            .sync
            .heard(member, server.head(), phone.history.head());
    }
    let verified = Cell::new(0);
    let count = |certificate: &Certificate| {
        verified.set(verified.get() + 1);
        quorum(certificate)
    };
    let mut served = [0usize; 3];
    let mut widest = 0;
    let mut done = false;
    for _ in 0..1_000 {
        let mut out = Vec::new();
        while let Some(message) = phone.sync.generate(&phone.history, at(0)) {
            out.push(message);
        }
        widest = widest.max(phone.sync.waits_for().len());
        let Some(message) = out.first().cloned() else {
            break;
        };
        // All of them are answered, the newest request first.
        for message in out.into_iter().rev() {
            served[usize::from(message.to)] += 1;
            let found = Synchronizer::answer(&server, &message.fetch, BUDGET);
            assert!(encode(&found).len() <= BUDGET);
            let step = phone
                .sync
                .receive(message.to, found, &phone.history, &count, at(0))
                .expect("honest");
            done |= matches!(step, SyncStep::State { .. });
            phone.follow(&step, &server);
        }
        assert!(message.to < 3);
    }
    assert!(done);
    assert_eq!(phone.history.state(), server.state());
    assert_eq!(widest, 3);
    assert!(served.iter().all(|count| *count > 1), "{served:?}");
    assert_eq!(verified.get(), 1, "one verification for each snapshot");
}

#[test]
fn a_liar_costs_one_part() {
    let server = pruned(&large(8));
    let other = pruned(&history(8, usize::MAX, &filled(6_000, 21)));
    let mut phone = empty();
    for member in 0..2 {
        phone
            .sync
            .heard(member, server.head(), phone.history.head());
    }
    phone.ask(&server).expect("it begins");
    let (mut faults, mut honest) = (Vec::new(), 0);
    for _ in 0..1_000 {
        let mut out = Vec::new();
        while let Some(message) = phone.sync.generate(&phone.history, at(0)) {
            out.push(message);
        }
        for message in out {
            let found = match (message.to, &message.fetch) {
                // Member 1 serves another state under the block's name.
                (1, Fetch::Parts { block, request }) => Found::Parts {
                    block: *block,
                    answer: crate::sync::reconcile::serve(other.state(), request, BUDGET),
                },
                _ => Synchronizer::answer(&server, &message.fetch, BUDGET),
            };
            let before = phone.history.head();
            match phone.receive(message.to, found) {
                // What he was asked beside it is asked of the other one by now.
                Ok(SyncStep::Late) => assert_eq!(message.to, 1),
                Ok(step) => {
                    assert_eq!(message.to, 0);
                    honest += 1;
                    phone.follow(&step, &server);
                }
                Err(error) => {
                    faults.push((message.to, error));
                    assert_eq!(phone.history.head(), before);
                }
            }
        }
    }
    assert_eq!(
        faults,
        [(1, PeerFault::Sync("a part of another state"))],
        "he is not asked again"
    );
    assert!(honest > 3);
    assert_eq!(phone.history.state(), server.state());
}

#[test]
fn it_goes_on_after_a_break_where_it_stopped() {
    let server = pruned(&large(8));
    let asks = |breaks: bool| {
        let mut phone = empty();
        phone.sync.heard(0, server.head(), phone.history.head());
        let (mut ms, mut bytes) = (0, 0);
        for round in 0..1_000 {
            let mut out = Vec::new();
            while let Some(message) = phone.sync.generate(&phone.history, at(ms)) {
                out.push(message);
            }
            if out.is_empty() {
                break;
            }
            // In the middle everything on its way is lost, and nobody is in reach for a minute.
            if breaks && round == 3 {
                phone.sync.set_reachable(BTreeSet::new());
                ms += 60_000;
                assert_eq!(phone.sync.generate(&phone.history, at(ms)), None);
                // Then another member comes.
                phone.sync.set_reachable([5].into());
                phone.sync.heard(5, server.head(), phone.history.head());
                continue;
            }
            for message in out {
                assert_eq!(message.to == 5, breaks && round > 3);
                let found = Synchronizer::answer(&server, &message.fetch, BUDGET);
                bytes += encode(&found).len();
                let step = phone
                    .sync
                    .receive(message.to, found, &phone.history, &quorum, at(ms));
                phone.follow(&step.expect("honest"), &server);
            }
        }
        assert_eq!(phone.history.state(), server.state());
        bytes
    };
    assert_eq!(asks(true), asks(false), "nothing is sent twice");
}

#[test]
fn a_newer_block_meanwhile_costs_what_it_changed() {
    let old = large(8);
    let mut newer = old.clone();
    grow(&mut newer, state(9, old.state()), false);
    grow(&mut newer, state(10, old.state()), true);
    for kept in [true, false] {
        // Whether the server still keeps the state that is collected.
        let server = if kept { newer.clone() } else { pruned(&newer) };
        let mut phone = empty();
        phone.sync.heard(0, old.head(), phone.history.head());
        let (mut bytes, mut heads) = (0, Vec::new());
        for round in 0..1_000 {
            let Some(message) = phone.sync.generate(&phone.history, at(0)) else {
                break;
            };
            let server = if round < 6 { &pruned(&old) } else { &server };
            if round == 6 {
                phone.sync.heard(0, server.head(), phone.history.head());
            }
            let found = Synchronizer::answer(server, &message.fetch, BUDGET);
            bytes += encode(&found).len();
            let step = phone.receive(message.to, found).expect("honest");
            phone.follow(&step, server);
            if phone.history.head().0 != heads.last().copied().unwrap_or(1) {
                heads.push(phone.history.head().0);
            }
        }
        assert_eq!(heads, if kept { vec![8, 10] } else { vec![10] });
        assert_eq!(phone.history.state(), newer.state());
        let whole: usize = old
            .state()
            .iter()
            .map(|(key, value)| key.as_bytes().len() + value.len())
            .sum();
        assert!(bytes < whole + whole / 5, "{bytes} bytes for {whole}");
    }
}

#[test]
fn a_state_over_the_bound_is_refused() {
    let server = pruned(&history(2, usize::MAX, &filled(400, 20)));
    let parts = {
        let mut phone = empty();
        phone.sync.heard(0, server.head(), phone.history.head());
        let mut bytes = 0;
        while let Some(message) = phone.sync.generate(&phone.history, at(0)) {
            let found = Synchronizer::answer(&server, &message.fetch, BUDGET);
            if let Found::Snapshot { answer, .. } | Found::Parts { answer, .. } = &found {
                bytes += answer
                    .parts
                    .iter()
                    .map(|it| encode(it).len())
                    .sum::<usize>();
            }
            let step = phone.receive(message.to, found).expect("honest");
            phone.follow(&step, &server);
        }
        bytes
    };
    for (bytes_max, fits) in [(parts - 1, false), (parts, true), (parts + 1, true)] {
        let mut phone = empty();
        phone.sync = Synchronizer::new(SynchronizerSetup {
            snapshot_bytes_max: bytes_max,
            ..setup(false)
        });
        phone.sync.set_reachable([0].into());
        phone.sync.heard(0, server.head(), phone.history.head());
        let mut refused = false;
        while let Some(message) = phone.sync.generate(&phone.history, at(0)) {
            let found = Synchronizer::answer(&server, &message.fetch, BUDGET);
            match phone.receive(message.to, found) {
                Ok(step) => phone.follow(&step, &server),
                Err(fault) => {
                    refused = fault == PeerFault::Sync("a state over the bound");
                }
            }
        }
        assert_eq!(refused, !fits);
        assert_eq!(phone.history.head() == server.head(), fits);
    }
}
