//! Who votes in an epoch and how many must agree.

use std::sync::Arc;

use crate::crypto::{Domain, Hash, Identity, SignatureScheme};
use crate::error::PeerFault;
use crate::id::{GroupId, PeerId};
use crate::wire::{
    Certificate, Mode, Proposal, Refusal, RefusalKind, RoundAnswer, Vote, VoteKind, VoteStatement,
    encode,
};

/// The voters of one epoch.
#[derive(Clone, Debug)]
pub struct Committee {
    /// The group.
    pub group: GroupId,
    /// The epoch.
    pub epoch: Hash,
    /// The voters, in index order.
    pub members: Vec<PeerId>,
    /// The mode in force, see [`mode_in_force`].
    pub mode: Mode,
    scheme: Arc<dyn SignatureScheme>,
    #[cfg(feature = "planted")]
    quorum_short: usize,
}

impl Committee {
    /// The committee of `members` that agrees by `mode` as far as its size allows.
    pub fn new(
        group: GroupId,
        epoch: Hash,
        members: Vec<PeerId>,
        mode: Mode,
        scheme: Arc<dyn SignatureScheme>,
    ) -> Self {
        let mode = mode_in_force(members.len(), mode);
        Self {
            group,
            epoch,
            members,
            mode,
            scheme,
            #[cfg(feature = "planted")]
            quorum_short: 0,
        }
    }

    /// The same committee with every quorum one vote too small.
    #[cfg(feature = "planted")]
    #[must_use]
    pub fn with_short_quorum(mut self) -> Self {
        self.quorum_short = 1;
        self
    }

    /// Number of voters.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody votes.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Votes that make a certificate.
    pub fn quorum(&self) -> usize {
        let quorum = quorum(self.len(), self.mode);
        #[cfg(feature = "planted")]
        let quorum = (quorum - self.quorum_short).max(1);
        quorum
    }

    /// Voters whose refusal makes a certificate impossible.
    pub fn blocking(&self) -> usize {
        (self.len() + 1).saturating_sub(self.quorum())
    }

    /// Others whose rounds a voter that lost its store has to know (C8): among so many is an honest
    /// one of every quorum.
    pub fn answers_needed(&self) -> usize {
        self.blocking() + faults(self.len(), self.mode)
    }

    /// Whether a voter that lost its store can vote again while the voters in `lost` have lost theirs
    /// too: enough others can answer, and rounds pass without it.
    pub fn can_recover(&self, lost: usize) -> bool {
        let able = self.len().saturating_sub(lost.max(1));
        able >= self.answers_needed() && able >= self.quorum()
    }

    /// The leader of `round` (C1: by rotation).
    pub fn leader(&self, round: u64) -> u8 {
        let n = self.len().max(1) as u64;
        u8::try_from((round % n + n - 1) % n).expect("a committee has at most 16 members")
    }

    /// Index of `peer`.
    pub fn index_of(&self, peer: &PeerId) -> Option<u8> {
        let index = self.members.iter().position(|member| member == peer)?;
        u8::try_from(index).ok()
    }

    /// The peer at `index`.
    pub fn member(&self, index: u8) -> Option<&PeerId> {
        self.members.get(usize::from(index))
    }

    /// Whether the voter that `vote` names cast it, and whether it says something.
    pub fn verify_vote(&self, vote: &Vote) -> bool {
        well_formed(&vote.statement)
            && self.member(vote.voter).is_some_and(|voter| {
                vote.verify(self.group, self.epoch, voter, self.scheme.as_ref())
            })
    }

    /// Whether `certificate` holds the votes of a quorum.
    pub fn verify_certificate(&self, certificate: &Certificate) -> bool {
        self.verify_certificate_knowing(certificate, |_| false)
    }

    /// The same, without verifying again the votes that are `known` to be good.
    pub fn verify_certificate_knowing(
        &self,
        certificate: &Certificate,
        known: impl Fn(&Vote) -> bool,
    ) -> bool {
        let ascending = certificate
            .signatures
            .windows(2)
            .all(|pair| pair[0].0 < pair[1].0);
        ascending
            && certificate.signatures.len() >= self.quorum()
            && well_formed(&certificate.statement)
            && certificate
                .votes()
                .all(|vote| known(&vote) || self.verify_vote(&vote))
    }

    /// Whether the leader that `proposal` names signed it.
    pub fn verify_proposal(&self, proposal: &Proposal) -> bool {
        self.member(proposal.leader).is_some_and(|leader| {
            proposal.verify(self.group, self.epoch, leader, self.scheme.as_ref())
        })
    }

    /// Whether the voter that `refusal` names signed it.
    pub fn verify_refusal(&self, refusal: &Refusal) -> bool {
        let bytes = self.refusal_bytes(refusal.round, refusal.block, refusal.voter, refusal.kind);
        self.member(refusal.voter)
            .is_some_and(|voter| self.scheme.verify(voter, &bytes, &refusal.signature))
    }

    /// Refuses `block` in `round`.
    pub fn sign_refusal(
        &self,
        round: u64,
        block: Hash,
        voter: u8,
        kind: RefusalKind,
        identity: &Identity,
    ) -> Refusal {
        let signature = identity.sign(&self.refusal_bytes(round, block, voter, kind));
        Refusal {
            round,
            block,
            voter,
            kind,
            signature,
        }
    }

