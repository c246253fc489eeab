use std::sync::Arc;

use althing::ble::{
    AppMode, LinkDownReason, OperationResult, PowerState, RadioCommand, RadioEvent, Role,
};
use althing::config::Config;
use althing::crypto::Identity;
use althing::error::StoreFault;
use althing::id::{DeviceId, LinkId, OpId};
use althing::node::{Command, Output};
use althing::rules::counter::Counter;
use althing::{Duration, Instant, Node};

use crate::Input;

/// Outputs that one input may cause before the node counts as spinning.
const OUTPUTS_MAX: usize = 10_000;

/// No sequence of facts and wishes panics a node or makes it spin, and it hands out at most one
/// operation per link at a time.
pub fn node(data: &[u8]) {
    let mut input = Input(data);
    let mut now = Instant::from_millis(1);
    let config = Config {
        rules: vec![Arc::new(Counter)],
        ..Config::default()
    };
    let mut node = Node::new(config, Identity::new([1; 32]), [2; 32], now);
    let mut outstanding: Vec<(LinkId, OpId)> = Vec::new();
    let mut wake_at = drain(&mut node, &mut outstanding, now);
    // The driver never uses the name of a link twice; events of the last one in a slot may come late.
    let mut links_made = 0;
    let mut slots = [LinkId(u64::MAX); 16];

    while let Some(kind) = input.byte() {
        let slot = usize::from(kind >> 4);
        let link = slots[slot];
        let device = DeviceId(u64::from(kind >> 6));
        match kind & 15 {
            0 => node.handle_radio(RadioEvent::PowerChanged(PowerState::On), now),
            1 => {
                // Ends every link.
                outstanding.clear();
                node.handle_radio(RadioEvent::PowerChanged(PowerState::Off), now);
            }
            2 => node.handle_radio(RadioEvent::AppModeChanged(AppMode::Background), now),
            3 => {
                let advert = input.slice().unwrap_or_default().to_vec();
                node.handle_radio(
                    RadioEvent::Discovered {
                        device,
                        advert,
                        rssi: -60,
                    },
                    now,
                );
            }
            4 | 5 => {
                let role = if kind & 1 == 0 {
                    Role::Central
                } else {
                    Role::Peripheral
                };
                outstanding.retain(|(of, _)| *of != link);
                links_made += 1;
                let link = LinkId(links_made);
                slots[slot] = link;
                let value_len_max = 20 + 2 * u16::from(input.byte().unwrap_or(112));
                node.handle_radio(
                    RadioEvent::LinkUp {
                        link,
                        device,
                        role,
                        value_len_max,
                    },
                    now,
                );
            }
            6 => node.handle_radio(RadioEvent::Ready { link }, now),
            7..=9 => {
                let bytes = input.slice().unwrap_or_default().to_vec();
                node.handle_radio(RadioEvent::ValueReceived { link, bytes }, now);
            }
            10 => {
                // A completion that is due, or one that nobody waits for.
                let (link, op) = outstanding.pop().unwrap_or((link, OpId(7)));
                let result = match input.byte().unwrap_or(0) % 3 {
                    0 => OperationResult::Done,
                    1 => OperationResult::Busy,
                    _ => OperationResult::Failed,
                };
                node.handle_radio(RadioEvent::OperationCompleted { link, op, result }, now);
            }
            11 => {
                outstanding.retain(|(of, _)| *of != link);
                let reason = LinkDownReason::Timeout;
                node.handle_radio(RadioEvent::LinkDown { link, reason }, now);
            }
            12 => {
                let value_len_max = 2 * u16::from(input.byte().unwrap_or(0));
                node.handle_radio(
                    RadioEvent::ValueLengthChanged {
                        link,
                        value_len_max,
                    },
                    now,
                );
            }
            13 => {
                let text = String::from_utf8_lossy(input.slice().unwrap_or_default()).into_owned();
                let command = if kind & 16 == 0 {
                    Command::JoinTable {
                        ticket: text,
                        name: "Anna".to_owned(),
                    }
                } else {
                    Command::OpenTable {
                        name: text,
                        rules: "counter".to_owned(),
                        rules_config: Vec::new(),
                        mode: None,
                    }
                };
                // A refused command is an answer like any other.
                let _ = node.handle_command(command, now);
            }
            14 => node.handle_radio(RadioEvent::ScanFailed, now),
            _ => {
                now = wake_at.unwrap_or(now + Duration::from_millis(50)).max(now);
                node.handle_timeout(now);
            }
        }
        wake_at = drain(&mut node, &mut outstanding, now);
    }
}

fn drain(node: &mut Node, outstanding: &mut Vec<(LinkId, OpId)>, now: Instant) -> Option<Instant> {
    for count in 0..OUTPUTS_MAX {
        match node.poll_output() {
            Output::Idle { wake_at, .. } => return wake_at,
            Output::Store(batch) => {
                let result = if count % 7 == 6 {
                    Err(StoreFault::Full)
                } else {
                    Ok(())
                };
                node.handle_stored(batch.token, result, now);
            }
            Output::Radio(
                RadioCommand::Write { link, op, .. } | RadioCommand::Notify { link, op, .. },
            ) => {
                assert!(
                    outstanding.iter().all(|(busy, _)| *busy != link),
                    "two operations outstanding on {link:?}"
                );
                outstanding.push((link, op));
            }
            Output::Radio(_) | Output::Event(_) => {}
        }
    }
    panic!("{OUTPUTS_MAX} outputs without an end");
}
