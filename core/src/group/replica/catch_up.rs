//! Where others stand: status messages, requests and answers. What comes back is a claim until its
//! certificate verifies.

use super::agree::finalized_head;
use super::diverge::Contradiction;
use super::{Replica, ReplicaEvent, ReplicaOutput, standing};
use crate::consensus::Input;
use crate::crypto::Hash;
use crate::id::MeshAddress;
use crate::outbox::Outbox;
use crate::state::Map;
use crate::sync::pack::{Nothing, pack};
use crate::sync::{SyncStep, Synchronizer};
use crate::time::Instant;
use crate::wire::{
    Block, BlockWithCertificate, BoundedVec, Certificate, Fetch, Found, GroupMessage, Header,
    Status,
};

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
        self.synchronizer.want(to);
        self.synchronize(now, out);
    }

    /// Sends whatever the synchroniser asks for now.
    pub(super) fn synchronize(&mut self, now: Instant, out: &mut Outbox<ReplicaOutput>) {
        while let Some(message) = self.synchronizer.generate(&self.history, now) {
            self.dirty = true;
            self.ask(message.to, message.fetch, out);
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
            tally_digest: self.tally.digest(),
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
        self.split.heard(sender);
        let head = self.history.head();
        let height = head.0;
        self.synchronizer
            .heard(sender, (status.height, status.block), head);
        self.synchronize(now, out);
        self.resynced(sender, status.height, out);
        if status.reply {
            let Some(to) = self.address_of(sender) else {
                return;
            };
            self.send_status(to, false, out);
        }
        self.tally_heard(sender, status.tally_digest, status.reply, now, out);
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
            Fetch::Above { .. } | Fetch::Parts { .. } => {
                Synchronizer::answer(&self.history, fetch, self.config.sync_answer_bytes_max)
            }
            Fetch::Body { block } => match self.body(block) {
                Some((block, certificate)) => {
                    Found::Body(BlockWithCertificate { block, certificate })
                }
                // Whoever asks a member for a body asks another one next.
                None => return,
            },
            Fetch::Actions { author, from } => {
                let actions = self.pool.since(*author, *from);
                let budget = self.config.sync_answer_bytes_max;
                let packed = pack(self.packing(), &actions, &Nothing, budget);
                Found::Actions(packed.map(|(packed, _)| packed).unwrap_or_default())
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
            Found::Actions(packed) => self.actions(packed, sender, None, now, out),
            Found::Blocks { .. }
            | Found::Delta { .. }
            | Found::Snapshot { .. }
            | Found::Parts { .. }
            | Found::UpToDate
            | Found::Busy { .. } => {
                if let Some(sender) = sender {
                    self.certified(sender, found, now, out);
                }
            }
        }
    }

    fn certified(
        &mut self,
        sender: u8,
        found: Found,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let committee = self.consensus.committee();
        let verify = |certificate: &Certificate| committee.verify_certificate(certificate);
        let step = self
            .synchronizer
            .receive(sender, found, &self.history, &verify, now);
        self.dirty = true;
        match step {
            Ok(SyncStep::Blocks {
                blocks,
                finalization,
            }) => self.install_blocks(blocks, finalization, now, out),
            Ok(SyncStep::State {
                header,
                finalization,
                state,
            }) => self.install_state(header, finalization, state, now, out),
            Ok(SyncStep::Diverged {
                height,
                own,
                finalization,
                ..
            }) => self.forked((height, own), finalization, now, out),
            Ok(SyncStep::Examined { state, .. }) => self.examined(state, now, out),
            Ok(SyncStep::More | SyncStep::UpToDate | SyncStep::Late | SyncStep::Busy { .. }) => {}
            Err(fault) => {
                let peer = self.members.get(usize::from(sender)).copied();
                out.push(ReplicaOutput::Fault { peer, fault });
            }
        }
        // The answer may have been a part, wrong, or overtaken while it travelled.
        self.synchronize(now, out);
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
        let mut blocks = blocks.into_iter().enumerate();
        while let Some((index, block)) = blocks.next() {
            let (height, parent) = self.history.head();
            let base = standing(height, parent, self.history.state());
            let executed = self.executor.execute(base, &block).ok();
            let state = executed.as_ref().map(|executed| executed.state.clone());
            let own = (index == last).then(|| finalization.clone());
            let committed =
                executed.is_some_and(|it| self.commit(block.clone(), it, own, now, out));
            if !committed {
                let contradiction = Contradiction {
                    block,
                    above: blocks.map(|(_, block)| block.header()).collect(),
                    certificate: finalization,
                    own: state,
                };
                return self.contradicted(contradiction, now, out);
            }
        }
        let (height, block) = self.history.head();
        self.installed(height, block, finalization, now, out);
    }

    /// A certified state without the blocks below it. Own actions get their fates from the records of
    /// the authors in it.
    fn install_state(
        &mut self,
        header: Header,
        finalization: Certificate,
        state: Map,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let old = self.history.head().0;
        self.history
            .install(header, finalization.clone(), state)
            .expect("the synchroniser gives no state that is not of its header");
        let (height, hash) = self.history.head();
        self.store_base(old, out);
        out.push(ReplicaOutput::Event(ReplicaEvent::Committed {
            head: self.head(),
            applied: Vec::new(),
            refused: Vec::new(),
        }));
        self.advanced(now, out);
        self.installed(height, hash, finalization, now, out);
        self.passed(height, now, out);
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
        self.caught_up(out);
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
                // Several say so at once when two sides meet: one is asked.
                self.ask_actions(Some(sender), author, from, now, out);
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
            Some((entry.block.clone()?, entry.finalization.clone()))
        })
    }

    pub(super) fn is_reachable(&self, index: u8) -> bool {
        self.address_of(index)
            .is_some_and(|address| self.reachable.contains(&address))
    }
}
