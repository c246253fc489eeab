//! One submission on its way from wish to fate, and its stored form.

use serde::{Deserialize, Serialize};

use super::DEPENDENCIES_MAX;
use crate::crypto::Hash;
use crate::group::{Fate, SubmissionId};
use crate::id::RunId;
use crate::wire::{ActionPayload, BoundedVec, Reason, SignedAction, Validity};

/// How much of the view is to be computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stale {
    No,
    From(SubmissionId),
    All,
}

/// The own numbering, as it is stored.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct OwnChain {
    pub(super) run: RunId,
    pub(super) number: u64,
    pub(super) hash: Hash,
    /// The next submission.
    pub(super) next: u64,
}

/// A submission, as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredEntry {
    pub(super) payload: ActionPayload,
    pub(super) dependencies: BoundedVec<u64, DEPENDENCIES_MAX>,
    pub(super) validity: Validity,
    pub(super) signed: Option<SignedAction>,
    /// Its last fate, kept until the user has seen it.
    pub(super) ended: Option<Ended>,
}

/// A last fate that the user must see: a committed submission is not kept.
#[derive(Serialize, Deserialize)]
pub(super) enum Ended {
    Rejected { height: u64, reason: Reason },
    Unknown,
}

impl From<Ended> for Fate {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Rejected { height, reason } => Self::Rejected { height, reason },
            Ended::Unknown => Self::Unknown,
        }
    }
}

/// What remains of a submission that has its last fate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) number: Option<(RunId, u64)>,
    pub(super) applied: bool,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) payload: ActionPayload,
    pub(super) dependencies: Vec<SubmissionId>,
    pub(super) validity: Validity,
    pub(super) signed: Option<SignedAction>,
    /// Its last fate, once it has one.
    pub(super) last: Option<Fate>,
    pub(super) forecast: Option<Reason>,
    pub(super) reported: Option<Fate>,
    pub(super) acknowledged: bool,
}

impl Entry {
    pub(super) fn new(
        payload: ActionPayload,
        dependencies: Vec<SubmissionId>,
        validity: Validity,
    ) -> Self {
        Self {
            payload,
            dependencies,
            validity,
            signed: None,
            last: None,
            forecast: None,
            reported: None,
            acknowledged: false,
        }
    }

    /// Its fate so far; `apart` while there is no quorum.
    pub(super) fn fate(&self, apart: bool) -> Fate {
        match (&self.last, &self.forecast, &self.signed) {
            (Some(last), _, _) => last.clone(),
            (None, Some(reason), _) => Fate::Conflicted {
                reason: reason.clone(),
            },
            (None, None, Some(_)) if apart => Fate::Tentative,
            (None, None, Some(_)) => Fate::Pending,
            (None, None, None) => Fate::Intent,
        }
    }

    pub(super) fn number(&self) -> Option<(RunId, u64)> {
        self.signed
            .as_ref()
            .map(|signed| (signed.action.run, signed.action.number))
    }

    /// Where it stands among own actions: by number once signed, those of `run` last, then intents.
    pub(super) fn signed_number(&self, run: RunId) -> (bool, bool, u64) {
        match self.number() {
            Some((signed, number)) => (false, signed == run, number),
            None => (true, true, 0),
        }
    }

    pub(super) fn is_final(&self) -> bool {
        self.last.is_some()
    }

    pub(super) fn hidden(&self) -> bool {
        matches!(self.payload, ActionPayload::Missing { .. })
    }

    pub(super) fn stored(&self) -> StoredEntry {
        let dependencies = self.dependencies.iter().map(|id| id.0).collect();
        let ended = self.last.as_ref().map(|last| match last {
            Fate::Rejected { height, reason } => Ended::Rejected {
                height: *height,
                reason: reason.clone(),
            },
            _ => Ended::Unknown,
        });
        StoredEntry {
            payload: self.payload.clone(),
            dependencies: BoundedVec::truncating(dependencies),
            validity: self.validity,
            signed: self.signed.clone(),
            ended,
        }
    }
}
