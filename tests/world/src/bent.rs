//! A rule set that computes something else than everybody's: its phone proposes wrong roots.

use std::sync::Arc;

use althing::id::PeerId;
use althing::rules::{Context, Offline, Random, Rejection, Rules};
use althing::state::Overlay;
use althing::wire::RulesId;

/// In every so many-th block something is written that nobody else writes.
const EVERY: u64 = 5;
/// Where: no rule set uses this key.
const KEY: &[u8] = b"\x7fbent";

/// Says that it is the rule set inside, and is not.
#[derive(Debug)]
pub(crate) struct Bent(pub(crate) Arc<dyn Rules>);

impl Rules for Bent {
    fn id(&self) -> RulesId {
        self.0.id()
    }

    fn genesis(
        &self,
        overlay: &mut Overlay,
        members: &[PeerId],
        config: &[u8],
    ) -> Result<(), Rejection> {
        self.0.genesis(overlay, members, config)
    }

    fn apply(
        &self,
        overlay: &mut Overlay,
        author: &PeerId,
        action: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Rejection> {
        self.0.apply(overlay, author, action, context)?;
        if context.height % EVERY == EVERY - 1 {
            overlay
                .set(KEY, context.height.to_le_bytes().to_vec())
                .expect("a short key");
        }
        Ok(())
    }

    fn on_draw(&self, overlay: &mut Overlay, random: &mut Random, context: &mut Context<'_>) {
        self.0.on_draw(overlay, random, context);
    }

    fn offline(&self, action: &[u8]) -> Offline {
        self.0.offline(action)
    }

    fn order_key(&self, action: &[u8]) -> Vec<u8> {
        self.0.order_key(action)
    }

    fn phase(&self, overlay: &Overlay) -> u64 {
        self.0.phase(overlay)
    }

    fn describe(&self, code: u16, detail: &[u8]) -> String {
        self.0.describe(code, detail)
    }

    fn describe_action(&self, action: &[u8]) -> String {
        self.0.describe_action(action)
    }
}
