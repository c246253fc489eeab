//! Every order of the events that can make a difference, for a few voters over a few rounds.
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
//! - **Lost stores** (C8). A voter forgets all its votes, asks, and gets a floor. Answers name the
//!   highest round with a stored vote of the answerer, and at least 1: a real answer is never lower. Of
//!   the possible sets of answerers the one with the lowest highest answer is taken, as a higher floor
//!   only forbids more. The liar answers 1. Answers are given together, in one moment. The floor
//!   reaches the real approval as a closed ledger.
//! - **Time.** Every timer may fire at any moment.
//! - **Epochs** (C11). A leader may propose an epoch block. The rounds after the first epoch's are
//!   played by the next committee, from round 1 on, each on a finalized epoch block. A voter that lost
//!   its store gets no floor there that it could reach: a floor is 3 at least, so it stays silent.
//!
//! **C8's recovery and C11 are sentences of the model itself.** They are not in the table and the
//! approval; the explorer gates the real votes by them. So it says that the rules are sound, not that
//! the core's recovery and the core's change of epochs obey them. The same holds for what leaders propose
//! (C3), for bodies lost in a restart and for what a finalization commits. Taken for granted: a
//! voter below its floor proposes nothing, and what it loses after it asked is not lost again.
//!
//! What is left of a state is what honest voters have stored: their votes and their proposals. Voters
//! differ by name only, so states that differ by a permutation of honest voters of the same
//! committees are one. Three kinds of steps enable nothing that matters and are left out: a vote for a
//! certificate that can be made already, a nullify in the last round, and the liar's second block while
//! nobody has voted for its first (the two differ by name only). A leader's proposal is chosen with the
//! first vote for it.
//!
//! **Violations** are two committed blocks of which neither is an ancestor of the other, and a commit
//! that an epoch forgets: a block made in the old epoch above its epoch block.
//!
//! **Stuck** is a state from which one fair run commits nothing higher: from there on everything is
//! delivered to everybody at once, timers fire, honest leaders propose on what C3 says, and the liar
//! keeps silent; the votes it is known by are there, and those of the highest round once are and once
//! are not. The run goes on for two rotations and two rounds. One run per state, not all: a sentence is called a liveness
//! clause if its absence sticks even here, and an absence that sticks on less lucky runs only is not found.
//! Fair runs are not made for lost stores and epochs.
//!
//! **Not explored**: the timers' lengths, C1, C2, C9; other sizes, Unanimous, two liars; a liar that
//! uses another's key; wrong roots and missing bodies (an honest voter holds and executes everything, C3's
//! cap and refusals do not occur); a second finalize in one round; the closing of a ledger after
//! a restart (it only forbids more); the code around the table and the approval: messages,
//! storage, sync. The tests of `althing::consensus` play what surrounds them, over seeds instead of all orders.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

use althing::consensus::{Committee, InForce};
use althing::crypto::{Ed25519, Hash};
use althing::id::{GroupId, PeerId};
use althing::wire::Mode;

mod live;
#[cfg(feature = "mask")]
pub mod runs;
mod state;
mod steps;

pub use state::ROUNDS_MAX;
use state::{Blocks, Mixer, Packed, State, VOTERS, Votes};

/// An epoch after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its voters: the first so many, old ones before new ones.
    pub voters: usize,
    /// Its rounds.
    pub rounds: usize,
}

/// What to explore.
#[derive(Clone, Debug)]
pub struct Model {
    /// Voters of the first epoch; the mode is Bft where there is a liar, else Majority.
    pub voters: usize,
    /// Rounds 1 to this one are played in the first epoch.
    pub rounds: usize,
    /// The first so many of them are over: nullified by as many of the first voters as it takes, and
    /// nobody votes in them any more.
    pub opened: usize,
    /// The voter that lies.
    pub liar: Option<u8>,
    /// Voters that may lose their store, once each.
    pub losses: usize,
    /// The epoch after, if there is one.
    pub next: Option<Next>,
    /// The sentences in force.
    pub rules: InForce,
    /// Fair runs are made from every state.
    pub live: bool,
    /// The shortest path to the first violation is told.
    pub told: bool,
    /// Exploring ends after so many states.
    pub states_max: usize,
    /// Exploring ends after so many seconds.
    pub seconds_max: u64,
}

