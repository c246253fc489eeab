//! Seats, phases and the way of the dice.

use super::*;

#[test]
fn positions_are_taken_in_order_and_filled_again() {
    let mut game = Game::new(4, 100, 1000);
    assert_eq!(game.table().shooter, None);
    for member in [2, 0, 3] {
        game.act(member, CrapsAction::Sit).unwrap();
    }
    assert_eq!(game.table().seats, [Some(2), Some(0), Some(3)]);
    assert_eq!(
        game.table().shooter,
        Some(2),
        "the first to sit gets the dice"
    );
    assert_eq!(game.refuses(2, CrapsAction::Sit), Cause::AlreadySeated);
    game.act(0, CrapsAction::Stand).unwrap();
    game.act(1, CrapsAction::Sit).unwrap();
    assert_eq!(game.table().seats, [Some(2), Some(1), Some(3)]);
    game.act(3, CrapsAction::Stand).unwrap();
    assert_eq!(game.table().seats, [Some(2), Some(1)]);
    assert!(game.table().is_seated(1));
    assert!(!game.table().is_seated(3));
}

#[test]
fn the_dice_move_on_after_a_seven_out_only() {
    let mut game = Game::seated(3, 100, 1000);
    for (total, shooter) in [
        (7, 0),
        (12, 0),
        (6, 0),
        (5, 0),
        (6, 0),
        (8, 0),
        (7, 1),
        (7, 1),
        (10, 1),
        (7, 2),
        (4, 2),
        (7, 0),
    ] {
        game.throw_total(total);
        assert_eq!(game.table().shooter, Some(shooter), "after {total}");
    }
    assert_eq!(game.table().throws, 12);
}

#[test]
fn bets_close_before_the_dice_fall() {
    let mut game = Game::seated(2, 100, 1000);
    game.act(0, CrapsAction::Roll).unwrap();
    assert!(game.table().dice_in_the_air);
    let bet = CrapsAction::Bet {
        kind: BetKind::Field,
        chips: 1,
    };
    assert_eq!(game.refuses(1, bet), Cause::DiceInTheAir);
    assert_eq!(game.refuses(0, CrapsAction::Roll), Cause::DiceInTheAir);
    assert_eq!(game.refuses(1, CrapsAction::Stand), Cause::DiceInTheAir);
    let turn = game.table().turn;
    assert_eq!(
        game.refuses(0, CrapsAction::Skip { turn }),
        Cause::DiceInTheAir
    );
    game.act(1, CrapsAction::Transfer { to: 0, chips: 1 })
        .unwrap();
    game.draw(seed_of(dice_of(9)));
    game.bet(1, BetKind::Field, 1).unwrap();
}

#[test]
fn dice_fall_only_when_they_were_asked_for() {
    let mut game = Game::seated(2, 100, 1000);
    game.bet(1, BetKind::Field, 10).unwrap();
    let before = game.table();
    game.draw(seed_of(dice_of(9)));
    assert_eq!(game.table(), before);
}

#[test]
fn a_roll_asks_for_a_draw_and_is_refused_while_one_is_open() {
    let mut game = Game::seated(2, 100, 1000);
    let (shooter, roll) = (game.members[0], CrapsAction::Roll.encode());
    let refused = game.apply(&shooter, &roll, false).unwrap_err();
    assert_eq!(refused, Cause::DrawOpen.into());
    assert!(!game.table().dice_in_the_air);
    assert_eq!(game.apply(&shooter, &roll, true), Ok(true));
    let sit = CrapsAction::Transfer { to: 0, chips: 1 }.encode();
    let other = game.members[1];
    assert_eq!(game.apply(&other, &sit, true), Ok(false));
}

#[test]
fn only_the_shooter_rolls() {
    let mut game = Game::new(2, 100, 1000);
    assert_eq!(game.refuses(0, CrapsAction::Roll), Cause::NoShooter);
    game.act(1, CrapsAction::Sit).unwrap();
    assert_eq!(game.refuses(0, CrapsAction::Roll), Cause::NotShooter);
    game.act(1, CrapsAction::Roll).unwrap();
}

