//! What can be bet on. What it pays is in [`payout`](super::payout), when it may be placed, taken
//! down and switched in [`stakes`](super::stakes).

use serde::{Deserialize, Serialize};

/// Two dice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dice {
    /// 1 to 6.
    pub first: u8,
    /// 1 to 6.
    pub second: u8,
}

impl Dice {
    /// 2 to 12.
    pub fn total(self) -> u8 {
        self.first.saturating_add(self.second)
    }

    /// Both show the same.
    pub fn is_pair(self) -> bool {
        self.first == self.second
    }

    /// All 36, each as likely as any other.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=6).flat_map(|first| (1..=6).map(move |second| Self { first, second }))
    }
}

/// A total that can be the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Number {
    /// 4, thrown 3 ways of 36.
    Four = 4,
    /// 5, 4 ways.
    Five = 5,
    /// 6, 5 ways.
    Six = 6,
    /// 8, 5 ways.
    Eight = 8,
    /// 9, 4 ways.
    Nine = 9,
    /// 10, 3 ways.
    Ten = 10,
}

impl Number {
    /// All of them, upward.
    pub const ALL: [Self; 6] = [
        Self::Four,
        Self::Five,
        Self::Six,
        Self::Eight,
        Self::Nine,
        Self::Ten,
    ];

    /// The number behind a total; none for the totals that decide a come-out.
    pub const fn of(total: u8) -> Option<Self> {
        match total {
            4 => Some(Self::Four),
            5 => Some(Self::Five),
            6 => Some(Self::Six),
            8 => Some(Self::Eight),
            9 => Some(Self::Nine),
            10 => Some(Self::Ten),
            _ => None,
        }
    }

    /// The total.
    pub const fn total(self) -> u8 {
        self as u8
    }

    /// Its place among all of them.
    pub(super) const fn place(self) -> u8 {
        match self {
            Self::Four => 0,
            Self::Five => 1,
            Self::Six => 2,
            Self::Eight => 3,
            Self::Nine => 4,
            Self::Ten => 5,
        }
    }
}

/// A pair that makes a number "the hard way"; its value is what each die shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Pair {
    /// 2 and 2: hard 4.
    Twos = 2,
    /// 3 and 3: hard 6.
    Threes = 3,
    /// 4 and 4: hard 8.
    Fours = 4,
    /// 5 and 5: hard 10.
    Fives = 5,
}

impl Pair {
    /// All of them, upward.
    pub const ALL: [Self; 4] = [Self::Twos, Self::Threes, Self::Fours, Self::Fives];

    /// What each die shows.
    pub const fn face(self) -> u8 {
        self as u8
    }

    /// 4, 6, 8 or 10.
    pub const fn total(self) -> u8 {
        2 * self.face()
    }
}

/// Two faces that a hop bet names, in either order: one of 21.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hop(u8);

impl Hop {
    /// Pairs of faces, the order of the dice left aside.
    pub const COUNT: u8 = 21;

    /// The hop of two faces, in either order; none where one of them is no face of a die.
    pub const fn of(dice: Dice) -> Option<Self> {
        let (low, high) = if dice.first <= dice.second {
            (dice.first, dice.second)
        } else {
            (dice.second, dice.first)
        };
        if low < 1 || high > 6 {
            return None;
        }
        // 1-1, 1-2, 2-2, 1-3, …: before those with `high` come the pairs below it.
        Some(Self(high * (high - 1) / 2 + low - 1))
    }

    /// The two faces, the lower one first.
    pub const fn faces(self) -> Dice {
        let mut high = 1;
        while high < 6 && (high + 1) * high / 2 <= self.0 {
            high += 1;
        }
        Dice {
            first: self.0 - high * (high - 1) / 2 + 1,
            second: high,
        }
    }
}

