use super::super::map::tests::key;
use super::*;
use crate::wire::{BoundedVec, VoteKind, VoteStatement};

pub(crate) const EPOCH: Hash = Hash([9; 32]);

/// A state that differs at each height.
pub(crate) fn state(height: u64, extra: &Map) -> Map {
    let mut map = extra.clone();
    map.insert(key(b"height"), height.to_le_bytes().to_vec());
    map
}

/// A certificate of `block` with three nonsense signatures.
pub(crate) fn certificate(round: u64, block: Hash) -> Certificate {
    let signature = crate::crypto::Signature([3; 64]);
    Certificate {
        statement: VoteStatement {
            round,
            kind: VoteKind::Finalize,
            block,
        },
        signatures: BoundedVec::truncating(vec![(0, signature), (1, signature), (2, signature)]),
    }
}

/// Appends an empty block with `state`; certified or not.
pub(crate) fn grow(history: &mut History, state: Map, certified: bool) {
    let (height, parent) = history.head();
    let block = Block {
        height: height + 1,
        parent,
        root: state.root(),
        opening: None,
        actions: BoundedVec::new(),
        refused: BoundedVec::new(),
    };
    let certificate = certified.then(|| certificate(height + 1, block.hash(EPOCH)));
    history
        .push(block, certificate, state)
        .expect("it follows the head");
}

/// A history of `count` blocks, every second one certified, over a state with `extra`.
pub(crate) fn history(count: u64, bytes_max: usize, extra: &Map) -> History {
    let mut history = History::new(EPOCH, extra.clone(), bytes_max);
    for height in 1..=count {
        grow(&mut history, state(height, extra), height % 2 == 0);
    }
    history
}

#[test]
fn keeps_every_height_within_its_bytes() {
    let history = history(10, usize::MAX, &Map::new());
    assert_eq!(history.head().0, 10);
    assert_eq!(history.state_at(0), Some(&Map::new()));
    for height in 1..=10 {
        let entry = history.at(height).expect("all are kept");
        assert_eq!(entry.header.height, height);
        assert_eq!(entry.state, state(height, &Map::new()));
        assert_eq!(entry.block_hash, entry.header.hash(EPOCH));
        let block = entry.block.as_ref().expect("executed here");
        assert_eq!(block.header(), entry.header);
        let found = history.find(&entry.block_hash).expect("kept");
        assert_eq!(found.header.height, height);
    }
    assert!(history.at(0).is_none());
    assert!(history.at(11).is_none());
    for height in 0..=12 {
        let since = history.since(height).expect("all are kept");
        let heights: Vec<u64> = since.map(|entry| entry.header.height).collect();
        assert_eq!(heights, (height + 1..=10).collect::<Vec<_>>());
    }
    assert!(
        history
            .since(u64::MAX)
            .is_some_and(|mut rest| rest.next().is_none())
    );
}

#[test]
fn the_oldest_go_at_the_bound() {
    let whole = history(10, usize::MAX, &Map::new());
    for (bytes_max, first) in [
        (whole.bytes() + 1, 1),
        (whole.bytes(), 1),
        (whole.bytes() - 1, 2),
        (0, 10),
    ] {
        let history = history(10, bytes_max, &Map::new());
        let kept: Vec<u64> = history.entries().map(|entry| entry.header.height).collect();
        assert_eq!(kept, (first..=10).collect::<Vec<_>>());
        assert_eq!(history.head(), whole.head());
        assert!(history.bytes() <= bytes_max || kept.len() == 1);
        assert!(history.since(first - 1).is_some());
        if first > 1 {
            assert!(history.since(first - 2).is_none());
            assert_eq!(
                history.rollback(first - 1).err(),
                Some(HistoryError::NotKept { height: first - 1 })
            );
        }
    }
}

#[test]
fn a_rollback_is_a_history_of_its_own() {
    let live = history(10, usize::MAX, &Map::new());
    let bytes = live.bytes();
    for height in [11, u64::MAX] {
        assert_eq!(
            live.rollback(height).err(),
            Some(HistoryError::NotKept { height })
        );
    }
    for height in 0..=10 {
        let (map, mut past) = live.rollback(height).expect("kept");
        assert_eq!(past.head().0, height);
        assert_eq!(
            (&map, past.state()),
            (
                live.state_at(height).expect("kept"),
                live.state_at(height).expect("kept")
            )
        );
        for next in height + 1..=10 {
            grow(&mut past, state(next, &Map::new()), next % 2 == 0);
        }
        assert_eq!((past.head(), past.bytes()), (live.head(), bytes));
        assert_eq!((live.head().0, live.bytes()), (10, bytes));
    }
    let (map, past) = live.rollback(0).expect("the genesis stays");
    assert_eq!((past.head(), past.bytes()), ((0, EPOCH), 0));
    assert_eq!(map, Map::new());
}

#[test]
fn names_why_a_block_does_not_follow() {
    let mut history = history(3, usize::MAX, &Map::new());
    let entry = history.at(3).expect("kept").clone();
    let next = Block {
        height: 4,
        parent: entry.block_hash,
        ..entry.block.clone().expect("executed here")
    };
    let mut offer = |block: &Block, finalization: Option<Certificate>, state: &Map| {
        let before = history.head();
        let refused = history.push(block.clone(), finalization, state.clone());
        assert_eq!(history.head(), before);
        refused
    };
    for height in [3, 5] {
        let block = Block {
            height,
            ..next.clone()
        };
        assert_eq!(
            offer(&block, None, &entry.state),
            Err(HistoryError::Height {
                have: height,
                need: 4
            })
        );
    }
    let orphan = Block {
        parent: EPOCH,
        ..next.clone()
    };
    assert_eq!(
        offer(&orphan, None, &entry.state),
        Err(HistoryError::Parent {
            have: EPOCH,
            need: entry.block_hash
        })
    );
    assert_eq!(
        offer(&next, None, &Map::new()),
        Err(HistoryError::Root {
            have: Map::new().root(),
            need: next.root
        })
    );
    assert_eq!(
        offer(&next, Some(certificate(4, EPOCH)), &entry.state),
        Err(HistoryError::Finalization {
            have: EPOCH,
            need: next.hash(EPOCH)
        })
    );
}

#[test]
fn starts_anew_at_a_snapshot() {
    let mut far = history(40, usize::MAX, &Map::new());
    let mut history = history(3, usize::MAX, &Map::new());
    let entry = far.at(40).expect("kept").clone();
    let finalization = entry
        .finalization
        .clone()
        .expect("even heights are certified");
    let wrong = history.install(entry.header, finalization.clone(), Map::new());
    assert!(matches!(wrong, Err(HistoryError::Root { .. })));
    assert_eq!(history.head().0, 3);
    history
        .install(entry.header, finalization, entry.state)
        .expect("the state has the root");
    assert_eq!(history.head(), far.head());
    assert!(history.since(38).is_none());
    assert_eq!(history.since(39).map(Iterator::count), Some(1));
    assert!(history.at(40).is_some_and(|entry| entry.block.is_none()));
    assert!(history.state_at(3).is_none());
    grow(&mut history, state(41, &Map::new()), true);
    grow(&mut far, state(41, &Map::new()), true);
    assert_eq!(history.head(), far.head());
}
