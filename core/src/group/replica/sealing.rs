//! Sealed entries of a board, as its members make and read them. What is sealed or unsealed here goes
//! to the caller alone: never to the store, never on a link.

use super::Replica;
use crate::crypto::seal::SealingSecret;
use crate::error::SealError;
use crate::id::PeerId;
use crate::rules::board::{self, Place, Unsealed};

impl Replica {
    /// The payload of the action that says what to seal for this phone with.
    pub fn publish_sealing_key(&self) -> Result<Vec<u8>, SealError> {
        if !board::is_board(self.history.state()) {
            return Err(SealError::NotABoard);
        }
        Ok(board::publish(&self.sealing_secret()).encode())
    }

    /// The payload of the action that seals `plaintext` under `key` for `owner`. `blinding` and
    /// `ephemeral` are 32 random bytes each, used for nothing else.
    pub fn seal(
        &self,
        key: &[u8],
        owner: &PeerId,
        plaintext: &[u8],
        blinding: [u8; 32],
        ephemeral: [u8; 32],
    ) -> Result<Vec<u8>, SealError> {
        let place = Place {
            group: self.group,
            key,
            sealer: self.own,
            owner: self
                .genesis
                .genesis
                .index_of(owner)
                .ok_or(SealError::NotMember)?,
        };
        let state = &self.shown.state;
        let action = board::seal(state, place, plaintext, blinding, ephemeral)?;
        Ok(action.encode())
    }

    /// What is sealed under `key` for this phone.
    pub fn unseal(&self, key: &[u8]) -> Result<Unsealed, SealError> {
        let state = &self.shown.state;
        let secret = self.sealing_secret();
        board::unseal(state, &secret, self.group, key, self.own)
    }

    /// Its own in every group, so that nobody can tell one member in two groups by his key.
    fn sealing_secret(&self) -> SealingSecret {
        SealingSecret::of(&self.identity, &self.group.0)
    }
}

#[cfg(test)]
mod tests;
