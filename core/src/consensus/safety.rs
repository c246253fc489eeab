//! The only code that may approve a vote.

use std::collections::BTreeMap;

use super::mask::{InForce, Sentence};
use crate::crypto::Hash;
use crate::wire::{VoteKind, VoteStatement};

/// Own votes of one round, stored or on their way to the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cast {
    /// The block that was notarized.
    pub notarize: Option<Hash>,
    /// Whether the round was nullified.
    pub nullify: bool,
    /// The block that was finalized.
    pub finalize: Option<Hash>,
}

/// Own votes by round, from the last finalization on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ledger {
    rounds: BTreeMap<u64, Cast>,
    closed: u64,
}

/// What the voter knows of what it is asked to vote for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The voter's current round.
    pub round: u64,
    /// Up to this round the ledger is closed.
    pub closed: u64,
    /// The block is the one that the leader of that round proposed here first.
    pub first_of_leader: bool,
    /// The named parent's notarization is here.
    pub parent_notarized: bool,
    /// So is a nullification for every round between.
    pub gaps_nullified: bool,
    /// The named parent is the voter's own highest notarized block: not asked for.
    pub parent_highest: bool,
    /// The body is here and goes into the same atomic write as the vote.
    pub body_held: bool,
    /// Own execution gives the block's root.
    pub executed: bool,
    /// The block is notarized in the round of the vote.
    pub notarized: bool,
    /// The highest round that others told this voter since it lost its store (C8).
    pub answered: Option<u64>,
    /// The store is not proved current, and too few others have told their round.
    pub unanswered: bool,
}

/// The sentence that a vote would break.
pub type Objection = Sentence;

/// Approves a vote or names the sentence that forbids it. A vote that was cast already is no new
/// vote: it is repeated from the ledger, never approved again.
pub fn approve(
    vote: &VoteStatement,
    cast: Cast,
    facts: &Facts,
    rules: InForce,
) -> Result<(), Objection> {
    use Sentence as S;
    let demand = |holds: bool, sentence: S| {
        if holds || !rules.has(sentence) {
            Ok(())
        } else {
            Err(sentence)
        }
    };
    // Two sentences permit: without them the vote would need one thing more.
    let permit = |holds: bool, sentence: S| {
        if holds || rules.has(sentence) {
            Ok(())
        } else {
            Err(sentence)
        }
    };
    demand(!facts.unanswered, S::EnoughAnswers)?;
    if vote.round < floor(facts.answered, rules) {
        return Err(S::FloorTwoAbove);
    }
    demand(vote.round > facts.closed, S::LedgerClosed)?;
    match vote.kind {
        VoteKind::Notarize => {
            demand(vote.round == facts.round, S::CurrentRound)?;
            demand(cast.notarize.is_none(), S::FirstProposal)?;
            demand(facts.first_of_leader, S::LeaderOnly)?;
            demand(facts.parent_notarized, S::ParentNotarized)?;
            demand(facts.gaps_nullified, S::VoterGaps)?;
            demand(facts.body_held, S::BodyStored)?;
            demand(facts.executed, S::RootMatches)?;
            permit(facts.parent_highest, S::AnyParent)
        }
        VoteKind::Nullify => {
            demand(vote.round == facts.round, S::TimersStop)?;
            demand(cast.finalize.is_none(), S::NoNullifyAfterFinalize)?;
            permit(cast.notarize.is_none(), S::NotarizeAndNullify)
        }
        VoteKind::Finalize => {
            demand(facts.notarized, S::FinalizeNotarized)?;
            demand(cast.finalize.is_none(), S::OneFinalize)?;
            demand(facts.executed, S::FinalizeExecuted)?;
            demand(!cast.nullify, S::NoFinalizeAfterNullify)
        }
    }
}

/// C8: the first round in which a voter may vote that was told `answered` as the highest round. In
/// each round that it can have voted in before, all but one above the highest one that an honest
/// answer names, a quorum had been.
pub fn floor(answered: Option<u64>, rules: InForce) -> u64 {
    let above = 1 + u64::from(rules.has(Sentence::FloorTwoAbove));
    answered.map_or(0, |highest| highest.saturating_add(above))
}

/// C8: approves that a voter in `facts.round` tells it to one that lost its store. Below its own floor
/// a voter does not know how far it voted.
pub fn approve_answer(facts: &Facts, rules: InForce) -> Result<(), Objection> {
    let knows = !facts.unanswered && facts.round >= floor(facts.answered, rules);
    if knows || !rules.has(Sentence::RecoveringSilent) {
        Ok(())
    } else {
        Err(Sentence::RecoveringSilent)
    }
}

impl Ledger {
    /// What was cast in `round`.
    pub fn cast(&self, round: u64) -> Cast {
        self.rounds.get(&round).copied().unwrap_or_default()
    }

    /// Whether exactly `vote` was cast.
    pub fn holds(&self, vote: &VoteStatement) -> bool {
        let cast = self.cast(vote.round);
        match vote.kind {
            VoteKind::Notarize => cast.notarize == Some(vote.block),
            VoteKind::Nullify => cast.nullify,
            VoteKind::Finalize => cast.finalize == Some(vote.block),
        }
    }

    /// Enters a vote.
    pub fn enter(&mut self, vote: &VoteStatement) {
        let cast = self.rounds.entry(vote.round).or_default();
        match vote.kind {
            VoteKind::Notarize => cast.notarize = Some(vote.block),
            VoteKind::Nullify => cast.nullify = true,
            VoteKind::Finalize => cast.finalize = Some(vote.block),
        }
    }

    /// Enters a vote that is known from others only: this ledger is not the whole truth about that
    /// round and those below, so they are closed. What is entered stays as it is.
    pub fn recall(&mut self, vote: &VoteStatement) {
        self.closed = vote.round.max(self.closed);
        let cast = self.rounds.entry(vote.round).or_default();
        match vote.kind {
            VoteKind::Notarize => cast.notarize = cast.notarize.or(Some(vote.block)),
            VoteKind::Nullify => cast.nullify = true,
            VoteKind::Finalize => cast.finalize = cast.finalize.or(Some(vote.block)),
        }
    }

    /// Closes the rounds below the last one with a vote, after a restart. That round itself stays
    /// open for what goes with the votes in it: where its leader died, nothing else may end it.
    pub fn close_below_last(&mut self) {
        if let Some((last, _)) = self.rounds.last_key_value() {
            self.closed = self.closed.max(last.saturating_sub(1));
        }
    }

    /// No new vote is cast in this round and those below.
    pub fn closed(&self) -> u64 {
        self.closed
    }

    /// Forgets rounds up to `round`: they are decided for ever.
    pub fn prune(&mut self, round: u64) {
        self.closed = round.max(self.closed);
        self.rounds = self.rounds.split_off(&(round + 1));
    }

    /// The highest round with a vote.
    pub fn last(&self) -> Option<u64> {
        self.rounds.last_key_value().map(|(round, _)| *round)
    }

    /// Rounds with votes, ascending.
    pub fn rounds(&self) -> impl Iterator<Item = (u64, Cast)> + '_ {
        self.rounds.iter().map(|(round, cast)| (*round, *cast))
    }
}
