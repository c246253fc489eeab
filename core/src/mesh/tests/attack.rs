//! What a neighbour that breaks the rules can do, and what it cannot.

use super::net::{Net, address, peer};
use super::*;
use crate::mesh::frame::COUNTER_MAX;

/// A node with an attacker on link 0 and an honest neighbour on link 1, behind whom is a third.
struct Victim {
    mesh: Mesh,
    now: Instant,
}

const ATTACKER: LinkId = LinkId(0);
const HONEST: LinkId = LinkId(1);

impl Victim {
    fn new(config: MeshConfig) -> Self {
        let mut this = Self {
            mesh: Mesh::new(config, peer(0), [1; 32], Instant::ZERO),
            now: Instant::ZERO,
        };
        this.feed(MeshInput::LinkUp {
            link: ATTACKER,
            peer: peer(1),
        });
        this.feed(MeshInput::LinkUp {
            link: HONEST,
            peer: peer(2),
        });
        this.now = this.now + Duration::from_secs(1);
        this.feed(MeshInput::Timeout);
        this.frame(HONEST, &announce(2, 1, &[address(0), address(3)]));
        this.frame(HONEST, &announce(3, 1, &[address(2)]));
        assert_eq!(
            this.mesh.reachable(),
            BTreeSet::from([address(1), address(2), address(3)])
        );
        this
    }

    fn feed(&mut self, input: MeshInput) -> Vec<MeshOutput> {
        let mut out = Outbox::new();
        self.mesh.handle(input, self.now, &mut out);
        std::iter::from_fn(|| out.pop()).collect()
    }

    fn frame(&mut self, link: LinkId, frame: &Frame) -> Vec<MeshOutput> {
        let bytes = frame.encode();
        self.feed(MeshInput::Frame { link, bytes })
    }

    fn state(&self) -> String {
        format!("{:?} {:?}", self.mesh.topology, self.mesh.dedup)
    }
}

fn announce(origin: usize, counter: u64, neighbours: &[MeshAddress]) -> Frame {
    let mut neighbours = neighbours.to_vec();
    neighbours.sort_unstable();
    Frame::Announce(BoundedVec::truncating(vec![Announcement {
        origin: address(origin),
        counter,
        neighbours: BoundedVec::truncating(neighbours),
    }]))
}

fn routed(origin: usize, dest: usize, sequence: u32, hops: u8) -> Frame {
    Frame::Routed(Routed {
        hops,
        origin: address(origin),
        dest: address(dest),
        sequence,
        payload: vec![1, 2, 3],
    })
}

#[test]
fn hops_are_judged_at_the_edge() {
    let limit = MeshConfig::default().hop_limit;
    let mut victim = Victim::new(MeshConfig::default());
    let state = victim.state();
    for hops in [0, limit + 1, 255] {
        for dest in [0, 3] {
            let outputs = victim.frame(ATTACKER, &routed(1, dest, 1, hops));
            let fault = PeerFault::Mesh("hops out of range");
            assert_eq!(
                outputs,
                [MeshOutput::Fault {
                    link: ATTACKER,
                    fault
                }]
            );
        }
    }
    assert_eq!(victim.state(), state);
    // At the limit it may arrive but not go on; below it goes on with one more.
    let arrived = victim.frame(ATTACKER, &routed(1, 0, 2, limit));
    assert!(matches!(&arrived[..], [MeshOutput::Deliver { origin, .. }] if *origin == address(1)));
    assert_eq!(victim.frame(ATTACKER, &routed(1, 3, 3, limit)), []);
    let relayed = victim.frame(ATTACKER, &routed(1, 3, 4, limit - 1));
    let expected = MeshOutput::Transmit {
        link: HONEST,
        bytes: routed(1, 3, 4, limit).encode(),
        kind: "relay",
    };
    assert_eq!(relayed, [expected]);
}

#[test]
fn a_frame_is_relayed_and_delivered_once() {
    let mut victim = Victim::new(MeshConfig::default());
    for dest in [0, 3] {
        let frame = routed(1, dest, 10 + u32::try_from(dest).unwrap(), 1);
        assert_eq!(victim.frame(ATTACKER, &frame).len(), 1);
        for _ in 0..100 {
            assert_eq!(victim.frame(ATTACKER, &frame), []);
        }
    }
}

