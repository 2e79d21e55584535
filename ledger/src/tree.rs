//! A Merkle tree that rehashes only what changed.

use sha2::{Digest, Sha256};

use crate::merkle::{Hash, node_hash};

/// The tree of [`root_of_hashes`](crate::merkle::root_of_hashes), kept level by level.
///
/// The owner of the leaves marks those that change; [`Tree::root`] asks for their hashes and
/// rebuilds the paths above them, each node once.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The leaves' hashes, then each level of nodes above; the last level is the root alone.
    levels: Vec<Vec<Hash>>,
    dirty: Vec<bool>,
    changed: Vec<usize>,
}

impl Tree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends leaves up to `len` of them, all marked.
    pub fn grow(&mut self, len: usize) {
        for index in self.dirty.len()..len {
            self.dirty.push(true);
            self.changed.push(index);
        }
    }

    /// Marks a leaf as changed.
    ///
    /// # Panics
    /// If there is no such leaf.
    pub fn mark(&mut self, index: usize) {
        if !self.dirty[index] {
            self.dirty[index] = true;
            self.changed.push(index);
        }
    }

    /// The root, after asking `leaf` for the hash of each marked leaf.
    pub fn root(&mut self, leaf: impl Fn(usize) -> Hash) -> Hash {
        let len = self.dirty.len();
        if len == 0 {
            return Sha256::digest([]).into();
        }
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable();
        self.resize(len);
        for &index in &changed {
            self.dirty[index] = false;
            self.levels[0][index] = leaf(index);
        }
        for level in 1..self.levels.len() {
            changed.iter_mut().for_each(|index| *index /= 2);
            changed.dedup();
            let (below, above) = self.levels.split_at_mut(level);
            let below = &below[level - 1];
            for &index in &changed {
                // An odd node at the end is carried up unchanged.
                above[0][index] = match below.get(2 * index + 1) {
                    Some(right) => node_hash(&below[2 * index], right),
                    None => below[2 * index],
                };
            }
        }
        changed.clear();
        self.changed = changed;
        self.levels[self.levels.len() - 1][0]
    }

    /// Makes room for all nodes. Every new node, and every node whose children changed in number,
    /// lies above a new leaf, so it is rehashed.
    fn resize(&mut self, len: usize) {
        let (mut level, mut width) = (0, len);
        loop {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            self.levels[level].resize(width, [0; 32]);
            if width == 1 {
                return;
            }
            (level, width) = (level + 1, width.div_ceil(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{leaf_hash, root_of_hashes};

    #[test]
    fn any_growth_and_any_change_gives_the_root_over_all_leaves() {
        let mut tree = Tree::new();
        let mut leaves: Vec<Hash> = Vec::new();
        assert_eq!(tree.root(|_| unreachable!("no leaves")), root_of_hashes(&[]));
        for round in 0_u32..200 {
            for _ in 0..round % 4 {
                leaves.push(leaf_hash(&round.to_be_bytes()));
            }
            tree.grow(leaves.len());
            for step in [7, 31] {
                let index = (round * step) as usize;
                if let Some(leaf) = leaves.get_mut(index) {
                    *leaf = leaf_hash(&[round as u8, step as u8]);
                    tree.mark(index);
                }
            }
            assert_eq!(tree.root(|index| leaves[index]), root_of_hashes(&leaves), "{round}");
        }
    }
}
