use super::super::synchronizer::tests::{BUDGET, Phone, filled, key};
use super::super::{SyncStep, Synchronizer};
use super::*;
use crate::state::fixtures::{EPOCH, history};
use crate::wire::GroupMessage;

/// What an asker at `height` of the same history is served.
fn served(server: &History, height: u64, executes: bool, budget: usize) -> Found {
    let block = match height {
        0 => EPOCH,
        _ => server.at(height).expect("kept").block_hash,
    };
    let fetch = Fetch::Above {
        height,
        block,
        executes,
    };
    let found = Synchronizer::answer(server, &fetch, budget);
    let bytes = encode(&GroupMessage::Found(found.clone())).len();
    assert!(
        bytes <= budget.min(MESSAGE_LEN_MAX) || matches!(found, Found::Busy { .. }),
        "{bytes} of {budget}"
    );
    found
}

fn kind(found: &Found) -> &'static str {
    match found {
        Found::Blocks { .. } => "blocks",
        Found::Delta { .. } => "delta",
        Found::Snapshot { .. } => "snapshot",
        Found::UpToDate => "up to date",
        Found::Busy { .. } => "busy",
        _ => "another",
    }
}

#[test]
fn serves_the_fewest_bytes_but_prefers_blocks() {
    // A block of these tests takes 68 bytes, a certificate 230, the delta of any gap 100 with its
    // header, an entry 17.
    for (entries, behind, executes, what) in [
        (0, 2, true, "blocks"),
        (0, 2, false, "snapshot"),
        (50, 2, true, "blocks"),
        // The first state follows from the rules: one who lacks them starts with a whole one.
        (50, 2, false, "snapshot"),
        (2_000, 20, true, "blocks"),
        (2_000, 40, true, "delta"),
        (2_000, 600, true, "delta"),
        (0, 40, true, "snapshot"),
    ] {
        let extra = filled(entries, 10);
        let server = history(behind, usize::MAX, &extra);
        let found = served(&server, 0, executes, BUDGET);
        assert_eq!(kind(&found), what, "{entries} entries, {behind} blocks");
        let mut own = Phone::new(History::new(EPOCH, extra, usize::MAX), executes);
        let steps = own.catch_up(&[&server]);
        assert_eq!(own.history.head(), server.head());
        assert_eq!(own.history.state(), server.state());
        let by_blocks = matches!(steps[0], SyncStep::Blocks { .. });
        assert_eq!(by_blocks, what == "blocks");
    }
}

#[test]
fn blocks_are_worth_twice_the_bytes_of_the_change() {
    let extra = filled(2_000, 10);
    let mut kinds = Vec::new();
    for behind in 1..=40 {
        let server = history(behind * 2 + 2, usize::MAX, &extra);
        let found = served(&server, 2, true, BUDGET);
        let delta = served(&server, 2, false, BUDGET);
        assert_eq!(kind(&delta), "delta");
        // Beside the kinds, an answer is its parts: the lengths in HEADER_LEN are upper bounds.
        let bytes = |found: &Found| encode(found).len() + HEADER_LEN;
        let Found::Blocks { blocks, .. } = &found else {
            kinds.push("delta");
            continue;
        };
        assert_eq!(blocks.len() as u64, behind * 2);
        let worth = BLOCKS_SHORT.max(BLOCKS_WORTH * bytes(&delta));
        assert!(bytes(&found) <= worth + HEADER_LEN);
        kinds.push("blocks");
    }
    let first_delta = kinds.iter().position(|kind| *kind == "delta");
    let first_delta = first_delta.expect("a long gap is a delta");
    assert!(first_delta > 0);
    assert!(kinds[first_delta..].iter().all(|kind| *kind == "delta"));
}

#[test]
fn a_change_over_the_bound_of_a_delta_comes_as_blocks_or_a_snapshot() {
    // Each height writes another 4 kB.
    let mut server = history(0, usize::MAX, &Map::new());
    for height in 1..=8u64 {
        let mut state = server.state().clone();
        state.insert(key(height), vec![height as u8; 4_000]);
        crate::state::fixtures::grow(&mut server, state, true);
    }
    assert_eq!(kind(&served(&server, 0, false, BUDGET)), "snapshot");
    assert_eq!(kind(&served(&server, 0, true, BUDGET)), "blocks");
    assert_eq!(kind(&served(&server, 7, false, BUDGET)), "delta");
    let mut own = Phone::new(History::new(EPOCH, Map::new(), usize::MAX), false);
    own.catch_up(&[&server]);
    assert_eq!(own.history.head(), server.head());
}

#[test]
fn what_is_no_longer_kept_comes_as_a_snapshot() {
    let extra = filled(3_000, 10);
    let server = history(50, 4_000, &extra);
    assert!(server.since(1).is_none());
    let first = server.entries().next().expect("the head is kept");
    let before = first.header.height - 1;
    let asker = Asker {
        height: before - 1,
        block: Hash::ZERO,
        executes: true,
    };
    let state = Synchronizer::sync_state(&server, asker, BUDGET);
    assert!(matches!(state, SyncState::Snapshot(_)));
    let fetch = Fetch::Above {
        height: before - 1,
        block: Hash::ZERO,
        executes: true,
    };
    let found = Synchronizer::answer(&server, &fetch, BUDGET);
    assert!(encode(&found).len() <= BUDGET);
}

