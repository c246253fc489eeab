//! What is signed in a gathering, what is shown of a phone, and when a genesis is well formed.

use std::collections::BTreeSet;

use super::super::ticket::{Ticket, encode_base32};
use crate::crypto::seal::SealingSecret;
use crate::crypto::{Domain, Hash, Identity, Signature, SignatureScheme, hash};
use crate::error::PeerFault;
use crate::group::group_key;
use crate::id::{GroupId, PeerId};
use crate::wire::{
    BoundedVec, Bytes, Genesis, JoinRequest, MEMBERS_MAX, Mode, NAME_LEN_MAX, Roster, RosterEntry,
    RulesId, SignedGenesis, encode,
};

/// A name as screens may show it: without control, formatting and direction characters, white space
/// in single blanks, at most 24 bytes. None if nothing is left.
pub fn clean_name(name: &str) -> Option<String> {
    let mut clean = String::new();
    let mut blank = false;
    for character in name.chars() {
        if character.is_whitespace() {
            blank = true;
            continue;
        }
        if character.is_control() || is_invisible(character) {
            continue;
        }
        let gap = usize::from(blank && !clean.is_empty());
        if clean.len() + gap + character.len_utf8() > NAME_LEN_MAX {
            break;
        }
        if gap > 0 {
            clean.push(' ');
        }
        blank = false;
        clean.push(character);
    }
    (!clean.is_empty()).then_some(clean)
}

/// Forty bits over group and key, for two people to compare by eye: who copies a name does not copy
/// the code.
pub fn safety_code(group: GroupId, peer: &PeerId) -> String {
    let code = hash(Domain::SafetyCode, &[group.as_bytes(), peer.as_bytes()]);
    let characters = encode_base32(&code.0[..5]);
    let text = characters.into_iter().map(char::from);
    let mut shown: String = text.collect();
    shown.insert(4, '-');
    shown
}

/// Characters that change or hide how a name reads: bidirectional controls, joiners, fillers, tags,
/// private use.
fn is_invisible(character: char) -> bool {
    matches!(
        u32::from(character),
        0x00ad
            | 0x034f
            | 0x061c
            | 0x115f..=0x1160
            | 0x17b4..=0x17b5
            | 0x180b..=0x180f
            | 0x200b..=0x200f
            | 0x2028..=0x202e
            | 0x2060..=0x206f
            | 0x2800
            | 0x3164
            | 0xe000..=0xf8ff
            | 0xfe00..=0xfe0f
            | 0xfeff
            | 0xffa0
            | 0xfff0..=0xfffd
            | 0x1bca0..=0x1bca3
            | 0x1d173..=0x1d17a
            | 0xe0000..=0x10ffff
    )
}

/// G1: the request of a phone that holds `ticket`.
pub(super) fn sign_join(
    identity: &Identity,
    ticket: &Ticket,
    name: Bytes<NAME_LEN_MAX>,
    tip: Hash,
    nonce: [u8; 16],
    rules: BoundedVec<RulesId, 16>,
) -> JoinRequest {
    let joiner = identity.peer();
    let proof = ticket_bytes(ticket.group, &ticket.inviter, &joiner, &nonce);
    let mut request = JoinRequest {
        joiner,
        name,
        tip,
        nonce,
        sealing: SealingSecret::of(identity, &ticket.group.0).public(),
        rules,
        ticket_signature: identity.scheme().sign(&ticket.seed, &proof),
        signature: Signature::ZERO,
    };
    request.signature = identity.sign(&join_bytes(ticket.group, &request));
    request
}

/// G1: whether the joiner holds `ticket` and signed all of the request.
pub(super) fn verify_join(
    scheme: &dyn SignatureScheme,
    ticket: &Ticket,
    request: &JoinRequest,
) -> bool {
    let key = scheme.public(&ticket.seed);
    let proof = ticket_bytes(
        ticket.group,
        &ticket.inviter,
        &request.joiner,
        &request.nonce,
    );
    scheme.verify(&key, &proof, &request.ticket_signature)
        && scheme.verify(
            &request.joiner,
            &join_bytes(ticket.group, request),
            &request.signature,
        )
}

/// The opener's list.
pub(super) fn sign_roster(
    identity: &Identity,
    group: GroupId,
    revision: u64,
    entries: BoundedVec<RosterEntry, MEMBERS_MAX>,
) -> Roster {
    let signature = identity.sign(&roster_bytes(group, revision, &entries));
    Roster {
        revision,
        entries,
        signature,
    }
}

