//! Between the core's words and the bridge's: every match is exhaustive, so that a new variant of the
//! core does not compile until the bridge has it.

use althing::ble;
use althing::id::{DeviceId, GroupId, LinkId, OpId, PeerId};
use althing::node;
use althing::state::Map;
use althing::wire;
use althing::{Duration, Instant};

use crate::error::AlthingError;
use crate::model::{
    ActionId, AdvertInterval, AppMode, Event, Fate, Head, LinkDownReason, Member, MemberTally,
    Mode, OperationResult, Outputs, PatchEntry, Pending, PowerState, RadioCommand, RadioEvent,
    Reason, Role, ScanDuty, StateEntry, Status, Tally, Validity, View, WaitingFor,
};
use crate::tentative::Tentative;

/// Converts a fieldless enum variant by variant.
macro_rules! same_variants {
    ($from:path => $to:path { $($variant:ident),+ }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value {
                    $(<$from>::$variant => Self::$variant,)+
                }
            }
        }
    };
}

same_variants!(Role => ble::Role { Central, Peripheral });
same_variants!(PowerState => ble::PowerState { On, Off, Unauthorised });
same_variants!(AppMode => ble::AppMode { Foreground, Background, LowPower });
same_variants!(OperationResult => ble::OperationResult { Done, Busy, Failed });
same_variants!(LinkDownReason => ble::LinkDownReason { Timeout, Remote, Local, Setup });
same_variants!(ble::ScanDuty => ScanDuty { High, Balanced, Low });
same_variants!(ble::AdvertInterval => AdvertInterval { Fast, Slow });
same_variants!(Mode => wire::Mode { Bft, Majority, Unanimous });

impl From<RadioEvent> for ble::RadioEvent {
    fn from(event: RadioEvent) -> Self {
        match event {
            RadioEvent::PowerChanged { state } => Self::PowerChanged(state.into()),
            RadioEvent::AppModeChanged { mode } => Self::AppModeChanged(mode.into()),
            RadioEvent::Discovered {
                device,
                advert,
                rssi,
            } => Self::Discovered {
                device: DeviceId(device),
                advert,
                rssi,
            },
            RadioEvent::LinkUp {
                link,
                device,
                role,
                value_len_max,
            } => Self::LinkUp {
                link: LinkId(link),
                device: DeviceId(device),
                role: role.into(),
                value_len_max,
            },
            RadioEvent::ValueLengthChanged {
                link,
                value_len_max,
            } => Self::ValueLengthChanged {
                link: LinkId(link),
                value_len_max,
            },
            RadioEvent::Ready { link } => Self::Ready { link: LinkId(link) },
            RadioEvent::ValueReceived { link, bytes } => Self::ValueReceived {
                link: LinkId(link),
                bytes,
            },
            RadioEvent::OperationCompleted { link, op, result } => Self::OperationCompleted {
                link: LinkId(link),
                op: OpId(op),
                result: result.into(),
            },
            RadioEvent::LinkDown { link, reason } => Self::LinkDown {
                link: LinkId(link),
                reason: reason.into(),
            },
            RadioEvent::ScanFailed => Self::ScanFailed,
            RadioEvent::AdvertisingFailed => Self::AdvertisingFailed,
        }
    }
}

impl From<ble::RadioCommand> for RadioCommand {
    fn from(command: ble::RadioCommand) -> Self {
        match command {
            ble::RadioCommand::Scan { duty } => Self::Scan { duty: duty.into() },
            ble::RadioCommand::StopScan => Self::StopScan,
            ble::RadioCommand::Advertise { advert, interval } => Self::Advertise {
                advert,
                interval: interval.into(),
            },
            ble::RadioCommand::StopAdvertising => Self::StopAdvertising,
            ble::RadioCommand::Connect { device } => Self::Connect { device: device.0 },
            ble::RadioCommand::Disconnect { link } => Self::Disconnect { link: link.0 },
            ble::RadioCommand::Write { link, op, bytes } => Self::Write {
                link: link.0,
                op: op.0,
                bytes,
            },
            ble::RadioCommand::Notify { link, op, bytes } => Self::Notify {
                link: link.0,
                op: op.0,
                bytes,
            },
        }
    }
}

impl From<Validity> for wire::Validity {
    fn from(validity: Validity) -> Self {
        let Validity {
            until_height,
            phase,
        } = validity;
        Self {
            until_height,
            phase,
        }
    }
}

impl From<wire::ActionId> for ActionId {
    fn from(id: wire::ActionId) -> Self {
        let wire::ActionId {
            author,
            run,
            number,
        } = id;
        Self {
            author: author.to_hex(),
            run: run.0,
            number,
        }
    }
}

impl From<node::Head> for Head {
    fn from(head: node::Head) -> Self {
        let node::Head {
            group,
            epoch,
            height,
            block,
        } = head;
        Self {
            group: group.to_hex(),
            epoch: epoch.to_hex(),
            height,
            block: block.to_hex(),
        }
    }
}

