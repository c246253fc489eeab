//! BLAKE3 with one domain byte in front, so that no two kinds of value share a hash.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a hash is of. The discriminant is the first byte hashed: it is wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Domain {
    /// A leaf of the state map.
    MapLeaf = 1,
    /// An inner node of the state map.
    MapNode = 2,
    /// An action, over what its author signed.
    Action = 3,
    /// A block, over its header.
    Block = 4,
    /// A genesis: the epoch id of the first epoch.
    Genesis = 5,
    /// One step of a voter's hash chain.
    DrawStep = 6,
    /// The secret end of a voter's hash chain.
    DrawSecret = 7,
    /// The seed of one draw.
    DrawSeed = 8,
    /// The output stream of one draw.
    DrawStream = 9,
    /// The order of actions inside one set.
    ActionOrder = 10,
    /// A presence id.
    Presence = 11,
    /// The digest of group heads inside an advert.
    HeadDigest = 12,
    /// A short safety code.
    SafetyCode = 13,
    /// A frame on the mesh, for dedup.
    MeshFrame = 14,
    /// Digest over the action hashes of a set.
    ActionDigest = 15,
    /// Bytes that a vote is signed over.
    Vote = 16,
    /// Bytes that a proposal is signed over.
    Proposal = 17,
    /// Bytes that a join is signed over.
    Join = 18,
    /// Keys derived from the identity secret.
    KeyDerivation = 19,
    /// The binding of a Noise static key to an identity.
    Binding = 20,
    /// The test vectors of a rule set.
    RulesVectors = 21,
    /// The checksum of a ticket.
    TicketChecksum = 22,
    /// The whole trace of a run.
    Trace = 23,
    /// A signed genesis.
    GenesisSignature = 24,
    /// A refusal of a proposal.
    Refusal = 25,
    /// The body of a block: what its header does not say.
    BlockBody = 26,
    /// Bytes that the answer to a voter without its store is signed over.
    Recovery = 27,
    /// The checksum of a stored record.
    StoredRecord = 28,
    /// The ticket's one-time key speaks for a joiner.
    TicketProof = 40,
    /// Bytes that a roster is signed over.
    Roster = 41,
    /// The commitment to what is sealed.
    SealCommitment = 50,
    /// The key that one sealed box is encrypted with.
    SealBox = 51,
    /// A value that a board action expects.
    BoardValue = 52,
    /// The commitment to the key of a group's epoch.
    GroupKey = 54,
    /// The payer's word that an earmark may be had.
    Release = 55,
    /// Bytes that a count of the tally is signed over.
    Count = 60,
    /// Digest over the counts of a tally.
    TallyDigest = 61,
    /// One record of a transcript file.
    TranscriptRecord = 53,
    /// An id as it goes into one sketch.
    ShortId = 62,
    /// Digest over a set of ids.
    SetDigest = 63,
}

/// A BLAKE3 hash, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of nothing in particular: "none" where a hash is expected.
    pub const ZERO: Self = Self([0; 32]);

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Lower-case hex of all bytes.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first eight bytes as a number.
    pub fn prefix_u64(&self) -> u64 {
        let mut prefix = [0; 8];
        prefix.copy_from_slice(&self.0[..8]);
        u64::from_be_bytes(prefix)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "#{:02x}{:02x}{:02x}{:02x}",
            self.0[0], self.0[1], self.0[2], self.0[3]
        )
    }
}

/// Hashes `parts`, each with its length in front, under `domain`.
pub fn hash(domain: Domain, parts: &[&[u8]]) -> Hash {
    let mut hasher = Hasher::new(domain);
    for part in parts {
        hasher.part(part);
    }
    hasher.finish()
}

/// A hash in the making.
#[derive(Debug)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Starts a hash under `domain`.
    pub fn new(domain: Domain) -> Self {
        let mut inner = blake3::Hasher::new();
        inner.update(&[domain as u8]);
        Self(inner)
    }

    /// Adds `bytes` with their length in front, so that no two lists of parts collide.
    pub fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Adds `bytes` of a fixed, known length.
    pub fn fixed(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all that was added.
    pub fn finish(&self) -> Hash {
        Hash(*self.0.finalize().as_bytes())
    }

    /// Fills `out` with the extended output of the hash (BLAKE3 is an XOF).
    pub fn fill(&self, out: &mut [u8]) {
        self.0.finalize_xof().fill(out);
    }
}
