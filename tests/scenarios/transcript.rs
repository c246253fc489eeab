//! Anybody can recompute every roll from a transcript, and a bent one is not believed. As a file it
//! leads another phone to the same state; a phone looks back without moving.

use std::sync::Arc;

use althing::crypto::{Ed25519, Hash};
use althing::error::CommandError;
use althing::group::{CertifiedValue, Retrace, TranscriptError, verify};
use althing::id::GroupId;
use althing::node::Transcript;
use althing::rules::Random;
use althing::rules::counter::Counter;
use althing::rules::craps::{Craps, Dice, Table};
use althing_world::{Game, Habits, Signatures, WorldConfig};

use crate::room::{Room, SECOND, cheap};

#[test]
fn every_roll_follows_from_the_transcript() {
    let config = WorldConfig {
        signatures: Signatures::Real,
        ..cheap(1)
    };
    let mut room = Room::sit_by(config, 4, Game::Craps, None);
    room.world.add_players(0..4, Game::Craps, Habits::default());
    assert!(room.reaches(SECOND * 120, |world| world.rolls(4) >= 8));
    room.world.set_playing(false);
    room.settles(SECOND * 30);
    let group = room.world.phone(0).group().unwrap();
    let table = Table::of(&room.view(0).committed).unwrap();
    for phone in 0..4 {
        let node = room.world.phone(phone).node().unwrap();
        let transcript = node.transcript(group).unwrap();
        let rolls = verify(&transcript, Arc::new(Craps::new()), Arc::new(Ed25519)).unwrap();
        assert_eq!(rolls.len() as u64, table.throws);
        let dice: Vec<Dice> = rolls
            .iter()
            .map(|roll| {
                let mut random = Random::new(roll.seed);
                Dice {
                    first: random.die(6),
                    second: random.die(6),
                }
            })
            .collect();
        assert_eq!(dice[dice.len() - table.dice.len()..], table.dice);

        // One value, shown to somebody who has nothing else.
        let (key, _) = transcript.base.iter().last().unwrap();
        let shown = node.certified_value(group, &key).unwrap().encode();
        let shown = CertifiedValue::decode(&shown).unwrap();
        assert_eq!(shown.header.height, room.view(phone).head.height);
        let view = room.view(phone).committed;
        assert_eq!(
            shown.verify(Arc::new(Ed25519)),
            Ok(view.get(key.as_bytes()))
        );

        let check = |bent| verify(&bent, Arc::new(Craps::new()), Arc::new(Ed25519));
        let mut bent = transcript.clone();
        bent.entries[3].block.root = Hash([7; 32]);
        assert!(matches!(
            check(bent),
            Err(TranscriptError::Block { height: 4, .. })
        ));
        let mut bent = transcript.clone();
        bent.entries.last_mut().unwrap().finalization = None;
        assert_eq!(check(bent), Err(TranscriptError::NotFinal));
        let other = verify(&transcript, Arc::new(Counter), Arc::new(Ed25519));
        assert!(matches!(other, Err(TranscriptError::Rules { .. })));
    }
    room.is_sound();
}

/// Exported, carried as bytes and executed on a machine that was not there, a transcript gives the
/// state that the phone shows.
#[test]
fn another_machine_comes_to_the_same_root() {
    let config = WorldConfig {
        signatures: Signatures::Real,
        ..cheap(2)
    };
    let mut room = Room::sit_by(config, 4, Game::Craps, None);
    room.world.add_players(0..4, Game::Craps, Habits::default());
    assert!(room.reaches(SECOND * 120, |world| world.rolls(4) >= 3));
    room.world.set_playing(false);
    room.settles(SECOND * 30);
    let group = room.world.phone(0).group().unwrap();
    let mut files = Vec::new();
    for phone in 0..4 {
        let node = room.world.phone(phone).node().unwrap();
        let bytes = node.transcript(group).unwrap().encode();
        let read = Transcript::decode(&bytes).unwrap();
        let retrace = Retrace::new(&read, Arc::new(Craps::new()), Arc::new(Ed25519)).unwrap();
        let steps: Vec<_> = retrace.map(Result::unwrap).collect();
        let last = steps.last().unwrap();
        let view = room.view(phone);
        assert_eq!(last.block, view.head.block);
        assert_eq!(last.state.root(), view.committed.root());
        // What one kept certificates of by itself may differ; the blocks do not.
        let blocks = read.entries.into_iter().map(|entry| entry.block);
        files.push(blocks.collect::<Vec<_>>());
    }
    assert!(files.iter().all(|blocks| *blocks == files[0]));
    room.is_sound();
}

#[test]
fn looking_back_moves_nothing() {
    let mut room = Room::sit_by(cheap(3), 4, Game::Counter, None);
    room.world
        .add_players(0..4, Game::Counter, Habits::default());
    assert!(room.reaches(SECOND * 60, |world| world.phone(0).height() >= 12));
    let group = room.world.phone(0).group().unwrap();
    let node = room.world.phone(0).node().unwrap();
    let (before, whole) = (room.view(0), node.transcript(group).unwrap());
    for height in 0..=before.head.height {
        let past = node.rollback(group, height).unwrap();
        assert_eq!(past.head.height, height);
        assert_eq!(past.transcript.height(), height);
        assert!(whole.entries.starts_with(&past.transcript.entries));
        let root = match past.transcript.entries.last() {
            Some(last) => last.block.root,
            None => whole.genesis.genesis.root,
        };
        assert_eq!(past.state.root(), root);
    }
    let last = node.rollback(group, before.head.height).unwrap();
    assert_eq!((last.head, &last.state), (before.head, &before.committed));
    let above = before.head.height + 1;
    assert_eq!(
        node.rollback(group, above),
        Err(CommandError::NotKept {
            height: above,
            oldest: 1,
            head: before.head.height,
        })
    );
    let nowhere = GroupId([9; 16]);
    assert_eq!(
        node.rollback(nowhere, 0),
        Err(CommandError::UnknownGroup(nowhere))
    );
    assert_eq!(room.view(0).head, before.head);
    let on = before.head.height + 3;
    assert!(room.reaches(SECOND * 60, |world| world.phone(0).height() >= on));
    room.world.set_playing(false);
    room.settles(SECOND * 30);
    room.is_sound();
}
