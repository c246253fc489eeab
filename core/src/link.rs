//! The bytes of one BLE connection, made into messages: compressed, encrypted, fragmented, and back.
//!
//! ```text
//! message  -> deflate -> frame = counter | Noise(flag | bytes) -> value, or fragments -> operation
//! ```
//!
//! - The central begins a Noise XX handshake after `Ready`. Its three messages always travel as
//!   fragments, whose sequence puts them in front of all that follows; whole frames that overtook
//!   its end wait.
//! - Messages arrive once and authenticated, in any order: whole frames overtake fragmented ones, and
//!   host stacks reorder values.
//! - A link delivers everything or ends: there is no acknowledgement here, so a frame that stays
//!   missing without progress costs the link, and the layer that needs its content asks again.
//! - What does not check out is a [`PeerFault`] and changes nothing; too many of them, or a handshake
//!   that fails, end the link.

mod compress;
mod fragment;
mod handshake;
mod outgoing;
mod reassembly;
mod session;
#[cfg(test)]
mod tests;

use std::fmt;

use self::fragment::Piece;
use self::handshake::{HANDSHAKE_LEN_MAX, Handshake, Step};
use self::outgoing::{Next, Outgoing};
use self::reassembly::Reassembly;
use self::session::{FRAME_OVERHEAD, Session};
use crate::ble::{OperationResult, Role};
use crate::config::LinkConfig;
use crate::crypto::{Hash, Identity};
use crate::error::PeerFault;
use crate::id::{OpId, PeerId};
use crate::outbox::Outbox;
use crate::time::Instant;

/// What a link starts with.
#[derive(Clone, Debug)]
pub struct LinkSetup {
    /// Bounds and delays.
    pub config: LinkConfig,
    /// Who we are.
    pub identity: Identity,
    /// Our role on the connection.
    pub role: Role,
    /// Bytes that fit one value.
    pub value_len_max: u16,
    /// Entropy for this link alone: two links with one seed would share an ephemeral key.
    pub seed: [u8; 32],
}

/// A fact for a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkInput {
    /// Values can flow both ways.
    Ready,
    /// Bytes that fit one value have changed.
    ValueLengthChanged(u16),
    /// A value arrived.
    Value(Vec<u8>),
    /// The outstanding operation ended.
    Completed {
        /// Which.
        op: OpId,
        /// How.
        result: OperationResult,
    },
    /// A message for the other side; before the handshake has ended it waits.
    Send {
        /// The message.
        message: Vec<u8>,
    },
    /// The time named by [`Link::deadline`] has come.
    Timeout,
}

/// A wish or a finding of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkOutput {
    /// A value to write (central) or notify (peripheral); at most one is outstanding.
    Operation {
        /// Named again by its completion.
        op: OpId,
        /// The value.
        bytes: Vec<u8>,
    },
    /// The other side has proved who it is.
    Established {
        /// Who.
        peer: PeerId,
    },
    /// An authenticated message of the other side.
    Received {
        /// The message.
        message: Vec<u8>,
    },
    /// A message that was not queued: the queue is full, or no frame can be that long.
    QueueFull {
        /// Its length, bytes.
        len: usize,
    },
    /// The other side broke a rule.
    Fault(PeerFault),
    /// The link is of no use any more: disconnect. Nothing follows.
    Close {
        /// Why.
        cause: &'static str,
    },
}

enum Phase {
    /// Not yet in for the last message of the handshake.
    Handshake(Box<Handshake>),
    Session(Box<Session>),
    Closed,
}

/// One BLE connection in one role.
pub struct Link {
    config: LinkConfig,
    role: Role,
    value_len: usize,
    ready: bool,
    phase: Phase,
    peer: Option<PeerId>,
    handshake_hash: Option<Hash>,
    handshake_since: Instant,
    reassembly: Reassembly,
    /// Whole frames that overtook the end of the handshake.
    early: Vec<Vec<u8>>,
    /// Since when something is missing without progress, and what had arrived by then.
    waiting: Option<(Instant, (u64, u64))>,
    outgoing: Outgoing,
    outstanding: Option<OpId>,
    /// When the value that the stack has not taken yet was offered for the first time.
    offered_at: Option<Instant>,
    /// When a value that the stack had no room for is offered again.
    retry_at: Option<Instant>,
    next_op: u64,
    faults: u32,
    closed: bool,
}

