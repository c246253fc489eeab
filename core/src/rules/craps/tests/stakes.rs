//! Bets up, down, on and off, and their limits.

use super::*;

const HOUSE: CrapsConfig = CrapsConfig {
    buy_in: 10_000,
    bank: 1_000_000,
    min: 10,
    max: 500,
    odds_times: [3, 4, 5],
    field_twelve: 2,
};

/// Everyone sits at a table with limits.
fn limited(house: CrapsConfig) -> Game {
    let mut game = Game::of(2, &house);
    for member in 0..2 {
        game.act(member, CrapsAction::Sit).expect("a free seat");
    }
    game
}

fn bet(kind: BetKind, chips: u32) -> CrapsAction {
    CrapsAction::Bet { kind, chips }
}

fn down(kind: BetKind, chips: u32) -> CrapsAction {
    CrapsAction::TakeDown { kind, chips }
}

#[test]
fn bets_need_a_seat_and_their_phase() {
    let mut game = Game::new(2, 1000, 100_000);
    assert_eq!(game.refuses(0, bet(BetKind::Pass, 1)), Cause::NotSeated);
    assert_eq!(game.refuses(0, down(BetKind::Pass, 1)), Cause::NotSeated);
    game.act(0, CrapsAction::Sit).unwrap();
    let opens = |game: &mut Game, kind| match game.clone().bet(0, kind, 6) {
        Ok(()) => None,
        Err(refused) => Cause::from_code(refused.code),
    };
    for kind in BetKind::ALL {
        let expected = match kind {
            BetKind::Come | BetKind::DontCome | BetKind::PassOdds | BetKind::DontPassOdds => {
                Some(Cause::NeedsPoint)
            }
            BetKind::ComeOn(_) | BetKind::DontComeOn(_) => Some(Cause::DiceMoveIt),
            BetKind::ComeOdds(_) | BetKind::DontComeOdds(_) => Some(Cause::NothingBefore),
            _ => None,
        };
        assert_eq!(
            opens(&mut game, kind),
            expected,
            "come-out, {}",
            kind.name()
        );
    }
    game.throw_total(8);
    for kind in BetKind::ALL {
        let expected = match kind {
            BetKind::Pass | BetKind::DontPass => Some(Cause::NotNow),
            BetKind::PassOdds
            | BetKind::DontPassOdds
            | BetKind::ComeOdds(_)
            | BetKind::DontComeOdds(_) => Some(Cause::NothingBefore),
            BetKind::ComeOn(_) | BetKind::DontComeOn(_) => Some(Cause::DiceMoveIt),
            _ => None,
        };
        assert_eq!(opens(&mut game, kind), expected, "point 8, {}", kind.name());
    }
    let refused = game.act(0, bet(BetKind::DontPass, 1)).unwrap_err();
    let words = Craps::new().describe(refused.code, &refused.detail);
    assert!(words.contains("point is 8"), "{words}");
}

#[test]
fn a_second_bet_lies_on_top_of_the_first() {
    let mut game = Game::seated(2, 100, 1000);
    game.bet(0, BetKind::Pass, 3).unwrap();
    game.bet(0, BetKind::Pass, 4).unwrap();
    game.bet(0, BetKind::Field, 5).unwrap();
    game.bet(1, BetKind::Pass, 6).unwrap();
    let table = game.table();
    assert_eq!(table.stake(0, BetKind::Pass), 7);
    assert_eq!(table.stake(0, BetKind::Field), 5);
    assert_eq!(table.stake(1, BetKind::Pass), 6);
    assert_eq!(table.stake(1, BetKind::Field), 0);
    assert_eq!(table.bets.len(), 3);
    assert_eq!(table.chips, [88, 94]);
}

