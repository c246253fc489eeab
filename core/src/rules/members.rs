//! A set of members in two bytes, for what rules keep in a state.

use serde::{Deserialize, Serialize};

use crate::wire::MEMBERS_MAX;

/// Members by index, such as those who may spend from a purse: bit i for member i. An index that no
/// group has is never among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members(pub u16);

impl Members {
    /// These members.
    pub fn of(members: &[u8]) -> Self {
        let mut all = Self::default();
        for member in members {
            all.add(*member);
        }
        all
    }

    /// Whether `member` is among them.
    pub fn has(self, member: u8) -> bool {
        self.0 & bit(member) != 0
    }

    /// Their indices, ascending.
    pub fn indices(self) -> Vec<u8> {
        (0..16).filter(|index| self.has(*index)).collect()
    }

    pub(super) fn add(&mut self, member: u8) {
        self.0 |= bit(member);
    }

    pub(super) fn take(&mut self, member: u8) {
        self.0 &= !bit(member);
    }

    pub(super) fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether all of them are among the first `count` members, and there is one.
    pub(super) fn are_within(self, count: usize) -> bool {
        self.0 != 0
            && self
                .indices()
                .iter()
                .all(|index| usize::from(*index) < count)
    }
}

fn bit(member: u8) -> u16 {
    1u16.checked_shl(member.into()).unwrap_or(0)
}

const _: () = assert!(MEMBERS_MAX <= u16::BITS as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_end_with_the_members() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(Members::of(&all), Members(u16::MAX));
        for (index, named) in [(14, true), (15, true), (16, false), (255, false)] {
            assert_eq!(Members::of(&[index]).has(index), named);
        }
        assert!(Members::of(&[2]).are_within(3));
        assert!(!Members::of(&[3]).are_within(3));
        assert!(!Members::default().are_within(3), "nobody");
    }

    #[test]
    fn whoever_is_taken_out_is_gone_and_nobody_else() {
        let mut members = Members::of(&[0, 7, 15]);
        for stranger in [1, 16, 255] {
            members.take(stranger);
        }
        members.take(7);
        assert_eq!((members.indices(), members.len()), (vec![0, 15], 2));
    }
}
