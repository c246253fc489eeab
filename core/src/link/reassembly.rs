//! How fragments become frames again, whatever the order in which a host stack delivers them.
//!
//! Sequence numbers run on from frame to frame, so one window serves all frames of a direction.
//! Held are at most one frame of `frame_len_max` bytes and `reorder_window` fragments ahead of a
//! missing one. Those come on top: behind the end of a long frame they belong to the frames after
//! it, and to refuse them would cost an honest link whose stack reorders.

use super::fragment::SEQUENCES;

#[derive(Debug)]
struct Held {
    last: bool,
    bytes: Vec<u8>,
}

/// Reassembly of one direction.
#[derive(Debug)]
pub(super) struct Reassembly {
    /// Fragments that may arrive ahead of a missing one.
    reorder_window: u8,
    /// Fragments by sequence number.
    held: [Option<Held>; SEQUENCES as usize],
    /// Fragments taken in order so far; its low bits are the next sequence number.
    taken: u64,
    /// The share of the open frame that arrived in order.
    open: Vec<u8>,
}

impl Reassembly {
    pub(super) fn new(reorder_window: usize) -> Self {
        // With more than half of the numbers a repeated fragment would pass for a future one.
        let half = SEQUENCES / 2 - 1;
        Self {
            reorder_window: u8::try_from(reorder_window).unwrap_or(half).min(half),
            held: [const { None }; SEQUENCES as usize],
            taken: 0,
            open: Vec::new(),
        }
    }

