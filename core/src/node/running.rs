//! A started group on this node: one that it executes, or one that it can only follow.

use std::collections::BTreeSet;

use super::{View, WaitingFor};
use crate::crypto::group_key::GroupKey;
use crate::group::{Follower, Replica, ReplicaInput, ReplicaOutput};
use crate::id::MeshAddress;
use crate::outbox::Outbox;
use crate::time::Instant;

/// A started group.
#[derive(Debug)]
pub(super) enum Running {
    /// This phone executes it and votes.
    Replica(Box<Replica>),
    /// This phone lacks its rules.
    Follower(Box<Follower>),
}

impl Running {
    pub(super) fn handle(
        &mut self,
        input: ReplicaInput,
        now: Instant,
        out: &mut Outbox<ReplicaOutput>,
    ) {
        match self {
            Self::Replica(replica) => replica.handle(input, now, out),
            Self::Follower(follower) => follower.handle(input, now, out),
        }
    }

    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        match self {
            Self::Replica(replica) => replica.deadline(),
            Self::Follower(follower) => follower.deadline(),
        }
    }

    pub(super) fn view(&self) -> View {
        match self {
            Self::Replica(replica) => replica.view(),
            Self::Follower(follower) => follower.view(),
        }
    }

    pub(super) fn waiting_for(&self) -> Vec<WaitingFor> {
        match self {
            Self::Replica(replica) => replica.waiting_for(),
            Self::Follower(follower) => follower.waiting_for(),
        }
    }

    pub(super) fn addresses(&self) -> &BTreeSet<MeshAddress> {
        match self {
            Self::Replica(replica) => replica.addresses(),
            Self::Follower(follower) => follower.addresses(),
        }
    }

    /// The key of the group's epoch.
    pub(super) fn group_key(&self) -> Option<&GroupKey> {
        match self {
            Self::Replica(replica) => replica.group_key(),
            Self::Follower(follower) => follower.group_key(),
        }
    }

    /// The group as this phone executes it.
    pub(super) fn replica(&self) -> Option<&Replica> {
        match self {
            Self::Replica(replica) => Some(replica),
            Self::Follower(_) => None,
        }
    }
}
