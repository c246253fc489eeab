//! What comes in: everything is a claim until its signature and its place are checked.

use std::collections::BTreeMap;

use super::chain::{Standing, Worth};
use super::storage::Divergence;
use super::votes::{Added, RefusalTag};
use super::{Batch, Consensus, Finalized, Output, Sentence, VOTES_PER_MESSAGE, Verdict};
use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::outbox::Outbox;
use crate::time::{Duration, Instant};
use crate::wire::{
    Block, BoundedVec, Certificate, GroupMessage, Proposal, Refusal, Vote, VoteKind,
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
            let conflicts = self.eras.conflict(&statement);
            if statement.round <= self.finalized.round && !conflicts {
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
                self.two_finalizations(certificate, out);
                return;
            }
            for vote in certificate.votes() {
                self.add_vote(vote, out);
            }
            self.certify(certificate, out);
        }
    }

    pub(super) fn receive_refusal(&mut self, refusal: Refusal, out: &mut Outbox<Output>) {
        let Some((hash, proposal)) = self.proposal() else {
            return;
        };
        if refusal.round != self.round || refusal.block != *hash {
            return;
        }
        let leader = proposal.leader;
        if !self.committee.verify_refusal(&refusal) {
            out.push(Output::Fault(PeerFault::Signature));
            return;
        }
        let Refusal { voter, kind, .. } = refusal;
        let round = self.rounds.entry(refusal.round).or_default();
        let new = round.refusals.insert((voter, RefusalTag::of(kind)));
        if new && Some(leader) == self.own {
            out.push(Output::Refused { voter, kind });
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

    pub(super) fn installed(
        &mut self,
        finalized: Finalized,
        now: Instant,
        out: &mut Outbox<Output>,
    ) {
        if let Some(certificate) = &finalized.certificate
            && self.contradicts(&finalized, certificate)
        {
            return self.two_finalizations(certificate.clone(), out);
        }
        if finalized.round <= self.finalized.round || finalized.height < self.finalized.height {
            return;
        }
        let rival = self
            .rounds
            .get(&finalized.round)
            .and_then(|round| round.certificate(VoteKind::Finalize))
            .filter(|rival| rival.statement.block != finalized.block);
        if let Some(rival) = rival.cloned() {
            return self.two_finalizations(rival, out);
        }
        self.eras.install(&finalized);
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

    /// Whether `finalized` is beside what is final here, or below it although of a later round.
    fn contradicts(&self, finalized: &Finalized, certificate: &Certificate) -> bool {
        let same = finalized.block == self.finalized.block;
        let later = finalized.round > self.finalized.round;
        self.eras.conflict(&certificate.statement)
            || later && !same && finalized.height <= self.finalized.height
    }

    /// Adds a verified vote, own or not; whether it is new.
    pub(super) fn add_vote(&mut self, vote: Vote, out: &mut Outbox<Output>) -> bool {
        let round = vote.statement.round;
        self.note_heard(vote.voter, round.min(self.round));
        self.note_recovered(vote.voter, round, out);
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
        if Some(vote.voter) == self.own && !self.ledger.holds(&vote.statement) {
            // The store lost it, and others sent it back.
            self.ledger.recall(&vote.statement);
            self.storage.put_vote(&vote);
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
                self.two_finalizations(certificate, out);
            }
            // More voters lied than the mode allows for; their evidence is out already.
            Err(_) => {}
        }
    }

    /// `certificate` finalizes what does not go together with what is final here.
    pub(super) fn two_finalizations(&mut self, certificate: Certificate, out: &mut Outbox<Output>) {
        let what = format!(
            "two finalizations: {:?} at height {} and {:?} in round {}",
            self.finalized.block,
            self.finalized.height,
            certificate.statement.block,
            certificate.statement.round,
        );
        self.diverge(what, Some(certificate), out);
    }

    /// C4: own votes stop, across restarts.
    pub(super) fn diverge(
        &mut self,
        what: String,
        certificate: Option<Certificate>,
        out: &mut Outbox<Output>,
    ) {
        if self.diverged.is_some() || !self.rules.has(Sentence::DivergedStops) {
            return;
        }
        self.pacemaker.stop();
        self.outgoing = Batch::default();
        let divergence = Divergence {
            what: what.clone(),
            certificate,
        };
        self.storage.put_divergence(&divergence);
        self.diverged = Some(divergence);
        self.store(Batch::default(), out);
        out.push(Output::Diverged { what });
    }

    /// Keeps a body, if it must by letting another go.
    pub(super) fn keep_body(&mut self, hash: Hash, block: Block, standing: Standing) {
        let trunk = self.chain.trunk(self.top_certified(), self.finalized.block);
        let current = self.proposal().map(|(current, _)| *current);
        let (rounds, ledger) = (&self.rounds, &self.ledger);
        let new = self.chain.insert(hash, block, standing, |other| {
            if trunk.contains(other) || current == Some(*other) {
                Worth::Trunk
            } else if rounds
                .values()
                .any(|round| round.certified() == Some(*other))
                || ledger
                    .rounds()
                    .any(|(_, cast)| cast.notarize == Some(*other))
            {
                Worth::Voted
            } else {
                Worth::Little
            }
        });
        self.moved |= new;
    }
}