    /// Keeps one fragment until its turn.
    pub(super) fn insert(
        &mut self,
        sequence: u8,
        last: bool,
        bytes: &[u8],
    ) -> Result<(), &'static str> {
        let ahead = sequence.wrapping_sub(self.next_sequence()) % SEQUENCES;
        if ahead > self.reorder_window {
            return Err("seen before or outside the window");
        }
        let place = &mut self.held[usize::from(sequence % SEQUENCES)];
        if place.is_some() {
            return Err("seen before");
        }
        *place = Some(Held {
            last,
            bytes: bytes.to_vec(),
        });
        Ok(())
    }

    /// The next complete frame, which may be at most `frame_len_max` long.
    pub(super) fn next_frame(
        &mut self,
        frame_len_max: usize,
    ) -> Result<Option<Vec<u8>>, &'static str> {
        while let Some(held) = self.held[usize::from(self.next_sequence())].take() {
            self.taken += 1;
            if self.open.len() + held.bytes.len() > frame_len_max {
                self.open = Vec::new();
                return Err("frame too long");
            }
            self.open.extend_from_slice(&held.bytes);
            if held.last {
                return Ok(Some(std::mem::take(&mut self.open)));
            }
        }
        Ok(None)
    }

    /// Whether a frame is incomplete.
    pub(super) fn is_waiting(&self) -> bool {
        !self.open.is_empty() || self.held.iter().any(Option::is_some)
    }

    /// Fragments taken in order so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Bytes held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let held: usize = self
            .held
            .iter()
            .flatten()
            .map(|held| held.bytes.len())
            .sum();
        self.open.len() + held
    }

    fn next_sequence(&self) -> u8 {
        u8::try_from(self.taken % u64::from(SEQUENCES)).expect("a remainder below 64 fits a byte")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fragment::VALUE_LEN_LIMIT;
    use super::*;

    const LIMIT: usize = 1024;
    /// Longest share of a frame that one value carries.
    const SHARE_LEN_MAX: usize = VALUE_LEN_LIMIT - 1;

    #[test]
    fn fragments_in_any_order_within_the_window_make_the_frame() {
        let mut reassembly = Reassembly::new(31);
        for frame in 0..10u8 {
            let base = frame.wrapping_mul(32);
            for index in (0..32u8).rev() {
                assert_eq!(reassembly.next_frame(LIMIT), Ok(None));
                reassembly
                    .insert(base.wrapping_add(index) % 64, index == 31, &[frame, index])
                    .expect("inside the window");
            }
            let whole: Vec<u8> = (0..32).flat_map(|index| [frame, index]).collect();
            assert_eq!(reassembly.next_frame(LIMIT), Ok(Some(whole)));
            assert!(!reassembly.is_waiting());
        }
    }

    #[test]
    fn window_holds_at_its_edges() {
        let mut reassembly = Reassembly::new(31);
        assert!(reassembly.insert(30, false, b"a").is_ok());
        assert!(reassembly.insert(31, false, b"a").is_ok());
        assert!(reassembly.insert(32, false, b"a").is_err());
        assert!(reassembly.insert(63, false, b"a").is_err());
        assert_eq!(reassembly.insert(31, true, b"b"), Err("seen before"));
        assert!(reassembly.insert(0, false, b"a").is_ok());
        assert_eq!(reassembly.next_frame(LIMIT), Ok(None));
        assert!(reassembly.insert(0, false, b"a").is_err());
        assert!(reassembly.insert(32, false, b"a").is_ok());
    }

    #[test]
    fn frame_length_holds_at_its_edges() {
        for (len, fits) in [(LIMIT - 1, true), (LIMIT, true), (LIMIT + 1, false)] {
            let mut reassembly = Reassembly::new(31);
            let frame = vec![7; len];
            let pieces: Vec<&[u8]> = frame.chunks(100).collect();
            let mut result = Ok(None);
            for (index, piece) in pieces.iter().enumerate() {
                let last = index + 1 == pieces.len();
                reassembly
                    .insert(u8::try_from(index).expect("few"), last, piece)
                    .expect("inside the window");
                result = reassembly.next_frame(LIMIT);
            }
            assert_eq!(result.is_ok(), fits, "{len}");
            if fits {
                assert_eq!(result, Ok(Some(frame)));
            }
        }
    }

    #[test]
    fn a_flood_of_first_fragments_is_bounded() {
        let mut reassembly = Reassembly::new(31);
        for round in 0..10_000u32 {
            let sequence = u8::try_from(round % 63 + 1).expect("below 64");
            let _ = reassembly.insert(sequence, false, &[0; 511]);
            assert!(reassembly.next_frame(LIMIT).is_ok());
        }
        assert!(reassembly.len() <= 31 * 511);
    }

    #[test]
    fn the_bytes_held_are_bounded_at_the_edge() {
        let limit = 32 * 1024;
        let mut reassembly = Reassembly::new(31);
        let mut sequence = 0;
        let mut rest = limit;
        while rest > 0 {
            let len = rest.min(SHARE_LEN_MAX);
            reassembly
                .insert(sequence, false, &vec![1; len])
                .expect("in order");
            assert_eq!(reassembly.next_frame(limit), Ok(None));
            sequence = (sequence + 1) % SEQUENCES;
            rest -= len;
        }
        assert_eq!(reassembly.len(), limit);
        for ahead in 1..=31 {
            let early = (sequence + ahead) % SEQUENCES;
            assert_eq!(reassembly.insert(early, true, &[2; SHARE_LEN_MAX]), Ok(()));
        }
        let most = limit + 31 * SHARE_LEN_MAX;
        assert_eq!(reassembly.len(), most);
        // Nothing more is taken but the missing one, and with that the frame is too long.
        for ahead in 1..SEQUENCES {
            let other = (sequence + ahead) % SEQUENCES;
            assert!(reassembly.insert(other, true, &[3]).is_err());
        }
        assert_eq!(reassembly.next_frame(limit), Ok(None));
        assert_eq!(reassembly.len(), most);
        assert_eq!(reassembly.insert(sequence, true, &[3]), Ok(()));
        assert_eq!(reassembly.next_frame(limit), Err("frame too long"));
        assert_eq!(reassembly.len(), 31 * SHARE_LEN_MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]

        #[test]
        fn any_fragments_keep_the_bounds_and_refused_ones_change_nothing(
            fragments in prop::collection::vec((0..40u8, any::<bool>(), 1..40usize), 0..12),
        ) {
            let frame_len_max = 100;
            let state = |reassembly: &Reassembly| {
                let held = reassembly.held.each_ref();
                let held = held.map(|held| held.as_ref().map_or(0, |held| held.bytes.len()));
                (reassembly.taken, reassembly.open.len(), held)
            };
            let mut reassembly = Reassembly::new(31);
            for (sequence, last, len) in fragments {
                let before = state(&reassembly);
                match reassembly.insert(sequence, last, &vec![sequence; len]) {
                    Ok(()) => prop_assert_eq!(state(&reassembly).0, before.0),
                    Err(named) => {
                        prop_assert!(named.starts_with("seen before"));
                        prop_assert_eq!(state(&reassembly), before);
                    }
                }
                match reassembly.next_frame(frame_len_max) {
                    Ok(Some(frame)) => prop_assert!(frame.len() <= frame_len_max),
                    Ok(None) => {}
                    Err(named) => prop_assert_eq!(named, "frame too long"),
                }
                prop_assert!(reassembly.open.len() <= frame_len_max);
                prop_assert!(reassembly.len() <= frame_len_max + 31 * 40);
            }
        }
    }
}
