//! What people and their phones do beside playing.

use althing::Node;
use althing::ble::{AppMode, RadioEvent};
use althing::error::StoreFault;
use althing::node::{Command, Fate};

use super::World;
use super::facts::word;
use crate::chance::secret;
use crate::player::{Game, Habits};
use crate::stats::Ending;

/// Until when a submission may go with a crash, µs: it may not be synced yet.
const UNSYNCED_US: u64 = 1_000_000;

/// Something that somebody or something does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A phone is somewhere else.
    Move {
        /// Which.
        phone: usize,
        /// Where, mm.
        x_mm: i64,
        /// Where, mm.
        y_mm: i64,
    },
    /// Two phones come into range or leave it; for worlds without places.
    Near {
        /// One.
        one: usize,
        /// The other.
        other: usize,
        /// Whether they are in range from now on.
        near: bool,
    },
    /// The process dies: the OS lives and closes its links, or the whole phone is off and its links
    /// fall silent.
    Crash {
        /// Which phone.
        phone: usize,
        /// Whether the OS closes the links.
        clean: bool,
    },
    /// The process dies in the middle of a drain, after so many more outputs.
    CrashAfter {
        /// Which phone.
        phone: usize,
        /// Outputs that are still carried out.
        outputs: u32,
    },
    /// The process dies while a batch is being synced: what was promised to be stored before it is
    /// sent shows here.
    CrashUnsynced {
        /// Which phone.
        phone: usize,
        /// Batches that are still stored before.
        batches: u32,
    },
    /// The same, and what was being synced is on the disk up to a byte: a record may be cut.
    Tear {
        /// Which phone.
        phone: usize,
        /// Batches that are still stored before.
        batches: u32,
        /// Bytes of what is not synced that are on the disk.
        bytes: usize,
    },
    /// A copy is made of what a phone has stored.
    CopyStore {
        /// Which phone.
        phone: usize,
    },
    /// The process dies, and that copy takes the place of its store.
    PutStoreBack {
        /// Which phone.
        phone: usize,
    },
    /// The store of a dead process is gone.
    LoseStore {
        /// Which phone.
        phone: usize,
    },
    /// A copy is made of a phone's store, for [`Act::Rewind`].
    Keep {
        /// Which phone; [`WorldConfig::rewinds`](super::WorldConfig::rewinds) names it.
        phone: usize,
    },
    /// The process dies, and all of the phone is as it was when its store was copied.
    Rewind {
        /// Which phone.
        phone: usize,
    },
    /// The process starts again from its store.
    Restart {
        /// Which phone.
        phone: usize,
    },
    /// The process starts again and dies while it does, after so many outputs.
    RestartAndDie {
        /// Which phone.
        phone: usize,
        /// Outputs that are still carried out.
        outputs: u32,
    },
    /// Bluetooth is switched.
    Radio {
        /// Which phone.
        phone: usize,
        /// On or off.
        on: bool,
    },
    /// The app comes to the screen or leaves it.
    Mode {
        /// Which phone.
        phone: usize,
        /// How.
        mode: AppMode,
    },
    /// All links of a phone break.
    DropLinks {
        /// Which phone.
        phone: usize,
    },
    /// The store refuses writes from now on, or no longer.
    Disk {
        /// Which phone.
        phone: usize,
        /// With what.
        fault: Option<StoreFault>,
    },
    /// A player looks at the screen.
    Turn {
        /// Which phone.
        phone: usize,
    },
}

