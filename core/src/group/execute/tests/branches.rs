//! Histories that part and come together again: what several sides did, merged.

use super::*;
use crate::group::fixture::give;
use crate::group::pool::{Inserted, Pool};
use crate::wire::ActionId;

const MEMBERS: u8 = 4;
/// Histories tried; the many take minutes, `cargo test --release -p althing --lib branches` tries
/// them.
const CASES: u32 = if cfg!(debug_assertions) {
    5_000
} else {
    100_000
};

/// One step on one side.
#[derive(Clone, Debug)]
enum Doing {
    /// A member of the side signs something with all that his side has seen.
    Acts { author: u8, payload: Vec<u8> },
    /// Somebody of the side signs again from a number that another side has too.
    Doubles { author: u8, payload: Vec<u8> },
}

/// What 2 to 4 sides do: each step names its side.
fn history() -> impl Strategy<Value = Vec<(u8, Doing)>> {
    let payload = prop_oneof![
        4 => (0..MEMBERS, 0u8..9).prop_map(|(to, amount)| give(to, amount)),
        2 => (0u8..3).prop_map(|key| keyed(key, 2)),
        1 => Just(REFUSE.to_vec()),
    ];
    let step = (0u8..8, 0..MEMBERS, payload, 0u8..12).prop_map(|(side, author, payload, luck)| {
        let doing = if luck == 0 {
            Doing::Doubles { author, payload }
        } else {
            Doing::Acts { author, payload }
        };
        (side, doing)
    });
    prop::collection::vec(step, 0..14)
}

/// The sides' sets: whoever is on a side sees what it did and nothing of the others.
fn play(room: &Room, base: &Tip, sides: u8, history: &[(u8, Doing)]) -> Vec<Vec<SignedAction>> {
    let mut pools: Vec<Pool> = (0..sides)
        .map(|_| Pool::new(room.genesis(), &base.state, 64))
        .collect();
    // One store a member: he is on one side, unless he doubles.
    let mut pens: Vec<Pen> = (0..MEMBERS).map(|it| room.pen(it)).collect();
    let mut sets = vec![Vec::new(); usize::from(sides)];
    for (side, doing) in history {
        let side = usize::from(side % sides);
        let (author, payload, doubles) = match doing {
            Doing::Acts { author, payload } => (*author, payload, false),
            Doing::Doubles { author, payload } => (*author, payload, true),
        };
        let at_home = usize::from(author % sides) == side;
        if !at_home && !doubles {
            continue;
        }
        let peer = room.identities[usize::from(author)].peer();
        let frontier = pools[side].frontier(&base.state, &peer);
        let action = if doubles {
            // From the beginning: whatever the other side has of him is doubled.
            room.pen(author).write_after(payload, frontier)
        } else {
            pens[usize::from(author)].write_after(payload, frontier)
        };
        if matches!(
            pools[side].insert(action.clone()),
            Inserted::New | Inserted::Equivocation { .. }
        ) {
            sets[side].push(action);
        }
    }
    sets
}

type Fates = Vec<(ActionId, Option<Reason>)>;

fn merged(room: &Room, base: &Tip, set: &[SignedAction]) -> (Hash, Fates, Vec<SignedAction>) {
    let (executed, ordered) = room.executor.merge(base.standing(), set.to_vec());
    (executed.state.root(), executed.fates, ordered)
}

/// Everyone has something to give.
fn funded(room: &Room) -> Tip {
    let mut tip = room.head();
    let set = (0..MEMBERS).map(|it| {
        let mut pen = room.pen(it);
        pen.begin(77);
        pen.write(&add(20))
    });
    commit(room, &mut tip, set.collect(), &none());
    tip
}

