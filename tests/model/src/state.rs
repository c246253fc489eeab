//! A state of the group, as a struct to work on and as 56 bytes to keep.

use std::hash::Hasher;

/// Most voters, over both epochs.
pub(crate) const VOTERS: usize = 5;
/// Most rounds, over both epochs.
pub const ROUNDS_MAX: usize = 4;
/// A voter that lost its store and has no answers yet.
pub(crate) const ASKING: u8 = 7;

/// A block: 0 is none, 1 the genesis.
pub(crate) type BlockId = u8;
pub(crate) const GENESIS: BlockId = 1;
/// Ids have six bits.
const BLOCKS_MAX: usize = 62;
/// Variants from here on are epoch blocks.
pub(crate) const EPOCH: u8 = 4;

/// Votes of one voter in one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Votes {
    pub(crate) notarize: BlockId,
    /// A second notarize: only a voter that broke a rule or forgot has one.
    pub(crate) second: BlockId,
    pub(crate) finalize: BlockId,
    pub(crate) nullify: bool,
    /// The ledger does not hold these votes any more.
    pub(crate) forgotten: bool,
}

/// The votes of one round, by voter.
pub(crate) type Row = [Votes; VOTERS];

/// All that honest voters have stored. Rounds count from 0 here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) votes: [Row; ROUNDS_MAX],
    /// The honest leader's proposal of each round: the block, the round of its parent's
    /// notarization counted from 1.
    pub(crate) proposed: [(BlockId, u8); ROUNDS_MAX],
    /// First round, from 1, in which a voter that lost its store votes again.
    pub(crate) floors: [u8; VOTERS],
}

/// A state, packed.
pub(crate) type Packed = [u64; 7];

#[derive(Default)]
struct Bits {
    words: Packed,
    at: usize,
}

impl Bits {
    /// Bits of a state.
    const LEN: usize = ROUNDS_MAX * VOTERS * 20 + ROUNDS_MAX * 8 + VOTERS * 3;

    fn put(&mut self, value: u8, width: usize) {
        debug_assert!(u64::from(value) < 1 << width);
        let (word, shift) = (self.at / 64, self.at % 64);
        self.words[word] |= u64::from(value) << shift;
        if shift + width > 64 {
            self.words[word + 1] |= u64::from(value) >> (64 - shift);
        }
        self.at += width;
    }

    fn take(&mut self, width: usize) -> u8 {
        let (word, shift) = (self.at / 64, self.at % 64);
        let mut value = self.words[word] >> shift;
        if shift + width > 64 {
            value |= self.words[word + 1] << (64 - shift);
        }
        self.at += width;
        (value & ((1 << width) - 1)) as u8
    }
}

const _: () = assert!(Bits::LEN <= 64 * 7, "a state fits");

impl State {
    /// As bits: 20 a vote, 8 a proposal, 3 a floor.
    pub(crate) fn pack(&self) -> Packed {
        let mut bits = Bits::default();
        for votes in self.votes.iter().flatten() {
            bits.put(votes.notarize, 6);
            bits.put(votes.second, 6);
            bits.put(votes.finalize, 6);
            bits.put(u8::from(votes.nullify), 1);
            bits.put(u8::from(votes.forgotten), 1);
        }
        for (block, below) in self.proposed {
            bits.put(block, 6);
            bits.put(below, 2);
        }
        for floor in self.floors {
            bits.put(floor, 3);
        }
        debug_assert_eq!(bits.at, Bits::LEN);
        bits.words
    }

    /// Back from the bits.
    pub(crate) fn unpack(words: Packed) -> Self {
        let mut bits = Bits { words, at: 0 };
        let mut state = Self::default();
        for votes in state.votes.iter_mut().flatten() {
            *votes = Votes {
                notarize: bits.take(6),
                second: bits.take(6),
                finalize: bits.take(6),
                nullify: bits.take(1) == 1,
                forgotten: bits.take(1) == 1,
            };
        }
        for (block, below) in &mut state.proposed {
            *block = bits.take(6);
            *below = bits.take(2);
        }
        for floor in &mut state.floors {
            *floor = bits.take(3);
        }
        state
    }

    /// All of one voter, to compare and to sort.
    pub(crate) fn column(&self, voter: usize) -> ([Votes; ROUNDS_MAX], u8) {
        let votes = std::array::from_fn(|round| self.votes[round][voter]);
        (votes, self.floors[voter])
    }

    /// Sorts the voters of `class`, which differ by name only.
    pub(crate) fn sort(&mut self, class: &[usize]) {
        let mut columns = [([Votes::default(); ROUNDS_MAX], 0); VOTERS];
        let columns = &mut columns[..class.len()];
        for (column, voter) in columns.iter_mut().zip(class) {
            *column = self.column(*voter);
        }
        columns.sort_unstable();
        for ((votes, floor), voter) in columns.iter().zip(class) {
            for (round, votes) in votes.iter().enumerate() {
                self.votes[round][*voter] = *votes;
            }
            self.floors[*voter] = *floor;
        }
    }
}

/// Blocks by id: (round of creation, variant, parent).
#[derive(Default)]
pub(crate) struct Blocks(Vec<(u8, u8, BlockId)>);

impl Blocks {
    pub(crate) fn id(&mut self, round: usize, variant: u8, parent: BlockId) -> BlockId {
        let block = (small(round), variant, parent);
        let known = self.0.iter().position(|other| *other == block);
        let index = known.unwrap_or_else(|| {
            self.0.push(block);
            self.0.len() - 1
        });
        assert!(index < BLOCKS_MAX, "block ids have six bits");
        small(index) + GENESIS + 1
    }

    fn get(&self, block: BlockId) -> Option<&(u8, u8, BlockId)> {
        self.0.get(usize::from(block.checked_sub(GENESIS + 1)?))
    }

    pub(crate) fn parent(&self, block: BlockId) -> BlockId {
        self.get(block).map_or(0, |(_, _, parent)| *parent)
    }

    /// The round that the block was made in.
    pub(crate) fn made(&self, block: BlockId) -> Option<usize> {
        self.get(block).map(|(round, _, _)| usize::from(*round))
    }

    pub(crate) fn is_epoch(&self, block: BlockId) -> bool {
        self.get(block)
            .is_some_and(|(_, variant, _)| *variant >= EPOCH)
    }

    /// The chain down to the genesis, which is not in it.
    pub(crate) fn chain(&self, mut block: BlockId) -> Vec<BlockId> {
        let mut chain = Vec::new();
        while block > GENESIS {
            chain.push(block);
            block = self.parent(block);
        }
        chain
    }

    /// In words.
    pub(crate) fn name(&self, block: BlockId) -> String {
        match self.get(block) {
            None => "the genesis".to_owned(),
            Some((round, variant, parent)) => {
                let kind = if *variant >= EPOCH {
                    "epoch block"
                } else {
                    "block"
                };
                let on = if *parent <= GENESIS {
                    "the genesis".to_owned()
                } else {
                    format!("#{parent}")
                };
                format!("{kind} #{block} (of round {}, on {on})", round + 1)
            }
        }
    }
}

/// States are many and nobody attacks them: a multiplication a word is hash enough.
#[derive(Default)]
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }
}

pub(crate) fn small(number: usize) -> u8 {
    u8::try_from(number).expect("few rounds and blocks are explored")
}
