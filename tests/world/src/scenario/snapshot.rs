//! A phone that has nothing of a large board gets it over one link.

use althing::Duration;
use althing::crypto::{Domain, hash};
use althing::rules::board::{BoardAction, BoardConfig};
use althing::wire::{Bytes, Nibbles, encode};

use super::room::{settle, unfinished};
use super::{NAMES, gather_with};
use crate::profile::Profile;
use crate::report::Report;
use crate::scheme::Signatures;
use crate::world::{Act, World, WorldConfig};

/// Three iPhones at a board. One leaves before anything is on it; the others fill it, entry by entry;
/// then one of these leaves, and the first comes back to the other.
#[derive(Clone, Debug)]
pub struct SnapshotOptions {
    /// The seed.
    pub seed: u64,
    /// Entries of the board: a key of 10 bytes, a value of 32 that nothing compresses.
    pub entries: u32,
    /// Connection interval of every link.
    pub interval: Duration,
    /// PDUs lost, of a thousand.
    pub loss_permille: u32,
}

impl Default for SnapshotOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            entries: 10_000,
            interval: Duration::from_millis(15),
            loss_permille: 0,
        }
    }
}

/// What the way of the board took.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotOverLink {
    /// Bytes of the state's entries, as one part would hold them: the board's and the few of the group.
    pub entry_bytes: u64,
    /// Bytes of the answers that the serving phone handed to its link.
    pub answer_bytes: u64,
    /// First request to installed state, µs of virtual time; `None` where that took over two minutes.
    pub took_us: Option<u64>,
    /// What the link carries in one direction in values of its length, if nothing else is on it, bit/s.
    pub ceiling_bps: u64,
    /// The run.
    pub report: Report,
}

impl SnapshotOverLink {
    /// The time that it took by the time of its entries at the link's ceiling; infinite where it did not
    /// arrive.
    pub fn over_ceiling(&self) -> f64 {
        let Some(took_us) = self.took_us else {
            return f64::INFINITY;
        };
        let least_us = 8e6 * self.entry_bytes as f64 / self.ceiling_bps as f64;
        took_us as f64 / least_us
    }
}

/// The one who fills the board and serves it, the one who helps him, the one who has nothing.
const SERVER: usize = 0;
const WRITER: usize = 1;
const NEWCOMER: usize = 2;
const PHONES: usize = 3;
/// Beyond everybody's range, mm.
const FAR_MM: i64 = 100_000;
/// How long filling the board may take.
const FILLING_MAX: Duration = Duration::from_secs(20 * 60);
/// Until a link of which nothing is heard is gone, and everyone knows.
const GONE: Duration = Duration::from_secs(15);
/// How long finding each other, and then the way of the board, may take.
const ARRIVAL_MAX: Duration = Duration::from_secs(120);

/// Measures how long a board takes to one who has nothing of it, over one link.
pub fn snapshot_over_link(options: &SnapshotOptions) -> SnapshotOverLink {
    let interval_us = u64::try_from(options.interval.as_micros()).expect("a short interval");
    let mut world = World::new(WorldConfig {
        seed: options.seed,
        signatures: Signatures::Cheap,
        loss_permille: options.loss_permille,
        interval_us: Some(interval_us),
        profile: Some(Profile::Ios),
        ..WorldConfig::default()
    });
    for (name, x_mm) in NAMES.iter().zip([0, 1_000, 2_000]) {
        world.add_phone(name, x_mm, 0);
    }
    match carry(&mut world, options) {
        Ok(snapshot) => snapshot,
        Err(why) => SnapshotOverLink {
            entry_bytes: 0,
            answer_bytes: 0,
            took_us: None,
            ceiling_bps: 0,
            report: unfinished(&world, PHONES, why),
        },
    }
}

fn carry(world: &mut World, options: &SnapshotOptions) -> Result<SnapshotOverLink, String> {
    gather_with(world, PHONES, "board", BoardConfig::default().encode())?;
    settle(world, PHONES, Duration::from_secs(10));
    world.act(Act::Move {
        phone: NEWCOMER,
        x_mm: FAR_MM,
        y_mm: 0,
    });
    fill(world, options.entries)?;
    world.act(Act::Move {
        phone: WRITER,
        x_mm: -FAR_MM,
        y_mm: 0,
    });
    let until = world.now() + GONE;
    world.run_until(until);
    world.set_origin();

    let state = world.phone(SERVER).view().expect("it plays").committed;
    let entries = state.entries_at(&Nibbles::new(), usize::MAX);
    let entries = entries.ok_or("more entries than a part can name")?;
    let entry_bytes = entries.iter().map(|entry| encode(entry).len() as u64).sum();
    let sent = |world: &World, phone: usize, kind: &str| {
        let sent = world.phone(phone).sent_bytes();
        sent.get(kind).copied().unwrap_or(0)
    };
    let asked_before = sent(world, NEWCOMER, "fetch");
    let found_before = sent(world, SERVER, "found");
    world.act(Act::Move {
        phone: NEWCOMER,
        x_mm: 1_000,
        y_mm: 0,
    });
    let until = world.now() + ARRIVAL_MAX;
    let asks = world.run_until_or(until, &mut |world| {
        sent(world, NEWCOMER, "fetch") > asked_before
    });
    if !asks {
        return Err("the newcomer asks for nothing".to_owned());
    }
    let began = world.now();
    let ceiling_bps = world.ceiling_bps(SERVER, NEWCOMER).ok_or("no link")?;
    let target = world.phone(SERVER).height();
    let arrived = world.run_until_or(began + ARRIVAL_MAX, &mut |world| {
        world.phone(NEWCOMER).height() >= target
    });
    let took_us = u64::try_from(world.now().since(began).as_micros()).unwrap_or(u64::MAX);
    let found = world.phone(NEWCOMER).view().map(|view| view.committed);
    if arrived && found.map(|it| it.root()) != Some(state.root()) {
        return Err("what arrived is not the board".to_owned());
    }
    Ok(SnapshotOverLink {
        entry_bytes,
        answer_bytes: sent(world, SERVER, "found") - found_before,
        took_us: arrived.then_some(took_us),
        ceiling_bps,
        report: world.report(PHONES),
    })
}

/// Two phones put the entries, as fast as the group takes them.
fn fill(world: &mut World, entries: u32) -> Result<(), String> {
    let late = world.now() + FILLING_MAX;
    let mut next = 0;
    while next < entries {
        let author = if next % 2 == 0 { SERVER } else { WRITER };
        if world.submit(author, put(next)).is_ok() {
            next += 1;
            continue;
        }
        // As many as may wait do.
        if world.now() > late {
            return Err(format!("only {next} entries are on the board"));
        }
        let until = world.now() + Duration::from_millis(100);
        world.run_until(until);
    }
    settle(world, NEWCOMER, Duration::from_secs(60));
    match world.open_submissions() {
        0 => Ok(()),
        open => Err(format!("{open} entries are not committed")),
    }
}

fn put(number: u32) -> Vec<u8> {
    let value = hash(Domain::Trace, &[&number.to_le_bytes()]);
    let action = BoardAction::Put {
        key: Bytes::truncating(format!("note/{number:05}").into_bytes()),
        value: Bytes::truncating(value.as_bytes().to_vec()),
        expect: None,
    };
    action.encode()
}
