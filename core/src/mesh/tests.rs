//! Whole networks of nodes, with frames delivered in any order.

mod attack;
mod net;

use proptest::prelude::*;

use self::net::{Net, address, peer};
use super::*;

/// Links to make, then changes, then more links: everything from one seed.
fn any_net() -> impl Strategy<Value = (usize, usize, usize, u64)> {
    (2..=75usize, 0..4usize, 0..40usize, any::<u64>())
}

/// A random topology of `len` nodes in which links came and went while frames were under way.
fn churned(len: usize, density: usize, changes: usize, seed: u64) -> Net {
    let mut net = Net::new(len, seed);
    for _ in 0..len * density / 2 + len / 2 {
        let (a, b) = (net.pick(len), net.pick(len));
        net.link(a, b);
        let some = net.pick(40);
        net.deliver(some);
    }
    for _ in 0..changes {
        match net.pick(4) {
            0 => net.unlink_any(),
            1 => {
                let n = net.pick(len);
                net.restart(n);
            }
            _ => {
                let (a, b) = (net.pick(len), net.pick(len));
                net.link(a, b);
            }
        }
        let some = net.pick(60);
        net.deliver(some);
        if net.pick(3) == 0 {
            net.pass(Duration::from_millis(50));
        }
    }
    net.settle();
    net
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn settled_nodes_know_their_part_of_the_mesh((len, density, changes, seed) in any_net()) {
        let net = churned(len, density, changes, seed);
        for n in 0..len {
            prop_assert_eq!(net.nodes[n].reachable(), net.component(n), "node {}", n);
            let neighbours: BTreeSet<PeerId> =
                net.nodes[n].neighbours().into_iter().map(|(_, peer)| peer).collect();
            let linked = net.linked(n).into_iter().map(peer).collect();
            prop_assert_eq!(neighbours, linked);
        }
        prop_assert!(net.faults.is_empty());
    }

    #[test]
    fn payloads_arrive_once_wherever_there_is_a_path((len, density, changes, seed) in any_net()) {
        let mut net = churned(len, density, changes, seed);
        for sent in 0..20u8 {
            let (a, b) = (net.pick(len), net.pick(len));
            let distance = net.distances(a)[b];
            net.send(a, b, vec![sent]);
            net.settle();
            let limit = usize::from(MeshConfig::default().hop_limit);
            match distance {
                Some(distance) if a != b && distance <= limit => {
                    prop_assert_eq!(&net.delivered[..], &[(b, address(a), vec![sent])]);
                    prop_assert_eq!(net.unroutable, 0);
                }
                _ => {
                    prop_assert!(net.delivered.is_empty());
                    prop_assert_eq!(net.unroutable, 1);
                }
            }
            net.delivered.clear();
            net.unroutable = 0;
        }
    }

    #[test]
    fn children_cover_every_member_once_and_nearest_is_right((len, density, changes, seed) in any_net()) {
        let mut net = churned(len, density, changes, seed);
        let members: BTreeSet<usize> = (0..len.min(16)).map(|_| net.pick(len)).collect();
        let set: BTreeSet<MeshAddress> = members.iter().map(|n| address(*n)).collect();
        for origin in 0..len {
            let component = net.component(origin);
            let mut covered = Vec::new();
            for n in members.iter().copied().chain([origin]).collect::<BTreeSet<_>>() {
                let children = net.nodes[n].children(address(origin), &set);
                let expected = net.children(n, origin, &members);
                prop_assert_eq!(&children, &expected, "node {} for origin {}", n, origin);
                covered.extend(children);
            }
            covered.sort_unstable();
            let expected: Vec<MeshAddress> =
                set.iter().filter(|member| component.contains(member)).copied().collect();
            prop_assert_eq!(covered, expected, "origin {}", origin);
            prop_assert_eq!(net.nodes[origin].nearest(&set), net.children(origin, origin, &members));
            for n in (0..len).filter(|n| !members.contains(n) && *n != origin) {
                prop_assert_eq!(net.nodes[n].children(address(origin), &set), vec![]);
            }
        }
    }

    /// Frames get lost with full queues: comparing summaries makes up for it.
    #[test]
    fn losses_are_repaired(seed in any::<u64>(), len in 2..30usize) {
        let mut net = Net::new(len, seed);
        net.loss_percent = 30;
        for _ in 0..len * 2 {
            let (a, b) = (net.pick(len), net.pick(len));
            net.link(a, b);
            net.deliver(20);
        }
        net.settle();
        net.loss_percent = 0;
        // Each round repairs at least what is one link away from somebody who knows.
        for _ in 0..30 {
            net.pass(Duration::from_secs(20));
        }
        for n in 0..len {
            prop_assert_eq!(net.nodes[n].reachable(), net.component(n), "node {}", n);
        }
    }
}

