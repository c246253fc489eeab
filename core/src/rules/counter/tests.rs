use proptest::prelude::*;

use super::*;

const ANN: PeerId = PeerId([1; 32]);
const BOB: PeerId = PeerId([2; 32]);
const STRANGER: PeerId = PeerId([9; 32]);

fn counter(config: &[u8]) -> Overlay {
    let mut overlay = Overlay::new(Map::new());
    Counter
        .genesis(&mut overlay, &[ANN, BOB], config)
        .expect("a valid configuration");
    overlay
}

fn add(
    overlay: &mut Overlay,
    author: &PeerId,
    amount: i64,
    expect: Option<i64>,
) -> Result<(), Rejection> {
    apply(
        overlay,
        author,
        &CounterAction::Add { amount, expect }.encode(),
    )
}

fn apply(overlay: &mut Overlay, author: &PeerId, payload: &[u8]) -> Result<(), Rejection> {
    let members = [ANN, BOB];
    let mut context = Context::new(&members, 1, true);
    Counter.apply(overlay, author, payload, &mut context)
}

fn shown(overlay: &Overlay) -> Option<i64> {
    value(&overlay.clone().absorb())
}

#[test]
fn increments_commute() {
    let mut overlay = counter(&[]);
    add(&mut overlay, &ANN, 3, None).unwrap();
    add(&mut overlay, &BOB, 4, None).unwrap();
    assert_eq!(shown(&overlay), Some(7));
}

#[test]
fn of_two_increments_with_one_expectation_one_wins_and_the_other_retries() {
    let mut overlay = counter(&encode(&10i64));
    add(&mut overlay, &ANN, 1, Some(10)).unwrap();
    let rejection = add(&mut overlay, &BOB, 1, Some(10)).unwrap_err();
    assert_eq!(rejection.code, CONFLICT);
    let current = value_of_detail(&rejection.detail);
    assert_eq!(current, Some(11));
    assert_eq!(
        Counter.describe(rejection.code, &rejection.detail),
        "the counter stands at 11 by now: look at it and try again"
    );
    assert!(matches!(
        Reason::from(rejection),
        Reason::Rules { code: CONFLICT, .. }
    ));
    add(&mut overlay, &BOB, 1, current).unwrap();
    assert_eq!(shown(&overlay), Some(12));
}

#[test]
fn the_range_has_two_ends() {
    for (start, amount, fits) in [
        (i64::MAX - 1, 1, true),
        (i64::MAX, 0, true),
        (i64::MAX, 1, false),
        (i64::MIN + 1, -1, true),
        (i64::MIN, -1, false),
    ] {
        let mut overlay = counter(&encode(&start));
        let result = add(&mut overlay, &ANN, amount, None);
        if fits {
            assert_eq!(shown(&overlay), Some(start + amount));
        } else {
            let rejection = result.unwrap_err();
            assert_eq!(rejection.code, OVERFLOW);
            assert_eq!(value_of_detail(&rejection.detail), Some(start));
            assert_eq!(shown(&overlay), Some(start));
        }
    }
}

#[test]
fn strangers_and_strange_bytes_are_refused() {
    let mut overlay = counter(&[]);
    assert_eq!(
        add(&mut overlay, &STRANGER, 1, None).unwrap_err().code,
        NOT_MEMBER
    );
    let good = CounterAction::Add {
        amount: 1,
        expect: Some(-1),
    }
    .encode();
    for cut in 0..good.len() {
        assert_eq!(
            apply(&mut overlay, &ANN, &good[..cut]).unwrap_err().code,
            MALFORMED
        );
    }
    let mut trailing = good;
    trailing.push(0);
    assert_eq!(
        apply(&mut overlay, &ANN, &trailing).unwrap_err().code,
        MALFORMED
    );
    assert_eq!(shown(&overlay), Some(0));
}

#[test]
fn a_configuration_is_a_number_or_nothing() {
    let mut overlay = Overlay::new(Map::new());
    let refused = Counter.genesis(&mut overlay, &[ANN], &[1, 2, 3]);
    assert_eq!(refused.unwrap_err().code, MALFORMED);
    assert_eq!(shown(&counter(&encode(&-5i64))), Some(-5));
}

