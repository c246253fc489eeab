//! The tally: a counter of the group that needs no agreement.
//!
//! Each member signs the running totals of what he added and what he subtracted; the highest count
//! of each run of each member stands, and the value is their sum. So it counts without a quorum and
//! in every part of a split table, and the parts add up as soon as they meet. A run is the
//! numbering of one store: who loses his store starts another one, and what he counted before stays.
//!
//! A count is shown at once, stored, and only then sent (C8): what a crash takes nobody has seen but
//! its author, who sees that it is gone. Counts spread like actions. Whoever counted asks the members
//! in reach where they stand until all of them hold it; then the table is silent. Phones that meet
//! compare digests, and only where these differ do counts travel.
//!
//! What a liar can do is to say anything of himself: his totals go as high as
//! [`TALLY_TOTAL_MAX`] for each of [`TALLY_RUNS_MAX`] runs, or stay as low as he likes. He cannot
//! touch what others counted, and he cannot keep two phones at different values: whatever he signs,
//! phones that hold the same counts show the same. What needs more trust than this is counted by
//! agreement.

mod totals;

use std::collections::{BTreeMap, BTreeSet};

use self::totals::{Merged, Totals};
use crate::config::GroupConfig;
use crate::crypto::Identity;
use crate::error::{CommandError, PeerFault};
use crate::id::{GroupId, PeerId, RunId};
use crate::outbox::{Outbox, Record};
use crate::time::{Duration, Instant};
use crate::wire::{
    BoundedVec, Count, Counts, SignedCount, TALLY_RUNS_MAX, TALLY_TOTAL_MAX, decode, encode,
};

/// What a tally needs to know.
#[derive(Clone, Debug)]
pub struct TallySetup {
    /// Who this phone is.
    pub identity: Identity,
    /// Its index among the members.
    pub own: u8,
    /// The numbering of its store.
    pub run: RunId,
    /// The group.
    pub group: GroupId,
    /// Its members, by index.
    pub members: Vec<PeerId>,
}

/// A wish of a tally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TallyOutput {
    /// To be stored.
    Store {
        /// Named again by [`Tally::stored`], none where nothing waits for it.
        sequence: Option<u64>,
        /// The count that stands.
        put: Record,
    },
    /// To be removed from the store: a count that stands no more.
    Forget(Vec<u8>),
    /// Counts of one author, to all members.
    Spread {
        /// Whose counts they are.
        author: u8,
        /// The counts.
        counts: Counts,
    },
    /// To one member who holds other counts.
    Send {
        /// To whom.
        to: u8,
        /// The counts.
        counts: Counts,
    },
    /// A member may not hold what was counted here: he is to say where he stands.
    Ask {
        /// Whom.
        to: u8,
    },
    /// The value that is shown changed.
    Value(i64),
    /// Somebody broke a rule.
    Fault {
        /// Who, where it is proved.
        peer: Option<PeerId>,
        /// Which.
        fault: PeerFault,
    },
}

/// The tally of one group on one phone.
#[derive(Debug)]
pub struct Tally {
    setup: TallySetup,
    /// What may be sent: others' counts, and own ones that are stored.
    totals: Totals,
    /// What this phone counted in its run, stored or not.
    own: Count,
    /// How far of it this phone was told, by its store at the start or by others since.
    told: Count,
    /// The own count on its way into the store. One at a time: whatever is counted meanwhile follows in
    /// the next one, so that a slow store is never behind by more.
    storing: Option<(u64, SignedCount)>,
    next_sequence: u64,
    /// Counts to be spread.
    news: BTreeSet<(u8, RunId)>,
    /// The earliest time of the next spreading.
    spread_from: Instant,
    spread_min: Duration,
    /// Members that are not known to hold the own count.
    owed: BTreeSet<u8>,
    reachable: BTreeSet<u8>,
    ask_at: Option<Instant>,
    ask_pause: Duration,
    pause_min: Duration,
    pause_max: Duration,
    /// When a member may be sent all counts again, and the pause after that.
    offers: BTreeMap<u8, (Instant, Duration)>,
    shown: i64,
}

