//! Signed actions that wait for a block.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::closure;
use super::records::{AuthorRecord, Authors, Place};
use crate::crypto::{Domain, Hash, Hasher, Signature};
use crate::id::{GroupId, PeerId, RunId};
use crate::state::Map;
use crate::sync::pack::{Known, Last};
use crate::wire::{
    BLOCK_ACTIONS_MAX, BoundedVec, FrontierEntry, Genesis, MEMBERS_MAX, SignedAction,
};

/// A signed action with its hash.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) hash: Hash,
    pub(super) signed: SignedAction,
}

/// Actions of one author by run and number. Two with one number are an equivocation.
pub(super) type Chain = BTreeMap<(RunId, u64), Vec<Held>>;

/// Actions kept per number: two prove the equivocation, more prove nothing more.
const TWINS_MAX: usize = 2;
/// Final numbers per author whose hashes are remembered: a twin of one of them is still evidence.
const FINALS_MAX: usize = 32;

/// Hashes of one author's actions by run and number.
type Hashes = BTreeMap<(RunId, u64), Vec<Hash>>;

/// What became of an action that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// Kept; it was not known.
    New,
    /// Held already.
    Known,
    /// Evidence, told once: its author signed two actions with one number. It is spread like a new
    /// one; a block refuses it, unless its number had its fate before the state's last one.
    Equivocation {
        /// Who.
        author: PeerId,
        /// Hash of the action known before.
        first: Hash,
        /// Hash of this one.
        second: Hash,
    },
    /// Kept; earlier ones of its author, or one that its frontier names, are missing here.
    Gap {
        /// Committee index of the author of what is missing.
        author: u8,
        /// First missing number.
        from: u64,
    },
    /// Not kept: too many of this author wait.
    Full,
    /// Not kept: it has its fate, its run is closed, or its author is no member.
    Stale,
    /// Not kept: its frontier is none that its author could mean.
    Malformed {
        /// Who signed it.
        author: PeerId,
        /// What is wrong.
        what: &'static str,
    },
}

/// Actions that are not final, per author, bounded per author.
#[derive(Debug)]
pub struct Pool {
    group: GroupId,
    members: Vec<PeerId>,
    /// In the finalized state.
    records: Authors,
    /// In the state that was last asked about: the same one is asked about many times.
    asked: RefCell<Authors>,
    chains: Vec<Chain>,
    finals: Vec<Hashes>,
    /// Per author, what was here before it became final, oldest first: packed actions that come late
    /// are told by their signatures.
    passed: Vec<VecDeque<(Signature, Last)>>,
    per_author_max: usize,
    revision: u64,
    /// What a planted bug made it forget for good.
    #[cfg(feature = "planted")]
    forgotten: BTreeSet<Hash>,
}

impl Pool {
    /// An empty pool above the finalized state `base`.
    pub fn new(genesis: &Genesis, base: &Map, per_author_max: usize) -> Self {
        let members: Vec<_> = genesis.members.iter().map(|member| member.peer).collect();
        let mut records = Authors::new(members.len());
        records.follow(base);
        Self {
            group: genesis.group,
            asked: RefCell::new(records.clone()),
            records,
            chains: vec![Chain::new(); members.len()],
            finals: vec![Hashes::new(); members.len()],
            passed: vec![VecDeque::new(); members.len()],
            members,
            per_author_max,
            revision: 0,
            #[cfg(feature = "planted")]
            forgotten: BTreeSet::new(),
        }
    }

    /// Forgets all that waits, for good.
    #[cfg(feature = "planted")]
    pub(super) fn forget_waiting(&mut self) {
        let waiting: Vec<Hash> = self.hashes().collect();
        self.forgotten.extend(waiting);
        self.chains.iter_mut().for_each(Chain::clear);
        self.revision += 1;
    }

    /// Whether an action was forgotten for good.
    #[cfg(feature = "planted")]
    pub(super) fn has_forgotten(&self, signed: &SignedAction) -> bool {
        self.forgotten.contains(&signed.action.hash(self.group))
    }

