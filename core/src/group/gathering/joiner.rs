//! The side that asks to be listed.

use serde::{Deserialize, Serialize};

use super::proof::{sign_join, verify_genesis, verify_roster};
use super::{BackOff, Change, Core, GatheringOutput};
use crate::config::GroupConfig;
use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::id::{MeshAddress, PeerId};
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::wire::{
    BoundedVec, Bytes, GroupMessage, NAME_LEN_MAX, Roster, RosterEntry, RulesId, SignedGenesis,
};

/// What a joiner keeps on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) name: Bytes<NAME_LEN_MAX>,
    pub(super) tip: Hash,
    pub(super) nonce: [u8; 16],
}

/// A phone that joins.
#[derive(Debug)]
pub(super) struct Joiner {
    kept: Kept,
    rules: BoundedVec<RulesId, 16>,
    roster: Option<Roster>,
    genesis: Option<SignedGenesis>,
    back_off: BackOff,
    repeat_at: Option<Instant>,
}

impl Joiner {
    pub(super) fn new(
        name: Bytes<NAME_LEN_MAX>,
        tip: Hash,
        nonce: [u8; 16],
        rules: Vec<RulesId>,
        config: &GroupConfig,
    ) -> Self {
        Self::restore(Kept { name, tip, nonce }, rules, config)
    }

    pub(super) fn restore(kept: Kept, rules: Vec<RulesId>, config: &GroupConfig) -> Self {
        Self {
            kept,
            rules: BoundedVec::truncating(rules),
            roster: None,
            genesis: None,
            back_off: BackOff::new(config),
            repeat_at: None,
        }
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(super) fn entries(&self) -> Vec<&RosterEntry> {
        match (&self.genesis, &self.roster) {
            (Some(signed), _) => signed.genesis.everyone().collect(),
            (None, Some(roster)) => roster.entries.iter().collect(),
            (None, None) => Vec::new(),
        }
    }

    pub(super) fn repeat_at(&self) -> Option<Instant> {
        self.repeat_at
    }

    pub(super) fn waiting_for(&self, own: PeerId) -> Option<&'static str> {
        match (&self.genesis, &self.roster) {
            (Some(_), _) => None,
            (None, None) => Some("roster"),
            (None, Some(_)) if self.is_listed(own) => Some("start"),
            (None, Some(_)) => Some("a place at the table"),
        }
    }

    /// Somebody came into reach, or left it. Where the inviter is away, whoever holds the genesis can
    /// answer in his place.
    pub(super) fn reachable_changed(&mut self, came: &[MeshAddress], core: &Core, now: Instant) {
        let inviter = core.ticket.inviter.address();
        let inviter_here = core.reachable.contains(&inviter);
        if self.genesis.is_some() || core.reachable.is_empty() {
            self.repeat_at = None;
        } else if came.contains(&inviter) || !inviter_here && !came.is_empty() {
            self.back_off.reset();
            self.repeat_at = Some(now);
        }
    }

    pub(super) fn receive_roster(
        &mut self,
        roster: Roster,
        core: &Core,
        now: Instant,
    ) -> Result<Change, PeerFault> {
        let known = self.roster.as_ref();
        if self.genesis.is_some() || known.is_some_and(|known| known.revision > roster.revision) {
            return Ok(Change::None);
        }
        if known == Some(&roster) {
            self.rest_if_listed(core, now);
            return Ok(Change::None);
        }
        verify_roster(core.identity.scheme().as_ref(), &core.ticket, &roster)?;
        self.roster = Some(roster);
        self.rest_if_listed(core, now);
        Ok(Change::Shown)
    }

    /// G5.
    pub(super) fn receive_genesis(
        &mut self,
        signed: SignedGenesis,
        core: &Core,
        out: &mut Outbox<GatheringOutput>,
    ) -> Result<(), PeerFault> {
        if self.genesis.is_some() {
            return Ok(());
        }
        verify_genesis(&core.identity, &core.ticket, &signed)?;
        let own = core.identity.peer();
        let entry = signed.genesis.everyone().find(|entry| entry.peer == own);
        if entry.is_some_and(|entry| entry.tip != self.kept.tip) {
            return Err(PeerFault::Gathering(
                "a genesis with a tip that is not ours",
            ));
        }
        // As a member without a vote one needs no rules.
        if entry.is_some_and(|entry| entry.votes) && !self.rules.contains(&signed.genesis.rules) {
            return Err(PeerFault::Gathering(
                "a genesis with rules that are not here",
            ));
        }
        out.push(if entry.is_some() {
            GatheringOutput::Genesis(signed.clone())
        } else {
            GatheringOutput::StartedWithoutUs
        });
        self.genesis = Some(signed);
        self.repeat_at = None;
        Ok(())
    }

    /// G3.
    pub(super) fn flush(&mut self, core: &Core, now: Instant, out: &mut Outbox<GatheringOutput>) {
        if !core.is_stored() || self.repeat_at.is_none_or(|at| at > now) {
            return;
        }
        let request = sign_join(
            &core.identity,
            &core.ticket,
            self.kept.name.clone(),
            self.kept.tip,
            self.kept.nonce,
            self.rules.clone(),
        );
        out.push(GatheringOutput::Send {
            to: core.ticket.inviter.address(),
            message: GroupMessage::Join(request),
        });
        self.repeat_at = Some(self.back_off.next(now));
    }

    fn rest_if_listed(&mut self, core: &Core, now: Instant) {
        if self.repeat_at.is_some() && self.is_listed(core.identity.peer()) {
            self.back_off.rest();
            self.repeat_at = Some(self.back_off.next(now));
        }
    }

    fn is_listed(&self, own: PeerId) -> bool {
        self.roster
            .as_ref()
            .is_some_and(|roster| roster.entries.iter().any(|entry| entry.peer == own))
    }
}
