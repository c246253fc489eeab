use proptest::prelude::*;

use super::*;
use crate::group::transcript::tests::{check, played, suffix};
use crate::wire::Header;

/// A file of two draws in five blocks, the second and fourth final by the ones above them.
fn file() -> (Transcript, Vec<u8>) {
    let transcript = played().transcript;
    let bytes = transcript.encode();
    (transcript, bytes)
}

/// Where each record begins, the end of the file last.
fn records(bytes: &[u8]) -> Vec<usize> {
    let mut at = HEADER_LEN;
    let mut starts = vec![at];
    while at < bytes.len() {
        let len = u32::from_le_bytes(bytes[at + 1..at + 5].try_into().unwrap());
        at += RECORD_HEAD_LEN + len as usize + CHECK_LEN;
        starts.push(at);
    }
    starts
}

/// A file of arbitrary records that all match their checks.
fn forged(records: &[(Kind, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new();
    for (kind, payload) in records {
        writer.record(*kind, payload);
    }
    writer.bytes
}

fn base_block(height: u64) -> Option<BaseBlock> {
    let header = Header {
        height,
        parent: Hash::ZERO,
        root: Hash::ZERO,
        body: Hash::ZERO,
    };
    (height > 0).then_some(BaseBlock {
        header,
        finalization: None,
    })
}

fn fault(bytes: &[u8]) -> TranscriptFileError {
    Transcript::decode(bytes).unwrap_err().error
}

/// What is readable of a damaged file is what was written, up to a final block.
fn is_beginning(part: &Transcript, whole: &Transcript) -> bool {
    let last = part.entries.last();
    part.genesis == whole.genesis
        && part.base == whole.base
        && part.base_block == whole.base_block
        && whole.entries.starts_with(&part.entries)
        && last.is_none_or(|entry| entry.finalization.is_some())
}

#[test]
fn a_file_gives_back_what_was_written() {
    let (transcript, bytes) = file();
    assert_eq!(Transcript::decode(&bytes), Ok(transcript.clone()));
    for dropped in 1..=5 {
        let mut suffix = suffix(&played(), dropped);
        assert_eq!(Transcript::decode(&suffix.encode()), Ok(suffix.clone()));
        suffix.base = Map::new();
        assert_eq!(Transcript::decode(&suffix.encode()), Ok(suffix.clone()));
    }
}

#[test]
fn a_file_reads_the_same_in_any_pieces() {
    let (transcript, bytes) = file();
    for size in [1, 7, 100, 4096] {
        let mut reader = TranscriptReader::new();
        let longest = RECORD_HEAD_LEN + BLOCK_LEN_MAX + CHECK_LEN + size;
        for piece in bytes.chunks(size) {
            assert!(reader.push(piece));
            assert!(reader.buffer.len() <= longest);
        }
        assert_eq!(reader.finish(), Ok(transcript.clone()));
    }
}

#[test]
fn whatever_stands_before_a_cut_is_given_out() {
    let played = played();
    let whole = &played.transcript;
    let bytes = whole.encode();
    let starts = records(&bytes);
    let mut heights = Vec::new();
    for cut in 0..bytes.len() {
        let damage = Transcript::decode(&bytes[..cut]).unwrap_err();
        let expected = match cut {
            0 => TranscriptFileError::Empty,
            _ => TranscriptFileError::Truncated,
        };
        assert_eq!(damage.error, expected, "cut at {cut}");
        let whole_records = starts.iter().rev().find(|start| **start <= cut);
        assert_eq!(
            damage.offset,
            whole_records.map_or(0, |start| *start as u64)
        );
        if let Some(part) = damage.readable {
            assert!(is_beginning(&part, whole), "cut at {cut}");
            if heights.last() != Some(&part.height()) {
                assert!(check(&played.room, &part).is_ok());
                heights.push(part.height());
            }
        }
    }
    // Blocks 2 and 4 have no finalization of their own.
    assert_eq!(heights, [0, 1, 3, 5]);
}

#[test]
fn no_flipped_byte_goes_unseen() {
    let (whole, bytes) = file();
    for at in 0..bytes.len() {
        for bits in [0x01, 0x80, 0xff] {
            let mut bent = bytes.clone();
            bent[at] ^= bits;
            let damage = Transcript::decode(&bent).unwrap_err();
            assert!(damage.offset <= at as u64);
            match damage.readable {
                Some(part) => assert!(is_beginning(&part, &whole), "byte {at}"),
                None => assert!(at < records(&bytes)[2 + whole.base.len()]),
            }
        }
    }
}

#[test]
fn records_stand_where_they_were_written() {
    let (whole, bytes) = file();
    let starts = records(&bytes);
    for pair in starts.windows(3) {
        let (first, second) = (&bytes[pair[0]..pair[1]], &bytes[pair[1]..pair[2]]);
        let rest = [&bytes[..pair[0]], second, first, &bytes[pair[2]..]].concat();
        assert_eq!(fault(&rest), TranscriptFileError::Check);
        let gap = [&bytes[..pair[0]], &bytes[pair[1]..]].concat();
        assert_eq!(fault(&gap), TranscriptFileError::Check);
    }
    let longer = [&bytes[..], &[0]].concat();
    let damage = Transcript::decode(&longer).unwrap_err();
    assert_eq!(damage.error, TranscriptFileError::Trailing);
    assert_eq!(damage.readable.as_deref(), Some(&whole));
}

#[test]
fn other_files_and_other_versions_are_named() {
    let (_, bytes) = file();
    assert_eq!(
        fault(b"\x89PNG and more bytes"),
        TranscriptFileError::NotATranscript
    );
    assert_eq!(fault(b"PK"), TranscriptFileError::NotATranscript);
    let versioned = |version: u16| {
        let mut bytes = bytes.clone();
        bytes[MAGIC.len()..HEADER_LEN].copy_from_slice(&version.to_le_bytes());
        fault(&bytes)
    };
    assert_eq!(versioned(0), TranscriptFileError::NotATranscript);
    assert_eq!(
        versioned(TRANSCRIPT_VERSION + 1),
        TranscriptFileError::Newer {
            have: TRANSCRIPT_VERSION + 1,
            need: TRANSCRIPT_VERSION,
        }
    );
}

#[test]
fn records_that_match_their_checks_and_make_no_transcript_are_named() {
    let (whole, _) = file();
    let genesis = (Kind::Genesis, encode(&whole.genesis));
    let base = |height: u64, entries: u64| (Kind::Base, encode(&(entries, base_block(height))));
    let state = |key: &[u8]| (Kind::State, encode(&(key.to_vec(), b"value".to_vec())));
    let block = |index: usize| (Kind::Block, encode(&whole.entries[index].block));
    let finalization = (
        Kind::Finalization,
        encode(whole.entries[0].finalization.as_ref().unwrap()),
    );
    let end = |height: u64| (Kind::End, encode(&height));
    let out_of_place = |records: &[(Kind, Vec<u8>)], kind| {
        let error = TranscriptFileError::OutOfPlace { kind };
        assert_eq!(fault(&forged(records)), error, "{records:?}");
    };
    let start = [genesis.clone(), base(0, 0)];
    let with = |more: &[(Kind, Vec<u8>)]| [&start[..], more].concat();
    assert!(Transcript::decode(&forged(&with(&[end(0)]))).is_ok());
    out_of_place(&[base(0, 0)], "base");
    out_of_place(&[genesis.clone(), genesis.clone()], "genesis");
    out_of_place(&with(&[base(0, 0)]), "base");
    out_of_place(&with(&[state(b"a")]), "state entry");
    out_of_place(&[genesis.clone(), base(0, 1), block(0)], "block");
    out_of_place(&[genesis.clone(), base(0, 1), end(0)], "end");
    for second in [b"a", b"A"] {
        let records = [genesis.clone(), base(0, 2), state(b"a"), state(second)];
        out_of_place(&records, "state entry");
    }
    out_of_place(&with(&[block(1)]), "block");
    out_of_place(&[genesis.clone(), base(u64::MAX, 0), block(0)], "block");
    out_of_place(&with(std::slice::from_ref(&finalization)), "finalization");
    out_of_place(
        &with(&[block(0), finalization.clone(), finalization]),
        "finalization",
    );
    out_of_place(&with(&[block(0), end(0)]), "end");

    for kind in Kind::ALL {
        let records = with(&[(kind, vec![0xff; 3])]);
        assert!(Transcript::decode(&forged(&records)).is_err());
        let longest = forged(&[(kind, vec![0; kind.len_max()])]);
        assert!(!matches!(
            fault(&longest),
            TranscriptFileError::RecordTooLong { .. }
        ));
        let longer = forged(&[(kind, vec![0; kind.len_max() + 1])]);
        assert_eq!(
            fault(&longer),
            TranscriptFileError::RecordTooLong {
                kind: kind.name(),
                len: kind.len_max() as u32 + 1,
                max: kind.len_max(),
            }
        );
    }
    let mut unknown = forged(&start);
    unknown.push(7);
    assert_eq!(
        fault(&unknown),
        TranscriptFileError::UnknownKind { kind: 7 }
    );
    let numbers = forged(&[genesis, (Kind::Base, vec![0x80, 0, 0])]);
    assert_eq!(
        fault(&numbers),
        TranscriptFileError::Malformed {
            kind: "base",
            error: DecodeError::NotCanonical,
        }
    );
}

#[test]
fn the_longest_parts_fit_their_records() {
    use crate::crypto::Signature;
    use crate::id::{GroupId, PeerId};
    use crate::wire::{
        BoundedVec, Genesis, MEMBERS_MAX, Mode, NAME_LEN_MAX, RosterEntry, RulesId, VoteKind,
        VoteStatement,
    };
    let entry = RosterEntry {
        peer: PeerId([0xff; 32]),
        name: BoundedVec::truncating(vec![0xff; NAME_LEN_MAX]),
        tip: Hash([0xff; 32]),
        sealing: crate::crypto::seal::SealingKey([0xff; 32]),
        votes: true,
    };
    let genesis = SignedGenesis {
        genesis: Genesis {
            group: GroupId([0xff; 16]),
            observers: BoundedVec::new(),
            members: BoundedVec::truncating(vec![entry; MEMBERS_MAX]),
            rules: RulesId {
                name: BoundedVec::truncating(vec![0xff; 32]),
                version: u16::MAX,
                vectors: Hash([0xff; 32]),
            },
            rules_config: BoundedVec::truncating(vec![0xff; 256]),
            modes: BoundedVec::truncating(vec![Mode::Unanimous; MEMBERS_MAX]),
            draw_timeout_ms: u32::MAX,
            root: Hash([0xff; 32]),
            key: crate::wire::EpochKey {
                commitment: Hash([0xff; 32]),
                ephemeral: crate::crypto::seal::SealingKey([0xff; 32]),
                boxes: BoundedVec::truncating(vec![
                    BoundedVec::truncating(
                        vec![0xff; crate::wire::KEY_BOX_LEN]
                    );
                    MEMBERS_MAX
                ]),
            },
        },
        signature: Signature([0xff; 64]),
    };
    assert!(encode(&genesis).len() <= GENESIS_LEN_MAX);
    let finalization = Certificate {
        statement: VoteStatement {
            round: u64::MAX,
            kind: VoteKind::Finalize,
            block: Hash([0xff; 32]),
        },
        signatures: BoundedVec::truncating(vec![(0xff, Signature([0xff; 64])); MEMBERS_MAX]),
    };
    assert!(encode(&finalization).len() <= FINALIZATION_LEN_MAX);
    let mut base = base_block(u64::MAX);
    if let Some(base) = &mut base {
        base.finalization = Some(finalization);
    }
    assert!(encode(&(u64::MAX, base)).len() <= BASE_LEN_MAX);
    assert_eq!(encode(&u64::MAX).len(), END_LEN_MAX);
    let entry = (vec![0xff_u8; Key::LEN_MAX], vec![0xff_u8; VALUE_LEN_MAX]);
    assert_eq!(encode(&entry).len(), STATE_LEN_MAX);
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

proptest! {
    /// Bytes from anywhere: nothing panics, and only what encodes to the same bytes is accepted.
    #[test]
    fn arbitrary_records_never_panic(
        records in prop::collection::vec((kind(), prop::collection::vec(any::<u8>(), 0..40)), 0..8),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (whole, _) = file();
        let start = [
            (Kind::Genesis, encode(&whole.genesis)),
            (Kind::Base, encode(&(1_u64, base_block(3)))),
            (Kind::State, encode(&(b"k".to_vec(), b"v".to_vec()))),
        ];
        for skipped in 0..=start.len() {
            let mut bytes = forged(&[&start[skipped..], &records[..]].concat());
            bytes.extend_from_slice(&tail);
            if let Ok(transcript) = Transcript::decode(&bytes) {
                prop_assert_eq!(transcript.encode(), bytes);
            }
        }
        if let Ok(transcript) = Transcript::decode(&tail) {
            prop_assert_eq!(transcript.encode(), tail);
        }
    }
}
