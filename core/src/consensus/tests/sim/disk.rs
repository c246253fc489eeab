//! Writes in order, refused and tried again, crashes that leave a prefix, restarts.

use std::collections::BTreeSet;

use rand_core::Rng;

use super::super::bench::Bench;
use super::{Disk, Event, Message, Sim, Write};
use crate::consensus::{Consensus, Input};
use crate::outbox::Outbox;
use crate::outbox::Record;
use crate::time::Duration;
use crate::wire::Vote;

impl Sim {
    pub(super) fn crash(&mut self, node: usize) {
        if self.nodes[node].consensus.take().is_none() || self.calm {
            return;
        }
        self.seen.crashes += 1;
        // A prefix of what was being written is on the disk.
        let durable = self.rng.next_u64() as usize % (self.nodes[node].writes.len() + 1);
        for _ in 0..durable {
            let write = self.nodes[node].writes.pop_front().unwrap();
            self.apply(node, &write);
        }
        let state = &mut self.nodes[node];
        state.writes.clear();
        state.life += 1;
        state.wake = None;
        let at = self.within(Duration::from_secs(3));
        self.push(at, Event::Restart(node));
    }

    /// The store is gone, or one of before is in its place. What nothing but it proved is not known
    /// any more, whatever else comes before the restart.
    pub(super) fn lose(&mut self, node: usize, copy: Option<Disk>) {
        if self.calm {
            return;
        }
        self.crash(node);
        self.seen.losses += 1;
        let state = &mut self.nodes[node];
        let genesis = self.bench.base();
        let votes = std::mem::take(&mut state.disk.votes);
        state.disk = copy.unwrap_or_default();
        state.disk.base.get_or_insert((genesis, Vec::new()));
        state.disk.votes = votes;
        state.lost = true;
    }

    pub(super) fn restart(&mut self, node: usize) {
        let state = &mut self.nodes[node];
        let (current, life) = (!std::mem::take(&mut state.lost), state.life);
        let (base, committed) = state.disk.base.clone().unwrap();
        state.committed = committed;
        state.executed = BTreeSet::from([base.block]);
        state.said = None;
        let records: Vec<Record> = state
            .disk
            .records
            .iter()
            .map(|(key, value)| Record {
                key: key.clone(),
                value: value.clone(),
            })
            .collect();
        let mut out = Outbox::new();
        let consensus = Consensus::restore(
            self.config.clone(),
            self.bench.committee.clone(),
            self.bench.identities[node].clone(),
            Some(node as u8),
            Bench::proof(current, node as u64 | u64::from(life) << 8),
            base,
            &records,
            self.now,
            &mut out,
        );
        self.nodes[node].consensus = Some(consensus);
        self.drain(node, out);
        self.tell_reach(node);
        self.work(node);
        for other in 0..self.weather.n {
            if self.linked[node][other] {
                let height = self.nodes[node].committed.len() as u64;
                let status = Message::Status {
                    height,
                    reply: true,
                };
                self.send(node, other, status);
            }
        }
    }

    pub(super) fn apply(&mut self, node: usize, write: &Write) {
        let disk = &mut self.nodes[node].disk;
        match write {
            Write::Consensus { puts, deletes, .. } => {
                for put in puts {
                    disk.records.insert(put.key.clone(), put.value.clone());
                    if put.key[0] == b'v' {
                        let vote: Vote = crate::wire::decode(&put.value, 4096).unwrap();
                        let statement = vote.statement;
                        disk.votes
                            .insert((statement.round, statement.kind, statement.block));
                    }
                }
                for key in deletes {
                    disk.records.remove(key);
                }
            }
            Write::Base(base, committed) => disk.base = Some((base.clone(), committed.clone())),
        }
    }

    pub(super) fn write(&mut self, node: usize, write: Write) {
        self.nodes[node].writes.push_back(write);
        let delay = Duration::from_micros(500 + self.rng.next_u64() % 10_000);
        let life = self.nodes[node].life;
        self.push(self.now + delay, Event::Written { node, life });
    }

    /// The oldest write ends: writes are in order.
    pub(super) fn written(&mut self, node: usize) {
        if self.chance(self.weather.store_faults) {
            let again = self.now + Duration::from_secs(1);
            let life = self.nodes[node].life;
            self.push(again, Event::Written { node, life });
            return;
        }
        let write = self.nodes[node].writes.pop_front().unwrap();
        self.apply(node, &write);
        if let Write::Consensus { sequence, .. } = write {
            self.feed(node, Input::Stored { sequence });
        }
    }
}
