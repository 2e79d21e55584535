//! Which sequences of an epoch were opened before.
//!
//! All of them are remembered, in pages of 4,096 bits made on demand, at most 2 MiB for an epoch.
//! A window that slides would forget or refuse what comes late, and payments do come late: one that
//! waits in its queue settles long after thousands that were sealed behind it.

use std::collections::BTreeMap;

const PAGE_BITS: u64 = 4_096;

/// The sequences seen in one epoch.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeMap<u64, Box<[u64; 64]>>);

impl Seen {
    fn place(sequence: u64) -> (u64, usize, u64) {
        let within = sequence % PAGE_BITS;
        (sequence / PAGE_BITS, (within / 64) as usize, 1 << (within % 64))
    }

    pub(crate) fn contains(&self, sequence: u64) -> bool {
        let (page, word, bit) = Self::place(sequence);
        self.0.get(&page).is_some_and(|words| words[word] & bit != 0)
    }

    pub(crate) fn insert(&mut self, sequence: u64) {
        let (page, word, bit) = Self::place(sequence);
        self.0.entry(page).or_insert_with(|| Box::new([0; 64]))[word] |= bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once_in_any_order() {
        let mut seen = Seen::default();
        let sequences = [5_000, 0, (1 << 24) - 1, 4_095, 4_096, 1, 64, 63];
        for (at, sequence) in sequences.into_iter().enumerate() {
            assert!(!seen.contains(sequence));
            seen.insert(sequence);
            assert!(sequences[..=at].iter().all(|before| seen.contains(*before)));
        }
        assert!(!seen.contains(2));
        assert_eq!(seen.0.len(), 3);
    }
}
