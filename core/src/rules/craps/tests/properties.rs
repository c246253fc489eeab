//! Whatever is asked in whatever order: no panic, no chip made or lost, and what is refused leaves
//! no trace.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::rules::craps::cover::worst_case;
use crate::state::Key;

#[derive(Clone, Debug)]
enum Step {
    /// Any action by any member or a stranger.
    Act(u8, CrapsAction),
    /// Any bytes.
    Bytes(u8, Vec<u8>),
    /// What keeps a game going: the shooter rolls.
    Roll,
    /// A skip of the running turn.
    Skip(u8),
    /// A draw, asked for or not.
    Draw([u8; 32]),
}

const MEMBERS: u8 = 4;

/// Any, and more often those that others hang on.
fn kind() -> impl Strategy<Value = BetKind> {
    let carried = vec![
        BetKind::Pass,
        BetKind::DontPass,
        BetKind::PassOdds,
        BetKind::DontPassOdds,
        BetKind::Come,
        BetKind::DontCome,
    ];
    prop_oneof![
        proptest::sample::select(&BetKind::ALL[..]),
        proptest::sample::select(carried),
    ]
}

fn working() -> impl Strategy<Value = Working> {
    proptest::sample::select(vec![Working::Usual, Working::On, Working::Off])
}

fn chips() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0..60u32, 1 => any::<u32>()]
}

fn action() -> impl Strategy<Value = CrapsAction> {
    prop_oneof![
        2 => Just(CrapsAction::Sit),
        12 => (kind(), chips()).prop_map(|(kind, chips)| CrapsAction::Bet { kind, chips }),
        4 => (kind(), chips()).prop_map(|(kind, chips)| CrapsAction::TakeDown { kind, chips }),
        2 => (kind(), working()).prop_map(|(kind, working)| CrapsAction::Switch { kind, working }),
        1 => Just(CrapsAction::Roll),
        3 => (0..=MEMBERS, chips()).prop_map(|(to, chips)| CrapsAction::Transfer { to, chips }),
        1 => Just(CrapsAction::Stand),
        1 => (0..6u64).prop_map(|turn| CrapsAction::Skip { turn }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..=MEMBERS, action()).prop_map(|(member, action)| Step::Act(member, action)),
        1 => (0..MEMBERS, proptest::collection::vec(any::<u8>(), 0..12))
            .prop_map(|(member, bytes)| Step::Bytes(member, bytes)),
        4 => Just(Step::Roll),
        3 => (0..MEMBERS).prop_map(Step::Skip),
        5 => any::<[u8; 32]>().prop_map(Step::Draw),
    ]
}

fn entries(overlay: &Overlay) -> BTreeMap<Key, Vec<u8>> {
    overlay.prefix(&[]).into_iter().collect()
}

/// Takes the step as the group would; whether it was refused.
fn take(game: &mut Game, step: &Step) -> bool {
    let by = |game: &Game, member: u8| {
        game.members
            .get(usize::from(member))
            .copied()
            .unwrap_or(STRANGER)
    };
    let (author, payload) = match step {
        Step::Act(member, action) => (by(game, *member), action.encode()),
        Step::Bytes(member, bytes) => (by(game, *member), bytes.clone()),
        Step::Roll => {
            let shooter = game.table().shooter.unwrap_or(0);
            (by(game, shooter), CrapsAction::Roll.encode())
        }
        Step::Skip(member) => {
            let turn = game.table().turn;
            (by(game, *member), CrapsAction::Skip { turn }.encode())
        }
        Step::Draw(seed) => {
            game.draw(Hash(*seed));
            return false;
        }
    };
    game.apply(&author, &payload, true).is_err()
}

