//! A game in lines.

use std::fmt::Write;

use super::game::{Game, Look, Moment, short};
use super::shown::{Craps, Player, Shown};
use crate::words::{counted, line};

/// Keys of a block that are named in its line; the page has all of them.
const KEYS_NAMED: usize = 6;

/// The whole game: a header, then every height.
pub(super) fn game(game: &Game) -> String {
    let mut text = header(game);
    line(&mut text, format_args!(""));
    for step in &game.steps {
        moment(&mut text, step);
    }
    if !game.steps.is_empty() {
        line(&mut text, format_args!(""));
    }
    let last = game.height;
    line(&mut text, format_args!("At height {last}:"));
    if let Some(look) = game.at(last) {
        table(&mut text, &look.table);
    }
    text
}

/// One height.
pub(super) fn look(game: &Game, look: &Look) -> String {
    let mut text = header(game);
    line(&mut text, format_args!(""));
    if let Some(step) = &look.step {
        moment(&mut text, step);
        line(&mut text, format_args!(""));
    }
    line(&mut text, format_args!("At height {}:", look.at));
    table(&mut text, &look.table);
    text
}

fn header(game: &Game) -> String {
    let mut text = format!(
        "Group {}: {}, rules {}, mode {}.\n",
        short(&game.group),
        game.members.join(", "),
        game.rules,
        game.mode
    );
    if game.base_height > 0 {
        line(
            &mut text,
            format_args!(
                "Blocks up to {0} were dropped; the state at {0} is the one that a quorum finalized.",
                game.base_height
            ),
        );
    }
    let blocks = game.height - game.base_height;
    line(
        &mut text,
        format_args!(
            "Executed again: {} to height {}, {}. Every root and every roll is the one that was agreed on.",
            counted(blocks, "block"),
            game.height,
            counted(game.rolls as u64, "roll"),
        ),
    );
    text
}

/// `  12  root 0a1b2c3d  by a block above  2 keys: c\x01, t` and below it what happened.
fn moment(text: &mut String, step: &Moment) {
    let by = if step.finalized {
        "final"
    } else {
        "final by a block above"
    };
    let keys: Vec<&str> = step
        .changes
        .iter()
        .filter(|change| !change.own)
        .map(|change| change.key.as_str())
        .collect();
    let named = keys[..keys.len().min(KEYS_NAMED)].join(", ");
    let more = keys.len().saturating_sub(KEYS_NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let changed = if keys.is_empty() {
        "no keys".to_owned()
    } else {
        format!("{} {named}{more}", plural(keys.len(), "key"))
    };
    line(
        text,
        format_args!(
            "{:>5}  root {}  {by}  {changed}",
            step.height,
            short(&step.root)
        ),
    );
    if let Some(roll) = &step.roll {
        let from = roll.contributors.join(", ");
        let shown = match roll.dice {
            Some([first, second]) => format!("{first} + {second} = {}", first + second),
            None => format!("seed {}", short(&roll.seed)),
        };
        line(
            text,
            format_args!("       dice {shown}  (draw {}, from {from})", roll.draw),
        );
    }
    for action in &step.actions {
        let fate = match &action.refused {
            Some(why) => format!("rejected: {why}"),
            None => "committed".to_owned(),
        };
        line(
            text,
            format_args!("       {} {}  ({fate})", action.author, action.what),
        );
    }
}

fn plural(count: usize, what: &str) -> String {
    format!("{}:", counted(count as u64, what))
}

fn table(text: &mut String, shown: &Shown) {
    match shown {
        Shown::Craps(craps) => self::craps(text, craps),
        Shown::Counter { value } => line(text, format_args!("  the counter stands at {value}")),
        Shown::Entries { entries } => {
            let width = entries.iter().map(|(key, _)| key.chars().count()).max();
            let width = width.unwrap_or(0);
            for (key, value) in entries {
                line(text, format_args!("  {key:<width$}  {value}"));
            }
            if entries.is_empty() {
                line(text, format_args!("  nothing"));
            }
        }
    }
}

fn craps(text: &mut String, table: &Craps) {
    let point = match table.point {
        Some(point) => format!("the point is {point}"),
        None => "come-out".to_owned(),
    };
    let air = if table.in_the_air {
        ", the dice are in the air"
    } else {
        ""
    };
    let dice = match table.dice {
        Some([first, second]) => format!(", last dice {first} + {second} = {}", first + second),
        None => String::new(),
    };
    line(
        text,
        format_args!(
            "  {point}{air}; {}{dice}; the bank has {}",
            counted(table.throws, "throw"),
            table.bank
        ),
    );
    let width = table
        .players
        .iter()
        .map(|player| player.name.chars().count())
        .max();
    let width = width.unwrap_or(0);
    for player in &table.players {
        line(
            text,
            format_args!(
                "  {:<width$}  {:>8} chips  {}",
                player.name,
                player.chips,
                doing(player)
            ),
        );
    }
}

/// `seat 2, shoots; 10 on pass, 5 on hard 8 (off)`.
fn doing(player: &Player) -> String {
    let mut said = match player.seat {
        Some(seat) => format!("seat {seat}"),
        None => "stands".to_owned(),
    };
    if player.shoots {
        said.push_str(", shoots");
    }
    if player.away {
        said.push_str(", away");
    }
    for (at, bet) in player.bets.iter().enumerate() {
        let separator = if at == 0 { ';' } else { ',' };
        write!(said, "{separator} {} on {}", bet.chips, bet.on).expect("a string takes everything");
        if let Some(switched) = bet.switched {
            write!(said, " ({switched})").expect("a string takes everything");
        }
    }
    said
}
