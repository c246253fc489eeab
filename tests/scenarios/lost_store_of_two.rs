//! Of two players nobody can do without the other's vote: where one loses his store, both say that
//! only a successor group goes on.

use althing::node::RecoveryStage;
use althing::wire::Mode;
use althing_world::{Act, Game, World};

use crate::room::{Room, SECOND, cheap};

fn says_so(world: &World, phone: usize, lost: usize) -> bool {
    let lost = world.phone(lost).peer();
    let waits = world.phone(phone).view();
    let waits = waits.into_iter().flat_map(|view| view.waiting_for);
    let mut waits = waits.filter(|wait| wait.what.contains("successor group"));
    let told = world.phone(phone).recoveries();
    told.contains(&(lost, RecoveryStage::NeedsSuccessor))
        && waits.any(|wait| wait.whom.contains(&lost))
}

#[test]
fn two_players_and_unanimous_tables_say_that_a_successor_group_is_needed() {
    for (seed, players, mode) in [(1, 2, None), (2, 3, Some(Mode::Unanimous))] {
        let mut room = Room::sit_by(cheap(seed), players, Game::Counter, mode);
        room.add(0, 1);
        room.settles(SECOND * 10);
        room.world.act(Act::LoseStore { phone: 1 });
        room.world.act(Act::Restart { phone: 1 });
        let all = |world: &World| (0..players).all(|phone| says_so(world, phone, 1));
        assert!(room.reaches(SECOND * 30, all), "{players} players");
        room.add(0, 1);
        room.run(SECOND * 30);
        assert!((0..players).all(|phone| room.value(phone) == 1), "no vote");

        // Whoever was restarted since hears of it again.
        let (phone, clean) = (0, true);
        room.world.act(Act::Crash { phone, clean });
        room.world.act(Act::Restart { phone });
        room.run(SECOND * 20);
        assert!(says_so(&room.world, 0, 1));
        room.is_sound();
    }
}
