use super::*;
use crate::crypto::{Ed25519, Identity};
use crate::group::fixture::{ROLL, Room, Tip, add};
use crate::group::randomness::Reveals;
use crate::group::{Opened, TranscriptEntry};
use crate::rules::Random;
use crate::state::Overlay;
use crate::wire::{BoundedVec, Mode, Opening, SignedAction, VoteStatement};

/// A room that plays and writes down what it does.
pub(super) struct Played {
    pub(super) room: Room,
    tip: Tip,
    pub(super) transcript: Transcript,
}

impl Played {
    fn new() -> Self {
        let room = Room::with(4, Mode::Bft, Arc::new(Ed25519));
        let tip = room.head();
        let transcript = Transcript {
            genesis: room.genesis.clone(),
            base: tip.state.clone(),
            base_block: None,
            entries: Vec::new(),
        };
        Self {
            room,
            tip,
            transcript,
        }
    }

    fn play(&mut self, set: Vec<SignedAction>, reveals: &Reveals, voters: &[u8]) {
        let (block, _) = self.tip.build(&self.room.executor, set, reveals).unwrap();
        let finalization =
            (!voters.is_empty()).then(|| finalize(&self.room, self.tip.block, voters));
        self.transcript.entries.push(TranscriptEntry {
            block,
            finalization,
        });
    }

    fn verify(&self) -> Result<Vec<Roll>, TranscriptError> {
        check(&self.room, &self.transcript)
    }
}

pub(super) fn check(room: &Room, transcript: &Transcript) -> Result<Vec<Roll>, TranscriptError> {
    verify(transcript, room.rules.clone(), Arc::clone(&room.scheme))
}

fn finalize(room: &Room, block: Hash, voters: &[u8]) -> Certificate {
    let statement = VoteStatement {
        round: 7,
        kind: VoteKind::Finalize,
        block,
    };
    let epoch = room.executor.epoch();
    let signatures = voters
        .iter()
        .map(|voter| {
            let identity: &Identity = &room.identities[usize::from(*voter)];
            let vote = statement.sign(room.executor.group(), epoch, *voter, identity);
            (*voter, vote.signature)
        })
        .collect();
    Certificate {
        statement,
        signatures: BoundedVec::truncating(signatures),
    }
}

const QUORUM: &[u8] = &[0, 1, 2];

/// Two draws, the second without voter 3; preimages come in several blocks.
pub(super) fn played() -> Played {
    let mut played = Played::new();
    let mut pens = played.room.pens();
    let none = Reveals::default();
    played.play(vec![pens[0].write(ROLL)], &none, QUORUM);
    let some = played.room.reveals(1, &[2]);
    played.play(vec![pens[1].write(&add(1))], &some, &[]);
    let all = played.room.reveals(1, &[0, 1, 2, 3]);
    played.play(vec![pens[1].write(ROLL)], &all, QUORUM);
    let some = played.room.reveals(2, &[0, 1]);
    let set = (0..3).map(|author| pens[author].missing(2, 3)).collect();
    played.play(set, &some, &[]);
    let three = played.room.reveals(2, &[0, 1, 2]);
    played.play(Vec::new(), &three, &[1, 2, 3]);
    played
}

#[test]
fn a_stranger_recomputes_every_roll() {
    let played = played();
    let rolls = played.verify().unwrap();
    let seen: Vec<_> = rolls
        .iter()
        .map(|roll| (roll.draw, roll.height, roll.contributors.clone()))
        .collect();
    assert_eq!(seen, [(1, 3, vec![0, 1, 2, 3]), (2, 5, vec![0, 1, 2])]);
    let epoch = played.room.executor.epoch();
    assert_eq!(
        rolls[0].closing,
        played.transcript.entries[0].block.hash(epoch)
    );
    assert_eq!(
        rolls[1].closing,
        played.transcript.entries[2].block.hash(epoch)
    );
    let mut random = Random::new(rolls[1].seed);
    let dice = [random.die(6), random.die(6)];
    assert_eq!(played.tip.state.get(b"dice"), Some(&dice[..]));
}

