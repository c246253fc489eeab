//! What all tests share: a cheap signature scheme, identities, blocks, votes.

use std::sync::Arc;

use crate::consensus::{Committee, Finalized, StoreProof};
use crate::crypto::{Domain, Hash, Hasher, Identity, Signature, SignatureScheme, hash};
use crate::id::{GroupId, PeerId, RunId};
use crate::wire::{
    Action, ActionPayload, Block, BoundedVec, Certificate, Mode, Parent, Proposal, SignedAction,
    Validity, Vote, VoteKind, VoteStatement,
};

/// Unforgeable among tests that do not forge: the signature is a hash over peer and message.
#[derive(Debug)]
pub(super) struct Cheap;

impl SignatureScheme for Cheap {
    fn public(&self, secret: &[u8; 32]) -> PeerId {
        PeerId(hash(Domain::KeyDerivation, &[secret]).0)
    }

    fn sign(&self, secret: &[u8; 32], message: &[u8]) -> Signature {
        let mut hasher = Hasher::new(Domain::Binding);
        hasher.part(&self.public(secret).0);
        hasher.part(message);
        let mut bytes = [0; 64];
        hasher.fill(&mut bytes);
        Signature(bytes)
    }

    fn verify(&self, peer: &PeerId, message: &[u8], signature: &Signature) -> bool {
        let mut hasher = Hasher::new(Domain::Binding);
        hasher.part(&peer.0);
        hasher.part(message);
        let mut bytes = [0; 64];
        hasher.fill(&mut bytes);
        bytes == signature.0
    }
}

/// A committee with all its secrets.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) committee: Committee,
    pub(super) identities: Vec<Identity>,
}

impl Bench {
    pub(super) fn new(n: usize, mode: Mode) -> Self {
        let scheme: Arc<dyn SignatureScheme> = Arc::new(Cheap);
        let identities: Vec<Identity> = (0..n)
            .map(|index| Identity::with_scheme([index as u8 + 1; 32], Arc::clone(&scheme)))
            .collect();
        let members = identities.iter().map(Identity::peer).collect();
        let epoch = hash(Domain::Genesis, &[b"test"]);
        Self {
            committee: Committee::new(GroupId([7; 16]), epoch, members, mode, scheme),
            identities,
        }
    }

    /// What a store proves in the process of this number.
    pub(super) fn proof(current: bool, process: u64) -> StoreProof {
        StoreProof {
            current,
            run: RunId(process),
            nonce: process,
        }
    }

    pub(super) fn base(&self) -> Finalized {
        Finalized {
            height: 0,
            block: self.committee.epoch,
            round: 0,
            certificate: None,
        }
    }

    pub(super) fn vote(&self, voter: u8, round: u64, kind: VoteKind, block: Hash) -> Vote {
        VoteStatement { round, kind, block }.sign(
            self.committee.group,
            self.committee.epoch,
            voter,
            &self.identities[usize::from(voter)],
        )
    }

    pub(super) fn certificate(
        &self,
        voters: &[u8],
        round: u64,
        kind: VoteKind,
        block: Hash,
    ) -> Certificate {
        let signatures = voters
            .iter()
            .map(|voter| (*voter, self.vote(*voter, round, kind, block).signature))
            .collect();
        Certificate {
            statement: VoteStatement { round, kind, block },
            signatures: BoundedVec::from_vec(signatures).unwrap(),
        }
    }

    pub(super) fn propose(&self, round: u64, parent: Parent, block: Block) -> Proposal {
        let leader = self.committee.leader(round);
        self.propose_as(leader, round, parent, block)
    }

    pub(super) fn propose_as(
        &self,
        leader: u8,
        round: u64,
        parent: Parent,
        block: Block,
    ) -> Proposal {
        Proposal::sign(
            self.committee.group,
            self.committee.epoch,
            round,
            parent,
            block,
            leader,
            &self.identities[usize::from(leader)],
        )
    }

    pub(super) fn hash(&self, block: &Block) -> Hash {
        block.hash(self.committee.epoch)
    }
}

/// A block of numbered actions; its root follows from the parent's and from them.
pub(super) fn block(height: u64, parent: Hash, parent_root: Hash, actions: &[u64]) -> Block {
    Block {
        height,
        parent,
        root: root(parent_root, actions),
        opening: None,
        actions: BoundedVec::from_vec(actions.iter().map(|id| action(*id)).collect()).unwrap(),
        refused: BoundedVec::new(),
    }
}

pub(super) fn root(parent_root: Hash, actions: &[u64]) -> Hash {
    let ids: Vec<u8> = actions.iter().flat_map(|id| id.to_be_bytes()).collect();
    hash(Domain::MapNode, &[parent_root.as_bytes(), &ids])
}

fn action(id: u64) -> SignedAction {
    SignedAction {
        action: Action {
            author: PeerId([0; 32]),
            run: RunId(0),
            number: id,
            previous: Hash::ZERO,
            frontier: BoundedVec::new(),
            dependencies: BoundedVec::new(),
            validity: Validity::default(),
            payload: ActionPayload::Missing { draw: 0, voter: 0 },
        },
        signature: Signature::ZERO,
    }
}

/// The numbers of a block's actions.
pub(super) fn actions(block: &Block) -> Vec<u64> {
    block
        .actions
        .iter()
        .map(|signed| signed.action.number)
        .collect()
}