#[test]
fn transfers_are_guarded_by_the_balance() {
    for (to, chips, cause) in [
        (1, 1, None),
        (1, 99, None),
        (1, 100, None),
        (1, 101, Some(Cause::NotEnoughChips)),
        (1, 0, Some(Cause::ZeroChips)),
        (0, 1, Some(Cause::BadReceiver)),
        (2, 1, None),
        (3, 1, Some(Cause::BadReceiver)),
        (255, 1, Some(Cause::BadReceiver)),
    ] {
        let mut game = Game::new(3, 100, 1000);
        let result = game.act(0, CrapsAction::Transfer { to, chips });
        assert_eq!(
            result.as_ref().err().map(|refused| refused.code),
            cause.map(Cause::code)
        );
        if result.is_ok() {
            let table = game.table();
            assert_eq!(table.chips[0], 100 - u64::from(chips));
            assert_eq!(table.chips[usize::from(to)], 100 + u64::from(chips));
        }
    }
}

#[test]
fn nobody_gets_up_from_his_bets() {
    let mut game = Game::seated(2, 100, 1000);
    game.bet(1, BetKind::Pass, 1).unwrap();
    assert_eq!(game.refuses(1, CrapsAction::Stand), Cause::BetsOnTable);
    game.throw_total(7);
    game.act(1, CrapsAction::Stand).unwrap();
    assert_eq!(game.refuses(1, CrapsAction::Stand), Cause::NotSeated);
}

#[test]
fn a_shooter_who_gets_up_hands_the_dice_on() {
    let mut game = Game::seated(3, 100, 1000);
    game.bet(2, BetKind::Pass, 5).unwrap();
    game.throw_total(6);
    game.act(0, CrapsAction::Stand).unwrap();
    assert_eq!(game.table().shooter, Some(1));
    assert_eq!(game.table().point, Some(6), "the bets of the others go on");
    game.act(1, CrapsAction::Stand).unwrap();
    assert_eq!(game.table().shooter, Some(2));
    game.throw_total(6);
    assert_eq!(game.table().chips[2], 105);
    game.throw_total(9);
    game.act(2, CrapsAction::Stand).unwrap();
    let empty = game.table();
    assert_eq!((empty.shooter, empty.point), (None, None));
    assert!(empty.seats.is_empty());
    game.act(1, CrapsAction::Sit).unwrap();
    assert_eq!(game.table().shooter, Some(1));
}

#[test]
fn a_shooter_who_gets_up_from_an_absent_table_leaves_it_the_dice() {
    let mut game = Game::seated(3, 100, 1000);
    game.bet(1, BetKind::Pass, 5).unwrap();
    game.throw_total(6);
    for away in [0, 1] {
        let turn = game.table().turn;
        for member in (0..3).filter(|member| *member != away) {
            game.act(member, CrapsAction::Skip { turn }).unwrap();
        }
        // Asking for the other one to be skipped shows that this one is here.
    }
    assert_eq!(game.table().shooter, Some(2));
    game.act(2, CrapsAction::Stand).unwrap();
    assert!(matches!(game.table().shooter, Some(0 | 1)));
    assert_eq!(game.table().point, Some(6));
}

#[test]
fn the_shooter_passes_the_dice_at_once() {
    let mut game = Game::seated(3, 100, 1000);
    let turn = game.table().turn;
    game.act(0, CrapsAction::Skip { turn }).unwrap();
    let table = game.table();
    assert_eq!(table.shooter, Some(1));
    assert!(table.away.is_empty(), "he is here");
    assert_eq!(
        game.refuses(1, CrapsAction::Skip { turn }),
        Cause::OtherTurn
    );
}

#[test]
fn more_than_half_of_the_members_skip_an_absent_shooter() {
    let mut game = Game::seated(4, 100, 1000);
    let turn = game.table().turn;
    game.act(1, CrapsAction::Skip { turn }).unwrap();
    assert_eq!(
        game.refuses(1, CrapsAction::Skip { turn }),
        Cause::AlreadySkipped
    );
    game.act(2, CrapsAction::Skip { turn }).unwrap();
    assert_eq!(
        game.table().shooter,
        Some(0),
        "two of four are not more than half"
    );
    assert_eq!(game.table().skips, [1, 2]);
    game.act(3, CrapsAction::Skip { turn }).unwrap();
    let table = game.table();
    assert_eq!(table.shooter, Some(1));
    assert_eq!(table.away, [0]);
    assert!(table.skips.is_empty());
    assert!(table.is_seated(0));
    assert_eq!(
        game.refuses(2, CrapsAction::Skip { turn }),
        Cause::OtherTurn
    );
}

