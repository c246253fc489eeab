//! Agreed dice, first form: bets close, then dice.
//!
//! Every voter has published the tip of a hash chain in the genesis. A closing block fixes the bets,
//! the number of the draw and its contributors: the voters who were not left out, or who had an
//! action committed since. Each contributor reveals the preimage of that number to the
//! *finalization* of the closing block, which spends it. Blocks record preimages as they arrive;
//! the one that records the last of them opens the draw, before its actions.
//!
//! A voter is left out by `Missing` actions of a quorum. One whose preimage is recorded cannot be
//! left out; whoever holds the preimage refuses a block that leaves its voter out and forwards it,
//! so that the next leader can record it. Where those who are left have all been called missing,
//! the draw starts over with everybody who has acted since, so it neither waits for ever nor opens
//! without a contributor.
//!
//! What this form cannot prevent: the last to reveal knows the outcome and can choose to forfeit
//! instead, by staying silent until he is left out. Then the draw is made without him: he chooses
//! between two outcomes, never among many. Where the quorum is everybody, he can stop the draw.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::records::Records;
use crate::crypto::{Domain, Hash, Hasher, Identity, hash};
use crate::id::{GroupId, PeerId};
use crate::state::Map;
use crate::time::{Duration, Instant};
use crate::wire::{BoundedVec, MEMBERS_MAX, Reveal, RosterEntry};

/// Draws that the hash chains of one group last for: an evening of dice at one roll in ten seconds.
pub const DRAWS_MAX: u64 = 4096;
/// Links of the chain between two that are kept.
const CHECKPOINT_EVERY: u64 = 64;

/// A voter's own hash chain.
#[derive(Clone)]
pub struct HashChain {
    /// Links 0 (the tip), 64, 128, … up to the secret end.
    checkpoints: Vec<Hash>,
}

impl HashChain {
    /// The chain of `identity` in `group`: always the same one, so a lost store loses no dice.
    pub fn new(identity: &Identity, group: GroupId) -> Self {
        let secret = identity.derive("draw-chain", group.as_bytes());
        let mut link = hash(Domain::DrawSecret, &[secret.as_bytes()]);
        let mut checkpoints = vec![link];
        for number in (0..DRAWS_MAX).rev() {
            link = step(link);
            if number % CHECKPOINT_EVERY == 0 {
                checkpoints.push(link);
            }
        }
        checkpoints.reverse();
        Self { checkpoints }
    }

    /// What the genesis publishes.
    pub fn tip(&self) -> Hash {
        self.checkpoints[0]
    }

    /// The preimage for draw number `draw`, counted from 1; none once the chain has ended.
    pub fn preimage(&self, draw: u64) -> Option<Hash> {
        if draw == 0 || draw > DRAWS_MAX {
            return None;
        }
        let above = draw.div_ceil(CHECKPOINT_EVERY);
        let checkpoint = self.checkpoints[usize::try_from(above).expect("at most 64 checkpoints")];
        Some(walk(checkpoint, above * CHECKPOINT_EVERY - draw))
    }
}

impl std::fmt::Debug for HashChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HashChain({:?})", self.tip())
    }
}

/// The seed of one draw, from what everybody can see.
pub fn draw_seed(
    group: GroupId,
    epoch: Hash,
    draw: u64,
    closing: Hash,
    preimages: &[(PeerId, Hash)],
) -> Hash {
    let mut hasher = Hasher::new(Domain::DrawSeed);
    hasher.fixed(group.as_bytes());
    hasher.fixed(epoch.as_bytes());
    hasher.fixed(&draw.to_le_bytes());
    hasher.fixed(closing.as_bytes());
    for (author, preimage) in preimages {
        hasher.fixed(author.as_bytes());
        hasher.fixed(preimage.as_bytes());
    }
    hasher.finish()
}

/// Whether `preimage` lies `links` links behind `known` on one chain.
pub(super) fn leads_to(preimage: Hash, links: u64, known: Hash) -> bool {
    links > 0 && links <= DRAWS_MAX && walk(preimage, links) == known
}

fn walk(link: Hash, links: u64) -> Hash {
    (0..links).fold(link, |link, _| step(link))
}

fn step(link: Hash) -> Hash {
    hash(Domain::DrawStep, &[link.as_bytes()])
}

/// The draws, as the state of the group keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawState {
    /// Number of the next draw to be asked for.
    pub next: u64,
    /// By committee index.
    pub voters: BoundedVec<VoterChain, MEMBERS_MAX>,
    /// The draw that was asked for and is not open.
    pub pending: Option<PendingDraw>,
}

