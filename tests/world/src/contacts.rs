//! Contact traces of real people: lines `t i j`, meaning that persons i and j were in contact
//! during the 20 s that end at second t. Further columns are ignored.

use althing::Duration;

/// Why a contact file cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactsError {
    /// A line that is not `t i j`.
    #[error("line {line}: {what}: each line must be `t i j` (seconds, person, person)")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// No contacts at all.
    #[error("the file has no contacts: each line must be `t i j` (seconds, person, person)")]
    Empty,
    /// Fewer people than players.
    #[error(
        "{have} people are in the file, {need} players were asked for: use --phones {have} or fewer"
    )]
    TooFewPeople {
        /// People in the file.
        have: usize,
        /// Players asked for.
        need: usize,
    },
    /// A group of this size cannot play.
    #[error("{0} players are not possible: use --phones 2 to 16")]
    BadPlayers(usize),
    /// The window lies outside the recording.
    #[error("--from {from} is after the last contact at second {last}: use a smaller value")]
    FromTooLate {
        /// Asked for, s.
        from: u64,
        /// Last second of the file.
        last: u64,
    },
}

/// A parsed contact file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contacts {
    lines: Vec<(u64, u32, u32)>,
}

/// The part of a recording that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First second, in the file's time.
    pub from_s: u64,
    /// Seconds.
    pub length_s: u64,
    /// Milliseconds of it during which a quorum of the players was in reach of each other.
    pub quorum_ms: u64,
    /// Whether there was such a time anywhere in the file.
    pub quorum_anywhere: bool,
}

impl Contacts {
    /// Parses the text of a contact file.
    pub fn parse(_text: &str) -> Result<Self, ContactsError> {
        Ok(Self { lines: Vec::new() })
    }

    /// Everyone in the file, ascending.
    pub fn people(&self) -> Vec<u32> {
        Vec::new()
    }

    /// The `count` most cohesive people: greedy from each of the 40 strongest pairs, keeping the
    /// group whose weakest member has most contact.
    pub fn players(&self, count: usize) -> Result<Vec<u32>, ContactsError> {
        let _ = (count, &self.lines);
        Ok(Vec::new())
    }

    /// The window of `length` in which `quorum` of `players` were in reach of each other longest,
    /// directly or over anybody, where a contact lingers for `linger`. With `from`, that window.
    pub fn window(
        &self,
        players: &[u32],
        quorum: usize,
        linger: Duration,
        from: Option<u64>,
        length: Duration,
    ) -> Result<Window, ContactsError> {
        let _ = (players, quorum, linger, from, length);
        Err(ContactsError::Empty)
    }
}
