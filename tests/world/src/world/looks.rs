//! Looks at the world from outside: who reaches whom, frames, the report.

use std::collections::{BTreeMap, BTreeSet};

use althing::crypto::Hash;
use althing::node::Status;

use super::World;
use crate::airtime::Phy;
use crate::phone::Phone;
use crate::player;
use crate::report::{
    ActionCounts, AirBytes, Frame, Latencies, PhoneFrame, Progress, Report, RootMismatches, Waiting,
};
use crate::stats::{Ending, Key, Submission};

impl World {
    /// Phones that this one reaches over links that carry, itself among them.
    pub fn reach(&self, phone: usize) -> BTreeSet<usize> {
        self.part_of(phone, |this, one| {
            this.by_phone[one]
                .iter()
                .map(|id| &this.connections[id])
                .filter(|connection| connection.cut_since.is_none())
                .map(|connection| {
                    let [central, peripheral] = connection.ends.each_ref().map(|end| end.phone);
                    if central == one { peripheral } else { central }
                })
                .collect()
        })
    }

    /// Phones that this one could reach: over ranges, with phones that are up.
    pub fn within(&self, phone: usize) -> BTreeSet<usize> {
        self.part_of(phone, |this, one| {
            if !this.phones[one].is_up() {
                return Vec::new();
            }
            let near = this.near[one].iter().copied();
            near.filter(|other| this.phones[*other].is_up()).collect()
        })
    }

    /// Links that are up, as pairs of phones, lower first.
    pub fn links(&self) -> Vec<(usize, usize)> {
        let links: BTreeSet<(usize, usize)> = self
            .connections
            .values()
            .filter(|connection| connection.cut_since.is_none())
            .map(|connection| {
                let [one, other] = connection.ends.each_ref().map(|end| end.phone);
                (one.min(other), one.max(other))
            })
            .collect();
        links.into_iter().collect()
    }

    /// What the link between two phones carries in one direction, in values of its length, bit/s.
    pub fn ceiling_bps(&self, one: usize, other: usize) -> Option<u64> {
        let pdus_max = [one, other].map(|phone| self.phones[phone].profile().pdus_max());
        let pdus_max = pdus_max[0].min(pdus_max[1]);
        let between = self.by_phone[one].intersection(&self.by_phone[other]);
        between
            .map(|id| &self.connections[id])
            .filter(|connection| connection.cut_since.is_none())
            .map(|connection| {
                let value_len = usize::from(connection.value_len_max);
                Phy::TWO.goodput_bps(connection.interval_us, value_len, pdus_max)
            })
            .max()
    }

    /// The room now. The first `players` phones play.
    pub fn frame(&self, players: usize) -> Frame {
        let phones = self.phones.iter().enumerate().map(|(index, phone)| {
            let mut frame = PhoneFrame {
                x: phone.x_mm,
                y: phone.y_mm,
                up: phone.is_up(),
                height: phone.table.height,
                pending: 0,
                committed_chips: 0,
                shown_chips: 0,
                status: phone.table.status,
            };
            if index < players
                && let Some(view) = phone.view()
            {
                let own = phone.identity.peer();
                let place = view.members.iter().position(|(peer, _)| *peer == own);
                let owned = |state| place.map_or(0, |place| player::owned(state, place));
                frame.committed_chips = owned(&view.committed);
                frame.shown_chips = owned(&view.state);
                frame.pending = u32::try_from(view.pending.len()).unwrap_or(u32::MAX);
            }
            frame
        });
        Frame {
            at_ms: self.since_origin_ms(),
            phones: phones.collect(),
            links: self.links(),
        }
    }

    /// How far the run is. The caller fills in where it ends.
    pub fn progress(&self, players: usize) -> Progress {
        let table = self.phones.iter().take(players);
        let with_quorum = |phone: &&Phone| matches!(phone.table.status, "live" | "degraded");
        Progress {
            at_ms: self.now_us.saturating_sub(self.origin.at_us) / 1000,
            end_ms: 0,
            rolls: self.rolls(players),
            rolls_wanted: 0,
            height: table
                .clone()
                .map(|phone| phone.table.height)
                .max()
                .unwrap_or(0),
            pending: self.open_submissions(),
            links: self.connections.len(),
            with_quorum: table.filter(with_quorum).count(),
            players,
            violations: self.invariants.violations().len(),
        }
    }

    /// Dice thrown, as the foremost of the first `players` phones has them committed.
    pub fn rolls(&self, players: usize) -> u64 {
        let foremost = self
            .phones
            .iter()
            .take(players)
            .filter(|phone| phone.node.is_some())
            .max_by_key(|phone| phone.table.height);
        foremost
            .and_then(Phone::view)
            .and_then(|view| player::read(&view.committed))
            .map_or(0, |reading| reading.rolls)
    }

    /// Rounds of agreement that were begun, as the foremost of the first `players` phones says.
    pub fn rounds(&self, players: usize) -> u64 {
        let table = self.phones.iter().take(players);
        let round = |phone: &Phone| phone.node.as_ref()?.round(phone.table.group?);
        table.filter_map(round).max().unwrap_or(0)
    }

    /// What was counted in the tally and not lost with a crash before it was stored.
    pub fn counted(&self) -> i64 {
        self.stats.counted - self.stats.counts_lost
    }

    /// Submissions without a final fate.
    pub fn open_submissions(&self) -> u64 {
        let all = self.stats.submissions.values();
        let open = |it: &&Submission| it.fate == Ending::Open && !it.orphan;
        all.filter(open).count() as u64
    }

    /// Commits so far that have reached everyone in reach of their author.
    pub fn commits_seen(&self) -> usize {
        self.stats.commit_us.len()
    }

