//! That an order was signed by its sender: the path from its digest to the root of its batch.

use channel::BatchProof;
use ledger::Hash;
use ledger::merkle::{leaf_hash, node_hash};

/// The tree over the digests of one batch (RFC 6962), level by level from the leaves up. Readers
/// take many orders of one batch: with the tree at hand a path costs no hashing.
pub(crate) struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    pub(crate) fn new(digests: &[Hash]) -> Self {
        let mut levels = vec![digests.iter().map(|digest| leaf_hash(digest)).collect::<Vec<_>>()];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let node = |pair: &[Hash]| match pair {
                [left, right] => node_hash(left, right),
                // Without a sibling it stands for itself one level higher.
                alone => alone[0],
            };
            let level = below.chunks(2).map(node).collect();
            levels.push(level);
        }
        Self { levels }
    }

    /// The proof for the order at `index`; nothing if there is none.
    pub(crate) fn proof(&self, index: usize, signature: [u8; 64]) -> Option<BatchProof> {
        let leaves = self.levels.first()?;
        leaves.get(index)?;
        let sibling =
            |(height, level): (usize, &Vec<Hash>)| level.get(index >> height ^ 1).copied();
        Some(BatchProof {
            count: u32::try_from(leaves.len()).ok()?,
            index: u32::try_from(index).ok()?,
            root: *self.levels.last()?.first()?,
            path: self.levels.iter().enumerate().filter_map(sibling).collect(),
            signature,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_those_of_the_channel() {
        for count in (1..=33).chain([1_023, 1_024]) {
            let digests: Vec<Hash> =
                (0..count).map(|number: u32| leaf_hash(&number.to_be_bytes())).collect();
            let tree = Tree::new(&digests);
            for index in (0..digests.len()).step_by(1 + digests.len() / 16) {
                let expected = BatchProof::new(&digests, index, [7; 64]);
                assert_eq!(tree.proof(index, [7; 64]), expected, "{index} of {count}");
            }
            assert!(tree.proof(digests.len(), [7; 64]).is_none());
        }
    }
}
