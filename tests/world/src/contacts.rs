//! Contact traces of real people: lines `t i j`, meaning that persons i and j were in contact
//! during the 20 s that end at second t. Further columns are ignored.

use std::collections::{BTreeMap, BTreeSet};

use althing::Duration;

/// Seconds before t that a line speaks of.
const LINE_S: u64 = 20;
/// Pairs that the search for players starts from.
const SEED_PAIRS: usize = 40;

/// Two people, lower id first.
pub type Pair = (u32, u32);

/// Why a contact file cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactsError {
    /// A line that is not `t i j`.
    #[error("line {line}: {what}; each line must be `t i j` (seconds, person, person)")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// No contacts at all.
    #[error("the file has no contacts; each line must be `t i j` (seconds, person, person)")]
    Empty,
    /// Fewer people than players.
    #[error(
        "{have} people are in the file, {need} players were asked for: use --phones {have} or fewer"
    )]
    TooFewPeople {
        /// People in the file.
        have: usize,
        /// Players asked for.
        need: usize,
    },
    /// A group of this size cannot play.
    #[error("{0} players are not possible: use --phones 2 to 16")]
    BadPlayers(usize),
    /// The window lies outside the recording.
    #[error("--from {from} is after the last contact at second {last}: use a smaller value")]
    FromTooLate {
        /// Asked for, s.
        from: u64,
        /// Last second of the file.
        last: u64,
    },
    /// A window of no length.
    #[error("nothing to play: use --hours above 0")]
    NoLength,
}

/// A parsed contact file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contacts {
    /// (second, pair), by second.
    lines: Vec<(u64, Pair)>,
}

/// The part of a recording that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First second, in the file's time.
    pub from_s: u64,
    /// Seconds.
    pub length_s: u64,
    /// Milliseconds of it during which a quorum of the players was in reach of each other.
    pub quorum_ms: u64,
    /// Whether there was such a time anywhere in the file.
    pub quorum_anywhere: bool,
}

/// A pair that comes into contact or leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// When, in the file's time, s.
    pub at_s: u64,
    /// Whether they are in contact from then on.
    pub near: bool,
    /// Who.
    pub pair: Pair,
}

