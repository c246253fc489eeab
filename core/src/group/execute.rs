//! Blocks: made from actions, executed to a root, judged.
//!
//! A block records the preimages that its leader held, which may open the pending draw; then it
//! applies its actions in the one order. Whatever is refused uses its number up and is named with
//! its reason. A voter recomputes all of it: the order, the fates and the root.

#[cfg(feature = "planted")]
mod planted;
mod run;
mod set;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub(super) use self::run::DrawsOpen;
use self::run::Run;
use super::randomness::{DrawState, Reveals};
use super::records::{self, Records};
#[cfg(feature = "planted")]
use crate::config::Plant;
use crate::consensus::quorum;
use crate::crypto::{Domain, Hash, Hasher, SignatureScheme};
use crate::id::{GroupId, PeerId};
use crate::rules::{Context, Rejection, Rules};
use crate::state::{Map, Overlay};
use crate::sync::{Order, Synchronizer};
use crate::wire::{
    ActionId, ActionPayload, BLOCK_ACTIONS_MAX, Block, BoundedVec, Genesis, Opening, Reason,
    Refused, SignedAction, Validity, encoded_len,
};

/// Longest encoded block: leaves room for a proposal's envelope and certificates in one message.
pub const BLOCK_LEN_MAX: usize = 16 * 1024;
/// Refused actions of one author in a block. Every voter executes each of them for nothing; what is
/// over waits for the next block. A block alone never makes a record forget a refusal.
pub const REFUSED_PER_AUTHOR_MAX: usize = 8;
const _: () = assert!(REFUSED_PER_AUTHOR_MAX <= records::REFUSALS_KEPT);
/// Longest encoding of one [`Refused`]: index 3, variant 1, code 3, length 1, detail 64.
const REFUSED_LEN_MAX: usize = 72;
/// Encoding of a block without actions: height 10, two hashes, an opening of 16 preimages, lengths.
const BLOCK_OVERHEAD_MAX: usize = 10 + 64 + 1 + 10 + 1 + 16 * 33 + 2 * 3;
/// Signatures remembered as verified: every action passes the pool, a proposal and its execution.
const VERIFIED_MAX: usize = 4096;

/// The state that `genesis` starts with; its `root` is not looked at.
pub fn genesis_state(genesis: &Genesis, rules: &dyn Rules) -> Result<Map, Rejection> {
    let members: Vec<_> = genesis.members.iter().map(|member| member.peer).collect();
    let mut overlay = Overlay::new(Map::new());
    rules.genesis(&mut overlay, &members, &genesis.rules_config)?;
    records::set_draws(&mut overlay, &DrawState::genesis(&genesis.members));
    Ok(overlay.absorb())
}

/// A block, and the state after it.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Its height.
    pub height: u64,
    /// Its hash.
    pub block: Hash,
    /// The state after it.
    pub state: &'a Map,
}

/// What a block does.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The state after it.
    pub state: Map,
    /// The fate of each action, in order: none = committed, or why it was refused.
    pub fates: Vec<(ActionId, Option<Reason>)>,
    /// The draw that it opened.
    pub opened: Option<Opened>,
}

/// A draw that a block opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its number.
    pub draw: u64,
    /// Hash of its closing block.
    pub closing: Hash,
    /// (committee index, preimage) of every contributor.
    pub preimages: Vec<(u8, Hash)>,
    /// What its dice come from.
    pub seed: Hash,
}

/// Why a block is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It breaks a numbered rule: 0 = a signature, 2 = it is empty, 4 = its content.
    #[error("rule C{rule}: {what}")]
    Rule {
        /// The rule.
        rule: u8,
        /// What was wrong.
        what: &'static str,
    },
    /// Everything fits except for the root: one of two phones is wrong.
    #[error("it executes to another root here")]
    WrongRoot,
}

impl Invalid {
    /// The numbered rule of consensus that it breaks.
    pub(super) fn rule(self) -> u8 {
        match self {
            Self::Rule { rule, .. } => rule,
            Self::WrongRoot => 4,
        }
    }
}

