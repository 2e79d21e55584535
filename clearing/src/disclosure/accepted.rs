//! The statements accepted last: the same bytes again are accepted again and change nothing.

use std::collections::{BTreeSet, VecDeque};

use channel::{AnyStatement, DecodeError, Reader, Writer};
use ledger::Hash;
use sha2::{Digest, Sha256};

use crate::state::bounded;

/// Statements remembered, at most: the oldest is forgotten first. What is older than these is
/// known by what it left behind, or refused as of no use any more.
const ACCEPTED_MAX: usize = 65_536;

/// Hashes of statements in the order in which they were accepted.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    hashes: VecDeque<Hash>,
    known: BTreeSet<Hash>,
    /// How many were forgotten, the chain of them, and of all.
    forgotten: u64,
    base: Hash,
    tip: Hash,
}

impl Accepted {
    /// What a statement is remembered by.
    pub(super) fn hash(statement: &AnyStatement) -> Hash {
        let bytes = statement.encode();
        Sha256::new().chain_update([statement.kind()]).chain_update(bytes).finalize().into()
    }

    pub(super) fn contains(&self, hash: &Hash) -> bool {
        self.known.contains(hash)
    }

    pub(super) fn insert(&mut self, hash: Hash) {
        if self.hashes.len() == ACCEPTED_MAX
            && let Some(oldest) = self.hashes.pop_front()
        {
            self.known.remove(&oldest);
            self.base = link(&self.base, &oldest);
            self.forgotten += 1;
        }
        self.tip = link(&self.tip, &hash);
        self.known.insert(hash);
        self.hashes.push_back(hash);
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u64(self.forgotten).raw(&self.base).u32(self.hashes.len() as u32);
        self.hashes.iter().for_each(|hash| _ = writer.raw(hash));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let forgotten = reader.u64("forgotten statements")?;
        let base = reader.array("statements before")?;
        let mut accepted = Self { forgotten, base, tip: base, ..Self::default() };
        let count = reader.u32("accepted statements")?;
        for _ in 0..bounded(count, ACCEPTED_MAX, "accepted statements")? {
            accepted.insert(reader.array("accepted statement")?);
        }
        Ok(accepted)
    }

    pub(super) fn root(&self) -> Hash {
        self.root_of(&self.tip)
    }

    pub(super) fn recompute_root(&self) -> Hash {
        self.root_of(&self.hashes.iter().fold(self.base, |tip, hash| link(&tip, hash)))
    }

    fn root_of(&self, tip: &Hash) -> Hash {
        let mut hasher = Sha256::new_with_prefix(self.forgotten.to_be_bytes());
        hasher.update((self.hashes.len() as u64).to_be_bytes());
        hasher.update(tip);
        hasher.finalize().into()
    }
}

fn link(tip: &Hash, hash: &Hash) -> Hash {
    Sha256::new().chain_update(tip).chain_update(hash).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_the_root_is_that_of_what_is_left() {
        let mut accepted = Accepted::default();
        let hash = |number: usize| Hash::from(Sha256::digest(number.to_be_bytes()));
        (0..ACCEPTED_MAX + 2).for_each(|number| accepted.insert(hash(number)));
        assert!(!accepted.contains(&hash(1)) && accepted.contains(&hash(2)));
        assert_eq!(accepted.root(), accepted.recompute_root());
        let mut writer = Writer::new();
        accepted.write(&mut writer);
        let read = Accepted::read(&mut Reader::new(&writer.into_bytes())).unwrap();
        assert_eq!(read.root(), accepted.root());
        assert!(read.contains(&hash(ACCEPTED_MAX + 1)));
    }
}
