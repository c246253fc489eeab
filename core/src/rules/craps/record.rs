//! Seats, dice and phase: everything about the table that is not chips.

use serde::{Deserialize, Serialize};

use crate::rules::members::Members;
use crate::wire::{BoundedVec, MEMBERS_MAX};

/// Everything about the table that is not chips: one entry of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) members: u8,
    pub(super) seats: BoundedVec<Option<u8>, MEMBERS_MAX>,
    pub(super) shooter: Option<u8>,
    pub(super) point: Option<u8>,
    pub(super) dice_in_the_air: bool,
    pub(super) turn: u64,
    pub(super) throws: u64,
    pub(super) skips: Members,
    pub(super) away: Members,
}

impl Record {
    /// An empty table.
    pub(super) fn new(members: u8) -> Self {
        Self {
            members,
            seats: BoundedVec::new(),
            shooter: None,
            point: None,
            dice_in_the_air: false,
            turn: 0,
            throws: 0,
            skips: Members::default(),
            away: Members::default(),
        }
    }

    pub(super) fn is_seated(&self, member: u8) -> bool {
        self.seats.contains(&Some(member))
    }

    /// Takes the first free position. The first to sit gets the dice.
    pub(super) fn sit(&mut self, member: u8) {
        let mut seats = std::mem::take(&mut self.seats).into_vec();
        match seats.iter_mut().find(|seat| seat.is_none()) {
            Some(free) => *free = Some(member),
            None => seats.push(Some(member)),
        }
        self.seats = BoundedVec::truncating(seats);
        if self.shooter.is_none() {
            self.shooter = Some(member);
            self.next_turn();
        }
    }

    /// Leaves the position. The dice move on; with nobody left the table is new.
    pub(super) fn stand(&mut self, member: u8) {
        if self.shooter == Some(member) {
            self.pass_dice_beyond(|seated| seated != member);
        }
        let mut seats = std::mem::take(&mut self.seats).into_vec();
        for seat in &mut seats {
            if *seat == Some(member) {
                *seat = None;
            }
        }
        while seats.last() == Some(&None) {
            seats.pop();
        }
        self.seats = BoundedVec::truncating(seats);
        if self.shooter.is_none() {
            self.point = None;
        }
    }

    /// The dice go to the next position whose player is not away; where all are, to the next.
    pub(super) fn pass_dice(&mut self) {
        self.pass_dice_beyond(|_| true);
    }

    fn pass_dice_beyond(&mut self, may_shoot: impl Fn(u8) -> bool) {
        let Some(shooter) = self.shooter else { return };
        let at = self.seats.iter().position(|seat| *seat == Some(shooter));
        let after = at.map_or(0, |at| at + 1);
        let around = self.seats[after..].iter().chain(&self.seats[..after]);
        let seated: Vec<u8> = around
            .filter_map(|seat| *seat)
            .filter(|member| may_shoot(*member))
            .collect();
        let next = seated
            .iter()
            .find(|member| !self.away.has(**member))
            .or(seated.first());
        self.shooter = next.copied();
        self.next_turn();
    }

    pub(super) fn next_turn(&mut self) {
        self.turn = self.turn.saturating_add(1);
        self.skips = Members::default();
    }
}

/// The point after a throw of `total`.
pub(super) fn point_after(point: Option<u8>, total: u8) -> Option<u8> {
    match (point, total) {
        (None, 4 | 5 | 6 | 8 | 9 | 10) => Some(total),
        (None, _) | (Some(_), 7) => None,
        (Some(point), _) => (point != total).then_some(point),
    }
}
