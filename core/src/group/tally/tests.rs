//! The tally of one phone: what it shows, stores, sends and refuses.

use std::sync::Arc;

use super::*;
use crate::crypto::Signature;
use crate::group::fixture::Cheap;

const GROUP: GroupId = GroupId([3; 16]);
const MEMBERS: u8 = 3;
const RUN: RunId = RunId(1000);

fn identity(index: u8) -> Identity {
    Identity::with_scheme([index + 1; 32], Arc::new(Cheap))
}

fn setup(own: u8, run: RunId) -> TallySetup {
    TallySetup {
        identity: identity(own),
        own,
        run,
        group: GROUP,
        members: (0..MEMBERS).map(|index| identity(index).peer()).collect(),
    }
}

/// A phone with its store and what it wished for.
struct Phone {
    tally: Tally,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    now: Instant,
    spread: Vec<Counts>,
    sent: Vec<(u8, Counts)>,
    asked: Vec<u8>,
    values: Vec<i64>,
    faults: Vec<(Option<PeerId>, PeerFault)>,
    unstored: Vec<u64>,
}

impl Phone {
    fn new(own: u8) -> Self {
        Self::with(own, RUN, BTreeMap::new())
    }

    fn with(own: u8, run: RunId, records: BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        let now = Instant::ZERO;
        let list: Vec<Record> = records
            .iter()
            .map(|(key, value)| Record {
                key: key.clone(),
                value: value.clone(),
            })
            .collect();
        Self {
            tally: Tally::new(setup(own, run), &GroupConfig::default(), &list, now),
            records,
            now,
            spread: Vec::new(),
            sent: Vec::new(),
            asked: Vec::new(),
            values: Vec::new(),
            faults: Vec::new(),
            unstored: Vec::new(),
        }
    }

    fn run<T>(
        &mut self,
        input: impl FnOnce(&mut Tally, Instant, &mut Outbox<TallyOutput>) -> T,
    ) -> T {
        let mut out = Outbox::new();
        let result = input(&mut self.tally, self.now, &mut out);
        self.tally.flush(self.now, &mut out);
        while let Some(output) = out.pop() {
            match output {
                TallyOutput::Store { sequence, put } => {
                    self.records.insert(put.key, put.value);
                    self.unstored.extend(sequence);
                }
                TallyOutput::Forget(key) => {
                    self.records.remove(&key);
                }
                TallyOutput::Spread { counts, .. } => self.spread.push(counts),
                TallyOutput::Send { to, counts } => self.sent.push((to, counts)),
                TallyOutput::Ask { to } => self.asked.push(to),
                TallyOutput::Value(value) => self.values.push(value),
                TallyOutput::Fault { peer, fault } => self.faults.push((peer, fault)),
            }
        }
        result
    }

    fn count(&mut self, amount: i64) -> Result<(), CommandError> {
        self.run(|tally, _, out| tally.count(amount, out))
    }

    fn store(&mut self) {
        // What was counted meanwhile is stored next.
        while let Some(sequence) = self.unstored.pop() {
            self.run(|tally, _, out| tally.stored(sequence, out));
        }
    }

    fn receive(&mut self, from: u8, counts: Counts) {
        self.run(|tally, now, out| tally.receive(Some(from), counts, now, out));
    }

    fn heard(&mut self, from: u8, digest: u64) {
        self.run(|tally, now, out| tally.heard(from, digest, false, now, out));
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        self.run(|tally, now, out| tally.timeout(now, out));
    }
}

fn signed(author: u8, run: u64, added: u64, subtracted: u64) -> SignedCount {
    let count = Count {
        author,
        run: RunId(run),
        added,
        subtracted,
    };
    count.sign(GROUP, &identity(author))
}

fn some(counts: Vec<SignedCount>) -> Counts {
    Counts {
        all: false,
        counts: BoundedVec::truncating(counts),
    }
}

/// However much is counted while the store is busy, one write is out and one follows.
#[test]
fn a_slow_store_is_never_behind_by_more_than_one_write() {
    let mut phone = Phone::new(0);
    for _ in 0..100 {
        phone.count(1).unwrap();
        assert_eq!(phone.unstored.len(), 1);
    }
    assert_eq!(phone.tally.value(), 100);
    phone.store();
    assert!(!phone.tally.is_storing());
    phone.wait(GroupConfig::default().tally_spread_min);
    let last = phone.spread.last().expect("it is spread");
    assert_eq!(last.counts[..], [signed(0, RUN.0, 100, 0)]);
}

