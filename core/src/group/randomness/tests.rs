use super::*;
use crate::group::fixture::{GROUP, Pen, ROLL, Room, Tip, add};

const T: Duration = Duration::from_secs(8);

fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1000)
}

fn draws(room: &Room, own: u8) -> Draws {
    Draws::new(DrawsSetup {
        identity: &room.identities[usize::from(own)],
        group: GROUP,
        own: Some(own),
        timeout: T,
    })
}

/// Four phones; draw 1 was asked for in the block at `tip`, which is not final to anybody yet.
fn rolling() -> (Room, Tip, Vec<Draws>, Vec<Pen>) {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pens = room.pens();
    let mut phones: Vec<_> = (0..4).map(|own| draws(&room, own)).collect();
    for phone in &mut phones {
        assert_eq!(phone.finalized(&tip.state, at(0)), None);
    }
    let roll = pens[0].write(ROLL);
    tip.build(&room.executor, vec![roll], &Reveals::default())
        .unwrap();
    (room, tip, phones, pens)
}

#[test]
fn every_preimage_leads_to_the_tip() {
    let room = Room::new(1);
    let chain = &room.chains[0];
    for draw in [1, 2, 63, 64, 65, 127, 128, 129, DRAWS_MAX - 1, DRAWS_MAX] {
        let preimage = chain.preimage(draw).unwrap();
        assert!(leads_to(preimage, draw, chain.tip()), "{draw}");
        assert_eq!(
            step(preimage),
            chain.preimage(draw - 1).unwrap_or(chain.tip())
        );
        assert!(!leads_to(preimage, draw - 1, chain.tip()));
    }
    assert_eq!(chain.preimage(0), None);
    assert_eq!(chain.preimage(DRAWS_MAX + 1), None);
    assert!(!leads_to(chain.tip(), 0, chain.tip()));
    assert!(!leads_to(chain.tip(), u64::MAX, chain.tip()));
    let other = HashChain::new(&room.identities[0], GroupId([1; 16]));
    assert_ne!(other.tip(), chain.tip());
    assert_eq!(
        HashChain::new(&room.identities[0], GROUP).tip(),
        chain.tip()
    );
}

#[test]
fn a_preimage_is_revealed_to_the_finalization_and_once() {
    let (room, tip, mut phones, _) = rolling();
    assert_eq!(phones[1].due(), None);
    let reveal = phones[1].finalized(&tip.state, at(1)).unwrap();
    assert_eq!(reveal, room.reveal(1, 1));
    assert_eq!(phones[1].finalized(&tip.state, at(2)), None);
    assert_eq!(phones[1].due(), Some(reveal));
    assert_eq!(phones[1].held(), [reveal]);
    assert_eq!(phones[1].waiting_for(), [0, 2, 3]);
}

#[test]
fn preimages_of_others_prove_themselves() {
    let (room, tip, mut phones, _) = rolling();
    let phone = &mut phones[0];
    // The closing block is final elsewhere already.
    assert_eq!(phone.receive(room.reveal(1, 1)), Received::New);
    assert_eq!(phone.receive(room.reveal(2, 1)), Received::Early);
    phone.finalized(&tip.state, at(1));
    assert_eq!(phone.receive(room.reveal(1, 1)), Received::Known);
    assert_eq!(phone.receive(room.reveal(2, 2)), Received::New);
    assert_eq!(phone.receive(room.reveal(3, 2)), Received::Early);
    assert_eq!(phone.receive(room.reveal(1, 2)), Received::New);
    let mut forged = room.reveal(1, 3);
    forged.preimage = Hash([1; 32]);
    assert_eq!(phone.receive(forged), Received::Invalid);
    forged.voter = 4;
    assert_eq!(phone.receive(forged), Received::Invalid);
    let old = Reveal {
        draw: 0,
        voter: 3,
        preimage: room.chains[3].tip(),
    };
    assert_eq!(phone.receive(old), Received::Stale);
    assert!(!phone.complete(&tip.state));
    assert_eq!(phone.receive(room.reveal(1, 3)), Received::New);
    assert!(phone.complete(&tip.state));
    assert_eq!(phone.waiting_for(), []);
}

