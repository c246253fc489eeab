//! How long Bluetooth LE takes: microseconds and bytes, deterministic.

/// Inter-frame space, µs.
pub const IFS_US: u64 = 150;
/// Longest payload of one data PDU with data length extension, bytes.
pub const PDU_LEN_MAX: usize = 251;
/// L2CAP header (4) and ATT write command or notification header (3), bytes.
pub const VALUE_OVERHEAD: usize = 7;
/// When a link without any successful exchange is lost, µs (Apple asks for 6 to 18 s).
pub const SUPERVISION_TIMEOUT_US: u64 = 6_000_000;

/// The physical layer of one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phy {
    /// Bits per µs: 1 or 2.
    pub rate: u64,
    /// Whether the link layer is paired and adds a 4-byte MIC to PDUs with data.
    pub paired: bool,
}

impl Phy {
    /// 1 Mbit/s, paired.
    pub const ONE_PAIRED: Self = Self {
        rate: 1,
        paired: true,
    };
    /// 2 Mbit/s, paired.
    pub const TWO_PAIRED: Self = Self {
        rate: 2,
        paired: true,
    };
    /// 2 Mbit/s without pairing: what Althing's links are.
    pub const TWO: Self = Self {
        rate: 2,
        paired: false,
    };

    /// Bytes on air of one PDU with `len` bytes of payload: preamble, access address, header,
    /// payload, MIC and CRC.
    pub const fn pdu_bytes(self, len: usize) -> u64 {
        let mic = if self.paired && len > 0 { 4 } else { 0 };
        self.rate + 4 + 2 + len as u64 + mic + 3
    }

    /// Time on air of one PDU, µs.
    pub const fn pdu_us(self, len: usize) -> u64 {
        8 * self.pdu_bytes(len) / self.rate
    }

    /// One exchange with its two inter-frame spaces, µs: `down` bytes from the central, `up` bytes
    /// back.
    pub const fn exchange_us(self, down: usize, up: usize) -> u64 {
        self.pdu_us(down) + IFS_US + self.pdu_us(up) + IFS_US
    }

    /// One data PDU in one direction, with an empty one as its acknowledgement: x(L), µs.
    pub const fn data_us(self, len: usize) -> u64 {
        self.exchange_us(len, 0)
    }

    /// Data PDUs of `len` bytes that fit one connection event of `interval_us`, at most
    /// `pdus_max` by the phone's own limit.
    pub fn pdus_per_event(self, interval_us: u64, len: usize, pdus_max: u64) -> u64 {
        pdus_max.min(interval_us.saturating_sub(IFS_US) / self.data_us(len))
    }

    /// Goodput of values of `value_len` bytes in one direction, bit/s: whole connection events of
    /// full PDUs.
    pub fn goodput_bps(self, interval_us: u64, value_len: usize, pdus_max: u64) -> u64 {
        let per_event = self.pdus_per_event(interval_us, PDU_LEN_MAX, pdus_max);
        8 * value_len as u64 * per_event * 1_000_000 / (pdus(value_len) as u64 * interval_us)
    }
}

/// Data PDUs of one value of `value_len` bytes.
pub const fn pdus(value_len: usize) -> usize {
    (value_len + VALUE_OVERHEAD).div_ceil(PDU_LEN_MAX)
}

/// One legacy advertising event with `len` bytes of data on its three channels, µs.
pub const fn legacy_advert_us(len: usize) -> u64 {
    3 * 8 * (1 + 4 + 2 + 6 + len as u64 + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_exchange_takes_the_published_time() {
        assert_eq!(Phy::ONE_PAIRED.data_us(27), 708);
        assert_eq!(Phy::ONE_PAIRED.data_us(251), 2500);
        assert_eq!(Phy::TWO_PAIRED.data_us(251), 1408);
        assert_eq!(Phy::TWO.data_us(251), 1392);
        assert_eq!(Phy::ONE_PAIRED.exchange_us(0, 0), 460);
        assert_eq!(Phy::TWO_PAIRED.exchange_us(0, 0), 388);
    }

    #[test]
    fn a_value_takes_as_many_pdus_as_fit_251_bytes() {
        for (len, count) in [(0, 1), (244, 1), (245, 2), (495, 2), (496, 3), (512, 3)] {
            assert_eq!(pdus(len), count, "{len} bytes");
        }
    }

    #[test]
    fn unlimited_goodput_is_the_att_ceiling() {
        let kbps = |value: usize| {
            let mut left = value + VALUE_OVERHEAD;
            let mut us = 0;
            while left > 0 {
                let len = left.min(PDU_LEN_MAX);
                us += Phy::TWO_PAIRED.data_us(len);
                left -= len;
            }
            8 * value as u64 * 1000 / us
        };
        assert_eq!(kbps(244), 1386);
        assert_eq!(kbps(495), 1406);
        assert_eq!(kbps(512), 1245);
    }

    #[test]
    fn phones_reach_the_published_goodput() {
        let phone = |interval, pdus_max| {
            (Phy::TWO_PAIRED.goodput_bps(interval, 244, pdus_max) + 500) / 1000
        };
        assert_eq!(phone(15_000, 5), 651);
        assert_eq!(phone(30_000, 5), 325);
        for (interval, pdus, kbps) in [
            (7_500, 5, 1301),
            (11_250, 7, 1215),
            (15_000, 10, 1301),
            (30_000, 21, 1366),
        ] {
            assert_eq!(Phy::TWO_PAIRED.pdus_per_event(interval, 251, 99), pdus);
            assert_eq!(phone(interval, 99), kbps);
        }
    }

    #[test]
    fn a_full_legacy_advert_takes_three_times_376() {
        assert_eq!(legacy_advert_us(31), 3 * 376);
    }
}
