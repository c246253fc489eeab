//! C8: a voter without a provable store, whose surroundings the test plays by hand.

use super::bench::{Bench, block};
use super::solo::Solo;
use crate::config::ConsensusConfig;
use crate::consensus::{Input, Output, RecoveryStage};
use crate::crypto::Hash;
use crate::wire::{
    Certificate, GroupMessage, Mode, Parent, Recovery, RoundAnswer, VoteKind, encode,
};
use RecoveryStage::{Asking, NeedsSuccessor, Voting, Waiting};
use VoteKind::{Finalize, Notarize, Nullify};

/// Voter 3 with an empty store that is not proved current.
pub(super) struct Lost {
    pub(super) solo: Solo,
}

impl Lost {
    pub(super) fn of(n: usize, config: &ConsensusConfig) -> Self {
        Self::with(n, Mode::Bft, config)
    }

    fn with(n: usize, mode: Mode, config: &ConsensusConfig) -> Self {
        let own = u8::try_from(n - 1).unwrap().min(3);
        let mut solo = Solo::of(Bench::new(n, mode), own, false, config);
        solo.feed(Input::InReach((0..n as u8).collect()));
        Self { solo }
    }

    fn answer(&self, voter: u8, round: u64) -> RoundAnswer {
        let opened_by = (round > 1).then(|| self.opened(round));
        self.claim(voter, round, opened_by)
    }

    fn opened(&self, round: u64) -> Certificate {
        let voters: Vec<u8> = (0..self.solo.bench.committee.quorum() as u8).collect();
        let bench = &self.solo.bench;
        bench.certificate(&voters, round - 1, Nullify, Hash::ZERO)
    }

    fn claim(&self, voter: u8, round: u64, opened_by: Option<Certificate>) -> RoundAnswer {
        let committee = &self.solo.bench.committee;
        RoundAnswer::sign(
            committee.group,
            committee.epoch,
            self.nonce(),
            self.solo.own,
            voter,
            round,
            opened_by,
            &self.solo.bench.identities[usize::from(voter)],
        )
    }

    /// The nonce of the last question.
    fn nonce(&self) -> u64 {
        let asked = self.solo.sent().into_iter().rev();
        let mut nonces = asked.filter_map(|(_, message)| match message {
            GroupMessage::Recovery(Recovery::Query { nonce, .. }) => Some(nonce),
            _ => None,
        });
        nonces.next().expect("it asked")
    }

    /// Who was asked since the last look.
    fn asked(&mut self) -> Vec<u8> {
        let asked = self.solo.sent().into_iter();
        let asked = asked.filter(|(_, message)| {
            matches!(message, GroupMessage::Recovery(Recovery::Query { .. }))
        });
        asked.map(|(to, _)| to).collect()
    }

    fn feed(&mut self, answer: RoundAnswer) {
        self.solo.feed(Input::RoundAnswered(answer));
    }

    /// These voters are in `round`, and it is nullified up to there.
    pub(super) fn answers(&mut self, voters: &[u8], round: u64) {
        for earlier in 1..round - 1 {
            self.solo.nullified(earlier);
        }
        for voter in voters {
            let answer = self.answer(*voter, round);
            self.feed(answer);
        }
    }

    /// The leader of `round` proposes on the genesis.
    pub(super) fn offer(&mut self, round: u64) {
        let first = self.solo.first(round);
        self.solo
            .proposal(round, Parent::Extends { round: 0 }, &first);
    }

    /// Another voter lost its store and asks.
    pub(super) fn is_asked(&mut self, asker: u8) {
        let epoch = self.solo.bench.committee.epoch;
        let nonce = 77;
        self.solo.feed(Input::RoundAsked {
            asker,
            epoch,
            nonce,
        });
    }

    /// The round that was told last.
    pub(super) fn told(&self) -> Option<u64> {
        told(&self.solo).map(|answer| answer.round)
    }

    fn stages(&self) -> Vec<(u8, RecoveryStage)> {
        let out = self.solo.out.iter();
        out.filter_map(|output| match output {
            Output::Recovery { voter, stage } => Some((*voter, *stage)),
            _ => None,
        })
        .collect()
    }
}

fn told(solo: &Solo) -> Option<RoundAnswer> {
    let sent = solo.sent().into_iter().rev();
    let mut answers = sent.filter_map(|(_, message)| match message {
        GroupMessage::Recovery(Recovery::Answer(answer)) => Some(answer),
        _ => None,
    });
    answers.next()
}

