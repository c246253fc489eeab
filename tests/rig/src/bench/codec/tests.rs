use std::fs;
use std::path::Path;

use althing::rules::craps::{BetKind, CrapsAction};

use super::games::{self, CrapsTable};
use super::*;

/// Seeds of the frozen traces; the tables of the craps model were counted on another one.
const TRACE_SEED: u64 = 1;
const TRACE_LEN: usize = 2_000;
const PRIORS_SEED: u64 = 7_000;
const PRIORS_LEN: usize = 20_000;

/// The traces are frozen: bots or rules that play another game need new files, on purpose.
#[test]
fn the_frozen_traces_are_what_their_seed_plays() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    for (file, title, steps) in [
        (
            "craps.txt",
            "craps of bots at the real rules",
            games::craps(TRACE_SEED, TRACE_LEN),
        ),
        (
            "cards.txt",
            "a trick-taking card game",
            games::cards(TRACE_SEED, TRACE_LEN),
        ),
        (
            "grid.txt",
            "units on a grid",
            games::grid(TRACE_SEED, TRACE_LEN),
        ),
    ] {
        let kept = fs::read_to_string(folder.join(file)).expect("the trace is here");
        let played = traces::write(title, TRACE_SEED, &steps);
        assert!(kept == played, "{file} is not what its seed plays");
    }
}

/// What the craps model takes for common was counted on these bots, and then frozen: it is protocol.
#[test]
fn the_priors_are_what_was_counted_on_bots() {
    let actions: Vec<CrapsAction> = games::craps(PRIORS_SEED, PRIORS_LEN)
        .iter()
        .map(|(_, payload)| CrapsAction::decode(payload).expect("a bot's action"))
        .collect();
    let variant = |action: &CrapsAction| usize::from(action.encode()[0]);
    let amounts = [
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 18, 20, 24, 25, 30, 35, 36, 40, 45, 48, 50, 60,
        75, 80, 100, 120, 125, 150, 200, 250, 300, 400, 500, 1000,
    ];
    let mut variants = vec![vec![0u64; 8]; 9];
    let mut kinds = vec![vec![0u64; usize::from(BetKind::COUNT)]; 3];
    let mut chips = vec![vec![0u64; amounts.len() + 1]; 7];
    let mut count_chips = |class: usize, count: u32| {
        let amount = amounts.iter().position(|amount| *amount == count);
        chips[class][amount.unwrap_or(amounts.len())] += 1;
    };
    let mut stage = 0;
    for (at, action) in actions.iter().enumerate() {
        variants[8][variant(action)] += 1;
        if at > 0 {
            variants[variant(&actions[at - 1])][variant(action)] += 1;
        }
        match *action {
            CrapsAction::Bet { kind, chips } => {
                let index = usize::from(kind.index());
                kinds[0][index] += 1;
                if stage > 0 {
                    kinds[stage][index] += 1;
                }
                stage = match index {
                    0 | 1 => 1,
                    3..=6 => 2,
                    _ => stage,
                };
                let class = match kind {
                    BetKind::Place(on) if matches!(on.total(), 6 | 8) => 2,
                    _ => match index {
                        0 | 1 | 3 | 4 => 0,
                        5..31 if index != 2 => 1,
                        2 | 31..51 => 3,
                        _ => 4,
                    },
                };
                count_chips(class, chips);
            }
            CrapsAction::Transfer { chips, .. } => count_chips(5, chips),
            CrapsAction::TakeDown { chips, .. } => count_chips(6, chips),
            CrapsAction::Roll => stage = 0,
            _ => {}
        }
    }
    for (name, rows) in [("ACTIONS", variants), ("KINDS", kinds), ("CHIPS", chips)] {
        let counted: Vec<u64> = rows
            .iter()
            .flat_map(|row| {
                let sum: u64 = row.iter().sum::<u64>().max(1);
                // What was never seen stays possible, at the least count.
                row.iter().map(move |count| (count * 768 / sum).max(1))
            })
            .collect();
        assert_eq!(frozen(name), counted, "{name}");
    }
}

