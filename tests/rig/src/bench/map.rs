//! What the map does for an update, a comparison, a clone and a retained version.

use althing::crypto::{Domain, hash};
use althing::state::meter::measure;
use althing::state::{Key, Map};

use super::row::Row;

/// Entries of the map.
pub(super) const ENTRIES: u64 = 10_000;
/// Updates of which the dearest one counts.
const UPDATES: u64 = 1_000;
/// Differences between two maps that are compared.
const DIFFERENCES: [u64; 4] = [1, 8, 64, 512];

/// An entry: keys as spread as those of a rule set that hashes, so that no path is long.
pub(super) fn entry(number: u64, version: u64) -> (Key, Vec<u8>) {
    let key = hash(Domain::Trace, &[&number.to_le_bytes()]);
    let value = hash(
        Domain::Trace,
        &[&number.to_le_bytes(), &version.to_le_bytes()],
    );
    let key = Key::new(&key.as_bytes()[..8]).expect("8 bytes");
    (key, value.as_bytes()[..16].to_vec())
}

/// A map whose hashes are all known.
pub(super) fn map() -> Map {
    let map: Map = (0..ENTRIES).map(|number| entry(number, 0)).collect();
    map.root();
    map
}

pub(super) fn rows() -> Vec<Row> {
    let base = map();
    let mut rows = vec![update(&base)];
    rows.extend(DIFFERENCES.map(|differences| changes(&base, &base, "", differences)));
    // Another phone's map shares no node: hashes have to tell what is the same.
    let (other, of) = (map(), ", built apart");
    rows.extend(DIFFERENCES.map(|differences| changes(&base, &other, of, differences)));
    let (_, cloned) = measure(|| base.clone());
    let work = cloned.clones + cloned.node_bytes + cloned.hashes + cloned.visits;
    rows.push(Row::at_most("clone: nodes, bytes and hashes", work, 0));
    rows.push(retained(&base));
    rows
}

fn update(base: &Map) -> Row {
    let dearest = (0..UPDATES).map(|number| {
        let ((), counts) = measure(|| {
            let mut map = base.clone();
            let (key, value) = entry(number * 7 % ENTRIES, 1);
            map.insert(key, value);
            map.root();
        });
        counts.hashes
    });
    let dearest = dearest.max().unwrap_or(0);
    Row::at_most("update and root: hash calls, the dearest", dearest, 30)
}

/// `base` against `same`, which has the same entries, with as many differences: one quarter is new, one
/// is removed, the rest has other values.
fn changes(base: &Map, same: &Map, of: &str, differences: u64) -> Row {
    let mut other = same.clone();
    for number in 0..differences {
        match number % 4 {
            2 => {
                let (key, value) = entry(ENTRIES + number, 0);
                other.insert(key, value);
            }
            3 => {
                let (key, _) = entry(number * 19, 0);
                other.remove(key.as_bytes());
            }
            _ => {
                let (key, value) = entry(number * 19, 1);
                other.insert(key, value);
            }
        }
    }
    other.root();
    let (found, counts) = measure(|| base.changes(&other));
    assert_eq!(found.len() as u64, differences, "what was changed is found");
    let name = format!("changes, {differences} differences{of}: node visits");
    Row::at_most(name, counts.visits, 64 * differences)
}

/// Every version is kept, so that nothing is freed that the next one would take.
fn retained(base: &Map) -> Row {
    let mut versions = vec![base.clone()];
    let ((), counts) = measure(|| {
        for number in 0..UPDATES {
            let mut next = versions.last().expect("the base").clone();
            let (key, value) = entry(number * 7 % ENTRIES, 1);
            next.insert(key, value);
            next.root();
            versions.push(next);
        }
    });
    let bytes = counts.node_bytes.div_ceil(UPDATES);
    Row::at_most("a retained version: bytes per change", bytes, 4 * 1024)
}
