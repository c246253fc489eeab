//! The fold itself: own actions on the committed state, and beside them what others did tentatively.

use super::Submissions;
use super::entry::Stale;
use crate::group::execute::{DrawsOpen, Executor, Standing};
use crate::group::records::Records;
use crate::group::{SubmissionId, Tentative};
use crate::state::Overlay;
use crate::wire::{ActionPayload, Reason, SignedAction};

impl Submissions {
    /// Computes what is stale, if anything is.
    pub(super) fn fold(&mut self, executor: &Executor) {
        let (base, first) = match std::mem::replace(&mut self.stale, Stale::No) {
            Stale::No => return,
            Stale::From(id) => (self.own_state.clone(), id),
            Stale::All => {
                self.draws = DrawsOpen::of(self.committed.draws().as_ref());
                (self.committed.clone(), SubmissionId(0))
            }
        };
        let mut overlay = Overlay::new(base);
        let mut ids: Vec<_> = self
            .entries
            .range(first..)
            .filter(|(_, entry)| !entry.is_final())
            .map(|(id, entry)| (entry.signed_number(self.chain.run), *id))
            .collect();
        // What is signed comes before every intent, whichever was asked for first.
        ids.sort_unstable();
        for (_, id) in ids {
            let forecast = self.forecast(id, &mut overlay, executor);
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.acknowledged &= forecast.is_some();
                entry.forecast = forecast;
            }
        }
        self.own_state = overlay.absorb();
        self.fold_tentative(executor);
    }

    /// What others did as well: for the screen only.
    fn fold_tentative(&mut self, executor: &Executor) {
        let (block, unsettled) = &self.unsettled;
        self.tentative.clear();
        if unsettled.is_empty() {
            self.state = self.own_state.clone();
            return;
        }
        let base = Standing {
            height: self.height,
            block: *block,
            state: &self.committed,
        };
        let (merged, ordered) = executor.merge(base, unsettled.clone());
        for (signed, (id, refused)) in ordered.iter().zip(merged.fates) {
            let own = (id.author == self.own).then(|| self.by_number.get(&(id.run, id.number)));
            if let Some(entry) = own.flatten().and_then(|id| self.entries.get_mut(id)) {
                entry.forecast = entry.forecast.take().or_else(|| refused.clone());
            }
            if let ActionPayload::Rules(payload) = &signed.action.payload {
                self.tentative.push(Tentative {
                    action: id,
                    payload: payload.to_vec(),
                    refused,
                });
            }
        }
        let mut overlay = Overlay::new(merged.state);
        let mut draws = self.draws;
        for entry in self.entries.values() {
            let merged = |own: &SignedAction| ordered.iter().any(|it| it.action == own.action);
            let shown = entry.signed.as_ref().is_some_and(merged) || entry.forecast.is_some();
            if !shown && !entry.is_final() {
                let height = self.height.saturating_add(1);
                // What does not apply beside what others did shows by not showing.
                let _ = executor.forecast(
                    &mut overlay,
                    height,
                    &self.own,
                    &entry.payload,
                    entry.validity,
                    &mut draws,
                );
            }
        }
        self.state = overlay.absorb();
    }

    fn forecast(
        &mut self,
        id: SubmissionId,
        overlay: &mut Overlay,
        executor: &Executor,
    ) -> Option<Reason> {
        let entry = self.entries.get(&id)?;
        let failed = entry
            .dependencies
            .iter()
            .find(|id| match self.entries.get(id) {
                Some(entry) => entry.is_final() || entry.forecast.is_some(),
                None => self.settled.get(id).is_none_or(|settled| !settled.applied),
            });
        if let Some(failed) = failed {
            let number = self.dependency(*failed).unwrap_or(0);
            return Some(Reason::Dependency { number });
        }
        let height = self.height.saturating_add(1);
        let draws = &mut self.draws;
        executor
            .forecast(
                overlay,
                height,
                &self.own,
                &entry.payload,
                entry.validity,
                draws,
            )
            .err()
    }
}
