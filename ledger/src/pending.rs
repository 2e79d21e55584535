//! The table of reservations.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::merkle::{Hash, root_of_hashes};
use crate::transfer::{Pending, TransferId};
use crate::tree::Tree;

/// Buckets of the digest: a change rehashes one bucket, not the table.
const BUCKETS: usize = 1 << BUCKET_BITS;
const BUCKET_BITS: u32 = 8;

/// Reservations by number, with an index by expiry and a digest kept by bucket.
#[derive(Clone, Debug)]
pub(crate) struct PendingTable {
    /// By bucket, then number.
    entries: BTreeMap<(usize, TransferId), Pending>,
    by_expiry: BTreeSet<(u64, TransferId)>,
    tree: Tree,
}

/// The bucket of a number. Numbers come in runs with gaps; multiplying spreads them.
const fn bucket(id: TransferId) -> usize {
    (id.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - BUCKET_BITS)) as usize
}

impl PendingTable {
    pub(crate) fn new() -> Self {
        let mut tree = Tree::new();
        tree.grow(BUCKETS);
        Self { entries: BTreeMap::new(), by_expiry: BTreeSet::new(), tree }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, id: TransferId) -> Option<&Pending> {
        self.entries.get(&(bucket(id), id))
    }

    pub(crate) fn insert(&mut self, id: TransferId, pending: Pending) {
        self.remove(id);
        self.by_expiry.insert((pending.expires_at, id));
        self.entries.insert((bucket(id), id), pending);
        self.tree.mark(bucket(id));
    }

    pub(crate) fn remove(&mut self, id: TransferId) -> Option<Pending> {
        let pending = self.entries.remove(&(bucket(id), id))?;
        self.by_expiry.remove(&(pending.expires_at, id));
        self.tree.mark(bucket(id));
        Some(pending)
    }

    /// The reservation that expires first, if it does so by `now_ms`.
    pub(crate) fn first_expired(&self, now_ms: u64) -> Option<TransferId> {
        self.by_expiry.first().filter(|(at, _)| *at <= now_ms).map(|(_, id)| *id)
    }

    /// All reservations, in the order of their numbers.
    pub(crate) fn sorted(&self) -> Vec<(TransferId, Pending)> {
        let mut all: Vec<_> = self.entries.iter().map(|((_, id), p)| (*id, *p)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    /// The Merkle root over the buckets' digests.
    pub(crate) fn root(&mut self) -> Hash {
        self.tree.root(|index| bucket_hash(&self.entries, index))
    }

    /// The same from nothing.
    pub(crate) fn recompute_root(&self) -> Hash {
        let leaves: Vec<Hash> = (0..BUCKETS).map(|i| bucket_hash(&self.entries, i)).collect();
        root_of_hashes(&leaves)
    }
}

fn bucket_hash(entries: &BTreeMap<(usize, TransferId), Pending>, index: usize) -> Hash {
    let mut hasher = Sha256::new_with_prefix([0]);
    for ((_, id), pending) in entries.range((index, TransferId(0))..=(index, TransferId(u64::MAX)))
    {
        hasher.update(to_bytes(*id, pending));
    }
    hasher.finalize().into()
}

/// Bytes of one reservation.
pub(crate) const PENDING_BYTES: usize = 32;

/// The canonical bytes: number, accounts, amount, expiry, all big-endian.
pub(crate) fn to_bytes(id: TransferId, pending: &Pending) -> [u8; PENDING_BYTES] {
    let mut bytes = [0; PENDING_BYTES];
    bytes[..8].copy_from_slice(&id.0.to_be_bytes());
    bytes[8..12].copy_from_slice(&pending.debit.0.to_be_bytes());
    bytes[12..16].copy_from_slice(&pending.credit.0.to_be_bytes());
    bytes[16..24].copy_from_slice(&pending.amount.to_be_bytes());
    bytes[24..].copy_from_slice(&pending.expires_at.to_be_bytes());
    bytes
}
