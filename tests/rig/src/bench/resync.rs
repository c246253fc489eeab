//! The frozen craps trace as a group of eight plays it, one action a block: what a phone that is one
//! block behind is told, beside what one is told that has nothing.
//!
//! Whole messages are counted: header, certificate of a quorum, delta or parts. The dice are those of
//! the trace; the states are those of a real group, with the records of authors and draws in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use althing::crypto::{Domain, Ed25519, Hash, Identity, Signature, hash};
use althing::group::{Executor, HashChain, Records, Reveals, Standing};
use althing::id::{GroupId, PeerId, RunId};
use althing::rules::craps::{Craps, CrapsConfig};
use althing::rules::{Context, Offline, Random, Rejection, Rules};
use althing::state::{Delta, Map, Overlay};
use althing::sync::pack::{Before, Packing, pack};
use althing::sync::reconcile::{Reconcile, serve};
use althing::wire::{
    Action, ActionPayload, Block, BoundedVec, Bytes, Certificate, Found, Genesis, GroupMessage,
    Mode, Nibbles, Reveal, RosterEntry, RulesId, SignedAction, Validity, VoteKind, VoteStatement,
    encode,
};

use super::codec::traces::{self, Step};
use super::row::{Bound, Row};

const GROUP: GroupId = GroupId([9; 16]);
/// Bytes of one answer, as a group is configured.
const ANSWER_LEN_MAX: usize = 24 * 1024;
/// Draws whose preimages are at hand: more than the trace has.
const DRAWS: u64 = 1_000;

/// A whole delta message over the whole snapshot, percent.
const HALF: Bound = Bound::AtMost(50.0);
/// Why the bound is missed in some states: what is around the changes is in both messages.
const OTHERS_MISS: &str = "header and certificate, in both, are as long as the state";
const DRAWS_MISS: &str = "the same, and a preimage of everybody, which nothing compresses";

/// Craps whose dice follow from the number of the throw, as when the trace was made.
#[derive(Debug)]
struct Traced {
    rules: Craps,
    throws: AtomicU64,
}

impl Rules for Traced {
    fn id(&self) -> RulesId {
        self.rules.id()
    }

    fn genesis(
        &self,
        overlay: &mut Overlay,
        members: &[PeerId],
        config: &[u8],
    ) -> Result<(), Rejection> {
        self.rules.genesis(overlay, members, config)
    }

