//! Draws through blocks: closed, recorded, opened, and what happens when somebody stays silent.

use super::*;
use crate::group::randomness::{DRAWS_MAX, PendingDraw};

fn pending(tip: &Tip) -> PendingDraw {
    tip.state.draws().unwrap().pending.expect("a draw is open")
}

fn contributors(tip: &Tip) -> Vec<u8> {
    let pending = pending(tip);
    (0..16)
        .filter(|voter| pending.contributes(*voter))
        .collect()
}

/// A room of four in which draw 1 was asked for.
fn rolling() -> (Room, Tip, Vec<Pen>) {
    let room = Room::new(4);
    let mut tip = room.head();
    let mut pens = room.pens();
    commit(&room, &mut tip, vec![pens[0].write(ROLL)], &none());
    (room, tip, pens)
}

#[test]
fn a_draw_is_opened_by_all_preimages_before_the_actions() {
    let (room, mut tip, mut pens) = rolling();
    let closing = tip.block;
    assert_eq!(tip.state.get(b"rolling"), Some(&[0][..]));
    assert_eq!(tip.state.salt(room.executor.epoch()), room.executor.epoch());
    // Another cannot be asked for in between; and alone, without the last preimage, is no work.
    let three = room.reveals(1, &[0, 1, 2]);
    assert!(
        room.executor
            .build(tip.standing(), Vec::new(), &three)
            .is_none()
    );
    let executed = commit(&room, &mut tip, vec![pens[1].write(ROLL)], &none());
    assert!(reasons(&executed)[0].is_some());
    let executed = commit(
        &room,
        &mut tip,
        vec![pens[1].write(ROLL)],
        &room.reveals(1, &[0, 1, 2, 3]),
    );
    assert_eq!(reasons(&executed), [None]);
    let opened = executed.opened.unwrap();
    assert_eq!((opened.draw, opened.closing), (1, closing));
    let named: Vec<_> = (0..4)
        .map(|i| {
            (
                room.identities[i].peer(),
                room.chains[i].preimage(1).unwrap(),
            )
        })
        .collect();
    let seed = draw_seed(GROUP, room.executor.epoch(), 1, closing, &named);
    assert_eq!(opened.seed, seed);
    let mut random = Random::new(seed);
    assert_eq!(
        tip.state.get(b"dice"),
        Some(&[random.die(6), random.die(6)][..])
    );
    // The first draw salts the order for good; the block opened draw 1 and closed draw 2.
    assert_eq!(tip.state.salt(room.executor.epoch()), seed);
    assert_eq!(
        (pending(&tip).draw, pending(&tip).closing_height),
        (2, tip.height)
    );
    commit(&room, &mut tip, Vec::new(), &room.reveals(2, &[0, 1, 2, 3]));
    assert_eq!(tip.state.salt(room.executor.epoch()), seed);
    assert_eq!(tip.state.get(b"rolling"), None);
}

