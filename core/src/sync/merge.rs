//! The one order, for blocks and merges: (depth, order key, hash(author, salt),
//! author's number), where depth is the longest path along frontiers inside the set. It is computed
//! from the set alone: never signed, never by a clock, never by who ran it.

use std::collections::BTreeMap;

use super::Order;
use crate::crypto::{Domain, Hash, hash};
use crate::id::PeerId;
use crate::wire::{ActionPayload, SignedAction, encode};

/// The set in the one order, every action once. The first action of a run that the base does not know
/// comes after all of the one that it knows. Two signatures of one action are one action; two actions
/// with one number both stay.
pub fn order(set: Vec<SignedAction>, order: Order<'_>) -> Vec<SignedAction> {
    let depths = depths(&set, order);
    let mut authors: BTreeMap<PeerId, Hash> = BTreeMap::new();
    let mut keyed: Vec<_> = set
        .into_iter()
        .zip(depths)
        .map(|(signed, depth)| {
            let id = signed.action.id();
            let author = authors.entry(id.author).or_insert_with(|| {
                hash(
                    Domain::ActionOrder,
                    &[id.author.as_bytes(), order.salt.as_bytes()],
                )
            });
            let order_key = match &signed.action.payload {
                ActionPayload::Rules(payload) => order.rules.order_key(payload),
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

/// Longest path to each action of the set along its author's own order and its frontier. What goes in
/// a circle, which no hashes do, is deepest.
fn depths(set: &[SignedAction], order: Order<'_>) -> Vec<usize> {
    let before = before(set, order);
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); set.len()];
    let mut waits: Vec<usize> = before.iter().map(Vec::len).collect();
    for (index, before) in before.iter().enumerate() {
        for earlier in before {
            after[*earlier].push(index);
        }
    }
    let mut depths = vec![set.len(); set.len()];
    let mut level: Vec<usize> = (0..set.len()).filter(|index| waits[*index] == 0).collect();
    let mut depth = 0;
    while !level.is_empty() {
        let mut next = Vec::new();
        for index in level {
            depths[index] = depth;
            for later in &after[index] {
                waits[*later] -= 1;
                if waits[*later] == 0 {
                    next.push(*later);
                }
            }
        }
        level = next;
        depth += 1;
    }
    depths
}

/// Of each action those of the set that come before it: what its frontier names, its author's
/// previous one, and for the first of a new run all that is there of the old one.
fn before(set: &[SignedAction], order: Order<'_>) -> Vec<Vec<usize>> {
    // Signed twice, an action is there twice.
    let mut by_hash: BTreeMap<Hash, Vec<usize>> = BTreeMap::new();
    let mut old: BTreeMap<PeerId, Vec<usize>> = BTreeMap::new();
    for (index, signed) in set.iter().enumerate() {
        let action = &signed.action;
        let hash = action.hash(order.group);
        by_hash.entry(hash).or_default().push(index);
        if (order.running)(&action.author) == Some(action.run) {
            old.entry(action.author).or_default().push(index);
        }
    }
    set.iter()
        .map(|signed| {
            let action = &signed.action;
            let named = action.frontier.iter().map(|entry| entry.hash);
            let named = named.chain([action.previous]);
            let mut before: Vec<usize> = named
                .filter_map(|hash| by_hash.get(&hash))
                .flatten()
                .copied()
                .collect();
            if action.number == 1 && (order.running)(&action.author) != Some(action.run) {
                before.extend(old.get(&action.author).into_iter().flatten());
            }
            before
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
