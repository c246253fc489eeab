use althing::state::{Delta, DeltaError, Key, Map};

/// Keys of which some are prefixes of others, as a decoder's shared lengths meet them.
fn base() -> Map {
    let keys = [
        "", "a", "ab", "abc", "abd", "b", "bank", "bet/1", "bet/2", "bets", "\u{1}",
    ];
    let entry = |key: &str| {
        let value = vec![key.len() as u8; 3 * key.len()];
        (Key::new(key.as_bytes()).expect("short"), value)
    };
    keys.into_iter().map(entry).collect()
}

/// What bytes decode to is encoded to bytes that decode to it again: other bytes of the compression mean
/// the same, and are taken. Applied, it gives the root that it names or changes
/// nothing; and the change that it describes, taken from a state that is at hand, is a delta that
/// applies.
pub fn delta(data: &[u8]) {
    let Ok(delta) = Delta::decode(data) else {
        return;
    };
    assert_eq!(Delta::decode(&delta.encode()).as_ref(), Ok(&delta));
    let base = base();
    let mut map = base.clone();
    match map.apply(&delta) {
        Ok(()) => assert_eq!(map.root(), delta.target_root()),
        Err(fault) => {
            assert_eq!(map, base, "{fault}");
            let wrong = base.root() != delta.base_root();
            assert_eq!(wrong, matches!(fault, DeltaError::WrongBase { .. }));
        }
    }

    let mut target = base.clone();
    for (key, value) in delta.changes() {
        match value {
            Some(value) => target.insert(key.clone(), value.clone()),
            None => {
                target.remove(key.as_bytes());
            }
        }
    }
    let again = Delta::between((delta.base(), &base), (delta.target(), &target))
        .expect("no more than what was decoded");
    assert_eq!(Delta::decode(&again.encode()).as_ref(), Ok(&again));
    let mut map = base.clone();
    assert_eq!(map.apply(&again), Ok(()));
    assert_eq!(map, target);
}
