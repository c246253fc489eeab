//! What made the traces, and how to make them again:
//! `cargo test -p althing-rig make_traces -- --ignored` writes `tests/rig/traces`.

use althing::crypto::{Domain, Identity, hash};
use althing::id::PeerId;
use althing::rules::craps::{BetKind, Craps, CrapsAction, CrapsConfig, Number, Table, Working};
use althing::rules::{Context, Random, Rules};
use althing::state::{Map, Overlay};
use althing_world::chance::Chance;

use super::traces::{PLAYERS, Step};

/// The members of every trace.
pub(crate) fn members() -> Vec<PeerId> {
    let players = u8::try_from(PLAYERS).expect("eight");
    (1..=players)
        .map(|player| Identity::new([player; 32]).peer())
        .collect()
}

/// A table at the real rules whose dice follow from the number of the throw.
#[derive(Debug)]
pub(crate) struct CrapsTable {
    rules: Craps,
    members: Vec<PeerId>,
    pub(crate) state: Map,
    throws: u64,
}

impl CrapsTable {
    pub(crate) fn new() -> Self {
        let config = CrapsConfig {
            buy_in: 20_000,
            bank: 10_000_000,
            min: 5,
            ..CrapsConfig::default()
        };
        let members = members();
        let rules = Craps::new();
        let mut overlay = Overlay::new(Map::new());
        rules
            .genesis(&mut overlay, &members, &config.encode())
            .expect("a sound configuration");
        Self {
            rules,
            members,
            state: overlay.absorb(),
            throws: 0,
        }
    }

    /// Whether the rules took it.
    pub(crate) fn apply(&mut self, (author, payload): &Step) -> bool {
        let mut overlay = Overlay::new(self.state.clone());
        let mut context = Context::new(&self.members, 1, true);
        let author = self.members[usize::from(*author)];
        let taken = self
            .rules
            .apply(&mut overlay, &author, payload, &mut context);
        if taken.is_err() {
            return false;
        }
        if context.draw_requested() {
            self.throws += 1;
            let seed = hash(Domain::Trace, &[&self.throws.to_le_bytes()]);
            self.rules
                .on_draw(&mut overlay, &mut Random::new(seed), &mut context);
        }
        self.state = overlay.absorb();
        true
    }
}

/// Craps: each player has a unit that he bets and bets that he likes; the shooter rolls about once
/// in six actions.
pub(crate) fn craps(seed: u64, len: usize) -> Vec<Step> {
    let mut chance = Chance::new(seed, "craps trace");
    let mut table = CrapsTable::new();
    let mut steps = Vec::new();
    while steps.len() < len {
        let view = Table::of(&table.state).expect("a table of craps");
        let author = u8::try_from(chance.index(PLAYERS)).expect("eight");
        let wish = if view.is_seated(author) {
            craps_wish(&mut chance, &view, author)
        } else {
            Some(CrapsAction::Sit)
        };
        // Now and then somebody is too late or too poor: refused actions travel like others.
        let Some(wish) = wish else { continue };
        let step = (author, wish.encode());
        if table.apply(&step) || chance.permille(20) {
            steps.push(step);
        }
    }
    steps
}

fn craps_wish(chance: &mut Chance, view: &Table, author: u8) -> Option<CrapsAction> {
    let unit = [5, 10, 10, 25, 5, 15, 10, 50][usize::from(author)];
    // He thinks about others' rolls, too; only the shooter's own turn lets him roll.
    let rolls = view.shooter == Some(author) && chance.permille(800);
    if rolls {
        return Some(CrapsAction::Roll);
    }
    let own = |wanted: fn(BetKind) -> bool| {
        let bets = view.bets.iter();
        bets.filter(|bet| bet.member == author && wanted(bet.kind))
            .copied()
            .collect::<Vec<_>>()
    };
    match chance.below(100) {
        0..20 => {
            let to = u8::try_from(chance.index(PLAYERS)).expect("eight");
            let chips = unit * chance.pick(&[1, 1, 2, 2, 4, 5, 10]);
            let odd = u32::try_from(chance.between(1, 99)).expect("small");
            let chips = if chance.permille(150) { odd } else { chips };
            (to != author).then_some(CrapsAction::Transfer { to, chips })
        }
        20..22 => {
            let down = own(|kind| !matches!(kind, BetKind::Pass | BetKind::ComeOn(_)));
            let bet = (!down.is_empty()).then(|| chance.pick(&down))?;
            let chips = if chance.permille(700) {
                bet.chips
            } else {
                unit.min(bet.chips)
            };
            Some(CrapsAction::TakeDown {
                kind: bet.kind,
                chips,
            })
        }
        22..24 => {
            let lies = own(BetKind::is_switchable);
            let kind = (!lies.is_empty()).then(|| chance.pick(&lies).kind)?;
            let working = chance.pick(&[Working::Usual, Working::On, Working::Off, Working::Off]);
            Some(CrapsAction::Switch { kind, working })
        }
        24 => chance.permille(300).then_some(CrapsAction::Stand),
        25 => chance
            .permille(300)
            .then_some(CrapsAction::Skip { turn: view.turn }),
        _ => craps_bet(chance, view, author, unit),
    }
}

