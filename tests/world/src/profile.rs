//! What real phones and their Bluetooth stacks do, as far as the core can notice it.

use althing::ble::{AdvertInterval, AppMode, ScanDuty};

use crate::chance::Chance;

/// A kind of phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// CI 15 or 30 ms, 5 PDUs per connection event, ATT values of 182 or 244 bytes; the device id
    /// of a central differs from the one that the same phone advertises with.
    Ios,
    /// CI 11.25 or 15 ms, as many PDUs as fit, values of 244 or 510 bytes, 7 links.
    Android,
    /// CI 15 ms, as many PDUs as fit, values of 510 bytes; a full queue answers busy.
    Bluez,
}

/// What a stack does with an operation when its queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It completes when there is room.
    Waits,
    /// It completes as busy.
    Busy,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ios, Self::Android, Self::Bluez];

    /// Data PDUs per connection event and direction.
    pub const fn pdus_max(self) -> u64 {
        match self {
            Self::Ios => 5,
            Self::Android | Self::Bluez => 64,
        }
    }

    /// Links of both roles that the controller holds.
    pub const fn links_max(self) -> usize {
        match self {
            Self::Ios | Self::Bluez => 8,
            Self::Android => 7,
        }
    }

    /// Values that the stack takes before the first of them is on air.
    pub const fn queue_max(self) -> usize {
        match self {
            Self::Ios => 10,
            Self::Android => 4,
            Self::Bluez => 16,
        }
    }

    /// What a full queue does.
    pub const fn when_full(self) -> WhenFull {
        match self {
            Self::Ios | Self::Android => WhenFull::Waits,
            Self::Bluez => WhenFull::Busy,
        }
    }

    /// Whether its device id as a central is another one than as an advertiser.
    pub const fn aliases(self) -> bool {
        matches!(self, Self::Ios)
    }

    /// Whether it advertises nothing beside the service UUID in `mode`.
    pub const fn hides_advert(self, mode: AppMode) -> bool {
        matches!(self, Self::Ios) && !matches!(mode, AppMode::Foreground)
    }

    /// The connection interval of a link between two phones, µs.
    pub fn interval_us(central: Self, peripheral: Self, chance: &mut Chance) -> u64 {
        if central == Self::Ios || peripheral == Self::Ios {
            return chance.pick(&[15_000, 30_000]);
        }
        match central {
            Self::Android => chance.pick(&[11_250, 15_000]),
            Self::Ios | Self::Bluez => 15_000,
        }
    }

    /// Longest value that this phone's stack agrees to.
    pub fn value_len_max(self, chance: &mut Chance) -> u16 {
        match self {
            Self::Ios => chance.pick(&[182, 244]),
            Self::Android => chance.pick(&[244, 510]),
            Self::Bluez => 510,
        }
    }
}

/// Share of time that a scanner listens, of a thousand: 100/100, 183/730, 140/1400 and, not on the
/// screen, 512/10240 ms.
pub(crate) const fn scan_permille(duty: ScanDuty, mode: AppMode) -> u32 {
    match (mode, duty) {
        (AppMode::Background | AppMode::LowPower, _) => 50,
        (AppMode::Foreground, ScanDuty::High) => 1000,
        (AppMode::Foreground, ScanDuty::Balanced) => 250,
        (AppMode::Foreground, ScanDuty::Low) => 100,
    }
}

/// Time between two adverts without the random part, µs.
pub(crate) const fn advert_us(interval: AdvertInterval, mode: AppMode) -> u64 {
    match (mode, interval) {
        (AppMode::Background | AppMode::LowPower, _) | (_, AdvertInterval::Slow) => 1_022_500,
        (AppMode::Foreground, AdvertInterval::Fast) => 152_500,
    }
}

/// What the OS takes between the app and the controller, each way, µs.
pub(crate) const fn host_delay_us(mode: AppMode) -> u64 {
    match mode {
        AppMode::Foreground => 1_000,
        AppMode::Background | AppMode::LowPower => 20_000,
    }
}