#[test]
fn an_opened_draw_is_forgotten() {
    let (room, mut tip, mut phones, _) = rolling();
    for phone in &mut phones {
        phone.finalized(&tip.state, at(1));
    }
    for voter in 1..4 {
        phones[0].receive(room.reveal(1, voter));
    }
    tip.build(&room.executor, Vec::new(), phones[0].reveals())
        .unwrap();
    assert!(!phones[0].complete(&tip.state));
    phones[0].finalized(&tip.state, at(2));
    assert_eq!(phones[0].due(), None);
    assert_eq!(phones[0].held(), []);
    assert_eq!(phones[0].deadline(), None);
    assert_eq!(phones[0].receive(room.reveal(1, 1)), Received::Stale);
    assert_eq!(phones[0].reveals().get(1, 1), None);
}

#[test]
fn absent_voters_are_called_missing_once_after_the_own_timeout() {
    let (room, tip, mut phones, _) = rolling();
    let phone = &mut phones[0];
    assert_eq!(phone.deadline(), None);
    phone.finalized(&tip.state, at(1));
    phone.receive(room.reveal(1, 1));
    assert_eq!(phone.deadline(), Some((at(9), "draw timeout")));
    assert_eq!(phone.timeout(at(9) - Duration::from_micros(1)), []);
    phone.postpone(&[], at(3));
    assert_eq!(phone.timeout(at(9)), []);
    assert_eq!(phone.timeout(at(11)), [(1, 2), (1, 3)]);
    assert_eq!(phone.timeout(at(100)), []);
    assert_eq!(phone.deadline(), None);
    // What was dropped unsigned is said again after another whole timeout.
    phone.postpone(&[2], at(100));
    assert_eq!(phone.timeout(at(107)), []);
    assert_eq!(phone.timeout(at(108)), [(1, 2)]);
}

#[test]
fn a_renewed_draw_is_waited_for_anew() {
    let (room, mut tip, mut phones, mut pens) = rolling();
    phones[0].finalized(&tip.state, at(1));
    assert_eq!(phones[0].timeout(at(9)).len(), 3);
    let mut set = Vec::new();
    for author in 0..4u8 {
        for voter in (0..4).filter(|voter| *voter != author) {
            set.push(pens[usize::from(author)].missing(1, voter));
        }
    }
    tip.build(&room.executor, set, &Reveals::default()).unwrap();
    phones[0].finalized(&tip.state, at(20));
    assert!(phones[0].timeout(at(27)).is_empty());
    let waited = phones[0].waiting_for();
    let pending = tip.state.draws().unwrap().pending.unwrap();
    assert_eq!(pending.generation, 1);
    let called: Vec<_> = phones[0]
        .timeout(at(28))
        .into_iter()
        .map(|(_, voter)| voter)
        .collect();
    let expected: Vec<_> = waited
        .into_iter()
        .filter(|voter| *voter != 0 && !pending.called(0, *voter))
        .collect();
    assert_eq!(called, expected);
}

#[test]
fn whoever_holds_the_preimage_objects_to_leaving_its_voter_out() {
    let (room, mut tip, mut phones, mut pens) = rolling();
    for phone in &mut phones {
        phone.finalized(&tip.state, at(1));
    }
    phones[0].receive(room.reveal(1, 3));
    let closing = tip.state.clone();
    let set = vec![pens[0].missing(1, 3), pens[1].missing(1, 3)];
    tip.build(&room.executor, set, &Reveals::default()).unwrap();
    // Voices are no leaving out.
    assert_eq!(phones[0].objection(&closing, &tip.state), None);
    let before = tip.state.clone();
    let mut bad = tip.clone();
    let last = pens[2].missing(1, 3);
    bad.build(&room.executor, vec![last.clone()], phones[1].reveals())
        .unwrap();
    assert_eq!(
        phones[0].objection(&before, &bad.state),
        Some(room.reveal(1, 3))
    );
    assert_eq!(
        phones[3].objection(&before, &bad.state),
        Some(room.reveal(1, 3))
    );
    assert_eq!(phones[1].objection(&before, &bad.state), None);
    // Told so, the next leader records it, and the last voice no longer fits.
    phones[1].receive(room.reveal(1, 3));
    let (_, executed) = tip
        .build(&room.executor, vec![last], phones[1].reveals())
        .unwrap();
    assert!(executed.fates[0].1.is_some());
    for phone in &phones {
        assert_eq!(phone.objection(&before, &tip.state), None);
    }
    assert_eq!(phones[0].objection(&room.head().state, &closing), None);
}

