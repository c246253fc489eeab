//! What one phone shows and the others type or scan.
//!
//! The text is base32 (Crockford's alphabet, which has no I, L, O and U) of
//! `version 1 | group 16 | inviter 32 | seed 32 | checksum 4`, in groups of eight characters. Case,
//! spaces and dashes do not matter, and the letters that look like digits are read as those.

use std::fmt;
use std::str::FromStr;

use crate::crypto::{Domain, hash};
use crate::error::CommandError;
use crate::id::{GroupId, PeerId};

/// An invitation to one table. Whoever holds it may join: its `seed` is the secret of a one-time key
/// pair that joiners sign with, and it is never sent by this code.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Version of the text.
    pub version: u8,
    /// The table.
    pub group: GroupId,
    /// Who opened it: a genesis by anybody else is refused.
    pub inviter: PeerId,
    /// Secret of the one-time key pair.
    pub seed: [u8; 32],
}

impl Ticket {
    /// The version that this build writes and reads.
    pub const VERSION: u8 = 1;

    /// A ticket of this build's version.
    pub fn new(group: GroupId, inviter: PeerId, seed: [u8; 32]) -> Self {
        Self {
            version: Self::VERSION,
            group,
            inviter,
            seed,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BODY_LEN + CHECKSUM_LEN);
        bytes.push(self.version);
        bytes.extend(self.group.as_bytes());
        bytes.extend(self.inviter.as_bytes());
        bytes.extend(self.seed);
        bytes.extend(checksum(&bytes));
        bytes
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, character) in encode_base32(&self.bytes()).into_iter().enumerate() {
            if index > 0 && index % GROUPING == 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(character))?;
        }
        Ok(())
    }
}

impl FromStr for Ticket {
    type Err = CommandError;

    fn from_str(text: &str) -> Result<Self, CommandError> {
        if text.len() > TEXT_LEN_MAX {
            return Err(CommandError::BadTicket("it is too long"));
        }
        let bytes = decode_base32(text).ok_or(CommandError::BadTicket(
            "it has characters that no ticket has",
        ))?;
        let Some((body, sum)) = bytes
            .split_last_chunk::<CHECKSUM_LEN>()
            .map(|(body, sum)| (body, *sum))
        else {
            return Err(CommandError::BadTicket("it is too short"));
        };
        // Before the version: a slip of the pen is no other version.
        if checksum(body) != sum {
            return Err(CommandError::BadTicket("it is mistyped or incomplete"));
        }
        let version = body.first().copied();
        if version != Some(Self::VERSION) {
            return Err(CommandError::BadTicket(
                "it was made by another version of the app",
            ));
        }
        let body: &[u8; BODY_LEN] = body
            .try_into()
            .map_err(|_| CommandError::BadTicket("it has a wrong length"))?;
        let part = |from: usize| -> [u8; 32] { std::array::from_fn(|index| body[from + index]) };
        Ok(Self {
            version: Self::VERSION,
            group: GroupId(std::array::from_fn(|index| body[1 + index])),
            inviter: PeerId(part(17)),
            seed: part(49),
        })
    }
}

/// Without the seed: tickets end up in logs, secrets must not.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("version", &self.version)
            .field("group", &self.group)
            .field("inviter", &self.inviter)
            .finish_non_exhaustive()
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    let sum = hash(Domain::TicketChecksum, &[body]);
    std::array::from_fn(|index| sum.0[index])
}

/// Base32 characters of `bytes`, the last one padded with zero bits.
pub(super) fn encode_base32(bytes: &[u8]) -> Vec<u8> {
    let mut characters = Vec::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            characters.push(ALPHABET[(held >> bits & 31) as usize]);
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        characters.push(ALPHABET[(held << (5 - bits) & 31) as usize]);
    }
    characters
}

