//! What follows from what is known: certificates, commits, executions, votes, proposals.

use super::chain::{Path, Standing};
use super::round::{Act, Event, Step, apply};
use super::safety::{Cast, Facts};
use super::storage::Needed;
use super::votes::Round;
use super::{Consensus, Finalized, Output, Sentence};
use crate::crypto::Hash;
use crate::outbox::Outbox;
use crate::time::{Duration, Instant};
use crate::wire::{Block, Parent, Proposal, RefusalKind, VoteKind};

/// Rounds kept above the last finalization, while others than the necessary ones are there.
const ROUNDS_KEPT: usize = 256;

/// What the proposal of the current round is worth now.
enum Judged {
    /// Execution is under way.
    Wait,
    /// This much.
    As(Event, RefusalKind),
}

impl Consensus {
    pub(super) fn advance(&mut self, now: Instant, out: &mut Outbox<Output>) {
        loop {
            self.moved = false;
            if self.is_stopped() {
                return;
            }
            self.adopt_bodies();
            self.leave_round(now);
            self.commit(now, out);
            self.watch_unfinal(now);
            self.find_divergence(out);
            if self.is_stopped() {
                return;
            }
            self.start_executions(now, out);
            self.finalize_votes();
            self.run_round(now, out);
            self.flush(now, out);
            if !self.moved {
                break;
            }
        }
        self.repeat(now, out);
        self.recover(now, out);
    }

    /// A certified block whose proposal is here needs no fetching.
    fn adopt_bodies(&mut self) {
        let adopted: Vec<(Hash, Block)> = self
            .rounds
            .values()
            .filter_map(|round| {
                let (hash, proposal) = round.proposal.as_ref()?;
                let wanted = round.certified() == Some(*hash)
                    && *hash != self.finalized.block
                    && self.chain.get(hash).is_none();
                wanted.then(|| (*hash, proposal.block.clone()))
            })
            .collect();
        for (hash, block) in adopted {
            self.keep_body(hash, block, Standing::Held);
        }
    }

    /// C5, C7: the highest certificate of this round or a later one opens the next.
    fn leave_round(&mut self, now: Instant) {
        let highest = self
            .rounds
            .range(self.round..)
            .rev()
            .flat_map(|(number, round)| {
                [
                    (VoteKind::Finalize, Event::Finalization),
                    (VoteKind::Notarize, Event::Notarization),
                    (VoteKind::Nullify, Event::Nullification),
                ]
                .into_iter()
                .filter(|(kind, _)| round.certificate(*kind).is_some())
                .map(|(_, event)| (*number, event))
            })
            .find_map(|(number, event)| {
                let (step, acts) = apply(self.step, event, self.rules);
                acts.contains(&Act::EnterNext)
                    .then_some((number, event, step, acts))
            });
        let Some((number, event, step, acts)) = highest else {
            return;
        };
        if event == Event::Notarization
            && number == self.round
            && let Some(sent) = self.notarized_at
        {
            self.pacemaker.sample(now.since(sent));
        }
        if acts.contains(&Act::StopTimers) {
            self.pacemaker.stop();
        }
        self.enter(number + 1, now);
        self.step = step;
        self.moved = true;
    }

    pub(super) fn enter(&mut self, round: u64, now: Instant) {
        if round > self.round + 1 {
            self.repeater.jumped();
        }
        self.round = round;
        self.entered_at = now;
        self.step = Step::Asleep;
        self.leader_fired = false;
        self.advance_fired = false;
        self.notarized_at = None;
        self.building = None;
        self.lacks = false;
        self.ahead = None;
        self.told.clear();
        self.repeater.restart();
        self.thin_out();
    }

