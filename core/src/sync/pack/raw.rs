//! The plain form: one byte of flags and author an action, then what is there.

use super::items::{Extras, Item, Link};
use crate::wire::coder::schema::{read_varint, write_varint};
use crate::wire::{ACTION_PAYLOAD_LEN_MAX, ActionPayload, Bytes, DecodeError, MEMBERS_MAX, encode};

/// Low bits of the flags: the author, 0 where an anchor says it.
const AUTHOR: u8 = 0x0f;
const ANCHOR: u8 = 0x10;
const EXTRAS: u8 = 0x20;
const MISSING: u8 = 0x40;

const _: () = assert!(MEMBERS_MAX == 16, "an author has four bits");

/// Bytes of one action's plain form.
pub(super) fn len(item: &Item) -> usize {
    let mut bytes = Vec::new();
    write(&mut bytes, item);
    bytes.len()
}

pub(super) fn write(bytes: &mut Vec<u8>, item: &Item) {
    let mut flags = match item.link {
        Link::After(author) => author & AUTHOR,
        Link::Anchor(_) => ANCHOR,
    };
    if !item.extras.is_empty() {
        flags |= EXTRAS;
    }
    if matches!(item.payload, ActionPayload::Missing { .. }) {
        flags |= MISSING;
    }
    bytes.push(flags);
    if !item.extras.is_empty() {
        bytes.extend(encode(&item.extras));
    }
    match &item.payload {
        ActionPayload::Rules(payload) => {
            write_varint(bytes, payload.len() as u64);
            bytes.extend_from_slice(payload);
        }
        ActionPayload::Missing { draw, voter } => {
            write_varint(bytes, *draw);
            bytes.push(*voter);
        }
    }
}

/// Takes one action off the front; `anchored` is the author that the next anchor names.
pub(super) fn read(bytes: &mut &[u8], anchored: Option<u8>) -> Result<Item, DecodeError> {
    let malformed = DecodeError::Malformed;
    let flags = take(bytes, 1)?[0];
    let link = if flags & ANCHOR == 0 {
        Link::After(flags & AUTHOR)
    } else {
        Link::Anchor(anchored.ok_or(malformed)?)
    };
    let extras = if flags & EXTRAS == 0 {
        Extras::default()
    } else {
        let (extras, rest) = postcard::take_from_bytes(bytes).map_err(|_| malformed)?;
        *bytes = rest;
        extras
    };
    let payload = if flags & MISSING == 0 {
        let len = read_varint(bytes).ok_or(malformed)?;
        let len = usize::try_from(len).map_err(|_| malformed)?;
        if len > ACTION_PAYLOAD_LEN_MAX {
            return Err(malformed);
        }
        ActionPayload::Rules(Bytes::truncating(take(bytes, len)?.to_vec()))
    } else {
        let draw = read_varint(bytes).ok_or(malformed)?;
        let voter = take(bytes, 1)?[0];
        ActionPayload::Missing { draw, voter }
    };
    Ok(Item {
        link,
        extras,
        payload,
    })
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], DecodeError> {
    let (taken, rest) = bytes.split_at_checked(len).ok_or(DecodeError::Malformed)?;
    *bytes = rest;
    Ok(taken)
}
