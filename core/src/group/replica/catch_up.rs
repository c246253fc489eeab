//! Where others stand: status messages, requests and answers. What comes back is a claim until its
//! certificate verifies.

use super::agree::finalized_head;
use super::{Replica, ReplicaEvent, ReplicaOutput, standing};
use crate::consensus::Input;
use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::group::Invalid;
use crate::id::MeshAddress;
use crate::outbox::Outbox;
use crate::state::Map;
use crate::sync::{SyncStep, answer};
use crate::time::{Duration, Instant};
use crate::wire::{
    Block, BlockWithCertificate, BoundedVec, Certificate, FOUND_ITEMS_MAX, Fetch, Found,
    GroupMessage, Status,
};

/// A request for the certified suffix that was not answered yet. One at a time.
#[derive(Debug)]
pub(super) struct Request {
    /// Whom we asked.
    pub(super) to: u8,
    /// When to ask somebody else.
    pub(super) deadline: Instant,
    fetch: Fetch,
    was_busy: bool,
}

impl Replica {
    /// Asks for something that is asked again by whoever needs it.
    pub(super) fn ask(&self, to: u8, fetch: Fetch, out: &mut Outbox<ReplicaOutput>) {
        if let Some(to) = self.address_of(to) {
            out.push(ReplicaOutput::Send {
                to,
                message: GroupMessage::Fetch(fetch),
            });
        }
    }

    /// Asks `to` for what became final above the own head, unless such a request is under way.
    pub(super) fn ask_above(&mut self, to: u8, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        if self.request.is_none() && !self.consensus.is_stopped() {
            let fetch = self.synchronizer.request(self.history.head());
            self.request(to, fetch, now, out);
        }
    }

    /// Nobody answered: another member may.
    pub(super) fn request_expired(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        let Some(request) = self.request.take() else {
            return;
        };
        self.dirty = true;
        let height = self.history.head().0;
        let ahead: Vec<u8> = self
            .claims
            .iter()
            .filter(|(_, claim)| **claim > height)
            .map(|(index, _)| *index)
            .collect();
        let next = ahead
            .iter()
            .find(|index| **index > request.to && self.is_reachable(**index))
            .or_else(|| ahead.iter().find(|index| self.is_reachable(**index)));
        if let Some(next) = next.copied() {
            self.ask_above(next, now, out);
        }
    }

    /// The first of `from` who can be reached.
    pub(super) fn pick(&self, from: &[u8]) -> Option<u8> {
        from.iter()
            .copied()
            .find(|index| *index != self.own && self.is_reachable(*index))
    }

    pub(super) fn own_status(&self, reply: bool) -> Status {
        let (height, block) = self.history.head();
        Status {
            height,
            block,
            round: self.consensus.round(),
            actions_known: BoundedVec::truncating(self.pool.counters()),
            actions_digest: self.pool.digest(),
            reply,
        }
    }

    /// Somebody says where he stands.
    pub(super) fn status(
        &mut self,
        sender: u8,
        status: &Status,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        self.claims.insert(sender, status.height);
        let height = self.history.head().0;
        let same_height = status.height == height && status.block != self.history.head().1;
        // At one height two blocks cannot both be final: his answer shows what certifies his.
        if status.height > height || same_height {
            self.ask_above(sender, now, out);
        }
        if status.reply {
            let Some(to) = self.address_of(sender) else {
                return;
            };
            self.send_status(to, false, out);
        }
        if status.height <= height && self.may_offer(sender, now) {
            self.send_votes(sender, status.round, out);
        }
        if status.height == height {
            self.compare_actions(sender, status, now, out);
        }
    }

