//! A state in a form that reads well: a table of craps, a counter, a board, or keys and values.

use std::fmt::Write;

use althing::group::clean_name;
use althing::rules::board::{self, Entry, Reading};
use althing::rules::counter;
use althing::rules::craps::{Dice, Table, Working};
use althing::state::{Change, Map};
use serde::Serialize;

use super::game::short;

/// Characters of a value that are shown; of a longer one the beginning. Keys are never cut: they
/// tell entries from each other.
const VALUE_SHOWN: usize = 48;
/// First byte of keys of the group itself; the rest is the rule set's.
const OWN_KEYS: u8 = 0;

/// A state.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Shown {
    /// Of the rule set `craps`.
    Craps(Craps),
    /// Of the rule set `counter`.
    Counter {
        /// Where it stands.
        value: i64,
    },
    /// Of the rule set `board`, and any other.
    Entries {
        /// Keys and values, without those of the group itself.
        entries: Vec<(String, String)>,
    },
}

/// A table of craps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Craps {
    pub(super) point: Option<u8>,
    pub(super) in_the_air: bool,
    pub(super) throws: u64,
    pub(super) dice: Option<[u8; 2]>,
    pub(super) bank: u64,
    pub(super) total: u64,
    pub(super) players: Vec<Player>,
}

/// One member at it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Player {
    pub(super) name: String,
    /// Position, from 1; none while he stands.
    pub(super) seat: Option<usize>,
    pub(super) shoots: bool,
    pub(super) away: bool,
    pub(super) chips: u64,
    pub(super) bets: Vec<Bet>,
}

/// One bet of his.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bet {
    pub(super) on: String,
    pub(super) chips: u32,
    /// Whether he had it switched: `on` or `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) switched: Option<&'static str>,
}

/// One key that a block changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Changed {
    pub(super) key: String,
    /// Whether it is a record of the group itself: numbering of authors, draws. Its values are not
    /// shown: they say nothing to an eye.
    pub(super) own: bool,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

/// What keys and values are read with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eye<'a> {
    /// Whether they are those of a board.
    is_board: bool,
    /// Of the members.
    names: &'a [String],
}

impl<'a> Eye<'a> {
    /// For `state`, whose members have `names`.
    pub(super) fn for_state(state: &Map, names: &'a [String]) -> Self {
        Self {
            is_board: board::is_board(state),
            names,
        }
    }

    /// The key in words; none for records of the group or of its rules, which are not for an eye.
    fn key(self, key: &[u8], value: &[u8]) -> Option<String> {
        if is_own(key) {
            return None;
        }
        if !self.is_board {
            return Some(text(key, usize::MAX));
        }
        // No entry's key has this bracket in words, so none reads like an item or a sealing key.
        let named = |key: &[u8]| text(key, usize::MAX).replace('[', "\\x5b");
        Some(match board::read(key, value)? {
            Reading::Entry { key, .. } => named(&key),
            Reading::Item { list, position, .. } => format!("{}[{position}]", named(&list)),
            Reading::SealingKey { member, .. } => {
                format!("[sealing key of member {}]", u16::from(member) + 1)
            }
        })
    }

    /// What stands under `key`, in words.
    fn value(self, key: &[u8], value: &[u8]) -> String {
        let read = if self.is_board {
            board::read(key, value)
        } else {
            None
        };
        match read {
            Some(Reading::Entry { entry, .. }) => self.entry(&entry),
            Some(Reading::Item { value, .. }) => text(&value, VALUE_SHOWN),
            Some(Reading::SealingKey { key, .. }) => text(&key.0, VALUE_SHOWN),
            None => text(value, VALUE_SHOWN),
        }
    }

    fn entry(self, entry: &Entry) -> String {
        match entry {
            Entry::Value(value) => text(value, VALUE_SHOWN),
            Entry::Number { value, min, max } => format!("{value} (from {min} to {max})"),
            Entry::List { len, len_max } => format!("a list of {len}, at most {len_max}"),
            Entry::Slot { holder: None } => "held by nobody".to_owned(),
            Entry::Slot {
                holder: Some(holder),
            } => format!("held by {}", self.name(*holder)),
            Entry::Account { owner, balance } => format!("{balance} of {}", self.name(*owner)),
            Entry::Purse { members, balance } => {
                let indices = members.indices();
                let names: Vec<&str> = indices.iter().map(|index| self.name(*index)).collect();
                format!("{balance} for {}", names.join(", "))
            }
            Entry::Sealed(sealed) => format!(
                "sealed by {} for {} ({})",
                self.name(sealed.sealer),
                self.name(sealed.owner),
                short(&sealed.commitment.to_hex())
            ),
            Entry::Opened {
                sealer,
                owner,
                plaintext,
            } => format!(
                "{} (sealed by {}, opened by {})",
                text(plaintext, VALUE_SHOWN),
                self.name(*sealer),
                self.name(*owner)
            ),
        }
    }

