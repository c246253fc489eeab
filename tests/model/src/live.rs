//! One fair run from a state: everything is delivered, timers fire, the liar keeps silent.

use althing::consensus::Sentence;
use althing::consensus::round::{Act, Event, Step, apply};
use althing::consensus::safety::Facts;
use althing::wire::VoteKind;

use super::state::{BlockId, GENESIS, Row, VOTERS, Votes};
use super::steps::Proposed;
use super::{Explorer, State};

/// Ids of blocks that only this run has start here, one a round.
const FRESH: BlockId = 64;

/// What a fair run has beside the votes.
struct Run {
    rows: Vec<Row>,
    proposed: Vec<Option<Proposed>>,
    /// Parents of the run's own blocks, by round.
    parents: Vec<BlockId>,
}

impl Explorer {
    /// What keeps a fair run from committing above `height`, in words.
    pub(crate) fn stuck(&mut self, state: &State, height: usize) -> Option<String> {
        let used = |row: &Row| *row != [Votes::default(); VOTERS];
        let top = state.votes.iter().rposition(used).unwrap_or(0);
        // A certificate of the highest round that needs the liar may exist, or not. One on which a
        // finalize rests exists.
        let rests = state.votes[top].iter().any(|votes| votes.finalize != 0);
        let helps = match self.model.liar {
            Some(_) if !rests => vec![top, top + 1],
            _ => vec![top + 1],
        };
        let stuck = helps.into_iter().find_map(|below| {
            self.helps_below = below;
            self.run(state, height)
        });
        self.helps_below = usize::MAX;
        stuck
    }

    fn run(&self, state: &State, height: usize) -> Option<String> {
        let rounds = self.model.rounds + 2 * self.committee.len() + 2;
        let mut run = Run {
            rows: state.votes[..self.model.rounds].to_vec(),
            proposed: state.proposed[..self.model.rounds]
                .iter()
                .map(|p| (p.0 != 0).then_some(*p))
                .collect(),
            parents: vec![0; rounds],
        };
        run.rows.resize(rounds, [Votes::default(); VOTERS]);
        run.proposed.resize(rounds, None);
        let mut round = 0;
        loop {
            self.finalize_all(&mut run);
            if self.run_height(&run) > height {
                return None;
            }
            // The highest certificate opens the round after it, whatever lies below.
            match (round + 1..rounds)
                .rev()
                .find(|next| self.may_enter(&run.rows, *next))
            {
                Some(next) => round = next,
                None if round + 1 < rounds && !self.play(&mut run, round) => {
                    return Some(format!("nothing ends round {}", round + 1));
                }
                None if round + 1 < rounds => {}
                None => return Some("rounds go by and nothing is committed".to_owned()),
            }
        }
    }

    /// C5: everybody finalizes what it may.
    fn finalize_all(&self, run: &mut Run) {
        for round in 0..run.rows.len() {
            for block in self.voted(&run.rows[round]) {
                let facts = Facts {
                    round: round as u64 + 2,
                    notarized: self.is_notarized(&run.rows, round, block),
                    executed: true,
                    ..Facts::default()
                };
                for voter in self.honest() {
                    let votes = &mut run.rows[round][voter];
                    let number = round as u64 + 1;
                    if votes.finalize == 0
                        && self.approves(votes, number, VoteKind::Finalize, block, &facts)
                    {
                        votes.finalize = block;
                    }
                }
            }
        }
    }

    fn run_height(&self, run: &Run) -> usize {
        let blocks = |round: usize| {
            self.voted(&run.rows[round])
                .into_iter()
                .map(move |block| (round, block))
        };
        (0..run.rows.len())
            .flat_map(blocks)
            .filter(|(round, block)| self.is_committed(&run.rows, *round, *block))
            .map(|(_, block)| run.height(self, block))
            .max()
            .unwrap_or(0)
    }

    /// Everybody stands in `round`. Whether anything came of it.
    fn play(&self, run: &mut Run, round: usize) -> bool {
        let before = run.rows[round];
        let proposal = self.proposal(run, round);
        run.proposed[round] = proposal;
        let rules = self.model.rules;
        let number = round as u64 + 1;
        let mut steps = [Step::Asleep; VOTERS];
        for voter in self.honest() {
            let (mut step, _) = apply(Step::Asleep, Event::Work, rules);
            if let Some(proposed) = proposal {
                (step, _) = apply(step, Event::Proposal, rules);
                let facts = run.facts(self, round, proposed);
                let sound = (facts.parent_notarized || !self.has(Sentence::ParentNotarized))
                    && (facts.gaps_nullified || !self.has(Sentence::VoterGaps));
                let event = if sound { Event::Sound } else { Event::Lacking };
                let (after, acts) = apply(step, event, rules);
                step = after;
                let votes = &mut run.rows[round][voter];
                if acts.contains(&Act::Notarize)
                    && votes.notarize == 0
                    && self.approves(votes, number, VoteKind::Notarize, proposed.0, &facts)
                {
                    votes.notarize = proposed.0;
                }
            }
            steps[voter] = step;
        }
        if self.is_over(run, round) {
            return before != run.rows[round];
        }
        for (event, voter) in [Event::LeaderTimeout, Event::AdvanceTimeout]
            .into_iter()
            .flat_map(|event| self.honest().map(move |voter| (event, voter)))
        {
            let (_, acts) = apply(steps[voter], event, rules);
            let facts = Facts {
                round: number,
                ..Facts::default()
            };
            let votes = &mut run.rows[round][voter];
            if acts.contains(&Act::Nullify)
                && !votes.nullify
                && self.approves(votes, number, VoteKind::Nullify, 0, &facts)
            {
                votes.nullify = true;
            }
        }
        before != run.rows[round]
    }

