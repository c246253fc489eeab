//! Signed actions without what both sides know, and back.
//!
//! Author, run, number and the hash of the action before are signed and not sent: they follow from
//! an [`Anchor`], from the action before in the same message, or from what the receiver knows. What
//! is left goes through a range coder whose models the rule set brings ([`Rules::pack`]); where that
//! is not shorter, it travels as plain bytes with one byte in front. Nothing is reordered.
//!
//! One value has one encoding: [`unpack`] packs what it read again and takes no other bytes. What the
//! receiver knows may be another thing than what the sender believed; then the signature does not
//! verify, and whoever called asks for the actions, whose answer begins with an anchor.

mod items;
mod raw;
#[cfg(test)]
mod tests;

use crate::crypto::{Hash, Signature};
use crate::id::{GroupId, PeerId, RunId};
use crate::rules::Rules;
use crate::wire::{
    Action, Anchor, BoundedVec, Bytes, DecodeError, FOUND_ITEMS_MAX, MEMBERS_MAX, PACKED_LEN_MAX,
    PackedActions, SignedAction, UnpackError, encode,
};
use items::{Item, Link};

/// The group whose actions are packed.
#[derive(Clone, Copy, Debug)]
pub struct Packing<'a> {
    /// Its name: part of every action's hash.
    pub group: GroupId,
    /// Its members by index.
    pub members: &'a [PeerId],
    /// Its rules.
    pub rules: &'a dyn Rules,
}

/// An author's last action: run, number, hash.
pub type Last = (RunId, u64, Hash);

/// What a receiver knows of the authors' actions.
pub trait Known {
    /// The last action of `author`.
    fn last(&self, author: u8) -> Option<Last>;

    /// Run, number and hash of an action of `author` with this signature, if it was here already: a
    /// message that comes twice goes on from another action than it did the first time.
    fn held(&self, _author: u8, _signature: &Signature) -> Option<Last> {
        None
    }
}

/// Knows nothing: every run of actions brings its anchor.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Known for Nothing {
    fn last(&self, _: u8) -> Option<Last> {
        None
    }
}

/// Knows the action before one action of one author, unless that one is the first of its run.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    author: u8,
    last: Last,
}

impl Before {
    /// Of `author`, the one before `action`.
    pub fn new(author: u8, action: &Action) -> Self {
        Self {
            author,
            last: predecessor(action),
        }
    }
}

impl Known for Before {
    fn last(&self, author: u8) -> Option<Last> {
        (author == self.author && self.last.1 > 0).then_some(self.last)
    }
}

/// Actions that cannot be packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// The first one's author is not a member, or its number is 0.
    #[error("an action that no member of the group can have numbered")]
    NotOfGroup,
    /// The first one alone is over the budget.
    #[error("an action of more than {max} bytes")]
    TooLong {
        /// The budget.
        max: usize,
    },
}

/// One action of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unpacked {
    /// As it follows on what is known; whether it is that is for its signature to show.
    Action {
        /// Index of its author.
        author: u8,
        /// The action.
        signed: Box<SignedAction>,
        /// It follows from the message alone: then a signature that does not verify is wrong.
        anchored: bool,
    },
    /// Here already ([`Known::held`]).
    Held,
    /// Nothing is known that it could go on from.
    Unknown {
        /// Index of its author.
        author: u8,
    },
}

/// Packs as many of `actions`, from the first on, as fit `budget` bytes, counted in their raw form;
/// gives the message and how many it took. `known` is what its receivers are believed to know.
pub fn pack(
    packing: Packing<'_>,
    actions: &[SignedAction],
    known: &dyn Known,
    budget: usize,
) -> Result<(PackedActions, usize), PackError> {
    let (anchors, items) = link(packing, actions, known, budget)?;
    let signatures = actions.iter().take(items.len());
    let packed = PackedActions {
        anchors: BoundedVec::truncating(anchors),
        bytes: Bytes::truncating(items::encode(packing, &items)),
        signatures: BoundedVec::truncating(signatures.map(|signed| signed.signature).collect()),
    };
    Ok((packed, items.len()))
}

/// What the models say that `bytes` of [`pack`] cost, in parts of a bit
/// ([`COST_PER_BIT`](crate::wire::coder::COST_PER_BIT)): the bound that it is measured against.
pub fn cost(
    packing: Packing<'_>,
    actions: &[SignedAction],
    known: &dyn Known,
) -> Result<u64, PackError> {
    let (_, items) = link(packing, actions, known, usize::MAX)?;
    Ok(items::cost(packing, &items))
}

