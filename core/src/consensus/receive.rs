//! What comes in: everything is a claim until its signature and its place are checked.

use std::collections::BTreeMap;

use super::chain::Standing;
use super::votes::Added;
use super::{Consensus, Finalized, Output, Sentence, VOTES_PER_MESSAGE, Verdict};
use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::outbox::Outbox;
use crate::time::{Duration, Instant};
use crate::wire::{
    Block, BoundedVec, Certificate, GroupMessage, Proposal, Refusal, RefusalKind, Vote, VoteKind,
};

impl Consensus {
    pub(super) fn receive_proposal(&mut self, proposal: Proposal, out: &mut Outbox<Output>) {
        let round = proposal.round;
        if round <= self.finalized.round {
            return;
        }
        if proposal.leader != self.committee.leader(round) && self.rules.has(Sentence::LeaderOnly) {
            let what = "a proposal by somebody who does not lead that round";
            out.push(Output::Fault(PeerFault::Consensus { rule: 4, what }));
            return;
        }
        let same = |(_, known): &(Hash, Proposal)| known.signature == proposal.signature;
        let known = self.rounds.get(&round).and_then(|r| r.proposal.as_ref());
        if known.is_some_and(same) {
            return;
        }
        if !self.committee.verify_proposal(&proposal) {
            out.push(Output::Fault(PeerFault::Signature));
            return;
        }
        if round > self.round + self.config.rounds_ahead_max {
            self.ahead = Some(proposal.leader);
            return;
        }
        let hash = proposal.block.hash(self.committee.epoch);
        let author = proposal.leader;
        // One of a round that is over serves as the body of what was certified there.
        if round < self.round && known.is_none() {
            let certified = self.rounds.get(&round).and_then(|r| r.certified());
            if certified != Some(hash) {
                return;
            }
        }
        self.note_heard(author, round);
        match self
            .rounds
            .entry(round)
            .or_default()
            .propose(hash, &proposal)
        {
            Ok(true) => {
                let message = GroupMessage::Proposal(proposal);
                out.push(Output::Spread { author, message });
            }
            Ok(false) => {}
            Err(what) => {
                // Evidence convicts only whoever holds it: the others get the second one too.
                let message = GroupMessage::Proposal(proposal.clone());
                out.push(Output::Spread { author, message });
                out.push(Output::Evidence {
                    voter: author,
                    what,
                });
                if !self.rules.has(Sentence::FirstProposal) {
                    self.replace_proposal(hash, proposal);
                }
            }
        }
    }

    /// What a voter would do that does not keep to the first proposal.
    fn replace_proposal(&mut self, hash: Hash, proposal: Proposal) {
        if proposal.round == self.round {
            self.step = super::Step::Waiting;
        }
        let round = self.rounds.entry(proposal.round).or_default();
        round.proposal = Some((hash, proposal));
    }

    pub(super) fn receive_votes(
        &mut self,
        votes: Vec<Vote>,
        now: Instant,
        out: &mut Outbox<Output>,
    ) {
        let mut fresh: BTreeMap<u8, Vec<Vote>> = BTreeMap::new();
        for vote in votes {
            let round = vote.statement.round;
            let key = (round, vote.statement.kind, vote.voter);
            let repeated = if round <= self.finalized.round {
                self.seen.contains(&key)
            } else {
                let kept = self.rounds.get(&round);
                kept.is_some_and(|kept| kept.knows(&vote))
            };
            let full = self
                .rounds
                .get(&round)
                .is_some_and(|r| r.is_full_for(&vote));
            if !repeated && !full && !self.committee.verify_vote(&vote) {
                out.push(Output::Fault(PeerFault::Signature));
                continue;
            }
            if round > self.round + self.config.rounds_ahead_max {
                self.ahead = Some(vote.voter);
                continue;
            }
            if self.is_late(&vote, repeated, now) {
                self.answer(vote.voter, round, now, out);
            }
            if !repeated && !full && self.add_vote(vote, out) {
                fresh.entry(vote.voter).or_default().push(vote);
            }
        }
        for (author, votes) in fresh {
            for chunk in votes.chunks(VOTES_PER_MESSAGE) {
                let votes = BoundedVec::truncating(chunk.to_vec());
                let message = GroupMessage::Votes(votes);
                out.push(Output::Spread { author, message });
            }
        }
    }

    pub(super) fn receive_certificates(
        &mut self,
        certificates: Vec<Certificate>,
        out: &mut Outbox<Output>,
    ) {
        for certificate in certificates {
            let statement = certificate.statement;
            let finalized = self.finalized.round;
            let conflicts = statement.round == finalized
                && statement.kind == VoteKind::Finalize
                && statement.block != self.finalized.block;
            if statement.round <= finalized && !conflicts {
                continue;
            }
            let kept = self.rounds.get(&statement.round);
            let known = kept.and_then(|round| round.certificate(statement.kind));
            if known.is_some_and(|known| known.statement == statement) {
                continue;
            }
            let verified = |vote: &Vote| kept.is_some_and(|round| round.verified(vote));
            if !self
                .committee
                .verify_certificate_knowing(&certificate, verified)
            {
                out.push(Output::Fault(PeerFault::Signature));
                continue;
            }
            if conflicts {
                self.diverge(self.two_finalizations(statement.block), out);
                continue;
            }
            for vote in certificate.votes() {
                self.add_vote(vote, out);
            }
            self.certify(certificate, out);
        }
    }

