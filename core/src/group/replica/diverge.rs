//! What is certified is not what was computed here: found out why, kept as evidence, and lived with.
//!
//! The block is executed once more, on a parent state whose root was computed anew. If it comes to the
//! certified root now, the state in memory was damaged: it is dropped, and the replica goes on with
//! what is certified. If not, the rules of this build differ: the certified state is fetched to name
//! the differing keys, and from then on the replica follows by certified states, like a phone that
//! lacks the rules. Either way it votes no more: a phone that computed or kept something wrong cannot
//! prove that it knows all of its votes (C8).

use super::{Replica, ReplicaEvent, ReplicaOutput, restore, standing};
use crate::consensus::Input;
use crate::crypto::Hash;
use crate::error::CommandError;
use crate::group::execute::is_as_said;
use crate::group::{Divergence, DivergenceKind, DivergenceOutcome};
use crate::outbox::{Outbox, Record};
use crate::state::Map;
use crate::time::{Duration, Instant};
use crate::wire::{Block, Certificate, GroupMessage, Header, VoteKind, VoteStatement};

/// A certified block that came to something else here.
#[derive(Debug)]
pub(super) struct Contradiction {
    /// The block.
    pub(super) block: Block,
    /// Headers above it, up to the one that the certificate is of.
    pub(super) above: Vec<Header>,
    pub(super) certificate: Certificate,
    /// The state that it led to here, where that was kept.
    pub(super) own: Option<Map>,
}

/// How far this phone is with its divergence.
#[derive(Debug, Default)]
pub(super) struct Diverging {
    record: Option<Divergence>,
    course: Course,
    ask: Option<Ask>,
}

/// When to ask whom for what was voted on: a phone that does not vote assembles no certificates.
#[derive(Clone, Copy, Debug)]
struct Ask {
    at: Instant,
    pause: Duration,
    member: u8,
    /// What was voted on.
    block: Hash,
    /// The own height then: once it is passed there is nothing to ask for.
    height: u64,
    tries: u8,
}

/// How often members are asked for a block that was voted on: it may never become final.
const ASKS_MAX: u8 = 6;

/// What is fetched now.
#[derive(Debug, Default)]
enum Course {
    /// Nothing for the evidence.
    #[default]
    Done,
    /// The state below the block: the own one is not what its root says.
    Parent(Box<Contradiction>),
    /// The state after the block, to compare with the own one.
    Compares(Map),
}

impl Diverging {
    /// Goes on with the evidence among the records of a group.
    pub(super) fn restored(records: &[Record]) -> Self {
        Self {
            record: restore::stored_divergence(records),
            ..Self::default()
        }
    }

    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        self.ask.map(|ask| (ask.at, "votes that others cast"))
    }

    fn outcome(&self) -> Option<DivergenceOutcome> {
        self.record.as_ref().map(|record| record.outcome)
    }
}

impl Replica {
    /// The evidence of a divergence, where there was one.
    pub fn divergence(&self) -> Option<&Divergence> {
        self.diverging.record.as_ref()
    }

    /// Why nothing can be asked for, if so.
    pub(super) fn check_asks(&self) -> Result<(), CommandError> {
        match &self.diverging.record {
            Some(record) if record.outcome != DivergenceOutcome::Recovered => {
                Err(CommandError::Diverged {
                    height: record.height,
                })
            }
            _ => Ok(()),
        }
    }

    /// The agreement has stopped. Where this part did not make it stop, it finds out why.
    pub(super) fn stopped(&mut self, what: String, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        if self.diverging.record.is_some() {
            return self.tell_divergence(out);
        }
        self.synchronizer.stop();
        let certificate = self
            .consensus
            .divergence()
            .and_then(|(_, certificate)| certificate.cloned());
        let Some(certificate) = certificate else {
            let status = self.reachability.diverged(what);
            return out.extend(status.map(|it| ReplicaOutput::Event(ReplicaEvent::Status(it))));
        };
        let body = self.consensus.body(&certificate.statement.block);
        match body {
            // Beside the chain nothing could be executed: then two blocks are final.
            Some((block, _)) if self.standing_of(block.parent).is_some() => {
                let contradiction = Contradiction {
                    block,
                    above: Vec::new(),
                    certificate,
                    own: None,
                };
                self.contradicted(contradiction, now, out);
            }
            _ if certificate.statement.kind == VoteKind::Finalize => {
                self.forked(self.history.head(), certificate, now, out);
            }
            // The evidence was lost with its record.
            _ => {
                let status = self.reachability.diverged(what);
                out.extend(status.map(|it| ReplicaOutput::Event(ReplicaEvent::Status(it))));
            }
        }
    }

    /// Another block is final where `own` is final here.
    pub(super) fn forked(
        &mut self,
        own: (u64, Hash),
        certificate: Certificate,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        self.synchronizer.stop();
        let kind = DivergenceKind::TwoFinalizations { own: own.1 };
        let at = (own.0, certificate.statement.block);
        self.begin(at, Vec::new(), certificate, kind, now, out);
    }