    fn apply(
        &self,
        overlay: &mut Overlay,
        author: &PeerId,
        action: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Rejection> {
        self.rules.apply(overlay, author, action, context)
    }

    fn on_draw(&self, overlay: &mut Overlay, _: &mut Random, context: &mut Context<'_>) {
        let throw = self.throws.load(Ordering::Relaxed);
        let seed = hash(Domain::Trace, &[&throw.to_le_bytes()]);
        self.rules.on_draw(overlay, &mut Random::new(seed), context);
    }

    fn offline(&self, action: &[u8]) -> Offline {
        self.rules.offline(action)
    }

    fn describe(&self, code: u16, detail: &[u8]) -> String {
        self.rules.describe(code, detail)
    }

    fn describe_action(&self, action: &[u8]) -> String {
        self.rules.describe_action(action)
    }
}

/// Eight players at the trace.
struct Table {
    people: Vec<Identity>,
    members: Vec<PeerId>,
    rules: Arc<Traced>,
    executor: Executor,
    reveals: Reveals,
    state: Map,
    head: (u64, Hash),
    last: Vec<(u64, Hash)>,
}

/// Bytes of one state of the trace.
struct Sizes {
    height: u64,
    /// Whether the block opened a draw: with it a preimage of everybody.
    draw: bool,
    entries: usize,
    action: usize,
    delta: usize,
    snapshot: usize,
}

pub(super) fn rows() -> Vec<Row> {
    let mut table = Table::new();
    let steps = traces::read(traces::CRAPS).expect("a trace of this repository");
    let sizes: Vec<Sizes> = steps.iter().map(|step| table.play(step)).collect();
    let (draws, others): (Vec<&Sizes>, Vec<&Sizes>) = sizes.iter().partition(|one| one.draw);
    let of = |bytes: fn(&Sizes) -> usize| median(sizes.iter().map(bytes).collect()) as u64;
    let permyriad = of(|one| 10_000 * one.delta / one.snapshot);
    let action = of(|one| 10_000 * one.action / one.entries) as f64 / 100.0;
    let mut rows = vec![
        Row::count("states", sizes.len() as u64),
        Row::count("entries of the state: bytes, median", of(|one| one.entries)),
        Row::count(
            "snapshot, all messages: bytes, median",
            of(|one| one.snapshot),
        ),
        Row::count("delta, one block apart: bytes, median", of(|one| one.delta)),
        Row::value(
            "delta over snapshot: percent, median",
            permyriad as f64 / 100.0,
            HALF,
        ),
    ];
    rows.extend(over("no draw opened", &others, OTHERS_MISS));
    rows.extend(over("a draw opened", &draws, DRAWS_MISS));
    rows.push(Row::value(
        "one action over the state's entries: percent, median",
        action,
        Bound::AtMost(2.0),
    ));
    rows
}

/// The worst of `sizes`, how many are over one half, and the last of those.
fn over(of: &str, sizes: &[&Sizes], why: &'static str) -> Vec<Row> {
    let missed: Vec<u64> = sizes
        .iter()
        .filter(|one| one.share() > 50.0)
        .map(|one| one.height)
        .collect();
    let last = missed.last().copied().unwrap_or(0);
    let worst = sizes
        .iter()
        .max_by(|one, other| one.share().total_cmp(&other.share()));
    let (height, share) = worst.map_or((0, 0.0), |one| (one.height, one.share()));
    vec![
        Row::count(format!("{of}: states"), sizes.len() as u64),
        Row::value(format!("  worst, percent (height {height})"), share, HALF).known(why),
        Row::count("  states over 50 percent", missed.len() as u64),
        Row::count("  the last of them at height", last),
    ]
}

impl Sizes {
    /// Delta over snapshot, percent.
    fn share(&self) -> f64 {
        100.0 * self.delta as f64 / self.snapshot as f64
    }
}

fn median(mut values: Vec<usize>) -> usize {
    values.sort_unstable();
    values[values.len() / 2]
}

impl Table {
    fn new() -> Self {
        let players = u8::try_from(traces::PLAYERS).expect("eight");
        let people: Vec<Identity> = (1..=players).map(|it| Identity::new([it; 32])).collect();
        let rules = Arc::new(Traced {
            rules: Craps::new(),
            throws: AtomicU64::new(0),
        });
        let mut reveals = Reveals::default();
        let members = people.iter().zip(0..).map(|(person, voter)| {
            let chain = HashChain::new(person, GROUP);
            for draw in 1..=DRAWS {
                let preimage = chain.preimage(draw).expect("a chain is longer");
                reveals.insert(Reveal {
                    draw,
                    voter,
                    preimage,
                });
            }
            RosterEntry {
                peer: person.peer(),
                name: Bytes::truncating(b"somebody".to_vec()),
                tip: chain.tip(),
                sealing: althing::crypto::seal::SealingKey([0; 32]),
                votes: true,
            }
        });
        // As in the game that the trace was recorded of.
        let config = CrapsConfig {
            buy_in: 20_000,
            bank: 10_000_000,
            min: 5,
            ..CrapsConfig::default()
        };
        let genesis = Genesis {
            group: GROUP,
            members: BoundedVec::truncating(members.collect()),
            observers: BoundedVec::new(),
            rules: rules.id(),
            rules_config: Bytes::truncating(config.encode()),
            modes: BoundedVec::truncating(vec![Mode::Bft; 16]),
            draw_timeout_ms: 8_000,
            root: Hash::ZERO,
            key: althing::wire::EpochKey::default(),
        };
        let executor = Executor::new(
            genesis,
            Arc::clone(&rules) as Arc<dyn Rules>,
            Arc::new(Ed25519),
            #[cfg(feature = "planted")]
            None,
        )
        .applying_twice(false);
        let state = executor.genesis_state().expect("craps has a genesis");
        Self {
            members: people.iter().map(Identity::peer).collect(),
            last: vec![(0, Hash::ZERO); people.len()],
            head: (0, executor.epoch()),
            people,
            rules,
            executor,
            reveals,
            state,
        }
    }

