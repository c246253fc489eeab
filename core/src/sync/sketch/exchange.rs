//! The two sides of a reconciliation.

use std::collections::{BTreeMap, BTreeSet};

use super::{Sketch, SketchError};
use crate::crypto::{Domain, Hash, Hasher};
use crate::wire::{BoundedVec, Element, Fresh, Reconcile, SYNDROMES_MAX, Share};

/// Shares whose sketches, of full length, one reconciliation may take beside the first: with 63 differences
/// in each, some 700 are found. More are fetched as a list.
pub const SHARES_MAX: usize = 16;
/// Differences that the first sketch shows where the counts do not say more: a doubled number is
/// one or two, and each costs 8 bytes.
const FIRST_DIFFERENCES: usize = 8;
/// Syndromes that an answerer computes for one reconciliation: each costs a product per id.
const SYNDROMES_GIVEN_MAX: usize = (SHARES_MAX + 1) * SYNDROMES_MAX;
/// Bits of a short id that may name a share: more shares than there may be need no more.
const DEPTH_MAX: u8 = 32;

/// All short ids.
const WHOLE: Share = Share { depth: 0, index: 0 };

/// The side that begins and learns the difference.
#[derive(Debug)]
pub struct Asker {
    fresh: Fresh,
    own: BTreeSet<Hash>,
    salted: BTreeMap<u64, Hash>,
    asked: Asked,
    shares: usize,
    /// Shares whose difference is at hand and not looked into yet.
    waiting: Vec<(Share, Sketch)>,
    lacking: BTreeSet<u64>,
    surplus: Vec<Hash>,
}

/// What the asker waits for.
#[derive(Debug)]
enum Asked {
    First,
    /// The syndromes that go on where this difference ends.
    Rest(Share, Sketch),
    /// The syndromes of the lower half of a share with this difference.
    Half(Share, Sketch),
    Nothing,
}

/// How a reconciliation goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this to the other side.
    Ask(Reconcile),
    /// Both have the same ids.
    Equal,
    /// The difference.
    Found {
        /// Requests for what is lacking here: the other side knows what they name.
        want: Vec<Reconcile>,
        /// Ids that the other side lacks.
        surplus: Vec<Hash>,
    },
}

impl Asker {
    /// Begins to compare `own` with somebody's set. `fresh` must be new, and nobody else's to
    /// foresee. Send the message.
    pub fn open(fresh: Fresh, own: impl IntoIterator<Item = Hash>) -> (Self, Reconcile) {
        let own: BTreeSet<_> = own.into_iter().collect();
        let message = Reconcile::Open {
            fresh,
            count: count(own.len()),
            digest: digest(fresh, &own),
        };
        let asker = Self {
            fresh,
            own,
            salted: BTreeMap::new(),
            asked: Asked::First,
            shares: 0,
            waiting: Vec::new(),
            lacking: BTreeSet::new(),
            surplus: Vec::new(),
        };
        (asker, message)
    }

    /// Takes an answer. After an error, or another step than [`Step::Ask`], the reconciliation is
    /// over.
    pub fn receive(&mut self, answer: &Reconcile) -> Result<Step, SketchError> {
        match (std::mem::replace(&mut self.asked, Asked::Nothing), answer) {
            (Asked::Nothing, _) => Err(SketchError::OutOfTurn),
            (_, Reconcile::Gone) => Err(SketchError::Gone),
            (Asked::First, Reconcile::Equal) => Ok(Step::Equal),
            (
                Asked::First,
                Reconcile::Sketch {
                    fresh, syndromes, ..
                },
            ) => {
                self.salted = salted(self.fresh, *fresh, &self.own);
                let mut difference = Sketch::of(self.salted.keys().copied(), syndromes.len());
                difference.add(&Sketch::from_wire(syndromes));
                self.look(WHOLE, difference)
            }
            (
                Asked::Rest(share, mut difference),
                Reconcile::Syndromes {
                    share: of,
                    from,
                    syndromes,
                },
            ) if share == *of => {
                let start = difference.capacity();
                let end = longer(start);
                let more = self.compare(share, start..end, *from, syndromes)?;
                difference.extend(&more);
                self.look(share, difference)
            }
            (
                Asked::Half(whole, mut rest),
                Reconcile::Syndromes {
                    share: of,
                    from,
                    syndromes,
                },
            ) if lower(whole) == *of => {
                let half = self.compare(*of, 0..SYNDROMES_MAX, *from, syndromes)?;
                // What the whole has and its lower half has not is in the upper half.
                rest.add(&half);
                self.waiting.push((upper(whole), rest));
                self.look(*of, half)
            }
            _ => Err(SketchError::OutOfTurn),
        }
    }

