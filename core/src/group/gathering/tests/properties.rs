//! Any luck, any bytes, any messages.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn clean_names_are_clean_and_stay_so(name in any::<String>()) {
        if let Some(clean) = clean_name(&name) {
            prop_assert!(clean.len() <= NAME_LEN_MAX && !clean.is_empty());
            prop_assert_eq!(clean.trim(), &clean);
            prop_assert!(!clean.chars().any(char::is_control));
            prop_assert_eq!(clean_name(&clean), Some(clean.clone()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(15_000))]

    /// Every run takes random bytes and a damaged record.
    #[test]
    fn any_record_is_survived(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        at: prop::sample::Index,
        flip in 1u8..,
        opener: bool,
    ) {
        let restore = |bytes: &[u8]| {
            Gathering::restore(identity(0), GroupConfig::default(), Vec::new(), bytes)
        };
        if let Some(version) = bytes.first_mut() {
            *version = 1;
        }
        let mut record = records()[usize::from(opener)].clone();
        let at = at.index(record.len());
        record[at] ^= flip;
        // Random bytes can be a joiner's record too: nothing in one is redundant.
        for bytes in [bytes, record] {
            if let Ok(gathering) = restore(&bytes) {
                gathering.entries();
                gathering.deadline();
                gathering.waiting_for();
            }
        }
    }
}

/// A joiner's and an opener's record.
fn records() -> &'static [Vec<u8>; 2] {
    static RECORDS: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    RECORDS.get_or_init(|| {
        let mut room = Room::new(2);
        room.settle();
        room.phones[0].start(room.now).unwrap();
        [1, 0].map(|index: usize| room.phones[index].records.last().unwrap().1.clone())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Half of all messages are lost, phones crash and walk: in the end everyone who was listed
    /// holds the same genesis.
    #[test]
    fn loss_crashes_and_walks_only_delay_the_start(
        luck in proptest::collection::vec(any::<bool>(), 400),
        crashes in proptest::collection::btree_map(0usize..20, 0u8..4, 0..6),
        walks in proptest::collection::btree_map(0usize..20, any::<[bool; 4]>(), 0..6),
    ) {
        let mut room = Room::new(3);
        let mut luck = luck.into_iter();
        let mut arrives = move || luck.next().unwrap_or(true);
        let mut started: Option<SignedGenesis> = None;
        for step in 0..40 {
            room.deliver(&mut arrives);
            if let Some(index) = crashes.get(&step) {
                let phone = &mut room.phones[usize::from(*index)];
                if phone.genesis.is_none() {
                    *phone = phone.restarted(*index);
                    phone.reach(&[0, 1, 2, 3], room.now);
                }
            }
            if let Some(inside) = walks.get(&step) {
                let together: Vec<u8> = (0..4).filter(|index| inside[usize::from(*index)]).collect();
                for (index, phone) in room.phones.iter_mut().enumerate() {
                    let alone = [index as u8];
                    phone.reach(if inside[index] { &together } else { &alone }, room.now);
                }
            }
            if step == 20 {
                room.meet();
            }
            if started.is_none() && room.phones[0].gathering.entries().len() == 4 {
                let now = room.now;
                started = Some(room.phones[0].start(now).unwrap());
            }
            room.tick();
        }
        room.settle();
        let started = started.expect("all were listed");
        for phone in &room.phones[1..] {
            prop_assert_eq!(phone.genesis.as_ref(), Some(&started));
            prop_assert!(phone.faults.is_empty());
        }
        prop_assert!(verify_genesis(
            &identity(0),
            &room.phones[0].gathering.core.ticket,
            &started
        ).is_ok());
    }

    /// Whatever arrives from whomever: no panic, and nobody is listed who proved no ticket.
    #[test]
    fn any_message_is_survived(
        messages in proptest::collection::vec((0u8..4, 0u8..6, any::<u64>()), 1..30),
    ) {
        let mut opener = Phone::opener();
        let mut joiner = Phone::joiner(1);
        for (index, kind, noise) in messages {
            let mut setup = join_setup(index);
            setup.ticket.seed = [noise as u8 | 1; 32];
            if setup.ticket.seed == SEED {
                continue;
            }
            let message = match kind {
                0 => GroupMessage::Join(join_request(&setup)),
                1 => GroupMessage::Roster(Roster {
                    revision: noise,
                    entries: genesis_of(&[0, index]).members,
                    signature: Signature::ZERO,
                }),
                2 => GroupMessage::Genesis(genesis_of(&[0, 1]).sign(&identity(1 + index))),
                3 => GroupMessage::Genesis(genesis_of(&[index, 0]).sign(&identity(index))),
                4 => GroupMessage::Roster(sign_roster(
                    &identity(index + 1), GROUP, noise, genesis_of(&[0, 1]).members)),
                _ => GroupMessage::Found(crate::wire::Found::UpToDate),
            };
            let now = Instant::from_micros(noise);
            opener.receive(address(index), message.clone(), now);
            joiner.receive(address(index), message, now);
            opener.handle(GatheringInput::Stored(noise), now);
            joiner.handle(GatheringInput::Timeout, now);
        }
        prop_assert_eq!(opener.gathering.entries().len(), 1);
        prop_assert!(joiner.gathering.entries().is_empty());
        prop_assert!(joiner.genesis.is_none());
    }
}
