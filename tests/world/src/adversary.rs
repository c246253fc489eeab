//! Somebody with a radio: bends values on their way and plays old ones again.

use std::collections::{BTreeMap, VecDeque};

use crate::chance::Chance;

/// Values of one direction that are remembered for later.
const MEMORY: usize = 32;

/// Bends and replays values that arrive at phones.
#[derive(Clone, Debug)]
pub struct Adversary {
    garble_permille: u32,
    replay_permille: u32,
    heard: BTreeMap<(usize, usize), VecDeque<Vec<u8>>>,
    chance: Chance,
    /// Values that were bent.
    pub garbled: u64,
    /// Values that were played again.
    pub replayed: u64,
}

impl Adversary {
    /// One that bends and replays so many values of a thousand.
    pub fn new(seed: u64, garble_permille: u32, replay_permille: u32) -> Self {
        Self {
            garble_permille,
            replay_permille,
            heard: BTreeMap::new(),
            chance: Chance::new(seed, "adversary"),
            garbled: 0,
            replayed: 0,
        }
    }

    /// What arrives at `to` where `from` sent `value`.
    pub(crate) fn touch(&mut self, from: usize, to: usize, value: Vec<u8>) -> Vec<Vec<u8>> {
        let heard = self.heard.entry((from, to)).or_default();
        let mut arriving = Vec::new();
        if self.chance.permille(self.replay_permille)
            && let Some(old) = heard.get(self.chance.index(heard.len()))
        {
            arriving.push(old.clone());
            self.replayed += 1;
        }
        if heard.len() == MEMORY {
            heard.pop_front();
        }
        heard.push_back(value.clone());
        let mut value = value;
        if self.chance.permille(self.garble_permille) && !value.is_empty() {
            self.garbled += 1;
            match self.chance.below(3) {
                0 => {
                    let index = self.chance.index(value.len());
                    value[index] ^= 1 << self.chance.below(8);
                }
                1 => value.truncate(self.chance.index(value.len())),
                _ => {
                    let len = self.chance.index(value.len()) + 1;
                    value = (0..len)
                        .map(|_| u8::try_from(self.chance.below(256)).expect("below 256"))
                        .collect();
                }
            }
        }
        arriving.insert(0, value);
        arriving
    }
}
