//! Group messages as the mesh carries them: the beginning of the group's id, then the message. Whoever
//! relays one cannot read it: it is encrypted with the key of the group's epoch. Over a single link
//! the link's own encryption is enough.

use super::Node;
use crate::error::PeerFault;
use crate::id::{GroupId, LinkId, MeshAddress};
use crate::time::Instant;
use crate::wire::{GroupMessage, MESSAGE_LEN_MAX, decode, encode};

/// First bytes of a group's id in front of its messages: what this phone needs to tell its own
/// tables apart.
pub(super) const GROUP_TAG_LEN: usize = 4;
/// First byte of an encrypted message; a readable one begins with its kind, which is lower.
const SEALED: u8 = 0xff;

impl Node {
    /// Takes a payload of the mesh in: who it says it is from, the link it came by, and whether
    /// others carried it.
    pub(super) fn table_message(
        &mut self,
        origin: MeshAddress,
        (link, relayed): (LinkId, bool),
        bytes: &[u8],
        now: Instant,
    ) {
        let Some((tag, message)) = bytes.split_at_checked(GROUP_TAG_LEN) else {
            let fault = PeerFault::Mesh("a payload without a group");
            return self.fault(Some(link), None, fault);
        };
        let Some(group) = self.group_of(tag) else {
            *self.faults.entry("unknown group").or_default() += 1;
            return;
        };
        let opened = match message.split_first() {
            Some((&SEALED, sealed)) => {
                let context = context(group, origin, self.own_address());
                let Some(running) = self.running(group) else {
                    // The others have the genesis already; it is on its way here.
                    return;
                };
                let key = running.group_key();
                let opened = key.and_then(|key| key.decrypt(&context, sealed));
                let Some(opened) = opened else {
                    // Of another epoch perhaps, or not for this phone: nobody is to blame.
                    return self.fault(None, None, PeerFault::Sealed("does not open here"));
                };
                Some(opened)
            }
            _ => None,
        };
        let sealed = opened.is_some();
        match decode::<GroupMessage>(opened.as_deref().unwrap_or(message), MESSAGE_LEN_MAX) {
            Ok(message) if relayed && !sealed && !is_open(&message) => {
                self.fault(
                    None,
                    None,
                    PeerFault::Sealed("is readable for who carried it"),
                );
            }
            Ok(message) => self.group_message(group, origin, message, now),
            Err(error) => self.fault(Some(link), None, PeerFault::Undecodable(error)),
        }
    }

    pub(super) fn send_message(
        &mut self,
        group: GroupId,
        dest: MeshAddress,
        message: &GroupMessage,
        now: Instant,
    ) {
        let mut bytes = group.0[..GROUP_TAG_LEN].to_vec();
        if is_open(message) || self.mesh.is_neighbour(dest) {
            bytes.extend(encode(message));
        } else {
            let mut nonce = [0; 12];
            rand_core::Rng::fill_bytes(&mut self.rng, &mut nonce);
            let context = context(group, self.own_address(), dest);
            let Some(key) = self.running(group).and_then(|it| it.group_key()) else {
                *self.faults.entry("no group key").or_default() += 1;
                return;
            };
            bytes.push(SEALED);
            bytes.extend(key.encrypt(nonce, &context, &encode(message)));
        }
        self.mesh_send(dest, bytes, message.kind(), now);
    }
}

/// What anybody may read: a phone that joins has no key yet.
fn is_open(message: &GroupMessage) -> bool {
    matches!(
        message,
        GroupMessage::Join(_) | GroupMessage::Roster(_) | GroupMessage::Genesis(_)
    )
}

/// What a sealed message is bound to: nobody can send it on as somebody else's, or to somebody else.
fn context(group: GroupId, origin: MeshAddress, dest: MeshAddress) -> Vec<u8> {
    encode(&(group, origin, dest))
}
