//! A table of the counter in one room, for scenarios to play with.

use std::collections::BTreeSet;

use althing::node::{Command, Done, Fate, RecoveryStage, SubmissionId, View};
use althing::rules::counter::{self, CounterAction};
use althing::wire::{Mode, Validity};
use althing::{Duration, Instant};
use althing_world::{Act, Game, Signatures, World, WorldConfig};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A world with cheap signatures: most scenarios are not about signatures.
pub(crate) fn cheap(seed: u64) -> WorldConfig {
    WorldConfig {
        seed,
        signatures: Signatures::Cheap,
        ..WorldConfig::default()
    }
}

pub(crate) fn add(amount: i64, expect: Option<i64>) -> Vec<u8> {
    CounterAction::Add { amount, expect }.encode()
}

pub(crate) struct Room {
    pub(crate) world: World,
    pub(crate) players: usize,
}

impl Room {
    /// `players` phones in one small room with a started counter, linked and at rest.
    pub(crate) fn sit(config: WorldConfig, players: usize) -> Self {
        Self::sit_by(config, players, Game::Counter, None)
    }

    pub(crate) fn sit_by(
        config: WorldConfig,
        players: usize,
        game: Game,
        mode: Option<Mode>,
    ) -> Self {
        Self::sit_with(config, players, game.rules(), Vec::new(), mode)
    }

    pub(crate) fn sit_with(
        config: WorldConfig,
        players: usize,
        rules: &str,
        rules_config: Vec<u8>,
        mode: Option<Mode>,
    ) -> Self {
        let mut room = Self {
            world: World::new(config),
            players,
        };
        for phone in 0..players {
            let (x, y) = home(phone);
            room.world.add_phone(&format!("phone {phone}"), x, y);
        }
        room.gather_with(rules, rules_config, mode);
        let linked = |world: &World| {
            (0..players).all(|phone| world.reach(phone).len() >= players)
                && world.is_settled(players)
        };
        assert!(
            room.reaches(SECOND * 30, linked),
            "the table is at rest: {:?}, violations {:?}",
            room.world.waiting(players),
            room.world.violations()
        );
        room.run(SECOND * 5);
        room
    }

    /// Gathers the first phones of the world by a ticket, and starts.
    pub(crate) fn gather(&mut self, game: Game, mode: Option<Mode>) {
        self.gather_with(game.rules(), Vec::new(), mode);
    }

    fn gather_with(&mut self, rules: &str, rules_config: Vec<u8>, mode: Option<Mode>) {
        let open = Command::OpenTable {
            name: "phone 0".to_owned(),
            rules: rules.to_owned(),
            rules_config,
            mode,
        };
        self.world.command(0, open).expect("a table opens");
        let ticket = self.world.phone(0).ticket().expect("a ticket").to_owned();
        for phone in 1..self.players {
            self.join(phone, &ticket);
        }
        let players = self.players;
        assert!(
            self.reaches(SECOND * 60, |world| world.phone(0).listed() >= players),
            "all {players} phones are listed"
        );
        let group = self.world.phone(0).group().expect("an open table");
        self.world
            .command(0, Command::StartTable { group })
            .expect("the table starts");
        assert!(
            self.reaches(SECOND * 60, |world| {
                (0..players).all(|phone| world.phone(phone).has_started())
            }),
            "the table starts on every phone"
        );
    }

    pub(crate) fn join(&mut self, phone: usize, ticket: &str) {
        let join = Command::JoinTable {
            ticket: ticket.to_owned(),
            name: format!("phone {phone}"),
        };
        self.world.command(phone, join).expect("a ticket is good");
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.world.now() + time;
        self.world.run_until(until);
    }

    /// Runs until `done`, at most for `time`.
    pub(crate) fn reaches(&mut self, time: Duration, done: impl Fn(&World) -> bool) -> bool {
        let until = self.world.now() + time;
        if done(&self.world) {
            return true;
        }
        self.world.run_until_or(until, &mut |world| done(world))
    }

    pub(crate) fn now(&self) -> Instant {
        self.world.now()
    }

    pub(crate) fn view(&self, phone: usize) -> View {
        self.world.phone(phone).view().expect("the table runs")
    }

    /// The counter as it is committed on a phone.
    pub(crate) fn value(&self, phone: usize) -> i64 {
        committed(&self.world, phone)
    }

    /// The counter as the screen of a phone shows it.
    pub(crate) fn shown(&self, phone: usize) -> i64 {
        counter::value(&self.view(phone).state).expect("a counter")
    }

    pub(crate) fn add(&mut self, phone: usize, amount: i64) -> SubmissionId {
        self.submit(phone, add(amount, None))
    }

    pub(crate) fn submit(&mut self, phone: usize, payload: Vec<u8>) -> SubmissionId {
        self.world.submit(phone, payload).expect("room in the view")
    }

