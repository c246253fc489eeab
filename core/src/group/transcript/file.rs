//! A transcript as bytes that outlive the phone: T1 to T8 of `docs/protocol/transcript.md`.
//!
//! A file is a row of records, each with its length and a check that covers everything before it.
//! So whatever is damaged, what stands before the damage can be believed to be what was written,
//! and is given out.

use crate::crypto::{Domain, Hash, Hasher};
use crate::group::{BLOCK_LEN_MAX, BaseBlock, Transcript, TranscriptEntry};
use crate::state::{Key, Map, VALUE_LEN_MAX};
use crate::wire::{Block, Bytes, Certificate, DecodeError, SignedGenesis, decode, encode};

#[cfg(test)]
mod tests;

/// Format version that this build writes, and the newest that it reads.
pub const TRANSCRIPT_VERSION: u16 = 1;
/// Longest file that is read, bytes: some hundred thousand blocks.
pub const TRANSCRIPT_LEN_MAX: u64 = 256 * 1024 * 1024;

/// What every file starts with, in every version: the zero byte says that it is no text.
const MAGIC: [u8; 8] = *b"althing\0";
/// Magic and version.
const HEADER_LEN: usize = MAGIC.len() + 2;
/// Kind, and length of the payload.
const RECORD_HEAD_LEN: usize = 1 + 4;
/// Bytes of the check that stand behind a payload.
const CHECK_LEN: usize = 8;
/// Longest genesis: 16 members of at most 130 bytes, a configuration, rules, modes, a signature.
const GENESIS_LEN_MAX: usize = 4096;
/// Longest base: a count, a header, a finalization, and whether they are there.
const BASE_LEN_MAX: usize = 10 + 1 + 10 + 3 * 32 + 1 + FINALIZATION_LEN_MAX;
/// Longest end: a height.
const END_LEN_MAX: usize = 10;
/// Longest entry of the state.
const STATE_LEN_MAX: usize = 1 + Key::LEN_MAX + 2 + VALUE_LEN_MAX;
/// Longest finalization: a statement and 16 signatures.
const FINALIZATION_LEN_MAX: usize = 64 + 16 * 65;

/// What a record holds. The discriminant is the first byte of the record: it is file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// The signed genesis, once.
    Genesis = 1,
    /// Number of entries of the base, and the block that led to it, once.
    Base = 2,
    /// One entry of the base, in the order of keys.
    State = 3,
    /// One block.
    Block = 4,
    /// The finalization of the block before.
    Finalization = 5,
    /// Height of the last block; nothing follows.
    End = 6,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Genesis,
        Self::Base,
        Self::State,
        Self::Block,
        Self::Finalization,
        Self::End,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    const fn len_max(self) -> usize {
        match self {
            Self::Genesis => GENESIS_LEN_MAX,
            Self::Base => BASE_LEN_MAX,
            Self::End => END_LEN_MAX,
            Self::State => STATE_LEN_MAX,
            Self::Block => BLOCK_LEN_MAX,
            Self::Finalization => FINALIZATION_LEN_MAX,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::Base => "base",
            Self::State => "state entry",
            Self::Block => "block",
            Self::Finalization => "finalization",
            Self::End => "end",
        }
    }
}

/// Why bytes are not a whole transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptFileError {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// It starts like something else.
    #[error("it is not a transcript")]
    NotATranscript,
    /// Written by a newer build.
    #[error("its format is version {have}, this build reads versions up to {need}")]
    Newer {
        /// Version of the file.
        have: u16,
        /// Newest version that this build reads.
        need: u16,
    },
    /// Longer than a transcript may be.
    #[error("it is longer than {max} bytes")]
    TooLong {
        /// Bytes allowed.
        max: u64,
    },
    /// It ends before its end.
    #[error("it is cut off")]
    Truncated,
    /// A record is not what was written, or not where it was written.
    #[error("a record does not match its check")]
    Check,
    /// A record of a kind that does not exist.
    #[error("there is no kind {kind} of record")]
    UnknownKind {
        /// The kind.
        kind: u8,
    },
    /// A record longer than its kind may be.
    #[error("a {kind} of {len} bytes, at most {max} are possible")]
    RecordTooLong {
        /// Its kind.
        kind: &'static str,
        /// Bytes that it announces.
        len: u32,
        /// Bytes allowed.
        max: usize,
    },
    /// A record whose content does not decode.
    #[error("a {kind} that does not decode: {error}")]
    Malformed {
        /// Its kind.
        kind: &'static str,
        /// What is wrong.
        error: DecodeError,
    },
    /// A record that does not follow from the ones before it.
    #[error("a {kind} out of place")]
    OutOfPlace {
        /// Its kind.
        kind: &'static str,
    },
    /// Something follows the end.
    #[error("something follows its end")]
    Trailing,
}