/// Makes and judges the blocks of one group.
#[derive(Debug)]
pub struct Executor {
    genesis: Genesis,
    epoch: Hash,
    members: Vec<PeerId>,
    quorum: usize,
    rules: Arc<dyn Rules>,
    scheme: Arc<dyn SignatureScheme>,
    verified: RefCell<Verified>,
    twice: bool,
    applied_twice: Cell<u64>,
    #[cfg(feature = "planted")]
    plant: Option<Plant>,
    /// When each action was first asked about, for a planted bug.
    #[cfg(feature = "planted")]
    arrived: RefCell<BTreeMap<Hash, usize>>,
}

impl Executor {
    /// The executor of the group that `genesis` founded.
    pub fn new(
        genesis: Genesis,
        rules: Arc<dyn Rules>,
        scheme: Arc<dyn SignatureScheme>,
        #[cfg(feature = "planted")] plant: Option<Plant>,
    ) -> Self {
        Self {
            epoch: genesis.epoch(),
            members: genesis.members.iter().map(|member| member.peer).collect(),
            quorum: quorum(genesis.members.len(), genesis.mode()),
            genesis,
            rules,
            scheme,
            verified: RefCell::new(Verified::default()),
            twice: cfg!(debug_assertions),
            applied_twice: Cell::new(0),
            #[cfg(feature = "planted")]
            plant,
            #[cfg(feature = "planted")]
            arrived: RefCell::new(BTreeMap::new()),
        }
    }

    /// Executes every block twice from the same base, or once; without a word, debug builds do it
    /// twice.
    #[must_use]
    pub fn applying_twice(self, twice: bool) -> Self {
        Self { twice, ..self }
    }

    /// Executions that were made twice and had one result.
    pub fn applied_twice(&self) -> u64 {
        self.applied_twice.get()
    }

    /// The state at height 0.
    pub fn genesis_state(&self) -> Result<Map, Rejection> {
        genesis_state(&self.genesis, &*self.rules)
    }

    /// The rules of the group.
    pub fn rules(&self) -> &dyn Rules {
        &*self.rules
    }

    /// The epoch id, which is the hash of the genesis.
    pub fn epoch(&self) -> Hash {
        self.epoch
    }

    /// The genesis.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The group.
    pub fn group(&self) -> GroupId {
        self.genesis.group
    }

    /// Votes, or voices, that agree.
    pub fn quorum(&self) -> usize {
        self.quorum
    }

    /// Whether a member signed exactly this. Each signature is verified once.
    pub fn verify(&self, signed: &SignedAction) -> bool {
        // By action and signature: a wrong signature of a known action must stay wrong here too.
        let mut hasher = Hasher::new(Domain::Action);
        hasher.part(signed.action.hash(self.group()).as_bytes());
        hasher.part(&signed.signature.0);
        let name = hasher.finish();
        if self.verified.borrow().names.contains(&name) {
            return true;
        }
        let genuine = self.members.contains(&signed.action.author)
            && signed.verify(self.group(), &*self.scheme);
        if genuine {
            self.verified.borrow_mut().insert(name);
        }
        genuine
    }

    /// The block on `parent` that holds of `candidates` what may follow there, cut at the bounds of
    /// a block, and of `reveals` what the pending draw lacks. None where that makes no block.
    pub fn build(
        &self,
        parent: Standing<'_>,
        candidates: Vec<SignedAction>,
        reveals: &Reveals,
    ) -> Option<(Block, Executed)> {
        let height = parent.height.checked_add(1)?;
        let mut actions = self.select(parent.state, candidates);
        let (opening, opens) = opening(parent.state, reveals);
        if actions.is_empty() && !opens {
            return None;
        }
        let executed = loop {
            let (executed, _) = self
                .run(parent, opening.as_ref(), &actions)
                .expect("selected actions and verified preimages execute");
            // Without what an author said from there on, others may fare differently.
            if !cut_refused(&mut actions, &executed.fates) {
                break executed;
            }
            self.close(parent.state, &mut actions);
        };
        let block = Block {
            height,
            parent: parent.block,
            root: executed.state.root(),
            opening,
            actions: BoundedVec::truncating(actions),
            refused: refused(&executed.fates),
        };
        Some((block, executed))
    }

    /// Judges `block` and gives the state after it.
    pub fn execute(&self, parent: Standing<'_>, block: &Block) -> Result<Executed, Invalid> {
        let executed = self.outcome(parent, block)?;
        if !is_as_said(&executed, block) {
            return Err(content("other fates"));
        }
        if self.compares_roots() && executed.state.root() != block.root {
            return Err(Invalid::WrongRoot);
        }
        Ok(executed)
    }

