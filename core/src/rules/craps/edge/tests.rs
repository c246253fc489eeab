use super::*;
use crate::rules::craps::{Number, Pair};

/// The edges that books on the game give, as fractions of a stake.
fn published(kind: BetKind, field_twelve: u8) -> (i128, i128) {
    match kind {
        BetKind::Pass | BetKind::Come => (7, 495),
        BetKind::DontPass | BetKind::DontCome => (3, 220),
        BetKind::PassOdds
        | BetKind::DontPassOdds
        | BetKind::ComeOdds(_)
        | BetKind::DontComeOdds(_) => (0, 1),
        // Not bets to make: what a come bet is worth once the dice have given it its number.
        BetKind::ComeOn(Number::Four | Number::Ten) => (1, 3),
        BetKind::ComeOn(Number::Five | Number::Nine) => (1, 5),
        BetKind::ComeOn(Number::Six | Number::Eight) => (1, 11),
        BetKind::DontComeOn(Number::Four | Number::Ten) => (-1, 3),
        BetKind::DontComeOn(Number::Five | Number::Nine) => (-1, 5),
        BetKind::DontComeOn(Number::Six | Number::Eight) => (-1, 11),
        BetKind::Place(Number::Four | Number::Ten) => (1, 15),
        BetKind::Place(Number::Five | Number::Nine) => (1, 25),
        BetKind::Place(Number::Six | Number::Eight) => (1, 66),
        // With the vig taken from wins alone.
        BetKind::Buy(Number::Four | Number::Ten) | BetKind::Lay(Number::Four | Number::Ten) => {
            (1, 60)
        }
        BetKind::Buy(Number::Five | Number::Nine) | BetKind::Lay(Number::Five | Number::Nine) => {
            (1, 50)
        }
        BetKind::Buy(Number::Six | Number::Eight) | BetKind::Lay(Number::Six | Number::Eight) => {
            (1, 44)
        }
        BetKind::BigSix | BetKind::BigEight => (1, 11),
        BetKind::Field if field_twelve == 3 => (1, 36),
        BetKind::Field => (1, 18),
        BetKind::Hard(Pair::Threes | Pair::Fours) => (1, 11),
        BetKind::Hard(Pair::Twos | Pair::Fives) => (1, 9),
        BetKind::AnySeven => (1, 6),
        BetKind::AnyCraps => (1, 9),
        BetKind::Two | BetKind::Twelve => (5, 36),
        BetKind::Three | BetKind::Eleven => (1, 9),
        BetKind::Horn => (1, 8),
        BetKind::CAndE => (1, 9),
        BetKind::World => (2, 15),
        BetKind::Hop(hop) if hop.faces().is_pair() => (5, 36),
        BetKind::Hop(_) => (1, 9),
    }
}

#[test]
fn the_house_edges_are_the_published_ones() {
    for field_twelve in [2, 3] {
        let house = CrapsConfig {
            field_twelve,
            ..CrapsConfig::default()
        };
        for kind in BetKind::ALL {
            let (numerator, denominator) = published(kind, field_twelve);
            let carried = matches!(kind, BetKind::ComeOn(_) | BetKind::DontComeOn(_));
            let starts = PHASES
                .into_iter()
                .filter(|point| carried || kind.is_open(*point));
            // Where it starts and whether it rests on the come-out changes when, not what it pays.
            for point in starts {
                for working in [Working::Usual, Working::On] {
                    assert_eq!(
                        edge(kind, point, working, &house),
                        Fraction::new(numerator, denominator),
                        "{}, point {point:?}, {working:?}",
                        kind.name()
                    );
                }
            }
        }
        for rate in rates(&house) {
            let (numerator, denominator) = published(rate.kind, field_twelve);
            assert_eq!(rate.edge, Fraction::new(numerator, denominator));
        }
    }
}

#[test]
fn the_rate_card_has_every_bet_that_can_be_made() {
    let rates = rates(&CrapsConfig::default());
    let carried = 2 * Number::ALL.len();
    assert_eq!(rates.len(), BetKind::ALL.len() - carried);
    let pays = |kind| {
        let rate = rates.iter().find(|rate| rate.kind == kind).expect("listed");
        let words: Vec<String> = rate
            .pays
            .iter()
            .map(|odds| format!("{}:{}", odds.pays, odds.to))
            .collect();
        words.join(" ")
    };
    assert_eq!(pays(BetKind::Pass), "1:1");
    assert_eq!(pays(BetKind::PassOdds), "6:5 3:2 2:1");
    assert_eq!(pays(BetKind::DontPassOdds), "1:2 2:3 5:6");
    assert_eq!(pays(BetKind::Field), "1:1 2:1");
    assert_eq!(pays(BetKind::Horn), "3:1 27:4");
    assert_eq!(pays(BetKind::World), "11:5 26:5");
}

#[test]
fn fractions_are_exact_and_in_lowest_terms() {
    let third = Fraction::new(2, -6);
    assert_eq!((third.numerator(), third.denominator()), (-1, 3));
    assert_eq!(third.to_string(), "-1/3");
    assert_eq!(third.plus(Fraction::new(1, 3)).to_string(), "0");
    assert_eq!(third.over(Fraction::new(-2, 1)), Fraction::new(1, 6));
    for (numerator, denominator, thousandths) in [
        (7, 495, 1_414),
        (3, 220, 1_364),
        (1, 60, 1_667),
        (0, 5, 0),
        (1, 200_000, 1),
        (1, 200_001, 0),
        (-1, 200_000, -1),
        (-1, 3, -33_333),
    ] {
        let fraction = Fraction::new(numerator, denominator);
        assert_eq!(fraction.percent_thousandths(), thousandths, "{fraction}");
    }
}
