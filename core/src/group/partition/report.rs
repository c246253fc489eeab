//! What a split did, for people who play and for people who look for a fault.

use std::collections::{BTreeMap, BTreeSet};

use crate::group::Head;
use crate::id::PeerId;
use crate::rules::Rules;
use crate::state::{History, Map};
use crate::wire::{ActionId, ActionPayload, Reason, SignedAction};

/// Actions that a report tells of; later ones are counted only.
pub const REPORT_ACTIONS_MAX: usize = 512;

/// What happened between a lost quorum and one head on all, as a phone that was apart knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionReport {
    /// The point of divergence: the last head that this phone shared with the others.
    pub from: Head,
    /// The committed state there.
    pub state: Map,
    /// Where the sides were one again.
    pub to: Head,
    /// The sides, this phone's first. Which members were together is known of the own side; of the
    /// others it follows from whose actions they had seen, so that a side without any shows as
    /// several.
    pub sides: Vec<Side>,
    /// Actions over [`REPORT_ACTIONS_MAX`], or in blocks that came as a state alone.
    pub untold: usize,
}

/// Members who were together, and what they did since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Who.
    pub members: Vec<PeerId>,
    /// What, in the order in which it was decided.
    pub actions: Vec<SideAction>,
}

/// One action of a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideAction {
    /// Its name.
    pub action: ActionId,
    /// What it asked for, in words.
    pub words: String,
    /// Height of the block that decided it.
    pub height: u64,
    /// Why it was refused, with the words for its user; none where it was merged.
    pub refused: Option<(Reason, String)>,
}

impl PartitionReport {
    /// The report of a phone that was at `from` with the members `with` when the quorum was lost.
    pub(in crate::group) fn new(
        (from, state): (Head, Map),
        to: Head,
        members: &[PeerId],
        with: &[PeerId],
        history: &History,
        rules: &dyn Rules,
    ) -> Self {
        let mut sides = Sides::new(members, with);
        let mut told: Vec<(PeerId, SideAction)> = Vec::new();
        let mut untold = 0;
        let above = history
            .entries()
            .filter(|entry| entry.header.height > from.height);
        for entry in above {
            let Some(block) = &entry.block else {
                untold += 1;
                continue;
            };
            let refused: BTreeMap<usize, &Reason> = (block.refused.iter())
                .map(|refused| (usize::from(refused.index), &refused.reason))
                .collect();
            for (index, signed) in block.actions.iter().enumerate() {
                sides.saw(signed);
                if told.len() == REPORT_ACTIONS_MAX {
                    untold += 1;
                    continue;
                }
                let reason = refused.get(&index).copied().cloned();
                let refused = reason.map(|reason| (reason.clone(), words_of(&reason, rules)));
                let action = SideAction {
                    action: signed.action.id(),
                    words: describe(signed, rules),
                    height: block.height,
                    refused,
                };
                told.push((signed.action.author, action));
            }
        }
        Self {
            from,
            state,
            to,
            sides: sides.finish(told),
            untold,
        }
    }
}

fn describe(signed: &SignedAction, rules: &dyn Rules) -> String {
    match &signed.action.payload {
        ActionPayload::Rules(payload) => rules.describe_action(payload),
        ActionPayload::Missing { voter, .. } => {
            format!("says that member {voter} did not open a draw")
        }
    }
}

fn words_of(reason: &Reason, rules: &dyn Rules) -> String {
    match reason {
        Reason::Rules { code, detail } => rules.describe(*code, detail),
        Reason::NotMember => "its author is no member".to_owned(),
        Reason::Dependency { number } => {
            format!("it depends on action {number}, which was refused")
        }
        Reason::Expired => "it came too late".to_owned(),
        Reason::Equivocation => "its author signed two actions with one number".to_owned(),
        Reason::NotApplicable => "what it is about is over".to_owned(),
    }
}

/// Members by side: whoever saw another's action was with him.
struct Sides {
    members: Vec<PeerId>,
    /// Of each member one who stands for his side.
    of: Vec<usize>,
    /// Who stands for this phone's.
    own: Option<usize>,
}

impl Sides {
    fn new(members: &[PeerId], with: &[PeerId]) -> Self {
        let first = members.iter().position(|member| with.contains(member));
        let of = members.iter().enumerate().map(|(index, member)| {
            let own = with.contains(member);
            if own { first.unwrap_or(index) } else { index }
        });
        Self {
            of: of.collect(),
            own: first,
            members: members.to_vec(),
        }
    }

    fn index(&self, peer: &PeerId) -> Option<usize> {
        self.members.iter().position(|member| member == peer)
    }

    fn saw(&mut self, signed: &SignedAction) {
        let Some(author) = self.index(&signed.action.author) else {
            return;
        };
        for entry in signed.action.frontier.iter() {
            if let Some(seen) = self.index(&entry.id.author) {
                let (to, from) = (
                    self.of[author].min(self.of[seen]),
                    self.of[author].max(self.of[seen]),
                );
                for side in self.of.iter_mut().chain(&mut self.own) {
                    if *side == from {
                        *side = to;
                    }
                }
            }
        }
    }

    fn finish(self, told: Vec<(PeerId, SideAction)>) -> Vec<Side> {
        let names: BTreeSet<usize> = self.of.iter().copied().collect();
        let (own, others): (Vec<usize>, Vec<usize>) =
            names.into_iter().partition(|name| Some(*name) == self.own);
        let side = |name: usize| {
            let members = self.members.iter().zip(&self.of);
            let members: Vec<PeerId> = members
                .filter(|(_, of)| **of == name)
                .map(|(member, _)| *member)
                .collect();
            let actions = told.iter().filter(|(author, _)| members.contains(author));
            Side {
                actions: actions.map(|(_, action)| action.clone()).collect(),
                members,
            }
        };
        own.into_iter().chain(others).map(side).collect()
    }
}
