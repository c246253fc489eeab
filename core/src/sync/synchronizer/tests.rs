use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::state::fixtures::{EPOCH, certificate, grow, history, state};
use crate::state::{Delta, Key, Map};
use crate::wire::{
    Block, BoundedVec, Bytes, DELTA_ENCODED_MAX, MESSAGE_LEN_MAX, PackedActions, VoteKind, decode,
    encode,
};

mod crossing;
mod snapshots;

pub(crate) const BUDGET: usize = 24 * 1024;
pub(crate) const SNAPSHOT_MAX: usize = 1 << 20;

pub(crate) fn key(number: u64) -> Key {
    Key::new(&number.to_be_bytes()).expect("short")
}

/// A state of `entries` entries.
pub(crate) fn filled(entries: u32, value_len: usize) -> Map {
    (0..entries)
        .map(|number| {
            let key = Key::new(&number.to_be_bytes()).expect("short");
            (key, vec![number as u8; value_len])
        })
        .collect()
}

/// All certificates of these tests carry three signatures; a quorum is three.
pub(crate) fn quorum(certificate: &Certificate) -> bool {
    certificate.signatures.len() >= 3
}

pub(crate) fn at(ms: u64) -> Instant {
    Instant::from_micros(ms * 1000)
}

pub(crate) fn setup(executes: bool) -> SynchronizerSetup {
    SynchronizerSetup {
        epoch: EPOCH,
        executes,
        fetch_timeout: Duration::from_millis(1500),
        busy_max: Duration::from_secs(12),
        snapshot_bytes_max: SNAPSHOT_MAX,
    }
}

/// One that catches up.
pub(crate) struct Phone {
    pub(crate) sync: Synchronizer,
    pub(crate) history: History,
}

impl Phone {
    pub(crate) fn new(history: History, executes: bool) -> Self {
        let mut sync = Synchronizer::new(setup(executes));
        sync.set_reachable((0..8).collect());
        Self { sync, history }
    }

    /// Asks member 0 once, who answers from `server`.
    pub(crate) fn ask(&mut self, server: &History) -> Result<SyncStep, PeerFault> {
        let message = self.sync.generate(&self.history, at(0)).expect("a request");
        let found = Synchronizer::answer(server, &message.fetch, BUDGET);
        self.receive(message.to, found)
    }

    pub(crate) fn receive(&mut self, from: u8, found: Found) -> Result<SyncStep, PeerFault> {
        self.sync
            .receive(from, found, &self.history, &quorum, at(0))
    }

    /// Asks `servers`, of one chain, until nothing is left to ask; gives every step.
    pub(crate) fn catch_up(&mut self, servers: &[&History]) -> Vec<SyncStep> {
        for (member, server) in (0u8..).zip(servers) {
            self.sync.heard(member, server.head(), self.history.head());
        }
        let mut steps = Vec::new();
        while let Some(message) = self.sync.generate(&self.history, at(0)) {
            let server = servers[usize::from(message.to)];
            let found = Synchronizer::answer(server, &message.fetch, BUDGET);
            let step = self.receive(message.to, found).expect("an honest answer");
            self.follow(&step, server);
            steps.push(step);
            assert!(steps.len() < 1_000, "no end");
        }
        steps
    }

    /// Goes where `step` leads.
    pub(crate) fn follow(&mut self, step: &SyncStep, server: &History) {
        match step.clone() {
            SyncStep::Blocks {
                blocks,
                finalization,
            } => {
                for block in blocks {
                    let state = server.state_at(block.height).expect("kept").clone();
                    let last = block.hash(EPOCH) == finalization.statement.block;
                    let finalization = last.then(|| finalization.clone());
                    let pushed = self.history.push(block, finalization, state);
                    pushed.expect("it follows");
                }
            }
            SyncStep::State {
                header,
                finalization,
                state,
            } => {
                let installed = self.history.install(header, finalization, state);
                installed.expect("valid");
            }
            _ => {}
        }
    }