impl World {
    pub(super) fn perform(&mut self, act: Act) {
        match act {
            Act::Move { phone, x_mm, y_mm } => {
                self.phones[phone].x_mm = x_mm;
                self.phones[phone].y_mm = y_mm;
                self.place(phone);
            }
            Act::Near { one, other, near } => self.set_near(one, other, near),
            Act::Crash { phone, clean } => self.crash(phone, clean),
            Act::CrashAfter { phone, outputs } => {
                if self.phones[phone].node.is_some() {
                    self.phones[phone].dies_after = Some(outputs);
                }
            }
            Act::CrashUnsynced { phone, batches } => {
                if self.phones[phone].node.is_some() {
                    self.phones[phone].dies_unsynced = Some(batches);
                }
            }
            Act::Tear {
                phone,
                batches,
                bytes,
            } => {
                if self.phones[phone].node.is_some() {
                    self.phones[phone].dies_unsynced = Some(batches);
                    self.phones[phone].tears_at = Some(bytes);
                }
            }
            Act::CopyStore { phone } => self.phones[phone].disk.copy(),
            Act::PutStoreBack { phone } => self.put_store_back(phone),
            Act::LoseStore { phone } => self.lose_store(phone),
            Act::Keep { phone } => {
                let this = &mut self.phones[phone];
                this.kept = Some((this.disk.copied(), this.counter));
            }
            Act::Rewind { phone } => self.rewind(phone),
            Act::Restart { phone } => self.restart(phone),
            Act::RestartAndDie { phone, outputs } => {
                if self.phones[phone].node.is_none() {
                    self.phones[phone].dies_after = Some(outputs);
                    self.restart(phone);
                }
            }
            Act::Radio { phone, on } => self.set_radio(phone, on),
            Act::Mode { phone, mode } => {
                self.phones[phone].mode = mode;
                self.radio(phone, RadioEvent::AppModeChanged(mode));
            }
            Act::DropLinks { phone } => self.drop_links(phone, true, true),
            Act::Disk { phone, fault } => self.phones[phone].disk.set_fault(fault),
            Act::Turn { phone } => self.turn(phone),
        }
    }

    /// The process of a phone dies.
    pub(super) fn crash(&mut self, phone: usize, clean: bool) {
        let this = &mut self.phones[phone];
        let counted = this.counted();
        let Some(node) = this.node.take() else {
            return;
        };
        this.counted_before = counted;
        this.applied_twice_before += node.applied_twice();
        for (name, bytes) in node.sent_bytes() {
            *this.sent_before.entry(name).or_insert(0) += bytes;
        }
        for (name, count) in node.faults() {
            *this.faults_before.entry(name).or_insert(0) += count;
        }
        self.die(phone, clean);
    }

    /// A node panicked while a phone was at work: a violation, and the end of its process.
    pub(super) fn panicked(&mut self, what: &str) {
        let Some(phone) = self.at_work else {
            return self.violate(None, format!("panic: {what}"));
        };
        if what.contains("two executions of one block differ") {
            let what = format!("panic: {what}");
            self.invariants
                .root_mismatch(self.now_us, Some(phone), what);
        } else {
            self.violate(Some(phone), format!("panic: {what}"));
        }
        if self.phones[phone].node.take().is_some() {
            self.die(phone, true);
        }
    }

    fn die(&mut self, phone: usize, clean: bool) {
        let this = &mut self.phones[phone];
        this.dies_after = None;
        this.dies_unsynced = None;
        this.incarnation += 1;
        match this.tears_at.take() {
            Some(bytes) => this.disk.tear(bytes),
            None => this.disk.crash(&mut self.disk_chance),
        }
        this.scan = None;
        this.advert = None;
        this.wake_us = None;
        this.links.clear();
        this.crashed_us = self.now_us;
        self.stats.crashes += 1;
        self.trace.input(self.now_us, phone, "crash", 0);
        self.drop_links(phone, false, clean);
        let name = self.phones[phone].name.clone();
        self.note(format!("{name}: the app is killed"));
    }

    /// The store of a phone is gone; its process dies if it still runs.
    fn lose_store(&mut self, phone: usize) {
        self.crash(phone, true);
        self.phones[phone].disk.lose();
        self.phones[phone].store_number += 1;
        self.phones[phone].table.started = false;
        self.phones[phone].table.height = 0;
        self.phones[phone].table.tally = 0;
        self.stats.stores_lost += 1;
        let store_number = self.phones[phone].store_number;
        let before = self.stats.submissions.len();
        self.stats.submissions.retain(|key, submission| {
            key.0 != phone || key.1 == store_number || submission.fate != Ending::Open
        });
        self.stats.lost += (before - self.stats.submissions.len()) as u64;
        let name = self.phones[phone].name.clone();
        self.note(format!("{name}: the store is lost"));
    }

