mod lifecycle;
mod properties;
mod soundness;

use super::proof::{sign_join, sign_roster, verify_genesis};
use super::*;
use crate::crypto::Signature;
use crate::crypto::seal::SealingSecret;
use crate::group::group_key;
use crate::rules::counter::Counter;
use crate::rules::craps::{Craps, CrapsConfig};
use crate::wire::EpochKey;
use crate::wire::{BoundedVec, MEMBERS_MAX, NAME_LEN_MAX, Roster, decode, encode};

const GROUP: GroupId = GroupId([7; 16]);
const SEED: [u8; 32] = [8; 32];
const ROOT: Hash = Hash([9; 32]);

fn identity(index: u8) -> Identity {
    Identity::new([100 + index; 32])
}

fn address(index: u8) -> MeshAddress {
    identity(index).peer().address()
}

fn tip(index: u8) -> Hash {
    Hash([50 + index; 32])
}

fn known_rules() -> Vec<RulesId> {
    crate::rules::built_in()
        .iter()
        .map(|rules| rules.id())
        .collect()
}

fn table_setup(name: &str) -> TableSetup {
    TableSetup {
        identity: identity(0),
        config: GroupConfig::default(),
        name: name.to_owned(),
        rules: Arc::new(Craps::new()),
        rules_config: CrapsConfig::default().encode(),
        mode: None,
        tip: tip(0),
        group: GROUP,
        ticket_seed: SEED,
    }
}

fn join_setup(index: u8) -> JoinSetup {
    JoinSetup {
        identity: identity(index),
        config: GroupConfig::default(),
        ticket: Ticket::new(GROUP, identity(0).peer(), SEED),
        name: format!("phone {index}"),
        tip: tip(index),
        nonce: [index; 16],
        rules: known_rules(),
    }
}

fn root(_: &Genesis) -> Result<Hash, CommandError> {
    Ok(ROOT)
}

/// One phone with what it put out.
struct Phone {
    gathering: Gathering,
    sent: Vec<(MeshAddress, GroupMessage)>,
    records: Vec<(u64, Vec<u8>)>,
    entries: Vec<Listed>,
    genesis: Option<SignedGenesis>,
    left_out: bool,
    faults: Vec<PeerFault>,
    store_works: bool,
}

impl Phone {
    fn new(gathering: Gathering, out: Outbox<GatheringOutput>) -> Self {
        let mut phone = Self {
            gathering,
            sent: Vec::new(),
            records: Vec::new(),
            entries: Vec::new(),
            genesis: None,
            left_out: false,
            faults: Vec::new(),
            store_works: true,
        };
        phone.drain(out, Instant::ZERO);
        phone
    }

    fn opener() -> Self {
        let mut out = Outbox::new();
        let (gathering, _) = Gathering::open(table_setup("Ann"), &mut out).unwrap();
        Self::new(gathering, out)
    }

    fn joiner(index: u8) -> Self {
        let mut out = Outbox::new();
        let gathering = Gathering::join(join_setup(index), &mut out).unwrap();
        Self::new(gathering, out)
    }

    /// The same phone after a crash: what was stored last is all that is left.
    fn restarted(&self, index: u8) -> Self {
        let (_, record) = self.records.last().expect("something was stored");
        let gathering = Gathering::restore(
            identity(index),
            GroupConfig::default(),
            known_rules(),
            record,
        );
        let mut phone = Self::new(gathering.unwrap(), Outbox::new());
        phone.records = self.records.clone();
        phone
    }

    fn handle(&mut self, input: GatheringInput, now: Instant) {
        let mut out = Outbox::new();
        self.gathering.handle(input, now, &mut out);
        self.drain(out, now);
    }

    fn receive(&mut self, origin: MeshAddress, message: GroupMessage, now: Instant) {
        let bytes = encode(&message);
        let message = decode(&bytes, crate::wire::MESSAGE_LEN_MAX).expect("it travels");
        self.handle(GatheringInput::Message { origin, message }, now);
    }

    fn reach(&mut self, indices: &[u8], now: Instant) {
        let reachable = indices.iter().map(|index| address(*index)).collect();
        self.handle(GatheringInput::Reachable(reachable), now);
    }

    fn started(&self) -> Option<&SignedGenesis> {
        match &self.gathering.side {
            Side::Opener(opener) => opener.kept.genesis.as_ref(),
            Side::Joiner(_) => None,
        }
    }

    fn start(&mut self, now: Instant) -> Result<SignedGenesis, CommandError> {
        let mut out = Outbox::new();
        let result = self.gathering.start(&root, &mut out);
        self.drain(out, now);
        result
    }

