//! One value of every type that travels.

use super::super::*;
use crate::crypto::{Domain, Hash, Identity, hash};
use crate::id::{GroupId, PeerId, RunId};

pub(super) fn identity(byte: u8) -> Identity {
    Identity::new([byte; 32])
}

pub(super) fn peer(byte: u8) -> PeerId {
    identity(byte).peer()
}

pub(super) fn digest(byte: u8) -> Hash {
    hash(Domain::Trace, &[&[byte]])
}

pub(super) fn bytes<const N: usize>(content: &[u8]) -> Bytes<N> {
    Bytes::from_vec(content.to_vec()).expect("short enough")
}

pub(super) fn list<T, const N: usize>(elements: Vec<T>) -> BoundedVec<T, N> {
    BoundedVec::from_vec(elements).expect("few enough")
}

pub(super) const GROUP: GroupId = GroupId([6; 16]);

pub(super) fn action(number: u64, payload: ActionPayload) -> SignedAction {
    let action = Action {
        author: peer(1),
        run: RunId(77),
        number,
        previous: digest(1),
        frontier: list(vec![FrontierEntry {
            id: ActionId {
                author: peer(2),
                run: RunId(300),
                number: 5,
            },
            hash: digest(2),
        }]),
        dependencies: list(vec![1, 200]),
        validity: Validity {
            until_height: Some(1_000),
            phase: None,
        },
        payload,
    };
    action.sign(GROUP, &identity(1))
}

/// Actions as they travel; `sync::pack` has tests of what is in the bytes.
pub(super) fn packed(count: u64) -> PackedActions {
    let actions = (0..count).map(|number| action(6 + number, ActionPayload::Rules(bytes(b"bet"))));
    PackedActions {
        anchors: list(vec![Anchor {
            author: 1,
            run: RunId(77),
            number: 5,
            previous: digest(1),
        }]),
        bytes: bytes(&[3, 1, 4]),
        signatures: list(actions.map(|signed| signed.signature).collect()),
    }
}

pub(super) fn block() -> Block {
    Block {
        height: 300,
        parent: digest(3),
        root: digest(4),
        opening: Some(Opening {
            draw: 9,
            preimages: list(vec![(0, digest(5)), (3, digest(6))]),
        }),
        actions: list(vec![
            action(6, ActionPayload::Rules(bytes(b"bet"))),
            action(7, ActionPayload::Missing { draw: 9, voter: 2 }),
        ]),
        refused: list(vec![
            Refused {
                index: 0,
                reason: Reason::Rules {
                    code: 500,
                    detail: bytes(b"12"),
                },
            },
            Refused {
                index: 1,
                reason: Reason::Dependency { number: 6 },
            },
        ]),
    }
}

pub(super) fn statement(kind: VoteKind) -> VoteStatement {
    VoteStatement {
        round: 310,
        kind,
        block: match kind {
            VoteKind::Nullify => Hash::ZERO,
            VoteKind::Notarize | VoteKind::Finalize => digest(7),
        },
    }
}

pub(super) fn vote(kind: VoteKind, voter: u8) -> Vote {
    statement(kind).sign(GROUP, digest(8), voter, &identity(voter))
}

pub(super) fn certificate(kind: VoteKind) -> Certificate {
    Certificate {
        statement: statement(kind),
        signatures: list(
            (1..4)
                .map(|voter| (voter, vote(kind, voter).signature))
                .collect(),
        ),
    }
}

pub(super) fn recovery() -> [Recovery; 3] {
    let answer = |opened_by: Option<Certificate>| {
        let round = opened_by
            .as_ref()
            .map_or(0, |opened| opened.statement.round)
            + 1;
        RoundAnswer::sign(
            GROUP,
            digest(4),
            7_000_000_000,
            3,
            1,
            round,
            opened_by,
            &identity(1),
        )
    };
    [
        Recovery::Query {
            epoch: digest(4),
            nonce: 7_000_000_000,
            run: RunId(78),
        },
        Recovery::Answer(answer(None)),
        Recovery::Answer(answer(Some(certificate(VoteKind::Nullify)))),
    ]
}

pub(super) fn rules() -> RulesId {
    RulesId {
        name: bytes(b"craps"),
        version: 1,
        vectors: digest(9),
    }
}

pub(super) fn entry(byte: u8) -> RosterEntry {
    RosterEntry {
        peer: peer(byte),
        name: bytes("Þóra".as_bytes()),
        tip: digest(byte),
        sealing: crate::crypto::seal::SealingKey([byte; 32]),
        votes: byte < 5,
    }
}

