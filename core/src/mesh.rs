//! Who exists and how to reach them, and the frames that go there.
//!
//! Every node announces its neighbours; announcements are flooded, and from the same announcements
//! every node computes the same shortest paths. An edge counts if both ends announce it. A payload
//! for a neighbour goes there with one byte in front; one for somebody further away is relayed
//! along the shortest path, at most `hop_limit` links far, and a node relays no frame twice.
//!
//! **Which announcement is the newest.** There is no common clock, so a counter orders the
//! announcements of one origin, and content decides between two with one counter. Whoever receives
//! an older one answers with the newer one that it knows. A node that starts again counts from
//! one; the answer to its first announcement shows it the counter of its former life, and it
//! announces again above that. Nothing depends on a boot being told apart from another, and any
//! number that was ever spread for an origin is outbid by the origin itself: the highest number of
//! all asks everyone to forget the origin, which then counts from one again.
//!
//! **What a loss costs.** On a new link both sides send a digest of what they know, and each sends
//! what the other lacks. Later changes are flooded. A frame that was lost on the way is made up
//! for when neighbours compare their summaries, every `summary_every`.
//!
//! **Trust.** Announcements and origins are not signed: whoever is on the mesh can lie about paths
//! and so keep payloads from arriving. What a payload says is authenticated above.

mod announcing;
mod dedup;
mod forgotten;
mod frame;
mod topology;

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use self::dedup::Dedup;
use self::forgotten::Forgotten;
use self::frame::{ANNOUNCEMENTS_MAX, Announcement, Digest, Frame, Routed, Summary};
pub use self::frame::{FRAME_LEN_MAX, NEIGHBOURS_MAX, PAYLOAD_LEN_MAX, ROUTED_HEADER_LEN};
use self::topology::Topology;
use crate::config::MeshConfig;
use crate::error::PeerFault;
use crate::id::{LinkId, MeshAddress, PeerId};
use crate::outbox::Outbox;
use crate::time::{Duration, Instant};
use crate::wire::BoundedVec;

#[cfg(test)]
mod tests;

/// Kind of the frames that tell who is linked to whom.
const ANNOUNCE: &str = "announce";
/// Kind of the frames that are forwarded for others.
const RELAY: &str = "relay";

/// One node of the mesh.
#[derive(Debug)]
pub struct Mesh {
    config: MeshConfig,
    own: MeshAddress,
    rng: ChaCha12Rng,
    topology: Topology,
    links: BTreeMap<LinkId, Neighbour>,
    /// Links by address. More than one only until one of them is given up; the oldest is used.
    by_address: BTreeMap<MeshAddress, BTreeSet<LinkId>>,
    dedup: Dedup,
    /// The highest counter of an announcement in our name that is not ours.
    outbid: Option<u64>,
    outbid_at: Option<Instant>,
    /// Who was forgotten lately at his own request.
    forgotten: Forgotten,
    /// When this node asked to be forgotten.
    forget_asked_at: Option<Instant>,
    announced_at: Option<Instant>,
    announce_due: Option<Instant>,
    summary_due: Option<Instant>,
}

/// What a node of the mesh is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeshInput {
    /// A link has proved who is at its other end.
    LinkUp {
        /// Its name.
        link: LinkId,
        /// Who.
        peer: PeerId,
    },
    /// A link is gone.
    LinkDown {
        /// Its name.
        link: LinkId,
    },
    /// A message arrived by a link.
    Frame {
        /// The link.
        link: LinkId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A payload for somebody else.
    Send {
        /// For whom.
        dest: MeshAddress,
        /// The payload, at most [`PAYLOAD_LEN_MAX`] bytes.
        bytes: Vec<u8>,
        /// For the accounts.
        kind: &'static str,
    },
    /// The deadline has come.
    Timeout,
}

