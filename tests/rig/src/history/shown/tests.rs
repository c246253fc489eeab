use althing::id::PeerId;
use althing::rules::board::{
    Board, BoardAction, BoardConfig, BoardKey, FirstEntry, Members, own_key,
};
use althing::rules::{Context, Rules};
use althing::state::Overlay;
use althing::wire::{BoundedVec, Bytes};

use super::*;

const MEMBERS: [PeerId; 2] = [PeerId([1; 32]), PeerId([2; 32])];

fn names() -> Vec<String> {
    vec!["Anna".to_owned(), "Bo".to_owned()]
}

fn key(text: &[u8]) -> BoardKey {
    Bytes::from_vec(text.to_vec()).expect("a short key")
}

/// The entries of `state`, as they are shown.
fn entries(state: &Map) -> Vec<(String, String)> {
    match Shown::of(state, &names()) {
        Shown::Entries { entries } => entries,
        other => panic!("{other:?}"),
    }
}

/// A board with one of most kinds of entries, before and after `actions` of Anna.
fn board(config: &BoardConfig, actions: &[BoardAction]) -> (Map, Map) {
    let mut overlay = Overlay::new(Map::new());
    Board
        .genesis(&mut overlay, &MEMBERS, &config.encode())
        .expect("a good setup");
    let before = overlay.clone().absorb();
    for action in actions {
        let mut context = Context::new(&MEMBERS, 1, true);
        Board
            .apply(&mut overlay, &MEMBERS[0], &action.encode(), &mut context)
            .expect("she may");
    }
    (before, overlay.absorb())
}

#[test]
fn values_read_well_and_are_cut_where_they_are_long() {
    let text = |bytes: &[u8]| text(bytes, VALUE_SHOWN);
    assert_eq!(text(b"name/anna"), "name/anna");
    assert_eq!(text("Jórunn".as_bytes()), "Jórunn");
    assert_eq!(text(b"c\x02'"), "c\\x02'");
    assert_eq!(text(b"\\x02"), "\\x5cx02");
    assert_eq!(text(b"two words"), "two words");
    assert_eq!(text(b"b\x05 "), "b\\x05\\x20");
    assert_eq!(text(b""), "");
    assert_eq!(text(&[0xff; 48]), "\\xff".repeat(48));
    assert_eq!(text(&[0xff; 49]), format!("{}…", "\\xff".repeat(48)));
    assert_eq!(text(&[b'a'; 48]), "a".repeat(48));
    assert_eq!(text(&[b'a'; 49]), format!("{}…", "a".repeat(48)));
}

#[test]
fn keys_are_never_twice_the_same() {
    let mut state = Map::new();
    let long = |last: u8| [&[b'k'; 63][..], &[last]].concat();
    let bytes = |last: u8| [&[0xff; 63][..], &[last]].concat();
    let keys = [
        long(b'a'),
        long(b'b'),
        bytes(1),
        bytes(2),
        b"\x02".to_vec(),
        b"\\x02".to_vec(),
        b"key".to_vec(),
        "key\u{200b}".into(),
        "key\u{202e}".into(),
        "k\u{e9}y".into(),
    ];
    for key in &keys {
        let key = althing::state::Key::new(key).expect("it fits");
        state.insert(key, vec![1]);
    }
    let shown = entries(&state);
    let different: std::collections::BTreeSet<_> = shown.iter().map(|(key, _)| key).collect();
    assert_eq!(different.len(), keys.len(), "{shown:?}");
    for (key, _) in &shown {
        assert!(!key.contains(['\u{200b}', '\u{202e}', '…']), "{key:?}");
    }
}

#[test]
fn a_board_is_shown_in_its_own_words() {
    let config = BoardConfig {
        entries: BoundedVec::truncating(vec![
            (
                key(b"goals"),
                FirstEntry::Number {
                    value: 3,
                    min: 0,
                    max: i64::MAX,
                },
            ),
            (key(b"log"), FirstEntry::List { len_max: 9 }),
            (key(b"seat"), FirstEntry::Slot),
        ]),
        accounts: BoundedVec::truncating(vec![(key(b"chips/"), 100)]),
        purses: BoundedVec::truncating(vec![(key(b"purse"), Members::of(&[0, 1]), 500)]),
        ..BoardConfig::default()
    };
    let append = |value: &[u8]| BoardAction::Append {
        key: key(b"log"),
        value: Bytes::truncating(value.to_vec()),
    };
    let put = BoardAction::Put {
        key: key(b"log[1]"),
        value: Bytes::truncating(b"no item".to_vec()),
        expect: None,
    };
    let claim = BoardAction::Claim { key: key(b"seat") };
    let (before, after) = board(&config, &[append(b"one"), append(b"two"), put, claim]);

    let chips: Vec<String> = (0..2)
        .map(|member| text(&own_key(b"chips/", member, b""), usize::MAX))
        .collect();
    let shown = entries(&after);
    for (key, value) in [
        ("goals", "3 (from 0 to 9223372036854775807)"),
        ("log", "a list of 2, at most 9"),
        ("log[0]", "one"),
        ("log[1]", "two"),
        ("log\\x5b1]", "no item"),
        ("seat", "held by Anna"),
        ("purse", "500 for Anna, Bo"),
        (&chips[0], "100 of Anna"),
        (&chips[1], "100 of Bo"),
    ] {
        let entry = (key.to_owned(), value.to_owned());
        assert!(shown.contains(&entry), "{entry:?} in {shown:?}");
    }
    assert_eq!(shown.len(), 9, "{shown:?}");

    // What the page makes of the first state and the changes is the last state.
    let names = names();
    let eye = Eye::for_state(&after, &names);
    let mut followed: std::collections::BTreeMap<_, _> = entries(&before).into_iter().collect();
    for (state_key, value) in after.iter() {
        let change = Change {
            key: state_key.clone(),
            old: before.get(state_key.as_bytes()).map(<[u8]>::to_vec),
            new: Some(value.to_vec()),
        };
        let changed = Changed::of(&change, eye);
        match changed.new {
            Some(new) => {
                assert!(!changed.own);
                followed.insert(changed.key, new);
            }
            None => assert!(changed.own, "{changed:?}"),
        }
    }
    assert_eq!(followed, shown.into_iter().collect());
}
