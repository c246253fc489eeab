//! C8: what a voter that lost its store asks of the others, and what they answer.

use serde::{Deserialize, Serialize};

use super::Certificate;
use crate::crypto::{Domain, Hash, Identity, Signature, SignatureScheme};
use crate::id::{GroupId, PeerId, RunId};

/// A question for the receiver's round, or an answer to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recovery {
    /// The sender cannot prove that it knows all votes that it cast in this epoch.
    Query {
        /// The epoch that it asks about.
        epoch: Hash,
        /// Named again by the answer: no answer to an earlier question counts.
        nonce: u64,
        /// The asker's new run.
        run: RunId,
    },
    /// A voter's round.
    Answer(RoundAnswer),
}

/// The round that a voter is in, for one asker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundAnswer {
    /// That of the question.
    pub nonce: u64,
    /// Committee index of the asker.
    pub asker: u8,
    /// Committee index of the voter that answers.
    pub voter: u8,
    /// His current round: he has voted in none above it.
    pub round: u64,
    /// The certificate that opened it: nobody can name a round that was not reached. None for the
    /// first one.
    pub opened_by: Option<Certificate>,
    /// His signature; what opened the round speaks for itself.
    pub signature: Signature,
}

impl RoundAnswer {
    /// Tells `asker` that the signer is in `round`.
    #[expect(clippy::too_many_arguments, reason = "what is signed, and who signs")]
    pub fn sign(
        group: GroupId,
        epoch: Hash,
        nonce: u64,
        asker: u8,
        voter: u8,
        round: u64,
        opened_by: Option<Certificate>,
        identity: &Identity,
    ) -> Self {
        let signature = identity.sign(&signed_bytes(group, epoch, nonce, asker, round));
        Self {
            nonce,
            asker,
            voter,
            round,
            opened_by,
            signature,
        }
    }

    /// Whether `voter` signed it.
    pub fn verify(
        &self,
        group: GroupId,
        epoch: Hash,
        voter: &PeerId,
        scheme: &dyn SignatureScheme,
    ) -> bool {
        let bytes = signed_bytes(group, epoch, self.nonce, self.asker, self.round);
        scheme.verify(voter, &bytes, &self.signature)
    }
}

fn signed_bytes(group: GroupId, epoch: Hash, nonce: u64, asker: u8, round: u64) -> Vec<u8> {
    let domain = Domain::Recovery as u8;
    super::encode(&(domain, group, epoch, nonce, asker, round))
}
