//! What is known of one round: votes, certificates, the leader's first proposal.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence;
use crate::crypto::Hash;
use crate::wire::{BoundedVec, Certificate, Proposal, RefusalKind, Vote, VoteKind, VoteStatement};

/// Votes kept per (voter, round, kind): one, and a second that convicts.
const VOTES_KEPT: usize = 2;

/// One round.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    votes: BTreeMap<(VoteKind, u8), Vec<Vote>>,
    certificates: BTreeMap<VoteKind, Certificate>,
    /// The leader's first proposal, with the hash of its block.
    pub(super) proposal: Option<(Hash, Proposal)>,
    /// Voters that were reported in this round.
    reported: BTreeSet<u8>,
    /// Who refused the proposal, and how.
    pub(super) refusals: BTreeSet<(u8, RefusalTag)>,
}

/// A refusal without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RefusalTag {
    Invalid,
    Conflict,
    Busy,
}

impl RefusalTag {
    pub(super) fn of(kind: RefusalKind) -> Self {
        match kind {
            RefusalKind::Invalid { .. } => Self::Invalid,
            RefusalKind::Conflict => Self::Conflict,
            RefusalKind::Busy { .. } => Self::Busy,
        }
    }
}

/// What became of a vote that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// It is new.
    New,
    /// Exactly it is known, or two others of its kind are.
    Known,
    /// It is new, and convicts its voter.
    Evidence(String),
}

impl Round {
    /// Adds a verified vote.
    pub(super) fn add(&mut self, vote: Vote) -> Added {
        let kept = self
            .votes
            .entry((vote.statement.kind, vote.voter))
            .or_default();
        if kept.len() == VOTES_KEPT || kept.iter().any(|other| other.statement == vote.statement) {
            return Added::Known;
        }
        kept.push(vote);
        if let Some(what) = evidence::of_vote(&vote, self.of_voter(vote.voter))
            && self.reported.insert(vote.voter)
        {
            return Added::Evidence(what);
        }
        Added::New
    }

    /// Takes note of a verified proposal of the round's leader: whether it is the first, or words of
    /// evidence when it is a second one.
    pub(super) fn propose(&mut self, hash: Hash, proposal: &Proposal) -> Result<bool, String> {
        let Some((first_hash, first)) = &self.proposal else {
            self.proposal = Some((hash, proposal.clone()));
            return Ok(true);
        };
        match evidence::of_proposals((*first_hash, first), (hash, proposal)) {
            Some(what) if self.reported.insert(proposal.leader) => Err(what),
            _ => Ok(false),
        }
    }

    /// How many called the proposal invalid.
    pub(super) fn rejections(&self) -> usize {
        let invalid = |(_, tag): &&(u8, RefusalTag)| *tag == RefusalTag::Invalid;
        self.refusals.iter().filter(invalid).count()
    }

    /// Whether a vote with the same statement and voter is here.
    pub(super) fn knows(&self, vote: &Vote) -> bool {
        self.votes
            .get(&(vote.statement.kind, vote.voter))
            .is_some_and(|kept| kept.iter().any(|other| other.statement == vote.statement))
    }

    /// Whether exactly this vote, signature and all, was verified before.
    pub(super) fn verified(&self, vote: &Vote) -> bool {
        self.votes
            .get(&(vote.statement.kind, vote.voter))
            .is_some_and(|kept| kept.contains(vote))
    }

    /// Whether both places for such a vote are taken.
    pub(super) fn is_full_for(&self, vote: &Vote) -> bool {
        self.votes
            .get(&(vote.statement.kind, vote.voter))
            .is_some_and(|kept| kept.len() == VOTES_KEPT)
    }

    /// The votes of `voter`.
    pub(super) fn of_voter(&self, voter: u8) -> impl Iterator<Item = &Vote> {
        self.votes
            .iter()
            .filter(move |((_, other), _)| *other == voter)
            .flat_map(|(_, kept)| kept)
    }

    /// All votes.
    pub(super) fn votes(&self) -> impl Iterator<Item = &Vote> {
        self.votes.values().flatten()
    }

    /// Whether anybody but `own` voted.
    pub(super) fn heard_others(&self, own: Option<u8>) -> bool {
        self.votes.keys().any(|(_, voter)| Some(*voter) != own)
    }

    /// Voters with a vote of `kind`.
    pub(super) fn voters(&self, kind: VoteKind) -> impl Iterator<Item = u8> + '_ {
        self.votes
            .keys()
            .filter(move |(other, _)| *other == kind)
            .map(|(_, voter)| *voter)
    }

    /// The certificate of `kind`.
    pub(super) fn certificate(&self, kind: VoteKind) -> Option<&Certificate> {
        self.certificates.get(&kind)
    }

    /// All certificates.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.certificates.values()
    }

    /// The block that is certified in this round, by notarization or finalization.
    pub(super) fn certified(&self) -> Option<Hash> {
        self.certifies()
            .map(|certificate| certificate.statement.block)
    }

    /// The certificate of that block.
    pub(super) fn certifies(&self) -> Option<&Certificate> {
        self.certificate(VoteKind::Finalize)
            .or_else(|| self.certificate(VoteKind::Notarize))
    }

    /// Whether the round is nullified.
    pub(super) fn is_nullified(&self) -> bool {
        self.certificates.contains_key(&VoteKind::Nullify)
    }

    /// Takes a verified certificate. `Ok(true)` when it is new, the other block when there is one
    /// for another block already.
    pub(super) fn certify(&mut self, certificate: Certificate) -> Result<bool, Hash> {
        match self.certificates.get(&certificate.statement.kind) {
            None => {
                self.certificates
                    .insert(certificate.statement.kind, certificate);
                Ok(true)
            }
            Some(known) if known.statement == certificate.statement => Ok(false),
            Some(known) => Err(known.statement.block),
        }
    }

    /// The certificate that the votes for `statement` make, if they are `quorum`.
    pub(super) fn assemble(&self, statement: VoteStatement, quorum: usize) -> Option<Certificate> {
        let signatures: Vec<_> = self
            .votes
            .range((statement.kind, 0)..=(statement.kind, u8::MAX))
            .flat_map(|(_, kept)| kept)
            .filter(|vote| vote.statement == statement)
            .map(|vote| (vote.voter, vote.signature))
            .collect();
        (signatures.len() >= quorum).then(|| Certificate {
            statement,
            signatures: BoundedVec::truncating(signatures),
        })
    }
}
