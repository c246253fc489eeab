//! Messages of a group, each believed for what proves it.

use std::collections::{BTreeMap, BTreeSet};

use super::{ACTIONS_MESSAGE_LEN_MAX, Replica, ReplicaEvent, ReplicaOutput};
use crate::consensus::Input;
use crate::error::PeerFault;
use crate::group::{Inserted, Received};
use crate::id::MeshAddress;
use crate::outbox::Outbox;
use crate::sync::pack::{Known, Nothing, Packing, Unpacked, pack_all, unpack};
use crate::time::Instant;
use crate::wire::{Fetch, GroupMessage, PackedActions, Recovery, SignedAction};

/// A question counts as that of the member who sent it, an answer as that of whoever signed it.
fn recovery_input(sender: Option<u8>, message: Recovery) -> Option<Input> {
    Some(match message {
        Recovery::Query { epoch, nonce, .. } => Input::RoundAsked {
            asker: sender?,
            epoch,
            nonce,
        },
        Recovery::Answer(answer) => Input::RoundAnswered(answer),
    })
}

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
        self.overhear(sender, &message, now);
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
            GroupMessage::Actions(packed) => self.actions(packed, sender, sender, now, out),
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
            GroupMessage::Tally(counts) => self.tally_received(sender, counts, now, out),
            GroupMessage::Recovery(message) => {
                if let Some(input) = recovery_input(sender, message) {
                    self.consensus_input(input, now, out);
                }
            }
            GroupMessage::Reconcile(message) => {
                if let Some(sender) = sender {
                    self.reconcile_message(sender, &message, now, out);
                }
            }
        }
    }

    /// Actions of others, packed by a member: each believed by its signature. New ones are forwarded
    /// once. `sender` is who can be asked for what is missing before them.
    pub(super) fn actions(
        &mut self,
        packed: PackedActions,
        packer: Option<u8>,
        sender: Option<u8>,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let unpacked = match unpack(self.packing(), &packed, &self.pool) {
            Ok(unpacked) => unpacked,
            Err(fault) => {
                // Whether it unpacks follows from the message alone, and whoever passes actions on has
                // unpacked them: it is his own making.
                let peer = packer.and_then(|packer| self.members.get(usize::from(packer)));
                return out.push(ReplicaOutput::Fault {
                    peer: peer.copied(),
                    fault: fault.into(),
                });
            }
        };
        let count = unpacked.len();
        let mut new: BTreeMap<u8, Vec<SignedAction>> = BTreeMap::new();
        // Authors whose actions go on from one that is not here, or not the one that is.
        let mut unclear = BTreeSet::new();
        for action in unpacked {
            match action {
                Unpacked::Held => {}
                Unpacked::Unknown { author } => {
                    unclear.insert(author);
                }
                Unpacked::Action {
                    author,
                    signed,
                    anchored,
                } => {
                    if !anchored && unclear.contains(&author) {
                        continue;
                    }
                    if self.executor.verify(&signed) {
                        if self.action(&signed, sender, now, out) {
                            new.entry(author).or_default().push(*signed);
                        }
                    } else if anchored {
                        // Whoever made this message lied: the rest of it is not worth a look. A
                        // signature that fails is laid at nobody's door, here as elsewhere (C0).
                        out.push(ReplicaOutput::Fault {
                            peer: None,
                            fault: PeerFault::Signature,
                        });
                        break;
                    } else {
                        unclear.insert(author);
                    }
                }
            }
        }
        for author in unclear {
            let known = self.pool.last(author).map_or(0, |(_, number, _)| number);
            self.ask_actions(sender, author, known.saturating_add(1), now, out);
        }
        for (author, actions) in new {
            let origin = self.members[usize::from(author)].address();
            let messages = if actions.len() == count && sender.is_some() {
                vec![packed.clone()]
            } else {
                pack_all(self.packing(), &actions, &Nothing, ACTIONS_MESSAGE_LEN_MAX)
            };
            out.extend(messages.into_iter().map(|packed| ReplicaOutput::Spread {
                origin,
                message: GroupMessage::Actions(packed),
            }));
        }
    }

    /// One action with a genuine signature; whether others may lack it too.
    pub(super) fn action(
        &mut self,
        action: &SignedAction,
        sender: Option<u8>,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) -> bool {
        match self.pool.insert(action.clone()) {
            Inserted::Known | Inserted::Full | Inserted::Stale => return false,
            Inserted::Malformed { author, what } => {
                out.push(ReplicaOutput::Fault {
                    peer: Some(author),
                    fault: PeerFault::Action(what),
                });
                return false;
            }
            Inserted::New => {}
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
            Inserted::Gap { author, from } => self.ask_actions(sender, author, from, now, out),
        }
        self.dirty = true;
        true
    }

    /// Asks whoever sent something for what is missing before it; once in a while for one number.
    pub(super) fn ask_actions(
        &mut self,
        sender: Option<u8>,
        author: u8,
        from: u64,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        let Some(to) = sender else {
            return;
        };
        let asked = self.asked_actions.get(&author);
        if asked.is_some_and(|(number, until)| *number == from && now < *until) {
            return;
        }
        let until = now + self.config.fetch_timeout;
        self.asked_actions.insert(author, (from, until));
        self.ask(to, Fetch::Actions { author, from }, out);
    }

    /// What packing needs to know of the group.
    pub(super) fn packing(&self) -> Packing<'_> {
        Packing {
            group: self.group,
            members: &self.members,
            rules: self.executor.rules(),
        }
    }
}

#[cfg(test)]
mod tests;
