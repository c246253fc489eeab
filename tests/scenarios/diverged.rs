//! A phone whose rules differ in one payout: it is found out at the block that pays it, keeps evidence
//! that others can check, and from then on shows what the others agree on.

use std::sync::Arc;

use althing::crypto::{Ed25519, Hash};
use althing::error::CommandError;
use althing::group::{
    CutValue, DIVERGENCE_LEN_MAX, Divergence, DivergenceError, DivergenceKind, DivergenceOutcome,
};
use althing::node::{Command, Status};
use althing::rules::craps::{BetKind, CrapsAction, Table};
use althing::wire::{SignedGenesis, decode};
use althing_world::{Act, Game, Signatures, World, WorldConfig};

use crate::room::{Room, SECOND, cheap};

/// The last of four: the others are a quorum.
const BENT: usize = 3;
const STAKE: u32 = 10;
/// Throws on which the field wins even money.
const EVEN_MONEY: [u8; 5] = [3, 4, 9, 10, 11];

fn sit(seed: u64) -> Room {
    let config = WorldConfig {
        signatures: Signatures::Real,
        overpays: Some(BENT),
        ..cheap(seed)
    };
    let mut room = Room::sit_by(config, 4, Game::Craps, None);
    room.submit(0, CrapsAction::Sit.encode());
    let seated = |world: &World| (0..4).all(|phone| table(world, phone).shooter == Some(0));
    assert!(room.reaches(SECOND * 20, seated), "one shooter");
    room
}

fn table(world: &World, phone: usize) -> Table {
    let view = world.phone(phone).view().expect("the table runs");
    Table::of(&view.committed).expect("a table of craps")
}

fn evidence(world: &World, phone: usize) -> Option<Divergence> {
    let group = world.phone(phone).group()?;
    world.phone(phone).node()?.divergence(group)
}

fn words(room: &Room) -> String {
    match room.view(BENT).status {
        Status::Diverged { evidence } => evidence,
        status => panic!("it says {status:?}"),
    }
}

fn genesis(room: &Room) -> SignedGenesis {
    let group = room.world.phone(0).group().expect("a table");
    let node = room.world.phone(0).node().expect("the process runs");
    node.transcript(group).expect("started").genesis
}

/// One field bet of phone 0 and one throw; its total.
fn throw(room: &mut Room) -> u8 {
    let before = table(&room.world, 0);
    let shooter = usize::from(before.shooter.expect("somebody sits"));
    let bet = CrapsAction::Bet {
        kind: BetKind::Field,
        chips: STAKE,
    };
    room.submit(0, bet.encode());
    let placed = |world: &World| table(world, 0).stake(0, BetKind::Field) == STAKE;
    assert!(room.reaches(SECOND * 20, placed), "the bet is placed");
    room.submit(shooter, CrapsAction::Roll.encode());
    let thrown =
        |world: &World| (0..BENT).all(|phone| table(world, phone).throws == before.throws + 1);
    assert!(room.reaches(SECOND * 60, thrown), "the dice fall");
    let dice = *table(&room.world, 0).dice.last().expect("a throw");
    dice.first + dice.second
}

/// Height of the block in which the dice of the newest throw fell.
fn paid_at(room: &Room) -> u64 {
    let group = room.world.phone(0).group().expect("a table");
    let node = room.world.phone(0).node().expect("the process runs");
    let throws = table(&room.world, 0).throws;
    let thrown = |height: &u64| {
        let past = node.rollback(group, *height).expect("kept");
        Table::of(&past.state).expect("a table").throws == throws
    };
    (1..=room.view(0).head.height)
        .find(thrown)
        .expect("it fell")
}

fn follows(world: &World) -> bool {
    let head = |phone: usize| {
        let view = world.phone(phone).view()?;
        Some((view.head.block, view.committed.root()))
    };
    head(0).is_some() && head(0) == head(BENT)
}

/// Plays until the field wins even money; the height of the block that pays it.
fn diverge(room: &mut Room) -> u64 {
    for _ in 0..40 {
        let total = throw(room);
        if EVEN_MONEY.contains(&total) {
            let known = |world: &World| {
                evidence(world, BENT).is_some_and(|it| it.outcome != DivergenceOutcome::Open)
            };
            assert!(room.reaches(SECOND * 30, known), "it knows why");
            return paid_at(room);
        }
        room.run(SECOND * 2);
        assert_eq!(evidence(&room.world, BENT), None, "found out at a {total}");
        assert!(room.reaches(SECOND * 20, follows), "nothing differs yet");
    }
    panic!("forty throws without an even field");
}

fn chips(value: &Option<CutValue>) -> u64 {
    decode(&value.as_ref().expect("a hand").bytes, 16).expect("chips")
}

#[test]
fn a_wrong_payout_is_found_out_at_the_block_that_pays_it() {
    let mut room = sit(1);
    let paid = diverge(&mut room);
    let found = evidence(&room.world, BENT).expect("evidence");
    assert_eq!(found.height, paid);
    assert_eq!(found.outcome, DivergenceOutcome::RulesDiffer);
    assert!(
        matches!(found.kind, DivergenceKind::OtherRoot { own } if Some(own) != found.certified_root())
    );
    // The hand of the one who bet, and the bank that paid him.
    let keys: Vec<&[u8]> = found.keys.iter().map(|it| &it.key[..]).collect();
    assert_eq!(keys, [&b"c\0"[..], b"k"]);
    assert_eq!(found.keys_differing, 2);
    let hand = &found.keys[0];
    assert_eq!(chips(&hand.own), chips(&hand.certified) + u64::from(STAKE));
    let words = words(&room);
    let certified = format!("certified: member 0 holds {} chips", chips(&hand.certified));
    for part in [&format!("height {paid}"), &certified, "update the app"] {
        assert!(words.contains(part), "{part:?} is not in {words:?}");
    }
    for phone in 0..BENT {
        assert_eq!(evidence(&room.world, phone), None);
    }
    let report = room.world.report(4);
    assert_eq!(report.diverged.len(), 1);
    assert_eq!((report.roots.explained, report.roots.unexplained), (1, 0));
    room.is_sound();
}

