//! The world: phones, the air between them, and time that jumps from one happening to the next.
//!
//! Nothing polls. A happening is a fact for one phone or a connection event that has something to
//! carry; an idle phone and an idle link cost nothing.

mod acts;
mod facts;
mod hearing;
mod looks;
mod queue;
mod replayed;
mod stack;

pub use acts::Act;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use althing::ble::AppMode;
#[cfg(feature = "planted")]
use althing::config::Plant;
use althing::crypto::{Ed25519, Hash, Identity, SignatureScheme};
use althing::id::{DeviceId, LinkId};
use althing::rules::Rules;
use althing::{Config, Duration, Instant, Node};

use crate::adversary::Adversary;
use crate::airtime::Phy;
use crate::bent::{Bend, Bent};
use crate::chance::{Chance, secret};
use crate::connection::Connection;
use crate::disk::Disk;
use crate::invariants::Invariants;
use crate::phone::{Phone, TableSeat, rule_sets};
use crate::player::{Game, Habits, Player};
use crate::profile::Profile;
use crate::report::{LogLine, Violation};
use crate::scheme::{KeyedHash, Signatures};
use crate::stats::Stats;
use crate::trace::Trace;

use self::hearing::Attempt;
use self::queue::{Happening, Queue};

/// What a world is like.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// Everything that is random follows from it.
    pub seed: u64,
    /// Which signatures phones use.
    pub signatures: Signatures,
    /// PDUs lost, of a thousand. A lost one is repeated in the next connection event.
    pub loss_permille: u32,
    /// Values that a stack delivers out of order, of a thousand.
    pub shuffle_permille: u32,
    /// Operations that a stack refuses as busy although it has room, of a thousand.
    pub busy_permille: u32,
    /// Connections that fail while they are set up, of a thousand.
    pub setup_failure_permille: u32,
    /// Connection interval of every link, µs; by the phones' profiles where none is given.
    pub interval_us: Option<u64>,
    /// What every phone is; drawn for each where none is given.
    pub profile: Option<Profile>,
    /// How long a store takes to sync, µs.
    pub sync_us: u64,
    /// How far phones hear each other, mm.
    pub range_mm: i64,
    /// Base configuration of every node; rule sets are added.
    pub node: Config,
    /// Whether places decide who hears whom. If not, only [`Act::Near`] does.
    pub places: bool,
    /// A phone whose rules compute something else than everybody's, as long as it says nothing of
    /// it: it proposes wrong roots, and what it says of itself is no violation.
    pub bent: Option<usize>,
    /// The same of a phone whose rules differ in one payout: a field bet of craps that wins even money
    /// is paid twice that.
    pub overpays: Option<usize>,
    /// A phone that is put back to what it was, store and all, by [`Act::Rewind`]: it signs numbers and
    /// votes a second time, and what it says of itself is no violation.
    pub rewinds: Option<usize>,
    /// A phone whose rules are one version older than everybody's.
    pub outdated: Option<usize>,
    /// A bug switched on in every phone.
    #[cfg(feature = "planted")]
    pub plant: Option<Plant>,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            signatures: Signatures::Real,
            loss_permille: 0,
            shuffle_permille: 0,
            busy_permille: 0,
            setup_failure_permille: 0,
            interval_us: None,
            profile: None,
            sync_us: 5_000,
            range_mm: 12_000,
            node: Config::default(),
            places: true,
            bent: None,
            overpays: None,
            rewinds: None,
            outdated: None,
            #[cfg(feature = "planted")]
            plant: None,
        }
    }
}

/// The simulated world.
#[derive(Debug)]
pub struct World {
    config: WorldConfig,
    now_us: u64,
    queue: Queue,
    phones: Vec<Phone>,
    /// Who is in range of whom.
    near: Vec<BTreeSet<usize>>,
    connections: BTreeMap<u64, Connection>,
    /// Connection of every link that carries.
    by_link: BTreeMap<LinkId, u64>,
    /// Connections of every phone.
    by_phone: Vec<BTreeSet<u64>>,
    next_connection: u64,
    next_link: u64,
    next_device: u64,
    /// Phone behind every device id that is advertised now.
    devices: BTreeMap<DeviceId, usize>,
    /// (listener, advertiser) pairs whose next hearing is in the queue.
    hearings: BTreeSet<(usize, usize)>,
    attempts: BTreeMap<u64, Attempt>,
    next_attempt: u64,
    /// (central, device) pairs whose services are cached.
    known: BTreeSet<(usize, DeviceId)>,
    scheme: Arc<dyn SignatureScheme>,
    phy: Phy,
    adversary: Option<Adversary>,
    air_chance: Chance,
    stack_chance: Chance,
    disk_chance: Chance,
    playing: bool,
    /// Phones that are not back: what they asked for may stay open.
    absent: BTreeSet<usize>,
    /// The phone whose node is called now, or was called last.
    at_work: Option<usize>,
    /// Throws that the log tells of.
    throws_noted: u64,
    trace: Trace,
    invariants: Invariants,
    stats: Stats,
    log: Vec<LogLine>,
    origin: Origin,
}