fn lost(n: usize) -> Lost {
    Lost::of(n, &ConsensusConfig::default())
}

#[test]
fn c8_each_size_needs_so_many_answers() {
    for (n, mode, needed) in [
        (2, Mode::Majority, 1),
        (3, Mode::Majority, 2),
        (4, Mode::Bft, 3),
        (5, Mode::Bft, 3),
        (5, Mode::Majority, 3),
        (7, Mode::Bft, 5),
        (10, Mode::Bft, 7),
        (16, Mode::Bft, 11),
    ] {
        let committee = Bench::new(n, mode).committee;
        assert_eq!(committee.answers_needed(), needed, "n = {n}, {mode:?}");
        // So many others answer that one of them is honest and in every quorum.
        let faults = crate::consensus::faults(n, committee.mode);
        let others_of_quorum = committee.quorum() - 1;
        assert_eq!(needed + others_of_quorum, n - 1 + faults + 1);
        assert_eq!(committee.can_recover(1), n > 2, "n = {n}, {mode:?}");
    }
    let four = Bench::new(4, Mode::Bft).committee;
    assert!(!four.can_recover(2), "two of four: no quorum is left");
    let seven = Bench::new(7, Mode::Bft).committee;
    assert!(seven.can_recover(2) && !seven.can_recover(3));
    assert!(!Bench::new(4, Mode::Unanimous).committee.can_recover(1));
}

#[test]
fn c8_answers_are_stored_before_the_first_vote_and_hold_after_a_restart() {
    let mut lost = lost(4);
    lost.solo.stores = false;
    lost.answers(&[0, 1, 2], 1 + 2);
    let answers_batch = *lost.solo.waiting.last().expect("the answers are stored");
    for round in 3..5 {
        lost.solo.nullified(round);
    }
    lost.offer(5);
    lost.solo.nullified(5);
    assert_eq!(lost.solo.waiting.last(), Some(&answers_batch));
    lost.solo.feed(Input::Stored {
        sequence: answers_batch,
    });
    lost.offer(6);
    assert!(
        lost.solo.waiting.last() > Some(&answers_batch),
        "the vote goes to the store"
    );

    let mut lost = self::lost(4);
    lost.answers(&[0, 1, 2], 3);
    assert_eq!(lost.stages(), [(3, Asking), (3, Waiting { floor: 5 })]);
    lost.solo.restart();
    assert_eq!(lost.stages(), [(3, Waiting { floor: 5 })]);
    lost.solo.nullified(3);
    lost.offer(4);
    lost.solo.wait(10_000);
    assert_eq!(lost.solo.cast(), [], "the floor holds");
    lost.solo.nullified(4);
    assert!(lost.stages().contains(&(3, Voting)));
    lost.offer(5);
    assert!(lost.solo.has_cast(5, Notarize));
}

#[test]
fn c8_a_restart_in_the_middle_asks_anew_and_old_answers_do_not_count() {
    let mut lost = lost(4);
    let old = lost.answer(2, 3);
    lost.answers(&[0, 1], 3);
    lost.solo.restart();
    assert!(lost.asked().is_empty(), "nobody is known to be in reach");
    lost.solo.feed(Input::InReach([0, 1, 2].into()));
    assert_eq!(lost.asked(), [0, 1, 2]);
    lost.feed(old);
    for voter in [0, 1] {
        let answer = lost.answer(voter, 3);
        lost.feed(answer);
    }
    assert_eq!(lost.stages(), [(3, Asking)]);
    // A store that is lost again asks again, and never from a lower round on.
    let last = lost.answer(2, 9);
    lost.feed(last);
    assert_eq!(lost.stages().last(), Some(&(3, Waiting { floor: 11 })));
    lost.solo.restart_on(false);
    lost.solo.feed(Input::InReach([0, 1, 2].into()));
    lost.answers(&[0, 1, 2], 4);
    assert_eq!(lost.stages().last(), Some(&(3, Waiting { floor: 11 })));
}

