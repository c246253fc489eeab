//! One table before its genesis (G rules): joins, the roster, the start.
//!
//! - G1 A phone proves its ticket by a signature with the ticket's one-time key over group, inviter,
//!   joiner and a nonce; the seed never travels. It signs the whole request with its identity too.
//! - G2 The opener lists a phone once. Its answer to every request that proves a ticket is the
//!   roster, or the genesis once there is one, also for a phone that is not on it.
//! - G3 A joiner repeats its request, with back-off, until it is listed; from then on at the longest
//!   pause until it holds the genesis, so that no lost message is missed for ever.
//! - G4 The genesis goes to every listed phone until it is heard in the running group.
//! - G5 A joiner takes one genesis: by the inviter of its ticket, for the group of its ticket.
//! - G6 What is said is stored first: [`GatheringOutput::Store`] precedes, and
//!   [`GatheringInput::Stored`] releases. Two starts around a crash would be two foundings.

mod joiner;
mod opener;
mod proof;
mod record;

pub use self::proof::{clean_name, safety_code};

use std::collections::BTreeSet;
use std::sync::Arc;

use self::joiner::Joiner;
use self::opener::Opener;
use super::ticket::Ticket;
use crate::config::GroupConfig;
use crate::crypto::seal::SealingSecret;
use crate::crypto::{Hash, Identity};
use crate::error::{CommandError, PeerFault};
use crate::id::{GroupId, MeshAddress, PeerId};
use crate::outbox::Outbox;
use crate::rules::Rules;
use crate::time::{Duration, Instant};
use crate::wire::{
    Bytes, DecodeError, Genesis, GroupMessage, Mode, RosterEntry, RulesId, SignedGenesis,
};

/// What an opener brings.
#[derive(Debug)]
pub struct TableSetup {
    /// Own identity.
    pub identity: Identity,
    /// Delays.
    pub config: GroupConfig,
    /// The user's name.
    pub name: String,
    /// The rule set.
    pub rules: Arc<dyn Rules>,
    /// Its configuration.
    pub rules_config: Vec<u8>,
    /// Mode for every committee size; by default Majority for 2 and 3 and Bft from 4.
    pub mode: Option<Mode>,
    /// Tip of the own hash chain for draws.
    pub tip: Hash,
    /// Sixteen random bytes.
    pub group: GroupId,
    /// Thirty-two random bytes: the secret of the ticket.
    pub ticket_seed: [u8; 32],
}

/// What a joiner brings.
#[derive(Debug)]
pub struct JoinSetup {
    /// Own identity.
    pub identity: Identity,
    /// Delays.
    pub config: GroupConfig,
    /// The ticket.
    pub ticket: Ticket,
    /// The user's name.
    pub name: String,
    /// Tip of the own hash chain for draws. It must follow from identity and group: after a lost
    /// store the listed tip must still be one that this phone can open.
    pub tip: Hash,
    /// Sixteen random bytes.
    pub nonce: [u8; 16],
    /// The rule sets of this build.
    pub rules: Vec<RulesId>,
}

/// A fact for a gathering.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "an input is moved once and never kept"
)]
pub enum GatheringInput {
    /// A message of this group arrived.
    Message {
        /// Who sent it, as far as the mesh knows.
        origin: MeshAddress,
        /// A join, a roster or a genesis; others are ignored.
        message: GroupMessage,
    },
    /// Who is in reach now.
    Reachable(BTreeSet<MeshAddress>),
    /// The running group heard from this member: it holds the genesis.
    Heard(MeshAddress),
    /// The record with this sequence is stored and synced.
    Stored(u64),
    /// The deadline has come.
    Timeout,
}

/// One phone of a gathering, as screens show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Who.
    pub peer: PeerId,
    /// His name, cleaned.
    pub name: String,
    /// His safety code: see [`safety_code`].
    pub code: String,
    /// Whether he will vote. Where not, his build lacks the rules of this table: he follows it, and
    /// should look for an update.
    pub votes: bool,
}

/// A wish of a gathering.
#[derive(Clone, Debug, PartialEq)]
pub enum GatheringOutput {
    /// The whole record of this gathering; it replaces the one before.
    Store {
        /// Named again by `Stored`, once it is durable.
        sequence: u64,
        /// For [`Gathering::restore`].
        record: Vec<u8>,
    },
    /// A message for one phone.
    Send {
        /// The phone.
        to: MeshAddress,
        /// The message.
        message: GroupMessage,
    },
    /// Who is here.
    Entries(Vec<Listed>),
    /// The genesis, verified, and this phone is in it: to be stored as the start of a group. Only
    /// for joiners; the opener has it from [`Gathering::start`].
    Genesis(SignedGenesis),
    /// The table has started without this phone.
    StartedWithoutUs,
    /// A message broke a G rule.
    Fault(PeerFault),
}

