//! What this phone's user asked for, and the state that his screen shows:
//! fold(committed, tentative, pending). Own actions show at once; a commit replays what is left of
//! them in order. Nothing is computed before somebody looks, so fifty commits cost one replay.
//!
//! What others did while there is no quorum is shown, and not built upon: an own action is foreseen
//! on the committed state with own ones before it, so that nobody spends what he was given only
//! tentatively.

mod entry;
mod fold;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use self::entry::{Entry, OwnChain, Settled, Stale, StoredEntry};
use super::execute::{DrawsOpen, Executor};
use super::records::{Records, is_own_key};
use crate::crypto::{Hash, Identity};
use crate::error::CommandError;
use crate::group::{Fate, PatchEntry, Pending, SubmissionId, Tentative};
use crate::id::{GroupId, PeerId, RunId};
use crate::state::Map;
use crate::wire::{
    ACTION_PAYLOAD_LEN_MAX, Action, ActionPayload, BoundedVec, Bytes, Frontier, Genesis, Reason,
    SignedAction, Validity, decode, encode,
};

/// Own submissions one action may depend on.
const DEPENDENCIES_MAX: usize = 8;
/// Key of the record of the own numbering among the stored ones; submissions count from 1.
const CHAIN_KEY: u64 = 0;

/// What is to be stored before anything of it may be sent (C8).
#[derive(Clone, Debug, Default)]
pub struct StoreBatch {
    /// (key, value): replaces an equal key.
    pub puts: Vec<(u64, Vec<u8>)>,
    /// Keys to remove.
    pub deletes: Vec<u64>,
    /// Actions that may be spread once all of this is stored.
    pub signed: Vec<SignedAction>,
}

/// What turns one screen into another, by key. The group's own records are no part of the screen.
pub(super) fn patches(before: &Map, after: &Map) -> Vec<PatchEntry> {
    before
        .changes(after)
        .into_iter()
        .filter(|change| !is_own_key(change.key.as_bytes()))
        .map(|change| PatchEntry {
            key: change.key.as_bytes().to_vec(),
            old: change.old,
            new: change.new,
        })
        .collect()
}

/// Own submissions of one group and the view they make.
#[derive(Debug)]
pub struct Submissions {
    group: GroupId,
    own: PeerId,
    index: Option<u8>,
    pending_max: usize,
    chain: OwnChain,
    entries: BTreeMap<SubmissionId, Entry>,
    by_number: BTreeMap<(RunId, u64), SubmissionId>,
    /// Fates by number that blocks above `committed` gave: height, refusal.
    told: BTreeMap<(RunId, u64), (u64, Option<Reason>)>,
    /// The latest settled ones: later submissions may depend on them.
    settled: BTreeMap<SubmissionId, Settled>,
    committed: Map,
    height: u64,
    /// The committed state with own actions: what own ones are foreseen on.
    own_state: Map,
    /// The same with what others did tentatively.
    state: Map,
    apart: bool,
    /// Hash of the committed block, and what is signed and not final above it; empty while there is
    /// a quorum.
    unsettled: (Hash, Vec<SignedAction>),
    tentative: Vec<Tentative>,
    /// The state that the last patches led to.
    shown: Map,
    draws: DrawsOpen,
    stale: Stale,
    fates: Vec<(SubmissionId, Fate)>,
    dirty: BTreeSet<SubmissionId>,
    chain_dirty: bool,
    deletes: Vec<u64>,
    signed: Vec<SignedAction>,
}

impl Submissions {
    /// No submissions, on a store that has just been made: `run` is its fresh random name.
    pub fn new(
        genesis: &Genesis,
        own: PeerId,
        run: RunId,
        pending_max: usize,
        height: u64,
        committed: Map,
    ) -> Self {
        Self {
            group: genesis.group,
            own,
            index: genesis.index_of(&own),
            pending_max,
            chain: OwnChain {
                run,
                number: 0,
                hash: Hash::ZERO,
                next: 1,
            },
            entries: BTreeMap::new(),
            by_number: BTreeMap::new(),
            told: BTreeMap::new(),
            settled: BTreeMap::new(),
            own_state: committed.clone(),
            state: committed.clone(),
            apart: false,
            unsettled: (Hash::ZERO, Vec::new()),
            tentative: Vec::new(),
            shown: committed.clone(),
            draws: DrawsOpen::of(committed.draws().as_ref()),
            committed,
            height,
            stale: Stale::No,
            fates: Vec::new(),
            dirty: BTreeSet::new(),
            chain_dirty: true,
            deletes: Vec::new(),
            signed: Vec::new(),
        }
    }