/// A file that is not whole, and what of it is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{error} (at byte {offset})")]
pub struct TranscriptDamage {
    /// What is wrong.
    #[source]
    pub error: TranscriptFileError,
    /// Where the record begins that is wrong, bytes from the start.
    pub offset: u64,
    /// What stands before the damage, up to the last block with a finalization; none where that is
    /// not even a state to start from.
    pub readable: Option<Box<Transcript>>,
}

impl Transcript {
    /// The bytes of its file: equal for equal transcripts.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.record(Kind::Genesis, &encode(&self.genesis));
        let base = (self.base.len() as u64, &self.base_block);
        writer.record(Kind::Base, &encode(&base));
        for (key, value) in &self.base {
            let key = Bytes::<{ Key::LEN_MAX }>::truncating(key.as_bytes().to_vec());
            let value = Bytes::<VALUE_LEN_MAX>::truncating(value.to_vec());
            writer.record(Kind::State, &encode(&(key, value)));
        }
        for entry in &self.entries {
            writer.record(Kind::Block, &encode(&entry.block));
            if let Some(finalization) = &entry.finalization {
                writer.record(Kind::Finalization, &encode(finalization));
            }
        }
        writer.record(Kind::End, &encode(&self.height()));
        writer.bytes
    }

    /// The transcript of a file's bytes. That its parts are what they claim is not checked here:
    /// [`verify`](crate::group::verify) does.
    pub fn decode(bytes: &[u8]) -> Result<Self, TranscriptDamage> {
        let mut reader = TranscriptReader::new();
        reader.push(bytes);
        reader.finish()
    }
}

/// Reads a file as its bytes come.
#[derive(Debug)]
pub struct TranscriptReader {
    /// Bytes that are no whole record yet.
    buffer: Vec<u8>,
    /// Bytes before the buffer.
    offset: u64,
    chain: Option<Chain>,
    genesis: Option<SignedGenesis>,
    base: Option<Base>,
    entries: Vec<TranscriptEntry>,
    ended: bool,
    error: Option<TranscriptFileError>,
}

#[derive(Debug)]
struct Base {
    block: Option<BaseBlock>,
    missing: u64,
    last_key: Option<Key>,
    state: Map,
}

impl Base {
    fn height(&self) -> u64 {
        self.block.as_ref().map_or(0, |block| block.header.height)
    }
}

impl Default for TranscriptReader {
    fn default() -> Self {
        Self::new()
    }
}

impl TranscriptReader {
    /// A reader at the start of a file.
    pub fn new() -> Self {
        Self {
            buffer: Vec::new(),
            offset: 0,
            chain: None,
            genesis: None,
            base: None,
            entries: Vec::new(),
            ended: false,
            error: None,
        }
    }