/// One open or joined table before its genesis; on the opener's side also after it, until everyone
/// has it and for those who come late.
#[derive(Debug)]
pub struct Gathering {
    core: Core,
    side: Side,
}

impl Gathering {
    /// Opens a table.
    pub fn open(
        setup: TableSetup,
        out: &mut Outbox<GatheringOutput>,
    ) -> Result<(Self, Ticket), CommandError> {
        let ticket = Ticket::new(setup.group, setup.identity.peer(), setup.ticket_seed);
        let core = Core::new(setup.identity, setup.config, ticket.clone());
        let name = clean_name(&setup.name).ok_or(CommandError::BadName)?;
        let own = RosterEntry {
            peer: core.identity.peer(),
            name: Bytes::truncating(name.into_bytes()),
            tip: setup.tip,
            sealing: SealingSecret::of(&core.identity, &core.ticket.group.0).public(),
            votes: true,
        };
        let opener = Opener::new(own, setup.rules.as_ref(), setup.rules_config, setup.mode)?;
        let mut gathering = Self {
            core,
            side: Side::Opener(opener),
        };
        gathering.announce(out);
        gathering.store(out);
        Ok((gathering, ticket))
    }

    /// Joins the table of a ticket.
    pub fn join(setup: JoinSetup, out: &mut Outbox<GatheringOutput>) -> Result<Self, CommandError> {
        let name = clean_name(&setup.name).ok_or(CommandError::BadName)?;
        let name = Bytes::truncating(name.into_bytes());
        let joiner = Joiner::new(name, setup.tip, setup.nonce, setup.rules, &setup.config);
        let core = Core::new(setup.identity, setup.config, setup.ticket);
        let mut gathering = Self {
            core,
            side: Side::Joiner(joiner),
        };
        gathering.store(out);
        Ok(gathering)
    }

    /// A gathering that goes on from its stored record. `rules` are the rule sets of this build.
    pub fn restore(
        identity: Identity,
        config: GroupConfig,
        rules: Vec<RulesId>,
        record: &[u8],
    ) -> Result<Self, DecodeError> {
        let (ticket, side) = record::decode(identity.peer(), &config, rules, record)?;
        Ok(Self {
            core: Core::new(identity, config, ticket),
            side,
        })
    }

    /// Takes one fact.
    pub fn handle(
        &mut self,
        input: GatheringInput,
        now: Instant,
        out: &mut Outbox<GatheringOutput>,
    ) {
        match input {
            GatheringInput::Message { origin, message } => {
                self.receive(origin, message, now, out);
            }
            GatheringInput::Reachable(reachable) => {
                let came: Vec<_> = reachable
                    .difference(&self.core.reachable)
                    .copied()
                    .collect();
                self.core.reachable = reachable;
                match &mut self.side {
                    Side::Opener(opener) => opener.reachable_changed(&came),
                    Side::Joiner(joiner) => joiner.reachable_changed(&came, &self.core, now),
                }
            }
            GatheringInput::Heard(address) => {
                if let Side::Opener(opener) = &mut self.side {
                    opener.heard(address);
                }
            }
            GatheringInput::Stored(sequence) => {
                self.core.stored = self.core.stored.max(sequence).min(self.core.written);
            }
            GatheringInput::Timeout => {}
        }
        match &mut self.side {
            Side::Opener(opener) => opener.flush(&self.core, now, out),
            Side::Joiner(joiner) => joiner.flush(&self.core, now, out),
        }
    }