/// Where reports count from.
#[derive(Debug, Default)]
struct Origin {
    at_us: u64,
    height: u64,
    sent: BTreeMap<&'static str, u64>,
}

impl World {
    /// An empty world.
    pub fn new(config: WorldConfig) -> Self {
        let seed = config.seed;
        let scheme: Arc<dyn SignatureScheme> = match config.signatures {
            Signatures::Real => Arc::new(Ed25519),
            Signatures::Cheap => Arc::new(KeyedHash::new(seed)),
        };
        Self {
            now_us: 0,
            queue: Queue::default(),
            phones: Vec::new(),
            near: Vec::new(),
            connections: BTreeMap::new(),
            by_link: BTreeMap::new(),
            by_phone: Vec::new(),
            next_connection: 1,
            next_link: 1,
            next_device: 1,
            devices: BTreeMap::new(),
            hearings: BTreeSet::new(),
            attempts: BTreeMap::new(),
            next_attempt: 1,
            known: BTreeSet::new(),
            scheme,
            phy: Phy::TWO,
            adversary: None,
            air_chance: Chance::new(seed, "air"),
            stack_chance: Chance::new(seed, "stack"),
            disk_chance: Chance::new(seed, "disk"),
            playing: true,
            absent: BTreeSet::new(),
            at_work: None,
            throws_noted: 0,
            trace: Trace::new(),
            invariants: Invariants::new(seed),
            stats: Stats::default(),
            log: Vec::new(),
            origin: Origin::default(),
            config,
        }
    }

    /// Puts a phone into the world, on, with an empty store; its index.
    pub fn add_phone(&mut self, name: &str, x_mm: i64, y_mm: i64) -> usize {
        let index = self.put_phone(name, x_mm, y_mm);
        let now = self.phones[index].clock(self.now_us);
        let phone = &mut self.phones[index];
        phone.node = Some(Node::new(
            phone.config.clone(),
            phone.identity.clone(),
            secret(self.config.seed, "node", (index as u64) << 32),
            now,
        ));
        self.trace.input(self.now_us, index, "new", 0);
        self.drain(index);
        self.switch_on(index);
        index
    }

    /// A phone whose process does not run yet.
    fn put_phone(&mut self, name: &str, x_mm: i64, y_mm: i64) -> usize {
        let index = self.phones.len();
        let seed = self.config.seed;
        let identity = Identity::with_scheme(
            secret(seed, "identity", index as u64),
            Arc::clone(&self.scheme),
        );
        let mut chance = Chance::new(seed, &format!("phone {index}"));
        let profile = self
            .config
            .profile
            .unwrap_or_else(|| chance.pick(&Profile::ALL));
        let device = self.mint_device();
        self.devices.insert(device, index);
        self.phones.push(Phone {
            name: name.to_owned(),
            profile,
            identity,
            config: self.node_config(index),
            node: None,
            incarnation: 0,
            resyncs: Vec::new(),
            disk: Disk::default(),
            kept: None,
            counter: 0,
            counter_given: None,
            store_number: 0,
            clock_offset_us: chance.below(3_600_000_000),
            crashed_us: 0,
            dies_after: None,
            dies_unsynced: None,
            tears_at: None,
            put_back: None,
            radio_on: true,
            mode: AppMode::Foreground,
            device,
            scan: None,
            advert: None,
            links: BTreeMap::new(),
            radio_free_us: 0,
            x_mm,
            y_mm,
            wake_us: None,
            wake_queued_us: None,
            spins: 0,
            table: TableSeat::default(),
            player: None,
            #[cfg(test)]
            puppet: None,
            sent_before: BTreeMap::new(),
            faults_before: BTreeMap::new(),
            applied_twice_before: 0,
            counted_before: 0,
        });
        self.near.push(BTreeSet::new());
        self.by_phone.push(BTreeSet::new());
        self.place(index);
        index
    }

