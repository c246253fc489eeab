//! What a group did, checked by somebody who was not there: every block is executed again to its
//! root, every finalization verified, every roll recomputed from its preimages.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::execute::{Executor, Invalid, Opened, Standing};
use super::randomness::{draw_seed, leads_to};
use super::records::Records;
use crate::consensus::Committee;
use crate::crypto::{Hash, SignatureScheme};
use crate::group::Transcript;
use crate::id::PeerId;
use crate::rules::Rules;
use crate::wire::{Block, Certificate, RulesId, VoteKind};

/// One draw of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roll {
    /// Its number.
    pub draw: u64,
    /// Height of the block that opened it.
    pub height: u64,
    /// Hash of the block that closed the bets.
    pub closing: Hash,
    /// Committee indices of those who contributed.
    pub contributors: Vec<u8>,
    /// What its dice came from: `rules::Random::new(seed)` rolls them again.
    pub seed: Hash,
}

/// Why a transcript is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// Its opener did not sign the genesis.
    #[error("the genesis is not signed by its opener")]
    Genesis,
    /// The group plays by rules that are not at hand.
    #[error("the group plays by {need:?}, at hand are {have:?}")]
    Rules {
        /// The rules at hand.
        have: Box<RulesId>,
        /// The rules of the genesis.
        need: Box<RulesId>,
    },
    /// The first state is not the one of the genesis.
    #[error("the first state is not the one that the genesis names")]
    Base,
    /// A block breaks a rule, or executes to another root.
    #[error("block {height}: {invalid}")]
    Block {
        /// Its height.
        height: u64,
        /// What is wrong.
        #[source]
        invalid: Invalid,
    },
    /// A finalization that a quorum did not sign, or of another block.
    #[error("block {height} has a finalization that does not verify")]
    Finalization {
        /// Its height.
        height: u64,
    },
    /// The last block is not final.
    #[error("the last block has no finalization")]
    NotFinal,
    /// A draw that its preimages do not give.
    #[error("draw {draw} does not follow from its preimages")]
    Draw {
        /// Its number.
        draw: u64,
    },
}

/// Checks `transcript` and gives its draws. A transcript whose oldest blocks were dropped is checked
/// from its `base` on, which it must be believed for.
pub fn verify(
    transcript: &Transcript,
    rules: Arc<dyn Rules>,
    scheme: Arc<dyn SignatureScheme>,
) -> Result<Vec<Roll>, TranscriptError> {
    let genesis = &transcript.genesis.genesis;
    if !transcript.genesis.verify(&*scheme) {
        return Err(TranscriptError::Genesis);
    }
    if rules.id() != genesis.rules {
        return Err(TranscriptError::Rules {
            have: Box::new(rules.id()),
            need: Box::new(genesis.rules.clone()),
        });
    }
    let executor = Executor::new(
        genesis.clone(),
        rules,
        Arc::clone(&scheme),
        #[cfg(feature = "planted")]
        None,
    );
    let committee = Committee::new(
        genesis.group,
        executor.epoch(),
        genesis.members.iter().map(|member| member.peer).collect(),
        genesis.mode(),
        scheme,
    );
    let root = executor
        .genesis_state()
        .map_err(|_| TranscriptError::Base)?
        .root();
    if genesis.root != root || (transcript.base_height == 0 && transcript.base.root() != root) {
        return Err(TranscriptError::Base);
    }
    let last = transcript.entries.last();
    if last.is_some_and(|entry| entry.finalization.is_none()) {
        return Err(TranscriptError::NotFinal);
    }
    let mut dice = Dice::new(&executor, transcript);
    let mut state = transcript.base.clone();
    let mut height = transcript.base_height;
    let mut parent = match transcript.entries.first() {
        Some(entry) if height > 0 => entry.block.parent,
        Some(_) | None => executor.epoch(),
    };
    for entry in &transcript.entries {
        let block = &entry.block;
        let standing = Standing {
            height,
            block: parent,
            state: &state,
        };
        let executed =
            executor
                .execute(standing, block)
                .map_err(|invalid| TranscriptError::Block {
                    height: block.height,
                    invalid,
                })?;
        height = block.height;
        parent = block.hash(executor.epoch());
        if let Some(finalization) = &entry.finalization
            && !finalizes(&committee, finalization, parent)
        {
            return Err(TranscriptError::Finalization { height });
        }
        dice.block(block, parent, executed.opened.as_ref())?;
        state = executed.state;
    }
    Ok(dice.rolls)
}