    /// What `block` does here, whatever it says of its fates and of its root.
    pub(super) fn outcome(&self, parent: Standing<'_>, block: &Block) -> Result<Executed, Invalid> {
        if parent.height.checked_add(1) != Some(block.height) {
            return Err(content("not the height above its parent"));
        }
        if block.parent != parent.block {
            return Err(content("another parent"));
        }
        if encoded_len(block) > BLOCK_LEN_MAX {
            return Err(content("longer than a block may be"));
        }
        let refused_authors = block.refused.iter().filter_map(|refused| {
            let index = usize::from(refused.index);
            Some((index, block.actions.get(index)?.action.author))
        });
        if !refused_too_many(refused_authors).is_empty() {
            return Err(content("too many refusals of one author"));
        }
        if !block
            .actions
            .iter()
            .all(|signed| self.members.contains(&signed.action.author))
        {
            return Err(content("an author who is no member"));
        }
        if !block.actions.iter().all(|signed| self.verify(signed)) {
            return Err(Invalid::Rule {
                rule: 0,
                what: "an action that its author did not sign",
            });
        }
        let (executed, ordered) = self.run(parent, block.opening.as_ref(), &block.actions)?;
        if ordered[..] != block.actions[..] {
            return Err(content("not in the one order"));
        }
        if block.actions.is_empty() && executed.opened.is_none() {
            return Err(Invalid::Rule {
                rule: 2,
                what: "an empty block",
            });
        }
        Ok(executed)
    }

    /// Applies one own action that is not in a block, as far as it can be foreseen: the author's
    /// numbering is not looked at. What a refused one wrote is undone.
    pub(super) fn forecast(
        &self,
        overlay: &mut Overlay,
        height: u64,
        author: &PeerId,
        payload: &ActionPayload,
        validity: Validity,
        draws: &mut DrawsOpen,
    ) -> Result<(), Reason> {
        if !self.members.contains(author) {
            return Err(Reason::NotMember);
        }
        self.check_validity(overlay, height, validity)?;
        match payload {
            ActionPayload::Rules(payload) => {
                self.apply_rules(overlay, height, author, payload, draws)
            }
            ActionPayload::Missing { .. } => Ok(()),
        }
    }

    /// What `opening` and `actions` make of `parent`, and the actions in the order in which they did.
    /// Executes twice where that is asked for: rules that are not deterministic show at once.
    fn run(
        &self,
        parent: Standing<'_>,
        opening: Option<&Opening>,
        actions: &[SignedAction],
    ) -> Result<(Executed, Vec<SignedAction>), Invalid> {
        let executed = self.run_once(parent, opening, actions)?;
        if self.twice {
            let first = &executed.0;
            let second = self.run_once(parent, opening, actions);
            assert!(
                second.is_ok_and(|(second, _)| first.fates == second.fates
                    && first.state.root() == second.state.root()),
                "rules must be deterministic: two executions of one block differ"
            );
            self.applied_twice.set(self.applied_twice.get() + 1);
        }
        Ok(executed)
    }

    fn run_once(
        &self,
        parent: Standing<'_>,
        opening: Option<&Opening>,
        actions: &[SignedAction],
    ) -> Result<(Executed, Vec<SignedAction>), Invalid> {
        let mut run = Run::new(self, parent)?;
        if let Some(opening) = opening {
            run.record(opening)?;
        }
        let running = self.running(parent.state, actions);
        let order = Order {
            running: &|author| running.get(author).copied().flatten(),
            salt: parent.state.salt(self.epoch),
            rules: &*self.rules,
            group: self.group(),
        };
        run.end_doubled(actions);
        let resolved = Synchronizer::resolve_conflict(run, actions.to_vec(), order)?;
        Ok((resolved.state.finish(resolved.fates), resolved.ordered))
    }

    fn check_validity(
        &self,
        overlay: &Overlay,
        height: u64,
        validity: Validity,
    ) -> Result<(), Reason> {
        let late = validity.until_height.is_some_and(|until| height > until);
        let other = validity
            .phase
            .is_some_and(|phase| phase != self.rules.phase(overlay));
        if late || other {
            Err(Reason::Expired)
        } else {
            Ok(())
        }
    }