    /// Without a finalization for very long, nullified rounds below the highest notarized block go
    /// first: a proposal from below them would be fetched for, or refused.
    fn thin_out(&mut self) {
        let below = self.highest_certified().0;
        while self.rounds.len() > ROUNDS_KEPT {
            let useless = self
                .rounds
                .range(..below)
                .find(|(_, round)| round.certified().is_none())
                .map(|(number, _)| *number);
            let Some(useless) = useless else {
                return;
            };
            self.rounds.remove(&useless);
        }
    }

    /// C7: q finalizes commit the block and its ancestors; notarizes never do.
    fn commit(&mut self, now: Instant, out: &mut Outbox<Output>) {
        if !self.rules.has(Sentence::FinalizationCommits) {
            return;
        }
        let fast = !self.rules.has(Sentence::NoFastPath);
        let base = (self.finalized.height, self.finalized.block);
        let mut found = None;
        for round in self.rounds.values().rev() {
            let notarization = round.certificate(VoteKind::Notarize).filter(|_| fast);
            let Some(certificate) = round.certificate(VoteKind::Finalize).or(notarization) else {
                continue;
            };
            match self.chain.path(certificate.statement.block, base) {
                Path::Complete(path) if path.iter().all(|hash| self.chain.is_valid(hash)) => {
                    found = Some((certificate.clone(), path));
                    break;
                }
                Path::Complete(_) | Path::Missing(_) => {}
                Path::Elsewhere => {
                    let certificate = certificate.clone();
                    self.two_finalizations(certificate, out);
                    return;
                }
            }
        }
        let Some((certificate, path)) = found else {
            return;
        };
        let (block, round) = (certificate.statement.block, certificate.statement.round);
        let mut eras = self.eras.clone();
        eras.commit(&self.finalized, &path, round);
        let rival = self
            .rounds
            .range(..round)
            .filter_map(|(_, round)| round.certificate(VoteKind::Finalize))
            .find(|rival| eras.conflict(&rival.statement));
        if let Some(rival) = rival.cloned() {
            return self.two_finalizations(rival, out);
        }
        self.eras = eras;
        let blocks: Vec<(Hash, Block)> = path
            .iter()
            .filter_map(|hash| Some((*hash, self.chain.get(hash)?.block.clone())))
            .collect();
        self.finalized = Finalized {
            height: blocks.last().map_or(base.0, |(_, block)| block.height),
            block,
            round,
            certificate: Some(certificate.clone()),
        };
        self.finalized_at = now;
        self.forget();
        self.unfinal_since = None;
        self.repeater.restart();
        self.moved = true;
        // The finalized block may be finalized again in a later round; that commits nothing.
        if !blocks.is_empty() {
            out.push(Output::Finalized {
                blocks,
                certificate,
            });
        }
    }

    /// C2: a notarized block that is not final becomes work after 3D, however it became known.
    fn watch_unfinal(&mut self, now: Instant) {
        match self.highest_notarized_above_final() {
            Some(_) => {
                self.unfinal_since.get_or_insert(now);
            }
            None => self.unfinal_since = None,
        }
    }

    /// Drops what the finalization decided.
    pub(super) fn forget(&mut self) {
        let decided = self.finalized.round;
        self.rounds = self.rounds.split_off(&(decided + 1));
        self.ledger.prune(decided);
        self.withhold_decided();
        self.chain
            .prune((self.finalized.height, self.finalized.block));
        let chain = &self.chain;
        self.storage.prune(|needed| match needed {
            Needed::Round(round) => *round > decided,
            Needed::Finalization(round) => *round >= decided,
            Needed::Body(hash) => chain.get(hash).is_some(),
            Needed::Always => true,
        });
        let oldest = (self.remembered_from(), VoteKind::Notarize, 0);
        self.seen = self.seen.split_off(&oldest);
    }

    /// First round whose late votes are remembered.
    pub(super) fn remembered_from(&self) -> u64 {
        self.round.saturating_sub(self.committee.len() as u64 + 2)
    }

