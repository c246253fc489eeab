//! Who is asked for what, and what the answers prove.

mod step;

use std::collections::{BTreeMap, BTreeSet};

pub use self::step::SyncStep;

use super::SyncError;
use super::collection::Collection;
use super::examine::Examination;
use super::resolve::{self, Apply, Order, Resolved};
use super::validate::{self, check_final};
use crate::crypto::Hash;
use crate::error::PeerFault;
use crate::state::{History, Map};
use crate::time::{Duration, Instant};
use crate::wire::{Certificate, Fetch, Found, Header, PartsAnswer, SignedAction};

/// Requests for parts that are out to one member at once: while one answer travels the next request is
/// on its way, and no more waits in a link's queue.
const PER_MEMBER_MAX: usize = 2;

/// What a synchroniser is made of.
#[derive(Clone, Debug)]
pub struct SynchronizerSetup {
    /// The epoch that certificates and block hashes are of.
    pub epoch: Hash,
    /// Whether the rules of the group are at hand: only then blocks are of use.
    pub executes: bool,
    /// When an unanswered request is made again, to another member.
    pub fetch_timeout: Duration,
    /// The longest that a busy member is waited for.
    pub busy_max: Duration,
    /// Bytes of parts that one state may take; bounds what can be made to be collected here.
    pub snapshot_bytes_max: usize,
}

/// A request to a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncMessage {
    /// Whom to ask.
    pub to: u8,
    /// What.
    pub fetch: Fetch,
}

/// Brings one phone to the head of its group. Members are named by any small number of the caller's.
///
/// Nothing that it takes in is trusted before a certificate verifies, and nothing that it collects is
/// given out before the whole has the certified root. What is above the head is asked of one member at
/// a time; the parts of a snapshot of several, and each is checked on its own: a liar costs one part.
#[derive(Debug)]
pub struct Synchronizer {
    setup: SynchronizerSetup,
    reachable: BTreeSet<u8>,
    /// Heights that members said they are at.
    claims: BTreeMap<u8, u64>,
    /// Who is to be asked, whatever height he claims.
    once: Option<u8>,
    /// Where the search for the next one to ask begins.
    next: u8,
    flights: Vec<Flight>,
    collection: Option<Collection>,
    /// Goes before everything else, also when stopped.
    examination: Option<Examination>,
    stopped: bool,
}

/// A request that was not answered yet.
#[derive(Debug)]
struct Flight {
    to: u8,
    fetch: Fetch,
    deadline: Instant,
    was_busy: bool,
}

impl Flight {
    fn is_above(&self) -> bool {
        matches!(self.fetch, Fetch::Above { .. })
    }

    fn asks_for(&self, answer: &PartsAnswer) -> bool {
        let Fetch::Parts { request, .. } = &self.fetch else {
            return false;
        };
        let Some(first) = answer.parts.first() else {
            return true;
        };
        request.asks.iter().any(|ask| ask.prefix == first.prefix)
    }
}

impl Synchronizer {
    /// Knows nobody.
    pub fn new(setup: SynchronizerSetup) -> Self {
        Self {
            setup,
            reachable: BTreeSet::new(),
            claims: BTreeMap::new(),
            once: None,
            next: 0,
            flights: Vec::new(),
            collection: None,
            examination: None,
            stopped: false,
        }
    }

    /// Only these members are asked.
    pub fn set_reachable(&mut self, reachable: BTreeSet<u8>) {
        self.reachable = reachable;
    }

    /// `member` says that he has committed `block` at `height`; here it is `head`. At one height two
    /// blocks cannot both be final: his answer shows what certifies his.
    pub fn heard(&mut self, member: u8, (height, block): (u64, Hash), head: (u64, Hash)) {
        self.claims.insert(member, height);
        if height == head.0 && block != head.1 {
            self.want(member);
        }
    }

    /// Asks `member` for what is above the head, whatever he said of his own, unless a request is out.
    pub fn want(&mut self, member: u8) {
        if self.flights.is_empty() {
            self.once = Some(member);
        }
    }