impl From<wire::Reason> for Reason {
    fn from(reason: wire::Reason) -> Self {
        match reason {
            wire::Reason::Rules { code, detail } => Self::Rules {
                code,
                detail: detail.into_vec(),
            },
            wire::Reason::NotMember => Self::NotMember,
            wire::Reason::Dependency { number } => Self::Dependency { number },
            wire::Reason::Expired => Self::Expired,
            wire::Reason::Equivocation => Self::Equivocation,
            wire::Reason::NotApplicable => Self::NotApplicable,
        }
    }
}

impl From<node::Fate> for Fate {
    fn from(fate: node::Fate) -> Self {
        match fate {
            node::Fate::Intent => Self::Intent,
            node::Fate::Pending => Self::Pending,
            node::Fate::Tentative => Self::Tentative,
            node::Fate::Committed { height } => Self::Committed { height },
            node::Fate::Rejected { height, reason } => Self::Rejected {
                height,
                reason: reason.into(),
            },
            node::Fate::Conflicted { reason } => Self::Conflicted {
                reason: reason.into(),
            },
            node::Fate::Unknown => Self::Unknown,
        }
    }
}

impl From<node::WaitingFor> for WaitingFor {
    fn from(waiting: node::WaitingFor) -> Self {
        let node::WaitingFor { what, whom } = waiting;
        Self {
            what: what.to_owned(),
            whom: hex_of(&whom),
        }
    }
}

impl From<node::Pending> for Pending {
    fn from(pending: node::Pending) -> Self {
        let node::Pending {
            submission,
            action,
            fate,
            payload,
        } = pending;
        Self {
            submission: submission.0,
            action: action.map(ActionId::from),
            fate: fate.into(),
            payload,
        }
    }
}

impl From<node::Tentative> for Tentative {
    fn from(tentative: node::Tentative) -> Self {
        let node::Tentative {
            action,
            payload,
            refused,
        } = tentative;
        Self {
            action: action.into(),
            payload,
            refused: refused.map(Reason::from),
        }
    }
}

impl From<node::PatchEntry> for PatchEntry {
    fn from(entry: node::PatchEntry) -> Self {
        let node::PatchEntry { key, old, new } = entry;
        Self { key, old, new }
    }
}

/// A status as seen at `now`.
fn status(status: node::Status, now: Instant) -> Status {
    match status {
        node::Status::Live => Status::Live,
        node::Status::Degraded { missing } => Status::Degraded {
            missing: hex_of(&missing),
        },
        node::Status::NoQuorum {
            with,
            missing,
            since,
        } => Status::NoQuorum {
            with: hex_of(&with),
            missing: hex_of(&missing),
            for_ms: whole_ms(now.since(since)),
        },
        node::Status::Healing => Status::Healing,
        node::Status::Diverged { evidence } => Status::Diverged { evidence },
    }
}

/// The tally of a group.
pub(crate) fn tally(tally: node::TallyView) -> Tally {
    let members = tally.members.into_iter();
    Tally {
        value: tally.value,
        members: members
            .map(|(peer, value)| MemberTally {
                peer: peer.to_hex(),
                value,
            })
            .collect(),
    }
}

/// An event as seen at `now`.
fn event(event: node::Event, now: Instant) -> Event {
    match event {
        node::Event::Gathering { group, entries } => Event::Gathering {
            group: group.to_hex(),
            entries: entries
                .into_iter()
                .map(|listed| Member {
                    peer: listed.peer.to_hex(),
                    name: listed.name,
                    safety_code: Some(listed.code),
                    votes: listed.votes,
                })
                .collect(),
        },
        node::Event::RulesVersion { group, have, need } => Event::RulesVersion {
            group: group.to_hex(),
            have,
            need,
        },
        node::Event::TableStarted { group } => Event::TableStarted {
            group: group.to_hex(),
        },
        node::Event::Started { group } => Event::Started {
            group: group.to_hex(),
        },
        node::Event::View {
            head,
            patches,
            pending,
        } => Event::View {
            head: head.into(),
            patches: patches.into_iter().map(PatchEntry::from).collect(),
            pending: pending.into_iter().map(Pending::from).collect(),
        },
        node::Event::Fate {
            group,
            submission,
            fate,
        } => Event::Fate {
            group: group.to_hex(),
            submission: submission.0,
            fate: fate.into(),
        },
        node::Event::Committed {
            head,
            applied,
            refused,
        } => Event::Committed {
            head: head.into(),
            applied: applied.into_iter().map(ActionId::from).collect(),
            refused: refused.into_iter().map(ActionId::from).collect(),
        },
        node::Event::Status {
            group,
            status: new_status,
        } => Event::Status {
            group: group.to_hex(),
            status: status(new_status, now),
        },
        node::Event::Evidence { group, peer, what } => Event::Evidence {
            group: group.to_hex(),
            peer: peer.to_hex(),
            what,
        },
        node::Event::PeerFault { link, peer, fault } => Event::PeerFault {
            link: link.map(|link| link.0),
            peer: peer.map(|peer| peer.to_hex()),
            fault: fault.to_string(),
        },
        node::Event::NeighbourUp { link, peer } => Event::NeighbourUp {
            link: link.0,
            peer: peer.to_hex(),
        },
        node::Event::NeighbourDown { link, peer } => Event::NeighbourDown {
            link: link.0,
            peer: peer.to_hex(),
        },
        node::Event::StoreFailed { fault } => Event::StoreFailed {
            fault: fault.to_string(),
        },
        node::Event::Recovery { group, peer, stage } => Event::Recovery {
            group: group.to_hex(),
            peer: peer.to_hex(),
            stage: stage.into(),
        },
        node::Event::Tally { group, value } => Event::Tally {
            group: group.to_hex(),
            value,
        },
        node::Event::Resync {
            group,
            peer,
            height,
            target,
        } => Event::Resync {
            group: group.to_hex(),
            peer: peer.to_hex(),
            height,
            target,
        },
    }
}

