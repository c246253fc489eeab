//! One execution of a block: its opening, then its actions.

use std::collections::{BTreeMap, BTreeSet};

use super::{Executed, Executor, Invalid, Opened, Standing, content};
use crate::crypto::Hash;
use crate::group::randomness::{DrawState, draw_seed};
use crate::group::records::{self, AuthorRecord, Place, Records};
use crate::rules::{Context, Random};
use crate::state::{Map, Overlay};
use crate::sync::Apply;
use crate::wire::{Action, ActionId, ActionPayload, FrontierEntry, Opening, Reason, SignedAction};

/// One execution.
pub(super) struct Run<'a> {
    executor: &'a Executor,
    height: u64,
    overlay: Overlay,
    draws: DrawState,
    draws_before: DrawState,
    open: DrawsOpen,
    authors: BTreeMap<u8, AuthorRecord>,
    /// Authors whose run ended in this block by a doubled number.
    ended: BTreeSet<u8>,
    opened: Option<Opened>,
    base: Map,
    /// Hashes of what was applied or refused so far.
    set: BTreeSet<Hash>,
}

impl<'a> Run<'a> {
    pub(super) fn new(executor: &'a Executor, parent: Standing<'_>) -> Result<Self, Invalid> {
        let before = parent
            .state
            .draws()
            .ok_or(content("a parent without draws"))?;
        let mut draws = before.clone();
        if let Some(pending) = &mut draws.pending {
            pending.closing.get_or_insert(parent.block);
        }
        Ok(Self {
            executor,
            height: parent
                .height
                .checked_add(1)
                .ok_or(content("heights end here"))?,
            overlay: Overlay::new(parent.state.clone()),
            open: DrawsOpen::of(Some(&draws)),
            draws,
            draws_before: before,
            authors: BTreeMap::new(),
            ended: BTreeSet::new(),
            opened: None,
            base: parent.state.clone(),
            set: BTreeSet::new(),
        })
    }

    /// Ends the block whose actions had these `fates`.
    pub(super) fn finish(mut self, fates: Vec<(ActionId, Option<Reason>)>) -> Executed {
        if self.open.requested {
            self.draws.close(self.height);
        }
        for (index, record) in &self.authors {
            records::set_author(&mut self.overlay, *index, record);
        }
        if self.draws != self.draws_before {
            records::set_draws(&mut self.overlay, &self.draws);
        }
        Executed {
            state: self.overlay.absorb(),
            fates,
            opened: self.opened,
        }
    }

    /// Ends the runs of which `actions` hold the twin of a number that has its fate: from a doubled
    /// number on everything is refused, whatever order it comes in.
    pub(super) fn end_doubled(&mut self, actions: &[SignedAction]) {
        for action in actions.iter().map(|signed| &signed.action) {
            let Some(index) = self.executor.genesis.index_of(&action.author) else {
                continue;
            };
            let mut record = self.overlay.author(index);
            let hash = action.hash(self.executor.group());
            if record.place(action.run, action.number, action.previous, hash) == Place::Twin {
                record.ended = true;
                self.ended.insert(index);
                self.authors.insert(index, record);
            }
        }
    }

    /// Begins the block: takes what it says of the pending draw.
    pub(super) fn record(&mut self, opening: &Opening) -> Result<(), Invalid> {
        let pending = self
            .draws
            .pending
            .clone()
            .ok_or(content("an opening without a draw"))?;
        if pending.draw != opening.draw {
            return Err(content("an opening of another draw"));
        }
        // Nothing lacks when the last silent voter has just been left out.
        if opening.preimages.is_empty() && self.draws.lacking().next().is_some() {
            return Err(content("an opening without preimages"));
        }
        if !opening
            .preimages
            .is_sorted_by(|left, right| left.0 < right.0)
        {
            return Err(content("preimages not in order"));
        }
        for (voter, preimage) in opening.preimages.iter() {
            if !self.draws.lacking().any(|lacking| lacking == *voter) {
                return Err(content("a preimage that the draw does not lack"));
            }
            if !self.draws.verifies(pending.draw, *voter, *preimage) {
                return Err(content("not the preimage of that voter"));
            }
            self.draws.record(pending.draw, *voter, *preimage);
        }
        if self.draws.lacking().next().is_none() {
            self.open(
                pending.draw,
                pending.closing.expect("written when the run began"),
            );
        }
        Ok(())
    }

