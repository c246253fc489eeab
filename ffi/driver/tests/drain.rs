//! The drain loop around a node.

use althing::ble::{PowerState, RadioEvent};
use althing::config::Config;
use althing::crypto::Identity;
use althing::error::{RestoreError, StoreFault};
use althing::id::{RunId, StoreToken};
use althing::node::{Command, Done, Event, StoreCommand};
use althing::wire::decode;
use althing::{Duration, Instant};
use althing_driver::{Driver, ManualClock, MemoryStore, Store};

fn config() -> Config {
    Config {
        rules: althing::rules::built_in(),
        ..Config::default()
    }
}

fn driver(clock: &ManualClock, store: MemoryStore) -> Driver<ManualClock, MemoryStore> {
    Driver::new(
        config(),
        Identity::new([1; 32]),
        [2; 32],
        clock.clone(),
        store,
    )
}

fn open() -> Command {
    Command::OpenTable {
        name: "Anna".to_owned(),
        rules: "counter".to_owned(),
        rules_config: Vec::new(),
        mode: None,
    }
}

#[test]
fn same_calls_give_the_same_outputs() {
    let run = || {
        let clock = ManualClock::new(Instant::from_millis(5));
        let mut driver = driver(&clock, MemoryStore::new());
        let power = RadioEvent::PowerChanged(PowerState::On);
        let mut seen = vec![driver.handle_radio(power)];
        seen.push(driver.handle_command(open()).expect("built in").1);
        for _ in 0..20 {
            let wake_after = seen.last().and_then(|outputs| outputs.wake_after);
            clock.advance(wake_after.unwrap_or(Duration::from_millis(10)));
            seen.push(driver.handle_timeout());
        }
        seen
    };
    assert_eq!(run(), run());
}

#[test]
fn an_explicit_store_ends_with_the_same_records() {
    let clock = ManualClock::default();
    let mut plain = driver(&clock, MemoryStore::new());
    let mut explicit = driver(&clock, MemoryStore::explicit());
    for driver in [&mut plain, &mut explicit] {
        let (done, _) = driver.handle_command(open()).expect("built in");
        assert!(matches!(done, Done::Opened { .. }));
    }
    assert_eq!(explicit.store().load(), []);
    while explicit.store_mut().complete() {
        explicit.handle_stored();
    }
    assert_eq!(explicit.store().load(), plain.store().load());
    assert!(!plain.store().load().is_empty(), "an open table is stored");
}

#[test]
fn a_restarted_phone_looks_for_the_others_again() {
    let clock = ManualClock::default();
    let mut before = driver(&clock, MemoryStore::new());
    before.handle_command(open()).expect("built in");
    let mut store = before.into_store();
    store.crash();
    let identity = Identity::new([1; 32]);
    let after = Driver::restore(config(), identity, [3; 32], 1, clock.clone(), store);
    let mut after = after.expect("our own format");
    let outputs = after.handle_radio(RadioEvent::PowerChanged(PowerState::On));
    assert!(!outputs.radio.is_empty());
}

/// Restores a phone as its user must: with the counter outside plus one, and writes back what is
/// to be kept. Completes up to `batches` of the store before it crashes.
fn one_life(outside: &mut u64, mut store: MemoryStore, batches: usize) -> MemoryStore {
    store.crash();
    let identity = Identity::new([1; 32]);
    let clock = ManualClock::default();
    let driver = Driver::restore(config(), identity, [3; 32], *outside + 1, clock, store);
    let mut driver = driver.expect("our own format");
    driver.handle_timeout();
    for _ in 0..batches {
        assert_eq!(driver.counter_to_keep(), None, "nothing is stored yet");
        assert!(driver.store_mut().complete());
        driver.handle_stored();
        *outside = driver.counter_to_keep().expect("the first batch is stored");
    }
    driver.into_store()
}