    /// C4: a certified block that breaks a rule here, or has another root, stops the voter.
    fn find_divergence(&mut self, out: &mut Outbox<Output>) {
        let wrong = self.rounds.iter().find_map(|(number, round)| {
            let certificate = round.certifies()?;
            match self.chain.standing(&certificate.statement.block)? {
                Standing::Invalid(rule) => Some((*number, certificate.clone(), rule)),
                Standing::Held
                | Standing::Executing
                | Standing::Valid
                | Standing::Objected(_)
                | Standing::Later(_) => None,
            }
        });
        if let Some((round, certificate, rule)) = wrong {
            let block = certificate.statement.block;
            let what = format!("{block:?}, certified in round {round}, breaks C{rule} here");
            self.diverge(what, Some(certificate), out);
        }
    }

    fn start_executions(&mut self, now: Instant, out: &mut Outbox<Output>) {
        for hash in self.chain.ready(&self.finalized.block, now) {
            self.chain.set(&hash, Standing::Executing);
            let entry = self.chain.get(&hash).expect("ready bodies are kept");
            out.push(Output::Execute {
                parent: entry.block.parent,
                hash,
                block: entry.block.clone(),
            });
        }
    }

    /// Feeds the table of the current round.
    fn run_round(&mut self, now: Instant, out: &mut Outbox<Output>) {
        let running = self.is_running(now);
        self.step_by(if running { Event::Work } else { Event::Rest }, now);
        self.lacks = false;
        self.lead(now, out);
        if self.proposal().is_some() {
            self.step_by(Event::Proposal, now);
        }
        if self.step == Step::Judging
            && let Judged::As(event, kind) = self.judge(now)
        {
            self.step_by(event, now);
            if event == Event::Unsound || event == Event::Busy {
                self.refuse(kind, out);
            }
        }
        if self.is_hopeless() {
            self.step_by(Event::Hopeless, now);
        }
        if self.leader_deadline().is_some_and(|at| at <= now) {
            self.leader_fired = true;
            self.step_by(Event::LeaderTimeout, now);
        }
        if self.advance_deadline().is_some_and(|at| at <= now) {
            self.advance_fired = true;
            self.step_by(Event::AdvanceTimeout, now);
        }
    }

    pub(super) fn step_by(&mut self, event: Event, now: Instant) {
        let (step, acts) = apply(self.step, event, self.rules);
        if step != self.step {
            self.moved = true;
        }
        self.step = step;
        for act in acts {
            match act {
                Act::StartTimers => self.pacemaker.start(now),
                Act::StopTimers => self.pacemaker.stop(),
                Act::Notarize => self.notarize(),
                Act::Nullify => {
                    let facts = Facts {
                        round: self.round,
                        ..Facts::default()
                    };
                    self.cast(self.round, VoteKind::Nullify, Hash::ZERO, &facts);
                }
                Act::Fetch => self.lacks = true,
                Act::Refuse => {}
                Act::EnterNext => self.leave_round(now),
            }
        }
    }

    pub(super) fn proposal(&self) -> Option<&(Hash, Proposal)> {
        self.rounds.get(&self.round)?.proposal.as_ref()
    }

    /// C2: an action, a vote or proposal of this round or a later one, or a block that was notarized
    /// 3D ago and is not final.
    pub(super) fn is_running(&self, now: Instant) -> bool {
        self.work
            || self.ahead.is_some()
            || self.ledger.cast(self.round) != Cast::default()
            || self
                .rounds
                .range(self.round..)
                .any(|(_, round)| round.proposal.is_some() || round.heard_others(self.own))
            || self.stale_at().is_some_and(|at| at <= now)
    }

    /// When an unfinal block becomes work.
    pub(super) fn stale_at(&self) -> Option<Instant> {
        Some(self.unfinal_since? + self.d() * 3)
    }

