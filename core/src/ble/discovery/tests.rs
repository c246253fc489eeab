use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::time::Duration;
use crate::wire::DecodeError;

mod room;

const PERIOD: Duration = Duration::from_millis(100);

fn discovery(n: u8) -> Discovery {
    Discovery::new(BleConfig::default(), [n; 32], [n; 32], Instant::ZERO)
}

fn drain(out: &mut Outbox<DiscoveryOutput>) -> Vec<DiscoveryOutput> {
    std::iter::from_fn(|| out.pop()).collect()
}

fn step(d: &mut Discovery, input: DiscoveryInput, now: Instant) -> Vec<DiscoveryOutput> {
    let mut out = Outbox::new();
    d.handle(input, now, &mut out);
    drain(&mut out)
}

fn commands(outputs: &[DiscoveryOutput]) -> Vec<RadioCommand> {
    outputs
        .iter()
        .filter_map(|output| match output {
            DiscoveryOutput::Command(command) => Some(command.clone()),
            DiscoveryOutput::Fault(_) => None,
        })
        .collect()
}

fn connects(outputs: &[DiscoveryOutput]) -> Vec<u64> {
    commands(outputs)
        .into_iter()
        .filter_map(|command| match command {
            RadioCommand::Connect { device } => Some(device.0),
            _ => None,
        })
        .collect()
}

fn secs(secs: u64) -> Instant {
    Instant::from_millis(secs * 1000)
}

fn on(n: u8) -> Discovery {
    let mut d = discovery(n);
    step(&mut d, DiscoveryInput::Power(PowerState::On), Instant::ZERO);
    d
}

fn advert(presence: [u8; 6], free_slots: u8) -> Vec<u8> {
    let presence = PresenceId(presence);
    Advert {
        presence,
        free_slots,
        head_digest: [0; 4],
    }
    .encode()
    .to_vec()
}

const LOW: [u8; 6] = [0; 6];
const HIGH: [u8; 6] = [255; 6];

fn heard(device: u64, advert: Vec<u8>) -> DiscoveryInput {
    DiscoveryInput::Discovered {
        device: DeviceId(device),
        advert,
        rssi: -60,
    }
}

fn up(link: u64, device: u64, role: Role) -> DiscoveryInput {
    DiscoveryInput::LinkUp {
        link: LinkId(link),
        device: DeviceId(device),
        role,
    }
}

fn down(link: u64, reason: LinkDownReason) -> DiscoveryInput {
    DiscoveryInput::LinkDown {
        link: LinkId(link),
        reason,
    }
}

#[test]
fn presence_ids_of_two_boots_and_two_phones_differ() {
    let presence = |key, seed| {
        Discovery::new(BleConfig::default(), [key; 32], [seed; 32], Instant::ZERO).presence()
    };
    assert_eq!(presence(1, 1), presence(1, 1));
    assert_ne!(presence(1, 1), presence(1, 2));
    assert_ne!(presence(1, 1), presence(2, 1));
}

#[test]
fn a_rotation_never_shows_the_old_digest_under_the_new_id() {
    let mut d = on(1);
    step(&mut d, DiscoveryInput::SetHeadDigest([9; 4]), secs(5));
    let at = d.rotate_at;
    let old = d.presence();
    let outputs = step(&mut d, DiscoveryInput::Timeout, at);
    let adverts: Vec<Advert> = commands(&outputs)
        .iter()
        .filter_map(|command| match command {
            RadioCommand::Advertise { advert, .. } => Some(Advert::decode(advert).unwrap()),
            _ => None,
        })
        .collect();
    assert_eq!(adverts.len(), 1);
    assert_ne!(adverts[0].presence, old);
    assert_eq!(adverts[0].head_digest, [0; 4]);
    // The digest that belongs to the new id does not have to wait.
    let outputs = step(&mut d, DiscoveryInput::SetHeadDigest([8; 4]), at);
    assert_eq!(commands(&outputs).len(), 1);
}