fn epoch_key() -> EpochKey {
    EpochKey {
        commitment: digest(20),
        ephemeral: crate::crypto::seal::SealingKey([21; 32]),
        boxes: list((1..=5).map(|byte| bytes(&[byte; KEY_BOX_LEN])).collect()),
    }
}

pub(super) fn genesis() -> SignedGenesis {
    let genesis = Genesis {
        group: GROUP,
        members: list(vec![entry(1), entry(2), entry(3), entry(4)]),
        observers: list(vec![entry(5)]),
        rules: rules(),
        rules_config: bytes(&[100, 0]),
        modes: list(vec![
            Mode::Majority,
            Mode::Majority,
            Mode::Unanimous,
            Mode::Bft,
        ]),
        draw_timeout_ms: 8_000,
        root: digest(10),
        key: epoch_key(),
    };
    genesis.sign(&identity(1))
}

pub(super) fn refusals() -> Vec<Refusal> {
    [
        RefusalKind::Invalid { rule: 4 },
        RefusalKind::Conflict,
        RefusalKind::Busy {
            retry_after_ms: 250,
        },
    ]
    .into_iter()
    .map(|kind| Refusal {
        round: 310,
        block: digest(11),
        voter: 2,
        kind,
        signature: identity(2).sign(b"refusal"),
    })
    .collect()
}

pub(super) fn fetches() -> Vec<Fetch> {
    vec![
        Fetch::Above {
            height: 299,
            block: digest(12),
            executes: true,
        },
        Fetch::Body { block: digest(13) },
        Fetch::Votes { from: 308 },
        Fetch::Actions {
            author: 3,
            from: 17,
        },
        Fetch::Parts {
            block: digest(14),
            request: parts_request(),
        },
    ]
}

pub(super) fn answers() -> Vec<Found> {
    vec![
        Found::Blocks {
            blocks: list(vec![block(), block()]),
            finalization: certificate(VoteKind::Finalize),
        },
        Found::Snapshot {
            header: block().header(),
            finalization: certificate(VoteKind::Finalize),
            answer: parts_answer(),
        },
        Found::Body(BlockWithCertificate {
            block: block(),
            certificate: Some(certificate(VoteKind::Notarize)),
        }),
        Found::Actions(packed(2)),
        Found::UpToDate,
        Found::Busy {
            retry_after_ms: 900,
        },
        Found::Delta {
            header: block().header(),
            finalization: certificate(VoteKind::Finalize),
            delta: bytes(&[7; 90]),
        },
        Found::Parts {
            block: digest(14),
            answer: parts_answer(),
        },
    ]
}

pub(super) fn proposals() -> Vec<Proposal> {
    [
        Parent::Extends { round: 309 },
        Parent::Repeats { round: 308 },
    ]
    .into_iter()
    .map(|parent| Proposal::sign(GROUP, digest(8), 310, parent, block(), 1, &identity(1)))
    .collect()
}

pub(super) fn join() -> JoinRequest {
    JoinRequest {
        joiner: peer(2),
        name: bytes("Þóra".as_bytes()),
        tip: digest(15),
        nonce: [7; 16],
        sealing: crate::crypto::seal::SealingKey([2; 32]),
        rules: list(vec![rules()]),
        ticket_signature: identity(9).sign(b"ticket"),
        signature: identity(2).sign(b"join"),
    }
}

pub(super) fn roster() -> Roster {
    Roster {
        revision: 2,
        entries: list(vec![entry(1), entry(2)]),
        signature: identity(1).sign(b"roster"),
    }
}

pub(super) fn status() -> Status {
    Status {
        height: 300,
        block: digest(16),
        round: 310,
        actions_known: list(vec![1, 2, 300, 0]),
        actions_digest: u64::MAX,
        reply: true,
        tally_digest: 1 << 40,
    }
}

pub(super) fn counts() -> Counts {
    let count = |author, added, subtracted| {
        let count = Count {
            author,
            run: RunId(7),
            added,
            subtracted,
        };
        count.sign(GROUP, &identity(author + 1))
    };
    Counts {
        all: true,
        counts: list(vec![count(0, 300, 0), count(1, TALLY_TOTAL_MAX, 5)]),
    }
}

pub(super) fn reveal() -> Reveal {
    Reveal {
        draw: 9,
        voter: 1,
        preimage: digest(17),
    }
}

