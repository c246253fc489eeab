//! Every order of the events that can make a difference, for three honest voters over a few rounds:
//! with a fourth that lies (Bft), or alone (Majority, crashes only).
//!
//! The explorer drives the real table ([`althing::consensus::round::apply`]), the real approval of
//! votes ([`althing::consensus::safety::approve`]) and the real quorum and rotation
//! ([`althing::consensus::Committee`]). What surrounds them is reduced to what can make a
//! difference:
//!
//! - **Delivery.** Messages are lost, doubled and reordered at will. All conditions of the rules are
//!   of the kind "this certificate is here", so a voter may act as soon as votes exist that would
//!   make the certificate; which of them have reached whom need not be kept. Every delivery order
//!   is thereby some path.
//! - **The liar** has cast every vote there is, and as leader it has proposed two blocks on every
//!   parent. So a certificate needs one honest vote less than the quorum.
//! - **Crashes.** A vote leaves only after it is stored. A crash before that leaves no trace; a
//!   crash after it loses the current round and step, and leaves the ledger. As a voter may crash at
//!   any moment and then come to any round that a certificate opens, the volatile part is never kept:
//!   in each state every voter may stand freshly in every open round. A voter that has not crashed
//!   can do less.
//! - **Time.** Every timer may fire at any moment.
//!
//! What is left of a state is what honest voters have stored: their votes and their proposals. Voters
//! differ by name only, so states that differ by a permutation of the honest ones are one. Three kinds
//! of steps enable nothing that matters and are left out: a vote for a certificate that can be made
//! already, a nullify in the last round, and the liar's second block while nobody has voted for its
//! first (the two differ by name only). A leader's proposal is chosen with the first vote for it.
//!
//! **Explored** is one thing: agreement. No two committed blocks lie on different branches, in two and
//! three rounds of n = 4 with each place of the liar, in two and three rounds of n = 3 without a liar,
//! and in two rounds without single sentences of C4 to C7.
//!
//! **Not explored**, here: progress (who waits for what, the timers' lengths, C1, C2, C9); four rounds
//! and more; other sizes, Unanimous, two liars; a liar that uses another's key; wrong roots and
//! missing bodies (an honest voter holds and executes everything, C3's cap and refusals do not
//! occur); a second finalize in one round (there is room for one a voter); the closing of a ledger
//! after a restart (it only forbids more); the code around the table and the approval: messages,
//! storage, sync, and the change of epochs. The tests of `althing::consensus` play what surrounds
//! them, over seeds instead of all orders.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use althing::consensus::round::{Act, Event, Step, apply};
use althing::consensus::safety::{Cast, Facts, approve};
use althing::consensus::{Committee, InForce, Sentence};
use althing::crypto::{Ed25519, Hash};
use althing::id::{GroupId, PeerId};
use althing::wire::{Mode, VoteKind, VoteStatement};

/// Voters that do not lie.
const HONEST: usize = 3;
/// Most rounds that can be explored.
pub const ROUNDS_MAX: usize = 4;

/// A block: 0 is none, 1 the genesis.
type BlockId = u8;
const GENESIS: BlockId = 1;
/// A block, the round of its parent's notarization, the parent.
type Proposed = (BlockId, u8, BlockId);

/// What to explore.
#[derive(Clone, Debug)]
pub struct Model {
    /// Rounds 1 to this one are played.
    pub rounds: usize,
    /// The voter that lies, one of four; without one there are three and Majority is the mode.
    pub liar: Option<u8>,
    /// The sentences in force.
    pub rules: InForce,
    /// Voters forget their ledger in a crash: what C8 is there to prevent.
    pub forgetful: bool,
    /// Exploring ends after so many states.
    pub states_max: usize,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// States in which something is committed.
    pub committed: usize,
    /// Most blocks committed in one state.
    pub height: usize,
    /// Whether all was explored.
    pub complete: bool,
    /// Two committed blocks of which neither is an ancestor of the other, in words.
    pub fork: Option<String>,
}

/// Stored votes of one voter in one round.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Votes {
    notarize: BlockId,
    /// A second notarize: only a voter that broke a rule has one.
    second: BlockId,
    finalize: BlockId,
    nullify: bool,
    /// The ledger does not hold these votes any more.
    forgotten: bool,
}