#[test]
fn nothing_is_wished_before_the_power_is_on() {
    let mut d = discovery(1);
    assert_eq!(d.deadline(), None);
    for input in [
        DiscoveryInput::Mode(AppMode::Foreground),
        heard(1, advert(HIGH, 7)),
        DiscoveryInput::Timeout,
        DiscoveryInput::Power(PowerState::Unauthorised),
    ] {
        assert_eq!(step(&mut d, input, secs(1)), []);
    }
    let outputs = step(&mut d, DiscoveryInput::Power(PowerState::On), secs(1));
    assert!(matches!(
        commands(&outputs)[..],
        [
            RadioCommand::Scan {
                duty: ScanDuty::High
            },
            RadioCommand::Advertise {
                interval: AdvertInterval::Fast,
                ..
            },
        ]
    ));
}

#[test]
fn mode_and_budget_choose_duty_and_interval() {
    let mut d = on(1);
    let outputs = step(&mut d, DiscoveryInput::Mode(AppMode::Background), secs(10));
    assert!(matches!(
        commands(&outputs)[..],
        [
            RadioCommand::Scan {
                duty: ScanDuty::Low
            },
            RadioCommand::Advertise {
                interval: AdvertInterval::Slow,
                ..
            },
        ]
    ));
    let outputs = step(&mut d, DiscoveryInput::Mode(AppMode::LowPower), secs(20));
    assert_eq!(commands(&outputs), []);
    step(&mut d, DiscoveryInput::Mode(AppMode::Foreground), secs(30));
    // Six links: only the kept slot is left. Seven: nothing to advertise, and nothing to look for.
    for link in 0..5 {
        step(&mut d, up(link, 100 + link, Role::Peripheral), secs(40));
    }
    let outputs = commands(&step(&mut d, up(5, 105, Role::Peripheral), secs(60)));
    assert!(outputs.contains(&RadioCommand::Scan {
        duty: ScanDuty::Balanced
    }));
    assert!(matches!(
        outputs.last(),
        Some(RadioCommand::Advertise { interval: AdvertInterval::Slow, advert })
            if Advert::decode(advert).unwrap().free_slots == 0
    ));
    let outputs = commands(&step(&mut d, up(6, 106, Role::Peripheral), secs(70)));
    assert_eq!(
        outputs,
        [RadioCommand::StopScan, RadioCommand::StopAdvertising]
    );
    // One more than the budget is refused.
    let outputs = commands(&step(&mut d, up(7, 107, Role::Peripheral), secs(80)));
    assert_eq!(outputs, [RadioCommand::Disconnect { link: LinkId(7) }]);
    step(&mut d, down(7, LinkDownReason::Local), secs(81));
    let starts = |outputs: &[DiscoveryOutput]| {
        let commands = commands(outputs);
        let is_start = |command: &RadioCommand| matches!(command, RadioCommand::Scan { .. });
        commands.iter().any(is_start)
    };
    // A slot that comes free is worth listening again, but not more often than stacks bear.
    let freed = step(&mut d, down(6, LinkDownReason::Remote), secs(90));
    assert!(starts(&freed));
    step(&mut d, up(8, 106, Role::Peripheral), secs(91));
    let freed = step(&mut d, down(8, LinkDownReason::Remote), secs(92));
    assert!(!starts(&freed));
    let again = secs(90) + BleConfig::default().scan_min;
    assert!(starts(&step(&mut d, DiscoveryInput::Timeout, again)));
}

#[test]
fn failures_of_the_radio_are_retried_with_longer_pauses() {
    let mut d = on(1);
    let mut now = secs(1);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        assert_eq!(commands(&step(&mut d, DiscoveryInput::ScanFailed, now)), []);
        let at = d.scan.due.unwrap();
        let early = at - Duration::from_micros(1);
        assert_eq!(commands(&step(&mut d, DiscoveryInput::Timeout, early)), []);
        assert_eq!(
            commands(&step(&mut d, DiscoveryInput::Timeout, at)),
            [RadioCommand::Scan {
                duty: ScanDuty::High
            }]
        );
        pauses.push(at.since(now));
        now = at;
    }
    assert!(pauses[5] > pauses[0] * 4, "{pauses:?}");
    assert_eq!(
        commands(&step(&mut d, DiscoveryInput::AdvertisingFailed, now)),
        []
    );
    let at = d.advert.due.unwrap();
    assert!(matches!(
        commands(&step(&mut d, DiscoveryInput::Timeout, at))[..],
        [RadioCommand::Advertise { .. }]
    ));
}

