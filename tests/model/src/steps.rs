//! What may happen next.

use althing::consensus::round::{Act, Event, Step, apply};
use althing::consensus::safety::{Cast, Facts, approve};
use althing::consensus::{Committee, Sentence};
use althing::crypto::Hash;
use althing::wire::{VoteKind, VoteStatement};

use super::state::{ASKING, BlockId, EPOCH, GENESIS, Row, small};
use super::{Explorer, State, Votes};

/// A block, and the round of its parent's notarization, from 1.
pub(crate) type Proposed = (BlockId, u8);

fn hash(block: BlockId) -> Hash {
    if block == 0 {
        Hash::ZERO
    } else {
        Hash([block; 32])
    }
}

pub(crate) fn cast(votes: &Votes) -> Cast {
    if votes.forgotten {
        return Cast::default();
    }
    let named = |block: BlockId| (block != 0).then(|| hash(block));
    Cast {
        notarize: named(votes.notarize),
        nullify: votes.nullify,
        finalize: named(votes.finalize),
    }
}

impl Explorer {
    pub(crate) fn has(&self, sentence: Sentence) -> bool {
        self.model.rules.has(sentence)
    }

    pub(crate) fn is_liar(&self, voter: usize) -> bool {
        self.model.liar.map(usize::from) == Some(voter)
    }

    /// Rounds of both epochs.
    pub(crate) fn rounds(&self) -> usize {
        self.model.rounds + self.model.next.map_or(0, |next| next.rounds)
    }

    /// Whether `round` is the next epoch's, and its number there.
    pub(crate) fn epoch_of(&self, round: usize) -> (bool, u64) {
        match self.model.next {
            Some(_) if round >= self.model.rounds => (true, (round - self.model.rounds) as u64 + 1),
            _ => (false, round as u64 + 1),
        }
    }

    /// First round of the epoch of `round`.
    fn base(&self, round: usize) -> usize {
        if self.epoch_of(round).0 {
            self.model.rounds
        } else {
            0
        }
    }

    pub(crate) fn committee(&self, round: usize) -> &Committee {
        match &self.next {
            Some(next) if self.epoch_of(round).0 => next,
            _ => &self.committee,
        }
    }

    /// Whether the liar leads `round`.
    pub(crate) fn lies_in(&self, round: usize) -> bool {
        let (_, number) = self.epoch_of(round);
        let committee = self.committee(round);
        self.is_liar(usize::from(committee.leader(number)))
    }

    /// Votes for a certificate of `round`; the liar's is among them.
    fn count(&self, rows: &[Row], round: usize, says: impl Fn(&Votes) -> bool) -> usize {
        let n = self.committee(round).len();
        let honest = (0..n).filter(|voter| !self.is_liar(*voter) && says(&rows[round][*voter]));
        let liar = round < self.helps_below && (0..n).any(|voter| self.is_liar(voter));
        honest.count() + usize::from(liar)
    }

    fn certified(&self, rows: &[Row], round: usize, says: impl Fn(&Votes) -> bool) -> bool {
        self.count(rows, round, says) >= self.committee(round).quorum()
    }

    pub(crate) fn is_nullified(&self, rows: &[Row], round: usize) -> bool {
        self.certified(rows, round, |votes| votes.nullify)
    }

    pub(crate) fn is_notarized(&self, rows: &[Row], round: usize, block: BlockId) -> bool {
        self.certified(rows, round, |votes| {
            votes.notarize == block || votes.second == block
        })
    }

    fn is_finalized(&self, rows: &[Row], round: usize, block: BlockId) -> bool {
        self.certified(rows, round, |votes| votes.finalize == block)
    }

    /// C7.
    pub(crate) fn is_committed(&self, rows: &[Row], round: usize, block: BlockId) -> bool {
        self.has(Sentence::FinalizationCommits)
            && (self.is_finalized(rows, round, block)
                || !self.has(Sentence::NoFastPath) && self.is_notarized(rows, round, block))
    }

    /// Blocks that anybody honest notarized or finalized in a round.
    pub(crate) fn voted(&self, row: &Row) -> Vec<BlockId> {
        let mut blocks = Vec::new();
        for votes in row {
            for block in [votes.notarize, votes.second, votes.finalize] {
                if block != 0 && !blocks.contains(&block) {
                    blocks.push(block);
                }
            }
        }
        blocks
    }