    /// A history that ends with a block of its own at `height`.
    pub(crate) fn diverged_at(&self, height: u64) -> History {
        let mut other = history(height - 1, usize::MAX, &Map::new());
        grow(&mut other, filled(1, 1), true);
        other
    }
}

fn suffix(server: &History, range: std::ops::RangeInclusive<u64>) -> (Vec<Block>, Certificate) {
    let last = server.at(*range.end()).expect("kept");
    let blocks = range.map(|height| {
        let entry = server.at(height).expect("kept");
        entry.block.clone().expect("executed here")
    });
    (
        blocks.collect(),
        certificate(last.header.height, last.block_hash),
    )
}

/// What `found` means to a phone with `own` that asked for what is above.
fn offered(own: &History, found: Found) -> Result<SyncStep, PeerFault> {
    let mut phone = Phone::new(own.clone(), true);
    phone.sync.want(0);
    let asked = phone.sync.generate(own, at(0)).expect("a request");
    assert!(matches!(asked.fetch, Fetch::Above { .. }));
    phone.receive(0, found)
}

fn offer(
    blocks: Vec<Block>,
    finalization: Certificate,
    own: &History,
) -> Result<SyncStep, PeerFault> {
    let found = Found::Blocks {
        blocks: BoundedVec::truncating(blocks),
        finalization,
    };
    offered(own, found)
}

fn fault<T>(what: &'static str) -> Result<T, PeerFault> {
    Err(PeerFault::Sync(what))
}

#[test]
fn every_failing_check_of_blocks_has_its_name() {
    let server = history(8, usize::MAX, &Map::new());
    let own = history(4, usize::MAX, &Map::new());
    let (blocks, finalization) = suffix(&server, 5..=8);
    assert_eq!(
        offer(blocks.clone(), finalization.clone(), &own),
        Ok(SyncStep::Blocks {
            blocks: blocks.clone(),
            finalization: finalization.clone()
        })
    );
    assert_eq!(
        offer(Vec::new(), finalization.clone(), &own),
        fault("no blocks")
    );

    let mut bent = blocks.clone();
    bent.remove(1);
    assert_eq!(
        offer(bent, finalization.clone(), &own),
        fault("a block does not follow the one before")
    );
    let mut bent = blocks.clone();
    bent[1].root = Hash::ZERO;
    assert_eq!(
        offer(bent, finalization.clone(), &own),
        fault("a block does not follow the one before")
    );
    let mut bent = blocks.clone();
    bent[3].root = Hash::ZERO;
    assert_eq!(
        offer(bent, finalization.clone(), &own),
        fault("the finalization is of another block")
    );
    assert_eq!(
        offer(blocks[..3].to_vec(), finalization.clone(), &own),
        fault("the finalization is of another block")
    );
    for kind in [VoteKind::Notarize, VoteKind::Nullify] {
        let mut bent = finalization.clone();
        bent.statement.kind = kind;
        assert_eq!(
            offer(blocks.clone(), bent, &own),
            fault("the certificate is no finalization")
        );
    }
    let mut bent = finalization.clone();
    bent.signatures = BoundedVec::truncating(bent.signatures[..2].to_vec());
    assert_eq!(
        offer(blocks.clone(), bent, &own),
        fault("the finalization does not verify")
    );
    assert_eq!(
        offer(blocks[1..].to_vec(), finalization.clone(), &own),
        fault("blocks do not follow the head")
    );
    let mut bent = blocks[..2].to_vec();
    bent[0].height = u64::MAX;
    bent[1].height = u64::MAX;
    bent[1].parent = bent[0].hash(EPOCH);
    assert_eq!(
        offer(bent, finalization.clone(), &own),
        fault("a block does not follow the one before")
    );
    let body = Fetch::Body {
        block: server.head().1,
    };
    for unasked in [
        Found::Actions(PackedActions::default()),
        Synchronizer::answer(&server, &body, BUDGET),
    ] {
        assert_eq!(
            offered(&own, unasked),
            fault("not an answer to what was asked")
        );
    }
    // Without the rules blocks are of no use.
    let mut follower = Phone::new(own, false);
    follower.sync.want(0);
    follower.sync.generate(&follower.history, at(0));
    let found = Found::Blocks {
        blocks: BoundedVec::truncating(blocks),
        finalization,
    };
    assert_eq!(
        follower.receive(0, found),
        fault("not an answer to what was asked")
    );
}

