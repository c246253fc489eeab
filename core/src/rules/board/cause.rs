//! Why a board refuses, as codes that travel and as words.

use serde::{Deserialize, Serialize};

use super::action::shown;
use super::entry::Kind;
use crate::rules::Rejection;
use crate::wire::{Bytes, decode, encode};

/// Bytes of a standing value that a refusal carries: the rest of a detail's 64 are its framing.
pub const DETAIL_VALUE_LEN_MAX: usize = 60;

/// Why a board refuses an action. The number is the code of the [`Rejection`]; "detail" is what its
/// [`Detail`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum Cause {
    /// The bytes are no action.
    Malformed = 1,
    /// The author is not a member.
    NotMember = 2,
    /// The key is empty.
    BadKey = 3,
    /// The genesis locked this prefix: nothing is made, written or removed there.
    Locked = 4,
    /// Another member writes there; the detail is his index, where the key names one.
    NotYours = 5,
    /// Nothing stands there.
    NoEntry = 6,
    /// Something of another kind stands there; the detail is its kind.
    WrongKind = 7,
    /// Something stands there already; the detail is its kind.
    Occupied = 8,
    /// Not what the author expected; the detail is what stands there.
    Conflict = 9,
    /// Bounds that hold no number, or a list of no length.
    BadBounds = 10,
    /// The sum would leave the bounds; the detail is the number that stands.
    OutOfBounds = 11,
    /// No amount.
    ZeroAmount = 12,
    /// There is less; the detail is the balance.
    NotEnough = 13,
    /// The account is another member's; the detail is his index.
    NotYourAccount = 14,
    /// The author may not spend from this purse.
    NotYourPurse = 15,
    /// From and to are one.
    SameEntry = 16,
    /// The list is full; the detail is its length.
    ListFull = 17,
    /// The slot is taken; the detail is the index of who holds it.
    Taken = 18,
    /// The author does not hold this slot; the detail is the index of who does, if anybody.
    NotHolder = 19,
    /// There is money in it; the detail is how much.
    NotEmpty = 20,
    /// No group member has this index, or a purse would have nobody.
    NoSuchMember = 21,
    /// The author has said already what to seal for him with.
    KeyPublished = 22,
    /// That key would keep nothing secret.
    WeakKey = 23,
    /// That member has not said what to seal for him with; the detail is his index.
    NoSealingKey = 24,
    /// It is sealed for another member; the detail is his index.
    NotItsOwner = 25,
    /// This is not what was sealed.
    WrongOpening = 26,
    /// The board has no room; the detail is how many bytes it may have.
    BoardFull = 27,
    /// The configuration is malformed, or does not fit the members.
    BadConfig = 28,
    /// The state is none of this rule set.
    BadState = 29,
}

/// What a refusal says beside its cause, for a program to use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// A member index.
    Member(u8),
    /// Money, a length or a size.
    Amount(u64),
    /// A number.
    Number(i64),
    /// What kind of entry stands there.
    Kind(Kind),
    /// What stands there, cut at [`DETAIL_VALUE_LEN_MAX`]; none where nothing does.
    Standing(Option<Bytes<DETAIL_VALUE_LEN_MAX>>),
}

impl Detail {
    /// The detail of a refusal that has one.
    pub fn decode(detail: &[u8]) -> Option<Self> {
        decode(detail, 64).ok()
    }
}

impl Cause {
    /// All of them, by code.
    pub const ALL: [Self; 29] = [
        Self::Malformed,
        Self::NotMember,
        Self::BadKey,
        Self::Locked,
        Self::NotYours,
        Self::NoEntry,
        Self::WrongKind,
        Self::Occupied,
        Self::Conflict,
        Self::BadBounds,
        Self::OutOfBounds,
        Self::ZeroAmount,
        Self::NotEnough,
        Self::NotYourAccount,
        Self::NotYourPurse,
        Self::SameEntry,
        Self::ListFull,
        Self::Taken,
        Self::NotHolder,
        Self::NotEmpty,
        Self::NoSuchMember,
        Self::KeyPublished,
        Self::WeakKey,
        Self::NoSealingKey,
        Self::NotItsOwner,
        Self::WrongOpening,
        Self::BoardFull,
        Self::BadConfig,
        Self::BadState,
    ];

