//! How well the members can agree: who of them is in reach, with hysteresis.

mod report;

use std::collections::BTreeSet;

pub use self::report::{PartitionReport, REPORT_ACTIONS_MAX, Side, SideAction};
use crate::group::Status;
use crate::id::{MeshAddress, PeerId};
use crate::time::{Duration, Instant};
use crate::wire::Genesis;

/// Which members are in reach, and what follows from it. A member must be gone, or back, for the
/// whole hysteresis before the status says so; [`Reachability::quorum_in_reach`] is the bare fact.
#[derive(Debug)]
pub struct Reachability {
    members: Vec<Member>,
    quorum: usize,
    hysteresis: Duration,
    stalled: Option<Stalled>,
    healing: bool,
    diverged: Option<String>,
}

/// Work that no certificate came for, although a quorum is in reach.
#[derive(Debug)]
struct Stalled {
    silent: Vec<PeerId>,
    since: Instant,
}

#[derive(Debug)]
struct Member {
    peer: PeerId,
    own: bool,
    /// The bare fact, and since when.
    heard: bool,
    since: Instant,
    /// What the status says.
    settled: bool,
    /// When the member that the status misses was last heard.
    gone_since: Instant,
}

impl Reachability {
    /// Nobody has been missed yet: the members have just founded the group, or this phone has just
    /// started and gives them the hysteresis to show up.
    pub fn new(
        genesis: &Genesis,
        own: Option<PeerId>,
        quorum: usize,
        hysteresis: Duration,
        now: Instant,
    ) -> Self {
        let members = genesis
            .members
            .iter()
            .map(|member| Member {
                peer: member.peer,
                own: Some(member.peer) == own,
                heard: Some(member.peer) == own,
                since: now,
                settled: true,
                gone_since: now,
            })
            .collect();
        Self {
            members,
            quorum,
            hysteresis,
            stalled: None,
            healing: false,
            diverged: None,
        }
    }

    /// These addresses are in reach. The status, if it changed.
    pub fn update(&mut self, reachable: &BTreeSet<MeshAddress>, now: Instant) -> Option<Status> {
        for member in &mut self.members {
            let heard = member.own || reachable.contains(&member.peer.address());
            if heard != member.heard {
                member.heard = heard;
                member.since = now;
            }
        }
        self.timeout(now)
    }

    /// Time has passed. The status, if it changed.
    pub fn timeout(&mut self, now: Instant) -> Option<Status> {
        let mut changed = false;
        for member in &mut self.members {
            if member.heard != member.settled && now.since(member.since) >= self.hysteresis {
                member.settled = member.heard;
                member.gone_since = member.since;
                changed = true;
            }
        }
        (changed && self.diverged.is_none()).then(|| self.status())
    }

    /// There is work, and no certificate came since `since`: `silent` are those whose votes lack.
    /// The status, if that was not known.
    pub fn stall(&mut self, silent: Vec<PeerId>, since: Instant) -> Option<Status> {
        let before = self.status();
        self.stalled = Some(Stalled { silent, since });
        let after = self.status();
        (after != before).then_some(after)
    }

    /// Whether [`Reachability::stall`] holds.
    pub fn is_stalled(&self) -> bool {
        self.stalled.is_some()
    }

    /// A certificate came, or there is no work any more. The status, if it changed.
    pub fn resume(&mut self) -> Option<Status> {
        let before = self.status();
        self.stalled = None;
        let after = self.status();
        (after != before).then_some(after)
    }

    /// What was done apart is being put together, or is not any more. The status, if it changed.
    pub fn set_healing(&mut self, healing: bool) -> Option<Status> {
        let before = self.status();
        self.healing = healing;
        let after = self.status();
        (after != before).then_some(after)
    }

    /// A block became final: whoever is in reach and said to be missing is back, as no link that
    /// flaps makes a quorum vote. The status, if it changed.
    pub fn confirm(&mut self) -> Option<Status> {
        let before = self.status();
        for member in &mut self.members {
            member.settled |= member.heard;
        }
        let after = self.status();
        (after != before).then_some(after)
    }

    /// Agreement has failed, for good; this is what is known of it. The status, if that is news.
    pub fn diverged(&mut self, evidence: String) -> Option<Status> {
        let new = self.diverged.as_ref() != Some(&evidence);
        self.diverged = Some(evidence);
        new.then(|| self.status())
    }

    /// The status.
    pub fn status(&self) -> Status {
        if let Some(evidence) = &self.diverged {
            return Status::Diverged {
                evidence: evidence.clone(),
            };
        }
        let peers = |settled: bool| {
            let members = self
                .members
                .iter()
                .filter(move |member| member.settled == settled);
            members.map(|member| member.peer).collect::<Vec<_>>()
        };
        let (with, missing) = (peers(true), peers(false));
        if let Some(stalled) = &self.stalled
            && with.len() >= self.quorum
        {
            let votes = |peer: &PeerId| !stalled.silent.contains(peer);
            let (with, missing) = self
                .members
                .iter()
                .map(|member| member.peer)
                .partition(votes);
            return Status::NoQuorum {
                with,
                missing,
                since: stalled.since,
            };
        }
        if self.healing && with.len() >= self.quorum {
            Status::Healing
        } else if missing.is_empty() {
            Status::Live
        } else if with.len() >= self.quorum {
            Status::Degraded { missing }
        } else {
            Status::NoQuorum {
                with,
                missing,
                since: self.lost_since(),
            }
        }
    }

    /// Whether a quorum, this phone included, is in reach at this moment and votes.
    pub fn quorum_in_reach(&self) -> bool {
        self.stalled.is_none() && self.enough_in_reach()
    }

    /// Whether a quorum, this phone included, is in reach at this moment, whether it votes or not.
    pub fn enough_in_reach(&self) -> bool {
        self.members.iter().filter(|member| member.heard).count() >= self.quorum
    }

    /// When a member will have been gone, or back, for long enough.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        self.members
            .iter()
            .filter(|member| member.heard != member.settled)
            .map(|member| member.since + self.hysteresis)
            .min()
            .map(|at| (at, "status hysteresis"))
    }

    /// When the last member that a quorum needed was last heard.
    fn lost_since(&self) -> Instant {
        let mut gone: Vec<_> = self
            .members
            .iter()
            .filter(|member| !member.settled)
            .map(|member| member.gone_since)
            .collect();
        gone.sort_unstable();
        let spare = self.members.len().saturating_sub(self.quorum);
        gone.get(spare).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
