//! The view as a fold, under everything that can happen.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever the phone does and whatever others commit: the view is the committed state with
    /// the pending actions replayed, the patches lead from view to view, every submission that was
    /// signed ends with exactly one last fate, and crashes lose none that was stored.
    #[test]
    fn the_view_is_the_fold_and_fates_come_once(
        steps in prop::collection::vec((0u8..8, 0u8..6, 0u8..4), 1..60),
    ) {
        let mut phone = Phone::new();
        let mut pool = Pool::new(phone.room.genesis(), &phone.tip.state, 256);
        let mut screen: BTreeMap<Vec<u8>, Vec<u8>> = phone
            .tip
            .state
            .iter()
            .filter(|(key, _)| !is_own_key(key.as_bytes()))
            .map(|(key, value)| (key.as_bytes().to_vec(), value.to_vec()))
            .collect();
        let mut last: BTreeMap<SubmissionId, Vec<Fate>> = BTreeMap::new();
        let mut submitted = Vec::new();
        let mut steps = steps;
        steps.extend([(3, 0, 0), (4, 0, 0), (5, 0, 0), (3, 0, 0), (4, 0, 0), (5, 0, 0)]);
        for (step, amount, other) in steps {
            let phone = &mut phone;
            let recent = submitted.last().copied();
            let payload = match other {
                0 => add(amount),
                1 => guarded(1, amount),
                2 => REFUSE.to_vec(),
                _ => PHASE.to_vec(),
            };
            let on: Vec<_> = if amount > 3 { recent.into_iter().collect() } else { Vec::new() };
            match step {
                0 | 1 => {
                    if let Ok(id) = phone.own.submit(payload, on, Validity::default()) {
                        submitted.push(id);
                    }
                }
                2 => {
                    if let Some(id) = recent {
                        let _ = phone.own.acknowledge(id);
                    }
                }
                3 => {
                    phone.sign();
                }
                4 => {
                    for signed in phone.store() {
                        pool.insert(signed);
                    }
                }
                5 => {
                    let set = pool.includable(&phone.tip.state);
                    if !set.is_empty() {
                        phone.finalize(set);
                        pool.prune(&phone.tip.state);
                    }
                }
                6 => {
                    let action = phone.other.write(&guarded(amount, amount));
                    phone.finalize(vec![action]);
                }
                _ => {
                    phone.store();
                    phone.restart(1);
                    for signed in phone.own.unsettled() {
                        pool.insert(signed);
                    }
                    screen = phone
                        .tip
                        .state
                        .iter()
                        .filter(|(key, _)| !is_own_key(key.as_bytes()))
                        .map(|(key, value)| (key.as_bytes().to_vec(), value.to_vec()))
                        .collect();
                }
            }
            for (key, old, new) in phone.patches() {
                prop_assert_eq!(screen.get(&key), old.as_ref());
                prop_assert_ne!(&old, &new);
                match new {
                    Some(new) => screen.insert(key, new),
                    None => screen.remove(&key),
                };
            }
            let view: BTreeMap<_, _> = phone
                .own
                .state(&phone.room.executor)
                .iter()
                .filter(|(key, _)| !is_own_key(key.as_bytes()))
                .map(|(key, value)| (key.as_bytes().to_vec(), value.to_vec()))
                .collect();
            prop_assert_eq!(&view, &screen);
            for (id, fate) in phone.fates() {
                let fates = last.entry(id).or_default();
                let ended = matches!(
                    fates.last(),
                    Some(Fate::Committed { .. } | Fate::Rejected { .. } | Fate::Unknown)
                );
                prop_assert!(!ended, "{id:?} had {fates:?}, now {fate:?}");
                fates.push(fate);
            }
        }
        prop_assert!(phone.own.is_idle());
        prop_assert_eq!(phone.view(MINE), phone.tip.state.get(MINE).map(<[u8]>::to_vec));
        for id in submitted {
            let end = last[&id].last();
            prop_assert!(
                matches!(end, Some(Fate::Committed { .. } | Fate::Rejected { .. })),
                "{id:?}: {end:?}"
            );
        }
    }
}