#[test]
fn every_step_says_who_did_what_and_what_changed() {
    let played = played();
    let room = &played.room;
    let retrace = Retrace::new(&played.transcript, room.rules.clone(), room.scheme.clone());
    let steps: Vec<Step> = retrace.unwrap().map(Result::unwrap).collect();
    let heights: Vec<u64> = steps.iter().map(|step| step.height).collect();
    assert_eq!(heights, [1, 2, 3, 4, 5]);
    let finalized: Vec<bool> = steps.iter().map(|step| step.finalized).collect();
    assert_eq!(finalized, [true, false, true, false, true]);
    let mut state = played.transcript.base.clone();
    for (step, entry) in steps.iter().zip(&played.transcript.entries) {
        assert_eq!(step.block, entry.block.hash(room.executor.epoch()));
        assert_eq!(step.state.root(), entry.block.root);
        assert_eq!(step.changes, state.changes(&step.state));
        assert_eq!(step.actions.len(), entry.block.actions.len());
        state = step.state.clone();
    }
    assert_eq!(state, played.tip.state);
    let author = |step: &Step| step.actions.iter().map(|it| it.author).collect::<Vec<u8>>();
    assert_eq!(author(&steps[1]), [1]);
    let mut missing = author(&steps[3]);
    missing.sort_unstable();
    assert_eq!(missing, [0, 1, 2]);
    assert_eq!(steps[2].roll.as_ref().map(|roll| roll.draw), Some(1));
    assert_eq!(steps[1].roll, None);
}

#[test]
fn steps_end_at_the_first_check_that_fails() {
    let mut played = played();
    played.transcript.entries[2].block.root = Hash::ZERO;
    let room = &played.room;
    let retrace = Retrace::new(&played.transcript, room.rules.clone(), room.scheme.clone());
    let seen: Vec<_> = retrace
        .unwrap()
        .map(|it| it.map(|step| step.height))
        .collect();
    let error = TranscriptError::Block {
        height: 3,
        invalid: Invalid::WrongRoot,
    };
    assert_eq!(seen, [Ok(1), Ok(2), Err(error)]);
}

/// A base above the genesis is at first a claim of whoever wrote it: it must not break its reader.
#[test]
fn a_base_of_another_committee_is_refused() {
    let played = played();
    let based = |base: Map| {
        let mut transcript = suffix(&played, 2);
        transcript.base_block.as_mut().unwrap().header.root = base.root();
        transcript.base = base;
        check(&played.room, &transcript)
    };
    let state = suffix(&played, 2).base;
    assert!(based(state.clone()).is_ok());
    assert_eq!(based(Map::new()), Err(TranscriptError::Base));
    for members in [3, 5] {
        let mut draws = state.draws().unwrap();
        let mut voters = draws.voters.to_vec();
        voters.resize(members, voters[0]);
        draws.voters = BoundedVec::truncating(voters);
        let mut overlay = Overlay::new(state.clone());
        crate::group::records::set_draws(&mut overlay, &draws);
        assert_eq!(based(overlay.absorb()), Err(TranscriptError::Base));
    }
}

/// `played` without its first `dropped` blocks.
pub(super) fn suffix(played: &Played, dropped: usize) -> Transcript {
    let mut tip = played.room.head();
    for entry in &played.transcript.entries[..dropped] {
        tip.execute(&played.room.executor, &entry.block).unwrap();
    }
    let last = &played.transcript.entries[dropped - 1];
    Transcript {
        genesis: played.transcript.genesis.clone(),
        base: tip.state,
        base_block: Some(BaseBlock {
            header: last.block.header(),
            finalization: last.finalization.clone(),
        }),
        entries: played.transcript.entries[dropped..].to_vec(),
    }
}

