//! Bots that play from the view, driven by the seed.

use althing::id::PeerId;
use althing::node::{Fate, Status, SubmissionId, View};
use althing::rules::board::{self, BoardAction, BoardConfig, BoardKey, FirstEntry, Members};
use althing::rules::counter::{self, CounterAction};
use althing::rules::craps::{
    BetKind, CrapsAction, CrapsConfig, Number, Pair, PlacedBet, Table, Working,
};
use althing::wire::{BoundedVec, Bytes};

use crate::chance::Chance;

/// Turns without a throw after which a player asks for the dice to move on.
const PATIENCE: u32 = 8;

/// What most bets are on.
const COMMON: [BetKind; 12] = [
    BetKind::Pass,
    BetKind::Pass,
    BetKind::Come,
    BetKind::DontPass,
    BetKind::DontCome,
    BetKind::PassOdds,
    BetKind::Field,
    BetKind::Place(Number::Six),
    BetKind::Place(Number::Eight),
    BetKind::Hard(Pair::Threes),
    BetKind::AnySeven,
    BetKind::Eleven,
];

/// What they are on where the first thought is not open.
const ANY_TIME: [BetKind; 4] = [
    BetKind::Field,
    BetKind::Place(Number::Five),
    BetKind::Place(Number::Nine),
    BetKind::Horn,
];

/// What is on a board.
const ACCOUNTS: &str = "chips/";
const PURSE: &str = "purse";
const SEAT: &str = "seat";
const TOPIC: &str = "topic";

fn key(text: &str) -> BoardKey {
    Bytes::truncating(text.as_bytes().to_vec())
}

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Game {
    /// Craps.
    Craps,
    /// The agreed counter; half of the increments expect the value shown.
    Counter,
    /// A board with an account for each, a purse for all, a seat and a topic.
    Board,
}

impl Game {
    /// Name of its rule set.
    pub const fn rules(self) -> &'static str {
        match self {
            Self::Craps => "craps",
            Self::Counter => "counter",
            Self::Board => "board",
        }
    }

    /// What a table of it for so many is opened with.
    pub(crate) fn config(self, players: usize) -> Vec<u8> {
        match self {
            Self::Craps => CrapsConfig::default().encode(),
            Self::Counter => Vec::new(),
            Self::Board => {
                let all = u16::MAX >> (16 - players.min(16));
                let config = BoardConfig {
                    entries: BoundedVec::truncating(vec![(key(SEAT), FirstEntry::Slot)]),
                    accounts: BoundedVec::truncating(vec![(key(ACCOUNTS), 100)]),
                    purses: BoundedVec::truncating(vec![(key(PURSE), Members(all), 500)]),
                    ..BoardConfig::default()
                };
                config.encode()
            }
        }
    }
}

/// How somebody plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// Shortest pause between two looks at the screen, µs.
    pub pause_min_us: u64,
    /// Longest one.
    pub pause_max_us: u64,
    /// Own submissions without a final fate at which he waits.
    pub unsettled_max: usize,
    /// Looks, of a thousand, at which he also adds one to the tally.
    pub counts_permille: u32,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            pause_min_us: 300_000,
            pause_max_us: 1_500_000,
            unsettled_max: 4,
            counts_permille: 0,
        }
    }
}

/// What a player does on his screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tap {
    /// Submits an action.
    Submit(Vec<u8>),
    /// Sees off a rejected one.
    Acknowledge(SubmissionId),
    /// Adds one to the tally.
    Count,
}

/// Somebody who plays.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    game: Game,
    habits: Habits,
    chance: Chance,
    turn_seen: u64,
    turns_waited: u32,
}

impl Player {
    /// Somebody who plays `game`.
    pub(crate) fn new(game: Game, habits: Habits, chance: Chance) -> Self {
        Self {
            game,
            habits,
            chance,
            turn_seen: 0,
            turns_waited: 0,
        }
    }

    /// How long until he looks again, µs.
    pub(crate) fn pause_us(&mut self) -> u64 {
        self.chance
            .between(self.habits.pause_min_us, self.habits.pause_max_us)
    }