#[test]
fn lower_presence_connects_first_and_the_other_ten_seconds_later() {
    let mut d = on(1);
    assert_eq!(
        connects(&step(&mut d, heard(1, advert(HIGH, 7)), secs(1))),
        [1]
    );

    let mut d = on(1);
    step(&mut d, up(0, 50, Role::Peripheral), secs(1));
    for tenth in 10..110 {
        let now = Instant::from_millis(tenth * 100);
        assert_eq!(
            connects(&step(&mut d, heard(1, advert(LOW, 7)), now)),
            [] as [u64; 0]
        );
    }
    assert_eq!(
        connects(&step(&mut d, heard(1, advert(LOW, 7)), secs(11))),
        [1]
    );
}

#[test]
fn a_phone_without_links_waits_a_second_for_the_other() {
    let mut d = on(1);
    assert_eq!(
        connects(&step(&mut d, heard(1, advert(LOW, 7)), secs(1))),
        [] as [u64; 0]
    );
    assert_eq!(d.deadline(), Some((secs(2), "turn to connect")));
    assert_eq!(
        connects(&step(&mut d, DiscoveryInput::Timeout, secs(2))),
        [1]
    );
}

#[test]
fn the_turn_comes_by_timer_too() {
    let mut d = on(1);
    step(&mut d, up(0, 50, Role::Peripheral), secs(1));
    step(&mut d, heard(1, advert(LOW, 7)), secs(1));
    step(&mut d, heard(1, advert(LOW, 7)), secs(5));
    step(&mut d, heard(1, advert(LOW, 7)), secs(8));
    assert_eq!(d.deadline(), Some((secs(11), "turn to connect")));
    assert_eq!(
        connects(&step(&mut d, DiscoveryInput::Timeout, secs(11))),
        [1]
    );
}

#[test]
fn a_device_without_free_slots_is_for_phones_without_links() {
    let mut d = on(1);
    // Alone: at once, whatever the order of the ids.
    assert_eq!(
        connects(&step(&mut d, heard(1, advert(LOW, 0)), secs(1))),
        [1]
    );
    let mut d = on(1);
    step(&mut d, up(0, 50, Role::Peripheral), secs(1));
    for s in 1..60 {
        assert_eq!(
            connects(&step(&mut d, heard(1, advert(HIGH, 0)), secs(s))),
            [] as [u64; 0]
        );
    }
    assert_eq!(
        connects(&step(&mut d, heard(1, advert(HIGH, 1)), secs(61))),
        [1]
    );
}

#[test]
fn a_hidden_advert_is_connected_to_at_once() {
    let mut d = on(1);
    assert_eq!(connects(&step(&mut d, heard(1, vec![]), secs(1))), [1]);
}

#[test]
fn the_own_presence_id_is_never_connected_to() {
    let mut d = on(1);
    let own = d.presence().0;
    for s in 1..40 {
        assert_eq!(
            connects(&step(&mut d, heard(1, advert(own, 7)), secs(s))),
            [] as [u64; 0]
        );
    }
}

/// Attempts that a phone with `links` links has under way after hearing 100 devices.
fn attempts_with(links: u64, config: BleConfig) -> usize {
    let mut d = Discovery::new(config, [1; 32], [1; 32], Instant::ZERO);
    step(&mut d, DiscoveryInput::Power(PowerState::On), Instant::ZERO);
    for link in 0..links {
        step(&mut d, up(link, 50 + link, Role::Peripheral), secs(1));
    }
    let dialled = (100..200).map(|device| step(&mut d, heard(device, advert(HIGH, 7)), secs(1)));
    dialled.map(|outputs| connects(&outputs).len()).sum()
}

#[test]
fn links_wanted_kept_slots_and_budget_bound_attempts() {
    let config = BleConfig {
        attempts_max: 100,
        ..BleConfig::default()
    };
    for (links, attempts) in [(0, 7), (1, 4), (4, 1), (5, 0), (6, 0), (7, 0)] {
        assert_eq!(
            attempts_with(links, config.clone()),
            attempts,
            "{links} links"
        );
    }
    let greedy = BleConfig {
        links_wanted: 100,
        ..config
    };
    for (links, attempts) in [(1, 5), (5, 1), (6, 0), (7, 0)] {
        assert_eq!(
            attempts_with(links, greedy.clone()),
            attempts,
            "{links} links"
        );
    }
    assert_eq!(
        attempts_with(0, BleConfig::default()),
        BleConfig::default().attempts_max
    );
}