    /// Keeps an action whose signature the caller has verified.
    pub fn insert(&mut self, signed: SignedAction) -> Inserted {
        let id = signed.action.id();
        let Some(index) = self.members.iter().position(|member| *member == id.author) else {
            return Inserted::Stale;
        };
        if id.number == 0 {
            return Inserted::Stale;
        }
        if let Some(what) = signed.action.frontier_fault() {
            let author = id.author;
            return Inserted::Malformed { author, what };
        }
        #[cfg(feature = "planted")]
        if self.has_forgotten(&signed) {
            return Inserted::Known;
        }
        let hash = signed.action.hash(self.group);
        let record = self.records.get(index).expect("one for each member");
        let place = record.place(id.run, id.number, signed.action.previous, hash);
        if matches!(place, Place::Final | Place::Closed) {
            let number = (id.run, id.number);
            return match late_twin(record, &mut self.finals[index], number, hash) {
                Some(first) => Inserted::Equivocation {
                    author: id.author,
                    first,
                    second: hash,
                },
                None => Inserted::Stale,
            };
        }
        let chain = &mut self.chains[index];
        let known = chain
            .get(&(id.run, id.number))
            .map_or(&[][..], Vec::as_slice);
        if known.iter().any(|held| held.hash == hash) || known.len() == TWINS_MAX {
            return Inserted::Known;
        }
        let twin = if place == Place::Twin {
            Some(record.hash)
        } else {
            known.first().map(|held| held.hash)
        };
        let bound = u64::try_from(self.per_author_max).unwrap_or(u64::MAX);
        let base = if record.run == Some(id.run) {
            record.number
        } else {
            0
        };
        let held: usize = chain.values().map(Vec::len).sum();
        if held >= self.per_author_max || id.number - base > bound {
            return Inserted::Full;
        }
        let named = signed.action.frontier.clone();
        let twins = chain.entry((id.run, id.number)).or_default();
        // By hash: what is known must not depend on what came first.
        let at = twins.partition_point(|held| held.hash < hash);
        twins.insert(at, Held { hash, signed });
        self.revision += 1;
        if let Some(first) = twin {
            return Inserted::Equivocation {
                author: id.author,
                first,
                second: hash,
            };
        }
        let contiguous = (base + 1..id.number).find(|n| !chain.contains_key(&(id.run, *n)));
        let gap = contiguous.map(|from| (index, from));
        match gap.or_else(|| self.unseen(&named)) {
            None => Inserted::New,
            Some((index, from)) => Inserted::Gap {
                author: u8::try_from(index).expect("at most 16 members"),
                from,
            },
        }
    }

    /// Author and first missing number of what `frontier` names and is not here.
    fn unseen(&self, frontier: &[FrontierEntry]) -> Option<(usize, u64)> {
        frontier.iter().find_map(|entry| {
            let id = entry.id;
            let index = self.members.iter().position(|it| *it == id.author)?;
            let (record, chain) = (self.records.get(index)?, &self.chains[index]);
            let twins = chain.get(&(id.run, id.number)).into_iter().flatten();
            if record.has_passed(id.run, id.number)
                || twins.into_iter().any(|held| held.hash == entry.hash)
            {
                return None;
            }
            let base = if record.run == Some(id.run) {
                record.number
            } else {
                0
            };
            let missing =
                (base + 1..id.number).find(|number| !chain.contains_key(&(id.run, *number)));
            Some((index, missing.unwrap_or(id.number)))
        })
    }

    /// What a block on `base` may hold, author by author in each one's order: what goes on from there,
    /// as far as all that frontiers name is in `base` or among it. `base` need not be final.
    pub fn includable(&self, base: &Map) -> Vec<SignedAction> {
        self.closed(base)
            .into_iter()
            .map(|held| held.signed.clone())
            .collect()
    }

    /// Whether a block on `base` may hold anything.
    pub fn has_includable(&self, base: &Map) -> bool {
        !self.closed(base).is_empty()
    }

