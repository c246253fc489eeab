//! Packed actions: whoever makes bad ones is named, and a lost predecessor is asked for.

use super::*;
use crate::config::Config;
use crate::group::fixture::{Room, add};
use crate::group::replica::cluster::Cluster;
use crate::group::{ReplicaInput, ReplicaSetup};
use crate::id::RunId;
use crate::sync::pack::{Before, pack};
use crate::wire::{Bytes, DecodeError, Found, UnpackError, encode};

const NOW: Instant = Instant::from_millis(1);

fn replica(room: &Room, index: usize) -> Replica {
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
    Replica::new(&setup, room.genesis.clone(), NOW, &mut Outbox::new()).expect("a member")
}

/// What `replica` does with a message of member `from`.
fn hears(replica: &mut Replica, from: u8, message: GroupMessage) -> Vec<ReplicaOutput> {
    let origin = replica.members[usize::from(from)].address();
    let mut out = Outbox::new();
    replica.handle(ReplicaInput::Message { origin, message }, NOW, &mut out);
    replica.handle(ReplicaInput::Flush, NOW, &mut out);
    std::iter::from_fn(|| out.pop()).collect()
}

/// The messages among `outputs` that go to member `to` and ask for actions, or bring them.
fn about_actions(replica: &Replica, to: u8, outputs: Vec<ReplicaOutput>) -> Vec<GroupMessage> {
    let address = replica.members[usize::from(to)].address();
    let sent = outputs.into_iter().filter_map(|output| match output {
        ReplicaOutput::Send { to, message } if to == address => Some(message),
        _ => None,
    });
    sent.filter(|message| {
        matches!(
            message,
            GroupMessage::Fetch(Fetch::Actions { .. }) | GroupMessage::Found(Found::Actions(_))
        )
    })
    .collect()
}

#[test]
fn an_action_whose_predecessor_was_lost_is_rebuilt_from_the_answer() {
    // Of three actions, the first ones reached the phone or none did; the last one names no anchor.
    for had in [0, 1] {
        let room = Room::new(4);
        let (mut asker, mut sender) = (replica(&room, 0), replica(&room, 1));
        let mut pen = room.pen(2);
        let actions: Vec<SignedAction> = (1..=3).map(|amount| pen.write(&add(amount))).collect();
        for (action, reached) in actions.iter().zip([had > 0, false, false]) {
            sender.action(action, None, NOW, &mut Outbox::new());
            if reached {
                asker.action(action, None, NOW, &mut Outbox::new());
            }
        }
        let last = &actions[2..];
        let known = Before::new(2, &last[0].action);
        let (packed, _) = pack(sender.packing(), last, &known, 1000).expect("one action");
        assert!(packed.anchors.is_empty(), "only its author is said");

        let outputs = hears(&mut asker, 1, GroupMessage::Actions(packed));
        let spread = |output: &ReplicaOutput| {
            matches!(
                output,
                ReplicaOutput::Fault { .. }
                    | ReplicaOutput::Spread {
                        message: GroupMessage::Actions(_),
                        ..
                    }
            )
        };
        assert!(!outputs.iter().any(spread), "{outputs:?}");
        assert_eq!(asker.pool.hashes().count(), had, "nothing is believed yet");
        let asked = about_actions(&asker, 1, outputs);
        let from = had as u64 + 1;
        let fetch = GroupMessage::Fetch(Fetch::Actions { author: 2, from });
        assert_eq!(asked, std::slice::from_ref(&fetch));

        let outputs = hears(&mut sender, 0, fetch);
        let found = about_actions(&sender, 0, outputs);
        assert!(!found.is_empty());
        for message in found {
            hears(&mut asker, 1, message);
        }
        assert!(asker.pool.hashes().eq(sender.pool.hashes()));
    }
}

#[test]
fn what_was_rebuilt_is_committed() {
    let room = Room::new(4);
    let mut cluster = Cluster::new(4, room.rules.clone(), 64 * 1024);
    let mut pen = room.pen(2);
    let actions: Vec<SignedAction> = (1..=3).map(|amount| pen.write(&add(amount))).collect();
    let known = Before::new(2, &actions[2].action);
    let packed = pack(cluster.replica(0).packing(), &actions[2..], &known, 1000);
    let (packed, _) = packed.expect("one action");
    // One member has all of them, and another one hears the last from him.
    cluster.carried.clear();
    cluster.knows(1, &actions);
    cluster.hears(0, 1, GroupMessage::Actions(packed));
    let fetch = GroupMessage::Fetch(Fetch::Actions { author: 2, from: 1 });
    assert!(cluster.carried.contains(&encode(&fetch)));
    for phone in 0..4 {
        let state = cluster.replica(phone).view().committed;
        assert_eq!(state.get(&[b'm', 2]), Some(&[6][..]), "on {phone}");
    }
}

#[test]
fn whoever_packs_what_does_not_unpack_is_named() {
    let room = Room::new(4);
    let mut phone = replica(&room, 0);
    let mut pen = room.pen(2);
    let actions = [pen.write(&add(1)), pen.write(&add(2))];
    let (good, _) = pack(phone.packing(), &actions, &Nothing, 1000).expect("two actions");
    let culprit = room.identities[1].peer();
    let mut unused = good.clone();
    let twice = good.anchors.iter().chain(good.anchors.iter()).copied();
    unused.anchors = crate::wire::BoundedVec::truncating(twice.collect());
    let mut longer = good.clone();
    longer.bytes = Bytes::truncating([&good.bytes[..], &[0]].concat());
    let mut cut = good.clone();
    cut.bytes = Bytes::new();
    for bad in [unused, longer, cut] {
        for message in [
            GroupMessage::Actions(bad.clone()),
            GroupMessage::Found(Found::Actions(bad.clone())),
        ] {
            let outputs = hears(&mut phone, 1, message);
            let named = outputs.iter().any(|output| {
                matches!(
                    output,
                    ReplicaOutput::Fault {
                        peer: Some(peer),
                        fault: PeerFault::Packed(
                            UnpackError::Malformed(
                                DecodeError::NotCanonical
                                    | DecodeError::Malformed
                                    | DecodeError::Trailing { .. }
                            ) | UnpackError::Anchors { .. }
                        ),
                    } if *peer == culprit
                )
            });
            assert!(named, "{outputs:?}");
            assert_eq!(phone.pool.hashes().count(), 0);
        }
    }
    // A signature that fails is nobody's.
    let mut forged = good.clone();
    let mut signatures = forged.signatures.into_vec();
    signatures[0].0[0] ^= 1;
    forged.signatures = crate::wire::BoundedVec::truncating(signatures);
    let outputs = hears(&mut phone, 1, GroupMessage::Actions(forged));
    let fault = PeerFault::Signature;
    assert!(outputs.iter().any(|output| {
        matches!(output, ReplicaOutput::Fault { peer: None, fault: found } if *found == fault)
    }));
    hears(&mut phone, 1, GroupMessage::Actions(good));
    assert_eq!(phone.pool.hashes().count(), 2);
}
