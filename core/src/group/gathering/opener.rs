//! The side that keeps the list and starts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::proof::{MEMBERS_MIN, clean_name, modes, sign_roster, verify_join};
use super::{BackOff, Change, Core, GatheringOutput};
use crate::crypto::Hash;
use crate::error::{CommandError, PeerFault};
use crate::group::group_key;
use crate::id::{MeshAddress, PeerId};
use crate::outbox::Outbox;
use crate::rules::Rules;
use crate::state::{Map, Overlay};
use crate::time::Instant;
use crate::wire::{
    BoundedVec, Bytes, Genesis, GroupMessage, JoinRequest, MEMBERS_MAX, Mode, RosterEntry, RulesId,
    SignedGenesis,
};

/// What the opener keeps on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) rules: RulesId,
    pub(super) rules_config: Bytes<256>,
    pub(super) mode: Option<Mode>,
    pub(super) revision: u64,
    pub(super) entries: BoundedVec<RosterEntry, MEMBERS_MAX>,
    pub(super) genesis: Option<SignedGenesis>,
}

/// The opener of a table.
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) kept: Kept,
    /// Listed phones that are owed the present roster or the genesis as soon as they are in reach.
    owed: BTreeSet<MeshAddress>,
    /// Phones that asked and are answered as soon as the record is stored.
    asking: BTreeSet<MeshAddress>,
    /// Listed phones that are not known to hold the genesis.
    unheard: BTreeSet<MeshAddress>,
    back_off: Option<BackOff>,
    repeat_at: Option<Instant>,
}

impl Opener {
    pub(super) fn new(
        own: RosterEntry,
        rules: &dyn Rules,
        rules_config: Vec<u8>,
        mode: Option<Mode>,
    ) -> Result<Self, CommandError> {
        let refused = |rejection: crate::rules::Rejection| {
            let words = rules.describe(rejection.code, &rejection.detail);
            CommandError::BadRulesConfig(words)
        };
        let mut overlay = Overlay::new(Map::new());
        rules
            .genesis(&mut overlay, &[own.peer], &rules_config)
            .map_err(refused)?;
        let rules_config = Bytes::from_vec(rules_config)
            .map_err(|full| CommandError::BadRulesConfig(full.to_string()))?;
        Ok(Self::restore(Kept {
            rules: rules.id(),
            rules_config,
            mode,
            revision: 1,
            entries: BoundedVec::truncating(vec![own]),
            genesis: None,
        }))
    }

