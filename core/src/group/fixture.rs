//! A room for tests: members with a cheap signature scheme and rules that count.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Executed, Executor, HashChain, Invalid, Reveals, Standing};
use crate::crypto::{Domain, Hash, Hasher, Identity, Signature, SignatureScheme, hash};
use crate::id::{GroupId, PeerId, RunId};
use crate::rules::{Context, Offline, Random, Rejection, Rules};
use crate::state::{Map, Overlay};
use crate::wire::{
    Action, ActionPayload, Block, BoundedVec, Bytes, Frontier, Genesis, Mode, Reveal, RosterEntry,
    RulesId, SignedAction, SignedGenesis, Validity,
};

/// Signatures that anybody could forge: tests only.
#[derive(Debug)]
pub(super) struct Cheap;

impl SignatureScheme for Cheap {
    fn public(&self, secret: &[u8; 32]) -> PeerId {
        PeerId(hash(Domain::KeyDerivation, &[secret]).0)
    }

    fn sign(&self, secret: &[u8; 32], message: &[u8]) -> Signature {
        seal(&self.public(secret), message)
    }

    fn verify(&self, peer: &PeerId, message: &[u8], signature: &Signature) -> bool {
        *signature == seal(peer, message)
    }
}

fn seal(peer: &PeerId, message: &[u8]) -> Signature {
    let mut hasher = Hasher::new(Domain::Trace);
    hasher.part(peer.as_bytes());
    hasher.part(message);
    let mut bytes = [0; 64];
    hasher.fill(&mut bytes);
    Signature(bytes)
}

/// Rules that count: a sum, a phase, and the dice that were asked for.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) applied: AtomicUsize,
}

/// Adds to the sum of the author.
pub(super) fn add(amount: u8) -> Vec<u8> {
    vec![0, amount]
}

/// Adds to the sum of everybody, if it still is `expect`.
pub(super) fn guarded(amount: u8, expect: u8) -> Vec<u8> {
    vec![1, amount, expect]
}

/// Asks for a draw.
pub(super) const ROLL: &[u8] = &[2];
/// Writes, then refuses.
pub(super) const REFUSE: &[u8] = &[3];
/// Ends a phase.
pub(super) const PHASE: &[u8] = &[4];

/// Gives `amount` of the author's sum to the member `to`, if he has as much.
pub(super) fn give(to: u8, amount: u8) -> Vec<u8> {
    vec![6, to, amount]
}

/// Adds to the author's sum, ordered by `key`, with `len` bytes of filling.
pub(super) fn keyed(key: u8, len: usize) -> Vec<u8> {
    let mut payload = vec![5, key];
    payload.resize(len.max(2), 7);
    payload
}

fn bump(overlay: &mut Overlay, key: &[u8], amount: u8) {
    let sum = overlay
        .get(key)
        .map_or(0, |bytes| bytes[0])
        .wrapping_add(amount);
    overlay.set(key, vec![sum]).unwrap();
}

impl Rules for Tally {
    fn id(&self) -> RulesId {
        RulesId {
            name: Bytes::truncating(b"tally".to_vec()),
            version: 1,
            vectors: Hash::ZERO,
        }
    }

    fn genesis(&self, overlay: &mut Overlay, _: &[PeerId], config: &[u8]) -> Result<(), Rejection> {
        if config == b"bad" {
            return Err(Rejection::new(1));
        }
        overlay.set(b"sum", vec![0]).unwrap();
        Ok(())
    }

    fn apply(
        &self,
        overlay: &mut Overlay,
        author: &PeerId,
        action: &[u8],
        context: &mut Context<'_>,
    ) -> Result<(), Rejection> {
        self.applied.fetch_add(1, Ordering::Relaxed);
        let index = context.index_of(author).expect("members act");
        match action {
            [0, amount] => bump(overlay, &[b'm', index], *amount),
            [1, amount, expect] => {
                if overlay.get(b"sum") != Some(&[*expect]) {
                    let now = overlay.get(b"sum").unwrap_or_default().to_vec();
                    return Err(Rejection::with_detail(2, now));
                }
                bump(overlay, b"sum", *amount);
            }
            [2] => {
                if !context.request_draw() {
                    return Err(Rejection::new(3));
                }
                overlay.set(b"rolling", vec![index]).unwrap();
            }
            [4] => bump(overlay, b"phase", 1),
            [5, ..] => bump(overlay, &[b'm', index], 1),
            [6, to, amount] => {
                let own = overlay.get(&[b'm', index]).map_or(0, |bytes| bytes[0]);
                if own < *amount {
                    return Err(Rejection::with_detail(4, vec![own]));
                }
                bump(overlay, &[b'm', index], 0u8.wrapping_sub(*amount));
                bump(overlay, &[b'm', *to], *amount);
            }
            _ => {
                bump(overlay, b"junk", 1);
                return Err(Rejection::new(9));
            }
        }
        // What came last shows in the root: tests that mix up the order fail.
        let last = hash(
            Domain::Trace,
            &[overlay.get(b"last").unwrap_or_default(), action],
        );
        overlay.set(b"last", last.0.to_vec()).unwrap();
        Ok(())
    }

