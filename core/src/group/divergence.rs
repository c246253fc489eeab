//! What is kept of a divergence: enough for somebody else to check that it happened, and for whoever
//! makes the rules to find where.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::records;
use crate::consensus::Committee;
use crate::crypto::{Hash, SignatureScheme};
use crate::rules::Rules;
use crate::state::Map;
use crate::wire::{
    BoundedVec, Bytes, Certificate, DecodeError, FOUND_ITEMS_MAX, Header, RulesId, SignedGenesis,
    VoteKind, decode, encode,
};

/// Version of the encoding.
pub const DIVERGENCE_VERSION: u8 = 1;
/// Differing keys that are named: the first ones lead to the rule, and the rest only repeats it.
pub const DIFFERING_KEYS_MAX: usize = 16;
/// Bytes of a value that are kept: every value of the built-in games fits.
pub const DIFFERING_VALUE_LEN_MAX: usize = 64;
/// Longest encoding: 256 headers of 107 B, 16 keys with two values of 220 B, 16 signatures of 66 B.
pub const DIVERGENCE_LEN_MAX: usize = 40 * 1024;

/// A certified block that leads to something else here, or two blocks that are final at one height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// Version of the encoding.
    version: u8,
    /// The rules of the build that found it.
    pub rules: RulesId,
    /// Height of the block.
    pub height: u64,
    /// Hash of the block that is certified.
    pub block: Hash,
    /// The header of the block, and of those above it up to the one that the certificate is of. None
    /// where another phone's finalization came without its header.
    pub headers: BoundedVec<Header, FOUND_ITEMS_MAX>,
    /// What certifies it.
    pub certificate: Certificate,
    /// What was found here.
    pub kind: DivergenceKind,
    /// What became of it.
    pub outcome: DivergenceOutcome,
    /// The first keys that differ. The word of the phone that found it: no certificate is of the state
    /// that it computed.
    pub keys: BoundedVec<DifferingKey, DIFFERING_KEYS_MAX>,
    /// How many keys differ altogether.
    pub keys_differing: u64,
}

/// How what is certified and what was found here differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DivergenceKind {
    /// The block leads to another root.
    OtherRoot {
        /// The root here.
        own: Hash,
    },
    /// Other actions of the block are refused, or for other reasons.
    OtherFates {
        /// The root here.
        own: Hash,
    },
    /// The block breaks a rule here.
    Refused {
        /// The numbered rule.
        rule: u8,
    },
    /// Another block is final at that height here: more voters lied than the mode allows for.
    TwoFinalizations {
        /// Hash of the block that is final here.
        own: Hash,
    },
}

/// What became of a divergence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DivergenceOutcome {
    /// It is being looked into.
    Open,
    /// The block was executed again, from a parent state with the certified root, and came to
    /// something else again: the rules of this build are not those of the others.
    RulesDiffer,
    /// Executed again it came to the certified root: what was wrong was the state in this phone's
    /// memory.
    Recovered,
    /// The state here was damaged, and nobody keeps the block's any more: it could not be executed again.
    Unexplained,
    /// The group is split: nothing that is certified can be believed.
    Forked,
}

/// One key that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferingKey {
    /// The key.
    pub key: Bytes<64>,
    /// What it has here.
    pub own: Option<CutValue>,
    /// What is certified.
    pub certified: Option<CutValue>,
}

/// A value, or its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutValue {
    /// Bytes of the whole value.
    pub len: u64,
    /// The first of them.
    pub bytes: Bytes<DIFFERING_VALUE_LEN_MAX>,
}

/// Why a divergence proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DivergenceError {
    /// Its opener did not sign the genesis.
    #[error("the genesis is not signed by its opener")]
    Genesis,
    /// The certificate does not lead to the block.
    #[error("the certificate is not of the block at height {height}, nor of one above it")]
    OtherBlock {
        /// Height of the block.
        height: u64,
    },
    /// Its signatures are not those of a quorum of this group.
    #[error("no quorum of the group has signed the certificate")]
    Unverified,
    /// What was found here is what is certified.
    #[error("nothing in it differs from what is certified")]
    NothingDiffers,
}

impl Divergence {
    /// Something certified that is not what was found here; the first of `headers` is of the block.
    pub(super) fn new(
        rules: RulesId,
        (height, block): (u64, Hash),
        headers: Vec<Header>,
        certificate: Certificate,
        kind: DivergenceKind,
    ) -> Self {
        Self {
            version: DIVERGENCE_VERSION,
            rules,
            height,
            block,
            headers: BoundedVec::truncating(headers),
            certificate,
            outcome: match kind {
                DivergenceKind::TwoFinalizations { .. } => DivergenceOutcome::Forked,
                _ => DivergenceOutcome::Open,
            },
            kind,
            keys: BoundedVec::new(),
            keys_differing: 0,
        }
    }

    /// Notes in which keys the state here differs from the certified one, those of the rules first.
    pub(super) fn compare(&mut self, own: &Map, certified: &Map) {
        let mut changes = own.changes(certified);
        changes.sort_by_key(|change| records::is_own_key(change.key.as_bytes()));
        self.keys_differing = changes.len() as u64;
        let keys = changes.into_iter().map(|change| DifferingKey {
            key: Bytes::truncating(change.key.as_bytes().to_vec()),
            own: change.old.map(CutValue::new),
            certified: change.new.map(CutValue::new),
        });
        self.keys = BoundedVec::truncating(keys.take(DIFFERING_KEYS_MAX).collect());
    }

    /// The root that is certified, where the header is known.
    pub fn certified_root(&self) -> Option<Hash> {
        Some(self.headers.first()?.root)
    }

