//! A soak: everything that goes wrong, for a while; then it must all come right.

mod dense;
mod partitions;

pub use dense::{DENSE_LASTS, dense_soak};
pub use partitions::partition_soak;

use althing::Duration;
use althing::ble::AppMode;
#[cfg(feature = "planted")]
use althing::config::Plant;

use super::{NAMES, gather, kept, quorum};
use crate::chance::Chance;
use crate::player::{Game, Habits};
use crate::report::Report;
use crate::scheme::Signatures;
use crate::world::{Act, World, WorldConfig};

/// One seed of a soak: 4 to 8 phones with loss, crashes, radio cycles, walks and lost stores.
#[derive(Clone, Debug)]
pub struct SoakOptions {
    /// The seed.
    pub seed: u64,
    /// How long trouble lasts; then everyone comes into range.
    pub trouble: Duration,
    /// Whether phones keep enough of their past for a transcript of the whole run, and the report has
    /// it.
    pub transcript: bool,
    /// Which signatures.
    pub signatures: Signatures,
    /// A bug switched on to see whether it is found.
    #[cfg(feature = "planted")]
    pub plant: Option<Plant>,
}

impl Default for SoakOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            trouble: Duration::from_secs(60),
            transcript: false,
            signatures: Signatures::Real,
            #[cfg(feature = "planted")]
            plant: None,
        }
    }
}

/// Kinds of messages that are agreement: an idle table sends none of them.
const AGREEMENT: [&str; 9] = [
    "actions",
    "proposal",
    "votes",
    "certificates",
    "refusal",
    "reveal",
    "fetch",
    "found",
    "tally",
];
/// How long it may take until everything has its fate, once everyone is in range.
const SETTLE_MAX: Duration = Duration::from_secs(180);
/// After that, how long until the table counts as idle, and how long it is watched.
const IDLE_AFTER: Duration = Duration::from_secs(10);
const IDLE_WATCH: Duration = Duration::from_secs(20);
/// How long a slow store takes to sync, µs.
const SLOW_SYNC_US: u64 = 150_000;
/// Centres of the rooms, mm: no two of them hear each other.
const ROOMS: [(i64, i64); 3] = [(0, 0), (30_000, 0), (0, 30_000)];

/// Plays one seed of a soak. Frames are not taken.
pub fn soak(options: &SoakOptions) -> Report {
    let mut chance = Chance::new(options.seed, "soak");
    let players = usize::try_from(chance.between(4, 8)).expect("a few phones");
    let game = if chance.permille(750) {
        Game::Craps
    } else {
        Game::Counter
    };
    // Up to n - q phones may fail for good: one with bent rules, or some that lose their stores.
    let bent = chance.permille(200).then(|| chance.index(players));
    let losers = if bent.is_none() && chance.permille(400) {
        chance.between(1, (players - quorum(players)) as u64)
    } else {
        0
    };
    let doors = chance.permille(300);
    let mut world = World::new(WorldConfig {
        seed: options.seed,
        signatures: options.signatures,
        node: super::node_config(options.transcript),
        bent,
        sync_us: if doors {
            SLOW_SYNC_US
        } else {
            chance.pick(&[5_000, 5_000, 5_000, 5_000, 5_000, SLOW_SYNC_US])
        },
        loss_permille: chance.pick(&[0, 20, 50, 100]),
        shuffle_permille: chance.pick(&[0, 0, 0, 400]),
        busy_permille: 20,
        setup_failure_permille: 30,
        #[cfg(feature = "planted")]
        plant: options.plant,
        ..WorldConfig::default()
    });
    for (phone, name) in NAMES.iter().enumerate().take(players) {
        let (x, y) = place(0, phone);
        world.add_phone(name, x, y);
    }
    let report = |world: &World| Report {
        transcript: kept(world, options.transcript, players),
        ..world.report(players)
    };
    if let Err(why) = gather(&mut world, players, game) {
        world.violate(None, format!("no gathering: {why}"));
        return report(&world);
    }
    let habits = Habits {
        pause_min_us: 200_000,
        pause_max_us: 900_000,
        unsettled_max: 4,
        ..Habits::default()
    };
    for phone in (0..players).filter(|phone| bent != Some(*phone)) {
        world.add_player(phone, game, habits);
    }
    world.set_origin();
    trouble(&mut world, players, &mut chance, options.trouble, losers);
    if doors {
        dies_in_the_door(&mut world, players, &mut chance, options.trouble);
    }
    let until = world.now() + options.trouble;
    world.run_until(until);
    world.set_playing(false);
    come_home(&mut world, players);
    if !settles(&mut world, players) {
        let what = unsettled(&world, players);
        world.violate(None, what);
        return report(&world);
    }
    world.check_transcripts(players);
    let until = world.now() + IDLE_AFTER;
    world.run_until(until);
    let before = agreement_bytes(&world);
    let until = world.now() + IDLE_WATCH;
    world.run_until(until);
    let idle_bytes = agreement_bytes(&world).saturating_sub(before);
    // A phone with bent rules goes on asking for a state that it can believe.
    if idle_bytes > 0 && bent.is_none() {
        world.violate(
            None,
            format!("an idle table sent {idle_bytes} bytes of agreement"),
        );
    }
    let mut report = report(&world);
    report.idle_bytes = Some(idle_bytes);
    report
}

