//! The serving side: what a member that has the past gives to one that lacks it.

use super::{Synchronizer, reconcile};
use crate::crypto::Hash;
use crate::state::{Delta, Entry, History, Key, Map};
use crate::wire::{
    Block, BlockWithCertificate, BoundedVec, Bytes, Certificate, FOUND_ITEMS_MAX, Fetch, Found,
    Header, MESSAGE_LEN_MAX, Nibbles, PartAsk, PartsAnswer, PartsRequest, encode,
};

#[cfg(test)]
mod tests;

/// Bytes around the parts of an answer: variants of the message, lengths.
const HEADER_LEN: usize = 2 + 5 + 5 + 2;
/// When to ask again if no answer fits the budget: by then other blocks are final.
const RETRY_AFTER_MS: u32 = 1000;
/// Blocks are served while they take at most this many times the bytes of a state or of the change to
/// it. They are worth more: with them the asker's history and transcript stay whole, what he signed
/// gets its fate from the block that decided it, and his rules check what was certified. Beyond that
/// he was away for so long that the air counts more.
pub const BLOCKS_WORTH: usize = 2;
/// Blocks of no more bytes than this are served in any case: what one round trip of a phone's link
/// takes in air is not worth a history.
pub const BLOCKS_SHORT: usize = 2048;

/// Who asks for what is above his head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Highest finalized height of the asker.
    pub height: u64,
    /// Hash of that block.
    pub block: Hash,
    /// Whether he has the rules of the group: one who lacks them is served no blocks.
    pub executes: bool,
}

/// A certified state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Header of the block.
    pub header: Header,
    /// Finalization of that very block.
    pub finalization: Certificate,
    /// The state after it.
    pub state: Map,
}

/// What brings an asker to the head of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// Nothing certified is above him.
    UpToDate,
    /// These blocks follow his head; the finalization is of the last one.
    Blocks {
        /// The blocks, by height.
        blocks: Vec<Block>,
        /// Finalization of the last one.
        finalization: Certificate,
    },
    /// The change from the state at his head.
    Delta {
        /// Header of the block that it leads to.
        header: Header,
        /// Its finalization.
        finalization: Certificate,
        /// The change.
        delta: Delta,
    },
    /// A whole state, which travels in parts.
    Snapshot(Snapshot),
    /// His head is not on the certified chain: he is shown the one that is.
    Diverged {
        /// Height of his head.
        height: u64,
        /// The block that is certified there.
        certified: Hash,
        /// The certified chain from there, or from the block above, on; empty where only a newer state
        /// is kept.
        blocks: Vec<Block>,
        /// Header of the newest certified block, and the last of `blocks`.
        header: Header,
        /// Its finalization.
        finalization: Certificate,
    },
    /// No answer fits the budget now.
    Busy {
        /// When to ask again.
        retry_after_ms: u32,
    },
}

impl Synchronizer {
    /// What brings `asker` to the head of `history`, in messages of at most `budget` bytes.
    ///
    /// Among what he can use the fewest encoded bytes win, except that blocks are preferred up to
    /// [`BLOCKS_SHORT`] bytes and up to [`BLOCKS_WORTH`] times the others. A delta needs the state at his head here.
    pub fn sync_state(history: &History, asker: Asker, budget: usize) -> SyncState {
        let budget = budget.min(MESSAGE_LEN_MAX);
        let certified = history
            .entries()
            .rev()
            .find_map(|entry| Some((entry, entry.finalization.as_ref()?)));
        let Some((target, finalization)) = certified else {
            return SyncState::UpToDate;
        };
        let kept = history.at(asker.height);
        if let Some(other) = kept.filter(|entry| entry.block_hash != asker.block) {
            return diverged(history, other, (target, finalization), budget);
        }
        if target.header.height <= asker.height {
            return SyncState::UpToDate;
        }
        let suffix: Vec<&Entry> = history
            .since(asker.height)
            .into_iter()
            .flatten()
            .take_while(|entry| entry.header.height <= target.header.height)
            .collect();
        let blocks = Suffix::of(&suffix, budget).filter(|_| asker.executes);
        if suffix.len() == 1
            && let Some(blocks) = &blocks
        {
            // One block is about the change that it makes: the state need not be measured.
            return blocks.first();
        }
        // What a state costs beside its content.
        let around = HEADER_LEN + encode(&target.header).len() + target.finalization_len();
        if around > budget {
            return blocks.map_or(BUSY, |blocks| blocks.first());
        }
        let base = match asker.height {
            // The first state follows from the rules: one who lacks them does not have it.
            0 if asker.executes && asker.block == history.epoch() => history.state_at(0),
            0 => None,
            _ => kept.map(|entry| &entry.state),
        };
        let delta = base
            .and_then(|base| {
                let target = (target.header.height, &target.state);
                Delta::between((asker.height, base), target).ok()
            })
            .map(|delta| (around + delta.encode().len(), delta))
            .filter(|(bytes, _)| *bytes <= budget);
        // How far the state need be measured to know whether it is the shortest.
        let whole = blocks.as_ref().and_then(|blocks| blocks.whole);
        let bound = [
            delta.as_ref().map(|(bytes, _)| *bytes),
            whole.map(|bytes| bytes / BLOCKS_WORTH),
        ];
        let bound = bound.into_iter().flatten().min().unwrap_or(usize::MAX);
        let snapshot = around.saturating_add(measure(&target.state, bound));
        let state = delta
            .as_ref()
            .map_or(snapshot, |(bytes, _)| *bytes.min(&snapshot));
        let worth = BLOCKS_SHORT.max(BLOCKS_WORTH.saturating_mul(state));
        let (header, finalization) = (target.header, finalization.clone());
        match (blocks, delta) {
            (Some(blocks), _) if whole.is_some_and(|bytes| bytes <= worth) => blocks.first(),
            (_, Some((bytes, delta))) if bytes <= snapshot => SyncState::Delta {
                header,
                finalization,
                delta,
            },
            _ => SyncState::Snapshot(Snapshot {
                header,
                finalization,
                state: target.state.clone(),
            }),
        }
    }