    fn on_draw(&self, overlay: &mut Overlay, random: &mut Random, _: &mut Context<'_>) {
        overlay.remove(b"rolling").unwrap();
        overlay
            .set(b"dice", vec![random.die(6), random.die(6)])
            .unwrap();
    }

    fn offline(&self, _: &[u8]) -> Offline {
        Offline::Forbidden
    }

    fn order_key(&self, action: &[u8]) -> Vec<u8> {
        match action {
            [5, key, ..] => vec![*key],
            _ => Vec::new(),
        }
    }

    fn phase(&self, overlay: &Overlay) -> u64 {
        overlay.get(b"phase").map_or(0, |bytes| bytes[0].into())
    }

    fn describe(&self, code: u16, _: &[u8]) -> String {
        format!("refused: {code}")
    }

    fn describe_action(&self, action: &[u8]) -> String {
        format!("{action:?}")
    }
}

/// A group of `n`.
pub(super) struct Room {
    pub(super) identities: Vec<Identity>,
    pub(super) chains: Vec<HashChain>,
    pub(super) rules: Arc<Tally>,
    pub(super) scheme: Arc<dyn SignatureScheme>,
    pub(super) genesis: SignedGenesis,
    pub(super) executor: Executor,
}

pub(super) const GROUP: GroupId = GroupId([9; 16]);

impl Room {
    pub(super) fn new(n: u8) -> Self {
        Self::with(n, Mode::Bft, Arc::new(Cheap))
    }

    pub(super) fn with(n: u8, mode: Mode, scheme: Arc<dyn SignatureScheme>) -> Self {
        let identities: Vec<_> = (0..n)
            .map(|i| Identity::with_scheme([i + 1; 32], Arc::clone(&scheme)))
            .collect();
        let chains: Vec<_> = identities
            .iter()
            .map(|i| HashChain::new(i, GROUP))
            .collect();
        let rules = Arc::new(Tally::default());
        let members = identities
            .iter()
            .zip(&chains)
            .map(|(identity, chain)| RosterEntry {
                peer: identity.peer(),
                name: Bytes::truncating(b"somebody".to_vec()),
                tip: chain.tip(),
                sealing: crate::crypto::seal::SealingKey([0; 32]),
                votes: true,
            })
            .collect();
        let mut genesis = Genesis {
            group: GROUP,
            members: BoundedVec::truncating(members),
            observers: BoundedVec::new(),
            rules: rules.id(),
            rules_config: Bytes::new(),
            modes: BoundedVec::truncating(vec![mode; 16]),
            draw_timeout_ms: 8000,
            root: Hash::ZERO,
            key: crate::wire::EpochKey::default(),
        };
        genesis.root = super::genesis_state(&genesis, &*rules).unwrap().root();
        let genesis = genesis.sign(&identities[0]);
        let executor = executor(&genesis, &rules, &scheme);
        Self {
            identities,
            chains,
            rules,
            scheme,
            genesis,
            executor,
        }
    }

    /// Another phone's executor, with nothing cached.
    pub(super) fn executor(&self) -> Executor {
        executor(&self.genesis, &self.rules, &self.scheme)
    }

    pub(super) fn genesis(&self) -> &Genesis {
        &self.genesis.genesis
    }

    pub(super) fn head(&self) -> Tip {
        Tip {
            height: 0,
            block: self.executor.epoch(),
            state: self.executor.genesis_state().unwrap(),
        }
    }

    pub(super) fn pen(&self, author: u8) -> Pen {
        Pen {
            identity: self.identities[usize::from(author)].clone(),
            run: RunId(100 + u64::from(author)),
            number: 0,
            previous: Hash::ZERO,
        }
    }

