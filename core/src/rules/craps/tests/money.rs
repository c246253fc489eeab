//! Chips that are set aside, released and redeemed.

use proptest::prelude::*;

use super::*;
use crate::crypto::{Ed25519, Identity, Signature};
use crate::error::NotFinal;
use crate::id::GroupId;
use crate::rules::earmark::{
    Committed, EARMARKS_MAX, Earmark, EarmarkId, FinalOffline, Release, final_offline,
};

const GROUP: GroupId = GroupId([7; 16]);

/// A table of three whose members can sign.
struct Signed {
    people: Vec<Identity>,
    members: Vec<PeerId>,
    overlay: Overlay,
}

impl Signed {
    fn new() -> Self {
        let people: Vec<_> = (1..=3).map(|byte| Identity::new([byte; 32])).collect();
        let members: Vec<_> = people.iter().map(Identity::peer).collect();
        let mut overlay = Overlay::new(Map::new());
        Craps::new()
            .genesis(&mut overlay, &members, &[])
            .expect("a table");
        Self {
            people,
            members,
            overlay,
        }
    }

    fn act(&mut self, member: usize, action: CrapsAction) -> Result<(), Cause> {
        let mut context = Context::new(&self.members, 1, true).verifying(GROUP, &Ed25519);
        let mark = self.overlay.mark();
        let author = &self.members[member];
        let result = Craps::new().apply(&mut self.overlay, author, &action.encode(), &mut context);
        if result.is_err() {
            self.overlay.undo_to(mark);
        }
        assert!(self.table().is_conserved());
        result.map_err(|it| Cause::from_code(it.code).expect("a known code"))
    }

    fn table(&self) -> Table {
        Table::of(&self.state()).expect("a table")
    }

    fn state(&self) -> Map {
        self.overlay.clone().absorb()
    }

    fn set_aside(&mut self, payer: usize, to: u8, chips: u32) -> Earmark {
        self.act(payer, CrapsAction::Earmark { to, chips })
            .expect("he has as much");
        *self.table().earmarks.last().expect("it is set aside")
    }

    fn release(&self, earmark: &Earmark) -> Release {
        earmark.release(GROUP, &self.people[usize::from(earmark.id.payer)])
    }

    fn redeem(&mut self, member: usize, release: &Release) -> Result<(), Cause> {
        let payload = Craps::new().redeem(release).expect("craps knows earmarks");
        let action = CrapsAction::decode(&payload).expect("its own action");
        self.act(member, action)
    }

    fn is_final(&self, release: &Release) -> FinalOffline {
        let committed = Craps::new().earmark(&self.state(), release.id);
        final_offline(release, committed, GROUP, &Ed25519)
    }
}

#[test]
fn what_is_set_aside_and_released_is_redeemed_once_by_its_payee() {
    let mut game = Signed::new();
    let hands = game.table().chips;
    let earmark = game.set_aside(0, 1, 30);
    assert_eq!(game.table().chips[0], hands[0] - 30, "gone from the hand");
    let release = game.release(&earmark);
    assert_eq!(Release::decode(&release.encode()), Ok(release));
    assert_eq!(game.redeem(2, &release), Err(Cause::NotPayee));
    assert_eq!(game.redeem(0, &release), Err(Cause::NotPayee));
    assert_eq!(game.redeem(1, &release), Ok(()));
    assert_eq!(game.table().chips, [hands[0] - 30, hands[1] + 30, hands[2]]);
    assert_eq!(game.redeem(1, &release), Err(Cause::NoEarmark), "once");
}

#[test]
fn only_the_payers_word_for_just_this_releases() {
    let mut game = Signed::new();
    let (first, second) = (game.set_aside(0, 1, 30), game.set_aside(0, 1, 40));
    let good = game.release(&first);
    let mut other_number = game.release(&second);
    other_number.id = first.id;
    let by_another = first.release(GROUP, &game.people[1]);
    let elsewhere = first.release(GroupId([8; 16]), &game.people[0]);
    let mut unsigned = good;
    unsigned.signature = Signature::ZERO;
    for release in [other_number, by_another, elsewhere, unsigned] {
        assert_eq!(game.redeem(1, &release), Err(Cause::NotReleased));
    }
    assert_eq!(game.redeem(1, &good), Ok(()));
    // Outside of a group that can verify, nothing is released.
    let payload = Craps::new().redeem(&game.release(&second)).unwrap();
    let mut context = Context::new(&game.members, 1, true);
    let member = game.members[1];
    let refused = Craps::new().apply(&mut game.overlay, &member, &payload, &mut context);
    assert_eq!(refused, Err(Cause::NotReleased.into()));
}

#[test]
fn only_the_payee_gives_it_back() {
    let mut game = Signed::new();
    let hands = game.table().chips;
    let id = game.set_aside(0, 1, 30).id;
    assert_eq!(
        game.act(0, CrapsAction::GiveBack { id }),
        Err(Cause::NotPayee)
    );
    assert_eq!(game.act(1, CrapsAction::GiveBack { id }), Ok(()));
    assert_eq!(game.table().chips, hands);
    assert_eq!(
        game.act(1, CrapsAction::GiveBack { id }),
        Err(Cause::NoEarmark)
    );
}