    fn drain(&mut self, mut out: Outbox<GatheringOutput>, now: Instant) {
        while let Some(output) = out.pop() {
            match output {
                GatheringOutput::Store { sequence, record } => {
                    self.records.push((sequence, record));
                    if self.store_works {
                        let mut more = Outbox::new();
                        self.gathering
                            .handle(GatheringInput::Stored(sequence), now, &mut more);
                        while let Some(output) = more.pop() {
                            out.push(output);
                        }
                    }
                }
                GatheringOutput::Send { to, message } => self.sent.push((to, message)),
                GatheringOutput::Entries(entries) => self.entries = entries,
                GatheringOutput::Genesis(genesis) => {
                    assert!(self.genesis.is_none(), "one genesis");
                    self.genesis = Some(genesis);
                }
                GatheringOutput::StartedWithoutUs => self.left_out = true,
                GatheringOutput::Fault(fault) => self.faults.push(fault),
            }
        }
    }

    fn sent_kinds(&mut self) -> Vec<(MeshAddress, &'static str)> {
        std::mem::take(&mut self.sent)
            .into_iter()
            .map(|(to, message)| {
                let kind = match message {
                    GroupMessage::Join(_) => "join",
                    GroupMessage::Roster(_) => "roster",
                    GroupMessage::Genesis(_) => "genesis",
                    other => panic!("{other:?}"),
                };
                (to, kind)
            })
            .collect()
    }
}

/// Opener and joiners with a network that delivers at once.
struct Room {
    phones: Vec<Phone>,
    now: Instant,
}

impl Room {
    fn new(joiners: u8) -> Self {
        let mut phones = vec![Phone::opener()];
        phones.extend((1..=joiners).map(Phone::joiner));
        let mut room = Self {
            phones,
            now: Instant::from_millis(1000),
        };
        room.meet();
        room
    }

    fn meet(&mut self) {
        let all: Vec<u8> = (0..self.phones.len() as u8).collect();
        for phone in &mut self.phones {
            phone.reach(&all, self.now);
        }
    }

    /// Delivers what `arrives` lets through until nothing is under way.
    fn deliver(&mut self, arrives: &mut dyn FnMut() -> bool) {
        loop {
            let mut under_way = Vec::new();
            for (from, phone) in self.phones.iter_mut().enumerate() {
                for (to, message) in phone.sent.drain(..) {
                    under_way.push((address(from as u8), to, message));
                }
            }
            if under_way.is_empty() {
                return;
            }
            for (from, to, message) in under_way {
                let index = (0..self.phones.len()).find(|index| address(*index as u8) == to);
                if let Some(index) = index.filter(|_| arrives()) {
                    self.phones[index].receive(from, message, self.now);
                }
            }
        }
    }

    fn settle(&mut self) {
        self.deliver(&mut || true);
    }

    /// Goes on to the next deadline of anybody; false when nobody waits.
    fn tick(&mut self) -> bool {
        let next = self
            .phones
            .iter()
            .filter_map(|phone| phone.gathering.deadline())
            .min();
        let Some((at, cause)) = next else {
            return false;
        };
        assert!(!cause.is_empty());
        self.now = self.now.max(at);
        for phone in &mut self.phones {
            phone.handle(GatheringInput::Timeout, self.now);
        }
        true
    }
}

fn names(phone: &Phone) -> Vec<&str> {
    phone
        .entries
        .iter()
        .map(|listed| listed.name.as_str())
        .collect()
}

fn join_request(setup: &JoinSetup) -> crate::wire::JoinRequest {
    sign_join(
        &setup.identity,
        &setup.ticket,
        Bytes::truncating(setup.name.clone().into_bytes()),
        setup.tip,
        setup.nonce,
        BoundedVec::truncating(setup.rules.clone()),
    )
}

fn genesis_of(indices: &[u8]) -> Genesis {
    let members = indices.iter().map(|index| RosterEntry {
        peer: identity(*index).peer(),
        name: Bytes::truncating(format!("phone {index}").into_bytes()),
        tip: tip(*index),
        sealing: SealingSecret::of(&identity(*index), &GROUP.0).public(),
        votes: true,
    });
    let mut genesis = Genesis {
        group: GROUP,
        members: BoundedVec::truncating(members.collect()),
        observers: BoundedVec::new(),
        rules: Craps::new().id(),
        rules_config: Bytes::new(),
        modes: proof::modes(None),
        draw_timeout_ms: 1,
        root: ROOT,
        key: EpochKey::default(),
    };
    if let Some(opener) = indices.first() {
        genesis.key = group_key::seal(&genesis, &identity(*opener));
    }
    genesis
}
