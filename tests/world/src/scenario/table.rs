//! The main table: gathered by ticket, two rooms, a walk-out and a return.

use althing::Duration;

use super::watch::Watch;
use super::{NAMES, gather, kept};
use crate::player::{Game, Habits};
use crate::report::{Progress, Report};
use crate::scheme::Signatures;
use crate::world::{World, WorldConfig};

/// A table of craps: gathered by ticket, two rooms, a walk-out and a return.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// The seed.
    pub seed: u64,
    /// Phones at the table, 2 to 16.
    pub phones: usize,
    /// Dice to be thrown.
    pub rolls: u64,
    /// Whether phones keep enough of their past for a transcript of the whole run, and the report has
    /// it.
    pub transcript: bool,
    /// Which signatures.
    pub signatures: Signatures,
    /// Virtual time after which the run gives up and says why.
    pub limit: Duration,
    /// Virtual time between two frames.
    pub frame_every: Duration,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            phones: 6,
            rolls: 30,
            transcript: false,
            signatures: Signatures::Real,
            limit: Duration::from_secs(30 * 60),
            frame_every: Duration::from_millis(500),
        }
    }
}

/// Distance between the rooms, mm: beyond every phone's range.
const ROOM_MM: i64 = 30_000;
/// PDUs lost in a room full of people, of a thousand.
const LOSS_PERMILLE: u32 = 20;
/// How long the story waits for its next throw before it goes on without.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where the story is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chapter {
    /// Everyone sits in the first room.
    Together,
    /// Half of them are in the second room: nobody has a quorum.
    Split,
    /// All are back.
    Merged,
    /// One is outside; the others go on.
    WalkedOut,
    /// All are back for good.
    Home,
}

/// Plays the main table until the dice are thrown, everyone is back and nothing is pending.
///
/// # Panics
/// If the options ask for fewer than 2 or more than 16 phones.
pub fn table(options: &TableOptions, progress: &mut dyn FnMut(&Progress)) -> Report {
    let players = options.phones;
    assert!((2..=16).contains(&players), "2 to 16 phones play");
    let mut world = World::new(WorldConfig {
        seed: options.seed,
        signatures: options.signatures,
        node: super::node_config(options.transcript),
        loss_permille: LOSS_PERMILLE,
        ..WorldConfig::default()
    });
    for (phone, name) in NAMES.iter().enumerate().take(players) {
        let (x, y) = seat(phone, players);
        world.add_phone(name, x, y);
    }
    let end_ms = u64::try_from(options.limit.as_millis()).unwrap_or(u64::MAX);
    let mut watch = Watch::new(
        players,
        end_ms,
        options.rolls,
        options.frame_every,
        progress,
    );
    watch.look(&world);
    let gathered = gather(&mut world, players, Game::Craps);
    if let Err(why) = gathered {
        let mut report = watch.report(&world);
        report.unfinished = Some(why);
        return report;
    }
    world.note(format!("{players} phones have gathered and started"));
    let habits = Habits {
        pause_min_us: 400_000,
        pause_max_us: 2_400_000,
        unsettled_max: 4,
        ..Habits::default()
    };
    world.add_players(0..players, Game::Craps, habits);
    play(&mut world, &mut watch, options);
    let mut report = watch.report(&world);
    report.transcript = kept(&world, options.transcript, players);
    report.unfinished = why_unfinished(&world, &report, options);
    report
}

fn play(world: &mut World, watch: &mut Watch<'_>, options: &TableOptions) {
    let players = options.phones;
    let end = world.now().max(althing::Instant::ZERO + options.limit);
    let mut chapter = Chapter::Together;
    let mut turned = world.now();
    while world.now() < end {
        watch.run(world, Duration::from_millis(500));
        let rolls = world.rolls(players);
        let waited = world.now().since(turned);
        let reached = |share: u64| rolls >= options.rolls * share / 10 || waited > PATIENCE;
        let next = match chapter {
            Chapter::Together if reached(2) => {
                let leavers: Vec<usize> = (players.div_ceil(2)..players).collect();
                world.note(format!("{} go to the other room", names(world, &leavers)));
                for phone in leavers {
                    let (x, y) = seat(phone, players);
                    world.walk(phone, &[(Duration::from_secs(20), x + ROOM_MM, y)]);
                }
                Chapter::Split
            }
            Chapter::Split if waited > Duration::from_secs(40) => {
                for phone in players.div_ceil(2)..players {
                    let (x, y) = seat(phone, players);
                    world.walk(phone, &[(Duration::from_secs(20), x, y)]);
                }
                world.note("they come back".to_owned());
                Chapter::Merged
            }
            Chapter::Merged if reached(5) && waited > Duration::from_secs(25) => {
                let (x, y) = seat(players - 1, players);
                world.note(format!("{} walks out", names(world, &[players - 1])));
                let path = [
                    (Duration::from_secs(18), x, y + ROOM_MM),
                    (Duration::from_secs(30), x, y + ROOM_MM),
                    (Duration::from_secs(48), x, y),
                ];
                world.walk(players - 1, &path);
                Chapter::WalkedOut
            }
            Chapter::WalkedOut if waited > Duration::from_secs(48) => {
                world.note(format!("{} is back", names(world, &[players - 1])));
                Chapter::Home
            }
            same => same,
        };
        if next != chapter {
            chapter = next;
            turned = world.now();
        }
        if rolls >= options.rolls {
            world.set_playing(false);
            if chapter == Chapter::Home && world.is_settled(players) {
                break;
            }
        }
    }
    watch.look(world);
}

fn why_unfinished(world: &World, report: &Report, options: &TableOptions) -> Option<String> {
    let mut reasons = Vec::new();
    if report.rolls < options.rolls {
        reasons.push(format!(
            "{} of {} rolls were done",
            report.rolls, options.rolls
        ));
    }
    if report.actions.pending > 0 {
        reasons.push(format!("{} actions are pending", report.actions.pending));
    }
    if report.heads.windows(2).any(|pair| pair[0] != pair[1]) {
        reasons.push(format!("heads differ, at heights {:?}", report.heights));
    }
    if reasons.is_empty() && !world.is_settled(options.phones) {
        reasons.push("somebody still waits".to_owned());
    }
    for wait in &report.waiting {
        reasons.push(format!(
            "{} waits for {} from {}",
            report.names[wait.phone],
            wait.what,
            if wait.whom.is_empty() {
                "nobody in particular".to_owned()
            } else {
                wait.whom.join(", ")
            }
        ));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// A seat around the table, mm: integer points of a rough circle.
fn seat(phone: usize, players: usize) -> (i64, i64) {
    /// Points of a circle of radius 1000, sixteen of them.
    const CIRCLE: [(i64, i64); 16] = [
        (1000, 0),
        (924, 383),
        (707, 707),
        (383, 924),
        (0, 1000),
        (-383, 924),
        (-707, 707),
        (-924, 383),
        (-1000, 0),
        (-924, -383),
        (-707, -707),
        (-383, -924),
        (0, -1000),
        (383, -924),
        (707, -707),
        (924, -383),
    ];
    let (x, y) = CIRCLE[phone * CIRCLE.len() / players];
    (2 * x, 2 * y)
}

fn names(world: &World, phones: &[usize]) -> String {
    let names: Vec<&str> = phones
        .iter()
        .map(|phone| world.phone(*phone).name())
        .collect();
    names.join(" and ")
}