#[test]
fn openings_that_bias_or_lack_are_refused() {
    let (room, mut tip, mut pens) = rolling();
    let judge = |tip: &Tip, draw, preimages: Vec<(u8, Hash)>| {
        let block = Block {
            height: tip.height + 1,
            parent: tip.block,
            root: Hash::ZERO,
            opening: Some(Opening {
                draw,
                preimages: BoundedVec::truncating(preimages),
            }),
            actions: BoundedVec::new(),
            refused: BoundedVec::new(),
        };
        room.executor.execute(tip.standing(), &block).unwrap_err()
    };
    let of = |voter: u8, draw| {
        (
            voter,
            room.chains[usize::from(voter)].preimage(draw).unwrap(),
        )
    };
    let all: Vec<_> = (0..4).map(|voter| of(voter, 1)).collect();
    assert_eq!(judge(&tip, 1, all.clone()), Invalid::WrongRoot);
    assert_eq!(
        judge(&tip, 2, all.clone()),
        rule(4, "an opening of another draw")
    );
    assert_eq!(
        judge(&tip, 1, Vec::new()),
        rule(4, "an opening without preimages")
    );
    assert_eq!(judge(&tip, 1, all[..3].to_vec()), rule(2, "an empty block"));
    let mut biased = all.clone();
    biased[2].1 = Hash([7; 32]);
    assert_eq!(
        judge(&tip, 1, biased),
        rule(4, "not the preimage of that voter")
    );
    let mut later = all.clone();
    later[2] = of(2, 2);
    assert_eq!(
        judge(&tip, 1, later),
        rule(4, "not the preimage of that voter")
    );
    let mut tips = all.clone();
    tips[2].1 = room.chains[2].tip();
    assert_eq!(
        judge(&tip, 1, tips),
        rule(4, "not the preimage of that voter")
    );
    let mut twice = all.clone();
    twice.insert(0, all[0]);
    assert_eq!(judge(&tip, 1, twice), rule(4, "preimages not in order"));
    let mut stranger = all.clone();
    stranger.push((4, Hash::ZERO));
    assert_eq!(
        judge(&tip, 1, stranger),
        rule(4, "a preimage that the draw does not lack")
    );
    // Recorded once is recorded for good.
    commit(
        &room,
        &mut tip,
        vec![pens[1].write(&add(1))],
        &room.reveals(1, &[0, 3]),
    );
    assert_eq!(
        judge(&tip, 1, all),
        rule(4, "a preimage that the draw does not lack")
    );
    let executed = commit(&room, &mut tip, Vec::new(), &room.reveals(1, &[1, 2]));
    let voters: Vec<_> = executed
        .opened
        .unwrap()
        .preimages
        .iter()
        .map(|p| p.0)
        .collect();
    assert_eq!(voters, [0, 1, 2, 3]);
}

#[test]
fn the_seed_hangs_on_the_closing_block_however_late_it_is_opened() {
    let (room, mut tip, mut pens) = rolling();
    let closing = tip.block;
    for _ in 0..3 {
        commit(&room, &mut tip, vec![pens[2].write(&add(1))], &none());
        assert_eq!(pending(&tip).closing, Some(closing));
    }
    let executed = commit(&room, &mut tip, Vec::new(), &room.reveals(1, &[0, 1, 2, 3]));
    assert_eq!(executed.opened.unwrap().closing, closing);
}

#[test]
fn a_quorum_leaves_a_silent_voter_out_until_he_acts() {
    let (room, mut tip, mut pens) = rolling();
    let three = room.reveals(1, &[0, 1, 2]);
    let set = vec![pens[0].missing(1, 3), pens[1].missing(1, 3)];
    assert_eq!(reasons(&commit(&room, &mut tip, set, &three)), [None, None]);
    // Two of four are no quorum: he still counts.
    assert_eq!(contributors(&tip), [0, 1, 2, 3]);
    assert!(
        room.executor
            .build(tip.standing(), Vec::new(), &three)
            .is_none()
    );
    commit(&room, &mut tip, vec![pens[2].missing(1, 3)], &three);
    assert_eq!(contributors(&tip), [0, 1, 2]);
    // All others were recorded before: the opening needs no preimage any more.
    let executed = commit(&room, &mut tip, Vec::new(), &none());
    assert_eq!(executed.opened.unwrap().preimages.len(), 3);
    // He does not contribute to the next draw.
    commit(&room, &mut tip, vec![pens[0].write(ROLL)], &none());
    assert_eq!(contributors(&tip), [0, 1, 2]);
    commit(&room, &mut tip, Vec::new(), &room.reveals(2, &[0, 1, 2]));
    // A refused action does not bring him back, a committed one does.
    commit(&room, &mut tip, vec![pens[3].write(REFUSE)], &none());
    assert!(tip.state.draws().unwrap().voters[3].absent);
    commit(
        &room,
        &mut tip,
        vec![pens[3].write(&add(1)), pens[0].write(ROLL)],
        &none(),
    );
    assert_eq!(contributors(&tip), [0, 1, 2, 3]);
    // His chain goes on over the draws that he missed.
    let executed = commit(&room, &mut tip, Vec::new(), &room.reveals(3, &[0, 1, 2, 3]));
    assert_eq!(executed.opened.unwrap().preimages.len(), 4);
}

