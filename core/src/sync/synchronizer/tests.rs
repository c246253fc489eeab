use std::cell::Cell;

use proptest::prelude::*;

use super::super::{answer, validate_state};
use super::*;
use crate::state::fixtures::{EPOCH, certificate, grow, history, state};
use crate::state::{History, Key};
use crate::wire::{MESSAGE_LEN_MAX, PackedActions, SnapshotChunk, VoteKind, decode, encode};

pub(crate) const BUDGET: usize = 24 * 1024;
pub(crate) const SNAPSHOT_MAX: usize = 1 << 20;

/// A state of `entries` entries.
pub(crate) fn filled(entries: u32, value_len: usize) -> Map {
    (0..entries)
        .map(|number| {
            let key = Key::new(&number.to_be_bytes()).expect("short");
            (key, vec![number as u8; value_len])
        })
        .collect()
}

/// All certificates of these tests carry three signatures; a quorum is three.
pub(crate) fn quorum(certificate: &Certificate) -> bool {
    certificate.signatures.len() >= 3
}

fn receive(
    sync: &mut Synchronizer,
    found: Found,
    head: (u64, Hash),
) -> Result<SyncStep, PeerFault> {
    sync.receive(found, head, &quorum, EPOCH)
}

fn suffix(server: &History, range: std::ops::RangeInclusive<u64>) -> (Vec<Block>, Certificate) {
    let last = server.at(*range.end()).expect("kept");
    let blocks = range.map(|height| server.at(height).expect("kept").block.clone());
    (
        blocks.collect(),
        certificate(last.block.height, last.block_hash),
    )
}

fn offer(
    blocks: Vec<Block>,
    finalization: Certificate,
    head: (u64, Hash),
) -> Result<SyncStep, PeerFault> {
    let found = Found::Blocks {
        blocks: BoundedVec::truncating(blocks),
        finalization,
    };
    receive(&mut Synchronizer::new(SNAPSHOT_MAX), found, head)
}

#[test]
fn every_failing_check_of_blocks_has_its_name() {
    let server = history(8, usize::MAX, &Map::new());
    let own = history(4, usize::MAX, &Map::new());
    let head = own.head();
    let (blocks, finalization) = suffix(&server, 5..=8);
    assert_eq!(
        offer(blocks.clone(), finalization.clone(), head),
        Ok(SyncStep::Blocks {
            blocks: blocks.clone(),
            finalization: finalization.clone()
        })
    );
    let fault = |what| Err(PeerFault::Sync(what));
    assert_eq!(
        offer(Vec::new(), finalization.clone(), head),
        fault("no blocks")
    );

    let mut bent = blocks.clone();
    bent.remove(1);
    assert_eq!(
        offer(bent, finalization.clone(), head),
        fault("a block does not follow the one before")
    );
    let mut bent = blocks.clone();
    bent[1].root = Hash::ZERO;
    assert_eq!(
        offer(bent, finalization.clone(), head),
        fault("a block does not follow the one before")
    );
    let mut bent = blocks.clone();
    bent[3].root = Hash::ZERO;
    assert_eq!(
        offer(bent, finalization.clone(), head),
        fault("the finalization is of another block")
    );
    assert_eq!(
        offer(blocks[..3].to_vec(), finalization.clone(), head),
        fault("the finalization is of another block")
    );
    for kind in [VoteKind::Notarize, VoteKind::Nullify] {
        let mut bent = finalization.clone();
        bent.statement.kind = kind;
        assert_eq!(
            offer(blocks.clone(), bent, head),
            fault("the certificate is no finalization")
        );
    }
    let mut bent = finalization.clone();
    bent.signatures = BoundedVec::truncating(bent.signatures[..2].to_vec());
    assert_eq!(
        offer(blocks.clone(), bent, head),
        fault("the finalization does not verify")
    );
    assert_eq!(
        offer(blocks[1..].to_vec(), finalization.clone(), head),
        fault("blocks do not follow the head")
    );
    let mut bent = blocks[..2].to_vec();
    bent[0].height = u64::MAX;
    bent[1].height = u64::MAX;
    bent[1].parent = bent[0].hash(EPOCH);
    assert_eq!(
        offer(bent, finalization.clone(), head),
        fault("a block does not follow the one before")
    );
    for unasked in [
        Found::Actions(PackedActions::default()),
        answer(
            &server,
            &Fetch::Body {
                block: server.head().1,
            },
            BUDGET,
        ),
    ] {
        assert_eq!(
            receive(&mut Synchronizer::new(0), unasked, head),
            fault("not an answer to what was asked")
        );
    }
}

