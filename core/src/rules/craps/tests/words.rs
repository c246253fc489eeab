//! Actions and refusals on the wire, in the one order, and in words.

use super::*;
use crate::crypto::Signature;
use crate::rules::earmark::EarmarkId;

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
    let down = key(&CrapsAction::TakeDown {
        kind: BetKind::Pass,
        chips: 1,
    });
    assert!(sit < transfer && transfer < down && down < bet && bet < roll);
}

#[test]
fn actions_are_small_on_the_wire() {
    for action in every_action() {
        let len = action.encode().len();
        let signed = matches!(action, CrapsAction::Redeem { .. });
        let most = if signed { 1 + 6 + 64 } else { 8 };
        assert!(len <= most, "{action:?} has {len} bytes");
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
            "bets 5 on don't come 4 odds",
            "bets 1 on hop 1-6",
            "rolls the dice",
            "gives 4294967295 to player 256",
            "gets up",
            "asks for the dice to move on",
            "takes 4294967295 down from hard 8",
            "calls place 6 on",
            "calls pass odds off",
            "leaves buy 10 to the custom of the house",
            "sets 4294967295 aside for player 256",
            "takes what player 256 set aside for him",
            "gives back what player 1 set aside",
        ]
    );
    assert!(!Craps::new().describe_action(&[77]).is_empty());
    for code in 0..40 {
        for detail in [encode(&12u64), encode(&u64::MAX), vec![], vec![0xff; 64]] {
            assert!(!Craps::new().describe(code, &detail).is_empty());
        }
        assert_eq!(Cause::from_code(code).is_some(), (1..=32).contains(&code));
    }
    let short = Cause::NotEnoughChips.with(12);
    assert_eq!(
        Craps::new().describe(short.code, &short.detail),
        "you have only 12 chips left"
    );
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
    for bytes in [
        &[1, 2, 0x81, 0][..],
        &[1, 85, 1],
        &[8],
        &[7, 31, 3],
        &[0, 0],
    ] {
        assert_eq!(
            game.apply(&author, bytes, true),
            Err(Cause::Malformed.into()),
            "{bytes:?}"
        );
    }
}

fn every_action() -> [CrapsAction; 15] {
    let hop = Hop::of(Dice {
        first: 6,
        second: 1,
    });
    [
        CrapsAction::Sit,
        CrapsAction::Bet {
            kind: BetKind::Pass,
            chips: u32::MAX,
        },
        CrapsAction::Bet {
            kind: BetKind::DontComeOdds(Number::Four),
            chips: 5,
        },
        CrapsAction::Bet {
            kind: BetKind::Hop(hop.expect("two faces")),
            chips: 1,
        },
        CrapsAction::Roll,
        CrapsAction::Transfer {
            to: 255,
            chips: u32::MAX,
        },
        CrapsAction::Stand,
        CrapsAction::Skip { turn: 1 << 40 },
        CrapsAction::TakeDown {
            kind: BetKind::Hard(Pair::Fours),
            chips: u32::MAX,
        },
        CrapsAction::Switch {
            kind: BetKind::Place(Number::Six),
            working: Working::On,
        },
        CrapsAction::Switch {
            kind: BetKind::PassOdds,
            working: Working::Off,
        },
        CrapsAction::Switch {
            kind: BetKind::Buy(Number::Ten),
            working: Working::Usual,
        },
        CrapsAction::Earmark {
            to: 255,
            chips: u32::MAX,
        },
        CrapsAction::Redeem {
            id: EarmarkId {
                payer: 255,
                number: 1,
            },
            signature: Signature::ZERO,
        },
        CrapsAction::GiveBack {
            id: EarmarkId {
                payer: 0,
                number: u32::MAX,
            },
        },
    ]
}
