//! Actions of a table in as few bytes as they are worth: what players usually do is short.
//!
//! Column by column, in order: what is done; which bets; how many chips; to whom; the rest. The
//! tables were counted on 20,000 actions that bots played (`althing-rig`, test `priors`) and are
//! frozen: they are part of the protocol of these rules. Within a batch the models learn.

mod priors;
#[cfg(test)]
mod tests;

use self::priors::{ACTIONS, AMOUNTS, CHIPS, CLASSES, KINDS, STAGES};
use super::action::CrapsAction;
use super::bet::{BetKind, Number as Point, Working};
use crate::rules::Batch;
use crate::wire::MEMBERS_MAX;
use crate::wire::coder::schema::{unzigzag, zigzag};
use crate::wire::coder::{Coder, Model, Number};

/// What one symbol seen counts for beside the tables, whose rows sum to some 500 to 1000.
const STEP: u16 = 24;

/// Codes the payloads; false, and nothing coded, where one is not an action of a member.
pub(super) fn pack(coder: &mut dyn Coder, batch: Batch<'_>, payloads: &[&[u8]]) -> bool {
    let actions = payloads.iter().zip(batch.authors).map(|(payload, author)| {
        let action = CrapsAction::decode(payload).ok()?;
        let to = match action {
            CrapsAction::Transfer { to, .. } => Some(to),
            // Too rare to have a place in the tables.
            CrapsAction::Earmark { .. }
            | CrapsAction::Redeem { .. }
            | CrapsAction::GiveBack { .. } => {
                return None;
            }
            _ => None,
        };
        let fits = to.is_none_or(|to| to < batch.members && to != *author);
        fits.then_some(action)
    });
    let Some(mut actions) = actions.collect::<Option<Vec<_>>>() else {
        return false;
    };
    code(coder, batch, &mut actions);
    true
}

/// The payloads that a decoder holds.
pub(super) fn unpack(coder: &mut dyn Coder, batch: Batch<'_>) -> Vec<Vec<u8>> {
    let mut actions = vec![CrapsAction::Sit; batch.authors.len()];
    code(coder, batch, &mut actions);
    actions.iter().map(CrapsAction::encode).collect()
}

fn code(coder: &mut dyn Coder, batch: Batch<'_>, actions: &mut [CrapsAction]) {
    code_variants(coder, actions);
    code_kinds(coder, actions);
    code_chips(coder, batch.authors, actions);
    let others = usize::from(batch.members.saturating_sub(1)).max(1);
    let mut places = Model::new(&vec![8; others], 4);
    let mut turns = Number::default();
    let mut turn_before = 0u64;
    let mut workings = Model::new(&[8, 12, 24], 8);
    for (action, author) in actions.iter_mut().zip(batch.authors) {
        match action {
            CrapsAction::Transfer { to, .. } => {
                // The giver is left out of the choice.
                let place = usize::from(to.saturating_sub(u8::from(*to > *author)));
                let place = coder.symbol(&mut places, place.min(others - 1));
                let place = u8::try_from(place).expect("at most 16 members");
                *to = place + u8::from(place >= *author);
            }
            CrapsAction::Skip { turn } => {
                let apart = turns.code(coder, zigzag(turn.wrapping_sub(turn_before)));
                *turn = turn_before.wrapping_add(unzigzag(apart));
                turn_before = *turn;
            }
            CrapsAction::Switch { working, .. } => {
                let symbol = match working {
                    Working::Usual => 0,
                    Working::On => 1,
                    Working::Off => 2,
                };
                *working = match coder.symbol(&mut workings, symbol) {
                    0 => Working::Usual,
                    1 => Working::On,
                    _ => Working::Off,
                };
            }
            CrapsAction::Sit
            | CrapsAction::Bet { .. }
            | CrapsAction::Roll
            | CrapsAction::Stand
            | CrapsAction::TakeDown { .. }
            | CrapsAction::Earmark { .. }
            | CrapsAction::Redeem { .. }
            | CrapsAction::GiveBack { .. } => {}
        }
    }
}

/// What is done, by what was done before it.
fn code_variants(coder: &mut dyn Coder, actions: &mut [CrapsAction]) {
    let mut models = ACTIONS.map(|prior| Model::new(&prior, STEP));
    let mut before = VARIANTS;
    for action in actions {
        let variant = coder.symbol(&mut models[before], variant_of(action));
        if variant != variant_of(action) {
            *action = blank(variant);
        }
        before = variant;
    }
}

/// On what, by how far the hand is: what was bet before, since the dice fell, tells it.
fn code_kinds(coder: &mut dyn Coder, actions: &mut [CrapsAction]) {
    let mut models = KINDS.map(|prior| Model::new(&prior, STEP));
    // What goes down or is switched is what lies: anything, the usual bets first.
    let mut lying = Model::new(&KINDS[STAGE_UNKNOWN], STEP);
    let mut stage = STAGE_UNKNOWN;
    for action in actions {
        match action {
            CrapsAction::Bet { kind, .. } => {
                *kind = code_kind(coder, &mut models[stage], *kind);
                stage = stage_after(stage, *kind);
            }
            CrapsAction::TakeDown { kind, .. } | CrapsAction::Switch { kind, .. } => {
                *kind = code_kind(coder, &mut lying, *kind);
            }
            CrapsAction::Roll => stage = STAGE_UNKNOWN,
            CrapsAction::Sit
            | CrapsAction::Transfer { .. }
            | CrapsAction::Stand
            | CrapsAction::Skip { .. }
            | CrapsAction::Earmark { .. }
            | CrapsAction::Redeem { .. }
            | CrapsAction::GiveBack { .. } => {}
        }
    }
}