    /// Answers a request.
    pub(super) fn serve(
        &self,
        origin: MeshAddress,
        fetch: &Fetch,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let found = match fetch {
            Fetch::Above { .. } | Fetch::Snapshot { .. } => {
                answer(&self.history, fetch, self.config.sync_answer_bytes_max)
            }
            Fetch::Body { block } => match self.body(block) {
                Some((block, certificate)) => {
                    Found::Body(BlockWithCertificate { block, certificate })
                }
                // Whoever asks a member for a body asks another one next.
                None => return,
            },
            Fetch::Actions { author, from } => {
                let mut actions = Vec::new();
                let mut bytes = 0;
                for action in self
                    .pool
                    .since(*author, *from)
                    .into_iter()
                    .take(FOUND_ITEMS_MAX)
                {
                    bytes += crate::wire::encode(&action).len();
                    if bytes > self.config.sync_answer_bytes_max {
                        break;
                    }
                    actions.push(action);
                }
                Found::Actions(BoundedVec::truncating(actions))
            }
            Fetch::Votes { from } => {
                for message in self.consensus.votes_from(*from) {
                    out.push(ReplicaOutput::Send {
                        to: origin,
                        message,
                    });
                }
                return;
            }
        };
        out.push(ReplicaOutput::Send {
            to: origin,
            message: GroupMessage::Found(found),
        });
    }

    /// An answer.
    pub(super) fn found(
        &mut self,
        sender: Option<u8>,
        found: Found,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        match found {
            Found::Body(BlockWithCertificate { block, certificate }) => {
                self.consensus_input(Input::Body(block), now, out);
                if let Some(certificate) = certificate {
                    self.consensus_input(Input::Certificates(vec![certificate]), now, out);
                }
            }
            Found::Actions(actions) => {
                for action in actions.into_vec() {
                    self.action(action, None, out);
                }
            }
            Found::Blocks { .. } | Found::Snapshot(_) | Found::UpToDate | Found::Busy { .. } => {
                self.suffix(sender, found, now, out);
            }
        }
    }

    fn suffix(
        &mut self,
        sender: Option<u8>,
        found: Found,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        // An answer that nobody waits for is late: the request went to somebody else since.
        let Some(asked) = self.request.as_ref().map(|request| request.to) else {
            return;
        };
        if sender != Some(asked) {
            return;
        }
        let committee = self.consensus.committee();
        let step = self.synchronizer.receive(
            found,
            self.history.head(),
            &|certificate: &Certificate| committee.verify_certificate(certificate),
            self.executor.epoch(),
        );
        self.dirty = true;
        match step {
            Ok(SyncStep::UpToDate) => {
                // He said more than he has: his claim is worth nothing until he makes another.
                self.request = None;
                self.claims.remove(&asked);
            }
            Ok(SyncStep::Busy { retry_after_ms }) => {
                // Once a request: whoever is busy for long is not waited for.
                if let Some(request) = &mut self.request
                    && !std::mem::replace(&mut request.was_busy, true)
                {
                    let wait = Duration::from_millis(u64::from(retry_after_ms));
                    request.deadline = now + wait.min(self.config.repeat_max);
                }
            }
            Ok(SyncStep::More(fetch)) => {
                // An answer that brought nothing gives no more time.
                if self
                    .request
                    .as_ref()
                    .is_some_and(|request| request.fetch != fetch)
                {
                    self.request(asked, fetch, now, out);
                }
            }
            Ok(SyncStep::Blocks {
                blocks,
                finalization,
            }) => {
                self.request = None;
                self.install_blocks(blocks, finalization, now, out);
            }
            Ok(SyncStep::Snapshot {
                block,
                finalization,
                state,
            }) => {
                self.request = None;
                self.install_snapshot(block, finalization, state, now, out);
            }
            Ok(SyncStep::Diverged {
                height,
                own,
                certified,
                ..
            }) => {
                let what = format!(
                    "height {height} is {own:?} here and {certified:?} there, both certified"
                );
                self.diverged(what, now, out);
            }
            Err(fault) => {
                let peer = self.members.get(usize::from(asked)).copied();
                out.push(ReplicaOutput::Fault { peer, fault });
                self.claims.remove(&asked);
                self.synchronizer.reset();
                self.request_expired(now, out);
            }
        }
        // The answer may have been a part, or overtaken while it travelled.
        if self.request.is_none()
            && self
                .claims
                .get(&asked)
                .is_some_and(|claim| *claim > self.history.head().0)
        {
            self.ask_above(asked, now, out);
        }
    }

