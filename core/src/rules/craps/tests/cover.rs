//! What the bank must hold, and that it is always enough.

use super::*;
use crate::rules::craps::cover::worst_case;

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
fn bets_that_cannot_win_together_share_a_cover() {
    let hop = |first, second| BetKind::Hop(Hop::of(Dice { first, second }).expect("two faces"));
    let both = |one, other| {
        let bet = |member, kind| PlacedBet {
            member,
            kind,
            chips: 10,
            working: Working::Usual,
        };
        worst_case(
            &[bet(0, one), bet(1, other)],
            Some(8),
            &CrapsConfig::default(),
        )
    };
    use BetKind::{Come, ComeOn, DontCome, DontComeOn, DontPass, Field, Lay, Pass, Place};
    for (one, other, held) in [
        (Pass, DontPass, 10),
        (Pass, BetKind::PassOdds, 10 + 12),
        (DontPass, BetKind::PassOdds, 12),
        (Come, DontCome, 10),
        (Pass, DontCome, 20),
        (ComeOn(Number::Four), DontComeOn(Number::Four), 10),
        (ComeOn(Number::Four), DontComeOn(Number::Five), 20),
        (hop(1, 2), hop(3, 4), 150),
        (hop(1, 2), BetKind::Three, 300),
        (hop(1, 1), Field, 320),
        (hop(3, 4), Field, 150),
        (BetKind::AnySeven, BetKind::AnyCraps, 70),
        // Off while the other one wins, a place bet may win later.
        (Place(Number::Four), Lay(Number::Four), 18 + 4),
        (Place(Number::Four), Field, 18 + 20),
    ] {
        assert_eq!(
            both(one, other),
            held,
            "{} and {}",
            one.name(),
            other.name()
        );
        assert_eq!(
            both(other, one),
            held,
            "{} and {}",
            other.name(),
            one.name()
        );
    }
}

#[test]
fn the_whole_table_counts_where_the_sum_of_bests_is_too_much() {
    let mut game = Game::seated(2, 100, 150);
    let faces = [(1, 2), (1, 4), (3, 5), (4, 5)];
    for (first, second) in faces {
        let hop = Hop::of(Dice { first, second }).expect("two faces");
        game.bet(0, BetKind::Hop(hop), 10).unwrap();
    }
    // Together with 1-2, any craps would make 3 cost 152.
    let refused = game.bet(1, BetKind::AnyCraps, 1).unwrap_err();
    assert_eq!(refused, Cause::BankShort.with(0));
    game.bet(1, BetKind::Two, 5).unwrap();
    game.throw_total(3);
    let table = game.table();
    assert_eq!(table.bank, 30 + 5, "nothing but what others lost");
    assert!(table.is_conserved());
}
