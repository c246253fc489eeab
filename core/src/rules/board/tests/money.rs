use super::*;

#[test]
fn only_the_owner_transfers_and_only_what_there_is() {
    let mut room = Room::with(&rich());
    room.does(ANN, transfer("chips/0", "chips/1", 60));
    let have = room.refuses(ANN, transfer("chips/0", "pot", 41), Cause::NotEnough);
    assert_eq!(have, Some(Detail::Amount(40)));
    room.does(ANN, transfer("chips/0", "pot", 40));
    room.refuses(ANN, transfer("chips/0", "pot", 1), Cause::NotEnough);
    room.refuses(BOB, transfer("chips/1", "pot", 0), Cause::ZeroAmount);
    room.refuses(BOB, transfer("chips/1", "chips/1", 1), Cause::SameEntry);
    room.refuses(BOB, transfer("chips/1", "nowhere", 1), Cause::NoEntry);
    let owner = room.refuses(
        CAT,
        transfer("chips/1", "chips/2", 1),
        Cause::NotYourAccount,
    );
    assert_eq!(owner, Some(Detail::Member(BOB)));
    assert_eq!(
        ["chips/0", "chips/1", "chips/2", "pot"].map(|at| room.balance(at)),
        [0, 160, 100, 540]
    );
}

#[test]
fn only_named_members_spend_from_a_purse() {
    let mut room = Room::with(&rich());
    room.does(BOB, spend("pot", "chips/2", 499));
    room.refuses(CAT, spend("pot", "chips/2", 1), Cause::NotYourPurse);
    let have = room.refuses(ANN, spend("pot", "chips/0", 2), Cause::NotEnough);
    assert_eq!(have, Some(Detail::Amount(1)));
    room.refuses(ANN, spend("pot", "pot", 1), Cause::SameEntry);
    room.refuses(ANN, spend("pot", "chips/0", 0), Cause::ZeroAmount);
    room.does(ANN, spend("pot", "chips/0", 1));
}

#[test]
fn members_make_accounts_and_purses_without_money() {
    let mut room = Room::with(&rich());
    room.does(CAT, make("mine", NewEntry::Account));
    let members = Members::of(&[CAT]);
    room.does(CAT, make("trip", NewEntry::Purse { members }));
    assert_eq!((room.balance("mine"), room.balance("trip")), (0, 0));
    room.does(ANN, transfer("chips/0", "mine", 5));
    room.does(CAT, transfer("mine", "trip", 2));
    let detail = room.refuses(CAT, remove("mine"), Cause::NotEmpty);
    assert_eq!(detail, Some(Detail::Amount(3)));
    room.refuses(ANN, remove("mine"), Cause::NotYourAccount);
    room.refuses(CAT, remove("trip"), Cause::NotEmpty);
    room.refuses(ANN, remove("trip"), Cause::NotYourPurse);
    room.does(CAT, transfer("mine", "chips/0", 3));
    room.does(CAT, spend("trip", "chips/0", 2));
    room.does(CAT, remove("mine"));
    room.does(CAT, remove("trip"));
    for members in [Members(0), Members::of(&[3]), Members(1 << 15)] {
        let entry = NewEntry::Purse { members };
        room.refuses(CAT, make("trip", entry), Cause::NoSuchMember);
    }
}

/// Ann, Bob and Cat act at once: nobody saw the other, so their places follow from the order keys.
fn ordered(mut actions: Vec<(u8, BoardAction)>) -> Vec<(u8, BoardAction)> {
    actions.sort_by_key(|(_, action)| Board.order_key(&action.encode()));
    actions
}

#[test]
fn of_concurrent_spendings_from_one_purse_the_larger_goes_first() {
    let all = BoardConfig {
        purses: BoundedVec::truncating(vec![(key("pot"), Members(0b111), 500)]),
        ..rich()
    };
    for (small, large) in [(1, 500), (255, 256), (299, 300), (300, 499)] {
        for (first, second) in [(ANN, BOB), (BOB, ANN)] {
            let order = ordered(vec![
                (first, spend("pot", "chips/0", small)),
                (second, spend("pot", "chips/1", large)),
                // What comes into the purse at once can be spent.
                (CAT, transfer("chips/2", "pot", 50)),
            ]);
            assert_eq!(order[0].0, CAT);
            assert_eq!((order[1].0, order[2].0), (second, first), "{small} {large}");
            let mut room = Room::with(&all);
            room.does(CAT, order[0].1.clone());
            room.does(second, order[1].1.clone());
            let last = room.act(first, &order[2].1);
            assert_eq!(last.is_ok(), small + large <= 550);
        }
    }
    let order = ordered(vec![(ANN, claim("seat")), (BOB, release("seat"))]);
    assert_eq!(order[0].0, BOB, "what is given up can be taken");
}

fn actions() -> impl Strategy<Value = Vec<(u8, BoardAction)>> {
    let names =
        || prop::sample::select(vec!["chips/0", "chips/1", "chips/2", "pot", "new", "gone"]);
    let amounts = prop_oneof![0u64..120, any::<u64>()];
    let action =
        (0u8..8, names(), names(), amounts).prop_map(|(kind, from, to, amount)| match kind {
            0..=2 => transfer(from, to, amount),
            3 | 4 => spend(from, to, amount),
            5 => make(from, NewEntry::Account),
            6 => make(
                from,
                NewEntry::Purse {
                    members: Members(0b101),
                },
            ),
            _ => remove(from),
        });
    prop::collection::vec((0u8..3, action), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// [`Room::act`] checks after every action that no money came or went.
    #[test]
    fn money_is_moved_and_never_made(actions in actions()) {
        let mut room = Room::with(&rich());
        let mut moved = 0;
        for (author, action) in actions {
            moved += usize::from(room.act(author, &action).is_ok());
        }
        let sum: u64 = entries(&room.state()).filter_map(|(_, entry)| entry.balance()).sum();
        prop_assert_eq!(sum, 800, "after {} actions", moved);
    }
}
