//! A phone that dies while it comes back from a lost store starts its questions anew, wherever it
//! died.

use althing_world::{Act, World};

use crate::room::{Room, SECOND, cheap};

/// The store of phone 3 is lost; `plan` lets it die on its way back; then it is back as a voter.
fn comes_back(seed: u64, plan: impl FnOnce(&mut Room)) {
    let mut room = Room::sit(cheap(seed), 4);
    room.add(0, 1);
    room.settles(SECOND * 10);
    room.add(0, 1);
    room.run(SECOND / 10);
    room.world.act(Act::LoseStore { phone: 3 });
    plan(&mut room);
    let (phone, clean) = (3, true);
    room.world.act(Act::Crash { phone, clean });
    room.world.act(Act::Restart { phone });
    let in_again = |world: &World| world.phone(3).has_started();
    assert!(room.reaches(SECOND * 30, in_again), "seed {seed}");
    room.commits(&[0, 1, 2, 3], 2, SECOND * 30);
    let value = room.until_it_votes(3, 1) + 100;
    room.part(&[2]);
    room.add(0, 100);
    room.commits(&[0, 1, 3], value, SECOND * 30);
    room.is_sound();
}

#[test]
fn a_restore_that_dies_is_repeated() {
    for outputs in 0..6 {
        comes_back(40 + u64::from(outputs), |room| {
            for _ in 0..3 {
                let phone = 3;
                room.world.act(Act::RestartAndDie { phone, outputs });
                room.run(SECOND);
            }
        });
    }
}

#[test]
fn dying_while_questions_and_answers_are_stored_asks_anew() {
    for batches in 0..5 {
        comes_back(60 + u64::from(batches), |room| {
            let phone = 3;
            room.world.act(Act::Restart { phone });
            room.world.act(Act::CrashUnsynced { phone, batches });
            room.run(SECOND * 4);
        });
    }
    for step in 0..12 {
        comes_back(70 + u64::from(step), |room| {
            let phone = 3;
            room.world.act(Act::Restart { phone });
            room.run(SECOND / 4 * (step + 1));
            room.world.act(Act::Crash {
                phone,
                clean: step % 2 == 0,
            });
        });
    }
}
