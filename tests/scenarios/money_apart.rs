//! Payments while there is no quorum: what may be taken as final, and what is only shown.

use althing::error::NotFinal;
use althing::id::GroupId;
use althing::node::{Fate, Node};
use althing::rules::craps::{BetKind, CrapsAction, Table};
use althing::rules::earmark::FinalOffline;
use althing::wire::Reason;
use althing_world::{Game, World};

use crate::room::{Room, SECOND, cheap};

fn node(room: &Room, phone: usize) -> (&Node, GroupId) {
    let phone = room.world.phone(phone);
    (
        phone.node().expect("it runs"),
        phone.group().expect("a table"),
    )
}

fn table(world: &World, phone: usize) -> Option<Table> {
    Table::of(&world.phone(phone).view()?.committed)
}

/// The place of a phone's member in the group.
fn member(room: &Room, phone: usize) -> u8 {
    let own = node(room, phone).0.peer();
    let members = room.view(phone).members;
    let index = members.iter().position(|(peer, _)| *peer == own);
    u8::try_from(index.expect("a member")).expect("at most 16")
}

/// What each phone's member has in hand, as `phone` knows it, by phone.
fn chips(room: &Room, phone: usize) -> Vec<u64> {
    let table = table(&room.world, phone).expect("craps");
    let hand = |phone| table.chips[usize::from(member(room, phone))];
    (0..room.players).map(hand).collect()
}

/// Waits until `done` holds of the committed table on these phones.
fn waits(room: &mut Room, phones: &[usize], done: impl Fn(&Table) -> bool) {
    let all = |world: &World| {
        let mut tables = phones.iter().map(|phone| table(world, *phone));
        tables.all(|table| table.is_some_and(|table| done(&table)))
    };
    if !room.reaches(SECOND * 60, all) {
        let of = |phone: &usize| (table(&room.world, *phone), room.view(*phone).pending);
        let tables: Vec<_> = phones.iter().map(of).collect();
        panic!("violations {:?}, {tables:?}", room.world.violations());
    }
}

#[test]
fn a_release_is_final_apart_and_pays_once() {
    let mut room = Room::sit_by(cheap(61), 4, Game::Craps, None);
    let before = chips(&room, 0);
    let to = member(&room, 1);
    let aside = CrapsAction::Earmark { to, chips: 40 };
    room.submit(0, aside.encode());
    waits(&mut room, &[0, 1, 2, 3], |table| table.earmarks.len() == 1);
    room.part(&[2, 3]);

    let (payer, group) = node(&room, 0);
    let release = payer.release(group, 1).expect("it is committed");
    let verdict = |room: &Room, phone: usize| {
        let (node, group) = node(room, phone);
        node.final_offline(group, &release).expect("a table")
    };
    assert_eq!(verdict(&room, 1), FinalOffline::Yes);
    let others = FinalOffline::No(NotFinal::OtherPayee);
    assert_eq!(verdict(&room, 0), others, "it is not for him");
    let (payee, group) = node(&room, 1);
    let plain = CrapsAction::Transfer { to, chips: 40 }.encode();
    let no = FinalOffline::No(NotFinal::NotARelease);
    assert_eq!(payee.final_offline(group, &plain), Ok(no));

    let redeem = payee.redeem(group, &release).expect("it is final");
    let redeemed = room.submit(1, redeem);
    room.run(SECOND * 3);
    assert_eq!(room.fate(1, redeemed), Some(Fate::Tentative));
    let taken = FinalOffline::No(NotFinal::Taken);
    assert_eq!(verdict(&room, 1), taken, "not for a second thing");

    room.come_back(&[2, 3]);
    waits(&mut room, &[0, 1, 2, 3], |table| table.earmarks.is_empty());
    let after = [before[0] - 40, before[1] + 40, before[2], before[3]];
    assert_eq!(chips(&room, 3), after);
    assert_eq!(verdict(&room, 1), FinalOffline::No(NotFinal::Settled));
    room.settles(SECOND * 10);
    room.is_sound();
}

/// What was given tentatively cannot be spent before it is final.
#[test]
fn tentative_income_is_not_spent() {
    let mut room = Room::sit_by(cheap(62), 4, Game::Craps, None);
    room.part(&[2, 3]);
    let before = chips(&room, 0);
    let all = u32::try_from(before[1]).expect("a buy-in");
    let (payer, payee) = (member(&room, 0), member(&room, 1));
    let gift = CrapsAction::Transfer {
        to: payee,
        chips: 50,
    };
    room.submit(0, gift.encode());
    room.run(SECOND * 3);
    let more = CrapsAction::Transfer {
        to: payer,
        chips: all + 50,
    };
    let spent = room.submit(1, more.encode());
    room.run(SECOND * 3);
    assert!(
        matches!(room.fate(1, spent), Some(Fate::Conflicted { .. })),
        "{:?}",
        room.fate(1, spent)
    );
    assert_eq!(room.view(1).pending[0].action, None, "no number is lost");
    room.come_back(&[2, 3]);
    // Once the income is final he can.
    waits(&mut room, &[0, 1, 2, 3], |table| {
        table.chips[usize::from(payee)] == 0
    });
    room.settles(SECOND * 10);
    room.is_sound();
}

#[test]
fn a_bet_means_the_next_throw_only() {
    let mut room = Room::sit_by(cheap(63), 4, Game::Craps, None);
    for phone in 0..4 {
        room.submit(phone, CrapsAction::Sit.encode());
        let member = member(&room, phone);
        waits(&mut room, &[0, 1, 2, 3], |table| table.is_seated(member));
    }
    room.part(&[3]);
    let bet = CrapsAction::Bet {
        kind: BetKind::Field,
        chips: 5,
    };
    let bet = room.submit(3, bet.encode());
    room.run(SECOND * 2);
    assert_eq!(
        room.fate(3, bet),
        Some(Fate::Intent),
        "the bank takes no bets apart"
    );
    room.submit(0, CrapsAction::Roll.encode());
    waits(&mut room, &[0, 1, 2], |table| table.throws == 1);
    room.come_back(&[3]);
    room.run(SECOND * 20);
    let fate = room.fate(3, bet);
    let late = matches!(
        fate,
        Some(
            Fate::Rejected {
                reason: Reason::Expired,
                ..
            } | Fate::Conflicted {
                reason: Reason::Expired
            }
        )
    );
    assert!(late, "{fate:?}");
    room.is_sound();
}