/// The outputs of one call, made at `now`.
pub(crate) fn outputs(outputs: althing_driver::Outputs, now: Instant) -> Outputs {
    let althing_driver::Outputs {
        radio,
        events,
        wake_after,
        wake_cause: _,
    } = outputs;
    Outputs {
        radio: radio.into_iter().map(RadioCommand::from).collect(),
        events: events.into_iter().map(|new| event(new, now)).collect(),
        wake_after_ms: wake_after.map(whole_ms),
    }
}

/// A view as seen at `now`.
pub(crate) fn view(view: node::View, now: Instant) -> View {
    let node::View {
        head,
        status: present,
        members,
        observers,
        state,
        committed: _,
        pending,
        tentative,
        waiting_for,
    } = view;
    View {
        head: head.into(),
        status: status(present, now),
        members: members
            .into_iter()
            .map(|member| (member, true))
            .chain(observers.into_iter().map(|observer| (observer, false)))
            .map(|((peer, name), votes)| Member {
                peer: peer.to_hex(),
                name,
                safety_code: None,
                votes,
            })
            .collect(),
        state: entries(&state),
        pending: pending.into_iter().map(Pending::from).collect(),
        tentative: tentative.into_iter().map(Tentative::from).collect(),
        waiting_for: waiting_for.into_iter().map(WaitingFor::from).collect(),
    }
}

/// The entries of a state, by ascending key.
pub(crate) fn entries(map: &Map) -> Vec<StateEntry> {
    map.iter()
        .map(|(key, value)| StateEntry {
            key: key.as_bytes().to_vec(),
            value: value.to_vec(),
        })
        .collect()
}

/// The group that `id` names.
pub(crate) fn group(id: &str) -> Result<GroupId, AlthingError> {
    let bytes = unhex(id);
    bytes
        .map(GroupId)
        .ok_or_else(|| AlthingError::BadId { id: id.to_owned() })
}

/// The peer that `id` names.
pub(crate) fn peer(id: &str) -> Result<PeerId, AlthingError> {
    let bytes = unhex(id);
    bytes
        .map(PeerId)
        .ok_or_else(|| AlthingError::BadPeer { id: id.to_owned() })
}

fn unhex<const N: usize>(id: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = id.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok())
        .collect();
    bytes
        .filter(|_| rest.is_empty())
        .and_then(|bytes| bytes.try_into().ok())
}

/// 32 bytes of an argument called `what`.
pub(crate) fn key(what: &str, bytes: &[u8]) -> Result<[u8; 32], AlthingError> {
    bytes.try_into().map_err(|_| AlthingError::BadLength {
        what: what.to_owned(),
        have: bytes.len() as u64,
        need: 32,
    })
}

fn hex_of(peers: &[PeerId]) -> Vec<String> {
    peers.iter().map(PeerId::to_hex).collect()
}

/// Milliseconds, rounded up: a timer that is early would fire in vain.
fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_survive_their_text() {
        let id = GroupId(std::array::from_fn(|index| {
            u8::try_from(index * 17).expect("at most 255")
        }));
        assert_eq!(group(&id.to_hex()), Ok(id));
        assert_eq!(group(&id.to_hex().to_uppercase()), Ok(id));
        let text = id.to_hex();
        for bad in ["", "0", &text[..30], &text[..31], &format!("{text}00"), "é"] {
            assert!(group(bad).is_err(), "{bad}");
        }
        assert!(group(&text.replace('f', "g")).is_err());
    }

    #[test]
    fn keys_have_32_bytes() {
        assert_eq!(key("seed", &[7; 32]), Ok([7; 32]));
        for len in [0, 31, 33] {
            assert_eq!(
                key("seed", &vec![7; len]),
                Err(AlthingError::BadLength {
                    what: "seed".to_owned(),
                    have: len as u64,
                    need: 32
                })
            );
        }
    }

    #[test]
    fn timers_are_never_early() {
        for (micros, ms) in [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2)] {
            assert_eq!(whole_ms(Duration::from_micros(micros)), ms);
        }
    }

    #[test]
    fn the_time_without_quorum_is_counted_from_its_start() {
        let seen = status(
            node::Status::NoQuorum {
                with: Vec::new(),
                missing: Vec::new(),
                since: Instant::from_millis(400),
            },
            Instant::from_millis(1_000),
        );
        assert!(matches!(seen, Status::NoQuorum { for_ms: 600, .. }));
    }
}
