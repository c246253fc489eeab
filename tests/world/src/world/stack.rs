//! The fake GATT stacks and the connections between them.

use althing::ble::{LinkDownReason, OperationResult, RadioCommand, RadioEvent, Role};
use althing::id::{LinkId, OpId};

use super::{Happening, World};
use crate::airtime::SUPERVISION_TIMEOUT_US;
use crate::connection::{CENTRAL, Connection, End, PERIPHERAL};
use crate::phone::LinkState;
use crate::profile::{WhenFull, host_delay_us};

/// What a stack takes to answer for an operation, µs.
const ANSWER_US: u64 = 200;
/// Value length before the MTU exchange, bytes.
const VALUE_LEN_FIRST: u16 = 20;
/// Connection intervals for features and data length, and for the MTU exchange.
const MTU_INTERVALS: u64 = 5;
/// Connection intervals for finding services and characteristics that are not cached.
const SERVICE_INTERVALS: u64 = 10;
/// Connection intervals for subscribing.
const SUBSCRIBE_INTERVALS: u64 = 2;

impl World {
    /// A wish of a node for its radio.
    pub(super) fn radio_command(&mut self, phone: usize, command: RadioCommand) {
        match command {
            RadioCommand::Scan { duty } => {
                self.phones[phone].scan = Some(duty);
                self.listen(phone);
            }
            RadioCommand::StopScan => self.phones[phone].scan = None,
            RadioCommand::Advertise { advert, interval } => {
                if advert.len() > 12 {
                    self.misuse(phone, format!("an advert of {} bytes", advert.len()));
                }
                self.phones[phone].advert = Some((advert, interval));
                self.be_heard(phone);
            }
            RadioCommand::StopAdvertising => self.phones[phone].advert = None,
            RadioCommand::Connect { device } => self.try_connect(phone, device),
            RadioCommand::Disconnect { link } => self.disconnect(phone, link),
            RadioCommand::Write { link, op, bytes } => {
                self.operate(phone, Role::Central, link, op, bytes);
            }
            RadioCommand::Notify { link, op, bytes } => {
                self.operate(phone, Role::Peripheral, link, op, bytes);
            }
        }
    }

    /// Makes a connection between two phones.
    pub(super) fn connect(&mut self, central: usize, peripheral: usize) {
        let chance = &mut self.air_chance;
        let (one, other) = (&self.phones[central], &self.phones[peripheral]);
        let drawn_us = crate::profile::Profile::interval_us(one.profile, other.profile, chance);
        let interval_us = self.config.interval_us.unwrap_or(drawn_us);
        let lens = [one, other].map(|phone| phone.profile.value_len_max(chance));
        let cached = !self.known.insert((central, other.device));
        let mut mint = || {
            self.next_link += 1;
            LinkId(self.next_link)
        };
        let ends = [End::new(central, mint()), End::new(peripheral, mint())];
        let id = self.next_connection;
        self.next_connection += 1;
        for end in &ends {
            self.by_link.insert(end.link, id);
            self.by_phone[end.phone].insert(id);
        }
        let anchor_us = self.now_us + chance.between(1_250, interval_us);
        let connection = Connection {
            ends,
            interval_us,
            anchor_us,
            value_len_max: lens[0].min(lens[1]),
            cut_since: None,
            armed: None,
        };
        self.stats.links_made += 1;
        self.connections.insert(id, connection);
        let mut at_us = anchor_us;
        self.queue.push(at_us, set_up(id, 0));
        at_us += self.intervals(MTU_INTERVALS, interval_us);
        self.queue.push(at_us, set_up(id, 1));
        let services = if cached { 0 } else { SERVICE_INTERVALS };
        at_us += self.intervals(services + SUBSCRIBE_INTERVALS, interval_us);
        self.queue.push(at_us, set_up(id, 2));
        at_us += interval_us;
        self.queue.push(at_us, set_up(id, 3));
    }

