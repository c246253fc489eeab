//! Stories with a plot: a table that falls apart and comes together again, told as it goes.

use std::collections::{BTreeMap, BTreeSet};

use althing::Duration;
use althing::crypto::Hash;
use althing::node::{Fate, Status, Tentative};
use althing::rules::Rules;
use althing::rules::craps::{Craps, CrapsAction, Table};
use althing::wire::{ActionId, Reason};

use super::watch::Watch;
use super::{NAMES, gather, kept};
use crate::player::Game;
use crate::report::Report;
use crate::scheme::Signatures;
use crate::world::{Act, World, WorldConfig};

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plot {
    /// Six phones, 4 | 2: the majority goes on.
    SplitMajority,
    /// Four phones, 2 | 2: payments on both sides.
    SplitEven,
    /// Six phones, 2 | 2 | 2.
    ThreeWays,
    /// One walks from side to side and gives the same chips away twice.
    PaysTwice,
    /// One loses his store, and votes again.
    LostStore,
}

/// How a story is told.
#[derive(Clone, Debug)]
pub struct StoryOptions {
    /// What happens.
    pub plot: Plot,
    /// The seed.
    pub seed: u64,
    /// Which signatures.
    pub signatures: Signatures,
    /// Whether the report has the transcript.
    pub transcript: bool,
}

/// What one side of a split did.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Phones of that side.
    pub players: Vec<usize>,
    /// The last head that all sides shared.
    pub from_head: Hash,
    /// Tentative actions, or those that were committed where the side had a quorum.
    pub tentative: usize,
    /// Those of them that are committed in the end.
    pub merged: usize,
    /// Those that were refused: "player:run:number" and the reason in words.
    pub refused: Vec<(String, String)>,
}

/// A story, as it ended.
#[derive(Clone, Debug)]
pub struct Story {
    /// The run.
    pub report: Report,
    /// One per side and split.
    pub branches: Vec<Branch>,
    /// From the first link between the sides to one head on all; none where nothing was split.
    pub healed_ms: Option<u64>,
    /// Chips that exist, bank included, before and after.
    pub value: (u128, u128),
    /// What phones said of how well they agree: phone, when, what.
    pub statuses: Vec<(usize, i64, String)>,
}

/// Chips given in a payment.
const GIFT: u32 = 25;
/// Distance between rooms, mm: beyond every phone's range.
const ROOM_MM: i64 = 30_000;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// Words that a phone says of its group.
const STATUSES: [&str; 5] = ["live", "degraded", "no quorum", "healing", "diverged"];

struct Teller<'a> {
    world: World,
    players: usize,
    tell: &'a mut dyn FnMut(&str),
    branches: Vec<Branch>,
    healed_ms: Option<u64>,
    began: u128,
}

/// Plays a story; every sentence of it goes to `tell`.
pub fn story(options: &StoryOptions, tell: &mut dyn FnMut(&str)) -> Story {
    let players = match options.plot {
        Plot::SplitMajority | Plot::ThreeWays => 6,
        Plot::SplitEven | Plot::PaysTwice | Plot::LostStore => 4,
    };
    let mut world = World::new(WorldConfig {
        seed: options.seed,
        signatures: options.signatures,
        node: super::node_config(options.transcript),
        ..WorldConfig::default()
    });
    for (phone, name) in NAMES.iter().enumerate().take(players) {
        let (x, y) = place(0, phone);
        world.add_phone(name, x, y);
    }
    let mut teller = Teller {
        world,
        players,
        tell,
        branches: Vec::new(),
        healed_ms: None,
        began: 0,
    };
    let mut unfinished = gather(&mut teller.world, players, Game::Craps).err();
    if unfinished.is_none() {
        unfinished = teller.play(options.plot).err();
    }
    teller.end(options, unfinished)
}