#[test]
fn a_stake_is_at_most_the_hand() {
    for (chips, cause) in [
        (0, Some(Cause::ZeroChips)),
        (1, None),
        (99, None),
        (100, None),
        (101, Some(Cause::NotEnoughChips)),
        (1000, Some(Cause::NotEnoughChips)),
        (1001, Some(Cause::OverMost)),
        (u32::MAX, Some(Cause::OverMost)),
    ] {
        let mut game = Game::seated(2, 100, u64::MAX / 2);
        let result = game.bet(0, BetKind::Pass, chips);
        let code = result.err().map(|refused| refused.code);
        assert_eq!(code, cause.map(Cause::code), "{chips}");
    }
    let mut game = Game::seated(2, 100, 1000);
    game.bet(0, BetKind::Pass, 60).unwrap();
    let refused = game.act(0, CrapsAction::Transfer { to: 1, chips: 41 });
    assert_eq!(refused, Err(Cause::NotEnoughChips.with(40)));
    game.act(0, CrapsAction::Transfer { to: 1, chips: 40 })
        .unwrap();
}

#[test]
fn a_table_has_limits() {
    for (chips, refused) in [
        (9, Some(Cause::UnderLeast.with(10))),
        (10, None),
        (11, None),
        (499, None),
        (500, None),
        (501, Some(Cause::OverMost.with(500))),
    ] {
        let mut game = limited(HOUSE);
        assert_eq!(game.bet(0, BetKind::Pass, chips).err(), refused, "{chips}");
    }
    let mut game = limited(HOUSE);
    game.bet(0, BetKind::Field, 498).unwrap();
    game.bet(0, BetKind::Field, 2).unwrap();
    let refused = game.bet(0, BetKind::Field, 1);
    assert_eq!(refused, Err(Cause::OverMost.with(500)));
    for (chips, refused) in [
        (489, None),
        (490, None),
        (491, Some(Cause::UnderLeast.with(10))),
        (499, Some(Cause::UnderLeast.with(10))),
        (500, None),
        (501, Some(Cause::MoreThanLies.with(500))),
        (0, Some(Cause::ZeroChips.into())),
    ] {
        let result = game.clone().take_down(0, BetKind::Field, chips);
        assert_eq!(result.err(), refused, "{chips}");
    }
}

#[test]
fn every_stake_can_win_a_chip() {
    for kind in BetKind::ALL {
        for point in PHASES {
            let house = CrapsConfig::default();
            let least = kind.least(point, &house);
            let odds = kind.best(point, &house);
            assert!(odds.profit(least) >= 1, "{}", kind.name());
            assert_eq!(odds.profit(least - 1), 0, "{}", kind.name());
        }
    }
    let mut game = Game::seated(2, 100, 1000);
    let lay = BetKind::Lay(Number::Ten);
    assert_eq!(game.bet(0, lay, 2), Err(Cause::UnderLeast.with(3)));
    game.bet(0, lay, 3).unwrap();
}

#[test]
fn odds_are_limited_by_the_bet_before_them() {
    for (number, times, right, wrong) in [
        (4, [3, 4, 5], 30, 60),
        (5, [3, 4, 5], 40, 60),
        (6, [3, 4, 5], 50, 60),
        (8, [3, 4, 5], 50, 60),
        (9, [3, 4, 5], 40, 60),
        (10, [3, 4, 5], 30, 60),
        (9, [1, 2, 3], 20, 30),
        (6, [100, 100, 100], 1000, 1200),
        (6, [0, 0, 0], 0, 0),
    ] {
        let mut game = limited(CrapsConfig {
            odds_times: times,
            ..HOUSE
        });
        game.bet(0, BetKind::Pass, 10).unwrap();
        game.bet(1, BetKind::DontPass, 10).unwrap();
        game.throw_total(number);
        for (member, kind, most) in [
            (0, BetKind::PassOdds, right),
            (1, BetKind::DontPassOdds, wrong),
        ] {
            let over = Err(Cause::OverMost.with(most));
            let most = u32::try_from(most).expect("a stake");
            assert_eq!(game.bet(member, kind, most + 1), over, "{number}");
            if most > 0 {
                game.bet(member, kind, most - 1).unwrap();
                game.bet(member, kind, 1).unwrap();
                assert_eq!(game.bet(member, kind, 1), over, "{number}");
            }
        }
    }
}

