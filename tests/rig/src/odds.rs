//! The rate card of a craps table: what each bet pays and what it costs.

use std::collections::BTreeSet;

use althing::rules::craps::{BetKind, CrapsConfig, Odds, Rate, rates};

use crate::cli::Odds as Options;
use crate::words::say;
use crate::{Ending, json};

pub(crate) fn run(options: &Options) -> Ending {
    let house = CrapsConfig {
        field_twelve: options.field_twelve,
        ..CrapsConfig::default()
    };
    let rates = rates(&house);
    if options.json {
        json::print(&json::RateCard::new(&rates, house.field_twelve));
    } else {
        say(&card(&rates));
    }
    Ending::Good
}

/// What a bet pays, from the least to the most.
pub(crate) fn pays(odds: &[Odds]) -> Vec<String> {
    let words = odds.iter().map(|odds| format!("{}:{}", odds.pays, odds.to));
    words.collect()
}

/// A percentage with three decimals.
fn percent(rate: &Rate) -> String {
    let thousandths = rate.edge.percent_thousandths();
    format!("{}.{:03} %", thousandths / 1000, thousandths % 1000)
}

/// One line a bet; bets that differ in their number or faces alone, and pay and cost the same, share
/// one.
fn card(rates: &[Rate]) -> String {
    let mut lines: Vec<(String, BTreeSet<u8>, &Rate)> = Vec::new();
    for rate in rates {
        let (title, number) = title(rate.kind);
        let same = lines.iter_mut().find(|(other, _, first)| {
            *other == title && first.pays == rate.pays && first.edge == rate.edge
        });
        match same {
            Some((_, numbers, _)) => numbers.extend(number),
            None => lines.push((title, number.into_iter().collect(), rate)),
        }
    }
    let mut text = format!(
        "{:<28}{:<18}{:>8}{:>11}\n",
        "bet", "pays", "edge", "percent"
    );
    for (title, numbers, rate) in lines {
        let numbers: Vec<String> = numbers.iter().map(u8::to_string).collect();
        let name = title.replace("{}", &numbers.join(", "));
        let pays = pays(&rate.pays).join(", ");
        let (edge, percent) = (rate.edge.to_string(), percent(rate));
        text.push_str(&format!("{name:<28}{pays:<18}{edge:>8}{percent:>11}\n"));
    }
    text
}

/// The name with a gap for the number, and the number.
fn title(kind: BetKind) -> (String, Option<u8>) {
    match kind {
        BetKind::ComeOdds(number) => ("come {} odds".to_owned(), Some(number.total())),
        BetKind::DontComeOdds(number) => ("don't come {} odds".to_owned(), Some(number.total())),
        BetKind::Place(number) => ("place {}".to_owned(), Some(number.total())),
        BetKind::Buy(number) => ("buy {}".to_owned(), Some(number.total())),
        BetKind::Lay(number) => ("lay {}".to_owned(), Some(number.total())),
        BetKind::BigSix => ("big {}".to_owned(), Some(6)),
        BetKind::BigEight => ("big {}".to_owned(), Some(8)),
        BetKind::Hard(pair) => ("hard {}".to_owned(), Some(pair.total())),
        BetKind::Hop(hop) if hop.faces().is_pair() => ("hop, a pair".to_owned(), None),
        BetKind::Hop(_) => ("hop, two faces".to_owned(), None),
        _ => (kind.name(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_has_a_line_for_each_price() {
        let card = card(&rates(&CrapsConfig::default()));
        let lines: Vec<Vec<&str>> = card
            .lines()
            .map(|line| {
                line.split("  ")
                    .filter(|word| !word.is_empty())
                    .map(str::trim)
                    .collect()
            })
            .collect();
        for line in [
            ["pass", "1:1", "7/495", "1.414 %"],
            ["don't pass", "1:1", "3/220", "1.364 %"],
            ["pass odds", "6:5, 3:2, 2:1", "0", "0.000 %"],
            ["place 6, 8", "7:6", "1/66", "1.515 %"],
            ["buy 4, 10", "39:20", "1/60", "1.667 %"],
            ["hard 4, 10", "7:1", "1/9", "11.111 %"],
            ["horn", "3:1, 27:4", "1/8", "12.500 %"],
            ["hop, a pair", "30:1", "5/36", "13.889 %"],
        ] {
            assert!(lines.contains(&line.to_vec()), "{line:?} in\n{card}");
        }
        assert_eq!(lines.len(), 1 + 36, "{card}");
    }
}