pub(super) fn reconciliation() -> Vec<Reconcile> {
    let share = Share { depth: 2, index: 3 };
    let syndromes = || list(vec![[1, 2, 3, 4, 5, 6, 7, 8], [255; 8]]);
    vec![
        Reconcile::Open {
            fresh: [1, 2, 3, 4],
            count: 300,
            digest: [9; 6],
        },
        Reconcile::Equal,
        Reconcile::Sketch {
            fresh: [5, 6, 7, 8],
            count: 299,
            syndromes: syndromes(),
        },
        Reconcile::More {
            share,
            from: 9,
            to: 18,
        },
        Reconcile::Syndromes {
            share,
            from: 9,
            syndromes: syndromes(),
        },
        Reconcile::Want { ids: syndromes() },
        Reconcile::Gone,
    ]
}

/// At least one message of every kind, with a name for each.
pub(super) fn one_of_each() -> Vec<(String, GroupMessage)> {
    let votes = [VoteKind::Notarize, VoteKind::Nullify, VoteKind::Finalize];
    let mut messages = vec![
        ("join".to_owned(), GroupMessage::Join(join())),
        ("roster".to_owned(), GroupMessage::Roster(roster())),
        ("genesis".to_owned(), GroupMessage::Genesis(genesis())),
        (
            "actions".to_owned(),
            GroupMessage::Actions(PackedActions {
                anchors: BoundedVec::new(),
                ..packed(1)
            }),
        ),
        (
            "actions_anchored".to_owned(),
            GroupMessage::Actions(packed(1)),
        ),
        (
            "votes".to_owned(),
            GroupMessage::Votes(list(votes.into_iter().map(|kind| vote(kind, 2)).collect())),
        ),
        (
            "certificates".to_owned(),
            GroupMessage::Certificates(list(votes.into_iter().map(certificate).collect())),
        ),
        ("reveal".to_owned(), GroupMessage::Reveal(reveal())),
        ("status".to_owned(), GroupMessage::Status(status())),
    ];
    let mut number = |name: &str, message| {
        messages.push((format!("{name}_{}", messages.len()), message));
    };
    for proposal in proposals() {
        number("proposal", GroupMessage::Proposal(proposal));
    }
    for refusal in refusals() {
        number("refusal", GroupMessage::Refusal(refusal));
    }
    for fetch in fetches() {
        number("fetch", GroupMessage::Fetch(fetch));
    }
    for found in answers() {
        number("found", GroupMessage::Found(found));
    }
    number("tally", GroupMessage::Tally(counts()));
    for step in reconciliation() {
        number("reconcile", GroupMessage::Reconcile(step));
    }
    for message in recovery() {
        number("recovery", GroupMessage::Recovery(message));
    }
    messages
}

fn place(nibbles: &[u8]) -> Nibbles {
    let mut run = nibbles.iter();
    run.try_fold(Nibbles::new(), |run, nibble| run.with(*nibble))
        .expect("short enough")
}

pub(super) fn parts_request() -> PartsRequest {
    PartsRequest {
        asks: list(vec![
            PartAsk {
                prefix: place(&[]),
                have: BoundedVec::new(),
            },
            PartAsk {
                prefix: place(&[7, 0, 2]),
                have: list(vec![
                    HaveNode::Inner {
                        path: place(&[15]),
                        value: Some([9, 8, 7, 6]),
                        bitmap: 0x8001,
                    },
                    HaveNode::Short([1, 2, 3, 4]),
                    HaveNode::Short([5, 6, 7, 8]),
                ]),
            },
        ]),
    }
}

pub(super) fn parts_answer() -> PartsAnswer {
    let inner = |value| OutlineNode::Inner {
        path: place(&[15]),
        value,
        bitmap: 0x8001,
    };
    let outline = PartBody::Outline(list(vec![
        inner(OutlineValue::Same),
        inner(OutlineValue::Bytes(bytes(b"own"))),
        OutlineNode::Same,
        OutlineNode::Leaf {
            path: place(&[1, 2, 3]),
            value: bytes(b"value"),
        },
        inner(OutlineValue::None),
        OutlineNode::Hidden {
            hash: digest(18),
            bytes: 2_400,
        },
        OutlineNode::Same,
    ]));
    let entry = |shared, suffix: &[u8]| PartEntry {
        shared,
        suffix: bytes(suffix),
        value: bytes(b"value"),
    };
    let entries = PartBody::Entries(list(vec![entry(1, b"/0"), entry(2, b"1")]));
    PartsAnswer {
        parts: list(vec![
            Part {
                prefix: place(&[7, 0, 2]),
                body: outline,
            },
            Part {
                prefix: place(&[7, 0]),
                body: entries,
            },
        ]),
    }
}