/// What is bet on. On the wire and in keys it is one byte, its [`index`](BetKind::index): new kinds
/// go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum BetKind {
    /// With the shooter: 7 and 11 win the come-out, 2, 3 and 12 lose it; then the point wins and 7
    /// loses.
    Pass,
    /// Against the shooter: 2 and 3 win the come-out, 7 and 11 lose it, 12 is barred and gives the
    /// stake back; then 7 wins and the point loses.
    DontPass,
    /// The next throw alone: 2, 3, 4, 9, 10, 11 and 12 win.
    Field,
    /// A pass bet of one's own, made while a point is up: the next throw is its come-out. A number
    /// moves it to [`BetKind::ComeOn`].
    Come,
    /// A don't pass bet of one's own, made while a point is up. A number moves it to
    /// [`BetKind::DontComeOn`].
    DontCome,
    /// At true odds behind [`BetKind::Pass`] once a point is up: the point before 7.
    PassOdds,
    /// At true odds behind [`BetKind::DontPass`] once a point is up: 7 before the point.
    DontPassOdds,
    /// A come bet that has its number: the number before 7.
    ComeOn(Number),
    /// A don't come bet that has its number: 7 before the number.
    DontComeOn(Number),
    /// At true odds behind [`BetKind::ComeOn`].
    ComeOdds(Number),
    /// At true odds behind [`BetKind::DontComeOn`].
    DontComeOdds(Number),
    /// The number before 7, a little below true odds.
    Place(Number),
    /// The number before 7 at true odds, less the vig.
    Buy(Number),
    /// 7 before the number at true odds, less the vig.
    Lay(Number),
    /// 6 before 7.
    BigSix,
    /// 8 before 7.
    BigEight,
    /// The number as this pair, before 7 and before the number thrown otherwise.
    Hard(Pair),
    /// The next throw alone: 7.
    AnySeven,
    /// The next throw alone: 2, 3 or 12.
    AnyCraps,
    /// The next throw alone: 2.
    Two,
    /// The next throw alone: 3.
    Three,
    /// The next throw alone: 11.
    Eleven,
    /// The next throw alone: 12.
    Twelve,
    /// The next throw alone, a quarter of the stake each on 2, 3, 11 and 12.
    Horn,
    /// "C and E", the next throw alone: half of the stake on any craps, half on eleven.
    CAndE,
    /// The next throw alone, a fifth of the stake each on 2, 3, 7, 11 and 12.
    World,
    /// The next throw alone: exactly these two faces.
    Hop(Hop),
}

impl BetKind {
    /// How many there are: indices are below it.
    pub const COUNT: u8 = HOPS + Hop::COUNT;

    /// All of them, by index.
    pub const ALL: [Self; Self::COUNT as usize] = {
        let mut all = [Self::Pass; Self::COUNT as usize];
        let mut index = 0;
        while index < Self::COUNT {
            if let Some(kind) = Self::from_index(index) {
                all[index as usize] = kind;
            }
            index += 1;
        }
        all
    };

