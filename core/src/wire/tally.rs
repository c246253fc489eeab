//! A member's running totals in the tally: the counter that needs no agreement.

use serde::{Deserialize, Serialize};

use super::{BoundedVec, MEMBERS_MAX, encode};
use crate::crypto::{Domain, Identity, Signature, SignatureScheme};
use crate::id::{GroupId, PeerId, RunId};

/// Runs of one author that count: as many as a group's state knows of him, eight closed ones and
/// the running one. Who loses his store more often must leave the group anyway.
pub const TALLY_RUNS_MAX: usize = 9;
/// Most that one run may add, and most that it may subtract. It bounds what a liar can say, and all
/// totals together stay within 64 bits.
pub const TALLY_TOTAL_MAX: u64 = 1 << 48;
/// Counts of one message: all that a group can have.
pub const TALLY_COUNTS_MAX: usize = MEMBERS_MAX * TALLY_RUNS_MAX;
const _: () = assert!(TALLY_TOTAL_MAX < i64::MAX as u64 / TALLY_COUNTS_MAX as u64);

/// All that one author has added and subtracted in one run. Both only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Index of the author among the members.
    pub author: u8,
    /// The numbering of his store: a lost store starts at zero under another one.
    pub run: RunId,
    /// Sum of what he added, at most [`TALLY_TOTAL_MAX`].
    pub added: u64,
    /// Sum of what he subtracted, at most [`TALLY_TOTAL_MAX`].
    pub subtracted: u64,
}

/// A count with its author's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedCount {
    /// The count.
    pub count: Count,
    /// The author's signature over the group, himself and the totals.
    pub signature: Signature,
}

/// Counts that travel together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Whether these are all that the sender holds: then he is answered with what he lacks.
    pub all: bool,
    /// The counts.
    pub counts: BoundedVec<SignedCount, TALLY_COUNTS_MAX>,
}

impl Count {
    /// Signs it: `identity` is the author's.
    pub fn sign(self, group: GroupId, identity: &Identity) -> SignedCount {
        let signature = identity.sign(&self.signed_bytes(group, &identity.peer()));
        SignedCount {
            count: self,
            signature,
        }
    }

    /// The author by his key, not by his index: a count stays good where indices move.
    fn signed_bytes(&self, group: GroupId, author: &PeerId) -> Vec<u8> {
        let totals = (self.run, self.added, self.subtracted);
        encode(&(Domain::Count as u8, group, author, totals))
    }
}

impl SignedCount {
    /// Whether `author` signed exactly this, for `group`.
    pub fn verify(&self, group: GroupId, author: &PeerId, scheme: &dyn SignatureScheme) -> bool {
        let bytes = self.count.signed_bytes(group, author);
        scheme.verify(author, &bytes, &self.signature)
    }
}
