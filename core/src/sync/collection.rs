//! A snapshot on its way: parts of one certified state, from whoever keeps it.

use super::reconcile::{PartsError, Reconcile};
use crate::crypto::Hash;
use crate::state::{Map, PartError};
use crate::wire::{Certificate, Fetch, Header, PartsAnswer};

/// Parts of the state after one certified block.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) header: Header,
    pub(super) block: Hash,
    finalization: Certificate,
    parts: Reconcile,
}

impl Collection {
    /// Begins with what `own` and the certified state have in common. The finalization was verified.
    pub(super) fn new(
        header: Header,
        block: Hash,
        finalization: Certificate,
        own: Map,
        bytes_max: usize,
    ) -> Self {
        Self {
            header,
            block,
            finalization,
            parts: Reconcile::new(own, header.root, bytes_max),
        }
    }

    /// What to ask next, of any member that keeps the state.
    pub(super) fn request(&mut self) -> Option<Fetch> {
        Some(Fetch::Parts {
            block: self.block,
            request: self.parts.request()?,
        })
    }

    /// `fetch` was not answered, or wrongly: it will be asked again.
    pub(super) fn expire(&mut self, fetch: &Fetch) {
        if let Fetch::Parts { block, request } = fetch
            && *block == self.block
        {
            self.parts.expire(request);
        }
    }

    /// Takes what is true of `answer`; whether anything was new.
    pub(super) fn receive(&mut self, answer: &PartsAnswer) -> Result<bool, PartsError> {
        match self.parts.receive(answer) {
            Ok(new) => Ok(new > 0),
            // Digests are short: two nodes may share one, and the next answer shows it.
            Err(PartsError::Part {
                error: PartError::NotTheSame,
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The state, once nothing of it is missing.
    pub(super) fn finish(&self) -> Option<(Header, Certificate, Map)> {
        let state = self.parts.finish()?;
        Some((self.header, self.finalization.clone(), state))
    }

    /// What was collected, for when nobody keeps this state any more.
    pub(super) fn salvage(&self) -> Map {
        self.parts.salvage()
    }
}