fn line(len: usize) -> Net {
    let mut net = Net::new(len, 1);
    for n in 1..len {
        net.link(n - 1, n);
    }
    net.settle();
    net
}

#[test]
fn the_hop_limit_counts_links() {
    let limit = usize::from(MeshConfig::default().hop_limit);
    let mut net = line(limit + 3);
    for (dest, arrives) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
        net.send(0, dest, vec![1]);
        net.settle();
        assert_eq!(net.delivered.len(), usize::from(arrives), "{dest}");
        assert_eq!(net.unroutable, usize::from(!arrives), "{dest}");
        net.delivered.clear();
        net.unroutable = 0;
    }
    assert_eq!(net.nodes[0].reachable().len(), limit + 2);
}

#[test]
fn only_the_first_of_several_links_carries() {
    let mut net = Net::new(2, 1);
    net.link(0, 1);
    net.link(0, 1);
    net.settle();
    assert_eq!(net.nodes[0].neighbours().len(), 2);
    net.send(0, 1, vec![5]);
    net.settle();
    assert_eq!(net.delivered.len(), 1);
    net.unlink(LinkId(0));
    net.settle();
    assert_eq!(net.nodes[0].reachable(), BTreeSet::from([address(1)]));
    net.send(0, 1, vec![6]);
    net.settle();
    assert_eq!(net.delivered.len(), 2);
    net.unlink(LinkId(1));
    net.settle();
    assert!(net.nodes[0].reachable().is_empty());
    assert_eq!(net.nodes[0].deadline(), None);
}

#[test]
fn a_payload_for_a_neighbour_costs_one_byte_and_no_more_than_the_limit() {
    let mut net = line(3);
    for (len, fits) in [(PAYLOAD_LEN_MAX, true), (PAYLOAD_LEN_MAX + 1, false)] {
        for dest in [1, 2] {
            let mut out = Outbox::new();
            let send = MeshInput::Send {
                dest: address(dest),
                bytes: vec![0; len],
                kind: "test",
            };
            net.nodes[0].handle(send, net.now, &mut out);
            match out.pop() {
                Some(MeshOutput::Transmit {
                    bytes,
                    kind: "test",
                    ..
                }) if fits => {
                    let header = if dest == 1 { 1 } else { ROUTED_HEADER_LEN };
                    assert_eq!(bytes.len(), len + header);
                }
                Some(MeshOutput::TooLong { .. }) if !fits => {}
                other => panic!("{other:?}"),
            }
            assert!(out.is_empty());
        }
    }
}

#[test]
fn nobody_is_reached_through_an_edge_that_one_end_denies() {
    let mut net = line(4);
    // Node 2 loses its link to 3 and says so; 3 is silent about it.
    net.drop_end(LinkId(2), 2);
    net.settle();
    assert_eq!(
        net.nodes[0].reachable(),
        BTreeSet::from([address(1), address(2)])
    );
}

#[test]
fn a_restarted_node_is_believed_promptly() {
    let mut net = Net::new(6, 3);
    for n in 1..6 {
        net.link(n - 1, n);
    }
    // The middle one has had a long life.
    for _ in 0..50 {
        let link = net.link(2, 5).unwrap();
        net.settle();
        net.unlink(link);
        net.settle();
    }
    let before = net.now;
    net.restart(2);
    net.link(1, 2);
    net.link(2, 4);
    net.settle();
    for n in 0..6 {
        assert_eq!(net.nodes[n].reachable().len(), 5, "node {n}");
    }
    assert!(
        net.now.since(before) <= Duration::from_millis(400),
        "{:?}",
        net.now.since(before)
    );
}

