//! Facts into nodes and wishes out of them. Every input is followed by a full drain; a wish only
//! queues happenings, so that no node is called while another one is.

use althing::Instant;
use althing::ble::{PowerState, RadioEvent};
use althing::error::CommandError;
use althing::id::{GroupId, PeerId};
use althing::node::{
    Command, Done, Event, Fate, Head, Output, RecoveryStage, Status, StoreCommand, SubmissionId,
};
use althing::wire::Validity;

use super::{Happening, World};
use crate::disk::BATCHES_MAX;
use crate::phone::TableSeat;
use crate::player::Tap;

/// Outputs of one drain: a node that never ends one shows here.
const DRAIN_MAX: u32 = 10_000;
/// Calls at one time before a node is said to spin.
const SPINS_MAX: u32 = 100;

impl World {
    /// A wish of a phone's user.
    pub fn command(&mut self, phone: usize, command: Command) -> Result<Done, CommandError> {
        let now = self.phones[phone].clock(self.now_us);
        let name = match &command {
            Command::OpenTable { .. } => "open",
            Command::JoinTable { .. } => "join",
            Command::StartTable { .. } => "start",
            Command::Submit { .. } => "submit",
            Command::Withdraw { .. } => "withdraw",
            Command::Acknowledge { .. } => "acknowledge",
            Command::Seal { .. } => "seal",
            Command::Count { .. } => "count",
        };
        let seat_ticket = match &command {
            Command::JoinTable { ticket, .. } => Some(ticket.clone()),
            _ => None,
        };
        let submits = matches!(command, Command::Submit { .. });
        let Some(node) = self.phones[phone].node.as_mut() else {
            // Nobody taps on a phone whose process is dead.
            return Err(CommandError::NotStarted);
        };
        let result = node.handle_command(command, now);
        self.trace
            .input(self.now_us, phone, name, u64::from(result.is_ok()));
        match &result {
            Ok(Done::Opened { group, ticket }) => {
                self.phones[phone].table = TableSeat {
                    group: Some(*group),
                    ticket: Some(ticket.clone()),
                    ..TableSeat::default()
                };
            }
            Ok(Done::Joined { group }) => {
                let table = &mut self.phones[phone].table;
                table.group = Some(*group);
                table.ticket = seat_ticket;
            }
            // Who lives twice may use one name twice.
            Ok(Done::Submitted { submission }) if submits && !self.is_rewound(phone) => {
                let key = (phone, self.phones[phone].store_number, *submission);
                if !self.stats.submitted(key, self.now_us) {
                    self.invariants.violate(
                        self.now_us,
                        Some(phone),
                        format!("{submission:?} names two submissions"),
                    );
                }
            }
            Ok(Done::Submitted { .. } | Done::Sealed { .. } | Done::Ok) | Err(_) => {}
        }
        self.drain(phone);
        result
    }

    /// Submits an action on a phone's table.
    pub fn submit(&mut self, phone: usize, payload: Vec<u8>) -> Result<SubmissionId, CommandError> {
        let Some(group) = self.phones[phone].table.group else {
            return Err(CommandError::NotStarted);
        };
        let done = self.command(
            phone,
            Command::Submit {
                group,
                payload,
                dependencies: Vec::new(),
                validity: Validity::default(),
            },
        )?;
        match done {
            Done::Submitted { submission } => Ok(submission),
            other => panic!("a submission was answered by {other:?}"),
        }
    }

    /// Adds to the tally of a phone's table.
    pub fn count(&mut self, phone: usize, amount: i64) -> Result<(), CommandError> {
        let Some(group) = self.phones[phone].table.group else {
            return Err(CommandError::NotStarted);
        };
        self.command(phone, Command::Count { group, amount })?;
        self.stats.counted += amount;
        Ok(())
    }

    /// A fact of the radio for a phone's node, if its process runs.
    pub(super) fn radio(&mut self, phone: usize, event: RadioEvent) {
        #[cfg(test)]
        if let Some(heard) = &mut self.phones[phone].puppet {
            heard.push((self.now_us, event));
            return;
        }
        let now = self.phones[phone].clock(self.now_us);
        let Some(node) = self.phones[phone].node.as_mut() else {
            return;
        };
        self.at_work = Some(phone);
        self.trace.radio(self.now_us, phone, &event);
        node.handle_radio(event, now);
        self.drain(phone);
    }

    /// Tells a new process how the radio and the app stand.
    pub(super) fn switch_on(&mut self, phone: usize) {
        let power = if self.phones[phone].radio_on {
            PowerState::On
        } else {
            PowerState::Off
        };
        self.radio(phone, RadioEvent::PowerChanged(power));
        let mode = self.phones[phone].mode;
        self.radio(phone, RadioEvent::AppModeChanged(mode));
    }