    /// Asks nobody any more: what is committed here and what is certified differ.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.flights.clear();
        self.collection = None;
        self.examination = None;
    }

    /// Goes on after [`Synchronizer::stop`]: with blocks, or by certified states alone.
    pub fn resume(&mut self, executes: bool) {
        self.stop();
        self.stopped = false;
        self.setup.executes = executes;
    }

    /// Compares `own` with the state that `block` at `height` has, whose certified root is `root`:
    /// until [`SyncStep::Examined`] nothing else is asked, and that is asked even when stopped.
    pub fn examine(&mut self, (height, block): (u64, Hash), root: Hash, own: Map) {
        self.flights.clear();
        self.collection = None;
        let bytes_max = self.setup.snapshot_bytes_max;
        self.examination = Some(Examination::new(height, block, root, own, bytes_max));
    }

    /// When [`Synchronizer::generate`] has to be called again.
    pub fn deadline(&self) -> Option<Instant> {
        if let Some(examination) = &self.examination {
            return examination.deadline();
        }
        self.flights.iter().map(|flight| flight.deadline).min()
    }

    /// Members whose answer is waited for.
    pub fn waits_for(&self) -> BTreeSet<u8> {
        let examined = self.examination.as_ref().and_then(Examination::waits_for);
        let flights = self.flights.iter().map(|flight| flight.to);
        flights.chain(examined).collect()
    }

    /// The next request, to be called until there is none: after every input, and when
    /// [`Synchronizer::deadline`] has passed.
    pub fn generate(&mut self, history: &History, now: Instant) -> Option<SyncMessage> {
        if let Some(examination) = &mut self.examination {
            let pauses = (self.setup.fetch_timeout, self.setup.busy_max);
            let (to, fetch) = examination.generate(&self.reachable, now, pauses)?;
            return Some(SyncMessage { to, fetch });
        }
        if self.stopped {
            return None;
        }
        let late: Vec<u8> = self
            .flights
            .iter()
            .filter(|flight| flight.deadline <= now)
            .map(|flight| flight.to)
            .collect();
        for member in late {
            self.next = member.wrapping_add(1);
            self.expire(|flight| flight.to == member && flight.deadline <= now);
        }
        let head = history.head();
        self.forget_collection(head.0);
        let (to, fetch) = self.next_part().or_else(|| self.next_above(head))?;
        self.flights.push(Flight {
            to,
            fetch: fetch.clone(),
            deadline: now + self.setup.fetch_timeout,
            was_busy: false,
        });
        Some(SyncMessage { to, fetch })
    }

    /// Takes the answer of `from`. `history` is what is committed here; `verify` says whether a certificate
    /// is signed by a quorum of the epoch's committee.
    ///
    /// # Errors
    /// Which check the answer of `from` failed. Nothing of it was taken; others are asked for the same.
    pub fn receive(
        &mut self,
        from: u8,
        found: Found,
        history: &History,
        verify: &dyn Fn(&Certificate) -> bool,
        now: Instant,
    ) -> Result<SyncStep, PeerFault> {
        if self.examination.is_some() {
            return self.examined(from, &found, verify, now);
        }
        self.forget_collection(history.head().0);
        let shown = match &found {
            Found::Blocks { finalization, .. }
            | Found::Delta { finalization, .. }
            | Found::Snapshot { finalization, .. } => Some(finalization.clone()),
            _ => None,
        };
        let step = match (self.take(from, found, history, verify, now), shown) {
            // Not the peer's fault: it shows what a quorum has signed.
            (
                Err(SyncError::Diverged {
                    height,
                    own,
                    certified,
                }),
                Some(finalization),
            ) => Ok(SyncStep::Diverged {
                height,
                own,
                certified,
                finalization,
            }),
            // Answers cross with commits: what they carry is then simply known.
            (Err(SyncError::Stale { .. }), _) => Ok(SyncStep::UpToDate),
            (step, _) => step,
        };
        step.map_err(|error| {
            self.distrust(from);
            error.into()
        })
    }

    fn examined(
        &mut self,
        from: u8,
        found: &Found,
        verify: &dyn Fn(&Certificate) -> bool,
        now: Instant,
    ) -> Result<SyncStep, PeerFault> {
        let (epoch, longest) = (self.setup.epoch, self.setup.busy_max);
        let Some(examination) = &mut self.examination else {
            return Ok(SyncStep::Late);
        };
        let taken = match found {
            Found::Parts { block, answer } if *block == examination.block => {
                examination.receive(from, answer, now, longest)
            }
            Found::Snapshot {
                header,
                finalization,
                ..
            } => {
                let hash = header.hash(epoch);
                let final_there = validate::check_names(finalization, hash).is_ok()
                    && examination.waits_for() == Some(from)
                    && verify(finalization);
                let newest = Some(header).filter(|_| final_there);
                examination.has_not(from, newest, now, longest);
                Ok(None)
            }
            Found::UpToDate | Found::Busy { .. } => {
                examination.has_not(from, None, now, longest);
                Ok(None)
            }
            _ => Ok(None),
        };
        let (block, hopeless) = (examination.block, examination.is_hopeless());
        match taken {
            Ok(None) if !hopeless => Ok(SyncStep::More),
            Err(fault) if !hopeless => Err(fault),
            state => {
                self.examination = None;
                let state = state.ok().flatten();
                Ok(SyncStep::Examined { block, state })
            }
        }
    }

    /// Puts two sets of actions, joined in `actions`, on `base` as every phone does: in the one order,
    /// one by one, each with its fate. Whoever calls it has verified their signatures.
    ///
    /// # Errors
    /// What `base` says of an action that no set on it may hold.
    pub fn resolve_conflict<S: Apply>(
        base: S,
        actions: Vec<SignedAction>,
        order: Order<'_>,
    ) -> Result<Resolved<S>, S::Fault> {
        resolve::resolve_conflict(base, actions, order)
    }

    fn take(
        &mut self,
        from: u8,
        found: Found,
        history: &History,
        verify: &dyn Fn(&Certificate) -> bool,
        now: Instant,
    ) -> Result<SyncStep, SyncError> {
        if let Found::Parts { block, answer } = &found {
            return self.parts(from, block, answer, history.head(), now);
        }
        // An answer that nobody waits for is late: the request went to somebody else since.
        let Some(asked) = self.flights.iter().position(|flight| flight.to == from) else {
            return Ok(SyncStep::Late);
        };
        if let Found::Busy { retry_after_ms } = found {
            let wait = Duration::from_millis(u64::from(retry_after_ms)).min(self.setup.busy_max);
            for flight in self.flights.iter_mut().filter(|flight| flight.to == from) {
                // Once a request: whoever is busy for long is not waited for.
                if !std::mem::replace(&mut flight.was_busy, true) {
                    flight.deadline = now + wait;
                }
            }
            return Ok(SyncStep::Busy { retry_after_ms });
        }
        let asked = self.flights[asked].fetch.clone();
        let epoch = self.setup.epoch;
        if step::is_earlier(&found, &asked, history.head(), epoch) {
            // The answer to a request that was made again in the meantime: the one that is out waits on.
            return Ok(SyncStep::Late);
        }
        self.expire(|flight| flight.to == from);
        self.next = from;
        match found {
            Found::UpToDate => {
                // He said more than he has: his claim is worth nothing until he makes another.
                self.distrust(from);
                Ok(SyncStep::UpToDate)
            }
            Found::Blocks {
                blocks,
                finalization,
            } => {
                let step = step::blocks(blocks, &finalization, history.head(), verify, epoch);
                match step {
                    Ok(SyncStep::Blocks { .. }) if !self.setup.executes => Err(SyncError::Unasked),
                    step => step,
                }
            }
            Found::Delta {
                header,
                finalization,
                delta,
            } => step::delta(
                &asked,
                header,
                &finalization,
                &delta,
                history,
                verify,
                epoch,
            ),
            Found::Snapshot {
                header,
                finalization,
                answer,
            } => self.snapshot(from, header, &finalization, &answer, history, verify),
            Found::Parts { .. } | Found::Busy { .. } | Found::Body(_) | Found::Actions(_) => {
                Err(SyncError::Unasked)
            }
        }
    }

    /// A certified root, with the first parts under it.
    fn snapshot(
        &mut self,
        from: u8,
        header: Header,
        finalization: &Certificate,
        answer: &PartsAnswer,
        history: &History,
        verify: &dyn Fn(&Certificate) -> bool,
    ) -> Result<SyncStep, SyncError> {
        let head = history.head();
        let block = header.hash(self.setup.epoch);
        // One verification for each snapshot, however many serve it.
        let known = self.collection.as_ref().map(|open| open.block) == Some(block);
        check_final(header.height, block, finalization, head, &|it| {
            known || verify(it)
        })?;
        if header.height == head.0 {
            return Ok(SyncStep::UpToDate);
        }
        let own = match &self.collection {
            Some(_) if known => None,
            // An older state than the one under way: it goes on with the others.
            Some(open) if open.header.height >= header.height => return Ok(SyncStep::UpToDate),
            Some(open) => Some(open.salvage()),
            None => Some(history.state().clone()),
        };
        if let Some(own) = own {
            self.expire(|flight| !flight.is_above());
            self.collection = Some(Collection::new(
                header,
                block,
                finalization.clone(),
                own,
                self.setup.snapshot_bytes_max,
            ));
        }
        let claim = self.claims.entry(from).or_default();
        *claim = header.height.max(*claim);
        if answer.parts.is_empty() {
            return self.finish(head);
        }
        self.collect(answer, head)
    }

    /// Parts of the state that is collected.
    fn parts(
        &mut self,
        from: u8,
        block: &Hash,
        answer: &PartsAnswer,
        head: (u64, Hash),
        now: Instant,
    ) -> Result<SyncStep, SyncError> {
        if self.collection.as_ref().map(|open| &open.block) != Some(block) {
            return Ok(SyncStep::Late);
        }
        let answered = self
            .flights
            .iter()
            .position(|flight| flight.to == from && flight.asks_for(answer));
        let Some(answered) = answered else {
            return Ok(SyncStep::Late);
        };
        let answered = self.flights.remove(answered);
        let step = self.collect(answer, head);
        // What it did not bring, or brought wrongly, may be asked again.
        if let Some(open) = &mut self.collection {
            open.expire(&answered.fetch);
        }
        if step.is_ok() {
            // What queues behind it on his link has its time from now on.
            for flight in self.flights.iter_mut().filter(|flight| flight.to == from) {
                flight.deadline = now + self.setup.fetch_timeout;
            }
        }
        step
    }

    fn collect(&mut self, answer: &PartsAnswer, head: (u64, Hash)) -> Result<SyncStep, SyncError> {
        if let Some(open) = &mut self.collection
            && let Err(error) = open.receive(answer)
        {
            if error.is_too_large() {
                // No other member has less of it: what is above the head is asked for anew.
                self.collection = None;
                self.flights.retain(Flight::is_above);
            }
            return Err(error.into());
        }
        self.finish(head)
    }

    /// Gives the collected state out, if it is whole.
    fn finish(&mut self, head: (u64, Hash)) -> Result<SyncStep, SyncError> {
        let whole = self.collection.as_ref().and_then(Collection::finish);
        let Some((header, finalization, state)) = whole else {
            return Ok(SyncStep::More);
        };
        self.collection = None;
        self.flights.clear();
        // The finalization was verified when the collection began.
        let known = |_: &Certificate| true;
        let epoch = self.setup.epoch;
        Self::validate_state(&state, &header, &finalization, head, &known, epoch)?;
        Ok(SyncStep::State {
            header,
            finalization,
            state,
        })
    }

    fn next_part(&mut self) -> Option<(u8, Fetch)> {
        let height = self.collection.as_ref()?.header.height;
        let out = |member: u8| self.flights.iter().filter(|it| it.to == member).count();
        // Whoever has least to do.
        let to = self
            .claims
            .iter()
            .filter(|(member, claim)| **claim >= height && self.reachable.contains(member))
            .map(|(member, _)| *member)
            .filter(|member| out(*member) < PER_MEMBER_MAX)
            .min_by_key(|member| (out(*member), member.wrapping_sub(self.next)))?;
        Some((to, self.collection.as_mut()?.request()?))
    }

    fn next_above(&mut self, head: (u64, Hash)) -> Option<(u8, Fetch)> {
        if !self.flights.is_empty() {
            return None;
        }
        let once = self.once.take();
        let ahead = self
            .claims
            .iter()
            .filter(|(_, claim)| **claim > head.0)
            .map(|(member, _)| *member);
        let to = once
            .into_iter()
            .chain(ahead)
            .filter(|member| self.reachable.contains(member))
            .min_by_key(|member| (Some(*member) != once, member.wrapping_sub(self.next)))?;
        let fetch = Fetch::Above {
            height: head.0,
            block: head.1,
            executes: self.setup.executes,
        };
        Some((to, fetch))
    }

    /// Believes nothing that `member` claimed, and asks others for what he was asked.
    fn distrust(&mut self, member: u8) {
        self.claims.remove(&member);
        self.expire(|flight| flight.to == member);
        self.next = member.wrapping_add(1);
    }

    fn expire(&mut self, gone: impl Fn(&Flight) -> bool) {
        let collection = &mut self.collection;
        self.flights.retain(|flight| {
            let gone = gone(flight);
            if gone && let Some(open) = collection {
                open.expire(&flight.fetch);
            }
            !gone
        });
    }

    /// Once the head has passed it, a snapshot is of no use.
    fn forget_collection(&mut self, height: u64) {
        let passed = self
            .collection
            .take_if(|open| open.header.height <= height)
            .is_some();
        if passed {
            self.flights.retain(Flight::is_above);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
