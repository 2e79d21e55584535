//! A submitted batch: one signature over the Merkle root of its order digests.

use ledger::Hash;
use ledger::merkle::{leaf_hash, root_of_hashes};

use crate::participant::ParticipantId;

/// Orders in one submitted batch, at most.
pub const BATCH_ORDERS_MAX: usize = 1024;

/// The low bits of an order's place are its index in its record, the others the record's position.
/// Orders have indices below [`BATCH_ORDERS_MAX`]; payments that a record made have those above.
pub const PLACE_INDEX_BITS: u32 = 20;

const LABEL: &[u8] = b"ppc/1 batch";

/// The RFC 6962 section 2.1 tree hash over `entries`, each entry a leaf.
#[must_use]
pub fn merkle_root<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Hash {
    let leaves: Vec<Hash> = entries.map(leaf_hash).collect();
    root_of_hashes(&leaves)
}

/// What the sender signs for a batch of opaque orders (suite 0: no epoch, first sequence 0):
/// `"ppc/1 batch" ‖ pool u32 ‖ sender u32 ‖ epoch [16] ‖ first_sequence u64 ‖ count u32 ‖ root`.
#[must_use]
pub fn batch_statement(pool: u32, sender: ParticipantId, count: u32, root: &Hash) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LABEL.len() + 68);
    bytes.extend_from_slice(LABEL);
    bytes.extend_from_slice(&pool.to_be_bytes());
    bytes.extend_from_slice(&sender.0.to_be_bytes());
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(&0_u64.to_be_bytes());
    bytes.extend_from_slice(&count.to_be_bytes());
    bytes.extend_from_slice(root);
    bytes
}