    pub(crate) fn submit_with(
        &mut self,
        phone: usize,
        payload: Vec<u8>,
        dependencies: Vec<SubmissionId>,
        validity: Validity,
    ) -> SubmissionId {
        let group = self.world.phone(phone).group().expect("a table");
        let submit = Command::Submit {
            group,
            payload,
            dependencies,
            validity,
        };
        match self.world.command(phone, submit) {
            Ok(Done::Submitted { submission }) => submission,
            other => panic!("a submission was answered by {other:?}"),
        }
    }

    /// What the view says of a submission; nothing once it is committed.
    pub(crate) fn fate(&self, phone: usize, submission: SubmissionId) -> Option<Fate> {
        let pending = self.view(phone).pending;
        let own = pending.into_iter().find(|own| own.submission == submission);
        own.map(|own| own.fate)
    }

    /// Waits until these phones have `value` committed.
    pub(crate) fn commits(&mut self, phones: &[usize], value: i64, time: Duration) {
        let done = |world: &World| phones.iter().all(|phone| committed(world, *phone) == value);
        if !self.reaches(time, done) {
            let players = self.players;
            panic!(
                "{value} is not committed on {phones:?} in {time:?}: {:?}, {:?}, violations {:?}",
                (0..players)
                    .filter(|phone| self.world.phone(*phone).node().is_some())
                    .map(|phone| (phone, self.value(phone), self.view(phone).status))
                    .collect::<Vec<_>>(),
                self.world.waiting(players),
                self.world.violations(),
            );
        }
    }

    /// Commits ones of `author` until `phone`, which lost its store, says that it votes again; the
    /// counter then.
    pub(crate) fn until_it_votes(&mut self, phone: usize, author: usize) -> i64 {
        const COMMITS_MAX: i64 = 10;
        let own = self.world.phone(phone).peer();
        let everyone: Vec<usize> = (0..self.players).collect();
        // Answers may be lost with links that are only coming up.
        let answered = |world: &World| {
            let told = world.phone(phone).recoveries();
            told.last() != Some(&(own, RecoveryStage::Asking))
        };
        assert!(self.reaches(SECOND * 20, answered), "the others answer");
        let first = self.value(author);
        for value in first + 1..=first + COMMITS_MAX {
            self.add(author, 1);
            self.commits(&everyone, value, SECOND * 20);
            let told = self.world.phone(phone).recoveries();
            if told.last() == Some(&(own, RecoveryStage::Voting)) {
                self.settles(SECOND * 20);
                return value;
            }
        }
        panic!(
            "phone {phone} does not vote after {COMMITS_MAX} commits: {:?}, {:?}",
            self.world.phone(phone).recoveries(),
            self.world.waiting(self.players)
        );
    }

    /// Takes these phones to another room, out of earshot.
    pub(crate) fn leave(&mut self, phones: &[usize]) {
        for phone in phones {
            let (x_mm, y_mm) = home(*phone);
            self.world.act(Act::Move {
                phone: *phone,
                x_mm: x_mm + 100_000,
                y_mm,
            });
        }
    }

    pub(crate) fn come_back(&mut self, phones: &[usize]) {
        for phone in phones {
            let (x_mm, y_mm) = home(*phone);
            self.world.act(Act::Move {
                phone: *phone,
                x_mm,
                y_mm,
            });
        }
    }

    /// Takes phones away and waits until everybody's links to them are gone.
    pub(crate) fn part(&mut self, phones: &[usize]) {
        self.leave(phones);
        let gone: BTreeSet<usize> = phones.iter().copied().collect();
        let apart = |world: &World| {
            let crosses =
                |(one, other): &(usize, usize)| gone.contains(one) != gone.contains(other);
            !world.links().iter().any(crosses)
        };
        assert!(self.reaches(SECOND * 10, apart), "links end out of range");
        // The supervision timeout: until then the nodes do not know.
        self.run(SECOND * 8);
    }

    /// Waits until all players stand at one head with nothing open.
    pub(crate) fn settles(&mut self, time: Duration) {
        let players = self.players;
        let settled = self.reaches(time, |world| world.is_settled(players));
        assert!(
            settled,
            "not settled in {time:?}: {} open, {:?}, violations {:?}",
            self.world.open_submissions(),
            self.world.waiting(players),
            self.world.violations()
        );
    }

    /// Faults of peers that phones counted. A message that had nowhere to go is nobody's.
    pub(crate) fn faults(&self) -> Vec<(&'static str, u64)> {
        let mut faults = self.world.report(self.players).faults;
        faults.retain(|(name, _)| *name != "no route");
        faults
    }

    /// No invariant was broken, and every transcript leads to its state.
    pub(crate) fn is_sound(&mut self) {
        self.world.check_transcripts(self.players);
        assert_eq!(self.world.violations(), []);
    }
}

/// The counter as it is committed on a phone whose process runs.
pub(crate) fn committed(world: &World, phone: usize) -> i64 {
    let view = world.phone(phone).view();
    view.and_then(|view| counter::value(&view.committed))
        .unwrap_or(i64::MIN)
}

/// A place in a small room, mm.
pub(crate) fn home(phone: usize) -> (i64, i64) {
    let phone = i64::try_from(phone).expect("a few phones");
    (phone % 4 * 1500, phone / 4 * 1500)
}
