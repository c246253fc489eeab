//! The table among the recorded movements of real people.

use std::collections::{BTreeMap, BTreeSet};

use althing::Duration;

use super::watch::Watch;
use super::{NAMES, gather, kept, quorum};
use crate::contacts::{Change, Contacts, ContactsError, Pair, Window};
use crate::player::{Game, Habits};
use crate::report::{Behind, Progress, Recording, Report};
use crate::scheme::Signatures;
use crate::world::{Act, World, WorldConfig};

/// A replay of a contact file.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// The seed.
    pub seed: u64,
    /// Players; everyone else in the file relays.
    pub players: usize,
    /// How long a contact lingers: the sensors hear 1 to 1.5 m, Bluetooth more.
    pub linger: Duration,
    /// First second to play, in the file's time; by default the window with most quorum.
    pub from: Option<u64>,
    /// How much to play.
    pub length: Duration,
    /// Whether phones keep enough of their past for a transcript of the whole run, and the report has
    /// it.
    pub transcript: bool,
    /// Which signatures.
    pub signatures: Signatures,
    /// Virtual time between two frames.
    pub frame_every: Duration,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            players: 4,
            linger: Duration::from_secs(300),
            from: None,
            length: Duration::from_secs(2 * 3600),
            transcript: false,
            signatures: Signatures::Real,
            frame_every: Duration::from_secs(10),
        }
    }
}

/// How long the players are in one room before the recording starts.
const GATHERING: Duration = Duration::from_secs(60);
/// How long two players must have stood together to have to agree at the end, s.
const TOGETHER_S: u64 = 60;
/// How long what is under way at the end may take to arrive.
const GRACE: Duration = Duration::from_secs(10);
/// PDUs lost, of a thousand.
const LOSS_PERMILLE: u32 = 20;