    /// The store of a phone is what it was when a copy was made; its process dies if it still runs.
    fn put_store_back(&mut self, phone: usize) {
        self.crash(phone, true);
        if !self.phones[phone].disk.put_back() {
            return;
        }
        let number = self.phones[phone].store_number;
        self.phones[phone].put_back.get_or_insert(number);
        self.phones[phone].store_number += 1;
        self.phones[phone].table.height = 0;
        self.stats.stores_lost += 1;
        let name = self.phones[phone].name.clone();
        self.note(format!("{name}: an old copy of the store is put back"));
    }

    /// Submissions that the copy holds go on under the number of the new store, which names them; those
    /// that came since are lost.
    fn go_on_from_copy(&mut self, phone: usize, before: u32, view: &althing::node::View) {
        let number = self.phones[phone].store_number;
        for own in &view.pending {
            let found = self
                .stats
                .submissions
                .remove(&(phone, before, own.submission));
            let mut submission = found.unwrap_or(crate::stats::Submission {
                at_us: self.now_us,
                fate: Ending::Open,
                told_us: self.now_us,
                may_reopen: true,
                orphan: true,
            });
            submission.may_reopen = true;
            submission.orphan = true;
            let key = (phone, number, own.submission);
            self.stats.submissions.insert(key, submission);
        }
        let all = self.stats.submissions.len();
        self.stats.submissions.retain(|key, submission| {
            key.0 != phone || key.1 == number || submission.fate != Ending::Open
        });
        self.stats.lost += (all - self.stats.submissions.len()) as u64;
    }

    /// A phone lives again from the moment when its store was copied.
    fn rewind(&mut self, phone: usize) {
        debug_assert!(self.is_rewound(phone), "the world is told who is put back");
        let Some((disk, counter)) = self.phones[phone].kept.take() else {
            return;
        };
        self.crash(phone, true);
        self.phones[phone].disk = disk;
        self.phones[phone].counter = counter;
        self.restart(phone);
    }

    fn restart(&mut self, phone: usize) {
        self.at_work = Some(phone);
        let seed = self.config.seed;
        let now_us = self.now_us;
        let this = &mut self.phones[phone];
        if this.node.is_some() {
            return;
        }
        let counter = this.counter + 1;
        this.counter_given = Some(counter);
        let now = this.clock(now_us);
        let number = (phone as u64) << 32 | u64::from(this.incarnation);
        let records = this.disk.records();
        let node = Node::restore(
            this.config.clone(),
            this.identity.clone(),
            secret(seed, "node", number),
            records,
            counter,
            now,
        );
        this.node = Some(node.expect("every phone of the world has one format"));
        let put_back = this.put_back.take();
        // Who it goes on as is told while it starts: only then are its submissions known by name.
        if let (Some(before), Some(view)) = (put_back, this.view()) {
            self.go_on_from_copy(phone, before, &view);
        }
        let this = &mut self.phones[phone];
        let (before, told_us) = (this.table.height, this.table.height_at_us);
        let crashed_us = this.crashed_us;
        // What was told shortly before the crash may not be synced: it is learnt again.
        this.table.height = 0;
        for (key, submission) in &mut self.stats.submissions {
            submission.may_reopen |= key.0 == phone && is_recent(crashed_us, submission.told_us);
        }
        self.trace.input(now_us, phone, "restore", counter);
        self.drain(phone);
        self.switch_on(phone);
        let name = self.phones[phone].name.clone();
        self.note(format!("{name}: the app is back"));
        if let Some(view) = self.phones[phone].view() {
            let height = view.head.height;
            // Who only follows now cannot execute the blocks that it stored: it gets the state again.
            let follows = self.config.outdated == Some(phone);
            if !self.is_bent(phone) && !follows && !self.is_rewound(phone) {
                self.invariants
                    .restored(now_us, phone, height, before, told_us, crashed_us);
                self.invariants.view(now_us, phone, &view);
            }
            let tally = self.phones[phone].tally();
            self.phones[phone].table.tally = tally.map_or(0, |tally| tally.value);
            self.phones[phone].table.height = height;
            self.phones[phone].table.started = true;
            // An app that starts reads the status; only changes are told.
            self.phones[phone].table.status = word(&view.status);
            if !self.is_rewound(phone) {
                self.look_for_lost(phone, &view);
            }
            if put_back.is_none() && !self.is_rewound(phone) {
                self.look_for_lost_counts(phone);
            }
        }
        let seat = self.phones[phone].table.group;
        let node = self.phones[phone].node.as_ref();
        let gone =
            node.is_some_and(|node| seat.is_some_and(|group| !node.groups().contains(&group)));
        if gone && let Some(ticket) = self.phones[phone].table.ticket.clone() {
            // The user still has the ticket: a listed member is answered with the genesis.
            let group = self.phones[phone].table.group;
            let joined = self.command(phone, Command::JoinTable { ticket, name });
            if let Err(error) = joined {
                self.violate(Some(phone), format!("cannot rejoin {group:?}: {error}"));
            }
        }
    }

