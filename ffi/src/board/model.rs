//! The records and enums of a board, as Kotlin and Swift see them.

/// What a member asks of a board. [`crate::board_payload`] makes the payload that is submitted.
///
/// Keys are 1 to 48 bytes; values at most 160. While too few members are in reach, operations marked
/// *waits* are shown but not signed; the others are.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum BoardOperation {
    /// Writes a value, whatever value stands there.
    Put {
        /// Where.
        key: Vec<u8>,
        /// What.
        value: Vec<u8>,
    },
    /// Writes a value only where nothing stands. *Waits.*
    PutIfAbsent {
        /// Where.
        key: Vec<u8>,
        /// What.
        value: Vec<u8>,
    },
    /// Writes a value only over this one: of two members who do so at once exactly one succeeds, and
    /// the other is told what stands. *Waits.*
    PutIf {
        /// Where.
        key: Vec<u8>,
        /// What.
        value: Vec<u8>,
        /// The value that the user saw.
        expected: Vec<u8>,
    },
    /// Takes an entry away; money and seals of others stay. *Waits.*
    Remove {
        /// Which.
        key: Vec<u8>,
    },
    /// Takes a value away only if it is this one. *Waits.*
    RemoveIf {
        /// Which.
        key: Vec<u8>,
        /// The value that the user saw.
        expected: Vec<u8>,
    },
    /// Makes a number that stays within bounds. *Waits.*
    MakeNumber {
        /// Where.
        key: Vec<u8>,
        /// Where it starts.
        value: i64,
        /// Its least value.
        min: i64,
        /// Its greatest value.
        max: i64,
    },
    /// Makes an empty list. *Waits.*
    MakeList {
        /// Where.
        key: Vec<u8>,
        /// Items at most, 1 to 1024.
        len_max: u16,
    },
    /// Makes a slot that one member at a time can hold. *Waits.*
    MakeSlot {
        /// Where.
        key: Vec<u8>,
    },
    /// Makes an empty account of this member. *Waits.*
    MakeAccount {
        /// Where.
        key: Vec<u8>,
    },
    /// Makes an empty purse. *Waits.*
    MakePurse {
        /// Where.
        key: Vec<u8>,
        /// Who may spend from it: positions in the view's list of members.
        members: Vec<u8>,
    },
    /// Adds to a number; negative amounts subtract.
    Add {
        /// Which.
        key: Vec<u8>,
        /// What is added.
        amount: i64,
    },
    /// Moves money from the own account to an account or a purse.
    Transfer {
        /// The own account.
        from: Vec<u8>,
        /// Who gets it.
        to: Vec<u8>,
        /// How much.
        amount: u64,
    },
    /// Moves money out of a purse that this member may spend from.
    Spend {
        /// The purse.
        from: Vec<u8>,
        /// Who gets it.
        to: Vec<u8>,
        /// How much.
        amount: u64,
    },
    /// Adds an item to the end of a list.
    Append {
        /// Which.
        key: Vec<u8>,
        /// The item.
        value: Vec<u8>,
    },
    /// Takes a slot that nobody holds: of two members who do so at once the first has it, and the
    /// other is told who. *Waits.*
    Claim {
        /// Which.
        key: Vec<u8>,
    },
    /// Gives up a slot that this member holds.
    Release {
        /// Which.
        key: Vec<u8>,
    },
}

/// Who may write under a prefix of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum BoardAccess {
    /// Every member.
    Open,
    /// Each member under the prefix followed by his own position in decimal: under `notes/` the
    /// member at 3 has `notes/3` and all of `notes/3/…`.
    Owned,
    /// Nobody: what the setup put there stays. Its numbers, lists and slots work for everybody.
    Locked,
}

/// A value that a board starts with.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BoardValueSetup {
    /// Its key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

/// A number that a board starts with.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BoardNumberSetup {
    /// Its key.
    pub key: Vec<u8>,
    /// Where it starts.
    pub value: i64,
    /// Its least value.
    pub min: i64,
    /// Its greatest value.
    pub max: i64,
}