#[test]
fn a_restarted_node_is_believed_where_only_a_far_node_remembers_it() {
    let mut net = line(4);
    for _ in 0..20 {
        let link = net.link(0, 2).unwrap();
        net.settle();
        net.unlink(link);
        net.settle();
    }
    // All between node 3, who remembers, and node 0, who starts again, start again too.
    for n in [0, 1, 2] {
        net.restart(n);
    }
    net.link(0, 2);
    net.settle();
    net.link(1, 2);
    net.link(2, 3);
    net.settle();
    for n in 0..4 {
        assert_eq!(net.nodes[n].reachable().len(), 3, "node {n}");
    }
}

/// 75 nodes in a ring with chords.
fn crowd() -> Net {
    let mut net = Net::new(75, 7);
    for n in 0..75 {
        net.link(n, (n + 1) % 75);
        net.link(n, (n + 13) % 75);
    }
    net.settle();
    net
}

#[test]
fn a_link_change_costs_a_number_of_frames_in_proportion_to_the_links() {
    let mut net = crowd();
    let links = net.links.len();
    net.pass(Duration::from_secs(1));
    net.frames.clear();
    net.unlink(LinkId(0));
    net.settle();
    // Two announcements, each at most twice over every link.
    let lost = net.frames["announce"];
    assert!(lost <= 4 * links, "{lost} frames over {links} links");
    net.pass(Duration::from_secs(1));
    net.frames.clear();
    net.link(0, 1);
    net.settle();
    // Beside that two digests, and their answers.
    let made = net.frames["announce"];
    assert!(made <= 4 * links + 8, "{made} frames over {links} links");
}

#[test]
fn a_link_that_flaps_does_not_make_a_storm() {
    let mut net = crowd();
    let links = net.links.len();
    net.pass(Duration::from_secs(1));
    net.frames.clear();
    for _ in 0..100 {
        let link = net.link(0, 37).unwrap();
        net.pass(Duration::from_millis(10));
        net.unlink(link);
        net.pass(Duration::from_millis(10));
    }
    net.settle();
    // Two seconds hold eleven announcements of each end; digests and answers stay on the link.
    let frames = net.frames["announce"];
    assert!(
        frames <= 2 * 11 * 2 * links + 100 * 8,
        "{frames} frames over {links} links"
    );
}

#[test]
fn an_idle_mesh_says_little() {
    let mut net = crowd();
    let links = net.links.len();
    net.pass(Duration::from_secs(60));
    net.frames.clear();
    net.pass(Duration::from_secs(60));
    let frames = net.frames["announce"];
    assert!(
        frames <= 2 * links * 4,
        "{frames} frames over {links} links"
    );
    assert!(net.bytes_max <= 9, "only summaries: {}", net.bytes_max);
}

#[test]
fn a_topology_change_is_told_only_when_paths_may_have_changed() {
    let mut net = line(3);
    net.topology_changes = vec![0; 3];
    net.pass(Duration::from_secs(100));
    assert_eq!(net.topology_changes, [0, 0, 0]);
    net.unlink(LinkId(1));
    net.settle();
    assert!(net.topology_changes.iter().all(|changes| *changes >= 1));
}

#[test]
fn no_more_neighbours_are_announced_than_allowed() {
    let mut net = Net::new(NEIGHBOURS_MAX + 4, 1);
    for n in 1..NEIGHBOURS_MAX + 4 {
        net.link(0, n);
    }
    net.settle();
    assert_eq!(net.nodes[0].reachable().len(), NEIGHBOURS_MAX + 3);
    let announced = net.nodes[1].topology.announcement(address(0)).unwrap();
    assert_eq!(announced.neighbours.len(), NEIGHBOURS_MAX);
    assert!(net.faults.is_empty());
}