#[test]
fn a_retained_suffix_is_checked_from_its_base() {
    let played = played();
    let all = played.verify().unwrap();
    for dropped in 1..=5 {
        let transcript = suffix(&played, dropped);
        assert_eq!(transcript.base_height(), dropped as u64);
        let rolls = check(&played.room, &transcript).unwrap();
        assert!(all.ends_with(&rolls));
        assert_eq!(rolls.len(), [2, 2, 1, 1, 0][dropped - 1]);
    }
    let empty = Transcript {
        entries: Vec::new(),
        ..played.transcript.clone()
    };
    assert_eq!(check(&played.room, &empty), Ok(Vec::new()));
}

/// The base of a suffix is certified like everything above it.
#[test]
fn a_forged_base_is_refused() {
    let played = played();
    let judge = |dropped, change: &dyn Fn(&mut Transcript)| {
        let mut transcript = suffix(&played, dropped);
        change(&mut transcript);
        check(&played.room, &transcript)
    };
    let base = Err(TranscriptError::Base);
    let poor = |t: &mut Transcript| {
        t.base
            .insert(crate::state::Key::new(b"sum").unwrap(), vec![99]);
    };
    assert_eq!(judge(3, &poor), base);
    // A header of the forged state is not the one that the blocks above stand on.
    let other = judge(3, &|t| {
        poor(t);
        let root = t.base.root();
        let block = t.base_block.as_mut().unwrap();
        block.header.root = root;
        block.finalization = None;
    });
    let invalid = Invalid::Rule {
        rule: 4,
        what: "another parent",
    };
    assert_eq!(other, Err(TranscriptError::Block { height: 4, invalid }));
    let bent = judge(3, &|t| {
        t.base_block.as_mut().unwrap().header.body = Hash::ZERO
    });
    assert_eq!(bent, Err(TranscriptError::Finalization { height: 3 }));
    let low = judge(3, &|t| t.base_block.as_mut().unwrap().header.height = 0);
    assert_eq!(low, base);
    let bare = judge(5, &|t| t.base_block.as_mut().unwrap().finalization = None);
    assert_eq!(bare, Err(TranscriptError::NotFinal));
    assert_eq!(judge(3, &|t| t.base_block = None), base);
}

#[test]
fn every_forgery_is_named() {
    let played = played();
    let judge = |change: &dyn Fn(&mut Transcript)| {
        let mut transcript = played.transcript.clone();
        change(&mut transcript);
        check(&played.room, &transcript)
    };
    assert_eq!(
        judge(&|t| t.genesis.signature.0[0] ^= 1),
        Err(TranscriptError::Genesis)
    );
    assert!(matches!(
        judge(&|t| {
            t.genesis.genesis.rules.version = 2;
            t.genesis = t.genesis.genesis.clone().sign(&played.room.identities[0]);
        }),
        Err(TranscriptError::Rules { .. })
    ));
    assert_eq!(
        judge(&|t| {
            t.genesis.genesis.root = Hash::ZERO;
            t.genesis = t.genesis.genesis.clone().sign(&played.room.identities[0]);
        }),
        Err(TranscriptError::Base)
    );
    assert_eq!(
        judge(&|t| t.base = played.tip.state.clone()),
        Err(TranscriptError::Base)
    );
    assert_eq!(
        judge(&|t| t.entries[4].finalization = None),
        Err(TranscriptError::NotFinal)
    );
    let content = |height, what| {
        let invalid = Invalid::Rule { rule: 4, what };
        Err(TranscriptError::Block { height, invalid })
    };
    let gap = judge(&|t| {
        t.entries.remove(1);
    });
    assert_eq!(gap, content(3, "not the height above its parent"));
    let root = judge(&|t| t.entries[0].block.root = Hash::ZERO);
    let invalid = Invalid::WrongRoot;
    assert_eq!(root, Err(TranscriptError::Block { height: 1, invalid }));
    let biased = |preimages: fn(&mut Vec<(u8, Hash)>)| {
        judge(&|t| {
            let opening = t.entries[2].block.opening.clone().unwrap();
            let mut list = opening.preimages.into_vec();
            preimages(&mut list);
            t.entries[2].block.opening = Some(Opening {
                draw: 1,
                preimages: BoundedVec::truncating(list),
            });
        })
    };
    assert_eq!(
        biased(|list| list[1].1 = Hash([1; 32])),
        content(3, "not the preimage of that voter")
    );
    // One preimage fewer opens nothing: the roll that the block asks for is then refused.
    assert_eq!(
        biased(|list| {
            list.pop();
        }),
        content(3, "other fates")
    );
}

