//! The one public machine.

mod api;

pub use api::{
    Command, Done, Event, Fate, Head, Output, PatchEntry, Pending, Record, Status, StoreCommand,
    SubmissionId, Transcript, TranscriptEntry, View, WaitingFor,
};

use crate::ble::RadioEvent;
use crate::config::Config;
use crate::crypto::Identity;
use crate::error::{CommandError, StoreFault};
use crate::id::{GroupId, PeerId, StoreToken};
use crate::time::Instant;

/// One phone: facts go in by `handle_*`, wishes come out by [`Node::poll_output`], and every input
/// is followed by a full drain.
#[derive(Debug)]
pub struct Node {
    identity: Identity,
}

impl Node {
    /// A node with an empty store.
    pub fn new(_config: Config, identity: Identity, _seed: [u8; 32], _now: Instant) -> Self {
        Self { identity }
    }

    /// A node that goes on from what its store holds. `counter` is kept outside the store and grows
    /// by one with every restore: a store that does not know its last value is not current.
    pub fn restore(
        _config: Config,
        identity: Identity,
        _seed: [u8; 32],
        _stored: Vec<Record>,
        _counter: u64,
        _now: Instant,
    ) -> Self {
        Self { identity }
    }

    /// A fact from the radio.
    pub fn handle_radio(&mut self, _event: RadioEvent, _now: Instant) {}

    /// A wish of the user.
    pub fn handle_command(
        &mut self,
        _command: Command,
        _now: Instant,
    ) -> Result<Done, CommandError> {
        Err(CommandError::BadName)
    }

    /// A batch was stored and synced, or not.
    pub fn handle_stored(
        &mut self,
        _token: StoreToken,
        _result: Result<(), StoreFault>,
        _now: Instant,
    ) {
    }

    /// The time named by [`Output::Idle`] has come.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// The next output; [`Output::Idle`] ends the drain.
    pub fn poll_output(&mut self) -> Output {
        Output::Idle {
            wake_at: None,
            cause: "nothing",
        }
    }

    /// Who this node is.
    pub fn peer(&self) -> PeerId {
        self.identity.peer()
    }

    /// The groups of this node.
    pub fn groups(&self) -> Vec<GroupId> {
        Vec::new()
    }

    /// What the screen shows of a group that has started.
    pub fn view(&self, _group: GroupId) -> Option<View> {
        None
    }

    /// Its transcript as far as this node retains it.
    pub fn transcript(&self, _group: GroupId) -> Option<Transcript> {
        None
    }

    /// Bytes of messages handed to links since the start, by kind of message.
    pub fn sent_bytes(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// Faults of peers since the start, by name.
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}