/// Gathers the most cohesive people for 60 s in one room, then lets only the recorded contacts
/// carry while they play.
pub fn replay(
    contacts: &Contacts,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Report, ContactsError> {
    let people = contacts.players(options.players)?;
    let players = people.len();
    let window = contacts.window(
        &people,
        quorum(players),
        options.linger,
        options.from,
        options.length,
    )?;
    let phone_of = phones(contacts, &people);
    let mut world = World::new(WorldConfig {
        seed: options.seed,
        signatures: options.signatures,
        node: super::node_config(options.transcript),
        loss_permille: LOSS_PERMILLE,
        places: false,
        ..WorldConfig::default()
    });
    let mut by_phone: Vec<(usize, u32)> = phone_of
        .iter()
        .map(|(person, phone)| (*phone, *person))
        .collect();
    by_phone.sort_unstable();
    for (phone, person) in by_phone {
        let name = match NAMES.get(phone) {
            Some(name) if phone < players => format!("{name} ({person})"),
            Some(_) | None => format!("person {person}"),
        };
        world.add_phone(&name, 0, 0);
    }
    for one in 0..players {
        for other in one + 1..players {
            world.act(Act::Near {
                one,
                other,
                near: true,
            });
        }
    }
    let recording_starts = world.now() + GATHERING;
    let gathered = gather(&mut world, players, Game::Craps);
    let habits = Habits {
        pause_min_us: 1_500_000,
        pause_max_us: 6_000_000,
        unsettled_max: 4,
        ..Habits::default()
    };
    world.add_players(0..players, Game::Craps, habits);
    world.run_until(recording_starts);
    world.set_origin();
    let changes = contacts.changes(options.linger);
    let near_at_end = plan(&mut world, &changes, &phone_of, players, window);
    let end_ms = window.length_s * 1000;
    let mut watch = Watch::new(players, end_ms, 0, options.frame_every, progress);
    watch.run(&mut world, Duration::from_secs(window.length_s));
    world.set_playing(false);
    let mut report = watch.report(&world);
    // What was under way when the recording ended may arrive; nothing new is said.
    let until = world.now() + GRACE;
    world.run_until_or(until, &mut |world| !differ(world, &near_at_end));
    compare(&mut world, &near_at_end);
    world.check_transcripts(players);
    report.violations = world.violations().to_vec();
    report.trace_digest = world.trace_digest();
    report.unfinished = gathered.err();
    report.transcript = kept(&world, options.transcript, players);
    report.recording = Some(Recording {
        people,
        from_s: window.from_s,
        length_s: window.length_s,
        linger_s: options.linger.as_secs(),
        quorum_ms: window.quorum_ms,
        quorum_anywhere: window.quorum_anywhere,
        behind: behind(&world, &report),
    });
    Ok(report)
}

/// Index of every person's phone: players first, then the others, each ascending.
fn phones(contacts: &Contacts, people: &[u32]) -> BTreeMap<u32, usize> {
    let others = contacts
        .people()
        .into_iter()
        .filter(|person| !people.contains(person));
    let all = people.iter().copied().chain(others);
    all.enumerate()
        .map(|(phone, person)| (person, phone))
        .collect()
}

/// Takes the gathering apart and plans every change of the window from now on. Pairs of players
/// that stood together for the last minute of it.
fn plan(
    world: &mut World,
    changes: &[Change],
    phone_of: &BTreeMap<u32, usize>,
    players: usize,
    window: Window,
) -> Vec<(usize, usize)> {
    let end_s = window.from_s + window.length_s;
    let phones = |(one, other): Pair| (phone_of[&one], phone_of[&other]);
    let mut near: BTreeMap<Pair, u64> = BTreeMap::new();
    let (before, after): (Vec<&Change>, Vec<&Change>) = changes
        .iter()
        .partition(|change| change.at_s <= window.from_s);
    for change in before {
        follow(&mut near, change);
    }
    let at_start: BTreeSet<(usize, usize)> = near.keys().map(|pair| phones(*pair)).collect();
    for one in 0..players {
        for other in one + 1..players {
            let near = at_start.contains(&(one, other)) || at_start.contains(&(other, one));
            world.act(Act::Near { one, other, near });
        }
    }
    for (one, other) in at_start {
        let near = true;
        world.act(Act::Near { one, other, near });
    }
    for change in after.into_iter().filter(|change| change.at_s < end_s) {
        follow(&mut near, change);
        let (one, other) = phones(change.pair);
        let near = change.near;
        let at = Duration::from_secs(change.at_s - window.from_s);
        world.schedule(at, Act::Near { one, other, near });
    }
    let long = near
        .into_iter()
        .filter(|(_, since)| since + TOGETHER_S <= end_s);
    long.map(|(pair, _)| phones(pair))
        .filter(|(one, other)| *one < players && *other < players)
        .collect()
}

fn follow(near: &mut BTreeMap<Pair, u64>, change: &Change) {
    if change.near {
        near.insert(change.pair, change.at_s);
    } else {
        near.remove(&change.pair);
    }
}

fn differ(world: &World, pairs: &[(usize, usize)]) -> bool {
    pairs
        .iter()
        .any(|(one, other)| world.phone(*one).height() != world.phone(*other).height())
}

fn compare(world: &mut World, pairs: &[(usize, usize)]) {
    for (one, other) in pairs {
        let (low, high) = (world.phone(*one).height(), world.phone(*other).height());
        if low != high {
            let names = [one, other].map(|phone| world.phone(*phone).name().to_owned());
            world.violate(
                Some(*one),
                format!(
                    "{} and {} stood together for the last minute and differ: {low} and {high}",
                    names[0], names[1]
                ),
            );
        }
    }
}

/// Players that are not at the last head, as the recording's last second left them.
fn behind(world: &World, report: &Report) -> Vec<Behind> {
    let last = report.heights.iter().copied().max().unwrap_or(0);
    let lacking = report.heights.iter().enumerate();
    lacking
        .filter(|(_, height)| **height < last)
        .map(|(phone, height)| {
            let absence = report
                .absences
                .iter()
                .rfind(|absence| absence.phone == phone)
                .filter(|absence| absence.to_ms == report_end(report));
            let waits: Vec<String> = report
                .waiting
                .iter()
                .filter(|wait| wait.phone == phone)
                .map(|wait| format!("waits for {} from {}", wait.what, wait.whom.join(", ")))
                .collect();
            let why = match absence {
                Some(absence) => {
                    let seconds = (absence.to_ms - absence.from_ms) / 1000;
                    format!("{} for {seconds} s", absence.why)
                }
                None if waits.is_empty() => format!("is {}", world.phone(phone).status()),
                None => waits.join("; "),
            };
            Behind {
                phone,
                height: *height,
                last,
                why,
            }
        })
        .collect()
}

fn report_end(report: &Report) -> i64 {
    i64::try_from(report.virtual_ms).unwrap_or(i64::MAX)
}
