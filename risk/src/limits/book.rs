//! The limits and positions of one currency.

use std::collections::BTreeMap;

use ledger::merkle::leaf_hash;
use ledger::{Hash, Tree};
use sha2::{Digest, Sha256};

use super::Violation;
use super::leaf::{LEAF, hash_leaf, recompute_root};
use super::pairs::PairTable;
use crate::ids::ParticipantId;

/// Stands for "no limit" in a node's bytes; limits are at most `MINOR_MAX`.
pub(super) const NO_LIMIT: u64 = u64::MAX;

/// A participant in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// Paid to all others less paid by them, since the day opened.
    pub(super) position: i128,
    /// The participant's own limit on it.
    pub(super) multilateral: Option<u64>,
    /// The operator's limit on it.
    pub(super) cap: Option<u64>,
}

impl Node {
    pub(super) const BYTES: usize = 32;

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(&self.position.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.multilateral.unwrap_or(NO_LIMIT).to_be_bytes());
        bytes[24..].copy_from_slice(&self.cap.unwrap_or(NO_LIMIT).to_be_bytes());
        bytes
    }
}

/// Bilateral limits by (from, to).
pub(super) type PairLimits = BTreeMap<(ParticipantId, ParticipantId), u64>;

/// One currency.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    /// By participant, up to the highest number that paid, was paid, or has a limit.
    pub(super) nodes: Vec<Node>,
    pub(super) pairs: PairTable,
    pub(super) pair_limits: PairLimits,
    node_tree: Tree,
    /// The digest of the bilateral limits, until they change.
    pair_limits_hash: Option<Hash>,
}

impl Book {
    pub(super) fn node(&self, id: ParticipantId) -> Node {
        self.nodes.get(id.index()).copied().unwrap_or_default()
    }

    pub(super) fn node_mut(&mut self, id: ParticipantId) -> &mut Node {
        if self.nodes.len() <= id.index() {
            self.grow(id.index() + 1);
        }
        self.node_tree.mark(id.index() / LEAF);
        &mut self.nodes[id.index()]
    }

    fn grow(&mut self, len: usize) {
        // The last leaf may have been in part empty: it changes too.
        if let Some(last) = self.nodes.len().checked_sub(1) {
            self.node_tree.mark(last / LEAF);
        }
        self.nodes.resize(len, Node::default());
        self.node_tree.grow(len.div_ceil(LEAF));
    }

    pub(super) fn record(&mut self, from: ParticipantId, to: ParticipantId, amount: u64) {
        self.node_mut(from).position += i128::from(amount);
        self.node_mut(to).position -= i128::from(amount);
        self.pairs.record(from.0, to.0, amount);
    }

    pub(super) fn set_pair_limit(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        limit: Option<u64>,
    ) {
        match limit {
            Some(limit) => self.pair_limits.insert((from, to), limit),
            None => self.pair_limits.remove(&(from, to)),
        };
        self.pair_limits_hash = None;
    }

    /// Forgets all positions and keeps all limits.
    pub(super) fn reset_day(&mut self) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            if node.position != 0 {
                node.position = 0;
                self.node_tree.mark(index / LEAF);
            }
        }
        self.pairs = PairTable::default();
    }

    /// Each participant's position is the sum of its pairs' positions.
    pub(super) fn check(&self) -> Result<(), Violation> {
        let mut positions = vec![0_i128; self.nodes.len()];
        for pair in self.pairs.pairs() {
            let (low, high) = (pair.low as usize, pair.high as usize);
            if high >= positions.len() {
                return Err(Violation::PositionsDiffer(ParticipantId(pair.high)));
            }
            positions[low] += pair.position;
            positions[high] -= pair.position;
        }
        let differs = |(node, position): (&Node, i128)| node.position != position;
        match self.nodes.iter().zip(positions).position(differs) {
            Some(index) => Err(Violation::PositionsDiffer(ParticipantId(index as u32))),
            None => Ok(()),
        }
    }

    pub(super) fn root(&mut self) -> Hash {
        let nodes = self.node_tree.root(|leaf| hash_leaf(&self.nodes, leaf, Node::to_bytes));
        let limits =
            *self.pair_limits_hash.get_or_insert_with(|| hash_pair_limits(&self.pair_limits));
        join([nodes, self.pairs.root(), limits])
    }

    pub(super) fn recompute_root(&self) -> Hash {
        let nodes = recompute_root(&self.nodes, Node::to_bytes);
        let limits = hash_pair_limits(&self.pair_limits);
        join([nodes, self.pairs.recompute_root(), limits])
    }
}

fn join(parts: [Hash; 3]) -> Hash {
    leaf_hash(parts.as_flattened())
}

fn hash_pair_limits(limits: &PairLimits) -> Hash {
    let mut hasher = Sha256::new_with_prefix([0]);
    for ((from, to), limit) in limits {
        hasher.update(pair_limit_bytes(*from, *to, *limit));
    }
    hasher.finalize().into()
}

pub(super) fn pair_limit_bytes(from: ParticipantId, to: ParticipantId, limit: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&from.0.to_be_bytes());
    bytes[4..8].copy_from_slice(&to.0.to_be_bytes());
    bytes[8..].copy_from_slice(&limit.to_be_bytes());
    bytes
}