#[test]
fn frames_go_neither_back_nor_to_nowhere_nor_round_in_a_circle() {
    let mut victim = Victim::new(MeshConfig::default());
    assert_eq!(
        victim.frame(HONEST, &routed(1, 3, 1, 1)),
        [],
        "back to where it came from"
    );
    assert_eq!(
        victim.frame(ATTACKER, &routed(1, 9, 2, 1)),
        [],
        "nobody knows node 9"
    );
    assert_eq!(victim.frame(ATTACKER, &routed(0, 3, 3, 1)), [], "our own");
    let outputs = victim.feed(MeshInput::Send {
        dest: address(0),
        bytes: vec![],
        kind: "test",
    });
    assert_eq!(outputs, [MeshOutput::NoRoute { dest: address(0) }]);
}

#[test]
fn links_that_are_not_there_say_nothing() {
    let mut victim = Victim::new(MeshConfig::default());
    let state = victim.state();
    assert_eq!(victim.frame(LinkId(9), &Frame::Direct(vec![1])), []);
    assert_eq!(victim.frame(LinkId(9), &announce(5, 1, &[])), []);
    assert_eq!(victim.feed(MeshInput::LinkDown { link: LinkId(9) }), []);
    let own = MeshInput::LinkUp {
        link: LinkId(8),
        peer: peer(0),
    };
    assert_eq!(victim.feed(own), []);
    let again = MeshInput::LinkUp {
        link: HONEST,
        peer: peer(7),
    };
    assert_eq!(victim.feed(again), []);
    assert_eq!(victim.state(), state);
}

#[test]
fn memory_stays_within_its_bounds() {
    let config = MeshConfig {
        nodes_max: 20,
        dedup_len_max: 50,
        ..MeshConfig::default()
    };
    let mut victim = Victim::new(config);
    for n in 10..2_000usize {
        victim.frame(ATTACKER, &announce(n, 1, &[address(n + 1)]));
        victim.frame(ATTACKER, &routed(n, 0, 1, 1));
    }
    let known = victim.mesh.topology.announcements([0; 4]).count();
    assert_eq!(known, 20);
    assert_eq!(
        victim.mesh.reachable(),
        BTreeSet::from([address(1), address(2), address(3)])
    );
    // With everyone in reach nobody is forgotten for a newcomer.
    let mut honest = vec![address(0), address(3)];
    honest.extend((100..114).map(address));
    victim.frame(HONEST, &announce(2, 2, &honest));
    for n in 100..120 {
        victim.frame(HONEST, &announce(n, 2, &[address(2)]));
    }
    let reachable = victim.mesh.reachable();
    assert_eq!(reachable.len(), 17);
    for n in 200..300 {
        victim.frame(ATTACKER, &announce(n, 1, &[]));
        assert_eq!(victim.mesh.reachable(), reachable);
        assert!(victim.mesh.topology.announcements([0; 4]).count() <= 20);
    }
}

#[test]
fn announcements_in_our_name_are_outbid_but_not_at_any_rate() {
    let mut victim = Victim::new(MeshConfig::default());
    // Of two announcements with one counter this one would win.
    let lie: Vec<MeshAddress> = (10..26).map(address).collect();
    let mut announced = 0;
    let mut last = 0;
    for step in 0..1_000u64 {
        victim.now = victim.now + Duration::from_millis(10);
        let mut outputs = victim.frame(ATTACKER, &announce(0, 1_000 + step, &lie));
        outputs.extend(victim.feed(MeshInput::Timeout));
        for output in outputs {
            if let MeshOutput::Transmit {
                link: HONEST,
                bytes,
                ..
            } = output
                && let Ok(Frame::Announce(announcements)) = Frame::decode(bytes)
            {
                announced += 1;
                last = announcements[0].counter;
                assert_eq!(announcements[0].origin, address(0));
                assert_eq!(announcements[0].neighbours.len(), 2);
            }
        }
    }
    victim.now = victim.now + Duration::from_secs(1);
    victim.feed(MeshInput::Timeout);
    assert!((45..=51).contains(&announced), "{announced}");
    assert!(last >= 1_900, "{last}");
}

