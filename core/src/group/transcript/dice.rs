//! The draws of a transcript, recomputed from preimages and block hashes alone.

use std::collections::BTreeMap;

use super::TranscriptError;
use crate::crypto::Hash;
use crate::group::Transcript;
use crate::group::execute::{Executor, Opened};
use crate::group::randomness::{draw_seed, leads_to};
use crate::group::records::Records;
use crate::id::PeerId;
use crate::wire::Block;

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

/// Recomputes the draws from blocks alone: it shares no bookkeeping with the execution.
#[derive(Debug)]
pub(super) struct Dice {
    /// By height.
    hashes: BTreeMap<u64, Hash>,
    /// Per committee index: the last draw and its preimage, at first 0 and the tip.
    chains: Vec<(u64, Hash)>,
    /// Preimages of the draw that is not open, by committee index.
    recorded: BTreeMap<u8, Hash>,
}

impl Dice {
    pub(super) fn new(executor: &Executor, transcript: &Transcript) -> Self {
        let mut dice = Self {
            hashes: BTreeMap::new(),
            chains: executor
                .genesis()
                .members
                .iter()
                .map(|member| (0, member.tip))
                .collect(),
            recorded: BTreeMap::new(),
        };
        let draws = transcript
            .base
            .draws()
            .filter(|_| transcript.base_block.is_some());
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
        let base = transcript.base_block.as_ref();
        let (height, hash) = base.map_or((0, executor.epoch()), |base| {
            (base.header.height, base.header.hash(executor.epoch()))
        });
        dice.hashes.insert(height, hash);
        dice
    }

    /// The draw that `block` opened, recomputed.
    pub(super) fn block(
        &mut self,
        executor: &Executor,
        block: &Block,
        hash: Hash,
        opened: Option<&Opened>,
    ) -> Result<Option<Roll>, TranscriptError> {
        self.hashes.insert(block.height, hash);
        let Some(opening) = &block.opening else {
            return Ok(None);
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
            return Ok(None);
        };
        let recorded: Vec<_> = std::mem::take(&mut self.recorded).into_iter().collect();
        let members = &executor.genesis().members;
        let named: Vec<(PeerId, Hash)> = recorded
            .iter()
            .map(|(index, preimage)| (members[usize::from(*index)].peer, *preimage))
            .collect();
        let closed = self.hashes.values().any(|hash| *hash == opened.closing);
        let seed = draw_seed(
            executor.group(),
            executor.epoch(),
            opening.draw,
            opened.closing,
            &named,
        );
        if !closed || recorded.is_empty() || seed != opened.seed {
            return Err(wrong);
        }
        Ok(Some(Roll {
            draw: opening.draw,
            height: block.height,
            closing: opened.closing,
            contributors: recorded.iter().map(|(index, _)| *index).collect(),
            seed,
        }))
    }
}
