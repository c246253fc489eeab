//! Which actions may stand in one set on a state, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use super::{BLOCK_LEN_MAX, BLOCK_OVERHEAD_MAX, Executed, Executor, REFUSED_LEN_MAX, Standing};
use crate::crypto::Hash;
use crate::group::closure::closed;
use crate::group::pool::{Chain, Held};
use crate::group::records::Records;
use crate::id::{PeerId, RunId};
use crate::state::Map;
use crate::sync::{Order, merge};
use crate::wire::{ActionId, BLOCK_ACTIONS_MAX, FrontierEntry, SignedAction, encoded_len};

impl Executor {
    /// What `set` makes of `base` in the one order, as far as it is closed under frontiers and every
    /// author's own order: the state after it with the fate of each, and the order. No bound of a
    /// block cuts it.
    pub fn merge(
        &self,
        base: Standing<'_>,
        set: Vec<SignedAction>,
    ) -> (Executed, Vec<SignedAction>) {
        let set = self.closed_set(base.state, set);
        #[cfg(feature = "planted")]
        if self.merges_by_arrival() {
            return self.merge_by_arrival(base, set);
        }
        self.run(base, None, &set)
            .expect("a closed set of genuine actions executes")
    }

    pub(super) fn select(&self, base: &Map, candidates: Vec<SignedAction>) -> Vec<SignedAction> {
        // A prefix of the order is closed under frontiers and every author's own order, and keeps its
        // order.
        let mut len = BLOCK_OVERHEAD_MAX;
        self.order(base, self.closed_set(base, candidates))
            .into_iter()
            .take(BLOCK_ACTIONS_MAX)
            .take_while(|signed| {
                len += encoded_len(signed) + REFUSED_LEN_MAX;
                len <= BLOCK_LEN_MAX
            })
            .collect()
    }

    /// Of `candidates` what members signed and what may follow on `base`, each once.
    fn closed_set(&self, base: &Map, candidates: Vec<SignedAction>) -> Vec<SignedAction> {
        let mut chains = vec![Chain::new(); self.members.len()];
        for signed in candidates {
            let id = signed.action.id();
            let member = self.members.iter().position(|member| *member == id.author);
            let Some(index) = member else {
                continue;
            };
            if signed.action.frontier_fault().is_some() || !self.verify(&signed) {
                continue;
            }
            let hash = signed.action.hash(self.group());
            let twins = chains[index].entry((id.run, id.number)).or_default();
            if twins.iter().all(|held| held.hash != hash) {
                twins.push(Held { hash, signed });
            }
        }
        let authors: Vec<_> = chains
            .iter()
            .zip(0u8..)
            .filter(|(chain, _)| !chain.is_empty())
            .map(|(chain, index)| (base.author(index), chain))
            .collect();
        let set = closed(&authors, |id| self.has_passed(base, id));
        set.into_iter().map(|held| held.signed.clone()).collect()
    }

    /// Whether `id` has its fate in `base`, or none can come: a frontier may name it without its being
    /// in the set.
    pub(super) fn has_passed(&self, base: &Map, id: &ActionId) -> bool {
        self.genesis
            .index_of(&id.author)
            .is_none_or(|index| base.author(index).has_passed(id.run, id.number))
    }

    /// Drops of `actions`, which are in the one order, those that name what is not among them, and
    /// what their authors did after that.
    pub(super) fn close(&self, base: &Map, actions: &mut Vec<SignedAction>) {
        let mut kept: BTreeSet<Hash> = BTreeSet::new();
        let mut dropped: BTreeMap<(PeerId, RunId), u64> = BTreeMap::new();
        actions.retain(|signed| {
            let action = &signed.action;
            let run = (action.author, action.run);
            let behind = dropped.get(&run).is_some_and(|from| *from < action.number);
            let seen = |entry: &FrontierEntry| {
                kept.contains(&entry.hash) || self.has_passed(base, &entry.id)
            };
            let stays = !behind && action.frontier.iter().all(seen);
            if stays {
                kept.insert(action.hash(self.group()));
            } else {
                dropped.entry(run).or_insert(action.number);
            }
            stays
        });
    }

    pub(super) fn order(&self, base: &Map, set: Vec<SignedAction>) -> Vec<SignedAction> {
        let running = self.running(base, &set);
        let running = |author: &PeerId| running.get(author).copied().flatten();
        let order = Order {
            running: &running,
            salt: base.salt(self.epoch),
            rules: &*self.rules,
            group: self.group(),
        };
        merge::order(set, order)
    }

    /// The run of each author of `set` that `base` knows.
    pub(super) fn running(
        &self,
        base: &Map,
        set: &[SignedAction],
    ) -> BTreeMap<PeerId, Option<RunId>> {
        set.iter()
            .map(|signed| signed.action.author)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter_map(|author| {
                let index = self.genesis.index_of(&author)?;
                Some((author, base.author(index).run))
            })
            .collect()
    }
}
