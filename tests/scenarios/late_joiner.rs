//! Whoever joins a table that has started is told so.

use althing::error::CommandError;
use althing::node::Command;

use crate::room::{Room, SECOND, cheap};

#[test]
fn a_started_table_takes_nobody() {
    let mut room = Room::sit(cheap(1), 3);
    let late = room.world.add_phone("late", 500, 500);
    let ticket = room.world.phone(0).ticket().unwrap().to_owned();
    room.join(late, &ticket);
    let told = |world: &althing_world::World| {
        let log = world.report(3).log;
        log.iter()
            .any(|line| line.text == "late: the table has started without me")
    };
    let mut done = false;
    for _ in 0..30 {
        room.run(SECOND);
        done = told(&room.world);
        if done {
            break;
        }
    }
    assert!(done, "the late one is told");
    assert!(!room.world.phone(late).has_started());
    assert_eq!(room.view(0).members.len(), 3);
    let group = room.world.phone(0).group().unwrap();
    assert_eq!(
        room.world.command(0, Command::StartTable { group }),
        Err(CommandError::TableStarted)
    );
    room.add(0, 1);
    room.commits(&[0, 1, 2], 1, SECOND * 5);
    room.is_sound();
}

#[test]
fn a_bent_ticket_is_refused() {
    let mut room = Room::sit(cheap(2), 2);
    let late = room.world.add_phone("late", 500, 500);
    let ticket = room.world.phone(0).ticket().unwrap().to_owned();
    let last = ticket.chars().last().unwrap();
    let bent = format!(
        "{}{}",
        &ticket[..ticket.len() - 1],
        if last == 'A' { 'B' } else { 'A' }
    );
    let join = Command::JoinTable {
        ticket: bent,
        name: "late".to_owned(),
    };
    let answer = room.world.command(late, join);
    assert!(
        matches!(answer, Err(CommandError::BadTicket(_))),
        "{answer:?}"
    );
}
