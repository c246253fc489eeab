use super::*;
use crate::history::game::{Dice, Moment, Said};
use crate::history::shown::{Changed, Shown};

/// A board on which somebody with a hostile name wrote one key.
fn game() -> Game {
    let name = "</script><b>{{data}}";
    Game {
        group: "00ff".to_owned(),
        rules: "board 1".to_owned(),
        mode: "majority",
        members: vec!["Anna".to_owned(), name.to_owned()],
        base_height: 4,
        height: 5,
        shown_from: 4,
        rolls: 1,
        base: Shown::Entries {
            entries: Vec::new(),
        },
        steps: vec![Moment {
            height: 5,
            block: "ab".repeat(32),
            root: "cd".repeat(32),
            finalized: true,
            roll: Some(Dice {
                draw: 2,
                dice: None,
                seed: "ef".repeat(32),
                contributors: vec!["Anna".to_owned()],
            }),
            actions: vec![Said {
                author: name.to_owned(),
                what: "writes <i>".to_owned(),
                refused: None,
            }],
            changes: vec![Changed {
                key: "key".to_owned(),
                own: false,
                old: None,
                new: Some("<value>".to_owned()),
            }],
            table: None,
        }],
        states: Vec::new(),
    }
}

#[test]
fn the_page_is_whole_and_needs_no_network() {
    let page = page(&game(), None, Path::new("some/<where>/game<1>"));
    for scheme in ["http:", "https:", "//cdn", "@import", "src=", "url("] {
        assert!(!page.contains(scheme), "{scheme}");
    }
    assert!(page.contains("<code>game&lt;1></code>"));
    assert!(page.contains("prefers-color-scheme: dark"));
    assert!(page.contains("name=\"viewport\""));
    // What a name says in braces is no placeholder.
    assert!(page.contains("<title>Althing: the game of Anna, &lt;/script>&lt;b>{{data}}</title>"));
}

#[test]
fn data_cannot_leave_its_script_element() {
    let page = page(&game(), Some("what is <wrong>"), Path::new("game"));
    let data = page
        .split_once("id=\"data\">")
        .and_then(|(_, rest)| rest.split_once("</script>"))
        .expect("the data has its element")
        .0;
    let data: Value = serde_json::from_str(data).expect("the data is JSON");
    assert_eq!(data["fault"], "what is <wrong>");
    assert_eq!(data["members"][1], "</script><b>{{data}}");
    assert_eq!(data["steps"][0]["changes"][0]["new"], "<value>");
    assert_eq!(page.matches("</script>").count(), 2);
}

#[test]
fn numbers_that_a_script_would_round_are_strings() {
    let counter = |value| {
        let mut game = game();
        game.base = Shown::Counter { value };
        serde_json::to_value(exact(&Data {
            fault: None,
            game: &game,
        }))
        .expect("plain structures serialize")["base"]["value"]
            .take()
    };
    let most = 9_007_199_254_740_991;
    for value in [0, -1, most - 1, most, -most] {
        assert_eq!(counter(value), serde_json::json!(value));
    }
    for value in [most + 1, -most - 1, i64::MAX, i64::MIN] {
        assert_eq!(counter(value), serde_json::json!(value.to_string()));
    }
    let mut game = game();
    game.steps[0].roll.as_mut().expect("a roll").draw = u64::MAX;
    let page = page(&game, None, Path::new("game"));
    assert!(page.contains("\"draw\":\"18446744073709551615\""));
}
