//! How an app defines its state: object-safe, deterministic, total.

pub mod board;
pub mod counter;
pub mod craps;
pub mod earmark;
mod members;

use std::fmt;
use std::sync::Arc;

use self::earmark::{Committed, Earmark, EarmarkId, Release};
use crate::crypto::{Hash, Hasher, Signature, SignatureScheme};
use crate::id::{GroupId, PeerId};
use crate::state::{Map, Overlay};
use crate::wire::coder::Coder;
use crate::wire::coder::schema::Schema;
use crate::wire::{Bytes, Reason, RulesId};

/// The rule sets that come with the core.
pub fn built_in() -> Vec<Arc<dyn Rules>> {
    vec![
        Arc::new(craps::Craps::new()),
        Arc::new(counter::Counter),
        Arc::new(board::Board),
    ]
}

/// Why the rules refuse an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Code of the rule set.
    pub code: u16,
    /// What it says beside the code, such as the current value of a counter.
    pub detail: Bytes<64>,
}

impl Rejection {
    /// A rejection without detail.
    pub fn new(code: u16) -> Self {
        Self {
            code,
            detail: Bytes::new(),
        }
    }

    /// A rejection that says more; a longer detail is cut at 64 bytes.
    pub fn with_detail(code: u16, detail: Vec<u8>) -> Self {
        Self {
            code,
            detail: Bytes::truncating(detail),
        }
    }
}

impl From<Rejection> for Reason {
    fn from(rejection: Rejection) -> Self {
        Self::Rules {
            code: rejection.code,
            detail: rejection.detail,
        }
    }
}

/// Whether an action may be signed while there is no quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offline {
    /// It is signed and ordered as tentative.
    Allowed,
    /// It stays an intent until quorum is back.
    Forbidden,
}

/// What the rules know beside the state: nothing that two phones could see differently.
#[derive(Debug)]
pub struct Context<'a> {
    /// Committee in index order.
    pub members: &'a [PeerId],
    /// Height of the block being applied.
    pub height: u64,
    draw_requested: bool,
    draw_allowed: bool,
    verifies: Option<(GroupId, &'a dyn SignatureScheme)>,
}

impl<'a> Context<'a> {
    /// A context for one action. `draw_allowed` is false while another draw is open.
    pub fn new(members: &'a [PeerId], height: u64, draw_allowed: bool) -> Self {
        Self {
            members,
            height,
            draw_requested: false,
            draw_allowed,
            verifies: None,
        }
    }

    /// The same in a group whose members sign by `scheme`; without it nothing is released.
    #[must_use]
    pub fn verifying(self, group: GroupId, scheme: &'a dyn SignatureScheme) -> Self {
        Self {
            verifies: Some((group, scheme)),
            ..self
        }
    }

    /// Whether its payer signed `signature` to release `earmark`.
    pub fn is_released(&self, earmark: &Earmark, signature: &Signature) -> bool {
        self.verifies
            .is_some_and(|(group, scheme)| earmark.is_released(group, scheme, signature))
    }

    /// Index of `peer` in the committee.
    pub fn index_of(&self, peer: &PeerId) -> Option<u8> {
        let index = self.members.iter().position(|member| member == peer)?;
        u8::try_from(index).ok()
    }

    /// Asks for agreed randomness: this block becomes the closing block of the next draw, and
    /// [`Rules::on_draw`] is called when that draw is opened. False while another draw is open: the
    /// action must then be refused.
    #[must_use]
    pub fn request_draw(&mut self) -> bool {
        let granted = self.draw_allowed && !self.draw_requested;
        self.draw_requested |= granted;
        granted
    }

    /// Whether the action asked for a draw.
    pub fn draw_requested(&self) -> bool {
        self.draw_requested
    }
}

