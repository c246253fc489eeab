use std::sync::atomic::Ordering;

use super::*;
use crate::group::fixture::{PHASE, Pen, REFUSE, ROLL, Room, Tip, add, guarded};
use crate::group::randomness::Reveals;
use crate::group::{Executed, Pool};

const MAX: usize = 8;

/// Key, value before, value now.
type Patch = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);

/// One phone: its submissions and the committed chain.
struct Phone {
    room: Room,
    tip: Tip,
    own: Submissions,
    store: BTreeMap<u64, Vec<u8>>,
    other: Pen,
}

impl Phone {
    fn new() -> Self {
        let room = Room::new(4);
        let tip = room.head();
        let peer = room.identities[0].peer();
        let own = Submissions::new(room.genesis(), peer, RunId(1), MAX, 0, tip.state.clone());
        let other = room.pen(1);
        Self {
            room,
            tip,
            own,
            store: BTreeMap::new(),
            other,
        }
    }

    fn submit(&mut self, payload: Vec<u8>) -> SubmissionId {
        self.own
            .submit(payload, Vec::new(), Validity::default())
            .unwrap()
    }

    fn depend(&mut self, payload: Vec<u8>, on: &[SubmissionId]) -> SubmissionId {
        self.own
            .submit(payload, on.to_vec(), Validity::default())
            .unwrap()
    }

    fn sign(&mut self) -> usize {
        let identity = self.room.identities[0].clone();
        self.own
            .sign(&identity, &self.room.executor, Frontier::new(), |_| true)
    }

    /// Stores what is to be stored and gives what may be sent.
    fn store(&mut self) -> Vec<SignedAction> {
        let Some(batch) = self.own.take_store() else {
            return Vec::new();
        };
        self.store.extend(batch.puts);
        for key in batch.deletes {
            self.store.remove(&key);
        }
        assert!(self.own.take_store().is_none());
        batch.signed
    }

    fn restart(&mut self, run: u64) {
        let records: Vec<_> = self.store.clone().into_iter().collect();
        self.own = Submissions::restore(
            self.room.genesis(),
            self.room.identities[0].peer(),
            RunId(run),
            MAX,
            self.tip.height,
            self.tip.state.clone(),
            &records,
        );
    }

    fn commit(&mut self, set: Vec<SignedAction>) -> Executed {
        let (_, executed) = self
            .tip
            .build(&self.room.executor, set, &Reveals::default())
            .unwrap();
        executed
    }

    /// A final block of these actions.
    fn finalize(&mut self, set: Vec<SignedAction>) {
        let executed = self.commit(set);
        self.own.settle(self.tip.height, &executed.fates);
        self.own.rebase(self.tip.state.clone(), self.tip.height);
    }

    fn fates(&mut self) -> Vec<(SubmissionId, Fate)> {
        self.own.take_fates(&self.room.executor)
    }

    fn patches(&mut self) -> Vec<Patch> {
        let patches = self.own.take_patches(&self.room.executor);
        patches
            .into_iter()
            .map(|patch| (patch.key, patch.old, patch.new))
            .collect()
    }

    fn view(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.own
            .state(&self.room.executor)
            .get(key)
            .map(<[u8]>::to_vec)
    }

    fn listed(&mut self) -> Vec<(SubmissionId, Fate)> {
        let pending = self.own.pending(&self.room.executor);
        pending
            .into_iter()
            .map(|pending| (pending.submission, pending.fate))
            .collect()
    }
}

fn conflicted(now: u8) -> Fate {
    Fate::Conflicted { reason: moved(now) }
}

fn moved(now: u8) -> Reason {
    Reason::Rules {
        code: 2,
        detail: Bytes::truncating(vec![now]),
    }
}

const MINE: &[u8] = b"m\0";

