use proptest::prelude::*;

use super::super::Synchronizer;
use super::*;
use crate::sync::merge::tests::{Keyed, action, after};

/// A balance that must not become negative: every action takes its key from it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Purse(u32);

impl Apply for Purse {
    type Fault = &'static str;

    fn apply(
        &mut self,
        signed: &SignedAction,
        doubled: bool,
    ) -> Result<Option<Reason>, Self::Fault> {
        let amount = u32::from(signed.signature.0[0]);
        if amount == 0 {
            return Err("nothing to take");
        }
        if doubled {
            return Ok(Some(Reason::Equivocation));
        }
        match self.0.checked_sub(amount) {
            Some(left) => {
                self.0 = left;
                Ok(None)
            }
            None => Ok(Some(Reason::NotApplicable)),
        }
    }
}

fn resolve(set: Vec<SignedAction>, purse: u32) -> Result<Resolved<Purse>, &'static str> {
    let order = Order {
        running: &|_| Some(RunId(1)),
        salt: Hash::ZERO,
        rules: &Keyed,
        group: GroupId([0; 16]),
    };
    Synchronizer::resolve_conflict(Purse(purse), set, order)
}

#[test]
fn every_refusal_has_its_reason_and_leaves_the_others() {
    let (ours, theirs) = (action(1, 1, 1, 5, vec![]), action(2, 1, 1, 6, vec![]));
    let set = vec![
        ours.clone(),
        after(action(1, 1, 2, 9, vec![]), &ours),
        theirs.clone(),
        after(action(2, 1, 2, 1, vec![]), &theirs),
    ];
    let resolved = resolve(set.clone(), 12).expect("a purse takes all");
    // By depth and key: 5, 6, then 1, 9; the last one does not fit any more.
    let amounts: Vec<u8> = resolved
        .ordered
        .iter()
        .map(|signed| signed.signature.0[0])
        .collect();
    assert_eq!(amounts, [5, 6, 1, 9]);
    assert_eq!(resolved.state, Purse(0));
    let rejected: Vec<_> = resolved.rejected().collect();
    assert_eq!(rejected, [(set[1].action.id(), &Reason::NotApplicable)]);
    assert_eq!(resolved.fates.len(), 4);
}

#[test]
fn of_two_actions_with_one_name_both_are_refused() {
    let set = vec![action(1, 1, 1, 5, vec![]), action(1, 1, 1, 6, vec![])];
    let resolved = resolve(set, 12).expect("a purse takes all");
    assert_eq!(resolved.state, Purse(12));
    let reasons: Vec<_> = resolved.rejected().map(|(_, reason)| reason).collect();
    assert_eq!(reasons, [&Reason::Equivocation, &Reason::Equivocation]);
    // The same action twice is one action.
    let set = vec![action(1, 1, 1, 5, vec![]), action(1, 1, 1, 5, vec![])];
    let resolved = resolve(set, 12).expect("a purse takes all");
    assert_eq!((resolved.state, resolved.fates.len()), (Purse(7), 1));
}

#[test]
fn what_no_set_may_hold_ends_it() {
    let set = vec![action(1, 1, 1, 5, vec![]), action(2, 1, 1, 0, vec![])];
    assert_eq!(resolve(set, 12), Err("nothing to take"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whoever joins the sets, in whatever order, gets the same state and the same fates; every action
    /// is applied once or refused with a reason, and nothing is lost.
    #[test]
    fn it_is_one_function_of_the_set(
        keys in prop::collection::vec((0u8..4, 1u8..9), 0..24),
        purse in 0u32..80,
        cut in 0usize..24,
    ) {
        let mut numbers = [0u64; 4];
        let set: Vec<_> = keys
            .iter()
            .map(|(author, key)| {
                let number = &mut numbers[usize::from(*author)];
                *number += 1;
                action(*author, 1, *number, *key, vec![])
            })
            .collect();
        let one = resolve(set.clone(), purse).expect("a purse takes all");
        let (left, right) = set.split_at(cut.min(set.len()));
        let other = [right, left, left].concat();
        prop_assert_eq!(&resolve(other, purse).expect("a purse takes all"), &one);
        prop_assert_eq!(one.fates.len(), set.len());
        let taken: u32 = one
            .ordered
            .iter()
            .zip(&one.fates)
            .filter(|(_, (_, reason))| reason.is_none())
            .map(|(signed, _)| u32::from(signed.signature.0[0]))
            .sum();
        prop_assert_eq!(one.state.0 + taken, purse);
        prop_assert_eq!(resolve(one.ordered.clone(), purse).expect("again"), one);
    }
}
