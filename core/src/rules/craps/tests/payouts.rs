//! Every bet, all 36 dice, both phases and every point, against a table written by hand.

use super::*;

/// A line of `payouts.txt`.
struct Row {
    kind: BetKind,
    phase: &'static str,
    tokens: Vec<&'static str>,
}

/// What the table says of one throw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Profit(u64),
    Loses,
    Back,
    Moves,
    Stays,
}

const PAYOUTS: &str = include_str!("payouts.txt");
const STAKE: u32 = 120;
const BUY_IN: u32 = 1000;
const BANK: u64 = 100_000;

fn rows() -> Vec<Row> {
    let lines = PAYOUTS.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, rest) = line.split_at(19);
            let mut words = rest.split_whitespace();
            Row {
                kind: BetKind::ALL
                    .into_iter()
                    .find(|kind| kind.name() == name.trim_end())
                    .unwrap_or_else(|| panic!("{name} is a bet")),
                phase: words.next().expect("a phase"),
                tokens: words.collect(),
            }
        })
        .collect()
}

impl Row {
    fn is_for(&self, point: Option<u8>) -> bool {
        match self.phase {
            "always" => true,
            "come-out" => point.is_none(),
            "point" => point.is_some(),
            number => point.is_some_and(|point| point.to_string() == number),
        }
    }

    fn expects(&self, dice: Dice) -> Expected {
        let token = self.tokens[usize::from(dice.total()) - 2];
        let (low, high) = (dice.first.min(dice.second), dice.first.max(dice.second));
        match (token.split_once('='), token.split_once('/')) {
            (Some((profit, faces)), _) if faces == format!("{low}{high}") => parse(profit),
            (Some(_), _) => Expected::Loses,
            (None, Some((by_a_pair, _))) if low == high => parse(by_a_pair),
            (None, Some((_, otherwise))) => parse(otherwise),
            (None, None) => parse(token),
        }
    }
}

fn parse(token: &str) -> Expected {
    match token {
        "L" => Expected::Loses,
        "P" => Expected::Back,
        "M" => Expected::Moves,
        "." => Expected::Stays,
        profit => Expected::Profit(profit.parse().expect("chips")),
    }
}

/// Throws all 36 dice at one bet and compares hand, bank and table.
fn assert_pays(row: &Row, working: Working, point: Option<u8>, field_twelve: u8) {
    let kind = row.kind;
    let mut before = Game::of(
        3,
        &CrapsConfig {
            buy_in: BUY_IN,
            bank: BANK,
            field_twelve,
            ..CrapsConfig::default()
        },
    );
    for member in 0..3 {
        before.act(member, CrapsAction::Sit).expect("a free seat");
    }
    let bet = PlacedBet {
        member: 1,
        kind,
        chips: STAKE,
        working,
    };
    before.lay(bet, point);
    let hand = u64::from(BUY_IN - STAKE);
    let stake = u64::from(STAKE);
    for dice in Dice::all() {
        let mut game = before.clone();
        game.throw(dice);
        let table = game.table();
        let what = format!("{}, {working:?}, point {point:?}, {dice:?}", kind.name());
        let (in_hand, bank, left) = match row.expects(dice) {
            Expected::Profit(profit) => (hand + stake + profit, BANK - profit, None),
            Expected::Loses => (hand, BANK + stake, None),
            Expected::Back => (hand + stake, BANK, None),
            Expected::Stays => (hand, BANK, Some(bet)),
            Expected::Moves => {
                let name = format!("{} {}", kind.name(), dice.total());
                let on = BetKind::ALL.into_iter().find(|kind| kind.name() == name);
                let kind = on.expect("it has such a number");
                (hand, BANK, Some(PlacedBet { kind, ..bet }))
            }
        };
        assert_eq!(table.chips[1], in_hand, "hand: {what}");
        assert_eq!(table.bank, bank, "bank: {what}");
        assert_eq!(table.bets, Vec::from_iter(left), "bets: {what}");
        assert!(table.is_conserved(), "chips: {what}");
        assert_phase_after(point, dice, &table);
        assert_covered(&game);
    }
}

