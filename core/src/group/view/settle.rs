//! Own submissions against the committed state: which fate each has, and where the own numbering goes
//! on.
//!
//! A number is no proof: another store of the same identity may have signed under it. A fate counts
//! for an own action only where the chain of hashes in the author's record leads through it.

use super::Submissions;
use super::entry::{Settled, Stale};
use crate::crypto::Hash;
use crate::group::records::{AuthorRecord, Records};
use crate::group::{Fate, SubmissionId};
use crate::id::RunId;
use crate::state::Map;
use crate::wire::{ActionId, Reason, SignedAction};

impl Submissions {
    /// A final block at `height` gave these fates. They are believed at the next
    /// [`Submissions::rebase`], as far as its state shows that they are of own actions.
    pub fn settle(&mut self, height: u64, fates: &[(ActionId, Option<Reason>)]) {
        for (id, refusal) in fates {
            let number = (id.run, id.number);
            if id.author == self.own && self.by_number.contains_key(&number) {
                // What comes second to a number is a twin of what got its fate.
                self.told
                    .entry(number)
                    .or_insert_with(|| (height, refusal.clone()));
            }
        }
    }

    /// `committed`, of the block at `height`, is final. What has its fate in it settles, also where
    /// no block told it (a snapshot brings none).
    pub fn rebase(&mut self, committed: Map, height: u64) {
        self.committed = committed;
        self.height = height;
        self.settle_by_record();
        self.stale = Stale::All;
    }

    /// Whether nothing can be signed before [`Submissions::set_run`]: the own run is closed in the
    /// committed state, or went on there without what was signed here.
    pub fn needs_run(&self) -> bool {
        self.index.is_some_and(|index| {
            let record = self.committed.author(index);
            let running = record.run == Some(self.chain.run);
            let next = self.signed_as(self.chain.run, record.number.saturating_add(1));
            let forked = next.is_some_and(|next| next.action.previous != record.hash);
            running && (record.ended || forked) || record.closed.contains(&self.chain.run)
        })
    }

    /// Begins a fresh run.
    pub fn set_run(&mut self, run: RunId) {
        self.chain.run = run;
        self.chain.number = 0;
        self.chain.hash = Hash::ZERO;
        self.chain_dirty = true;
    }

    /// Goes on above every submission that is here and every number that one of them has.
    pub(super) fn number_above_entries(&mut self) {
        for (id, entry) in &self.entries {
            if id.0 >= self.chain.next {
                self.chain.next = id.0.saturating_add(1);
                self.chain_dirty = true;
            }
            let Some(action) = entry.signed.as_ref().map(|signed| &signed.action) else {
                continue;
            };
            if action.run == self.chain.run && action.number > self.chain.number {
                self.chain.number = action.number;
                self.chain.hash = action.hash(self.group);
                self.chain_dirty = true;
            }
        }
    }

    pub(super) fn settle_by_record(&mut self) {
        let told = std::mem::take(&mut self.told);
        let Some(index) = self.index else {
            return;
        };
        let record = self.committed.author(index);
        let own = self.is_own_chain(&record);
        let found: Vec<_> = self
            .by_number
            .iter()
            .filter_map(|(number, id)| {
                let signed = self.entries.get(id)?.signed.as_ref()?;
                let mut fate = self.fate_by_record(&record, own, signed)?;
                match (&mut fate, told.get(number)) {
                    (Fate::Committed { height }, Some((at, None))) => *height = *at,
                    (Fate::Rejected { height, .. }, Some((at, Some(_)))) => *height = *at,
                    _ => {}
                }
                Some((*id, fate))
            })
            .collect();
        for (id, fate) in found {
            self.finish(id, fate);
        }
        self.number_above_record(&record);
    }

