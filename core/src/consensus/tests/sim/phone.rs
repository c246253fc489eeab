//! What a phone does around its consensus: the group in small, and what is checked of it.

use rand_core::Rng;

use super::super::bench::{actions, block, root};
use super::Event;
use super::{Message, Sim, Write};
use crate::consensus::{Finalized, Input, Output, RecoveryStage, Verdict};
use crate::crypto::Hash;
use crate::outbox::Outbox;
use crate::wire::{Block, Certificate, Fetch, GroupMessage, Recovery, VoteKind};

impl Sim {
    pub(super) fn deliver(&mut self, from: usize, to: usize, message: Message) {
        let Some(consensus) = &self.nodes[to].consensus else {
            return;
        };
        match message {
            Message::Group(GroupMessage::Proposal(proposal)) => {
                self.feed(to, Input::Proposal(proposal));
            }
            Message::Group(GroupMessage::Votes(votes)) => {
                self.feed(to, Input::Votes(votes.into_vec()));
            }
            Message::Group(GroupMessage::Certificates(certificates)) => {
                self.feed(to, Input::Certificates(certificates.into_vec()));
            }
            Message::Group(GroupMessage::Refusal(refusal)) => {
                self.feed(to, Input::Refusal(refusal));
            }
            Message::Group(GroupMessage::Fetch(Fetch::Votes { from: round })) => {
                for answer in consensus.votes_from(round) {
                    self.send(to, from, Message::Group(answer));
                }
            }
            Message::Group(GroupMessage::Recovery(Recovery::Query { epoch, nonce, .. })) => {
                let asker = from as u8;
                let input = Input::RoundAsked {
                    asker,
                    epoch,
                    nonce,
                };
                self.feed(to, input);
            }
            Message::Group(GroupMessage::Recovery(Recovery::Answer(answer))) => {
                let answer = self.as_told_by(from, answer);
                self.feed(to, Input::RoundAnswered(answer));
            }
            Message::Group(other) => panic!("not a message of consensus: {other:?}"),
            Message::Action(id) => {
                self.nodes[to].pool.insert(id);
                self.work(to);
            }
            Message::Status { height, reply } => {
                let own = self.nodes[to].committed.len() as u64;
                if own < height {
                    self.send(to, from, Message::AskBlocks);
                }
                if reply {
                    let status = Message::Status {
                        height: own,
                        reply: false,
                    };
                    self.send(to, from, status);
                    for answer in self.nodes[to]
                        .consensus
                        .as_ref()
                        .unwrap()
                        .votes_from(own.saturating_sub(1))
                    {
                        self.send(to, from, Message::Group(answer));
                    }
                }
            }
            Message::AskBlocks => {
                let finalized = consensus.finalized().clone();
                if finalized.certificate.is_some() {
                    let committed = self.nodes[to].committed.clone();
                    let answer = Message::Blocks(Box::new((finalized, committed)));
                    self.send(to, from, answer);
                }
            }
            Message::Blocks(answer) => {
                let (finalized, committed) = *answer;
                if finalized.height <= self.nodes[to].committed.len() as u64 {
                    return;
                }
                for (height, hash) in committed.iter().enumerate() {
                    self.agree(height, *hash);
                }
                let state = &mut self.nodes[to];
                state.committed.clone_from(&committed);
                state.executed.insert(finalized.block);
                self.write(to, Write::Base(finalized.clone(), committed));
                self.feed(to, Input::Installed(finalized));
            }
            Message::AskBody(hash) => {
                let held = consensus.body(&hash).map(|(block, _)| block);
                let committed = self.nodes[to].committed.contains(&hash);
                let old = self.blocks.get(&hash).filter(|_| committed).cloned();
                if let Some(block) = held.or(old) {
                    self.send(to, from, Message::Body(block));
                }
            }
            Message::Body(block) => self.feed(to, Input::Body(block)),
        }
    }

