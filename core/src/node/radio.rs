//! The radio side of a node: discovery, links and mesh, each drained into the next.

use super::{Event, Node, Output, drain, draw_seed};
use crate::ble::{DiscoveryInput, DiscoveryOutput, PowerState, RadioCommand, RadioEvent, Role};
use crate::id::{DeviceId, LinkId, MeshAddress, PeerId};
use crate::link::{Link, LinkInput, LinkOutput, LinkSetup};
use crate::mesh::{MeshInput, MeshOutput};
use crate::outbox::Outbox;
use crate::time::Instant;

/// One connection with its machine.
#[derive(Debug)]
pub(super) struct LinkEntry {
    pub(super) machine: Link,
    /// Whether the mesh uses it: established and the kept one of its peer.
    in_mesh: bool,
    /// Whether we asked for its end already.
    closing: bool,
}

impl Node {
    pub(super) fn radio_event(&mut self, event: RadioEvent, now: Instant) {
        match event {
            RadioEvent::PowerChanged(power) => {
                // Some stacks tell of no link that ends with the power.
                if power != PowerState::On {
                    for link in self.links.keys().copied().collect::<Vec<_>>() {
                        self.leave_mesh(link, now);
                        self.links.remove(&link);
                    }
                }
                self.discovery_input(DiscoveryInput::Power(power), now);
            }
            RadioEvent::AppModeChanged(mode) => {
                self.discovery_input(DiscoveryInput::Mode(mode), now);
            }
            RadioEvent::Discovered {
                device,
                advert,
                rssi,
            } => {
                self.discovery_input(
                    DiscoveryInput::Discovered {
                        device,
                        advert,
                        rssi,
                    },
                    now,
                );
            }
            RadioEvent::LinkUp {
                link,
                device,
                role,
                value_len_max,
            } => {
                self.link_up(link, device, role, value_len_max, now);
            }
            RadioEvent::ValueLengthChanged {
                link,
                value_len_max,
            } => {
                self.link_input(link, LinkInput::ValueLengthChanged(value_len_max), now);
            }
            RadioEvent::Ready { link } => self.link_input(link, LinkInput::Ready, now),
            RadioEvent::ValueReceived { link, bytes } => {
                self.link_input(link, LinkInput::Value(bytes), now);
            }
            RadioEvent::OperationCompleted { link, op, result } => {
                self.link_input(link, LinkInput::Completed { op, result }, now);
            }
            RadioEvent::LinkDown { link, reason } => {
                if self.links.contains_key(&link) {
                    self.leave_mesh(link, now);
                    self.links.remove(&link);
                }
                self.discovery_input(DiscoveryInput::LinkDown { link, reason }, now);
            }
            RadioEvent::ScanFailed => self.discovery_input(DiscoveryInput::ScanFailed, now),
            RadioEvent::AdvertisingFailed => {
                self.discovery_input(DiscoveryInput::AdvertisingFailed, now);
            }
        }
    }

    pub(super) fn discovery_input(&mut self, input: DiscoveryInput, now: Instant) {
        let mut out = Outbox::new();
        self.discovery.handle(input, now, &mut out);
        for output in drain(&mut out) {
            match output {
                DiscoveryOutput::Command(command) => {
                    self.outputs.push_back(Output::Radio(command));
                }
                DiscoveryOutput::Fault(fault) => self.fault(None, None, fault),
            }
        }
    }

    pub(super) fn link_timeout(&mut self, link: LinkId, now: Instant) {
        self.link_input(link, LinkInput::Timeout, now);
    }

    pub(super) fn mesh_input(&mut self, input: MeshInput, now: Instant) {
        let mut out = Outbox::new();
        self.mesh.handle(input, now, &mut out);
        for output in drain(&mut out) {
            match output {
                MeshOutput::Transmit { link, bytes, kind } => {
                    *self.sent.entry(kind).or_default() += bytes.len() as u64;
                    self.link_input(link, LinkInput::Send { message: bytes }, now);
                }
                MeshOutput::Deliver {
                    origin,
                    link,
                    relayed,
                    bytes,
                } => {
                    self.table_message(origin, (link, relayed), &bytes, now);
                }
                MeshOutput::TopologyChanged => self.tell_paths_changed(now),
                MeshOutput::NoRoute { .. } => {
                    *self.faults.entry("no route").or_default() += 1;
                }
                MeshOutput::TooLong { .. } => {
                    *self.faults.entry("message too long").or_default() += 1;
                }
                MeshOutput::Fault { link, fault } => {
                    let peer = self.links.get(&link).and_then(|entry| entry.machine.peer());
                    self.fault(Some(link), peer, fault);
                }
            }
        }
    }

