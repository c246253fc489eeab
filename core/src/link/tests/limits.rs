//! Bounds and deadlines at their edges.

use super::*;

#[test]
fn a_message_longer_than_a_frame_is_refused_by_the_sender() {
    let config = LinkConfig::default();
    let most = config.reassembly_len_max - FRAME_OVERHEAD - 1;
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    for (len, fits) in [(most - 1, true), (most, true), (most + 1, false)] {
        let mut pair = Pair::established(510, CALM, 0);
        let message = noise(&mut rng, len);
        pair.send(0, &message);
        pair.run();
        assert_eq!(pair.sides[0].refused.is_empty(), fits, "{len}");
        assert_eq!(pair.sides[1].received == [message], fits, "{len}");
        assert_eq!(pair.sides[1].faults, []);
    }
}

#[test]
fn a_full_queue_is_a_return_value() {
    let config = LinkConfig::default();
    let mut pair = Pair::new(244, CALM, 0);
    for _ in 0..config.queue_frames_max {
        pair.send(0, b"x");
    }
    assert_eq!(pair.sides[0].refused, []);
    pair.send(0, b"xyz");
    assert_eq!(pair.sides[0].refused, [3]);
    pair.sides[0].refused.clear();
    pair.run();
    assert_eq!(pair.sides[1].received.len(), config.queue_frames_max);
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let message = noise(&mut rng, 1023);
    let fit = config.queue_bytes_max / 1024;
    // One is on its way at once and leaves its place.
    for _ in 0..=fit {
        pair.send(0, &message);
    }
    assert_eq!(pair.sides[0].refused, []);
    pair.send(0, &message);
    assert_eq!(pair.sides[0].refused, [1023]);
    assert!(pair.sides[0].link.outgoing.len() <= config.queue_bytes_max + 1100);
}

#[test]
fn lengths_that_change_under_way_lose_nothing() {
    for seed in 0..20 {
        let mut pair = Pair::established(244, ROUGH, seed);
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut sent = Vec::new();
        for _ in 0..40 {
            let len = 1 + (rng.next_u32() % 700) as usize;
            let message = noise(&mut rng, len);
            pair.send(0, &message);
            sent.push(message);
        }
        let mut value_len_max = 244;
        for index in 0..400 {
            if index % 7 == 0 {
                value_len_max = LENGTHS[(rng.next_u32() % 5) as usize];
                pair.feed(0, LinkInput::ValueLengthChanged(value_len_max));
            }
            let fresh = pair.sides[0].outstanding.is_none();
            pair.step(0);
            if let Some((at, "link retry")) = pair.sides[0].link.deadline() {
                pair.now = pair.now.max(at);
                pair.feed(0, LinkInput::Timeout);
            }
            if fresh && let Some((_, bytes)) = &pair.sides[0].outstanding {
                assert!(bytes.len() <= usize::from(value_len_max));
            }
        }
        pair.run();
        pair.assert_clean();
        sent.sort();
        pair.sides[1].received.sort();
        assert!(pair.sides[1].received == sent, "{seed}");
    }
}

#[test]
fn a_handshake_that_does_not_end_closes_the_link() {
    let config = LinkConfig::default();
    let mut pair = Pair::new(244, CALM, 0);
    for side in [0, 1] {
        // The stack takes the first message, then nothing more happens.
        if let Some((op, _)) = pair.sides[side].outstanding.take() {
            let result = OperationResult::Done;
            pair.feed(side, LinkInput::Completed { op, result });
        }
        let (at, cause) = pair.sides[side].link.deadline().expect("a deadline");
        assert_eq!(cause, "link handshake");
        assert_eq!(at, Instant::ZERO + config.handshake_timeout);
        pair.now = at - Duration::from_micros(1);
        pair.feed(side, LinkInput::Timeout);
        assert_eq!(pair.sides[side].closed, None);
        pair.now = at;
        pair.feed(side, LinkInput::Timeout);
        assert_eq!(pair.sides[side].closed, Some("the handshake took too long"));
        assert_eq!(pair.sides[side].link.deadline(), None);
    }
}

#[test]
fn a_missing_fragment_or_frame_closes_the_link() {
    let config = LinkConfig::default();
    for (len, missing) in [(1_000, 1), (1_000, 5), (10, 0)] {
        let mut pair = Pair::established(182, CALM, 0);
        pair.now = Instant::from_millis(60_000);
        let message = noise(&mut ChaCha12Rng::seed_from_u64(1), len);
        let mut values = sealed_values(&mut pair, 0, &message);
        values.remove(missing);
        values.extend(sealed_values(&mut pair, 0, b"after"));
        for value in values {
            pair.feed(1, LinkInput::Value(value));
        }
        assert_eq!(pair.sides[1].received, [b"after".to_vec()]);
        let (at, cause) = pair.sides[1].link.deadline().expect("something is missing");
        assert_eq!(
            (at, cause),
            (pair.now + config.reassembly_timeout, "link frame")
        );
        pair.now = at;
        pair.feed(1, LinkInput::Timeout);
        assert_eq!(pair.sides[1].closed, Some("a frame stayed missing"));
    }
}