#[test]
fn c8_asks_those_in_reach_with_back_off_until_they_answered() {
    let mut lost = lost(5);
    assert_eq!(lost.asked(), [0, 1, 2, 4]);
    lost.solo.out.clear();
    lost.solo.wait(30_000);
    let asked = lost.asked();
    assert!((6..=10).contains(&(asked.len() / 4)), "{asked:?}");
    let answer = lost.answer(1, 1);
    lost.feed(answer);
    lost.solo.out.clear();
    lost.solo.feed(Input::InReach([0, 1].into()));
    lost.solo.wait(30_000);
    let asked = lost.asked();
    assert!(!asked.is_empty() && asked.iter().all(|to| *to == 0));
    lost.solo.feed(Input::InReach([1].into()));
    assert_eq!(
        lost.solo.consensus.deadline(),
        None,
        "there is nobody to ask"
    );
    lost.solo.out.clear();
    lost.solo.feed(Input::InReach([1, 2].into()));
    assert_eq!(lost.asked(), [2], "whoever comes is asked at once");
}

#[test]
fn c8_a_liar_neither_lifts_the_floor_nor_stops_the_recovery() {
    let mut lost = lost(5);
    let forged = Certificate {
        signatures: crate::wire::BoundedVec::truncating(
            lost.opened(900).signatures.into_vec()[..3].to_vec(),
        ),
        ..lost.opened(900)
    };
    for (round, opened_by) in [
        (900, None),
        (900, Some(lost.opened(3))),
        (900, Some(forged)),
        (2, None),
        (0, None),
        (u64::MAX, Some(lost.opened(3))),
    ] {
        let lie = lost.claim(4, round, opened_by);
        lost.feed(lie);
    }
    assert_eq!(lost.solo.faults(), 6);
    let stolen = RoundAnswer {
        voter: 0,
        ..lost.claim(4, 1, None)
    };
    lost.feed(stolen);
    assert_eq!(lost.solo.faults(), 7, "a signature of somebody else");
    // A true answer that is too low is one of at most f.
    let low = lost.claim(4, 1, None);
    lost.feed(low);
    lost.answers(&[0, 1], 6);
    assert_eq!(lost.stages(), [(3, Asking), (3, Waiting { floor: 8 })]);
}

#[test]
fn c8_an_answer_names_the_round_and_what_opened_it_and_comes_once() {
    let mut solo = super::solo::solo(0);
    let epoch = solo.bench.committee.epoch;
    let ask = |solo: &mut Solo, asker, epoch| {
        solo.feed(Input::RoundAsked {
            asker,
            epoch,
            nonce: 5,
        });
    };
    ask(&mut solo, 3, epoch);
    let answer = told(&solo).expect("it is in the first round");
    assert_eq!((answer.round, answer.asker, answer.voter), (1, 3, 0));
    assert_eq!(solo.bench.committee.verify_answer(&answer), Ok(()));
    solo.nullified(1);
    solo.nullified(2);
    solo.out.clear();
    ask(&mut solo, 3, epoch);
    assert_eq!(told(&solo), None, "not twice in a row");
    ask(&mut solo, 2, Hash([9; 32]));
    ask(&mut solo, 0, epoch);
    ask(&mut solo, 4, epoch);
    assert_eq!(told(&solo), None, "another epoch, itself, a stranger");
    solo.wait(1_000);
    ask(&mut solo, 3, epoch);
    let answer = told(&solo).expect("the pause is over");
    assert_eq!(answer.round, 3);
    assert_eq!(solo.bench.committee.verify_answer(&answer), Ok(()));
    // After a finalization that sync brought, that one is the proof.
    let far = Hash([5; 32]);
    let certificate = solo.certify(20, Finalize, far);
    solo.feed(Input::Installed(crate::consensus::Finalized {
        height: 7,
        block: far,
        round: 20,
        certificate: Some(certificate),
    }));
    solo.out.clear();
    ask(&mut solo, 2, epoch);
    let answer = told(&solo).expect("it is in round 21");
    assert_eq!(answer.round, 21);
    assert_eq!(solo.bench.committee.verify_answer(&answer), Ok(()));
}