#[test]
fn a_count_shows_at_once_and_leaves_when_it_is_stored() {
    let mut phone = Phone::new(0);
    phone.count(5).unwrap();
    phone.count(-7).unwrap();
    assert_eq!(phone.values, [5, -2]);
    assert_eq!((phone.tally.digest(), phone.spread.len()), (0, 0));
    assert!(phone.tally.is_storing());
    phone.store();
    assert!(!phone.tally.is_storing());
    assert_eq!(phone.values, [5, -2], "nothing new to show");
    // The second of the two waits for a moment, and then carries both totals.
    phone.wait(GroupConfig::default().tally_spread_min);
    let last = phone.spread.last().expect("it is spread");
    assert_eq!(last.counts[..], [signed(0, RUN.0, 5, 7)]);
    let mut other = Phone::new(1);
    for counts in phone.spread.clone() {
        other.receive(0, counts);
    }
    assert_eq!(
        (other.tally.value(), other.tally.digest()),
        (-2, phone.tally.digest())
    );
    assert_eq!(other.tally.value_of(0), -2);
    assert_eq!(
        other.spread.len(),
        1,
        "it is passed on, at most once in a moment"
    );
}

#[test]
fn a_restart_goes_on_and_a_lost_store_counts_beside_what_was() {
    let mut phone = Phone::new(0);
    phone.count(5).unwrap();
    phone.store();
    let mut again = Phone::with(0, RUN, phone.records.clone());
    assert_eq!(again.tally.value(), 5);
    again.count(1).unwrap();
    assert_eq!(again.values, [6]);

    let mut lost = Phone::with(0, RunId(7), BTreeMap::new());
    lost.count(2).unwrap();
    lost.store();
    lost.receive(1, some(vec![signed(0, RUN.0, 5, 0)]));
    assert_eq!(lost.values, [2, 7]);
    assert_eq!(lost.tally.value_of(0), 7);
}

#[test]
fn a_record_that_cannot_be_read_is_counted_beside() {
    let mut phone = Phone::new(0);
    phone.count(5).unwrap();
    phone.store();
    for value in phone.records.values_mut() {
        value[3] ^= 1;
    }
    let mut damaged = Phone::with(0, RUN, phone.records.clone());
    damaged.count(2).unwrap();
    damaged.store();
    damaged.receive(1, some(vec![signed(0, RUN.0, 5, 0)]));
    assert_eq!(damaged.tally.value(), 7, "neither lost nor counted twice");
    let again = Phone::with(0, RUN, damaged.records.clone());
    assert_eq!(again.tally.value(), 7);
}

#[test]
fn a_store_that_lost_its_last_write_goes_on_from_what_others_know() {
    let mut phone = Phone::new(0);
    phone.receive(1, some(vec![signed(0, RUN.0, 5, 1)]));
    assert_eq!(phone.tally.value(), 4);
    phone.count(1).unwrap();
    phone.store();
    assert_eq!(phone.tally.value(), 5);
    assert_eq!(
        phone.tally.totals.get(0, RUN),
        Some(&signed(0, RUN.0, 6, 1))
    );
}

#[test]
fn what_was_counted_since_comes_on_top_of_what_the_store_lost() {
    let mut before = Phone::new(0);
    before.count(5).unwrap();
    before.store();
    for stores_first in [false, true] {
        // Two more went out, and the store lost them.
        let mut phone = Phone::with(0, RUN, before.records.clone());
        phone.count(1).unwrap();
        phone.count(-3).unwrap();
        if stores_first {
            phone.store();
        }
        phone.receive(1, some(vec![signed(0, RUN.0, 70, 0)]));
        assert_eq!(phone.tally.value(), 70 + 1 - 3);
        phone.store();
        assert!(!phone.tally.is_storing());
        let all = signed(0, RUN.0, 71, 3);
        assert_eq!(phone.tally.totals.get(0, RUN), Some(&all));
        let again = Phone::with(0, RUN, phone.records.clone());
        assert_eq!(again.tally.value(), 68, "and it is stored");
        // Who knows more still: what came on top stays on top, once.
        phone.receive(2, some(vec![signed(0, RUN.0, 80, 0)]));
        phone.receive(1, some(vec![signed(0, RUN.0, 80, 0)]));
        assert_eq!(phone.tally.value(), 80 + 1 - 3);
        phone.receive(2, some(vec![signed(0, RUN.0, TALLY_TOTAL_MAX, 0)]));
        let most = i64::try_from(TALLY_TOTAL_MAX).unwrap();
        assert_eq!(phone.tally.value(), most - 3, "at the bound");
    }
}