impl Teller<'_> {
    fn play(&mut self, plot: Plot) -> Result<(), String> {
        self.world.set_origin();
        let all: Vec<usize> = (0..self.players).collect();
        self.settle("the table is at rest")?;
        self.began = self.value(0);
        self.say(format!(
            "{} sit at one table, {} chips on it with the bank's.",
            self.names(&all),
            self.began
        ));
        self.pay(0, 1)?;
        self.settle("a payment is final")?;
        match plot {
            Plot::SplitMajority => self.split(&[&[0, 1, 2, 3], &[4, 5]], &[(0, 1), (4, 5)]),
            Plot::SplitEven => self.split(
                &[&[0, 1], &[2, 3]],
                &[(0, 1), (2, 3), (1, 0), (3, 2), (0, 1)],
            ),
            Plot::ThreeWays => self.split(
                &[&[0, 1], &[2, 3], &[4, 5]],
                &[(0, 1), (2, 3), (4, 5), (5, 4)],
            ),
            Plot::PaysTwice => self.pays_twice(),
            Plot::LostStore => self.lost_store(),
        }
    }

    /// The sides part, pay among themselves, and come back.
    fn split(&mut self, sides: &[&[usize]], payments: &[(usize, usize)]) -> Result<(), String> {
        let from = self.part(sides)?;
        for (payer, payee) in payments {
            self.pay(*payer, *payee)?;
            self.run(Duration::from_secs(3));
        }
        let done = self.look_apart(sides, from);
        self.come_back(sides)?;
        self.compare(sides, from, &done);
        Ok(())
    }

    /// Half of the table goes elsewhere. One gives all that he has to a neighbour here, walks over,
    /// and gives it away again there: his phone knows, so it is signed only where it is a lie.
    fn pays_twice(&mut self) -> Result<(), String> {
        let sides: [&[usize]; 2] = [&[0, 1], &[2, 3]];
        let from = self.part(&sides)?;
        let all = self.hand(0);
        self.say(format!("{} has {all} chips.", self.name(0)));
        let first = self.give(0, 1, all)?;
        self.run(Duration::from_secs(3));
        self.move_to(0, 1);
        self.run(Duration::from_secs(20));
        self.say(format!("{} walks over to the others.", self.name(0)));
        let second = self.give(0, 2, all)?;
        self.run(Duration::from_secs(3));
        let fate = self.fate(0, second);
        self.say(format!(
            "{}'s phone says of the second payment: {fate}.",
            self.name(0)
        ));
        let now: [&[usize]; 2] = [&[1], &[0, 2, 3]];
        let done = self.look_apart(&now, from);
        self.come_back(&now)?;
        self.compare(&now, from, &done);
        let (first, second) = (self.fate(0, first), self.fate(0, second));
        self.say(format!(
            "In the end the first is {first}, the second {second}."
        ));
        Ok(())
    }

    fn lost_store(&mut self) -> Result<(), String> {
        let phone = 2;
        self.say(format!("{}'s phone loses its store.", self.name(phone)));
        self.world.act(Act::LoseStore { phone });
        self.run(Duration::from_secs(2));
        self.world.act(Act::Restart { phone });
        self.run(Duration::from_secs(10));
        for round in 0..4 {
            let (payer, payee) = [(0, 1), (1, 3), (3, 0), (0, 1)][round];
            self.pay(payer, payee)?;
            self.settle("the others go on")?;
        }
        let votes = self.world.report(self.players).recovered;
        self.say(match votes {
            0 => format!("{} follows and does not vote yet.", self.name(phone)),
            _ => format!(
                "The others told {} where they stand: he votes again.",
                self.name(phone)
            ),
        });
        self.settle("all stand at one head")
    }

    /// The sides go to rooms of their own until all know it; the head that they shared.
    fn part(&mut self, sides: &[&[usize]]) -> Result<Hash, String> {
        for (room, side) in sides.iter().enumerate() {
            for phone in *side {
                self.move_to(*phone, room);
            }
            if room > 0 {
                self.say(format!("{} go to another room.", self.names(side)));
            }
        }
        let head = self.head(0).0;
        let side_of = side_of(sides);
        let crosses = |(one, other): &(usize, usize)| side_of.get(one) != side_of.get(other);
        self.until("the sides have no link", |world| {
            !world.links().iter().any(crosses)
        })?;
        self.run(Duration::from_secs(12));
        for side in sides {
            let status = self.world.phone(side[0]).view().map(|view| view.status);
            let says = match status {
                Some(Status::NoQuorum { .. }) => "no quorum: payments are shown, nothing is final",
                Some(Status::Degraded { .. }) => "a quorum: they go on, and miss the others",
                _ => "that all is as it was",
            };
            self.say(format!("The screens of {} say: {says}.", self.names(side)));
        }
        Ok(head)
    }

    fn come_back(&mut self, sides: &[&[usize]]) -> Result<(), String> {
        for phone in 0..self.players {
            self.move_to(phone, 0);
        }
        self.say("They come together again.".to_owned());
        let side_of = side_of(sides);
        let crosses = |(one, other): &(usize, usize)| side_of.get(one) != side_of.get(other);
        self.until("the sides have a link", |world| {
            world.links().iter().any(crosses)
        })?;
        let linked = self.world.now();
        let players = self.players;
        self.until("all stand at one head with nothing open", |world| {
            world.is_settled(players)
        })?;
        let took = self.world.now().since(linked).as_millis();
        self.healed_ms = u64::try_from(took).ok();
        self.say(format!(
            "{took} ms after the first link between them all have one head."
        ));
        self.settle("the statuses say so")
    }

    /// What each side did: its tentative actions, or what it committed.
    fn look_apart(&mut self, sides: &[&[usize]], from: Hash) -> Vec<Vec<ActionId>> {
        let mut done = Vec::new();
        for side in sides {
            let view = self.world.phone(side[0]).view();
            let mut tentative: Vec<Tentative> = Vec::new();
            for phone in *side {
                let of = self.world.phone(*phone).view();
                tentative.extend(of.map(|view| view.tentative).unwrap_or_default());
            }
            let mut ids: Vec<ActionId> = tentative.iter().map(|it| it.action).collect();
            ids.extend(self.since(side[0], from).into_keys());
            ids.sort_unstable();
            ids.dedup();
            for one in view.map(|view| view.tentative).unwrap_or_default() {
                let author = self.author(one.action);
                let words = self.named(Craps::new().describe_action(&one.payload));
                let refused = one.refused.map_or(String::new(), |reason| {
                    format!(", and would be refused: {}", words_of(&reason))
                });
                self.say(format!("Tentative there: {author} {words}{refused}."));
            }
            done.push(ids);
        }
        done
    }

    /// What became of it.
    fn compare(&mut self, sides: &[&[usize]], from: Hash, done: &[Vec<ActionId>]) {
        let fates = self.since(0, from);
        for (side, ids) in sides.iter().zip(done) {
            let mut branch = Branch {
                players: side.to_vec(),
                from_head: from,
                tentative: ids.len(),
                merged: 0,
                refused: Vec::new(),
            };
            for id in ids {
                match fates.get(id) {
                    Some(None) => branch.merged += 1,
                    Some(Some(reason)) => {
                        let player = self.player(*id);
                        let name = format!("{player}:{}:{}", id.run.0, id.number);
                        branch.refused.push((name, words_of(reason)));
                    }
                    None => {}
                }
            }
            let refused: Vec<&str> = branch.refused.iter().map(|it| it.1.as_str()).collect();
            let refused = if refused.is_empty() {
                "nothing was refused".to_owned()
            } else {
                format!("refused: {}", refused.join("; "))
            };
            self.say(format!(
                "{} did {}: {} final, {refused}.",
                self.names(side),
                branch.tentative,
                branch.merged
            ));
            self.branches.push(branch);
        }
    }

    /// The fates of all actions of blocks above the block `from`.
    fn since(&self, phone: usize, from: Hash) -> BTreeMap<ActionId, Option<Reason>> {
        let phone = self.world.phone(phone);
        let transcript = phone
            .node()
            .zip(phone.group())
            .and_then(|(node, group)| node.transcript(group));
        let mut fates = BTreeMap::new();
        let mut above = false;
        for entry in transcript.iter().flat_map(|it| &it.entries) {
            above |= entry.block.parent == from;
            if !above {
                continue;
            }
            let refused: BTreeMap<usize, &Reason> = (entry.block.refused.iter())
                .map(|it| (usize::from(it.index), &it.reason))
                .collect();
            for (index, signed) in entry.block.actions.iter().enumerate() {
                let reason = refused.get(&index).copied().cloned();
                fates.insert(signed.action.id(), reason);
            }
        }
        fates
    }

    fn end(mut self, options: &StoryOptions, unfinished: Option<String>) -> Story {
        self.world.check_transcripts(self.players);
        let after = self.value(0);
        let heads: BTreeSet<Hash> = (0..self.players).map(|phone| self.head(phone).0).collect();
        if heads.len() == 1 && unfinished.is_none() {
            self.say(format!(
                "All {} phones have one head, and there are {after} chips.",
                self.players
            ));
        }
        let mut quiet = |_: &crate::report::Progress| {};
        let every = Duration::from_millis(500);
        let mut watch = Watch::new(self.players, u64::MAX, 0, every, &mut quiet);
        watch.look(&self.world);
        let mut report = watch.report(&self.world);
        report.transcript = kept(&self.world, options.transcript, self.players);
        report.unfinished = unfinished;
        let statuses = statuses(&report, self.players);
        Story {
            branches: self.branches,
            healed_ms: self.healed_ms,
            value: (self.began, after),
            statuses,
            report,
        }
    }

    fn pay(&mut self, payer: usize, payee: usize) -> Result<(), String> {
        self.give(payer, payee, GIFT).map(|_| ())
    }

    fn give(
        &mut self,
        payer: usize,
        payee: usize,
        chips: u32,
    ) -> Result<althing::node::SubmissionId, String> {
        let to = self.member(payee);
        self.say(format!(
            "{} gives {chips} chips to {}.",
            self.name(payer),
            self.name(payee)
        ));
        let payload = CrapsAction::Transfer { to, chips }.encode();
        let submitted = self.world.submit(payer, payload);
        submitted.map_err(|error| format!("no payment: {error}"))
    }

    /// The fate of an own submission, in words; what is not listed any more is final.
    fn fate(&self, phone: usize, submission: althing::node::SubmissionId) -> String {
        let view = self.world.phone(phone).view();
        let mut pending = view.into_iter().flat_map(|view| view.pending);
        match pending
            .find(|own| own.submission == submission)
            .map(|own| own.fate)
        {
            None => "final".to_owned(),
            Some(Fate::Conflicted { reason }) => {
                format!("not possible as things stand, \"{}\"", words_of(&reason))
            }
            Some(Fate::Rejected { reason, .. }) => format!("refused, \"{}\"", words_of(&reason)),
            Some(Fate::Tentative) => "tentative".to_owned(),
            Some(fate) => format!("{fate:?}").to_lowercase(),
        }
    }

    fn settle(&mut self, what: &str) -> Result<(), String> {
        let players = self.players;
        self.until(what, |world| {
            world.is_settled(players)
                && (0..players).all(|phone| world.reach(phone).len() >= players)
        })?;
        self.run(Duration::from_secs(4));
        Ok(())
    }

    fn until(&mut self, what: &str, done: impl Fn(&World) -> bool) -> Result<(), String> {
        let end = self.world.now() + PATIENCE;
        let came = self.world.run_until_or(end, &mut |world| done(world));
        came.then_some(())
            .ok_or_else(|| format!("not in {PATIENCE:?}: {what}"))
    }

    fn run(&mut self, time: Duration) {
        let until = self.world.now() + time;
        self.world.run_until(until);
    }

    fn say(&mut self, text: String) {
        let at = self.world.since_origin_ms();
        (self.tell)(&format!(
            "{:>4}.{} s  {text}",
            at / 1000,
            at.rem_euclid(1000) / 100
        ));
        self.world.note(text);
    }

    fn move_to(&mut self, phone: usize, room: usize) {
        let (x_mm, y_mm) = place(room, phone);
        self.world.act(Act::Move { phone, x_mm, y_mm });
    }

    fn head(&self, phone: usize) -> (Hash, u64) {
        let view = self.world.phone(phone).view();
        view.map_or((Hash::ZERO, 0), |view| (view.head.block, view.head.height))
    }

    fn table(&self, phone: usize) -> Option<Table> {
        Table::of(&self.world.phone(phone).view()?.committed)
    }

    fn value(&self, phone: usize) -> u128 {
        self.table(phone).map_or(0, |table| table.counted())
    }

    fn hand(&self, phone: usize) -> u32 {
        let table = self.table(phone);
        let chips = table.and_then(|it| it.chips.get(usize::from(self.member(phone))).copied());
        chips
            .and_then(|chips| u32::try_from(chips).ok())
            .unwrap_or(0)
    }

    fn member(&self, phone: usize) -> u8 {
        let phone = self.world.phone(phone);
        let own = phone.node().map(althing::Node::peer);
        let view = phone.view();
        let members = view.iter().flat_map(|view| &view.members);
        let index = members
            .map(|(peer, _)| Some(*peer))
            .position(|peer| peer == own);
        index
            .and_then(|index| u8::try_from(index).ok())
            .unwrap_or(0)
    }

    /// Players by their names instead of their places.
    fn named(&self, mut words: String) -> String {
        for phone in 0..self.players {
            let place = format!("player {}", self.member(phone) + 1);
            words = words.replace(&place, self.world.phone(phone).name());
        }
        words
    }

    /// The phone of an action's author.
    fn player(&self, id: ActionId) -> usize {
        let of = |phone: &usize| self.world.phone(*phone).node().map(althing::Node::peer);
        let mut phones = 0..self.players;
        phones
            .find(|phone| of(phone) == Some(id.author))
            .unwrap_or(0)
    }

    fn author(&self, id: ActionId) -> String {
        self.name(self.player(id))
    }

    fn name(&self, phone: usize) -> String {
        self.world.phone(phone).name().to_owned()
    }

    fn names(&self, phones: &[usize]) -> String {
        let names: Vec<String> = phones.iter().map(|phone| self.name(*phone)).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => names.join(""),
        }
    }
}

