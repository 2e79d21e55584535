//! Which partition a row is in: a function of its key, so that nobody has to ask.
//!
//! A partition is a group of keys ([`Table::group`]) and a *bucket*, an interval of keys within the
//! group: the 16 bytes behind the group (zeros if there are fewer), as a number, without its lower
//! bits. So buckets are in the order of keys, and how many keys a bucket can hold is bounded.
//!
//! Accounts, and participants, share partitions, 32 neighbours each: a batch touches many of them,
//! and rows of one partition are written together. All movements of a batch are bounded anyway.

use crate::table::Table;

/// Buckets of one span of the directory.
const SPAN_LOG2: u32 = 13;
/// Accounts, or participants, that share partitions.
const OWNERS_LOG2: u32 = 5;
/// A bucket's bytes.
pub(super) const BUCKET_BYTES: usize = 16;

/// How many lower bits of the 128 behind the group do not show in the bucket. Behind each: what a
/// partition holds at most, for batches of 131,072 transfers and records of 1,024 orders.
fn hidden_bits(table: Table, group: &[u8]) -> u32 {
    match table {
        // "ccount/" and an account: 4,096 accounts, 100 KiB.
        Table::Meta => 40 + 12,
        // Headers and certificates of 16 batches: 16 MiB.
        Table::Batches if matches!(group, [0 | 3]) => 64 + 4,
        // Nets and balances of 4 batches: 48 MiB.
        Table::Batches => 64 + 2,
        // 4 batches: 17 MiB in 260 rows.
        Table::Transfers => 64 + 2,
        // 8 batches of 32 accounts: 48 MiB if they have a part in every transfer.
        Table::Postings => 64 + 3,
        // 8 batches of 32 participants: 24 MiB.
        Table::Feed => 64 + 3,
        // 64 records: 1 MiB for every change of all their payments.
        Table::States => 64 + 6,
        // A level: a few runs.
        Table::Uetrs => 120,
        // 256 pages or pieces of a filter: 16 MiB.
        Table::UetrPages => 96 + 8,
        // Manifests within 2^20 positions; 64 chunks: 16 MiB.
        Table::Snapshots if group == [0] => 64 + 20,
        Table::Snapshots => 32 + 6,
        // 64 pages: 4.7 MiB.
        Table::SeenPages => 64 + 6,
        // 16 records of FX payments: 5 MiB for every match of all of them.
        Table::Matches if group == [0] => 64 + 20 + 4,
        // 64 records: 0.5 MiB.
        Table::Matches => 64 + 20 + 6,
        // What an order is referred to by within 65,536 records: a byte and a key each.
        Table::Statements if group.first() == Some(&1) => 64 + 20 + 16,
        // Epoch ids are random: a 256th of a sender's epochs, a byte and a key each.
        Table::Statements if group.first() == Some(&2) => 120,
        // 1,024 records of one whom they concern: 0.5 MiB.
        Table::Statements => 64 + 10,
    }
}

/// A group of a table's keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    pub(super) table: Table,
    bytes: &'a [u8],
}

impl<'a> Group<'a> {
    /// The group of a key.
    pub(super) fn of(table: Table, key: &'a [u8]) -> Self {
        Self { table, bytes: table.group(key) }
    }

    /// Whether a key is in it.
    pub(super) fn holds(&self, key: &[u8]) -> bool {
        self.table.group(key) == self.bytes
    }

    /// The bucket of a key: of one that is not in the group, the one before or behind all.
    pub(super) fn bucket(&self, key: &[u8]) -> u128 {
        if !self.holds(key) {
            return if key < self.bytes { 0 } else { u128::MAX >> self.hidden_bits() };
        }
        let mut window = [0; BUCKET_BYTES];
        for (byte, from) in window.iter_mut().zip(&key[self.bytes.len()..]) {
            *byte = *from;
        }
        u128::from_be_bytes(window) >> self.hidden_bits()
    }

