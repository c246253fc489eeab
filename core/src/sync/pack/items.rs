//! What of an action is sent, and the models that it is coded under.

use serde::{Deserialize, Serialize};

use super::{Last, Packing, raw};
use crate::crypto::Hash;
use crate::id::{PeerId, RunId};
use crate::rules::Batch;
use crate::wire::coder::{Coder, Decoder, Encoder, Meter, Model, Number};
use crate::wire::{
    ACTION_PAYLOAD_LEN_MAX, Action, ActionId, ActionPayload, BoundedVec, Bytes, DecodeError,
    Frontier, FrontierEntry, PACKED_LEN_MAX, PackedActions, UnpackError, Validity,
};

/// Where an action goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// From the last one of this author that the receiver knows or the message holds.
    After(u8),
    /// From the next anchor, which is this author's.
    Anchor(u8),
}

impl Link {
    pub(super) fn author(self) -> u8 {
        match self {
            Self::After(author) | Self::Anchor(author) => author,
        }
    }
}

/// What most actions do not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Extras {
    frontier: Frontier,
    dependencies: BoundedVec<u64, 8>,
    validity: Validity,
}

/// What of one action is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) link: Link,
    pub(super) extras: Extras,
    pub(super) payload: ActionPayload,
}

impl Item {
    pub(super) fn of(link: Link, action: &Action) -> Self {
        Self {
            link,
            extras: Extras {
                frontier: action.frontier.clone(),
                dependencies: action.dependencies.clone(),
                validity: action.validity,
            },
            payload: action.payload.clone(),
        }
    }

    /// The action again, number `number` after `last`.
    pub(super) fn action(self, author: PeerId, last: Last, number: u64) -> Action {
        Action {
            author,
            run: last.0,
            number,
            previous: last.2,
            frontier: self.extras.frontier,
            dependencies: self.extras.dependencies,
            validity: self.extras.validity,
            payload: self.payload,
        }
    }
}