    /// Looks at the screen and taps.
    pub(crate) fn taps(&mut self, view: &View, own: PeerId) -> Vec<Tap> {
        let mut taps: Vec<Tap> = view
            .pending
            .iter()
            .filter(|own| matches!(own.fate, Fate::Rejected { .. }))
            .map(|own| Tap::Acknowledge(own.submission))
            .collect();
        if view.pending.len() - taps.len() < self.habits.unsettled_max {
            let wish = match self.game {
                Game::Craps => self.craps(view, own).map(|action| action.encode()),
                Game::Counter => self.counter(view).map(|action| action.encode()),
                Game::Board => self.board(view, own).map(|action| action.encode()),
            };
            taps.extend(wish.map(Tap::Submit));
        }
        let counts = self.habits.counts_permille;
        if counts > 0 && self.chance.permille(counts) {
            taps.push(Tap::Count);
        }
        taps
    }

    fn counter(&mut self, view: &View) -> Option<CounterAction> {
        let shown = counter::value(&view.state)?;
        let amount = i64::try_from(self.chance.between(1, 9)).expect("a small number");
        Some(CounterAction::Add {
            amount,
            expect: self.chance.permille(500).then_some(shown),
        })
    }

    fn board(&mut self, view: &View, own: PeerId) -> Option<BoardAction> {
        let index = view.members.iter().position(|(peer, _)| *peer == own)?;
        let account = |index: usize| key(&format!("{ACCOUNTS}{index}"));
        let other = self.chance.index(view.members.len());
        let amount = self.chance.between(1, 60);
        match self.chance.below(6) {
            0 | 1 if other != index => Some(BoardAction::Transfer {
                from: account(index),
                to: account(other),
                amount,
            }),
            2 => Some(BoardAction::Spend {
                from: key(PURSE),
                to: account(other),
                amount,
            }),
            3 => Some(BoardAction::Claim { key: key(SEAT) }),
            4 | 5 => Some(BoardAction::Put {
                key: key(TOPIC),
                value: Bytes::truncating(amount.to_be_bytes().to_vec()),
                expect: None,
            }),
            _ => None,
        }
    }

    fn craps(&mut self, view: &View, own: PeerId) -> Option<CrapsAction> {
        let table = Table::of(&view.state)?;
        let index = view.members.iter().position(|(peer, _)| *peer == own)?;
        let own = u8::try_from(index).ok()?;
        if !table.is_seated(own) {
            return Some(CrapsAction::Sit);
        }
        if table.turn == self.turn_seen {
            self.turns_waited += 1;
        } else {
            self.turn_seen = table.turn;
            self.turns_waited = 0;
        }
        let chips = table.chips.get(index).copied().unwrap_or(0);
        let stake = u32::try_from(self.chance.between(1, 10).min(chips)).expect("at most ten");
        if table.dice_in_the_air {
            let gives = stake > 0 && self.chance.permille(100);
            return gives.then(|| self.transfer(view, index, stake)).flatten();
        }
        // Apart only payments can be made.
        if matches!(view.status, Status::NoQuorum { .. }) && self.chance.permille(800) {
            let gives = stake > 0 && self.chance.permille(600);
            return gives.then(|| self.transfer(view, index, stake)).flatten();
        }
        // A shooter leaves the others one look for their bets.
        if table.shooter == Some(own) && self.turns_waited > 0 && self.chance.permille(700) {
            return Some(CrapsAction::Roll);
        }
        if table.shooter != Some(own)
            && self.turns_waited >= PATIENCE
            && !table.skips.contains(&own)
            && self.chance.permille(500)
        {
            return Some(CrapsAction::Skip { turn: table.turn });
        }
        match self.chance.below(10) {
            0 if stake > 0 => self.transfer(view, index, stake),
            1..=5 => self.raise(&table, own),
            6 => self.lower(&table, own),
            _ => None,
        }
    }

