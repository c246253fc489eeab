//! Sealed entries of a board: keys, and what only their owner reads.

use super::running::Running;
use super::{Node, draw_seed};
use crate::error::CommandError;
use crate::group::Replica;
use crate::id::{GroupId, PeerId};

impl Node {
    /// The payload that says what to seal for this phone with. Its app submits it once in every group
    /// whose board has sealed entries.
    pub fn publish_sealing_key(&self, group: GroupId) -> Result<Vec<u8>, CommandError> {
        Ok(self.started(group)?.publish_sealing_key()?)
    }

    /// What is sealed under `key` of a board for this phone. It is not kept anywhere.
    pub fn unseal(&self, group: GroupId, key: &[u8]) -> Result<Vec<u8>, CommandError> {
        let unsealed = self.started(group)?.unseal(key)?;
        Ok(unsealed.plaintext().to_vec())
    }

    /// The payload that opens to everyone what is sealed under `key` for this phone.
    pub fn open_seal(&self, group: GroupId, key: &[u8]) -> Result<Vec<u8>, CommandError> {
        let unsealed = self.started(group)?.unseal(key)?;
        Ok(unsealed.open().encode())
    }

    pub(super) fn seal(
        &mut self,
        group: GroupId,
        key: &[u8],
        owner: &PeerId,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CommandError> {
        let blinding = draw_seed(&mut self.rng);
        let ephemeral = draw_seed(&mut self.rng);
        let replica = self.started(group)?;
        Ok(replica.seal(key, owner, plaintext, blinding, ephemeral)?)
    }

    /// The group as this phone executes it.
    pub(super) fn started(&self, group: GroupId) -> Result<&Replica, CommandError> {
        match self.tables.get(&group).map(|table| &table.running) {
            Some(Some(Running::Replica(replica))) => Ok(replica),
            Some(Some(Running::Follower(follower))) => Err(follower.refusal()),
            Some(None) => Err(CommandError::NotStarted),
            None => Err(CommandError::UnknownGroup(group)),
        }
    }
}
