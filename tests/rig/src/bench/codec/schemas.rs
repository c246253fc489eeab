//! The card and the grid game as a rule set declares its payloads.

use althing::id::PeerId;
use althing::rules::{Context, Offline, Random, Rejection, Rules};
use althing::state::Overlay;
use althing::wire::coder::schema::{Column, Schema};
use althing::wire::{Bytes, RulesId};

/// A card of 52; a bid; a pass; points.
pub(super) const CARDS: Schema = Schema {
    kinds: &[
        (48, &[Column::Choice(52)]),
        (3, &[Column::Choice(14)]),
        (1, &[]),
        (4, &[Column::Number]),
    ],
};

/// A unit moves; something is built; a unit shoots; a turn ends.
pub(super) const GRID: Schema = Schema {
    kinds: &[
        (12, &[Column::Choice(16), Column::Signed, Column::Signed]),
        (4, &[Column::Choice(6), Column::Near, Column::Near]),
        (4, &[Column::Choice(16), Column::Near, Column::Near]),
        (4, &[Column::Near]),
    ],
};

/// Rules of which only the payloads are measured.
#[derive(Debug)]
pub(super) struct Plain {
    schema: Option<&'static Schema>,
}

impl Plain {
    pub(super) fn new(schema: Option<&'static Schema>) -> Self {
        Self { schema }
    }
}

impl Rules for Plain {
    fn id(&self) -> RulesId {
        RulesId {
            name: Bytes::truncating(b"plain".to_vec()),
            version: 1,
            vectors: althing::crypto::Hash::ZERO,
        }
    }

    fn genesis(&self, _: &mut Overlay, _: &[PeerId], _: &[u8]) -> Result<(), Rejection> {
        Ok(())
    }

    fn apply(
        &self,
        _: &mut Overlay,
        _: &PeerId,
        _: &[u8],
        _: &mut Context<'_>,
    ) -> Result<(), Rejection> {
        Ok(())
    }

    fn on_draw(&self, _: &mut Overlay, _: &mut Random, _: &mut Context<'_>) {}

    fn offline(&self, _: &[u8]) -> Offline {
        Offline::Forbidden
    }

    fn schema(&self) -> Option<&'static Schema> {
        self.schema
    }

    fn describe(&self, _: u16, _: &[u8]) -> String {
        String::new()
    }

    fn describe_action(&self, _: &[u8]) -> String {
        String::new()
    }
}
