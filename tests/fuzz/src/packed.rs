use althing::crypto::Hash;
use althing::id::{GroupId, PeerId, RunId};
use althing::rules::Rules;
use althing::rules::counter::Counter;
use althing::rules::craps::Craps;
use althing::sync::pack::{Known, Last, Nothing, Packing, Unpacked, pack, unpack};
use althing::wire::{MESSAGE_LEN_MAX, PackedActions, decode};

/// Members of the group; of the last one nothing is known.
const MEMBERS: u8 = 4;

/// Knows an action of everybody but the last member.
struct Some3;

impl Known for Some3 {
    fn last(&self, author: u8) -> Option<Last> {
        (author < MEMBERS - 1).then_some((RunId(7), 3, Hash([author; 32])))
    }
}

/// What `known` says of those whose actions a message does not anchor itself.
struct Only<'a> {
    known: &'a dyn Known,
    authors: [bool; MEMBERS as usize],
}

impl Known for Only<'_> {
    fn last(&self, author: u8) -> Option<Last> {
        let known = self.authors.get(usize::from(author)).copied();
        known.unwrap_or(false).then(|| self.known.last(author))?
    }
}

/// What unpacks is the one packed form of its actions, whatever the receiver knows.
pub fn packed(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else {
        return;
    };
    let Ok(packed) = decode::<PackedActions>(data, MESSAGE_LEN_MAX) else {
        return;
    };
    let craps = Craps::new();
    let rules: &dyn Rules = if kind & 1 == 0 { &craps } else { &Counter };
    let members: Vec<PeerId> = (0..MEMBERS).map(|member| PeerId([member; 32])).collect();
    let packing = Packing {
        group: GroupId([3; 16]),
        members: &members,
        rules,
    };
    let outcomes = [&Nothing as &dyn Known, &Some3].map(|known| again(packing, &packed, known));
    assert_eq!(
        outcomes[0], outcomes[1],
        "what is known does not decide whether a message is one"
    );
}

/// Unpacks, and packs again what is whole; whether it unpacked.
fn again(packing: Packing<'_>, packed: &PackedActions, known: &dyn Known) -> bool {
    let Ok(unpacked) = unpack(packing, packed, known) else {
        return false;
    };
    assert_eq!(unpacked.len(), packed.signatures.len());
    let mut only = Only {
        known,
        authors: [true; MEMBERS as usize],
    };
    let mut seen = [false; MEMBERS as usize];
    let mut actions = Vec::new();
    for one in unpacked {
        let Unpacked::Action {
            author,
            signed,
            anchored,
        } = one
        else {
            return true;
        };
        let index = usize::from(author);
        if !std::mem::replace(&mut seen[index], true) {
            only.authors[index] = !anchored;
        }
        actions.push(*signed);
    }
    if actions.is_empty() {
        return true;
    }
    let (back, taken) = pack(packing, &actions, &only, usize::MAX).expect("actions of members");
    assert_eq!(taken, actions.len(), "one message again");
    assert_eq!(back, *packed, "another packed form");
    true
}
