//! Watches a run from outside: frames, absences, the live line.

use althing::Duration;

use crate::report::{Absence, Frame, Progress, Report};
use crate::world::World;

/// Between two looks at a run.
const LOOK: Duration = Duration::from_millis(250);

/// Watches one run.
pub(super) struct Watch<'a> {
    players: usize,
    quorum: usize,
    end_ms: u64,
    rolls_wanted: u64,
    frame_every_ms: i64,
    next_frame_ms: i64,
    frames: Vec<Frame>,
    away: Vec<Option<(i64, &'static str)>>,
    absences: Vec<Absence>,
    progress: &'a mut dyn FnMut(&Progress),
}

impl<'a> Watch<'a> {
    /// Watches the first `players` phones of a run that ends at `end_ms` at the latest.
    pub(super) fn new(
        players: usize,
        end_ms: u64,
        rolls_wanted: u64,
        frame_every: Duration,
        progress: &'a mut dyn FnMut(&Progress),
    ) -> Self {
        Self {
            players,
            quorum: super::quorum(players),
            end_ms,
            rolls_wanted,
            frame_every_ms: i64::try_from(frame_every.as_millis().max(1)).unwrap_or(i64::MAX),
            next_frame_ms: i64::MIN,
            frames: Vec::new(),
            away: vec![None; players],
            absences: Vec::new(),
            progress,
        }
    }

    /// Lets the world run for `time`, looking at it every quarter of a second.
    pub(super) fn run(&mut self, world: &mut World, time: Duration) {
        let until = world.now() + time;
        while world.now() < until {
            self.look(world);
            let next = (world.now() + LOOK).min(until);
            world.run_until(next);
        }
        self.look(world);
    }

    /// Looks at the world now.
    pub(super) fn look(&mut self, world: &World) {
        let now_ms = world.since_origin_ms();
        for phone in 0..self.players {
            let why = self.why_away(world, phone);
            match (self.away[phone], why) {
                (None, Some(why)) => self.away[phone] = Some((now_ms, why)),
                (Some((from_ms, before)), after) if Some(before) != after => {
                    self.absences.push(Absence {
                        phone,
                        from_ms,
                        to_ms: now_ms,
                        why: before,
                    });
                    self.away[phone] = after.map(|why| (now_ms, why));
                }
                (None | Some(_), _) => {}
            }
        }
        if now_ms >= self.next_frame_ms {
            self.next_frame_ms = now_ms + self.frame_every_ms;
            self.frames.push(world.frame(self.players));
            (self.progress)(&Progress {
                end_ms: self.end_ms,
                rolls_wanted: self.rolls_wanted,
                ..world.progress(self.players)
            });
        }
    }

    /// The report with what was watched.
    pub(super) fn report(mut self, world: &World) -> Report {
        let now_ms = world.since_origin_ms();
        self.next_frame_ms = i64::MIN;
        self.look(world);
        for (phone, away) in self.away.iter().enumerate() {
            if let Some((from_ms, why)) = *away {
                self.absences.push(Absence {
                    phone,
                    from_ms,
                    to_ms: now_ms,
                    why,
                });
            }
        }
        let mut report = world.report(self.players);
        report.frames = self.frames;
        report.absences = self.absences;
        report
    }

    fn why_away(&self, world: &World, phone: usize) -> Option<&'static str> {
        let this = world.phone(phone);
        if this.node().is_none() {
            return Some("crashed");
        }
        if !this.is_up() {
            return Some("radio off");
        }
        let within = world.within(phone);
        let players = within.iter().filter(|other| **other < self.players);
        (players.count() < self.quorum).then_some("out of reach")
    }
}
