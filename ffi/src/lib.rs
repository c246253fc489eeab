//! Althing for Kotlin and Swift: one object whose calls return what is to be done.
//!
//! The shell reports what its Bluetooth stack says ([`Althing::handle_radio`]) and what its user
//! wants ([`Althing::submit`] and the others), one call at a time from one queue. Every call returns
//! [`Outputs`]: commands for the radio, events for the screen, and when to call
//! [`Althing::handle_timeout`]. There are no threads, no callbacks and no waiting inside.
//!
//! This crate mirrors the core and decides nothing.

mod board;
mod convert;
mod error;
mod model;
mod money;
mod recovery;
mod tentative;

pub use board::{
    BoardAccess, BoardAccountsSetup, BoardContent, BoardEntry, BoardListSetup, BoardNumberSetup,
    BoardOperation, BoardPrefixSetup, BoardPurseSetup, BoardRefusal, BoardSetup, BoardValueSetup,
    board_config, board_entries, board_entry, board_payload, board_refusal,
};
pub use error::{AlthingError, SealFault};
pub use model::{
    ActionId, AdvertInterval, AppMode, Event, Fate, Head, LinkDownReason, Member, MemberTally,
    Mode, OperationResult, Outputs, PatchEntry, Pending, PowerState, RadioCommand, RadioEvent,
    Reason, Role, ScanDuty, Sealed, StateEntry, Status, Submitted, Table, Tally, Validity, View,
    WaitingFor,
};
pub use money::FinalOffline;
pub use recovery::RecoveryStage;
pub use tentative::Tentative;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use althing::config::Config;
use althing::crypto::Identity;
use althing::node::{Command, Done, Plaintext, SubmissionId};
use althing::rules;
use althing_driver::{Clock, Driver, MemoryStore, SystemClock};

uniffi::setup_scaffolding!();

type Machine = Driver<Arc<dyn Clock>, MemoryStore>;

/// One phone.
#[derive(Debug, uniffi::Object)]
pub struct Althing {
    /// `None` once a call ran into a bug.
    machine: Mutex<Option<Machine>>,
}

#[uniffi::export]
impl Althing {
    /// A phone with the identity of `secret`. Secret and seed are 32 bytes of the system's secure
    /// random source: the secret is kept for ever, the seed is fresh for every object.
    ///
    /// `starts` says how many objects this secret had before: 0 only where there was none. It is
    /// kept beside the secret and raised by one *before* each object is made, also after
    /// [`AlthingError::Broken`]. An object keeps nothing on the disk. So one with an earlier life
    /// knows neither its groups nor its votes: joining by the ticket it comes back into a table and
    /// follows it, and asks the others before it votes: it could contradict a vote that it has forgotten.
    #[uniffi::constructor]
    pub fn new(secret: Vec<u8>, seed: Vec<u8>, starts: u64) -> Result<Arc<Self>, AlthingError> {
        Self::with_clock(secret, seed, starts, Arc::new(SystemClock))
    }

    /// Who this phone is.
    pub fn peer(&self) -> Result<String, AlthingError> {
        self.call(|machine| Ok(machine.node().peer().to_hex()))
    }

    /// A fact from the radio.
    pub fn handle_radio(&self, event: RadioEvent) -> Result<Outputs, AlthingError> {
        self.call(|machine| {
            let outputs = machine.handle_radio(event.into());
            Ok(convert::outputs(outputs, machine.now()))
        })
    }

    /// The time of [`Outputs::wake_after_ms`] is over.
    pub fn handle_timeout(&self) -> Result<Outputs, AlthingError> {
        self.call(|machine| {
            let outputs = machine.handle_timeout();
            Ok(convert::outputs(outputs, machine.now()))
        })
    }

    /// Opens a table with a ticket for the others. `rules_config` is in the rule set's own encoding.
    pub fn open_table(
        &self,
        name: String,
        rules: String,
        rules_config: Vec<u8>,
        mode: Option<Mode>,
    ) -> Result<Table, AlthingError> {
        let command = Command::OpenTable {
            name,
            rules,
            rules_config,
            mode: mode.map(Mode::into),
        };
        let (done, outputs) = self.command(command)?;
        match done {
            Done::Opened { group, ticket } => Ok(Table {
                group: group.to_hex(),
                ticket,
                outputs,
            }),
            Done::Joined { .. } | Done::Submitted { .. } | Done::Sealed { .. } | Done::Ok => {
                Err(self.broken())
            }
        }
    }

    /// Joins the table of a ticket.
    pub fn join_table(&self, ticket: String, name: String) -> Result<Table, AlthingError> {
        let command = Command::JoinTable {
            ticket: ticket.clone(),
            name,
        };
        let (done, outputs) = self.command(command)?;
        match done {
            Done::Joined { group } => Ok(Table {
                group: group.to_hex(),
                ticket,
                outputs,
            }),
            Done::Opened { .. } | Done::Submitted { .. } | Done::Sealed { .. } | Done::Ok => {
                Err(self.broken())
            }
        }
    }