/// What is known of one voter's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoterChain {
    /// The last draw for which he was recorded, 0 before the first.
    pub spent: u64,
    /// His preimage for it, or his tip.
    pub preimage: Hash,
    /// He was left out and no action of his was committed since: he contributes to no new draw.
    pub absent: bool,
}

/// A draw between its closing block and its opening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingDraw {
    /// Its number.
    pub draw: u64,
    /// Height of the closing block.
    pub closing_height: u64,
    /// Hash of the closing block; written by the block above it, for no state holds its own hash.
    pub closing: Option<Hash>,
    /// Counts how often the contributors were renewed.
    pub generation: u32,
    /// Bit per committee index.
    pub contributors: u16,
    /// By committee index: bit per voter who called that one missing.
    pub missing: BoundedVec<u16, MEMBERS_MAX>,
}

impl PendingDraw {
    /// Whether the voter at `index` contributes.
    pub fn contributes(&self, index: u8) -> bool {
        self.contributors & bit(index) != 0
    }

    /// Whether `author` has called `voter` missing.
    pub fn called(&self, author: u8, voter: u8) -> bool {
        self.missing
            .get(usize::from(voter))
            .is_some_and(|voices| voices & bit(author) != 0)
    }
}

impl DrawState {
    pub(super) fn genesis(members: &[RosterEntry]) -> Self {
        let voters = members
            .iter()
            .map(|member| VoterChain {
                spent: 0,
                preimage: member.tip,
                absent: false,
            })
            .collect();
        Self {
            next: 1,
            voters: BoundedVec::truncating(voters),
            pending: None,
        }
    }

    /// Whether an action may ask for a draw.
    pub fn allows_request(&self) -> bool {
        self.pending.is_none() && self.next <= DRAWS_MAX
    }

    /// Whether `preimage` is the one of `voter` for `draw`.
    pub fn verifies(&self, draw: u64, voter: u8, preimage: Hash) -> bool {
        self.voters.get(usize::from(voter)).is_some_and(|chain| {
            draw > chain.spent && leads_to(preimage, draw - chain.spent, chain.preimage)
        })
    }

    /// Contributors of the pending draw whose preimage is not recorded.
    pub fn lacking(&self) -> impl Iterator<Item = u8> + '_ {
        self.indices().filter(|index| {
            self.pending.as_ref().is_some_and(|pending| {
                pending.contributes(*index) && self.voters[usize::from(*index)].spent < pending.draw
            })
        })
    }

    /// Records a verified preimage of a contributor.
    pub(super) fn record(&mut self, draw: u64, voter: u8, preimage: Hash) {
        self.update(voter, |chain| {
            chain.spent = draw;
            chain.preimage = preimage;
        });
    }

    /// The block at `height` becomes the closing block of the next draw.
    pub(super) fn close(&mut self, height: u64) {
        self.pending = Some(PendingDraw {
            draw: self.next,
            closing_height: height,
            closing: None,
            generation: 0,
            contributors: self.present(),
            missing: BoundedVec::truncating(vec![0; self.voters.len()]),
        });
        self.next += 1;
    }

    /// `author` calls `voter` missing; with `quorum` voices he is left out. False when it does not
    /// fit the state.
    pub(super) fn call_missing(&mut self, author: u8, draw: u64, voter: u8, quorum: usize) -> bool {
        let fits = author != voter
            && self.lacking().any(|lacking| lacking == voter)
            && self
                .pending
                .as_ref()
                .is_some_and(|pending| pending.draw == draw && !pending.called(author, voter));
        let Some(pending) = self.pending.as_mut().filter(|_| fits) else {
            return false;
        };
        let mut missing = std::mem::take(&mut pending.missing).into_vec();
        let Some(voices) = missing.get_mut(usize::from(voter)) else {
            // A state that these rules did not make: a transcript's base is whatever its author says.
            pending.missing = BoundedVec::truncating(missing);
            return false;
        };
        *voices |= bit(author);
        let left_out = voices.count_ones() as usize >= quorum;
        pending.missing = BoundedVec::truncating(missing);
        if left_out {
            pending.contributors &= !bit(voter);
            let deserted = pending.contributors == 0;
            self.update(voter, |chain| chain.absent = true);
            self.update(author, |chain| chain.absent = false);
            if deserted {
                self.renew();
            }
        }
        true
    }

    /// An action of `author` was committed. Whether that changes anything.
    pub(super) fn acted(&mut self, author: u8) -> bool {
        let absent = self
            .voters
            .get(usize::from(author))
            .is_some_and(|chain| chain.absent);
        if absent {
            self.update(author, |chain| chain.absent = false);
        }
        absent
    }

    fn renew(&mut self) {
        let present = self.present();
        let voters = self.voters.len();
        if let Some(pending) = self.pending.as_mut() {
            pending.generation = pending.generation.saturating_add(1);
            pending.contributors = present;
            pending.missing = BoundedVec::truncating(vec![0; voters]);
        }
    }

    fn present(&self) -> u16 {
        self.indices()
            .filter(|index| !self.voters[usize::from(*index)].absent)
            .fold(0, |bits, index| bits | bit(index))
    }

    fn update(&mut self, voter: u8, change: impl FnOnce(&mut VoterChain)) {
        let mut voters = std::mem::take(&mut self.voters).into_vec();
        if let Some(chain) = voters.get_mut(usize::from(voter)) {
            change(chain);
        }
        self.voters = BoundedVec::truncating(voters);
    }

    fn indices(&self) -> impl Iterator<Item = u8> + use<> {
        (0..self.voters.len()).map(|index| u8::try_from(index).expect("at most 16 members"))
    }
}