/// All that honest voters have stored. Rounds count from 0 here.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct State {
    votes: [[Votes; ROUNDS_MAX]; HONEST],
    /// The honest leader's proposal of each round.
    proposed: [Proposed; ROUNDS_MAX],
}

/// Blocks by id: (round of creation, variant, parent).
#[derive(Default)]
struct Blocks(Vec<(u8, u8, BlockId)>);

impl Blocks {
    fn id(&mut self, round: usize, variant: u8, parent: BlockId) -> BlockId {
        let block = (small(round), variant, parent);
        let known = self.0.iter().position(|other| *other == block);
        let index = known.unwrap_or_else(|| {
            self.0.push(block);
            self.0.len() - 1
        });
        BlockId::try_from(index).expect("a few rounds have few blocks") + GENESIS + 1
    }

    fn parent(&self, block: BlockId) -> BlockId {
        match block.checked_sub(GENESIS + 1) {
            Some(index) => self.0[usize::from(index)].2,
            None => 0,
        }
    }

    /// The chain down to the genesis.
    fn chain(&self, mut block: BlockId) -> Vec<BlockId> {
        let mut chain = Vec::new();
        while block > GENESIS {
            chain.push(block);
            block = self.parent(block);
        }
        chain
    }
}

struct Explorer {
    model: Model,
    committee: Committee,
    blocks: Blocks,
}

/// States are many and nobody attacks them: a multiplication a byte is hash enough.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }
}

fn small(round: usize) -> u8 {
    u8::try_from(round).expect("few rounds are explored")
}

fn hash(block: BlockId) -> Hash {
    if block == 0 {
        Hash::ZERO
    } else {
        Hash([block; 32])
    }
}

/// Explores `model` breadth first.
pub fn explore(model: &Model) -> Explored {
    let (n, mode) = match model.liar {
        Some(_) => (HONEST + 1, Mode::Bft),
        None => (HONEST, Mode::Majority),
    };
    let members = (0..n).map(|index| PeerId([index as u8; 32])).collect();
    let scheme = std::sync::Arc::new(Ed25519);
    let committee = Committee::new(GroupId([0; 16]), Hash([1; 32]), members, mode, scheme);
    let mut explorer = Explorer {
        model: model.clone(),
        committee,
        blocks: Blocks::default(),
    };
    let mut found = Explored {
        states: 1,
        steps: 0,
        committed: 0,
        height: 0,
        complete: false,
        fork: None,
    };
    let mut seen: HashSet<State, BuildHasherDefault<Mixer>> = HashSet::default();
    seen.insert(State::default());
    let mut queue = VecDeque::from([State::default()]);
    let mut next = Vec::new();
    while let Some(state) = queue.pop_front() {
        let height = match explorer.check(&state) {
            Ok(height) => height,
            Err(fork) => {
                found.fork = Some(fork);
                return found;
            }
        };
        found.committed += usize::from(height > 0);
        found.height = found.height.max(height);
        explorer.steps(&state, &mut next);
        found.steps += next.len();
        for mut state in next.drain(..) {
            state.votes.sort_unstable();
            if seen.insert(state) {
                found.states += 1;
                queue.push_back(state);
            }
        }
        if found.states > model.states_max {
            return found;
        }
    }
    found.complete = true;
    found
}

impl Explorer {
    /// Whether votes for a certificate exist; a liar's always does.
    fn certified(&self, state: &State, round: usize, says: impl Fn(&Votes) -> bool) -> bool {
        let votes = state
            .votes
            .iter()
            .filter(|votes| says(&votes[round]))
            .count();
        votes + usize::from(self.model.liar.is_some()) >= self.committee.quorum()
    }

    fn is_nullified(&self, state: &State, round: usize) -> bool {
        self.certified(state, round, |votes| votes.nullify)
    }

    fn is_notarized(&self, state: &State, round: usize, block: BlockId) -> bool {
        self.certified(state, round, |votes| {
            votes.notarize == block || votes.second == block
        })
    }

    fn is_finalized(&self, state: &State, round: usize, block: BlockId) -> bool {
        self.certified(state, round, |votes| votes.finalize == block)
    }