    /// Puts chips on something, mostly on what people bet on. Now and then more than the table takes:
    /// people do not know all the rules.
    fn raise(&mut self, table: &Table, own: u8) -> Option<CrapsAction> {
        let kind = if self.chance.permille(700) {
            self.chance.pick(&COMMON)
        } else {
            self.chance.pick(&BetKind::ALL)
        };
        let kind = match (kind.is_open(table.point), kind) {
            (true, _) => kind,
            (false, BetKind::Pass) => BetKind::Come,
            (false, BetKind::DontPass) => BetKind::DontCome,
            (false, BetKind::Come) => BetKind::Pass,
            (false, BetKind::DontCome) => BetKind::DontPass,
            (false, _) => self.chance.pick(&ANY_TIME),
        };
        let hand = usize::from(own);
        let hand = table.chips.get(hand).copied().unwrap_or(0);
        let behind: Vec<BetKind> = table
            .bets
            .iter()
            .filter(|bet| bet.member == own)
            .filter_map(|bet| bet.kind.backed_by())
            .filter(|odds| odds.is_open(table.point))
            .collect();
        // Whoever has a bet with a number likes to back it.
        let kind = if !behind.is_empty() && self.chance.permille(300) {
            self.chance.pick(&behind)
        } else {
            kind
        };
        let lies = table.stake(own, kind);
        let before = kind.backs().map_or(0, |flat| table.stake(own, flat));
        let most = kind.most(table.point, before, &table.house);
        let least = kind.least(table.point, &table.house).saturating_sub(lies);
        let room = u64::from(most.saturating_sub(lies)).min(hand);
        let reckless = self.chance.permille(20);
        let chips = self
            .chance
            .between(least.max(1).into(), u64::from(least) + 10);
        if chips > room && !reckless {
            return None;
        }
        let chips = u32::try_from(chips).expect("ten more than a table's least");
        Some(CrapsAction::Bet { kind, chips })
    }

    /// Takes something down, or switches it.
    fn lower(&mut self, table: &Table, own: u8) -> Option<CrapsAction> {
        let bets = table.bets.iter().filter(|bet| bet.member == own);
        let bets: Vec<PlacedBet> = bets.copied().collect();
        if bets.is_empty() {
            return None;
        }
        let PlacedBet { kind, chips, .. } = self.chance.pick(&bets);
        if kind.is_switchable() && self.chance.permille(500) {
            let working = [Working::Usual, Working::On, Working::Off];
            let working = self.chance.pick(&working);
            return Some(CrapsAction::Switch { kind, working });
        }
        let part = self.chance.between(1, chips.into());
        let chips = if self.chance.permille(500) {
            chips
        } else {
            u32::try_from(part).expect("a part of the stake")
        };
        let allowed = !kind.is_contract(table.point) || self.chance.permille(50);
        allowed.then_some(CrapsAction::TakeDown { kind, chips })
    }

    fn transfer(&mut self, view: &View, own: usize, chips: u32) -> Option<CrapsAction> {
        let members = view.members.len();
        let to = (own + 1 + self.chance.index(members.saturating_sub(1))) % members;
        let to = u8::try_from(to).expect("a member index");
        (usize::from(to) != own).then_some(CrapsAction::Transfer { to, chips })
    }
}

/// What the world reads of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Dice thrown.
    pub(crate) rolls: u64,
    /// The money that is in it, the bank's included.
    pub(crate) total: u128,
    /// Whether the game's own sum holds.
    pub(crate) conserved: bool,
}

/// Reads a state of any game.
pub(crate) fn read(state: &althing::state::Map) -> Option<Reading> {
    if let Some(table) = Table::of(state) {
        return Some(Reading {
            rolls: table.throws,
            total: table.total.into(),
            conserved: table.is_conserved(),
        });
    }
    if let Some(conserved) = board::is_conserved(state) {
        return Some(Reading {
            rolls: 0,
            total: board::entries(state)
                .filter_map(|(_, entry)| entry.balance())
                .map(u128::from)
                .sum(),
            conserved,
        });
    }
    counter::value(state).map(|_| Reading {
        rolls: 0,
        total: 0,
        conserved: true,
    })
}

/// What the member with this index owns: chips, or the counter that is everybody's.
pub(crate) fn owned(state: &althing::state::Map, index: usize) -> i64 {
    if let Some(table) = Table::of(state) {
        let chips = table.chips.get(index).copied().unwrap_or(0);
        return i64::try_from(chips).unwrap_or(i64::MAX);
    }
    counter::value(state).unwrap_or(0)
}