    /// The state at `height`, if it is kept and certified by a finalization of its own.
    pub fn create_snapshot(history: &History, height: u64) -> Option<Snapshot> {
        let entry = history.at(height)?;
        Some(Snapshot {
            header: entry.header,
            finalization: entry.finalization.clone()?,
            state: entry.state.clone(),
        })
    }

    /// Answers `fetch` from `history`, with a message of at most `budget` bytes (and never more than
    /// [`MESSAGE_LEN_MAX`]). Parts of a state that is no longer kept are answered with the header of the
    /// newest certified one.
    ///
    /// Votes and actions are not in a history: asked for them, and for an unknown body, it has nothing.
    pub fn answer(history: &History, fetch: &Fetch, budget: usize) -> Found {
        let budget = budget.min(MESSAGE_LEN_MAX);
        match fetch {
            Fetch::Above {
                height,
                block,
                executes,
            } => {
                let asker = Asker {
                    height: *height,
                    block: *block,
                    executes: *executes,
                };
                Self::sync_state(history, asker, budget).found(budget)
            }
            Fetch::Parts { block, request } => match history.find(block) {
                Some(entry) => Found::Parts {
                    block: *block,
                    answer: reconcile::serve(
                        &entry.state,
                        request,
                        budget.saturating_sub(HEADER_LEN + 32),
                    ),
                },
                None => newest(history).unwrap_or(Found::UpToDate),
            },
            Fetch::Body { block } => history
                .find(block)
                .and_then(|entry| {
                    Some(Found::Body(BlockWithCertificate {
                        block: entry.block.clone()?,
                        certificate: entry.finalization.clone(),
                    }))
                })
                .unwrap_or(Found::UpToDate),
            Fetch::Votes { .. } | Fetch::Actions { .. } => Found::UpToDate,
        }
    }
}

const BUSY: SyncState = SyncState::Busy {
    retry_after_ms: RETRY_AFTER_MS,
};

impl SyncState {
    /// The message that says so, of at most `budget` bytes.
    fn found(self, budget: usize) -> Found {
        match self {
            Self::UpToDate => Found::UpToDate,
            Self::Blocks {
                blocks,
                finalization,
            } => Found::Blocks {
                blocks: BoundedVec::truncating(blocks),
                finalization,
            },
            Self::Delta {
                header,
                finalization,
                delta,
            } => Found::Delta {
                header,
                finalization,
                delta: Bytes::truncating(delta.encode()),
            },
            Self::Snapshot(Snapshot {
                header,
                finalization,
                state,
            }) => {
                let around = HEADER_LEN + encode(&header).len() + encode(&finalization).len();
                let whole = PartAsk {
                    prefix: Nibbles::new(),
                    have: BoundedVec::new(),
                };
                let request = PartsRequest {
                    asks: BoundedVec::truncating(vec![whole]),
                };
                Found::Snapshot {
                    header,
                    finalization,
                    answer: reconcile::serve(&state, &request, budget.saturating_sub(around)),
                }
            }
            // What shows it is what he would be served if he were behind: his own check names it.
            Self::Diverged {
                blocks,
                header,
                finalization,
                ..
            } => match blocks.is_empty() {
                false => Found::Blocks {
                    blocks: BoundedVec::truncating(blocks),
                    finalization,
                },
                true => bare(header, finalization),
            },
            Self::Busy { retry_after_ms } => Found::Busy { retry_after_ms },
        }
    }
}