#[test]
fn only_plain_increments_go_on_without_quorum() {
    let plain = CounterAction::Add {
        amount: 1,
        expect: None,
    }
    .encode();
    let expecting = CounterAction::Add {
        amount: 1,
        expect: Some(0),
    }
    .encode();
    assert_eq!(Counter.offline(&plain), Offline::Allowed);
    assert_eq!(Counter.offline(&expecting), Offline::Forbidden);
    assert_eq!(Counter.offline(&[]), Offline::Forbidden);
}

#[test]
fn everything_has_words() {
    let plain = CounterAction::Add {
        amount: -2,
        expect: None,
    };
    assert_eq!(Counter.describe_action(&plain.encode()), "adds -2");
    let expecting = CounterAction::Add {
        amount: 1,
        expect: Some(7),
    };
    assert_eq!(
        Counter.describe_action(&expecting.encode()),
        "adds 1 if the counter stands at 7"
    );
    for code in 0..8 {
        for detail in [encode(&3i64), vec![], vec![0xff; 64]] {
            assert!(!Counter.describe(code, &detail).is_empty());
        }
    }
}

#[test]
fn vectors_hold() {
    let mut overlay = counter(&[]);
    let mut text = String::from("counter 1\n");
    for (amount, expect) in [
        (5, None),
        (-7, None),
        (1, Some(-2)),
        (1, Some(-2)),
        (i64::MAX, None),
        (i64::MAX, Some(i64::MAX - 1)),
    ] {
        let payload = CounterAction::Add { amount, expect }.encode();
        let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
        let result = match apply(&mut overlay, &ANN, &payload) {
            Ok(()) => "ok".to_owned(),
            Err(rejection) => format!("code {} {:02x?}", rejection.code, &*rejection.detail),
        };
        let now = shown(&overlay).unwrap();
        text.push_str(&format!("{hex} -> {result}, {now}\n"));
    }
    assert_eq!(
        text, VECTORS,
        "behaviour changed: a new version of the rule set"
    );
}

proptest! {
    #[test]
    fn sums_are_exact_and_refusals_change_nothing(
        actions in proptest::collection::vec((any::<bool>(), any::<i64>(), proptest::option::of(-3i64..3)), 0..40),
    ) {
        let mut overlay = counter(&[]);
        let mut model = 0i64;
        for (small, amount, expect) in actions {
            let amount = if small { amount % 3 } else { amount };
            let expected = match (expect.is_none_or(|expect| expect == model), model.checked_add(amount)) {
                (true, Some(sum)) => Ok(sum),
                (true, None) => Err(OVERFLOW),
                (false, _) => Err(CONFLICT),
            };
            let mark = overlay.mark();
            match add(&mut overlay, &ANN, amount, expect) {
                Ok(()) => model = expected.unwrap(),
                Err(rejection) => {
                    prop_assert_eq!(Err(rejection.code), expected);
                    prop_assert_eq!(overlay.mark(), mark, "a refusal wrote something");
                }
            }
            prop_assert_eq!(shown(&overlay), Some(model));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn any_bytes_are_survived(
        noise in proptest::collection::vec(any::<u8>(), 0..24),
        amount: i64,
        expect: Option<i64>,
        damage: Option<(u8, u8)>,
    ) {
        let mut payload = noise;
        if let Some((at, flip)) = damage {
            payload = CounterAction::Add { amount, expect }.encode();
            let at = usize::from(at) % payload.len();
            payload[at] ^= flip;
        }
        match CounterAction::decode(&payload) {
            Ok(action) => prop_assert_eq!(action.encode(), payload.clone()),
            Err(rejection) => {
                prop_assert_eq!(rejection.code, MALFORMED);
                prop_assert_eq!(Counter.offline(&payload), Offline::Forbidden);
            }
        }
        Counter.describe_action(&payload);
        Counter.describe(CONFLICT, &payload);
        Counter.order_key(&payload);
    }
}

#[test]
fn a_conflict_says_what_stands() {
    let mut overlay = counter(&[]);
    add(&mut overlay, &ANN, 5, None).expect("no expectation");
    let refused = add(&mut overlay, &BOB, 1, Some(4)).expect_err("it stands at 5");
    assert_eq!(conflict(&refused.into()), Some(5));
    let overflow = add(&mut overlay, &BOB, i64::MAX, None).expect_err("too far");
    assert_eq!(conflict(&overflow.into()), None, "no conflict");
    assert_eq!(conflict(&Reason::Expired), None);
}
