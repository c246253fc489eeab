//! Seats, phases, the way of the dice, guards and words.

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
fn bets_need_a_seat_and_an_open_line() {
    let mut game = Game::new(2, 100, 1000);
    let pass = CrapsAction::Bet {
        kind: BetKind::Pass,
        chips: 1,
    };
    assert_eq!(game.refuses(0, pass), Cause::NotSeated);
    game.act(0, CrapsAction::Sit).unwrap();
    game.throw_total(8);
    assert_eq!(game.refuses(0, pass), Cause::NotNow);
    let against = CrapsAction::Bet {
        kind: BetKind::DontPass,
        chips: 1,
    };
    assert_eq!(game.refuses(0, against), Cause::NotNow);
    let refused = game.act(0, against).unwrap_err();
    assert!(
        Craps::new()
            .describe(refused.code, &refused.detail)
            .contains("point is 8")
    );
    game.bet(0, BetKind::Field, 1).unwrap();
    game.throw_total(8);
    game.act(0, pass).unwrap();
}

#[test]
fn one_bet_of_a_kind_is_one_slot() {
    let mut game = Game::seated(2, 100, 1000);
    game.bet(0, BetKind::Pass, 3).unwrap();
    let again = CrapsAction::Bet {
        kind: BetKind::Pass,
        chips: 4,
    };
    assert_eq!(game.refuses(0, again), Cause::AlreadyBet);
    game.bet(0, BetKind::Field, 5).unwrap();
    game.bet(1, BetKind::Pass, 6).unwrap();
    let table = game.table();
    assert_eq!(table.stake(0, BetKind::Pass), 3);
    assert_eq!(table.stake(0, BetKind::Field), 5);
    assert_eq!(table.stake(1, BetKind::Pass), 6);
    assert_eq!(table.bets.len(), 3);
}

#[test]
fn a_stake_is_at_most_the_hand() {
    for (chips, cause) in [
        (0, Some(Cause::ZeroChips)),
        (1, None),
        (99, None),
        (100, None),
        (101, Some(Cause::NotEnoughChips)),
        (u32::MAX, Some(Cause::NotEnoughChips)),
    ] {
        let mut game = Game::seated(2, 100, u64::MAX / 2);
        let result = game.bet(0, BetKind::Pass, chips);
        assert_eq!(
            result.err().map(|refused| refused.code),
            cause.map(Cause::code),
            "{chips}"
        );
    }
}

#[test]
fn the_bank_takes_no_bet_that_it_could_not_pay() {
    for (first, field, taken) in [(10, 19, true), (10, 20, true), (10, 21, false)] {
        let mut game = Game::seated(2, 100, 50);
        game.bet(0, BetKind::Pass, first).unwrap();
        let refused = game.bet(1, BetKind::Field, field).err();
        assert_eq!(refused.is_none(), taken, "{field}");
        if let Some(refused) = refused {
            assert_eq!(refused, Cause::BankShort.with(40));
        }
    }
    let mut broke = Game::seated(2, 100, 0);
    let bet = CrapsAction::Bet {
        kind: BetKind::Pass,
        chips: 1,
    };
    assert_eq!(broke.refuses(0, bet), Cause::BankShort);
}