    /// A certified suffix: executed again, block by block.
    fn install_blocks(
        &mut self,
        blocks: Vec<Block>,
        finalization: Certificate,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let last = blocks.len().saturating_sub(1);
        for (index, block) in blocks.into_iter().enumerate() {
            let (height, parent) = self.history.head();
            let executed = self
                .executor
                .execute(standing(height, parent, self.history.state()), &block);
            match executed {
                Ok(executed) => {
                    let own = (index == last).then(|| finalization.clone());
                    self.commit(block, executed, own, now, out);
                }
                Err(Invalid::WrongRoot) => {
                    let at = block.height;
                    return self.diverged(
                        format!("certified block {at} has another root here"),
                        now,
                        out,
                    );
                }
                Err(Invalid::Rule { what, .. }) => {
                    let at = block.height;
                    return self.diverged(
                        format!("certified block {at} is refused here: {what}"),
                        now,
                        out,
                    );
                }
            }
        }
        let (height, block) = self.history.head();
        self.installed(height, block, finalization, now, out);
    }

    /// A certified state without the blocks below it.
    fn install_snapshot(
        &mut self,
        block: Block,
        finalization: Certificate,
        state: Map,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        if block.height <= self.history.head().0 {
            return;
        }
        let old = self.history.head().0;
        if self
            .history
            .install(block, finalization.clone(), state)
            .is_err()
        {
            let fault = PeerFault::Sync("a snapshot that is not of its block");
            return out.push(ReplicaOutput::Fault { peer: None, fault });
        }
        let (height, hash) = self.history.head();
        self.store_base(old, out);
        out.push(ReplicaOutput::Event(ReplicaEvent::Committed {
            head: self.head(),
            applied: Vec::new(),
            refused: Vec::new(),
        }));
        self.advanced(now, out);
        self.installed(height, hash, finalization, now, out);
    }

    fn installed(
        &mut self,
        height: u64,
        block: Hash,
        finalization: Certificate,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let finalized = finalized_head(height, block, finalization);
        self.consensus_input(Input::Installed(finalized), now, out);
    }

    fn request(&mut self, to: u8, fetch: Fetch, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        self.request = Some(Request {
            to,
            deadline: now + self.config.fetch_timeout,
            fetch: fetch.clone(),
            was_busy: false,
        });
        self.ask(to, fetch, out);
    }

    /// Whether it is time to send a member the open rounds again: the pauses double until something
    /// becomes final or he comes back. Certificates of many rounds would fill every link else.
    fn may_offer(&mut self, to: u8, now: Instant) -> bool {
        let (at, pause) = self
            .offers
            .get(&to)
            .copied()
            .unwrap_or((now, self.config.repeat_min));
        if at > now {
            return false;
        }
        let longest = self.config.repeat_max * 4;
        self.offers
            .insert(to, (now + pause, (pause * 2).min(longest)));
        true
    }

    /// Votes and certificates of the rounds that somebody is in or has before him.
    fn send_votes(&self, to: u8, round: u64, out: &mut Outbox<ReplicaOutput>) {
        let Some(to) = self.address_of(to) else {
            return;
        };
        for message in self.consensus.votes_from(round) {
            out.push(ReplicaOutput::Send { to, message });
        }
    }

    /// Fetches actions that the sender knows and we do not.
    fn compare_actions(
        &mut self,
        sender: u8,
        status: &Status,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let own = self.pool.counters();
        let theirs = &status.actions_known;
        for (author, (own, theirs)) in (0u8..).zip(own.iter().zip(theirs.iter())) {
            if theirs > own {
                let from = own + 1;
                self.ask(sender, Fetch::Actions { author, from }, out);
            }
        }
        // Equal counters over other actions: somebody signed two with one number.
        if own[..] == theirs[..] && status.actions_digest != self.pool.digest() {
            self.reconcile(sender, now, out);
        }
    }

    fn body(&self, hash: &Hash) -> Option<(Block, Option<Certificate>)> {
        self.consensus.body(hash).or_else(|| {
            let entry = self.history.find(hash)?;
            Some((entry.block.clone(), entry.finalization.clone()))
        })
    }

    fn is_reachable(&self, index: u8) -> bool {
        self.address_of(index)
            .is_some_and(|address| self.reachable.contains(&address))
    }
}