fn finalizes(committee: &Committee, certificate: &Certificate, block: Hash) -> bool {
    certificate.statement.kind == VoteKind::Finalize
        && certificate.statement.block == block
        && committee.verify_certificate(certificate)
}

/// Recomputes the draws from blocks alone: it shares no bookkeeping with the execution.
struct Dice<'a> {
    executor: &'a Executor,
    /// By height.
    hashes: BTreeMap<u64, Hash>,
    /// Per committee index: the last draw and its preimage, at first 0 and the tip.
    chains: Vec<(u64, Hash)>,
    /// Preimages of the draw that is not open, by committee index.
    recorded: BTreeMap<u8, Hash>,
    rolls: Vec<Roll>,
}

impl<'a> Dice<'a> {
    fn new(executor: &'a Executor, transcript: &Transcript) -> Self {
        let mut dice = Self {
            executor,
            hashes: BTreeMap::new(),
            chains: executor
                .genesis()
                .members
                .iter()
                .map(|member| (0, member.tip))
                .collect(),
            recorded: BTreeMap::new(),
            rolls: Vec::new(),
        };
        let draws = transcript
            .base
            .draws()
            .filter(|_| transcript.base_height > 0);
        if let Some(draws) = draws {
            dice.chains = draws
                .voters
                .iter()
                .map(|chain| (chain.spent, chain.preimage))
                .collect();
            if let Some(pending) = draws.pending {
                dice.recorded = (0u8..)
                    .zip(draws.voters.iter())
                    .filter(|(_, chain)| chain.spent == pending.draw)
                    .map(|(index, chain)| (index, chain.preimage))
                    .collect();
                if let Some(closing) = pending.closing {
                    dice.hashes.insert(pending.closing_height, closing);
                }
            }
        }
        if let Some(first) = transcript.entries.first() {
            dice.hashes
                .insert(transcript.base_height, first.block.parent);
        }
        dice
    }

    fn block(
        &mut self,
        block: &Block,
        hash: Hash,
        opened: Option<&Opened>,
    ) -> Result<(), TranscriptError> {
        self.hashes.insert(block.height, hash);
        let Some(opening) = &block.opening else {
            return Ok(());
        };
        let wrong = TranscriptError::Draw { draw: opening.draw };
        for (voter, preimage) in opening.preimages.iter() {
            let Some(chain) = self.chains.get_mut(usize::from(*voter)) else {
                return Err(wrong);
            };
            let links = opening.draw.saturating_sub(chain.0);
            if !leads_to(*preimage, links, chain.1) {
                return Err(wrong);
            }
            *chain = (opening.draw, *preimage);
            self.recorded.insert(*voter, *preimage);
        }
        let Some(opened) = opened else {
            return Ok(());
        };
        let recorded: Vec<_> = std::mem::take(&mut self.recorded).into_iter().collect();
        let members = &self.executor.genesis().members;
        let named: Vec<(PeerId, Hash)> = recorded
            .iter()
            .map(|(index, preimage)| (members[usize::from(*index)].peer, *preimage))
            .collect();
        let closed = self.hashes.values().any(|hash| *hash == opened.closing);
        let seed = draw_seed(
            self.executor.group(),
            self.executor.epoch(),
            opening.draw,
            opened.closing,
            &named,
        );
        if !closed || recorded.is_empty() || seed != opened.seed {
            return Err(wrong);
        }
        self.rolls.push(Roll {
            draw: opening.draw,
            height: block.height,
            closing: opened.closing,
            contributors: recorded.iter().map(|(index, _)| *index).collect(),
            seed,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