    pub(super) fn agree(&mut self, height: usize, hash: Hash) {
        match self.agreed.get(height) {
            None => {
                assert_eq!(self.agreed.len(), height, "commits have no gaps");
                self.agreed.push(hash);
            }
            Some(agreed) => assert_eq!(*agreed, hash, "agreement at height {}", height + 1),
        }
    }

    /// Says whether there is something to include, when that or the tip has changed.
    pub(super) fn work(&mut self, node: usize) {
        let state = &self.nodes[node];
        let Some(consensus) = &state.consensus else {
            return;
        };
        let tip = consensus.tip();
        assert!(state.executed.contains(&tip), "the tip was executed");
        let work = state.pool.difference(&self.states[&tip].1).next().is_some();
        if state.said != Some((tip, work)) {
            self.nodes[node].said = Some((tip, work));
            self.feed(node, Input::Work(work));
        }
    }

    pub(super) fn feed(&mut self, node: usize, input: Input) {
        let mut out = Outbox::new();
        let Some(consensus) = &mut self.nodes[node].consensus else {
            return;
        };
        consensus.handle(input, self.now, &mut out);
        self.drain(node, out);
        self.work(node);
        let Some(consensus) = &self.nodes[node].consensus else {
            return;
        };
        self.seen.rounds = self.seen.rounds.max(consensus.round());
        let due = consensus.deadline().map(|(at, _)| at);
        if due != self.nodes[node].wake {
            self.nodes[node].wake = due;
            let life = self.nodes[node].life;
            if let Some(at) = due {
                self.push(at.max(self.now), Event::Wake { node, life });
            }
        }
    }

    pub(super) fn drain(&mut self, node: usize, mut out: Outbox<Output>) {
        while let Some(output) = out.pop() {
            let answer = self.wish(node, output);
            if let Some(input) = answer
                && let Some(consensus) = &mut self.nodes[node].consensus
            {
                consensus.handle(input, self.now, &mut out);
            }
        }
    }

    pub(super) fn wish(&mut self, node: usize, output: Output) -> Option<Input> {
        match output {
            Output::Build {
                round,
                parent,
                height,
            } => return Some(self.build(node, round, parent, height)),
            Output::Execute {
                parent,
                hash,
                block,
            } => return Some(self.execute(node, parent, hash, &block)),
            Output::Store {
                sequence,
                puts,
                deletes,
            } => self.write(
                node,
                Write::Consensus {
                    sequence,
                    puts,
                    deletes,
                },
            ),
            Output::Spread { author, message } => {
                self.check_sent(node, &message);
                let children = self.parents(usize::from(author));
                for (other, place) in children.into_iter().enumerate() {
                    if place.is_some_and(|(parent, hops)| parent == node && hops > 0) {
                        self.send(node, other, Message::Group(message.clone()));
                    }
                }
            }
            Output::Send { to, message } => {
                self.check_sent(node, &message);
                self.send(node, usize::from(to), Message::Group(message));
            }
            Output::Repeat { message } => {
                self.check_sent(node, &message);
                for other in 0..self.weather.n {
                    if self.linked[node][other] {
                        self.send(node, other, Message::Group(message.clone()));
                    }
                }
            }
            Output::Finalized {
                blocks,
                certificate,
            } => self.finalized(node, blocks, certificate),
            Output::NeedBody { block, from } => {
                let to = from[self.rng.next_u64() as usize % from.len()];
                self.send(node, usize::from(to), Message::AskBody(block));
            }
            Output::NeedBlocks { from } => {
                let to = from[self.rng.next_u64() as usize % from.len()];
                self.send(node, usize::from(to), Message::AskBlocks);
            }
            Output::Evidence { voter, what } => {
                assert!(usize::from(voter) >= self.honest(), "{voter}: {what}");
                self.seen.evidence += 1;
            }
            Output::Refused { .. } => {}
            Output::Recovery { voter, stage } => self.recovers(node, voter, stage),
            Output::Diverged { what } => panic!("{node} diverged: {what}"),
            Output::Fault(fault) => assert!(self.weather.liars > 0, "{fault}"),
        }
        None
    }

