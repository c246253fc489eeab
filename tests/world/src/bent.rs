//! Rule sets of builds that differ: one that says it is everybody's and computes something else, and
//! one that says it is older.

use std::sync::Arc;

use althing::crypto::Hash;
use althing::id::PeerId;
use althing::rules::{Context, Offline, Random, Rejection, Rules};
use althing::state::Overlay;
use althing::wire::RulesId;

/// In every so many-th block something is written that nobody else writes.
const EVERY: u64 = 5;
/// Where: no rule set uses this key.
const KEY: &[u8] = b"\x7fbent";

/// How a rule set differs from the one inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bend {
    /// It writes what nobody else writes: its phone proposes wrong roots.
    Writes,
    /// It is one version older, and says so.
    Older,
}

/// Nearly the rule set inside.
#[derive(Debug)]
pub(crate) struct Bent {
    pub(crate) inside: Arc<dyn Rules>,
    pub(crate) bend: Bend,
}

impl Rules for Bent {
    fn id(&self) -> RulesId {
        let id = self.inside.id();
        match self.bend {
            Bend::Writes => id,
            Bend::Older => RulesId {
                version: id.version.saturating_sub(1),
                vectors: Hash([0; 32]),
                ..id
            },
        }
    }

    fn genesis(
        &self,
        overlay: &mut Overlay,
        members: &[PeerId],
        config: &[u8],
    ) -> Result<(), Rejection> {
        self.inside.genesis(overlay, members, config)
    }

    fn apply(
        &self,
        overlay: &mut Overlay,
        author: &PeerId,
        action: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Rejection> {
        self.inside.apply(overlay, author, action, context)?;
        if self.bend == Bend::Writes && context.height % EVERY == EVERY - 1 {
            overlay
                .set(KEY, context.height.to_le_bytes().to_vec())
                .expect("a short key");
        }
        Ok(())
    }

    fn on_draw(&self, overlay: &mut Overlay, random: &mut Random, context: &mut Context<'_>) {
        self.inside.on_draw(overlay, random, context);
    }

    fn offline(&self, action: &[u8]) -> Offline {
        self.inside.offline(action)
    }

    fn order_key(&self, action: &[u8]) -> Vec<u8> {
        self.inside.order_key(action)
    }

    fn phase(&self, overlay: &Overlay) -> u64 {
        self.inside.phase(overlay)
    }

    fn describe(&self, code: u16, detail: &[u8]) -> String {
        self.inside.describe(code, detail)
    }

    fn describe_action(&self, action: &[u8]) -> String {
        self.inside.describe_action(action)
    }
}