    fn open(&mut self, draw: u64, closing: Hash) {
        let Some(pending) = self.draws.pending.take() else {
            return;
        };
        let preimages: Vec<_> = (0u8..)
            .zip(self.draws.voters.iter())
            .filter(|(index, _)| pending.contributes(*index))
            .map(|(index, chain)| (index, chain.preimage))
            .collect();
        let executor = self.executor;
        let named: Vec<_> = preimages
            .iter()
            .map(|(index, preimage)| (executor.members[usize::from(*index)], *preimage))
            .collect();
        let seed = draw_seed(executor.group(), executor.epoch, draw, closing, &named);
        records::set_salt(&mut self.overlay, seed);
        self.open = DrawsOpen::of(Some(&self.draws));
        let mut context = Context::new(&executor.members, self.height, self.open.may_request());
        executor
            .rules
            .on_draw(&mut self.overlay, &mut Random::new(seed), &mut context);
        self.open.requested |= context.draw_requested();
        self.opened = Some(Opened {
            draw,
            closing,
            preimages,
            seed,
        });
    }

    fn judge(&mut self, index: u8, action: &Action, record: &AuthorRecord) -> Result<(), Reason> {
        let executor = self.executor;
        let before = if record.run == Some(action.run) {
            record.number
        } else {
            0
        };
        for number in action.dependencies.iter().copied() {
            let applied = (1..=before).contains(&number)
                && record.refusal(number).is_none()
                && !record.forgot(number);
            if !applied {
                return Err(Reason::Dependency { number });
            }
        }
        executor.check_validity(&self.overlay, self.height, action.validity)?;
        match &action.payload {
            ActionPayload::Rules(payload) => {
                let mut apply = || {
                    executor.apply_rules(
                        &mut self.overlay,
                        self.height,
                        &action.author,
                        payload,
                        &mut self.open,
                    )
                };
                let fate = apply();
                #[cfg(feature = "planted")]
                if executor.applies_twice(action) && fate.is_ok() {
                    let _ = apply();
                }
                fate
            }
            ActionPayload::Missing { draw, voter } => {
                if self
                    .draws
                    .call_missing(index, *draw, *voter, executor.quorum)
                {
                    Ok(())
                } else {
                    Err(Reason::NotApplicable)
                }
            }
        }
    }
}

impl Apply for Run<'_> {
    type Fault = Invalid;

    fn apply(&mut self, signed: &SignedAction, doubled: bool) -> Result<Option<Reason>, Invalid> {
        let (executor, action) = (self.executor, &signed.action);
        let index = executor
            .genesis
            .index_of(&action.author)
            .ok_or(content("an author who is no member"))?;
        if let Some(what) = action.frontier_fault() {
            return Err(content(what));
        }
        let unseen = |entry: &FrontierEntry| {
            !self.set.contains(&entry.hash) && !executor.has_passed(&self.base, &entry.id)
        };
        if action.frontier.iter().any(unseen) {
            return Err(content("a frontier that names what is not in the set"));
        }
        let hash = action.hash(executor.group());
        self.set.insert(hash);
        let mut record = match self.authors.get(&index) {
            Some(record) => record.clone(),
            None => self.overlay.author(index),
        };
        let fate = match record.place(action.run, action.number, action.previous, hash) {
            Place::Next if doubled => {
                let reason = Reason::Equivocation;
                record.advance(action.run, action.number, hash, Some(reason.clone()));
                record.ended = true;
                self.ended.insert(index);
                Some(reason)
            }
            Place::Next => {
                let reason = self.judge(index, action, &record).err();
                record.advance(action.run, action.number, hash, reason.clone());
                self.ended.remove(&index);
                reason
            }
            // From a doubled number on; a doubled one that got its fate in the state is not here.
            Place::Closed
                if self.ended.contains(&index)
                    && record.run == Some(action.run)
                    && action.number >= record.number
                    && hash != record.hash =>
            {
                Some(Reason::Equivocation)
            }
            Place::Twin | Place::Final => return Err(content("an action that has its fate")),
            Place::Closed => return Err(content("an action of a closed run")),
            Place::Ahead => return Err(content("an action without its predecessor")),
        };
        if fate.is_none() {
            self.draws.acted(index);
        }
        self.authors.insert(index, record);
        Ok(fate)
    }
}

/// Whether an action may ask for a draw.
#[derive(Clone, Copy, Debug)]
pub(in crate::group) struct DrawsOpen {
    allowed: bool,
    pub(super) requested: bool,
}

impl DrawsOpen {
    pub(in crate::group) fn of(draws: Option<&DrawState>) -> Self {
        Self {
            allowed: draws.is_some_and(DrawState::allows_request),
            requested: false,
        }
    }

    pub(super) fn may_request(self) -> bool {
        self.allowed && !self.requested
    }
}