#[test]
fn an_absent_voter_reveals_nothing_until_he_acts() {
    let (room, mut tip, mut phones, mut pens) = rolling();
    let set = (0..3).map(|author| pens[author].missing(1, 3)).collect();
    tip.build(&room.executor, set, &room.reveals(1, &[0, 1, 2]))
        .unwrap();
    assert_eq!(phones[3].finalized(&tip.state, at(1)), None);
    tip.build(&room.executor, Vec::new(), &Reveals::default())
        .unwrap();
    let roll = pens[0].write(ROLL);
    tip.build(&room.executor, vec![roll], &Reveals::default())
        .unwrap();
    assert_eq!(phones[3].finalized(&tip.state, at(2)), None);
    assert_eq!(
        phones[0].finalized(&tip.state, at(2)),
        Some(room.reveal(2, 0))
    );
    assert_eq!(phones[0].waiting_for(), [1, 2]);
    tip.build(&room.executor, Vec::new(), &room.reveals(2, &[0, 1, 2]))
        .unwrap();
    let set = vec![pens[3].write(&add(1)), pens[0].write(ROLL)];
    tip.build(&room.executor, set, &Reveals::default()).unwrap();
    assert_eq!(
        phones[3].finalized(&tip.state, at(3)),
        Some(room.reveal(3, 3))
    );
}

#[test]
fn an_observer_and_an_unknown_state_wait_for_nothing() {
    let (room, tip, ..) = rolling();
    let mut observer = Draws::new(DrawsSetup {
        identity: &room.identities[0],
        group: GROUP,
        own: None,
        timeout: T,
    });
    assert_eq!(observer.receive(room.reveal(1, 1)), Received::Early);
    assert_eq!(observer.finalized(&tip.state, at(1)), None);
    assert_eq!(observer.deadline(), None);
    assert_eq!(observer.timeout(at(99)), []);
    assert_eq!(observer.finalized(&Map::new(), at(1)), None);
}

#[test]
fn the_seed_hangs_on_everything_it_names() {
    let peers = [PeerId([1; 32]), PeerId([2; 32])];
    let preimages = [(peers[0], Hash([3; 32])), (peers[1], Hash([4; 32]))];
    let seed = draw_seed(GROUP, Hash([5; 32]), 1, Hash([6; 32]), &preimages);
    let others = [
        draw_seed(
            GroupId([1; 16]),
            Hash([5; 32]),
            1,
            Hash([6; 32]),
            &preimages,
        ),
        draw_seed(GROUP, Hash([6; 32]), 1, Hash([6; 32]), &preimages),
        draw_seed(GROUP, Hash([5; 32]), 2, Hash([6; 32]), &preimages),
        draw_seed(GROUP, Hash([5; 32]), 1, Hash([7; 32]), &preimages),
        draw_seed(GROUP, Hash([5; 32]), 1, Hash([6; 32]), &preimages[..1]),
    ];
    assert!(others.iter().all(|other| *other != seed));
    // A vector: dice of old transcripts must stay what they were.
    assert_eq!(
        seed.to_hex(),
        "0941ea2c7d501722e5a6632cd0b398423efd2cc87ac8639dab90f03183c17d65"
    );
}