impl Tally {
    /// A tally with what `records` hold of it.
    pub fn new(setup: TallySetup, config: &GroupConfig, records: &[Record], now: Instant) -> Self {
        let mut totals = Totals::default();
        let mut run = setup.run;
        for record in records {
            let Some((author, of)) = run_of(&record.key) else {
                continue;
            };
            match read(&setup, author, of, &record.value) {
                Some(signed) => {
                    totals.merge(signed);
                }
                // How far this run was told is forgotten. Another one, always the same, counts from
                // zero beside it; others still know the old one.
                None if author == setup.own && of == setup.run => run = next_run(&setup),
                None => {}
            }
        }
        let setup = TallySetup { run, ..setup };
        let own = totals
            .get(setup.own, run)
            .map_or_else(|| zero(&setup), |signed| signed.count);
        let owed = if own == zero(&setup) {
            BTreeSet::new()
        } else {
            others(&setup)
        };
        let mut tally = Self {
            setup,
            totals,
            own,
            told: own,
            storing: None,
            next_sequence: 0,
            news: BTreeSet::new(),
            spread_from: now,
            spread_min: config.tally_spread_min,
            owed,
            reachable: BTreeSet::new(),
            ask_at: None,
            ask_pause: config.repeat_min,
            pause_min: config.repeat_min,
            pause_max: config.repeat_max,
            offers: BTreeMap::new(),
            shown: 0,
        };
        tally.shown = tally.value();
        tally
    }

    /// Adds `amount`, which may be negative: shown at once, sent when it is stored.
    pub fn count(
        &mut self,
        amount: i64,
        out: &mut Outbox<TallyOutput>,
    ) -> Result<(), CommandError> {
        if amount == 0 {
            return Ok(());
        }
        if !self.totals.has_room(self.setup.own, self.setup.run) {
            return Err(CommandError::TooManyRuns {
                max: TALLY_RUNS_MAX,
            });
        }
        let total = if amount > 0 {
            &mut self.own.added
        } else {
            &mut self.own.subtracted
        };
        *total = total
            .checked_add(amount.unsigned_abs())
            .filter(|sum| *sum <= TALLY_TOTAL_MAX)
            .ok_or(CommandError::TallyFull {
                total: *total,
                max: TALLY_TOTAL_MAX,
            })?;
        self.store_own(out);
        Ok(())
    }

    fn store_own(&mut self, out: &mut Outbox<TallyOutput>) {
        if self.storing.is_some() {
            return;
        }
        let signed = self.own.sign(self.setup.group, &self.setup.identity);
        self.next_sequence += 1;
        self.storing = Some((self.next_sequence, signed));
        out.push(TallyOutput::Store {
            sequence: Some(self.next_sequence),
            put: record(&signed),
        });
    }

    /// The own count is durable: only now does it leave (C8).
    pub fn stored(&mut self, sequence: u64, out: &mut Outbox<TallyOutput>) {
        let Some((_, signed)) = self.storing.take_if(|(waits, _)| *waits == sequence) else {
            return;
        };
        if self.own != signed.count {
            self.store_own(out);
        }
        if let Merged::New { dropped } = self.totals.merge(signed) {
            self.news.insert((self.setup.own, self.setup.run));
            out.extend(dropped.map(|run| TallyOutput::Forget(key(self.setup.own, run))));
            self.owed = others(&self.setup);
            self.ask_at = None;
            self.ask_pause = self.pause_min;
        }
    }

    /// Counts that a member sent, or whoever claims to be one: each is believed by its author's
    /// signature. A member who shows all that he holds gets what he lacks.
    pub fn receive(
        &mut self,
        from: Option<u8>,
        message: Counts,
        now: Instant,
        out: &mut Outbox<TallyOutput>,
    ) {
        let Counts { all, counts } = message;
        let mut theirs = Totals::default();
        for signed in counts.into_vec() {
            theirs.merge(signed);
            if let Err((peer, fault)) = self.take(signed, out) {
                out.push(TallyOutput::Fault { peer, fault });
            }
        }
        if let Some(from) = from.filter(|_| all) {
            let lacks = self.totals.iter().copied();
            let lacks = lacks.filter(|signed| matches!(theirs.merge(*signed), Merged::New { .. }));
            let lacks: Vec<SignedCount> = lacks.collect();
            self.offer(from, false, lacks, now, out);
        }
    }

    /// A member said what he holds. Where that is something else he is shown all that is held here,
    /// unless he asked and will show his.
    pub fn heard(
        &mut self,
        from: u8,
        digest: u64,
        asks: bool,
        now: Instant,
        out: &mut Outbox<TallyOutput>,
    ) {
        if digest == self.digest() {
            self.owed.remove(&from);
            self.offers.remove(&from);
        } else if !asks {
            let all = self.totals.iter().copied().collect();
            self.offer(from, true, all, now, out);
        }
    }

