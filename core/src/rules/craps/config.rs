//! What a table is opened with.

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use crate::rules::Rejection;
use crate::wire::{MEMBERS_MAX, decode, encode};

/// Configuration of a table. All bounds are in chips or in times of a stake, and hold at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrapsConfig {
    /// Chips that every member starts with.
    pub buy_in: u32,
    /// Chips that the bank starts with.
    pub bank: u64,
    /// Table minimum: the least that may lie on a bet, odds excepted. 1 to [`CrapsConfig::max`].
    pub min: u32,
    /// Table maximum: the most that may lie on a bet, odds excepted.
    pub max: u32,
    /// The most odds behind a pass or come bet, in times of that bet, on 4 and 10, on 5 and 9, on 6
    /// and 8. Behind don't pass and don't come it is what would win as much. At most
    /// [`ODDS_TIMES_MAX`] each; 0 means no odds.
    pub odds_times: [u8; 3],
    /// What the field pays on 12, to 1: 2 or 3. It pays 2 to 1 on 2.
    pub field_twelve: u8,
}

impl Default for CrapsConfig {
    fn default() -> Self {
        Self {
            buy_in: 1000,
            bank: 100_000,
            min: 1,
            max: 1000,
            odds_times: [3, 4, 5],
            field_twelve: 2,
        }
    }
}

impl CrapsConfig {
    /// The `rules_config` of a genesis.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The configuration behind a `rules_config`: none of it means the default.
    ///
    /// # Errors
    /// [`Cause::BadConfig`] where it is malformed or out of its bounds.
    pub fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let config: Self = decode(bytes, CONFIG_LEN_MAX).map_err(|_| Cause::BadConfig)?;
        let sound = (1..=config.max).contains(&config.min)
            && config
                .odds_times
                .iter()
                .all(|times| *times <= ODDS_TIMES_MAX)
            && (2..=3).contains(&config.field_twelve);
        if sound {
            Ok(config)
        } else {
            Err(Cause::BadConfig.into())
        }
    }

    /// Chips that exist at a table of so many members; none where that is too much to count or there
    /// are too many members.
    pub(super) fn total(&self, members: usize) -> Option<u64> {
        let count = u64::try_from(members).ok()?;
        let hands = u64::from(self.buy_in).checked_mul(count)?;
        let total = hands.checked_add(self.bank)?;
        (members <= MEMBERS_MAX).then_some(total)
    }
}

/// The most that a table may allow as odds, in times of the bet before them: the "100x odds" that a
/// few houses offer.
pub const ODDS_TIMES_MAX: u8 = 100;

/// Bytes of an encoded configuration at most: four varints and four bytes.
pub(super) const CONFIG_LEN_MAX: usize = 32;