/// What a node of the mesh wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeshOutput {
    /// Send a message by a link.
    Transmit {
        /// The link.
        link: LinkId,
        /// The message.
        bytes: Vec<u8>,
        /// For the accounts: `announce`, `relay`, or what the sender of the payload said.
        kind: &'static str,
    },
    /// A payload for this node.
    Deliver {
        /// Who sent it, as the frame says: not proved.
        origin: MeshAddress,
        /// By which link it came.
        link: LinkId,
        /// Whether others carried it: then `origin` is their word.
        relayed: bool,
        /// The payload.
        bytes: Vec<u8>,
    },
    /// Paths have changed.
    TopologyChanged,
    /// There is no path to `dest`, or it is longer than the hop limit: the payload is dropped.
    NoRoute {
        /// For whom it was.
        dest: MeshAddress,
    },
    /// A payload longer than [`PAYLOAD_LEN_MAX`] was to be sent: it is dropped.
    TooLong {
        /// For whom it was.
        dest: MeshAddress,
        /// Its length.
        len: usize,
    },
    /// A neighbour broke a rule.
    Fault {
        /// By which link.
        link: LinkId,
        /// Which rule.
        fault: PeerFault,
    },
}

#[derive(Debug)]
struct Neighbour {
    peer: PeerId,
    /// When its last digest was answered: answers are long and requests are short.
    answered_at: Option<Instant>,
    /// When its last summary was answered.
    compared_at: Option<Instant>,
}

impl Mesh {
    /// A node without links.
    pub fn new(config: MeshConfig, own: PeerId, seed: [u8; 32], _now: Instant) -> Self {
        let own = own.address();
        Self {
            own,
            rng: ChaCha12Rng::from_seed(seed),
            topology: Topology::new(own, config.nodes_max),
            links: BTreeMap::new(),
            by_address: BTreeMap::new(),
            dedup: Dedup::new(config.dedup_len_max),
            outbid: None,
            outbid_at: None,
            forgotten: Forgotten::new(config.forget_min, config.nodes_max),
            forget_asked_at: None,
            announced_at: None,
            announce_due: None,
            summary_due: None,
            config,
        }
    }

    /// Takes one fact or wish.
    pub fn handle(&mut self, input: MeshInput, now: Instant, out: &mut Outbox<MeshOutput>) {
        match input {
            MeshInput::LinkUp { link, peer } => self.link_up(link, peer, now, out),
            MeshInput::LinkDown { link } => self.link_down(link, now, out),
            MeshInput::Frame { link, bytes } => self.frame(link, bytes, now, out),
            MeshInput::Send { dest, bytes, kind } => self.send(dest, bytes, kind, out),
            MeshInput::Timeout => {
                self.announce_if_due(now, out);
                self.compare_if_due(now, out);
            }
        }
    }

