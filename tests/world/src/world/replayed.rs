//! Transcripts: what a phone kept of its group must lead to the state that it shows.

use std::cmp::Reverse;
use std::sync::Arc;

use althing::group::verify;
use althing::node::{Status, Transcript};

use super::World;
use crate::report::{KeptDivergence, KeptTranscript};

impl World {
    /// Of the first `players` phones, the transcript that reaches back furthest; of those the longest;
    /// of those the first.
    pub fn longest_transcript(&self, players: usize) -> Option<KeptTranscript> {
        (0..players)
            .filter(|phone| !self.is_bent(*phone))
            .filter_map(|phone| {
                let (group, node) = self.phones[phone].group().zip(self.phones[phone].node())?;
                let transcript = node.transcript(group)?;
                Some(KeptTranscript { phone, transcript })
            })
            .min_by_key(|kept| {
                let (base, height) = (kept.transcript.base_height(), kept.transcript.height());
                (base, Reverse(height))
            })
    }

    /// What the first `players` phones know of having diverged.
    pub(super) fn diverged(&self, players: usize) -> Vec<KeptDivergence> {
        let kept = |phone: usize| {
            let (group, node) = self.phones[phone].group().zip(self.phones[phone].node())?;
            let divergence = node.divergence(group)?;
            let status = node.view(group)?.status;
            let words = match status {
                Status::Diverged { evidence } => evidence,
                _ => String::new(),
            };
            Some(KeptDivergence {
                phone,
                divergence,
                words,
            })
        };
        (0..players).filter_map(kept).collect()
    }

    /// Checks the transcripts of the first `players` phones: blocks that everybody has, linked by
    /// hash, and a replay that ends at the state shown.
    pub fn check_transcripts(&mut self, players: usize) {
        for phone in 0..players {
            if self.is_bent(phone) {
                continue;
            }
            let Some((group, node)) = self.phones[phone].group().zip(self.phones[phone].node())
            else {
                continue;
            };
            let (Some(transcript), Some(view)) = (node.transcript(group), node.view(group)) else {
                continue;
            };
            if let Err(what) = linked(&transcript, view.committed.root()) {
                self.violate(Some(phone), what);
            }
            let rules = self.phones[phone]
                .config
                .rules
                .iter()
                .find(|rules| rules.id() == transcript.genesis.genesis.rules)
                .expect("phones play by rules that they have");
            let replayed = verify(&transcript, Arc::clone(rules), Arc::clone(&self.scheme));
            if let Err(error) = replayed {
                self.violate(Some(phone), format!("transcript: {error}"));
            }
            let epoch = transcript.genesis.genesis.epoch();
            for entry in &transcript.entries {
                let block = entry.block.hash(epoch);
                self.invariants
                    .block(self.now_us, phone, group, entry.block.height, block);
            }
        }
    }
}

/// Whether the blocks stand on each other and end at `root`.
fn linked(transcript: &Transcript, root: althing::crypto::Hash) -> Result<(), String> {
    let epoch = transcript.genesis.genesis.epoch();
    let mut height = transcript.base_height();
    let mut below = None;
    for entry in &transcript.entries {
        let block = &entry.block;
        if block.height != height + 1 {
            return Err(format!(
                "transcript: height {} follows {height}",
                block.height
            ));
        }
        if below.is_some_and(|below| below != block.parent) {
            return Err(format!(
                "transcript: block {} has another parent",
                block.height
            ));
        }
        height = block.height;
        below = Some(block.hash(epoch));
    }
    let last = transcript.entries.last().map(|entry| entry.block.root);
    if last.is_some_and(|last| last != root) {
        return Err(format!(
            "transcript: the root of block {height} is not the state's"
        ));
    }
    Ok(())
}