#[test]
fn an_own_action_shows_at_once_and_its_commit_changes_nothing_more() {
    let mut phone = Phone::new();
    let id = phone.submit(add(3));
    assert_eq!(phone.view(MINE), Some(vec![3]));
    assert_eq!(phone.own.committed.get(MINE), None);
    assert_eq!(phone.fates(), [(id, Fate::Intent)]);
    let patches = phone.patches();
    assert_eq!(patches.len(), 2, "the sum and what came last: {patches:?}");
    assert_eq!(patches[1], (MINE.to_vec(), None, Some(vec![3])));
    assert_eq!(phone.sign(), 1);
    assert_eq!(phone.fates(), [(id, Fate::Pending)]);
    let signed = phone.store();
    assert_eq!(phone.own.unsettled(), signed);
    phone.finalize(signed);
    assert_eq!(phone.fates(), [(id, Fate::Committed { height: 1 })]);
    assert_eq!(phone.fates(), []);
    assert_eq!(phone.patches(), []);
    assert!(phone.own.is_idle());
    assert_eq!(phone.listed(), []);
    assert_eq!(phone.store(), []);
    assert_eq!(phone.store.keys().copied().collect::<Vec<_>>(), [CHAIN_KEY]);
}

#[test]
fn patches_are_minimal_and_coalesced() {
    let mut phone = Phone::new();
    let mut set = Vec::new();
    for _ in 0..5 {
        set.push(phone.other.write(&add(1)));
    }
    for action in set {
        phone.finalize(vec![action]);
    }
    let changed: Vec<_> = phone.patches().into_iter().map(|(key, ..)| key).collect();
    assert_eq!(changed, [b"last".to_vec(), b"m\x01".to_vec()]);
    // There and back again is no change.
    phone.submit(add(7));
    let id = phone.submit(guarded(1, 0));
    phone.own.withdraw(id).unwrap();
    phone.own.withdraw(SubmissionId(1)).unwrap();
    assert_eq!(phone.patches(), []);
}

#[test]
fn a_commit_of_another_replays_what_is_pending() {
    let mut phone = Phone::new();
    let guard = phone.submit(guarded(1, 0));
    let plain = phone.submit(add(3));
    let depends = phone.depend(add(4), &[guard]);
    phone.fates();
    assert_eq!(phone.view(MINE), Some(vec![7]));
    let other = phone.other.write(&guarded(5, 0));
    phone.finalize(vec![other]);
    // A rejection takes along exactly what depends on it.
    let dependency = Fate::Conflicted {
        reason: Reason::Dependency { number: 0 },
    };
    assert_eq!(
        phone.fates(),
        [(guard, conflicted(5)), (depends, dependency)]
    );
    assert_eq!(phone.view(MINE), Some(vec![3]));
    assert_eq!(phone.view(b"sum"), Some(vec![5]));
    phone.sign();
    let signed = phone.store();
    phone.finalize(signed);
    let rejected = |reason| Fate::Rejected { height: 2, reason };
    let fates: BTreeMap<_, _> = phone.fates().into_iter().collect();
    assert_eq!(fates[&guard], rejected(moved(5)));
    assert_eq!(fates[&plain], Fate::Committed { height: 2 });
    assert_eq!(fates[&depends], rejected(Reason::Dependency { number: 1 }));
    assert_eq!(fates.len(), 3);
    // Rejected ones stay until they are acknowledged.
    assert_eq!(phone.listed().len(), 2);
    phone.own.acknowledge(guard).unwrap();
    phone.own.acknowledge(depends).unwrap();
    assert_eq!(phone.listed(), []);
    assert_eq!(
        phone.own.acknowledge(guard),
        Err(CommandError::UnknownSubmission)
    );
}

#[test]
fn a_conflict_may_pass_and_is_told_both_ways() {
    let mut phone = Phone::new();
    let id = phone.submit(guarded(1, 5));
    assert_eq!(phone.fates(), [(id, conflicted(0))]);
    phone.own.acknowledge(id).unwrap();
    assert_eq!(phone.listed(), []);
    let other = phone.other.write(&guarded(5, 0));
    phone.finalize(vec![other]);
    assert_eq!(phone.fates(), [(id, Fate::Intent)]);
    // It counts again, so it is listed again.
    assert_eq!(phone.listed().len(), 1);
    assert_eq!(phone.view(b"sum"), Some(vec![6]));
}

