//! One voter whose surroundings the test plays by hand.

use std::collections::BTreeMap;

use super::bench::{Bench, block};
use crate::config::ConsensusConfig;
use crate::consensus::{Consensus, Input, Output, Verdict};
use crate::crypto::Hash;
use crate::outbox::Outbox;
use crate::outbox::Record;
use crate::time::{Duration, Instant};
use crate::wire::{
    Block, Certificate, GroupMessage, Mode, Parent, Proposal, Vote, VoteKind, VoteStatement,
};

/// Voter `own` of four, by the default configuration.
pub(super) fn solo(own: u8) -> Solo {
    Solo::new(own, &ConsensusConfig::default())
}

pub(super) struct Solo {
    pub(super) bench: Bench,
    pub(super) consensus: Consensus,
    pub(super) own: u8,
    pub(super) now: Instant,
    /// What came out, except for what is answered here.
    pub(super) out: Vec<Output>,
    /// Verdicts other than valid.
    pub(super) verdicts: BTreeMap<Hash, Verdict>,
    /// Stores complete at once.
    pub(super) stores: bool,
    /// Batches that were not completed.
    pub(super) waiting: Vec<u64>,
    pub(super) disk: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Number of the next action that is built.
    pub(super) next_action: u64,
    /// Processes before this one.
    pub(super) processes: u64,
    config: ConsensusConfig,
}

impl Solo {
    /// Voter `own` of four.
    pub(super) fn new(own: u8, config: &ConsensusConfig) -> Self {
        Self::of(Bench::new(4, Mode::Bft), own, true, config)
    }

    pub(super) fn of(bench: Bench, own: u8, may_vote: bool, config: &ConsensusConfig) -> Self {
        let now = Instant::from_millis(1000);
        let consensus = Consensus::new(
            config.clone(),
            bench.committee.clone(),
            bench.identities[usize::from(own)].clone(),
            Some(own),
            Bench::proof(may_vote, 0),
            bench.base(),
            now,
        );
        Self {
            consensus,
            own,
            now,
            out: Vec::new(),
            verdicts: BTreeMap::new(),
            stores: true,
            waiting: Vec::new(),
            disk: BTreeMap::new(),
            next_action: 1000,
            processes: 0,
            config: config.clone(),
            bench,
        }
    }

    pub(super) fn feed(&mut self, input: Input) {
        let mut out = Outbox::new();
        self.consensus.handle(input, self.now, &mut out);
        self.drain(out);
    }

    /// Crashes and starts from the disk.
    pub(super) fn restart(&mut self) {
        self.restart_on(true);
    }

    /// The same, with a disk that is proved current or not.
    pub(super) fn restart_on(&mut self, current: bool) {
        self.processes += 1;
        let records: Vec<Record> = self
            .disk
            .iter()
            .map(|(key, value)| Record {
                key: key.clone(),
                value: value.clone(),
            })
            .collect();
        let mut out = Outbox::new();
        self.waiting.clear();
        self.out.clear();
        self.consensus = Consensus::restore(
            self.config.clone(),
            self.bench.committee.clone(),
            self.bench.identities[usize::from(self.own)].clone(),
            Some(self.own),
            Bench::proof(current, self.processes),
            self.bench.base(),
            &records,
            self.now,
            &mut out,
        );
        self.drain(out);
    }

    fn drain(&mut self, mut out: Outbox<Output>) {
        while let Some(output) = out.pop() {
            let input = match output {
                Output::Execute { hash, .. } => Input::Executed {
                    block: hash,
                    verdict: self.verdicts.get(&hash).copied().unwrap_or(Verdict::Valid),
                },
                Output::Store {
                    sequence,
                    puts,
                    deletes,
                } => {
                    if !self.stores {
                        self.waiting.push(sequence);
                        continue;
                    }
                    for put in puts {
                        self.disk.insert(put.key, put.value);
                    }
                    for key in deletes {
                        self.disk.remove(&key);
                    }
                    Input::Stored { sequence }
                }
                Output::Build {
                    round,
                    parent,
                    height,
                } => {
                    self.out.push(Output::Build {
                        round,
                        parent,
                        height,
                    });
                    self.next_action += 1;
                    let block =
                        (height <= 20).then(|| block(height, parent, parent, &[self.next_action]));
                    Input::Built { round, block }
                }
                other => {
                    self.out.push(other);
                    continue;
                }
            };
            self.consensus.handle(input, self.now, &mut out);
        }
    }