#[test]
fn only_a_quorum_of_members_finalizes() {
    let played = played();
    let epoch = played.room.executor.epoch();
    let last = played.transcript.entries[4].block.hash(epoch);
    let judge = |certificate: Certificate| {
        let mut transcript = played.transcript.clone();
        transcript.entries[4].finalization = Some(certificate);
        check(&played.room, &transcript)
    };
    let wrong = Err(TranscriptError::Finalization { height: 5 });
    assert!(judge(finalize(&played.room, last, &[0, 1, 2, 3])).is_ok());
    assert!(judge(finalize(&played.room, last, &[0, 1, 3])).is_ok());
    assert_eq!(judge(finalize(&played.room, last, &[0, 1])), wrong);
    assert_eq!(judge(finalize(&played.room, last, &[0, 1, 1])), wrong);
    assert_eq!(judge(finalize(&played.room, last, &[2, 1, 0])), wrong);
    assert_eq!(judge(finalize(&played.room, Hash::ZERO, &[0, 1, 2])), wrong);
    let mut notarization = finalize(&played.room, last, &[0, 1, 2]);
    notarization.statement.kind = VoteKind::Notarize;
    assert_eq!(judge(notarization), wrong);
    let mut forged = finalize(&played.room, last, &[0, 1, 2]);
    let mut signatures = forged.signatures.to_vec();
    signatures[2].0 = 3;
    forged.signatures = BoundedVec::truncating(signatures.clone());
    assert_eq!(judge(forged.clone()), wrong);
    signatures[2].0 = 4;
    forged.signatures = BoundedVec::truncating(signatures);
    assert_eq!(judge(forged), wrong);
}

/// The dice are checked without trusting the execution: a draw that it claims and that does not
/// follow from the preimages in the blocks is refused.
#[test]
fn a_seed_that_the_preimages_do_not_give_is_refused() {
    let played = played();
    let executor = &played.room.executor;
    let epoch = executor.epoch();
    let mut tip = played.room.head();
    let mut opened = Vec::new();
    for entry in &played.transcript.entries {
        opened.push(tip.execute(executor, &entry.block).unwrap().opened);
    }
    let follow = |change: &dyn Fn(usize, &mut Opened)| {
        let mut dice = Dice::new(executor, &played.transcript);
        let mut rolls = 0;
        for (at, entry) in played.transcript.entries.iter().enumerate() {
            let mut claimed = opened[at].clone();
            if let Some(claimed) = &mut claimed {
                change(at, claimed);
            }
            let hash = entry.block.hash(epoch);
            let roll = dice.block(executor, &entry.block, hash, claimed.as_ref())?;
            rolls += usize::from(roll.is_some());
        }
        Ok(rolls)
    };
    assert_eq!(follow(&|_, _| {}), Ok(2));
    assert_eq!(
        follow(&|_, claimed| claimed.seed = Hash::ZERO),
        Err(TranscriptError::Draw { draw: 1 })
    );
    assert_eq!(
        follow(&|at, claimed| {
            if at == 4 {
                claimed.closing = Hash([8; 32]);
            }
        }),
        Err(TranscriptError::Draw { draw: 2 })
    );
}