fn code_kind(coder: &mut dyn Coder, model: &mut Model, kind: BetKind) -> BetKind {
    let index = coder.symbol(model, usize::from(kind.index()));
    let index = u8::try_from(index).expect("fewer kinds than a byte has values");
    BetKind::from_index(index).expect("a symbol of the model is a kind's index")
}

/// How many chips, by what they are for; an author who bets again often bets the same.
fn code_chips(coder: &mut dyn Coder, authors: &[u8], actions: &mut [CrapsAction]) {
    let mut models = CHIPS.map(|prior| Model::new(&prior, STEP));
    let mut repeats = Model::new(&[16, 8], 8);
    let mut other = Number::default();
    let mut last = [[None; CLASSES]; MEMBERS_MAX];
    for (action, author) in actions.iter_mut().zip(authors) {
        let (class, chips) = match action {
            CrapsAction::Bet { kind, chips } => (class_of(*kind), chips),
            CrapsAction::Transfer { chips, .. } => (CLASS_TRANSFER, chips),
            CrapsAction::TakeDown { chips, .. } => (CLASS_DOWN, chips),
            CrapsAction::Sit
            | CrapsAction::Roll
            | CrapsAction::Stand
            | CrapsAction::Skip { .. }
            | CrapsAction::Switch { .. }
            | CrapsAction::Earmark { .. }
            | CrapsAction::Redeem { .. }
            | CrapsAction::GiveBack { .. } => continue,
        };
        let last = last
            .get_mut(usize::from(*author))
            .map(|classes| &mut classes[class]);
        if let Some(Some(before)) = last.as_deref().copied() {
            let symbol = usize::from(*chips == before);
            if coder.symbol(&mut repeats, symbol) == 1 {
                *chips = before;
                continue;
            }
        }
        let symbol = AMOUNTS.iter().position(|amount| *amount == *chips);
        let symbol = coder.symbol(&mut models[class], symbol.unwrap_or(AMOUNTS.len()));
        *chips = match AMOUNTS.get(symbol) {
            Some(amount) => *amount,
            // A larger one does not encode again to the same bytes.
            None => u32::try_from(other.code(coder, u64::from(*chips))).unwrap_or(u32::MAX),
        };
        if let Some(last) = last {
            *last = Some(*chips);
        }
    }
}

/// Things that can be done: variants of [`CrapsAction`].
const VARIANTS: usize = 8;

fn variant_of(action: &CrapsAction) -> usize {
    match action {
        CrapsAction::Sit => 0,
        CrapsAction::Bet { .. } => 1,
        CrapsAction::Roll => 2,
        CrapsAction::Transfer { .. } => 3,
        CrapsAction::Stand => 4,
        CrapsAction::Skip { .. } => 5,
        CrapsAction::TakeDown { .. } => 6,
        CrapsAction::Switch { .. } => 7,
        CrapsAction::Earmark { .. } | CrapsAction::Redeem { .. } | CrapsAction::GiveBack { .. } => {
            unreachable!("a batch with one of them goes under the general model")
        }
    }
}

/// An action of this variant whose fields are still to come.
fn blank(variant: usize) -> CrapsAction {
    let kind = BetKind::Pass;
    match variant {
        0 => CrapsAction::Sit,
        1 => CrapsAction::Bet { kind, chips: 0 },
        2 => CrapsAction::Roll,
        3 => CrapsAction::Transfer { to: 0, chips: 0 },
        4 => CrapsAction::Stand,
        5 => CrapsAction::Skip { turn: 0 },
        6 => CrapsAction::TakeDown { kind, chips: 0 },
        _ => CrapsAction::Switch {
            kind,
            working: Working::Usual,
        },
    }
}

const STAGE_UNKNOWN: usize = 0;
const STAGE_COME_OUT: usize = 1;
const STAGE_POINT: usize = 2;
const _: () = assert!(STAGES == STAGE_POINT + 1, "one row a stage");

/// What a bet says of how far the hand is.
fn stage_after(stage: usize, kind: BetKind) -> usize {
    match kind {
        BetKind::Pass | BetKind::DontPass => STAGE_COME_OUT,
        BetKind::Come | BetKind::DontCome | BetKind::PassOdds | BetKind::DontPassOdds => {
            STAGE_POINT
        }
        _ => stage,
    }
}

const CLASS_TRANSFER: usize = 5;
const CLASS_DOWN: usize = 6;
const _: () = assert!(CLASSES == CLASS_DOWN + 1, "one row a class");

/// Bets whose stakes are alike.
fn class_of(kind: BetKind) -> usize {
    match kind {
        BetKind::Pass | BetKind::DontPass | BetKind::Come | BetKind::DontCome => 0,
        BetKind::PassOdds
        | BetKind::DontPassOdds
        | BetKind::ComeOn(_)
        | BetKind::DontComeOn(_)
        | BetKind::ComeOdds(_)
        | BetKind::DontComeOdds(_) => 1,
        // 7 for each 6 staked.
        BetKind::Place(Point::Six | Point::Eight) => 2,
        BetKind::Field
        | BetKind::Place(_)
        | BetKind::Buy(_)
        | BetKind::Lay(_)
        | BetKind::BigSix
        | BetKind::BigEight => 3,
        _ => 4,
    }
}
