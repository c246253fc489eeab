//! Every bet, all 36 dice, both phases, against tables written by hand.

use super::*;

/// What happens to a bet, a letter for each total from 2 to 12: W wins 1:1, D wins 2:1, L loses, P
/// gives the stake back, a dot leaves the bet where it is.
const EXPECTED: [(BetKind, Option<u8>, &str); 21] = [
    (BetKind::Pass, None, "LL...W...WL"),
    (BetKind::Pass, Some(4), "..W..L....."),
    (BetKind::Pass, Some(5), "...W.L....."),
    (BetKind::Pass, Some(6), "....WL....."),
    (BetKind::Pass, Some(8), ".....LW...."),
    (BetKind::Pass, Some(9), ".....L.W..."),
    (BetKind::Pass, Some(10), ".....L..W.."),
    (BetKind::DontPass, None, "WW...L...LP"),
    (BetKind::DontPass, Some(4), "..L..W....."),
    (BetKind::DontPass, Some(5), "...L.W....."),
    (BetKind::DontPass, Some(6), "....LW....."),
    (BetKind::DontPass, Some(8), ".....WL...."),
    (BetKind::DontPass, Some(9), ".....W.L..."),
    (BetKind::DontPass, Some(10), ".....W..L.."),
    (BetKind::Field, None, "DWWLLLLWWWD"),
    (BetKind::Field, Some(4), "DWWLLLLWWWD"),
    (BetKind::Field, Some(5), "DWWLLLLWWWD"),
    (BetKind::Field, Some(6), "DWWLLLLWWWD"),
    (BetKind::Field, Some(8), "DWWLLLLWWWD"),
    (BetKind::Field, Some(9), "DWWLLLLWWWD"),
    (BetKind::Field, Some(10), "DWWLLLLWWWD"),
];
const BUY_IN: u32 = 100;
const BANK: u64 = 1000;
const STAKE: u32 = 7;

#[test]
fn every_bet_pays_exactly_on_all_dice_in_both_phases() {
    for (kind, point, letters) in EXPECTED {
        let mut before = Game::seated(3, BUY_IN, BANK);
        // Line bets are placed on the come-out and carried into the point phase.
        let early = point.is_some() && !kind.is_open(point);
        if early {
            before.bet(1, kind, STAKE).unwrap();
        }
        if let Some(point) = point {
            before.throw_total(point);
            assert_eq!(before.table().point, Some(point));
        }
        if !early {
            before.bet(1, kind, STAKE).unwrap();
        }
        assert_eq!(before.table().chips[1], u64::from(BUY_IN - STAKE));
        for dice in all_dice() {
            let mut game = before.clone();
            game.throw(dice);
            let letter = letters.as_bytes()[usize::from(dice.total()) - 2];
            let (hand, bank, left) = match letter {
                b'W' => (BUY_IN + STAKE, BANK - u64::from(STAKE), 0),
                b'D' => (BUY_IN + 2 * STAKE, BANK - 2 * u64::from(STAKE), 0),
                b'L' => (BUY_IN - STAKE, BANK + u64::from(STAKE), 0),
                b'P' => (BUY_IN, BANK, 0),
                _ => (BUY_IN - STAKE, BANK, STAKE),
            };
            let table = game.table();
            let what = format!("{kind:?} with point {point:?} on {dice:?}");
            assert_eq!(table.chips[1], u64::from(hand), "hand: {what}");
            assert_eq!(table.bank, bank, "bank: {what}");
            assert_eq!(table.stake(1, kind), left, "stake: {what}");
            assert!(table.is_conserved(), "chips: {what}");
            assert_phase_after(point, dice, &table);
        }
    }
}

fn assert_phase_after(point: Option<u8>, dice: Dice, table: &Table) {
    let (next_point, shooter) = match (point, dice.total()) {
        (None, total @ (4 | 5 | 6 | 8 | 9 | 10)) => (Some(total), 0),
        (None, _) => (None, 0),
        (Some(_), 7) => (None, 1),
        (Some(point), total) if point == total => (None, 0),
        (Some(point), _) => (Some(point), 0),
    };
    assert_eq!(table.point, next_point, "{point:?} on {dice:?}");
    assert_eq!(table.shooter, Some(shooter), "{point:?} on {dice:?}");
    assert!(!table.dice_in_the_air);
}

#[test]
fn the_bank_covers_the_best_case_of_every_bet() {
    for kind in BetKind::ALL {
        let best = POINTS
            .into_iter()
            .flat_map(|point| all_dice().map(move |dice| verdict(kind, point, dice)))
            .map(|verdict| match verdict {
                Verdict::Wins(odds) => odds.profit(1000),
                Verdict::Stays | Verdict::Loses | Verdict::Pushes => 0,
            })
            .max();
        assert_eq!(Some(kind.best().profit(1000)), best, "{kind:?}");
    }
}