#[test]
fn settled_bets_free_the_bank() {
    let mut game = Game::seated(2, 100, 10);
    let pass = |chips| CrapsAction::Bet {
        kind: BetKind::Pass,
        chips,
    };
    game.act(0, pass(10)).unwrap();
    assert_eq!(game.refuses(1, pass(1)), Cause::BankShort);
    game.throw_total(12);
    assert_eq!(game.table().bank, 20);
    game.act(0, pass(15)).unwrap();
    assert_eq!(game.refuses(1, pass(6)), Cause::BankShort);
    game.act(1, pass(5)).unwrap();
    game.throw_total(7);
    assert_eq!(game.table().bank, 0);
    assert_eq!(game.table().chips, [105, 105]);
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
fn staked_chips_cannot_be_given_away() {
    let mut game = Game::seated(2, 100, 1000);
    game.bet(0, BetKind::Pass, 60).unwrap();
    let refused = game
        .act(0, CrapsAction::Transfer { to: 1, chips: 41 })
        .unwrap_err();
    assert_eq!(refused, Cause::NotEnoughChips.with(40));
    game.act(0, CrapsAction::Transfer { to: 1, chips: 40 })
        .unwrap();
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
fn strangers_and_strange_bytes_are_refused() {
    let mut game = Game::seated(2, 100, 1000);
    assert_eq!(game.refuses(200, CrapsAction::Roll), Cause::NotMember);
    let author = game.members[0];
    let good = CrapsAction::Bet {
        kind: BetKind::Field,
        chips: 300,
    }
    .encode();
    for cut in 0..good.len() {
        let refused = game.apply(&author, &good[..cut], true);
        assert_eq!(refused, Err(Cause::Malformed.into()));
    }
    // A stake of 1 in two bytes, an unknown bet, an unknown action, a byte too many.
    for bytes in [&[1, 2, 0x81, 0][..], &[1, 3, 1], &[6], &[0, 0]] {
        assert_eq!(
            game.apply(&author, bytes, true),
            Err(Cause::Malformed.into()),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_configuration_makes_countable_chips() {
    let genesis = |members: usize, config: &[u8]| {
        let members: Vec<_> = (0..members)
            .map(|member| PeerId([member as u8; 32]))
            .collect();
        let mut overlay = Overlay::new(Map::new());
        let result = Craps::new().genesis(&mut overlay, &members, config);
        result.map(|()| Table::of(&overlay.absorb()).expect("a table").total)
    };
    let config = |buy_in, bank| CrapsConfig { buy_in, bank }.encode();
    assert_eq!(genesis(4, &[]), Ok(104_000));
    assert_eq!(genesis(4, &config(5, 7)), Ok(27));
    assert_eq!(genesis(2, &config(1, u64::MAX - 3)), Ok(u64::MAX - 1));
    assert_eq!(genesis(2, &config(1, u64::MAX - 2)), Ok(u64::MAX));
    assert_eq!(
        genesis(2, &config(1, u64::MAX - 1)),
        Err(Cause::BadConfig.into())
    );
    assert_eq!(genesis(2, &[1]), Err(Cause::BadConfig.into()));
    assert!(genesis(15, &[]).is_ok());
    assert!(genesis(16, &[]).is_ok());
    assert_eq!(genesis(17, &[]), Err(Cause::BadConfig.into()));
}

#[test]
fn the_state_remembers_the_latest_throws() {
    let mut game = Game::seated(2, 100, 1000);
    let mut thrown = Vec::new();
    for dice in all_dice() {
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

#[test]
fn only_transfers_go_on_without_quorum() {
    for action in every_action() {
        let allowed = matches!(action, CrapsAction::Transfer { .. });
        let verdict = Craps::new().offline(&action.encode());
        assert_eq!(verdict == Offline::Allowed, allowed, "{action:?}");
    }
    assert_eq!(Craps::new().offline(&[0xff]), Offline::Forbidden);
}

#[test]
fn the_roll_comes_last_among_equals() {
    let key = |action: &CrapsAction| Craps::new().order_key(&action.encode());
    let roll = key(&CrapsAction::Roll);
    for action in every_action() {
        assert!(key(&action) <= roll, "{action:?}");
    }
    let sit = key(&CrapsAction::Sit);
    let bet = key(&CrapsAction::Bet {
        kind: BetKind::Pass,
        chips: 1,
    });
    let transfer = key(&CrapsAction::Transfer { to: 0, chips: 1 });
    assert!(sit < transfer && transfer < bet && bet < roll);
}

#[test]
fn actions_are_small_on_the_wire() {
    for action in every_action() {
        let len = action.encode().len();
        assert!(len <= 8, "{action:?} has {len} bytes");
    }
}

#[test]
fn everything_has_words() {
    let words: Vec<_> = every_action()
        .iter()
        .map(|action| Craps::new().describe_action(&action.encode()))
        .collect();
    assert_eq!(
        words,
        [
            "takes a seat",
            "bets 4294967295 on pass",
            "bets 5 on don't pass",
            "bets 1 on field",
            "rolls the dice",
            "gives 4294967295 to player 256",
            "gets up",
            "asks for the dice to move on",
        ]
    );
    assert!(!Craps::new().describe_action(&[77]).is_empty());
    for code in 0..40 {
        for detail in [encode(&12u64), encode(&u64::MAX), vec![], vec![0xff; 64]] {
            assert!(!Craps::new().describe(code, &detail).is_empty());
        }
        assert_eq!(Cause::from_code(code).is_some(), (1..=19).contains(&code));
    }
    let short = Cause::NotEnoughChips.with(12);
    assert_eq!(
        Craps::new().describe(short.code, &short.detail),
        "you have only 12 chips left"
    );
}

pub(super) fn every_action() -> [CrapsAction; 8] {
    [
        CrapsAction::Sit,
        CrapsAction::Bet {
            kind: BetKind::Pass,
            chips: u32::MAX,
        },
        CrapsAction::Bet {
            kind: BetKind::DontPass,
            chips: 5,
        },
        CrapsAction::Bet {
            kind: BetKind::Field,
            chips: 1,
        },
        CrapsAction::Roll,
        CrapsAction::Transfer {
            to: 255,
            chips: u32::MAX,
        },
        CrapsAction::Stand,
        CrapsAction::Skip { turn: 1 << 40 },
    ]
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