    fn apply_rules(
        &self,
        overlay: &mut Overlay,
        height: u64,
        author: &PeerId,
        payload: &[u8],
        draws: &mut DrawsOpen,
    ) -> Result<(), Reason> {
        #[cfg(feature = "metered")]
        crate::state::meter::applied();
        let mut context = Context::new(&self.members, height, draws.may_request())
            .verifying(self.group(), &*self.scheme);
        let mark = overlay.mark();
        let verdict = self.rules.apply(overlay, author, payload, &mut context);
        debug_assert!(
            overlay
                .written_since(mark)
                .all(|key| !records::is_own_key(key.as_bytes())),
            "rule sets stay away from the group's own records"
        );
        match verdict {
            Ok(()) => {
                draws.requested |= context.draw_requested();
                Ok(())
            }
            Err(rejection) => {
                overlay.undo_to(mark);
                Err(rejection.into())
            }
        }
    }

    #[cfg(feature = "planted")]
    fn compares_roots(&self) -> bool {
        self.plant != Some(Plant::SkippedRootCheck)
    }

    #[cfg(not(feature = "planted"))]
    fn compares_roots(&self) -> bool {
        true
    }
}

/// The preimages that the pending draw of `state` lacks and `reveals` holds, and whether they open
/// it.
fn opening(state: &Map, reveals: &Reveals) -> (Option<Opening>, bool) {
    let Some(draws) = state.draws() else {
        return (None, false);
    };
    let Some(draw) = draws.pending.as_ref().map(|pending| pending.draw) else {
        return (None, false);
    };
    let lacking: Vec<_> = draws.lacking().collect();
    let preimages: Vec<_> = lacking
        .iter()
        .filter_map(|voter| Some((*voter, reveals.get(draw, *voter)?)))
        .filter(|(voter, preimage)| draws.verifies(draw, *voter, *preimage))
        .collect();
    let opens = preimages.len() == lacking.len();
    let opening = (opens || !preimages.is_empty()).then(|| Opening {
        draw,
        preimages: BoundedVec::truncating(preimages),
    });
    (opening, opens)
}

/// Per author of more refusals than a block may hold, the index of the first one over.
fn refused_too_many(refused: impl Iterator<Item = (usize, PeerId)>) -> BTreeMap<PeerId, usize> {
    let mut counts: BTreeMap<PeerId, usize> = BTreeMap::new();
    let mut over = BTreeMap::new();
    for (index, author) in refused {
        let count = counts.entry(author).or_default();
        *count += 1;
        if *count > REFUSED_PER_AUTHOR_MAX {
            over.entry(author).or_insert(index);
        }
    }
    over
}

/// Drops every author's actions from his first refusal over the bound on; whether there was one.
fn cut_refused(actions: &mut Vec<SignedAction>, fates: &[(ActionId, Option<Reason>)]) -> bool {
    let refused = fates.iter().enumerate();
    let refused = refused.filter(|(_, (_, reason))| reason.is_some());
    let over = refused_too_many(refused.map(|(index, (id, _))| (index, id.author)));
    let mut index = 0;
    actions.retain(|signed| {
        let from = over.get(&signed.action.author);
        let kept = from.is_none_or(|from| index < *from);
        index += 1;
        kept
    });
    !over.is_empty()
}

fn refused(fates: &[(ActionId, Option<Reason>)]) -> BoundedVec<Refused, BLOCK_ACTIONS_MAX> {
    let refused = (0u16..)
        .zip(fates)
        .filter_map(|(index, (_, reason))| {
            let reason = reason.clone()?;
            Some(Refused { index, reason })
        })
        .collect();
    BoundedVec::truncating(refused)
}

/// Whether `executed` has the fates that `block` says.
pub(super) fn is_as_said(executed: &Executed, block: &Block) -> bool {
    refused(&executed.fates) == block.refused
}

fn content(what: &'static str) -> Invalid {
    Invalid::Rule { rule: 4, what }
}

/// Signatures that were verified, oldest first.
#[derive(Debug, Default)]
struct Verified {
    names: BTreeSet<Hash>,
    queue: VecDeque<Hash>,
}

impl Verified {
    fn insert(&mut self, name: Hash) {
        if self.names.insert(name) {
            self.queue.push_back(name);
        }
        if self.queue.len() > VERIFIED_MAX
            && let Some(oldest) = self.queue.pop_front()
        {
            self.names.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