fn side_of(sides: &[&[usize]]) -> BTreeMap<usize, usize> {
    let sides = sides.iter().enumerate();
    sides
        .flat_map(|(side, phones)| phones.iter().map(move |phone| (*phone, side)))
        .collect()
}

fn words_of(reason: &Reason) -> String {
    match reason {
        Reason::Rules { code, detail } => Craps::new().describe(*code, detail),
        other => format!("{other:?}"),
    }
}

/// What phones said of their group, from the log.
fn statuses(report: &Report, players: usize) -> Vec<(usize, i64, String)> {
    let of = |text: &str| {
        (0..players).find_map(|phone| {
            let prefix = format!("{}: ", report.names[phone]);
            let word = text.strip_prefix(&prefix)?;
            STATUSES.contains(&word).then(|| (phone, word.to_owned()))
        })
    };
    let lines = report.log.iter();
    lines
        .filter_map(|line| of(&line.text).map(|(phone, word)| (phone, line.at_ms, word)))
        .collect()
}

fn place(room: usize, phone: usize) -> (i64, i64) {
    let count = |number: usize| i64::try_from(number).expect("a few");
    let (x, y) = (count(phone % 3) * 1_500, count(phone / 3) * 1_500);
    (x + count(room) * ROOM_MM, y)
}