    /// All states that one event leads to.
    pub(crate) fn steps(&mut self, state: &State, next: &mut Vec<State>) {
        let most = self
            .model
            .voters
            .max(self.model.next.map_or(0, |next| next.voters));
        for round in self.model.opened..self.rounds() {
            let n = self.committee(round).len();
            let voters: Vec<usize> = (0..n)
                .filter(|voter| !self.is_liar(*voter) && !self.is_like_before(state, *voter))
                .collect();
            for voter in &voters {
                self.finalize(state, *voter, round, next);
            }
            let open = self.may_enter(&state.votes, round);
            if open || !self.has(Sentence::TimersStop) {
                for voter in &voters {
                    self.nullify(state, *voter, round, next);
                }
            }
            if open || !self.has(Sentence::CurrentRound) {
                let offers = self.offers(state, round, open);
                for voter in &voters {
                    self.notarize(state, *voter, round, &offers, next);
                }
            }
        }
        for voter in (0..most).filter(|voter| !self.is_liar(*voter)) {
            if !self.is_like_before(state, voter) {
                self.lose(state, voter, next);
            }
        }
    }

    /// Voters with the same votes lead to the same states, and are neighbours.
    fn is_like_before(&self, state: &State, voter: usize) -> bool {
        let new = self
            .model
            .next
            .map_or(self.model.voters, |next| next.voters);
        let edge = voter == 0 || voter == new.min(self.model.voters) || self.is_liar(voter - 1);
        !edge && !self.model.told && state.column(voter) == state.column(voter - 1)
    }

    /// C8: a crash before the vote is stored, a lost store, and the answers.
    fn lose(&self, state: &State, voter: usize, next: &mut Vec<State>) {
        let forget = |floor| {
            let mut after = *state;
            after.floors[voter] = floor;
            for row in &mut after.votes {
                row[voter].forgotten = row[voter] != Votes::default();
            }
            after
        };
        if !self.has(Sentence::StoredFirst) {
            next.push(forget(state.floors[voter]));
        }
        let lost = state.floors.iter().filter(|floor| **floor != 0).count();
        match state.floors[voter] {
            0 if lost < self.model.losses => next.push(forget(ASKING)),
            ASKING => {
                if let Some(floor) = self.floor(state, voter) {
                    let mut after = *state;
                    after.floors[voter] = floor;
                    next.push(after);
                }
            }
            _ => {}
        }
    }

    /// The lowest floor that `voter` may be given.
    fn floor(&self, state: &State, voter: usize) -> Option<u8> {
        let n = self.model.voters;
        let liars = usize::from(self.model.liar.is_some());
        let enough =
            n - self.committee.quorum() + liars + usize::from(self.has(Sentence::EnoughAnswers));
        let mut answers: Vec<u8> = (0..n)
            .filter(|other| *other != voter)
            .filter_map(|other| self.answer(state, other))
            .collect();
        answers.sort_unstable();
        let highest = match enough {
            0 => 1,
            enough => *answers.get(enough - 1)?,
        };
        Some(highest + 1 + u8::from(self.has(Sentence::FloorTwoAbove)))
    }

    /// The round that `other` names, if it answers.
    fn answer(&self, state: &State, other: usize) -> Option<u8> {
        if self.is_liar(other) {
            return Some(1);
        }
        let voted = |round: &usize| {
            let votes = state.votes[*round][other];
            let fresh = Votes {
                forgotten: votes.forgotten,
                ..Votes::default()
            };
            votes != fresh && !votes.forgotten
        };
        let round = (0..self.model.rounds).rev().find(voted);
        let round = round.map_or(1, |round| small(round) + 1);
        let silent = round < state.floors[other] && self.has(Sentence::RecoveringSilent);
        (!silent).then_some(round)
    }

    /// Up to which round the ledger of `voter` is closed in the epoch of `round`.
    fn closed(&self, state: &State, voter: usize, round: usize) -> u64 {
        match (state.floors[voter], self.epoch_of(round).0) {
            (0, _) => 0,
            (_, true) if self.has(Sentence::AsksEachEpoch) => u64::from(ASKING),
            (ASKING, false) => u64::from(ASKING),
            (_, true) => 0,
            (floor, false) => u64::from(floor) - 1,
        }
    }

    /// The real table says whether a certificate of the round before opens this one; C11 says what
    /// opens an epoch.
    pub(crate) fn may_enter(&self, rows: &[Row], round: usize) -> bool {
        if round == self.base(round) {
            return round == 0 || !self.openers(rows).is_empty();
        }
        let before = round - 1;
        let opens = |event| {
            let (step, acts) = apply(Step::Asleep, event, self.model.rules);
            step == Step::Asleep && acts.contains(&Act::EnterNext)
        };
        let notarized = self
            .voted(&rows[before])
            .into_iter()
            .any(|block| self.is_notarized(rows, before, block));
        notarized && opens(Event::Notarization)
            || self.is_nullified(rows, before) && opens(Event::Nullification)
    }

