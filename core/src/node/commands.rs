//! Wishes of the user, each carried out or refused with what to do about it.

use std::sync::Arc;

use super::running::Running;
use super::tables::Table;
use super::{Command, Done, Node, draw_seed};
use crate::error::CommandError;
use crate::group::{
    Gathering, HashChain, JoinSetup, Replica, ReplicaOutput, TableSetup, Ticket, genesis_state,
};
use crate::id::GroupId;
use crate::outbox::Outbox;
use crate::rules::Rules;
use crate::time::Instant;
use crate::wire::{Bytes, Genesis};

impl Node {
    pub(super) fn table_command(
        &mut self,
        command: Command,
        now: Instant,
    ) -> Result<Done, CommandError> {
        match command {
            Command::OpenTable {
                name,
                rules,
                rules_config,
                mode,
            } => {
                let mut group = GroupId(self.random_16());
                while self.group_of(&group.0).is_some() {
                    group = GroupId(self.random_16());
                }
                let setup = TableSetup {
                    identity: self.identity.clone(),
                    config: self.config.group.clone(),
                    name,
                    rules: self.rules_named(&rules)?,
                    rules_config,
                    mode,
                    tip: HashChain::new(&self.identity, group).tip(),
                    group,
                    ticket_seed: draw_seed(&mut self.rng),
                };
                let mut out = Outbox::new();
                let (gathering, ticket) = Gathering::open(setup, &mut out)?;
                self.opened.insert(group);
                self.insert_gathering(group, gathering, out, now);
                Ok(Done::Opened {
                    group,
                    ticket: ticket.to_string(),
                })
            }
            Command::JoinTable { ticket, name } => {
                let ticket: Ticket = ticket.parse()?;
                let group = ticket.group;
                if self.tables.contains_key(&group) {
                    return Err(CommandError::AlreadyJoined);
                }
                if self.group_of(&group.0).is_some() {
                    return Err(CommandError::BadTicket(
                        "another table here has its short name",
                    ));
                }
                let setup = JoinSetup {
                    identity: self.identity.clone(),
                    config: self.config.group.clone(),
                    ticket,
                    name,
                    tip: HashChain::new(&self.identity, group).tip(),
                    nonce: self.random_16(),
                    rules: self.rules_ids(),
                };
                let mut out = Outbox::new();
                let gathering = Gathering::join(setup, &mut out)?;
                self.insert_gathering(group, gathering, out, now);
                Ok(Done::Joined { group })
            }
            Command::StartTable { group } => {
                let table = self
                    .tables
                    .get_mut(&group)
                    .ok_or(CommandError::UnknownGroup(group))?;
                let gathering = table.gathering.as_mut().ok_or(CommandError::TableStarted)?;
                let rules = &self.config.rules;
                let root = |genesis: &Genesis| {
                    let rules = find_rules(rules, &genesis.rules.name)?;
                    let state = genesis_state(genesis, rules.as_ref()).map_err(|refused| {
                        let words = rules.describe(refused.code, &refused.detail);
                        CommandError::BadRulesConfig(words)
                    })?;
                    Ok(state.root())
                };
                let mut out = Outbox::new();
                let genesis = gathering.start(&root, &mut out)?;
                self.start_replica(group, genesis, now);
                self.gathering_outputs(group, out, now);
                Ok(Done::Ok)
            }
            Command::Submit {
                group,
                payload,
                dependencies,
                validity,
            } => {
                let submission = self.with_replica(group, now, |replica, out| {
                    replica.submit(payload, dependencies, validity, out)
                })?;
                Ok(Done::Submitted { submission })
            }
            Command::Withdraw { group, submission } => {
                self.with_replica(group, now, |replica, out| replica.withdraw(submission, out))?;
                Ok(Done::Ok)
            }
            Command::Acknowledge { group, submission } => {
                self.with_replica(group, now, |replica, out| {
                    replica.acknowledge(submission, out)
                })?;
                Ok(Done::Ok)
            }
            Command::Seal {
                group,
                key,
                owner,
                plaintext,
            } => {
                let payload = self.seal(group, &key, &owner, &plaintext.0)?;
                Ok(Done::Sealed { payload })
            }
            Command::Count { group, amount } => {
                self.with_replica(group, now, |replica, out| replica.count(amount, out))?;
                Ok(Done::Ok)
            }
        }
    }

    /// Runs a command on a started group.
    fn with_replica<T>(
        &mut self,
        group: GroupId,
        now: Instant,
        command: impl FnOnce(&mut Replica, &mut Outbox<ReplicaOutput>) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let mut out = Outbox::new();
        let result = match self.tables.get_mut(&group) {
            Some(Table {
                running: Some(Running::Replica(replica)),
                ..
            }) => command(replica, &mut out),
            Some(Table {
                running: Some(Running::Follower(follower)),
                ..
            }) => Err(follower.refusal()),
            Some(_) => Err(CommandError::NotStarted),
            None => Err(CommandError::UnknownGroup(group)),
        };
        self.replica_outputs(group, out, now);
        result
    }

    fn rules_named(&self, name: &str) -> Result<Arc<dyn Rules>, CommandError> {
        find_rules(
            &self.config.rules,
            &Bytes::truncating(name.as_bytes().to_vec()),
        )
    }

    fn random_16(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        rand_core::Rng::fill_bytes(&mut self.rng, &mut bytes);
        bytes
    }
}

fn find_rules(known: &[Arc<dyn Rules>], name: &Bytes<32>) -> Result<Arc<dyn Rules>, CommandError> {
    known
        .iter()
        .find(|rules| rules.id().name == *name)
        .cloned()
        .ok_or_else(|| CommandError::UnknownRules(String::from_utf8_lossy(name).into_owned()))
}