    /// Lets somebody play on a phone, from its table's start on.
    pub fn add_player(&mut self, phone: usize, game: Game, habits: Habits) {
        let chance = Chance::new(self.config.seed, &format!("player {phone}"));
        let mut player = Player::new(game, habits, chance);
        let at_us = self.now_us + player.pause_us();
        self.phones[phone].player = Some(player);
        self.queue.push(at_us, Happening::Act(Act::Turn { phone }));
    }

    /// Whether players go on submitting.
    pub fn set_playing(&mut self, playing: bool) {
        self.playing = playing;
    }

    /// Lists a phone as not back: a table may settle without it.
    pub fn leave_out(&mut self, phone: usize) {
        self.absent.insert(phone);
    }

    /// Lets somebody bend and replay values.
    pub fn set_adversary(&mut self, adversary: Option<Adversary>) {
        self.adversary = adversary;
    }

    /// The adversary, for its counts.
    pub fn adversary(&self) -> Option<&Adversary> {
        self.adversary.as_ref()
    }

    /// Virtual time since the world began.
    pub fn now(&self) -> Instant {
        Instant::from_micros(self.now_us)
    }

    /// The phones.
    pub fn phones(&self) -> &[Phone] {
        &self.phones
    }

    /// One phone.
    pub fn phone(&self, index: usize) -> &Phone {
        &self.phones[index]
    }

    /// Phones in range of this one.
    pub fn near(&self, phone: usize) -> &BTreeSet<usize> {
        &self.near[phone]
    }

    /// Lets something happen `after` from now.
    pub fn schedule(&mut self, after: Duration, act: Act) {
        let at_us = self.now_us + micros(after);
        self.queue.push(at_us, Happening::Act(act));
    }

    /// Lets something happen now.
    pub fn act(&mut self, act: Act) {
        self.perform(act);
    }

    /// A walk along `path`: (after from now, x, y), in order of time, from where the phone is then.
    /// On the way its place is looked at twice a second.
    pub fn walk(&mut self, phone: usize, path: &[(Duration, i64, i64)]) {
        const STEP_US: u64 = 500_000;
        let (mut from_us, mut from_x, mut from_y) =
            (0, self.phones[phone].x_mm, self.phones[phone].y_mm);
        for (at, x, y) in path {
            let to_us = micros(*at);
            let mut step_us = from_us + STEP_US;
            while step_us < to_us && (from_x, from_y) != (*x, *y) {
                let part = |from: i64, to: i64| {
                    let done =
                        i64::try_from(step_us - from_us).expect("a walk takes hours at most");
                    let all = i64::try_from(to_us - from_us).expect("a walk takes hours at most");
                    from + (to - from) * done / all
                };
                let (x_mm, y_mm) = (part(from_x, *x), part(from_y, *y));
                self.schedule(
                    Duration::from_micros(step_us),
                    Act::Move { phone, x_mm, y_mm },
                );
                step_us += STEP_US;
            }
            self.schedule(
                *at,
                Act::Move {
                    phone,
                    x_mm: *x,
                    y_mm: *y,
                },
            );
            (from_us, from_x, from_y) = (to_us, *x, *y);
        }
    }

    /// Plays everything up to `until`.
    pub fn run_until(&mut self, until: Instant) {
        self.run_until_or(until, &mut |_| false);
    }

    /// Plays up to `until`, or until `done` says so after a happening; whether it did.
    pub fn run_until_or(&mut self, until: Instant, done: &mut dyn FnMut(&Self) -> bool) -> bool {
        while let Some((at_us, happening)) = self.queue.pop_until(until.as_micros()) {
            debug_assert!(at_us >= self.now_us, "time never goes back");
            self.now_us = at_us;
            // A panic is a bug of a node, found by this seed: the run goes on without its process.
            let happened = catch_unwind(AssertUnwindSafe(|| self.happen(happening)));
            if let Err(payload) = happened {
                self.panicked(&panic_words(&*payload));
            }
            if done(self) {
                return true;
            }
        }
        self.now_us = self.now_us.max(until.as_micros());
        false
    }

