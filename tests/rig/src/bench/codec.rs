//! Bytes of an action: the packed form beside what one would do without it, on three frozen traces.
//!
//! Signatures are left out everywhere: they are the same in every row. The naive form is the signed
//! content as postcard writes it, with 32-byte ids and the hash of the action before; the packed one
//! says the same. What a message of packed actions has around its bytes is a row of its own.

#[cfg(test)]
mod games;
mod schemas;
#[cfg(test)]
mod tests;
pub(crate) mod traces;

use std::fmt::Write as _;

use althing::crypto::{Hash, Identity, Signature};
use althing::id::{GroupId, PeerId, RunId};
use althing::rules::Rules;
use althing::rules::craps::Craps;
use althing::sync::pack::{Known, Last, Packing, cost, pack, unpack};
use althing::wire::coder::COST_PER_BIT;
use althing::wire::{
    Action, ActionPayload, BoundedVec, Bytes, GroupMessage, SignedAction, Validity, encode,
};
use lz4_flex::block;
use schemas::Plain;
use serde::Serialize;
use traces::Step;

use super::row::{self, Bound};

/// Actions of one batch, by column of the table.
pub(crate) const BATCHES: [usize; 4] = [1, 4, 16, 64];
/// Bytes of the dictionary that one of the baselines gets, taken from the first half of the trace.
const DICTIONARY_LEN: usize = 4 * 1024;

/// One way to write actions, with its mean bytes an action by batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) bytes: [f64; BATCHES.len()],
}

/// One trace and what was measured on its second half.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Table {
    pub(crate) trace: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// Rows of a table that others are compared with.
const CRAPS: &str = "craps";
pub(crate) const NAIVE: &str = "postcard, naive";
pub(crate) const PACKED: &str = "packed";
pub(crate) const ENTROPY: &str = "model entropy";

/// The floors and goals for craps: batch, floor, goal.
pub(crate) const CRAPS_BOUNDS: [(usize, f64, f64); 2] = [(1, 8.0, 3.0), (16, 7.0, 2.2)];

impl Table {
    pub(crate) fn bytes(&self, row: &str, batch: usize) -> f64 {
        let row = self.rows.iter().find(|one| one.name == row);
        let column = BATCHES.iter().position(|one| *one == batch);
        let (row, column) = row.zip(column).expect("a row and a column of the table");
        row.bytes[column]
    }
}

/// The three tables. The card and the grid game have no rules here: each is measured under the
/// general model and under a declared schema.
pub(crate) fn tables() -> Vec<Table> {
    let craps = Craps::new();
    let cards = Plain::new(Some(&schemas::CARDS));
    let grid = Plain::new(Some(&schemas::GRID));
    let none = Plain::new(None);
    [
        (CRAPS, traces::CRAPS, &craps as &dyn Rules),
        ("cards, with a schema", traces::CARDS, &cards),
        ("cards, general model", traces::CARDS, &none),
        ("grid, with a schema", traces::GRID, &grid),
        ("grid, general model", traces::GRID, &none),
    ]
    .into_iter()
    .map(|(trace, text, rules)| {
        let steps = traces::read(text).expect("a trace of this repository");
        table(trace, rules, &steps)
    })
    .collect()
}

/// What has a bound, or is kept: every packed cell beside its floor and goal, and how far one action is
/// below the naive form.
pub(crate) fn rows(tables: &[Table]) -> Vec<row::Row> {
    let mut rows = Vec::new();
    for table in tables {
        for batch in BATCHES {
            let value = table.bytes(PACKED, batch);
            let name = format!("{}, batch of {batch}", table.trace);
            let bounds = CRAPS_BOUNDS.iter().find(|(of, ..)| *of == batch);
            match bounds.filter(|_| table.trace == CRAPS) {
                Some((_, floor, goal)) => {
                    rows.push(row::Row::value(
                        format!("{name}, floor"),
                        value,
                        Bound::AtMost(*floor),
                    ));
                    rows.push(row::Row::value(
                        format!("{name}, goal"),
                        value,
                        Bound::AtMost(*goal),
                    ));
                }
                None => rows.push(row::Row::value(name, value, Bound::None)),
            }
        }
        if table.trace == CRAPS {
            let below = 100.0 * (1.0 - table.bytes(PACKED, 1) / table.bytes(NAIVE, 1));
            for (what, least) in [("floor", 89.0), ("goal", 95.0)] {
                let name = format!("  one action below naive: percent, {what}");
                rows.push(row::Row::value(name, below, Bound::AtLeast(least)));
            }
        }
    }
    rows
}

/// The tables, every form beside the others.
pub(crate) fn shown(tables: &[Table]) -> String {
    let mut text = String::from(
        "actions, bytes each without signature, by batch (second half of each trace; naive: 32-byte ids and\n\
         the hash of the action before; bare: author, number and payload; model entropy: what the packed\n\
         form's model says that it must take)\n",
    );
    for table in tables {
        let _ = write!(text, "  {:42}", table.trace);
        for batch in BATCHES {
            let _ = write!(text, "  {batch:>7}");
        }
        text.push('\n');
        for row in &table.rows {
            let _ = write!(text, "    {:40}", row.name);
            for bytes in row.bytes {
                let _ = write!(text, "  {bytes:>7.2}");
            }
            text.push('\n');
        }
    }
    text
}