#[test]
fn answers_cross_with_commits() {
    let server = history(8, usize::MAX, &Map::new());
    let (blocks, finalization) = suffix(&server, 3..=8);
    for height in 2..=8u64 {
        let head = (height, server.at(height).expect("kept").block_hash);
        let step = offer(blocks.clone(), finalization.clone(), head);
        let expected = match height {
            8 => SyncStep::UpToDate,
            _ => SyncStep::Blocks {
                blocks: blocks[(height - 2) as usize..].to_vec(),
                finalization: finalization.clone(),
            },
        };
        assert_eq!(step, Ok(expected));
    }
    let (blocks, finalization) = suffix(&server, 3..=4);
    assert_eq!(
        offer(blocks, finalization, server.head()),
        Ok(SyncStep::UpToDate)
    );
}

#[test]
fn another_committed_block_at_one_height_is_divergence() {
    let mut server = history(8, usize::MAX, &Map::new());
    let mut own = history(5, usize::MAX, &Map::new());
    grow(&mut own, filled(1, 1), true);
    let (certified, head) = (server.at(6).expect("kept").block_hash, own.head());
    // Also when the newest block of the other side is no newer, and when it is asked for.
    for rollback in [8, 6] {
        server.rollback(rollback).expect("kept");
        let mut sync = Synchronizer::new(SNAPSHOT_MAX);
        let found = answer(&server, &sync.request(head), BUDGET);
        match receive(&mut sync, found, head) {
            Ok(SyncStep::Diverged {
                height,
                own,
                certified: there,
                ..
            }) => {
                assert_eq!((height, own, there), (6, head.1, certified));
            }
            other => panic!("{other:?}"),
        }
    }
    // But not on the word of fewer than a quorum.
    let (blocks, mut finalization) = suffix(&server, 5..=6);
    finalization.signatures = BoundedVec::new();
    assert_eq!(
        offer(blocks, finalization, head),
        Err(PeerFault::Sync("the finalization does not verify"))
    );
}

