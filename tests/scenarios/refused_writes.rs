//! A disk that takes nothing: what depends on a write is not sent, the phone says why it does not vote,
//! and goes on by itself once there is room.

use std::collections::BTreeMap;

use althing::error::StoreFault;
use althing_world::{Act, World};

use crate::room::{Room, SECOND, cheap};

/// Kinds of messages that hold something of their sender's own making.
const OWN: [&str; 4] = ["actions", "proposal", "votes", "recovery"];

/// Bytes that `phone` sent, of those kinds.
fn sent(world: &World, phone: usize) -> BTreeMap<&'static str, u64> {
    let mut sent = world.phone(phone).sent_bytes();
    sent.retain(|kind, _| OWN.contains(kind));
    sent
}

#[test]
fn nothing_leaves_before_the_disk_takes_it() {
    for fault in [StoreFault::Full, StoreFault::ReadOnly, StoreFault::Io] {
        let mut room = Room::sit(cheap(80), 4);
        room.add(0, 1);
        room.settles(SECOND * 10);
        // Without phone 2 the vote of phone 3 is needed.
        room.part(&[2]);
        let phone = 3;
        room.world.act(Act::Disk {
            phone,
            fault: Some(fault),
        });
        let before = sent(&room.world, phone);
        room.add(phone, 10);
        room.run(SECOND * 5);
        assert_eq!(sent(&room.world, phone), before, "{fault}: its own action");

        // It may pass on what others make; its own vote is not among that.
        room.add(0, 1);
        room.run(SECOND * 30);
        assert_eq!(room.value(0), 1, "{fault}: its vote would count");
        let waiting = room.view(phone).waiting_for;
        assert!(
            waiting.iter().any(|wait| wait.what == "store"),
            "{waiting:?}"
        );
        let log = room.world.report(4).log;
        let why = fault.to_string();
        assert!(log.iter().any(|line| line.text.contains(&why)), "{why}");

        room.world.act(Act::Disk { phone, fault: None });
        room.commits(&[0, 1, 3], 12, SECOND * 30);
        room.come_back(&[2]);
        room.settles(SECOND * 30);
        assert_eq!(room.world.phone(phone).recoveries(), [], "nothing was lost");
        room.is_sound();
    }
}