/// A list that a board starts with.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BoardListSetup {
    /// Its key.
    pub key: Vec<u8>,
    /// Items at most, 1 to 1024.
    pub len_max: u16,
}

/// One account for every member.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BoardAccountsSetup {
    /// What each key begins with; the member's position follows: `chips/` makes `chips/0`, `chips/1`.
    pub prefix: Vec<u8>,
    /// What each starts with.
    pub balance: u64,
}

/// A purse that a board starts with.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BoardPurseSetup {
    /// Its key.
    pub key: Vec<u8>,
    /// Who may spend from it: positions in the list of members.
    pub members: Vec<u8>,
    /// What is in it.
    pub balance: u64,
}

/// Who may write where.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BoardPrefixSetup {
    /// The prefix; the longest that fits a key counts.
    pub prefix: Vec<u8>,
    /// Who may.
    pub access: BoardAccess,
}

/// How a board starts. All the money it will ever have is here. Encoded it may have 256 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, uniffi::Record)]
pub struct BoardSetup {
    /// Values.
    pub values: Vec<BoardValueSetup>,
    /// Numbers.
    pub numbers: Vec<BoardNumberSetup>,
    /// Lists.
    pub lists: Vec<BoardListSetup>,
    /// Slots, by key.
    pub slots: Vec<Vec<u8>>,
    /// Accounts.
    pub accounts: Vec<BoardAccountsSetup>,
    /// Purses.
    pub purses: Vec<BoardPurseSetup>,
    /// Who may write where; elsewhere everybody may.
    pub prefixes: Vec<BoardPrefixSetup>,
}

/// One key of a board's view with what stands there.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BoardEntry {
    /// The key; of an item, the key of its list.
    pub key: Vec<u8>,
    /// What stands there.
    pub content: BoardContent,
}

/// What stands under a key of a board. Members are positions in the view's list of members.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum BoardContent {
    /// A value.
    Value {
        /// The value.
        value: Vec<u8>,
    },
    /// A number.
    Number {
        /// Where it stands.
        value: i64,
        /// Its least value.
        min: i64,
        /// Its greatest value.
        max: i64,
    },
    /// A list; its items are entries of their own.
    List {
        /// Items so far.
        len: u16,
        /// Items at most.
        len_max: u16,
    },
    /// An item of a list.
    Item {
        /// Its position, from 0.
        position: u16,
        /// The item.
        value: Vec<u8>,
    },
    /// A slot.
    Slot {
        /// Who holds it; null while nobody does.
        holder: Option<u8>,
    },
    /// An account.
    Account {
        /// Whose.
        owner: u8,
        /// What is in it.
        balance: u64,
    },
    /// A purse.
    Purse {
        /// Who may spend from it.
        members: Vec<u8>,
        /// What is in it.
        balance: u64,
    },
    /// Something that one member can read (`unseal`) and show to all (`open_seal`).
    Sealed {
        /// Who sealed it.
        sealer: u8,
        /// Who can read it.
        owner: u8,
    },
    /// Something that was sealed and is open: everyone's phone checked that it is what was sealed.
    Opened {
        /// Who sealed it.
        sealer: u8,
        /// Who opened it.
        owner: u8,
        /// What it is.
        plaintext: Vec<u8>,
    },
    /// This member can be sealed for; the key of such an entry is empty.
    Reader {
        /// Who.
        member: u8,
    },
}

/// Why a board refused, for a program and for its user.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BoardRefusal {
    /// In words for the user.
    pub words: String,
    /// The member that the words name: who holds the slot, whose account it is.
    pub member: Option<u8>,
    /// The balance, length or size that the words name.
    pub amount: Option<u64>,
    /// Where the number stands.
    pub number: Option<i64>,
    /// The value that stands, its first 60 bytes; null where nothing stands.
    pub standing: Option<Vec<u8>>,
}