    /// Reads on; whether more is of any use. Keeps of `bytes` what is not a whole record yet.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        if self.error.is_some() {
            return false;
        }
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        while self.error.is_none() {
            match self.next(at) {
                Ok(Some(len)) => at += len,
                Ok(None) => break,
                Err(error) => self.error = Some(error),
            }
        }
        self.buffer.drain(..at);
        self.offset += at as u64;
        self.error.is_none()
    }

    /// The transcript, if the file was whole.
    pub fn finish(mut self) -> Result<Transcript, TranscriptDamage> {
        if self.error.is_none() && !self.ended {
            self.error = Some(match (self.offset, self.buffer.len()) {
                (0, 0) => TranscriptFileError::Empty,
                // Where not even the beginning is there, it may be anything.
                (0, _) if !MAGIC.starts_with(&self.buffer) && !self.buffer.starts_with(&MAGIC) => {
                    TranscriptFileError::NotATranscript
                }
                _ => TranscriptFileError::Truncated,
            });
        }
        let (offset, error) = (self.offset, self.error);
        let transcript = self.transcript();
        match (error, transcript) {
            (None, Some(transcript)) => Ok(transcript),
            (error, mut readable) => {
                while let Some(transcript) = &mut readable
                    && !transcript.ends_final()
                {
                    if transcript.entries.pop().is_none() {
                        readable = None;
                    }
                }
                Err(TranscriptDamage {
                    error: error.unwrap_or(TranscriptFileError::Truncated),
                    offset,
                    readable: readable.map(Box::new),
                })
            }
        }
    }

    fn transcript(self) -> Option<Transcript> {
        let base = self.base.filter(|base| base.missing == 0)?;
        Some(Transcript {
            genesis: self.genesis?,
            entries: self.entries,
            base: base.state,
            base_block: base.block,
        })
    }

    /// Takes the next record at `at` of the buffer; its length, none where it is not whole yet.
    fn next(&mut self, at: usize) -> Result<Option<usize>, TranscriptFileError> {
        let bytes = &self.buffer[at..];
        if bytes.is_empty() {
            return Ok(None);
        }
        if self.ended {
            return Err(TranscriptFileError::Trailing);
        }
        let Some(chain) = &self.chain else {
            return self.header(at);
        };
        let kind =
            Kind::from_byte(bytes[0]).ok_or(TranscriptFileError::UnknownKind { kind: bytes[0] })?;
        let Some(head) = bytes.first_chunk::<RECORD_HEAD_LEN>() else {
            return Ok(None);
        };
        let announced = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
        let payload_len = usize::try_from(announced)
            .ok()
            .filter(|len| *len <= kind.len_max())
            .ok_or(TranscriptFileError::RecordTooLong {
                kind: kind.name(),
                len: announced,
                max: kind.len_max(),
            })?;
        let len = RECORD_HEAD_LEN + payload_len + CHECK_LEN;
        let Some(record) = bytes.get(..len) else {
            return Ok(None);
        };
        if self.offset + (at + len) as u64 > TRANSCRIPT_LEN_MAX {
            return Err(TranscriptFileError::TooLong {
                max: TRANSCRIPT_LEN_MAX,
            });
        }
        let (payload, check) = record[RECORD_HEAD_LEN..].split_at(payload_len);
        let chain = chain.then(kind, payload);
        if chain.check() != check {
            return Err(TranscriptFileError::Check);
        }
        let payload = payload.to_vec();
        self.record(kind, &payload)?;
        self.chain = Some(chain);
        Ok(Some(len))
    }

    fn header(&mut self, at: usize) -> Result<Option<usize>, TranscriptFileError> {
        let Some(header) = self.buffer[at..].first_chunk::<HEADER_LEN>() else {
            return Ok(None);
        };
        let (magic, version) = header.split_at(MAGIC.len());
        let version = u16::from_le_bytes([version[0], version[1]]);
        if magic != MAGIC || version == 0 {
            return Err(TranscriptFileError::NotATranscript);
        }
        if version > TRANSCRIPT_VERSION {
            return Err(TranscriptFileError::Newer {
                have: version,
                need: TRANSCRIPT_VERSION,
            });
        }
        self.chain = Some(Chain::start(header));
        Ok(Some(HEADER_LEN))
    }

    fn record(&mut self, kind: Kind, payload: &[u8]) -> Result<(), TranscriptFileError> {
        let malformed = |error| TranscriptFileError::Malformed {
            kind: kind.name(),
            error,
        };
        let out_of_place = TranscriptFileError::OutOfPlace { kind: kind.name() };
        let (genesis, base) = (self.genesis.is_some(), &mut self.base);
        match (kind, base) {
            (Kind::Genesis, None) if !genesis => {
                self.genesis = Some(decode(payload, GENESIS_LEN_MAX).map_err(malformed)?);
            }
            (Kind::Base, base @ None) if genesis => {
                let (missing, block) = decode(payload, BASE_LEN_MAX).map_err(malformed)?;
                *base = Some(Base {
                    block,
                    missing,
                    last_key: None,
                    state: Map::new(),
                });
            }
            (Kind::State, Some(base)) if base.missing > 0 => {
                let (key, value): (Bytes<{ Key::LEN_MAX }>, Bytes<VALUE_LEN_MAX>) =
                    decode(payload, STATE_LEN_MAX).map_err(malformed)?;
                let key = Key::new(&key).map_err(|_| malformed(DecodeError::Malformed))?;
                if base.last_key.as_ref().is_some_and(|last| *last >= key) {
                    return Err(out_of_place);
                }
                base.last_key = Some(key.clone());
                base.missing -= 1;
                base.state.insert(key, value.into_vec());
            }
            (Kind::Block, Some(base)) if base.missing == 0 => {
                let block: Block = decode(payload, BLOCK_LEN_MAX).map_err(malformed)?;
                let last = self.entries.last();
                let below = last.map_or(base.height(), |entry| entry.block.height);
                if below.checked_add(1) != Some(block.height) {
                    return Err(out_of_place);
                }
                self.entries.push(TranscriptEntry {
                    block,
                    finalization: None,
                });
            }
            (Kind::Finalization, Some(_)) => {
                let finalization: Certificate =
                    decode(payload, FINALIZATION_LEN_MAX).map_err(malformed)?;
                match self.entries.last_mut() {
                    Some(entry) if entry.finalization.is_none() => {
                        entry.finalization = Some(finalization);
                    }
                    Some(_) | None => return Err(out_of_place),
                }
            }
            (Kind::End, Some(base)) if base.missing == 0 => {
                let height: u64 = decode(payload, END_LEN_MAX).map_err(malformed)?;
                let last = self.entries.last();
                if height != last.map_or(base.height(), |entry| entry.block.height) {
                    return Err(out_of_place);
                }
                self.ended = true;
            }
            (
                Kind::Genesis
                | Kind::Base
                | Kind::State
                | Kind::Block
                | Kind::Finalization
                | Kind::End,
                _,
            ) => return Err(out_of_place),
        }
        Ok(())
    }
}

