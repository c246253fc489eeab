//! The changes of a delta in columns, and LZ4 over them where that is shorter.
//!
//! Like stands beside like: for each key what it shares with the one before, the lengths of the
//! rests, the rests, the lengths of the values, the values. The columns have one spelling for one
//! list of changes and it is checked when they are read. What LZ4 makes of them may differ from one
//! version of LZ4 to the next: nothing is signed or hashed over it, and it is not checked beyond its
//! limits.

use lz4_flex::block;

use super::{DELTA_CHANGES_MAX, DELTA_LEN_MAX};
use crate::state::{Key, VALUE_LEN_MAX};
use crate::wire::DecodeError;
use crate::wire::coder::schema::{read_varint, write_varint};

/// The new value of each changed key, none where it is removed, in key order.
pub(super) type Changes = Vec<(Key, Option<Vec<u8>>)>;

const PLAIN: u8 = 0;
const LZ4: u8 = 1;
/// Bytes that the LZ4 form has beside the form: the declared length.
const DECLARED_LEN: usize = 2;
/// An LZ4 block may declare at most so many times its own bytes.
const RATIO_MAX: usize = 64;
/// Below this LZ4 was never seen to win.
const OFFERED_LEN_MIN: usize = 32;

/// The shorter form of `columns`, never more than one byte longer.
pub(super) fn deflate(columns: &[u8]) -> Vec<u8> {
    if let Some(packed) = shorter(columns) {
        return packed;
    }
    [&[PLAIN], columns].concat()
}

fn shorter(columns: &[u8]) -> Option<Vec<u8>> {
    if columns.len() < OFFERED_LEN_MIN {
        return None;
    }
    let declared = u16::try_from(columns.len()).ok()?;
    let packed = block::compress(columns);
    let wins = packed.len() + DECLARED_LEN < columns.len();
    let allowed = columns.len() <= packed.len().saturating_mul(RATIO_MAX);
    (wins && allowed).then(|| [&[LZ4], &declared.to_be_bytes()[..], &packed].concat())
}

/// The columns inside.
pub(super) fn inflate(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    match bytes {
        [PLAIN, columns @ ..] => Ok(columns.to_vec()),
        [LZ4, high, low, packed @ ..] => {
            let declared = usize::from(u16::from_be_bytes([*high, *low]));
            if declared > DELTA_LEN_MAX {
                return Err(DecodeError::TooLong {
                    len: declared,
                    max: DELTA_LEN_MAX,
                });
            }
            if declared > packed.len().saturating_mul(RATIO_MAX) {
                return Err(DecodeError::Malformed);
            }
            if declared <= packed.len() + DECLARED_LEN {
                return Err(DecodeError::NotCanonical);
            }
            let mut columns = vec![0; declared];
            match block::decompress_into(packed, &mut columns) {
                Ok(len) if len == declared => Ok(columns),
                Ok(_) | Err(_) => Err(DecodeError::Malformed),
            }
        }
        _ => Err(DecodeError::Malformed),
    }
}

/// The columns of `changes`.
pub(super) fn write(changes: &[(Key, Option<Vec<u8>>)]) -> Vec<u8> {
    let mut columns = Vec::new();
    write_varint(&mut columns, changes.len() as u64);
    let keys = || changes.iter().map(|(key, _)| key.as_bytes());
    let before = || std::iter::once(&[][..]).chain(keys());
    let shared: Vec<usize> = before()
        .zip(keys())
        .map(|(before, key)| shared_len(before, key))
        .collect();
    let byte = |len: usize| u8::try_from(len).expect("a key has at most 64 bytes");
    columns.extend(shared.iter().map(|shared| byte(*shared)));
    let rests = || keys().zip(&shared).map(|(key, shared)| &key[*shared..]);
    columns.extend(rests().map(|rest| byte(rest.len())));
    rests().for_each(|rest| columns.extend_from_slice(rest));
    for (_, value) in changes {
        let len = value.as_ref().map_or(0, |value| value.len() as u64 + 1);
        write_varint(&mut columns, len);
    }
    for value in changes.iter().filter_map(|(_, value)| value.as_ref()) {
        columns.extend_from_slice(value);
    }
    columns
}

/// The changes of `columns`.
pub(super) fn read(mut columns: &[u8]) -> Result<Changes, DecodeError> {
    let malformed = DecodeError::Malformed;
    let bytes = &mut columns;
    let count = read_varint(bytes).ok_or(malformed)?;
    let count = usize::try_from(count).map_err(|_| malformed)?;
    if count > DELTA_CHANGES_MAX {
        return Err(malformed);
    }
    // All of it is paid for by bytes that arrived: two of each key at least.
    let shared = take(bytes, count)?;
    let rests = take(bytes, count)?;
    let mut keys: Vec<Key> = Vec::with_capacity(count);
    for (shared, rest) in shared.iter().zip(rests) {
        let rest = take(bytes, usize::from(*rest))?;
        let before = keys.last().map(Key::as_bytes);
        let start = before
            .unwrap_or_default()
            .get(..usize::from(*shared))
            .ok_or(malformed)?;
        let key = Key::new(&[start, rest].concat()).map_err(|_| malformed)?;
        if before.is_some_and(|before| before >= key.as_bytes()) {
            return Err(malformed);
        }
        if shared_len(before.unwrap_or_default(), key.as_bytes()) != start.len() {
            return Err(DecodeError::NotCanonical);
        }
        keys.push(key);
    }
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        let len = read_varint(bytes).ok_or(malformed)?;
        let len = usize::try_from(len).map_err(|_| malformed)?;
        if len > VALUE_LEN_MAX + 1 {
            return Err(malformed);
        }
        lengths.push(len.checked_sub(1));
    }
    let mut changes = Vec::with_capacity(count);
    for (key, len) in keys.into_iter().zip(lengths) {
        let value = len.map(|len| take(bytes, len).map(<[u8]>::to_vec));
        changes.push((key, value.transpose()?));
    }
    if !bytes.is_empty() {
        return Err(DecodeError::Trailing { count: bytes.len() });
    }
    Ok(changes)
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], DecodeError> {
    let (taken, rest) = bytes.split_at_checked(len).ok_or(DecodeError::Malformed)?;
    *bytes = rest;
    Ok(taken)
}

/// Bytes that both start with.
fn shared_len(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