    /// When [`GatheringInput::Timeout`] is due, and why.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        let side = match &self.side {
            Side::Opener(opener) => opener.repeat_at().map(|at| (at, "genesis repeat")),
            Side::Joiner(joiner) => joiner.repeat_at().map(|at| (at, "join repeat")),
        };
        side.filter(|_| self.core.is_stored())
    }

    /// Starts the table with everyone who is listed. `root` gives the root of the state that the
    /// genesis (its own `root` still zero) starts with. The genesis leaves once it is stored.
    pub fn start(
        &mut self,
        root: &dyn Fn(&Genesis) -> Result<Hash, CommandError>,
        out: &mut Outbox<GatheringOutput>,
    ) -> Result<SignedGenesis, CommandError> {
        let Side::Opener(opener) = &mut self.side else {
            return Err(CommandError::NotOpener);
        };
        let genesis = opener.start(&self.core, root)?;
        self.store(out);
        Ok(genesis)
    }

    /// Who is here, as far as known.
    fn entries(&self) -> Vec<Listed> {
        let entries = match &self.side {
            Side::Opener(opener) => opener.entries().iter().collect(),
            Side::Joiner(joiner) => joiner.entries(),
        };
        let group = self.core.ticket.group;
        let listed = |entry: &RosterEntry| Listed {
            peer: entry.peer,
            name: String::from_utf8_lossy(&entry.name).into_owned(),
            code: safety_code(group, &entry.peer),
            votes: entry.votes,
        };
        entries.into_iter().map(listed).collect()
    }

    /// What it waits for and for whom.
    pub fn waiting_for(&self) -> Option<(&'static str, Vec<PeerId>)> {
        if !self.core.is_stored() {
            return Some(("store", Vec::new()));
        }
        match &self.side {
            Side::Opener(opener) => opener.waiting_for(),
            Side::Joiner(joiner) => joiner
                .waiting_for(self.core.identity.peer())
                .map(|what| (what, vec![self.core.ticket.inviter])),
        }
    }

    fn receive(
        &mut self,
        origin: MeshAddress,
        message: GroupMessage,
        now: Instant,
        out: &mut Outbox<GatheringOutput>,
    ) {
        let result = match (&mut self.side, message) {
            (Side::Opener(opener), GroupMessage::Join(request)) => {
                opener.receive_join(origin, request, &self.core)
            }
            (Side::Joiner(joiner), GroupMessage::Roster(roster)) => {
                joiner.receive_roster(roster, &self.core, now)
            }
            (Side::Joiner(joiner), GroupMessage::Genesis(genesis)) => joiner
                .receive_genesis(genesis, &self.core, out)
                .map(|()| Change::None),
            (Side::Opener(_) | Side::Joiner(_), _) => return,
        };
        match result {
            Ok(Change::None) => {}
            Ok(Change::Shown) => self.announce(out),
            Ok(Change::Listed) => {
                self.announce(out);
                self.store(out);
            }
            Err(fault) => out.push(GatheringOutput::Fault(fault)),
        }
    }

    fn announce(&self, out: &mut Outbox<GatheringOutput>) {
        out.push(GatheringOutput::Entries(self.entries()));
    }

    fn store(&mut self, out: &mut Outbox<GatheringOutput>) {
        self.core.written += 1;
        out.push(GatheringOutput::Store {
            sequence: self.core.written,
            record: record::encode(&self.core.ticket, &self.side),
        });
    }
}

/// What a message changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    None,
    /// The list that the screen shows.
    Shown,
    /// The list that the opener keeps.
    Listed,
}

#[derive(Debug)]
enum Side {
    Opener(Opener),
    Joiner(Joiner),
}

/// What both sides have.
#[derive(Debug)]
struct Core {
    identity: Identity,
    config: GroupConfig,
    ticket: Ticket,
    reachable: BTreeSet<MeshAddress>,
    /// Sequence of the last record given out, and of the last one that is stored.
    written: u64,
    stored: u64,
}

impl Core {
    fn new(identity: Identity, config: GroupConfig, ticket: Ticket) -> Self {
        Self {
            identity,
            config,
            ticket,
            reachable: BTreeSet::new(),
            written: 0,
            stored: 0,
        }
    }

    /// Whether everything that could be said is on disk.
    fn is_stored(&self) -> bool {
        self.stored == self.written
    }
}

/// A pause that doubles.
#[derive(Clone, Copy, Debug)]
struct BackOff {
    min: Duration,
    max: Duration,
    pause: Duration,
}

impl BackOff {
    fn new(config: &GroupConfig) -> Self {
        Self {
            min: config.repeat_min,
            max: config.repeat_max,
            pause: config.repeat_min,
        }
    }

    fn reset(&mut self) {
        self.pause = self.min;
    }

    fn rest(&mut self) {
        self.pause = self.max;
    }

    /// When the next repetition is due.
    fn next(&mut self, now: Instant) -> Instant {
        let at = now + self.pause;
        self.pause = self.pause.saturating_mul(2).min(self.max);
        at
    }
}

#[cfg(test)]
mod tests;