    fn hidden_bits(&self) -> u32 {
        hidden_bits(self.table, self.bytes)
    }

    /// The first bytes of its keys.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What its partitions begin with: neighbours share them.
    pub(super) fn shared(&self) -> Vec<u8> {
        match (self.table, self.bytes.first_chunk()) {
            (Table::Postings | Table::Feed, Some(owner)) => {
                let neighbours = u32::from_be_bytes(*owner) >> OWNERS_LOG2;
                neighbours.to_be_bytes().to_vec()
            }
            _ => self.bytes.to_vec(),
        }
    }

    /// The partition of a bucket, and of the directory that of a span: `shared | number`.
    pub(super) fn part(&self, number: u128) -> Vec<u8> {
        [&self.shared()[..], &number.to_be_bytes()].concat()
    }

    /// What the directory calls a bucket, or a span: `group | number`.
    pub(super) fn entry(&self, number: u128) -> Vec<u8> {
        [self.bytes, &number.to_be_bytes()].concat()
    }

    /// The end of a range that ends before `to`, within the group: its partitions have other rows.
    pub(super) fn end(&self, to: &[u8]) -> Vec<u8> {
        let Some(last) = self.bytes.iter().rposition(|byte| *byte < u8::MAX) else {
            return to.to_vec();
        };
        let mut behind = self.bytes[..=last].to_vec();
        behind[last] += 1;
        behind.min(to.to_vec())
    }
}

/// The span that a bucket is listed in.
pub(super) fn span_of(bucket: u128) -> u128 {
    bucket >> SPAN_LOG2
}

/// The first and the last bucket of a span.
pub(super) fn buckets_of(span: u128) -> (u128, u128) {
    let first = span << SPAN_LOG2;
    (first, first | ((1 << SPAN_LOG2) - 1))
}

/// The partition of a key.
pub(super) fn part_of(table: Table, key: &[u8]) -> Vec<u8> {
    let group = Group::of(table, key);
    group.part(group.bucket(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Buckets of a group are in the order of keys, whatever the keys.
        #[test]
        fn buckets_are_in_the_order_of_keys(
            table in prop::sample::select(&Table::ALL[..]),
            mut a in prop::collection::vec(any::<u8>(), 1..24),
            b in prop::collection::vec(any::<u8>(), 1..24),
        ) {
            let group_bytes = table.group(&b).len().min(a.len());
            a[..group_bytes].copy_from_slice(&b[..group_bytes]);
            let group = Group::of(table, &a);
            let (low, high) = if a < b { (&a, &b) } else { (&b, &a) };
            prop_assert!(group.bucket(low) <= group.bucket(high));
            let (first, last) = buckets_of(span_of(group.bucket(&a)));
            prop_assert!((first..=last).contains(&group.bucket(&a)));
        }
    }

    #[test]
    fn neighbours_share_a_partition_up_to_its_bound() {
        let key = |batch: u64| [&7_u32.to_be_bytes()[..], &batch.to_be_bytes(), &[0, 0]].concat();
        assert_eq!(part_of(Table::Postings, &key(16)), part_of(Table::Postings, &key(23)));
        assert_ne!(part_of(Table::Postings, &key(23)), part_of(Table::Postings, &key(24)));
        let chunk = |chunk: u32| [&[1][..], &9_u64.to_be_bytes(), &chunk.to_be_bytes()].concat();
        assert_eq!(part_of(Table::Snapshots, &chunk(0)), part_of(Table::Snapshots, &chunk(63)));
        assert_ne!(part_of(Table::Snapshots, &chunk(63)), part_of(Table::Snapshots, &chunk(64)));
        let account = |account: u32| [&b"account/"[..], &account.to_be_bytes()].concat();
        assert_eq!(part_of(Table::Meta, &account(0)), part_of(Table::Meta, &account(4_095)));
        assert_ne!(part_of(Table::Meta, &account(4_095)), part_of(Table::Meta, &account(4_096)));
    }
}