struct Writer {
    bytes: Vec<u8>,
    chain: Chain,
}

impl Writer {
    fn new() -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&TRANSCRIPT_VERSION.to_le_bytes());
        Self {
            chain: Chain::start(&bytes),
            bytes,
        }
    }

    fn record(&mut self, kind: Kind, payload: &[u8]) {
        let len = u32::try_from(payload.len()).expect("wire types are bounded far below 4 GiB");
        self.chain = self.chain.then(kind, payload);
        self.bytes.push(kind as u8);
        self.bytes.extend_from_slice(&len.to_le_bytes());
        self.bytes.extend_from_slice(payload);
        self.bytes.extend_from_slice(self.chain.check());
    }
}

/// The hash over everything up to a record.
#[derive(Clone, Copy, Debug)]
struct Chain(Hash);

impl Chain {
    fn start(header: &[u8]) -> Self {
        let mut hasher = Hasher::new(Domain::TranscriptRecord);
        hasher.part(header);
        Self(hasher.finish())
    }

    fn then(&self, kind: Kind, payload: &[u8]) -> Self {
        let mut hasher = Hasher::new(Domain::TranscriptRecord);
        hasher.fixed(self.0.as_bytes());
        hasher.fixed(&[kind as u8]);
        hasher.part(payload);
        Self(hasher.finish())
    }

    fn check(&self) -> &[u8] {
        &self.0.as_bytes()[..CHECK_LEN]
    }
}