    /// The submissions that `records` (what [`StoreBatch::puts`] stored) holds. What has its fate
    /// in `committed` settles at once. Without a record of the own numbering `run` begins. The
    /// numbering goes on above all that the records and `committed` know of.
    pub fn restore(
        genesis: &Genesis,
        own: PeerId,
        run: RunId,
        pending_max: usize,
        height: u64,
        committed: Map,
        records: &[(u64, Vec<u8>)],
    ) -> Self {
        let mut restored = Self::new(genesis, own, run, pending_max, height, committed);
        for (key, value) in records {
            if *key == CHAIN_KEY {
                if let Ok(chain) = decode(value, usize::MAX) {
                    restored.chain = chain;
                    restored.chain_dirty = false;
                }
            } else if let Ok(stored) = decode::<StoredEntry>(value, usize::MAX) {
                restored.adopt(SubmissionId(*key), stored);
            }
        }
        restored.number_above_entries();
        restored.settle_by_record();
        restored.stale = Stale::All;
        restored
    }

    /// Takes what the user asks for. It shows at once and is an intent until it is signed.
    pub fn submit(
        &mut self,
        payload: Vec<u8>,
        dependencies: Vec<SubmissionId>,
        validity: Validity,
    ) -> Result<SubmissionId, CommandError> {
        let len = payload.len();
        let payload = Bytes::from_vec(payload).map_err(|_| CommandError::PayloadTooLong {
            len,
            max: ACTION_PAYLOAD_LEN_MAX,
        })?;
        if dependencies.len() > DEPENDENCIES_MAX {
            return Err(CommandError::TooManyDependencies {
                len: dependencies.len(),
                max: DEPENDENCIES_MAX,
            });
        }
        let known =
            |id: &SubmissionId| self.entries.contains_key(id) || self.settled.contains_key(id);
        if !dependencies.iter().all(known) {
            return Err(CommandError::UnknownSubmission);
        }
        let waiting = self
            .entries
            .values()
            .filter(|entry| !entry.hidden() && !entry.is_final());
        if waiting.count() >= self.pending_max {
            return Err(CommandError::TooManyPending {
                max: self.pending_max,
            });
        }
        // What is applied is met for good: nothing needs to remember it.
        let unmet = |id: &SubmissionId| self.settled.get(id).is_none_or(|it| !it.applied);
        let dependencies = dependencies.into_iter().filter(unmet).collect();
        Ok(self.add(ActionPayload::Rules(payload), dependencies, validity))
    }

    /// Says that `voter` did not reveal for `draw`: an intent that the user does not see.
    pub fn say_missing(&mut self, draw: u64, voter: u8) {
        let payload = ActionPayload::Missing { draw, voter };
        self.add(payload, Vec::new(), Validity::default());
    }