    /// What its user had counted and the restarted node does not know: only what was not synced.
    fn look_for_lost_counts(&mut self, phone: usize) {
        let this = &self.phones[phone];
        let lost = this.counted_before - this.counted();
        if lost < 0 {
            self.violate(Some(phone), format!("a restart counted {} more", -lost));
        }
        self.stats.counts_lost += lost;
    }

    /// Submissions that the restarted node does not know. Only what was not synced may be gone.
    fn look_for_lost(&mut self, phone: usize, view: &althing::node::View) {
        let store_number = self.phones[phone].store_number;
        let crashed_us = self.phones[phone].crashed_us;
        let mut early = Vec::new();
        let mut lost = 0;
        self.stats.submissions.retain(|key, submission| {
            let (author, number, id) = *key;
            if author != phone || number != store_number {
                return true;
            }
            if submission.fate != Ending::Open {
                return true;
            }
            match view.pending.iter().find(|own| own.submission == id) {
                Some(own) => {
                    match own.fate {
                        Fate::Committed { height } => submission.fate = Ending::Committed(height),
                        Fate::Rejected { height, .. } => {
                            submission.fate = Ending::Rejected(height);
                        }
                        Fate::Intent
                        | Fate::Pending
                        | Fate::Tentative
                        | Fate::Conflicted { .. }
                        | Fate::Unknown => {}
                    }
                    true
                }
                None => {
                    lost += 1;
                    if !is_recent(crashed_us, submission.at_us) {
                        early.push(id);
                    }
                    false
                }
            }
        });
        self.stats.lost += lost;
        for id in early {
            self.violate(Some(phone), format!("{id:?} was lost by a restart"));
        }
    }

    /// Ends all trouble of a phone: it runs, on the screen, with its radio on and a good disk.
    pub fn calm(&mut self, phone: usize) {
        self.phones[phone].dies_after = None;
        self.phones[phone].dies_unsynced = None;
        self.phones[phone].disk.set_fault(None);
        self.restart(phone);
        self.set_radio(phone, true);
        if self.phones[phone].mode != AppMode::Foreground {
            let mode = AppMode::Foreground;
            self.perform(Act::Mode { phone, mode });
        }
    }

    /// Lets everybody of these phones play.
    pub fn add_players(&mut self, phones: std::ops::Range<usize>, game: Game, habits: Habits) {
        for phone in phones {
            self.add_player(phone, game, habits);
        }
    }
}

/// Whether what happened at `at_us` may not have been synced when the process died.
fn is_recent(crashed_us: u64, at_us: u64) -> bool {
    crashed_us.saturating_sub(at_us) <= UNSYNCED_US
}
