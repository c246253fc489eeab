//! Own submissions: from an intent to a stored, spread and settled action.

use super::{ACTIONS_MESSAGE_LEN_MAX, Replica, ReplicaEvent, ReplicaOutput, Shown, restore};
use crate::error::CommandError;
use crate::group::{Inserted, SubmissionId};
use crate::id::RunId;
use crate::outbox::Outbox;
use crate::rules::Offline;
use crate::state::Overlay;
use crate::sync::pack::{Before, Nothing, pack_all};
use crate::time::{Duration, Instant};
use crate::wire::{ACTION_PAYLOAD_LEN_MAX, ActionId, ActionPayload, GroupMessage, Validity};

/// When what has no fate is said again: pauses that double.
#[derive(Debug)]
pub(super) struct Repeat {
    min: Duration,
    max: Duration,
    pause: Duration,
    at: Option<Instant>,
}

impl Repeat {
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self {
            min,
            max,
            pause: min,
            at: None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.at
    }

    /// Starts or stops; a running repetition goes on as it was.
    pub(super) fn arm(&mut self, wanted: bool, now: Instant) {
        if !wanted {
            self.at = None;
            self.pause = self.min;
        } else if self.at.is_none() {
            self.at = Some(now + self.pause);
        }
    }

    /// Somebody came or went: the next repetition is worth more than the last ones were.
    pub(super) fn reset(&mut self, now: Instant) {
        self.pause = self.min;
        if self.at.is_some() {
            self.at = Some(now + self.pause);
        }
    }

    fn next(&mut self, now: Instant) {
        self.pause = (self.pause * 2).min(self.max);
        self.at = Some(now + self.pause);
    }
}

impl Replica {
    /// Asks for a change of the state: it is in the view at once.
    pub fn submit(
        &mut self,
        payload: Vec<u8>,
        dependencies: Vec<SubmissionId>,
        validity: Validity,
        out: &mut Outbox<ReplicaOutput>,
    ) -> Result<SubmissionId, CommandError> {
        self.check_asks()?;
        if payload.len() > ACTION_PAYLOAD_LEN_MAX {
            return Err(CommandError::PayloadTooLong {
                len: payload.len(),
                max: ACTION_PAYLOAD_LEN_MAX,
            });
        }
        let validity = self.bound(&payload, validity);
        let submission = self.submissions.submit(payload, dependencies, validity)?;
        self.dirty = true;
        self.store_submissions(out);
        Ok(submission)
    }

    /// What its author means by default: some actions are good only in the phase that is committed now.
    fn bound(&self, payload: &[u8], validity: Validity) -> Validity {
        let rules = self.executor.rules();
        if validity.phase.is_some() || !rules.phase_bound(payload) {
            return validity;
        }
        let committed = Overlay::new(self.history.state().clone());
        Validity {
            phase: Some(rules.phase(&committed)),
            ..validity
        }
    }

    /// Takes an intent back, and those that depend on it.
    pub fn withdraw(
        &mut self,
        submission: SubmissionId,
        out: &mut Outbox<ReplicaOutput>,
    ) -> Result<(), CommandError> {
        self.submissions.withdraw(submission)?;
        self.dirty = true;
        self.store_submissions(out);
        Ok(())
    }

    /// A refused submission was seen by its user.
    pub fn acknowledge(
        &mut self,
        submission: SubmissionId,
        out: &mut Outbox<ReplicaOutput>,
    ) -> Result<(), CommandError> {
        self.submissions.acknowledge(submission)?;
        self.dirty = true;
        self.store_submissions(out);
        Ok(())
    }

    /// Signs what may be signed: without a quorum only what the rules allow then.
    pub(super) fn sign_intents(&mut self, out: &mut Outbox<ReplicaOutput>) {
        let quorum = self.reachability.quorum_in_reach();
        let may_ask = (quorum || self.split.is_apart()) && self.check_asks().is_ok();
        if may_ask && self.submissions.has_intents() {
            if self.submissions.needs_run() {
                // The old run is closed in the state; the new one follows from it, so that a crash
                // before it is stored comes to the same.
                let seed = self.identity.derive("run", &self.head().block.0);
                self.run = RunId(seed.prefix_u64());
                self.submissions.set_run(self.run);
            }
            let frontier = self.frontier();
            let rules = self.executor.rules();
            let may = |payload: &ActionPayload| {
                quorum
                    || matches!(payload, ActionPayload::Rules(action)
                        if rules.offline(action) == Offline::Allowed)
            };
            let names = !frontier.is_empty();
            let signed = self
                .submissions
                .sign(&self.identity, &self.executor, frontier, may);
            if names && signed > 0 {
                self.store_seen(out);
            }
        }
        self.store_submissions(out);
    }

