//! What a group did, checked by somebody who was not there: every block is executed again to its
//! root, every finalization verified, every roll recomputed from its preimages.

mod dice;
mod file;

pub use dice::Roll;
pub use file::{
    TRANSCRIPT_LEN_MAX, TRANSCRIPT_VERSION, TranscriptDamage, TranscriptFileError, TranscriptReader,
};

use std::sync::Arc;

use self::dice::Dice;
use super::execute::{Executor, Invalid, Standing};
use super::records::Records;
use crate::consensus::Committee;
use crate::crypto::{Hash, SignatureScheme};
use crate::group::{BaseBlock, Transcript, TranscriptEntry};
use crate::rules::Rules;
use crate::state::{Change, History, Map};
use crate::wire::{
    ActionId, ActionPayload, Block, Certificate, Reason, RulesId, SignedGenesis, VoteKind,
};

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
    /// The first state is not the one of the genesis, or of the block that led to it.
    #[error("the first state is not the one that the genesis, or the block below, names")]
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

impl Transcript {
    /// What `history` keeps of the group that `genesis` founded. Where older blocks were dropped, the
    /// state after the oldest kept one is the base; so too where a state came without its block.
    pub(super) fn of(genesis: &SignedGenesis, history: &History) -> Self {
        let oldest = history.entries().next();
        let base_block = oldest
            .filter(|oldest| oldest.header.height > 1 || oldest.block.is_none())
            .map(|oldest| BaseBlock {
                header: oldest.header,
                finalization: oldest.finalization.clone(),
            });
        let base_height = base_block.as_ref().map_or(0, |base| base.header.height);
        let base = history
            .state_at(base_height)
            .expect("a kept block has its state");
        let above = history
            .since(base_height)
            .expect("nothing above the base was dropped");
        Self {
            genesis: genesis.clone(),
            base: base.clone(),
            base_block,
            entries: above
                .filter_map(|entry| {
                    Some(TranscriptEntry {
                        block: entry.block.clone()?,
                        finalization: entry.finalization.clone(),
                    })
                })
                .collect(),
        }
    }

    /// Height of the base: 0 where nothing was dropped.
    pub fn base_height(&self) -> u64 {
        let base = self.base_block.as_ref();
        base.map_or(0, |base| base.header.height)
    }

    /// Height of the last block, or of the base where there is none.
    pub fn height(&self) -> u64 {
        let last = self.entries.last();
        last.map_or_else(|| self.base_height(), |entry| entry.block.height)
    }

    /// Whether the last block has a finalization of its own; the genesis needs none.
    fn ends_final(&self) -> bool {
        match (self.entries.last(), &self.base_block) {
            (Some(last), _) => last.finalization.is_some(),
            (None, Some(base)) => base.finalization.is_some(),
            (None, None) => true,
        }
    }
}

/// One block of a transcript, executed again.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its height.
    pub height: u64,
    /// Its hash.
    pub block: Hash,
    /// Whether it has a finalization of its own; if not, it is final by one above it.
    pub finalized: bool,
    /// The draw that it opened.
    pub roll: Option<Roll>,
    /// Its actions with their fates, in order.
    pub actions: Vec<StepAction>,
    /// The keys that it changed, in order.
    pub changes: Vec<Change>,
    /// The state after it, whose root is the one that the block names.
    pub state: Map,
}

/// One action of a [`Step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepAction {
    /// Its name.
    pub id: ActionId,
    /// Committee index of its author.
    pub author: u8,
    /// What it asked for.
    pub payload: ActionPayload,
    /// Why it was refused; none = committed.
    pub refused: Option<Reason>,
}

/// Checks `transcript` and gives its draws. A transcript whose oldest blocks were dropped is checked
/// from its `base` on, whose root a quorum has finalized.
pub fn verify(
    transcript: &Transcript,
    rules: Arc<dyn Rules>,
    scheme: Arc<dyn SignatureScheme>,
) -> Result<Vec<Roll>, TranscriptError> {
    let steps = Retrace::new(transcript, rules, scheme)?;
    steps
        .filter_map(|step| step.map(|it| it.roll).transpose())
        .collect()
}

