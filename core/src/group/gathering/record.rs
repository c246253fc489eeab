//! The record of a gathering: version, ticket and what its side keeps.

use serde::{Deserialize, Serialize};

use super::super::ticket::Ticket;
use super::Side;
use super::joiner::{self, Joiner};
use super::opener::{self, Opener};
use crate::config::GroupConfig;
use crate::id::{GroupId, PeerId};
use crate::wire::{self, DecodeError, RulesId};

#[derive(Serialize, Deserialize)]
struct Record {
    group: GroupId,
    inviter: PeerId,
    seed: [u8; 32],
    side: KeptSide,
}

#[derive(Serialize, Deserialize)]
enum KeptSide {
    Opener(Box<opener::Kept>),
    Joiner(joiner::Kept),
}

pub(super) fn encode(ticket: &Ticket, side: &Side) -> Vec<u8> {
    let record = Record {
        group: ticket.group,
        inviter: ticket.inviter,
        seed: ticket.seed,
        side: match side {
            Side::Opener(opener) => KeptSide::Opener(Box::new(opener.kept().clone())),
            Side::Joiner(joiner) => KeptSide::Joiner(joiner.kept().clone()),
        },
    };
    let mut bytes = vec![VERSION];
    bytes.extend(wire::encode(&record));
    bytes
}

pub(super) fn decode(
    own: PeerId,
    config: &GroupConfig,
    rules: Vec<RulesId>,
    bytes: &[u8],
) -> Result<(Ticket, Side), DecodeError> {
    let (version, rest) = bytes.split_first().ok_or(DecodeError::Malformed)?;
    if *version != VERSION {
        return Err(DecodeError::UnknownVersion {
            have: *version,
            need: VERSION,
        });
    }
    let record: Record = wire::decode(rest, RECORD_LEN_MAX)?;
    let ticket = Ticket::new(record.group, record.inviter, record.seed);
    let side = match record.side {
        KeptSide::Opener(kept) => {
            let first = kept.entries.first().map(|entry| entry.peer);
            if record.inviter != own || first != Some(own) {
                return Err(DecodeError::Malformed);
            }
            Side::Opener(Opener::restore(*kept))
        }
        KeptSide::Joiner(kept) => Side::Joiner(Joiner::restore(kept, rules, config)),
    };
    Ok((ticket, side))
}

const VERSION: u8 = 1;
/// A roster and a genesis of sixteen members are below 4 KiB together.
const RECORD_LEN_MAX: usize = 8 * 1024;