/// Agreed randomness: the output stream of one draw.
#[derive(Debug)]
pub struct Random {
    seed: Hash,
    taken: u64,
}

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: Hash) -> Self {
        Self { seed, taken: 0 }
    }

    /// A number in `1..=sides`, uniform by rejection sampling.
    ///
    /// # Panics
    /// If `sides` is 0.
    pub fn die(&mut self, sides: u8) -> u8 {
        assert!(sides > 0, "a die has sides");
        let limit = u8::MAX - (u8::MAX % sides + 1) % sides;
        loop {
            let byte = self.byte();
            if byte <= limit {
                return byte % sides + 1;
            }
        }
    }

    fn byte(&mut self) -> u8 {
        // One hash per byte: a craps draw takes two or three of them.
        let mut hasher = Hasher::new(crate::crypto::Domain::DrawStream);
        hasher.fixed(self.seed.as_bytes());
        hasher.fixed(&self.taken.to_le_bytes());
        self.taken += 1;
        hasher.finish().0[0]
    }
}

/// What is known of the payloads of a batch before any of them.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Members of the group.
    pub members: u8,
    /// Member index of each payload's author.
    pub authors: &'a [u8],
}

/// A rule set. No clock, no float, no iteration over unordered things; integers checked;
/// randomness only from [`Rules::on_draw`].
pub trait Rules: Send + Sync + fmt::Debug {
    /// Name, version and vectors.
    fn id(&self) -> RulesId;

    /// Writes the first state. `config` is the genesis' `rules_config`.
    fn genesis(
        &self,
        overlay: &mut Overlay,
        members: &[PeerId],
        config: &[u8],
    ) -> Result<(), Rejection>;

    /// Applies one action or refuses it; whatever it wrote before refusing is undone by the caller.
    fn apply(
        &self,
        overlay: &mut Overlay,
        author: &PeerId,
        action: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Rejection>;

    /// The draw that an earlier action asked for has been opened.
    fn on_draw(&self, overlay: &mut Overlay, random: &mut Random, context: &mut Context<'_>);

    /// Whether `action` may be signed while there is no quorum.
    fn offline(&self, action: &[u8]) -> Offline;

    /// Whether `action` is good only in the phase in which it was made, unless its author says
    /// otherwise.
    fn phase_bound(&self, action: &[u8]) -> bool {
        let _ = action;
        false
    }

    /// What is set aside under this name in `state`.
    fn earmark(&self, state: &Map, id: EarmarkId) -> Committed {
        let _ = (state, id);
        Committed::Never
    }

    /// The action by which the payee of `release` redeems it; none where the rules know no earmarks.
    fn redeem(&self, release: &Release) -> Option<Vec<u8>> {
        let _ = release;
        None
    }

    /// Place of `action` among others of the same depth in the one order.
    fn order_key(&self, _action: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    /// The phase that `Validity::phase` is compared with.
    fn phase(&self, _overlay: &Overlay) -> u64 {
        0
    }

    /// Columns of the payloads, for rule sets that pack without code of their own.
    fn schema(&self) -> Option<&'static Schema> {
        None
    }

    /// Codes the payloads of a batch, in order, in as few bytes as the rules can; they know best
    /// what is likely. False, and nothing coded, where a payload is not one that [`Rules::unpack`]
    /// would give back byte for byte: the batch then travels under a general model. Both functions
    /// are part of the protocol of a rule set, as its payloads are.
    fn pack(&self, coder: &mut dyn Coder, batch: Batch<'_>, payloads: &[&[u8]]) -> bool {
        let _ = batch;
        self.schema()
            .is_some_and(|schema| schema.pack(coder, payloads))
    }

    /// The payloads of a batch, one an author; none where [`Rules::pack`] never makes such a batch.
    /// Any bytes may be behind `coder`: the work is bounded by the number of authors.
    fn unpack(&self, coder: &mut dyn Coder, batch: Batch<'_>) -> Option<Vec<Vec<u8>>> {
        Some(self.schema()?.unpack(coder, batch.authors.len()))
    }

    /// A rejection in words for its user.
    fn describe(&self, code: u16, detail: &[u8]) -> String;

    /// An action in words for a transcript.
    fn describe_action(&self, action: &[u8]) -> String;

    /// One entry of the state in words, for evidence of a divergence; none where the rules have no
    /// name for the key.
    fn describe_entry(&self, key: &[u8], value: &[u8]) -> Option<String> {
        let _ = (key, value);
        None
    }
}

#[cfg(test)]
mod tests;