    pub(super) fn set_up(&mut self, id: u64, stage: u8) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        if connection.cut_since.is_some() {
            // It goes on when the phones hear each other again, or the supervision ends it.
            let at_us = self.now_us + connection.interval_us.max(50_000);
            self.queue.push(at_us, set_up(id, stage));
            return;
        }
        let value_len_max = connection.value_len_max;
        let ends = connection.ends.each_ref().map(|end| (end.phone, end.link));
        match stage {
            0 => {
                for side in [CENTRAL, PERIPHERAL] {
                    let (phone, link) = ends[side];
                    let (other, _) = ends[1 - side];
                    let role = [Role::Central, Role::Peripheral][side];
                    let device = self.device_seen(other, role);
                    self.phones[phone].links.insert(
                        link,
                        LinkState {
                            role,
                            ready: false,
                            value_len_max: VALUE_LEN_FIRST,
                            outstanding: None,
                        },
                    );
                    self.radio(
                        phone,
                        RadioEvent::LinkUp {
                            link,
                            device,
                            role,
                            value_len_max: VALUE_LEN_FIRST,
                        },
                    );
                }
            }
            1 => {
                if self
                    .stack_chance
                    .permille(self.config.setup_failure_permille)
                {
                    let reasons = [LinkDownReason::Setup, LinkDownReason::Remote];
                    self.close(id, reasons.map(|reason| Some((0, reason))));
                    return;
                }
                for (phone, link) in ends {
                    let Some(state) = self.phones[phone].links.get_mut(&link) else {
                        continue;
                    };
                    state.value_len_max = value_len_max;
                    self.radio(
                        phone,
                        RadioEvent::ValueLengthChanged {
                            link,
                            value_len_max,
                        },
                    );
                }
            }
            2 => self.ready(ends[PERIPHERAL]),
            _ => self.ready(ends[CENTRAL]),
        }
    }

    /// A connection event.
    pub(super) fn anchor(&mut self, id: u64) {
        let now_us = self.now_us;
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.armed != Some(now_us) {
            return;
        }
        connection.armed = None;
        if connection.cut_since.is_some() {
            return;
        }
        let phones = [CENTRAL, PERIPHERAL].map(|side| connection.ends[side].phone);
        let free_us = phones.map(|phone| self.phones[phone].radio_free_us);
        let start_us = now_us.max(free_us[0]).max(free_us[1]);
        if start_us < now_us + connection.interval_us {
            // The other links of the busier phone have their empty events in this interval too.
            let others = phones
                .map(|phone| self.by_phone[phone].len())
                .into_iter()
                .max()
                .unwrap_or(1)
                .saturating_sub(1) as u64;
            let idle_us = others * self.phy.exchange_us(0, 0);
            let pdus_max = phones.map(|phone| self.phones[phone].profile.pdus_max());
            let (chance, loss) = (&mut self.air_chance, self.config.loss_permille);
            let done = connection.exchange(self.phy, now_us, start_us, idle_us, pdus_max, || {
                chance.permille(loss)
            });
            self.stats.air_bytes += done.air_bytes;
            for phone in phones {
                self.phones[phone].radio_free_us = done.end_us;
            }
            for (side, at_us, value) in done.arrived {
                self.stats.value_bytes += value.len() as u64;
                self.arrive(id, side, at_us, value);
            }
        }
        self.unblock(id);
        self.arm(id);
    }

    /// A stack answers for an operation.
    pub(super) fn completed(
        &mut self,
        phone: usize,
        link: LinkId,
        op: OpId,
        result: OperationResult,
    ) {
        let Some(state) = self.phones[phone].links.get_mut(&link) else {
            return;
        };
        if state.outstanding == Some(op) {
            state.outstanding = None;
        }
        self.radio(phone, RadioEvent::OperationCompleted { link, op, result });
    }

    /// A value has passed the OS of its receiver.
    pub(super) fn value(&mut self, phone: usize, link: LinkId, bytes: Vec<u8>) {
        if self.phones[phone].links.contains_key(&link) {
            self.radio(phone, RadioEvent::ValueReceived { link, bytes });
        }
    }

    /// A phone learns that a link is gone.
    pub(super) fn link_ends(&mut self, phone: usize, link: LinkId, reason: LinkDownReason) {
        if self.phones[phone].links.remove(&link).is_some() {
            self.radio(phone, RadioEvent::LinkDown { link, reason });
        }
    }

    pub(super) fn supervision(&mut self, id: u64, since_us: u64) {
        let connection = self.connections.get(&id);
        if connection.and_then(|connection| connection.cut_since) == Some(since_us) {
            self.stats.links_lost += 1;
            self.close(id, [Some((0, LinkDownReason::Timeout)); 2]);
        }
    }

    /// Looks again at which connections of a phone carry.
    pub(super) fn recheck(&mut self, phone: usize) {
        let ids: Vec<u64> = self.by_phone[phone].iter().copied().collect();
        for id in ids {
            let connection = self.connections.get_mut(&id).expect("by_phone is current");
            let [one, other] = connection.ends.each_ref().map(|end| end.phone);
            let carries = self.near[one].contains(&other);
            match (connection.cut_since, carries) {
                (None, false) => {
                    connection.cut_since = Some(self.now_us);
                    let since_us = self.now_us;
                    self.queue.push(
                        since_us + SUPERVISION_TIMEOUT_US,
                        Happening::Supervision {
                            connection: id,
                            since_us,
                        },
                    );
                }
                (Some(_), true) => {
                    connection.cut_since = None;
                    self.arm(id);
                }
                (None, true) | (Some(_), false) => {}
            }
        }
    }

    /// Ends a connection. Each end that is given learns it after so long, for that reason.
    pub(super) fn close(&mut self, id: u64, learn: [Option<(u64, LinkDownReason)>; 2]) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        let [one, other] = connection.ends.each_ref().map(|end| end.phone);
        for (end, learn) in connection.ends.iter().zip(learn) {
            self.by_link.remove(&end.link);
            self.by_phone[end.phone].remove(&id);
            if let Some((after_us, reason)) = learn {
                self.queue.push(
                    self.now_us + after_us,
                    Happening::LinkEnds {
                        phone: end.phone,
                        link: end.link,
                        reason,
                    },
                );
            }
        }
        self.arm_hearing(one, other);
        self.arm_hearing(other, one);
    }

    /// Ends all connections of a phone whose radio or process is gone. Its own end learns it at
    /// once where `tell` says so; the others by a closing PDU where `clean`, else by silence.
    pub(super) fn drop_links(&mut self, phone: usize, tell: bool, clean: bool) {
        let ids: Vec<u64> = self.by_phone[phone].iter().copied().collect();
        for id in ids {
            let connection = &self.connections[&id];
            let own = usize::from(connection.ends[CENTRAL].phone != phone);
            let hears = clean && connection.cut_since.is_none();
            let mut learn = [None; 2];
            learn[own] = tell.then_some((0, LinkDownReason::Local));
            learn[1 - own] = Some(if hears {
                (connection.interval_us, LinkDownReason::Remote)
            } else {
                (SUPERVISION_TIMEOUT_US, LinkDownReason::Timeout)
            });
            self.stats.links_lost += 1;
            self.close(id, learn);
        }
    }

    fn disconnect(&mut self, phone: usize, link: LinkId) {
        // A link that has ended already needs no end.
        let Some(id) = self.by_link.get(&link).copied() else {
            return;
        };
        let connection = &self.connections[&id];
        let own = connection.side(link);
        debug_assert_eq!(connection.ends[own].phone, phone, "links belong to phones");
        let mut learn = [Some((ANSWER_US, LinkDownReason::Local)); 2];
        learn[1 - own] = Some(match connection.cut_since {
            None => (connection.interval_us, LinkDownReason::Remote),
            Some(since_us) => {
                let left_us = (since_us + SUPERVISION_TIMEOUT_US).saturating_sub(self.now_us);
                (left_us, LinkDownReason::Timeout)
            }
        });
        self.close(id, learn);
    }

    fn operate(&mut self, phone: usize, role: Role, link: LinkId, op: OpId, bytes: Vec<u8>) {
        let Some(state) = self.phones[phone].links.get_mut(&link) else {
            return self.misuse(phone, format!("an operation on link {link}, which is gone"));
        };
        let state_before = *state;
        state.outstanding = Some(op);
        if state_before.role != role {
            self.misuse(
                phone,
                format!("a {role:?}'s operation as {:?}", state_before.role),
            );
        }
        if !state_before.ready {
            self.misuse(
                phone,
                format!("an operation on link {link} before it is ready"),
            );
        }
        if let Some(other) = state_before.outstanding {
            self.misuse(
                phone,
                format!("operation {op} while {other} is outstanding"),
            );
        }
        if bytes.is_empty() || bytes.len() > usize::from(state_before.value_len_max) {
            let (len, max) = (bytes.len(), state_before.value_len_max);
            self.misuse(phone, format!("a value of {len} bytes where {max} fit"));
        }
        // The connection may be gone although the node was not told yet: nothing completes then.
        let Some(id) = self.by_link.get(&link).copied() else {
            return;
        };
        let this = &self.phones[phone];
        let (profile, delay_us) = (this.profile, host_delay_us(this.mode));
        let connection = self.connections.get_mut(&id).expect("by_link is current");
        let side = connection.side(link);
        let end = &mut connection.ends[side];
        let answer = if self.stack_chance.permille(self.config.busy_permille) {
            Some(OperationResult::Busy)
        } else if end.queue.len() < profile.queue_max() {
            end.push(bytes, self.now_us + delay_us);
            Some(OperationResult::Done)
        } else if profile.when_full() == WhenFull::Busy {
            Some(OperationResult::Busy)
        } else {
            end.blocked = Some((op, bytes));
            None
        };
        if let Some(result) = answer {
            self.answer(phone, link, op, result);
        }
        self.arm(id);
    }

    /// Takes operations that waited for room.
    fn unblock(&mut self, id: u64) {
        let now_us = self.now_us;
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let mut taken = Vec::new();
        for end in &mut connection.ends {
            if end.queue.len() < self.phones[end.phone].profile.queue_max()
                && let Some((op, bytes)) = end.blocked.take()
            {
                end.push(bytes, now_us);
                taken.push((end.phone, end.link, op));
            }
        }
        for (phone, link, op) in taken {
            self.answer(phone, link, op, OperationResult::Done);
        }
    }

    fn answer(&mut self, phone: usize, link: LinkId, op: OpId, result: OperationResult) {
        self.queue.push(
            self.now_us + ANSWER_US,
            Happening::Completed {
                phone,
                link,
                op,
                result,
            },
        );
    }

    /// The last PDU of a value is at `side` at `at_us`.
    fn arrive(&mut self, id: u64, side: usize, at_us: u64, value: Vec<u8>) {
        let connection = self
            .connections
            .get_mut(&id)
            .expect("it has just carried this");
        let from = connection.ends[1 - side].phone;
        let interval_us = connection.interval_us;
        let end = &mut connection.ends[side];
        let (phone, link) = (end.phone, end.link);
        let mut at_us = at_us + host_delay_us(self.phones[phone].mode);
        if self.stack_chance.permille(self.config.shuffle_permille) {
            // Held back by a stack that spreads values over several bearers, at most until the same
            // point of the next connection event.
            at_us += self.stack_chance.between(1, interval_us);
        } else {
            at_us = at_us.max(end.last_arrival_us);
            end.last_arrival_us = at_us;
        }
        let values = match &mut self.adversary {
            Some(adversary) => adversary.touch(from, phone, value),
            None => vec![value],
        };
        for bytes in values {
            self.queue
                .push(at_us, Happening::Value { phone, link, bytes });
        }
    }

    /// Queues the next connection event that has something to carry.
    fn arm(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.cut_since.is_some() {
            return;
        }
        let Some(at_us) = connection.next_anchor(self.now_us) else {
            return;
        };
        if connection.armed.is_none_or(|armed| at_us < armed) {
            connection.armed = Some(at_us);
            self.queue.push(at_us, Happening::Anchor { connection: id });
        }
    }

    fn ready(&mut self, (phone, link): (usize, LinkId)) {
        let Some(state) = self.phones[phone].links.get_mut(&link) else {
            return;
        };
        state.ready = true;
        self.radio(phone, RadioEvent::Ready { link });
    }

    /// So many connection events, of which lost ones are repeated, µs.
    fn intervals(&mut self, count: u64, interval_us: u64) -> u64 {
        let mut events = 0;
        for _ in 0..count {
            events += 1;
            while self.air_chance.permille(self.config.loss_permille) {
                events += 1;
            }
        }
        events * interval_us
    }

    /// A node used its radio in a way that no stack allows.
    fn misuse(&mut self, phone: usize, what: String) {
        self.invariants
            .violate(self.now_us, Some(phone), format!("radio misused: {what}"));
    }
}

fn set_up(connection: u64, stage: u8) -> Happening {
    Happening::SetUp { connection, stage }
}
