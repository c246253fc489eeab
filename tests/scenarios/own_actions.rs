//! What a user does with own submissions: withdraw, acknowledge, dependencies, validity.

use althing::error::CommandError;
use althing::node::{Command, Fate, SubmissionId};
use althing::wire::{Reason, Validity};

use crate::room::{Room, SECOND, add, cheap};

fn withdraw(room: &mut Room, phone: usize, submission: SubmissionId) -> Result<(), CommandError> {
    let group = room.world.phone(phone).group().unwrap();
    let command = Command::Withdraw { group, submission };
    room.world.command(phone, command).map(|_| ())
}

fn acknowledge(
    room: &mut Room,
    phone: usize,
    submission: SubmissionId,
) -> Result<(), CommandError> {
    let group = room.world.phone(phone).group().unwrap();
    let command = Command::Acknowledge { group, submission };
    room.world.command(phone, command).map(|_| ())
}

#[test]
fn an_intent_can_be_withdrawn_and_a_signed_action_cannot() {
    let mut room = Room::sit(cheap(1), 3);
    let signed = room.add(0, 1);
    room.run(SECOND / 100);
    assert_eq!(
        withdraw(&mut room, 0, signed),
        Err(CommandError::AlreadySigned)
    );
    room.settles(SECOND * 5);
    room.part(&[1, 2]);
    let kept = room.add(0, 10);
    let taken_back = room.add(0, 100);
    assert_eq!(room.shown(0), 111);
    assert_eq!(withdraw(&mut room, 0, taken_back), Ok(()));
    assert_eq!(room.shown(0), 11);
    assert_eq!(room.fate(0, taken_back), None);
    assert_eq!(room.fate(0, kept), Some(Fate::Intent));
    room.come_back(&[1, 2]);
    room.commits(&[0, 1, 2], 11, SECOND * 20);
    room.run(SECOND * 5);
    assert_eq!(room.value(0), 11);
    assert_eq!(
        withdraw(&mut room, 0, kept),
        Err(CommandError::UnknownSubmission)
    );
}

#[test]
fn a_rejection_stays_until_it_is_acknowledged() {
    let mut room = Room::sit(cheap(2), 4);
    let refused = room.submit(0, add(1, Some(7)));
    room.run(SECOND * 5);
    assert!(matches!(room.fate(0, refused), Some(Fate::Rejected { .. })));
    room.run(SECOND * 30);
    assert!(matches!(room.fate(0, refused), Some(Fate::Rejected { .. })));
    assert_eq!(acknowledge(&mut room, 0, refused), Ok(()));
    assert_eq!(room.fate(0, refused), None);
    assert_eq!(
        acknowledge(&mut room, 0, refused),
        Err(CommandError::UnknownSubmission)
    );
    room.is_sound();
}

#[test]
fn a_rejection_takes_along_exactly_what_depends_on_it() {
    let mut room = Room::sit(cheap(3), 4);
    let refused = room.submit(0, add(1, Some(7)));
    let dependent = room.submit_with(0, add(10, None), vec![refused], Validity::default());
    let further = room.submit_with(0, add(100, None), vec![dependent], Validity::default());
    let free = room.add(0, 1000);
    room.commits(&[0, 1, 2, 3], 1000, SECOND * 5);
    room.run(SECOND * 2);
    assert_eq!(room.fate(0, free), None);
    for submission in [dependent, further] {
        match room.fate(0, submission) {
            Some(Fate::Rejected {
                reason: Reason::Dependency { .. },
                ..
            }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(room.value(0), 1000);
    room.is_sound();
}

#[test]
fn an_action_is_applied_up_to_its_last_height() {
    let mut room = Room::sit(cheap(4), 4);
    room.add(0, 1);
    room.settles(SECOND * 5);
    let head = room.view(0).head.height;
    let until = |height: u64| Validity {
        until_height: Some(height),
        phase: None,
    };
    let at_the_edge = room.submit_with(0, add(10, None), vec![], until(head + 1));
    room.settles(SECOND * 5);
    assert_eq!(room.fate(0, at_the_edge), None);
    assert_eq!(room.value(0), 11);
    let late = room.submit_with(0, add(100, None), vec![], until(head + 1));
    room.run(SECOND * 5);
    match room.fate(0, late) {
        Some(Fate::Rejected {
            reason: Reason::Expired,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(room.value(3), 11);
    room.is_sound();
}
