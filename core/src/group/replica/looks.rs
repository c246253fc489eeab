//! What a group shows of itself: to the screen, to those who look back, and to outsiders.

use super::{Replica, head_of, named};
use crate::crypto::group_key::GroupKey;
use crate::error::CommandError;
use crate::group::{CertifiedValue, Rollback, Transcript, View, WaitingFor};
use crate::state::Key;
use crate::wire::RefusalKind;

impl Replica {
    /// What the screen shows.
    pub fn view(&self) -> View {
        View {
            head: self.head(),
            status: self.reachability.status(),
            members: named(&self.genesis.genesis.members),
            observers: named(&self.genesis.genesis.observers),
            state: self.shown.state.clone(),
            committed: self.history.state().clone(),
            pending: self.shown.pending.clone(),
            tentative: self.shown.tentative.clone(),
            waiting_for: self.waiting_for(),
        }
    }

    /// The key of the epoch, unless its box does not open here.
    pub fn group_key(&self) -> Option<&GroupKey> {
        self.group_key.as_ref()
    }

    /// What `key` has at the newest certified block, for somebody who has none of the state.
    pub fn certified_value(&self, key: &Key) -> Option<CertifiedValue> {
        CertifiedValue::new(&self.genesis, &self.history, key)
    }

    /// What this phone can show of how the group came here.
    pub fn transcript(&self) -> Transcript {
        Transcript::of(&self.genesis, &self.history)
    }

    /// The group as it was at `height`, beside the live one, which does not move.
    pub fn rollback(&self, height: u64) -> Result<Rollback, CommandError> {
        let (state, past) = self.history.rollback(height).map_err(|_| {
            let oldest = self.history.entries().next();
            CommandError::NotKept {
                height,
                oldest: oldest.map_or(0, |entry| entry.header.height),
                head: self.history.head().0,
            }
        })?;
        Ok(Rollback {
            head: head_of(self.group, self.executor.epoch(), &past),
            state,
            transcript: Transcript::of(&self.genesis, &past),
        })
    }

    /// What is waited for, and for whom.
    pub fn waiting_for(&self) -> Vec<WaitingFor> {
        let mut waiting = Vec::new();
        let peers = |indices: Vec<u8>| {
            indices
                .iter()
                .filter_map(|index| self.members.get(usize::from(*index)))
                .copied()
                .collect()
        };
        if !self.reachability.quorum_in_reach() {
            let missing = self.members.iter().filter(|member| {
                member.address() != self.own_address()
                    && !self.reachable.contains(&member.address())
            });
            waiting.push(WaitingFor {
                what: "quorum",
                whom: missing.copied().collect(),
            });
        }
        let recovering = self.consensus.recovery_waits();
        for (what, whom) in self.consensus.waiting_for().into_iter().chain(recovering) {
            waiting.push(WaitingFor {
                what,
                whom: peers(whom),
            });
        }
        for (voter, kind) in &self.refusals {
            let what = match kind {
                RefusalKind::Invalid { .. } => "a vote refused: invalid",
                RefusalKind::Conflict => "a vote refused: something is missing there",
                RefusalKind::Busy { .. } => "a vote refused: busy",
            };
            waiting.push(WaitingFor {
                what,
                whom: peers(vec![*voter]),
            });
        }
        let absent = self.draws.waiting_for();
        if !absent.is_empty() {
            waiting.push(WaitingFor {
                what: "preimage",
                whom: peers(absent),
            });
        }
        let asked: Vec<u8> = self.synchronizer.waits_for().into_iter().collect();
        if !asked.is_empty() {
            waiting.push(WaitingFor {
                what: "blocks",
                whom: peers(asked),
            });
        }
        let lacking = self.tally.waiting_for();
        if !lacking.is_empty() {
            waiting.push(WaitingFor {
                what: "a sign that counts came",
                whom: peers(lacking),
            });
        }
        if !self.storing.is_empty() || self.tally.is_storing() {
            waiting.push(WaitingFor {
                what: "store",
                whom: vec![],
            });
        }
        waiting
    }
}