    pub(super) fn wake(&mut self, phone: usize) {
        self.at_work = Some(phone);
        let now_us = self.now_us;
        let this = &mut self.phones[phone];
        if this.wake_queued_us != Some(now_us) {
            // A wake-up that an earlier one replaced.
            return;
        }
        this.wake_queued_us = None;
        match this.wake_us {
            Some(wake_us) if wake_us <= now_us => {}
            Some(_) => return self.queue_wake(phone),
            None => return,
        }
        let now = this.clock(now_us);
        let Some(node) = this.node.as_mut() else {
            return;
        };
        self.trace.input(now_us, phone, "timeout", 0);
        node.handle_timeout(now);
        self.drain(phone);
    }

    pub(super) fn synced(&mut self, phone: usize, incarnation: u32) {
        if self.phones[phone].incarnation != incarnation {
            return;
        }
        let (done, more) = self.phones[phone].disk.synced();
        if more {
            self.queue_sync(phone);
        }
        for (token, result) in done {
            let now = self.phones[phone].clock(self.now_us);
            let Some(node) = self.phones[phone].node.as_mut() else {
                return;
            };
            self.at_work = Some(phone);
            self.trace.input(self.now_us, phone, "stored", token.0);
            node.handle_stored(token, result, now);
            if result.is_ok()
                && let Some(counter) = self.phones[phone].counter_given.take()
            {
                self.phones[phone].counter = counter;
            }
            self.drain(phone);
        }
    }

    /// Carries out every wish of a node.
    pub(super) fn drain(&mut self, phone: usize) {
        self.at_work = Some(phone);
        for _ in 0..DRAIN_MAX {
            let Some(node) = self.phones[phone].node.as_mut() else {
                return;
            };
            let output = node.poll_output();
            self.trace.output(self.now_us, phone, &output);
            if let Some(left) = self.phones[phone].dies_after.as_mut() {
                if *left == 0 {
                    self.crash(phone, true);
                    return;
                }
                *left -= 1;
            }
            match output {
                Output::Radio(command) => self.radio_command(phone, command),
                Output::Store(batch) => self.store(phone, batch),
                Output::Event(event) => self.told(phone, event),
                Output::Idle { wake_at, cause } => return self.idle(phone, wake_at, cause),
            }
        }
        self.invariants.violate(
            self.now_us,
            Some(phone),
            format!("a drain did not end after {DRAIN_MAX} outputs"),
        );
    }

    /// A player looks at the screen of his phone.
    pub(super) fn turn(&mut self, phone: usize) {
        self.at_work = Some(phone);
        let Some(mut player) = self.phones[phone].player.take() else {
            return;
        };
        let at_us = self.now_us + player.pause_us();
        self.queue
            .push(at_us, Happening::Act(super::Act::Turn { phone }));
        let taps = match self.phones[phone].view() {
            Some(view) if self.playing => player.taps(&view, self.phones[phone].identity.peer()),
            Some(view) => view
                .pending
                .iter()
                .filter(|own| matches!(own.fate, Fate::Rejected { .. }))
                .map(|own| Tap::Acknowledge(own.submission))
                .collect(),
            None => Vec::new(),
        };
        self.phones[phone].player = Some(player);
        let Some(group) = self.phones[phone].table.group else {
            return;
        };
        for tap in taps {
            // Refused taps change nothing: the phone may have died, or be full, in between.
            let _ = match tap {
                Tap::Submit(payload) => self.submit(phone, payload).map(|_| Done::Ok),
                Tap::Acknowledge(submission) => {
                    self.command(phone, Command::Acknowledge { group, submission })
                }
                Tap::Count => self.count(phone, 1).map(|()| Done::Ok),
            };
        }
    }

    fn idle(&mut self, phone: usize, wake_at: Option<Instant>, cause: &'static str) {
        let now_us = self.now_us;
        let this = &mut self.phones[phone];
        this.wake_us = wake_at.map(|at| this.world_us(at).max(now_us));
        if this.wake_us == Some(now_us) {
            this.spins += 1;
            if this.spins > SPINS_MAX {
                this.wake_us = Some(now_us + 1_000);
                this.spins = 0;
                self.invariants
                    .violate(now_us, Some(phone), format!("spins: {cause}"));
            }
        } else {
            this.spins = 0;
        }
        self.queue_wake(phone);
    }

    fn queue_wake(&mut self, phone: usize) {
        let this = &mut self.phones[phone];
        let Some(wake_us) = this.wake_us else { return };
        if this.wake_queued_us.is_none_or(|queued| wake_us < queued) {
            this.wake_queued_us = Some(wake_us);
            self.queue.push(wake_us, Happening::Wake { phone });
        }
    }

