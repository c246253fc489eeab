use super::super::synchronizer::tests::{BUDGET, SNAPSHOT_MAX, filled, quorum};
use super::super::{SyncStep, Synchronizer, validate_state};
use super::*;
use crate::state::Map;
use crate::state::fixtures::{EPOCH, history};
use crate::wire::{GroupMessage, encode};

/// Asks until nothing is missing; gives the blocks and snapshots received and the largest answer.
fn catch_up(own: &mut History, server: &History, budget: usize) -> (usize, usize, usize) {
    let mut sync = Synchronizer::new(SNAPSHOT_MAX);
    let (mut blocks_seen, mut snapshots, mut largest) = (0, 0, 0);
    let mut fetch = sync.request(own.head());
    for _ in 0..10_000 {
        let found = answer(server, &fetch, budget);
        largest = largest.max(encode(&GroupMessage::Found(found.clone())).len());
        match sync
            .receive(found, own.head(), &quorum, EPOCH)
            .expect("an honest answer")
        {
            SyncStep::Blocks {
                blocks,
                finalization,
            } => {
                blocks_seen += blocks.len();
                for block in blocks {
                    let state = server.state_at(block.height).expect("kept").clone();
                    let certified = block.hash(EPOCH) == finalization.statement.block;
                    let finalization = certified.then(|| finalization.clone());
                    own.push(block, finalization, state).expect("it follows");
                }
            }
            SyncStep::More(next) => {
                fetch = next;
                continue;
            }
            SyncStep::Snapshot {
                block,
                finalization,
                state,
            } => {
                snapshots += 1;
                let head = own.head();
                validate_state(&state, &block, &finalization, head, &quorum, EPOCH).expect("valid");
                own.install(block, finalization, state).expect("valid");
            }
            SyncStep::UpToDate => return (blocks_seen, snapshots, largest),
            other => panic!("unexpected {other:?}"),
        }
        fetch = sync.request(own.head());
    }
    panic!("no end");
}

#[test]
fn catches_up_by_whatever_is_fewer_bytes() {
    // A block of these tests takes 68 bytes, a certificate 230, an entry 16.
    for (entries, behind, by_snapshot) in [
        (0, 2, true),
        (50, 2, false),
        (2_000, 20, false),
        (5, 40, true),
        (2_000, 600, true),
        (4_000, 600, false),
    ] {
        let extra = filled(entries, 10);
        let server = history(behind, usize::MAX, &extra);
        let mut own = History::new(EPOCH, extra, usize::MAX);
        let (blocks, snapshots, largest) = catch_up(&mut own, &server, BUDGET);
        assert_eq!(own.head(), server.head());
        assert_eq!(own.state(), server.state());
        assert_eq!(
            snapshots,
            usize::from(by_snapshot),
            "{entries} entries, {behind} blocks"
        );
        assert_eq!(blocks, if by_snapshot { 0 } else { behind as usize });
        assert!(largest <= BUDGET);
    }
}

#[test]
fn what_is_no_longer_kept_comes_as_a_snapshot() {
    let extra = filled(3_000, 10);
    let server = history(50, 4_000, &extra);
    assert!(server.since(0).is_none());
    let mut own = History::new(EPOCH, extra, usize::MAX);
    assert_eq!(catch_up(&mut own, &server, BUDGET).1, 1);
    assert_eq!(own.head(), server.head());
}

#[test]
fn blocks_above_the_last_certified_one_are_not_served() {
    let server = history(5, usize::MAX, &Map::new());
    let mut own = History::new(EPOCH, Map::new(), usize::MAX);
    catch_up(&mut own, &server, BUDGET);
    assert_eq!(own.head().0, 4);
    let at_head = Fetch::Above {
        height: 5,
        block: server.head().1,
    };
    assert_eq!(answer(&server, &at_head, BUDGET), Found::UpToDate);
}

#[test]
fn no_answer_is_longer_than_its_budget() {
    let extra = filled(300, 10);
    let server = history(60, usize::MAX, &extra);
    let full = {
        // One answer with blocks 53 to 60.
        let fetch = Fetch::Above {
            height: 52,
            block: server.at(52).expect("kept").block_hash,
        };
        let found = answer(&server, &fetch, BUDGET);
        let Found::Blocks {
            blocks,
            finalization,
        } = &found
        else {
            panic!("blocks are fewer bytes");
        };
        assert_eq!(blocks.len(), 8);
        let parts: usize = blocks.iter().map(|block| encode(block).len()).sum();
        let header = 14;
        (fetch, header + parts + encode(finalization).len())
    };
    for (budget, served) in [(full.1 + 1, 8), (full.1, 8), (full.1 - 1, 6)] {
        let Found::Blocks { blocks, .. } = answer(&server, &full.0, budget) else {
            panic!("blocks are fewer bytes");
        };
        assert_eq!(blocks.len(), served);
    }
    for budget in [0, 100, 300, 1_500, 2_000, 5_000, usize::MAX] {
        for height in [0, 30, 58] {
            let block = server.at(height).map_or(EPOCH, |entry| entry.block_hash);
            let found = answer(&server, &Fetch::Above { height, block }, budget);
            let bytes = encode(&GroupMessage::Found(found.clone())).len();
            assert!(
                bytes <= budget.min(MESSAGE_LEN_MAX) || matches!(found, Found::Busy { .. }),
                "{bytes} of {budget}"
            );
        }
    }
}

#[test]
fn a_value_too_long_for_the_budget_is_not_served_as_a_snapshot() {
    // By bytes the snapshot would win: 2 kB of state against 5 kB of blocks.
    let extra = filled(1, 2_000);
    let server = history(60, usize::MAX, &extra);
    let fetch = Fetch::Above {
        height: 0,
        block: EPOCH,
    };
    let around = HEADER_LEN + CERTIFICATE_LEN_MAX + server.at(60).expect("kept").block_len();
    let entry = Cut::new(server.state(), 0).largest();
    for (budget, by_snapshot) in [
        (around + entry - 1, false),
        (around + entry, true),
        (around + entry + 1, true),
    ] {
        let found = answer(&server, &fetch, budget);
        assert_eq!(matches!(found, Found::Snapshot(_)), by_snapshot);
        assert!(encode(&GroupMessage::Found(found)).len() <= budget);
    }
}

#[test]
fn a_long_suffix_is_cut_at_256_blocks() {
    let extra = filled(8_000, 30);
    let server = history(300, usize::MAX, &extra);
    let fetch = Fetch::Above {
        height: 0,
        block: EPOCH,
    };
    let Found::Blocks { blocks, .. } = answer(&server, &fetch, usize::MAX) else {
        panic!("blocks are fewer bytes");
    };
    assert_eq!(blocks.len(), 256);
}

#[test]
fn a_body_is_served_with_its_certificate() {
    let server = history(4, usize::MAX, &Map::new());
    for height in [3, 4] {
        let entry = server.at(height).expect("kept");
        let fetch = Fetch::Body {
            block: entry.block_hash,
        };
        let Found::Body(body) = answer(&server, &fetch, BUDGET) else {
            panic!("the body is kept");
        };
        assert_eq!(body.block, entry.block);
        assert_eq!(body.certificate, entry.finalization);
    }
    let unknown = Fetch::Body { block: Hash::ZERO };
    assert_eq!(answer(&server, &unknown, BUDGET), Found::UpToDate);
    assert_eq!(
        answer(&server, &Fetch::Votes { from: 0 }, BUDGET),
        Found::UpToDate
    );
}
