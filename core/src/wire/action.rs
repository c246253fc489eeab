//! One signed request to change the state.

use serde::{Deserialize, Serialize};

use super::{ACTION_PAYLOAD_LEN_MAX, BoundedVec, Bytes, MEMBERS_MAX, encode};
use crate::crypto::{Domain, Hash, Identity, Signature, SignatureScheme, hash};
use crate::id::{GroupId, PeerId, RunId};

/// Names an action for ever: (author, run, number).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActionId {
    /// Who signed it.
    pub author: PeerId,
    /// The numbering it belongs to.
    pub run: RunId,
    /// Its number in that run, from 1, contiguous.
    pub number: u64,
}

/// An action that the author had seen and that was not final for him when he signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FrontierEntry {
    /// The action named.
    pub id: ActionId,
    /// Its hash.
    pub hash: Hash,
}

/// What an author had seen when he signed.
pub type Frontier = BoundedVec<FrontierEntry, MEMBERS_MAX>;

/// Until when an action may be applied; outside, it is refused with [`Reason::Expired`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// Highest height of a block that may apply it.
    pub until_height: Option<u64>,
    /// The only phase of the rules (`Rules::phase`) in which it may be applied.
    pub phase: Option<u64>,
}

/// What an action asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionPayload {
    /// For the rules of the group; opaque to everything else.
    Rules(Bytes<ACTION_PAYLOAD_LEN_MAX>),
    /// A voter says that `voter` (index in the committee) did not open draw `draw` in time.
    Missing {
        /// The draw that waits.
        draw: u64,
        /// Index of the absent voter.
        voter: u8,
    },
}

/// The signed content of an action, except for the group, which both sides know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Who asks.
    pub author: PeerId,
    /// The numbering of his store.
    pub run: RunId,
    /// Number in that run, from 1.
    pub number: u64,
    /// Hash of the author's previous action in this run, zero for number 1.
    pub previous: Hash,
    /// Further actions that the author had seen and that were not final, by ascending name, at most
    /// one of each author, none of his own: his previous one is always named by `previous`.
    pub frontier: Frontier,
    /// Own numbers in this run without which this action must not be applied.
    pub dependencies: BoundedVec<u64, 8>,
    /// Until when it may be applied.
    pub validity: Validity,
    /// What it asks for.
    pub payload: ActionPayload,
}

/// An action with its author's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedAction {
    /// The content.
    pub action: Action,
    /// The author's signature over the group and the content.
    pub signature: Signature,
}

/// Why an action was refused for ever. Part of the block: the same on every phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The rules of the group refused it; `Rules::describe` words it.
    Rules {
        /// Code of the rule set.
        code: u16,
        /// What the rule set says beside it, such as the current value of a counter.
        detail: Bytes<64>,
    },
    /// The author is not a member.
    NotMember,
    /// An action that it depends on was refused.
    Dependency {
        /// Number of that action.
        number: u64,
    },
    /// Its validity had passed.
    Expired,
    /// Another action with the same number is in the same set: neither is applied.
    Equivocation,
    /// A system action that does not fit the state, such as `Missing` for a draw that is done.
    NotApplicable,
}

/// The fate of one refused action of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Index into the block's actions.
    pub index: u16,
    /// Why.
    pub reason: Reason,
}

impl Action {
    /// Its name.
    pub fn id(&self) -> ActionId {
        ActionId {
            author: self.author,
            run: self.run,
            number: self.number,
        }
    }

    /// What is wrong with the frontier, whatever the state: it names the author's own actions, an
    /// author twice, a number that no action has, or is not in order.
    pub fn frontier_fault(&self) -> Option<&'static str> {
        let names = || self.frontier.iter().map(|entry| entry.id);
        let ascending = |(left, right): (ActionId, ActionId)| left.author < right.author;
        if names().any(|id| id.author == self.author) {
            Some("a frontier that names an action of its own author")
        } else if names().any(|id| id.number == 0) {
            Some("a frontier that names number 0")
        } else if !names().zip(names().skip(1)).all(ascending) {
            Some("a frontier that is not one action an author, in order")
        } else {
            None
        }
    }

    /// What is signed and hashed: the group and all fields, canonically.
    pub fn signed_bytes(&self, group: GroupId) -> Vec<u8> {
        encode(&(Domain::Action as u8, group, self))
    }

    /// Its hash, the one that the next action of the run chains to and that fates go by.
    pub fn hash(&self, group: GroupId) -> Hash {
        hash(Domain::Action, &[&self.signed_bytes(group)])
    }

    /// Signs it.
    pub fn sign(self, group: GroupId, identity: &Identity) -> SignedAction {
        let signature = identity.sign(&self.signed_bytes(group));
        SignedAction {
            action: self,
            signature,
        }
    }
}

impl SignedAction {
    /// Whether the author signed exactly this, for `group`.
    pub fn verify(&self, group: GroupId, scheme: &dyn SignatureScheme) -> bool {
        scheme.verify(
            &self.action.author,
            &self.action.signed_bytes(group),
            &self.signature,
        )
    }
}