    fn store(&mut self, phone: usize, batch: StoreCommand) {
        if self.phones[phone].disk.take(batch) {
            self.queue_sync(phone);
        }
        match self.phones[phone].dies_unsynced {
            Some(0) => {
                self.phones[phone].dies_unsynced = None;
                let at_us = self.now_us + self.config.sync_us * 3 / 4;
                let act = super::Act::Crash { phone, clean: true };
                self.queue.push(at_us, Happening::Act(act));
            }
            Some(left) => self.phones[phone].dies_unsynced = Some(left - 1),
            None => {}
        }
        let unsynced = self.phones[phone].disk.unsynced();
        if unsynced == BATCHES_MAX {
            self.invariants.violate(
                self.now_us,
                Some(phone),
                format!("{unsynced} batches wait for the store"),
            );
        }
    }

    fn queue_sync(&mut self, phone: usize) {
        let incarnation = self.phones[phone].incarnation;
        self.queue.push(
            self.now_us + self.config.sync_us,
            Happening::Synced { phone, incarnation },
        );
    }

    fn told(&mut self, phone: usize, event: Event) {
        match event {
            Event::Gathering { group, entries } => {
                if self.phones[phone].table.group == Some(group) {
                    self.phones[phone].table.listed = entries.len();
                }
            }
            Event::RulesVersion { have, need, .. } => {
                let name = self.phones[phone].name.clone();
                let has = have.map_or("no version".to_owned(), |have| format!("version {have}"));
                self.note(format!(
                    "{name}: my app has {has} of the rules, the table plays {need}: I only follow"
                ));
            }
            Event::TableStarted { .. } => {
                let name = self.phones[phone].name.clone();
                self.note(format!("{name}: the table has started without me"));
            }
            Event::Started { group } => {
                let node = self.phones[phone].node.as_ref();
                let status = node
                    .and_then(|node| node.view(group))
                    .map(|view| view.status);
                let table = &mut self.phones[phone].table;
                table.group = Some(group);
                table.started = true;
                if let Some(status) = status {
                    table.status = word(&status);
                }
            }
            Event::View { head, patches, .. } => {
                self.phones[phone].table.patches = patches;
                self.moved(phone, head);
                self.shown(phone, head.group);
            }
            Event::NeighbourUp { .. } | Event::NeighbourDown { .. } => {}
            Event::Fate {
                submission, fate, ..
            } => self.fate(phone, submission, &fate),
            Event::Committed { head, .. } => self.moved(phone, head),
            Event::Status { status, .. } => self.status(phone, &status),
            // What a phone with bent rules says and what is said of it is expected.
            Event::Evidence { .. } | Event::PeerFault { .. }
                if self.config.bent.or(self.config.overpays).is_some() => {}
            Event::Evidence { .. } | Event::PeerFault { .. } if self.config.rewinds.is_some() => {}
            Event::Evidence { peer, what, .. } => self.invariants.violate(
                self.now_us,
                Some(phone),
                format!("evidence against {peer:?}: {what}"),
            ),
            Event::PeerFault { fault, .. } => {
                let suspicious = matches!(
                    fault,
                    althing::error::PeerFault::Signature
                        | althing::error::PeerFault::Consensus { .. }
                );
                // Whoever bends values cannot make a frame that authenticates, so even then these
                // say that an honest phone broke a rule.
                if suspicious {
                    self.invariants
                        .violate(self.now_us, Some(phone), format!("fault: {fault}"));
                }
            }
            Event::Tally { value, .. } => self.phones[phone].table.tally = value,
            Event::Recovery { peer, stage, .. } => self.recovers(phone, peer, stage),
            Event::Resync { height, target, .. } => {
                self.phones[phone].resyncs.push((height, target));
            }
            Event::StoreFailed { fault } => {
                let name = self.phones[phone].name.clone();
                self.note(format!("{name}: {fault}"));
            }
        }
    }

    fn recovers(&mut self, phone: usize, peer: PeerId, stage: RecoveryStage) {
        let own = self.phones[phone].identity.peer() == peer;
        self.phones[phone].table.recoveries.push((peer, stage));
        if !own {
            return;
        }
        if let Some(view) = self.phones[phone].view() {
            // Signed by the store of before: what became of it may never be learnt.
            let number = self.phones[phone].store_number;
            for own in view.pending.iter().filter(|own| own.fate == Fate::Unknown) {
                let key = (phone, number, own.submission);
                self.stats.orphan(key);
            }
        }
        let name = self.phones[phone].name.clone();
        self.note(match stage {
            RecoveryStage::Asking => format!("{name}: my store is lost, I ask the others"),
            RecoveryStage::Waiting { floor } => format!("{name}: I vote from round {floor} on"),
            RecoveryStage::Voting => format!("{name}: I vote again"),
            RecoveryStage::NeedsSuccessor => {
                format!("{name}: my store is lost, and I can never vote here again")
            }
        });
        self.stats.recovered += u64::from(stage == RecoveryStage::Voting);
    }