    /// The difference of a share, from the syndromes of the other side.
    fn compare(
        &self,
        share: Share,
        range: std::ops::Range<usize>,
        from: u8,
        syndromes: &[Element],
    ) -> Result<Sketch, SketchError> {
        if usize::from(from) != range.start || syndromes.len() != range.len() {
            return Err(SketchError::OutOfTurn);
        }
        let mut difference = Sketch::range(within(&self.salted, share), range.start, range.end);
        difference.add(&Sketch::from_wire(syndromes));
        Ok(difference)
    }

    fn look(&mut self, share: Share, difference: Sketch) -> Result<Step, SketchError> {
        let mut next = Some((share, difference));
        while let Some((share, difference)) = next {
            let elements = difference.decode().ok();
            match elements.filter(|all| all.iter().all(|element| is_within(share, *element))) {
                Some(elements) => {
                    for element in elements {
                        match self.salted.get(&element) {
                            Some(id) => self.surplus.push(*id),
                            None => {
                                self.lacking.insert(element);
                            }
                        }
                    }
                }
                None => return self.ask_more(share, difference),
            }
            next = self.waiting.pop();
        }
        let lacking: Vec<_> = self.lacking.iter().map(|id| id.to_be_bytes()).collect();
        let want = lacking.chunks(SYNDROMES_MAX).map(|ids| Reconcile::Want {
            ids: BoundedVec::truncating(ids.to_vec()),
        });
        Ok(Step::Found {
            want: want.collect(),
            surplus: std::mem::take(&mut self.surplus),
        })
    }

    fn ask_more(&mut self, share: Share, difference: Sketch) -> Result<Step, SketchError> {
        let from = difference.capacity();
        if from < SYNDROMES_MAX {
            self.asked = Asked::Rest(share, difference);
            return Ok(Step::Ask(more(share, from, longer(from))));
        }
        if self.shares == SHARES_MAX || share.depth == DEPTH_MAX {
            return Err(SketchError::TooFarApart);
        }
        self.shares += 1;
        self.asked = Asked::Half(share, difference);
        Ok(Step::Ask(more(lower(share), 0, SYNDROMES_MAX)))
    }
}

/// The side that is asked.
#[derive(Debug)]
pub struct Answerer {
    salted: BTreeMap<u64, Hash>,
    given: usize,
}

impl Answerer {
    /// Answers [`Reconcile::Open`] with what `own` are. `fresh` must be new, and nobody else's to
    /// foresee. None where both have the same ids: nothing follows.
    ///
    /// # Errors
    /// [`SketchError::OutOfTurn`] for another message.
    pub fn open(
        message: &Reconcile,
        fresh: Fresh,
        own: impl IntoIterator<Item = Hash>,
    ) -> Result<(Option<Self>, Reconcile), SketchError> {
        let Reconcile::Open {
            fresh: theirs,
            count: their_count,
            digest: their_digest,
        } = message
        else {
            return Err(SketchError::OutOfTurn);
        };
        let own: BTreeSet<_> = own.into_iter().collect();
        if digest(*theirs, &own) == *their_digest {
            return Ok((None, Reconcile::Equal));
        }
        let salted = salted(*theirs, fresh, &own);
        let own_count = count(own.len());
        let least = own_count.abs_diff(*their_count) as usize;
        // One more than the differences that it is to show: the check.
        let capacity =
            (least.saturating_add(least / 8).max(FIRST_DIFFERENCES) + 1).min(SYNDROMES_MAX);
        let sketch = Sketch::of(salted.keys().copied(), capacity);
        let message = Reconcile::Sketch {
            fresh,
            count: own_count,
            syndromes: BoundedVec::truncating(sketch.to_wire()),
        };
        let given = capacity;
        Ok((Some(Self { salted, given }), message))
    }

    /// Answers [`Reconcile::More`]; [`Reconcile::Gone`] where that is more than one reconciliation
    /// may cost, or no such request.
    pub fn more(&mut self, message: &Reconcile) -> Reconcile {
        let Reconcile::More { share, from, to } = message else {
            return Reconcile::Gone;
        };
        let range = usize::from(*from)..usize::from(*to);
        let given = self.given.saturating_add(range.len());
        if !is_possible(message) || given > SYNDROMES_GIVEN_MAX {
            return Reconcile::Gone;
        }
        self.given = given;
        let sketch = Sketch::range(within(&self.salted, *share), range.start, range.end);
        Reconcile::Syndromes {
            share: *share,
            from: *from,
            syndromes: BoundedVec::truncating(sketch.to_wire()),
        }
    }

