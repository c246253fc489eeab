//! A table that falls into two sides and comes together again: how long that takes, and what it
//! costs on air.

use std::collections::BTreeSet;

use althing::rules::counter::CounterAction;
use althing::{Duration, Instant};

use super::{NAMES, gather};
use crate::player::Game;
use crate::report::Violation;
use crate::scheme::Signatures;
use crate::world::{Act, World, WorldConfig};

/// Phones at the table.
const PLAYERS: usize = 4;
/// Where a side goes, mm: nobody hears that far.
const AWAY_MM: i64 = 100_000;
/// How long a step may take until the run is given up.
const STEP_MAX: Duration = Duration::from_secs(120);
/// Submissions that one phone has open at a time, so that no bound of its own is met.
const OPEN_MAX: usize = 60;

/// A split and a heal of four phones.
#[derive(Clone, Copy, Debug)]
pub struct HealOptions {
    /// The seed.
    pub seed: u64,
    /// How many of the four go away.
    pub away: usize,
    /// Tentative actions on each side that has no quorum.
    pub actions: usize,
    /// Blocks that the side with a quorum makes meanwhile.
    pub blocks: u64,
    /// Time that it takes over them, at least.
    pub lasts: Duration,
    /// Data PDUs that are lost, of a thousand.
    pub loss_permille: u32,
}

/// What a heal came to.
#[derive(Clone, Debug)]
pub struct Heal {
    /// From the first link between the sides to one head on all with nothing open, if that was reached.
    pub healed: Option<Duration>,
    /// Blocks that who was away lacked.
    pub missing: u64,
    /// Bytes handed to links from then to there, by kind.
    pub bytes: Vec<(&'static str, u64)>,
    /// What must never happen and did.
    pub violations: Vec<Violation>,
}

/// Parts a table, lets both sides play, and brings them together. The error says what did not happen
/// before.
pub fn heal(options: &HealOptions) -> Result<Heal, String> {
    let mut world = World::new(WorldConfig {
        seed: options.seed,
        signatures: Signatures::Cheap,
        loss_permille: options.loss_permille,
        interval_us: Some(30_000),
        ..WorldConfig::default()
    });
    for (phone, name) in NAMES.iter().enumerate().take(PLAYERS) {
        let (x, y) = home(phone);
        world.add_phone(name, x, y);
    }
    gather(&mut world, PLAYERS, Game::Counter)?;
    reaches(&mut world, "a table at rest", &|world| {
        world.is_settled(PLAYERS) && (0..PLAYERS).all(|it| world.reach(it).len() == PLAYERS)
    })?;
    let away: BTreeSet<usize> = (PLAYERS - options.away..PLAYERS).collect();
    let stay: BTreeSet<usize> = (0..PLAYERS - options.away).collect();
    for phone in &away {
        let (x_mm, y_mm) = home(*phone);
        let x_mm = x_mm + AWAY_MM;
        let phone = *phone;
        world.act(Act::Move { phone, x_mm, y_mm });
    }
    reaches(&mut world, "a split that all know of", &|world| {
        let all =
            (0..PLAYERS).all(|phone| !["live", "healing"].contains(&world.phone(phone).status()));
        all && !crosses(world, &away)
    })?;
    let began = world.now();
    for side in [&stay, &away] {
        if world.phone(*side.first().expect("two sides")).status() == "no quorum" {
            apart(&mut world, side, options.actions)?;
        }
    }
    together(&mut world, &stay, options, began)?;
    let height = |world: &World, side: &BTreeSet<usize>| {
        let heights = side.iter().map(|phone| world.phone(*phone).height());
        heights.max().unwrap_or(0)
    };
    let missing = height(&world, &stay) - height(&world, &away);
    for phone in &away {
        let (x_mm, y_mm) = home(*phone);
        let phone = *phone;
        world.act(Act::Move { phone, x_mm, y_mm });
    }
    reaches(&mut world, "a link between the sides", &|world| {
        crosses(world, &away)
    })?;
    let before = world.sent_bytes();
    let first: Instant = world.now();
    let healed = reaches(&mut world, "a heal", &|world| world.is_settled(PLAYERS));
    let healed = healed.ok().map(|()| world.now().since(first));
    let after = world.sent_bytes();
    let bytes = after
        .into_iter()
        .map(|(kind, bytes)| (kind, bytes - before.get(kind).copied().unwrap_or(0)))
        .filter(|(_, bytes)| *bytes > 0)
        .collect();
    world.check_transcripts(PLAYERS);
    Ok(Heal {
        healed,
        missing,
        bytes,
        violations: world.violations().to_vec(),
    })
}

/// A side without a quorum plays: all of it sees all of that.
fn apart(world: &mut World, side: &BTreeSet<usize>, actions: usize) -> Result<(), String> {
    for number in 0..actions {
        let phone = side
            .iter()
            .nth(number % side.len())
            .expect("below its length");
        add(world, *phone)?;
        let until = world.now() + Duration::from_millis(150);
        world.run_until(until);
    }
    reaches(world, "one side's actions on all of it", &|world| {
        side.iter().all(|phone| {
            let view = world.phone(*phone).view();
            view.is_some_and(|view| view.tentative.len() == actions)
        })
    })
}

/// The side with a quorum makes blocks, one action each.
fn together(
    world: &mut World,
    side: &BTreeSet<usize>,
    options: &HealOptions,
    began: Instant,
) -> Result<(), String> {
    let first = *side.first().expect("somebody stays");
    let base = world.phone(first).height();
    for number in 0..options.blocks {
        let due = began
            + options.lasts * u32::try_from(number).unwrap_or(u32::MAX)
                / u32::try_from(options.blocks).unwrap_or(u32::MAX);
        world.run_until(due.max(world.now()));
        let phone = side.iter().copied().nth(number as usize % side.len());
        add(world, phone.unwrap_or(first))?;
        reaches(world, "a block", &|world| {
            let height = base + number + 1;
            side.iter()
                .all(|phone| world.phone(*phone).height() >= height)
        })?;
    }
    Ok(())
}

fn add(world: &mut World, phone: usize) -> Result<(), String> {
    let open = |world: &World| {
        let view = world.phone(phone).view();
        view.map_or(0, |view| view.pending.len())
    };
    debug_assert!(open(world) < OPEN_MAX, "below every bound of a phone");
    let add = CounterAction::Add {
        amount: 1,
        expect: None,
    };
    let done = world.submit(phone, add.encode());
    done.map(|_| ())
        .map_err(|error| format!("no submission: {error}"))
}

fn reaches(world: &mut World, what: &str, done: &dyn Fn(&World) -> bool) -> Result<(), String> {
    let until = world.now() + STEP_MAX;
    if done(world) || world.run_until_or(until, &mut |world| done(world)) {
        return Ok(());
    }
    Err(format!("not reached in {STEP_MAX:?}: {what}"))
}

fn crosses(world: &World, away: &BTreeSet<usize>) -> bool {
    let links = world.links();
    links
        .iter()
        .any(|(one, other)| away.contains(one) != away.contains(other))
}

fn home(phone: usize) -> (i64, i64) {
    let phone = i64::try_from(phone).expect("a few phones");
    (phone % 2 * 1_500, phone / 2 * 1_500)
}