    /// A batch of own submissions is durable: only now do they leave (C8).
    pub(super) fn stored(&mut self, sequence: u64, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        if let Some(counted) = self.counting.remove(&sequence) {
            return self.tally_stored(counted, out);
        }
        let actions = self.storing.remove(&sequence).unwrap_or_default();
        for action in &actions {
            self.pool.insert(action.clone());
        }
        if let Some(first) = actions.first() {
            // Who lacks the one before asks for it; the repetitions name it.
            let before = Before::new(self.own, &first.action);
            let messages = pack_all(self.packing(), &actions, &before, ACTIONS_MESSAGE_LEN_MAX);
            out.extend(messages.into_iter().map(|packed| ReplicaOutput::Spread {
                origin: self.own_address(),
                message: GroupMessage::Actions(packed),
            }));
        }
        self.dirty = true;
        self.repeat.arm(true, now);
    }

    /// Says again what has no fate: own actions, the preimages held, and where this phone stands.
    pub(super) fn repeat_unsettled(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        self.repeat.next(now);
        let waiting: Vec<ActionId> = self
            .storing
            .values()
            .flatten()
            .map(|signed| signed.action.id())
            .collect();
        let mut unsettled = self.submissions.unsettled();
        unsettled.retain(|action| !waiting.contains(&action.action.id()));
        #[cfg(feature = "planted")]
        unsettled.retain(|action| !self.pool.has_forgotten(action));
        for action in &unsettled {
            // After a restart the pool is empty: what is stored goes in again.
            self.dirty |= self.pool.insert(action.clone()) == Inserted::New;
        }
        let messages = pack_all(
            self.packing(),
            &unsettled,
            &Nothing,
            ACTIONS_MESSAGE_LEN_MAX,
        );
        out.extend(messages.into_iter().map(|packed| ReplicaOutput::Nearest {
            message: GroupMessage::Actions(packed),
        }));
        for reveal in self.draws.held() {
            out.push(ReplicaOutput::Nearest {
                message: GroupMessage::Reveal(reveal),
            });
        }
        let message = GroupMessage::Status(self.own_status(true));
        out.push(ReplicaOutput::Nearest { message });
        if !self.is_unsettled() {
            self.repeat.arm(false, now);
        }
    }

    /// Whether anything waits here that a lost frame could hold up for ever.
    pub(super) fn is_unsettled(&self) -> bool {
        let members_in_reach = !self.reachable.is_empty() || self.members.len() == 1;
        members_in_reach
            && (!self.submissions.is_idle()
                || !self.draws.waiting_for().is_empty()
                || !self.consensus.waiting_for().is_empty())
    }

    /// Shows what changed, once an input.
    pub(super) fn show(&mut self, out: &mut Outbox<ReplicaOutput>) {
        let state = self.submissions.state(&self.executor).clone();
        let pending = self.submissions.pending(&self.executor);
        let tentative = self.submissions.tentative(&self.executor).to_vec();
        for (submission, fate) in self.submissions.take_fates(&self.executor) {
            out.push(ReplicaOutput::Event(ReplicaEvent::Fate {
                submission,
                fate,
            }));
        }
        let patches = self.submissions.take_patches(&self.executor);
        let head = self.head();
        let lists = (&pending, &tentative) != (&self.shown.pending, &self.shown.tentative);
        if !patches.is_empty() || lists || head != self.shown.head {
            let pending = pending.clone();
            out.push(ReplicaOutput::Event(ReplicaEvent::View {
                head,
                patches,
                pending,
            }));
        }
        self.shown = Shown {
            head,
            state,
            pending,
            tentative,
        };
        self.store_submissions(out);
    }

    fn store_submissions(&mut self, out: &mut Outbox<ReplicaOutput>) {
        while let Some(batch) = self.submissions.take_store() {
            let receipt = (!batch.signed.is_empty()).then(|| {
                self.store_sequence += 1;
                self.storing.insert(self.store_sequence, batch.signed);
                self.store_sequence
            });
            out.push(ReplicaOutput::Store {
                receipt,
                puts: restore::submission_records(batch.puts),
                deletes: batch
                    .deletes
                    .iter()
                    .map(|id| restore::submission_key(*id))
                    .collect(),
            });
        }
    }
}