    pub(super) fn receive_refusal(&mut self, refusal: Refusal, out: &mut Outbox<Output>) {
        if refusal.round != self.round {
            return;
        }
        if !self.committee.verify_refusal(&refusal) {
            out.push(Output::Fault(PeerFault::Signature));
            return;
        }
        if let RefusalKind::Invalid { .. } = refusal.kind
            && let Some(round) = self.rounds.get_mut(&refusal.round)
            && round
                .proposal
                .as_ref()
                .is_some_and(|(hash, _)| *hash == refusal.block)
        {
            round.refusals.insert(refusal.voter);
        }
    }

    pub(super) fn receive_body(&mut self, block: Block) {
        let hash = block.hash(self.committee.epoch);
        if self
            .missing_bodies()
            .iter()
            .any(|(missing, _)| *missing == hash)
        {
            self.keep_body(hash, block, Standing::Held);
        }
    }

    pub(super) fn executed(&mut self, block: Hash, verdict: Verdict, now: Instant) {
        if self.chain.standing(&block) != Some(Standing::Executing) {
            return;
        }
        let standing = match verdict {
            Verdict::Valid => Standing::Valid,
            Verdict::Objected { rule } => Standing::Objected(rule),
            Verdict::Invalid { rule } => Standing::Invalid(rule),
            Verdict::WrongRoot => Standing::Invalid(4),
            Verdict::Missing => Standing::Later(now + self.d() / 2),
            Verdict::Busy { retry_after_ms } => {
                Standing::Later(now + Duration::from_millis(retry_after_ms.max(1).into()))
            }
        };
        self.chain.set(&block, standing);
    }

    pub(super) fn installed(&mut self, finalized: Finalized, now: Instant) {
        if finalized.round <= self.finalized.round || finalized.height < self.finalized.height {
            return;
        }
        let next = finalized.round + 1;
        if let Some(certificate) = &finalized.certificate {
            self.storage.put_certificate(certificate);
        }
        self.finalized = finalized;
        self.finalized_at = now;
        if self.round < next {
            self.pacemaker.stop();
            self.enter(next, now);
        }
        self.forget();
        self.unfinal_since = None;
    }

    /// Adds a verified vote, own or not; whether it is new.
    pub(super) fn add_vote(&mut self, vote: Vote, out: &mut Outbox<Output>) -> bool {
        let round = vote.statement.round;
        self.note_heard(vote.voter, round.min(self.round));
        if round <= self.finalized.round {
            if round >= self.remembered_from() {
                self.seen.insert((round, vote.statement.kind, vote.voter));
            }
            return false;
        }
        let kept = self.rounds.entry(round).or_default();
        match kept.add(vote) {
            Added::Known => return false,
            Added::New => {}
            Added::Evidence(what) => {
                let voter = vote.voter;
                out.push(Output::Evidence { voter, what });
            }
        }
        if let Some(certificate) = kept.assemble(vote.statement, self.committee.quorum()) {
            self.certify(certificate, out);
        }
        true
    }

    fn certify(&mut self, certificate: Certificate, out: &mut Outbox<Output>) {
        let statement = certificate.statement;
        let round = self.rounds.entry(statement.round).or_default();
        match round.certify(certificate.clone()) {
            Ok(true) => {
                self.storage.put_certificate(&certificate);
                self.moved = true;
            }
            Ok(false) => {}
            Err(_) if statement.kind == VoteKind::Finalize => {
                self.diverge(self.two_finalizations(statement.block), out);
            }
            // More voters lied than the mode allows for; their evidence is out already.
            Err(_) => {}
        }
    }

    fn two_finalizations(&self, other: Hash) -> String {
        format!(
            "two finalizations: {:?} at height {} and {other:?}",
            self.finalized.block, self.finalized.height
        )
    }

    /// C4: own votes stop.
    pub(super) fn diverge(&mut self, what: String, out: &mut Outbox<Output>) {
        if self.diverged.is_none() && self.rules.has(Sentence::DivergedStops) {
            self.diverged = Some(what.clone());
            self.pacemaker.stop();
            out.push(Output::Diverged { what });
        }
    }

    /// Keeps a body; those that are certified, or that were notarized here, never make room.
    pub(super) fn keep_body(&mut self, hash: Hash, block: Block, standing: Standing) {
        let (rounds, ledger) = (&self.rounds, &self.ledger);
        self.chain.insert(hash, block, standing, |other| {
            rounds
                .values()
                .any(|round| round.certified() == Some(*other))
                || ledger
                    .rounds()
                    .any(|(_, cast)| cast.notarize == Some(*other))
        });
        self.moved = true;
    }
}
