use proptest::prelude::*;

use super::*;
use crate::wire::coder::{Decoder, Encoder};

fn action() -> impl Strategy<Value = CrapsAction> {
    let kind = (0..BetKind::COUNT).prop_map(|index| BetKind::from_index(index).expect("below"));
    let chips = prop_oneof![0u32..130, any::<u32>()];
    let working = prop_oneof![Just(Working::Usual), Just(Working::On), Just(Working::Off)];
    prop_oneof![
        Just(CrapsAction::Sit),
        (kind.clone(), chips.clone()).prop_map(|(kind, chips)| CrapsAction::Bet { kind, chips }),
        Just(CrapsAction::Roll),
        (0u8..8, chips.clone()).prop_map(|(to, chips)| CrapsAction::Transfer { to, chips }),
        Just(CrapsAction::Stand),
        prop_oneof![0u64..300, any::<u64>()].prop_map(|turn| CrapsAction::Skip { turn }),
        (kind.clone(), chips).prop_map(|(kind, chips)| CrapsAction::TakeDown { kind, chips }),
        (kind, working).prop_map(|(kind, working)| CrapsAction::Switch { kind, working }),
    ]
}

fn packed(authors: &[u8], payloads: &[Vec<u8>]) -> Option<Vec<u8>> {
    let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    let batch = Batch {
        members: 8,
        authors,
    };
    let mut encoder = Encoder::new();
    pack(&mut encoder, batch, &payloads).then(|| encoder.finish())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn actions_come_back(actions in prop::collection::vec((0u8..8, action()), 0..24)) {
        let authors: Vec<u8> = actions.iter().map(|(author, _)| *author).collect();
        let payloads: Vec<Vec<u8>> = actions.iter().map(|(_, action)| action.encode()).collect();
        let to_himself = actions.iter().any(|(author, action)| {
            matches!(action, CrapsAction::Transfer { to, .. } if to == author)
        });
        let bytes = packed(&authors, &payloads);
        prop_assert_eq!(bytes.is_none(), to_himself);
        if let Some(bytes) = bytes {
            let batch = Batch { members: 8, authors: &authors };
            prop_assert_eq!(unpack(&mut Decoder::new(&bytes), batch), payloads);
        }
    }

    #[test]
    fn any_bytes_are_actions(
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        authors in prop::collection::vec(0u8..8, 0..24),
    ) {
        let batch = Batch { members: 8, authors: &authors };
        for payload in unpack(&mut Decoder::new(&bytes), batch) {
            prop_assert!(CrapsAction::decode(&payload).is_ok());
        }
    }
}

#[test]
fn what_no_player_can_mean_is_left_to_the_general_model() {
    let transfer = |to| CrapsAction::Transfer { to, chips: 5 }.encode();
    assert!(packed(&[3], &[transfer(7)]).is_some());
    assert_eq!(packed(&[3], &[transfer(3)]), None);
    assert_eq!(packed(&[3], &[transfer(8)]), None);
    assert_eq!(packed(&[3], &[vec![200]]), None);
    assert_eq!(packed(&[3], &[vec![]]), None);
}

#[test]
fn bytes_are_protocol() {
    let actions = [
        CrapsAction::Bet {
            kind: BetKind::Pass,
            chips: 10,
        },
        CrapsAction::Bet {
            kind: BetKind::Place(Point::Six),
            chips: 12,
        },
        CrapsAction::Roll,
        CrapsAction::Transfer { to: 0, chips: 77 },
    ];
    let payloads = actions.map(|action| action.encode());
    let bytes = packed(&[1, 1, 4, 5], &payloads).expect("actions of members");
    assert_eq!(
        bytes, GOLDEN,
        "what older builds send would not be read any more"
    );
}

const GOLDEN: [u8; 4] = [86, 163, 210, 52];