#[test]
fn blocks_above_the_last_certified_one_are_not_served() {
    let server = history(5, usize::MAX, &Map::new());
    let mut own = Phone::new(History::new(EPOCH, Map::new(), usize::MAX), true);
    own.catch_up(&[&server]);
    assert_eq!(own.history.head().0, 4);
    assert_eq!(served(&server, 5, true, BUDGET), Found::UpToDate);
    assert_eq!(served(&server, 4, true, BUDGET), Found::UpToDate);
}

#[test]
fn no_answer_is_longer_than_its_budget() {
    let extra = filled(300, 10);
    let server = history(60, usize::MAX, &extra);
    // One answer with blocks 57 to 60.
    let Found::Blocks {
        blocks,
        finalization,
    } = served(&server, 56, true, BUDGET)
    else {
        panic!("blocks are worth it");
    };
    assert_eq!(blocks.len(), 4);
    let parts: usize = blocks.iter().map(|block| encode(block).len()).sum();
    let full = HEADER_LEN + parts + encode(&finalization).len();
    for (budget, fits) in [(full + 1, 4), (full, 4), (full - 1, 2)] {
        let Found::Blocks { blocks, .. } = served(&server, 56, true, budget) else {
            panic!("blocks are worth it");
        };
        assert_eq!(blocks.len(), fits);
    }
    for budget in [0, 100, 300, 400, 1_500, 2_000, 5_000, usize::MAX] {
        for height in [0, 30, 58] {
            served(&server, height, true, budget);
            served(&server, height, false, budget);
        }
    }
    assert_eq!(kind(&served(&server, 0, false, 100)), "busy");
}

#[test]
fn a_long_suffix_is_cut_at_256_blocks() {
    // Where neither a delta nor a state is short: each height writes another kilobyte.
    let mut server = history(0, usize::MAX, &filled(3_000, 30));
    for height in 1..=300u64 {
        let mut state = server.state().clone();
        state.insert(key(height), vec![height as u8; 1_000]);
        crate::state::fixtures::grow(&mut server, state, true);
    }
    let Found::Blocks { blocks, .. } = served(&server, 0, true, usize::MAX) else {
        panic!("blocks are fewer bytes");
    };
    assert_eq!(blocks.len(), 256);
}

#[test]
fn who_is_not_on_the_certified_chain_is_shown_it() {
    let server = history(8, usize::MAX, &filled(50, 10));
    for executes in [true, false] {
        let asker = Asker {
            height: 6,
            block: Hash([7; 32]),
            executes,
        };
        let SyncState::Diverged {
            height,
            certified,
            blocks,
            header,
            ..
        } = Synchronizer::sync_state(&server, asker, BUDGET)
        else {
            panic!("another block is certified there");
        };
        assert_eq!(
            (height, certified),
            (6, server.at(6).expect("kept").block_hash)
        );
        assert_eq!((blocks.len(), header.height), (3, 8));
    }
    // A server that has but a state at that height still shows what certifies it.
    let entry = server.at(8).expect("kept").clone();
    let mut bare = History::new(EPOCH, Map::new(), usize::MAX);
    let finalization = entry.finalization.expect("even heights are certified");
    bare.install(entry.header, finalization, entry.state)
        .expect("it has the root");
    let fetch = Fetch::Above {
        height: 8,
        block: Hash([7; 32]),
        executes: true,
    };
    let mut own = Phone::new(History::new(EPOCH, Map::new(), usize::MAX), true);
    own.history = own.diverged_at(8);
    own.sync.heard(0, bare.head(), own.history.head());
    let step = own.ask(&bare).expect("it is no fault");
    assert!(matches!(step, SyncStep::Diverged { height: 8, .. }));
    assert!(matches!(
        Synchronizer::answer(&bare, &fetch, BUDGET),
        Found::Snapshot { answer, .. } if answer.parts.is_empty()
    ));
}

#[test]
fn a_body_is_served_with_its_certificate() {
    let server = history(4, usize::MAX, &Map::new());
    for height in [3, 4] {
        let entry = server.at(height).expect("kept");
        let fetch = Fetch::Body {
            block: entry.block_hash,
        };
        let Found::Body(body) = Synchronizer::answer(&server, &fetch, BUDGET) else {
            panic!("the body is kept");
        };
        assert_eq!(Some(body.block), entry.block);
        assert_eq!(body.certificate, entry.finalization);
    }
    let unknown = Fetch::Body { block: Hash::ZERO };
    assert_eq!(
        Synchronizer::answer(&server, &unknown, BUDGET),
        Found::UpToDate
    );
    assert_eq!(
        Synchronizer::answer(&server, &Fetch::Votes { from: 0 }, BUDGET),
        Found::UpToDate
    );
}
