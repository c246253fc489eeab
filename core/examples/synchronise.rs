//! Two histories of one group are brought together, without any radio: the five operations of the
//! synchroniser, and the machine that asks for them.
//!
//! `cargo run -p althing --example synchronise`
#![expect(clippy::print_stdout, reason = "it shows what it does")]

use std::error::Error;

use althing::rules::counter::{self, Counter, CounterAction};
use althing::state::Map;
use althing::sync::{Asker, Order, SyncState, Synchronizer};
use althing::wire::encode;
use althing::{Duration, Instant};

#[path = "synchronise/room.rs"]
mod room;
use room::Room;

const BUDGET: usize = 24 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let room = Room::new(&["Anna", "Bjorn", "Disa"])?;
    // Anna and Dísa went on while Björn was away.
    let mut annas = room.history();
    room.play(&mut annas, 0..3)?;
    let (_, mut bjorns) = annas.rollback(2)?;
    room.play(&mut annas, 3..40)?;
    let quorum = |certificate: &_| room.committee.verify_certificate(certificate);
    println!(
        "Anna is at {}, Björn at {}",
        annas.head().0,
        bjorns.head().0
    );

    // 1. What brings Björn to her head? Blocks if he was away shortly, else the change alone.
    for height in [36, bjorns.head().0] {
        let base = annas.state_at(height).ok_or("too old")?;
        let block = annas.at(height).map(|entry| entry.block_hash);
        let asker = Asker {
            height,
            block: block.ok_or("too old")?,
            executes: true,
        };
        match Synchronizer::sync_state(&annas, asker, BUDGET) {
            SyncState::Blocks { blocks, .. } => println!(
                "1. from {height}: {} blocks, {} bytes",
                blocks.len(),
                encode(&blocks).len()
            ),
            // 2. It is applied aside and given out only with the certified root.
            SyncState::Delta { header, delta, .. } => {
                let mut bytes = delta.encode();
                println!("1. from {height}: a delta of {} bytes", bytes.len());
                let state = Synchronizer::apply_delta(base, &header, &bytes)?;
                println!("2. applied, it gives {:?}", counter::value(&state));
                *bytes.last_mut().ok_or("an empty delta")? ^= 1;
                let refused = Synchronizer::apply_delta(base, &header, &bytes);
                println!("   with one bit flipped: {}", refused.expect_err("a lie"));
            }
            other => println!("1. from {height}: {other:?}"),
        }
    }

    // 3. A certified state, and 4. the check that another one fails, by its name.
    let snapshot = Synchronizer::create_snapshot(&annas, annas.head().0).ok_or("not certified")?;
    let check = |state: &Map| {
        let (head, epoch) = (bjorns.head(), bjorns.epoch());
        let (header, finalization) = (&snapshot.header, &snapshot.finalization);
        Synchronizer::validate_state(state, header, finalization, head, &quorum, epoch)
    };
    println!("3. a snapshot of {} entries", snapshot.state.len());
    println!("4. it is valid: {}", check(&snapshot.state).is_ok());
    println!("   another: {}", check(bjorns.state()).expect_err("a lie"));

    // The machine does all of that: it asks, checks what comes back, and asks on.
    let mut sync = Synchronizer::new(room.setup(Duration::from_millis(1500)));
    let now = Instant::from_micros(0);
    sync.set_reachable([0].into());
    sync.heard(0, annas.head(), bjorns.head());
    while let Some(message) = sync.generate(&bjorns, now) {
        let found = Synchronizer::answer(&annas, &message.fetch, BUDGET);
        let step = sync.receive(message.to, found, &bjorns, &quorum, now)?;
        room.follow(&mut bjorns, step)?;
    }
    println!(
        "   Björn is at {}, {:?}",
        bjorns.head().0,
        counter::value(bjorns.state())
    );

    // 5. Both saw 40 and asked for more while they were apart: one of them wins, on every phone.
    let add = |author, number, amount, expect| {
        room.action(author, number, &CounterAction::Add { amount, expect })
    };
    let apart = [
        add(0, 41, 5, Some(40)),
        add(1, 1, 7, Some(40)),
        add(1, 2, 1, None),
    ];
    let base = room.apply_to(bjorns.state());
    let order = Order {
        running: &|_| None,
        salt: bjorns.epoch(),
        rules: &Counter,
        group: room::GROUP,
    };
    let resolved = Synchronizer::resolve_conflict(base, apart.to_vec(), order)?;
    for (id, reason) in resolved.rejected() {
        println!(
            "5. refused: number {} of {:?}, {reason:?}",
            id.number, id.author
        );
    }
    let state = resolved.state.overlay.absorb();
    println!("   together: {:?}", counter::value(&state));
    Ok(())
}