impl Link {
    /// The link of a connection that has just come up.
    pub fn new(setup: LinkSetup, now: Instant) -> Self {
        let handshake = Handshake::new(setup.identity, setup.role, setup.seed);
        Self {
            reassembly: Reassembly::new(setup.config.reorder_window),
            config: setup.config,
            role: setup.role,
            value_len: fragment::value_len(setup.value_len_max),
            ready: false,
            phase: Phase::Handshake(Box::new(handshake)),
            peer: None,
            handshake_hash: None,
            handshake_since: now,
            early: Vec::new(),
            waiting: None,
            outgoing: Outgoing::default(),
            outstanding: None,
            offered_at: None,
            retry_at: None,
            next_op: 0,
            faults: 0,
            closed: false,
        }
    }

    /// Takes one fact.
    pub fn handle(&mut self, input: LinkInput, now: Instant, out: &mut Outbox<LinkOutput>) {
        if self.closed {
            return;
        }
        match input {
            LinkInput::Ready => self.ready(now),
            LinkInput::ValueLengthChanged(value_len_max) => {
                self.value_len = fragment::value_len(value_len_max);
            }
            LinkInput::Value(value) => self.value(value, now, out),
            LinkInput::Completed { op, result } => self.completed(op, result, now, out),
            LinkInput::Send { message } => self.send(&message, out),
            LinkInput::Timeout => self.timeout(now, out),
        }
        self.pump(now, out);
    }