impl Contacts {
    /// Parses the text of a contact file. Empty lines and lines that start with `#` are skipped.
    pub fn parse(text: &str) -> Result<Self, ContactsError> {
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let contact = parse_line(line).map_err(|what| ContactsError::Line {
                line: index + 1,
                what,
            })?;
            lines.push(contact);
        }
        if lines.is_empty() {
            return Err(ContactsError::Empty);
        }
        lines.sort_unstable();
        lines.dedup();
        Ok(Self { lines })
    }

    /// Everyone in the file, ascending.
    pub fn people(&self) -> Vec<u32> {
        let everyone: BTreeSet<u32> = self
            .lines
            .iter()
            .flat_map(|(_, (one, other))| [*one, *other])
            .collect();
        everyone.into_iter().collect()
    }

    /// Last second of the file.
    pub fn last_s(&self) -> u64 {
        self.lines.last().map_or(0, |(at, _)| *at)
    }

    /// First second that a line speaks of.
    pub fn first_s(&self) -> u64 {
        self.lines
            .first()
            .map_or(0, |(at, _)| at.saturating_sub(LINE_S))
    }

    /// The `count` most cohesive people, ascending: greedy from each of the 40 strongest pairs,
    /// keeping the group whose weakest member has most contact with the others.
    pub fn players(&self, count: usize) -> Result<Vec<u32>, ContactsError> {
        if !(2..=althing::wire::MEMBERS_MAX).contains(&count) {
            return Err(ContactsError::BadPlayers(count));
        }
        let people = self.people();
        if people.len() < count {
            return Err(ContactsError::TooFewPeople {
                have: people.len(),
                need: count,
            });
        }
        let strengths = self.strengths();
        let with = |one: u32, other: u32| {
            let pair = (one.min(other), one.max(other));
            strengths.get(&pair).copied().unwrap_or(0)
        };
        let contact_with = |person: u32, group: &[u32]| -> u64 {
            group
                .iter()
                .filter(|member| **member != person)
                .map(|member| with(person, *member))
                .sum()
        };
        let mut pairs: Vec<(u64, Pair)> = strengths
            .iter()
            .map(|(pair, strength)| (*strength, *pair))
            .collect();
        pairs.sort_by_key(|(strength, pair)| (std::cmp::Reverse(*strength), *pair));
        let mut best: Option<(u64, Vec<u32>)> = None;
        for (_, (one, other)) in pairs.into_iter().take(SEED_PAIRS) {
            let mut group = vec![one, other];
            while group.len() < count {
                let next = people
                    .iter()
                    .copied()
                    .filter(|person| !group.contains(person))
                    .max_by_key(|person| {
                        (contact_with(*person, &group), std::cmp::Reverse(*person))
                    })
                    .expect("there are at least as many people as players");
                group.push(next);
            }
            let weakest = group
                .iter()
                .map(|member| contact_with(*member, &group))
                .min()
                .expect("a group has members");
            if best.as_ref().is_none_or(|(most, _)| weakest > *most) {
                group.sort_unstable();
                best = Some((weakest, group));
            }
        }
        let (_, group) = best.expect("a file with contacts has a pair");
        Ok(group)
    }

    /// Who comes into contact and who leaves it, in order, where a contact lingers for `linger`.
    /// At one second those who come stand after those who leave.
    pub fn changes(&self, linger: Duration) -> Vec<Change> {
        let linger_s = linger.as_secs();
        let mut spans: BTreeMap<Pair, Vec<(u64, u64)>> = BTreeMap::new();
        for (at, pair) in &self.lines {
            let (from, to) = (at.saturating_sub(LINE_S), at + linger_s);
            let spans = spans.entry(*pair).or_default();
            match spans.last_mut() {
                Some((_, end)) if *end >= from => *end = to.max(*end),
                _ => spans.push((from, to)),
            }
        }
        let mut changes = Vec::new();
        for (pair, spans) in spans {
            for (from, to) in spans {
                if from < to {
                    changes.push(Change {
                        at_s: from,
                        near: true,
                        pair,
                    });
                    changes.push(Change {
                        at_s: to,
                        near: false,
                        pair,
                    });
                }
            }
        }
        changes.sort_unstable();
        changes
    }

    /// The window of `length` in which `quorum` of `players` were in reach of each other longest,
    /// directly or over anybody, where a contact lingers for `linger`; the earliest of equals. With
    /// `from`, that window. Where there never was a quorum, the first one.
    pub fn window(
        &self,
        players: &[u32],
        quorum: usize,
        linger: Duration,
        from: Option<u64>,
        length: Duration,
    ) -> Result<Window, ContactsError> {
        let length_s = length.as_secs();
        if length_s == 0 {
            return Err(ContactsError::NoLength);
        }
        if let Some(from) = from
            && from > self.last_s()
        {
            return Err(ContactsError::FromTooLate {
                from,
                last: self.last_s(),
            });
        }
        let spans = self.quorum_spans(players, quorum, linger);
        let within = |from_s: u64| -> u64 {
            let end_s = from_s + length_s;
            spans
                .iter()
                .map(|(from, to)| end_s.min(*to).saturating_sub(from_s.max(*from)))
                .sum()
        };
        // The sum over a sliding window is largest with an edge of it at an edge of a span.
        let starts = spans
            .iter()
            .flat_map(|(from, to)| [*from, to.saturating_sub(length_s)]);
        let best = starts
            .map(|start| (within(start), std::cmp::Reverse(start)))
            .max();
        let from_s = match (from, best) {
            (Some(from), _) => from,
            (None, Some((_, start))) => start.0,
            (None, None) => self.first_s(),
        };
        Ok(Window {
            from_s,
            length_s,
            quorum_ms: within(from_s) * 1000,
            quorum_anywhere: !spans.is_empty(),
        })
    }

    /// Lines of each pair.
    fn strengths(&self) -> BTreeMap<Pair, u64> {
        let mut strengths = BTreeMap::new();
        for (_, pair) in &self.lines {
            *strengths.entry(*pair).or_insert(0) += 1;
        }
        strengths
    }

    /// When a quorum of `players` was in reach of each other, ascending, without gaps of zero.
    fn quorum_spans(&self, players: &[u32], quorum: usize, linger: Duration) -> Vec<(u64, u64)> {
        let changes = self.changes(linger);
        let mut near: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        let mut spans: Vec<(u64, u64)> = Vec::new();
        let mut since = None;
        let mut index = 0;
        while let Some(first) = changes.get(index) {
            while let Some(change) = changes.get(index).filter(|next| next.at_s == first.at_s) {
                let (one, other) = change.pair;
                if change.near {
                    near.entry(one).or_default().insert(other);
                    near.entry(other).or_default().insert(one);
                } else {
                    near.entry(one).or_default().remove(&other);
                    near.entry(other).or_default().remove(&one);
                }
                index += 1;
            }
            match (since, most_together(players, &near) >= quorum) {
                (None, true) => since = Some(first.at_s),
                (Some(from), false) => {
                    spans.push((from, first.at_s));
                    since = None;
                }
                (None, false) | (Some(_), true) => {}
            }
        }
        spans
    }
}

/// The largest number of `players` in one connected part of `near`.
fn most_together(players: &[u32], near: &BTreeMap<u32, BTreeSet<u32>>) -> usize {
    let mut left: BTreeSet<u32> = players.iter().copied().collect();
    let mut most = 0;
    while let Some(start) = left.pop_first() {
        let mut seen = BTreeSet::from([start]);
        let mut open = vec![start];
        let mut together = 1;
        while let Some(person) = open.pop() {
            for other in near.get(&person).into_iter().flatten() {
                if seen.insert(*other) {
                    together += usize::from(left.remove(other));
                    open.push(*other);
                }
            }
        }
        most = most.max(together);
    }
    most
}

fn parse_line(line: &str) -> Result<(u64, Pair), String> {
    let mut columns = line.split_whitespace();
    let mut column = |what: &str| {
        columns
            .next()
            .ok_or_else(|| format!("the {what} is missing"))
    };
    let at = number(column("time")?, "time", 1 << 40)?;
    let one = person(column("first person")?, "first person")?;
    let other = person(column("second person")?, "second person")?;
    if one == other {
        return Err(format!("person {one} is in contact with itself"));
    }
    Ok((at, (one.min(other), one.max(other))))
}

fn person(text: &str, what: &str) -> Result<u32, String> {
    let number = number(text, what, u64::from(u32::MAX))?;
    Ok(u32::try_from(number).expect("bounded by u32::MAX"))
}

fn number(text: &str, what: &str, max: u64) -> Result<u64, String> {
    let shown: String = text.chars().take(20).collect();
    let number: u64 = text
        .parse()
        .map_err(|_| format!("the {what} `{shown}` is not a whole number"))?;
    if number > max {
        return Err(format!("the {what} {number} is above {max}"));
    }
    Ok(number)
}

#[cfg(test)]
mod tests;
