//! Which of the actions at hand may stand in one set on a state: each follows, by the hash of its
//! author's previous one, on the state or on one of the set, and all that its frontier names is
//! behind the state or in the set. Two of an author with one number both may: what to do about them
//! is for whoever applies the set.

use std::collections::{BTreeMap, BTreeSet};

use super::pool::{Chain, Held};
use super::records::AuthorRecord;
use crate::crypto::Hash;
use crate::id::RunId;
use crate::wire::ActionId;

/// The largest such set, author by author, each by run and number. `passed` says what is behind the
/// state. Of an author at most one new run is in it, the lowest one that can begin.
pub(super) fn closed<'a>(
    authors: &[(AuthorRecord, &'a Chain)],
    passed: impl Fn(&ActionId) -> bool,
) -> Vec<&'a Held> {
    let mut barred: BTreeSet<Hash> = BTreeSet::new();
    loop {
        let found = grow(authors, &barred, &passed);
        let more = forbidden(authors, &found);
        if more.is_empty() {
            return in_order(authors)
                .filter(|held| found.contains(&held.hash))
                .collect();
        }
        barred.extend(more);
    }
}

/// Author by author, of each first the run that the state knows.
fn in_order<'a>(authors: &[(AuthorRecord, &'a Chain)]) -> impl Iterator<Item = &'a Held> {
    authors.iter().flat_map(|(record, chain)| {
        let running = |run: RunId| record.run == Some(run);
        let old = chain.iter().filter(move |((run, _), _)| running(*run));
        let new = chain.iter().filter(move |((run, _), _)| !running(*run));
        old.chain(new).flat_map(|(_, twins)| twins)
    })
}

/// The largest set without what is `barred`: each action waits for what it follows and names, and is
/// looked at again when that is in. The work is that of the actions and names that there are.
fn grow(
    authors: &[(AuthorRecord, &Chain)],
    barred: &BTreeSet<Hash>,
    passed: impl Fn(&ActionId) -> bool,
) -> BTreeSet<Hash> {
    let all = || {
        let chains = authors.iter();
        chains.flat_map(|(record, chain)| chain.values().flatten().map(move |held| (record, held)))
    };
    let ids: BTreeMap<Hash, ActionId> = all()
        .map(|(_, held)| (held.hash, held.signed.action.id()))
        .collect();
    let mut lacks: BTreeMap<Hash, usize> = BTreeMap::new();
    let mut waiting: BTreeMap<Hash, Vec<Hash>> = BTreeMap::new();
    let mut open: Vec<Hash> = Vec::new();
    for (record, held) in all() {
        let action = &held.signed.action;
        let mut needs: BTreeSet<Hash> = BTreeSet::new();
        if !record.takes(action.run, action.number, action.previous, held.hash) {
            let previous = ActionId {
                number: action.number.wrapping_sub(1),
                ..action.id()
            };
            if !record.is_open(action.run) || ids.get(&action.previous) != Some(&previous) {
                continue;
            }
            needs.insert(action.previous);
        }
        let unseen = action.frontier.iter().filter(|entry| !passed(&entry.id));
        needs.extend(unseen.map(|entry| entry.hash));
        if barred.contains(&held.hash) {
            continue;
        }
        if needs.is_empty() {
            open.push(held.hash);
        }
        lacks.insert(held.hash, needs.len());
        for need in needs {
            waiting.entry(need).or_default().push(held.hash);
        }
    }
    let mut found: BTreeSet<Hash> = BTreeSet::new();
    while let Some(hash) = open.pop() {
        found.insert(hash);
        for later in waiting.remove(&hash).into_iter().flatten() {
            if let Some(lacks) = lacks.get_mut(&later) {
                *lacks -= 1;
                if *lacks == 0 {
                    open.push(later);
                }
            }
        }
    }
    found
}

/// What must not be in one set with the rest of `found`: new runs after the first one, and what a
/// run's old store did after the new one had begun, since a new run comes after all of the old.
fn forbidden(authors: &[(AuthorRecord, &Chain)], found: &BTreeSet<Hash>) -> BTreeSet<Hash> {
    let mut forbidden = BTreeSet::new();
    for (record, chain) in authors {
        let of = |held: &&Held| found.contains(&held.hash);
        let items = || chain.values().flatten().filter(of);
        let new = items().filter(|held| Some(held.signed.action.run) != record.run);
        let runs: BTreeSet<RunId> = new.map(|held| held.signed.action.run).collect();
        let Some(first) = runs.first() else {
            continue;
        };
        let later = items().filter(|held| {
            let run = held.signed.action.run;
            Some(run) != record.run && run != *first
        });
        forbidden.extend(later.map(|held| held.hash));
        let begun = items().filter(|held| held.signed.action.run == *first);
        let begun: BTreeSet<Hash> = begun.map(|held| held.hash).collect();
        let old = items().filter(|held| Some(held.signed.action.run) == record.run);
        let after = descendants(authors, &begun);
        forbidden.extend(
            old.map(|held| held.hash)
                .filter(|hash| after.contains(hash)),
        );
    }
    forbidden
}

/// All that came after one of `roots`, by frontier or by its author's own order.
fn descendants(authors: &[(AuthorRecord, &Chain)], roots: &BTreeSet<Hash>) -> BTreeSet<Hash> {
    let mut next: BTreeMap<Hash, Vec<Hash>> = BTreeMap::new();
    for held in authors
        .iter()
        .flat_map(|(_, chain)| chain.values().flatten())
    {
        let action = &held.signed.action;
        let named = action.frontier.iter().map(|entry| entry.hash);
        for before in named.chain([action.previous]) {
            next.entry(before).or_default().push(held.hash);
        }
    }
    let mut reached = BTreeSet::new();
    let mut open: Vec<Hash> = roots.iter().copied().collect();
    while let Some(hash) = open.pop() {
        for after in next.get(&hash).into_iter().flatten() {
            if reached.insert(*after) {
                open.push(*after);
            }
        }
    }
    reached
}