#[test]
fn what_changes_twice_before_anybody_looks_is_told_once() {
    let mut phone = Phone::new();
    let id = phone.submit(guarded(1, 0));
    phone.sign();
    let signed = phone.store();
    let other = phone.other.write(&guarded(5, 0));
    phone.finalize(vec![other]);
    phone.finalize(signed);
    let rejected = Fate::Rejected {
        height: 2,
        reason: moved(5),
    };
    assert_eq!(phone.fates(), [(id, rejected)]);
    assert_eq!(phone.fates(), []);
}

#[test]
fn intents_are_withdrawn_with_what_depends_on_them() {
    let mut phone = Phone::new();
    let first = phone.submit(add(1));
    phone.sign();
    let second = phone.depend(add(2), &[first]);
    let third = phone.depend(add(4), &[second]);
    let fourth = phone.submit(add(8));
    let fifth = phone.depend(add(16), &[third, fourth]);
    phone.store();
    assert_eq!(phone.own.withdraw(first), Err(CommandError::AlreadySigned));
    assert_eq!(
        phone.own.withdraw(SubmissionId(77)),
        Err(CommandError::UnknownSubmission)
    );
    assert_eq!(phone.own.withdraw(second), Ok(vec![second, third, fifth]));
    assert_eq!(phone.view(MINE), Some(vec![9]));
    phone.store();
    let kept: Vec<_> = phone.store.keys().copied().collect();
    assert_eq!(kept, [CHAIN_KEY, first.0, fourth.0]);
}

#[test]
fn what_may_not_be_signed_holds_up_only_what_depends_on_it() {
    let mut phone = Phone::new();
    phone.submit(add(1));
    let held = phone.submit(PHASE.to_vec());
    phone.submit(add(2));
    phone.depend(add(4), &[held]);
    let identity = phone.room.identities[0].clone();
    let may = |payload: &ActionPayload| match payload {
        ActionPayload::Rules(payload) => payload.first() == Some(&0),
        ActionPayload::Missing { .. } => true,
    };
    let executor = phone.room.executor();
    let sign = |phone: &mut Phone| {
        let none = Frontier::new();
        phone.own.sign(&identity, &executor, none, may)
    };
    assert_eq!(sign(&mut phone), 2);
    assert_eq!(sign(&mut phone), 0);
    assert!(phone.own.has_intents());
    assert_eq!(phone.sign(), 2, "what depends on it comes after it");
    let signed = phone.store();
    let payloads: Vec<_> = signed
        .iter()
        .map(|signed| match &signed.action.payload {
            ActionPayload::Rules(payload) => (signed.action.number, payload.to_vec()),
            ActionPayload::Missing { .. } => unreachable!("nobody is missing"),
        })
        .collect();
    let order = [(1, add(1)), (2, add(2)), (3, PHASE.to_vec()), (4, add(4))];
    assert_eq!(payloads, order);
    assert_eq!(phone.commit(signed).fates.len(), 4);
}

#[test]
fn limits_hold_at_their_edges() {
    let mut phone = Phone::new();
    let submit = |phone: &mut Phone, len, on: Vec<SubmissionId>| {
        phone.own.submit(vec![0; len], on, Validity::default())
    };
    let max = ACTION_PAYLOAD_LEN_MAX;
    let too_long = CommandError::PayloadTooLong { len: max + 1, max };
    assert_eq!(submit(&mut phone, max + 1, Vec::new()), Err(too_long));
    let id = submit(&mut phone, max, Vec::new()).unwrap();
    assert_eq!(
        submit(&mut phone, 1, vec![SubmissionId(9)]),
        Err(CommandError::UnknownSubmission)
    );
    let too_many = CommandError::TooManyDependencies { len: 9, max: 8 };
    assert_eq!(submit(&mut phone, 1, vec![id; 9]), Err(too_many));
    assert!(submit(&mut phone, 1, vec![id; 8]).is_ok());
    for _ in 2..MAX {
        phone.submit(add(1));
    }
    phone.own.say_missing(1, 2);
    let full = CommandError::TooManyPending { max: MAX };
    assert_eq!(submit(&mut phone, 1, Vec::new()), Err(full));
    phone.own.withdraw(SubmissionId(2)).unwrap();
    assert!(submit(&mut phone, 1, Vec::new()).is_ok());
}