#[test]
fn c8_of_two_nobody_recovers_and_both_say_so() {
    let config = ConsensusConfig::default();
    let mut lost = Lost::with(2, Mode::Majority, &config);
    assert_eq!(lost.stages(), [(1, NeedsSuccessor)]);
    let answer = lost.claim(0, 1, None);
    lost.feed(answer);
    lost.offer(1);
    lost.solo.wait(20_000);
    assert_eq!(lost.solo.cast(), []);
    let waits = |solo: &Solo| solo.consensus.recovery_waits();
    assert!(waits(&lost.solo)[0].0.contains("successor"));

    let mut other = Solo::of(Bench::new(2, Mode::Majority), 0, true, &config);
    let epoch = other.bench.committee.epoch;
    other.feed(Input::RoundAsked {
        asker: 1,
        epoch,
        nonce: 1,
    });
    assert!(other.out.contains(&Output::Recovery {
        voter: 1,
        stage: NeedsSuccessor
    }));
    assert_eq!(
        waits(&other),
        [("a successor group: a store was lost", vec![1])]
    );
}

#[test]
fn c8_others_say_who_lost_his_store_until_he_votes_again() {
    let mut solo = super::solo::solo(0);
    let epoch = solo.bench.committee.epoch;
    let stage = |voter, stage| Output::Recovery { voter, stage };
    let ask = |solo: &mut Solo, asker| {
        solo.feed(Input::RoundAsked {
            asker,
            epoch,
            nonce: 5,
        });
    };
    ask(&mut solo, 3);
    assert!(solo.out.contains(&stage(3, Asking)));
    ask(&mut solo, 2);
    let stuck = stage(2, NeedsSuccessor);
    assert!(solo.out.contains(&stuck) && solo.out.contains(&stage(3, NeedsSuccessor)));
    solo.out.clear();
    solo.vote(3, 2, Nullify, Hash::ZERO);
    assert!(!solo.out.contains(&stage(3, Voting)), "a vote of before");
    solo.vote(3, 3, Nullify, Hash::ZERO);
    assert!(solo.out.contains(&stage(3, Voting)));
    assert!(
        solo.out.contains(&stage(2, Asking)),
        "its turn is possible again"
    );
}

#[test]
fn c8_a_record_that_was_cut_makes_the_store_unproved() {
    let mut solo = super::solo::solo(3);
    let a = solo.first(1);
    solo.proposal(1, Parent::Extends { round: 0 }, &a);
    let vote = solo.bench.vote(3, 1, Notarize, solo.hash(&a));
    let key = solo.disk.iter().find(|(_, value)| **value == encode(&vote));
    let key = key.expect("the vote is stored").0.clone();
    let whole = solo.disk[&key].clone();
    for len in 0..whole.len() {
        solo.disk.insert(key.clone(), whole[..len].to_vec());
        solo.restart();
        assert!(solo.consensus.recovery().is_some(), "{len} bytes");
        assert!(!solo.disk.contains_key(&key), "it is removed");
        solo.disk.retain(|other, _| other[0] != b'r');
    }
    solo.disk.insert(key.clone(), whole);
    solo.restart();
    assert_eq!(solo.consensus.recovery(), None);
}

#[test]
fn c8_the_next_epoch_opens_with_what_this_one_proves() {
    let proof = |solo: &Solo, acted| solo.consensus.proof_in_next_epoch(acted).current;
    let whole = super::solo::solo(0);
    assert!(proof(&whole, false));
    let mut lost = lost(4);
    assert!(!proof(&lost.solo, false));
    lost.answers(&[0, 1, 2], 1 + 1);
    assert!(!proof(&lost.solo, false), "he asks anew");
    assert!(proof(&lost.solo, true), "until the group knows his new run");
}

#[test]
fn c8_whoever_lost_its_store_follows_meanwhile() {
    let mut lost = lost(4);
    let mut parent = lost.solo.bench.committee.epoch;
    for round in 1..=10 {
        let next = block(round, parent, parent, &[round]);
        parent = lost.solo.hash(&next);
        lost.solo.certify(round, Notarize, parent);
        lost.solo.certify(round, Finalize, parent);
        lost.solo.feed(Input::Body(next));
    }
    assert_eq!(lost.solo.consensus.finalized().height, 10);
    assert_eq!(lost.solo.cast(), []);
}

#[cfg(feature = "planted")]
#[test]
fn a_planted_voter_answers_below_its_floor() {
    let config = ConsensusConfig {
        plant: Some(crate::config::Plant::RecoveringVoterAnswers),
        ..ConsensusConfig::default()
    };
    for (config, answers) in [(config, Some(1)), (ConsensusConfig::default(), None)] {
        let mut lost = Lost::of(4, &config);
        lost.is_asked(2);
        assert_eq!(lost.told(), answers);
    }
}