#[test]
fn another_committed_block_at_one_height_is_divergence() {
    let server = history(8, usize::MAX, &Map::new());
    let mut own = history(5, usize::MAX, &Map::new());
    grow(&mut own, filled(1, 1), true);
    let (certified, head) = (server.at(6).expect("kept").block_hash, own.head());
    // Also when the newest block of the other side is no newer.
    for height in [8, 6] {
        let (_, server) = server.rollback(height).expect("kept");
        let mut phone = Phone::new(own.clone(), true);
        phone.sync.heard(0, server.head(), head);
        match phone.ask(&server) {
            Ok(SyncStep::Diverged {
                height,
                own,
                certified: there,
                ..
            }) => {
                assert_eq!((height, own, there), (6, head.1, certified));
            }
            other => panic!("{other:?}"),
        }
        phone.sync.stop();
        phone.sync.heard(1, server.head(), head);
        assert_eq!(phone.sync.generate(&phone.history, at(0)), None);
    }
    // But not on the word of fewer than a quorum.
    let (blocks, mut finalization) = suffix(&server, 5..=6);
    finalization.signatures = BoundedVec::new();
    assert_eq!(
        offer(blocks, finalization, &own),
        fault("the finalization does not verify")
    );
}

#[test]
fn every_failing_check_of_a_delta_has_its_name() {
    let extra = filled(50, 10);
    let server = history(8, usize::MAX, &extra);
    let own = history(4, usize::MAX, &extra);
    let entry = server.at(8).expect("kept");
    let between = |base: u64, target: u64| {
        let state = |height| (height, server.state_at(height).expect("kept"));
        Delta::between(state(base), state(target))
            .expect("small")
            .encode()
    };
    let finalization = certificate(8, entry.block_hash);
    let offer = |delta: Vec<u8>, header: Header, finalization: &Certificate| {
        let before = own.state().clone();
        let step = offered(
            &own,
            Found::Delta {
                header,
                finalization: finalization.clone(),
                delta: Bytes::truncating(delta),
            },
        );
        assert_eq!(own.state(), &before);
        step
    };
    assert_eq!(
        offer(between(4, 8), entry.header, &finalization),
        Ok(SyncStep::State {
            header: entry.header,
            finalization: finalization.clone(),
            state: entry.state.clone(),
        })
    );
    for (delta, what) in [
        (between(5, 8), "a delta from another state"),
        (
            between(4, 7),
            "a delta to another root than the certified one",
        ),
        (between(4, 8)[1..].to_vec(), "not a delta"),
        (Vec::new(), "not a delta"),
    ] {
        assert_eq!(offer(delta, entry.header, &finalization), fault(what));
    }
    // It says that it leads to the certified root and does not.
    let mut bent = between(4, 8);
    let at = bent
        .windows(8)
        .rposition(|bytes| bytes == 8u64.to_le_bytes())
        .expect("the height is a value");
    bent[at] ^= 1;
    assert_eq!(
        offer(bent, entry.header, &finalization),
        fault("a delta to another root than the certified one")
    );
    let mut other = entry.header;
    other.root = Hash::ZERO;
    assert_eq!(
        offer(between(4, 8), other, &finalization),
        fault("the finalization is of another block")
    );
    let mut unsigned = finalization.clone();
    unsigned.signatures = BoundedVec::new();
    assert_eq!(
        offer(between(4, 8), entry.header, &unsigned),
        fault("the finalization does not verify")
    );
    for len in [
        DELTA_ENCODED_MAX - 1,
        DELTA_ENCODED_MAX,
        DELTA_ENCODED_MAX + 1,
    ] {
        let error = Synchronizer::apply_delta(own.state(), &entry.header, &vec![0xff; len])
            .expect_err("nonsense");
        let too_large = matches!(error, crate::state::DeltaError::TooLarge { .. });
        assert_eq!(too_large, len > DELTA_ENCODED_MAX);
    }
}