fn craps_bet(chance: &mut Chance, view: &Table, author: u8, unit: u32) -> Option<CrapsAction> {
    let likes_dark_side = author == 6;
    let many = chance.pick(&[1, 1, 1, 1, 2, 2, 3, 5]);
    let sixes = |unit: u32| unit.div_ceil(5) * 6;
    let number = chance.pick(&Number::ALL);
    let (kind, chips) = match chance.below(100) {
        0..38 if view.point.is_none() && likes_dark_side => (BetKind::DontPass, unit * many),
        0..38 if view.point.is_none() => (BetKind::Pass, unit * many),
        0..22 if likes_dark_side => (BetKind::DontPassOdds, sixes(unit)),
        0..22 => (BetKind::PassOdds, unit * many.min(3)),
        22..34 => (BetKind::Come, unit),
        34..38 => {
            let comes = view.bets.iter().filter(|bet| bet.member == author);
            let comes: Vec<Number> = comes
                .filter_map(|bet| match bet.kind {
                    BetKind::ComeOn(number) => Some(number),
                    _ => None,
                })
                .collect();
            let number = (!comes.is_empty()).then(|| chance.pick(&comes))?;
            (BetKind::ComeOdds(number), unit * many.min(3))
        }
        38..52 => {
            let number = chance.pick(&[Number::Six, Number::Eight]);
            (BetKind::Place(number), sixes(unit) * many)
        }
        52..60 => (BetKind::Place(number), unit * many),
        60..78 => (BetKind::Field, unit * many),
        78..80 => (BetKind::Buy(number), unit.max(20) * many),
        80..81 => (BetKind::Lay(number), unit.max(20) * 2 * many),
        81..89 => (
            BetKind::Hard(chance.pick(&althing::rules::craps::Pair::ALL)),
            unit,
        ),
        89..93 => (chance.pick(&[BetKind::AnySeven, BetKind::AnyCraps]), unit),
        93..97 => (
            chance.pick(&[BetKind::Eleven, BetKind::CAndE, BetKind::Twelve]),
            unit,
        ),
        97..98 => (BetKind::Horn, unit * 4),
        _ => (chance.pick(&BetKind::ALL), unit),
    };
    // One in twenty counts his chips differently.
    let odd = u32::try_from(chance.between(5, 120)).expect("small");
    let chips = if chance.permille(50) { odd } else { chips };
    Some(CrapsAction::Bet { kind, chips })
}

/// A trick-taking game for eight in two rounds of four: kind 0 plays a card (0 to 51), 1 bids (0 to
/// 13), 2 passes, 3 scores so many points.
pub(crate) fn cards(seed: u64, len: usize) -> Vec<Step> {
    let mut chance = Chance::new(seed, "card trace");
    let mut steps: Vec<Step> = Vec::new();
    let mut lead = 0usize;
    while steps.len() < len {
        let mut hands: Vec<u8> = (0..52).collect();
        for at in (1..hands.len()).rev() {
            let other = chance.index(at + 1);
            hands.swap(at, other);
        }
        let table = 4 * chance.index(2);
        let player = |seat: usize| u8::try_from(table + seat % 4).expect("eight");
        for seat in 0..4 {
            let bid = u8::try_from(chance.between(1, 5)).expect("small");
            let payload = if chance.permille(300) {
                vec![2]
            } else {
                vec![1, bid]
            };
            steps.push((player(lead + seat), payload));
        }
        let mut held: Vec<Vec<u8>> = hands.chunks(13).map(<[u8]>::to_vec).collect();
        for _ in 0..13 {
            let mut suit = None;
            for seat in 0..4 {
                let hand = &mut held[(lead + seat) % 4];
                // Whoever can follows suit.
                let follows = hand.iter().position(|card| suit == Some(card / 13));
                let at = follows.unwrap_or_else(|| chance.index(hand.len()));
                let card = hand.remove(at);
                suit.get_or_insert(card / 13);
                steps.push((player(lead + seat), vec![0, card]));
            }
            lead = (lead + chance.index(4)) % 4;
        }
        for seat in 0..4 {
            let mut payload = vec![3];
            let points = chance.between(0, 13) * 10 + chance.below(3);
            althing::wire::coder::schema::write_varint(&mut payload, points);
            steps.push((player(seat), payload));
        }
    }
    steps.truncate(len);
    steps
}

/// Units on a grid of 64 by 64: kind 0 moves a unit (0 to 15) by (dx, dy), 1 builds one of six things
/// at (x, y), 2 shoots from a unit at (x, y), 3 ends the turn of a number.
pub(crate) fn grid(seed: u64, len: usize) -> Vec<Step> {
    use althing::wire::coder::schema::{write_varint, zigzag};

    let mut chance = Chance::new(seed, "grid trace");
    let mut steps: Vec<Step> = Vec::new();
    let mut turn = 0u64;
    let mut around = [(32u64, 32u64); PLAYERS];
    while steps.len() < len {
        let player = usize::try_from(turn % PLAYERS as u64).expect("eight");
        let author = u8::try_from(player).expect("eight");
        for _ in 0..chance.between(2, 7) {
            let unit = u8::try_from(chance.index(16)).expect("small");
            let (x, y) = &mut around[player];
            *x = (*x + chance.between(60, 68)) % 64;
            *y = (*y + chance.between(60, 68)) % 64;
            let mut payload = Vec::new();
            match chance.below(10) {
                0..6 => {
                    payload.extend([0, unit]);
                    for _ in 0..2 {
                        let by = chance.between(0, 6).wrapping_sub(3);
                        write_varint(&mut payload, zigzag(by));
                    }
                }
                6..8 => {
                    let what = u8::try_from(chance.index(6)).expect("small");
                    payload.extend([1, what]);
                    write_varint(&mut payload, *x);
                    write_varint(&mut payload, *y);
                }
                _ => {
                    payload.extend([2, unit]);
                    write_varint(&mut payload, *x);
                    write_varint(&mut payload, *y);
                }
            }
            steps.push((author, payload));
        }
        let mut payload = vec![3];
        write_varint(&mut payload, turn);
        steps.push((author, payload));
        turn += 1;
    }
    steps.truncate(len);
    steps
}