/// Plans what goes wrong during `time` from now.
fn trouble(world: &mut World, players: usize, chance: &mut Chance, time: Duration, losers: u64) {
    let time_ms = u64::try_from(time.as_millis()).expect("a soak takes minutes");
    let last_ms = time_ms.saturating_sub(1000).max(1);
    let moment = |chance: &mut Chance| Duration::from_millis(chance.between(500, last_ms));
    for phone in 0..players {
        walks(world, phone, chance, last_ms);
    }
    for _ in 0..chance.between(1, players as u64) {
        let phone = chance.index(players);
        let at = moment(chance);
        let act = match chance.below(4) {
            0 => Act::Crash { phone, clean: true },
            1 => Act::Crash {
                phone,
                clean: false,
            },
            2 => Act::CrashUnsynced { phone, batches: 0 },
            _ => Act::CrashAfter {
                phone,
                outputs: u32::try_from(chance.below(40)).expect("below 40"),
            },
        };
        world.schedule(at, act);
        let down = Duration::from_millis(chance.between(100, 8_000));
        world.schedule(at + down, Act::Restart { phone });
    }
    let mut phones: Vec<usize> = (0..players).collect();
    for _ in 0..losers {
        let phone = phones.remove(chance.index(phones.len()));
        // Most lose it twice, and some while they come back.
        for _ in 0..chance.between(1, 2) {
            loses(world, phone, chance, last_ms);
        }
    }
    for _ in 0..chance.below(4) {
        let phone = chance.index(players);
        let at = moment(chance);
        let off = Duration::from_millis(chance.between(500, 12_000));
        world.schedule(at, Act::Radio { phone, on: false });
        world.schedule(at + off, Act::Radio { phone, on: true });
    }
    for _ in 0..chance.below(5) {
        let phone = chance.index(players);
        world.schedule(moment(chance), Act::DropLinks { phone });
    }
    for _ in 0..chance.below(3) {
        let phone = chance.index(players);
        let at = moment(chance);
        let mode = chance.pick(&[AppMode::Background, AppMode::LowPower]);
        let hidden = Duration::from_millis(chance.between(1_000, 15_000));
        world.schedule(at, Act::Mode { phone, mode });
        let mode = AppMode::Foreground;
        world.schedule(at + hidden, Act::Mode { phone, mode });
    }
}

/// A store is lost, or put back from an older copy, or torn and then lost; the phone may die on its way
/// back.
fn loses(world: &mut World, phone: usize, chance: &mut Chance, last_ms: u64) {
    let at_ms = chance.between(500, last_ms);
    let ms = Duration::from_millis;
    if chance.permille(400) {
        let copied_ms = chance.below(at_ms);
        world.schedule(ms(copied_ms), Act::CopyStore { phone });
        // The counter moves on in between: a copy of the same start is not found out.
        world.schedule(ms(copied_ms), Act::Crash { phone, clean: true });
        world.schedule(ms(copied_ms + 1), Act::Restart { phone });
        world.schedule(ms(at_ms), Act::PutStoreBack { phone });
    } else {
        let batches = u32::try_from(chance.below(3)).expect("below 3");
        let bytes = usize::try_from(chance.below(2_000)).expect("below 2,000");
        world.schedule(
            ms(chance.below(at_ms)),
            Act::Tear {
                phone,
                batches,
                bytes,
            },
        );
        world.schedule(ms(at_ms), Act::LoseStore { phone });
    }
    let up_ms = at_ms + chance.between(100, 5_000);
    if chance.permille(300) {
        let outputs = u32::try_from(chance.below(12)).expect("below 12");
        world.schedule(ms(up_ms), Act::RestartAndDie { phone, outputs });
    }
    world.schedule(ms(up_ms + 50), Act::Restart { phone });
}