    /// When and why [`LinkInput::Timeout`] is due.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        let handshake = match self.phase {
            Phase::Closed => return None,
            Phase::Handshake(_) => Some((
                self.handshake_since + self.config.handshake_timeout,
                "link handshake",
            )),
            Phase::Session(_) => None,
        };
        let frame = self
            .waiting
            .map(|(since, _)| (since + self.config.reassembly_timeout, "link frame"));
        let operation = self
            .offered_at
            .map(|at| (at + self.config.operation_timeout, "link operation"));
        let retry = self.retry_at.map(|at| (at, "link retry"));
        [handshake, frame, operation, retry]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    /// The other side, once it has proved who it is.
    pub fn peer(&self) -> Option<PeerId> {
        self.peer
    }

    /// The hash of the finished handshake, the same on both sides.
    pub fn handshake_hash(&self) -> Option<Hash> {
        self.handshake_hash
    }

    /// Our role on the connection.
    pub fn role(&self) -> Role {
        self.role
    }

    fn ready(&mut self, now: Instant) {
        if self.ready {
            return;
        }
        self.ready = true;
        if let Phase::Handshake(handshake) = &mut self.phase {
            self.handshake_since = now;
            if self.role == Role::Central {
                let first = handshake.first();
                self.outgoing.push_handshake(first);
            }
        }
    }

    fn value(&mut self, value: Vec<u8>, now: Instant, out: &mut Outbox<LinkOutput>) {
        match fragment::parse(&value) {
            Ok(Piece::Whole(frame)) => match self.phase {
                Phase::Session(_) => self.frame(frame, out),
                Phase::Handshake(_) if self.early.len() < self.config.early_values_max => {
                    self.early.push(value);
                }
                Phase::Handshake(_) => {
                    self.fault(PeerFault::Frame("before the end of the handshake"), out);
                }
                Phase::Closed => {}
            },
            Ok(Piece::Fragment {
                sequence,
                last,
                bytes,
            }) => match self.reassembly.insert(sequence, last, bytes) {
                Ok(()) => self.reassemble(out),
                Err(what) => self.fault(PeerFault::Fragment(what), out),
            },
            Err(what) => self.fault(PeerFault::Fragment(what), out),
        }
        self.watch(now);
    }

    /// Takes the frames that are complete, in their order.
    fn reassemble(&mut self, out: &mut Outbox<LinkOutput>) {
        loop {
            let frame_len_max = match self.phase {
                Phase::Handshake(_) => HANDSHAKE_LEN_MAX,
                Phase::Session(_) => self.config.reassembly_len_max,
                Phase::Closed => return,
            };
            match self.reassembly.next_frame(frame_len_max) {
                Ok(Some(bytes)) if matches!(self.phase, Phase::Handshake(_)) => {
                    self.handshake(&bytes, out);
                }
                Ok(Some(bytes)) => self.frame(&bytes, out),
                Ok(None) => return,
                Err(what) => {
                    self.fault(PeerFault::Fragment(what), out);
                    return self.close("a fragmented frame broke its limits", out);
                }
            }
        }
    }

    fn handshake(&mut self, message: &[u8], out: &mut Outbox<LinkOutput>) {
        let Phase::Handshake(handshake) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            unreachable!("only a handshake takes its messages");
        };
        match handshake.receive(message) {
            Ok(Step::Answer(handshake, bytes)) => {
                self.phase = Phase::Handshake(handshake);
                self.outgoing.push_handshake(bytes);
            }
            Ok(Step::Finished { keys, last }) => {
                if let Some(bytes) = last {
                    self.outgoing.push_handshake(bytes);
                }
                self.peer = Some(keys.peer);
                self.handshake_hash = Some(keys.hash);
                self.phase = Phase::Session(Box::new(Session::new(
                    keys.transport,
                    self.config.replay_window,
                    self.config.session_frames_max,
                )));
                out.push(LinkOutput::Established { peer: keys.peer });
                for frame in std::mem::take(&mut self.early) {
                    self.frame(&frame, out);
                }
            }
            Err(what) => {
                self.fault(PeerFault::Handshake(what), out);
                self.close("the handshake failed", out);
            }
        }
    }

    fn frame(&mut self, frame: &[u8], out: &mut Outbox<LinkOutput>) {
        let Phase::Session(session) = &mut self.phase else {
            return;
        };
        let message = session
            .open(frame)
            .map_err(PeerFault::Frame)
            .and_then(|plaintext| {
                compress::inflate(&plaintext, &self.config).map_err(PeerFault::Inflate)
            });
        match message {
            Ok(message) => out.push(LinkOutput::Received { message }),
            Err(fault) => self.fault(fault, out),
        }
    }

    fn completed(
        &mut self,
        op: OpId,
        result: OperationResult,
        now: Instant,
        out: &mut Outbox<LinkOutput>,
    ) {
        if self.outstanding != Some(op) {
            return;
        }
        self.outstanding = None;
        match result {
            OperationResult::Done => {
                self.offered_at = None;
                self.outgoing.taken();
            }
            OperationResult::Busy => {
                self.outgoing.refused();
                self.retry_at = Some(now + self.config.busy_retry);
            }
            OperationResult::Failed => self.close("the stack refused a value", out),
        }
    }

    fn send(&mut self, message: &[u8], out: &mut Outbox<LinkOutput>) {
        let plaintext = compress::deflate(message, &self.config);
        let fits = FRAME_OVERHEAD + plaintext.len() <= self.config.reassembly_len_max;
        if !fits || !self.outgoing.push(plaintext, self.value_len, &self.config) {
            out.push(LinkOutput::QueueFull { len: message.len() });
        }
    }

    fn timeout(&mut self, now: Instant, out: &mut Outbox<LinkOutput>) {
        let due = |since: Instant, timeout| now >= since + timeout;
        if matches!(self.phase, Phase::Handshake(_))
            && due(self.handshake_since, self.config.handshake_timeout)
        {
            return self.close("the handshake took too long", out);
        }
        if let Some((since, _)) = self.waiting
            && due(since, self.config.reassembly_timeout)
        {
            return self.close("a frame stayed missing", out);
        }
        if let Some(at) = self.offered_at
            && due(at, self.config.operation_timeout)
        {
            self.close("the stack does not take a value", out);
        }
    }

    /// Offers the next value, when the last one is through.
    fn pump(&mut self, now: Instant, out: &mut Outbox<LinkOutput>) {
        if !self.ready || self.outstanding.is_some() || self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        let session = match &mut self.phase {
            Phase::Handshake(_) => None,
            Phase::Session(session) => Some(&mut **session),
            Phase::Closed => return,
        };
        self.retry_at = None;
        match self.outgoing.next(session, self.value_len, &self.config) {
            Next::Value(bytes) => {
                let op = OpId(self.next_op);
                self.next_op += 1;
                self.outstanding = Some(op);
                self.offered_at.get_or_insert(now);
                out.push(LinkOutput::Operation { op, bytes });
            }
            Next::Nothing => {}
            Next::UsedUp => self.close("the session is used up", out),
        }
    }

    /// Keeps the time of the last progress while anything is missing. A whole frame that overtakes
    /// is no progress.
    fn watch(&mut self, now: Instant) {
        let (hole, opened) = match &self.phase {
            Phase::Session(session) => (session.has_hole(), session.opened()),
            Phase::Handshake(_) | Phase::Closed => (false, 0),
        };
        let arrived = (self.reassembly.taken(), opened);
        self.waiting = match self.waiting {
            _ if !hole && !self.reassembly.is_waiting() => None,
            Some(waiting) if waiting.1 == arrived => Some(waiting),
            Some(_) | None => Some((now, arrived)),
        };
    }

    fn fault(&mut self, fault: PeerFault, out: &mut Outbox<LinkOutput>) {
        out.push(LinkOutput::Fault(fault));
        self.faults += 1;
        if self.faults >= self.config.faults_max {
            self.close("too many faults", out);
        }
    }

    fn close(&mut self, cause: &'static str, out: &mut Outbox<LinkOutput>) {
        if self.closed {
            return;
        }
        self.closed = true;
        self.phase = Phase::Closed;
        self.outstanding = None;
        self.offered_at = None;
        self.waiting = None;
        out.push(LinkOutput::Close { cause });
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("role", &self.role)
            .field("peer", &self.peer)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}