impl Extras {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// First byte of the plain form. The coder leaves it free: [`FORMS`] ends with what no form uses.
const RAW: u8 = 0xff;
/// How likely the models are: those of the rules, the general one, none (it keeps 0xfe and 0xff).
const FORMS: [u16; 3] = [190, 64, 2];
const FORM_RULES: usize = 0;
const FORM_GENERAL: usize = 1;

/// Flags of an action: what it has beside a payload for the rules.
const FRONTIER: usize = 1;
const DEPENDENCIES: usize = 2;
const VALIDITY: usize = 4;
const MISSING: usize = 8;
/// Nearly all actions have none; the other 15 sets of flags are alike.
const FLAGS: [u16; 16] = [960, 2, 4, 2, 4, 2, 2, 2, 8, 1, 1, 1, 1, 1, 1, 1];
const FLAGS_STEP: u16 = 64;

/// The shortest of the forms: under the models of the rules where they take the payloads, under the
/// general one else, plain where that is shorter.
pub(super) fn encode(packing: Packing<'_>, items: &[Item]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let ruled = code_items(packing, &mut encoder, FORM_RULES, items);
    if !ruled {
        encoder = Encoder::new();
        code_items(packing, &mut encoder, FORM_GENERAL, items);
    }
    let coded = encoder.finish();
    let mut plain = vec![RAW];
    for item in items {
        raw::write(&mut plain, item);
    }
    if coded.len() < plain.len() {
        coded
    } else {
        plain
    }
}

/// What the models say that the items cost, in parts of a bit.
pub(super) fn cost(packing: Packing<'_>, items: &[Item]) -> u64 {
    let mut meter = Meter::default();
    if !code_items(packing, &mut meter, FORM_RULES, items) {
        meter = Meter::default();
        code_items(packing, &mut meter, FORM_GENERAL, items);
    }
    meter.cost()
}

pub(super) fn decode(
    packing: Packing<'_>,
    packed: &PackedActions,
) -> Result<Vec<Item>, UnpackError> {
    let items = match packed.bytes.split_first() {
        Some((&RAW, mut plain)) => {
            let mut anchors = packed.anchors.iter().map(|anchor| anchor.author);
            let mut items = Vec::new();
            for _ in packed.signatures.iter() {
                // An anchor is taken by the action that uses it, and by no other.
                let next = anchors.clone().next();
                let item = raw::read(&mut plain, next)?;
                if matches!(item.link, Link::Anchor(_)) {
                    anchors.next();
                }
                member(item.link.author(), packing.members.len())?;
                items.push(item);
            }
            if !plain.is_empty() {
                let count = plain.len();
                return Err(DecodeError::Trailing { count }.into());
            }
            items
        }
        _ => decode_coded(packing, packed)?,
    };
    let used = items
        .iter()
        .filter(|item| matches!(item.link, Link::Anchor(_)))
        .count();
    let have = packed.anchors.len();
    if used != have {
        return Err(UnpackError::Anchors { used, have });
    }
    let raw_len: usize = items.iter().map(raw::len).sum();
    if raw_len >= PACKED_LEN_MAX {
        let max = PACKED_LEN_MAX;
        return Err(UnpackError::TooLong { max });
    }
    if encode(packing, &items) != *packed.bytes {
        return Err(DecodeError::NotCanonical.into());
    }
    Ok(items)
}

pub(super) fn member(index: u8, members: usize) -> Result<(), UnpackError> {
    if usize::from(index) < members {
        return Ok(());
    }
    Err(UnpackError::NotMember { index, members })
}

/// Codes all of `items`; false where the rules do not take the payloads.
fn code_items(packing: Packing<'_>, coder: &mut dyn Coder, form: usize, items: &[Item]) -> bool {
    coder.symbol(&mut Model::new(&FORMS, 0), form);
    let mut links: Vec<Link> = items.iter().map(|item| item.link).collect();
    code_links(coder, packing.members.len(), &mut links, &[]);
    let mut flags = Model::new(&FLAGS, FLAGS_STEP);
    for item in items {
        coder.symbol(&mut flags, flags_of(item));
    }
    let mut numbers = Number::default();
    let mut authors = Vec::new();
    let mut payloads = Vec::new();
    for item in items {
        let mut extras = item.extras.clone();
        code_extras(
            coder,
            packing.members,
            &mut numbers,
            flags_of(item),
            &mut extras,
        );
        match &item.payload {
            ActionPayload::Rules(payload) => {
                authors.push(item.link.author());
                payloads.push(&**payload);
            }
            ActionPayload::Missing { draw, voter } => {
                numbers.code(coder, *draw);
                coder.bits(u64::from(*voter), 8);
            }
        }
    }
    if form == FORM_RULES {
        let batch = batch(packing, &authors);
        return packing.rules.pack(coder, batch, &payloads);
    }
    let mut payloads: Vec<Vec<u8>> = payloads.iter().map(|payload| payload.to_vec()).collect();
    code_payloads(coder, &mut payloads);
    true
}

fn decode_coded(packing: Packing<'_>, packed: &PackedActions) -> Result<Vec<Item>, UnpackError> {
    let malformed = DecodeError::Malformed;
    let count = packed.signatures.len();
    let mut decoder = Decoder::new(&packed.bytes);
    let form = decoder.symbol(&mut Model::new(&FORMS, 0), 0);
    if form > FORM_GENERAL {
        return Err(malformed.into());
    }
    let anchored: Vec<u8> = packed.anchors.iter().map(|anchor| anchor.author).collect();
    let mut links = vec![Link::After(0); count];
    if !code_links(&mut decoder, packing.members.len(), &mut links, &anchored) {
        let have = packed.anchors.len();
        return Err(UnpackError::Anchors {
            used: have + 1,
            have,
        });
    }
    let mut model = Model::new(&FLAGS, FLAGS_STEP);
    let flags: Vec<usize> = (0..count).map(|_| decoder.symbol(&mut model, 0)).collect();
    let mut numbers = Number::default();
    let mut items = Vec::with_capacity(count);
    let mut authors = Vec::new();
    for (link, flags) in links.into_iter().zip(flags) {
        let mut extras = Extras::default();
        code_extras(
            &mut decoder,
            packing.members,
            &mut numbers,
            flags,
            &mut extras,
        );
        let payload = if flags & MISSING == 0 {
            authors.push(link.author());
            ActionPayload::Rules(Bytes::new())
        } else {
            let draw = numbers.code(&mut decoder, 0);
            let voter = decoder.bits(0, 8).to_le_bytes()[0];
            ActionPayload::Missing { draw, voter }
        };
        if decoder.is_overrun() {
            return Err(malformed.into());
        }
        items.push(Item {
            link,
            extras,
            payload,
        });
    }
    let payloads = if form == FORM_RULES {
        let batch = batch(packing, &authors);
        packing.rules.unpack(&mut decoder, batch).ok_or(malformed)?
    } else {
        let mut payloads = vec![Vec::new(); authors.len()];
        code_payloads(&mut decoder, &mut payloads);
        payloads
    };
    let mut payloads = payloads.into_iter();
    for item in &mut items {
        if let ActionPayload::Rules(payload) = &mut item.payload {
            let bytes = payloads.next().ok_or(malformed)?;
            *payload = Bytes::from_vec(bytes).map_err(|_| malformed)?;
        }
    }
    if decoder.is_overrun() {
        return Err(malformed.into());
    }
    Ok(items)
}

fn batch<'a>(packing: Packing<'_>, authors: &'a [u8]) -> Batch<'a> {
    Batch {
        members: u8::try_from(packing.members.len()).expect("at most 16 members"),
        authors,
    }
}

/// Authors: the first any member alike, each further one the same as before or any other. `anchored`
/// are the authors of the anchors, for the way back; false where more are used than there are.
fn code_links(coder: &mut dyn Coder, members: usize, links: &mut [Link], anchored: &[u8]) -> bool {
    const OTHER: usize = 0;
    const SAME: usize = 1;
    const ANCHOR: usize = 2;
    let others = members.saturating_sub(1);
    let often = u16::try_from(others.max(1)).expect("at most 16 members") * 8;
    let mut first = Model::new(&[240, 0, 16], 0);
    let mut later = Model::new(&[often, 8, 1], 8);
    let mut anchored = anchored.iter();
    let mut before: Option<u8> = None;
    for link in links {
        let step = match *link {
            Link::Anchor(_) => ANCHOR,
            Link::After(author) if before == Some(author) => SAME,
            Link::After(_) => OTHER,
        };
        let model = if before.is_some() {
            &mut later
        } else {
            &mut first
        };
        let step = coder.symbol(model, step);
        let author = link.author();
        *link = match (step, before) {
            (ANCHOR, _) => match anchored.next() {
                Some(author) => Link::Anchor(*author),
                None if matches!(link, Link::Anchor(_)) => *link,
                None => return false,
            },
            (SAME, Some(before)) => Link::After(before),
            // The one before is left out of the choice.
            (_, Some(before)) if others > 0 => {
                let place = usize::from(author - u8::from(author > before));
                let place = coder.symbol(&mut Model::uniform(others, 0), place.min(others - 1));
                let place = u8::try_from(place).expect("at most 16 members");
                Link::After(place + u8::from(place >= before))
            }
            (_, _) => {
                let author = usize::from(author).min(members.saturating_sub(1));
                let author = coder.symbol(&mut Model::uniform(members, 0), author);
                Link::After(u8::try_from(author).expect("at most 16 members"))
            }
        };
        before = Some(link.author());
    }
    true
}

fn flags_of(item: &Item) -> usize {
    let extras = &item.extras;
    let mut flags = 0;
    if !extras.frontier.is_empty() {
        flags |= FRONTIER;
    }
    if !extras.dependencies.is_empty() {
        flags |= DEPENDENCIES;
    }
    if extras.validity != Validity::default() {
        flags |= VALIDITY;
    }
    if matches!(item.payload, ActionPayload::Missing { .. }) {
        flags |= MISSING;
    }
    flags
}

fn code_extras(
    coder: &mut dyn Coder,
    members: &[PeerId],
    numbers: &mut Number,
    flags: usize,
    extras: &mut Extras,
) {
    if flags & FRONTIER != 0 {
        let mut entries = extras.frontier.to_vec();
        code_len(
            coder,
            &mut entries,
            16,
            FrontierEntry {
                id: ActionId {
                    author: PeerId([0; 32]),
                    run: RunId(0),
                    number: 0,
                },
                hash: Hash::ZERO,
            },
        );
        for entry in &mut entries {
            let id = &mut entry.id;
            let author = members.iter().position(|member| *member == id.author);
            let mut model = Model::uniform(members.len() + 1, 0);
            let author = coder.symbol(&mut model, author.unwrap_or(members.len()));
            match members.get(author) {
                Some(member) => id.author = *member,
                None => code_fixed(coder, &mut id.author.0),
            }
            id.run.0 = coder.bits(id.run.0, 64);
            id.number = numbers.code(coder, id.number);
            code_fixed(coder, &mut entry.hash.0);
        }
        extras.frontier = BoundedVec::truncating(entries);
    }
    if flags & DEPENDENCIES != 0 {
        let mut dependencies = extras.dependencies.to_vec();
        code_len(coder, &mut dependencies, 8, 0);
        for number in &mut dependencies {
            *number = numbers.code(coder, *number);
        }
        extras.dependencies = BoundedVec::truncating(dependencies);
    }
    if flags & VALIDITY != 0 {
        let Validity {
            until_height,
            phase,
        } = &mut extras.validity;
        for bound in [until_height, phase] {
            let there = coder.bits(u64::from(bound.is_some()), 1) == 1;
            *bound = there.then(|| numbers.code(coder, bound.unwrap_or(0)));
        }
    }
}

/// Codes a length of 1 to `max` and makes the list so long.
fn code_len<T: Clone>(coder: &mut dyn Coder, list: &mut Vec<T>, max: usize, fill: T) {
    let mut model = Model::uniform(max, 0);
    let len = coder.symbol(&mut model, list.len().clamp(1, max) - 1) + 1;
    list.resize(len, fill);
}

fn code_fixed(coder: &mut dyn Coder, bytes: &mut [u8]) {
    for byte in bytes {
        *byte = coder.bits(u64::from(*byte), 8).to_le_bytes()[0];
    }
}

/// Places of a payload's first bytes that have a model each; the further ones share the last.
const PLACES: usize = 8;

/// Payloads of any rules: lengths, then bytes under models that learn by place.
fn code_payloads(coder: &mut dyn Coder, payloads: &mut [Vec<u8>]) {
    let mut lengths = Number::default();
    let mut room = PACKED_LEN_MAX;
    for payload in &mut *payloads {
        let len = lengths.code(coder, payload.len() as u64);
        // A longer one, or more than a message holds in all, does not encode again to the same bytes:
        // nothing of it is worth the work.
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        payload.resize(len.min(ACTION_PAYLOAD_LEN_MAX).min(room), 0);
        room -= payload.len();
    }
    // Small numbers and letters are more common than the rest.
    let prior: Vec<u16> = (0..=u8::MAX)
        .map(|byte| match byte {
            0..16 => 8,
            16..128 => 3,
            128.. => 1,
        })
        .collect();
    let mut places = vec![Model::new(&prior, 32); PLACES];
    for payload in payloads {
        for (place, byte) in payload.iter_mut().enumerate() {
            let model = &mut places[place.min(PLACES - 1)];
            let symbol = coder.symbol(model, usize::from(*byte));
            *byte = u8::try_from(symbol).expect("a model of bytes");
        }
    }
}