    /// Grows whenever something new is kept here or something is forgotten.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    fn closed(&self, base: &Map) -> Vec<&Held> {
        let mut records = self.asked.borrow_mut();
        let authors: Vec<_> = self
            .chains
            .iter()
            .zip(0u8..)
            .filter(|(chain, _)| !chain.is_empty())
            .map(|(chain, index)| (records.read(base, index).clone(), chain))
            .collect();
        if authors.is_empty() {
            return Vec::new();
        }
        records.follow(base);
        closure::closed(&authors, |id| {
            let index = self.members.iter().position(|it| *it == id.author);
            let record = index.and_then(|index| records.get(index));
            record.is_none_or(|record| record.has_passed(id.run, id.number))
        })
    }

    /// What an author who sees all that may follow on `base` names as seen: of each other author the
    /// last one, unless one of the others names it already.
    pub fn frontier(&self, base: &Map, author: &PeerId) -> BoundedVec<FrontierEntry, MEMBERS_MAX> {
        let seen = self.closed(base);
        let named: BTreeSet<Hash> = seen
            .iter()
            .flat_map(|held| held.signed.action.frontier.iter().map(|entry| entry.hash))
            .collect();
        let last: BTreeMap<PeerId, &Held> = seen
            .into_iter()
            .map(|held| (held.signed.action.author, held))
            .filter(|(other, _)| other != author)
            .collect();
        let entries = last
            .into_values()
            .filter(|held| !named.contains(&held.hash))
            .map(|held| FrontierEntry {
                id: held.signed.action.id(),
                hash: held.hash,
            });
        BoundedVec::truncating(entries.collect())
    }

    /// Forgets what has its fate in the finalized state `base`.
    pub fn prune(&mut self, base: &Map) {
        self.revision += 1;
        let before: Vec<_> = self
            .records
            .iter()
            .map(|record| (record.run, record.number, record.hash))
            .collect();
        self.records.follow(base);
        let kept = self.finals.iter_mut().zip(&mut self.passed);
        let authors = self.chains.iter_mut().zip(kept);
        let records = self.records.iter().zip(before);
        for ((chain, (finals, passed)), (record, before)) in authors.zip(records) {
            chain.retain(|(run, number), twins| {
                twins.retain(|held| {
                    let place = record.place(*run, *number, held.signed.action.previous, held.hash);
                    let ends = matches!(place, Place::Final | Place::Closed);
                    if ends {
                        remember(finals, (*run, *number), held.hash);
                        passed.push_back((held.signed.signature, (*run, *number, held.hash)));
                    }
                    !ends
                });
                !twins.is_empty()
            });
            if let (Some(run), number, hash) = before {
                remember(finals, (run, number), hash);
            }
            finals.retain(|(run, _), _| record.run == Some(*run));
            while finals.len() > FINALS_MAX {
                finals.pop_first();
            }
            while passed.len() > FINALS_MAX {
                passed.pop_front();
            }
        }
    }

    /// Per author, the highest number up to which every action of his current run is known here.
    pub fn counters(&self) -> Vec<u64> {
        self.known().map(|(number, _)| number).collect()
    }

    /// Over the hashes of the actions that [`Pool::counters`] counts to: both twins of a doubled
    /// number.
    pub fn digest(&self) -> u64 {
        let mut hasher = Hasher::new(Domain::ActionDigest);
        for (_, hashes) in self.known() {
            for hash in hashes {
                hasher.fixed(hash.as_bytes());
            }
        }
        hasher.finish().prefix_u64()
    }

    /// Hashes of all actions that wait here.
    pub fn hashes(&self) -> impl Iterator<Item = Hash> + '_ {
        self.held().map(|held| held.hash)
    }

    /// Those of the waiting actions that have one of these hashes.
    pub fn with_hashes(&self, hashes: &[Hash]) -> Vec<SignedAction> {
        let hashes: BTreeSet<_> = hashes.iter().collect();
        self.held()
            .filter(|held| hashes.contains(&held.hash))
            .map(|held| held.signed.clone())
            .collect()
    }

    fn held(&self) -> impl Iterator<Item = &Held> {
        self.chains.iter().flat_map(BTreeMap::values).flatten()
    }

    /// Actions of `author` from `from` on, of his current run and of newer ones, in order. What is
    /// final is not here: it comes with its block.
    pub fn since(&self, author: u8, from: u64) -> Vec<SignedAction> {
        let index = usize::from(author);
        let Some((chain, record)) = self.chains.get(index).zip(self.records.get(index)) else {
            return Vec::new();
        };
        chain
            .iter()
            .filter(|((run, number), _)| {
                *number >= from || record.run.is_some_and(|running| running != *run)
            })
            .flat_map(|(_, twins)| twins.iter().map(|held| held.signed.clone()))
            .collect()
    }

    /// Per author, the number that [`Pool::counters`] counts to and what has it.
    fn known(&self) -> impl Iterator<Item = (u64, Vec<Hash>)> + '_ {
        self.chains
            .iter()
            .zip(self.records.iter())
            .map(|(chain, record)| {
                let chain = contiguous(record, chain);
                let Some(last) = chain.last().map(|held| &held.signed.action) else {
                    return (record.number, vec![record.hash]);
                };
                let id = (last.run, last.number);
                let twins = chain.iter().filter(|held| {
                    let action = &held.signed.action;
                    (action.run, action.number) == id
                });
                (last.number, twins.map(|held| held.hash).collect())
            })
    }
}