#[test]
fn attempts_time_out_with_longer_pauses_and_stop_when_nothing_is_heard() {
    let mut d = on(1);
    let mut dials = Vec::new();
    for tenth in 10..1000 {
        let now = Instant::from_millis(tenth * 100);
        let mut outputs = step(&mut d, DiscoveryInput::Timeout, now);
        if tenth < 600 {
            outputs.extend(step(&mut d, heard(1, advert(HIGH, 7)), now));
        }
        dials.extend(connects(&outputs).iter().map(|_| now));
    }
    // Each attempt takes 5 s, and the pauses grow to 8 s.
    assert!((6..=9).contains(&dials.len()), "{dials:?}");
    assert!(*dials.last().unwrap() < secs(66));
    assert_eq!(d.devices.len(), 1);
    step(&mut d, heard(2, advert(LOW, 7)), secs(120));
    assert_eq!(d.devices.len(), 1, "the first one is forgotten");
}

#[test]
fn a_link_that_fails_its_handshake_is_not_made_in_a_loop() {
    let mut d = on(1);
    let mut dials = 0;
    let mut link = 0;
    for hundredth in 0..6000 {
        let now = Instant::from_millis(hundredth * 10);
        let mut outputs = step(&mut d, DiscoveryInput::Timeout, now);
        outputs.extend(step(&mut d, heard(1, advert(HIGH, 7)), now));
        if !connects(&outputs).is_empty() {
            dials += 1;
            link += 1;
            step(&mut d, up(link, 1, Role::Central), now);
            step(&mut d, down(link, LinkDownReason::Remote), now);
        }
    }
    assert!((5..=20).contains(&dials), "{dials}");
}

#[test]
fn a_failed_setup_without_a_name_ends_the_only_attempt() {
    let mut d = on(1);
    step(&mut d, heard(1, advert(HIGH, 7)), secs(1));
    step(&mut d, down(77, LinkDownReason::Setup), secs(1));
    assert!(d.attempts.is_empty());
    assert_eq!(
        connects(&step(&mut d, heard(1, advert(HIGH, 7)), secs(2))),
        [1]
    );
    step(&mut d, heard(2, advert(HIGH, 7)), secs(2));
    step(&mut d, down(78, LinkDownReason::Setup), secs(2));
    assert_eq!(d.attempts.len(), 2, "it could be either");
}

#[test]
fn an_unreadable_advert_is_told_once_and_never_connected_to() {
    let mut d = on(1);
    let mut bytes = advert(HIGH, 7);
    bytes[0] = 2;
    let fault = DiscoveryOutput::Fault(PeerFault::Undecodable(DecodeError::UnknownVersion {
        have: 2,
        need: 1,
    }));
    assert_eq!(step(&mut d, heard(1, bytes.clone()), secs(1)), [fault]);
    for s in 2..20 {
        assert_eq!(step(&mut d, heard(1, bytes.clone()), secs(s)), []);
    }
    assert_eq!(
        connects(&step(&mut d, heard(1, advert(HIGH, 7)), secs(20))),
        [1]
    );
}

#[test]
fn two_devices_of_one_phone_are_connected_to_once() {
    let mut d = on(1);
    step(&mut d, up(1, 10, Role::Peripheral), secs(1));
    step(
        &mut d,
        DiscoveryInput::Identified {
            link: LinkId(1),
            same_as: None,
        },
        secs(1),
    );
    step(&mut d, heard(20, advert(HIGH, 7)), secs(1));
    step(&mut d, up(2, 20, Role::Central), secs(1));
    let same_as = Some(LinkId(1));
    step(
        &mut d,
        DiscoveryInput::Identified {
            link: LinkId(2),
            same_as,
        },
        secs(1),
    );
    step(&mut d, down(2, LinkDownReason::Local), secs(1));
    for s in 2..300 {
        assert_eq!(
            connects(&step(&mut d, heard(20, advert(HIGH, 7)), secs(s))),
            [] as [u64; 0]
        );
    }
    step(&mut d, down(1, LinkDownReason::Timeout), secs(300));
    assert_eq!(
        connects(&step(&mut d, heard(20, advert(HIGH, 7)), secs(301))),
        [20]
    );
}

