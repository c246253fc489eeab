//! A phone whose store is lost joins its table again by the ticket, asks the others how far they are,
//! and votes again from two rounds above that on.

use althing::node::{RecoveryStage, Status};
use althing_world::{Act, Game, Habits, World};

use crate::room::{Room, SECOND, cheap};

/// Whether `phone` says of itself that it votes again.
fn votes_again(world: &World, phone: usize) -> bool {
    let own = world.phone(phone).peer();
    let told = world.phone(phone).recoveries();
    told.contains(&(own, RecoveryStage::Voting))
}

/// Loses the store of phone 3 and brings the phone back into its table.
fn lose(room: &mut Room) {
    room.world.act(Act::LoseStore { phone: 3 });
    room.run(SECOND * 2);
    room.world.act(Act::Restart { phone: 3 });
    let back = |world: &World| world.phone(3).has_started();
    assert!(room.reaches(SECOND * 30, back), "it is in again");
}

#[test]
fn a_phone_without_its_store_follows_at_first_and_votes_again() {
    let mut room = Room::sit(cheap(1), 4);
    for phone in 0..4 {
        room.add(phone, 1);
    }
    room.settles(SECOND * 10);
    lose(&mut room);
    let own = room.world.phone(3).peer();
    let floor = |world: &World| {
        let mut told = world.phone(3).recoveries().iter();
        told.any(|(peer, stage)| *peer == own && matches!(stage, RecoveryStage::Waiting { .. }))
    };
    assert!(room.reaches(SECOND * 5, floor), "the others answer at once");
    for phone in 0..3 {
        let told = room.world.phone(phone).recoveries();
        assert_eq!(told, [(own, RecoveryStage::Asking)], "phone {phone} knows");
    }
    room.commits(&[3], 4, SECOND * 20);
    room.settles(SECOND * 10);

    // Three phones in reach, but only two of them may vote.
    room.part(&[2]);
    room.add(0, 100);
    room.run(SECOND * 30);
    assert!(
        [0, 1, 3].iter().all(|phone| room.value(*phone) == 4),
        "its vote would count"
    );
    let status = room.view(0).status;
    assert!(
        matches!(&status, Status::NoQuorum { missing, .. } if missing.contains(&own)),
        "{status:?}"
    );
    room.come_back(&[2]);
    room.commits(&[0, 1, 2, 3], 104, SECOND * 30);
    let since = room.now();
    let value = room.until_it_votes(3, 3);
    let took = room.now().since(since);
    assert!(value <= 108 && took <= SECOND * 10, "{value} in {took:?}");

    // Now its vote counts, before and after a restart of the new store.
    for (clean, more) in [(true, 1_000), (false, 2_000)] {
        let value = value + more;
        room.part(&[2]);
        room.add(0, 1000);
        room.commits(&[0, 1, 3], value, SECOND * 30);
        room.come_back(&[2]);
        room.commits(&[2], value, SECOND * 30);
        room.settles(SECOND * 10);
        room.world.act(Act::Crash { phone: 3, clean });
        room.world.act(Act::Restart { phone: 3 });
        room.settles(SECOND * 20);
    }
    for phone in 0..3 {
        let told = room.world.phone(phone).recoveries();
        assert_eq!(told.last(), Some(&(own, RecoveryStage::Voting)));
    }
    room.is_sound();
}

#[test]
fn dice_go_on_meanwhile_and_it_is_back_in_a_minute() {
    for seed in 0..4 {
        let mut room = Room::sit_by(cheap(20 + seed), 4, Game::Craps, None);
        room.world.add_players(0..4, Game::Craps, Habits::default());
        room.run(SECOND * 20);
        let before = room.world.rolls(3);
        assert!(before > 0, "seed {seed}");
        lose(&mut room);
        let back = room.reaches(SECOND * 60, |world| votes_again(world, 3));
        assert!(back, "seed {seed}: {:?}", room.world.phone(3).recoveries());
        room.run(SECOND * 20);
        assert!(room.world.rolls(3) > before, "seed {seed}");
        room.world.set_playing(false);
        room.settles(SECOND * 60);
        room.is_sound();
    }
}

#[test]
fn where_too_few_are_left_to_answer_everybody_says_so() {
    let mut room = Room::sit(cheap(5), 4);
    room.add(0, 1);
    room.settles(SECOND * 10);
    for phone in [2, 3] {
        room.world.act(Act::LoseStore { phone });
        room.world.act(Act::Restart { phone });
    }
    let needs = |world: &World, phone: usize| {
        let told = world.phone(phone).recoveries();
        told.iter()
            .any(|(_, stage)| *stage == RecoveryStage::NeedsSuccessor)
    };
    let all = |world: &World| (0..4).all(|phone| needs(world, phone));
    assert!(
        room.reaches(SECOND * 30, all),
        "a successor group is needed"
    );
    room.add(0, 1);
    room.run(SECOND * 30);
    assert!((0..4).all(|phone| room.value(phone) == 1));
    room.is_sound();
}
