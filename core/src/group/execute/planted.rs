//! Bugs of a heal, to see whether they are found.

use super::{Executed, Executor, Run, Standing};
use crate::config::Plant;
use crate::sync::Apply;
use crate::wire::{Action, Reason, SignedAction};

impl Executor {
    /// Whether what was done apart is applied once more.
    pub(super) fn applies_twice(&self, action: &Action) -> bool {
        self.plant == Some(Plant::AppliedTwiceAfterHeal) && !action.frontier.is_empty()
    }

    pub(super) fn merges_by_arrival(&self) -> bool {
        self.plant == Some(Plant::MergeByArrival)
    }

    /// What came first is applied first.
    pub(super) fn merge_by_arrival(
        &self,
        base: Standing<'_>,
        set: Vec<SignedAction>,
    ) -> (Executed, Vec<SignedAction>) {
        let mut ordered = self.order(base.state, set);
        let mut arrived = self.arrived.borrow_mut();
        ordered.sort_by_cached_key(|signed| {
            let next = arrived.len();
            *arrived
                .entry(signed.action.hash(self.group()))
                .or_insert(next)
        });
        let mut run = Run::new(self, base).expect("the committed state has draws");
        run.end_doubled(&ordered);
        let fates = ordered
            .iter()
            .map(|signed| {
                let fate = run.apply(signed, false);
                (
                    signed.action.id(),
                    fate.unwrap_or(Some(Reason::Equivocation)),
                )
            })
            .collect();
        (run.finish(fates), ordered)
    }
}