#[test]
fn missing_fits_only_a_silent_contributor_of_this_draw() {
    let (room, mut tip, mut pens) = rolling();
    let set = vec![
        pens[0].missing(2, 3),
        pens[0].missing(1, 0),
        pens[0].missing(1, 4),
        pens[0].missing(1, 200),
        pens[0].missing(1, 3),
        pens[0].missing(1, 3),
        // Recorded in this very block.
        pens[0].missing(1, 1),
    ];
    let executed = commit(&room, &mut tip, set, &room.reveals(1, &[1]));
    let refused = Some(Reason::NotApplicable);
    let mut expected = vec![refused; 7];
    expected[4] = None;
    assert_eq!(reasons(&executed), expected);
    commit(&room, &mut tip, Vec::new(), &room.reveals(1, &[0, 1, 2, 3]));
    let executed = commit(&room, &mut tip, vec![pens[1].missing(1, 3)], &none());
    assert_eq!(reasons(&executed), [Some(Reason::NotApplicable)]);
}

#[test]
fn a_draw_that_all_were_called_missing_from_starts_over() {
    let (room, mut tip, mut pens) = rolling();
    // Everybody calls everybody else missing, and then they find each other.
    let mut set = Vec::new();
    for author in 0..4u8 {
        for voter in (0..4).filter(|voter| *voter != author) {
            set.push(pens[usize::from(author)].missing(1, voter));
        }
    }
    commit(&room, &mut tip, set, &none());
    let renewed = pending(&tip);
    assert_eq!(renewed.generation, 1);
    assert_ne!(renewed.contributors, 0);
    assert_eq!(renewed.closing_height, 1);
    let voters = contributors(&tip);
    let executed = commit(&room, &mut tip, Vec::new(), &room.reveals(1, &voters));
    assert!(!executed.opened.unwrap().preimages.is_empty());
}

#[test]
fn where_the_quorum_is_everybody_nobody_is_left_out() {
    let room = Room::with(3, Mode::Unanimous, Arc::clone(&Room::new(1).scheme));
    let mut tip = room.head();
    let mut pens = room.pens();
    commit(&room, &mut tip, vec![pens[0].write(ROLL)], &none());
    let set = vec![pens[0].missing(1, 2), pens[1].missing(1, 2)];
    commit(&room, &mut tip, set, &none());
    assert_eq!(contributors(&tip), [0, 1, 2]);
}

#[test]
fn draws_end_with_the_chains() {
    let (room, mut tip, mut pens) = rolling();
    let mut draws = tip.state.draws().unwrap();
    draws.pending = None;
    draws.next = DRAWS_MAX;
    let mut overlay = Overlay::new(tip.state.clone());
    records::set_draws(&mut overlay, &draws);
    tip.state = overlay.absorb();
    let executed = commit(&room, &mut tip, vec![pens[0].write(ROLL)], &none());
    assert_eq!(reasons(&executed), [None]);
    let executed = commit(
        &room,
        &mut tip,
        Vec::new(),
        &room.reveals(DRAWS_MAX, &[0, 1, 2, 3]),
    );
    assert!(executed.opened.is_some());
    let executed = commit(&room, &mut tip, vec![pens[0].write(ROLL)], &none());
    assert!(reasons(&executed)[0].is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// Whatever is recorded, called missing and committed in whatever order: as long as all reveal
    /// in the end, the draw opens, never without a contributor.
    #[test]
    fn every_draw_opens_in_the_end(
        steps in prop::collection::vec((0u8..4, 0u8..4, any::<bool>(), any::<bool>()), 0..40),
    ) {
        let (room, mut tip, mut pens) = rolling();
        for (author, voter, reveal, together) in steps {
            if tip.state.draws().unwrap().pending.is_none() {
                break;
            }
            let mut set = vec![pens[usize::from(author)].missing(1, voter)];
            if together {
                let next = usize::from((author + 1) % 4);
                set.push(pens[next].missing(1, voter));
            }
            let reveals = if reveal { room.reveals(1, &[voter]) } else { none() };
            commit(&room, &mut tip, set, &reveals);
        }
        if tip.state.draws().unwrap().pending.is_some() {
            prop_assert!(!contributors(&tip).is_empty());
            let executed = commit(&room, &mut tip, Vec::new(), &room.reveals(1, &[0, 1, 2, 3]));
            prop_assert!(!executed.opened.unwrap().preimages.is_empty());
        }
        prop_assert!(tip.state.get(b"dice").is_some());
    }
}
