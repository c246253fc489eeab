use super::*;
use crate::group::fixture::Room;

const H: Duration = Duration::from_secs(3);

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

struct Phone {
    room: Room,
    reach: Reachability,
}

impl Phone {
    fn new(n: u8, quorum: usize) -> Self {
        let room = Room::new(n);
        let own = room.identities[0].peer();
        let reach = Reachability::new(room.genesis(), Some(own), quorum, H, at(0));
        Self { room, reach }
    }

    fn peers(&self, members: &[usize]) -> Vec<PeerId> {
        members
            .iter()
            .map(|member| self.room.identities[*member].peer())
            .collect()
    }

    fn hear(&mut self, members: &[usize], now: Instant) -> Option<Status> {
        let reachable = self.peers(members).iter().map(PeerId::address).collect();
        self.reach.update(&reachable, now)
    }
}

#[test]
fn a_member_is_missed_after_the_hysteresis() {
    let mut phone = Phone::new(4, 3);
    assert_eq!(phone.reach.status(), Status::Live);
    assert_eq!(phone.hear(&[1, 2, 3], at(100)), None);
    assert_eq!(phone.reach.deadline(), None);
    assert_eq!(phone.hear(&[1, 2], at(1000)), None);
    assert_eq!(
        phone.reach.deadline(),
        Some((at(4000), "status hysteresis"))
    );
    assert_eq!(phone.reach.timeout(at(3999)), None);
    let missing = phone.peers(&[3]);
    let degraded = Status::Degraded { missing };
    assert_eq!(phone.reach.timeout(at(4000)), Some(degraded.clone()));
    assert_eq!(phone.reach.timeout(at(9000)), None);
    assert_eq!(phone.reach.status(), degraded);
    // Back, and for long enough.
    assert_eq!(phone.hear(&[1, 2, 3], at(10_000)), None);
    assert_eq!(phone.reach.timeout(at(13_000)), Some(Status::Live));
}

#[test]
fn a_short_absence_is_not_told() {
    let mut phone = Phone::new(4, 3);
    phone.hear(&[1, 2, 3], at(0));
    phone.hear(&[1, 2], at(1000));
    assert_eq!(phone.hear(&[1, 2, 3], at(3999)), None);
    assert_eq!(phone.reach.deadline(), None);
    // The count begins anew.
    phone.hear(&[1, 2], at(4100));
    assert_eq!(phone.reach.timeout(at(7000)), None);
    assert!(phone.reach.timeout(at(7100)).is_some());
}

#[test]
fn no_quorum_names_both_sides_and_since_when() {
    let mut phone = Phone::new(4, 3);
    phone.hear(&[1, 2, 3], at(0));
    phone.hear(&[2, 3], at(1000));
    phone.hear(&[3], at(2000));
    assert!(!phone.reach.quorum_in_reach());
    phone.hear(&[], at(2500));
    assert!(matches!(
        phone.reach.timeout(at(4000)),
        Some(Status::Degraded { .. })
    ));
    let lost = Status::NoQuorum {
        with: phone.peers(&[0, 3]),
        missing: phone.peers(&[1, 2]),
        since: at(2000),
    };
    assert_eq!(phone.reach.timeout(at(5000)), Some(lost));
    let alone = Status::NoQuorum {
        with: phone.peers(&[0]),
        missing: phone.peers(&[1, 2, 3]),
        since: at(2000),
    };
    assert_eq!(phone.reach.timeout(at(5500)), Some(alone));
    // The bare fact changes at once.
    assert_eq!(phone.hear(&[1, 3], at(6000)), None);
    assert!(phone.reach.quorum_in_reach());
    assert!(matches!(
        phone.reach.timeout(at(9000)),
        Some(Status::Degraded { .. })
    ));
}

#[test]
fn after_a_start_everybody_has_the_hysteresis_to_show_up() {
    let mut phone = Phone::new(3, 2);
    assert!(!phone.reach.quorum_in_reach());
    assert_eq!(
        phone.reach.deadline(),
        Some((at(3000), "status hysteresis"))
    );
    assert!(matches!(
        phone.reach.timeout(at(3000)),
        Some(Status::NoQuorum { .. })
    ));
}

