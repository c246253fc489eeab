//! How a node says who its neighbours are, and what it makes of what others say.

use super::frame::{Announcement, COUNTER_MAX};
use super::topology::Offer;
use super::{Mesh, NEIGHBOURS_MAX, announce_to, spaced};
use crate::id::{LinkId, MeshAddress};
use crate::mesh::MeshOutput;
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::wire::BoundedVec;

/// Counters above this one belong to the life that a request to forget has ended.
const OUTLIVED: u64 = COUNTER_MAX / 2;

impl Mesh {
    pub(super) fn announcements(
        &mut self,
        link: LinkId,
        from: MeshAddress,
        announcements: Vec<Announcement>,
        now: Instant,
        out: &mut Outbox<MeshOutput>,
    ) {
        let (mut news, mut answers) = (Vec::new(), Vec::new());
        let mut edges_changed = false;
        for announcement in announcements {
            if announcement.origin == self.own {
                answers.extend(self.about_us(&announcement, now));
                continue;
            }
            if announcement.asks_to_forget() {
                if let Some(changed) = self.forget(announcement.origin, now) {
                    edges_changed |= changed;
                    news.push(announcement);
                }
                continue;
            }
            // A copy of what was to be forgotten, still on its way.
            if announcement.counter > OUTLIVED && self.forgotten.is_recent(announcement.origin, now)
            {
                continue;
            }
            match self.topology.offer(announcement.clone()) {
                Offer::Newer {
                    edges_changed: changed,
                } => {
                    edges_changed |= changed;
                    news.push(announcement);
                }
                Offer::Older(newer) => answers.push(newer),
                Offer::Same | Offer::Full => {}
            }
        }
        if !news.is_empty() {
            self.flood(&news, Some(from), out);
        }
        out.extend(announce_to(link, &answers));
        if edges_changed {
            out.push(MeshOutput::TopologyChanged);
        }
        self.announce_if_due(now, out);
    }

    /// Forgets `origin`, unless it is unknown or was forgotten lately: so a request dies out even
    /// where it could run round in a circle behind the announcements that follow it. Says whether
    /// an edge went.
    fn forget(&mut self, origin: MeshAddress, now: Instant) -> Option<bool> {
        self.topology.announcement(origin)?;
        if !self.forgotten.note(origin, now) {
            return None;
        }
        self.topology.forget(origin)
    }

    /// Somebody repeats an announcement in our name. Gives what to answer.
    fn about_us(&mut self, heard: &Announcement, now: Instant) -> Option<Announcement> {
        let own = self.topology.announcement(self.own);
        let counter = if heard.asks_to_forget() {
            // Whoever asked: this node is forgotten now, and says again who its neighbours are.
            own.map_or(0, |own| own.counter)
        } else if own.is_some_and(|own| own >= heard) {
            return own.filter(|own| *own > heard).cloned();
        } else if heard.counter > OUTLIVED && self.asked_lately(now) {
            return None;
        } else {
            heard.counter
        };
        self.outbid = self.outbid.max(Some(counter));
        // At once, unless somebody makes a game of it.
        let at = spaced(self.outbid_at, self.config.announce_min, now);
        self.announce_due = Some(self.announce_due.map_or(at, |due| due.min(at)));
        None
    }

    /// Whether a request to forget this node is so young that another one may be refused somewhere.
    fn asked_lately(&self, now: Instant) -> bool {
        let space = self.config.forget_min * 2;
        self.forget_asked_at.is_some_and(|at| now < at + space)
    }

    pub(super) fn plan_announcement(&mut self, now: Instant) {
        let at = spaced(self.announced_at, self.config.announce_min, now);
        self.announce_due = Some(self.announce_due.map_or(at, |due| due.min(at)));
    }

    pub(super) fn announce_if_due(&mut self, now: Instant, out: &mut Outbox<MeshOutput>) {
        if self.announce_due.is_none_or(|due| due > now) {
            return;
        }
        self.announce_due = None;
        let most = self.config.neighbours_max.min(NEIGHBOURS_MAX);
        let neighbours: Vec<MeshAddress> = self.by_address.keys().take(most).copied().collect();
        let neighbours = BoundedVec::truncating(neighbours);
        let last = self.topology.announcement(self.own);
        let outbid = self.outbid.take();
        if outbid.is_none() && last.is_some_and(|last| last.neighbours == neighbours) {
            return;
        }
        let last = last.map_or(0, |last| last.counter);
        let counter = last.max(outbid.unwrap_or(0)) + 1;
        self.announced_at = Some(now);
        if outbid.is_some() {
            self.outbid_at = Some(now);
        }
        let announcement = if counter < COUNTER_MAX {
            let announcement = Announcement {
                origin: self.own,
                counter,
                neighbours,
            };
            self.topology.set_own(announcement.clone());
            announcement
        } else {
            self.topology.forget(self.own);
            self.forget_asked_at = Some(now);
            self.plan_announcement(now);
            Announcement::forget(self.own)
        };
        self.flood(&[announcement], None, out);
    }
}
