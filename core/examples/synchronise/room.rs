//! A group of people who count, and the blocks that they agree on.

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use althing::Duration;
use althing::consensus::Committee;
use althing::crypto::{Hash, Identity};
use althing::group::{Executor, Reveals, Standing, genesis_state};
use althing::id::{GroupId, PeerId, RunId};
use althing::rules::counter::{Counter, CounterAction};
use althing::rules::{Context, Rules};
use althing::state::{History, Map, Overlay};
use althing::sync::{Apply, SyncStep, SynchronizerSetup};
use althing::wire::{
    Action, ActionPayload, Block, BoundedVec, Bytes, Certificate, Genesis, Mode, Reason,
    RosterEntry, SignedAction, Validity, VoteKind, VoteStatement,
};

pub(crate) const GROUP: GroupId = GroupId([7; 16]);

/// Everybody, and what executes their blocks.
pub(crate) struct Room {
    people: Vec<Identity>,
    members: Vec<PeerId>,
    pub(crate) committee: Committee,
    executor: Executor,
}

impl Room {
    pub(crate) fn new(names: &[&str]) -> Result<Self, Box<dyn Error>> {
        let people: Vec<Identity> = (1..)
            .zip(names)
            .map(|(n, _)| Identity::new([n; 32]))
            .collect();
        let members: Vec<PeerId> = people.iter().map(Identity::peer).collect();
        let entries = members.iter().zip(names).map(|(peer, name)| RosterEntry {
            peer: *peer,
            name: Bytes::truncating(name.as_bytes().to_vec()),
            tip: Hash::ZERO,
            sealing: althing::crypto::seal::SealingKey([0; 32]),
            votes: true,
        });
        let mut genesis = Genesis {
            group: GROUP,
            members: BoundedVec::from_vec(entries.collect())?,
            observers: BoundedVec::new(),
            rules: Counter.id(),
            rules_config: Bytes::new(),
            modes: BoundedVec::from_vec(vec![Mode::Majority; 16])?,
            draw_timeout_ms: 8000,
            root: Hash::ZERO,
            key: althing::wire::EpochKey::default(),
        };
        let state = genesis_state(&genesis, &Counter).map_err(|_| "the rules refuse it")?;
        genesis.root = state.root();
        let scheme = Arc::clone(people[0].scheme());
        let (epoch, mode) = (genesis.epoch(), genesis.mode());
        let executor = Executor::new(
            genesis,
            Arc::new(Counter),
            Arc::clone(&scheme),
            #[cfg(feature = "planted")]
            None,
        );
        Ok(Self {
            committee: Committee::new(GROUP, epoch, members.clone(), mode, scheme),
            people,
            members,
            executor,
        })
    }

    pub(crate) fn history(&self) -> History {
        let state = self.executor.genesis_state().expect("it made the genesis");
        History::new(self.executor.epoch(), state, 256 * 1024)
    }

    pub(crate) fn setup(&self, fetch_timeout: Duration) -> SynchronizerSetup {
        SynchronizerSetup {
            epoch: self.executor.epoch(),
            executes: true,
            fetch_timeout,
            busy_max: fetch_timeout * 8,
            snapshot_bytes_max: 1 << 20,
        }
    }

    /// Anna adds one per block, and everybody finalizes it.
    pub(crate) fn play(
        &self,
        history: &mut History,
        numbers: Range<u64>,
    ) -> Result<(), Box<dyn Error>> {
        for number in numbers {
            let action = CounterAction::Add {
                amount: 1,
                expect: None,
            };
            let previous = history.at(number).and_then(|entry| entry.block.as_ref());
            let previous = previous.and_then(|block| block.actions.first());
            let mut signed = self.action(0, number + 1, &action);
            signed.action.previous = previous.map_or(Hash::ZERO, |it| it.action.hash(GROUP));
            let signed = signed.action.sign(GROUP, &self.people[0]);
            let (height, parent) = history.head();
            let standing = Standing {
                height,
                block: parent,
                state: history.state(),
            };
            let built = self
                .executor
                .build(standing, vec![signed], &Reveals::default());
            let (block, executed) = built.ok_or("nothing to build")?;
            let finalization = self.finalize(&block);
            history.push(block, Some(finalization), executed.state)?;
        }
        Ok(())
    }

    /// Goes where `step` leads: blocks are executed again, a state comes with its proof.
    pub(crate) fn follow(&self, own: &mut History, step: SyncStep) -> Result<(), Box<dyn Error>> {
        match step {
            SyncStep::Blocks {
                blocks,
                finalization,
            } => self.execute(own, blocks, &finalization),
            SyncStep::State {
                header,
                finalization,
                state,
            } => Ok(own.install(header, finalization, state)?),
            other => Err(format!("{other:?}").into()),
        }
    }

    /// Applies actions to `state`, as the rules say.
    pub(crate) fn apply_to(&self, state: &Map) -> Applying<'_> {
        Applying {
            members: &self.members,
            overlay: Overlay::new(state.clone()),
        }
    }

    /// Executes certified blocks again.
    fn execute(
        &self,
        own: &mut History,
        blocks: Vec<Block>,
        finalization: &Certificate,
    ) -> Result<(), Box<dyn Error>> {
        for block in blocks {
            let (height, parent) = own.head();
            let standing = Standing {
                height,
                block: parent,
                state: own.state(),
            };
            let state = self.executor.execute(standing, &block)?.state;
            let last = block.hash(own.epoch()) == finalization.statement.block;
            own.push(block, last.then(|| finalization.clone()), state)?;
        }
        Ok(())
    }

    pub(crate) fn action(
        &self,
        author: usize,
        number: u64,
        action: &CounterAction,
    ) -> SignedAction {
        let action = Action {
            author: self.members[author],
            run: RunId(1),
            number,
            previous: Hash::ZERO,
            frontier: BoundedVec::new(),
            dependencies: BoundedVec::new(),
            validity: Validity::default(),
            payload: ActionPayload::Rules(Bytes::truncating(action.encode())),
        };
        action.sign(GROUP, &self.people[author])
    }

    fn finalize(&self, block: &Block) -> Certificate {
        let epoch = self.executor.epoch();
        let statement = VoteStatement {
            round: block.height,
            kind: VoteKind::Finalize,
            block: block.hash(epoch),
        };
        let votes = (0u8..).zip(&self.people).take(self.committee.quorum());
        let votes = votes.map(|(voter, identity)| {
            (
                voter,
                statement.sign(GROUP, epoch, voter, identity).signature,
            )
        });
        Certificate {
            statement,
            signatures: BoundedVec::truncating(votes.collect()),
        }
    }
}

/// A state under way: the rules write over it, and what they refuse leaves nothing.
pub(crate) struct Applying<'a> {
    members: &'a [PeerId],
    pub(crate) overlay: Overlay,
}

impl Apply for Applying<'_> {
    type Fault = &'static str;

    fn apply(
        &mut self,
        signed: &SignedAction,
        doubled: bool,
    ) -> Result<Option<Reason>, Self::Fault> {
        if doubled {
            return Ok(Some(Reason::Equivocation));
        }
        let ActionPayload::Rules(payload) = &signed.action.payload else {
            return Err("not for the rules");
        };
        let mut context = Context::new(self.members, 0, false);
        let mark = self.overlay.mark();
        let author = &signed.action.author;
        let verdict = Counter.apply(&mut self.overlay, author, payload, &mut context);
        Ok(verdict.err().map(|rejection| {
            self.overlay.undo_to(mark);
            rejection.into()
        }))
    }
}
