//! Messages of a group, each believed for what proves it.

use super::{Replica, ReplicaEvent, ReplicaOutput};
use crate::consensus::Input;
use crate::error::PeerFault;
use crate::group::{Inserted, Received};
use crate::id::MeshAddress;
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::wire::{Fetch, GroupMessage, SignedAction};

impl Replica {
    /// Takes one message of a member, or of whoever claims to be one.
    pub(super) fn message(
        &mut self,
        origin: MeshAddress,
        message: GroupMessage,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let sender = self.index_of(origin);
        match message {
            // Whoever asks to join a table that runs learns how it started; whether he is in it
            // stands in the genesis.
            GroupMessage::Join(_) => {
                let message = GroupMessage::Genesis(self.genesis.clone());
                out.push(ReplicaOutput::Send {
                    to: origin,
                    message,
                });
                self.greet(origin, out);
            }
            GroupMessage::Roster(_) => {}
            // The opener repeats the genesis until he hears us: the answer is where we stand.
            GroupMessage::Genesis(_) => {
                if sender.is_some() {
                    self.send_status(origin, false, out);
                }
            }
            GroupMessage::Action(action) => self.action(action, sender, out),
            GroupMessage::Proposal(proposal) => {
                self.consensus_input(Input::Proposal(proposal), now, out);
            }
            GroupMessage::Votes(votes) => {
                self.consensus_input(Input::Votes(votes.into_vec()), now, out);
            }
            GroupMessage::Certificates(certificates) => {
                self.consensus_input(Input::Certificates(certificates.into_vec()), now, out);
            }
            GroupMessage::Refusal(refusal) => {
                self.consensus_input(Input::Refusal(refusal), now, out);
            }
            GroupMessage::Reveal(reveal) => match self.draws.receive(reveal) {
                Received::New => {
                    self.dirty = true;
                    let origin = self.members[usize::from(reveal.voter)].address();
                    out.push(ReplicaOutput::Spread { origin, message });
                }
                Received::Invalid => out.push(ReplicaOutput::Fault {
                    peer: None,
                    fault: PeerFault::Consensus {
                        rule: 4,
                        what: "a preimage that leads elsewhere",
                    },
                }),
                Received::Known | Received::Early | Received::Stale => {}
            },
            GroupMessage::Status(status) => {
                if let Some(sender) = sender {
                    self.status(sender, &status, now, out);
                } else if self.observers.contains(&origin) && status.reply {
                    self.send_status(origin, false, out);
                }
            }
            GroupMessage::Fetch(fetch) => {
                if sender.is_some() || self.observers.contains(&origin) {
                    self.serve(origin, &fetch, out);
                }
            }
            GroupMessage::Found(found) => self.found(sender, found, now, out),
        }
    }

    /// Somebody else's action: believed by its signature, forwarded once.
    pub(super) fn action(
        &mut self,
        action: SignedAction,
        sender: Option<u8>,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        if !self.executor.verify(&action) {
            return out.push(ReplicaOutput::Fault {
                peer: None,
                fault: PeerFault::Signature,
            });
        }
        let author = action.action.author;
        let inserted = self.pool.insert(action.clone());
        match inserted {
            Inserted::New | Inserted::Equivocation { .. } | Inserted::Gap { .. } => {
                self.dirty = true;
                out.push(ReplicaOutput::Spread {
                    origin: author.address(),
                    message: GroupMessage::Action(action),
                });
            }
            Inserted::Known | Inserted::Full | Inserted::Stale => {}
        }
        match inserted {
            Inserted::Equivocation {
                author,
                first,
                second,
            } => {
                let what = format!("signed two actions with one number: {first:?} and {second:?}");
                out.push(ReplicaOutput::Event(ReplicaEvent::Evidence {
                    peer: author,
                    what,
                }));
            }
            Inserted::Gap { author, from } => {
                if let Some(to) = sender {
                    self.ask(to, Fetch::Actions { author, from }, out);
                }
            }
            Inserted::New | Inserted::Known | Inserted::Full | Inserted::Stale => {}
        }
    }
}