/// A group in which everybody has acted before, and knows it of everybody.
#[derive(Debug)]
struct Room {
    members: Vec<PeerId>,
    last: Vec<Last>,
}

const GROUP: GroupId = GroupId([9; 16]);

impl Room {
    fn new() -> Self {
        let players = u8::try_from(traces::PLAYERS).expect("eight");
        Self {
            members: (1..=players)
                .map(|player| Identity::new([player; 32]).peer())
                .collect(),
            last: (1..=u64::from(players))
                .map(|player| {
                    let run = Identity::new([0; 32]).derive("run", &[player.to_le_bytes()[0]; 1]);
                    (RunId(run.prefix_u64()), 1, Hash([7; 32]))
                })
                .collect(),
        }
    }

    /// The next action of a trace. Signatures are not measured, so none is made.
    fn sign(&mut self, (author, payload): &Step) -> SignedAction {
        let index = usize::from(*author);
        let (run, number, previous) = self.last[index];
        let action = Action {
            author: self.members[index],
            run,
            number: number + 1,
            previous,
            frontier: BoundedVec::new(),
            dependencies: BoundedVec::new(),
            validity: Validity::default(),
            payload: ActionPayload::Rules(Bytes::truncating(payload.clone())),
        };
        self.last[index] = (run, number + 1, action.hash(GROUP));
        SignedAction {
            action,
            signature: Signature([0; 64]),
        }
    }
}

impl Known for Room {
    fn last(&self, author: u8) -> Option<Last> {
        self.last.get(usize::from(author)).copied()
    }
}

fn table(trace: &'static str, rules: &dyn Rules, steps: &[Step]) -> Table {
    let names = [
        "JSON",
        NAIVE,
        "postcard, naive + LZ4",
        "postcard, naive + LZ4, 4 KiB dictionary",
        "postcard, bare",
        "packed, message without signatures",
        PACKED,
        ENTROPY,
    ];
    let mut rows: Vec<Row> = names
        .map(|name| Row {
            name,
            bytes: [0.0; BATCHES.len()],
        })
        .into();
    let half = steps.len() / 2;
    for (column, batch) in BATCHES.into_iter().enumerate() {
        let mut room = Room::new();
        let mut dictionary = Vec::new();
        for step in &steps[..half] {
            dictionary.extend(encode(&room.sign(step).action));
        }
        let dictionary = &dictionary[dictionary.len().saturating_sub(DICTIONARY_LEN)..];
        let mut count = 0;
        let mut sums = [0u64; 8];
        for steps in steps[half..].chunks_exact(batch) {
            let known = Room {
                members: room.members.clone(),
                last: room.last.clone(),
            };
            let signed: Vec<SignedAction> = steps.iter().map(|step| room.sign(step)).collect();
            let sizes = sizes(rules, &known, &signed, dictionary);
            for (sum, size) in sums.iter_mut().zip(sizes) {
                *sum += size;
            }
            count += batch;
        }
        for (row, sum) in rows.iter_mut().zip(sums) {
            row.bytes[column] = sum as f64 / (8 * COST_PER_BIT) as f64 / count as f64;
        }
    }
    Table { trace, rows }
}

/// What one batch takes in every form, in parts of a bit.
fn sizes(rules: &dyn Rules, known: &Room, signed: &[SignedAction], dictionary: &[u8]) -> [u64; 8] {
    let actions: Vec<&Action> = signed.iter().map(|signed| &signed.action).collect();
    let naive = actions.iter().flat_map(encode);
    let naive: Vec<u8> = naive.collect();
    // Without the run and the hash of the action before, which no compression shortens.
    let bare = actions.iter().flat_map(|action| {
        let Action {
            author,
            number,
            payload,
            ..
        } = action;
        encode(&(author, number, payload))
    });
    let bare: Vec<u8> = bare.collect();
    let packing = Packing {
        group: GROUP,
        members: &known.members,
        rules,
    };
    let (packed, taken) = pack(packing, signed, known, usize::MAX).expect("actions of members");
    assert_eq!(taken, signed.len(), "a batch of the bench is one message");
    let back = unpack(packing, &packed, known).expect("what was packed");
    assert_eq!(back.len(), signed.len(), "nothing is lost");
    let signatures: usize = signed.iter().map(|signed| signed.signature.0.len()).sum();
    let bytes = packed.bytes.len();
    let message = encode(&GroupMessage::Actions(packed)).len() - signatures;
    let cost = cost(packing, signed, known).expect("it was packed");
    let bits = |bytes: usize| bytes as u64 * 8 * COST_PER_BIT;
    [
        bits(serde_json::to_vec(&actions).expect("plain values").len()),
        bits(naive.len()),
        bits(block::compress(&naive).len()),
        bits(block::compress_with_dict(&naive, dictionary).len()),
        bits(bare.len()),
        bits(message),
        bits(bytes),
        cost,
    ]
}
