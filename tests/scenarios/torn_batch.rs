//! A disk that keeps only a part of what was being written, cut in the middle of a record: the phone
//! opens its store all the same, loses nothing that was synced, and never votes twice.

use althing::node::RecoveryStage;
use althing_world::{Act, World};

use crate::room::{Room, SECOND, cheap};

/// Phone 3 dies while a batch is being written of which so many bytes stay; how it recovered.
fn torn(seed: u64, batches: u32, bytes: usize) -> bool {
    let name = format!("batch {batches}, byte {bytes}");
    let phone = 3;
    let mut room = Room::sit(cheap(seed), 4);
    room.add(3, 1);
    room.settles(SECOND * 10);
    room.world.act(Act::Tear {
        phone,
        batches,
        bytes,
    });
    room.add(0, 1);
    let dead = |world: &World| world.phone(3).node().is_none();
    assert!(room.reaches(SECOND * 20, dead), "{name}: it dies");
    room.run(SECOND / 2);
    room.world.act(Act::Restart { phone });
    let in_again = |world: &World| world.phone(3).has_started();
    assert!(
        room.reaches(SECOND * 30, in_again),
        "{name}: never unopenable"
    );
    room.commits(&[0, 1, 2, 3], 2, SECOND * 30);
    let own = room.world.phone(3).peer();
    let told = room.world.phone(3).recoveries();
    let lost = told.contains(&(own, RecoveryStage::Asking));
    let value = if lost { room.until_it_votes(3, 1) } else { 2 };
    room.settles(SECOND * 20);
    // Its vote counts.
    room.part(&[2]);
    room.add(0, 100);
    room.commits(&[0, 1, 3], value + 100, SECOND * 30);
    assert_eq!(room.world.violations(), [], "{name}");
    lost
}

#[test]
fn at_every_cut_of_the_batches_of_a_commit() {
    let mut recovered = 0;
    let mut whole = 0;
    for batches in 0..3 {
        // Finely through the first records, then once in each of those behind.
        let cuts = (0..200).step_by(23).chain((200..1_600).step_by(140));
        for bytes in cuts {
            if torn(90, batches, bytes) {
                recovered += 1;
            } else {
                whole += 1;
            }
        }
    }
    assert!(recovered > 0, "a cut record is noticed");
    assert!(whole > 0, "what is not cut is believed");
}