    /// The screen of a phone changed: what it shows apart is what the others show of the same.
    fn shown(&mut self, phone: usize, group: GroupId) {
        if self.is_bent(phone) || self.config.rewinds.is_some() {
            return;
        }
        let node = self.phones[phone].node.as_ref();
        if let Some(view) = node.and_then(|node| node.view(group))
            && !view.tentative.is_empty()
        {
            self.invariants.tentative(self.now_us, phone, &view);
        }
    }

    fn fate(&mut self, phone: usize, submission: SubmissionId, fate: &Fate) {
        if self.is_rewound(phone) {
            return;
        }
        let key = (phone, self.phones[phone].store_number, submission);
        if let Err(what) = self.stats.fate(key, fate, self.now_us) {
            self.invariants.violate(self.now_us, Some(phone), what);
        }
        if let Fate::Committed { height } = fate {
            let behind = self
                .reach(phone)
                .into_iter()
                .filter(|other| {
                    let table = &self.phones[*other].table;
                    table.started && table.height < *height && *other != phone
                })
                .collect();
            self.stats.committed(key, *height, behind, self.now_us);
        }
    }

    fn status(&mut self, phone: usize, status: &Status) {
        if let Status::Diverged { evidence } = status {
            if self.is_bent(phone) {
                // More is told of it while it is looked into.
                let new = self.phones[phone].table.status != word(status);
                self.stats.roots_explained += u64::from(new);
            } else {
                self.invariants.root_mismatch(
                    self.now_us,
                    Some(phone),
                    format!("diverged: {evidence}"),
                );
            }
        }
        let word = word(status);
        if self.phones[phone].table.status != word {
            self.phones[phone].table.status = word;
            let name = self.phones[phone].name.clone();
            self.note(format!("{name}: {word}"));
        }
    }

    /// A phone told a head.
    fn moved(&mut self, phone: usize, head: Head) {
        let before = self.phones[phone].table.height;
        self.invariants.head(self.now_us, phone, head, before);
        if head.height > before {
            self.reached(phone, head.group, head.height);
        }
    }

    /// A phone's committed head is at `height` now.
    fn reached(&mut self, phone: usize, group: GroupId, height: u64) {
        let first = self.invariants_height(group) == height
            && self.phones.iter().all(|other| other.table.height < height);
        let table = &mut self.phones[phone].table;
        table.height = height;
        table.height_at_us = self.now_us;
        let view = self.phones[phone]
            .node
            .as_ref()
            .and_then(|node| node.view(group));
        if let Some(view) = view {
            if view.head.height >= height && !self.is_bent(phone) {
                self.invariants.view(self.now_us, phone, &view);
            }
            if first {
                self.new_block(&view);
            }
        }
        let mut stats = std::mem::take(&mut self.stats);
        stats.reached(phone, height, self.now_us, &|author| self.reach(author));
        self.stats = stats;
    }

    fn invariants_height(&self, group: GroupId) -> u64 {
        self.invariants.last(group).map_or(0, |(height, _)| height)
    }

    /// The first phone has a new block: what flooding its state would cost, and its dice.
    fn new_block(&mut self, view: &althing::node::View) {
        let state_bytes: u64 = view
            .committed
            .iter()
            .map(|(key, value)| (key.as_bytes().len() + value.len()) as u64)
            .sum();
        // Flooding sends to every neighbour once: each link carries it in both directions.
        self.stats.flooding_bytes += state_bytes * 2 * self.connections.len() as u64;
        if let Some(table) = althing::rules::craps::Table::of(&view.committed)
            && table.throws > self.throws_noted
        {
            self.throws_noted = table.throws;
            if let Some(dice) = table.dice.last() {
                let text = format!(
                    "roll {}: {} and {}, {}",
                    table.throws,
                    dice.first,
                    dice.second,
                    match table.point {
                        Some(point) => format!("the point is {point}"),
                        None => "come-out".to_owned(),
                    }
                );
                self.note(text);
            }
        }
    }
}

/// A status in one word or two.
pub(super) fn word(status: &Status) -> &'static str {
    match status {
        Status::Live => "live",
        Status::Degraded { .. } => "degraded",
        Status::NoQuorum { .. } => "no quorum",
        Status::Healing => "healing",
        Status::Diverged { .. } => "diverged",
    }
}
