//! A store that is copied back from before is found out by the counter beside it: the phone does not
//! vote from it as if it were its last one.

use althing::node::RecoveryStage;
use althing_world::Act;

use crate::room::{Room, SECOND, cheap};

#[test]
fn a_store_of_yesterday_asks_before_it_votes() {
    for seed in 0..6 {
        let mut room = Room::sit(cheap(30 + seed), 4);
        room.add(3, 1);
        room.settles(SECOND * 10);
        room.world.act(Act::CopyStore { phone: 3 });
        let (phone, clean) = (3, seed % 2 == 0);
        room.world.act(Act::Crash { phone, clean });
        room.world.act(Act::Restart { phone });
        for value in 2..8 {
            room.add(3, 1);
            room.commits(&[0, 1, 2, 3], value, SECOND * 20);
        }
        assert_eq!(room.world.phone(3).recoveries(), [], "a restart is no loss");
        // In the middle of a round that it voted in.
        room.add(0, 1);
        room.run(SECOND / 1000 * (20 * u32::try_from(seed).unwrap() + 5));
        room.world.act(Act::PutStoreBack { phone });
        room.run(SECOND / 5);
        room.world.act(Act::Restart { phone });
        room.commits(&[0, 1, 2, 3], 8, SECOND * 30);
        let own = room.world.phone(3).peer();
        let told = room.world.phone(3).recoveries().to_vec();
        assert_eq!(
            told.first(),
            Some(&(own, RecoveryStage::Asking)),
            "seed {seed}"
        );
        let value = room.until_it_votes(3, 3) + 100;
        room.part(&[2]);
        room.add(0, 100);
        room.commits(&[0, 1, 3], value, SECOND * 30);
        room.come_back(&[2]);
        room.commits(&[2], value, SECOND * 30);
        room.settles(SECOND * 20);
        room.is_sound();
    }
}

#[test]
fn what_it_signs_before_it_hears_anybody_takes_no_number_twice() {
    let mut room = Room::sit(cheap(50), 4);
    let phone = 3;
    room.add(phone, 1);
    room.settles(SECOND * 10);
    room.run(SECOND);
    room.world.act(Act::CopyStore { phone });
    room.world.act(Act::Crash { phone, clean: true });
    room.world.act(Act::Restart { phone });
    room.add(phone, 10);
    room.commits(&[0, 1, 2, 3], 11, SECOND * 20);
    room.settles(SECOND * 10);
    room.part(&[phone]);
    room.world.act(Act::PutStoreBack { phone });
    room.world.act(Act::Restart { phone });
    assert_eq!(room.value(phone), 1, "what the copy knows");
    room.add(phone, 100);
    room.run(SECOND * 20);
    // Dying now, it knows its new numbering all the same.
    room.world.act(Act::Crash { phone, clean: true });
    room.world.act(Act::Restart { phone });
    room.add(phone, 1_000);
    room.run(SECOND * 20);
    room.come_back(&[phone]);
    room.commits(&[0, 1, 2, 3], 1_111, SECOND * 40);
    room.settles(SECOND * 20);
    room.is_sound();
}
