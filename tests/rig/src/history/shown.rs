//! A state in a form that reads well: a table of craps, a counter, or keys and values.

use std::fmt::Write;

use althing::rules::counter;
use althing::rules::craps::{Dice, Table, Working};
use althing::state::{Change, Map};
use serde::Serialize;

/// Bytes of a value that are shown; of a longer one the beginning.
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
    /// Of any other rule set.
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
        Self::Entries {
            entries: state
                .iter()
                .filter(|(key, _)| !is_own(key.as_bytes()))
                .map(|(key, value)| (text(key.as_bytes()), text(value)))
                .collect(),
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
    pub(super) fn of(change: &Change) -> Self {
        let own = is_own(change.key.as_bytes());
        let shown = |value: &Option<Vec<u8>>| value.as_deref().filter(|_| !own).map(text);
        Self {
            key: text(change.key.as_bytes()),
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

/// Text as text, of anything else the bytes that are no ASCII as `\xNN`; cut where it is long.
fn text(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.is_empty()
        && !text.contains(|it: char| it.is_control() || it == '\\')
    {
        let more = if text.chars().count() > VALUE_SHOWN {
            "…"
        } else {
            ""
        };
        let shown: String = text.chars().take(VALUE_SHOWN).collect();
        return format!("{shown}{more}");
    }
    let mut shown = String::new();
    for byte in bytes.iter().take(VALUE_SHOWN) {
        match byte {
            b' '..=b'~' if *byte != b'\\' => shown.push(char::from(*byte)),
            _ => write!(shown, "\\x{byte:02x}").expect("a string takes everything"),
        }
    }
    if bytes.len() > VALUE_SHOWN {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_read_well_and_never_twice_the_same() {
        assert_eq!(text(b"name/anna"), "name/anna");
        assert_eq!(text("Jórunn".as_bytes()), "Jórunn");
        assert_eq!(text(b"c\x02'"), "c\\x02'");
        assert_eq!(text(b"\\x02"), "\\x5cx02");
        assert_eq!(text(b""), "");
        assert_eq!(text(&[0xff; 48]), "\\xff".repeat(48));
        assert_eq!(text(&[b'a'; 49]), format!("{}…", "a".repeat(48)));
    }
}
