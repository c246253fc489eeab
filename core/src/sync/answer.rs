//! The serving side: what a member that has the past gives to one that lacks it.

use crate::crypto::Hash;
use crate::state::snapshot::Cut;
use crate::state::{Entry, History};
use crate::wire::{
    BlockWithCertificate, BoundedVec, FOUND_ITEMS_MAX, Fetch, Found, MEMBERS_MAX, MESSAGE_LEN_MAX,
    SnapshotChunk,
};

#[cfg(test)]
mod tests;

/// Bytes of the longest certificate: round, kind, block, count, and for each member an index and a
/// signature.
const CERTIFICATE_LEN_MAX: usize = 10 + 1 + 32 + 1 + MEMBERS_MAX * (1 + 64);
/// Bytes around the parts of an answer: variants of the message, chunk index and count, lengths.
const HEADER_LEN: usize = 2 + 5 + 5 + 2;
/// When to ask again if no answer fits the budget: by then other blocks are final.
const RETRY_AFTER_MS: u32 = 1000;

/// Answers `fetch` from `history`, with a message of at most `budget` bytes (and never more than
/// [`MESSAGE_LEN_MAX`]).
///
/// What is above a height is served as blocks, as far as they fit one message and end with a
/// finalization of their own, or as the first chunk of a snapshot: whichever takes fewer bytes until
/// the asker is at the newest certified block. Every member cuts a snapshot alike as long as `budget`
/// is the same. A snapshot that is no longer kept is answered with the start of the newest one.
///
/// Votes and actions are not in a history: asked for them, and for an unknown body, it has nothing.
pub fn answer(history: &History, fetch: &Fetch, budget: usize) -> Found {
    let budget = budget.min(MESSAGE_LEN_MAX);
    match fetch {
        Fetch::Above { height, block } => above(history, *height, block, budget),
        Fetch::Snapshot { block, from_chunk } => history
            .find(block)
            .and_then(|entry| Snapshot::of(entry, budget)?.chunk(*from_chunk))
            .or_else(|| newest_snapshot(history, 0, budget)?.chunk(0))
            .unwrap_or(Found::UpToDate),
        Fetch::Body { block } => history.find(block).map_or(Found::UpToDate, |entry| {
            Found::Body(BlockWithCertificate {
                block: entry.block.clone(),
                certificate: entry.finalization.clone(),
            })
        }),
        Fetch::Votes { .. } | Fetch::Actions { .. } => Found::UpToDate,
    }
}

fn above(history: &History, height: u64, block: &Hash, budget: usize) -> Found {
    // An asker who committed another block gets the chain that shows it, from that height on.
    let other = history
        .at(height)
        .is_some_and(|entry| entry.block_hash != *block);
    let height = height - u64::from(other);
    let certified = history
        .entries()
        .rev()
        .find(|entry| entry.finalization.is_some());
    let target = certified.map_or(0, |entry| entry.block.height);
    if target <= height {
        return Found::UpToDate;
    }
    let suffix: Vec<&Entry> = history
        .since(height)
        .into_iter()
        .flatten()
        .take_while(|entry| entry.block.height <= target)
        .collect();
    let blocks = Suffix::of(&suffix, budget);
    // A snapshot carries its block too: for one block the state need not be measured.
    let snapshot = match &blocks {
        Some(_) if other || suffix.len() == 1 => None,
        Some(_) | None => newest_snapshot(history, height, budget),
    };
    let found = match (blocks, snapshot) {
        (Some(blocks), Some(snapshot)) => {
            if blocks.whole.is_some_and(|bytes| bytes <= snapshot.bytes()) {
                blocks.first()
            } else {
                snapshot.chunk(0)
            }
        }
        (Some(blocks), None) => blocks.first(),
        (None, Some(snapshot)) => snapshot.chunk(0),
        (None, None) => None,
    };
    found.unwrap_or(Found::Busy {
        retry_after_ms: RETRY_AFTER_MS,
    })
}

/// The newest certified state above `height` whose chunks fit the budget.
fn newest_snapshot(history: &History, height: u64, budget: usize) -> Option<Snapshot<'_>> {
    history
        .entries()
        .rev()
        .take_while(|entry| entry.block.height > height)
        .find_map(|entry| Snapshot::of(entry, budget))
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
            if bytes > budget {
                break;
            }
            let whole = bytes + entry.finalization_len();
            if entry.finalization.is_some() && whole <= budget {
                longest = Some((index + 1, whole));
            }
        }
        longest
    }

    fn first(&self) -> Option<Found> {
        let finalization = self.first.last()?.finalization.clone()?;
        let blocks = self.first.iter().map(|entry| entry.block.clone());
        Some(Found::Blocks {
            blocks: BoundedVec::truncating(blocks.collect()),
            finalization,
        })
    }
}

/// One certified state, cut so that every chunk fits the budget.
struct Snapshot<'a> {
    entry: &'a Entry,
    cut: Cut,
}

impl<'a> Snapshot<'a> {
    fn of(entry: &'a Entry, budget: usize) -> Option<Self> {
        entry.finalization.as_ref()?;
        // With the longest certificate, whichever this member happens to hold.
        let around = HEADER_LEN + entry.block_len() + CERTIFICATE_LEN_MAX;
        let limit = budget.checked_sub(around)?;
        let cut = Cut::new(&entry.state, limit);
        (cut.largest() <= limit).then_some(Self { entry, cut })
    }

    /// Bytes of all chunks.
    fn bytes(&self) -> usize {
        let around = HEADER_LEN + self.entry.block_len() + self.entry.finalization_len();
        self.cut.bytes() + self.cut.chunks() * around
    }

    fn chunk(&self, index: u32) -> Option<Found> {
        let entries = usize::try_from(index).ok()?;
        let entries = self.cut.entries(&self.entry.state, entries)?;
        Some(Found::Snapshot(SnapshotChunk {
            block: self.entry.block.clone(),
            finalization: self.entry.finalization.clone()?,
            chunk: index,
            chunks: u32::try_from(self.cut.chunks()).ok()?,
            entries,
        }))
    }
}