/// The counter that a store was told last.
fn counter_in(store: &MemoryStore) -> u64 {
    let records = store.load();
    let meta = records.iter().find(|record| record.key == b"m");
    let meta = meta.expect("every store has it");
    let (format, meta) = meta.value.split_first().expect("every record has a format");
    assert_eq!(*format, 1);
    let (_, meta) = meta.split_first_chunk::<4>().expect("and a checksum");
    let (_, counter, _): (RunId, u64, bool) =
        decode(meta, 64).expect("what a store says of itself");
    counter
}

#[test]
fn the_counter_outside_follows_the_one_in_the_store() {
    let mut first = driver(&ManualClock::default(), MemoryStore::explicit());
    assert_eq!(first.counter_to_keep(), None);
    first.handle_timeout();
    assert_eq!(first.counter_to_keep(), None);
    assert!(first.store_mut().complete());
    first.handle_stored();
    let mut outside = first.counter_to_keep().expect("the first batch is stored");
    assert_eq!(outside, 0);
    let mut store = first.into_store();
    // Crashes before the first batch repeat a counter; the store stays current all the same.
    for (batches, expected) in [(1, 1), (0, 1), (0, 1), (1, 2), (1, 3), (0, 3), (1, 4)] {
        store = one_life(&mut outside, store, batches);
        assert_eq!(outside, expected);
        assert_eq!(counter_in(&store), expected);
    }
}

#[test]
fn a_crash_between_store_and_counter_leaves_the_store_current() {
    let mut store = MemoryStore::explicit();
    let mut first = driver(&ManualClock::default(), store);
    first.handle_timeout();
    assert!(first.store_mut().complete());
    store = first.into_store();
    let mut outside = 0;
    for expected in 1..4 {
        let before = outside;
        store = one_life(&mut outside, store, 1);
        // The write outside is lost once: the store is one ahead of it, and says so again.
        outside = before;
        store = one_life(&mut outside, store, 1);
        assert_eq!((outside, counter_in(&store)), (expected, expected));
    }
}

#[test]
fn a_first_batch_that_was_refused_keeps_its_counter_once_it_is_stored() {
    for fault in [StoreFault::Full, StoreFault::ReadOnly, StoreFault::Io] {
        let clock = ManualClock::default();
        let mut driver = driver(&clock, MemoryStore::explicit());
        driver.handle_timeout();
        assert!(driver.store_mut().refuse(fault));
        let outputs = driver.handle_stored();
        assert_eq!(outputs.events, [Event::StoreFailed { fault }]);
        assert_eq!(driver.counter_to_keep(), None);
        driver.handle_command(open()).expect("built in");
        assert!(!driver.store_mut().complete(), "it waits");
        clock.set(Instant::from_millis(500));
        driver.handle_timeout();
        assert!(driver.store_mut().complete());
        driver.handle_stored();
        assert_eq!(driver.counter_to_keep(), Some(0));
        assert_eq!(counter_in(driver.store()), 0);
    }
}

#[test]
fn a_store_of_another_format_is_not_opened_and_stays_as_it_is() {
    let mut first = driver(&ManualClock::default(), MemoryStore::new());
    first.handle_command(open()).expect("built in");
    let mut records = first.store().load();
    for record in &mut records {
        record.value[0] = 2;
    }
    let mut store = MemoryStore::explicit();
    store.submit(StoreCommand {
        token: StoreToken(1),
        puts: records.clone(),
        deletes: vec![],
    });
    assert!(store.complete());
    let identity = Identity::new([1; 32]);
    let clock = ManualClock::default();
    let refused = Driver::restore(config(), identity, [3; 32], 1, clock, store.clone());
    let error = refused.expect_err("another format");
    assert_eq!(error, RestoreError::UnknownFormat { found: 2, known: 1 });
    assert!(error.to_string().contains("install the newest version"));
    assert_eq!((store.load(), store.waiting()), (records, 0));
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let clock = ManualClock::new(Instant::from_millis(100));
    let mut driver = driver(&clock, MemoryStore::new());
    clock.set(Instant::from_millis(40));
    driver.handle_timeout();
    assert_eq!(driver.now(), Instant::from_millis(100));
    clock.set(Instant::from_millis(101));
    driver.handle_timeout();
    assert_eq!(driver.now(), Instant::from_millis(101));
}