fn chunk(server: &History, from_chunk: u32) -> SnapshotChunk {
    let fetch = Fetch::Snapshot {
        block: server.head().1,
        from_chunk,
    };
    match answer(server, &fetch, BUDGET) {
        Found::Snapshot(chunk) => chunk,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_failing_check_of_a_snapshot_has_its_name() {
    let server = history(8, usize::MAX, &filled(1_000, 60));
    let head = (0, EPOCH);
    let good = chunk(&server, 0);
    assert_eq!(good.chunks, 3);
    let offer = |bend: &dyn Fn(&mut SnapshotChunk)| {
        let mut sync = Synchronizer::new(SNAPSHOT_MAX);
        let mut bent = good.clone();
        bend(&mut bent);
        let result = receive(&mut sync, Found::Snapshot(bent), head);
        if result.is_err() {
            assert!(
                matches!(sync.request(head), Fetch::Above { .. }),
                "nothing is kept"
            );
        }
        result
    };
    let fault = |what| Err(PeerFault::Sync(what));
    assert!(matches!(
        offer(&|_| {}),
        Ok(SyncStep::More(Fetch::Snapshot { from_chunk: 1, .. }))
    ));
    assert_eq!(
        offer(&|it| it.chunk = it.chunks),
        fault("index beyond the count")
    );
    assert_eq!(
        offer(&|it| it.entries = BoundedVec::new()),
        fault("a chunk without entries")
    );
    assert_eq!(
        offer(&|it| it.block.root = Hash::ZERO),
        fault("the finalization is of another block")
    );
    assert_eq!(
        offer(&|it| it.finalization.statement.kind = VoteKind::Notarize),
        fault("the certificate is no finalization")
    );
    assert_eq!(
        offer(&|it| it.finalization.signatures = BoundedVec::new()),
        fault("the finalization does not verify")
    );
    assert_eq!(
        offer(&|it| {
            let reversed = it.entries.iter().rev().cloned().collect();
            it.entries = BoundedVec::truncating(reversed);
        }),
        fault("keys out of order")
    );
    // The bound, at its edge: the bytes of the first chunk.
    let bytes: usize = good.entries.iter().map(|entry| encode(entry).len()).sum();
    for (bytes_max, fits) in [(bytes - 1, false), (bytes, true), (bytes + 1, true)] {
        let mut sync = Synchronizer::new(bytes_max);
        let result = receive(&mut sync, Found::Snapshot(good.clone()), head);
        assert_eq!(result.is_ok(), fits);
    }
    // Another count in the second chunk; a wrong value anywhere.
    let mut sync = Synchronizer::new(SNAPSHOT_MAX);
    receive(&mut sync, Found::Snapshot(good.clone()), head).expect("good");
    let mut bent = chunk(&server, 1);
    bent.chunks += 1;
    assert_eq!(
        receive(&mut sync, Found::Snapshot(bent), head),
        fault("another count than before")
    );
    for wrong in 0..3 {
        let mut sync = Synchronizer::new(SNAPSHOT_MAX);
        let mut result = Ok(SyncStep::UpToDate);
        for index in 0..3 {
            let mut chunk = chunk(&server, index);
            if index == wrong {
                let mut entries = chunk.entries.into_vec();
                entries[1].1 = crate::wire::Bytes::new();
                chunk.entries = BoundedVec::truncating(entries);
            }
            result = receive(&mut sync, Found::Snapshot(chunk), head);
        }
        assert_eq!(result, fault("the state does not have the certified root"));
        assert!(matches!(sync.request(head), Fetch::Above { .. }));
    }
}

#[test]
fn chunks_come_doubled_and_out_of_order() {
    let mut server = history(8, usize::MAX, &filled(1_000, 60));
    let head = (0, EPOCH);
    let verified = Cell::new(0);
    let count = |certificate: &Certificate| {
        verified.set(verified.get() + 1);
        quorum(certificate)
    };
    let mut sync = Synchronizer::new(SNAPSHOT_MAX);
    let mut collected = None;
    for (index, next) in [(2, 0), (0, 1), (0, 1), (2, 1), (1, 2), (1, 2), (2, 3)] {
        let found = Found::Snapshot(chunk(&server, index));
        match sync.receive(found, head, &count, EPOCH).expect("good") {
            SyncStep::More(Fetch::Snapshot { block, from_chunk }) => {
                assert_eq!((block, from_chunk), (server.head().1, next));
                assert_eq!(sync.request(head), Fetch::Snapshot { block, from_chunk });
            }
            SyncStep::Snapshot { state: whole, .. } => collected = Some(whole),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(collected.as_ref(), Some(server.state()));
    assert_eq!(verified.get(), 1, "one verification for each snapshot");

    // A newer snapshot replaces one that was begun, an older one does not.
    let old = server.clone();
    receive(&mut sync, Found::Snapshot(chunk(&old, 0)), head).expect("good");
    let newer = state(9, server.state());
    grow(&mut server, newer, true);
    let step = receive(&mut sync, Found::Snapshot(chunk(&server, 0)), head);
    let expected = Fetch::Snapshot {
        block: server.head().1,
        from_chunk: 1,
    };
    assert_eq!(step, Ok(SyncStep::More(expected.clone())));
    let step = receive(&mut sync, Found::Snapshot(chunk(&old, 1)), head);
    assert_eq!(step, Ok(SyncStep::More(expected)));
    // Once the head has passed it, it is forgotten.
    let step = receive(&mut sync, Found::Snapshot(chunk(&server, 1)), server.head());
    assert_eq!(step, Ok(SyncStep::UpToDate));
    assert!(matches!(sync.request(head), Fetch::Above { .. }));
}

#[test]
fn validate_state_names_the_failing_check() {
    let server = history(8, usize::MAX, &Map::new());
    let entry = server.at(8).expect("kept");
    let finalization = entry
        .finalization
        .clone()
        .expect("even heights are certified");
    let head = (7, server.at(7).expect("kept").block_hash);
    let check = |map: &Map, block: &Block, finalization: &Certificate, head| {
        validate_state(map, block, finalization, head, &quorum, EPOCH)
    };
    assert_eq!(
        check(&entry.state, &entry.block, &finalization, head),
        Ok(())
    );
    assert_eq!(
        check(&entry.state, &entry.block, &finalization, server.head()),
        Ok(())
    );
    assert_eq!(
        check(&Map::new(), &entry.block, &finalization, head),
        Err(SyncError::WrongValue {
            have: Map::new().root(),
            need: entry.block.root
        })
    );
    assert_eq!(
        check(&entry.state, &entry.block, &finalization, (9, EPOCH)),
        Err(SyncError::Stale { have: 8, need: 9 })
    );
    assert_eq!(
        check(&entry.state, &entry.block, &finalization, (8, EPOCH)),
        Err(SyncError::Diverged {
            height: 8,
            own: EPOCH,
            certified: entry.block_hash
        })
    );
    assert_eq!(
        check(&entry.state, &entry.block, &certificate(8, EPOCH), head),
        Err(SyncError::OtherBlock {
            have: EPOCH,
            need: entry.block_hash
        })
    );
    let mut bent = finalization.clone();
    bent.statement.kind = VoteKind::Notarize;
    assert_eq!(
        check(&entry.state, &entry.block, &bent, head),
        Err(SyncError::NotFinal)
    );
    let mut bent = finalization;
    bent.signatures = BoundedVec::new();
    assert_eq!(
        check(&entry.state, &entry.block, &bent, head),
        Err(SyncError::Unverified)
    );
}

#[test]
fn survives_mutated_answers() {
    let server = history(8, usize::MAX, &filled(20, 2));
    let old = history(6, usize::MAX, &filled(20, 2));
    let head = (4, server.at(4).expect("kept").block_hash);
    let samples = [
        encode(&answer(
            &server,
            &Fetch::Above {
                height: 4,
                block: head.1,
            },
            BUDGET,
        )),
        encode(&Found::Snapshot(chunk(&server, 0))),
        encode(&Found::Snapshot(chunk(&old, 0))),
        encode(&Found::Busy { retry_after_ms: 7 }),
    ];
    // Only the true finalizations verify, as with real signatures.
    let verify = |certificate: &Certificate| {
        [&server, &old].iter().any(|it| {
            let entry = it.at(it.head().0).expect("kept");
            entry.finalization.as_ref() == Some(certificate)
        })
    };
    let mut sync = Synchronizer::new(SNAPSHOT_MAX);
    crate::state::mutated(&samples, 100_000, |bytes| {
        let Ok(found) = decode::<Found>(bytes, MESSAGE_LEN_MAX) else {
            return;
        };
        match sync.receive(found, head, &verify, EPOCH) {
            Ok(SyncStep::Blocks { blocks, .. }) => {
                let last = blocks.last().expect("there is one").hash(EPOCH);
                assert_eq!(last, server.head().1);
            }
            Ok(SyncStep::Snapshot { block, state, .. }) => assert_eq!(state.root(), block.root),
            Ok(SyncStep::Diverged { .. }) => panic!("nothing diverged"),
            Ok(SyncStep::More(_) | SyncStep::UpToDate | SyncStep::Busy { .. }) | Err(_) => {}
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(found) = decode::<Found>(&bytes, MESSAGE_LEN_MAX) {
            let mut sync = Synchronizer::new(SNAPSHOT_MAX);
            let step = sync.receive(found, (1, Hash::ZERO), &|_| false, EPOCH);
            let harmless = matches!(step, Err(_) | Ok(SyncStep::UpToDate | SyncStep::Busy { .. }));
            prop_assert!(harmless);
        }
    }
}