#[test]
fn progress_moves_the_deadline_and_overtaking_does_not() {
    let config = LinkConfig::default();
    let mut pair = Pair::established(182, CALM, 0);
    let message = noise(&mut ChaCha12Rng::seed_from_u64(1), 1_000);
    let values = sealed_values(&mut pair, 0, &message);
    let second = Instant::from_millis(1_000);
    pair.now = second;
    pair.feed(1, LinkInput::Value(values[0].clone()));
    for step in 1..5u64 {
        pair.now = second + Duration::from_secs(step);
        let [whole] = sealed_values(&mut pair, 0, b"x").try_into().expect("one");
        pair.feed(1, LinkInput::Value(whole));
        let (at, _) = pair.sides[1].link.deadline().expect("waiting");
        assert_eq!(at, second + config.reassembly_timeout);
    }
    pair.feed(1, LinkInput::Value(values[1].clone()));
    let (at, _) = pair.sides[1].link.deadline().expect("waiting");
    assert_eq!(at, pair.now + config.reassembly_timeout);
    for value in &values[2..] {
        pair.feed(1, LinkInput::Value(value.clone()));
    }
    assert_eq!(pair.sides[1].link.deadline(), None);
    assert_eq!(pair.sides[1].received.len(), 5);
}

#[test]
fn a_stack_that_fails_or_sleeps_closes_the_link() {
    let config = LinkConfig::default();
    let mut pair = Pair::established(182, CALM, 0);
    pair.send(0, b"x");
    let (op, _) = pair.sides[0].outstanding.take().expect("sent at once");
    let other = OpId(op.0 + 1);
    let result = OperationResult::Failed;
    pair.feed(0, LinkInput::Completed { op: other, result });
    assert_eq!(pair.sides[0].closed, None);
    pair.feed(0, LinkInput::Completed { op, result });
    assert_eq!(pair.sides[0].closed, Some("the stack refused a value"));
    let mut pair = Pair::established(182, CALM, 0);
    pair.send(0, b"x");
    let (at, cause) = pair.sides[0].link.deadline().expect("an operation is out");
    assert_eq!(
        (at, cause),
        (pair.now + config.operation_timeout, "link operation")
    );
    pair.now = at;
    pair.feed(0, LinkInput::Timeout);
    assert_eq!(
        pair.sides[0].closed,
        Some("the stack does not take a value")
    );
}

#[test]
fn a_busy_stack_gets_the_same_value_again_after_a_pause() {
    let config = LinkConfig::default();
    for len in [5, 1_000] {
        let mut pair = Pair::established(182, CALM, 0);
        pair.send(0, &noise(&mut ChaCha12Rng::seed_from_u64(1), len));
        for _ in 0..5 {
            let (op, bytes) = pair.sides[0].outstanding.take().expect("offered");
            let result = OperationResult::Busy;
            pair.feed(0, LinkInput::Completed { op, result });
            assert!(pair.sides[0].outstanding.is_none());
            let deadline = pair.sides[0].link.deadline();
            assert_eq!(deadline, Some((pair.now + config.busy_retry, "link retry")));
            pair.now = pair.now + config.busy_retry;
            pair.feed(0, LinkInput::Timeout);
            let (again, offered) = pair.sides[0].outstanding.clone().expect("offered again");
            assert_ne!(again, op);
            assert_eq!(offered, bytes);
        }
        pair.run();
        pair.assert_clean();
        assert_eq!(pair.sides[1].received.len(), 1);
    }
}

#[test]
fn a_stack_that_is_busy_for_good_closes_the_link() {
    let config = LinkConfig::default();
    for len in [5, 1_000] {
        let mut pair = Pair::established(182, CALM, 0);
        pair.send(0, &noise(&mut ChaCha12Rng::seed_from_u64(1), len));
        let limit = pair.now + config.operation_timeout;
        while pair.sides[0].closed.is_none() {
            assert!(pair.now < limit, "retried for ever");
            if let Some((op, _)) = pair.sides[0].outstanding.take() {
                let result = OperationResult::Busy;
                pair.feed(0, LinkInput::Completed { op, result });
            }
            let (at, _) = pair.sides[0].link.deadline().expect("a retry or the end");
            pair.now = at;
            pair.feed(0, LinkInput::Timeout);
        }
        assert_eq!(pair.now, limit);
        let cause = "the stack does not take a value";
        assert_eq!(pair.sides[0].closed, Some(cause));
    }
}

