mod cover;
mod money;
mod payouts;
mod properties;
mod seats;
mod stakes;
mod vectors;
mod words;

use super::*;
use crate::crypto::Hash;
use crate::state::Map;
use crate::wire::encode;

/// The come-out and every point.
const PHASES: [Option<u8>; 7] = [None, Some(4), Some(5), Some(6), Some(8), Some(9), Some(10)];
const STRANGER: PeerId = PeerId([0xee; 32]);

/// A table whose dice fall as the test says.
#[derive(Clone, Debug)]
struct Game {
    overlay: Overlay,
    members: Vec<PeerId>,
}

impl Game {
    fn new(members: u8, buy_in: u32, bank: u64) -> Self {
        Self::of(
            members,
            &CrapsConfig {
                buy_in,
                bank,
                ..CrapsConfig::default()
            },
        )
    }

    fn of(members: u8, house: &CrapsConfig) -> Self {
        let members: Vec<_> = (0..members).map(|member| PeerId([member; 32])).collect();
        let mut overlay = Overlay::new(Map::new());
        Craps::new()
            .genesis(&mut overlay, &members, &house.encode())
            .expect("a valid configuration");
        Self { overlay, members }
    }

    /// Everyone sits, in index order: member 0 holds the dice.
    fn seated(members: u8, buy_in: u32, bank: u64) -> Self {
        let mut game = Self::new(members, buy_in, bank);
        for member in 0..members {
            game.act(member, CrapsAction::Sit).expect("a free seat");
        }
        game
    }

    fn act(&mut self, member: u8, action: CrapsAction) -> Result<(), Rejection> {
        let author = self.members.get(usize::from(member)).copied();
        self.apply(&author.unwrap_or(STRANGER), &action.encode(), true)
            .map(|_| ())
    }

    /// As the group does it: what a refused action wrote is undone. Gives back whether a draw was
    /// asked for.
    fn apply(
        &mut self,
        author: &PeerId,
        payload: &[u8],
        draw_allowed: bool,
    ) -> Result<bool, Rejection> {
        let mut context = Context::new(&self.members, 1, draw_allowed);
        let mark = self.overlay.mark();
        let result = Craps::new().apply(&mut self.overlay, author, payload, &mut context);
        if result.is_err() {
            self.overlay.undo_to(mark);
        }
        result.map(|()| context.draw_requested())
    }

    fn bet(&mut self, member: u8, kind: BetKind, chips: u32) -> Result<(), Rejection> {
        self.act(member, CrapsAction::Bet { kind, chips })
    }

    fn take_down(&mut self, member: u8, kind: BetKind, chips: u32) -> Result<(), Rejection> {
        self.act(member, CrapsAction::TakeDown { kind, chips })
    }

    fn switch(&mut self, member: u8, kind: BetKind, working: Working) -> Result<(), Rejection> {
        self.act(member, CrapsAction::Switch { kind, working })
    }

    /// Lays a bet on the table out of its owner's hand, and sets the point, as if it had come to that
    /// by the dice.
    fn lay(&mut self, bet: PlacedBet, point: Option<u8>) {
        let mut ledger = Ledger(&mut self.overlay);
        let house = ledger.house().expect("a table");
        let hand = ledger.chips(bet.member).expect("a member");
        ledger.set_chips(bet.member, hand - u64::from(bet.chips));
        let bests = ledger.bests().expect("a table");
        ledger.set_bests(bests + bet.best(point, &house));
        ledger.place(bet);
        let mut record = ledger.record().expect("a table");
        record.point = point;
        ledger.set_record(&record);
    }

    fn draw(&mut self, seed: Hash) {
        let mut context = Context::new(&self.members, 1, true);
        Craps::new().on_draw(&mut self.overlay, &mut Random::new(seed), &mut context);
    }

    /// The shooter rolls, and the dice show this.
    fn throw(&mut self, dice: Dice) {
        let shooter = self.table().shooter.expect("somebody sits");
        self.act(shooter, CrapsAction::Roll)
            .expect("the shooter may roll");
        self.draw(seed_of(dice));
        assert_eq!(self.table().dice.last(), Some(&dice));
    }

    fn throw_total(&mut self, total: u8) {
        self.throw(dice_of(total));
    }

    fn table(&self) -> Table {
        Table::of(&self.overlay.clone().absorb()).expect("a table")
    }

    fn refuses(&mut self, member: u8, action: CrapsAction) -> Cause {
        let before = self.table();
        let rejection = self.act(member, action).expect_err("a refusal");
        assert_eq!(self.table(), before);
        Cause::from_code(rejection.code).expect("a known code")
    }
}

fn dice_of(total: u8) -> Dice {
    Dice::all()
        .find(|dice| dice.total() == total)
        .expect("2 to 12")
}

/// A seed whose draw shows `dice`.
fn seed_of(dice: Dice) -> Hash {
    (0u32..)
        .map(|count| {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&count.to_le_bytes());
            Hash(seed)
        })
        .find(|seed| {
            let mut random = Random::new(*seed);
            (random.die(6), random.die(6)) == (dice.first, dice.second)
        })
        .expect("every pair turns up")
}