/// The numbers of one table of the craps model.
fn frozen(name: &str) -> Vec<u64> {
    let file = include_str!("../../../../../core/src/rules/craps/pack/priors.rs");
    let table = file
        .split_once(&format!("const {name}: "))
        .and_then(|(_, rest)| rest.split_once(" = "))
        .and_then(|(_, rest)| rest.split_once(";\n"))
        .expect("the table is in the file");
    let numbers = table.0.split(|c: char| !c.is_ascii_digit());
    numbers.filter_map(|digits| digits.parse().ok()).collect()
}

#[test]
fn craps_fits_the_floor_and_the_goal() {
    let tables = tables();
    for table in &tables {
        for row in &table.rows {
            println!("{}: {:42} {:6.2?}", table.trace, row.name, row.bytes);
        }
    }
    let craps = &tables[0];
    for (batch, floor, goal) in CRAPS_BOUNDS {
        let bytes = craps.bytes(PACKED, batch);
        assert!(bytes <= floor && bytes <= goal, "batch {batch}: {bytes} B");
    }
    // One action: at least 95 % below the naive form, and the coder near its model.
    assert!(craps.bytes(PACKED, 1) <= 0.05 * craps.bytes(NAIVE, 1));
    for table in &tables {
        for batch in BATCHES {
            let (packed, entropy) = (table.bytes(PACKED, batch), table.bytes(ENTROPY, batch));
            let apart = (packed - entropy) * batch as f64;
            assert!(
                apart <= 1.0,
                "{}, batch {batch}: {apart} B over the model",
                table.trace
            );
            assert!(packed <= 0.2 * table.bytes(NAIVE, batch));
        }
    }
    let (floors_and_goals, below) = (CRAPS_BOUNDS.len(), 2);
    assert_eq!(
        rows(&tables).len(),
        tables.len() * BATCHES.len() + floors_and_goals + below
    );
}

/// The median action is at most 2 % of the state that it changes, in each half of the trace.
#[test]
fn an_action_is_little_beside_the_state() {
    let craps = Craps::new();
    let steps = traces::read(traces::CRAPS).expect("a trace");
    let mut game = CrapsTable::new();
    let mut room = Room::new();
    let mut permille: Vec<usize> = steps
        .iter()
        .map(|step| {
            let known = Room {
                members: room.members.clone(),
                last: room.last.clone(),
            };
            let packing = Packing {
                group: GROUP,
                members: &known.members,
                rules: &craps,
            };
            let signed = [room.sign(step)];
            let (packed, _) = pack(packing, &signed, &known, 1_000).expect("a member's action");
            game.apply(step);
            let entries = game.state.iter();
            let state: usize = entries
                .map(|(key, value)| key.as_bytes().len() + value.len())
                .sum();
            packed.bytes.len() * 1_000 / state
        })
        .collect();
    permille.sort_unstable();
    assert!(permille[permille.len() / 2] <= 20, "{permille:?}");
}

#[test]
fn the_frozen_traces_are_what_their_seeds_make() {
    let made = [
        (traces::CARDS, games::cards(TRACE_SEED, TRACE_LEN)),
        (traces::GRID, games::grid(TRACE_SEED, TRACE_LEN)),
    ];
    for (text, steps) in made {
        assert_eq!(traces::read(text), Ok(steps));
    }
    // The craps one follows from the rules of its day; it still plays.
    let mut game = CrapsTable::new();
    let steps = traces::read(traces::CRAPS).expect("a trace");
    let taken = steps.iter().filter(|step| game.apply(step)).count();
    assert_eq!(steps.len(), TRACE_LEN);
    assert!(
        taken * 10 > TRACE_LEN * 9,
        "{taken} of {TRACE_LEN} are taken"
    );
}

#[test]
fn a_bad_line_of_a_trace_is_named() {
    assert_eq!(traces::read("# only a title\n"), Ok(vec![]));
    assert_eq!(traces::read("7 00ff\n"), Ok(vec![(7, vec![0, 255])]));
    for bad in ["8 00", "1", "1 0", "1 zz", "x 00", ""] {
        let error = traces::read(&format!("# title\n{bad}\n")).expect_err("refused");
        assert!(error.starts_with("line 2 "), "{error}");
    }
}