/// A certified root alone.
fn bare(header: Header, finalization: Certificate) -> Found {
    Found::Snapshot {
        header,
        finalization,
        answer: PartsAnswer {
            parts: BoundedVec::new(),
        },
    }
}

fn newest(history: &History) -> Option<Found> {
    let mut certified = history.entries().rev();
    certified.find_map(|entry| Some(bare(entry.header, entry.finalization.clone()?)))
}

fn diverged(
    history: &History,
    other: &Entry,
    (target, finalization): (&Entry, &Certificate),
    budget: usize,
) -> SyncState {
    let height = other.header.height;
    if target.header.height < height {
        return SyncState::UpToDate;
    }
    // From the other block on, where it was executed here; the block above names it as well.
    let from = height - u64::from(other.block.is_some());
    let suffix: Vec<&Entry> = history
        .since(from)
        .into_iter()
        .flatten()
        .take_while(|entry| entry.header.height <= target.header.height)
        .collect();
    let shown = Suffix::of(&suffix, budget).map(|suffix| suffix.first());
    let (blocks, header, finalization) = match shown {
        Some(SyncState::Blocks {
            blocks,
            finalization,
        }) => {
            let last = blocks.last().map(Block::header);
            (blocks, last.unwrap_or(target.header), finalization)
        }
        _ => (Vec::new(), target.header, finalization.clone()),
    };
    SyncState::Diverged {
        height,
        certified: other.block_hash,
        blocks,
        header,
        finalization,
    }
}

/// Bytes of `map` as one part, measured no further than to where they exceed `bound`.
fn measure(map: &Map, bound: usize) -> usize {
    let mut bytes = 0;
    let mut before: Option<Key> = None;
    for (key, value) in map {
        let shared = before.as_ref().map_or(0, |before| {
            let pairs = before.as_bytes().iter().zip(key.as_bytes());
            pairs.take_while(|(before, key)| before == key).count()
        });
        // What it shares, and two lengths, of which a long value's takes two bytes.
        bytes += 3 + usize::from(value.len() > 0x7f);
        bytes += key.as_bytes().len() - shared + value.len();
        if bytes > bound {
            break;
        }
        before = Some(key);
    }
    bytes
}

/// Blocks above a height, as a series of answers.
struct Suffix<'a> {
    // The blocks of the first answer.
    first: &'a [&'a Entry],
    // Bytes of all answers, if the series reaches the end.
    whole: Option<usize>,
}

impl<'a> Suffix<'a> {
    fn of(entries: &'a [&'a Entry], budget: usize) -> Option<Self> {
        let (first, mut bytes) = Self::longest(entries, budget)?;
        let mut rest = &entries[first..];
        let mut whole = true;
        while !rest.is_empty() && whole {
            match Self::longest(rest, budget) {
                Some((count, more)) => {
                    rest = &rest[count..];
                    bytes += more;
                }
                None => whole = false,
            }
        }
        Some(Self {
            first: &entries[..first],
            whole: whole.then_some(bytes),
        })
    }

    /// The most blocks that fit one answer and end with a finalization, and the answer's bytes.
    fn longest(entries: &[&Entry], budget: usize) -> Option<(usize, usize)> {
        let mut bytes = HEADER_LEN;
        let mut longest = None;
        for (index, entry) in entries.iter().take(FOUND_ITEMS_MAX).enumerate() {
            bytes += entry.block_len();
            if bytes > budget || entry.block.is_none() {
                break;
            }
            let whole = bytes + entry.finalization_len();
            if entry.finalization.is_some() && whole <= budget {
                longest = Some((index + 1, whole));
            }
        }
        longest
    }

    fn first(&self) -> SyncState {
        let last = self.first.last();
        let finalization = last.and_then(|entry| entry.finalization.clone());
        SyncState::Blocks {
            blocks: self
                .first
                .iter()
                .filter_map(|entry| entry.block.clone())
                .collect(),
            finalization: finalization.expect("an answer ends with a finalization"),
        }
    }
}
