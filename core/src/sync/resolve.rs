//! Two sets of actions become one: ordered by the one order, applied one by one, every refusal with
//! its reason.

use std::collections::BTreeMap;

use super::merge;
use crate::crypto::Hash;
use crate::id::{GroupId, PeerId, RunId};
use crate::rules::Rules;
use crate::wire::{ActionId, Reason, SignedAction};

#[cfg(test)]
mod tests;

/// A state to which actions are applied one after the other.
pub trait Apply {
    /// Why a set is refused as a whole.
    type Fault;

    /// Applies one action, or says why it is refused for ever: then nothing of it remains. `doubled`
    /// where another action of the set has the same name.
    ///
    /// # Errors
    /// Where no set on this state may hold the action: it has its fate already, or lacks what it
    /// follows.
    fn apply(
        &mut self,
        signed: &SignedAction,
        doubled: bool,
    ) -> Result<Option<Reason>, Self::Fault>;
}

/// What the one order depends on beside the set.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// The run that the base knows of an author.
    pub running: &'a dyn Fn(&PeerId) -> Option<RunId>,
    /// What ties are broken by: nobody could choose it when he signed.
    pub salt: Hash,
    /// What gives an action its key.
    pub rules: &'a dyn Rules,
    /// The group, which is part of what an action's hash is of.
    pub group: GroupId,
}

/// A set of actions, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved<S> {
    /// The state after them.
    pub state: S,
    /// The set in the one order, every action once.
    pub ordered: Vec<SignedAction>,
    /// The fate of each, in that order: none = committed, or why it was refused.
    pub fates: Vec<(ActionId, Option<Reason>)>,
}

impl<S> Resolved<S> {
    /// What was refused, and why.
    pub fn rejected(&self) -> impl Iterator<Item = (ActionId, &Reason)> {
        self.fates
            .iter()
            .filter_map(|(id, reason)| Some((*id, reason.as_ref()?)))
    }
}

/// See [`super::Synchronizer::resolve_conflict`].
pub(super) fn resolve_conflict<S: Apply>(
    mut base: S,
    actions: Vec<SignedAction>,
    order: Order<'_>,
) -> Result<Resolved<S>, S::Fault> {
    let ordered = merge::order(actions, order);
    let mut names: BTreeMap<ActionId, usize> = BTreeMap::new();
    for signed in &ordered {
        *names.entry(signed.action.id()).or_default() += 1;
    }
    let mut fates = Vec::with_capacity(ordered.len());
    for signed in &ordered {
        let id = signed.action.id();
        fates.push((id, base.apply(signed, names[&id] > 1)?));
    }
    Ok(Resolved {
        state: base,
        ordered,
        fates,
    })
}
