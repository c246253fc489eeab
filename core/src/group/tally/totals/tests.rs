//! The laws of the merge, also over counts that no honest author signs.

use proptest::prelude::*;

use super::*;
use crate::crypto::Signature;
use crate::wire::TALLY_TOTAL_MAX;

fn count(author: u8, run: u64, added: u64, subtracted: u64) -> SignedCount {
    SignedCount {
        count: Count {
            author,
            run: RunId(run),
            added,
            subtracted,
        },
        signature: Signature::ZERO,
    }
}

/// Few authors, runs and totals, so that counts meet; more runs than count.
fn counts() -> impl Strategy<Value = Vec<SignedCount>> {
    let one = (0u8..3, 0u64..14, 0u64..4, 0u64..4);
    let one =
        one.prop_map(|(author, run, added, subtracted)| count(author, run, added, subtracted));
    proptest::collection::vec(one, 0..60)
}

fn totals(counts: &[SignedCount]) -> Totals {
    let mut totals = Totals::default();
    for signed in counts {
        totals.merge(*signed);
    }
    totals
}

fn join(left: &Totals, right: &Totals) -> Totals {
    let mut both = left.clone();
    for signed in right.iter() {
        both.merge(*signed);
    }
    both
}

proptest! {
    #[test]
    fn merging_is_a_join(left in counts(), middle in counts(), right in counts()) {
        let [left, middle, right] = [&left, &middle, &right].map(|counts| totals(counts));
        prop_assert_eq!(join(&left, &right), join(&right, &left));
        let one_way = join(&join(&left, &middle), &right);
        prop_assert_eq!(one_way, join(&left, &join(&middle, &right)));
        prop_assert_eq!(join(&left, &left), left.clone());
        prop_assert_eq!(join(&left, &Totals::default()), left);
    }

    #[test]
    fn order_and_repetition_do_not_matter(
        (counts, shuffled) in counts().prop_flat_map(|counts| {
            let twice: Vec<_> = counts.iter().chain(&counts).copied().collect();
            (Just(counts), Just(twice).prop_shuffle())
        })
    ) {
        let once = totals(&counts);
        let often = totals(&shuffled);
        prop_assert_eq!(once.digest(), often.digest());
        prop_assert_eq!(once, often);
    }

    #[test]
    fn digests_are_equal_where_counts_are(left in counts(), right in counts()) {
        let (left, right) = (totals(&left), totals(&right));
        prop_assert_eq!(left.digest() == right.digest(), left == right);
    }

    #[test]
    fn an_honest_author_stands_at_his_last_count(
        steps in proptest::collection::vec((any::<bool>(), 1u64..1000), 1..40)
    ) {
        let (mut added, mut subtracted) = (0, 0);
        let history: Vec<_> = steps
            .iter()
            .map(|(adds, amount)| {
                *(if *adds { &mut added } else { &mut subtracted }) += amount;
                count(1, 5, added, subtracted)
            })
            .collect();
        let backwards: Vec<_> = history.iter().rev().copied().collect();
        let last = history.last().map(|signed| signed.count);
        for seen in [totals(&history), totals(&backwards)] {
            prop_assert_eq!(seen.get(1, RunId(5)).map(|signed| signed.count), last);
        }
    }
}

#[test]
fn only_so_many_runs_count() {
    let last = TALLY_RUNS_MAX as u64;
    let mut totals = Totals::default();
    for run in 1..last {
        assert_eq!(
            totals.merge(count(0, run * 10, 1, 0)),
            Merged::New { dropped: None }
        );
    }
    assert!(totals.has_room(0, RunId(last * 10)), "one below the bound");
    let fills = totals.merge(count(0, last * 10, 1, 0));
    assert_eq!(fills, Merged::New { dropped: None }, "at the bound");
    let over = count(0, last * 10 + 1, 1, 0);
    assert!(!totals.has_room(0, over.count.run));
    assert_eq!(
        totals.merge(over),
        Merged::TooManyRuns,
        "one over the bound"
    );
    let dropped = Some(RunId(last * 10));
    assert_eq!(totals.merge(count(0, 15, 1, 0)), Merged::New { dropped });
    assert_eq!(totals.runs(0).count(), TALLY_RUNS_MAX);
    let other = totals.merge(count(1, 99, 1, 0));
    assert_eq!(
        other,
        Merged::New { dropped: None },
        "each author has his own"
    );
}

#[test]
fn ranks_do_not_overflow() {
    let most = count(0, 1, u64::MAX, u64::MAX);
    let less = count(0, 1, TALLY_TOTAL_MAX, u64::MAX);
    assert_eq!(totals(&[most, less]), totals(&[less, most]));
}
