//! The drain loop around a node.

use althing::ble::{PowerState, RadioEvent};
use althing::config::Config;
use althing::crypto::Identity;
use althing::node::{Command, Done};
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
    let mut after = Driver::restore(config(), identity, [3; 32], 1, clock.clone(), store);
    let outputs = after.handle_radio(RadioEvent::PowerChanged(PowerState::On));
    assert!(!outputs.radio.is_empty());
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
