//! The worked example: of two increments with one expectation exactly one wins; the other learns
//! the value that stands and tries again.

use althing::node::Fate;
use althing::rules::counter::conflict;

use crate::room::{Room, SECOND, add, cheap};

#[test]
fn of_two_increments_at_once_with_one_expectation_exactly_one_commits() {
    for seed in 0..10 {
        let mut room = Room::sit(cheap(seed), 3);
        room.add(2, 40);
        room.commits(&[0, 1, 2], 40, SECOND * 5);
        let tries = [(0, 1), (1, 2)].map(|(phone, amount)| {
            let submission = room.submit(phone, add(amount, Some(40)));
            assert_eq!(room.shown(phone), 40 + amount, "each sees its own");
            (phone, amount, submission)
        });
        room.run(SECOND * 3);
        let (losers, winners): (Vec<_>, Vec<_>) = tries
            .into_iter()
            .partition(|(phone, _, submission)| room.fate(*phone, *submission).is_some());
        let ([(loser, amount, submission)], [(_, won, _)]) = (&losers[..], &winners[..]) else {
            panic!("seed {seed}: {} lost", losers.len());
        };
        assert_eq!(room.value(*loser), 40 + won);
        let Some(Fate::Rejected { reason, .. }) = room.fate(*loser, *submission) else {
            panic!("seed {seed}: {:?}", room.fate(*loser, *submission));
        };
        let stands = conflict(&reason).expect("a conflict names what stands");
        assert_eq!(stands, 40 + won, "the refusal says what stands");
        room.submit(*loser, add(*amount, Some(stands)));
        room.commits(&[0, 1, 2], 43, SECOND * 5);
        room.is_sound();
    }
}