#[test]
fn refusals_that_nobody_acknowledges_block_nothing() {
    let mut phone = Phone::new();
    for round in 0..3 * MAX {
        let id = phone.submit(REFUSE.to_vec());
        phone.sign();
        let signed = phone.store();
        phone.finalize(signed);
        let fates = phone.fates();
        assert!(
            matches!(&fates[..], [(one, Fate::Rejected { .. })] if *one == id),
            "{round}: {fates:?}"
        );
    }
    assert_eq!(phone.listed().len(), MAX);
    assert!(phone.own.is_idle());
}

#[test]
fn calling_a_voter_missing_is_not_the_users_business() {
    let mut phone = Phone::new();
    phone.own.say_missing(1, 2);
    assert_eq!(phone.fates(), []);
    assert_eq!(phone.listed(), []);
    assert_eq!(phone.patches(), []);
    assert!(!phone.own.is_idle());
    phone.sign();
    let signed = phone.store();
    phone.finalize(signed);
    assert!(phone.own.is_idle());
    assert_eq!(phone.fates(), []);
    assert_eq!(
        phone.own.withdraw(SubmissionId(1)),
        Err(CommandError::UnknownSubmission)
    );
}

#[test]
fn a_restart_keeps_intents_numbers_and_names() {
    let mut phone = Phone::new();
    let first = phone.submit(add(1));
    phone.sign();
    let intent = phone.depend(add(2), &[first]);
    let signed = phone.store();
    phone.restart(99);
    assert_eq!(
        phone.listed(),
        [(first, Fate::Pending), (intent, Fate::Intent)]
    );
    assert_eq!(phone.view(MINE), Some(vec![3]));
    assert_eq!(phone.own.unsettled(), signed);
    phone.sign();
    let more = phone.store();
    assert_eq!(more[0].action.number, 2);
    assert_eq!(more[0].action.run, RunId(1));
    assert_eq!(more[0].action.dependencies[..], [1]);
    let next = phone.submit(add(4));
    assert_eq!(next, SubmissionId(3));
    phone.finalize([signed, more].concat());
    assert_eq!(phone.own.committed.get(MINE), Some(&[3][..]));
}

#[test]
fn what_got_its_fate_while_the_phone_was_away_settles_by_the_record() {
    let mut phone = Phone::new();
    let applied = phone.submit(add(1));
    let refused = phone.submit(REFUSE.to_vec());
    phone.sign();
    let pending = phone.submit(add(2));
    let signed = phone.store();
    // Blocks of which this phone saw none, then a snapshot.
    phone.commit(signed);
    for _ in 0..3 {
        let other = phone.other.write(&add(1));
        phone.commit(vec![other]);
    }
    phone.restart(1);
    let rejected = Fate::Rejected {
        height: 4,
        reason: Reason::Rules {
            code: 9,
            detail: Bytes::new(),
        },
    };
    let committed = Fate::Committed { height: 4 };
    let fates = phone.fates();
    assert_eq!(
        fates,
        [
            (applied, committed),
            (refused, rejected),
            (pending, Fate::Intent)
        ]
    );
    assert_eq!(phone.fates(), []);
}

