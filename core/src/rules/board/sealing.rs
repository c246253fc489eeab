//! Sealed entries: how they are made, read and opened. The rules see commitments and openings; only
//! the phones of sealer and owner ever see what is inside before it is opened. Every box is filled up
//! to the same length, some 80 bytes for a card: how long it is says nothing of what is in it.

use super::cause::{Cause, Detail};
use super::entry::{
    self, BOARD_KEY_LEN_MAX, BOX_LEN_MAX, BoardKey, Entry, SEALED_LEN_MAX, Sealed, is_board,
    sealing_key,
};
use super::{BoardAction, Turn, wrong_kind};
use crate::crypto::seal::{SealedBytes, SealingKey, SealingSecret};
use crate::crypto::{Hash, seal as boxes};
use crate::error::SealError;
use crate::id::GroupId;
use crate::rules::Rejection;
use crate::state::Map;
use crate::wire::{Bytes, encode};

impl Turn<'_> {
    pub(super) fn publish_key(&mut self, key: SealingKey) -> Result<(), Rejection> {
        if self.desk.has_sealing_key(self.member) {
            return Err(Cause::KeyPublished.into());
        }
        if key.is_weak() {
            return Err(Cause::WeakKey.into());
        }
        self.desk.set_sealing_key(self.member, key);
        Ok(())
    }

    pub(super) fn seal(&mut self, key: &BoardKey, sealed: Sealed) -> Result<(), Rejection> {
        self.may_fill(key)?;
        if usize::from(sealed.owner) >= self.members {
            return Err(Cause::NoSuchMember.into());
        }
        if !self.desk.has_sealing_key(sealed.owner) {
            return Err(Cause::NoSealingKey.with(&Detail::Member(sealed.owner)));
        }
        self.desk.set(key, &Entry::Sealed(sealed));
        Ok(())
    }

    pub(super) fn open(
        &mut self,
        key: &BoardKey,
        plaintext: Bytes<SEALED_LEN_MAX>,
        blinding: &[u8; 32],
    ) -> Result<(), Rejection> {
        let sealed = match self.desk.need(key)? {
            Entry::Sealed(sealed) => sealed,
            other => return Err(wrong_kind(&other)),
        };
        if sealed.owner != self.member {
            return Err(Cause::NotItsOwner.with(&Detail::Member(sealed.owner)));
        }
        if commitment(key, sealed.sealer, sealed.owner, &plaintext, blinding) != sealed.commitment {
            return Err(Cause::WrongOpening.into());
        }
        let opened = Entry::Opened {
            sealer: sealed.sealer,
            owner: sealed.owner,
            plaintext,
        };
        self.desk.set(key, &opened);
        Ok(())
    }
}

/// Where something is sealed, by whom and for whom: indices into the members of `group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The group.
    pub group: GroupId,
    /// Key of the entry.
    pub key: &'a [u8],
    /// Who seals.
    pub sealer: u8,
    /// Who can read it.
    pub owner: u8,
}

/// What a box holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsealed {
    key: BoardKey,
    plaintext: Bytes<SEALED_LEN_MAX>,
    blinding: [u8; 32],
}

impl Unsealed {
    /// What was sealed, for its owner's eyes.
    pub fn plaintext(&self) -> &[u8] {
        &self.plaintext
    }

    /// The action that shows it to everyone.
    pub fn open(&self) -> BoardAction {
        BoardAction::Open {
            key: self.key.clone(),
            plaintext: self.plaintext.clone(),
            blinding: self.blinding,
        }
    }
}

impl std::fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unsealed({} bytes)", self.plaintext.len())
    }
}

/// The action by which others learn what to seal with for the holder of `secret`.
pub fn publish(secret: &SealingSecret) -> BoardAction {
    BoardAction::PublishKey {
        sealing_key: secret.public(),
    }
}

/// The action that seals `plaintext` at `place`, in a box as long as any other. `blinding` and `ephemeral` are 32 random bytes each,
/// used for nothing else.
pub fn seal(
    state: &Map,
    place: Place<'_>,
    plaintext: &[u8],
    blinding: [u8; 32],
    ephemeral: [u8; 32],
) -> Result<BoardAction, SealError> {
    if !is_board(state) {
        return Err(SealError::NotABoard);
    }
    let key = board_key(place.key)?;
    if plaintext.len() > SEALED_LEN_MAX {
        return Err(SealError::TooLong {
            len: plaintext.len(),
            max: SEALED_LEN_MAX,
        });
    }
    let reader = sealing_key(state, place.owner).ok_or(SealError::NoSealingKey)?;
    let commitment = commitment(&key, place.sealer, place.owner, plaintext, &blinding);
    let inside = fill(&blinding, plaintext);
    let sealed = boxes::seal(&reader, &box_context(place, commitment), &inside, ephemeral)
        .ok_or(SealError::NoSealingKey)?;
    Ok(BoardAction::Seal {
        key,
        owner: place.owner,
        commitment,
        ephemeral: sealed.ephemeral,
        bytes: Bytes::from_vec(sealed.bytes).expect("BOX_LEN_MAX is what a box can have"),
    })
}