fn decode_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut held, mut bits) = (0u32, 0);
    for character in text.chars() {
        let value = match character.to_ascii_uppercase() {
            '-' => continue,
            white if white.is_whitespace() => continue,
            'O' => 0,
            'I' | 'L' => 1,
            other => ALPHABET
                .iter()
                .zip(0u32..)
                .find(|(known, _)| char::from(**known) == other)
                .map(|(_, value)| value)?,
        };
        held = held << 5 | value;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits).expect("at most 8 bits are left above"));
            held &= (1 << bits) - 1;
        }
    }
    // What is left is padding: less than a character, and zero.
    (bits < 5 && held == 0).then_some(bytes)
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BODY_LEN: usize = 1 + 16 + 32 + 32;
const CHECKSUM_LEN: usize = 4;
const GROUPING: usize = 8;
/// Twice what a ticket with its dashes needs: room for spaces and line breaks.
const TEXT_LEN_MAX: usize = 320;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticket() -> Ticket {
        Ticket::new(GroupId([0xab; 16]), PeerId([0x5c; 32]), [0x11; 32])
    }

    fn reason(text: &str) -> &'static str {
        match text.parse::<Ticket>() {
            Err(CommandError::BadTicket(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_text_never_changes() {
        assert_eq!(ticket().to_string(), TEXT);
        assert_eq!(TEXT.parse::<Ticket>(), Ok(ticket()));
        assert_eq!(TEXT.replace('-', "").len(), 136);
    }

    #[test]
    fn case_spaces_and_lookalikes_do_not_matter() {
        let typed = TEXT
            .to_lowercase()
            .replace('-', " \n")
            .replace('0', "o")
            .replacen('1', "l", 3)
            .replace('1', "I");
        assert_eq!(typed.parse::<Ticket>(), Ok(ticket()));
    }

    #[test]
    fn each_way_to_be_no_ticket_has_its_reason() {
        assert_eq!(reason(""), "it is too short");
        assert_eq!(
            reason("hello, world"),
            "it has characters that no ticket has"
        );
        assert_eq!(reason("UUUU"), "it has characters that no ticket has");
        assert_eq!(
            reason(&TEXT[..TEXT.len() - 9]),
            "it is mistyped or incomplete"
        );
        assert_eq!(reason(&"0".repeat(321)), "it is too long");
        assert_eq!(reason(&"0".repeat(320)), "it is mistyped or incomplete");
        let newer = Ticket {
            version: 2,
            ..ticket()
        };
        assert_eq!(
            reason(&newer.to_string()),
            "it was made by another version of the app"
        );
        let mut longer = vec![Ticket::VERSION; BODY_LEN + 1];
        longer.extend(checksum(&longer));
        let text = String::from_utf8(encode_base32(&longer)).unwrap();
        assert_eq!(reason(&text), "it has a wrong length");
    }

    #[test]
    fn the_secret_is_not_in_the_log() {
        let shown = format!("{:?}", ticket());
        assert!(
            !shown.contains("17, 17") && !shown.contains("1111"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn every_ticket_survives_its_text(group: [u8; 16], inviter: [u8; 32], seed: [u8; 32]) {
            let ticket = Ticket::new(GroupId(group), PeerId(inviter), seed);
            prop_assert_eq!(ticket.to_string().parse(), Ok(ticket));
        }

        #[test]
        fn one_wrong_character_is_noticed(at: prop::sample::Index, by in 1..32usize) {
            let mut text = TEXT.replace('-', "").into_bytes();
            let at = at.index(text.len());
            let value = ALPHABET.iter().position(|known| *known == text[at]).unwrap();
            text[at] = ALPHABET[(value + by) % 32];
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(reason(&text), "it is mistyped or incomplete");
        }

        #[test]
        fn base32_is_exact(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = String::from_utf8(encode_base32(&bytes)).unwrap();
            prop_assert_eq!(decode_base32(&text), Some(bytes));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]
        #[test]
        fn any_text_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
            prop_assert!(String::from_utf8_lossy(&bytes).parse::<Ticket>().is_err());
        }
    }

    const TEXT: &str = "06NTQAXB-NENTQAXB-NENTQAXB-NENNRQ2W-BHE5RQ2W-BHE5RQ2W-BHE5RQ2W-BHE5RQ2W-BHE5RQ2W-BHE5RQ0H-248H248H-248H248H-248H248H-248H248H-248H248H-248H248H-269JD554";
}
