use std::sync::OnceLock;

use althing::crypto::{Domain, hash};
use althing::state::{Key, Map};
use althing::sync::reconcile::{Reconcile, serve};
use althing::wire::{MESSAGE_LEN_MAX, PartsAnswer, PartsRequest, decode, encode};

use crate::Input;

/// Bytes of one answer, as a group is configured.
const ANSWER_LEN_MAX: usize = 24 * 1024;
/// Bytes of parts that an asker takes: several times what there is.
const TAKEN_MAX: usize = 1024 * 1024;
/// Honest answers after which an asker must have everything: more than there are places.
const ANSWERS_MAX: usize = 2_000;

/// Hashed keys, keys that are prefixes of others, and a branch that is too long for one part.
fn entries(count: u64, version: u64) -> Map {
    let spread = (0..count).map(|number| {
        let key = hash(Domain::Trace, &[&number.to_le_bytes()]);
        let version = if number % 16 == 0 { version } else { 0 };
        let value = hash(Domain::Trace, &[&key.0, &version.to_le_bytes()]);
        (
            key.0[..6].to_vec(),
            value.0[..number as usize % 33].to_vec(),
        )
    });
    let nested = (0..20).map(|len| (vec![7; len], vec![version as u8; 3]));
    let long = (0..8).map(|number| (vec![0x31, number], vec![number; 2_000]));
    let all = spread.chain(nested).chain(long);
    all.map(|(key, value)| (Key::new(&key).expect("a short key"), value))
        .collect()
}

/// What is served: built once, as a clone costs nothing.
fn served() -> &'static Map {
    static MAP: OnceLock<Map> = OnceLock::new();
    MAP.get_or_init(|| {
        let map = entries(300, 0);
        map.root();
        map
    })
}

/// What an asker has himself.
fn own(kind: u8) -> Map {
    static OTHER: OnceLock<[Map; 4]> = OnceLock::new();
    let maps = OTHER.get_or_init(|| {
        [
            Map::default(),
            entries(300, 1),
            entries(40, 0),
            served().clone(),
        ]
    });
    maps[usize::from(kind) % maps.len()].clone()
}

/// Whatever is asked, what is served fits its budget and is there. Whatever is answered, nothing false
/// is taken, and honest answers afterwards lead to the whole.
pub fn parts(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() {
        Some(kind) if kind & 1 == 0 => asked(usize::from(kind >> 1) * 256, input.0),
        Some(kind) => answered(own(kind >> 1), input),
        None => {}
    }
}

fn asked(budget: usize, request: &[u8]) {
    let Ok(request) = decode::<PartsRequest>(request, MESSAGE_LEN_MAX) else {
        return;
    };
    let answer = serve(served(), &request, budget);
    // An answer without parts is one byte.
    assert!(encode(&answer).len() <= budget.max(1), "over its budget");
    for (part, ask) in answer.parts.iter().zip(request.asks.iter()) {
        assert_eq!(part.prefix, ask.prefix, "in the order of the asks");
        let mut below = served().prefix(part.prefix.whole_bytes());
        assert!(below.next().is_some(), "nothing is there");
    }
    assert!(answer.parts.len() <= request.asks.len());
}

fn answered(own: Map, mut input: Input<'_>) {
    let root = served().root();
    let mut asker = Reconcile::new(own, root, TAKEN_MAX);
    let mut honest = 0;
    while let Some(request) = asker.request() {
        let answer = serve(served(), &request, ANSWER_LEN_MAX);
        let mut bytes = encode(&answer);
        match input.byte() {
            // Another answer altogether.
            Some(kind) if kind & 3 == 1 => bytes = input.slice().unwrap_or_default().to_vec(),
            // Lost.
            Some(kind) if kind & 3 == 3 => bytes.clear(),
            // The honest one, with some bytes wrong.
            Some(kind) => {
                for _ in 0..kind >> 5 {
                    let at = usize::from(input.byte().unwrap_or(0)) * 13 % bytes.len();
                    bytes[at] ^= input.byte().unwrap_or(0);
                }
            }
            None => {
                honest += 1;
                assert!(honest <= ANSWERS_MAX, "an asker without an end");
            }
        }
        let before = asker.bytes();
        let taken = decode::<PartsAnswer>(&bytes, MESSAGE_LEN_MAX)
            .ok()
            .and_then(|answer| asker.receive(&answer).ok());
        if taken == Some(0) {
            assert_eq!(asker.bytes(), before, "what is not new costs nothing");
        }
        asker.expire(&request);
    }
    let whole = asker.finish().expect("nothing is missing");
    assert_eq!(whole.root(), root);
    assert_eq!(whole, *served());
}