    /// Members that can be reached now.
    pub fn reachable(&mut self, reachable: BTreeSet<u8>) {
        if reachable != self.reachable {
            // Who is back is asked soon, and gets what he lacks.
            for came in reachable.difference(&self.reachable) {
                self.offers.remove(came);
            }
            self.ask_at = None;
            self.ask_pause = self.pause_min;
            self.reachable = reachable;
        }
    }

    /// Asks those who may lack the own count, once it is time.
    pub fn timeout(&mut self, now: Instant, out: &mut Outbox<TallyOutput>) {
        if self.ask_at.is_some_and(|at| at <= now) {
            self.ask_at = None;
            for to in self.owed.intersection(&self.reachable) {
                out.push(TallyOutput::Ask { to: *to });
            }
            self.ask_pause = (self.ask_pause * 2).min(self.pause_max);
        }
    }

    /// Ends an input: spreads and shows what is new.
    pub fn flush(&mut self, now: Instant, out: &mut Outbox<TallyOutput>) {
        if self.spread_from <= now && !self.news.is_empty() {
            self.spread_from = now + self.spread_min;
            let mut by_author: BTreeMap<u8, Vec<SignedCount>> = BTreeMap::new();
            for (author, run) in std::mem::take(&mut self.news) {
                let signed = self.totals.get(author, run).copied();
                by_author.entry(author).or_default().extend(signed);
            }
            for (author, counts) in by_author {
                let counts = Counts {
                    all: false,
                    counts: BoundedVec::truncating(counts),
                };
                out.push(TallyOutput::Spread { author, counts });
            }
        }
        if self.owed.is_disjoint(&self.reachable) {
            self.ask_at = None;
            self.ask_pause = self.pause_min;
        } else if self.ask_at.is_none() {
            self.ask_at = Some(now + self.ask_pause);
        }
        let value = self.value();
        if std::mem::replace(&mut self.shown, value) != value {
            out.push(TallyOutput::Value(value));
        }
    }

    /// When to call [`Tally::timeout`] and [`Tally::flush`], and why.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        let spread = (!self.news.is_empty())
            .then_some((self.spread_from, "counts that were spread a moment ago"));
        let ask = self
            .ask_at
            .map(|at| (at, "members that may lack what was counted"));
        spread.into_iter().chain(ask).min()
    }

    /// What is shown: everybody's counts, with own ones that are not stored yet.
    pub fn value(&self) -> i64 {
        (0..self.setup.members.len())
            .filter_map(|index| u8::try_from(index).ok())
            .map(|index| self.value_of(index))
            .sum()
    }

    /// What one member counted, over all his runs.
    pub fn value_of(&self, author: u8) -> i64 {
        let runs = self.totals.runs(author);
        let stored = runs.filter_map(|run| self.totals.get(author, run));
        let mut value: i64 = stored.map(|signed| net(&signed.count)).sum();
        if author == self.setup.own && self.totals.has_room(author, self.setup.run) {
            let stored = self.totals.get(author, self.setup.run);
            value += net(&self.own) - stored.map_or(0, |signed| net(&signed.count));
        }
        value
    }

    /// Names what may be sent from here: equal on phones that hold the same, 0 before anybody counted.
    pub fn digest(&self) -> u64 {
        self.totals.digest()
    }

    /// Members in reach that are not known to hold what was counted here.
    pub fn waiting_for(&self) -> Vec<u8> {
        self.owed.intersection(&self.reachable).copied().collect()
    }

    /// Whether own counts wait for the store.
    pub fn is_storing(&self) -> bool {
        self.storing.is_some()
    }

    /// Sends counts to a member, with pauses that double until he holds the same: whatever he says,
    /// it does not fill the links.
    fn offer(
        &mut self,
        to: u8,
        all: bool,
        counts: Vec<SignedCount>,
        now: Instant,
        out: &mut Outbox<TallyOutput>,
    ) {
        let first = (now, self.pause_min);
        let (at, pause) = self.offers.get(&to).copied().unwrap_or(first);
        // Who holds nothing at all still shows it, so that he gets what there is.
        if at > now || counts.is_empty() && !all {
            return;
        }
        let next = (pause * 2).min(self.pause_max);
        self.offers.insert(to, (now + pause, next));
        let counts = Counts {
            all,
            counts: BoundedVec::truncating(counts),
        };
        out.push(TallyOutput::Send { to, counts });
    }

    fn take(
        &mut self,
        signed: SignedCount,
        out: &mut Outbox<TallyOutput>,
    ) -> Result<(), (Option<PeerId>, PeerFault)> {
        let Count { author, run, .. } = signed.count;
        let peer = self.setup.members.get(usize::from(author)).copied();
        let peer = peer.ok_or((None, PeerFault::Tally("an author who is no member")))?;
        let known = self.totals.get(author, run);
        if known.is_some_and(|held| held.count == signed.count) {
            return Ok(());
        }
        if !signed.verify(self.setup.group, &peer, &**self.setup.identity.scheme()) {
            return Err((None, PeerFault::Signature));
        }
        if !is_within(&signed.count) {
            return Err((Some(peer), PeerFault::Tally("a total over its bound")));
        }
        match self.totals.merge(signed) {
            Merged::New { dropped } => {
                self.news.insert((author, run));
                out.push(TallyOutput::Store {
                    sequence: None,
                    put: record(&signed),
                });
                out.extend(dropped.map(|run| TallyOutput::Forget(key(author, run))));
                if author == self.setup.own && run == self.setup.run {
                    self.catch_up_with(&signed.count, out);
                }
                Ok(())
            }
            Merged::Known => Ok(()),
            Merged::TooManyRuns => {
                let fault = PeerFault::Tally("more runs than count");
                Err((Some(peer), fault))
            }
        }
    }

    /// Others know more of this run than this phone does: its store lost a write that it had
    /// promised. What they know stands, and what was counted since this phone was last told comes on
    /// top: nobody who knows more can have counted it in. At the bound the rest of it is lost.
    fn catch_up_with(&mut self, told: &Count, out: &mut Outbox<TallyOutput>) {
        let go_on = |own: &mut u64, before: &mut u64, told: u64| {
            let since = own.saturating_sub(*before);
            *before = (*before).max(told);
            *own = before.saturating_add(since).min(TALLY_TOTAL_MAX);
        };
        go_on(&mut self.own.added, &mut self.told.added, told.added);
        let subtracted = (&mut self.own.subtracted, &mut self.told.subtracted);
        go_on(subtracted.0, subtracted.1, told.subtracted);
        if self.own != *told {
            self.store_own(out);
        }
    }
}

