use super::*;

fn stream(first: u8) -> Random {
    Random::new(Hash([first; 32]))
}

#[test]
fn the_draw_stream_never_changes() {
    let mut random = stream(7);
    let dice: Vec<u8> = (0..24).map(|_| random.die(6)).collect();
    assert_eq!(dice, STREAM_7);
    let mut again = stream(7);
    assert_eq!(dice, (0..24).map(|_| again.die(6)).collect::<Vec<_>>());
}

#[test]
fn every_side_is_as_likely_as_another() {
    for sides in [1, 2, 3, 6, 20, 100, 255] {
        let mut random = stream(sides);
        let mut seen = vec![0u32; usize::from(sides)];
        let throws = u32::from(sides) * 400;
        for _ in 0..throws {
            seen[usize::from(random.die(sides)) - 1] += 1;
        }
        // 400 expected; 5 standard deviations are 100.
        assert!(
            seen.iter().all(|count| count.abs_diff(400) <= 100),
            "{sides} sides: {seen:?}"
        );
    }
}

#[test]
fn rejection_sampling_leaves_no_remainder() {
    // Bytes at or above the largest multiple of the sides must be thrown away: with 255 sides that
    // is byte 255 alone, with 6 the last four.
    for sides in 1..=u8::MAX {
        let limit = u8::MAX - (u8::MAX % sides + 1) % sides;
        assert_eq!(
            (u16::from(limit) + 1) % u16::from(sides),
            0,
            "{sides} sides"
        );
        assert!(
            256 - (u16::from(limit) + 1) < u16::from(sides),
            "{sides} sides"
        );
    }
}

#[test]
fn one_draw_is_open_at_a_time() {
    let mut context = Context::new(&[], 1, true);
    assert!(!context.draw_requested());
    assert!(context.request_draw());
    assert!(!context.request_draw(), "a second request of one action");
    assert!(context.draw_requested());
    let mut closed = Context::new(&[], 1, false);
    assert!(!closed.request_draw());
    assert!(!closed.draw_requested());
}

#[test]
fn a_detail_is_cut_at_its_limit() {
    for (len, kept) in [(63, 63), (64, 64), (65, 64)] {
        let rejection = Rejection::with_detail(1, vec![0; len]);
        assert_eq!(rejection.detail.len(), kept);
    }
}

#[test]
fn built_in_rule_sets_have_names_and_vectors_of_their_own() {
    let ids: Vec<_> = built_in().iter().map(|rules| rules.id()).collect();
    assert_eq!(&*ids[0].name, b"craps");
    assert_eq!(&*ids[1].name, b"counter");
    assert_eq!(&*ids[2].name, b"board");
    let vectors: std::collections::BTreeSet<_> = ids.iter().map(|id| id.vectors).collect();
    assert_eq!(vectors.len(), ids.len());
}

const STREAM_7: [u8; 24] = [
    4, 4, 5, 3, 1, 3, 4, 5, 4, 1, 2, 2, 4, 3, 6, 5, 5, 3, 3, 5, 5, 4, 5, 4,
];