#[test]
fn a_come_bet_travels_to_its_number_and_takes_odds_there() {
    let mut game = Game::seated(2, 1000, 100_000);
    game.throw_total(6);
    game.bet(0, BetKind::Come, 10).unwrap();
    game.bet(1, BetKind::DontCome, 10).unwrap();
    game.throw_total(9);
    let (nine, not_nine) = (
        BetKind::ComeOn(Number::Nine),
        BetKind::DontComeOn(Number::Nine),
    );
    let table = game.table();
    assert_eq!((table.stake(0, nine), table.stake(1, not_nine)), (10, 10));
    assert_eq!(table.bets.len(), 2);
    game.bet(0, BetKind::ComeOdds(Number::Nine), 40).unwrap();
    game.bet(1, BetKind::DontComeOdds(Number::Nine), 60)
        .unwrap();
    // The next one comes to the number just as the first one wins on it.
    game.bet(0, BetKind::Come, 7).unwrap();
    game.bet(1, BetKind::DontCome, 5).unwrap();
    game.throw_total(9);
    let table = game.table();
    assert_eq!((table.stake(0, nine), table.stake(1, not_nine)), (7, 5));
    assert_eq!(table.bets.len(), 2);
    assert_eq!(table.chips, [1000 + 10 + 60 - 7, 1000 - 10 - 60 - 5]);
    assert!(table.is_conserved());
}

#[test]
fn contracts_stay_and_dont_bets_may_go() {
    let mut game = Game::seated(2, 1000, 100_000);
    game.bet(0, BetKind::Pass, 20).unwrap();
    game.bet(1, BetKind::DontPass, 20).unwrap();
    game.take_down(0, BetKind::Pass, 10).unwrap();
    game.throw_total(6);
    assert_eq!(game.refuses(0, down(BetKind::Pass, 1)), Cause::Contract);
    game.bet(0, BetKind::Come, 10).unwrap();
    game.take_down(0, BetKind::Come, 3).unwrap();
    game.bet(0, BetKind::PassOdds, 10).unwrap();
    game.take_down(0, BetKind::PassOdds, 10).unwrap();
    game.throw_total(5);
    let five = BetKind::ComeOn(Number::Five);
    assert_eq!(game.table().stake(0, five), 7);
    assert_eq!(game.refuses(0, down(five, 7)), Cause::Contract);
    // Six times odds on 6: the don't pass bet may shrink to what bears them.
    game.bet(1, BetKind::DontPassOdds, 60).unwrap();
    let refused = game.take_down(1, BetKind::DontPass, 11);
    assert_eq!(refused, Err(Cause::OddsBehind.with(60)));
    game.take_down(1, BetKind::DontPass, 10).unwrap();
    assert_eq!(
        game.refuses(1, down(BetKind::DontPass, 10)),
        Cause::OddsBehind
    );
    game.take_down(1, BetKind::DontPassOdds, 60).unwrap();
    game.take_down(1, BetKind::DontPass, 10).unwrap();
    assert_eq!(game.refuses(1, down(BetKind::DontPass, 10)), Cause::NoBet);
    let table = game.table();
    assert_eq!(table.chips, [1000 - 10 - 7, 1000]);
    assert_eq!(table.bets.len(), 2);
    let mut overlay = game.overlay.clone();
    assert_eq!(Ledger(&mut overlay).bests(), Ok(10 + 7));
}

#[test]
fn only_what_can_rest_is_switched() {
    let switch = |kind, working| CrapsAction::Switch { kind, working };
    for kind in BetKind::ALL {
        let mut game = Game::seated(2, 1000, 100_000);
        assert_eq!(game.refuses(0, switch(kind, Working::Off)), Cause::NoBet);
        let bet = PlacedBet {
            member: 0,
            kind,
            chips: 30,
            working: Working::Usual,
        };
        game.lay(bet, Some(9));
        if kind.is_switchable() {
            for working in [Working::Off, Working::On, Working::On, Working::Usual] {
                game.switch(0, kind, working).unwrap();
                assert_eq!(game.table().bets, [PlacedBet { working, ..bet }]);
            }
        } else {
            let refused = game.refuses(0, switch(kind, Working::Off));
            assert_eq!(refused, Cause::AlwaysWorks, "{}", kind.name());
        }
    }
}

