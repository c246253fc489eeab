//! The frozen traces: what eight players did, one action a line.
//!
//! A trace is text. Lines that start with `#` say what it is and which seed made it; every other
//! line is the index of the author, a space and the payload in hexadecimal digits.

/// One action: index of the author, payload.
pub(crate) type Step = (u8, Vec<u8>);

/// Players of every trace.
pub(crate) const PLAYERS: usize = 8;

/// Craps, of bots at the real rules.
pub(crate) const CRAPS: &str = include_str!("../../../traces/craps.txt");
/// A trick-taking card game: bids, cards, claims.
pub(crate) const CARDS: &str = include_str!("../../../traces/cards.txt");
/// A game of units on a grid: moves, buildings, shots.
pub(crate) const GRID: &str = include_str!("../../../traces/grid.txt");

/// The steps of a trace; an error names the line.
pub(crate) fn read(text: &str) -> Result<Vec<Step>, String> {
    let lines = text.lines().zip(1usize..);
    lines
        .filter(|(line, _)| !line.starts_with('#'))
        .map(|(line, number)| {
            step(line).ok_or_else(|| format!("line {number} is no step of a trace: {line:?}"))
        })
        .collect()
}

/// The text of a trace.
#[cfg(test)]
pub(crate) fn write(title: &str, seed: u64, steps: &[Step]) -> String {
    use std::fmt::Write as _;

    let mut text = format!("# {title}; seed {seed}, {PLAYERS} players\n# author payload\n");
    for (author, payload) in steps {
        write!(text, "{author} ").expect("a string takes text");
        for byte in payload {
            write!(text, "{byte:02x}").expect("a string takes text");
        }
        text.push('\n');
    }
    text
}

fn step(line: &str) -> Option<Step> {
    let (author, payload) = line.split_once(' ')?;
    let author = author
        .parse()
        .ok()
        .filter(|author| usize::from(*author) < PLAYERS)?;
    let digits = payload.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    let payload = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(payload.get(at..at + 2)?, 16).ok())
        .collect::<Option<_>>()?;
    Some((author, payload))
}