#[test]
fn a_value_that_is_taken_ends_the_wait_for_a_busy_stack() {
    let config = LinkConfig::default();
    let mut pair = Pair::established(182, CALM, 0);
    pair.send(0, &noise(&mut ChaCha12Rng::seed_from_u64(1), 1_000));
    let half = config.operation_timeout / 2;
    // Each value takes half of the time that one value may take.
    while let Some((op, _)) = pair.sides[0].outstanding.take() {
        let result = OperationResult::Busy;
        pair.feed(0, LinkInput::Completed { op, result });
        pair.now = pair.now + half;
        pair.feed(0, LinkInput::Timeout);
        assert_eq!(pair.sides[0].closed, None);
        let (op, _) = pair.sides[0].outstanding.take().expect("offered again");
        let result = OperationResult::Done;
        pair.feed(0, LinkInput::Completed { op, result });
    }
    assert_eq!(pair.sides[0].link.outgoing.len(), 0);
    assert_eq!(pair.sides[0].link.deadline(), None);
}

#[test]
fn a_session_ends_at_its_last_frame() {
    let config = LinkConfig {
        session_frames_max: 3,
        ..LinkConfig::default()
    };
    for len in [1, 1_000] {
        let mut pair = Pair::with(&config, 182, CALM, 0, [1, 2]);
        pair.run();
        for _ in 0..3 {
            pair.send(0, &vec![1; len]);
            pair.run();
            assert_eq!(pair.sides[0].closed, None);
        }
        assert_eq!(pair.sides[1].received.len(), 3);
        pair.send(0, &vec![1; len]);
        assert_eq!(pair.sides[0].closed, Some("the session is used up"));
    }
}

#[test]
fn counters_wrap_and_the_window_holds_at_its_edges() {
    let mut pair = Pair::established(182, CALM, 0);
    let window = LinkConfig::default().replay_window;
    let [from, to] = &mut pair.sides;
    let (Phase::Session(from), Phase::Session(to)) = (&mut from.link.phase, &mut to.link.phase)
    else {
        panic!("established");
    };
    for _ in 0..40_000 {
        let frame = from.seal(b"x").expect("not used up");
        assert_eq!(to.open(&frame), Ok(b"x".to_vec()));
        assert_eq!(to.open(&frame), Err("seen before or outside the window"));
    }
    let frames: Vec<Vec<u8>> = (0..=window)
        .map(|_| from.seal(b"x").expect("not used up"))
        .collect();
    let index = |offset: u64| usize::try_from(offset).expect("small");
    assert!(to.open(&frames[index(window)]).is_err());
    assert!(to.open(&frames[index(window - 1)]).is_ok());
    assert_eq!(to.open(&frames[index(window - 1)]), Err("seen before"));
    assert!(to.has_hole());
    for frame in frames[..index(window - 1)].iter().rev() {
        assert!(to.open(frame).is_ok());
    }
    assert!(!to.has_hole());
    assert!(to.open(&frames[index(window)]).is_ok());
}

#[test]
fn nothing_follows_a_close() {
    let mut pair = Pair::established(182, CALM, 0);
    pair.send(0, b"x");
    let (op, _) = pair.sides[0].outstanding.take().expect("offered");
    let result = OperationResult::Failed;
    pair.feed(0, LinkInput::Completed { op, result });
    for input in [
        LinkInput::Ready,
        LinkInput::Timeout,
        LinkInput::Value(vec![0; 100]),
        LinkInput::Send { message: vec![1] },
        LinkInput::ValueLengthChanged(20),
    ] {
        pair.feed(0, input);
    }
    assert_eq!(pair.sides[0].link.deadline(), None);
}

#[test]
fn whole_frames_and_fragments_take_turns() {
    let config = LinkConfig::default();
    let mut pair = Pair::established(182, CALM, 0);
    let before = pair.sides[0].values.len();
    pair.send(0, b"first");
    pair.send(0, &noise(&mut ChaCha12Rng::seed_from_u64(1), 1_500));
    for _ in 0..200 {
        pair.send(0, b"x");
    }
    pair.run();
    pair.assert_clean();
    let is_fragment = |value: &Vec<u8>| value[0] & 0x80 != 0;
    let values = &pair.sides[0].values[before..];
    let last = values.iter().rposition(is_fragment).expect("fragments");
    let runs: Vec<usize> = values[..last]
        .split(is_fragment)
        .map(<[Vec<u8>]>::len)
        .collect();
    assert_eq!(runs, vec![config.overtake_max; runs.len()]);
    assert_eq!(runs.len(), 9);
}

#[test]
fn a_sender_that_outlives_the_session_is_refused() {
    let mut pair = Pair::new(182, CALM, 0);
    let config = LinkConfig {
        session_frames_max: 3,
        ..LinkConfig::default()
    };
    pair.sides[1].link = Link::new(setup(&config, 2, Role::Peripheral, 182), pair.now);
    pair.feed(1, LinkInput::Ready);
    for _ in 0..4 {
        pair.send(0, b"x");
        pair.run();
    }
    assert_eq!(pair.sides[1].received.len(), 3);
    assert_eq!(
        pair.sides[1].faults,
        [PeerFault::Frame("session is used up")]
    );
}
