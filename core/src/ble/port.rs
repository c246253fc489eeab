//! The radio port: all the Bluetooth that shells and the rig implement.
//!
//! Per link at most one operation is outstanding: its completion is the credit for the next.
//!
//! **Power.** When the power is anything but [`PowerState::On`], the core forgets every link,
//! attempt, scan and advertisement by itself and commands nothing until it is `On` again; then it
//! asks for scanning and advertising anew. An adapter need not report the end of each link: a
//! [`RadioEvent::LinkDown`] or any other event that names such a link comes too late to matter and
//! is ignored. It must give links that come up later new names, as ever. The first event of a run
//! is [`RadioEvent::PowerChanged`]: until then the power counts as off.

use crate::id::{DeviceId, LinkId, OpId};

/// Role on one BLE connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Initiated the connection; writes.
    Central,
    /// Advertised; notifies.
    Peripheral,
}

/// What the Bluetooth adapter can do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerState {
    /// Ready.
    On,
    /// Switched off.
    Off,
    /// The user did not permit Bluetooth.
    Unauthorised,
}

/// What the OS lets this app do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppMode {
    /// On the screen.
    Foreground,
    /// Not on the screen.
    Background,
    /// The user or the OS asks to save power.
    LowPower,
}

/// How much of the time to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanDuty {
    /// All the time: foreground with room for links.
    High,
    /// About a quarter: links are busy or the budget is nearly used.
    Balanced,
    /// About a tenth: background or low power.
    Low,
}

/// How often to advertise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvertInterval {
    /// About 150 ms.
    Fast,
    /// About 1 s.
    Slow,
}

/// What became of one write or notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationResult {
    /// The stack took it; the next may follow.
    Done,
    /// The stack's queue was full; the same value is offered again.
    Busy,
    /// The stack refused it for good; the link is made anew.
    Failed,
}

/// Why a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDownReason {
    /// Nothing heard for the supervision timeout.
    Timeout,
    /// The other side ended it.
    Remote,
    /// We asked for it.
    Local,
    /// The connection never came up or the service was not found.
    Setup,
}

/// A fact that the radio reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RadioEvent {
    /// The adapter's state changed, or is told for the first time. Anything but
    /// [`PowerState::On`] ends all links.
    PowerChanged(PowerState),
    /// The app's state changed.
    AppModeChanged(AppMode),
    /// A device with our service was heard.
    Discovered {
        /// Which.
        device: DeviceId,
        /// What it advertised beside the service UUID; empty where the platform hides it.
        advert: Vec<u8>,
        /// Signal strength, dBm.
        rssi: i8,
    },
    /// A connection exists.
    LinkUp {
        /// Its name, never used before.
        link: LinkId,
        /// The other end.
        device: DeviceId,
        /// Our role.
        role: Role,
        /// Bytes that fit one value: min(att_mtu - 3, 510).
        value_len_max: u16,
    },
    /// The length of a value changed.
    ValueLengthChanged {
        /// The link.
        link: LinkId,
        /// The new length, bytes.
        value_len_max: u16,
    },
    /// Service found and subscribed: values can flow both ways.
    Ready {
        /// The link.
        link: LinkId,
    },
    /// A value arrived.
    ValueReceived {
        /// The link.
        link: LinkId,
        /// The value.
        bytes: Vec<u8>,
    },
    /// An operation ended.
    OperationCompleted {
        /// The link.
        link: LinkId,
        /// The operation.
        op: OpId,
        /// How.
        result: OperationResult,
    },
    /// The connection is gone.
    LinkDown {
        /// The link.
        link: LinkId,
        /// Why.
        reason: LinkDownReason,
    },
    /// Scanning stopped by itself.
    ScanFailed,
    /// Advertising stopped by itself.
    AdvertisingFailed,
}

/// A wish of the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RadioCommand {
    /// Listen for our service.
    Scan {
        /// How much.
        duty: ScanDuty,
    },
    /// Stop listening: no further link is possible.
    StopScan,
    /// Advertise our service with this payload.
    Advertise {
        /// At most 12 bytes.
        advert: Vec<u8>,
        /// How often.
        interval: AdvertInterval,
    },
    /// Stop advertising.
    StopAdvertising,
    /// Connect as central.
    Connect {
        /// To whom.
        device: DeviceId,
    },
    /// End a link.
    Disconnect {
        /// Which.
        link: LinkId,
    },
    /// As central: write without response.
    Write {
        /// The link.
        link: LinkId,
        /// Named again by its completion.
        op: OpId,
        /// The value.
        bytes: Vec<u8>,
    },
    /// As peripheral: notify.
    Notify {
        /// The link.
        link: LinkId,
        /// Named again by its completion.
        op: OpId,
        /// The value.
        bytes: Vec<u8>,
    },
}