    /// A certified block came to something else here.
    pub(super) fn contradicted(
        &mut self,
        mut found: Contradiction,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let settled = |outcome| {
            !matches!(
                outcome,
                DivergenceOutcome::Open | DivergenceOutcome::Recovered
            )
        };
        if self.diverging.outcome().is_some_and(settled) {
            return;
        }
        let parent = found.block.parent;
        let Some((height, state)) = self.standing_of(parent) else {
            return self.synchronizer.stop();
        };
        let below = rebuilt(state);
        if found.own.is_none() {
            let before = self
                .executor
                .outcome(standing(height, parent, state), &found.block);
            found.own = before.ok().map(|executed| executed.state);
        }
        // What was computed on a state that may be damaged is not to be relied on.
        let root = self.root_of(parent);
        self.executed.clear();
        if root == Some(below.root()) {
            return self.judge(found, &below, now, out);
        }
        if parent == self.executor.epoch()
            && let Ok(genesis) = self.executor.genesis_state()
        {
            return self.judge(found, &genesis, now, out);
        }
        let Some(root) = root else {
            return self.synchronizer.stop();
        };
        let kind = DivergenceKind::OtherRoot {
            own: found.own.as_ref().unwrap_or(&below).root(),
        };
        let at = (found.block.height, found.block.hash(self.executor.epoch()));
        let headers = headers_of(&found);
        let certificate = found.certificate.clone();
        self.diverging.course = Course::Parent(Box::new(found));
        self.synchronizer.stop();
        self.synchronizer.examine((height, parent), root, below);
        self.begin(at, headers, certificate, kind, now, out);
        self.synchronize(now, out);
    }

    /// Executes the block again on `below`, whose root is the certified one.
    fn judge(
        &mut self,
        found: Contradiction,
        below: &Map,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let block = &found.block;
        let hash = block.hash(self.executor.epoch());
        let at = (block.height, hash);
        let parent = standing(block.height.saturating_sub(1), block.parent, below);
        let again = self.executor.outcome(parent, block);
        let right = |state: &Map| state.root() == block.root;
        let kind = match &again {
            // What it came to before is all that is left of the damage.
            Ok(executed) if is_as_said(executed, block) && right(&executed.state) => {
                let own = found.own.as_ref().map_or(Hash::ZERO, Map::root);
                DivergenceKind::OtherRoot { own }
            }
            Ok(executed) if is_as_said(executed, block) => DivergenceKind::OtherRoot {
                own: executed.state.root(),
            },
            Ok(executed) => DivergenceKind::OtherFates {
                own: executed.state.root(),
            },
            Err(invalid) => DivergenceKind::Refused {
                rule: invalid.rule(),
            },
        };
        let headers = headers_of(&found);
        let (root, damaged) = (block.root, found.own);
        self.diverging.course = Course::Done;
        self.synchronizer.stop();
        match again {
            Ok(executed)
                if matches!(kind, DivergenceKind::OtherRoot { .. })
                    && executed.state.root() == root =>
            {
                self.begin(at, headers, found.certificate, kind, now, out);
                let state = executed.state;
                self.conclude(DivergenceOutcome::Recovered, now, out, |record| {
                    if let Some(damaged) = &damaged {
                        record.compare(damaged, &state);
                    }
                });
            }
            Ok(executed) => {
                self.diverging.course = Course::Compares(executed.state.clone());
                self.synchronizer.examine(at, root, executed.state);
                self.begin(at, headers, found.certificate, kind, now, out);
                self.synchronize(now, out);
            }
            Err(_) => {
                self.begin(at, headers, found.certificate, kind, now, out);
                self.conclude(DivergenceOutcome::RulesDiffer, now, out, |_| {});
            }
        }
    }

    /// What was fetched for the evidence.
    pub(super) fn examined(
        &mut self,
        state: Option<Map>,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        match (std::mem::take(&mut self.diverging.course), state) {
            (Course::Parent(found), Some(state)) => {
                // The head's own state is replaced with what its root says.
                let (height, head) = self.history.head();
                let entry = self.history.at(height).cloned();
                if found.block.parent == head
                    && let Some(entry) = entry
                    && let Some(finalization) = entry.finalization
                    && self
                        .history
                        .install(entry.header, finalization, state.clone())
                        .is_ok()
                {
                    self.store_base(height, out);
                    self.advanced(now, out);
                }
                self.judge(*found, &state, now, out);
            }
            (Course::Parent(_), None) => {
                self.conclude(DivergenceOutcome::Unexplained, now, out, |_| {});
            }
            (Course::Compares(own), state) => {
                self.conclude(DivergenceOutcome::RulesDiffer, now, out, |record| {
                    if let Some(state) = &state {
                        record.compare(&own, state);
                    }
                });
            }
            (Course::Done, _) => {}
        }
    }

    /// Goes on after a start, if there is evidence: with what was found out, or from the start.
    pub(super) fn resume_diverged(&mut self) {
        match self.diverging.outcome() {
            // Nothing, or text alone, is known.
            None if self.consensus.is_stopped() => self.synchronizer.stop(),
            None => {}
            Some(DivergenceOutcome::Forked) => self.synchronizer.stop(),
            // The block comes again with those above the head.
            Some(DivergenceOutcome::Open | DivergenceOutcome::Recovered) => {
                self.synchronizer.resume(true);
            }
            Some(DivergenceOutcome::RulesDiffer | DivergenceOutcome::Unexplained) => {
                self.synchronizer.resume(false);
            }
        }
    }