#[test]
fn a_committee_of_one_is_live() {
    let mut phone = Phone::new(1, 1);
    assert!(phone.reach.quorum_in_reach());
    assert_eq!(phone.hear(&[], at(9000)), None);
    assert_eq!(phone.reach.status(), Status::Live);
}

#[test]
fn a_divergence_stays_and_shows_what_is_known_last() {
    let mut phone = Phone::new(4, 3);
    let evidence = String::from("two finalizations at height 7");
    let diverged = Status::Diverged {
        evidence: evidence.clone(),
    };
    assert_eq!(phone.reach.diverged(evidence), Some(diverged.clone()));
    let told_again = phone
        .reach
        .diverged(String::from("two finalizations at height 7"));
    assert_eq!(told_again, None);
    assert_eq!(phone.reach.timeout(at(9000)), None);
    assert_eq!(phone.reach.status(), diverged);
    let evidence = String::from("more");
    let more = Status::Diverged {
        evidence: evidence.clone(),
    };
    assert_eq!(phone.reach.diverged(evidence), Some(more.clone()));
    assert_eq!(phone.reach.status(), more);
}

#[test]
fn a_link_that_flaps_for_less_than_the_bound_neither_ends_nor_begins_a_quorum() {
    for (flap, told) in [(2999, false), (3000, true), (3001, true)] {
        let mut phone = Phone::new(4, 3);
        phone.hear(&[1, 2, 3], at(0));
        phone.hear(&[1], at(1000));
        assert_eq!(phone.reach.timeout(at(1000 + flap)).is_some(), told);
        let back = phone.hear(&[1, 2, 3], at(1000 + flap));
        assert_eq!(back, None, "a link that has just come settles nothing");
        let apart = matches!(phone.reach.status(), Status::NoQuorum { .. });
        assert_eq!(apart, told, "gone for {flap} ms");

        // The same on the way back.
        phone.hear(&[1], at(10_000));
        phone.reach.timeout(at(20_000));
        assert_eq!(phone.hear(&[1, 2], at(30_000)), None);
        let settled = phone.reach.timeout(at(30_000 + flap));
        assert_eq!(settled.is_some(), told, "back for {flap} ms");
    }
}

#[test]
fn a_heal_shows_once_a_quorum_is_settled_and_until_it_is_done() {
    let mut phone = Phone::new(4, 3);
    phone.hear(&[1], at(0));
    phone.reach.timeout(at(3000));
    phone.hear(&[1, 2], at(10_000));
    assert_eq!(phone.reach.set_healing(true), None, "not for long enough");
    assert_eq!(phone.reach.timeout(at(12_999)), None);
    assert_eq!(phone.reach.timeout(at(13_000)), Some(Status::Healing));
    assert_eq!(phone.reach.set_healing(true), None, "told once");
    let missing = phone.peers(&[3]);
    let degraded = Status::Degraded { missing };
    assert_eq!(phone.reach.set_healing(false), Some(degraded));
    assert_eq!(phone.reach.set_healing(false), None);
}

#[test]
fn a_block_settles_who_is_there_and_nobody_else() {
    let mut phone = Phone::new(4, 3);
    phone.hear(&[1], at(0));
    phone.reach.timeout(at(3000));
    phone.hear(&[1, 2], at(10_000));
    let missing = phone.peers(&[3]);
    let degraded = Status::Degraded { missing };
    assert_eq!(phone.reach.confirm(), Some(degraded.clone()));
    assert_eq!(phone.reach.confirm(), None);
    assert_eq!(phone.reach.deadline(), None);
    // Who then goes is missed after the whole of the hysteresis again.
    phone.hear(&[1], at(10_001));
    assert_eq!(
        phone.reach.confirm(),
        None,
        "a block alone makes nobody gone"
    );
    assert_eq!(phone.reach.timeout(at(13_000)), None);
    assert_eq!(phone.reach.status(), degraded);
    assert!(matches!(
        phone.reach.timeout(at(13_001)),
        Some(Status::NoQuorum { .. })
    ));
}