    /// Whether the voter that `answer` names signed it, and a certificate opened his round.
    pub fn verify_answer(&self, answer: &RoundAnswer) -> Result<(), PeerFault> {
        let opened = match &answer.opened_by {
            None => answer.round == 1,
            Some(certificate) => {
                certificate.statement.round.checked_add(1) == Some(answer.round)
                    && self.verify_certificate(certificate)
            }
        };
        let signed = self.member(answer.voter).is_some_and(|voter| {
            answer.verify(self.group, self.epoch, voter, self.scheme.as_ref())
        });
        match (signed, opened) {
            (true, true) => Ok(()),
            (true, false) => {
                let what = "a round that no certificate opened";
                Err(PeerFault::Consensus { rule: 8, what })
            }
            (false, _) => Err(PeerFault::Signature),
        }
    }

    fn refusal_bytes(&self, round: u64, block: Hash, voter: u8, kind: RefusalKind) -> Vec<u8> {
        let domain = Domain::Refusal as u8;
        encode(&(domain, self.group, self.epoch, round, block, voter, kind))
    }
}

/// Rounds end here: nobody plays that long, and sums of rounds cannot overflow.
const ROUND_MAX: u64 = 1 << 62;

/// Whether a statement says something: nullify names no block, the others name one.
fn well_formed(statement: &VoteStatement) -> bool {
    (1..ROUND_MAX).contains(&statement.round)
        && (statement.kind == VoteKind::Nullify) == (statement.block == Hash::ZERO)
}

/// The mode that a committee of `n` really has when it asked for `mode`. Bft is undefined below
/// four voters and falls to Majority; at 4 and 6 both need the same quorum, so the stronger promise
/// is made.
pub const fn mode_in_force(n: usize, mode: Mode) -> Mode {
    match (mode, n) {
        (Mode::Bft, 0..=3) => Mode::Majority,
        (Mode::Majority, 4 | 6) => Mode::Bft,
        (mode, _) => mode,
    }
}

/// Voters that may lie.
pub const fn faults(n: usize, mode: Mode) -> usize {
    match mode_in_force(n, mode) {
        Mode::Bft => (n - 1) / 3,
        Mode::Majority | Mode::Unanimous => 0,
    }
}

/// Votes that make a certificate in a committee of `n`.
pub const fn quorum(n: usize, mode: Mode) -> usize {
    match mode_in_force(n, mode) {
        Mode::Bft => (n + faults(n, mode) + 1).div_ceil(2),
        Mode::Majority => n / 2 + 1,
        Mode::Unanimous if n == 0 => 1,
        Mode::Unanimous => n,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{BoundedVec, Bytes, Genesis, RosterEntry, RulesId};

    const MODES: [Mode; 3] = [Mode::Bft, Mode::Majority, Mode::Unanimous];

    #[test]
    fn quorums_are_those_of_the_table() {
        let bft = [1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9, 10, 10, 11];
        let majority = [1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9];
        for n in 1..=16 {
            assert_eq!(quorum(n, Mode::Bft), bft[n - 1], "Bft, n = {n}");
            assert_eq!(quorum(n, Mode::Majority), majority[n - 1], "n = {n}");
            assert_eq!(quorum(n, Mode::Unanimous), n);
        }
    }

    #[test]
    fn modes_fall_and_rise_by_size() {
        for n in 1..=3 {
            assert_eq!(mode_in_force(n, Mode::Bft), Mode::Majority);
            assert_eq!(mode_in_force(n, Mode::Majority), Mode::Majority);
        }
        for n in 4..=16 {
            assert_eq!(mode_in_force(n, Mode::Bft), Mode::Bft);
            let expected = if n == 4 || n == 6 {
                Mode::Bft
            } else {
                Mode::Majority
            };
            assert_eq!(mode_in_force(n, Mode::Majority), expected);
        }
        assert!((1..=16).all(|n| mode_in_force(n, Mode::Unanimous) == Mode::Unanimous));
    }

    #[test]
    fn a_genesis_falls_as_the_committee_does() {
        for (n, named) in (1..=16).flat_map(|n| MODES.map(|mode| (n, mode))) {
            let entry = RosterEntry {
                peer: PeerId([0; 32]),
                name: Bytes::default(),
                tip: Hash::ZERO,
                sealing: crate::crypto::seal::SealingKey([0; 32]),
                votes: true,
            };
            let mut modes = vec![Mode::Unanimous; 16];
            modes[n - 1] = named;
            let genesis = Genesis {
                group: GroupId([0; 16]),
                members: BoundedVec::truncating(vec![entry; n]),
                observers: BoundedVec::new(),
                rules: RulesId {
                    name: Bytes::new(),
                    version: 1,
                    vectors: Hash::ZERO,
                },
                rules_config: Bytes::default(),
                modes: BoundedVec::truncating(modes),
                draw_timeout_ms: 0,
                root: Hash::ZERO,
                key: crate::wire::EpochKey::default(),
            };
            let fallen = named == Mode::Bft && mode_in_force(n, named) != Mode::Bft;
            let mode = if fallen { Mode::Majority } else { named };
            assert_eq!(genesis.mode(), mode, "n = {n}, {named:?}");
            let in_force = mode_in_force(n, named);
            assert_eq!(mode_in_force(n, genesis.mode()), in_force);
        }
    }

    #[test]
    fn two_quorums_share_an_honest_voter_and_the_honest_make_one() {
        for n in 1..=16 {
            for mode in MODES {
                let (q, f) = (quorum(n, mode), faults(n, mode));
                assert!(2 * q > n + f, "n = {n}, {mode:?}");
                assert!(q + f <= n, "n = {n}, {mode:?}");
            }
        }
    }
}