#[test]
fn devices_are_bounded_and_those_with_links_stay() {
    let config = BleConfig {
        devices_max: 16,
        ..BleConfig::default()
    };
    let mut d = Discovery::new(config, [1; 32], [1; 32], Instant::ZERO);
    step(&mut d, DiscoveryInput::Power(PowerState::On), Instant::ZERO);
    step(&mut d, up(1, 10, Role::Peripheral), Instant::ZERO);
    for device in 100..100_000 {
        step(
            &mut d,
            heard(device, advert(LOW, 7)),
            Instant::from_millis(device),
        );
        assert!(d.devices.len() <= 16);
    }
    assert!(d.devices.get(DeviceId(10)).is_some());
}

#[test]
fn adverts_change_at_most_once_a_second() {
    let mut d = on(1);
    let mut changes = 0;
    for tenth in 0..600u16 {
        let [low, high] = tenth.to_le_bytes();
        let now = secs(1) + PERIOD * u32::from(tenth);
        let outputs = step(
            &mut d,
            DiscoveryInput::SetHeadDigest([1, 1, low, high]),
            now,
        );
        changes += commands(&outputs).len();
    }
    assert!((55..=62).contains(&changes), "{changes}");
}

fn any_input() -> impl Strategy<Value = DiscoveryInput> {
    let device = 0..6u64;
    let link = 0..12u64;
    let reason = prop_oneof![
        Just(LinkDownReason::Timeout),
        Just(LinkDownReason::Remote),
        Just(LinkDownReason::Local),
        Just(LinkDownReason::Setup),
    ];
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..14),
        (any::<[u8; 6]>(), 0..8u8).prop_map(|(presence, free)| advert(presence, free)),
    ];
    prop_oneof![
        1 => any::<bool>().prop_map(|on| DiscoveryInput::Power(if on { PowerState::On } else { PowerState::Off })),
        1 => Just(DiscoveryInput::Power(PowerState::On)),
        1 => Just(DiscoveryInput::Mode(AppMode::Background)),
        1 => Just(DiscoveryInput::Mode(AppMode::Foreground)),
        8 => (device.clone(), bytes).prop_map(|(device, bytes)| heard(device, bytes)),
        4 => (link.clone(), device, any::<bool>()).prop_map(|(link, device, central)| {
            up(link, device, if central { Role::Central } else { Role::Peripheral })
        }),
        4 => (link.clone(), reason).prop_map(|(link, reason)| down(link, reason)),
        1 => Just(DiscoveryInput::ScanFailed),
        1 => Just(DiscoveryInput::AdvertisingFailed),
        1 => any::<[u8; 4]>().prop_map(DiscoveryInput::SetHeadDigest),
        2 => (link.clone(), prop::option::of(link)).prop_map(|(link, same_as)| DiscoveryInput::Identified {
            link: LinkId(link),
            same_as: same_as.map(LinkId),
        }),
        4 => Just(DiscoveryInput::Timeout),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever the radio says: no panic, budgets hold, no device with a link is connected to, and
    /// a timeout at the deadline moves the deadline on.
    #[test]
    fn any_history_keeps_the_rules(history in prop::collection::vec((any_input(), 0..3_000u64), 0..120)) {
        let mut d = discovery(3);
        let config = BleConfig::default();
        let mut now = Instant::ZERO;
        for (input, later) in history {
            now = now + Duration::from_millis(later);
            let linked: BTreeSet<DeviceId> = d.links.values().map(|link| link.device).collect();
            let ends = matches!(input, DiscoveryInput::LinkDown { .. } | DiscoveryInput::Power(_));
            for command in commands(&step(&mut d, input, now)) {
                if let RadioCommand::Connect { device } = command {
                    prop_assert!(ends || !linked.contains(&device));
                    prop_assert_eq!(d.power, PowerState::On);
                }
            }
            prop_assert!(d.links_open() <= config.link_budget);
            prop_assert!(d.attempts.len() <= config.attempts_max);
            if let Some((at, cause)) = d.deadline() {
                let at = at.max(now);
                step(&mut d, DiscoveryInput::Timeout, at);
                prop_assert!(d.deadline().unwrap().0 > at, "stuck at {}", cause);
                now = at;
            }
        }
    }
}
