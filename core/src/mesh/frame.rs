//! What neighbours say to each other: one byte for the kind, then its content.
//!
//! | kind | content |
//! |---|---|
//! | 0 direct | payload for the neighbour itself |
//! | 1 routed | hops 1, origin 8, dest 8, sequence 4 (little endian), payload |
//! | 2 announce | announcements |
//! | 3 digest | what the sender knows, as salted fingerprints |
//! | 4 summary | one number over all that the sender knows |

use serde::{Deserialize, Serialize};

use crate::error::PeerFault;
use crate::id::MeshAddress;
use crate::wire::{BoundedVec, DecodeError, MESSAGE_LEN_MAX, decode, encode};

/// Longest payload, bytes: a group message with its envelope.
pub const PAYLOAD_LEN_MAX: usize = MESSAGE_LEN_MAX + 64;
/// What a routed frame adds to its payload, bytes.
pub const ROUTED_HEADER_LEN: usize = 22;
/// Longest frame, bytes.
pub const FRAME_LEN_MAX: usize = PAYLOAD_LEN_MAX + ROUTED_HEADER_LEN;
/// Neighbours that one announcement can name, whatever the configuration says.
pub const NEIGHBOURS_MAX: usize = 16;
/// Announcements in one frame: with 16 neighbours each they fill a third of a frame.
pub(super) const ANNOUNCEMENTS_MAX: usize = 64;
/// Fingerprints in one digest.
pub(super) const FINGERPRINTS_MAX: usize = 1024;

/// Highest counter of an announcement. It asks everyone to forget the origin, which then counts
/// from one: without it nobody could outbid a lie with the counter below it.
pub(super) const COUNTER_MAX: u64 = (1 << 63) - 1;

const DIRECT: u8 = 0;
const ROUTED: u8 = 1;
const ANNOUNCE: u8 = 2;
const DIGEST: u8 = 3;
const SUMMARY: u8 = 4;

/// One frame between two neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Direct(Vec<u8>),
    Routed(Routed),
    Announce(BoundedVec<Announcement, ANNOUNCEMENTS_MAX>),
    Digest(Digest),
    Summary(Summary),
}

/// A payload on its way over several links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Routed {
    /// Links crossed, this one included.
    pub(super) hops: u8,
    pub(super) origin: MeshAddress,
    pub(super) dest: MeshAddress,
    /// Drawn at random: with `origin` it names the frame.
    pub(super) sequence: u32,
    pub(super) payload: Vec<u8>,
}

/// Who is linked to `origin`. Of two announcements the greater one is the newer one: by counter,
/// then by content, so that everybody prefers the same one of two with one counter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Announcement {
    pub(super) origin: MeshAddress,
    pub(super) counter: u64,
    /// In ascending order.
    pub(super) neighbours: BoundedVec<MeshAddress, NEIGHBOURS_MAX>,
}

/// All announcements that the sender knows, four salted bytes each: what is missing here will be
/// sent. The salt keeps two that collide once from colliding for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digest {
    /// Whether the sender wants the receiver's digest too.
    pub(super) reply: bool,
    pub(super) salt: [u8; 4],
    pub(super) fingerprints: BoundedVec<[u8; 4], FINGERPRINTS_MAX>,
}

/// One number over all announcements that the sender knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Summary(pub(super) [u8; 8]);

impl Frame {
    pub(super) fn encode(&self) -> Vec<u8> {
        let tagged = |kind, content: Vec<u8>| {
            let mut bytes = Vec::with_capacity(1 + content.len());
            bytes.push(kind);
            bytes.extend_from_slice(&content);
            bytes
        };
        match self {
            Self::Direct(payload) => {
                let mut bytes = Vec::with_capacity(1 + payload.len());
                bytes.push(DIRECT);
                bytes.extend_from_slice(payload);
                bytes
            }
            Self::Routed(routed) => {
                let mut bytes = Vec::with_capacity(ROUTED_HEADER_LEN + routed.payload.len());
                bytes.extend_from_slice(&[ROUTED, routed.hops]);
                bytes.extend_from_slice(&routed.origin.0);
                bytes.extend_from_slice(&routed.dest.0);
                bytes.extend_from_slice(&routed.sequence.to_le_bytes());
                bytes.extend_from_slice(&routed.payload);
                bytes
            }
            Self::Announce(announcements) => tagged(ANNOUNCE, encode(announcements)),
            Self::Digest(digest) => tagged(DIGEST, encode(digest)),
            Self::Summary(summary) => tagged(SUMMARY, encode(summary)),
        }
    }