/// What a victim floods towards its honest neighbour when it hears `counter` in its own name.
fn said_after(victim: &mut Victim, counter: u64) -> Vec<Announcement> {
    let lie: Vec<MeshAddress> = (10..26).map(address).collect();
    let mut outputs = victim.frame(ATTACKER, &announce(0, counter, &lie));
    for _ in 0..10 {
        victim.now = victim.now + Duration::from_millis(200);
        outputs.extend(victim.feed(MeshInput::Timeout));
    }
    let to_honest = outputs.into_iter().filter_map(|output| match output {
        MeshOutput::Transmit {
            link: HONEST,
            bytes,
            ..
        } => Some(Frame::decode(bytes).expect("our own frame keeps the rules")),
        _ => None,
    });
    to_honest
        .filter_map(|frame| match frame {
            Frame::Announce(announcements) => Some(announcements.into_vec()),
            _ => None,
        })
        .flatten()
        .collect()
}

#[test]
fn the_highest_counter_is_outbid_by_a_new_beginning() {
    for (counter, expected) in [
        (COUNTER_MAX - 3, &[COUNTER_MAX - 2][..]),
        (COUNTER_MAX - 2, &[COUNTER_MAX - 1]),
        (COUNTER_MAX - 1, &[COUNTER_MAX, 1]),
    ] {
        let mut victim = Victim::new(MeshConfig::default());
        let said = said_after(&mut victim, counter);
        let counters: Vec<u64> = said.iter().map(|said| said.counter).collect();
        assert_eq!(counters, expected);
        let last = said.last().expect("something was said");
        assert_eq!(last.neighbours.len(), 2);
        assert_eq!(victim.mesh.topology.announcement(address(0)), Some(last));
    }
    // Above it a counter is a fault, and nothing is said.
    let mut victim = Victim::new(MeshConfig::default());
    let state = victim.state();
    for counter in [COUNTER_MAX, COUNTER_MAX + 1, u64::MAX] {
        assert_eq!(said_after(&mut victim, counter), []);
    }
    assert_eq!(victim.state(), state);
}

#[test]
fn whoever_repeats_the_highest_counter_makes_no_storm() {
    let mut victim = Victim::new(MeshConfig::default());
    let start = victim.now;
    let mut said = 0;
    while victim.now.since(start) < Duration::from_secs(60) {
        said += said_after(&mut victim, COUNTER_MAX - 1).len();
    }
    // A request and an announcement at most every ten seconds.
    assert!((2..=14).contains(&said), "{said}");
}

#[test]
fn a_request_to_forget_is_followed_once_and_leaves_own_links() {
    let mut victim = Victim::new(MeshConfig::default());
    let forget = |n| {
        Frame::Announce(BoundedVec::truncating(vec![Announcement::forget(address(
            n,
        ))]))
    };
    assert_eq!(victim.frame(HONEST, &forget(9)), [], "nobody knows node 9");
    let outputs = victim.frame(HONEST, &forget(3));
    let passed_on = MeshOutput::Transmit {
        link: ATTACKER,
        bytes: forget(3).encode(),
        kind: "announce",
    };
    assert_eq!(outputs, [passed_on, MeshOutput::TopologyChanged]);
    assert_eq!(victim.frame(HONEST, &forget(3)), []);
    let reached = |victim: &Victim, n| victim.mesh.reachable().contains(&address(n));
    assert!(!reached(&victim, 3));
    // A late copy of the outlived announcement is not believed, a new one is.
    victim.frame(HONEST, &announce(3, COUNTER_MAX - 1, &[address(2)]));
    assert!(!reached(&victim, 3));
    victim.frame(HONEST, &announce(3, 1, &[address(2)]));
    assert!(reached(&victim, 3));
    assert_eq!(victim.frame(HONEST, &forget(3)), [], "too soon");
    assert!(reached(&victim, 3));
    victim.now = victim.now + MeshConfig::default().forget_min;
    victim.frame(HONEST, &forget(3));
    assert!(!reached(&victim, 3));
    // Who is linked here stays in reach, whatever is forgotten of him.
    victim.frame(ATTACKER, &forget(2));
    assert!(reached(&victim, 2));
}

