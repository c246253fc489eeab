//! What is shown and signed while there is no quorum.

use super::*;
use crate::group::Tentative;
use crate::group::fixture::give;

impl Phone {
    /// What the replica does when the pool changes: shows what waits, own signed actions among it.
    fn apart(&mut self, others: &[SignedAction]) {
        let own = self.own.unsettled();
        let all = own.into_iter().chain(others.iter().cloned()).collect();
        self.own.set_unsettled(self.tip.block, all);
        self.own.set_apart(true);
    }

    fn heal(&mut self) {
        self.own.set_unsettled(self.tip.block, Vec::new());
        self.own.set_apart(false);
    }

    fn tentative(&mut self) -> Vec<Tentative> {
        self.own.tentative(&self.room.executor).to_vec()
    }
}

/// Refused for lack of chips, with the balance that there is.
fn short(balance: u8) -> Reason {
    Reason::Rules {
        code: 4,
        detail: Bytes::truncating(vec![balance]),
    }
}

#[test]
fn what_others_did_shows_and_what_they_gave_cannot_be_spent() {
    let mut phone = Phone::new();
    let funds = phone.other.write(&add(9));
    phone.finalize(vec![funds]);
    let given = phone.other.write(&give(0, 5));
    phone.apart(std::slice::from_ref(&given));
    assert_eq!(phone.view(MINE), Some(vec![5]), "it is on the screen");
    let spent = phone.submit(give(1, 5));
    assert_eq!(
        phone.fates().pop(),
        Some((spent, Fate::Conflicted { reason: short(0) }))
    );
    assert_eq!(phone.sign(), 0, "a number would be lost with it");
    // Once it is final it can be.
    phone.heal();
    phone.finalize(vec![given]);
    assert_eq!(phone.sign(), 1);
}

#[test]
fn own_tentative_spending_counts() {
    let mut phone = Phone::new();
    let mut funds = phone.room.pen(0);
    funds.begin(9);
    let funds = funds.write(&add(9));
    phone.finalize(vec![funds]);
    phone.apart(&[]);
    let first = phone.submit(give(1, 6));
    assert_eq!(phone.sign(), 1);
    phone.store();
    phone.apart(&[]);
    let second = phone.submit(give(2, 6));
    assert_eq!(phone.sign(), 0);
    let listed = phone.listed();
    assert_eq!(listed[0], (first, Fate::Tentative));
    assert_eq!(listed[1], (second, Fate::Conflicted { reason: short(3) }));
    phone.heal();
    assert_eq!(phone.listed()[0], (first, Fate::Pending));
}

#[test]
fn what_is_refused_beside_the_others_says_so() {
    let mut phone = Phone::new();
    let (own, mut other) = (phone.submit(guarded(1, 0)), phone.other.clone());
    phone.sign();
    phone.store();
    // Of two that expect the same one comes first, by the salt; both phones agree on which.
    let rival = other.write(&guarded(1, 0));
    phone.apart(std::slice::from_ref(&rival));
    let tentative = phone.tentative();
    assert_eq!(tentative.len(), 2);
    assert_eq!(tentative[0].refused, None);
    assert_eq!(tentative[1].refused, Some(moved(1)));
    let mine = tentative[1].action.author != rival.action.author;
    let fate = if mine { conflicted(1) } else { Fate::Tentative };
    assert_eq!(phone.listed(), [(own, fate)]);
    assert_eq!(phone.view(b"sum"), Some(vec![1]));
}

#[test]
fn an_intent_shows_on_top_of_what_others_did() {
    let mut phone = Phone::new();
    let theirs = phone.other.write(&add(7));
    phone.apart(&[theirs]);
    phone.submit(add(3));
    assert_eq!(phone.view(MINE), Some(vec![3]));
    assert_eq!(phone.view(b"m\x01"), Some(vec![7]));
    let patched: Vec<_> = phone.patches().into_iter().map(|patch| patch.0).collect();
    assert!(patched.contains(&MINE.to_vec()) && patched.contains(&b"m\x01".to_vec()));
    phone.heal();
    assert_eq!(
        phone.view(b"m\x01"),
        None,
        "without a word of it in a block"
    );
    assert_eq!(phone.view(MINE), Some(vec![3]));
    assert_eq!(phone.tentative(), []);
}
