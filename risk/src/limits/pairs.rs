//! The day's net position of every pair that paid each other, found by hash, kept in a row.

use ledger::{Hash, Tree};

use super::leaf::{LEAF, hash_leaf, recompute_root};

/// What the lower-numbered participant of a pair has paid the other, less what it was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) low: u32,
    pub(super) high: u32,
    pub(super) position: i128,
}

impl Pair {
    pub(super) const BYTES: usize = 24;

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.low.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.high.to_be_bytes());
        bytes[8..].copy_from_slice(&self.position.to_be_bytes());
        bytes
    }
}

/// A place in the hash index: part of the hash, to skip strangers, and the pair's place in the row.
#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    index: u32,
}

impl Slot {
    const EMPTY: Self = Self { tag: 0, index: u32::MAX };
}

/// The positions of all pairs.
///
/// Pairs stay in the order in which they first paid each other, which is a function of the log:
/// bytes and digest go by it. The index only finds them and is never walked.
#[derive(Clone, Debug, Default)]
pub(super) struct PairTable {
    pairs: Vec<Pair>,
    /// Open addressing with linear probing; a power of two, at most half full.
    slots: Vec<Slot>,
    tree: Tree,
}

fn hash(low: u32, high: u32) -> u64 {
    let key = u64::from(low) << 32 | u64::from(high);
    let wide = u128::from(key ^ 0x243F_6A88_85A3_08D3) * 0x9E37_79B9_7F4A_7C15;
    (wide >> 64) as u64 ^ wide as u64
}

impl PairTable {
    pub(super) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The net position of `from` towards `to`.
    pub(super) fn position(&self, from: u32, to: u32) -> i128 {
        let (low, high) = (from.min(to), from.max(to));
        let position = self.find(low, high).map_or(0, |index| self.pairs[index].position);
        if from == low { position } else { -position }
    }

    /// Moves the position of `from` towards `to` up by `amount`.
    pub(super) fn record(&mut self, from: u32, to: u32, amount: u64) {
        let (low, high) = (from.min(to), from.max(to));
        let change = if from == low { i128::from(amount) } else { -i128::from(amount) };
        let index = match self.find(low, high) {
            Some(index) => index,
            None => self.insert(Pair { low, high, position: 0 }),
        };
        self.pairs[index].position += change;
        self.tree.mark(index / LEAF);
    }

    /// Appends a pair that is not there yet; its place.
    pub(super) fn insert(&mut self, pair: Pair) -> usize {
        if self.slots.len() < 2 * (self.pairs.len() + 1) {
            self.grow();
        }
        let index = self.pairs.len();
        self.place(pair.low, pair.high, index as u32);
        self.pairs.push(pair);
        self.tree.grow(self.pairs.len().div_ceil(LEAF));
        self.tree.mark(index / LEAF);
        index
    }

    pub(super) fn find(&self, low: u32, high: u32) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let hash = hash(low, high);
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.index == Slot::EMPTY.index {
                return None;
            }
            let index = slot.index as usize;
            if slot.tag == tag(hash)
                && (self.pairs[index].low, self.pairs[index].high) == (low, high)
            {
                return Some(index);
            }
            at = (at + 1) & mask;
        }
    }

    /// Enters a pair in the index, which has room.
    fn place(&mut self, low: u32, high: u32, index: u32) {
        let mask = self.slots.len() - 1;
        let hash = hash(low, high);
        let mut at = hash as usize & mask;
        while self.slots[at].index != Slot::EMPTY.index {
            at = (at + 1) & mask;
        }
        self.slots[at] = Slot { tag: tag(hash), index };
    }

    fn grow(&mut self) {
        let len = (2 * self.slots.len()).max(16);
        self.slots.clear();
        self.slots.resize(len, Slot::EMPTY);
        for index in 0..self.pairs.len() {
            let Pair { low, high, .. } = self.pairs[index];
            self.place(low, high, index as u32);
        }
    }

    /// The Merkle root over the row.
    pub(super) fn root(&mut self) -> Hash {
        self.tree.root(|leaf| hash_leaf(&self.pairs, leaf, Pair::to_bytes))
    }

    /// The same from nothing.
    pub(super) fn recompute_root(&self) -> Hash {
        recompute_root(&self.pairs, Pair::to_bytes)
    }
}

/// The upper half of the hash; the lower half chooses the slot.
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}