/// The sum that the state keeps of what all bets could win is true, and nobody is owed more than
/// the bank has.
fn assert_covered(game: &Game) {
    let table = game.table();
    let bests: u64 = table
        .bets
        .iter()
        .map(|bet| bet.best(table.point, &table.house))
        .sum();
    let mut overlay = game.overlay.clone();
    assert_eq!(Ledger(&mut overlay).bests(), Ok(bests));
    assert!(bests <= table.bank);
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
fn every_bet_pays_exactly_on_all_dice_in_every_phase() {
    let rows = rows();
    for kind in BetKind::ALL {
        for point in PHASES {
            let row = rows
                .iter()
                .find(|row| row.kind == kind && row.is_for(point));
            match row {
                Some(row) => assert_pays(row, Working::Usual, point, 2),
                // The table leaves out only what cannot lie there.
                None => assert!(!kind.is_open(point), "{} with point {point:?}", kind.name()),
            }
        }
    }
}

#[test]
fn what_is_called_on_works_on_the_come_out_too() {
    for row in rows().iter().filter(|row| row.phase == "point") {
        if row.kind.is_switchable() {
            for point in PHASES {
                assert_pays(row, Working::On, point, 2);
            }
        }
    }
}

#[test]
fn what_is_called_off_neither_wins_nor_loses() {
    for mut row in rows().into_iter().filter(|row| row.kind.is_switchable()) {
        // Odds come back once the bet before them is decided.
        let decided = if row.kind.backs().is_some() { "P" } else { "." };
        for token in &mut row.tokens {
            if *token != "." {
                *token = decided;
            }
        }
        for point in PHASES.into_iter().filter(|point| row.is_for(*point)) {
            assert_pays(&row, Working::Off, point, 2);
        }
    }
}

#[test]
fn the_field_pays_twelve_as_the_house_has_it() {
    let rows = rows();
    let field = rows.iter().find(|row| row.kind == BetKind::Field);
    let mut row = Row {
        tokens: field.expect("a row").tokens.clone(),
        ..*field.expect("a row")
    };
    *row.tokens.last_mut().expect("12") = "360";
    for point in PHASES {
        assert_pays(&row, Working::Usual, point, 3);
    }
}

#[test]
fn the_bank_covers_the_best_case_of_every_bet() {
    for field_twelve in [2, 3] {
        let house = CrapsConfig {
            field_twelve,
            ..CrapsConfig::default()
        };
        for (kind, point) in BetKind::ALL
            .into_iter()
            .flat_map(|kind| PHASES.map(|point| (kind, point)))
        {
            let odds_without_point =
                matches!(kind, BetKind::PassOdds | BetKind::DontPassOdds) && point.is_none();
            if odds_without_point {
                continue;
            }
            // Line bets win by the come-out too, whatever the point is by then.
            let best = Dice::all()
                .map(|dice| verdict(kind, Working::On, point, dice, &house))
                .map(|verdict| match verdict {
                    Verdict::Wins(odds) => odds.profit(1200),
                    Verdict::Stays | Verdict::Loses | Verdict::Pushes | Verdict::Moves(_) => 0,
                })
                .max();
            let held = kind.best(point, &house).profit(1200);
            assert_eq!(Some(held), best, "{} with point {point:?}", kind.name());
        }
    }
}

#[test]
fn wins_are_rounded_down_to_whole_chips() {
    for (kind, profits) in [
        (BetKind::Place(Number::Six), [1, 2, 3, 4, 5, 7, 8]),
        (BetKind::Place(Number::Five), [1, 2, 4, 5, 7, 8, 9]),
        (BetKind::Place(Number::Four), [1, 3, 5, 7, 9, 10, 12]),
        (BetKind::Buy(Number::Four), [1, 3, 5, 7, 9, 11, 13]),
        (BetKind::Buy(Number::Six), [1, 2, 3, 4, 5, 6, 8]),
        (BetKind::Lay(Number::Four), [0, 0, 1, 1, 2, 2, 3]),
        (BetKind::Lay(Number::Six), [0, 1, 2, 3, 3, 4, 5]),
        (BetKind::DontComeOdds(Number::Nine), [0, 1, 2, 2, 3, 4, 4]),
        (BetKind::Horn, [6, 13, 20, 27, 33, 40, 47]),
        (BetKind::World, [5, 10, 15, 20, 26, 31, 36]),
        (BetKind::CAndE, [7, 14, 21, 28, 35, 42, 49]),
    ] {
        let odds = kind.best(Some(8), &CrapsConfig::default());
        let won = [1, 2, 3, 4, 5, 6, 7].map(|chips| odds.profit(chips));
        assert_eq!(won, profits, "{}", kind.name());
    }
    let most = Odds { pays: 255, to: 1 };
    assert_eq!(most.profit(u32::MAX), 255 * u64::from(u32::MAX));
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
fn kinds_are_numbered_without_gaps() {
    for (index, kind) in (0u8..).zip(BetKind::ALL) {
        assert_eq!(kind.index(), index);
        assert_eq!(BetKind::from_index(index), Some(kind));
        assert_eq!(encode(&kind), [index]);
        let names = BetKind::ALL
            .iter()
            .filter(|other| other.name() == kind.name());
        assert_eq!(names.count(), 1, "{} is said of one bet only", kind.name());
    }
    for index in BetKind::COUNT..=u8::MAX {
        assert_eq!(BetKind::from_index(index), None);
        assert_eq!(BetKind::try_from(index), Err(NoSuchBet(index)));
    }
    for dice in Dice::all() {
        let hop = Hop::of(dice).expect("two faces");
        let (low, high) = (dice.first.min(dice.second), dice.first.max(dice.second));
        assert_eq!((hop.faces().first, hop.faces().second), (low, high));
    }
    for (first, second) in [(0, 1), (1, 0), (6, 7), (255, 255)] {
        assert_eq!(Hop::of(Dice { first, second }), None);
    }
}