    /// A number that the state shows as used is never signed again, whatever is remembered here.
    /// Comes after the fates: from here on the record's chain counts as the own one.
    fn number_above_record(&mut self, record: &AuthorRecord) {
        let running = record.run == Some(self.chain.run);
        let known = (self.chain.number, self.chain.hash) == (record.number, record.hash);
        if running && record.number >= self.chain.number && !known {
            self.chain.number = record.number;
            self.chain.hash = record.hash;
            self.chain_dirty = true;
        }
    }

    fn signed_as(&self, run: RunId, number: u64) -> Option<&SignedAction> {
        let id = self.by_number.get(&(run, number))?;
        self.entries.get(id)?.signed.as_ref()
    }

    /// Whether `record` ends with an own action: by its hash then all of the run before it are own.
    fn is_own_chain(&self, record: &AuthorRecord) -> bool {
        let Some(run) = record.run else {
            return false;
        };
        let last = self.signed_as(run, record.number);
        let next = self.signed_as(run, record.number.saturating_add(1));
        (self.chain.run, self.chain.number, self.chain.hash) == (run, record.number, record.hash)
            || last.is_some_and(|last| last.action.hash(self.group) == record.hash)
            || next.is_some_and(|next| next.action.previous == record.hash)
    }

    /// What the committed state says of an own action: none where it still waits. `own` where the
    /// running run of `record` ends with an own action.
    fn fate_by_record(
        &self,
        record: &AuthorRecord,
        own: bool,
        signed: &SignedAction,
    ) -> Option<Fate> {
        let action = &signed.action;
        let height = self.height;
        let rejected = |reason| Some(Fate::Rejected { height, reason });
        if record.run != Some(action.run) {
            // A closed run keeps no numbers: whether this one was in time cannot be learnt any more.
            return record.closed.contains(&action.run).then_some(Fate::Unknown);
        }
        if action.number > record.number {
            return if record.ended {
                rejected(Reason::Equivocation)
            } else {
                None
            };
        }
        if action.number == record.number && action.hash(self.group) != record.hash {
            // The one in the state stands.
            return rejected(Reason::Equivocation);
        }
        if action.number < record.number && !own {
            return Some(Fate::Unknown);
        }
        match record.refusal(action.number) {
            Some(reason) => rejected(reason.clone()),
            None if record.forgot(action.number) => Some(Fate::Unknown),
            None => Some(Fate::Committed { height }),
        }
    }

    /// Gives a signed submission its last fate: a committed or hidden one goes, others stay until
    /// they are acknowledged.
    fn finish(&mut self, id: SubmissionId, fate: Fate) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let number = entry.number();
        if let Some(number) = number {
            self.by_number.remove(&number);
        }
        self.stale = Stale::All;
        if entry.hidden() {
            self.remove(id);
            return;
        }
        let applied = matches!(fate, Fate::Committed { .. });
        if applied {
            self.remove(id);
            self.forget_dependency(id);
            self.fates.push((id, fate));
        } else {
            entry.last = Some(fate);
            entry.acknowledged = false;
            self.dirty.insert(id);
            self.drop_oldest_final();
        }
        self.settled.insert(id, Settled { number, applied });
        while self.settled.len() > self.pending_max {
            self.settled.pop_first();
        }
    }

    /// `id` is applied: what depends on it depends on it no more, in the store too, where nothing
    /// of `id` remains.
    fn forget_dependency(&mut self, id: SubmissionId) {
        for (later, entry) in self.entries.range_mut(id..) {
            let before = entry.dependencies.len();
            entry.dependencies.retain(|dependency| *dependency != id);
            if entry.dependencies.len() != before {
                self.dirty.insert(*later);
            }
        }
    }

    /// An app that never acknowledges loses the oldest refusals, not the right to submit.
    fn drop_oldest_final(&mut self) {
        let mut finals = self.entries.iter().filter(|(_, entry)| entry.is_final());
        let oldest = finals.next().map(|(id, _)| *id);
        if let Some(id) = oldest.filter(|_| finals.count() >= self.pending_max) {
            self.remove(id);
        }
    }
}