    /// The frame of `bytes`, which keeps the rules that need no other knowledge.
    pub(super) fn decode(mut bytes: Vec<u8>) -> Result<Self, PeerFault> {
        if bytes.len() > FRAME_LEN_MAX {
            return Err(PeerFault::Undecodable(DecodeError::TooLong {
                len: bytes.len(),
                max: FRAME_LEN_MAX,
            }));
        }
        let Some(kind) = bytes.first().copied() else {
            return Err(PeerFault::Undecodable(DecodeError::Malformed));
        };
        let content = &bytes[1..];
        match kind {
            DIRECT => {
                let payload = bytes.split_off(1);
                if payload.len() > PAYLOAD_LEN_MAX {
                    return Err(PeerFault::Mesh("payload too long"));
                }
                Ok(Self::Direct(payload))
            }
            ROUTED => Routed::decode(bytes).map(Self::Routed),
            ANNOUNCE => {
                let announcements: BoundedVec<Announcement, ANNOUNCEMENTS_MAX> =
                    decode(content, FRAME_LEN_MAX)?;
                announcements.iter().try_for_each(Announcement::check)?;
                Ok(Self::Announce(announcements))
            }
            DIGEST => Ok(Self::Digest(decode(content, FRAME_LEN_MAX)?)),
            SUMMARY => Ok(Self::Summary(decode(content, FRAME_LEN_MAX)?)),
            _ => Err(PeerFault::Undecodable(DecodeError::Malformed)),
        }
    }
}

impl Routed {
    fn decode(mut bytes: Vec<u8>) -> Result<Self, PeerFault> {
        if bytes.len() < ROUTED_HEADER_LEN {
            return Err(PeerFault::Undecodable(DecodeError::Malformed));
        }
        let payload = bytes.split_off(ROUTED_HEADER_LEN);
        let (mut origin, mut dest, mut sequence) = ([0; 8], [0; 8], [0; 4]);
        origin.copy_from_slice(&bytes[2..10]);
        dest.copy_from_slice(&bytes[10..18]);
        sequence.copy_from_slice(&bytes[18..22]);
        Ok(Self {
            hops: bytes[1],
            origin: MeshAddress(origin),
            dest: MeshAddress(dest),
            sequence: u32::from_le_bytes(sequence),
            payload,
        })
    }
}

impl Announcement {
    pub(super) fn names(&self, address: MeshAddress) -> bool {
        self.neighbours.binary_search(&address).is_ok()
    }

    /// The request to forget `origin`.
    pub(super) fn forget(origin: MeshAddress) -> Self {
        Self {
            origin,
            counter: COUNTER_MAX,
            neighbours: BoundedVec::new(),
        }
    }

    pub(super) fn asks_to_forget(&self) -> bool {
        self.counter == COUNTER_MAX
    }