#[test]
fn totals_end_at_their_bound() {
    let most = i64::try_from(TALLY_TOTAL_MAX).unwrap();
    for sign in [1, -1] {
        let mut phone = Phone::new(0);
        phone.count(sign * (most - 1)).unwrap();
        phone.count(sign).unwrap();
        let full = Err(CommandError::TallyFull {
            total: TALLY_TOTAL_MAX,
            max: TALLY_TOTAL_MAX,
        });
        assert_eq!(phone.count(sign), full);
        assert_eq!(phone.tally.value(), sign * most);
        assert_eq!(phone.count(-sign), Ok(()), "the other total has room");
    }
    let mut phone = Phone::new(0);
    assert!(phone.count(i64::MIN).is_err());
    assert!(phone.count(i64::MAX).is_err());
    assert_eq!(phone.count(0), Ok(()));
    assert_eq!((phone.values.len(), phone.records.len()), (0, 0));
}

#[test]
fn the_highest_totals_of_all_still_add_up() {
    let mut phone = Phone::new(0);
    for author in 0..MEMBERS {
        let runs = 0..TALLY_RUNS_MAX as u64;
        let counts = runs.map(|run| signed(author, run, TALLY_TOTAL_MAX, 0));
        phone.receive(1, some(counts.collect()));
    }
    let each = i64::try_from(TALLY_TOTAL_MAX * TALLY_RUNS_MAX as u64).unwrap();
    assert_eq!(phone.tally.value(), each * i64::from(MEMBERS));
    assert_eq!(
        phone.count(1),
        Err(CommandError::TooManyRuns {
            max: TALLY_RUNS_MAX
        })
    );
    assert_eq!(phone.faults, []);
}

#[test]
fn what_cannot_stand_is_refused_by_name_and_changes_nothing() {
    let mut phone = Phone::new(0);
    let forged = SignedCount {
        signature: Signature::ZERO,
        ..signed(1, 1, 5, 0)
    };
    let of_another = SignedCount {
        signature: signed(2, 1, 5, 0).signature,
        ..signed(1, 1, 5, 0)
    };
    let elsewhere = Count {
        author: 1,
        run: RunId(1),
        added: 5,
        subtracted: 0,
    }
    .sign(GroupId([4; 16]), &identity(1));
    let stranger = SignedCount {
        count: Count {
            author: MEMBERS,
            ..forged.count
        },
        ..forged
    };
    let bounds = [
        signed(1, 1, TALLY_TOTAL_MAX + 1, 0),
        signed(1, 1, 0, u64::MAX),
    ];
    let bad = [
        forged, of_another, elsewhere, stranger, bounds[0], bounds[1],
    ];
    phone.receive(2, some(bad.to_vec()));
    let culprit = Some(identity(1).peer());
    let over = || PeerFault::Tally("a total over its bound");
    assert_eq!(
        phone.faults,
        [
            (None, PeerFault::Signature),
            (None, PeerFault::Signature),
            (None, PeerFault::Signature),
            (None, PeerFault::Tally("an author who is no member")),
            (culprit, over()),
            (culprit, over()),
        ]
    );
    assert_eq!((phone.tally.digest(), phone.records.len()), (0, 0));
    phone.receive(2, some(vec![signed(1, 1, TALLY_TOTAL_MAX, 0)]));
    assert_ne!(phone.tally.digest(), 0, "at the bound");

    phone.faults.clear();
    let runs = (10..10 + TALLY_RUNS_MAX as u64).map(|run| signed(1, run, 1, 0));
    phone.receive(2, some(runs.collect()));
    let too_many = PeerFault::Tally("more runs than count");
    assert_eq!(phone.faults, [(culprit, too_many)]);
}