fn check(table: &Table, overlay: &Overlay) -> Result<(), TestCaseError> {
    prop_assert!(table.is_conserved(), "chips: {table:?}");
    let bests: u64 = table
        .bets
        .iter()
        .map(|bet| bet.best(table.point, &table.house))
        .sum();
    let mut overlay = overlay.clone();
    prop_assert_eq!(Ledger(&mut overlay).bests(), Ok(bests));
    let held = worst_case(&table.bets, table.point, &table.house);
    prop_assert!(held <= bests);
    prop_assert!(table.bank >= held, "the bank can pay");
    for bet in &table.bets {
        let behind = bet.kind.backs().map(|flat| table.stake(bet.member, flat));
        let most = bet
            .kind
            .most(table.point, behind.unwrap_or(0), &table.house);
        prop_assert!(bet.chips <= most, "limits: {bet:?}");
        prop_assert!(bet.chips >= bet.kind.least(table.point, &table.house));
    }
    let seated: Vec<u8> = table.seats.iter().filter_map(|seat| *seat).collect();
    prop_assert_eq!(table.shooter.is_some(), !seated.is_empty());
    prop_assert!(
        table
            .shooter
            .is_none_or(|shooter| seated.contains(&shooter))
    );
    prop_assert!(
        table
            .bets
            .iter()
            .all(|bet| bet.chips > 0 && seated.contains(&bet.member))
    );
    prop_assert!(
        table
            .point
            .is_none_or(|point| matches!(point, 4..=6 | 8..=10))
    );
    prop_assert!(!table.dice_in_the_air || table.shooter.is_some());
    prop_assert!(table.skips.len() * 2 <= usize::from(MEMBERS));
    let mut unique = seated.clone();
    unique.sort_unstable();
    unique.dedup();
    prop_assert_eq!(unique.len(), seated.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn chips_are_conserved_and_refusals_leave_no_trace(
        steps in proptest::collection::vec(step(), 0..80),
        bank in 0..300u64,
    ) {
        let mut game = Game::new(MEMBERS, 100, bank);
        let total = game.table().total;
        let mut phase = 0;
        for step in steps {
            let before = entries(&game.overlay);
            let refused = take(&mut game, &step);
            if refused {
                prop_assert_eq!(entries(&game.overlay), before, "{:?}", step);
            }
            let table = game.table();
            prop_assert_eq!(table.total, total);
            check(&table, &game.overlay)?;
            let now = Craps::new().phase(&game.overlay);
            prop_assert!(now >= phase);
            phase = now;
        }
        // Byte 0 belongs to the group.
        prop_assert!(entries(&game.overlay).keys().all(|key| key.as_bytes()[0] != 0));
        let map = game.overlay.clone().absorb();
        prop_assert_eq!(Table::of(&map), Some(game.table()));
    }

    #[test]
    fn the_same_steps_give_the_same_root(steps in proptest::collection::vec(step(), 0..40)) {
        let play = || {
            let mut game = Game::new(MEMBERS, 100, 300);
            for step in &steps {
                take(&mut game, step);
            }
            game.overlay.absorb().root()
        };
        prop_assert_eq!(play(), play());
    }

    #[test]
    fn a_state_that_is_none_of_ours_is_survived(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20))), 1..6),
        steps in proptest::collection::vec(step(), 1..20),
    ) {
        let mut game = Game::seated(MEMBERS, 100, 300);
        game.bet(1, BetKind::Pass, 5).unwrap();
        game.act(0, CrapsAction::Roll).unwrap();
        let keys: Vec<Key> = entries(&game.overlay).into_keys().collect();
        for (index, value) in damage {
            let key = index.get(&keys).as_bytes();
            match value {
                Some(value) => game.overlay.set(key, value).unwrap(),
                None => game.overlay.remove(key).unwrap(),
            }
        }
        for step in steps {
            let before = entries(&game.overlay);
            let refused = match &step {
                Step::Roll | Step::Skip(_) => false,
                Step::Act(..) | Step::Bytes(..) | Step::Draw(_) => take(&mut game, &step),
            };
            if refused {
                prop_assert_eq!(entries(&game.overlay), before);
            }
            Table::of(&game.overlay.clone().absorb());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn any_bytes_are_survived(mut bytes in payload(), code: u16, damage: Option<(u8, u8)>) {
        if let Some((at, flip)) = damage {
            let len = bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(usize::from(at) % len) {
                *byte ^= flip;
            }
        }
        let craps = Craps::new();
        let decoded = CrapsAction::decode(&bytes);
        let words = craps.describe_action(&bytes);
        match decoded {
            Ok(action) => {
                prop_assert_eq!(action.encode(), bytes.clone());
                prop_assert!(craps.order_key(&bytes) <= vec![7]);
            }
            Err(rejection) => {
                prop_assert_eq!(rejection, Cause::Malformed.into());
                prop_assert_eq!(craps.offline(&bytes), Offline::Forbidden);
                prop_assert_eq!(words, "something that the table does not understand");
            }
        }
        craps.describe(code, &bytes);
    }
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..16),
        action().prop_map(|action| action.encode()),
    ]
}