    /// Starts a table with everyone who is listed.
    pub fn start_table(&self, group: String) -> Result<Outputs, AlthingError> {
        let group = convert::group(&group)?;
        let (_, outputs) = self.command(Command::StartTable { group })?;
        Ok(outputs)
    }

    /// Asks for a change of the state. `payload` is in the rule set's own encoding; without the own
    /// submissions in `dependencies` it is not applied.
    pub fn submit(
        &self,
        group: String,
        payload: Vec<u8>,
        dependencies: Vec<u64>,
        validity: Validity,
    ) -> Result<Submitted, AlthingError> {
        let command = Command::Submit {
            group: convert::group(&group)?,
            payload,
            dependencies: dependencies.into_iter().map(SubmissionId).collect(),
            validity: validity.into(),
        };
        let (done, outputs) = self.command(command)?;
        match done {
            Done::Submitted { submission } => Ok(Submitted {
                submission: submission.0,
                outputs,
            }),
            Done::Opened { .. } | Done::Joined { .. } | Done::Sealed { .. } | Done::Ok => {
                Err(self.broken())
            }
        }
    }

    /// The payload by which the others learn how to seal for this phone. Submit it once in every group
    /// whose board has sealed entries, as soon as the group has started.
    pub fn sealing_key_payload(&self, group: String) -> Result<Vec<u8>, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| Ok(machine.node().publish_sealing_key(group)?))
    }

    /// Seals at most 80 bytes under `key` of a board for the member `owner`, such as a dealt card, and
    /// gives the payload to submit. Everyone will see that something is sealed, by whom and for whom;
    /// only he reads it. It is neither stored nor sent in any other form. The phone that seals knows
    /// what it sealed, of course: a dealer who plays needs cards that he does not choose.
    pub fn seal(
        &self,
        group: String,
        key: Vec<u8>,
        owner: String,
        plaintext: Vec<u8>,
    ) -> Result<Sealed, AlthingError> {
        let command = Command::Seal {
            group: convert::group(&group)?,
            key,
            owner: convert::peer(&owner)?,
            plaintext: Plaintext(plaintext),
        };
        let (done, outputs) = self.command(command)?;
        match done {
            Done::Sealed { payload } => Ok(Sealed { payload, outputs }),
            Done::Opened { .. } | Done::Joined { .. } | Done::Submitted { .. } | Done::Ok => {
                Err(self.broken())
            }
        }
    }

    /// Reads what is sealed under `key` for this phone. Show it, do not keep it: it can be read again.
    pub fn unseal(&self, group: String, key: Vec<u8>) -> Result<Vec<u8>, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| Ok(machine.node().unseal(group, &key)?))
    }

    /// The payload that shows everyone what is sealed under `key` for this phone. Every phone checks
    /// that it is what was sealed.
    pub fn open_seal(&self, group: String, key: Vec<u8>) -> Result<Vec<u8>, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| Ok(machine.node().open_seal(group, &key)?))
    }

    /// What this phone gives to the payee of its own earmark of that number, by any way: a message, a
    /// code on the screen. The earmark must be final here; the payee can redeem it once.
    pub fn release(&self, group: String, number: u32) -> Result<Vec<u8>, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| Ok(machine.node().release(group, number)?))
    }

    /// Whether `payment`, as another phone gave it, may be taken as final now. Submit what
    /// [`Althing::redeem`] gives at once: until then the same payment says yes again.
    pub fn final_offline(
        &self,
        group: String,
        payment: Vec<u8>,
    ) -> Result<FinalOffline, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| Ok(machine.node().final_offline(group, &payment)?.into()))
    }

    /// The payload by which this phone's user redeems a release, to be submitted.
    pub fn redeem(&self, group: String, payment: Vec<u8>) -> Result<Vec<u8>, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| Ok(machine.node().redeem(group, &payment)?))
    }

    /// Takes back an intent that was not signed yet.
    pub fn withdraw(&self, group: String, submission: u64) -> Result<Outputs, AlthingError> {
        let (_, outputs) = self.command(Command::Withdraw {
            group: convert::group(&group)?,
            submission: SubmissionId(submission),
        })?;
        Ok(outputs)
    }

    /// The user has seen a rejected or conflicted submission: it leaves the view.
    pub fn acknowledge(&self, group: String, submission: u64) -> Result<Outputs, AlthingError> {
        let (_, outputs) = self.command(Command::Acknowledge {
            group: convert::group(&group)?,
            submission: SubmissionId(submission),
        })?;
        Ok(outputs)
    }

    /// Adds `amount`, which may be negative, to the tally of a table: the counter that needs no
    /// agreement. It is shown at once, also without a quorum and without anybody in reach, and adds
    /// up with what others counted as soon as they are met. Each member is believed what he says of
    /// himself: money belongs into the state, by [`Althing::submit`].
    pub fn count(&self, group: String, amount: i64) -> Result<Outputs, AlthingError> {
        let group = convert::group(&group)?;
        let (_, outputs) = self.command(Command::Count { group, amount })?;
        Ok(outputs)
    }

    /// The tally of a table, with what each member counted; null before it has started. A change
    /// is told by [`Event::Tally`].
    pub fn tally(&self, group: String) -> Result<Option<Tally>, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| Ok(machine.node().tally(group).map(convert::tally)))
    }

    /// The groups of this phone.
    pub fn groups(&self) -> Result<Vec<String>, AlthingError> {
        self.call(|machine| {
            let groups = machine.node().groups();
            Ok(groups.iter().map(|group| group.to_hex()).collect())
        })
    }

    /// What the screen shows of a group, pending actions applied; null before it has started.
    pub fn view(&self, group: String) -> Result<Option<View>, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| {
            let view = machine.node().view(group);
            Ok(view.map(|view| convert::view(view, machine.now())))
        })
    }

    /// The committed state of a group alone, by ascending key; null before it has started.
    pub fn committed(&self, group: String) -> Result<Option<Vec<StateEntry>>, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| {
            let view = machine.node().view(group);
            Ok(view.map(|view| convert::entries(&view.committed)))
        })
    }

    /// The committed state of a group as it was at `height`, by ascending key. Nothing moves: the
    /// group goes on where it is. `NotKept` names the heights that are kept.
    pub fn committed_at(
        &self,
        group: String,
        height: u64,
    ) -> Result<Vec<StateEntry>, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| {
            let past = machine.node().rollback(group, height)?;
            Ok(convert::entries(&past.state))
        })
    }

    /// The transcript of a group as the bytes of a file, as far back as this phone keeps it; null
    /// before it has started. It holds nothing that the other members do not have: genesis, blocks
    /// and certificates. Whoever has the rule set can execute it again, roll by roll (`althing
    /// history FILE`), and comes to the same state.
    pub fn transcript(&self, group: String) -> Result<Option<Vec<u8>>, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| {
            let transcript = machine.node().transcript(group);
            Ok(transcript.map(|transcript| transcript.encode()))
        })
    }

    /// The evidence where this phone and its group diverged (status `Diverged`), as the bytes of a
    /// file to send to whoever makes the rules; null as long as they agree. It holds the certified
    /// header, the certificate, both roots, and the first differing entries of the state.
    pub fn divergence(&self, group: String) -> Result<Option<Vec<u8>>, AlthingError> {
        let group = convert::group(&group)?;
        self.call(|machine| {
            let divergence = machine.node().divergence(group);
            Ok(divergence.map(|divergence| divergence.encode()))
        })
    }
}

