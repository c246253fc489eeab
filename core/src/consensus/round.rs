//! One round as a table: where the voter stands, what happened, what follows.
//!
//! The table decides when something is asked of the voter; whether a vote may be given is decided
//! by [`super::safety`] alone.

use super::mask::{InForce, Sentence};

/// Where a voter stands in its current round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// There is no work: no timer runs (C2).
    Asleep,
    /// Waiting for the leader's proposal.
    Waiting,
    /// The leader's first proposal is here and being judged.
    Judging,
    /// It was notarized.
    Voted,
    /// It was refused.
    Refused,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// There is work.
    Work,
    /// There is no work any more.
    Rest,
    /// The leader's proposal came.
    Proposal,
    /// The proposal is sound: everything that C4 asks for is here.
    Sound,
    /// A parent, certificate or body is missing.
    Lacking,
    /// The proposal breaks a rule.
    Unsound,
    /// It cannot be judged now.
    Busy,
    /// The leader was silent for 2D, or it is dead (C1).
    LeaderTimeout,
    /// The round did not end within 3D.
    AdvanceTimeout,
    /// So many nullified or refused, or the leader gave up, that nothing can be finalized in this
    /// round: waiting longer gains nothing.
    Hopeless,
    /// A notarization of this round or a later one.
    Notarization,
    /// A nullification of this round or a later one.
    Nullification,
    /// A finalization of this round or a later one.
    Finalization,
}

/// What the voter has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Start the timers of this round.
    StartTimers,
    /// Stop them.
    StopTimers,
    /// Cast notarize for the proposal.
    Notarize,
    /// Cast nullify for the round.
    Nullify,
    /// Tell the leader why not.
    Refuse,
    /// Fetch what is missing, then judge again.
    Fetch,
    /// Enter the round after the certificate's.
    EnterNext,
}

/// The step after `event`, and what to do.
pub fn apply(step: Step, event: Event, rules: InForce) -> (Step, &'static [Act]) {
    use Act as A;
    use Event as E;
    use Step as S;
    match (step, event) {
        // C2: rounds run only when there is work; timers start from the wake-up.
        (S::Asleep, E::Work) => (S::Waiting, &[A::StartTimers]),
        (S::Waiting, E::Rest) => (S::Asleep, &[A::StopTimers]),
        (S::Waiting | S::Judging | S::Voted | S::Refused, E::Work) => (step, &[]),
        (S::Asleep | S::Judging | S::Voted | S::Refused, E::Rest) => (step, &[]),

        // C4: only the leader's first proposal is judged.
        (S::Asleep, E::Proposal) => (S::Judging, &[A::StartTimers]),
        (S::Waiting, E::Proposal) => (S::Judging, &[]),
        (S::Judging | S::Voted | S::Refused, E::Proposal) => (step, &[]),

        // C4: it is notarized, fetched for, put off or refused.
        (S::Judging, E::Sound) => (S::Voted, &[A::Notarize]),
        (S::Judging, E::Lacking) => (S::Judging, &[A::Fetch]),
        (S::Judging, E::Busy) => (S::Judging, &[A::Refuse]),
        (S::Judging, E::Unsound) => (S::Refused, &[A::Refuse, A::Nullify]),
        (S::Asleep | S::Waiting | S::Voted | S::Refused, E::Sound) => (step, &[]),
        (S::Asleep | S::Waiting | S::Voted | S::Refused, E::Lacking) => (step, &[]),
        (S::Asleep | S::Waiting | S::Voted | S::Refused, E::Busy) => (step, &[]),
        (S::Asleep | S::Waiting | S::Voted | S::Refused, E::Unsound) => (step, &[]),

        // C6: on expiry nullify; the leader timer ends with the proposal.
        (S::Waiting, E::LeaderTimeout) if !rules.has(Sentence::LeaderTimeout) => (step, &[]),
        (S::Waiting, E::LeaderTimeout) => (step, &[A::Nullify]),
        (S::Asleep | S::Judging | S::Voted | S::Refused, E::LeaderTimeout) => (step, &[]),
        (_, E::AdvanceTimeout) if !rules.has(Sentence::AdvanceTimeout) => (step, &[]),
        (S::Waiting | S::Judging | S::Voted | S::Refused, E::AdvanceTimeout) => {
            (step, &[A::Nullify])
        }
        (S::Waiting | S::Judging | S::Voted | S::Refused, E::Hopeless) => (step, &[A::Nullify]),
        (S::Asleep, E::AdvanceTimeout | E::Hopeless) => (step, &[]),

        // C5, C7: a certificate ends the round, wherever the voter stands. Timers stop on leaving.
        (_, E::Notarization) if !rules.has(Sentence::NotarizationMoves) => (step, &[]),
        (_, E::Nullification) if !rules.has(Sentence::NullificationMoves) => (step, &[]),
        (
            S::Asleep | S::Waiting | S::Judging | S::Voted | S::Refused,
            E::Notarization | E::Nullification | E::Finalization,
        ) if !rules.has(Sentence::TimersStop) => (S::Asleep, &[A::EnterNext]),
        (
            S::Asleep | S::Waiting | S::Judging | S::Voted | S::Refused,
            E::Notarization | E::Nullification | E::Finalization,
        ) => (S::Asleep, &[A::StopTimers, A::EnterNext]),
    }
}
