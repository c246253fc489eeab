//! C10: what convicts a voter. Exactly: two proposals, two notarizes or two finalizes of different
//! blocks, or finalize and nullify, in one round. (Notarize X, then finalize Y is honest.)

use crate::crypto::Hash;
use crate::wire::{Proposal, Vote, VoteKind};

/// What `vote` proves together with `others` of the same voter and round.
pub(super) fn of_vote<'a>(vote: &Vote, others: impl Iterator<Item = &'a Vote>) -> Option<String> {
    let (kind, block, round) = (
        vote.statement.kind,
        vote.statement.block,
        vote.statement.round,
    );
    others
        .map(|other| (other.statement.kind, other.statement.block))
        .find_map(|(other_kind, other)| match (kind, other_kind) {
            (VoteKind::Notarize, VoteKind::Notarize) if block != other => Some(format!(
                "notarized {block:?} and {other:?} in round {round}"
            )),
            (VoteKind::Finalize, VoteKind::Finalize) if block != other => Some(format!(
                "finalized {block:?} and {other:?} in round {round}"
            )),
            (VoteKind::Finalize, VoteKind::Nullify) | (VoteKind::Nullify, VoteKind::Finalize) => {
                Some(format!("finalized and nullified in round {round}"))
            }
            _ => None,
        })
}

/// What two signed proposals of one leader and round prove.
pub(super) fn of_proposals(
    (one, first): (Hash, &Proposal),
    (other, second): (Hash, &Proposal),
) -> Option<String> {
    ((one, first.parent) != (other, second.parent)).then(|| {
        format!(
            "proposed {one:?} on {:?} and {other:?} on {:?} in round {}",
            first.parent, second.parent, first.round
        )
    })
}