/// Whether the inviter of `ticket` signed the list, and it is one that screens may show.
pub(super) fn verify_roster(
    scheme: &dyn SignatureScheme,
    ticket: &Ticket,
    roster: &Roster,
) -> Result<(), PeerFault> {
    check_entries(roster.entries.iter(), &ticket.inviter)?;
    let bytes = roster_bytes(ticket.group, roster.revision, &roster.entries);
    if scheme.verify(&ticket.inviter, &bytes, &roster.signature) {
        Ok(())
    } else {
        Err(PeerFault::Signature)
    }
}

/// G5: whether this is a genesis for the group and by the inviter of `ticket`, and well formed.
pub(super) fn verify_genesis(
    identity: &Identity,
    ticket: &Ticket,
    signed: &SignedGenesis,
) -> Result<(), PeerFault> {
    let genesis: &Genesis = &signed.genesis;
    if genesis.group != ticket.group {
        return Err(PeerFault::Gathering("a genesis of another group"));
    }
    check_entries(genesis.everyone(), &ticket.inviter)?;
    if genesis.members.len() + genesis.observers.len() > MEMBERS_MAX {
        return Err(PeerFault::Gathering("a genesis with too many members"));
    }
    let votes = |entry: &RosterEntry| entry.votes;
    if !genesis.members.iter().all(votes) || genesis.observers.iter().any(votes) {
        return Err(PeerFault::Gathering(
            "a genesis that mixes up who has a vote",
        ));
    }
    if genesis.members.len() < MEMBERS_MIN {
        return Err(PeerFault::Gathering("a genesis with too few members"));
    }
    if genesis.modes.len() != MEMBERS_MAX {
        return Err(PeerFault::Gathering(
            "a genesis without a mode for each size",
        ));
    }
    if !signed.verify(identity.scheme().as_ref()) {
        return Err(PeerFault::Signature);
    }
    let named = genesis
        .everyone()
        .any(|entry| entry.peer == identity.peer());
    if named && group_key::open(genesis, identity).is_none() {
        return Err(PeerFault::Gathering(
            "a genesis whose group key does not open here",
        ));
    }
    Ok(())
}

/// The modes of a genesis, by committee size - 1.
pub(super) fn modes(wish: Option<Mode>) -> BoundedVec<Mode, MEMBERS_MAX> {
    let mode = |size: usize| match wish {
        Some(Mode::Bft) | None if size >= 4 => Mode::Bft,
        Some(Mode::Bft) | None => Mode::Majority,
        Some(mode @ (Mode::Majority | Mode::Unanimous)) => mode,
    };
    BoundedVec::truncating((1..=MEMBERS_MAX).map(mode).collect())
}

fn check_entries<'a>(
    mut entries: impl Iterator<Item = &'a RosterEntry> + Clone,
    inviter: &PeerId,
) -> Result<(), PeerFault> {
    if entries.clone().next().map(|entry| &entry.peer) != Some(inviter) {
        return Err(PeerFault::Gathering("the inviter does not stand first"));
    }
    // Addresses route; two members with one could not both be reached.
    let addresses: BTreeSet<_> = entries.clone().map(|entry| entry.peer.address()).collect();
    if addresses.len() != entries.clone().count() {
        return Err(PeerFault::Gathering("one phone is listed twice"));
    }
    let shown = |entry: &RosterEntry| {
        let name = std::str::from_utf8(&entry.name).ok();
        name.and_then(clean_name).as_deref() == name && name.is_some()
    };
    if !entries.all(shown) {
        return Err(PeerFault::Gathering("a name that is not clean"));
    }
    Ok(())
}

fn ticket_bytes(group: GroupId, inviter: &PeerId, joiner: &PeerId, nonce: &[u8; 16]) -> Vec<u8> {
    encode(&(Domain::TicketProof as u8, group, inviter, joiner, nonce))
}

fn join_bytes(group: GroupId, request: &JoinRequest) -> Vec<u8> {
    encode(&(
        Domain::Join as u8,
        group,
        request.joiner,
        &request.name,
        request.tip,
        request.nonce,
        request.sealing,
        &request.rules,
        request.ticket_signature,
    ))
}

fn roster_bytes(
    group: GroupId,
    revision: u64,
    entries: &BoundedVec<RosterEntry, MEMBERS_MAX>,
) -> Vec<u8> {
    encode(&(Domain::Roster as u8, group, revision, entries))
}

/// A table of one has nobody to agree with.
pub(super) const MEMBERS_MIN: usize = 2;
