//! Bloom filters over hashes, one cache line a look-up.

use crate::fault::Fault;
use store::Table;

/// Bits per entry: about one false hit in a hundred.
const BITS_PER_ENTRY: usize = 10;
/// Bits set per entry.
const PROBES: u32 = 6;
const BLOCK_BYTES: usize = 64;

/// A Bloom filter of 512-bit blocks; an entry's bits lie in one block.
#[derive(Debug)]
pub(crate) struct Filter {
    blocks: Vec<[u64; 8]>,
}

impl Filter {
    /// An empty filter for so many entries.
    pub(crate) fn with_entries(entries: usize) -> Self {
        let blocks = (entries * BITS_PER_ENTRY).div_ceil(BLOCK_BYTES * 8).max(1);
        Self { blocks: vec![[0; 8]; blocks] }
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.len() * BLOCK_BYTES
    }

    pub(crate) fn insert(&mut self, hash: u64) {
        let block = self.block_of(hash);
        for (word, bit) in probes(hash) {
            self.blocks[block][word] |= bit;
        }
    }

    /// Whether the hash may be there; `false` is certain.
    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        let block = &self.blocks[self.block_of(hash)];
        probes(hash).all(|(word, bit)| block[word] & bit != 0)
    }

    /// Entries are sorted by the upper bits of their hashes, so the block is chosen by them too.
    fn block_of(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.blocks.len() as u128) >> 64) as usize
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        self.blocks.as_flattened().iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let (words, rest) = bytes.as_chunks::<8>();
        let (blocks, odd) = words.as_chunks::<8>();
        if blocks.is_empty() || !rest.is_empty() || !odd.is_empty() {
            return Err(Fault::malformed(Table::Uetrs, "filter"));
        }
        let blocks = blocks.iter().map(|block| block.map(u64::from_be_bytes)).collect();
        Ok(Self { blocks })
    }
}

/// The words and bits of a hash in its block, 9 bits of a remixed hash for each.
fn probes(hash: u64) -> impl Iterator<Item = (usize, u64)> {
    let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..PROBES).map(move |probe| {
        let at = mixed >> (64 - 9 * (probe + 1)) & 511;
        ((at / 64) as usize, 1 << (at % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> u64 {
        crate::uetr::Seed([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344])
            .hash(channel::Uetr((u128::from(number) * 77).to_be_bytes()))
    }

    #[test]
    fn a_filter_holds_what_was_put_in_and_little_else() {
        let mut filter = Filter::with_entries(10_000);
        (0..10_000).for_each(|number| filter.insert(hash(number)));
        let filter = Filter::decode(&filter.encode()).expect("decodes");
        assert!((0..10_000).all(|number| filter.may_contain(hash(number))));
        let false_hits = (10_000..110_000).filter(|number| filter.may_contain(hash(*number)));
        let false_hits = false_hits.count();
        assert!(false_hits < 3_000, "{false_hits} of 100000");
    }
}
