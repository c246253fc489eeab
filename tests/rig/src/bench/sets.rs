//! Two sets that differ: own sketches, `negentropy` in the same run, and what others cost by the
//! literature.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use althing::crypto::{Domain, Hash, hash};
use althing::sync::sketch::{Answerer, Asker, Step};
use althing::wire::{GroupMessage, Reconcile, encode};
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use serde::Serialize;

use super::row::{Bound, Row};

/// What others take, in bytes until the difference is known. Means over at least 5 seeds, measured
/// on 2026-11-21 with negentropy 0.5.3 and own counts of a 16-ary Merkle walk with hashes of 8 bytes and
/// of RIBLT symbols (8 bytes of id, 4 of check, 1 of count); PinSketch is its formula, differences by 8
/// bytes, without salt, check and framing.
struct Case {
    ids: u64,
    differences: u64,
    negentropy: u64,
    merkle: u64,
    riblt: u64,
    pinsketch: u64,
    /// Own bound.
    most: u64,
}

/// Of what has no promise of its own, the bound is what RIBLT takes.
const CASES: [Case; 6] = [
    case(64, 8, [1_143, 528, 182, 64], 110),
    case(1_000, 0, [324, 8, 13, 0], 16),
    case(1_000, 8, [4_270, 1_568, 182, 64], 110),
    case(10_000, 8, [5_477, 2_608, 182, 64], 110),
    case(10_000, 128, [47_036, 21_458, 2_387, 1_024], 2_387),
    case(100_000, 32, [39_584, 10_798, 630, 256], 630),
];

const fn case(ids: u64, differences: u64, others: [u64; 4], most: u64) -> Case {
    let [negentropy, merkle, riblt, pinsketch] = others;
    Case {
        ids,
        differences,
        negentropy,
        merkle,
        riblt,
        pinsketch,
        most,
    }
}

/// One line of the comparison: bytes, and messages where they are known.
#[derive(Serialize)]
pub(super) struct Beside {
    ids: u64,
    differences: u64,
    own: Cost,
    negentropy_here: Cost,
    negentropy: u64,
    merkle: u64,
    riblt: u64,
    pinsketch: u64,
}

/// Bytes and messages of both sides.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Cost {
    bytes: u64,
    messages: u64,
}

impl Cost {
    fn add(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.messages += 1;
    }
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for case in &CASES {
        let (one, other) = sets(case);
        let cost = own(&one, &other);
        let of = format!("{} differences in {}", case.differences, case.ids);
        rows.push(Row::at_most(of.clone(), cost.bytes, case.most));
        rows.push(Row::count("  messages", cost.messages));
        if (case.ids, case.differences) == (10_000, 8) {
            // The third message wants what is lacking and brings what the other side lacks.
            rows.push(Row::at_most(
                "  messages before what is lacking",
                cost.messages,
                2,
            ));
            let least = [
                ("negentropy", case.negentropy, 45.0),
                ("merkle", case.merkle, 20.0),
            ];
            for (name, bytes, least) in least {
                let name = format!("  {name} over it");
                rows.push(Row::ratio(name, bytes, cost.bytes, Bound::AtLeast(least)));
            }
        }
    }
    rows
}

pub(super) fn beside() -> Vec<Beside> {
    let line = |case: &Case| {
        let (one, other) = sets(case);
        Beside {
            ids: case.ids,
            differences: case.differences,
            own: own(&one, &other),
            negentropy_here: ranges(&one, &other),
            negentropy: case.negentropy,
            merkle: case.merkle,
            riblt: case.riblt,
            pinsketch: case.pinsketch,
        }
    };
    CASES.iter().map(line).collect()
}

pub(super) fn table() -> String {
    let mut text = String::from(
        "sets, bytes beside others (messages in brackets; the last four columns are quoted, 2026-11-21)\n",
    );
    let _ = writeln!(
        text,
        "  {:>7} {:>6}  {:>11}  {:>15}  {:>10}  {:>7}  {:>6}  {:>9}",
        "ids", "differ", "here", "negentropy here", "negentropy", "merkle", "riblt", "pinsketch"
    );
    for line in beside() {
        let shown = |cost: Cost| format!("{} ({})", cost.bytes, cost.messages);
        let _ = writeln!(
            text,
            "  {:>7} {:>6}  {:>11}  {:>15}  {:>10}  {:>7}  {:>6}  {:>9}",
            line.ids,
            line.differences,
            shown(line.own),
            shown(line.negentropy_here),
            line.negentropy,
            line.merkle,
            line.riblt,
            line.pinsketch
        );
    }
    text
}

/// Half of the differences on either side.
fn sets(case: &Case) -> (BTreeSet<Hash>, BTreeSet<Hash>) {
    let id = |number: u64| hash(Domain::Trace, &[&number.to_le_bytes()]);
    let shared = case.ids - case.differences;
    let of_one = shared + case.differences / 2;
    let one = (0..of_one).map(id);
    let other = (0..shared).chain(of_one..case.ids).map(id);
    (one.collect(), other.collect())
}

fn own(one: &BTreeSet<Hash>, other: &BTreeSet<Hash>) -> Cost {
    let mut cost = Cost::default();
    let mut send = |message: &Reconcile| {
        cost.add(encode(&GroupMessage::Reconcile(message.clone())).len());
    };
    let (mut asker, open) = Asker::open([1; 4], one.iter().copied());
    send(&open);
    let (mut answerer, mut answer) =
        Answerer::open(&open, [2; 4], other.iter().copied()).expect("an opening");
    loop {
        send(&answer);
        match asker.receive(&answer).expect("not too far apart") {
            Step::Ask(question) => {
                send(&question);
                answer = answerer.as_mut().expect("they differ").more(&question);
            }
            Step::Equal => return cost,
            Step::Found { surplus, .. } => {
                assert!(surplus.iter().all(|id| !other.contains(id)));
                assert_eq!(surplus.len(), one.difference(other).count());
                return cost;
            }
        }
    }
}

fn ranges(one: &BTreeSet<Hash>, other: &BTreeSet<Hash>) -> Cost {
    let storage = |set: &BTreeSet<Hash>| {
        let mut storage = NegentropyStorageVector::with_capacity(set.len());
        for id in set {
            storage
                .insert(0, Id::from_byte_array(id.0))
                .expect("not sealed");
        }
        storage.seal().expect("sealed once");
        storage
    };
    let (one, other) = (storage(one), storage(other));
    let mut asker = Negentropy::borrowed(&one, 0).expect("no limit");
    let mut answerer = Negentropy::borrowed(&other, 0).expect("no limit");
    let mut cost = Cost::default();
    let mut question = asker.initiate().expect("begins once");
    let (mut have, mut need) = (Vec::new(), Vec::new());
    loop {
        cost.add(question.len());
        let answer = answerer.reconcile(&question).expect("a question");
        cost.add(answer.len());
        match asker.reconcile_with_ids(&answer, &mut have, &mut need) {
            Ok(Some(next)) => question = next,
            Ok(None) => return cost,
            Err(fault) => panic!("negentropy refuses its own answer: {fault}"),
        }
    }
}
