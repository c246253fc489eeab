use std::collections::BTreeSet;

use althing::crypto::{Domain, Hash, hash};
use althing::sync::sketch::{Answerer, Asker, SHARES_MAX, Step};
use althing::wire::{MESSAGE_LEN_MAX, Reconcile, decode, encode};

use crate::Input;

/// Answers that an asker may need: longer and longer sketches of the whole, and of its parts.
const ANSWERS_MAX: usize = SHARES_MAX + 4;

fn ids() -> BTreeSet<Hash> {
    (0u8..20)
        .map(|number| hash(Domain::Trace, &[&[number]]))
        .collect()
}

/// Whatever a member answers, an asker ends after a bounded number of messages; and whatever a
/// member asks, an answerer has an answer that encodes.
pub fn sketch(data: &[u8]) {
    let mut input = Input(data);
    let own = ids();
    let (mut asker, open) = Asker::open([1; 4], own.iter().copied());
    let (answerer, first) = Answerer::open(&open, [2; 4], own.iter().skip(3).copied())
        .expect("what an asker opens with");
    let mut answerer = answerer.expect("the sets differ");
    let mut honest = first;
    for count in 0.. {
        assert!(count <= ANSWERS_MAX, "an asker without an end");
        // The honest answer, with some bytes wrong or replaced.
        let mut bytes = encode(&honest);
        match input.byte() {
            Some(kind) if kind & 1 == 1 => {
                bytes = input.slice().unwrap_or_default().to_vec();
            }
            Some(kind) => {
                for _ in 0..kind >> 5 {
                    let at = usize::from(input.byte().unwrap_or(0)) % bytes.len();
                    bytes[at] ^= input.byte().unwrap_or(0);
                }
            }
            None => {}
        }
        let Ok(answer) = decode::<Reconcile>(&bytes, MESSAGE_LEN_MAX) else {
            return;
        };
        honest = match asker.receive(&answer) {
            Ok(Step::Ask(question)) => answerer.more(&question),
            Ok(Step::Equal) | Err(_) => return,
            Ok(Step::Found { want, surplus }) => {
                assert!(surplus.iter().all(|id| own.contains(id)));
                for want in want {
                    // A question that is none has an answer too.
                    assert_eq!(answerer.more(&want), Reconcile::Gone);
                }
                return;
            }
        };
    }
}