    fn is_over(&self, run: &Run, round: usize) -> bool {
        let notarized = |block| self.is_notarized(&run.rows, round, block);
        self.voted(&run.rows[round]).into_iter().any(notarized)
    }

    fn honest(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.committee.len()).filter(|voter| !self.is_liar(*voter))
    }

    /// What the leader of `round` has proposed, or proposes now (C3).
    fn proposal(&self, run: &Run, round: usize) -> Option<Proposed> {
        if run.proposed[round].is_some() {
            return run.proposed[round];
        }
        if self.lies_in(round) {
            // What it said to some is known to all by now. Without the bodies, nobody can judge it.
            let voted = self.voted(&run.rows[round]);
            let first = voted.into_iter().find(|_| self.has(Sentence::BodyStored))?;
            return Some((first, self.below(run, round, first)?));
        }
        let notarized = (0..round).rev().find_map(|below| {
            let voted = self.voted(&run.rows[below]).into_iter();
            let mut notarized = voted.filter(|block| self.is_notarized(&run.rows, below, *block));
            Some((below + 1, notarized.next()?))
        });
        let notarized = notarized.filter(|_| self.has(Sentence::HighestParent));
        let (below, parent) = notarized.unwrap_or((0, GENESIS));
        if !self.has(Sentence::BodyStored) && run.is_bodiless(self, parent) {
            return None;
        }
        let knows = self.gaps_nullified(&run.rows, below, round) || !self.has(Sentence::LeaderGaps);
        knows.then(|| (FRESH + round as u8, below as u8))
    }

    /// The round under which a known block of the liar stands.
    fn below(&self, run: &Run, round: usize, block: BlockId) -> Option<u8> {
        let again = self.blocks.made(block) != Some(round);
        let parent = if again {
            block
        } else {
            self.blocks.parent(block)
        };
        let below = (0..round)
            .rev()
            .find(|below| self.is_notarized(&run.rows, *below, parent));
        match below {
            Some(below) => Some(below as u8 + 1),
            None => (parent == GENESIS).then_some(0),
        }
    }
}

impl Run {
    fn facts(&mut self, explorer: &Explorer, round: usize, proposed: Proposed) -> Facts {
        let (block, below) = proposed;
        if block < FRESH {
            return explorer.facts(&self.rows, round, proposed);
        }
        let parent = match usize::from(below).checked_sub(1) {
            None => GENESIS,
            Some(under) => explorer
                .voted(&self.rows[under])
                .into_iter()
                .find(|block| explorer.is_notarized(&self.rows, under, *block))
                .unwrap_or(GENESIS),
        };
        self.parents[round] = parent;
        Facts {
            round: round as u64 + 1,
            closed: 0,
            first_of_leader: true,
            parent_notarized: true,
            gaps_nullified: explorer.gaps_nullified(&self.rows, usize::from(below), round),
            parent_highest: true,
            body_held: true,
            executed: true,
            notarized: false,
            ..Facts::default()
        }
    }

    fn parent(&self, explorer: &Explorer, block: BlockId) -> BlockId {
        match block.checked_sub(FRESH) {
            Some(round) => self.parents[usize::from(round)],
            None => explorer.blocks.parent(block),
        }
    }

    fn height(&self, explorer: &Explorer, mut block: BlockId) -> usize {
        let mut height = 0;
        while block > GENESIS {
            height += 1;
            block = self.parent(explorer, block);
        }
        height
    }

    /// Whether a restart of everybody lost a body below: own proposals are stored by C8, so only
    /// the liar's.
    fn is_bodiless(&self, explorer: &Explorer, mut block: BlockId) -> bool {
        while block > GENESIS {
            if explorer
                .blocks
                .made(block)
                .is_some_and(|made| explorer.lies_in(made))
            {
                return true;
            }
            block = self.parent(explorer, block);
        }
        false
    }
}