impl Known for Pool {
    fn last(&self, author: u8) -> Option<Last> {
        let index = usize::from(author);
        let (run, number, hash) = last(self.records.get(index)?, self.chains.get(index)?);
        Some((run?, number, hash))
    }

    fn held(&self, author: u8, signature: &Signature) -> Option<Last> {
        let index = usize::from(author);
        let waiting = self.chains.get(index)?.iter().flat_map(|(name, twins)| {
            let last = |held: &Held| (held.signed.signature, (name.0, name.1, held.hash));
            twins.iter().map(last)
        });
        let passed = self.passed.get(index)?.iter().copied();
        waiting
            .chain(passed)
            .find(|(held, _)| held == signature)
            .map(|(_, last)| last)
    }
}

/// Run, number and hash of the last action that goes on from `record` without a gap.
fn last(record: &AuthorRecord, chain: &Chain) -> (Option<RunId>, u64, Hash) {
    contiguous(record, chain)
        .last()
        .map_or((record.run, record.number, record.hash), |held| {
            let action = &held.signed.action;
            (Some(action.run), action.number, held.hash)
        })
}

/// The chain that goes on from `record`: what is left of the running run, and after it one new run.
/// It ends with a doubled number, whose twins it holds.
fn contiguous<'a>(record: &AuthorRecord, chain: &'a Chain) -> Vec<&'a Held> {
    let mut found = Vec::new();
    if let Some(run) = record.run.filter(|_| !record.ended) {
        let twins = chain.get(&(run, record.number)).into_iter().flatten();
        found.extend(twins.filter(|held| held.hash != record.hash));
        if found.is_empty() {
            follow(chain, run, record.number, record.hash, &mut found);
        }
    }
    // A run whose first action is missing, lost with a store perhaps, holds up no other one.
    let opened = chain
        .keys()
        .filter(|(run, number)| *number == 1 && record.run != Some(*run) && record.may_open(*run));
    let running = found.len();
    for (run, _) in opened {
        follow(chain, *run, 0, Hash::ZERO, &mut found);
        if found.len() > running {
            break;
        }
    }
    found
}

fn follow<'a>(
    chain: &'a Chain,
    run: RunId,
    mut number: u64,
    mut hash: Hash,
    found: &mut Vec<&'a Held>,
) {
    while found.len() < BLOCK_ACTIONS_MAX {
        let Some(next) = number.checked_add(1) else {
            return;
        };
        let before = found.len();
        let twins = chain.get(&(run, next)).into_iter().flatten();
        found.extend(twins.filter(|held| held.signed.action.previous == hash));
        if found.len() != before + 1 {
            return;
        }
        number = next;
        hash = found[before].hash;
    }
}

fn remember(finals: &mut Hashes, number: (RunId, u64), hash: Hash) {
    let known = finals.entry(number).or_default();
    if !known.contains(&hash) && known.len() < TWINS_MAX {
        known.push(hash);
    }
}

/// The other action of a final number, when `hash` is the first twin of it that is met.
fn late_twin(
    record: &AuthorRecord,
    finals: &mut Hashes,
    number: (RunId, u64),
    hash: Hash,
) -> Option<Hash> {
    if number == (record.run?, record.number) {
        remember(finals, number, record.hash);
    }
    let known = finals.get_mut(&number)?;
    let first = *known.first()?;
    let new = !known.contains(&hash) && known.len() < TWINS_MAX;
    new.then(|| known.push(hash))?;
    Some(first)
}

#[cfg(test)]
mod tests;