    /// From now on reports count time, blocks and bytes from here.
    pub fn set_origin(&mut self) {
        let heights = self.phones.iter().map(Phone::height);
        self.origin = Origin {
            at_us: self.now_us,
            height: heights.max().unwrap_or(0),
            sent: self.sent_bytes(),
        };
        self.stats.air_bytes = 0;
        self.stats.value_bytes = 0;
        self.stats.flooding_bytes = 0;
    }

    /// Time since the origin, ms.
    pub fn since_origin_ms(&self) -> i64 {
        let ms = |us: u64| i64::try_from(us / 1000).expect("a run takes hours at most");
        ms(self.now_us) - ms(self.origin.at_us)
    }

    /// Notes what happened, in words.
    pub fn note(&mut self, text: String) {
        /// Lines kept: a report is read by people.
        const LINES_MAX: usize = 4096;
        if self.log.len() < LINES_MAX {
            let at_ms = self.since_origin_ms();
            self.log.push(LogLine { at_ms, text });
        }
    }

    /// Notes a violation that a scenario saw.
    pub fn violate(&mut self, phone: Option<usize>, what: String) {
        self.invariants.violate(self.now_us, phone, what);
    }

    /// What must never happen and did.
    pub fn violations(&self) -> &[Violation] {
        self.invariants.violations()
    }

    /// Digest of every input and output so far.
    pub fn trace_digest(&self) -> Hash {
        self.trace.digest()
    }

    /// From its next start on, the rules of `phone` are one version older than everybody's: as if all
    /// others had been given another app.
    pub fn age_app(&mut self, phone: usize) {
        self.config.outdated = Some(phone);
        self.phones[phone].config = self.node_config(phone);
    }

    /// Whether the rules of `phone` compute something else than they say.
    pub(crate) fn is_bent(&self, phone: usize) -> bool {
        [self.config.bent, self.config.overpays].contains(&Some(phone))
    }

    /// Whether a phone lives some of its time twice.
    pub(crate) fn is_rewound(&self, phone: usize) -> bool {
        self.config.rewinds == Some(phone)
    }

    fn node_config(&self, phone: usize) -> Config {
        #[cfg(feature = "planted")]
        let double_payout = self.config.plant == Some(Plant::DoublePayout);
        #[cfg(not(feature = "planted"))]
        let double_payout = false;
        let mut rules = rule_sets(double_payout);
        for (whose, bend) in [
            (self.config.bent, Bend::Writes),
            (self.config.overpays, Bend::Pays),
            (self.config.outdated, Bend::Older),
        ] {
            if whose == Some(phone) {
                let bent = |inside| Arc::new(Bent { inside, bend }) as Arc<dyn Rules>;
                rules = rules.into_iter().map(bent).collect();
            }
        }
        Config {
            rules,
            #[cfg(feature = "planted")]
            plant: self.config.plant,
            ..self.config.node.clone()
        }
    }

    fn mint_device(&mut self) -> DeviceId {
        let device = DeviceId(self.next_device);
        self.next_device += 1;
        device
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake { phone } => self.wake(phone),
            Happening::Synced { phone, incarnation } => self.synced(phone, incarnation),
            Happening::Completed {
                phone,
                link,
                op,
                result,
            } => self.completed(phone, link, op, result),
            Happening::Anchor { connection } => self.anchor(connection),
            Happening::Value { phone, link, bytes } => self.value(phone, link, bytes),
            Happening::SetUp { connection, stage } => self.set_up(connection, stage),
            Happening::LinkEnds {
                phone,
                link,
                reason,
            } => self.link_ends(phone, link, reason),
            Happening::Supervision {
                connection,
                since_us,
            } => self.supervision(connection, since_us),
            Happening::Heard {
                listener,
                advertiser,
            } => self.heard(listener, advertiser),
            Happening::Attempt { attempt } => self.attempt(attempt),
            Happening::Act(act) => self.perform(act),
        }
    }
}

/// What a panic said.
fn panic_words(payload: &(dyn Any + Send)) -> String {
    match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(words), _) => (*words).to_owned(),
        (None, Some(words)) => words.clone(),
        (None, None) => "without words".to_owned(),
    }
}

/// Whole microseconds of `duration`.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).expect("a run takes hours at most")
}

#[cfg(test)]
mod tests;
