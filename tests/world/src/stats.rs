//! What is counted during a run: submissions and their fates, latencies, bytes, trouble.

use std::collections::{BTreeMap, BTreeSet};

use althing::node::{Fate, SubmissionId};

/// A submission of one store of one phone.
pub(crate) type Key = (usize, u32, SubmissionId);

/// One submission.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) at_us: u64,
    pub(crate) fate: Ending,
    /// When the fate was told, µs.
    pub(crate) told_us: u64,
    /// Whether the fate was told so shortly before a crash that the store may not know it: the node
    /// has to learn it again.
    pub(crate) may_reopen: bool,
    /// Whether its store was put back from a copy: its fate may never be learnt.
    pub(crate) orphan: bool,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Not yet.
    Open,
    /// Committed at this height.
    Committed(u64),
    /// Refused at this height.
    Rejected(u64),
}

/// A commit that has not reached everybody.
#[derive(Clone, Debug)]
struct Spreading {
    submitted_us: u64,
    author: usize,
    height: u64,
    waiting: BTreeSet<usize>,
}

/// The counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Without those that went with a crash or a store: their names may come again.
    pub(crate) submissions: BTreeMap<Key, Submission>,
    pub(crate) lost: u64,
    spreading: Vec<Spreading>,
    pub(crate) commit_us: Vec<u64>,
    pub(crate) air_bytes: u64,
    pub(crate) value_bytes: u64,
    pub(crate) flooding_bytes: u64,
    pub(crate) crashes: u64,
    pub(crate) stores_lost: u64,
    /// Times that a phone voted again after it lost its store.
    pub(crate) recovered: u64,
    pub(crate) radio_cycles: u64,
    pub(crate) links_made: u64,
    pub(crate) links_lost: u64,
    /// Sum of what was counted in the tally, stored or not.
    pub(crate) counted: i64,
    /// What of it went with crashes before it was stored.
    pub(crate) counts_lost: i64,
    /// Times that a phone with bent rules found its own root to be another one.
    pub(crate) roots_explained: u64,
}

impl Stats {
    /// Somebody submitted something. False where that name is taken.
    pub(crate) fn submitted(&mut self, key: Key, at_us: u64) -> bool {
        let submission = Submission {
            at_us,
            fate: Ending::Open,
            told_us: at_us,
            may_reopen: false,
            orphan: false,
        };
        self.submissions.insert(key, submission).is_none()
    }

    /// The store that signed a submission is not there any more.
    pub(crate) fn orphan(&mut self, key: Key) {
        if let Some(submission) = self.submissions.get_mut(&key) {
            submission.orphan = true;
        }
    }

    /// A fate was told; what is wrong with it, if anything.
    pub(crate) fn fate(&mut self, key: Key, fate: &Fate, now_us: u64) -> Result<(), String> {
        let ending = match fate {
            Fate::Committed { height } => Ending::Committed(*height),
            Fate::Rejected { height, .. } => Ending::Rejected(*height),
            Fate::Intent
            | Fate::Pending
            | Fate::Tentative
            | Fate::Conflicted { .. }
            | Fate::Unknown => Ending::Open,
        };
        let Some(submission) = self.submissions.get_mut(&key) else {
            return Err(format!(
                "fate {fate:?} of {:?}, which nobody submitted",
                key.2
            ));
        };
        match (submission.fate, ending) {
            (before, after) if before == after => Ok(()),
            (Ending::Open, after) => {
                submission.fate = after;
                submission.told_us = now_us;
                Ok(())
            }
            (Ending::Committed(_) | Ending::Rejected(_), Ending::Open)
            // Learnt again by a snapshot: its height is the highest that it can be.
            | (Ending::Committed(_), Ending::Committed(_))
            | (Ending::Rejected(_), Ending::Rejected(_))
                if submission.may_reopen =>
            {
                Ok(())
            }
            (Ending::Committed(_) | Ending::Rejected(_), Ending::Open) => {
                Err(format!("final fate of {:?} became {fate:?}", key.2))
            }
            (before, _) => Err(format!("fate of {:?} was {before:?}, is {fate:?}", key.2)),
        }
    }

    /// The author learnt the commit of `key` at `height`; `behind` have not reached that height.
    pub(crate) fn committed(
        &mut self,
        key: Key,
        height: u64,
        behind: BTreeSet<usize>,
        now_us: u64,
    ) {
        let Some(submission) = self.submissions.get(&key) else {
            return;
        };
        if behind.is_empty() {
            self.commit_us.push(now_us.saturating_sub(submission.at_us));
            return;
        }
        self.spreading.push(Spreading {
            submitted_us: submission.at_us,
            author: key.0,
            height,
            waiting: behind,
        });
    }

    /// A phone reached `height`. `reach` tells who is in reach of an author now.
    pub(crate) fn reached(
        &mut self,
        phone: usize,
        height: u64,
        now_us: u64,
        reach: &dyn Fn(usize) -> BTreeSet<usize>,
    ) {
        if self.spreading.is_empty() {
            return;
        }
        let mut done = Vec::new();
        self.spreading.retain_mut(|spreading| {
            if spreading.height > height || !spreading.waiting.remove(&phone) {
                return true;
            }
            if !spreading.waiting.is_empty() {
                let near = reach(spreading.author);
                spreading.waiting.retain(|other| near.contains(other));
            }
            if spreading.waiting.is_empty() {
                done.push(now_us.saturating_sub(spreading.submitted_us));
            }
            !spreading.waiting.is_empty()
        });
        self.commit_us.append(&mut done);
    }

    /// Submissions with a fate that `wanted` accepts.
    pub(crate) fn count(&self, wanted: impl Fn(Ending) -> bool) -> u64 {
        let all = self.submissions.values();
        all.filter(|submission| wanted(submission.fate)).count() as u64
    }
}
