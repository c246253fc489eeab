//! Many phones count at once, through loss, values out of order, crashes and a split, and both
//! counters end at exactly what was counted: the agreed one and the tally.

use std::collections::BTreeSet;

use althing::group::Records;
use althing_world::{Act, World, WorldConfig};

use crate::room::{Room, SECOND, add, cheap};
use crate::seeds;

const PHONES: usize = 4;
/// Increments of each phone.
const EACH: u64 = 25;

/// What a phone counted by agreement and has committed or waiting: no crash makes it ask twice.
fn asked(world: &World, phone: usize) -> u64 {
    let node = world.phone(phone).node().expect("the process runs");
    let view = world.phone(phone).view().expect("the table runs");
    let mut members = (0u8..).zip(&view.members);
    let own = members.find(|(_, (peer, _))| *peer == node.peer());
    let (index, _) = own.expect("a member");
    view.committed.author(index).number + view.pending.len() as u64
}

/// A user who wants to count `EACH` times looks at his screen and taps where something is missing.
fn taps(room: &mut Room, phone: usize) -> bool {
    if room.world.phone(phone).node().is_none() {
        return true;
    }
    let each = i64::try_from(EACH).expect("a few");
    let counts = room.world.phone(phone).counted() < each;
    if counts {
        room.world.count(phone, 1).expect("far from every bound");
    }
    let asks = asked(&room.world, phone) < EACH;
    if asks {
        room.world
            .submit(phone, add(1, None))
            .expect("few are open");
    }
    counts || asks
}

fn total(world: &World, phone: usize) -> Option<i64> {
    world.phone(phone).tally().map(|tally| tally.value)
}

/// Plays until everybody has counted as often as he wanted; `trouble` comes at every tenth look.
fn count_all(config: WorldConfig, mut trouble: impl FnMut(&mut Room, u64)) {
    let seed = config.seed;
    let mut room = Room::sit(config, PHONES);
    let mut looks = 0;
    loop {
        let mut busy = false;
        for phone in 0..PHONES {
            busy |= taps(&mut room, phone);
        }
        if !busy {
            break;
        }
        room.run(SECOND / 5);
        looks += 1;
        if looks % 10 == 0 {
            trouble(&mut room, looks / 10);
        }
        assert!(looks < 2_000, "seed {seed}: it does not end");
    }
    let homes: Vec<usize> = (0..PHONES).collect();
    room.come_back(&homes);
    let all = i64::try_from(PHONES as u64 * EACH).expect("a few");
    room.commits(&homes, all, SECOND * 90);
    room.settles(SECOND * 90);
    let tallies: BTreeSet<_> = homes
        .iter()
        .map(|phone| total(&room.world, *phone))
        .collect();
    assert_eq!(tallies, BTreeSet::from([Some(all)]), "seed {seed}");
    assert_eq!(room.faults(), [], "seed {seed}");
    room.is_sound();
}

#[test]
fn lost_and_out_of_order() {
    seeds::each(0..4, |seed| {
        let config = WorldConfig {
            loss_permille: 100,
            shuffle_permille: 400,
            ..cheap(4000 + seed)
        };
        count_all(config, |_, _| {});
    });
}

#[test]
fn crashes_at_any_moment() {
    seeds::each(0..4, |seed| {
        let config = WorldConfig {
            loss_permille: 20,
            // Long syncs: many a crash comes inside one.
            sync_us: 30_000,
            ..cheap(4100 + seed)
        };
        count_all(config, |room, round| {
            let phone = usize::try_from(seed + round).expect("few") % PHONES;
            let act = match round % 3 {
                0 => Act::Crash {
                    phone,
                    clean: false,
                },
                1 => Act::CrashUnsynced { phone, batches: 1 },
                _ => Act::CrashAfter { phone, outputs: 9 },
            };
            room.world.act(act);
            room.world.schedule(SECOND * 2, Act::Restart { phone });
        });
    });
}

#[test]
fn split_in_two_halves_and_healed() {
    seeds::each(0..4, |seed| {
        count_all(cheap(4200 + seed), |room, round| match round % 8 {
            1 => room.leave(&[0, 1]),
            5 => room.come_back(&[0, 1]),
            _ => {}
        });
    });
}

#[test]
fn lost_out_of_order_crashed_and_split_all_at_once() {
    seeds::each(0..3, |seed| {
        let config = WorldConfig {
            loss_permille: 50,
            shuffle_permille: 300,
            sync_us: 30_000,
            ..cheap(4250 + seed)
        };
        count_all(config, |room, round| {
            match round % 8 {
                1 => room.leave(&[0, 1]),
                5 => room.come_back(&[0, 1]),
                _ => {}
            }
            if round % 2 == 0 {
                let phone = usize::try_from(seed + round / 2).expect("few") % PHONES;
                room.world.act(match round % 4 {
                    0 => Act::CrashUnsynced { phone, batches: 1 },
                    _ => Act::CrashAfter { phone, outputs: 9 },
                });
                room.world.schedule(SECOND * 2, Act::Restart { phone });
            }
        });
    });
}

#[test]
fn the_tally_goes_on_in_every_part_and_adds_up_on_contact() {
    let mut room = Room::sit(cheap(4300), PHONES);
    room.part(&[2, 3]);
    let before = room.view(0).head.height;
    for phone in 0..PHONES {
        room.world.count(phone, 10).expect("no quorum is needed");
        let told = room.world.phone(phone).tally_told();
        let shown = if phone % 2 == 0 { 10 } else { 20 };
        assert!(told >= 10, "phone {phone} shows its own at once: {told}");
        let seen = |world: &World| total(world, phone) == Some(shown);
        assert!(room.reaches(SECOND * 2, seen), "phone {phone} of its part");
    }
    assert_eq!(room.view(0).head.height, before, "nothing was agreed on");
    room.come_back(&[2, 3]);
    let same = |world: &World| (0..PHONES).all(|phone| total(world, phone) == Some(40));
    assert!(room.reaches(SECOND * 20, same), "the parts add up");
    room.settles(SECOND * 20);
    room.is_sound();
}

#[test]
fn a_lost_store_takes_nothing_along_and_counts_nothing_twice() {
    let mut room = Room::sit(cheap(4400), PHONES);
    for phone in 0..PHONES {
        room.world.count(phone, 5).expect("far from every bound");
    }
    room.settles(SECOND * 20);
    room.world.act(Act::LoseStore { phone: 3 });
    room.world.act(Act::Restart { phone: 3 });
    let back = |world: &World| total(world, 3) == Some(20);
    assert!(room.reaches(SECOND * 30, back), "others still know");
    room.world.count(3, -2).expect("far from every bound");
    let same = |world: &World| (0..PHONES).all(|phone| total(world, phone) == Some(18));
    assert!(room.reaches(SECOND * 20, same));
    assert_eq!(room.world.phone(3).counted(), 3);
    room.is_sound();
}

#[test]
fn an_idle_tally_is_silent() {
    let mut room = Room::sit(cheap(4500), PHONES);
    for phone in 0..PHONES {
        room.world.count(phone, 1).expect("far from every bound");
    }
    room.settles(SECOND * 20);
    room.run(SECOND * 10);
    let sent = |room: &Room| {
        let sent = room.world.sent_bytes();
        ["tally", "status"].map(|kind| sent.get(kind).copied().unwrap_or(0))
    };
    let before = sent(&room);
    assert!(before.iter().all(|bytes| *bytes > 0));
    room.run(SECOND * 120);
    assert_eq!(sent(&room), before);
}
