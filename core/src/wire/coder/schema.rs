//! Payloads as columns that a rule set declares, so that it packs without code of its own.
//!
//! A payload is the number of a kind in one byte, then the kind's fields as postcard writes them:
//! exactly what an enum of structs of small numbers encodes to.

use super::{Coder, MODEL_TOTAL_MAX, Model, Number};

/// Kinds that a schema can tell apart: their number stays one byte of postcard. Of more, nothing is
/// coded in columns.
pub const KINDS_MAX: usize = 128;
/// How often a kind can be said to be met.
const OFTEN_MAX: u16 = 64;

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// One of so many, in one byte: an enum without content, or a small index.
    Choice(u8),
    /// Any byte.
    Byte,
    /// An unsigned number, as a varint.
    Number,
    /// A signed number, zig-zag, as a varint.
    Signed,
    /// An unsigned number that is near to the one of the action of this kind before: the difference
    /// is coded.
    Near,
}

/// The fields of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Per kind, how often it is met (any unit, 1 to 64) and its fields.
    pub kinds: &'static [(u16, &'static [Column])],
}

/// One payload in columns: its kind and its fields as numbers.
type Row = (usize, Vec<u64>);

/// What one symbol seen counts for beside the prior.
const STEP: u16 = 12;
/// What each of few choices counts for before anything was seen.
const CHOICE_PRIOR: u16 = 8;

impl Schema {
    /// Codes payloads that all fit; false, and nothing coded, where one does not.
    pub fn pack(&self, coder: &mut dyn Coder, payloads: &[&[u8]]) -> bool {
        if self.kinds.len() > KINDS_MAX {
            return false;
        }
        let rows: Option<Vec<Row>> = payloads.iter().map(|payload| self.read(payload)).collect();
        let Some(mut rows) = rows else {
            return false;
        };
        self.code(coder, &mut rows);
        true
    }

    /// The `count` payloads that a decoder holds.
    pub fn unpack(&self, coder: &mut dyn Coder, count: usize) -> Vec<Vec<u8>> {
        let mut rows = vec![(0, Vec::new()); count];
        self.code(coder, &mut rows);
        rows.iter().map(|row| self.write(row)).collect()
    }

    /// Kinds first, then field by field: the runs of a kind are told apart by neighbours, and like
    /// stands beside like.
    fn code(&self, coder: &mut dyn Coder, rows: &mut [Row]) {
        let often = || {
            self.kinds
                .iter()
                .map(|(often, _)| (*often).clamp(1, OFTEN_MAX))
        };
        // Four times as much as was seen, where a model has room for it.
        let scale = if often().map(u32::from).sum::<u32>() * 4 <= MODEL_TOTAL_MAX / 2 {
            4
        } else {
            1
        };
        let prior: Vec<u16> = often().map(|often| often * scale).collect();
        // What follows what: a table's games have their beat.
        let mut kinds = vec![Model::new(&prior, STEP); self.kinds.len() + 1];
        let mut before = self.kinds.len();
        for row in &mut *rows {
            row.0 = coder.symbol(&mut kinds[before], row.0);
            row.1.resize(self.kinds[row.0].1.len(), 0);
            before = row.0;
        }
        for (kind, (_, columns)) in self.kinds.iter().enumerate() {
            for (field, column) in columns.iter().enumerate() {
                let values = rows
                    .iter_mut()
                    .filter(|row| row.0 == kind)
                    .map(|row| &mut row.1[field]);
                column.code(coder, values);
            }
        }
    }

    fn read(&self, payload: &[u8]) -> Option<Row> {
        let (kind, mut rest) = payload.split_first()?;
        let kind = usize::from(*kind);
        let (_, columns) = self.kinds.get(kind)?;
        let fields = columns
            .iter()
            .map(|column| column.read(&mut rest))
            .collect::<Option<Vec<u64>>>()?;
        let row = (kind, fields);
        // Only what is written again the same can be coded as numbers.
        (rest.is_empty() && self.write(&row) == payload).then_some(row)
    }

    fn write(&self, row: &Row) -> Vec<u8> {
        let mut payload = vec![u8::try_from(row.0).unwrap_or(u8::MAX)];
        for (column, value) in self.kinds[row.0].1.iter().zip(&row.1) {
            match column {
                Column::Choice(_) | Column::Byte => payload.push(value.to_le_bytes()[0]),
                Column::Number | Column::Signed | Column::Near => {
                    write_varint(&mut payload, *value)
                }
            }
        }
        payload
    }
}

impl Column {
    fn read(self, bytes: &mut &[u8]) -> Option<u64> {
        match self {
            Self::Choice(_) | Self::Byte => {
                let (byte, rest) = bytes.split_first()?;
                *bytes = rest;
                let in_range = match self {
                    Self::Choice(of) => *byte < of,
                    Self::Byte | Self::Number | Self::Signed | Self::Near => true,
                };
                in_range.then_some(u64::from(*byte))
            }
            Self::Number | Self::Signed | Self::Near => read_varint(bytes),
        }
    }

    fn code<'a>(self, coder: &mut dyn Coder, values: impl Iterator<Item = &'a mut u64>) {
        match self {
            Self::Choice(of) => {
                let prior = vec![CHOICE_PRIOR; usize::from(of.max(1))];
                let mut model = Model::new(&prior, STEP);
                for value in values {
                    *value = coder.symbol(&mut model, index(*value)) as u64;
                }
            }
            Self::Byte => {
                let mut model = Model::uniform(256, STEP);
                for value in values {
                    *value = coder.symbol(&mut model, index(*value)) as u64;
                }
            }
            Self::Number | Self::Signed => {
                let mut model = Number::default();
                for value in values {
                    *value = model.code(coder, *value);
                }
            }
            Self::Near => {
                let mut model = Number::default();
                let mut before = 0u64;
                for value in values {
                    let apart = model.code(coder, zigzag(value.wrapping_sub(before)));
                    *value = before.wrapping_add(unzigzag(apart));
                    before = *value;
                }
            }
        }
    }
}

fn index(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A difference with its sign in the lowest bit, so that small ones of both signs are small.
pub fn zigzag(difference: u64) -> u64 {
    let sign = if difference >> 63 == 1 { u64::MAX } else { 0 };
    difference << 1 ^ sign
}

/// What [`zigzag`] came from.
pub fn unzigzag(value: u64) -> u64 {
    let sign = if value & 1 == 1 { u64::MAX } else { 0 };
    value >> 1 ^ sign
}

/// Appends a number, seven bits a byte, lowest first.
pub fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

/// Takes a number off the front. None where it is truncated, over 64 bits or longer than it need be.
pub fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return (*byte != 0 || shift == 0).then_some(value);
        }
    }
    None
}