impl Althing {
    /// A phone on another clock than the machine's, for tests and simulations.
    pub fn with_clock(
        secret: Vec<u8>,
        seed: Vec<u8>,
        starts: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, AlthingError> {
        let identity = Identity::new(convert::key("secret", &secret)?);
        let seed = convert::key("seed", &seed)?;
        let config = Config {
            rules: rules::built_in(),
            ..Config::default()
        };
        let store = MemoryStore::new();
        let machine = match starts {
            0 => Driver::new(config, identity, seed, clock, store),
            starts => Driver::restore(config, identity, seed, starts, clock, store)?,
        };
        Ok(Arc::new(Self {
            machine: Mutex::new(Some(machine)),
        }))
    }

    fn command(&self, command: Command) -> Result<(Done, Outputs), AlthingError> {
        self.call(|machine| {
            let (done, outputs) = machine.handle_command(command)?;
            Ok((done, convert::outputs(outputs, machine.now())))
        })
    }

    /// Runs one call. A panic is a bug that may have left the machine half changed: it is given up,
    /// so that nothing is ever signed from such a state.
    fn call<T>(
        &self,
        body: impl FnOnce(&mut Machine) -> Result<T, AlthingError>,
    ) -> Result<T, AlthingError> {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let present = machine.as_mut().ok_or(AlthingError::Broken)?;
        match catch_unwind(AssertUnwindSafe(|| body(present))) {
            Ok(result) => result,
            Err(_) => {
                *machine = None;
                Err(AlthingError::Broken)
            }
        }
    }

    /// A command that answers as another one: a bug.
    fn broken(&self) -> AlthingError {
        *self.machine.lock().unwrap_or_else(PoisonError::into_inner) = None;
        AlthingError::Broken
    }
}
