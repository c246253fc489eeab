//! The one order, for blocks and merges: (depth, order key, hash(author, salt),
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
        .zip(depths)
        .map(|(signed, depth)| {
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
            let key = (depth, order_key, *author, id.run, id.number);
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

/// Longest path to each action of the set along its author's own order and its frontier. Iterates
/// to a fixed point: without frontiers one pass suffices, a set has at most as many levels as
/// actions, and forged cycles end at that bound.
fn depths(set: &[SignedAction], running: impl Fn(&PeerId) -> Option<RunId>) -> Vec<usize> {
    let mut chains: BTreeMap<(PeerId, bool, RunId, u64), Vec<usize>> = BTreeMap::new();
    let mut named: BTreeMap<ActionId, Vec<usize>> = BTreeMap::new();
    for (index, signed) in set.iter().enumerate() {
        let id = signed.action.id();
        let later = running(&id.author) != Some(id.run);
        chains
            .entry((id.author, later, id.run, id.number))
            .or_default()
            .push(index);
        named.entry(id).or_default().push(index);
    }
    let mut depths = vec![0; set.len()];
    for _ in 0..set.len() {
        let mut changed = false;
        let mut before: Option<(PeerId, &[usize])> = None;
        for ((author, ..), twins) in &chains {
            let own = before
                .filter(|(other, _)| other == author)
                .map_or(&[][..], |(_, own)| own);
            for index in twins {
                let seen = set[*index]
                    .action
                    .frontier
                    .iter()
                    .filter_map(|e| named.get(&e.id));
                let depth = seen
                    .flatten()
                    .chain(own)
                    .map(|seen| depths[*seen] + 1)
                    .max()
                    .unwrap_or(0)
                    .min(set.len());
                if depth > depths[*index] {
                    depths[*index] = depth;
                    changed = true;
                }
            }
            before = Some((*author, twins));
        }
        if !changed {
            break;
        }
    }
    depths
}

#[cfg(test)]
pub(crate) mod tests;
