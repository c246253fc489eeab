//! The reference room, and the phone that was away.

use althing::Duration;
use althing::rules::counter::CounterAction;

use super::{NAMES, gather};
use crate::chance::Chance;
use crate::player::Game;
use crate::profile::Profile;
use crate::report::Report;
use crate::scheme::Signatures;
use crate::world::{Act, World, WorldConfig};

/// The reference room: everyone in range, full mesh.
#[derive(Clone, Debug)]
pub struct RoomOptions {
    /// The seed.
    pub seed: u64,
    /// Phones.
    pub phones: usize,
    /// Connection interval of every link.
    pub interval: Duration,
    /// PDUs lost, of a thousand.
    pub loss_permille: u32,
    /// How long the store takes to sync.
    pub sync: Duration,
    /// Share of values delivered out of order, of a thousand.
    pub shuffle_permille: u32,
    /// Actions submitted, one after another.
    pub actions: usize,
    /// Which signatures.
    pub signatures: Signatures,
}

impl Default for RoomOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            phones: 4,
            interval: Duration::from_millis(15),
            loss_permille: 0,
            sync: Duration::from_millis(5),
            shuffle_permille: 0,
            actions: 200,
            signatures: Signatures::Real,
        }
    }
}

/// How long one action may take before the room goes on to the next.
const ACTION_MAX: Duration = Duration::from_secs(20);
/// How long links may take to form a full mesh.
const MESH_MAX: Duration = Duration::from_secs(30);

/// Commits `actions` increments of a counter, one at a time, from authors in turn. The report
/// counts from the first of them.
pub fn reference_room(options: &RoomOptions) -> Report {
    let players = options.phones;
    let mut world = World::new(WorldConfig {
        seed: options.seed,
        signatures: options.signatures,
        loss_permille: options.loss_permille,
        shuffle_permille: options.shuffle_permille,
        interval_us: Some(u64::try_from(options.interval.as_micros()).expect("a short interval")),
        sync_us: u64::try_from(options.sync.as_micros()).expect("a short sync"),
        profile: Some(Profile::Bluez),
        ..WorldConfig::default()
    });
    sit_down(&mut world, players);
    if let Err(why) = gather(&mut world, players, Game::Counter) {
        return unfinished(&world, players, why);
    }
    let mesh = players * (players - 1) / 2;
    let until = world.now() + MESH_MAX;
    world.run_until_or(until, &mut |world| world.links().len() >= mesh);
    settle(&mut world, players, Duration::from_secs(10));
    world.set_origin();
    let mut chance = Chance::new(options.seed, "room");
    for action in 0..options.actions {
        // So that submissions meet connection intervals at every point of them.
        let pause = Duration::from_micros(chance.between(20_000, 120_000));
        let until = world.now() + pause;
        world.run_until(until);
        let before = world.commits_seen();
        if let Err(error) = world.submit(action % players, increment()) {
            return unfinished(&world, players, format!("action {action}: {error}"));
        }
        let until = world.now() + ACTION_MAX;
        if !world.run_until_or(until, &mut |world| world.commits_seen() > before) {
            return unfinished(
                &world,
                players,
                format!("action {action} was not committed everywhere in {ACTION_MAX:?}"),
            );
        }
    }
    world.report(players)
}

/// One phone is away while the others go on, then comes back.
#[derive(Clone, Debug)]
pub struct CatchUpOptions {
    /// The seed.
    pub seed: u64,
    /// How long it is away.
    pub away: Duration,
    /// Blocks that the others commit meanwhile.
    pub blocks: u64,
    /// PDUs lost, of a thousand.
    pub loss_permille: u32,
    /// Which signatures.
    pub signatures: Signatures,
}

impl Default for CatchUpOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            away: Duration::from_secs(60),
            blocks: 200,
            loss_permille: 100,
            signatures: Signatures::Cheap,
        }
    }
}