    /// Lets time pass, from deadline to deadline.
    pub(super) fn wait(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some((at, _)) = self.consensus.deadline().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.feed(Input::Timeout);
        }
        self.now = end;
    }

    /// A block on the genesis.
    pub(super) fn first(&self, id: u64) -> Block {
        let genesis = self.bench.committee.epoch;
        block(1, genesis, genesis, &[id])
    }

    pub(super) fn hash(&self, block: &Block) -> Hash {
        self.bench.hash(block)
    }

    /// The leader of `round` proposes.
    pub(super) fn proposal(&mut self, round: u64, parent: Parent, block: &Block) -> Proposal {
        let proposal = self.bench.propose(round, parent, block.clone());
        self.feed(Input::Proposal(proposal.clone()));
        proposal
    }

    /// The other three certify.
    pub(super) fn certify(&mut self, round: u64, kind: VoteKind, block: Hash) -> Certificate {
        let voters: Vec<u8> = (0..4).filter(|voter| *voter != self.own).collect();
        let certificate = self.bench.certificate(&voters, round, kind, block);
        self.feed(Input::Certificates(vec![certificate.clone()]));
        certificate
    }

    pub(super) fn nullified(&mut self, round: u64) {
        self.certify(round, VoteKind::Nullify, Hash::ZERO);
    }

    pub(super) fn vote(&mut self, voter: u8, round: u64, kind: VoteKind, block: Hash) -> Vote {
        let vote = self.bench.vote(voter, round, kind, block);
        self.feed(Input::Votes(vec![vote]));
        vote
    }

    /// Own votes that were sent, in order.
    pub(super) fn cast(&self) -> Vec<VoteStatement> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::Spread {
                    message: GroupMessage::Votes(votes),
                    ..
                } => Some(votes),
                _ => None,
            })
            .flat_map(|votes| votes.iter())
            .filter(|vote| vote.voter == self.own)
            .map(|vote| vote.statement)
            .collect()
    }

    pub(super) fn has_cast(&self, round: u64, kind: VoteKind) -> bool {
        self.cast()
            .iter()
            .any(|vote| vote.round == round && vote.kind == kind)
    }

    /// Own proposals that were sent.
    pub(super) fn proposed(&self) -> Vec<Proposal> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::Spread {
                    message: GroupMessage::Proposal(proposal),
                    ..
                } if proposal.leader == self.own => Some(proposal.clone()),
                _ => None,
            })
            .collect()
    }

    pub(super) fn builds(&self) -> Vec<(u64, Hash)> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::Build { round, parent, .. } => Some((*round, *parent)),
                _ => None,
            })
            .collect()
    }

    pub(super) fn evidence(&self) -> Vec<u8> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::Evidence { voter, .. } => Some(*voter),
                _ => None,
            })
            .collect()
    }

    pub(super) fn finalized(&self) -> usize {
        let is_final = |output: &&Output| matches!(output, Output::Finalized { .. });
        self.out.iter().filter(is_final).count()
    }

    pub(super) fn faults(&self) -> usize {
        let is_fault = |output: &&Output| matches!(output, Output::Fault(_));
        self.out.iter().filter(is_fault).count()
    }

    /// Messages for one member.
    pub(super) fn sent(&self) -> Vec<(u8, GroupMessage)> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::Send { to, message } => Some((*to, message.clone())),
                _ => None,
            })
            .collect()
    }
}