    /// C11: epoch blocks on which the next epoch starts.
    fn openers(&self, rows: &[Row]) -> Vec<BlockId> {
        let mut openers = Vec::new();
        for round in 0..self.model.rounds {
            for block in self.voted(&rows[round]) {
                let opens = self.blocks.is_epoch(block)
                    && (self.is_finalized(rows, round, block)
                        || !self.has(Sentence::EpochFinalFirst)
                            && self.is_notarized(rows, round, block));
                if opens && !openers.contains(&block) {
                    openers.push(block);
                }
            }
        }
        openers
    }

    pub(crate) fn approves(
        &self,
        votes: &Votes,
        number: u64,
        kind: VoteKind,
        block: BlockId,
        facts: &Facts,
    ) -> bool {
        let block = hash(block);
        let statement = VoteStatement {
            round: number,
            kind,
            block,
        };
        approve(&statement, cast(votes), facts, self.model.rules).is_ok()
    }

    fn finalize(&self, state: &State, voter: usize, round: usize, next: &mut Vec<State>) {
        let votes = state.votes[round][voter];
        if votes.finalize != 0 {
            return;
        }
        let (_, number) = self.epoch_of(round);
        for block in self.voted(&state.votes[round]) {
            let facts = Facts {
                // It may have gone on since.
                round: number + 1,
                closed: self.closed(state, voter, round),
                notarized: self.is_notarized(&state.votes, round, block),
                executed: true,
                ..Facts::default()
            };
            if !self.is_finalized(&state.votes, round, block)
                && self.approves(&votes, number, VoteKind::Finalize, block, &facts)
            {
                let mut after = *state;
                after.votes[round][voter].finalize = block;
                next.push(after);
            }
        }
    }

    fn nullify(&self, state: &State, voter: usize, round: usize, next: &mut Vec<State>) {
        let votes = state.votes[round][voter];
        let (_, number) = self.epoch_of(round);
        let (awake, _) = apply(Step::Asleep, Event::Work, self.model.rules);
        let (_, acts) = apply(awake, Event::LeaderTimeout, self.model.rules);
        let (_, late) = apply(awake, Event::AdvanceTimeout, self.model.rules);
        let facts = Facts {
            round: number + u64::from(!self.may_enter(&state.votes, round)),
            closed: self.closed(state, voter, round),
            ..Facts::default()
        };
        let last = round + 1 == self.rounds() || round + 1 == self.model.rounds;
        if (acts.contains(&Act::Nullify) || late.contains(&Act::Nullify))
            && !votes.nullify
            && !last
            && !self.is_nullified(&state.votes, round)
            && self.approves(&votes, number, VoteKind::Nullify, 0, &facts)
        {
            let mut after = *state;
            after.votes[round][voter].nullify = true;
            next.push(after);
        }
    }

    /// Whether all rounds from `below` (counted from 1) up to `round` (exclusive) are nullified.
    pub(crate) fn gaps_nullified(&self, rows: &[Row], below: usize, round: usize) -> bool {
        (below.max(self.base(round))..round).all(|gap| self.is_nullified(rows, gap))
    }

    /// (round from 1, block) of everything that could be a parent; (0, what opens the epoch) among it.
    fn parents(&self, state: &State, round: usize) -> Vec<(usize, BlockId)> {
        let base = self.base(round);
        let openers = if base == 0 {
            vec![GENESIS]
        } else {
            self.openers(&state.votes)
        };
        let mut parents: Vec<_> = openers.into_iter().map(|block| (0, block)).collect();
        for below in base..round {
            for block in self.voted(&state.votes[below]) {
                parents.push((below + 1, block));
            }
        }
        parents
    }

    /// C3, C11: what may stand on `parent`: another proposal of it, and its children.
    fn children(
        &mut self,
        round: usize,
        below: usize,
        parent: BlockId,
        more: &[u8],
    ) -> Vec<Proposed> {
        let mut proposals = Vec::new();
        let under = small(below);
        let closes =
            below > 0 && self.blocks.is_epoch(parent) && self.has(Sentence::EpochBlockNoChild);
        if !closes {
            for variant in more {
                proposals.push((self.blocks.id(round, *variant, parent), under));
            }
            if self.model.next.is_some() && !self.epoch_of(round).0 && !self.blocks.is_epoch(parent)
            {
                proposals.push((self.blocks.id(round, EPOCH, parent), under));
            }
        }
        if below > 0 {
            proposals.push((parent, under));
        }
        proposals
    }