fn total(tip: &Map) -> u32 {
    let of = |member: u8| {
        tip.get(&[b'm', member])
            .map_or(0, |bytes| u32::from(bytes[0]))
    };
    (0..MEMBERS).map(of).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    /// The laws of the merge, on sets before they are final: commutative, associative, idempotent,
    /// independent of arrival and of who ran it; every action once, applied or refused with a reason;
    /// and what the members have together is what they had.
    #[test]
    fn merging_obeys_its_laws((sides, history) in (2u8..=4, history())) {
        let room = Room::new(MEMBERS);
        let base = funded(&room);
        let sets = play(&room, &base, sides, &history);
        let whole: Vec<SignedAction> = sets.concat();
        let all = merged(&room, &base, &whole);

        let backwards: Vec<_> = whole.iter().rev().cloned().collect();
        prop_assert_eq!(&merged(&room, &base, &backwards), &all);
        let twice = [whole.clone(), backwards].concat();
        prop_assert_eq!(&merged(&room, &base, &twice), &all);
        let mut grouped: Vec<SignedAction> = Vec::new();
        for set in sets.iter().rev() {
            // What is merged already meets the next side.
            grouped = merged(&room, &base, &[set.clone(), grouped].concat()).2;
        }
        prop_assert_eq!(&merged(&room, &base, &grouped), &all);

        let (_, fates, ordered) = &all;
        prop_assert_eq!(ordered.len(), fates.len());
        for signed in &whole {
            let times = ordered.iter().filter(|it| it.action == signed.action).count();
            prop_assert!(times <= 1, "applied once");
            // Only what follows a doubled number of its author is left out.
            let doubled = |id: ActionId| {
                let names = whole.iter().filter(|it| it.action.id() == id);
                let hashes: BTreeSet<Hash> = names.map(|it| it.action.hash(GROUP)).collect();
                hashes.len() > 1
            };
            if times == 0 {
                let follows = |it: &SignedAction| {
                    it.action.author == signed.action.author
                        && it.action.number <= signed.action.number
                        && doubled(it.action.id())
                };
                let named = signed.action.frontier.iter().next().is_some();
                prop_assert!(whole.iter().any(follows) || named);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    /// Through blocks: whichever sides the leader has heard of when it proposes, one fate for each
    /// action, the same on every phone, and nothing is made or lost.
    #[test]
    fn blocks_give_one_fate_to_each(
        (sides, history) in (2u8..=4, history()),
        heard in prop::collection::vec(any::<prop::sample::Index>(), 4),
    ) {
        let room = Room::new(MEMBERS);
        let mut tip = funded(&room);
        let before = total(&tip.state);
        // Nothing that makes value.
        let makes = |doing: &Doing| match doing {
            Doing::Acts { payload, .. } | Doing::Doubles { payload, .. } => payload[0] == 5,
        };
        let gives: Vec<_> = history.into_iter().filter(|(_, it)| !makes(it)).collect();
        let sets = play(&room, &tip, sides, &gives);
        let mut known: Vec<SignedAction> = Vec::new();
        let mut fates: Fates = Vec::new();
        let mut order: Vec<usize> = (0..sets.len()).collect();
        for (at, pick) in heard.iter().enumerate().take(sets.len()) {
            let with = at + pick.index(sets.len() - at);
            order.swap(at, with);
        }
        for side in order {
            known.extend(sets[side].iter().cloned());
            while let Some((block, _)) = tip.clone().build(&room.executor, known.clone(), &none()) {
                let executed = tip.execute(&room.executor(), &block).unwrap();
                fates.extend(executed.fates);
            }
        }
        let mut names: Vec<_> = fates.iter().map(|(id, _)| *id).collect();
        names.sort_unstable();
        let doubled = names.windows(2).filter(|pair| pair[0] == pair[1]);
        for pair in doubled {
            // Two with one number have two fates, of which at most one is good.
            let of = fates.iter().filter(|(id, _)| *id == pair[0]);
            prop_assert!(of.filter(|(_, reason)| reason.is_none()).count() <= 1);
        }
        prop_assert_eq!(total(&tip.state), before);
    }
}