    /// When to call with [`MeshInput::Timeout`], and why.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        [
            (self.announce_due, "announcement"),
            (self.summary_due, "summary"),
        ]
        .into_iter()
        .filter_map(|(at, cause)| Some((at?, cause)))
        .min()
    }

    /// Everyone in the same connected part of the mesh, without this node.
    pub fn reachable(&self) -> BTreeSet<MeshAddress> {
        self.topology.reachable()
    }

    /// Links and who is at their other end.
    pub fn neighbours(&self) -> Vec<(LinkId, PeerId)> {
        let neighbours = self.links.iter();
        neighbours
            .map(|(link, neighbour)| (*link, neighbour.peer))
            .collect()
    }

    /// Whether a payload for `dest` goes over one link, and is read by nobody else.
    pub fn is_neighbour(&self, dest: MeshAddress) -> bool {
        self.link_to(dest).is_some()
    }

    /// Members of `set` that are reached from here through no other member of `set`.
    pub fn nearest(&self, set: &BTreeSet<MeshAddress>) -> Vec<MeshAddress> {
        self.topology.children(self.own, set)
    }

    /// Members of `set` for which this node is the last member of `set`, or the origin, before
    /// them on the tree of shortest paths from `origin`. Every node computes the same tree from the
    /// same topology, so each member is the child of exactly one other.
    pub fn children(&self, origin: MeshAddress, set: &BTreeSet<MeshAddress>) -> Vec<MeshAddress> {
        self.topology.children(origin, set)
    }

    fn link_up(&mut self, link: LinkId, peer: PeerId, now: Instant, out: &mut Outbox<MeshOutput>) {
        let address = peer.address();
        if address == self.own || self.links.contains_key(&link) {
            return;
        }
        self.links.insert(
            link,
            Neighbour {
                peer,
                answered_at: None,
                compared_at: None,
            },
        );
        self.by_address.entry(address).or_default().insert(link);
        if self.topology.set_linked(address, true) {
            out.push(MeshOutput::TopologyChanged);
        }
        if self.summary_due.is_none() {
            self.plan_summary(now);
        }
        self.plan_announcement(now);
        self.announce_if_due(now, out);
        self.send_digest(link, false, out);
    }

    fn link_down(&mut self, link: LinkId, now: Instant, out: &mut Outbox<MeshOutput>) {
        let Some(neighbour) = self.links.remove(&link) else {
            return;
        };
        let address = neighbour.peer.address();
        if let Some(links) = self.by_address.get_mut(&address) {
            links.remove(&link);
            if links.is_empty() {
                self.by_address.remove(&address);
                self.topology.set_linked(address, false);
                out.push(MeshOutput::TopologyChanged);
            }
        }
        if self.links.is_empty() {
            self.announce_due = None;
            self.summary_due = None;
            return;
        }
        self.plan_announcement(now);
        self.announce_if_due(now, out);
    }

    fn frame(&mut self, link: LinkId, bytes: Vec<u8>, now: Instant, out: &mut Outbox<MeshOutput>) {
        let Some(neighbour) = self.links.get(&link) else {
            return;
        };
        let from = neighbour.peer.address();
        match Frame::decode(bytes) {
            Ok(Frame::Direct(bytes)) => out.push(MeshOutput::Deliver {
                origin: from,
                link,
                relayed: false,
                bytes,
            }),
            Ok(Frame::Routed(routed)) => self.routed(link, from, routed, out),
            Ok(Frame::Announce(announcements)) => {
                self.announcements(link, from, announcements.into_vec(), now, out);
            }
            Ok(Frame::Digest(digest)) => self.digest(link, &digest, now, out),
            Ok(Frame::Summary(summary)) => self.summary(link, summary, now, out),
            Err(fault) => out.push(MeshOutput::Fault { link, fault }),
        }
    }

    fn send(
        &mut self,
        dest: MeshAddress,
        payload: Vec<u8>,
        kind: &'static str,
        out: &mut Outbox<MeshOutput>,
    ) {
        if payload.len() > PAYLOAD_LEN_MAX {
            let len = payload.len();
            out.push(MeshOutput::TooLong { dest, len });
            return;
        }
        if let Some(link) = self.link_to(dest) {
            let bytes = Frame::Direct(payload).encode();
            out.push(MeshOutput::Transmit { link, bytes, kind });
            return;
        }
        let next = self.topology.next_hop(dest);
        let in_range = next.filter(|(_, distance)| *distance <= usize::from(self.config.hop_limit));
        let Some(link) = in_range.and_then(|(hop, _)| self.link_to(hop)) else {
            out.push(MeshOutput::NoRoute { dest });
            return;
        };
        let routed = Routed {
            hops: 1,
            origin: self.own,
            dest,
            sequence: self.rng.next_u32(),
            payload,
        };
        let bytes = Frame::Routed(routed).encode();
        out.push(MeshOutput::Transmit { link, bytes, kind });
    }

    fn routed(
        &mut self,
        link: LinkId,
        from: MeshAddress,
        mut routed: Routed,
        out: &mut Outbox<MeshOutput>,
    ) {
        if routed.hops == 0 || routed.hops > self.config.hop_limit {
            let fault = PeerFault::Mesh("hops out of range");
            out.push(MeshOutput::Fault { link, fault });
            return;
        }
        // Our own frame, come back by a path that changed under way, or one seen before.
        if routed.origin == self.own || !self.dedup.insert((routed.origin, routed.sequence)) {
            return;
        }
        if routed.dest == self.own {
            out.push(MeshOutput::Deliver {
                origin: routed.origin,
                link,
                relayed: true,
                bytes: routed.payload,
            });
            return;
        }
        if routed.hops == self.config.hop_limit {
            return;
        }
        // Back to where it came from is no progress: that node believes in the way through here.
        let next = self.topology.next_hop(routed.dest).map(|(hop, _)| hop);
        let Some(link) = next
            .filter(|hop| *hop != from)
            .and_then(|hop| self.link_to(hop))
        else {
            return;
        };
        routed.hops += 1;
        out.push(MeshOutput::Transmit {
            link,
            bytes: Frame::Routed(routed).encode(),
            kind: RELAY,
        });
    }

    fn digest(
        &mut self,
        link: LinkId,
        digest: &Digest,
        now: Instant,
        out: &mut Outbox<MeshOutput>,
    ) {
        let space = self.config.announce_min;
        let Some(neighbour) = self.links.get_mut(&link) else {
            return;
        };
        if spaced(neighbour.answered_at, space, now) > now {
            return;
        }
        neighbour.answered_at = Some(now);
        let known: BTreeSet<&[u8; 4]> = digest.fingerprints.iter().collect();
        let lacking: Vec<Announcement> = self
            .topology
            .announcements(digest.salt)
            .filter(|(fingerprint, _)| !known.contains(fingerprint))
            .map(|(_, announcement)| announcement.clone())
            .collect();
        out.extend(announce_to(link, &lacking));
        if digest.reply {
            self.send_digest(link, false, out);
        }
    }

    fn summary(
        &mut self,
        link: LinkId,
        summary: Summary,
        now: Instant,
        out: &mut Outbox<MeshOutput>,
    ) {
        let space = self.config.announce_min;
        let Some(neighbour) = self.links.get_mut(&link) else {
            return;
        };
        if summary.0 == self.topology.summary().to_le_bytes()
            || spaced(neighbour.compared_at, space, now) > now
        {
            return;
        }
        neighbour.compared_at = Some(now);
        self.send_digest(link, true, out);
    }

    fn plan_summary(&mut self, now: Instant) {
        // Uneven, so that neighbours do not all speak at once.
        let every = u64::try_from(self.config.summary_every.as_micros()).unwrap_or(u64::MAX / 2);
        let early = self.rng.next_u64() % (every / 4 + 1);
        self.summary_due = Some(now + Duration::from_micros(every - early));
    }

    fn compare_if_due(&mut self, now: Instant, out: &mut Outbox<MeshOutput>) {
        if self.summary_due.is_none_or(|due| due > now) {
            return;
        }
        self.plan_summary(now);
        let bytes = Frame::Summary(Summary(self.topology.summary().to_le_bytes())).encode();
        for link in self.first_links(None) {
            out.push(MeshOutput::Transmit {
                link,
                bytes: bytes.clone(),
                kind: ANNOUNCE,
            });
        }
    }

    fn send_digest(&mut self, link: LinkId, reply: bool, out: &mut Outbox<MeshOutput>) {
        let salt = self.rng.next_u32().to_le_bytes();
        let known = self.topology.announcements(salt);
        let digest = Digest {
            reply,
            salt,
            fingerprints: BoundedVec::truncating(known.map(|(known, _)| known).collect()),
        };
        out.push(MeshOutput::Transmit {
            link,
            bytes: Frame::Digest(digest).encode(),
            kind: ANNOUNCE,
        });
    }

    /// Sends announcements to every neighbour but `except`.
    fn flood(
        &self,
        announcements: &[Announcement],
        except: Option<MeshAddress>,
        out: &mut Outbox<MeshOutput>,
    ) {
        for bytes in announce_frames(announcements) {
            out.extend(self.first_links(except).map(|link| MeshOutput::Transmit {
                link,
                bytes: bytes.clone(),
                kind: ANNOUNCE,
            }));
        }
    }

    fn link_to(&self, address: MeshAddress) -> Option<LinkId> {
        self.by_address.get(&address)?.first().copied()
    }

    fn first_links(&self, except: Option<MeshAddress>) -> impl Iterator<Item = LinkId> {
        self.by_address
            .iter()
            .filter(move |(address, _)| Some(**address) != except)
            .filter_map(|(_, links)| links.first().copied())
    }
}

fn announce_frames(announcements: &[Announcement]) -> impl Iterator<Item = Vec<u8>> {
    announcements.chunks(ANNOUNCEMENTS_MAX).map(|batch| {
        let batch = BoundedVec::truncating(batch.to_vec());
        Frame::Announce(batch).encode()
    })
}

fn announce_to(link: LinkId, announcements: &[Announcement]) -> impl Iterator<Item = MeshOutput> {
    announce_frames(announcements).map(move |bytes| MeshOutput::Transmit {
        link,
        bytes,
        kind: ANNOUNCE,
    })
}

/// The first moment that is `space` away from `last` and not past.
fn spaced(last: Option<Instant>, space: Duration, now: Instant) -> Instant {
    last.map_or(now, |last| now.max(last + space))
}