    /// Blocks that anybody honest notarized or finalized in `round`.
    fn voted(&self, state: &State, round: usize) -> Vec<BlockId> {
        let mut blocks = Vec::new();
        for votes in &state.votes {
            let votes = votes[round];
            for block in [votes.notarize, votes.second, votes.finalize] {
                if block != 0 && !blocks.contains(&block) {
                    blocks.push(block);
                }
            }
        }
        blocks
    }

    /// C7, and what must follow: all that is final lies on one chain. Its height.
    fn check(&self, state: &State) -> Result<usize, String> {
        let fast = !self.model.rules.has(Sentence::NoFastPath);
        let mut chains: Vec<Vec<BlockId>> = Vec::new();
        for round in 0..self.model.rounds {
            for block in self.voted(state, round) {
                let is_final = self.is_finalized(state, round, block)
                    || fast && self.is_notarized(state, round, block);
                if is_final {
                    chains.push(self.blocks.chain(block));
                }
            }
        }
        chains.sort_by_key(Vec::len);
        for pair in chains.windows(2) {
            let (short, long) = (&pair[0], &pair[1]);
            if !long.ends_with(short) {
                return Err(format!("committed {short:?} and {long:?}"));
            }
        }
        Ok(chains.last().map_or(0, Vec::len))
    }

    /// All states that one event leads to.
    fn steps(&mut self, state: &State, next: &mut Vec<State>) {
        // Honest voters with the same votes lead to the same states, and are neighbours.
        let voters: Vec<usize> = (0..HONEST)
            .filter(|voter| *voter == 0 || state.votes[*voter] != state.votes[*voter - 1])
            .collect();
        for round in 0..self.model.rounds {
            for voter in &voters {
                self.finalize(state, *voter, round, next);
            }
            if self.may_enter(state, round) {
                let offers = self.offers(state, round);
                for voter in &voters {
                    self.nullify(state, *voter, round, next);
                    self.notarize(state, *voter, round, &offers, next);
                }
            }
        }
        if self.model.forgetful {
            for voter in voters {
                let mut after = *state;
                for votes in &mut after.votes[voter] {
                    votes.forgotten = *votes != Votes::default();
                }
                next.push(after);
            }
        }
    }

    /// The real table says whether a certificate of the round before opens this one.
    fn may_enter(&self, state: &State, round: usize) -> bool {
        let Some(before) = round.checked_sub(1) else {
            return true;
        };
        let opens = |event| {
            let (step, acts) = apply(Step::Asleep, event, self.model.rules);
            step == Step::Asleep && acts.contains(&Act::EnterNext)
        };
        let notarized = self
            .voted(state, before)
            .into_iter()
            .any(|block| self.is_notarized(state, before, block));
        notarized && opens(Event::Notarization)
            || self.is_nullified(state, before) && opens(Event::Nullification)
    }

