//! A phone whose store is lost joins its table again by the ticket: it follows and acts, and does
//! not vote.

use althing::node::Status;
use althing_world::Act;

use crate::room::{Room, SECOND, cheap};

#[test]
fn a_phone_without_its_store_follows_and_abstains() {
    let mut room = Room::sit(cheap(1), 4);
    for phone in 0..4 {
        room.add(phone, 1);
    }
    room.settles(SECOND * 10);
    room.world.act(Act::LoseStore { phone: 3 });
    room.run(SECOND * 2);
    room.world.act(Act::Restart { phone: 3 });
    let back = |world: &althing_world::World| world.phone(3).has_started();
    assert!(room.reaches(SECOND * 30, back), "it is in again");
    room.commits(&[3], 4, SECOND * 20);
    room.add(3, 10);
    room.commits(&[0, 1, 2, 3], 14, SECOND * 20);
    room.settles(SECOND * 10);

    // Three phones in reach, but only two of them vote.
    room.part(&[2]);
    room.add(0, 100);
    room.run(SECOND * 30);
    assert!(
        [0, 1, 3].iter().all(|phone| room.value(*phone) == 14),
        "its vote would count"
    );
    // Three are in reach, which is a quorum; the status says that it does not vote.
    let status = room.view(0).status;
    assert!(
        matches!(&status, Status::NoQuorum { missing, .. } if missing.len() == 2),
        "{status:?}"
    );
    room.come_back(&[2]);
    room.commits(&[0, 1, 2, 3], 114, SECOND * 30);
    room.settles(SECOND * 10);
    let live = |world: &althing_world::World| world.phone(0).status() == "live";
    assert!(room.reaches(SECOND * 10, live), "it votes again");

    // A restart of the new store does not give the vote back.
    room.world.act(Act::Crash {
        phone: 3,
        clean: true,
    });
    room.world.act(Act::Restart { phone: 3 });
    room.run(SECOND * 5);
    room.part(&[2]);
    room.add(0, 1000);
    room.run(SECOND * 30);
    assert!([0, 1, 3].iter().all(|phone| room.value(*phone) == 114));
    room.come_back(&[2]);
    room.commits(&[0, 1, 2, 3], 1114, SECOND * 30);
    room.is_sound();
}