/// The edges that the game is known for: pass 7/495, don't pass with 12 barred 3/220, field with
/// 2:1 on both ends 1/18. In units of 1/(36 · 990), so that every number is whole.
#[test]
fn the_house_edges_are_the_known_ones() {
    const UNIT: i64 = 36 * 990;
    let edge = |kind| {
        let mut sum = 0;
        for dice in all_dice() {
            sum += 990
                * match verdict(kind, None, dice) {
                    Verdict::Wins(odds) => i64::try_from(odds.profit(1)).unwrap(),
                    Verdict::Loses => -1,
                    Verdict::Pushes => 0,
                    Verdict::Stays => {
                        // Until the point or a 7: the chance of each among the throws that decide.
                        let point = Some(dice.total());
                        let decided = |wanted: fn(Verdict) -> bool| {
                            let throws =
                                all_dice().filter(|next| wanted(verdict(kind, point, *next)));
                            i64::try_from(throws.count()).unwrap()
                        };
                        let wins = decided(|verdict| matches!(verdict, Verdict::Wins(_)));
                        let losses = decided(|verdict| matches!(verdict, Verdict::Loses));
                        let scaled = 990 * (wins - losses);
                        assert_eq!(scaled % (wins + losses), 0);
                        sum += scaled / (wins + losses);
                        0
                    }
                };
        }
        sum
    };
    assert_eq!(edge(BetKind::Pass) * 495, -7 * UNIT);
    assert_eq!(edge(BetKind::DontPass) * 220, -3 * UNIT);
    assert_eq!(edge(BetKind::Field) * 18, -UNIT);
}

#[test]
fn odds_round_in_favour_of_the_bank() {
    let odds = Odds { pays: 3, to: 2 };
    assert_eq!(
        [0, 1, 2, 3, 4].map(|chips| odds.profit(chips)),
        [0, 1, 3, 4, 6]
    );
    assert_eq!(
        Odds { pays: 255, to: 1 }.profit(u32::MAX),
        255 * u64::from(u32::MAX)
    );
}

#[test]
fn many_bets_are_settled_by_one_throw() {
    let mut game = Game::seated(3, 100, 1000);
    game.bet(0, BetKind::Pass, 10).unwrap();
    game.bet(0, BetKind::Field, 20).unwrap();
    game.bet(1, BetKind::DontPass, 30).unwrap();
    game.bet(2, BetKind::Pass, 40).unwrap();
    game.throw_total(11);
    let table = game.table();
    assert_eq!(table.chips, [100 + 10 + 20, 100 - 30, 100 + 40]);
    assert_eq!(table.bank, 1000 - 10 - 20 + 30 - 40);
    assert!(table.bets.is_empty());
}

#[test]
fn vectors_hold() {
    let mut text = String::from("craps 1\n");
    for (kind, point, _) in EXPECTED {
        let letters: String = (2..=12)
            .map(|total| match verdict(kind, point, dice_of(total)) {
                Verdict::Stays => '.',
                Verdict::Loses => 'L',
                Verdict::Pushes => 'P',
                Verdict::Wins(odds) if odds.pays == 2 => 'D',
                Verdict::Wins(_) => 'W',
            })
            .collect();
        let point = point.map_or("come-out".to_owned(), |point| point.to_string());
        text.push_str(&format!("{}, {point}: {letters}\n", kind.name()));
    }
    let mut game = Game::new(3, 50, 200);
    let script = [
        (0, CrapsAction::Sit),
        (2, CrapsAction::Sit),
        (2, CrapsAction::Sit),
        (
            1,
            CrapsAction::Bet {
                kind: BetKind::Pass,
                chips: 5,
            },
        ),
        (
            0,
            CrapsAction::Bet {
                kind: BetKind::Pass,
                chips: 5,
            },
        ),
        (
            2,
            CrapsAction::Bet {
                kind: BetKind::DontPass,
                chips: 300,
            },
        ),
        (
            2,
            CrapsAction::Bet {
                kind: BetKind::DontPass,
                chips: 30,
            },
        ),
        (1, CrapsAction::Transfer { to: 2, chips: 20 }),
        (
            0,
            CrapsAction::Bet {
                kind: BetKind::Field,
                chips: 45,
            },
        ),
        (2, CrapsAction::Roll),
        (0, CrapsAction::Roll),
        (
            2,
            CrapsAction::Bet {
                kind: BetKind::Field,
                chips: 1,
            },
        ),
        (1, CrapsAction::Skip { turn: 2 }),
        (2, CrapsAction::Skip { turn: 2 }),
        (2, CrapsAction::Roll),
        (1, CrapsAction::Stand),
        (0, CrapsAction::Stand),
        (2, CrapsAction::Roll),
        (2, CrapsAction::Roll),
    ];
    for (draw, (member, action)) in (0u8..).zip(script) {
        let hex: String = action
            .encode()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let result = match game.act(member, action) {
            Ok(()) => "ok".to_owned(),
            Err(rejection) => format!("code {} {:02x?}", rejection.code, &*rejection.detail),
        };
        if action == CrapsAction::Roll {
            game.draw(Hash([draw; 32]));
        }
        let table = game.table();
        text.push_str(&format!(
            "{member} {hex} -> {result}; hands {:?}, bank {}, point {:?}, shooter {:?}, turn {}, dice {:?}\n",
            table.chips,
            table.bank,
            table.point,
            table.shooter,
            table.turn,
            table.dice.last().map(|dice| (dice.first, dice.second)),
        ));
    }
    assert_eq!(
        text, VECTORS,
        "behaviour changed: a new version of the rule set\n{text}"
    );
}

const POINTS: [Option<u8>; 7] = [None, Some(4), Some(5), Some(6), Some(8), Some(9), Some(10)];