    fn check(&self) -> Result<(), PeerFault> {
        if self.counter > COUNTER_MAX {
            return Err(PeerFault::Mesh("announcement counter out of range"));
        }
        if self.asks_to_forget() && !self.neighbours.is_empty() {
            return Err(PeerFault::Mesh("request to forget with neighbours"));
        }
        if !self.neighbours.is_sorted_by(|a, b| a < b) {
            return Err(PeerFault::Mesh("neighbours not in ascending order"));
        }
        if self.names(self.origin) {
            return Err(PeerFault::Mesh("a node announces itself as its neighbour"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(n: u8) -> MeshAddress {
        MeshAddress([n; 8])
    }

    fn announcement(neighbours: Vec<MeshAddress>) -> Announcement {
        Announcement {
            origin: address(1),
            counter: 300,
            neighbours: BoundedVec::from_vec(neighbours).unwrap(),
        }
    }

    fn announce(neighbours: Vec<MeshAddress>) -> Frame {
        Frame::Announce(BoundedVec::from_vec(vec![announcement(neighbours)]).unwrap())
    }

    fn routed(payload: Vec<u8>) -> Frame {
        Frame::Routed(Routed {
            hops: 2,
            origin: address(1),
            dest: address(2),
            sequence: 0x0403_0201,
            payload,
        })
    }

    #[test]
    fn the_bytes_are_these() {
        assert_eq!(Frame::Direct(vec![7, 8]).encode(), [0, 7, 8]);
        assert_eq!(
            routed(vec![9]).encode(),
            [
                1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 3, 4, 9
            ]
        );
        assert_eq!(
            announce(vec![address(2)]).encode(),
            [
                2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0xac, 2, 1, 2, 2, 2, 2, 2, 2, 2, 2
            ]
        );
        let digest = Frame::Digest(Digest {
            reply: true,
            salt: [1, 2, 3, 4],
            fingerprints: BoundedVec::from_vec(vec![[5, 6, 7, 8]]).unwrap(),
        });
        assert_eq!(digest.encode(), [3, 1, 1, 2, 3, 4, 1, 5, 6, 7, 8]);
        assert_eq!(
            Frame::Summary(Summary([9; 8])).encode(),
            [4, 9, 9, 9, 9, 9, 9, 9, 9]
        );
    }

    #[test]
    fn payloads_are_judged_at_the_edge() {
        for (len, fits) in [
            (PAYLOAD_LEN_MAX - 1, true),
            (PAYLOAD_LEN_MAX, true),
            (PAYLOAD_LEN_MAX + 1, false),
        ] {
            for frame in [Frame::Direct(vec![0; len]), routed(vec![0; len])] {
                assert_eq!(Frame::decode(frame.encode()).is_ok(), fits, "{len}");
            }
        }
        let header = routed(vec![]).encode();
        assert_eq!(header.len(), ROUTED_HEADER_LEN);
        assert_eq!(Frame::decode(header.clone()), Ok(routed(vec![])));
        assert!(Frame::decode(header[..ROUTED_HEADER_LEN - 1].to_vec()).is_err());
        assert!(Frame::decode(vec![]).is_err());
        assert_eq!(Frame::decode(vec![0]), Ok(Frame::Direct(vec![])));
        assert!(Frame::decode(vec![5]).is_err());
    }

    #[test]
    fn announcements_must_be_in_order_and_within_the_limit() {
        let full: Vec<MeshAddress> = (10..26).map(address).collect();
        assert_eq!(full.len(), NEIGHBOURS_MAX);
        let frame = announce(full);
        assert_eq!(Frame::decode(frame.encode()), Ok(frame));
        for wrong in [
            vec![address(3), address(2)],
            vec![address(2), address(2)],
            vec![address(1)],
        ] {
            assert!(matches!(
                Frame::decode(announce(wrong).encode()),
                Err(PeerFault::Mesh(_))
            ));
        }
        // Seventeen neighbours, written by hand.
        let mut bytes = vec![2, 1];
        bytes.extend_from_slice(&[1; 8]);
        bytes.extend_from_slice(&[0, 17]);
        (10..27).for_each(|n| bytes.extend_from_slice(&[n; 8]));
        assert_eq!(
            Frame::decode(bytes),
            Err(PeerFault::Undecodable(DecodeError::Malformed))
        );
    }

    #[test]
    fn counters_are_judged_at_the_edge() {
        let with = |counter, neighbours: Vec<MeshAddress>| {
            let announcement = Announcement {
                counter,
                ..announcement(neighbours)
            };
            Frame::Announce(BoundedVec::from_vec(vec![announcement]).unwrap())
        };
        for frame in [
            with(COUNTER_MAX - 1, vec![address(2)]),
            with(COUNTER_MAX, vec![]),
        ] {
            assert_eq!(Frame::decode(frame.encode()), Ok(frame));
        }
        for (counter, neighbours, named) in [
            (
                COUNTER_MAX,
                vec![address(2)],
                "request to forget with neighbours",
            ),
            (COUNTER_MAX + 1, vec![], "announcement counter out of range"),
            (
                u64::MAX,
                vec![address(2)],
                "announcement counter out of range",
            ),
        ] {
            let frame = with(counter, neighbours);
            assert_eq!(Frame::decode(frame.encode()), Err(PeerFault::Mesh(named)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]

        #[test]
        fn arbitrary_bytes_are_a_frame_or_an_error(kind in 0..6u8, mut bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            bytes.insert(0, kind);
            if let Ok(frame) = Frame::decode(bytes.clone()) {
                prop_assert_eq!(frame.encode(), bytes);
            }
        }

        #[test]
        fn mutated_frames_are_a_frame_or_an_error(
            which in 0..4u8,
            at in any::<prop::sample::Index>(),
            flip in 1..=255u8,
            cut in any::<prop::sample::Index>(),
            truncate in any::<bool>(),
        ) {
            let frame = match which {
                0 => announce((2..8).map(address).collect()),
                1 => routed(vec![5; 9]),
                2 => Frame::Digest(Digest { reply: false, salt: [1; 4], fingerprints: BoundedVec::truncating(vec![[3; 4]; 5]) }),
                _ => Frame::Summary(Summary([1; 8])),
            };
            let mut bytes = frame.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            if truncate {
                bytes.truncate(cut.index(bytes.len()));
            }
            if let Ok(frame) = Frame::decode(bytes.clone()) {
                prop_assert_eq!(frame.encode(), bytes);
            }
        }
    }
}
