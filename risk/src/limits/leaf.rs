//! Rows of small records under a Merkle tree, several records a leaf.

use ledger::Hash;
use ledger::merkle::{leaf_hash, root_of_hashes};

/// Records that share a leaf: with more, a change hashes more bytes; with fewer, more nodes.
pub(super) const LEAF: usize = 8;

/// The hash of a leaf of a row: its records' canonical bytes, one after the other.
pub(super) fn hash_leaf<T: Copy, const N: usize>(
    row: &[T],
    leaf: usize,
    to_bytes: fn(T) -> [u8; N],
) -> Hash {
    let start = leaf * LEAF;
    let records = &row[start..row.len().min(start + LEAF)];
    let mut bytes = [[0; N]; LEAF];
    for (room, record) in bytes.iter_mut().zip(records) {
        *room = to_bytes(*record);
    }
    leaf_hash(bytes[..records.len()].as_flattened())
}

/// The root over a whole row, from nothing.
pub(super) fn recompute_root<T: Copy, const N: usize>(
    row: &[T],
    to_bytes: fn(T) -> [u8; N],
) -> Hash {
    let count = row.len().div_ceil(LEAF);
    let leaves: Vec<Hash> = (0..count).map(|leaf| hash_leaf(row, leaf, to_bytes)).collect();
    root_of_hashes(&leaves)
}