/// Twice, the table is split so that nobody has a quorum, somebody dies while his votes are being
/// synced, and comes back when the others do.
fn dies_in_the_door(world: &mut World, players: usize, chance: &mut Chance, time: Duration) {
    let half = u64::try_from(time.as_millis() / 2).expect("a soak takes minutes");
    let mut phones: Vec<usize> = (0..players).collect();
    for episode in 0..2 {
        let split_ms = half * episode + chance.between(500, (half / 3).max(501));
        let heal_ms = split_ms + chance.between(3_000, 12_000);
        // The first half goes away: a new one each time.
        for place in 1..players {
            phones.swap(place, chance.index(place + 1));
        }
        for phone in phones.iter().copied().take(players / 2) {
            for (at_ms, room) in [(split_ms, 1), (heal_ms, 0)] {
                let (x_mm, y_mm) = place(room, phone);
                let act = Act::Move { phone, x_mm, y_mm };
                world.schedule(Duration::from_millis(at_ms), act);
            }
        }
        let phone = phones[chance.index(players)];
        let batches = u32::try_from(chance.below(3)).expect("below 3");
        let dies = Duration::from_millis(split_ms + chance.between(50, 1_500));
        world.schedule(dies, Act::CrashUnsynced { phone, batches });
        let back = Duration::from_millis(heal_ms + chance.below(600));
        world.schedule(back, Act::Restart { phone });
    }
}

/// Half of the phones walk between rooms, most of them twice.
fn walks(world: &mut World, phone: usize, chance: &mut Chance, last_ms: u64) {
    if chance.permille(500) {
        return;
    }
    let mut path = Vec::new();
    let mut at_ms = chance.between(1_000, last_ms / 2 + 1_000);
    let (x, y) = place(0, phone);
    path.push((Duration::from_millis(at_ms), x, y));
    while at_ms < last_ms {
        let (x, y) = place(chance.index(ROOMS.len()), phone);
        at_ms += chance.between(3_000, 9_000);
        path.push((Duration::from_millis(at_ms), x, y));
        at_ms += chance.between(2_000, 20_000);
        path.push((Duration::from_millis(at_ms), x, y));
    }
    path.retain(|(at, _, _)| *at <= Duration::from_millis(last_ms));
    world.walk(phone, &path);
}

/// Everyone runs, is on the screen, has the radio on and stands in the first room.
fn come_home(world: &mut World, players: usize) {
    for phone in 0..players {
        let (x_mm, y_mm) = place(0, phone);
        world.calm(phone);
        world.act(Act::Move { phone, x_mm, y_mm });
    }
}

fn settles(world: &mut World, players: usize) -> bool {
    let end = world.now() + SETTLE_MAX;
    while world.now() < end {
        if world.is_settled(players) {
            return true;
        }
        let until = world.now() + Duration::from_millis(500);
        world.run_until(until);
    }
    world.is_settled(players)
}

fn unsettled(world: &World, players: usize) -> String {
    let heights: Vec<u64> = (0..players)
        .map(|phone| world.phone(phone).height())
        .collect();
    let waiting: Vec<String> = world
        .waiting(players)
        .into_iter()
        .map(|wait| {
            let name = world.phone(wait.phone).name();
            format!("{name} waits for {} from {:?}", wait.what, wait.whom)
        })
        .collect();
    let open: Vec<String> = (0..players)
        .filter_map(|phone| Some((world.phone(phone).name(), world.phone(phone).view()?)))
        .flat_map(|(name, view)| {
            let status = format!("{name} is {:?}", view.status);
            let open = view.pending.into_iter();
            let open = open.map(move |own| format!("{name} {:?} {:?}", own.submission, own.fate));
            open.chain([status])
        })
        .collect();
    format!(
        "not settled {SETTLE_MAX:?} after everyone is in range: {} open, heights {heights:?}, {}; {}",
        world.open_submissions(),
        waiting.join("; "),
        open.join("; ")
    )
}

fn agreement_bytes(world: &World) -> u64 {
    let sent = world.sent_bytes();
    AGREEMENT.iter().filter_map(|kind| sent.get(kind)).sum()
}

fn place(room: usize, phone: usize) -> (i64, i64) {
    let (x, y) = ROOMS[room];
    let phone = i64::try_from(phone).expect("a few phones");
    (x + phone % 3 * 1_500, y + phone / 3 * 1_500)
}
