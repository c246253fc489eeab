//! The entries of a board in an overlay, and the bytes they take.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cause::{Cause, Detail};
use super::entry::{
    BoardKey, BoardValue, Entry, PREFIXES_KEY, SIZE_KEY, TOTAL_KEY, entry_key, item_key, items_key,
    sealing_key_key,
};
use super::setup::Prefixes;
use crate::crypto::seal::SealingKey;
use crate::rules::Rejection;
use crate::state::Overlay;
use crate::wire::{decode, encode};

/// Bytes of keys and values that a board may have: three quarters of what a snapshot may carry
/// (`GroupConfig::snapshot_bytes_max`), so that every board can be handed to a newcomer. Ten
/// thousand entries of 75 bytes fit.
pub const BOARD_BYTES_MAX: u64 = 768 * 1024;

/// The entries of a board, open for one action.
pub(super) struct Desk<'a> {
    overlay: &'a mut Overlay,
    size_before: u64,
    size: u64,
}

impl<'a> Desk<'a> {
    /// An empty board.
    pub(super) fn empty(overlay: &'a mut Overlay) -> Self {
        Self {
            overlay,
            size_before: 0,
            size: 0,
        }
    }

    /// The board that is there.
    pub(super) fn open(overlay: &'a mut Overlay) -> Result<Self, Rejection> {
        let size = parse(overlay.get(&SIZE_KEY))?.ok_or(Cause::BadState)?;
        Ok(Self {
            overlay,
            size_before: size,
            size,
        })
    }

    /// Ends the action: refused where the board has grown over its bound.
    pub(super) fn close(self) -> Result<(), Rejection> {
        if self.size > self.size_before && self.size > BOARD_BYTES_MAX {
            return Err(Cause::BoardFull.with(&Detail::Amount(BOARD_BYTES_MAX)));
        }
        if self.size != self.size_before || self.overlay.get(&SIZE_KEY).is_none() {
            raw(self.overlay, &SIZE_KEY, encode(&self.size));
        }
        Ok(())
    }

    /// Writes what the genesis fixes for ever.
    pub(super) fn set_up(&mut self, prefixes: &Prefixes, total: u64) {
        raw(self.overlay, &PREFIXES_KEY, encode(prefixes));
        raw(self.overlay, &TOTAL_KEY, encode(&total));
    }

    pub(super) fn prefixes(&self) -> Result<Prefixes, Rejection> {
        Ok(parse(self.overlay.get(&PREFIXES_KEY))?.ok_or(Cause::BadState)?)
    }

    pub(super) fn entry(&self, key: &BoardKey) -> Result<Option<Entry>, Rejection> {
        parse(self.overlay.get(&entry_key(key)))
    }

    /// The entry that an operation needs.
    pub(super) fn need(&self, key: &BoardKey) -> Result<Entry, Rejection> {
        Ok(self.entry(key)?.ok_or(Cause::NoEntry)?)
    }

    pub(super) fn set(&mut self, key: &BoardKey, entry: &Entry) {
        self.write(entry_key(key), encode(entry));
    }

    pub(super) fn remove(&mut self, key: &BoardKey) {
        self.take(&entry_key(key));
    }

    pub(super) fn set_item(&mut self, list: &BoardKey, position: u16, value: &BoardValue) {
        self.write(item_key(list, position), value.to_vec());
    }

    pub(super) fn remove_items(&mut self, list: &BoardKey) {
        for (key, _) in self.overlay.prefix(&items_key(list)) {
            self.take(key.as_bytes());
        }
    }

    pub(super) fn has_sealing_key(&self, member: u8) -> bool {
        self.overlay.get(&sealing_key_key(member)).is_some()
    }

    pub(super) fn set_sealing_key(&mut self, member: u8, key: SealingKey) {
        self.write(sealing_key_key(member).to_vec(), key.0.to_vec());
    }

    fn write(&mut self, key: Vec<u8>, value: Vec<u8>) {
        let before = self
            .overlay
            .get(&key)
            .map_or(0, |old| key.len() + old.len());
        self.resize(before, key.len() + value.len());
        raw(self.overlay, &key, value);
    }

    fn take(&mut self, key: &[u8]) {
        let before = self.overlay.get(key).map_or(0, |old| key.len() + old.len());
        self.resize(before, 0);
        self.overlay.remove(key).expect(KEYS_FIT);
    }

    fn resize(&mut self, before: usize, after: usize) {
        let grown = self.size.saturating_add(after as u64);
        self.size = grown.saturating_sub(before as u64);
    }
}

fn raw(overlay: &mut Overlay, key: &[u8], value: Vec<u8>) {
    overlay.set(key, value).expect(KEYS_FIT);
}

fn parse<T: Serialize + DeserializeOwned>(bytes: Option<&[u8]>) -> Result<Option<T>, Rejection> {
    bytes
        .map(|bytes| decode(bytes, usize::MAX).map_err(|_| Cause::BadState.into()))
        .transpose()
}

const KEYS_FIT: &str = "BOARD_KEY_LEN_MAX leaves room for place and position";