    /// Quorum is back, and with it perhaps the voters: what was not signed about them is not said.
    /// The voters of whom it was to be said.
    pub fn drop_unsigned_missing(&mut self) -> Vec<u8> {
        let unsigned: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.signed.is_none())
            .filter_map(|(id, entry)| match entry.payload {
                ActionPayload::Missing { voter, .. } => Some((*id, voter)),
                ActionPayload::Rules(_) => None,
            })
            .collect();
        for (id, _) in &unsigned {
            self.remove(*id);
        }
        unsigned.into_iter().map(|(_, voter)| voter).collect()
    }

    /// Takes back an intent, and with it the intents that depend on it: all that were taken back.
    pub fn withdraw(&mut self, id: SubmissionId) -> Result<Vec<SubmissionId>, CommandError> {
        let entry = self
            .entries
            .get(&id)
            .filter(|entry| !entry.hidden() && !entry.is_final());
        match entry {
            None => return Err(CommandError::UnknownSubmission),
            Some(entry) if entry.signed.is_some() => return Err(CommandError::AlreadySigned),
            Some(_) => {}
        }
        let mut withdrawn = vec![id];
        // Whatever depends on an intent came after it and is an intent too.
        for (later, entry) in self.entries.range(id..) {
            if entry.dependencies.iter().any(|id| withdrawn.contains(id)) {
                withdrawn.push(*later);
            }
        }
        for id in &withdrawn {
            self.remove(*id);
        }
        self.stale = Stale::All;
        Ok(withdrawn)
    }

    /// The user has seen that `id` was rejected, is conflicted or unknown: it leaves the list. A
    /// conflicted one still gets its fate.
    pub fn acknowledge(&mut self, id: SubmissionId) -> Result<(), CommandError> {
        let entry = self.entries.get_mut(&id).filter(|entry| !entry.hidden());
        match entry {
            Some(entry) if entry.is_final() => {
                self.remove(id);
                Ok(())
            }
            Some(entry) if entry.forecast.is_some() => {
                entry.acknowledged = true;
                Ok(())
            }
            Some(_) | None => Err(CommandError::UnknownSubmission),
        }
    }

    /// Whether anything waits to be signed.
    pub fn has_intents(&self) -> bool {
        self.entries
            .values()
            .any(|entry| entry.signed.is_none() && !entry.is_final())
    }

    /// Whether everything has its final fate.
    pub fn is_idle(&self) -> bool {
        self.entries.values().all(Entry::is_final)
    }

    /// Signs, in order, the intents that `may` allows and that depend on no other intent. Without a
    /// quorum only what applies as far as it can be foreseen: whoever signs what he cannot pay
    /// uses a number up. The first one names `frontier`, and so do all that follow it. How many were
    /// signed; the next [`Submissions::take_store`] holds them.
    pub fn sign(
        &mut self,
        identity: &Identity,
        executor: &Executor,
        mut frontier: Frontier,
        may: impl Fn(&ActionPayload) -> bool,
    ) -> usize {
        if self.index.is_none() || self.needs_run() {
            return 0;
        }
        if self.apart {
            self.fold(executor);
        }
        let ids: Vec<_> = self.entries.keys().copied().collect();
        let mut signed = 0;
        for id in ids {
            let entry = &self.entries[&id];
            let unsigned = |entry: &Entry| entry.signed.is_none() && !entry.is_final();
            let mut needs = entry
                .dependencies
                .iter()
                .filter_map(|id| self.entries.get(id));
            let waits = needs.any(unsigned) || self.apart && entry.forecast.is_some();
            if unsigned(entry) && !waits && may(&entry.payload) {
                self.sign_one(id, identity, std::mem::take(&mut frontier));
                signed += 1;
            }
        }
        signed
    }

    /// Shows what is signed and not final above the block `head`, own actions among it; nothing where
    /// the screen shows what is committed and what its user did.
    pub fn set_unsettled(&mut self, head: Hash, unsettled: Vec<SignedAction>) {
        self.unsettled = (head, unsettled);
        self.stale = Stale::All;
    }

    /// Whether there is no quorum: what is signed is tentative then.
    pub fn set_apart(&mut self, apart: bool) {
        self.apart = apart;
    }

    /// What is shown beside the own submissions, in the order in which it would be applied.
    pub fn tentative(&mut self, executor: &Executor) -> &[Tentative] {
        self.fold(executor);
        &self.tentative
    }

    /// What changed in the store's share since the last call. Take it after every change.
    pub fn take_store(&mut self) -> Option<StoreBatch> {
        if !self.chain_dirty && self.dirty.is_empty() && self.deletes.is_empty() {
            return None;
        }
        let mut puts = Vec::new();
        if std::mem::take(&mut self.chain_dirty) {
            puts.push((CHAIN_KEY, encode(&self.chain)));
        }
        for id in std::mem::take(&mut self.dirty) {
            if let Some(entry) = self.entries.get(&id) {
                puts.push((id.0, encode(&entry.stored())));
            }
        }
        Some(StoreBatch {
            puts,
            deletes: std::mem::take(&mut self.deletes),
            signed: std::mem::take(&mut self.signed),
        })
    }

    /// Own actions that are signed and not final, in their order: repeat them. Those of a
    /// [`StoreBatch`] that is not stored yet are among them.
    pub fn unsettled(&self) -> Vec<SignedAction> {
        self.entries
            .values()
            .filter(|entry| !entry.is_final())
            .filter_map(|entry| entry.signed.clone())
            .collect()
    }

    /// The view: the committed state with tentative and own pending actions applied.
    pub fn state(&mut self, executor: &Executor) -> &Map {
        self.fold(executor);
        &self.state
    }

    /// Own submissions that are not settled or not acknowledged, oldest first.
    pub fn pending(&mut self, executor: &Executor) -> Vec<Pending> {
        self.fold(executor);
        self.entries
            .iter()
            .filter_map(|(id, entry)| {
                let ActionPayload::Rules(payload) = &entry.payload else {
                    return None;
                };
                (!entry.acknowledged).then(|| Pending {
                    submission: *id,
                    action: entry.signed.as_ref().map(|signed| signed.action.id()),
                    fate: entry.fate(self.apart),
                    payload: payload.to_vec(),
                })
            })
            .collect()
    }

    /// What changed on the screen since the last call, by key.
    pub fn take_patches(&mut self, executor: &Executor) -> Vec<PatchEntry> {
        self.fold(executor);
        let patches = patches(&self.shown, &self.state);
        self.shown = self.state.clone();
        patches
    }

    /// Fates that changed since the last call, each change once.
    pub fn take_fates(&mut self, executor: &Executor) -> Vec<(SubmissionId, Fate)> {
        self.fold(executor);
        let mut fates = std::mem::take(&mut self.fates);
        for (id, entry) in &mut self.entries {
            let fate = entry.fate(self.apart);
            if !entry.hidden() && entry.reported.as_ref() != Some(&fate) {
                entry.reported = Some(fate.clone());
                fates.push((*id, fate));
            }
        }
        fates
    }

    fn add(
        &mut self,
        payload: ActionPayload,
        dependencies: Vec<SubmissionId>,
        validity: Validity,
    ) -> SubmissionId {
        let id = SubmissionId(self.chain.next);
        self.chain.next += 1;
        self.chain_dirty = true;
        self.entries
            .insert(id, Entry::new(payload, dependencies, validity));
        self.dirty.insert(id);
        self.stale = match self.stale {
            Stale::No if self.unsettled.1.is_empty() => Stale::From(id),
            Stale::No => Stale::All,
            stale => stale,
        };
        id
    }

    fn adopt(&mut self, id: SubmissionId, stored: StoredEntry) {
        let dependencies = stored
            .dependencies
            .iter()
            .copied()
            .map(SubmissionId)
            .collect();
        let mut entry = Entry::new(stored.payload, dependencies, stored.validity);
        entry.signed = stored.signed;
        entry.last = stored.ended.map(Fate::from);
        // The list tells it; the event has been.
        entry.reported = entry.last.clone();
        if let Some(number) = entry.number().filter(|_| !entry.is_final()) {
            self.by_number.insert(number, id);
        }
        self.entries.insert(id, entry);
    }

    fn sign_one(&mut self, id: SubmissionId, identity: &Identity, frontier: Frontier) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        let mut dependencies: Vec<_> = entry
            .dependencies
            .iter()
            .filter_map(|id| self.dependency(*id))
            .collect();
        dependencies.sort_unstable();
        dependencies.dedup();
        let action = Action {
            author: self.own,
            run: self.chain.run,
            number: self.chain.number + 1,
            previous: self.chain.hash,
            frontier,
            dependencies: BoundedVec::truncating(dependencies),
            validity: entry.validity,
            payload: entry.payload.clone(),
        };
        self.chain.number = action.number;
        self.chain.hash = action.hash(self.group);
        self.chain_dirty = true;
        self.by_number.insert((action.run, action.number), id);
        let signed = action.sign(self.group, identity);
        self.signed.push(signed.clone());
        self.dirty.insert(id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.signed = Some(signed);
        }
    }

    /// The number that stands for a dependency; none where it is met for good. Number 0 never
    /// exists: it stands for one that can no longer be met.
    fn dependency(&self, id: SubmissionId) -> Option<u64> {
        if let Some(settled) = self.settled.get(&id) {
            return match settled.number {
                _ if settled.applied => None,
                Some((run, number)) if run == self.chain.run => Some(number),
                Some(_) | None => Some(0),
            };
        }
        let number = self
            .entries
            .get(&id)
            .and_then(|entry| entry.signed.as_ref())
            .filter(|signed| signed.action.run == self.chain.run)
            .map_or(0, |signed| signed.action.number);
        Some(number)
    }

    fn remove(&mut self, id: SubmissionId) {
        if self.entries.remove(&id).is_some() {
            self.deletes.push(id.0);
        }
        self.dirty.remove(&id);
    }
}

#[cfg(test)]
mod tests;
