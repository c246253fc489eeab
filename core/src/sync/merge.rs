//! The one order, for blocks and merges (DESIGN section 10): (depth, order key, hash(author, salt),
//! author's number), where depth is the longest path along frontiers inside the set. It is computed
//! from the set alone: never signed, never by a clock, never by who ran it.

use std::collections::BTreeMap;

use crate::crypto::{Domain, Hash, hash};
use crate::id::{PeerId, RunId};
use crate::rules::Rules;
use crate::wire::{ActionId, ActionPayload, SignedAction, encode};

/// The set in the one order, every action once. `running` names the run that the base knows of an
/// author: the first action of another run comes after all of that one. Two signatures of one
/// action are one action; two actions with one number both stay.
pub fn order(
    set: Vec<SignedAction>,
    running: impl Fn(&PeerId) -> Option<RunId>,
    salt: Hash,
    rules: &dyn Rules,
) -> Vec<SignedAction> {
    let depths = depths(&set, running);
    let mut authors: BTreeMap<PeerId, Hash> = BTreeMap::new();
    let mut keyed: Vec<_> = set
        .into_iter()
        .map(|signed| {
            let id = signed.action.id();
            let author = authors.entry(id.author).or_insert_with(|| {
                hash(
                    Domain::ActionOrder,
                    &[id.author.as_bytes(), salt.as_bytes()],
                )
            });
            let order_key = match &signed.action.payload {
                ActionPayload::Rules(payload) => rules.order_key(payload),
                ActionPayload::Missing { .. } => Vec::new(),
            };
            let key = (depths[&id], order_key, *author, id.run, id.number);
            (key, signed)
        })
        .collect();
    keyed.sort_by(|(left_key, left), (right_key, right)| {
        left_key
            .cmp(right_key)
            .then_with(|| encode(&left.action).cmp(&encode(&right.action)))
            .then_with(|| left.signature.cmp(&right.signature))
    });
    keyed.dedup_by(|(_, later), (_, kept)| later.action == kept.action);
    keyed.into_iter().map(|(_, signed)| signed).collect()
}

/// Longest path to each action along its author's own order and the frontiers inside the set.
/// Iterates to a fixed point: without frontiers one pass suffices, a set has at most as many levels
/// as actions, and forged cycles end at that bound.
fn depths(
    set: &[SignedAction],
    running: impl Fn(&PeerId) -> Option<RunId>,
) -> BTreeMap<ActionId, usize> {
    let mut chains: BTreeMap<PeerId, Vec<(bool, ActionId)>> = BTreeMap::new();
    let mut seen: BTreeMap<ActionId, Vec<ActionId>> = BTreeMap::new();
    for signed in set {
        let id = signed.action.id();
        chains
            .entry(id.author)
            .or_default()
            .push((running(&id.author) != Some(id.run), id));
        seen.entry(id)
            .or_default()
            .extend(signed.action.frontier.iter().map(|entry| entry.id));
    }
    for chain in chains.values_mut() {
        chain.sort();
        chain.dedup();
        for pair in chain.windows(2) {
            seen.entry(pair[1].1).or_default().push(pair[0].1);
        }
    }
    let mut depths: BTreeMap<ActionId, usize> = seen.keys().map(|id| (*id, 0)).collect();
    for _ in 0..seen.len() {
        let mut changed = false;
        for (_, id) in chains.values().flatten() {
            let depth = seen[id]
                .iter()
                .filter_map(|before| depths.get(before))
                .map(|depth| depth + 1)
                .max()
                .unwrap_or(0)
                .min(seen.len());
            if depth > depths[id] {
                depths.insert(*id, depth);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    depths
}

#[cfg(test)]
mod tests;