    fn name(self, member: u8) -> &'a str {
        let name = self.names.get(usize::from(member));
        name.map_or("nobody", String::as_str)
    }
}

impl Shown {
    /// `state`, whose members have `names`.
    pub(super) fn of(state: &Map, names: &[String]) -> Self {
        if let Some(table) = Table::of(state) {
            return Self::Craps(Craps::of(&table, names));
        }
        if let Some(value) = counter::value(state)
            && state
                .iter()
                .filter(|(key, _)| !is_own(key.as_bytes()))
                .count()
                == 1
        {
            return Self::Counter { value };
        }
        let eye = Eye::for_state(state, names);
        let entries = state.iter().filter_map(|(key, value)| {
            let key = key.as_bytes();
            Some((eye.key(key, value)?, eye.value(key, value)))
        });
        Self::Entries {
            entries: entries.collect(),
        }
    }
}

impl Craps {
    fn of(table: &Table, names: &[String]) -> Self {
        let players = (0u8..).zip(names.iter().zip(&table.chips));
        Self {
            point: table.point,
            in_the_air: table.dice_in_the_air,
            throws: table.throws,
            dice: table.dice.last().map(|dice| faces(*dice)),
            bank: table.bank,
            total: table.total,
            players: players
                .map(|(member, (name, chips))| {
                    let seat = table.seats.iter().position(|seat| *seat == Some(member));
                    let bets = table.bets.iter().filter(|bet| bet.member == member);
                    Player {
                        name: name.clone(),
                        seat: seat.map(|at| at + 1),
                        shoots: table.shooter == Some(member),
                        away: table.away.contains(&member),
                        chips: *chips,
                        bets: bets
                            .map(|bet| Bet {
                                on: bet.kind.name(),
                                chips: bet.chips,
                                switched: match bet.working {
                                    Working::Usual => None,
                                    Working::On => Some("on"),
                                    Working::Off => Some("off"),
                                },
                            })
                            .collect(),
                    }
                })
                .collect(),
        }
    }
}

impl Changed {
    pub(super) fn of(change: &Change, eye: Eye<'_>) -> Self {
        let key = change.key.as_bytes();
        let either = change.new.as_deref().or(change.old.as_deref());
        let named = either.and_then(|value| eye.key(key, value));
        let own = named.is_none();
        let shown = |value: &Option<Vec<u8>>| {
            let value = value.as_deref().filter(|_| !own)?;
            Some(eye.value(key, value))
        };
        Self {
            key: named.unwrap_or_else(|| text(key, usize::MAX)),
            own,
            old: shown(&change.old),
            new: shown(&change.new),
        }
    }
}

pub(super) fn faces(dice: Dice) -> [u8; 2] {
    [dice.first, dice.second]
}

fn is_own(key: &[u8]) -> bool {
    key.first() == Some(&OWN_KEYS)
}

/// Text as text, of anything else the bytes that leave no mark as `\xNN`; cut where it is longer than
/// `most`, in characters or bytes.
fn text(bytes: &[u8], most: usize) -> String {
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.chars().all(is_visible)
    {
        let more = if text.chars().nth(most).is_some() {
            "…"
        } else {
            ""
        };
        let shown: String = text.chars().take(most).collect();
        return format!("{shown}{more}");
    }
    let mut shown = String::new();
    for byte in bytes.iter().take(most) {
        match byte {
            b'!'..=b'~' if *byte != b'\\' => shown.push(char::from(*byte)),
            _ => write!(shown, "\\x{byte:02x}").expect("a string takes everything"),
        }
    }
    if bytes.len() > most {
        shown.push('…');
    }
    shown
}

/// Whether it reads as what it is: nothing that hides or turns what stands around it, and no
/// backslash, which marks bytes.
fn is_visible(character: char) -> bool {
    match character {
        '\\' => false,
        ' '..='~' => true,
        _ => clean_name(character.encode_utf8(&mut [0; 4])).is_some(),
    }
}

#[cfg(test)]
mod tests;