    fn recovers(&mut self, node: usize, voter: u8, stage: RecoveryStage) {
        if node == usize::from(voter) && stage == RecoveryStage::Voting {
            self.seen.recoveries += 1;
        }
    }

    pub(super) fn build(&mut self, node: usize, round: u64, parent: Hash, height: u64) -> Input {
        let (parent_root, done) = self.states[&parent].clone();
        let fresh: Vec<u64> = self.nodes[node]
            .pool
            .difference(&done)
            .copied()
            .take(4)
            .collect();
        let built = (!fresh.is_empty()).then(|| {
            let block = block(height, parent, parent_root, &fresh);
            let hash = self.bench.hash(&block);
            let mut state = done;
            state.extend(&fresh);
            self.states.insert(hash, (block.root, state));
            self.blocks.insert(hash, block.clone());
            self.nodes[node].executed.insert(hash);
            block
        });
        if let Some(block) = &built
            && node >= self.honest()
        {
            self.propose_twice(node, round, block);
        }
        Input::Built {
            round,
            block: built,
        }
    }

    pub(super) fn execute(
        &mut self,
        node: usize,
        parent: Hash,
        hash: Hash,
        block: &Block,
    ) -> Input {
        assert!(
            self.nodes[node].executed.contains(&parent),
            "parents are executed first"
        );
        let (parent_root, mut state) = self.states[&parent].clone();
        let ids = actions(block);
        let verdict = if ids.iter().any(|id| state.contains(id)) {
            Verdict::Invalid { rule: 8 }
        } else if root(parent_root, &ids) != block.root {
            Verdict::WrongRoot
        } else {
            state.extend(ids);
            self.states.insert(hash, (block.root, state));
            self.blocks.insert(hash, block.clone());
            self.nodes[node].executed.insert(hash);
            Verdict::Valid
        };
        Input::Executed {
            block: hash,
            verdict,
        }
    }

    pub(super) fn finalized(
        &mut self,
        node: usize,
        blocks: Vec<(Hash, Block)>,
        certificate: Certificate,
    ) {
        assert!(self.bench.committee.verify_certificate(&certificate));
        assert_eq!(certificate.statement.kind, VoteKind::Finalize);
        for (hash, block) in blocks {
            let height = self.nodes[node].committed.len();
            assert_eq!(block.height, height as u64 + 1);
            assert!(self.nodes[node].executed.contains(&hash));
            if node < self.honest() {
                self.agree(height, hash);
            }
            self.nodes[node].committed.push(hash);
        }
        let top = *self.nodes[node].committed.last().unwrap();
        assert_eq!(certificate.statement.block, top);
        let base = Finalized {
            height: self.nodes[node].committed.len() as u64,
            block: top,
            round: certificate.statement.round,
            certificate: Some(certificate),
        };
        let committed = self.nodes[node].committed.clone();
        self.write(node, Write::Base(base, committed));
    }

    /// C6, C8, C10 on everything that an honest node says of itself.
    pub(super) fn check_sent(&mut self, node: usize, message: &GroupMessage) {
        if node >= self.honest() {
            return;
        }
        let GroupMessage::Votes(votes) = message else {
            return;
        };
        for vote in votes.iter().filter(|vote| usize::from(vote.voter) == node) {
            let statement = vote.statement;
            let stored = (statement.round, statement.kind, statement.block);
            assert!(
                self.nodes[node].disk.votes.contains(&stored),
                "stored before it is sent"
            );
            let cast = self.cast.entry((node, statement.round)).or_default();
            let block = Some(statement.block);
            match statement.kind {
                VoteKind::Notarize => {
                    assert!(
                        cast.notarize.is_none_or(|one| Some(one) == block),
                        "two notarizes"
                    );
                    cast.notarize = block;
                }
                VoteKind::Finalize => {
                    assert!(
                        cast.finalize.is_none_or(|one| Some(one) == block),
                        "two finalizes"
                    );
                    cast.finalize = block;
                }
                VoteKind::Nullify => cast.nullify = true,
            }
            assert!(
                cast.finalize.is_none() || !cast.nullify,
                "finalize and nullify in one round"
            );
        }
    }
}