    /// A certified state was installed: a block that it passed is not executed any more.
    pub(super) fn passed(&mut self, height: u64, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        let record = self.diverging.record.as_ref();
        let open = record.is_some_and(|record| {
            record.outcome == DivergenceOutcome::Open && record.height <= height
        });
        if open {
            self.conclude(DivergenceOutcome::Unexplained, now, out, |_| {});
        }
    }

    /// Looks in what others say to each other for blocks that became final: who does not vote hears
    /// of them in no other way.
    pub(super) fn overhear(&mut self, sender: Option<u8>, message: &GroupMessage, now: Instant) {
        let (Some(sender), true) = (sender, self.consensus.is_stopped()) else {
            return;
        };
        let news = |statement: &VoteStatement| {
            let news = statement.kind == VoteKind::Finalize
                && self.history.find(&statement.block).is_none();
            news.then_some(statement.block)
        };
        let heard = match message {
            GroupMessage::Votes(votes) => votes.iter().find_map(|it| news(&it.statement)),
            GroupMessage::Certificates(all) => all.iter().find_map(|it| news(&it.statement)),
            _ => None,
        };
        let known = self.diverging.ask;
        let new = |block: &Hash| known.is_none_or(|ask| ask.block != *block);
        if let Some(block) = heard.filter(new) {
            // Once for all votes of a block, when the last of them should be there.
            let pause = self.config.repeat_min;
            let at = now + pause;
            self.diverging.ask = Some(Ask {
                at: known.map_or(at, |ask| ask.at.min(at)),
                pause,
                member: sender,
                block,
                height: self.history.head().0,
                tries: 0,
            });
        }
    }

    pub(super) fn diverging_timeout(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        let Some(mut ask) = self.diverging.ask.take_if(|ask| ask.at <= now) else {
            return;
        };
        if self.history.head().0 > ask.height {
            return;
        }
        self.ask_above(ask.member, now, out);
        ask.tries += 1;
        ask.pause = (ask.pause * 2).min(self.config.repeat_max);
        ask.at = now + ask.pause;
        self.diverging.ask = Some(ask).filter(|ask| ask.tries < ASKS_MAX);
    }

    /// Own votes stop, and the evidence is stored.
    fn begin(
        &mut self,
        at: (u64, Hash),
        headers: Vec<Header>,
        certificate: Certificate,
        kind: DivergenceKind,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let rules = self.executor.rules().id();
        let record = Divergence::new(rules, at, headers, certificate, kind);
        self.diverging.record = Some(record);
        self.store_divergence(out);
        if self.consensus.is_stopped() {
            self.tell_divergence(out);
        } else {
            let what = format!("height {}", at.0);
            self.consensus_input(Input::Diverged(what), now, out);
        }
    }

    fn conclude(
        &mut self,
        outcome: DivergenceOutcome,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
        note: impl FnOnce(&mut Divergence),
    ) {
        if let Some(record) = &mut self.diverging.record {
            record.outcome = outcome;
            note(record);
        }
        self.store_divergence(out);
        self.tell_divergence(out);
        self.resume_diverged();
        self.dirty = true;
        // Whoever is in reach says where he stands: what is to be asked for follows from it.
        for address in self.reachable.clone() {
            self.greet(address, out);
        }
        self.synchronize(now, out);
    }

    fn store_divergence(&self, out: &mut Outbox<ReplicaOutput>) {
        out.extend(
            self.diverging
                .record
                .as_ref()
                .map(|record| ReplicaOutput::Store {
                    receipt: None,
                    puts: vec![restore::divergence_record(record)],
                    deletes: vec![],
                }),
        );
    }

    fn tell_divergence(&mut self, out: &mut Outbox<ReplicaOutput>) {
        let words = self
            .diverging
            .record
            .as_ref()
            .map(|record| record.words(self.executor.rules()));
        let status = words.and_then(|words| self.reachability.diverged(words));
        out.extend(status.map(|status| ReplicaOutput::Event(ReplicaEvent::Status(status))));
    }

    /// The root that the chain gives the state after `block`: the head, or one above it.
    fn root_of(&self, block: Hash) -> Option<Hash> {
        if block == self.executor.epoch() {
            return Some(self.genesis.genesis.root);
        }
        let entry = self.history.find(&block);
        let body = || self.consensus.body(&block).map(|(block, _)| block.root);
        entry.map(|entry| entry.header.root).or_else(body)
    }
}

/// The same entries, hashed anew.
fn rebuilt(state: &Map) -> Map {
    let mut map = Map::new();
    for (key, value) in state.iter() {
        map.insert(key, value.to_vec());
    }
    map
}

fn headers_of(found: &Contradiction) -> Vec<Header> {
    let mut headers = vec![found.block.header()];
    headers.extend(found.above.iter().copied());
    headers
}

#[cfg(test)]
mod tests;