/// What became of the phone that was away.
#[derive(Clone, Debug, PartialEq)]
pub struct CatchUp {
    /// Back in range to at the others' head, ms; `None` where that took over a minute.
    pub consistent_ms: Option<u64>,
    /// Blocks that it lacked.
    pub blocks_missed: u64,
    /// The run.
    pub report: Report,
}

/// Phones in the room of a catch-up.
const CATCH_UP_PHONES: usize = 4;
/// Beyond everybody's range, mm.
const FAR_MM: i64 = 100_000;
/// How long the way back to the others' head may take.
const CATCH_UP_MAX: Duration = Duration::from_secs(60);

/// Measures how long a phone that was away takes to be consistent again.
pub fn catch_up(options: &CatchUpOptions) -> CatchUp {
    let players = CATCH_UP_PHONES;
    let absent = players - 1;
    let mut world = World::new(WorldConfig {
        seed: options.seed,
        signatures: options.signatures,
        loss_permille: options.loss_permille,
        ..WorldConfig::default()
    });
    sit_down(&mut world, players);
    let failed = |world: &World, why: String| CatchUp {
        consistent_ms: None,
        blocks_missed: 0,
        report: unfinished(world, players, why),
    };
    if let Err(why) = gather(&mut world, players, Game::Counter) {
        return failed(&world, why);
    }
    settle(&mut world, players, Duration::from_secs(10));
    let (x_mm, y_mm) = place(absent);
    world.act(Act::Move {
        phone: absent,
        x_mm: x_mm + FAR_MM,
        y_mm,
    });
    world.set_origin();
    let left_at = world.phone(absent).height();
    let back = world.now() + options.away;
    let gap = options.away / u32::try_from(options.blocks.max(1)).unwrap_or(u32::MAX);
    let late = back + options.away * 4;
    let mut author = 0;
    while world.now() < back || world.phone(0).height() < left_at + options.blocks {
        if world.now() > late {
            let height = world.phone(0).height();
            return failed(&world, format!("the others only reached height {height}"));
        }
        // A full queue of pending actions is no failure: the next try comes soon.
        let _ = world.submit(author, increment());
        author = (author + 1) % absent;
        let until = world.now() + gap;
        world.run_until(until);
    }
    settle(&mut world, absent, Duration::from_secs(20));
    let target = world.phone(0).height();
    let returned = world.now();
    world.act(Act::Move {
        phone: absent,
        x_mm,
        y_mm,
    });
    let consistent = world.run_until_or(returned + CATCH_UP_MAX, &mut |world| {
        world.phone(absent).height() >= target
    });
    let took_ms = world.now().since(returned).as_millis();
    CatchUp {
        consistent_ms: consistent.then(|| u64::try_from(took_ms).unwrap_or(u64::MAX)),
        blocks_missed: target - left_at,
        report: world.report(players),
    }
}

/// Puts `players` phones around a table.
fn sit_down(world: &mut World, players: usize) {
    for (phone, name) in NAMES.iter().enumerate().take(players) {
        let (x, y) = place(phone);
        world.add_phone(name, x, y);
    }
}

/// A place in a small room, mm.
fn place(phone: usize) -> (i64, i64) {
    let phone = i64::try_from(phone).expect("a few phones");
    (phone % 4 * 1500, phone / 4 * 1500)
}

/// Runs until nothing is under way, at most for `time`.
pub(super) fn settle(world: &mut World, players: usize, time: Duration) {
    let end = world.now() + time;
    while world.now() < end {
        let until = (world.now() + Duration::from_millis(500)).min(end);
        world.run_until(until);
        if world.is_settled(players) {
            return;
        }
    }
}

fn increment() -> Vec<u8> {
    CounterAction::Add {
        amount: 1,
        expect: None,
    }
    .encode()
}

pub(super) fn unfinished(world: &World, players: usize, why: String) -> Report {
    let mut report = world.report(players);
    report.unfinished = Some(why);
    report
}
