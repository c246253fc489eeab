//! Votes and the certificates that a quorum of them makes.

use serde::{Deserialize, Serialize};

use super::{BoundedVec, MEMBERS_MAX, encode};
use crate::crypto::{Domain, Hash, Identity, Signature, SignatureScheme};
use crate::id::{GroupId, PeerId};

/// What a vote says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VoteKind {
    /// This block is valid and the first that the leader proposed to me in this round.
    Notarize,
    /// This round should end without a block; I shall never finalize in it.
    Nullify,
    /// I executed this notarized block and never nullified its round.
    Finalize,
}

/// What is signed: everything that a vote means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VoteStatement {
    /// The round.
    pub round: u64,
    /// The kind.
    pub kind: VoteKind,
    /// The block, [`Hash::ZERO`] for nullify.
    pub block: Hash,
}

impl VoteStatement {
    /// The bytes that are signed: domain, group, epoch id, round, kind, block hash.
    pub fn signed_bytes(&self, group: GroupId, epoch: Hash) -> Vec<u8> {
        encode(&(Domain::Vote as u8, group, epoch, self))
    }

    /// Casts it.
    pub fn sign(self, group: GroupId, epoch: Hash, voter: u8, identity: &Identity) -> Vote {
        let signature = identity.sign(&self.signed_bytes(group, epoch));
        Vote {
            statement: self,
            voter,
            signature,
        }
    }
}

/// One voter's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vote {
    /// What it says.
    pub statement: VoteStatement,
    /// Committee index of the voter.
    pub voter: u8,
    /// His signature.
    pub signature: Signature,
}

impl Vote {
    /// Whether `voter` signed it.
    pub fn verify(
        &self,
        group: GroupId,
        epoch: Hash,
        voter: &PeerId,
        scheme: &dyn SignatureScheme,
    ) -> bool {
        scheme.verify(
            voter,
            &self.statement.signed_bytes(group, epoch),
            &self.signature,
        )
    }
}

/// A quorum's votes with one statement: a notarization, nullification or finalization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// What all of them say.
    pub statement: VoteStatement,
    /// (committee index, signature), by ascending index.
    pub signatures: BoundedVec<(u8, Signature), MEMBERS_MAX>,
}

impl Certificate {
    /// The votes inside.
    pub fn votes(&self) -> impl Iterator<Item = Vote> + '_ {
        self.signatures.iter().map(|(voter, signature)| Vote {
            statement: self.statement,
            voter: *voter,
            signature: *signature,
        })
    }
}