fn bit(index: u8) -> u16 {
    1u16.checked_shl(u32::from(index)).unwrap_or(0)
}

/// Preimages that this phone holds; each was verified against its voter's chain.
#[derive(Clone, Debug, Default)]
pub struct Reveals {
    held: BTreeMap<(u64, u8), Hash>,
}

impl Reveals {
    /// The preimage of `voter` for `draw`.
    pub fn get(&self, draw: u64, voter: u8) -> Option<Hash> {
        self.held.get(&(draw, voter)).copied()
    }

    /// Keeps a preimage that the caller has verified.
    pub fn insert(&mut self, reveal: Reveal) {
        self.held
            .insert((reveal.draw, reveal.voter), reveal.preimage);
    }
}

/// What a [`Reveal`] from another phone was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Kept: forward it once; there may be work now.
    New,
    /// Held already.
    Known,
    /// For a draw beyond the next one: this phone is behind. Its voter repeats it.
    Early,
    /// For a draw that is open already.
    Stale,
    /// Not a link of that voter's chain.
    Invalid,
}

/// What [`Draws`] needs to know for ever.
#[derive(Debug)]
pub struct DrawsSetup<'a> {
    /// Who this phone is.
    pub identity: &'a Identity,
    /// The group.
    pub group: GroupId,
    /// Own committee index, none for an observer.
    pub own: Option<u8>,
    /// How long others may take to reveal.
    pub timeout: Duration,
}

/// The draws of one group on this phone: the own preimage, those of others, and who is absent.
#[derive(Debug)]
pub struct Draws {
    chain: HashChain,
    own: Option<u8>,
    timeout: Duration,
    finalized: Option<DrawState>,
    /// (draw, generation) that is waited for, and since when.
    waiting: Option<((u64, u32), Instant)>,
    /// Voters called missing in this draw and generation.
    called: BTreeSet<u8>,
    /// The last draw that the own preimage was given out for.
    revealed: u64,
    reveals: Reveals,
}

impl Draws {
    /// No draw is open.
    pub fn new(setup: DrawsSetup<'_>) -> Self {
        Self {
            chain: HashChain::new(setup.identity, setup.group),
            own: setup.own,
            timeout: setup.timeout,
            finalized: None,
            waiting: None,
            called: BTreeSet::new(),
            revealed: 0,
            reveals: Reveals::default(),
        }
    }

    /// `state` is final. Gives the own preimage when it has just become due: only here is it ever
    /// taken from the chain, because only a final closing block may have it.
    pub fn finalized(&mut self, state: &Map, now: Instant) -> Option<Reveal> {
        let draws = state.draws()?;
        let first = draws
            .pending
            .as_ref()
            .map_or(draws.next, |pending| pending.draw);
        self.reveals.held = self.reveals.held.split_off(&(first, 0));
        let waited = draws
            .pending
            .as_ref()
            .map(|pending| (pending.draw, pending.generation));
        if self.waiting.map(|(draw, _)| draw) != waited {
            self.waiting = waited.map(|draw| (draw, now));
            self.called.clear();
        }
        self.finalized = Some(draws);
        let due = self.due()?;
        self.reveals.insert(due);
        let new = due.draw > self.revealed;
        self.revealed = due.draw;
        new.then_some(due)
    }

    /// The own preimage, as long as the open draw lacks it: repeat it.
    pub fn due(&self) -> Option<Reveal> {
        let voter = self.own?;
        let draws = self.finalized.as_ref()?;
        let draw = draws.pending.as_ref()?.draw;
        draws.lacking().find(|lacking| *lacking == voter)?;
        let preimage = self.chain.preimage(draw)?;
        Some(Reveal {
            draw,
            voter,
            preimage,
        })
    }