    /// Everyone is told again: what was on its way when this phone stopped is not known.
    pub(super) fn restore(kept: Kept) -> Self {
        let others = kept.entries.iter().skip(1);
        let others: BTreeSet<_> = others.map(|entry| entry.peer.address()).collect();
        let unheard = if kept.genesis.is_some() {
            others.clone()
        } else {
            BTreeSet::new()
        };
        Self {
            owed: others,
            asking: BTreeSet::new(),
            unheard,
            kept,
            back_off: None,
            repeat_at: None,
        }
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(super) fn entries(&self) -> &[RosterEntry] {
        &self.kept.entries
    }

    pub(super) fn repeat_at(&self) -> Option<Instant> {
        self.repeat_at
    }

    pub(super) fn waiting_for(&self) -> Option<(&'static str, Vec<PeerId>)> {
        if self.kept.genesis.is_none() {
            return Some(("start", Vec::new()));
        }
        let listed = self.kept.entries.iter().map(|entry| entry.peer);
        let unheard: Vec<_> = listed
            .filter(|peer| self.unheard.contains(&peer.address()))
            .collect();
        (!unheard.is_empty()).then_some(("genesis received", unheard))
    }

    pub(super) fn receive_join(
        &mut self,
        origin: MeshAddress,
        request: JoinRequest,
        core: &Core,
    ) -> Result<Change, PeerFault> {
        // Cheap checks first: two verifications are what an attacker would like to cost us.
        if request.joiner.address() != origin {
            return Err(PeerFault::Gathering("a join for somebody else"));
        }
        if !verify_join(core.identity.scheme().as_ref(), &core.ticket, &request) {
            return Err(PeerFault::Gathering("a join that proves no ticket"));
        }
        let mut listed = self.kept.entries.iter().map(|entry| entry.peer);
        let known = listed.find(|peer| peer.address() == origin);
        if known.is_some_and(|peer| peer != request.joiner) {
            return Err(PeerFault::Gathering("another phone has this address"));
        }
        if self.asking.len() < ASKING_MAX {
            self.asking.insert(origin);
        }
        if self.kept.genesis.is_some() {
            return Ok(Change::None);
        }
        if request.sealing.is_weak() {
            return Err(PeerFault::Gathering("a sealing key that hides nothing"));
        }
        let votes = request.rules.contains(&self.kept.rules);
        if known.is_some() {
            return Ok(self.listed_again(&request.joiner, request.tip, votes));
        }
        if self.kept.entries.len() == MEMBERS_MAX {
            return Ok(Change::None);
        }
        let name = String::from_utf8_lossy(&request.name);
        let name = clean_name(&name).ok_or(PeerFault::Gathering("a name without a letter"))?;
        let entry = RosterEntry {
            peer: request.joiner,
            name: Bytes::truncating(name.into_bytes()),
            tip: request.tip,
            sealing: request.sealing,
            votes,
        };
        self.kept
            .entries
            .push(entry)
            .expect("a full list was answered above");
        self.kept.revision += 1;
        self.owe_all();
        Ok(Change::Listed)
    }

    /// Who updates his app, or comes back with another one, is listed by what he has now.
    fn listed_again(&mut self, joiner: &PeerId, tip: Hash, votes: bool) -> Change {
        let mut entries = std::mem::take(&mut self.kept.entries).into_vec();
        let others = entries.iter_mut().skip(1);
        let changed = others
            .filter(|entry| entry.peer == *joiner)
            .filter(|entry| (entry.tip, entry.votes) != (tip, votes))
            .map(|entry| (entry.tip, entry.votes) = (tip, votes))
            .count();
        self.kept.entries = BoundedVec::truncating(entries);
        if changed == 0 {
            return Change::None;
        }
        self.kept.revision += 1;
        self.owe_all();
        Change::Listed
    }

    pub(super) fn start(
        &mut self,
        core: &Core,
        root: &dyn Fn(&Genesis) -> Result<Hash, CommandError>,
    ) -> Result<SignedGenesis, CommandError> {
        if self.kept.genesis.is_some() {
            return Err(CommandError::TableStarted);
        }
        let (members, observers): (Vec<_>, Vec<_>) = self
            .kept
            .entries
            .iter()
            .cloned()
            .partition(|entry| entry.votes);
        let have = members.len();
        if have < MEMBERS_MIN {
            return Err(CommandError::TooFewMembers {
                have,
                need: MEMBERS_MIN,
            });
        }
        let timeout = core.config.draw_timeout.as_millis();
        let mut genesis = Genesis {
            group: core.ticket.group,
            members: BoundedVec::truncating(members),
            observers: BoundedVec::truncating(observers),
            rules: self.kept.rules.clone(),
            rules_config: self.kept.rules_config.clone(),
            modes: modes(self.kept.mode),
            draw_timeout_ms: u32::try_from(timeout).unwrap_or(u32::MAX),
            root: Hash::ZERO,
            key: crate::wire::EpochKey::default(),
        };
        genesis.root = root(&genesis)?;
        genesis.key = group_key::seal(&genesis, &core.identity);
        let signed = genesis.sign(&core.identity);
        self.kept.genesis = Some(signed.clone());
        self.owe_all();
        self.unheard = self.owed.clone();
        Ok(signed)
    }

    pub(super) fn heard(&mut self, address: MeshAddress) {
        if self.kept.genesis.is_some() {
            self.unheard.remove(&address);
            self.owed.remove(&address);
        }
    }

    /// Whoever came into reach and is not known to hold the genesis gets it again.
    pub(super) fn reachable_changed(&mut self, came: &[MeshAddress]) {
        let unheard = came.iter().filter(|address| self.unheard.contains(address));
        self.owed.extend(unheard);
    }

    /// G2, G4, G6: what is owed and stored goes to whoever is in reach.
    pub(super) fn flush(&mut self, core: &Core, now: Instant, out: &mut Outbox<GatheringOutput>) {
        if !core.is_stored() {
            return;
        }
        if self.repeat_at.is_some_and(|at| at <= now) {
            self.repeat_at = None;
            self.owed.extend(&self.unheard);
        }
        let (mut now_due, later): (BTreeSet<_>, BTreeSet<_>) = std::mem::take(&mut self.owed)
            .into_iter()
            .partition(|address| core.reachable.contains(address));
        self.owed = later;
        now_due.append(&mut self.asking);
        for to in now_due {
            let message = self.answer(core);
            out.push(GatheringOutput::Send { to, message });
        }
        if self.unheard.is_disjoint(&core.reachable) {
            self.repeat_at = None;
            self.back_off = None;
        } else if self.repeat_at.is_none() {
            let back_off = self.back_off.get_or_insert(BackOff::new(&core.config));
            self.repeat_at = Some(back_off.next(now));
        }
    }

    fn answer(&self, core: &Core) -> GroupMessage {
        match &self.kept.genesis {
            Some(genesis) => GroupMessage::Genesis(genesis.clone()),
            None => GroupMessage::Roster(sign_roster(
                &core.identity,
                core.ticket.group,
                self.kept.revision,
                self.kept.entries.clone(),
            )),
        }
    }

    fn owe_all(&mut self) {
        let others: Vec<_> = self.others().collect();
        self.owed.extend(others);
    }

    fn others(&self) -> impl Iterator<Item = MeshAddress> {
        let others = self.kept.entries.iter().skip(1);
        others.map(|entry| entry.peer.address())
    }
}

/// Phones answered at once: a full table and as many again that found it full.
const ASKING_MAX: usize = 2 * MEMBERS_MAX;