impl Model {
    /// `rounds` of `voters` of whom `liar` lies, with every rule in force.
    pub fn new(voters: usize, rounds: usize, liar: Option<u8>) -> Self {
        Self {
            voters,
            rounds,
            opened: 0,
            liar,
            losses: 0,
            next: None,
            rules: InForce::default(),
            live: false,
            told: false,
            states_max: 3_000_000,
            seconds_max: u64::MAX,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// Most steps from the start to a state.
    pub depth: usize,
    /// States in which something is committed.
    pub committed: usize,
    /// Most blocks committed in one state.
    pub height: usize,
    /// Whether all was explored.
    pub complete: bool,
    /// The first violation, in words. Exploring ended there.
    pub violation: Option<String>,
    /// The first state that is stuck, in words. Exploring ended there.
    pub stuck: Option<String>,
    /// The steps that lead there.
    pub path: Vec<String>,
}

pub(crate) struct Explorer {
    model: Model,
    committee: Committee,
    next: Option<Committee>,
    blocks: Blocks,
    /// The liar's votes count below this round.
    helps_below: usize,
}

/// Explores `model` breadth first, up to the first violation or stuck state.
pub fn explore(model: &Model) -> Explored {
    let began = std::time::Instant::now();
    let mut explorer = Explorer::new(model);
    let start = explorer.start();
    let classes = if model.told {
        Vec::new()
    } else {
        explorer.classes()
    };
    let mut found = Explored {
        states: 1,
        ..Explored::default()
    };
    let mut seen: HashSet<Packed, BuildHasherDefault<Mixer>> = HashSet::default();
    let mut came_from: HashMap<Packed, Packed> = HashMap::new();
    seen.insert(start.pack());
    let mut layer = vec![start.pack()];
    let mut next = Vec::new();
    while !layer.is_empty() {
        let mut below = Vec::new();
        for packed in layer.drain(..) {
            let state = State::unpack(packed);
            let end = match explorer.check(&state) {
                Ok(height) => {
                    found.committed += usize::from(height > 0);
                    found.height = found.height.max(height);
                    found.stuck = model.live.then(|| explorer.stuck(&state, height)).flatten();
                    found.stuck.is_some()
                }
                Err(violation) => {
                    found.violation = Some(violation);
                    true
                }
            };
            if end {
                found.path = explorer.path(packed, &came_from);
                return found;
            }
            explorer.steps(&state, &mut next);
            found.steps += next.len();
            for mut after in next.drain(..) {
                for class in &classes {
                    after.sort(class);
                }
                let after = after.pack();
                if seen.insert(after) {
                    found.states += 1;
                    if model.told {
                        came_from.insert(after, packed);
                    }
                    below.push(after);
                }
            }
            let late = found.steps & 0xff == 0 && began.elapsed().as_secs() > model.seconds_max;
            if found.states > model.states_max || late {
                return found;
            }
        }
        found.depth += usize::from(!below.is_empty());
        layer = below;
    }
    found.complete = true;
    found
}

impl Explorer {
    fn new(model: &Model) -> Self {
        let first = model.rounds + model.next.map_or(0, |next| next.rounds);
        let most = model.voters.max(model.next.map_or(0, |next| next.voters));
        assert!(
            first <= ROUNDS_MAX && most <= VOTERS,
            "this fits in a state"
        );
        let committee = |n: usize, mode| {
            let members = (0..n).map(|index| PeerId([index as u8; 32])).collect();
            let scheme = std::sync::Arc::new(Ed25519);
            Committee::new(GroupId([0; 16]), Hash([1; 32]), members, mode, scheme)
        };
        let mode = model.liar.map_or(Mode::Majority, |_| Mode::Bft);
        Self {
            model: model.clone(),
            committee: committee(model.voters, mode),
            next: model.next.map(|next| committee(next.voters, mode)),
            blocks: Blocks::default(),
            helps_below: usize::MAX,
        }
    }

    fn start(&self) -> State {
        let mut state = State::default();
        for round in 0..self.model.opened {
            for votes in &mut state.votes[round][..self.committee.quorum()] {
                votes.nullify = true;
            }
        }
        state
    }

    /// Honest voters that differ by name only.
    fn classes(&self) -> Vec<Vec<usize>> {
        let honest = |voter: &usize| !self.is_liar(*voter);
        let old = self.model.voters;
        let new = self.model.next.map_or(old, |next| next.voters);
        let both: Vec<usize> = (0..old.min(new)).filter(honest).collect();
        let one: Vec<usize> = (old.min(new)..old.max(new)).filter(honest).collect();
        vec![both, one]
    }

    /// The steps from the start to `last`, in words.
    fn path(&self, last: Packed, came_from: &HashMap<Packed, Packed>) -> Vec<String> {
        let mut states = vec![last];
        while let Some(before) = came_from.get(states.last().expect("it holds one")) {
            states.push(*before);
        }
        states.reverse();
        let states: Vec<State> = states.into_iter().map(State::unpack).collect();
        states
            .windows(2)
            .map(|pair| self.tell(&pair[0], &pair[1]))
            .collect()
    }

    /// What one step did.
    fn tell(&self, before: &State, after: &State) -> String {
        for voter in 0..VOTERS {
            let who = format!("voter {}", voter + 1);
            if before.floors[voter] != after.floors[voter] {
                return match after.floors[voter] {
                    state::ASKING => format!("{who} loses its store and asks"),
                    floor => {
                        format!("{who} lost its store, is answered, votes from round {floor} on")
                    }
                };
            }
            for round in 0..ROUNDS_MAX {
                let (old, new) = (before.votes[round][voter], after.votes[round][voter]);
                let place = match self.epoch_of(round) {
                    (false, number) => format!("in round {number}"),
                    (true, number) => format!("in round {number} of the next epoch"),
                };
                if old == new {
                    continue;
                }
                if new.forgotten && !old.forgotten {
                    return format!("{who} forgets its votes");
                }
                if new.nullify && !old.nullify {
                    return format!("{who} nullifies {place}");
                }
                if new.finalize != old.finalize {
                    return format!("{who} finalizes {} {place}", self.blocks.name(new.finalize));
                }
                let block = if new.second == old.second {
                    new.notarize
                } else {
                    new.second
                };
                return format!("{who} notarizes {} {place}", self.blocks.name(block));
            }
        }
        "nothing".to_owned()
    }

    /// C7, C11, and what must follow: all that is final lies on one chain, and no epoch forgets
    /// any of it. The height of the chain.
    fn check(&self, state: &State) -> Result<usize, String> {
        let mut chains: Vec<Vec<u8>> = Vec::new();
        for round in 0..self.rounds() {
            for block in self.voted(&state.votes[round]) {
                if self.is_committed(&state.votes, round, block) {
                    chains.push(self.blocks.chain(block));
                }
            }
        }
        chains.sort_by_key(Vec::len);
        let named = |chain: &[u8]| self.blocks.name(*chain.first().unwrap_or(&0));
        for pair in chains.windows(2) {
            let (short, long) = (&pair[0], &pair[1]);
            if !long.ends_with(short) {
                return Err(format!("committed {} and {}", named(short), named(long)));
            }
        }
        let forgotten = chains
            .iter()
            .flat_map(|chain| chain.windows(2))
            .find(|pair| {
                let old = self
                    .blocks
                    .made(pair[0])
                    .is_some_and(|made| made < self.model.rounds);
                old && self.blocks.is_epoch(pair[1])
            });
        match forgotten {
            Some(pair) => Err(format!(
                "the next epoch forgets {}",
                self.blocks.name(pair[0])
            )),
            None => Ok(chains.last().map_or(0, Vec::len)),
        }
    }
}

#[cfg(test)]
mod tests;