    /// C3: what an honest leader may propose: on a notarized block with nullifications since, and
    /// as far as others can tell it knows no higher one.
    fn honest_proposals(&mut self, state: &State, round: usize) -> Vec<Proposed> {
        let mut proposals = Vec::new();
        for (below, parent) in self.parents(state, round) {
            let notarized = below == 0 || self.is_notarized(&state.votes, below - 1, parent);
            if notarized && self.gaps_nullified(&state.votes, below, round) {
                proposals.extend(self.children(round, below, parent, &[0]));
            }
        }
        proposals
    }

    /// What the liar proposes: two blocks on everything, and everything again.
    fn lies(&mut self, state: &State, round: usize) -> Vec<Proposed> {
        let voted = self.voted(&state.votes[round]);
        let mut parents = self.parents(state, round);
        if !self.has(Sentence::ParentNotarized) {
            for below in self.base(round)..round {
                // A block that it never showed to anybody.
                parents.push((below + 1, self.blocks.id(below, 2, GENESIS)));
            }
        }
        let mut proposals = Vec::new();
        for (below, parent) in parents {
            let unknown = self.has(Sentence::ParentNotarized)
                && !(below == 0 || self.is_notarized(&state.votes, below - 1, parent));
            let fits =
                !self.has(Sentence::VoterGaps) || self.gaps_nullified(&state.votes, below, round);
            if unknown || !fits {
                // The approval would refuse it; so it needs no name.
                continue;
            }
            let first = self.blocks.id(round, 0, parent);
            let more: &[u8] = if voted.contains(&first) {
                &[0, 1]
            } else {
                &[0]
            };
            proposals.extend(self.children(round, below, parent, more));
        }
        proposals
    }

    /// What a voter may be offered in `round`, with what is known of it.
    fn offers(&mut self, state: &State, round: usize, open: bool) -> Vec<(Proposed, Facts)> {
        let leads = self.lies_in(round);
        let mut proposals = if leads {
            self.lies(state, round)
        } else if state.proposed[round].0 == 0 {
            self.honest_proposals(state, round)
        } else {
            vec![state.proposed[round]]
        };
        let honest = proposals.len();
        if !leads && !self.has(Sentence::LeaderOnly) && self.model.liar.is_some() {
            proposals.extend(self.lies(state, round));
        }
        let (_, number) = self.epoch_of(round);
        proposals
            .into_iter()
            .enumerate()
            .filter(|(_, (block, _))| !self.is_notarized(&state.votes, round, *block))
            .map(|(index, (block, below))| {
                let facts = self.facts(&state.votes, round, (block, below));
                let facts = Facts {
                    round: number - u64::from(!open),
                    first_of_leader: index < honest,
                    ..facts
                };
                ((block, below), facts)
            })
            .collect()
    }

    pub(crate) fn facts(&self, rows: &[Row], round: usize, (block, below): Proposed) -> Facts {
        let (_, number) = self.epoch_of(round);
        let under = usize::from(below);
        // A block that was made before is proposed again; else its parent counts.
        let again = under > 0 && self.blocks.made(block) != Some(round);
        let parent = if again {
            block
        } else {
            self.blocks.parent(block)
        };
        Facts {
            round: number,
            closed: 0,
            first_of_leader: true,
            parent_notarized: under == 0 || self.is_notarized(rows, under - 1, parent),
            gaps_nullified: self.gaps_nullified(rows, under, round),
            parent_highest: true,
            body_held: true,
            executed: true,
            notarized: false,
            ..Facts::default()
        }
    }

    /// C4: a voter that stands freshly in `round` gets a proposal.
    fn notarize(
        &self,
        state: &State,
        voter: usize,
        round: usize,
        offers: &[(Proposed, Facts)],
        next: &mut Vec<State>,
    ) {
        let votes = state.votes[round][voter];
        let (_, number) = self.epoch_of(round);
        let (step, _) = apply(Step::Asleep, Event::Proposal, self.model.rules);
        let (_, acts) = apply(step, Event::Sound, self.model.rules);
        for (proposal, facts) in offers {
            let block = proposal.0;
            let is_new = votes.notarize != block && votes.second == 0;
            let facts = Facts {
                closed: self.closed(state, voter, round),
                ..*facts
            };
            if acts.contains(&Act::Notarize)
                && is_new
                && self.approves(&votes, number, VoteKind::Notarize, block, &facts)
            {
                let mut after = *state;
                if !self.lies_in(round) && facts.first_of_leader {
                    after.proposed[round] = *proposal;
                }
                let mine = &mut after.votes[round][voter];
                if mine.notarize == 0 {
                    mine.notarize = block;
                } else {
                    mine.second = block;
                }
                next.push(after);
            }
        }
    }
}