    /// The root that this phone computed, where it came to one.
    pub fn own_root(&self) -> Option<Hash> {
        match self.kind {
            DivergenceKind::OtherRoot { own } | DivergenceKind::OtherFates { own } => Some(own),
            DivergenceKind::Refused { .. } | DivergenceKind::TwoFinalizations { .. } => None,
        }
    }

    /// Whether the group of `genesis` has certified the block that it names, and something else than
    /// what was found. That the finder really computed what it says is its word: who has its build can
    /// execute the block again.
    ///
    /// # Errors
    /// The first check that fails: nothing here is to be believed then.
    pub fn verify(
        &self,
        genesis: &SignedGenesis,
        scheme: Arc<dyn SignatureScheme>,
    ) -> Result<(), DivergenceError> {
        if !genesis.verify(&*scheme) {
            return Err(DivergenceError::Genesis);
        }
        let genesis = &genesis.genesis;
        let epoch = genesis.epoch();
        let height = self.height;
        let other = DivergenceError::OtherBlock { height };
        let mut last = self.block;
        let mut next = height;
        for (index, header) in self.headers.iter().enumerate() {
            let hash = header.hash(epoch);
            let follows = match index {
                0 => hash == self.block,
                _ => header.parent == last,
            };
            if !follows || header.height != next {
                return Err(other);
            }
            last = hash;
            next = next.saturating_add(1);
        }
        let forked = matches!(self.kind, DivergenceKind::TwoFinalizations { .. });
        let statement = &self.certificate.statement;
        let kind = match statement.kind {
            VoteKind::Nullify => false,
            VoteKind::Notarize => !forked && self.headers.len() == 1,
            VoteKind::Finalize => forked || !self.headers.is_empty(),
        };
        if !kind || statement.block != last {
            return Err(other);
        }
        let members = genesis.members.iter().map(|member| member.peer).collect();
        let committee = Committee::new(genesis.group, epoch, members, genesis.mode(), scheme);
        if !committee.verify_certificate(&self.certificate) {
            return Err(DivergenceError::Unverified);
        }
        let differs = match self.kind {
            DivergenceKind::OtherRoot { own } => self.certified_root() != Some(own),
            DivergenceKind::TwoFinalizations { own } => own != self.block,
            DivergenceKind::OtherFates { .. } | DivergenceKind::Refused { .. } => true,
        };
        if differs {
            Ok(())
        } else {
            Err(DivergenceError::NothingDiffers)
        }
    }

    /// What happened, in which keys it shows, and what to do, in words. `rules` name the keys that
    /// they can.
    pub fn words(&self, rules: &dyn Rules) -> String {
        let certified = match self.certified_root() {
            Some(root) => format!(
                "block {:?} at height {}, root {root:?}",
                self.block, self.height
            ),
            None => format!("block {:?} at height {}", self.block, self.height),
        };
        let found = match self.kind {
            DivergenceKind::OtherRoot { own } => format!("it leads to root {own:?} here"),
            DivergenceKind::OtherFates { own } => {
                format!("other actions of it are refused here, root {own:?}")
            }
            DivergenceKind::Refused { rule } => format!("it breaks rule C{rule} here"),
            DivergenceKind::TwoFinalizations { own } => {
                format!("block {own:?} is final here")
            }
        };
        let mut words = format!("certified is {certified}; {found}.");
        for differing in self.keys.iter() {
            let own = differing.value_in_words(differing.own.as_ref(), rules);
            let certified = differing.value_in_words(differing.certified.as_ref(), rules);
            words.push_str(&format!(" Here: {own}; certified: {certified}."));
        }
        let more = self.keys_differing.saturating_sub(self.keys.len() as u64);
        if more > 0 {
            words.push_str(&format!(" {more} more keys differ."));
        }
        let rules = String::from_utf8_lossy(&self.rules.name).into_owned();
        let version = self.rules.version;
        words.push_str(&match self.outcome {
            DivergenceOutcome::Open => " It is being looked into.".to_owned(),
            DivergenceOutcome::RulesDiffer => format!(
                " The {rules} {version} of this app is not that of the others: update the app for the next table. In this one the phone goes on showing what the others agree on, and asks for nothing."
            ),
            DivergenceOutcome::Recovered => {
                " The state in this phone's memory was damaged and is restored; it plays on without a vote, since what it knows of its votes may be damaged too.".to_owned()
            }
            DivergenceOutcome::Unexplained => {
                " The state in this phone's memory was damaged, and nobody keeps that block's: it shows what the others agree on. Open a new table.".to_owned()
            }
            DivergenceOutcome::Forked => {
                " The group is split: compare with the others, and open a new table.".to_owned()
            }
        });
        words
    }

    /// Its canonical bytes: what is stored, and what an app hands on.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The divergence of `bytes`, not verified.
    ///
    /// # Errors
    /// What is wrong with the bytes; another version is named.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let need = DIVERGENCE_VERSION;
        match bytes.first() {
            Some(have) if *have != need => Err(DecodeError::UnknownVersion { have: *have, need }),
            _ => decode(bytes, DIVERGENCE_LEN_MAX),
        }
    }
}

impl DifferingKey {
    fn value_in_words(&self, value: Option<&CutValue>, rules: &dyn Rules) -> String {
        let whole = value.filter(|value| value.len == value.bytes.len() as u64);
        if let Some(words) = whole.and_then(|value| rules.describe_entry(&self.key, &value.bytes)) {
            return words;
        }
        let key = hex(&self.key);
        match value {
            Some(value) => format!("{key} = {} ({} B)", hex(&value.bytes), value.len),
            None => format!("{key} has nothing"),
        }
    }
}

impl CutValue {
    fn new(value: Vec<u8>) -> Self {
        Self {
            len: value.len() as u64,
            bytes: Bytes::truncating(value),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