#[test]
fn a_closed_run_needs_a_new_one() {
    let mut phone = Phone::new();
    let id = phone.submit(add(1));
    phone.sign();
    let signed = phone.store();
    // A clone of this phone began another run.
    let mut clone = phone.room.pen(0);
    let other = clone.write(&add(9));
    phone.finalize(signed);
    let late = phone.submit(add(1));
    phone.sign();
    phone.finalize(vec![other]);
    assert!(phone.own.needs_run());
    let fates: BTreeMap<_, _> = phone.fates().into_iter().collect();
    assert_eq!(fates[&id], Fate::Committed { height: 1 });
    assert_eq!(fates[&late], Fate::Unknown);
    let again = phone.submit(add(2));
    assert_eq!(phone.sign(), 0);
    phone.own.set_run(RunId(8));
    assert!(!phone.own.needs_run());
    assert_eq!(phone.sign(), 1);
    let signed = phone.store().pop().unwrap();
    assert_eq!((signed.action.run, signed.action.number), (RunId(8), 1));
    phone.finalize(vec![signed]);
    assert!(
        phone
            .fates()
            .contains(&(again, Fate::Committed { height: 3 }))
    );
}

#[test]
fn a_doubled_number_rejects_what_follows_it() {
    let mut phone = Phone::new();
    let first = phone.submit(add(1));
    let second = phone.submit(add(2));
    phone.sign();
    let signed = phone.store();
    let mut clone = phone.room.pen(0);
    clone.run = RunId(1);
    let twin = clone.write(&add(5));
    phone.finalize(vec![signed[0].clone(), twin]);
    let rejected = Fate::Rejected {
        height: 1,
        reason: Reason::Equivocation,
    };
    assert_eq!(
        phone.fates(),
        [(first, rejected.clone()), (second, rejected)]
    );
    assert!(phone.own.needs_run());
}

#[test]
fn an_observer_signs_nothing() {
    let room = Room::new(4);
    let stranger = Identity::with_scheme([77; 32], room.scheme.clone());
    let state = room.head().state;
    let mut own = Submissions::new(room.genesis(), stranger.peer(), RunId(1), MAX, 0, state);
    let id = own.submit(add(1), Vec::new(), Validity::default()).unwrap();
    let none = Frontier::new();
    assert_eq!(own.sign(&stranger, &room.executor, none, |_| true), 0);
    let conflicted = Fate::Conflicted {
        reason: Reason::NotMember,
    };
    assert_eq!(own.take_fates(&room.executor), [(id, conflicted)]);
}

#[test]
fn fifty_commits_cost_one_replay_and_a_submission_one_step() {
    let room = Room::new(4);
    let mut tip = room.head();
    let peer = room.identities[0].peer();
    let mut own = Submissions::new(room.genesis(), peer, RunId(1), 200, 0, tip.state.clone());
    let applied = || room.rules.applied.load(Ordering::Relaxed);
    for _ in 0..200 {
        own.submit(add(1), Vec::new(), Validity::default()).unwrap();
        let before = applied();
        own.state(&room.executor);
        assert_eq!(applied(), before + 1);
    }
    let mut pen = room.pen(1);
    for _ in 0..50 {
        let set = vec![pen.write(&add(1))];
        let (_, executed) = tip.build(&room.executor, set, &Reveals::default()).unwrap();
        let before = applied();
        own.settle(tip.height, &executed.fates);
        own.rebase(tip.state.clone(), tip.height);
        assert_eq!(applied(), before);
    }
    let before = applied();
    assert_eq!(own.state(&room.executor).get(MINE), Some(&[200][..]));
    own.pending(&room.executor);
    own.take_patches(&room.executor);
    assert_eq!(applied(), before + 200);
}

#[test]
fn a_second_roll_is_foreseen_to_be_refused() {
    let mut phone = Phone::new();
    phone.submit(ROLL.to_vec());
    let second = phone.submit(ROLL.to_vec());
    let fates: BTreeMap<_, _> = phone.fates().into_iter().collect();
    assert!(matches!(fates[&second], Fate::Conflicted { .. }));
}

mod apart;
mod properties;
mod restart;