#[test]
fn it_follows_without_a_vote_and_keeps_its_evidence() {
    let mut room = sit(2);
    let paid = diverge(&mut room);
    let found = evidence(&room.world, BENT).expect("evidence");
    assert!(
        room.reaches(SECOND * 20, follows),
        "it shows what is agreed on"
    );
    for step in 0..6 {
        if step == 3 {
            room.world.act(Act::Crash {
                phone: BENT,
                clean: false,
            });
            room.run(SECOND * 2);
            room.world.act(Act::Restart { phone: BENT });
            room.come_back(&[BENT]);
            room.run(SECOND * 5);
            assert_eq!(evidence(&room.world, BENT), Some(found.clone()));
            words(&room);
        }
        let before = room.view(0).head.height;
        let transfer = CrapsAction::Transfer { to: 1, chips: 1 };
        room.submit(0, transfer.encode());
        let grows = |world: &World| {
            let view = world.phone(0).view();
            view.is_some_and(|view| view.head.height > before) && follows(world)
        };
        let heights = |room: &Room| [0, BENT].map(|phone| room.view(phone).head.height);
        assert!(
            room.reaches(SECOND * 20, grows),
            "step {step}: {before}, {:?}, {:?}",
            heights(&room),
            room.view(0).status,
        );
    }
    let group = room.world.phone(0).group().expect("a table");
    let submit = Command::Submit {
        group,
        payload: CrapsAction::Transfer { to: 0, chips: 1 }.encode(),
        dependencies: Vec::new(),
        validity: Default::default(),
    };
    let refused = room.world.command(BENT, submit);
    assert!(
        matches!(refused, Err(CommandError::Diverged { height }) if height == paid),
        "{refused:?}"
    );
    room.settles(SECOND * 30);
    let node = room.world.phone(0).node().expect("the process runs");
    let transcript = node.transcript(group).expect("started");
    // Members are in the order of their listing.
    let bent = room.world.phone(BENT).node().expect("it runs").peer();
    let bent = transcript.genesis.genesis.index_of(&bent);
    let bent = bent.expect("a member");
    let above = transcript
        .entries
        .iter()
        .filter(|it| it.block.height >= paid);
    let mut certificates = 0;
    for entry in above {
        let Some(certificate) = &entry.finalization else {
            continue;
        };
        certificates += 1;
        let voters: Vec<u8> = certificate.votes().map(|vote| vote.voter).collect();
        let height = entry.block.height;
        assert!(
            !voters.contains(&bent),
            "{bent} is among {voters:?} at {height}, diverged at {paid}"
        );
    }
    assert!(certificates >= 6, "{certificates}");
    room.is_sound();
}

#[test]
fn its_evidence_convinces_others_and_a_bent_one_does_not() {
    let mut room = sit(3);
    diverge(&mut room);
    let group = room.world.phone(BENT).group().expect("a table");
    let node = room.world.phone(BENT).node().expect("the process runs");
    let bytes = node.divergence(group).expect("evidence").encode();
    assert!(bytes.len() <= 1024, "{} bytes", bytes.len());
    let genesis = genesis(&room);
    let check = |it: &Divergence| it.verify(&genesis, Arc::new(Ed25519));
    let good = Divergence::decode(&bytes).expect("what was encoded");
    assert_eq!(check(&good), Ok(()));

    let other = DivergenceError::OtherBlock {
        height: good.height,
    };
    let mut bent = good.clone();
    bent.headers = Default::default();
    assert_eq!(check(&bent), Err(other));
    let mut bent = good.clone();
    bent.block = Hash([7; 32]);
    assert_eq!(check(&bent), Err(other));
    let mut bent = good.clone();
    bent.kind = DivergenceKind::OtherRoot {
        own: good.certified_root().expect("a header"),
    };
    assert_eq!(check(&bent), Err(DivergenceError::NothingDiffers));
    let mut bent = good.clone();
    bent.certificate.statement.round += 1;
    assert_eq!(check(&bent), Err(DivergenceError::Unverified));
    let mut stranger = genesis.clone();
    stranger.genesis.draw_timeout_ms += 1;
    assert_eq!(
        good.verify(&stranger, Arc::new(Ed25519)),
        Err(DivergenceError::Genesis)
    );

    // No flipped bit is believed of the block, its height, its root or its certificate.
    for index in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[index / 8] ^= 1 << (index % 8);
        let Ok(it) = Divergence::decode(&flipped) else {
            continue;
        };
        let proved = (it.height, it.block, &it.headers, &it.certificate)
            == (good.height, good.block, &good.headers, &good.certificate);
        assert!(proved || check(&it).is_err(), "bit {index}");
    }
    assert!(Divergence::decode(&bytes[..bytes.len() - 1]).is_err());
    assert!(Divergence::decode(&vec![1; DIVERGENCE_LEN_MAX + 1]).is_err());
}
