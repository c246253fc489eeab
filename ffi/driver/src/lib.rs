//! What a sans-IO node lacks on a real machine: a clock, a store and the drain loop.
//!
//! Every call of a [`Driver`] samples the clock once, hands one fact to the node, drains it, feeds it
//! what the store has done meanwhile, and returns all that is left to do as one [`Outputs`]. The
//! driver never waits, starts no thread and calls nobody back.

mod clock;
mod store;

pub use clock::{Clock, ManualClock, SystemClock};
pub use store::{MemoryStore, Store};

use althing::ble::RadioEvent;
use althing::config::Config;
use althing::crypto::Identity;
use althing::error::{CommandError, RestoreError};
use althing::id::StoreToken;
use althing::node::{Command, Done, Event, Output};
use althing::{Duration, Instant, Node};

/// What is to be done after one call, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outputs {
    /// For the radio.
    pub radio: Vec<althing::ble::RadioCommand>,
    /// For the app.
    pub events: Vec<Event>,
    /// When to call [`Driver::handle_timeout`], counted from this call; never where there is none.
    pub wake_after: Option<Duration>,
    /// Why.
    pub wake_cause: &'static str,
}

/// One node with its clock and its store.
#[derive(Debug)]
pub struct Driver<C, S> {
    node: Node,
    clock: C,
    store: S,
    now: Instant,
    proof: Proof,
}

/// How far the proof has come that the store is current.
#[derive(Debug)]
struct Proof {
    counter: u64,
    /// The batch that holds the counter: the node's first one, or the one after a refusal.
    batch: Option<StoreToken>,
    stored: bool,
}

impl Proof {
    fn of(counter: u64) -> Self {
        Self {
            counter,
            batch: None,
            stored: false,
        }
    }
}

impl<C: Clock, S: Store> Driver<C, S> {
    /// A node of an identity that never ran before, with an empty store: its counter is 0. `seed` is
    /// fresh entropy: a node with an old one repeats keys.
    pub fn new(config: Config, identity: Identity, seed: [u8; 32], clock: C, store: S) -> Self {
        let now = clock.now();
        Self {
            node: Node::new(config, identity, seed, now),
            clock,
            store,
            now,
            proof: Proof::of(0),
        }
    }

    /// A node that goes on from what `store` holds.
    ///
    /// `counter` is the value that is kept outside the store (see [`Driver::counter_to_keep`]), plus
    /// one. That value itself is not written before [`Driver::counter_to_keep`] says so: a phone
    /// that crashes in between passes the same counter again. A store that is empty or older than
    /// the counter is not current (C8): the node follows its groups, and asks the others before it
    /// votes in them.
    ///
    /// Fails where the store has a format that this build does not know. Nothing is written then.
    pub fn restore(
        config: Config,
        identity: Identity,
        seed: [u8; 32],
        counter: u64,
        clock: C,
        mut store: S,
    ) -> Result<Self, RestoreError> {
        let now = clock.now();
        // Completions of the node before are nobody's.
        while store.poll().is_some() {}
        Ok(Self {
            node: Node::restore(config, identity, seed, store.load(), counter, now)?,
            clock,
            store,
            now,
            proof: Proof::of(counter),
        })
    }

    /// The counter to write outside the store, replacing the one there; none before the node's first
    /// batch is stored. It does not change any more after that. Ask after every call until then, and
    /// write it as durably as the secret: a counter that is lost makes the store unproved.
    pub fn counter_to_keep(&self) -> Option<u64> {
        self.proof.stored.then_some(self.proof.counter)
    }

    /// A fact from the radio.
    pub fn handle_radio(&mut self, event: RadioEvent) -> Outputs {
        let now = self.sample();
        self.node.handle_radio(event, now);
        self.drain()
    }

    /// A wish of the user. After an error nothing has changed, and what an earlier call returned
    /// still stands.
    pub fn handle_command(&mut self, command: Command) -> Result<(Done, Outputs), CommandError> {
        let now = self.sample();
        let done = self.node.handle_command(command, now)?;
        Ok((done, self.drain()))
    }

    /// The time of [`Outputs::wake_after`] is over.
    pub fn handle_timeout(&mut self) -> Outputs {
        let now = self.sample();
        self.node.handle_timeout(now);
        self.drain()
    }

    /// The store may have finished something by itself.
    pub fn handle_stored(&mut self) -> Outputs {
        self.sample();
        self.drain()
    }

    /// The time of the last call.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The node, to look at.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The store, to let it finish; [`Driver::handle_stored`] tells the node.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// Ends the node as a crash does and keeps what was stored.
    pub fn into_store(self) -> S {
        self.store
    }

    /// The time of this call. A clock that went back stands still instead: the node's time never
    /// goes back.
    fn sample(&mut self) -> Instant {
        self.now = self.now.max(self.clock.now());
        self.now
    }

    fn drain(&mut self) -> Outputs {
        let mut outputs = Outputs::default();
        loop {
            match self.node.poll_output() {
                Output::Radio(command) => outputs.radio.push(command),
                Output::Event(event) => outputs.events.push(event),
                Output::Store(batch) => {
                    self.proof.batch.get_or_insert(batch.token);
                    self.store.submit(batch);
                }
                Output::Idle { wake_at, cause } => {
                    if let Some((token, result)) = self.store.poll() {
                        if self.proof.batch == Some(token) {
                            self.proof.stored = result.is_ok();
                            // What was refused comes again, in the next batch.
                            self.proof.batch = result.ok().map(|()| token);
                        }
                        self.node.handle_stored(token, result, self.now);
                        continue;
                    }
                    outputs.wake_after = wake_at.map(|at| at.since(self.now));
                    outputs.wake_cause = cause;
                    return outputs;
                }
            }
        }
    }
}