#[test]
fn a_delta_starts_from_where_it_was_asked_for() {
    let extra = filled(50, 10);
    let server = history(8, usize::MAX, &extra);
    let mut phone = Phone::new(history(4, usize::MAX, &extra), false);
    phone.sync.heard(0, server.head(), phone.history.head());
    let asked = phone.sync.generate(&phone.history, at(0)).expect("behind");
    let found = Synchronizer::answer(&server, &asked.fetch, BUDGET);
    assert!(matches!(found, Found::Delta { .. }));
    // Meanwhile two more blocks became final here.
    phone.history = history(6, usize::MAX, &extra);
    let step = phone.receive(0, found).expect("no fault");
    phone.follow(&step, &server);
    assert_eq!(phone.history.head(), server.head());
}

#[test]
fn whoever_does_not_answer_or_lies_is_followed_by_the_next() {
    let server = history(8, usize::MAX, &Map::new());
    let own = history(2, usize::MAX, &Map::new());
    let mut phone = Phone::new(own, true);
    phone.sync.set_reachable([1, 2, 4].into());
    for member in [1, 2, 3] {
        phone
            .sync
            .heard(member, server.head(), phone.history.head());
    }
    let asked = |phone: &mut Phone, ms: u64| {
        let message = phone.sync.generate(&phone.history, at(ms));
        assert_eq!(phone.sync.generate(&phone.history, at(ms)), None);
        message.map(|message| message.to)
    };
    assert_eq!(asked(&mut phone, 0), Some(1));
    assert_eq!(phone.sync.deadline(), Some(at(1500)));
    assert_eq!(asked(&mut phone, 1499), None);
    assert_eq!(asked(&mut phone, 1500), Some(2), "3 is not in reach");
    // A late answer is no fault, and no answer to what is out now.
    assert_eq!(phone.receive(1, Found::UpToDate), Ok(SyncStep::Late));
    // Once a request: whoever is busy for long is not waited for.
    for ms in [1500, 2500] {
        let busy = Found::Busy {
            retry_after_ms: 5_000,
        };
        let step = phone.sync.receive(2, busy, &phone.history, &quorum, at(ms));
        assert_eq!(
            step,
            Ok(SyncStep::Busy {
                retry_after_ms: 5_000
            })
        );
        assert_eq!(phone.sync.deadline(), Some(at(6500)));
    }
    assert_eq!(asked(&mut phone, 6500), Some(1));
    // A lie costs the liar his claim.
    let lie = Found::Blocks {
        blocks: BoundedVec::new(),
        finalization: certificate(8, server.head().1),
    };
    assert_eq!(phone.receive(1, lie), fault("no blocks"));
    assert_eq!(asked(&mut phone, 6600), Some(2));
    assert_eq!(phone.receive(2, Found::UpToDate), Ok(SyncStep::UpToDate));
    assert_eq!(asked(&mut phone, 6700), None);
    phone.sync.heard(1, server.head(), phone.history.head());
    assert_eq!(asked(&mut phone, 6800), Some(1));
}

