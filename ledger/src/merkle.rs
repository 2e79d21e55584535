//! The Merkle tree hash of RFC 6962, section 2.1, with the inclusion proofs of RFC 9162.
//!
//! A tree of `n` leaves splits at the largest power of two below `n`. Building it bottom up, with
//! an odd node carried up unchanged, gives the same tree; both views are used below.

use sha2::{Digest, Sha256};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The hash of a leaf's data: `SHA-256(0x00 || data)`.
pub fn leaf_hash(data: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(data);
    hasher.finalize().into()
}

/// The hash of an inner node: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut node = [1; 65];
    node[1..33].copy_from_slice(left);
    node[33..].copy_from_slice(right);
    Sha256::digest(node).into()
}

/// The root over leaves that are already hashed; the root of no leaves is `SHA-256("")`.
///
/// Allocates nothing: it keeps the roots of the complete subtrees seen so far, at most one of each
/// height.
pub fn root_of_hashes(leaves: &[Hash]) -> Hash {
    let mut peaks = [[0; 32]; usize::BITS as usize];
    let mut peak_count = 0;
    for (index, leaf) in leaves.iter().enumerate() {
        let mut hash = *leaf;
        // Each one bit at the low end of the index is a finished subtree of this leaf's height.
        for _ in 0..index.trailing_ones() {
            peak_count -= 1;
            hash = node_hash(&peaks[peak_count], &hash);
        }
        peaks[peak_count] = hash;
        peak_count += 1;
    }
    let joined = peaks[..peak_count].iter().rev().copied().reduce(|right, left| {
        // The lower peaks are the right part of the tree.
        node_hash(&left, &right)
    });
    joined.unwrap_or_else(|| Sha256::digest([]).into())
}

/// The inclusion proof of the leaf at `index`: its siblings from the leaf up to the root.
///
/// `None` if there is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut leaves, mut index) = (leaves, index);
    let mut proof = Vec::new();
    while leaves.len() > 1 {
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        if index < split {
            proof.push(root_of_hashes(right));
            leaves = left;
        } else {
            proof.push(root_of_hashes(left));
            (leaves, index) = (right, index - split);
        }
    }
    proof.reverse();
    Some(proof)
}

/// Whether `proof` shows that `leaf` is the leaf at `index` of the tree of `size` leaves with this
/// `root` (RFC 9162, section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 2.1 of RFC 6962, word for word.
    fn by_definition(data: &[Vec<u8>]) -> Hash {
        match data {
            [] => Sha256::digest([]).into(),
            [one] => leaf_hash(one),
            _ => {
                let split = (1..).map(|i| 1 << i).take_while(|k| *k < data.len()).last();
                let (left, right) = data.split_at(split.unwrap_or(1));
                node_hash(&by_definition(left), &by_definition(right))
            }
        }
    }

    /// The inputs of the reference implementation of certificate transparency.
    fn reference_data() -> Vec<Vec<u8>> {
        vec![
            vec![],
            vec![0x00],
            vec![0x10],
            vec![0x20, 0x21],
            vec![0x30, 0x31],
            vec![0x40, 0x41, 0x42, 0x43],
            (0x50..=0x57).collect(),
            (0x60..=0x6f).collect(),
        ]
    }

    fn hex(hash: &Hash) -> String {
        hash.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn known_roots() {
        let leaves: Vec<Hash> = reference_data().iter().map(|d| leaf_hash(d)).collect();
        for (size, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(hex(&root_of_hashes(&leaves[..size])), root, "{size} leaves");
        }
    }

    #[test]
    fn roots_follow_the_definition_and_every_proof_holds_only_at_its_place() {
        let data: Vec<Vec<u8>> = (0_u8..70).map(|i| vec![i; usize::from(i)]).collect();
        let leaves: Vec<Hash> = data.iter().map(|d| leaf_hash(d)).collect();
        for size in 0..=data.len() {
            let leaves = &leaves[..size];
            let root = root_of_hashes(leaves);
            assert_eq!(root, by_definition(&data[..size]));
            assert_eq!(inclusion_proof(leaves, size), None);
            for (index, leaf) in leaves.iter().enumerate() {
                let proof = inclusion_proof(leaves, index).unwrap();
                let holds = |i: usize, n: usize, proof: &[Hash]| {
                    verify_inclusion(leaf, i as u64, n as u64, proof, &root)
                };
                assert!(holds(index, size, &proof));
                assert!((0..size).all(|other| other == index || !holds(other, size, &proof)));
                assert!(proof.is_empty() || !holds(index, size, &proof[1..]));
                assert!(!holds(index, size, &[proof.as_slice(), &[root]].concat()));
            }
        }
    }
}