    /// C6, C1: when the leader's silence ends this voter's patience.
    pub(super) fn leader_deadline(&self) -> Option<Instant> {
        let waits = self.step == Step::Waiting && !self.leader_fired && self.may_vote();
        let started = self.pacemaker.started().filter(|_| waits)?;
        let patience = if self.is_dead(self.committee.leader(self.round)) {
            Duration::ZERO
        } else {
            self.d() * 2
        };
        Some(started + patience)
    }

    /// C6: when this round has lasted too long.
    pub(super) fn advance_deadline(&self) -> Option<Instant> {
        let waits = self.step != Step::Asleep && !self.advance_fired && self.may_vote();
        let started = self.pacemaker.started().filter(|_| waits)?;
        Some(started + self.d() * 3)
    }

    /// C1: cast no vote in the last n rounds that ran, while q others did.
    fn is_dead(&self, leader: u8) -> bool {
        let Some(horizon) = self.round.checked_sub(self.committee.len() as u64) else {
            return false;
        };
        let alive = |last: &u64| *last > 0 && *last >= horizon;
        let leader_last = self.last_heard.get(usize::from(leader));
        Some(leader) != self.own
            && horizon > 0
            && !leader_last.is_some_and(alive)
            && self.last_heard.iter().filter(|last| alive(last)).count() >= self.committee.quorum()
    }

    /// Nothing can be finalized in this round any more, so waiting longer gains nothing.
    pub(super) fn is_hopeless(&self) -> bool {
        let Some(round) = self.rounds.get(&self.round) else {
            return false;
        };
        let blocking = self.committee.blocking();
        let leader = self.committee.leader(self.round);
        let nullified = round.voters(VoteKind::Nullify).count();
        let gave_up = round.proposal.is_none()
            && round.voters(VoteKind::Nullify).any(|voter| voter == leader);
        gave_up || nullified >= blocking || round.rejections() >= blocking
    }

    /// C4, up to the vote itself: what the proposal is worth now.
    fn judge(&mut self, now: Instant) -> Judged {
        const INVALID: RefusalKind = RefusalKind::Invalid { rule: 4 };
        let Some((hash, proposal)) = self.proposal().cloned() else {
            return Judged::Wait;
        };
        let (Parent::Extends { round: below } | Parent::Repeats { round: below }) = proposal.parent;
        if below >= self.round {
            return Judged::As(Event::Unsound, RefusalKind::Invalid { rule: 3 });
        }
        let lacking = Judged::As(Event::Lacking, RefusalKind::Conflict);
        let facts = self.facts_of(hash, &proposal);
        if below < self.finalized.round {
            // The finalized round cannot be nullified, so nothing can be built from below it.
            return Judged::As(Event::Unsound, INVALID);
        }
        if !facts.parent_notarized && self.rules.has(Sentence::ParentNotarized)
            || !facts.gaps_nullified && self.rules.has(Sentence::VoterGaps)
            || !facts.parent_highest && !self.rules.has(Sentence::AnyParent)
        {
            return lacking;
        }
        if let Some(parent) = self.certified_in(below) {
            let fits = match proposal.parent {
                Parent::Extends { .. } => proposal.block.parent == parent,
                Parent::Repeats { .. } => hash == parent,
            };
            if !fits {
                return Judged::As(Event::Unsound, INVALID);
            }
        }
        if hash == self.finalized.block {
            return Judged::As(Event::Sound, INVALID);
        }
        let Some(height) = self.height_of(&proposal.block.parent) else {
            return lacking;
        };
        if proposal.block.height != height.saturating_add(1) {
            return Judged::As(Event::Unsound, INVALID);
        }
        // C3's cap, as far as it can be checked: a leader may know a later finalization.
        if proposal.block.height > self.finalized.height + self.config.depth_max
            && self.rules.has(Sentence::DepthCap)
        {
            return lacking;
        }
        if self.chain.get(&hash).is_none() {
            self.keep_body(hash, proposal.block, Standing::Held);
        }
        match self.chain.standing(&hash) {
            Some(Standing::Valid) => Judged::As(Event::Sound, INVALID),
            // A quorum did not share the objection: the block stands, and must become final.
            Some(Standing::Objected(_)) if matches!(proposal.parent, Parent::Repeats { .. }) => {
                Judged::As(Event::Sound, INVALID)
            }
            Some(Standing::Objected(rule)) => {
                Judged::As(Event::Unsound, RefusalKind::Invalid { rule })
            }
            Some(Standing::Invalid(_)) if !self.rules.has(Sentence::RootMatches) => {
                Judged::As(Event::Sound, INVALID)
            }
            Some(Standing::Invalid(rule)) => {
                Judged::As(Event::Unsound, RefusalKind::Invalid { rule })
            }
            Some(Standing::Later(at)) => {
                let wait = at.since(now).as_millis();
                let retry_after_ms = u32::try_from(wait).unwrap_or(u32::MAX);
                Judged::As(Event::Busy, RefusalKind::Busy { retry_after_ms })
            }
            Some(Standing::Held | Standing::Executing) => Judged::Wait,
            None => lacking,
        }
    }