    /// Submissions so far.
    pub fn submissions(&self) -> u64 {
        self.stats.submissions.len() as u64 + self.stats.lost
    }

    /// Whether the first `players` phones stand at one head, show one tally, with nothing open and
    /// nobody waiting; a phone with bent rules does not count, nor one that is not back.
    pub fn is_settled(&self, players: usize) -> bool {
        let open = |(key, submission): (&Key, &Submission)| {
            submission.fate == Ending::Open && !submission.orphan && !self.absent.contains(&key.0)
        };
        if self.stats.submissions.iter().any(open) {
            return false;
        }
        let mut heads = BTreeSet::new();
        let mut tallies = BTreeSet::new();
        for (index, phone) in self.phones.iter().enumerate().take(players) {
            if self.is_bent(index) || self.absent.contains(&index) {
                continue;
            }
            // Who only follows has no tally.
            if self.config.outdated != Some(index) {
                tallies.insert(phone.tally().map(|tally| tally.value));
            }
            match phone.view() {
                Some(view) if view.waiting_for.is_empty() => heads.insert(view.head.block.0),
                Some(_) | None => return false,
            };
        }
        heads.len() == 1 && tallies.len() == 1
    }

    /// Bytes handed to links so far by all phones, by kind.
    pub fn sent_bytes(&self) -> BTreeMap<&'static str, u64> {
        let mut all = BTreeMap::new();
        for phone in &self.phones {
            for (kind, bytes) in phone.sent_bytes() {
                *all.entry(kind).or_insert(0) += bytes;
            }
        }
        all
    }

    /// Everything that is known of the run. The first `players` phones play.
    pub fn report(&self, players: usize) -> Report {
        let table = || self.phones.iter().take(players);
        let mut by_kind: Vec<_> = self
            .sent_bytes()
            .into_iter()
            // A process that panicked takes its counts along.
            .map(|(kind, bytes)| {
                let before = self.origin.sent.get(kind).copied().unwrap_or(0);
                (kind, bytes.saturating_sub(before))
            })
            .collect();
        by_kind.sort_by_key(|(kind, bytes)| (std::cmp::Reverse(*bytes), *kind));
        let mut faults = BTreeMap::new();
        for phone in &self.phones {
            for (name, count) in phone.faults() {
                *faults.entry(name).or_insert(0) += count;
            }
        }
        let head = |phone: &Phone| phone.view().map_or(Hash::ZERO, |view| view.head.block);
        Report {
            seed: self.config.seed,
            phones: self.phones.len(),
            players,
            names: self.phones.iter().map(|phone| phone.name.clone()).collect(),
            virtual_ms: self.now_us.saturating_sub(self.origin.at_us) / 1000,
            rolls: self.rolls(players),
            actions: ActionCounts {
                submitted: self.submissions(),
                committed: self.stats.count(|end| matches!(end, Ending::Committed(_))),
                rejected: self.stats.count(|end| matches!(end, Ending::Rejected(_))),
                pending: self.open_submissions(),
                lost: self.stats.lost,
            },
            blocks: table()
                .map(|phone| phone.table.height)
                .max()
                .unwrap_or(0)
                .saturating_sub(self.origin.height),
            rounds: self.rounds(players),
            applied_twice: self.phones.iter().map(Phone::applied_twice).sum(),
            roots: RootMismatches {
                explained: self.stats.roots_explained,
                unexplained: self.invariants.root_mismatches(),
            },
            violations: self.invariants.violations().to_vec(),
            heads: table().map(head).collect(),
            heights: table().map(|phone| phone.table.height).collect(),
            commit: Latencies::new(self.stats.commit_us.clone()),
            air: AirBytes {
                total: self.stats.air_bytes,
                values: self.stats.value_bytes,
                by_kind,
                flooding: self.stats.flooding_bytes,
            },
            trace_digest: self.trace.digest(),
            frames: Vec::new(),
            absences: Vec::new(),
            waiting: self.waiting(players),
            log: self.log.clone(),
            crashes: self.stats.crashes,
            stores_lost: self.stats.stores_lost,
            recovered: self.stats.recovered,
            radio_cycles: self.stats.radio_cycles,
            links_made: self.stats.links_made,
            links_lost: self.stats.links_lost,
            faults: faults.into_iter().collect(),
            idle_bytes: None,
            unfinished: None,
            recording: None,
            transcript: None,
            diverged: self.diverged(players),
        }
    }

    /// What players wait for, and for whom.
    pub fn waiting(&self, players: usize) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        for (index, phone) in self.phones.iter().enumerate().take(players) {
            let Some(view) = phone.view() else { continue };
            let name = |peer: &althing::id::PeerId| {
                let member = view.members.iter().find(|(member, _)| member == peer);
                member.map_or_else(|| peer.to_hex()[..8].to_owned(), |(_, name)| name.clone())
            };
            if let Status::NoQuorum { missing, .. } = &view.status {
                waiting.push(Waiting {
                    phone: index,
                    what: "quorum",
                    whom: missing.iter().map(name).collect(),
                });
            }
            for item in &view.waiting_for {
                let wait = Waiting {
                    phone: index,
                    what: item.what,
                    whom: item.whom.iter().map(name).collect(),
                };
                if !waiting.contains(&wait) {
                    waiting.push(wait);
                }
            }
        }
        waiting
    }

    /// The connected part of the phones that holds `start`.
    fn part_of(
        &self,
        start: usize,
        beside: impl Fn(&Self, usize) -> Vec<usize>,
    ) -> BTreeSet<usize> {
        let mut seen = BTreeSet::from([start]);
        let mut open = vec![start];
        while let Some(phone) = open.pop() {
            for other in beside(self, phone) {
                if seen.insert(other) {
                    open.push(other);
                }
            }
        }
        seen
    }
}
