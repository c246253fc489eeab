//! Anybody can recompute every roll from a transcript, and a bent one is not believed.

use std::sync::Arc;

use althing::crypto::{Ed25519, Hash};
use althing::group::{CertifiedValue, TranscriptError, verify};
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