#[test]
fn a_run_that_must_go_is_shown_stored_and_sent_no_more() {
    let mut phone = Phone::new(0);
    phone.count(100).unwrap();
    phone.store();
    let runs = (0..TALLY_RUNS_MAX as u64).map(|run| signed(0, run, 1, 0));
    phone.receive(1, some(runs.collect()));
    let counted = i64::try_from(TALLY_RUNS_MAX).unwrap();
    assert_eq!(phone.tally.value(), counted, "as everybody else shows it");
    assert_eq!(phone.records.len(), TALLY_RUNS_MAX);
    let again = Phone::with(0, RUN, phone.records.clone());
    assert_eq!(again.tally.digest(), phone.tally.digest());
}

#[test]
fn two_that_meet_send_only_what_differs_and_then_nothing() {
    let (mut one, mut other) = (Phone::new(0), Phone::new(1));
    one.count(5).unwrap();
    one.store();
    let shared = signed(2, 9, 4, 0);
    one.receive(2, some(vec![shared]));
    other.receive(2, some(vec![shared]));
    other.count(-1).unwrap();
    other.store();
    // Whoever asks shows all; the other answers with what is lacking.
    one.heard(1, other.tally.digest());
    let [(1, shown)] = &one.sent[..] else {
        panic!("{:?}", one.sent);
    };
    assert!(shown.all && shown.counts.len() == 2);
    other.receive(0, shown.clone());
    let [(0, lacking)] = &other.sent[..] else {
        panic!("{:?}", other.sent);
    };
    assert_eq!(lacking.counts[..], [signed(1, RUN.0, 0, 1)]);
    one.receive(1, lacking.clone());
    assert_eq!((one.tally.value(), other.tally.value()), (8, 8));
    assert_eq!(one.tally.digest(), other.tally.digest());
    one.heard(1, other.tally.digest());
    other.heard(0, one.tally.digest());
    assert_eq!((one.sent.len(), other.sent.len()), (1, 1));
}

#[test]
fn who_says_something_else_again_and_again_is_not_answered_each_time() {
    let mut phone = Phone::new(0);
    phone.count(1).unwrap();
    phone.store();
    let minute = 60_000;
    for _ in 0..minute / 100 {
        phone.heard(1, 77);
        let empty = Counts {
            all: true,
            counts: BoundedVec::new(),
        };
        phone.receive(1, empty);
        phone.wait(Duration::from_millis(100));
    }
    assert!((4..=9).contains(&phone.sent.len()), "{}", phone.sent.len());
}

#[test]
fn who_counted_asks_until_everybody_in_reach_holds_it() {
    let mut phone = Phone::new(0);
    phone.run(|tally, _, _| tally.reachable(BTreeSet::from([1, 2])));
    assert_eq!(phone.tally.deadline(), None, "nothing to say");
    phone.count(1).unwrap();
    phone.store();
    assert_eq!(phone.tally.waiting_for(), [1, 2]);
    let config = GroupConfig::default();
    phone.wait(config.repeat_min);
    assert_eq!(phone.asked, [1, 2]);
    phone.heard(1, phone.tally.digest());
    phone.wait(config.repeat_min);
    assert_eq!(phone.asked, [1, 2], "the pause doubles");
    phone.wait(config.repeat_min);
    assert_eq!(phone.asked, [1, 2, 2]);
    // Out of reach he is not asked; back in reach he is again.
    phone.run(|tally, _, _| tally.reachable(BTreeSet::from([1])));
    assert_eq!(
        (phone.tally.deadline(), phone.tally.waiting_for()),
        (None, vec![])
    );
    phone.run(|tally, _, _| tally.reachable(BTreeSet::from([1, 2])));
    assert_eq!(phone.tally.waiting_for(), [2]);
    phone.heard(2, phone.tally.digest());
    assert_eq!(phone.tally.deadline(), None, "an idle table is silent");
}

#[test]
fn after_a_restart_it_is_asked_whether_the_last_count_left() {
    let mut phone = Phone::new(0);
    phone.count(1).unwrap();
    phone.store();
    let mut again = Phone::with(0, RUN, phone.records.clone());
    again.run(|tally, _, _| tally.reachable(BTreeSet::from([1])));
    assert_eq!(again.tally.waiting_for(), [1]);
    let listener = Phone::with(1, RunId(5), phone.records);
    assert_eq!(listener.tally.value(), 1);
    assert_eq!(listener.tally.deadline(), None, "it counted nothing itself");
}
