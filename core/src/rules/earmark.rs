//! Money that changes hands while nobody can agree: an earmark is taken out of the payer's balance for
//! good, with the agreement of all; a release, given from phone to phone, lets the payee have it.
//!
//! A release has no number and is no action: no doubled number and no removal of the payer undoes it.
//! The payee redeems it once, by an action of his own, whenever a quorum is back.

use serde::{Deserialize, Serialize};

use crate::crypto::{Domain, Identity, Signature, SignatureScheme};
use crate::error::NotFinal;
use crate::id::{GroupId, PeerId};
use crate::wire::{DecodeError, decode, encode};

/// Earmarks of one payer that may stand at once: each is an entry of the state.
pub const EARMARKS_MAX: usize = 16;
/// Bytes of an encoded release: two indices, number, amount and signature.
const RELEASE_LEN_MAX: usize = 2 * 2 + 5 + 10 + 64;

/// Names an earmark in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EarmarkId {
    /// Member index of whom it was taken from.
    pub payer: u8,
    /// Counts his earmarks.
    pub number: u32,
}

/// An amount that was taken out of a balance for one payee. Only he can give it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earmark {
    /// Its name.
    pub id: EarmarkId,
    /// Whose word releases it, whoever has his place in the group by then.
    pub payer: PeerId,
    /// Member index of whom it is for.
    pub payee: u8,
    /// How much.
    pub amount: u64,
}

/// What a committed state knows of an earmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Nothing: it was not made, or not yet as far as this state knows.
    Never,
    /// It stands.
    Stands(Earmark),
    /// It was redeemed or given back.
    Settled,
}

/// The payer's word that the payee may have an earmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Which.
    pub id: EarmarkId,
    /// Whom it is for.
    pub payee: u8,
    /// How much it is.
    pub amount: u64,
    /// The payer's signature over group, payer and all of this.
    pub signature: Signature,
}

impl Earmark {
    /// The payer lets the payee have it.
    pub fn release(&self, group: GroupId, payer: &Identity) -> Release {
        Release {
            id: self.id,
            payee: self.payee,
            amount: self.amount,
            signature: payer.sign(&self.signed_bytes(group)),
        }
    }

    fn signed_bytes(&self, group: GroupId) -> Vec<u8> {
        let domain = Domain::Release as u8;
        encode(&(domain, group, self.payer, self.id, self.payee, self.amount))
    }

    /// Whether its payer signed `signature` to release exactly this.
    pub fn is_released(
        &self,
        group: GroupId,
        scheme: &dyn SignatureScheme,
        signature: &Signature,
    ) -> bool {
        scheme.verify(&self.payer, &self.signed_bytes(group), signature)
    }
}

impl Release {
    /// What goes from phone to phone.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The release of these bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, RELEASE_LEN_MAX)
    }
}

/// Whether a payment may be taken as final without a quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalOffline {
    /// Nothing that others do can undo it: the payee can redeem it.
    Yes,
    /// It may be refused once a quorum is back.
    No(NotFinal),
}

/// Whether `release` is final: exactly where the earmark of that name that is committed stands, is for
/// that payee and amount, and its payer signed.
pub fn final_offline(
    release: &Release,
    committed: Committed,
    group: GroupId,
    scheme: &dyn SignatureScheme,
) -> FinalOffline {
    let earmark = match committed {
        Committed::Stands(earmark) => earmark,
        Committed::Settled => return FinalOffline::No(NotFinal::Settled),
        Committed::Never => return FinalOffline::No(NotFinal::NotCommitted),
    };
    if earmark.payee != release.payee {
        FinalOffline::No(NotFinal::OtherPayee)
    } else if earmark.amount != release.amount {
        FinalOffline::No(NotFinal::OtherAmount)
    } else if !earmark.is_released(group, scheme, &release.signature) {
        FinalOffline::No(NotFinal::NotGenuine)
    } else {
        FinalOffline::Yes
    }
}