#[test]
fn validate_state_names_the_failing_check() {
    let server = history(8, usize::MAX, &Map::new());
    let entry = server.at(8).expect("kept");
    let finalization = entry
        .finalization
        .clone()
        .expect("even heights are certified");
    let head = (7, server.at(7).expect("kept").block_hash);
    let check = |map: &Map, header: &Header, finalization: &Certificate, head| {
        Synchronizer::validate_state(map, header, finalization, head, &quorum, EPOCH)
    };
    assert_eq!(
        check(&entry.state, &entry.header, &finalization, head),
        Ok(())
    );
    assert_eq!(
        check(&entry.state, &entry.header, &finalization, server.head()),
        Ok(())
    );
    assert_eq!(
        check(&Map::new(), &entry.header, &finalization, head),
        Err(SyncError::WrongValue {
            have: Map::new().root(),
            need: entry.header.root
        })
    );
    assert_eq!(
        check(&entry.state, &entry.header, &finalization, (9, EPOCH)),
        Err(SyncError::Stale { have: 8, need: 9 })
    );
    assert_eq!(
        check(&entry.state, &entry.header, &finalization, (8, EPOCH)),
        Err(SyncError::Diverged {
            height: 8,
            own: EPOCH,
            certified: entry.block_hash
        })
    );
    assert_eq!(
        check(&entry.state, &entry.header, &certificate(8, EPOCH), head),
        Err(SyncError::OtherBlock {
            have: EPOCH,
            need: entry.block_hash
        })
    );
    let mut bent = finalization.clone();
    bent.statement.kind = VoteKind::Notarize;
    assert_eq!(
        check(&entry.state, &entry.header, &bent, head),
        Err(SyncError::NotFinal)
    );
    let mut bent = finalization;
    bent.signatures = BoundedVec::new();
    assert_eq!(
        check(&entry.state, &entry.header, &bent, head),
        Err(SyncError::Unverified)
    );
}

#[test]
fn survives_mutated_answers() {
    let extra = filled(400, 2);
    let server = history(8, usize::MAX, &extra);
    let own = history(4, usize::MAX, &extra);
    let fetch = |executes| Fetch::Above {
        height: 4,
        block: own.head().1,
        executes,
    };
    let unknown = Fetch::Above {
        height: 3,
        block: Hash::ZERO,
        executes: false,
    };
    let (_, below) = server.rollback(8).expect("kept");
    let samples = [
        encode(&Synchronizer::answer(&server, &fetch(true), BUDGET)),
        encode(&Synchronizer::answer(&server, &fetch(false), BUDGET)),
        encode(&Synchronizer::answer(&below, &unknown, BUDGET)),
        encode(&Found::Busy { retry_after_ms: 7 }),
    ];
    // Only the true finalizations verify, as with real signatures.
    let genuine = |certificate: &Certificate| {
        server
            .entries()
            .any(|entry| entry.finalization.as_ref() == Some(certificate))
    };
    let mut phone = Phone::new(own.clone(), true);
    crate::state::mutated(&samples, 20_000, |bytes| {
        let Ok(found) = decode::<Found>(bytes, MESSAGE_LEN_MAX) else {
            return;
        };
        phone.sync.want(0);
        phone.sync.generate(&own, at(0));
        match phone.sync.receive(0, found, &own, &genuine, at(0)) {
            Ok(SyncStep::Blocks { blocks, .. }) => {
                let last = blocks.last().expect("there is one").hash(EPOCH);
                assert_eq!(last, server.head().1);
            }
            Ok(SyncStep::State { header, state, .. }) => {
                assert_eq!(header.hash(EPOCH), server.head().1);
                assert_eq!(&state, server.state());
            }
            Ok(SyncStep::Diverged { .. }) => panic!("nothing diverged"),
            Ok(_) | Err(_) => {}
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(found) = decode::<Found>(&bytes, MESSAGE_LEN_MAX) {
            let mut phone = Phone::new(History::new(EPOCH, Map::new(), usize::MAX), true);
            phone.sync.want(0);
            phone.sync.generate(&phone.history, at(0));
            let step = phone.sync.receive(0, found, &phone.history, &|_| false, at(0));
            let harmless = matches!(
                step,
                Err(_) | Ok(SyncStep::UpToDate | SyncStep::Busy { .. } | SyncStep::Late)
            );
            prop_assert!(harmless);
        }
    }
}