/// The key of a run's count, relative to the group.
fn key(author: u8, run: RunId) -> Vec<u8> {
    [&[KEY, author][..], &run.0.to_be_bytes()].concat()
}

fn run_of(key: &[u8]) -> Option<(u8, RunId)> {
    let (head, run) = key.split_at_checked(2)?;
    let run = u64::from_be_bytes(run.try_into().ok()?);
    (head[0] == KEY).then_some((head[1], RunId(run)))
}

fn record(signed: &SignedCount) -> Record {
    Record {
        key: key(signed.count.author, signed.count.run),
        value: encode(signed),
    }
}

/// A stored count, if it is what its key says and its author signed it.
fn read(setup: &TallySetup, author: u8, run: RunId, value: &[u8]) -> Option<SignedCount> {
    let signed: SignedCount = decode(value, usize::MAX).ok()?;
    let peer = setup.members.get(usize::from(author))?;
    let fits = signed.count.author == author && signed.count.run == run;
    let genuine = fits
        && is_within(&signed.count)
        && signed.verify(setup.group, peer, &**setup.identity.scheme());
    genuine.then_some(signed)
}

/// The run that counts where the count of the store's own one cannot be read.
fn next_run(setup: &TallySetup) -> RunId {
    let run = setup.run.0.to_be_bytes();
    RunId(setup.identity.derive("tally run", &run).prefix_u64())
}

fn zero(setup: &TallySetup) -> Count {
    Count {
        author: setup.own,
        run: setup.run,
        added: 0,
        subtracted: 0,
    }
}

fn others(setup: &TallySetup) -> BTreeSet<u8> {
    let all = (0u8..).zip(&setup.members).map(|(index, _)| index);
    all.filter(|index| *index != setup.own).collect()
}

fn is_within(count: &Count) -> bool {
    count.added <= TALLY_TOTAL_MAX && count.subtracted <= TALLY_TOTAL_MAX
}

/// What a count is worth; both totals are within their bound.
fn net(count: &Count) -> i64 {
    count.added.cast_signed() - count.subtracted.cast_signed()
}

const KEY: u8 = b'T';

#[cfg(test)]
mod tests;