    /// Every preimage held that the open draw lacks: for a phone that has just come into reach.
    pub fn held(&self) -> Vec<Reveal> {
        self.lacking()
            .filter_map(|(draw, voter)| {
                let preimage = self.reveals.get(draw, voter)?;
                Some(Reveal {
                    draw,
                    voter,
                    preimage,
                })
            })
            .collect()
    }

    /// A preimage from another phone. It need not come from its voter: it proves itself.
    pub fn receive(&mut self, reveal: Reveal) -> Received {
        let Some(draws) = &self.finalized else {
            return Received::Early;
        };
        let first = draws
            .pending
            .as_ref()
            .map_or(draws.next, |pending| pending.draw);
        if reveal.draw < first {
            return Received::Stale;
        }
        // The block that opens a draw and the one that closes the next may be final elsewhere.
        if reveal.draw > draws.next {
            return Received::Early;
        }
        if self.reveals.get(reveal.draw, reveal.voter) == Some(reveal.preimage) {
            return Received::Known;
        }
        if draws
            .voters
            .get(usize::from(reveal.voter))
            .is_some_and(|v| v.spent >= reveal.draw)
        {
            return Received::Stale;
        }
        if !draws.verifies(reveal.draw, reveal.voter, reveal.preimage) {
            return Received::Invalid;
        }
        self.reveals.insert(reveal);
        Received::New
    }

    /// Everything held, for the builder of a block.
    pub fn reveals(&self) -> &Reveals {
        &self.reveals
    }

    /// Whether the draw that `tip` waits for can be opened: that is work.
    pub fn complete(&self, tip: &Map) -> bool {
        tip.draws().is_some_and(|draws| {
            draws.pending.as_ref().is_some_and(|pending| {
                draws
                    .lacking()
                    .all(|voter| self.reveals.get(pending.draw, voter).is_some())
            })
        })
    }

    /// The preimage of a voter whom the block between these states left out, if it is held here:
    /// the block is to be refused, and its leader told this.
    pub fn objection(&self, before: &Map, after: &Map) -> Option<Reveal> {
        let before = before.draws()?.pending?;
        let after = after
            .draws()?
            .pending
            .filter(|after| after.draw == before.draw)?;
        let left_out = |voter: &u8| before.contributes(*voter) && !after.contributes(*voter);
        let draw = before.draw;
        (0..16).filter(left_out).find_map(|voter| {
            let preimage = self.reveals.get(draw, voter)?;
            Some(Reveal {
                draw,
                voter,
                preimage,
            })
        })
    }

    /// (draw, voter) for each voter to be called missing now, once for each draw and generation.
    pub fn timeout(&mut self, now: Instant) -> Vec<(u64, u8)> {
        if self.deadline().is_none_or(|(at, _)| at > now) {
            return Vec::new();
        }
        let absent = self.to_call();
        self.called.extend(absent.iter().map(|(_, voter)| *voter));
        absent
    }

    /// A quorum has just come into reach: absent voters get the whole timeout again, and so do those
    /// of whom it was not said after all.
    pub fn postpone(&mut self, unsaid: &[u8], now: Instant) {
        for voter in unsaid {
            self.called.remove(voter);
        }
        if let Some((_, since)) = &mut self.waiting {
            *since = now;
        }
    }

    /// When the next voter is to be called missing.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        let (_, since) = self.waiting?;
        (!self.to_call().is_empty()).then(|| (since + self.timeout, "draw timeout"))
    }

    /// Voters whose preimage the open draw lacks and this phone does not hold.
    pub fn waiting_for(&self) -> Vec<u8> {
        self.lacking()
            .filter(|(draw, voter)| self.reveals.get(*draw, *voter).is_none())
            .map(|(_, voter)| voter)
            .collect()
    }

    fn to_call(&self) -> Vec<(u64, u8)> {
        let Some((own, pending)) = self.own.zip(
            self.finalized
                .as_ref()
                .and_then(|draws| draws.pending.as_ref()),
        ) else {
            return Vec::new();
        };
        self.waiting_for()
            .into_iter()
            .filter(|voter| {
                *voter != own && !pending.called(own, *voter) && !self.called.contains(voter)
            })
            .map(|voter| (pending.draw, voter))
            .collect()
    }

    fn lacking(&self) -> impl Iterator<Item = (u64, u8)> + '_ {
        self.finalized.iter().flat_map(|draws| {
            let draw = draws.pending.as_ref().map_or(0, |pending| pending.draw);
            draws.lacking().map(move |voter| (draw, voter))
        })
    }
}

#[cfg(test)]
mod tests;