/// A transcript on its way through the executor: yields one [`Step`] after the other. The first
/// check that fails is the last item. A step is as good as the next finalization: until one at its
/// height or above has come, only its author vouches for it.
#[derive(Debug)]
pub struct Retrace<'a> {
    transcript: &'a Transcript,
    executor: Executor,
    committee: Committee,
    dice: Dice,
    /// Index of the next entry.
    next: usize,
    height: u64,
    block: Hash,
    state: Map,
}

impl<'a> Retrace<'a> {
    /// Checks what is known before the first block: genesis, rules, the first state, and that the
    /// last block is final.
    pub fn new(
        transcript: &'a Transcript,
        rules: Arc<dyn Rules>,
        scheme: Arc<dyn SignatureScheme>,
    ) -> Result<Self, TranscriptError> {
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
        if !transcript.ends_final() {
            return Err(TranscriptError::NotFinal);
        }
        let mut retrace = Self {
            transcript,
            dice: Dice::new(&executor, transcript),
            height: transcript.base_height(),
            block: executor.epoch(),
            executor,
            committee,
            next: 0,
            state: transcript.base.clone(),
        };
        retrace.check_base()?;
        Ok(retrace)
    }

    /// The base is the genesis' state, or the one that its block names: that this block is final
    /// follows from its finalization or from the blocks that stand on it.
    fn check_base(&mut self) -> Result<(), TranscriptError> {
        let genesis = self.executor.genesis();
        let genesis_root = match self.executor.genesis_state() {
            Ok(state) if state.root() == genesis.root => genesis.root,
            Ok(_) | Err(_) => return Err(TranscriptError::Base),
        };
        let Some(BaseBlock {
            header,
            finalization,
        }) = &self.transcript.base_block
        else {
            return if self.state.root() == genesis_root {
                Ok(())
            } else {
                Err(TranscriptError::Base)
            };
        };
        let draws = self.state.draws();
        if header.height == 0
            || header.root != self.state.root()
            || draws.is_none_or(|draws| draws.voters.len() != genesis.members.len())
        {
            return Err(TranscriptError::Base);
        }
        self.block = header.hash(self.executor.epoch());
        if let Some(finalization) = finalization
            && !finalizes(&self.committee, finalization, self.block)
        {
            return Err(TranscriptError::Finalization {
                height: header.height,
            });
        }
        Ok(())
    }

    fn step(&mut self, entry: &TranscriptEntry) -> Result<Step, TranscriptError> {
        let block = &entry.block;
        let standing = Standing {
            height: self.height,
            block: self.block,
            state: &self.state,
        };
        let executed =
            self.executor
                .execute(standing, block)
                .map_err(|invalid| TranscriptError::Block {
                    height: block.height,
                    invalid,
                })?;
        let hash = block.hash(self.executor.epoch());
        if let Some(finalization) = &entry.finalization
            && !finalizes(&self.committee, finalization, hash)
        {
            return Err(TranscriptError::Finalization {
                height: block.height,
            });
        }
        let roll = self
            .dice
            .block(&self.executor, block, hash, executed.opened.as_ref())?;
        let changes = self.state.changes(&executed.state);
        self.height = block.height;
        self.block = hash;
        self.state = executed.state.clone();
        Ok(Step {
            height: block.height,
            block: hash,
            finalized: entry.finalization.is_some(),
            roll,
            actions: self.actions(block, executed.fates),
            changes,
            state: executed.state,
        })
    }

    fn actions(&self, block: &Block, fates: Vec<(ActionId, Option<Reason>)>) -> Vec<StepAction> {
        let genesis = self.executor.genesis();
        block
            .actions
            .iter()
            .zip(fates)
            .map(|(signed, (id, refused))| StepAction {
                id,
                author: genesis
                    .index_of(&id.author)
                    .expect("executed actions are members'"),
                payload: signed.action.payload.clone(),
                refused,
            })
            .collect()
    }
}

impl Iterator for Retrace<'_> {
    type Item = Result<Step, TranscriptError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.transcript.entries.get(self.next)?;
        let step = self.step(entry);
        self.next = match &step {
            Ok(_) => self.next + 1,
            Err(_) => usize::MAX,
        };
        Some(step)
    }
}

fn finalizes(committee: &Committee, certificate: &Certificate, block: Hash) -> bool {
    certificate.statement.kind == VoteKind::Finalize
        && certificate.statement.block == block
        && committee.verify_certificate(certificate)
}

#[cfg(test)]
mod tests;