#[test]
fn a_switch_outlasts_more_and_fewer_chips() {
    let mut game = Game::seated(2, 1000, 100_000);
    let kind = BetKind::Place(Number::Eight);
    game.bet(0, kind, 12).unwrap();
    game.switch(0, kind, Working::On).unwrap();
    game.bet(0, kind, 12).unwrap();
    game.take_down(0, kind, 6).unwrap();
    let bet = PlacedBet {
        member: 0,
        kind,
        chips: 18,
        working: Working::On,
    };
    assert_eq!(game.table().bets, [bet]);
    game.take_down(0, kind, 18).unwrap();
    game.bet(0, kind, 6).unwrap();
    assert_eq!(game.table().bets[0].working, Working::Usual);
}

#[test]
fn a_configuration_is_within_its_bounds() {
    let genesis = |members: usize, config: &[u8]| {
        let members: Vec<_> = (0..members)
            .map(|member| PeerId([member as u8; 32]))
            .collect();
        let mut overlay = Overlay::new(Map::new());
        let result = Craps::new().genesis(&mut overlay, &members, config);
        result.map(|()| Table::of(&overlay.absorb()).expect("a table").total)
    };
    let chips = |buy_in, bank| {
        CrapsConfig {
            buy_in,
            bank,
            ..CrapsConfig::default()
        }
        .encode()
    };
    let bad = Err(Cause::BadConfig.into());
    assert_eq!(genesis(4, &[]), Ok(104_000));
    assert_eq!(genesis(4, &chips(5, 7)), Ok(27));
    assert_eq!(genesis(2, &chips(1, u64::MAX - 3)), Ok(u64::MAX - 1));
    assert_eq!(genesis(2, &chips(1, u64::MAX - 2)), Ok(u64::MAX));
    assert_eq!(genesis(2, &chips(1, u64::MAX - 1)), bad);
    assert_eq!(genesis(2, &[1]), bad);
    assert!(genesis(15, &[]).is_ok());
    assert!(genesis(16, &[]).is_ok());
    assert_eq!(genesis(17, &[]), bad);
    let sound = |change: fn(&mut CrapsConfig)| {
        let mut house = HOUSE;
        change(&mut house);
        assert_eq!(
            CrapsConfig::decode(&house.encode()).is_ok(),
            genesis(2, &house.encode()).is_ok()
        );
        genesis(2, &house.encode()).is_ok()
    };
    assert!(!sound(|house| house.min = 0));
    assert!(sound(|house| house.min = 1));
    assert!(sound(|house| house.min = house.max - 1));
    assert!(sound(|house| house.min = house.max));
    assert!(!sound(|house| house.min = house.max + 1));
    assert!(sound(|house| house.max = u32::MAX));
    assert!(sound(|house| house.odds_times = [0, 99, 100]));
    assert!(!sound(|house| house.odds_times[0] = 101));
    assert!(!sound(|house| house.odds_times[2] = 101));
    assert!(!sound(|house| house.field_twelve = 1));
    assert!(sound(|house| house.field_twelve = 3));
    assert!(!sound(|house| house.field_twelve = 4));
    let largest = CrapsConfig {
        buy_in: u32::MAX,
        bank: u64::MAX / 2,
        min: u32::MAX,
        max: u32::MAX,
        odds_times: [100; 3],
        field_twelve: 3,
    };
    assert!(largest.encode().len() <= config::CONFIG_LEN_MAX);
    assert_eq!(CrapsConfig::decode(&largest.encode()), Ok(largest));
}
