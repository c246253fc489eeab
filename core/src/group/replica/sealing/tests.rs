//! What is sealed stays sealed: while members seal, fall behind, catch up and restart, every byte
//! that is encoded, stored or sent is searched for it.

use std::sync::Arc;

use crate::error::SealError;
use crate::group::replica::cluster::Cluster;
use crate::rules::board::{self, Board, BoardAction, Entry};
use crate::wire::{Bytes, Found, GroupMessage, MESSAGE_LEN_MAX, decode, tap};

const ANN: usize = 0;
const BOB: usize = 1;
const CAT: usize = 2;
const DAN: usize = 3;
const QUEEN: &[u8] = b"the queen of spades";
const BLINDING: [u8; 32] = *b"a blinding nobody else will draw";

/// Whether anything that was encoded, stored or sent since the last look holds `secret`.
fn leaked(cluster: &mut Cluster, secrets: &[&[u8]]) -> bool {
    let mut bytes = tap::take();
    assert!(!bytes.is_empty() && !cluster.carried.is_empty(), "blind");
    bytes.append(&mut cluster.carried);
    bytes.iter().any(|bytes| {
        secrets
            .iter()
            .any(|secret| bytes.windows(secret.len()).any(|window| window == *secret))
    })
}

fn put(key: &str, value: &[u8]) -> Vec<u8> {
    let action = BoardAction::Put {
        key: Bytes::truncating(key.as_bytes().to_vec()),
        value: Bytes::truncating(value.to_vec()),
        expect: None,
    };
    action.encode()
}

/// Whether somebody was answered by blocks, a delta or a snapshot since the last look.
fn served(cluster: &Cluster) -> [bool; 3] {
    let mut served = [false; 3];
    for bytes in &cluster.carried {
        match decode(bytes, MESSAGE_LEN_MAX) {
            Ok(GroupMessage::Found(Found::Blocks { .. })) => served[0] = true,
            Ok(GroupMessage::Found(Found::Delta { .. })) => served[1] = true,
            Ok(GroupMessage::Found(Found::Snapshot { .. })) => served[2] = true,
            _ => {}
        }
    }
    served
}

#[test]
fn nothing_sealed_is_encoded_stored_or_sent_before_it_is_opened() {
    tap::open();
    let secrets: [&[u8]; 2] = [QUEEN, &BLINDING];
    // Some ten blocks of history: who is longer away needs a snapshot.
    let mut cluster = Cluster::new(4, Arc::new(Board), 6 * 1024);
    for phone in [ANN, BOB, CAT, DAN] {
        let payload = cluster.replica(phone).publish_sealing_key();
        cluster.commit(phone, payload.expect("a board"));
    }
    assert!(!leaked(&mut cluster, &secrets));

    // Dan misses the deal and catches up by blocks.
    cluster.set_in_reach(DAN, false);
    let bob = cluster.peer(BOB);
    let replica = cluster.replica(ANN);
    let deal = replica.seal(b"hand/bob", &bob, QUEEN, BLINDING, [8; 32]);
    cluster.commit(ANN, deal.expect("Bob has a key"));
    cluster.set_in_reach(DAN, true);
    assert_eq!(served(&cluster), [true, false, false]);
    for phone in [ANN, CAT, DAN] {
        let read = cluster.replica(phone).unseal(b"hand/bob");
        assert_eq!(read, Err(SealError::NotItsOwner));
    }
    let read = cluster.replica(BOB).unseal(b"hand/bob").expect("his own");
    assert_eq!(read.plaintext(), QUEEN);
    assert!(!leaked(&mut cluster, &secrets));

    // He misses another one, and so many turns that what changed is shorter than its blocks.
    cluster.set_in_reach(DAN, false);
    let cat = cluster.peer(CAT);
    let replica = cluster.replica(ANN);
    let deal = replica.seal(b"hand/cat", &cat, QUEEN, BLINDING, [6; 32]);
    cluster.commit(ANN, deal.expect("Cat has a key"));
    for turn in 0..6u8 {
        cluster.commit(usize::from(turn % 3), put("turn", &[turn; 100]));
    }
    assert!(!leaked(&mut cluster, &secrets));
    cluster.set_in_reach(DAN, true);
    assert_eq!(served(&cluster), [false, true, false]);
    let read = cluster.replica(DAN).unseal(b"hand/cat");
    assert_eq!(read, Err(SealError::NotItsOwner), "he has the entry");
    assert!(!leaked(&mut cluster, &secrets));

    // Dan is away for long, and gets the whole state.
    cluster.set_in_reach(DAN, false);
    for turn in 0..24u8 {
        cluster.commit(usize::from(turn % 3), put("turn", &[turn; 100]));
    }
    cluster.set_in_reach(DAN, true);
    assert_eq!(served(&cluster), [false, false, true]);
    let head = cluster.replica(ANN).head();
    assert_eq!(cluster.replica(DAN).head(), head);
    assert!(!leaked(&mut cluster, &secrets));

    // Everyone restarts from his store; Bob still reads it.
    for phone in [ANN, BOB, CAT, DAN] {
        cluster.restart(phone);
        assert_eq!(cluster.replica(phone).head(), head);
    }
    cluster.commit(CAT, put("turn", b"last"));
    let read = cluster.replica(BOB).unseal(b"hand/bob").expect("his own");
    assert_eq!(read.plaintext(), QUEEN);
    assert!(!leaked(&mut cluster, &secrets));

    // Open, it is everybody's: this search does find.
    cluster.commit(BOB, read.open().encode());
    for secret in secrets {
        assert!(
            cluster
                .carried
                .iter()
                .any(|bytes| { bytes.windows(secret.len()).any(|window| window == secret) })
        );
    }
    assert!(leaked(&mut cluster, &secrets));
    for phone in [ANN, BOB, CAT, DAN] {
        let state = cluster.replica(phone).view().committed;
        let Some(Entry::Opened { plaintext, .. }) = board::entry(&state, b"hand/bob") else {
            panic!("opened on {phone}");
        };
        assert_eq!(&*plaintext, QUEEN);
    }
}

#[test]
fn the_search_finds_what_is_not_sealed() {
    tap::open();
    let mut cluster = Cluster::new(4, Arc::new(Board), 6 * 1024);
    cluster.commit(ANN, put("hand/bob", QUEEN));
    assert!(leaked(&mut cluster, &[QUEEN]));
    // The blocks still name it, and so does the state of whoever restarts.
    cluster.commit(BOB, put("turn", b"one"));
    tap::take();
    cluster.carried.clear();
    cluster.set_in_reach(DAN, false);
    for turn in 0..24u8 {
        cluster.commit(usize::from(turn % 3), put("turn", &[turn; 100]));
    }
    tap::take();
    cluster.carried.clear();
    cluster.set_in_reach(DAN, true);
    assert_eq!(served(&cluster), [false, false, true]);
    assert!(leaked(&mut cluster, &[QUEEN]), "in the snapshot");
}