    /// Its place among all of them.
    pub const fn index(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::DontPass => 1,
            Self::Field => 2,
            Self::Come => 3,
            Self::DontCome => 4,
            Self::PassOdds => 5,
            Self::DontPassOdds => 6,
            Self::ComeOn(number) => COMES + number.place(),
            Self::DontComeOn(number) => COMES + NUMBERS + number.place(),
            Self::ComeOdds(number) => COMES + 2 * NUMBERS + number.place(),
            Self::DontComeOdds(number) => COMES + 3 * NUMBERS + number.place(),
            Self::Place(number) => COMES + 4 * NUMBERS + number.place(),
            Self::Buy(number) => COMES + 5 * NUMBERS + number.place(),
            Self::Lay(number) => COMES + 6 * NUMBERS + number.place(),
            Self::BigSix => BIGS,
            Self::BigEight => BIG_EIGHT,
            Self::Hard(pair) => HARDS + pair.face() - 2,
            Self::AnySeven => PROPOSITIONS,
            Self::AnyCraps => PROPOSITIONS + 1,
            Self::Two => PROPOSITIONS + 2,
            Self::Three => PROPOSITIONS + 3,
            Self::Eleven => PROPOSITIONS + 4,
            Self::Twelve => PROPOSITIONS + 5,
            Self::Horn => PROPOSITIONS + 6,
            Self::CAndE => PROPOSITIONS + 7,
            Self::World => PROPOSITIONS + 8,
            Self::Hop(hop) => HOPS + hop.0,
        }
    }

    /// The kind with this index.
    pub const fn from_index(index: u8) -> Option<Self> {
        Some(match index {
            0 => Self::Pass,
            1 => Self::DontPass,
            2 => Self::Field,
            3 => Self::Come,
            4 => Self::DontCome,
            5 => Self::PassOdds,
            6 => Self::DontPassOdds,
            COMES..BIGS => {
                let number = Number::ALL[((index - COMES) % NUMBERS) as usize];
                match (index - COMES) / NUMBERS {
                    0 => Self::ComeOn(number),
                    1 => Self::DontComeOn(number),
                    2 => Self::ComeOdds(number),
                    3 => Self::DontComeOdds(number),
                    4 => Self::Place(number),
                    5 => Self::Buy(number),
                    _ => Self::Lay(number),
                }
            }
            BIGS => Self::BigSix,
            BIG_EIGHT => Self::BigEight,
            HARDS..PROPOSITIONS => Self::Hard(Pair::ALL[(index - HARDS) as usize]),
            PROPOSITIONS..HOPS => match index - PROPOSITIONS {
                0 => Self::AnySeven,
                1 => Self::AnyCraps,
                2 => Self::Two,
                3 => Self::Three,
                4 => Self::Eleven,
                5 => Self::Twelve,
                6 => Self::Horn,
                7 => Self::CAndE,
                _ => Self::World,
            },
            HOPS..Self::COUNT => Self::Hop(Hop(index - HOPS)),
            Self::COUNT.. => return None,
        })
    }

    /// As a player says it.
    pub fn name(self) -> String {
        let plain = match self {
            Self::Pass => "pass",
            Self::DontPass => "don't pass",
            Self::Field => "field",
            Self::Come => "come",
            Self::DontCome => "don't come",
            Self::PassOdds => "pass odds",
            Self::DontPassOdds => "don't pass odds",
            Self::ComeOn(number) => return format!("come {}", number.total()),
            Self::DontComeOn(number) => return format!("don't come {}", number.total()),
            Self::ComeOdds(number) => return format!("come {} odds", number.total()),
            Self::DontComeOdds(number) => return format!("don't come {} odds", number.total()),
            Self::Place(number) => return format!("place {}", number.total()),
            Self::Buy(number) => return format!("buy {}", number.total()),
            Self::Lay(number) => return format!("lay {}", number.total()),
            Self::BigSix => "big 6",
            Self::BigEight => "big 8",
            Self::Hard(pair) => return format!("hard {}", pair.total()),
            Self::AnySeven => "any seven",
            Self::AnyCraps => "any craps",
            Self::Two => "craps 2",
            Self::Three => "craps 3",
            Self::Eleven => "eleven",
            Self::Twelve => "craps 12",
            Self::Horn => "horn",
            Self::CAndE => "C&E",
            Self::World => "world",
            Self::Hop(hop) => {
                let Dice { first, second } = hop.faces();
                return format!("hop {first}-{second}");
            }
        };
        plain.to_owned()
    }
}

impl From<BetKind> for u8 {
    fn from(kind: BetKind) -> Self {
        kind.index()
    }
}

/// No bet has this index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no bet has the number {0}")]
pub struct NoSuchBet(pub u8);

impl TryFrom<u8> for BetKind {
    type Error = NoSuchBet;

    fn try_from(index: u8) -> Result<Self, NoSuchBet> {
        Self::from_index(index).ok_or(NoSuchBet(index))
    }
}

/// Whether a bet takes part in the next throw. While it is off it can neither win nor lose.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Working {
    /// As the house has it: place, buy, hardways and come odds are off on the come-out, everything
    /// else is on.
    #[default]
    Usual,
    /// On in every throw.
    On,
    /// Off until it is switched again.
    Off,
}

const COMES: u8 = 7;
const NUMBERS: u8 = 6;
const BIGS: u8 = COMES + 7 * NUMBERS;
const BIG_EIGHT: u8 = BIGS + 1;
const HARDS: u8 = BIGS + 2;
const PROPOSITIONS: u8 = HARDS + 4;
const HOPS: u8 = PROPOSITIONS + 9;
