//! A disk that takes nothing: what depends on a write is not sent, the phone says why it does not vote,
//! and goes on by itself once there is room.

use althing::error::StoreFault;
use althing_world::{Act, World};

use crate::room::{Room, SECOND, cheap};

#[test]
fn no_vote_leaves_before_the_disk_takes_it() {
    for fault in [StoreFault::Full, StoreFault::ReadOnly, StoreFault::Io] {
        let mut room = Room::sit(cheap(80), 4);
        room.add(0, 1);
        room.settles(SECOND * 10);
        // Without phone 2 the vote of phone 3 is needed.
        room.part(&[2]);
        let phone = 3;
        let fault = Some(fault);
        room.world.act(Act::Disk { phone, fault });
        let votes = |world: &World| world.phone(3).sent_bytes().get("votes").copied();
        let before = votes(&room.world);
        room.add(0, 1);
        room.run(SECOND * 20);
        assert_eq!(room.value(0), 1, "{fault:?}");
        // It passes on what others voted; its own votes are not among that.
        let relayed = votes(&room.world);
        let stores = room.view(3).waiting_for;
        assert!(stores.iter().any(|wait| wait.what == "store"), "{stores:?}");
        let notes = room.world.report(4).log;
        let why = fault.expect("it is one").to_string();
        assert!(notes.iter().any(|line| line.text.contains(&why)), "{why}");
        room.run(SECOND * 20);
        assert_eq!(room.value(0), 1, "{fault:?}");
        assert!(relayed >= before);

        let fault = None;
        room.world.act(Act::Disk { phone, fault });
        room.commits(&[0, 1, 3], 2, SECOND * 30);
        assert!(votes(&room.world) > relayed);
        room.come_back(&[2]);
        room.settles(SECOND * 30);
        assert_eq!(room.world.phone(3).recoveries(), [], "nothing was lost");
        room.is_sound();
    }
}
