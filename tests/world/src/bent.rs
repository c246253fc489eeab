//! Rule sets of builds that differ: one that says it is everybody's and computes something else, and
//! one that says it is older.

use std::sync::Arc;

use althing::crypto::Hash;
use althing::id::PeerId;
use althing::rules::craps::{BetKind, Dice, Working};
use althing::rules::{Context, Offline, Random, Rejection, Rules};
use althing::state::Overlay;
use althing::wire::{RulesId, decode, encode};

/// In every so many-th block something is written that nobody else writes.
const EVERY: u64 = 5;
/// Where: no rule set uses this key.
const KEY: &[u8] = b"\x7fbent";

/// How a rule set differs from the one inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bend {
    /// It writes what nobody else writes: its phone proposes wrong roots.
    Writes,
    /// It is one version older, and says so.
    Older,
    /// A field bet of craps that wins even money is paid twice that, out of the bank.
    Pays,
}

/// Nearly the rule set inside.
#[derive(Debug)]
pub(crate) struct Bent {
    pub(crate) inside: Arc<dyn Rules>,
    pub(crate) bend: Bend,
}

impl Rules for Bent {
    fn id(&self) -> RulesId {
        let id = self.inside.id();
        match self.bend {
            Bend::Writes | Bend::Pays => id,
            Bend::Older => RulesId {
                version: id.version.saturating_sub(1),
                vectors: Hash([0; 32]),
                ..id
            },
        }
    }

    fn genesis(
        &self,
        overlay: &mut Overlay,
        members: &[PeerId],
        config: &[u8],
    ) -> Result<(), Rejection> {
        self.inside.genesis(overlay, members, config)
    }

    fn apply(
        &self,
        overlay: &mut Overlay,
        author: &PeerId,
        action: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Rejection> {
        self.inside.apply(overlay, author, action, context)?;
        if self.bend == Bend::Writes && context.height % EVERY == EVERY - 1 {
            overlay
                .set(KEY, context.height.to_le_bytes().to_vec())
                .expect("a short key");
        }
        Ok(())
    }

    fn on_draw(&self, overlay: &mut Overlay, random: &mut Random, context: &mut Context<'_>) {
        let stakes = match self.bend {
            Bend::Pays if self.id().name[..] == *b"craps" => field_stakes(overlay),
            _ => Vec::new(),
        };
        self.inside.on_draw(overlay, random, context);
        let dice = last_throw(overlay).filter(|_| !stakes.is_empty());
        if dice.is_some_and(|dice| EVEN_MONEY.contains(&dice.total())) {
            for (member, chips) in stakes {
                let hand = change(overlay, &[CHIPS, member], i64::from(chips));
                let bank = change(overlay, BANK, -i64::from(chips));
                hand.and(bank)
                    .expect("a table of craps has hands and a bank");
            }
        }
    }

    fn offline(&self, action: &[u8]) -> Offline {
        self.inside.offline(action)
    }

    fn order_key(&self, action: &[u8]) -> Vec<u8> {
        self.inside.order_key(action)
    }

    fn phase(&self, overlay: &Overlay) -> u64 {
        self.inside.phase(overlay)
    }

    fn describe(&self, code: u16, detail: &[u8]) -> String {
        self.inside.describe(code, detail)
    }

    fn describe_action(&self, action: &[u8]) -> String {
        self.inside.describe_action(action)
    }

    fn describe_entry(&self, key: &[u8], value: &[u8]) -> Option<String> {
        self.inside.describe_entry(key, value)
    }
}

/// Entries of a table of craps: `c` member, `b` member kind, `d` slot, `k`.
const CHIPS: u8 = b'c';
const BETS: &[u8] = b"b";
const THROWS: &[u8] = b"d";
const BANK: &[u8] = b"k";
/// Longest of them.
const ENTRY_LEN_MAX: usize = 16;
/// Throws on which the field wins even money.
const EVEN_MONEY: [u8; 5] = [3, 4, 9, 10, 11];

/// Field bets on the table: whose, and how many chips.
fn field_stakes(overlay: &Overlay) -> Vec<(u8, u32)> {
    let bets = overlay.prefix(BETS).into_iter();
    let fields = bets.filter_map(|(key, value)| {
        let [_, member, kind] = *key.as_bytes() else {
            return None;
        };
        let stake: Result<(u32, Working), _> = decode(&value, ENTRY_LEN_MAX);
        (kind == BetKind::Field.index()).then_some((member, stake.ok()?.0))
    });
    fields.collect()
}

fn last_throw(overlay: &Overlay) -> Option<Dice> {
    let throws = overlay.prefix(THROWS).into_iter();
    let throws = throws.filter_map(|(_, value)| decode::<(u64, Dice)>(&value, ENTRY_LEN_MAX).ok());
    throws
        .max_by_key(|(number, _)| *number)
        .map(|(_, dice)| dice)
}

fn change(overlay: &mut Overlay, key: &[u8], by: i64) -> Option<()> {
    let chips: u64 = decode(overlay.get(key)?, ENTRY_LEN_MAX).ok()?;
    overlay
        .set(key, encode(&chips.checked_add_signed(by)?))
        .ok()
}