/// A lie with the highest counter that has followers, told in the middle of a mesh: with the liar
/// gone everyone finds the victim again.
#[test]
fn a_lie_with_the_highest_counter_does_not_last() {
    for (len, victim) in [(5, 4), (9, 6), (30, 17)] {
        let mut net = Net::new(len, 5);
        for n in 0..len {
            net.link(n, (n + 1) % len);
        }
        net.settle();
        net.pass(Duration::from_secs(1));
        net.frames.clear();
        let lie: Vec<MeshAddress> = (100..116).map(address).collect();
        let bytes = announce(victim, COUNTER_MAX - 1, &lie).encode();
        let link = LinkId(0);
        net.feed(1, MeshInput::Frame { link, bytes });
        net.settle();
        net.pass(Duration::from_secs(60));
        for n in 0..len {
            assert_eq!(net.nodes[n].reachable(), net.component(n), "node {n}");
            let known = net.nodes[n].topology.announcement(address(victim));
            let known = known.expect("the victim is known everywhere");
            assert!(known.counter < 100, "node {n} knows {}", known.counter);
            assert_eq!(known.neighbours.len(), 2);
        }
        assert!(net.faults.is_empty());
        let frames = net.frames["announce"];
        assert!(frames <= 40 * len, "{frames} frames over {len} links");
    }
}

#[test]
fn an_older_announcement_is_answered_with_the_newer_one() {
    let mut victim = Victim::new(MeshConfig::default());
    victim.frame(HONEST, &announce(3, 7, &[address(2)]));
    let outputs = victim.frame(ATTACKER, &announce(3, 6, &[]));
    let expected = MeshOutput::Transmit {
        link: ATTACKER,
        bytes: announce(3, 7, &[address(2)]).encode(),
        kind: "announce",
    };
    assert_eq!(outputs, [expected]);
    assert_eq!(victim.frame(ATTACKER, &announce(3, 7, &[address(2)])), []);
}

#[test]
fn digests_are_answered_at_a_bounded_rate() {
    let mut victim = Victim::new(MeshConfig::default());
    let mut answers = 0;
    for _ in 0..1_000 {
        victim.now = victim.now + Duration::from_millis(1);
        let digest = Frame::Digest(Digest {
            reply: true,
            salt: [0; 4],
            fingerprints: BoundedVec::new(),
        });
        answers += victim.frame(ATTACKER, &digest).len();
        answers += victim
            .frame(ATTACKER, &Frame::Summary(Summary([1; 8])))
            .len();
    }
    // Five or six times in a second: announcements, a digest, and a digest for the summary.
    assert!((15..=18).contains(&answers), "{answers}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn what_is_no_frame_is_a_fault_and_changes_nothing(
        kind in 1..7u8,
        mut bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        bytes.insert(0, kind);
        if Frame::decode(bytes.clone()).is_ok() {
            return Ok(());
        }
        let mut victim = Victim::new(MeshConfig::default());
        let state = victim.state();
        let outputs = victim.feed(MeshInput::Frame { link: ATTACKER, bytes });
        let is_fault = matches!(&outputs[..], [MeshOutput::Fault { link: ATTACKER, .. }]);
        prop_assert!(is_fault, "{:?}", outputs);
        prop_assert_eq!(victim.state(), state);
    }

    #[test]
    fn any_frame_leaves_the_bounds_whole(
        frames in prop::collection::vec((0..5u8, prop::collection::vec(any::<u8>(), 0..60)), 0..8),
    ) {
        let mut victim = Victim::new(MeshConfig::default());
        for (kind, mut bytes) in frames {
            bytes.insert(0, kind);
            victim.now = victim.now + Duration::from_millis(150);
            let outputs = victim.feed(MeshInput::Frame { link: ATTACKER, bytes });
            prop_assert!(outputs.len() <= 4);
            victim.feed(MeshInput::Timeout);
            if let Some((at, cause)) = victim.mesh.deadline() {
                prop_assert!(at > victim.now, "stuck at {}", cause);
            }
        }
        prop_assert!(victim.mesh.reachable().contains(&address(1)));
    }
}