    fn play(&mut self, step: &Step) -> Sizes {
        let author = usize::from(step.0);
        let signed = self.sign(step);
        let packed = self.packed(&signed, step.0);
        self.last[author] = (signed.action.number, signed.action.hash(GROUP));
        let draws = self.state.draws().expect("a group draws");
        if draws.pending.is_some() {
            self.rules.throws.fetch_add(1, Ordering::Relaxed);
        }
        let standing = Standing {
            height: self.head.0,
            block: self.head.1,
            state: &self.state,
        };
        let (block, executed) = self
            .executor
            .build(standing, vec![signed], &self.reveals)
            .expect("an action makes a block");
        assert_eq!(block.actions.len(), 1, "every action of the trace is in");
        let epoch = self.executor.epoch();
        let finalization = self.finalization(&block);
        let delta = Delta::between((self.head.0, &self.state), (block.height, &executed.state))
            .expect("one action changes little");
        let delta = Found::Delta {
            header: block.header(),
            finalization: finalization.clone(),
            delta: Bytes::truncating(delta.encode()),
        };
        let sizes = Sizes {
            height: block.height,
            draw: executed.opened.is_some(),
            entries: entries(&executed.state),
            action: packed,
            delta: encode(&GroupMessage::Found(delta)).len(),
            snapshot: snapshot(&block, epoch, finalization, &executed.state),
        };
        self.head = (block.height, block.hash(epoch));
        self.state = executed.state;
        sizes
    }

    fn sign(&self, (author, payload): &Step) -> SignedAction {
        let index = usize::from(*author);
        let (number, previous) = self.last[index];
        let action = Action {
            author: self.members[index],
            run: RunId(1),
            number: number + 1,
            previous,
            frontier: BoundedVec::new(),
            dependencies: BoundedVec::new(),
            validity: Validity::default(),
            payload: ActionPayload::Rules(Bytes::truncating(payload.clone())),
        };
        action.sign(GROUP, &self.people[index])
    }

    /// Bytes of one action alone, without its signature.
    fn packed(&self, signed: &SignedAction, author: u8) -> usize {
        let packing = Packing {
            group: GROUP,
            members: &self.members,
            rules: &self.rules.rules,
        };
        let known = Before::new(author, &signed.action);
        let one = std::slice::from_ref(signed);
        let (packed, _) = pack(packing, one, &known, usize::MAX).expect("an action of a member");
        packed.bytes.len()
    }

    /// As long as the real one.
    fn finalization(&self, block: &Block) -> Certificate {
        let voters = (0..).take(self.executor.quorum());
        Certificate {
            statement: VoteStatement {
                round: block.height,
                kind: VoteKind::Finalize,
                block: block.hash(self.executor.epoch()),
            },
            signatures: BoundedVec::truncating(
                voters.map(|voter| (voter, Signature([0; 64]))).collect(),
            ),
        }
    }
}

/// Bytes of all entries as one part.
pub(super) fn entries(state: &Map) -> usize {
    let entries = state.entries_at(&Nibbles::new(), usize::MAX);
    let entries = entries.expect("a state has entries, and not too many for a part");
    entries.iter().map(|entry| encode(entry).len()).sum()
}

/// Bytes of all messages that bring a state to one who has nothing.
fn snapshot(block: &Block, epoch: Hash, finalization: Certificate, state: &Map) -> usize {
    let mut asker = Reconcile::new(Map::default(), state.root(), usize::MAX);
    let mut around = Some((block.header(), finalization));
    let block = block.hash(epoch);
    let mut bytes = 0;
    while let Some(request) = asker.request() {
        let answer = serve(state, &request, ANSWER_LEN_MAX - 1024);
        asker.receive(&answer).expect("an honest answer");
        let found = match around.take() {
            Some((header, finalization)) => Found::Snapshot {
                header,
                finalization,
                answer,
            },
            None => Found::Parts { block, answer },
        };
        bytes += encode(&GroupMessage::Found(found)).len();
    }
    assert!(asker.finish().is_some(), "nothing is missing");
    bytes
}