#[test]
fn a_throw_voids_the_skips_of_its_turn() {
    let mut game = Game::seated(4, 100, 1000);
    let turn = game.table().turn;
    for member in [1, 2] {
        game.act(member, CrapsAction::Skip { turn }).unwrap();
    }
    game.throw_total(12);
    assert!(game.table().skips.is_empty());
    assert_eq!(
        game.refuses(3, CrapsAction::Skip { turn }),
        Cause::OtherTurn
    );
    assert_eq!(game.table().shooter, Some(0));
}

#[test]
fn the_dice_pass_over_who_is_away_until_he_acts() {
    let mut game = Game::seated(3, 100, 1000);
    let turn = game.table().turn;
    for member in [1, 2] {
        game.act(member, CrapsAction::Skip { turn }).unwrap();
    }
    let seven_out = |game: &mut Game| {
        game.throw_total(6);
        game.throw_total(7);
        game.table().shooter
    };
    assert_eq!(game.table().shooter, Some(1));
    assert_eq!(seven_out(&mut game), Some(2));
    assert_eq!(seven_out(&mut game), Some(1), "over the one who is away");
    assert_eq!(seven_out(&mut game), Some(2));
    let refused = game.act(0, CrapsAction::Transfer { to: 1, chips: 101 });
    assert!(refused.is_err());
    assert_eq!(game.table().away, [0], "a refused action changes nothing");
    game.act(0, CrapsAction::Transfer { to: 1, chips: 1 })
        .unwrap();
    assert!(game.table().away.is_empty());
    assert_eq!(seven_out(&mut game), Some(0));
}

#[test]
fn any_quorum_can_go_on_without_the_absent() {
    for members in 3..=16u8 {
        let absent = (members - 1) / 2;
        let mut game = Game::seated(members, 100, 10_000);
        for lap in 0..3 {
            let mut skipped = 0;
            while game.table().shooter.is_none_or(|shooter| shooter < absent) {
                let turn = game.table().turn;
                let mut present = absent..members;
                while game.table().turn == turn {
                    let member = present.next().expect("more than half are here");
                    game.act(member, CrapsAction::Skip { turn }).unwrap();
                }
                skipped += 1;
            }
            assert!(
                skipped <= if lap == 0 { absent } else { 0 },
                "{members} members, lap {lap}"
            );
            for _ in absent..members {
                game.throw_total(6);
                game.throw_total(7);
            }
        }
    }
}

#[test]
fn the_state_remembers_the_latest_throws() {
    let mut game = Game::seated(2, 100, 1000);
    let mut thrown = Vec::new();
    for dice in Dice::all() {
        game.throw(dice);
        thrown.push(dice);
        let kept = thrown.len().saturating_sub(32);
        assert_eq!(game.table().dice, &thrown[kept..]);
    }
}

#[test]
fn the_phase_moves_forward_only() {
    let mut game = Game::seated(2, 100, 1000);
    let phase = |game: &Game| Craps::new().phase(&game.overlay);
    assert_eq!(phase(&game), 0);
    game.bet(0, BetKind::Field, 1).unwrap();
    assert_eq!(phase(&game), 0);
    game.act(0, CrapsAction::Roll).unwrap();
    assert_eq!(phase(&game), 1);
    game.draw(seed_of(dice_of(6)));
    assert_eq!(phase(&game), 2);
    assert_eq!(Craps::new().phase(&Overlay::new(Map::new())), 0);
}

#[cfg(feature = "planted")]
#[test]
fn the_planted_bug_makes_chips() {
    for planted in [false, true] {
        let mut game = Game::seated(2, 100, 1000);
        game.bet(0, BetKind::Pass, 10).unwrap();
        game.act(0, CrapsAction::Roll).unwrap();
        let mut context = Context::new(&game.members, 1, true);
        let mut random = Random::new(seed_of(dice_of(7)));
        Craps::with_plant(planted).on_draw(&mut game.overlay, &mut random, &mut context);
        assert_eq!(game.table().is_conserved(), !planted);
        assert_eq!(game.table().chips[0], if planted { 120 } else { 110 });
    }
}