/// What the entry at `key` holds for `reader`, the member whose secret this is. It is checked against
/// the commitment, so what was read can be opened.
pub fn unseal(
    state: &Map,
    secret: &SealingSecret,
    group: GroupId,
    key: &[u8],
    reader: u8,
) -> Result<Unsealed, SealError> {
    if !is_board(state) {
        return Err(SealError::NotABoard);
    }
    let key = board_key(key)?;
    let sealed = match entry::entry(state, &key) {
        Some(Entry::Sealed(sealed)) => sealed,
        Some(Entry::Opened { .. }) => return Err(SealError::AlreadyOpen),
        Some(_) | None => return Err(SealError::NothingSealed),
    };
    if sealed.owner != reader {
        return Err(SealError::NotItsOwner);
    }
    let place = Place {
        group,
        key: &key,
        sealer: sealed.sealer,
        owner: sealed.owner,
    };
    let found = SealedBytes {
        ephemeral: sealed.ephemeral,
        bytes: sealed.bytes.to_vec(),
    };
    let inside = secret
        .unseal(&found, &box_context(place, sealed.commitment))
        .ok_or(SealError::Damaged)?;
    let (blinding, plaintext) = filled(&inside).ok_or(SealError::Damaged)?;
    let fits = commitment(&key, sealed.sealer, sealed.owner, plaintext, blinding);
    if fits != sealed.commitment {
        return Err(SealError::Damaged);
    }
    Ok(Unsealed {
        plaintext: Bytes::from_vec(plaintext.to_vec()).map_err(|_| SealError::Damaged)?,
        blinding: *blinding,
        key,
    })
}

/// What goes into a box: blinding, length, what is sealed, and zeros up to the most that can be.
fn fill(blinding: &[u8; 32], plaintext: &[u8]) -> Vec<u8> {
    let mut inside = blinding.to_vec();
    inside.push(u8::try_from(plaintext.len()).expect("at most SEALED_LEN_MAX, which fits a byte"));
    inside.extend_from_slice(plaintext);
    inside.resize(FILLED_LEN, 0);
    inside
}

/// Blinding and plaintext of [`fill`]; none where these are other bytes than it makes.
fn filled(inside: &[u8]) -> Option<(&[u8; 32], &[u8])> {
    let (blinding, rest) = inside.split_first_chunk::<32>()?;
    let (len, rest) = rest.split_first()?;
    let (plaintext, zeros) = rest.split_at_checked((*len).into())?;
    let canonical = inside.len() == FILLED_LEN && zeros.iter().all(|byte| *byte == 0);
    canonical.then_some((blinding, plaintext))
}

const FILLED_LEN: usize = BOX_LEN_MAX - boxes::SEAL_OVERHEAD;

fn board_key(key: &[u8]) -> Result<BoardKey, SealError> {
    match Bytes::from_vec(key.to_vec()) {
        Ok(key) if !key.is_empty() => Ok(key),
        Ok(_) | Err(_) => Err(SealError::BadKey {
            len: key.len(),
            max: BOARD_KEY_LEN_MAX,
        }),
    }
}

/// Over what is sealed alone, without what fills the box up, since this is what an opening shows.
/// Bound to sealer and owner, so that a commitment which another member copies opens for nobody.
fn commitment(
    key: &BoardKey,
    sealer: u8,
    owner: u8,
    plaintext: &[u8],
    blinding: &[u8; 32],
) -> Hash {
    boxes::commitment(&encode(&(key, sealer, owner)), plaintext, blinding)
}

/// A box opens in its own place only, beside its own commitment.
fn box_context(place: Place<'_>, commitment: Hash) -> Vec<u8> {
    encode(&(
        place.group,
        place.key,
        place.sealer,
        place.owner,
        commitment,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_filling_makes_is_read() {
        for len in [0, 1, SEALED_LEN_MAX - 1, SEALED_LEN_MAX] {
            let plaintext = vec![7; len];
            let inside = fill(&[9; 32], &plaintext);
            assert_eq!(inside.len(), FILLED_LEN);
            assert_eq!(filled(&inside), Some((&[9; 32], &plaintext[..])));
            for (at, bent) in (33 + len..FILLED_LEN).map(|at| (at, 1)).chain([(32, 0xff)]) {
                let mut inside = inside.clone();
                inside[at] = bent;
                assert_eq!(filled(&inside), None, "{len} bytes, bent at {at}");
            }
            assert_eq!(filled(&inside[..FILLED_LEN - 1]), None);
            assert_eq!(filled(&[&inside[..], &[0]].concat()), None);
        }
    }
}