    fn cast(votes: &Votes) -> Cast {
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

    fn approves(
        &self,
        votes: &Votes,
        round: usize,
        kind: VoteKind,
        block: BlockId,
        facts: &Facts,
    ) -> bool {
        let statement = VoteStatement {
            round: round as u64 + 1,
            kind,
            block: hash(block),
        };
        approve(&statement, Self::cast(votes), facts, self.model.rules).is_ok()
    }

    fn finalize(&self, state: &State, voter: usize, round: usize, next: &mut Vec<State>) {
        let votes = state.votes[voter][round];
        if votes.finalize != 0 {
            return;
        }
        for block in self.voted(state, round) {
            let facts = Facts {
                // It may have gone on since.
                round: round as u64 + 2,
                notarized: self.is_notarized(state, round, block),
                executed: true,
                ..Facts::default()
            };
            if !self.is_finalized(state, round, block)
                && self.approves(&votes, round, VoteKind::Finalize, block, &facts)
            {
                let mut after = *state;
                after.votes[voter][round].finalize = block;
                next.push(after);
            }
        }
    }

    fn nullify(&self, state: &State, voter: usize, round: usize, next: &mut Vec<State>) {
        let votes = state.votes[voter][round];
        let (awake, _) = apply(Step::Asleep, Event::Work, self.model.rules);
        let (_, acts) = apply(awake, Event::LeaderTimeout, self.model.rules);
        let facts = Facts {
            round: round as u64 + 1,
            ..Facts::default()
        };
        if acts.contains(&Act::Nullify)
            && !votes.nullify
            && round + 1 < self.model.rounds
            && !self.is_nullified(state, round)
            && self.approves(&votes, round, VoteKind::Nullify, 0, &facts)
        {
            let mut after = *state;
            after.votes[voter][round].nullify = true;
            next.push(after);
        }
    }

    /// Whether all rounds from `below` (exclusive) up to `round` (exclusive) are nullified.
    fn gaps_nullified(&self, state: &State, below: usize, round: usize) -> bool {
        (below..round).all(|gap| self.is_nullified(state, gap))
    }

    /// (round from 1, block) of everything that could be a parent; (0, genesis) among it.
    fn parents(&self, state: &State, round: usize) -> Vec<(usize, BlockId)> {
        let mut parents = vec![(0, GENESIS)];
        for below in 0..round {
            for block in self.voted(state, below) {
                parents.push((below + 1, block));
            }
        }
        parents
    }

    /// C3: what an honest leader may propose: on a notarized block with nullifications since, and
    /// as far as others can tell it knows no higher one. Each as (block, round of the parent's
    /// notarization, parent).
    fn honest_proposals(&mut self, state: &State, round: usize) -> Vec<Proposed> {
        let mut proposals = Vec::new();
        for (below, parent) in self.parents(state, round) {
            let notarized = below == 0 || self.is_notarized(state, below - 1, parent);
            if notarized && self.gaps_nullified(state, below, round) {
                proposals.push((self.blocks.id(round, 0, parent), small(below), parent));
                if parent != GENESIS {
                    proposals.push((parent, small(below), parent));
                }
            }
        }
        proposals
    }

    /// What the liar proposes: two blocks on everything, and everything again.
    fn lies(&mut self, state: &State, round: usize) -> Vec<Proposed> {
        let voted = self.voted(state, round);
        let mut parents = self.parents(state, round);
        for below in 0..round {
            // A block that it never showed to anybody.
            parents.push((below + 1, self.blocks.id(below, 2, GENESIS)));
        }
        let mut proposals = Vec::new();
        for (below, parent) in parents {
            let first = self.blocks.id(round, 0, parent);
            proposals.push((first, small(below), parent));
            if voted.contains(&first) {
                proposals.push((self.blocks.id(round, 1, parent), small(below), parent));
            }
            if parent != GENESIS {
                proposals.push((parent, small(below), parent));
            }
        }
        proposals
    }

    /// What a voter may be offered in `round`, with what is known of it.
    fn offers(&mut self, state: &State, round: usize) -> Vec<(Proposed, Facts)> {
        let leader = self.committee.leader(round as u64 + 1);
        let proposals = if Some(leader) == self.model.liar {
            self.lies(state, round)
        } else if state.proposed[round].0 == 0 {
            self.honest_proposals(state, round)
        } else {
            vec![state.proposed[round]]
        };
        let fresh = |(block, _, _): &Proposed| !self.is_notarized(state, round, *block);
        proposals
            .into_iter()
            .filter(fresh)
            .map(|(block, below, parent)| {
                let under = usize::from(below);
                let facts = Facts {
                    round: round as u64 + 1,
                    closed: 0,
                    first_of_leader: true,
                    parent_notarized: under == 0 || self.is_notarized(state, under - 1, parent),
                    gaps_nullified: self.gaps_nullified(state, under, round),
                    parent_highest: true,
                    body_held: true,
                    executed: true,
                    ..Facts::default()
                };
                ((block, below, parent), facts)
            })
            .collect()
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
        let votes = state.votes[voter][round];
        let lies = Some(self.committee.leader(round as u64 + 1)) == self.model.liar;
        let (step, _) = apply(Step::Asleep, Event::Proposal, self.model.rules);
        let (_, acts) = apply(step, Event::Sound, self.model.rules);
        for (proposal, facts) in offers {
            let block = proposal.0;
            let is_new = votes.notarize != block && votes.second == 0;
            if acts.contains(&Act::Notarize)
                && is_new
                && self.approves(&votes, round, VoteKind::Notarize, block, facts)
            {
                let mut after = *state;
                if !lies {
                    after.proposed[round] = *proposal;
                }
                let mine = &mut after.votes[voter][round];
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

#[cfg(test)]
mod tests;