#[test]
fn earmarks_have_limits() {
    let mut game = Signed::new();
    let hand = u32::try_from(game.table().chips[0]).unwrap();
    let aside = |to, chips| CrapsAction::Earmark { to, chips };
    assert_eq!(game.act(0, aside(0, 1)), Err(Cause::BadReceiver));
    assert_eq!(game.act(0, aside(3, 1)), Err(Cause::BadReceiver));
    assert_eq!(game.act(0, aside(1, 0)), Err(Cause::ZeroChips));
    assert_eq!(game.act(0, aside(1, hand + 1)), Err(Cause::NotEnoughChips));
    for _ in 0..EARMARKS_MAX {
        game.set_aside(0, 1, 1);
    }
    assert_eq!(game.act(0, aside(1, 1)), Err(Cause::TooManyEarmarks));
    let id = game.table().earmarks[0].id;
    assert_eq!(game.act(1, CrapsAction::GiveBack { id }), Ok(()));
    // A number is never used again.
    assert_eq!(game.set_aside(0, 1, 1).id.number, EARMARKS_MAX as u32 + 1);
    let mut all = Signed::new();
    all.set_aside(0, 1, hand);
    assert_eq!(all.table().chips[0], 0);
}

#[test]
fn final_is_exactly_a_genuine_release_of_what_is_committed() {
    let mut game = Signed::new();
    let before = game.state();
    let earmark = game.set_aside(0, 1, 30);
    let good = game.release(&earmark);
    assert_eq!(game.is_final(&good), FinalOffline::Yes);
    let no = |release: Release, why| {
        assert_eq!(game.is_final(&release), FinalOffline::No(why), "{why:?}");
    };
    no(Release { payee: 2, ..good }, NotFinal::OtherPayee);
    no(Release { amount: 31, ..good }, NotFinal::OtherAmount);
    let signature = Signature::ZERO;
    no(Release { signature, ..good }, NotFinal::NotGenuine);
    let id = EarmarkId {
        number: 9,
        ..good.id
    };
    no(Release { id, ..good }, NotFinal::NotCommitted);
    let id = EarmarkId {
        payer: 9,
        ..good.id
    };
    no(Release { id, ..good }, NotFinal::NotCommitted);
    // At a head that does not have it yet, it is not final.
    let unknown = Craps::new().earmark(&before, good.id);
    let verdict = final_offline(&good, unknown, GROUP, &Ed25519);
    assert_eq!(verdict, FinalOffline::No(NotFinal::NotCommitted));
    game.redeem(1, &good).unwrap();
    assert_eq!(game.is_final(&good), FinalOffline::No(NotFinal::Settled));
}

#[test]
fn payments_are_allowed_apart_and_play_is_not() {
    let id = EarmarkId {
        payer: 0,
        number: 1,
    };
    let signature = Signature::ZERO;
    let (kind, chips) = (BetKind::Field, 1);
    let working = Working::On;
    for (action, allowed, bound) in [
        (CrapsAction::Transfer { to: 1, chips }, true, false),
        (CrapsAction::Earmark { to: 1, chips }, true, false),
        (CrapsAction::Redeem { id, signature }, true, false),
        (CrapsAction::GiveBack { id }, true, false),
        (CrapsAction::Sit, false, false),
        (CrapsAction::Stand, false, false),
        (CrapsAction::Bet { kind, chips }, false, true),
        (CrapsAction::TakeDown { kind, chips }, false, false),
        (CrapsAction::Switch { kind, working }, false, false),
        (CrapsAction::Roll, false, true),
        (CrapsAction::Skip { turn: 1 }, false, false),
    ] {
        let (craps, payload) = (Craps::new(), action.encode());
        let offline = craps.offline(&payload) == Offline::Allowed;
        assert_eq!(
            (offline, craps.phase_bound(&payload)),
            (allowed, bound),
            "{action:?}"
        );
    }
    assert_eq!(Craps::new().offline(b"nothing"), Offline::Forbidden);
}

proptest! {
    /// Whatever they set aside, redeem and give back: no chip is made or lost.
    #[test]
    fn chips_are_conserved(
        steps in prop::collection::vec((0u8..4, 0usize..3, 0u8..4, 0u32..80, 0u32..6), 0..60),
    ) {
        let mut game = Signed::new();
        for (what, member, other, chips, number) in steps {
            let id = EarmarkId { payer: other, number };
            let known = Craps::new().earmark(&game.state(), id);
            let action = match (what, known) {
                (0, _) => CrapsAction::Earmark { to: other, chips },
                (1, _) => CrapsAction::Transfer { to: other, chips },
                (2, Committed::Stands(earmark)) => {
                    let signature = game.release(&earmark).signature;
                    CrapsAction::Redeem { id, signature }
                }
                (2, _) => CrapsAction::Redeem { id, signature: Signature::ZERO },
                _ => CrapsAction::GiveBack { id },
            };
            // It checks the sum.
            let _ = game.act(member, action);
        }
    }
}
