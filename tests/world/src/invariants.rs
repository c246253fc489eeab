//! What must hold after every event.

use std::collections::BTreeMap;

use althing::crypto::Hash;
use althing::id::GroupId;
use althing::node::{Head, Tentative, View};
use althing::wire::ActionId;

use crate::player;
use crate::report::Violation;

/// Violations kept: one bug may show many times.
const VIOLATIONS_MAX: usize = 64;
/// Until when a head may be forgotten by a crash, µs: its block may be told before it is synced.
const UNSYNCED_US: u64 = 1_000_000;

/// An action and what it does.
type Done = (ActionId, Vec<u8>);

/// Watches a run.
#[derive(Debug)]
pub(crate) struct Invariants {
    seed: u64,
    violations: Vec<Violation>,
    /// Block and state root of every height, as the first phone told it.
    blocks: BTreeMap<(GroupId, u64), (Hash, Option<Hash>)>,
    /// What the money of every group, the bank included, came to when it was first looked at.
    totals: BTreeMap<GroupId, u128>,
    /// What phones without a quorum show, as the first one told it: by head and by what it is made of.
    tentative: BTreeMap<(Hash, Vec<Done>), (usize, Vec<Tentative>)>,
    /// Two roots of one block that no bent rules explain.
    root_mismatches: u64,
}

impl Invariants {
    /// Watches the run of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            violations: Vec::new(),
            blocks: BTreeMap::new(),
            totals: BTreeMap::new(),
            tentative: BTreeMap::new(),
            root_mismatches: 0,
        }
    }

    /// What was seen so far.
    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Notes a violation.
    pub(crate) fn violate(&mut self, at_us: u64, phone: Option<usize>, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation {
                seed: self.seed,
                at_ms: at_us / 1000,
                phone,
                what,
            });
        }
    }

    /// Notes that one block has two roots and nothing explains it.
    pub(crate) fn root_mismatch(&mut self, at_us: u64, phone: Option<usize>, what: String) {
        self.root_mismatches += 1;
        self.violate(at_us, phone, what);
    }

    /// Two roots of one block that nothing explains.
    pub(crate) fn root_mismatches(&self) -> u64 {
        self.root_mismatches
    }

    /// A phone told a block as final: it is the block of everybody at that height.
    pub(crate) fn block(
        &mut self,
        at_us: u64,
        phone: usize,
        group: GroupId,
        height: u64,
        block: Hash,
    ) {
        let (first, _) = *self.blocks.entry((group, height)).or_insert((block, None));
        if first != block {
            self.violate(
                at_us,
                Some(phone),
                format!("disagreement: block {block:?} at height {height}, others have {first:?}"),
            );
        }
    }

    /// A phone told a head; `before` is the height it told last.
    pub(crate) fn head(&mut self, at_us: u64, phone: usize, head: Head, before: u64) {
        if head.height < before {
            self.violate(
                at_us,
                Some(phone),
                format!("head went back from height {before} to {}", head.height),
            );
        }
        self.block(at_us, phone, head.group, head.height, head.block);
    }

    /// A phone was restarted on its own store and stands at `height`; before the crash it stood at
    /// `before`, which it told at `told_us`.
    pub(crate) fn restored(
        &mut self,
        at_us: u64,
        phone: usize,
        height: u64,
        before: u64,
        told_us: u64,
        crashed_us: u64,
    ) {
        if height < before && crashed_us.saturating_sub(told_us) > UNSYNCED_US {
            self.violate(
                at_us,
                Some(phone),
                format!("a restart lost committed blocks: height {before} became {height}"),
            );
        }
    }

    /// The view of a phone after its head moved: root agreement and conservation.
    pub(crate) fn view(&mut self, at_us: u64, phone: usize, view: &View) {
        // Who only follows has no state before the first certified one.
        if view.head.height == 0 && view.committed.is_empty() {
            return;
        }
        let root = view.committed.root();
        let known = self
            .blocks
            .entry((view.head.group, view.head.height))
            .or_insert((view.head.block, None));
        let first = *known.1.get_or_insert(root);
        if first != root {
            self.root_mismatch(
                at_us,
                Some(phone),
                format!(
                    "state root {root:?} at height {}, others have {first:?}",
                    view.head.height
                ),
            );
        }
        for (name, state) in [("committed", &view.committed), ("shown", &view.state)] {
            match player::read(state) {
                Some(reading) if reading.conserved => {
                    let total = *self.totals.entry(view.head.group).or_insert(reading.total);
                    if total != reading.total {
                        let what = format!("{} in all, {total} before ({name})", reading.total);
                        self.violate(at_us, Some(phone), what);
                    }
                }
                Some(_) => {
                    self.violate(at_us, Some(phone), format!("chips not conserved ({name})"))
                }
                None => self.violate(at_us, Some(phone), format!("unreadable state ({name})")),
            }
        }
    }

    /// The screen of a phone shows what was done apart. Whoever shows the same actions above the same
    /// head shows them in the same order, with the same refusals; and no money is made of them.
    pub(crate) fn tentative(&mut self, at_us: u64, phone: usize, view: &View) {
        if player::read(&view.state).is_none_or(|reading| !reading.conserved) {
            self.violate(at_us, Some(phone), "chips not conserved (apart)".to_owned());
        }
        let mut set: Vec<Done> = view
            .tentative
            .iter()
            .map(|one| (one.action, one.payload.clone()))
            .collect();
        set.sort_unstable();
        let shown = || (phone, view.tentative.clone());
        let first = self.tentative.entry((view.head.block, set));
        let (other, first) = first.or_insert_with(shown);
        if *first != view.tentative {
            let what = format!(
                "shows {:?}, phone {other} shows the same as {first:?}",
                view.tentative
            );
            self.violate(at_us, Some(phone), what);
        }
    }

    /// Highest height that any phone told, with its block.
    pub(crate) fn last(&self, group: GroupId) -> Option<(u64, Hash)> {
        self.blocks
            .range((group, 0)..=(group, u64::MAX))
            .next_back()
            .map(|((_, height), (block, _))| (*height, *block))
    }
}