    pub(super) fn pens(&self) -> Vec<Pen> {
        (0u8..)
            .take(self.identities.len())
            .map(|author| self.pen(author))
            .collect()
    }

    pub(super) fn reveal(&self, draw: u64, voter: u8) -> Reveal {
        Reveal {
            draw,
            voter,
            preimage: self.chains[usize::from(voter)].preimage(draw).unwrap(),
        }
    }

    pub(super) fn reveals(&self, draw: u64, voters: &[u8]) -> Reveals {
        let mut reveals = Reveals::default();
        for voter in voters {
            reveals.insert(self.reveal(draw, *voter));
        }
        reveals
    }
}

fn executor(
    genesis: &SignedGenesis,
    rules: &Arc<Tally>,
    scheme: &Arc<dyn SignatureScheme>,
) -> Executor {
    Executor::new(
        genesis.genesis.clone(),
        Arc::<Tally>::clone(rules),
        Arc::clone(scheme),
        #[cfg(feature = "planted")]
        None,
    )
}

/// A block that was executed.
#[derive(Clone, Debug)]
pub(super) struct Tip {
    pub(super) height: u64,
    pub(super) block: Hash,
    pub(super) state: Map,
}

impl Tip {
    pub(super) fn standing(&self) -> Standing<'_> {
        Standing {
            height: self.height,
            block: self.block,
            state: &self.state,
        }
    }

    /// Builds the next block here and steps onto it.
    pub(super) fn build(
        &mut self,
        executor: &Executor,
        candidates: Vec<SignedAction>,
        reveals: &Reveals,
    ) -> Option<(Block, Executed)> {
        let (block, executed) = executor.build(self.standing(), candidates, reveals)?;
        self.step(executor, &block, &executed);
        Some((block, executed))
    }

    /// Executes a block of another phone and steps onto it.
    pub(super) fn execute(
        &mut self,
        executor: &Executor,
        block: &Block,
    ) -> Result<Executed, Invalid> {
        let executed = executor.execute(self.standing(), block)?;
        self.step(executor, block, &executed);
        Ok(executed)
    }

    fn step(&mut self, executor: &Executor, block: &Block, executed: &Executed) {
        self.height = block.height;
        self.block = block.hash(executor.epoch());
        self.state = executed.state.clone();
    }
}

/// Signs one author's actions, each with the next number.
#[derive(Clone)]
pub(super) struct Pen {
    pub(super) identity: Identity,
    pub(super) run: RunId,
    pub(super) number: u64,
    pub(super) previous: Hash,
}

impl Pen {
    pub(super) fn write(&mut self, payload: &[u8]) -> SignedAction {
        self.write_with(payload, &[], Validity::default())
    }

    pub(super) fn write_with(
        &mut self,
        payload: &[u8],
        dependencies: &[u64],
        validity: Validity,
    ) -> SignedAction {
        let payload = ActionPayload::Rules(Bytes::from_vec(payload.to_vec()).unwrap());
        self.sign(payload, dependencies, validity)
    }

    /// Signs with what was seen.
    pub(super) fn write_after(&mut self, payload: &[u8], frontier: Frontier) -> SignedAction {
        let payload = ActionPayload::Rules(Bytes::from_vec(payload.to_vec()).unwrap());
        let before = self.previous;
        let mut action = self.sign(payload, &[], Validity::default()).action;
        debug_assert_eq!(action.previous, before);
        action.frontier = frontier;
        self.previous = action.hash(GROUP);
        action.sign(GROUP, &self.identity)
    }

    pub(super) fn missing(&mut self, draw: u64, voter: u8) -> SignedAction {
        self.sign(
            ActionPayload::Missing { draw, voter },
            &[],
            Validity::default(),
        )
    }

    /// Begins another run, as after a lost store.
    pub(super) fn begin(&mut self, run: u64) {
        self.run = RunId(run);
        self.number = 0;
        self.previous = Hash::ZERO;
    }

    fn sign(
        &mut self,
        payload: ActionPayload,
        dependencies: &[u64],
        validity: Validity,
    ) -> SignedAction {
        self.number += 1;
        let action = Action {
            author: self.identity.peer(),
            run: self.run,
            number: self.number,
            previous: self.previous,
            frontier: BoundedVec::new(),
            dependencies: BoundedVec::truncating(dependencies.to_vec()),
            validity,
            payload,
        };
        self.previous = action.hash(GROUP);
        action.sign(GROUP, &self.identity)
    }
}
