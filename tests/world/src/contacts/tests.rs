use proptest::prelude::*;

use super::*;

const NO_LINGER: Duration = Duration::ZERO;
const HOUR: Duration = Duration::from_secs(3600);

fn contacts(text: &str) -> Contacts {
    Contacts::parse(text).expect("a valid file")
}

#[test]
fn columns_after_the_third_and_comments_are_ignored() {
    let parsed = contacts("# ward\n20 5 3 NUR MED\n\n40\t3 5\r\n20 3 5\n");
    assert_eq!(parsed.people(), vec![3, 5]);
    assert_eq!(parsed.lines, vec![(20, (3, 5)), (40, (3, 5))]);
    assert_eq!((parsed.first_s(), parsed.last_s()), (0, 40));
}

#[test]
fn bad_lines_are_named() {
    for (text, line, word) in [
        ("20 1", 1, "second person is missing"),
        ("20 1 2\nx 1 2", 2, "time `x`"),
        ("20 1 2\n\n20 1 -2", 3, "`-2`"),
        ("20 4 4", 1, "itself"),
        ("20 1 4294967296", 1, "above 4294967295"),
        ("1099511627777 1 2", 1, "above 1099511627776"),
        ("20 1.5 2", 1, "not a whole number"),
    ] {
        match Contacts::parse(text) {
            Err(ContactsError::Line { line: at, what }) => {
                assert_eq!(at, line, "{text:?}");
                assert!(what.contains(word), "{what:?} should contain {word:?}");
            }
            other => panic!("{text:?} gave {other:?}"),
        }
    }
    assert_eq!(Contacts::parse("\n# nothing\n"), Err(ContactsError::Empty));
}

#[test]
fn a_contact_covers_the_seconds_before_it_and_lingers() {
    let change = |at_s, near| Change {
        at_s,
        near,
        pair: (1, 2),
    };
    let parsed = contacts("100 1 2\n120 1 2\n200 1 2");
    assert_eq!(
        parsed.changes(NO_LINGER),
        vec![
            change(80, true),
            change(120, false),
            change(180, true),
            change(200, false)
        ]
    );
    assert_eq!(
        parsed.changes(Duration::from_secs(60)),
        vec![change(80, true), change(260, false)]
    );
    assert_eq!(parsed.changes(Duration::from_secs(59)).len(), 4);
}

#[test]
fn the_group_is_the_one_whose_weakest_member_has_most_contact() {
    // 1-2 is the strongest pair, but nobody stands with both; 3, 4 and 5 stand together.
    let mut text = String::new();
    for t in 0..10 {
        text.push_str(&format!("{} 1 2\n", 20 * t));
    }
    text.push_str("20 2 9\n");
    for t in 0..5 {
        text.push_str(&format!("{0} 3 4\n{0} 4 5\n{0} 3 5\n", 1000 + 20 * t));
    }
    let parsed = contacts(&text);
    assert_eq!(parsed.players(2), Ok(vec![1, 2]));
    assert_eq!(parsed.players(3), Ok(vec![3, 4, 5]));
    assert_eq!(
        parsed.players(7),
        Err(ContactsError::TooFewPeople { have: 6, need: 7 })
    );
    assert_eq!(parsed.players(1), Err(ContactsError::BadPlayers(1)));
    assert_eq!(parsed.players(17), Err(ContactsError::BadPlayers(17)));
}

#[test]
fn the_window_has_the_longest_quorum() {
    // 1 and 2 meet at 100-120 and, over 9, at 1000-1040; 3 is never there.
    let parsed = contacts("120 1 2\n1020 1 9\n1020 2 9\n1040 1 9\n1040 9 2\n5000 7 8\n");
    let window = |quorum, from, length| {
        parsed.window(
            &[1, 2, 3],
            quorum,
            NO_LINGER,
            from,
            Duration::from_secs(length),
        )
    };
    let found = window(2, None, 100).expect("a window");
    assert_eq!((found.from_s, found.quorum_ms), (940, 40_000));
    // Long enough for both: the earliest window that holds them.
    let found = window(2, None, 2000).expect("a window");
    assert_eq!((found.from_s, found.quorum_ms), (0, 60_000));
    // A window that can hold only a part.
    let found = window(2, None, 10).expect("a window");
    assert_eq!((found.from_s, found.quorum_ms), (100, 10_000));
    let found = window(2, Some(110), 100).expect("a window");
    assert_eq!((found.from_s, found.quorum_ms), (110, 10_000));
    // Never a quorum: said so, and the first hours.
    let found = window(3, None, 100).expect("a window");
    assert_eq!((found.from_s, found.quorum_ms), (100, 0));
    assert!(!found.quorum_anywhere);
    assert_eq!(window(2, None, 0), Err(ContactsError::NoLength));
    assert!(window(2, Some(5000), 100).is_ok());
    assert_eq!(
        window(2, Some(5001), 100),
        Err(ContactsError::FromTooLate {
            from: 5001,
            last: 5000
        })
    );
}

#[test]
fn lingering_joins_what_the_sensors_heard_apart() {
    let parsed = contacts("100 1 2\n400 2 3\n");
    let quorum = |linger| {
        parsed
            .window(&[1, 2, 3], 3, Duration::from_secs(linger), None, HOUR)
            .expect("a window")
            .quorum_ms
    };
    assert_eq!(quorum(280), 0);
    assert_eq!(quorum(300), 20_000);
}

proptest! {
    #[test]
    fn no_window_beats_the_one_found(
        lines in prop::collection::vec((0_u64..60, 1_u32..6, 1_u32..6), 1..40),
        length in 1_u64..600,
        linger in 0_u64..100,
    ) {
        let text: String = lines
            .iter()
            .filter(|(_, one, other)| one != other)
            .map(|(t, one, other)| format!("{} {one} {other}\n", t * 20))
            .collect();
        let Ok(parsed) = Contacts::parse(&text) else {
            return Ok(());
        };
        let linger = Duration::from_secs(linger);
        let length = Duration::from_secs(length);
        let window = |from| {
            parsed.window(&[1, 2, 3], 2, linger, from, length).expect("inside the recording")
        };
        let best = window(None).quorum_ms;
        for from in 0..=parsed.last_s() {
            prop_assert!(window(Some(from)).quorum_ms <= best);
        }
    }

    #[test]
    fn parsing_never_panics(text in "\\PC{0,60}|([0-9 ]{1,12}\n){0,5}") {
        let _ = Contacts::parse(&text);
    }
}