/// Decides which of the first `actions` go into one message, and where each goes on from.
fn link(
    packing: Packing<'_>,
    actions: &[SignedAction],
    known: &dyn Known,
    budget: usize,
) -> Result<(Vec<Anchor>, Vec<Item>), PackError> {
    let mut anchors = Vec::new();
    let mut items = Vec::new();
    let mut chains: [Option<Last>; MEMBERS_MAX] = [None; MEMBERS_MAX];
    let mut raw_len = 0;
    let mut spent = 0;
    for signed in actions.iter().take(FOUND_ITEMS_MAX) {
        let action = &signed.action;
        let author = packing.members.iter().position(|one| *one == action.author);
        let author = author.and_then(|author| u8::try_from(author).ok());
        let (Some(author), 1..) = (author, action.number) else {
            if items.is_empty() {
                return Err(PackError::NotOfGroup);
            }
            break;
        };
        let before = predecessor(action);
        let chain = &mut chains[usize::from(author)];
        let link = if chain.or_else(|| known.last(author)) == Some(before) {
            Link::After(author)
        } else {
            Link::Anchor(author)
        };
        let item = Item::of(link, action);
        let anchor = matches!(link, Link::Anchor(_)).then_some(Anchor {
            author,
            run: before.0,
            number: before.1,
            previous: before.2,
        });
        let len = raw::len(&item);
        let cost = len + encode(&anchor).len() + signed.signature.0.len();
        let fits = raw_len + len < PACKED_LEN_MAX && spent + cost <= budget;
        if !fits && items.is_empty() {
            return Err(PackError::TooLong { max: budget });
        }
        if !fits || anchor.is_some() && anchors.len() == MEMBERS_MAX {
            break;
        }
        raw_len += len;
        spent += cost;
        *chain = Some((action.run, action.number, action.hash(packing.group)));
        anchors.extend(anchor);
        items.push(item);
    }
    Ok((anchors, items))
}

/// All of `actions`, in as many messages as they need. What cannot be packed is left out.
pub fn pack_all(
    packing: Packing<'_>,
    mut actions: &[SignedAction],
    known: &dyn Known,
    budget: usize,
) -> Vec<PackedActions> {
    let mut messages = Vec::new();
    while !actions.is_empty() {
        let taken = match pack(packing, actions, known, budget) {
            Ok((packed, taken)) => {
                messages.push(packed);
                taken
            }
            Err(PackError::NotOfGroup | PackError::TooLong { .. }) => 1,
        };
        actions = &actions[taken..];
    }
    messages
}

/// The actions of a message, as they would be if `known` is what the sender believed. Signatures are
/// the caller's to verify.
pub fn unpack(
    packing: Packing<'_>,
    packed: &PackedActions,
    known: &dyn Known,
) -> Result<Vec<Unpacked>, UnpackError> {
    for anchor in packed.anchors.iter() {
        items::member(anchor.author, packing.members.len())?;
    }
    let items = items::decode(packing, packed)?;
    let mut anchors = packed.anchors.iter();
    let mut chains: [Option<(Last, bool)>; MEMBERS_MAX] = [None; MEMBERS_MAX];
    let mut found = Vec::with_capacity(items.len());
    for (item, signature) in items.into_iter().zip(packed.signatures.iter()) {
        let author = item.link.author();
        let chain = &mut chains[usize::from(author)];
        let before = match item.link {
            Link::After(_) => chain.or_else(|| known.last(author).map(|last| (last, false))),
            Link::Anchor(_) => {
                let anchor = anchors.next().ok_or(DecodeError::Malformed)?;
                let last = (anchor.run, anchor.number, anchor.previous);
                if chain.is_some_and(|(chain, _)| chain == last) {
                    // The action before says the same.
                    return Err(DecodeError::NotCanonical.into());
                }
                Some((last, true))
            }
        };
        let anchored = before.is_some_and(|(_, anchored)| anchored);
        let held = (!anchored).then(|| known.held(author, signature)).flatten();
        let next = match (held, before) {
            (Some(held), _) => {
                *chain = Some((held, false));
                Unpacked::Held
            }
            (None, Some((last, _))) => {
                let number = last.1.checked_add(1).ok_or(DecodeError::Malformed)?;
                let action = item.action(packing.members[usize::from(author)], last, number);
                *chain = Some(((last.0, number, action.hash(packing.group)), anchored));
                Unpacked::Action {
                    author,
                    signed: Box::new(SignedAction {
                        action,
                        signature: *signature,
                    }),
                    anchored,
                }
            }
            (None, None) => Unpacked::Unknown { author },
        };
        found.push(next);
    }
    Ok(found)
}

/// What an action goes on from: run, number and hash of the one before.
fn predecessor(action: &Action) -> Last {
    (action.run, action.number.saturating_sub(1), action.previous)
}
