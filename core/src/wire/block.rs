//! Blocks and the proposals that carry them.

use serde::{Deserialize, Serialize};

use super::{BLOCK_ACTIONS_MAX, BoundedVec, MEMBERS_MAX, Refused, SignedAction, encode};
use crate::crypto::{Domain, Hash, Identity, Signature, SignatureScheme, hash};
use crate::id::{GroupId, PeerId};

/// The preimages that open one draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Number of the draw.
    pub draw: u64,
    /// (committee index, preimage) of every contributor, by ascending index.
    pub preimages: BoundedVec<(u8, Hash), MEMBERS_MAX>,
}

/// An ordered batch of actions with the resulting state root and the fate of what it refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Blocks between this one and the genesis, which has height 0.
    pub height: u64,
    /// Hash of the block below.
    pub parent: Hash,
    /// Root of the state after this block.
    pub root: Hash,
    /// Opens the pending draw, before the actions are applied.
    pub opening: Option<Opening>,
    /// The actions, in the one order.
    pub actions: BoundedVec<SignedAction, BLOCK_ACTIONS_MAX>,
    /// Fates of the refused ones, by ascending index; all others are committed.
    pub refused: BoundedVec<Refused, BLOCK_ACTIONS_MAX>,
}

/// What a block's hash is of. A certificate of the block thus proves the state root without the
/// block's actions: whoever gets the state itself never needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Blocks between this one and the genesis, which has height 0.
    pub height: u64,
    /// Hash of the block below.
    pub parent: Hash,
    /// Root of the state after this block.
    pub root: Hash,
    /// Hash of opening, actions and refusals.
    pub body: Hash,
}

impl Header {
    /// The block's hash, over the epoch (which names the group) and all fields.
    pub fn hash(&self, epoch: Hash) -> Hash {
        hash(Domain::Block, &[epoch.as_bytes(), &encode(self)])
    }
}

impl Block {
    /// Its header.
    pub fn header(&self) -> Header {
        let body = encode(&(&self.opening, &self.actions, &self.refused));
        Header {
            height: self.height,
            parent: self.parent,
            root: self.root,
            body: hash(Domain::BlockBody, &[&body]),
        }
    }

    /// Its hash: that of its header.
    pub fn hash(&self, epoch: Hash) -> Hash {
        self.header().hash(epoch)
    }
}

/// What a proposal extends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parent {
    /// A new block on the block that was certified in this round.
    Extends {
        /// Round of the parent's notarization or finalization; 0 for the genesis.
        round: u64,
    },
    /// The same block again that was notarized in this round: no new block, new votes.
    Repeats {
        /// Round of the block's own earlier notarization.
        round: u64,
    },
}

/// One block, proposed in one round by its leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The round.
    pub round: u64,
    /// What the block extends, or where it was notarized before.
    pub parent: Parent,
    /// The block.
    pub block: Block,
    /// Committee index of the leader.
    pub leader: u8,
    /// His signature over [`Proposal::signed_bytes`].
    pub signature: Signature,
}

impl Proposal {
    /// What the leader signs.
    pub fn signed_bytes(
        group: GroupId,
        epoch: Hash,
        round: u64,
        parent: Parent,
        block: Hash,
    ) -> Vec<u8> {
        encode(&(Domain::Proposal as u8, group, epoch, round, parent, block))
    }

    /// Proposes `block`.
    pub fn sign(
        group: GroupId,
        epoch: Hash,
        round: u64,
        parent: Parent,
        block: Block,
        leader: u8,
        identity: &Identity,
    ) -> Self {
        let bytes = Self::signed_bytes(group, epoch, round, parent, block.hash(epoch));
        Self {
            round,
            parent,
            block,
            leader,
            signature: identity.sign(&bytes),
        }
    }

    /// Whether `leader` signed it.
    pub fn verify(
        &self,
        group: GroupId,
        epoch: Hash,
        leader: &PeerId,
        scheme: &dyn SignatureScheme,
    ) -> bool {
        let bytes = Self::signed_bytes(
            group,
            epoch,
            self.round,
            self.parent,
            self.block.hash(epoch),
        );
        scheme.verify(leader, &bytes, &self.signature)
    }
}