    pub(super) fn facts_of(&self, hash: Hash, proposal: &Proposal) -> Facts {
        let (Parent::Extends { round: below } | Parent::Repeats { round: below }) = proposal.parent;
        Facts {
            round: self.round,
            closed: self.ledger.closed(),
            first_of_leader: proposal.leader == self.committee.leader(self.round),
            parent_notarized: self.certified_in(below).is_some(),
            gaps_nullified: self.gaps_nullified(below),
            parent_highest: below == self.highest_certified().0,
            body_held: hash == self.finalized.block || self.chain.get(&hash).is_some(),
            executed: hash == self.finalized.block || self.chain.is_valid(&hash),
            ..Facts::default()
        }
    }

    /// (round, block) of the highest certified block below the current round.
    pub(super) fn highest_certified(&self) -> (u64, Hash) {
        self.rounds
            .range(..self.round)
            .rev()
            .find_map(|(number, round)| Some((*number, round.certified()?)))
            .unwrap_or((self.finalized.round, self.finalized.block))
    }

    /// The highest certified block, of whatever round.
    pub(super) fn top_certified(&self) -> Hash {
        let certified = self.rounds.values().rev().find_map(Round::certified);
        certified.unwrap_or(self.finalized.block)
    }

    /// The round of the highest notarized block that is not final.
    pub(super) fn highest_notarized_above_final(&self) -> Option<u64> {
        self.rounds
            .iter()
            .rev()
            .find(|(_, round)| {
                let certified = round.certified();
                certified.is_some() && certified != Some(self.finalized.block)
            })
            .map(|(number, _)| *number)
    }

    /// Whether nothing can come of `round` any more: it is at or below the finalization, it repeated
    /// the finalized block, or it was nullified and nothing is notarized in it.
    pub(super) fn is_decided(&self, round: u64) -> bool {
        round <= self.finalized.round
            || self.rounds.get(&round).is_some_and(|round| {
                let certified = round.certified();
                certified == Some(self.finalized.block)
                    || certified.is_none() && round.is_nullified()
            })
    }

    fn certified_in(&self, round: u64) -> Option<Hash> {
        if round == self.finalized.round {
            return Some(self.finalized.block);
        }
        self.rounds.get(&round)?.certified()
    }

    /// Whether every round between `below` and the current one is nullified.
    pub(super) fn gaps_nullified(&self, below: u64) -> bool {
        let Some(gaps) = self.round.checked_sub(below + 1) else {
            return false;
        };
        let nullified = self
            .rounds
            .range(below + 1..self.round)
            .filter(|(_, round)| round.is_nullified())
            .count();
        nullified as u64 == gaps
    }

    pub(super) fn height_of(&self, block: &Hash) -> Option<u64> {
        if *block == self.finalized.block {
            return Some(self.finalized.height);
        }
        self.chain.get(block).map(|entry| entry.block.height)
    }
}
