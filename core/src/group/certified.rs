//! One value of a group, shown to somebody who is no member and has none of its state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::consensus::Committee;
use crate::crypto::{Hash, SignatureScheme};
use crate::state::{History, Key, PROOF_LEN_MAX, Proof, ProofError};
use crate::wire::{
    Bytes, Certificate, DecodeError, Header, SignedGenesis, VoteKind, decode, encode,
};

#[cfg(test)]
mod tests;

/// Longest encoded certified value, bytes: the longest proof, and far more than a genesis and a
/// certificate of the most members take.
pub const CERTIFIED_LEN_MAX: usize = PROOF_LEN_MAX + 8 * 1024;

/// What one key has, or that it has nothing, at one height of a group; with all that proves it.
///
/// Who checks it needs to know the group only: its id, or who opened it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedValue {
    /// Names the group, its rules and who votes.
    pub genesis: SignedGenesis,
    /// The block after which it was so.
    pub header: Header,
    /// Finalization of that block.
    pub finalization: Certificate,
    /// The key.
    pub key: Bytes<{ Key::LEN_MAX }>,
    /// Leads from the key to the root in the header.
    pub proof: Proof,
}

/// Why a certified value is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertifiedError {
    /// Its opener did not sign the genesis.
    #[error("the genesis is not signed by its opener")]
    Genesis,
    /// The certificate is no finalization of this block.
    #[error("the certificate is not a finalization of {need:?}")]
    OtherBlock {
        /// Hash of the block.
        need: Hash,
    },
    /// Its signatures are not those of a quorum of this group.
    #[error("no quorum of the group has signed the finalization")]
    Unverified,
    /// The proof does not lead from the key to the root in the header.
    #[error("{0}")]
    Proof(#[from] ProofError),
}

impl CertifiedValue {
    /// What `key` has at the newest certified block of `history`; none before there is one.
    pub fn new(genesis: &SignedGenesis, history: &History, key: &Key) -> Option<Self> {
        let (entry, finalization) = history
            .entries()
            .rev()
            .find_map(|entry| Some((entry, entry.finalization.clone()?)))?;
        Some(Self {
            genesis: genesis.clone(),
            header: entry.header,
            finalization,
            key: Bytes::truncating(key.as_bytes().to_vec()),
            proof: entry.state.prove(key),
        })
    }

    /// The value, or that there is none.
    ///
    /// # Errors
    /// The first check that fails: nothing here is to be believed then.
    pub fn verify(
        &self,
        scheme: Arc<dyn SignatureScheme>,
    ) -> Result<Option<&[u8]>, CertifiedError> {
        if !self.genesis.verify(&*scheme) {
            return Err(CertifiedError::Genesis);
        }
        let genesis = &self.genesis.genesis;
        let epoch = genesis.epoch();
        let need = self.header.hash(epoch);
        let statement = &self.finalization.statement;
        if statement.kind != VoteKind::Finalize || statement.block != need {
            return Err(CertifiedError::OtherBlock { need });
        }
        let members = genesis.members.iter().map(|member| member.peer).collect();
        let committee = Committee::new(genesis.group, epoch, members, genesis.mode(), scheme);
        if !committee.verify_certificate(&self.finalization) {
            return Err(CertifiedError::Unverified);
        }
        let key = Key::new(&self.key).expect("the type of the field bounds the key");
        Ok(self.proof.verify(self.header.root, &key)?)
    }

    /// Its canonical bytes: what an app shows as a code, or sends.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The certified value of `bytes`, not verified.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, CERTIFIED_LEN_MAX)
    }
}