    /// Sends `bytes` to a member, wherever he is.
    pub(super) fn mesh_send(
        &mut self,
        dest: MeshAddress,
        bytes: Vec<u8>,
        kind: &'static str,
        now: Instant,
    ) {
        self.mesh_input(MeshInput::Send { dest, bytes, kind }, now);
    }

    fn link_up(
        &mut self,
        link: LinkId,
        device: DeviceId,
        role: Role,
        value_len_max: u16,
        now: Instant,
    ) {
        let setup = LinkSetup {
            config: self.config.link.clone(),
            identity: self.identity.clone(),
            role,
            value_len_max,
            seed: draw_seed(&mut self.rng),
        };
        let machine = Link::new(setup, now);
        self.links.insert(
            link,
            LinkEntry {
                machine,
                in_mesh: false,
                closing: false,
            },
        );
        self.discovery_input(DiscoveryInput::LinkUp { link, device, role }, now);
    }

    fn link_input(&mut self, link: LinkId, input: LinkInput, now: Instant) {
        // A callback of a link that is gone names nothing.
        let Some(entry) = self.links.get_mut(&link) else {
            return;
        };
        let mut out = Outbox::new();
        entry.machine.handle(input, now, &mut out);
        let (role, peer) = (entry.machine.role(), entry.machine.peer());
        for output in drain(&mut out) {
            match output {
                LinkOutput::Operation { op, bytes } => {
                    let command = match role {
                        Role::Central => RadioCommand::Write { link, op, bytes },
                        Role::Peripheral => RadioCommand::Notify { link, op, bytes },
                    };
                    self.outputs.push_back(Output::Radio(command));
                }
                LinkOutput::Established { peer } => self.link_established(link, peer, now),
                LinkOutput::Received { message } => {
                    if self.links.get(&link).is_some_and(|entry| entry.in_mesh) {
                        self.mesh_input(
                            MeshInput::Frame {
                                link,
                                bytes: message,
                            },
                            now,
                        );
                    }
                }
                LinkOutput::QueueFull { .. } => {
                    *self.faults.entry("queue full").or_default() += 1;
                }
                LinkOutput::Fault(fault) => self.fault(Some(link), peer, fault),
                LinkOutput::Close { .. } => self.disconnect(link, now),
            }
        }
    }

    /// A link knows its peer now. Of two links to one peer both sides keep the same one.
    fn link_established(&mut self, link: LinkId, peer: PeerId, now: Instant) {
        let other = self
            .links
            .iter()
            .find(|(id, entry)| **id != link && entry.in_mesh && entry.machine.peer() == Some(peer))
            .map(|(id, _)| *id);
        self.discovery_input(
            DiscoveryInput::Identified {
                link,
                same_as: other,
            },
            now,
        );
        if let Some(other) = other {
            let loser = if self.rank(link) < self.rank(other) {
                other
            } else {
                link
            };
            self.disconnect(loser, now);
            if loser == link {
                return;
            }
        }
        if let Some(entry) = self.links.get_mut(&link) {
            entry.in_mesh = true;
        }
        self.event(Event::NeighbourUp { link, peer });
        self.mesh_input(MeshInput::LinkUp { link, peer }, now);
        self.tell_neighbour(peer.address(), now);
    }

    /// What both sides of a link compute alike: the lower one is kept.
    fn rank(&self, link: LinkId) -> Option<(PeerId, crate::crypto::Hash)> {
        let machine = &self.links.get(&link)?.machine;
        let central = match machine.role() {
            Role::Central => self.identity.peer(),
            Role::Peripheral => machine.peer()?,
        };
        Some((central, machine.handshake_hash()?))
    }

    fn disconnect(&mut self, link: LinkId, now: Instant) {
        self.leave_mesh(link, now);
        if let Some(entry) = self.links.get_mut(&link)
            && !entry.closing
        {
            entry.closing = true;
            self.outputs
                .push_back(Output::Radio(RadioCommand::Disconnect { link }));
        }
    }

    fn leave_mesh(&mut self, link: LinkId, now: Instant) {
        let Some(entry) = self.links.get_mut(&link) else {
            return;
        };
        if std::mem::take(&mut entry.in_mesh) {
            let peer = entry.machine.peer().expect("a link in the mesh has a peer");
            self.event(Event::NeighbourDown { link, peer });
            self.mesh_input(MeshInput::LinkDown { link }, now);
        }
    }
}
