//! How a group comes to be: joins, the roster and the genesis.

use serde::{Deserialize, Serialize};

use super::{BoundedVec, Bytes, MEMBERS_MAX, NAME_LEN_MAX, encode};
use crate::crypto::seal::{SEAL_OVERHEAD, SealingKey};
use crate::crypto::{Domain, Hash, Identity, Signature, SignatureScheme, hash};
use crate::id::{GroupId, PeerId};

/// How many must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Up to ⌊(n−1)/3⌋ members may lie; defined from n = 4.
    Bft,
    /// Friends: members may crash, none lies.
    Majority,
    /// Every member, for everything.
    Unanimous,
}

/// A rule set and its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesId {
    /// Name of the rule set, such as `craps`.
    pub name: Bytes<32>,
    /// Version of its behaviour.
    pub version: u16,
    /// Hash of its test vectors: two builds that differ here must not play together.
    pub vectors: Hash,
}

/// A phone proves that it holds the ticket and asks to be listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// Who asks.
    pub joiner: PeerId,
    /// His name, UTF-8, cleaned by whoever shows it.
    pub name: Bytes<NAME_LEN_MAX>,
    /// Tip of his hash chain for draws.
    pub tip: Hash,
    /// Drawn by the joiner.
    pub nonce: [u8; 16],
    /// What is sealed for him.
    pub sealing: SealingKey,
    /// Rule sets that he can run.
    pub rules: BoundedVec<RulesId, 16>,
    /// By the ticket's one-time key, over group, inviter, joiner and nonce.
    pub ticket_signature: Signature,
    /// By the joiner, over all of the above.
    pub signature: Signature,
}

/// One phone of a gathering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterEntry {
    /// Who.
    pub peer: PeerId,
    /// His name, cleaned.
    pub name: Bytes<NAME_LEN_MAX>,
    /// Tip of his hash chain for draws.
    pub tip: Hash,
    /// What the key of each epoch is sealed for.
    pub sealing: SealingKey,
    /// Whether he will vote: his build has the rules of the table, to the version.
    pub votes: bool,
}

/// Who is here, as the opener sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Grows with every change.
    pub revision: u64,
    /// The opener first, the others in the order of their arrival.
    pub entries: BoundedVec<RosterEntry, MEMBERS_MAX>,
    /// By the opener, over group, revision and entries.
    pub signature: Signature,
}

/// The first block of a group: who, by which rules, agreeing how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// The group.
    pub group: GroupId,
    /// Committee in index order; the opener is index 0.
    pub members: BoundedVec<RosterEntry, MEMBERS_MAX>,
    /// Members without a vote: their builds lack the rules. They follow by certified states. With
    /// the committee at most [`MEMBERS_MAX`] together.
    pub observers: BoundedVec<RosterEntry, MEMBERS_MAX>,
    /// The rule set.
    pub rules: RulesId,
    /// Configuration of the rule set, its own encoding.
    pub rules_config: Bytes<256>,
    /// The mode for a committee of each size 1..=16, by size - 1.
    pub modes: BoundedVec<Mode, MEMBERS_MAX>,
    /// How long a voter waits for the preimage of another before he says that it is missing, ms.
    pub draw_timeout_ms: u32,
    /// Root of the state that the rules start with.
    pub root: Hash,
    /// The key of the first epoch.
    pub key: EpochKey,
}

/// The key that members encrypt with what others carry for them, in a box for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochKey {
    /// The commitment to the key.
    pub commitment: Hash,
    /// Public half of the key that all boxes were made with.
    pub ephemeral: SealingKey,
    /// A box for each member, in order; empty for one whose sealing key is weak.
    pub boxes: BoundedVec<Bytes<KEY_BOX_LEN>, MEMBERS_MAX>,
}

/// Bytes of a box with a key in it.
pub const KEY_BOX_LEN: usize = 32 + SEAL_OVERHEAD;

impl Default for EpochKey {
    /// No key, for nobody.
    fn default() -> Self {
        Self {
            commitment: Hash::ZERO,
            ephemeral: SealingKey([0; 32]),
            boxes: BoundedVec::new(),
        }
    }
}

/// A genesis with its opener's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedGenesis {
    /// The genesis.
    pub genesis: Genesis,
    /// By member 0, over the genesis.
    pub signature: Signature,
}

impl Genesis {
    /// The epoch id of the first epoch, and the block hash at height 0.
    pub fn epoch(&self) -> Hash {
        hash(Domain::Genesis, &[&encode(self)])
    }

    /// What the opener signs.
    pub fn signed_bytes(&self) -> Vec<u8> {
        encode(&(Domain::GenesisSignature as u8, self))
    }

    /// Signs it.
    pub fn sign(self, opener: &Identity) -> SignedGenesis {
        let signature = opener.sign(&self.signed_bytes());
        SignedGenesis {
            genesis: self,
            signature,
        }
    }

    /// The mode of this genesis' own committee. Bft below four members falls to Majority, which
    /// it equals in strength there.
    pub fn mode(&self) -> Mode {
        let n = self.members.len();
        match self.modes.get(n.saturating_sub(1)) {
            Some(Mode::Bft) if n < 4 => Mode::Majority,
            Some(mode) => *mode,
            None => Mode::Unanimous,
        }
    }

    /// Everyone who is named: the committee, then those without a vote.
    pub fn everyone(&self) -> impl Iterator<Item = &RosterEntry> + Clone {
        self.members.iter().chain(self.observers.iter())
    }

    /// Index of `peer` in the committee.
    pub fn index_of(&self, peer: &PeerId) -> Option<u8> {
        let index = self
            .members
            .iter()
            .position(|member| member.peer == *peer)?;
        u8::try_from(index).ok()
    }
}

impl SignedGenesis {
    /// Whether member 0 signed it.
    pub fn verify(&self, scheme: &dyn SignatureScheme) -> bool {
        self.genesis.members.first().is_some_and(|opener| {
            scheme.verify(&opener.peer, &self.genesis.signed_bytes(), &self.signature)
        })
    }
}