    /// The code that travels.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The cause behind a code.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.code() == code)
    }

    /// A rejection that says more.
    pub(super) fn with(self, detail: &Detail) -> Rejection {
        Rejection::with_detail(self.code(), encode(detail))
    }

    /// In words for the one who was refused.
    pub(super) fn describe(self, detail: &[u8]) -> String {
        let detail = Detail::decode(detail);
        let player = match detail {
            Some(Detail::Member(index)) => Some(format!("player {}", u16::from(index) + 1)),
            _ => None,
        };
        let number = match detail {
            Some(Detail::Amount(amount)) => Some(amount.to_string()),
            Some(Detail::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let kind = match detail {
            Some(Detail::Kind(kind)) => kind.name(),
            _ => "something else",
        };
        let player_or = |other: &str| player.clone().unwrap_or_else(|| other.to_owned());
        let number_or = |other: &str| number.clone().unwrap_or_else(|| other.to_owned());
        match self {
            Self::Malformed => "the board does not understand this".to_owned(),
            Self::NotMember => "only members may use this board".to_owned(),
            Self::BadKey => "an entry needs a key".to_owned(),
            Self::Locked => "this part of the board stays as it was made".to_owned(),
            Self::NotYours => format!("only {} writes there", player_or("its own member")),
            Self::NoEntry => "there is no such entry".to_owned(),
            Self::WrongKind => format!("this is {kind}: that cannot be done with it"),
            Self::Occupied => format!("there is {kind} already"),
            Self::Conflict => match detail {
                Some(Detail::Standing(Some(value))) => {
                    format!("it is {} by now: look at it and try again", shown(&value))
                }
                Some(Detail::Standing(None)) => "there is nothing by now".to_owned(),
                _ => "it is something else by now: look at it and try again".to_owned(),
            },
            Self::BadBounds => "these bounds leave no room".to_owned(),
            Self::OutOfBounds => {
                format!(
                    "it stands at {} and cannot go that far",
                    number_or("its bound")
                )
            }
            Self::ZeroAmount => "that takes an amount".to_owned(),
            Self::NotEnough => format!("there is only {} in it", number_or("less")),
            Self::NotYourAccount => format!("this is the account of {}", player_or("another")),
            Self::NotYourPurse => "you may not spend from this purse".to_owned(),
            Self::SameEntry => "that would move nothing".to_owned(),
            Self::ListFull => format!("the list is full with {} items", number_or("all its")),
            Self::Taken => format!("{} has it", player_or("somebody")),
            Self::NotHolder => match player {
                Some(player) => format!("{player} has it, not you"),
                None => "nobody has it".to_owned(),
            },
            Self::NotEmpty => format!("there is still {} in it", number_or("money")),
            Self::NoSuchMember => "there is no such member".to_owned(),
            Self::KeyPublished => "your sealing key is known already".to_owned(),
            Self::WeakKey => "this sealing key would keep nothing secret".to_owned(),
            Self::NoSealingKey => format!(
                "{} has not published a sealing key yet",
                player_or("that member")
            ),
            Self::NotItsOwner => format!("it is sealed for {}", player_or("another")),
            Self::WrongOpening => "this is not what was sealed".to_owned(),
            Self::BoardFull => format!(
                "the board is full with {} bytes: remove something first",
                number_or("all its")
            ),
            Self::BadConfig => "this board cannot be set up like that".to_owned(),
            Self::BadState => "this board is not in order".to_owned(),
        }
    }
}

impl From<Cause> for Rejection {
    fn from(cause: Cause) -> Self {
        Self::new(cause.code())
    }
}