    /// The ids that [`Reconcile::Want`] names, as far as they were here when it began.
    pub fn wanted<'a>(&'a self, ids: &'a [Element]) -> impl Iterator<Item = Hash> + 'a {
        ids.iter()
            .filter_map(|id| self.salted.get(&u64::from_be_bytes(*id)).copied())
    }
}

/// Whether somebody who keeps to the rules can have made this message, whatever ids he has and whenever
/// it comes: one that is impossible proves that its sender does not keep to them.
///
/// Of a sketch that has more syndromes than its set has ids, the ids themselves can be found, without
/// the own ones: where they are not as many as it says, it is no sketch of that set. (It would be
/// one if two short ids were equal, which is as likely as a wrong difference.)
pub fn is_possible(message: &Reconcile) -> bool {
    match message {
        Reconcile::More { share, from, to } => {
            is_share(*share) && from < to && usize::from(*to) <= SYNDROMES_MAX
        }
        Reconcile::Syndromes {
            share,
            from,
            syndromes,
        } => {
            let end = usize::from(*from) + syndromes.len();
            is_share(*share) && !syndromes.is_empty() && end <= SYNDROMES_MAX
        }
        Reconcile::Sketch {
            count, syndromes, ..
        } => {
            let is_of_all = |ids: usize| {
                let found = Sketch::from_wire(syndromes).decode();
                found.is_ok_and(|found| found.len() == ids)
            };
            let ids = usize::try_from(*count).unwrap_or(usize::MAX);
            syndromes.len() > FIRST_DIFFERENCES && (ids >= syndromes.len() || is_of_all(ids))
        }
        Reconcile::Open { .. } | Reconcile::Equal | Reconcile::Want { .. } | Reconcile::Gone => {
            true
        }
    }
}

fn is_share(share: Share) -> bool {
    share.depth <= DEPTH_MAX && u64::from(share.index) >> share.depth == 0
}

fn more(share: Share, from: usize, to: usize) -> Reconcile {
    let narrow = |syndromes: usize| u8::try_from(syndromes).expect("at most SYNDROMES_MAX");
    Reconcile::More {
        share,
        from: narrow(from),
        to: narrow(to),
    }
}

/// The length to go on to from `from` syndromes.
fn longer(from: usize) -> usize {
    (2 * from).clamp(1, SYNDROMES_MAX)
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Under one half of the salt: the other one is not known when it is needed.
fn digest(fresh: Fresh, own: &BTreeSet<Hash>) -> [u8; 6] {
    let mut hasher = Hasher::new(Domain::SetDigest);
    hasher.fixed(&fresh);
    for id in own {
        hasher.fixed(id.as_bytes());
    }
    let mut digest = [0; 6];
    hasher.fill(&mut digest);
    digest
}

/// The ids by their short ids. Two with one short id are one here: the next salt tells them apart.
fn salted(asker: Fresh, answerer: Fresh, own: &BTreeSet<Hash>) -> BTreeMap<u64, Hash> {
    own.iter()
        .map(|id| {
            let mut hasher = Hasher::new(Domain::ShortId);
            hasher.fixed(&asker);
            hasher.fixed(&answerer);
            hasher.fixed(id.as_bytes());
            // Zero adds nothing to any sum.
            (hasher.finish().prefix_u64().max(1), *id)
        })
        .collect()
}

fn lower(share: Share) -> Share {
    Share {
        depth: share.depth + 1,
        index: share.index << 1,
    }
}

fn upper(share: Share) -> Share {
    Share {
        depth: share.depth + 1,
        index: share.index << 1 | 1,
    }
}

fn is_within(share: Share, element: u64) -> bool {
    let top = element
        .checked_shr(64 - u32::from(share.depth))
        .unwrap_or(0);
    top == u64::from(share.index)
}

/// The short ids of `share`.
fn within(salted: &BTreeMap<u64, Hash>, share: Share) -> impl Iterator<Item = u64> + '_ {
    let shift = 64 - u32::from(share.depth);
    let low = u64::from(share.index).checked_shl(shift).unwrap_or(0);
    salted
        .range(low..)
        .map(|(element, _)| *element)
        .take_while(move |element| is_within(share, *element))
}
