//! Somebody comes back to a table that went on: one member brings him up to date, the others send
//! nothing of it, and everybody sees how far he is.

use std::collections::BTreeMap;

use althing_world::World;

use crate::room::{Room, SECOND, cheap};

/// Bytes of answers that each phone has handed to its links.
fn served(world: &World) -> BTreeMap<usize, u64> {
    let phones = world.phones().iter().enumerate();
    phones
        .filter_map(|(index, phone)| {
            let sent = phone.node()?.sent_bytes();
            let found = sent.into_iter().find(|(kind, _)| *kind == "found");
            Some((index, found.map_or(0, |(_, bytes)| bytes)))
        })
        .collect()
}

#[test]
fn one_member_serves_who_comes_back_and_the_others_are_silent() {
    let mut alone = 0;
    for seed in 1..11 {
        let mut room = Room::sit(cheap(seed), 5);
        room.part(&[4]);
        for round in 1..=20 {
            room.add(round % 4, 1);
            let value = i64::try_from(round).expect("twenty");
            room.commits(&[0, 1, 2, 3], value, SECOND * 10);
        }
        room.run(SECOND * 5);
        let (before, told) = (served(&room.world), told(&room));
        let base = room.view(4).head.height;
        let head = room.view(0).head.height;
        room.come_back(&[4]);
        room.commits(&[4], 20, SECOND * 20);
        room.settles(SECOND * 10);
        room.run(SECOND * 5);
        let after = served(&room.world);
        let who: Vec<usize> = (0..5).filter(|it| after[it] > before[it]).collect();
        // A second one is asked only where the first does not answer in time.
        assert!((1..=2).contains(&who.len()), "seed {seed}: {who:?} served");
        alone += usize::from(who.len() == 1);

        // He says how far he is, and so does whoever missed him.
        for (phone, told) in told.into_iter().enumerate() {
            let steps = &room.world.phone(phone).resyncs()[told..];
            assert!(
                steps.len() >= 2 && steps.len() <= 17,
                "seed {seed}, phone {phone}: {steps:?}"
            );
            assert_eq!(steps.first(), Some(&(base, head)), "phone {phone}");
            assert_eq!(steps.last(), Some(&(head, head)), "phone {phone}");
        }
        room.is_sound();
    }
    assert!(alone >= 9, "one served in {alone} of 10 runs");
}

#[test]
fn nothing_is_told_of_who_lacks_nothing() {
    let mut room = Room::sit(cheap(9), 4);
    let before = told(&room);
    room.part(&[3]);
    room.run(SECOND * 5);
    room.come_back(&[3]);
    room.settles(SECOND * 20);
    room.run(SECOND * 10);
    assert_eq!(told(&room), before);
    room.is_sound();
}

fn told(room: &Room) -> Vec<usize> {
    let phones = room.world.phones().iter();
    phones.map(|phone| phone.resyncs().len()).collect()
}
