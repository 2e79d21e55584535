//! The batches that this process sealed, held against those that others say they sealed.

use std::collections::BTreeMap;

use thiserror::Error;

use super::message::Seal;

/// Batches remembered, of each side.
const KEPT_MAX: usize = 65_536;

/// Two cores made different things of the same log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "batch {number} differs: here it ends at {} with hash {} and root {}, at settler {settler:016x} \
     at {} with hash {} and root {}",
    ours.last, Hex(&ours.hash), Hex(&ours.root), theirs.last, Hex(&theirs.hash), Hex(&theirs.root)
)]
pub(crate) struct Difference {
    number: u64,
    pub(crate) ours: Seal,
    theirs: Seal,
    settler: u64,
}

/// What is known of both sides.
#[derive(Debug, Default)]
pub(crate) struct Seals {
    ours: BTreeMap<u64, Seal>,
    /// Of batches that this process has not sealed yet.
    theirs: BTreeMap<u64, (Seal, u64)>,
    /// The newest batch that somebody told of.
    told: u64,
}

impl Seals {
    /// This process has sealed a batch.
    pub(crate) fn sealed(&mut self, ours: Seal) -> Result<(), Box<Difference>> {
        let told = self.theirs.remove(&ours.number);
        keep(&mut self.ours, ours.number, ours);
        told.map_or(Ok(()), |(theirs, settler)| compare(ours, theirs, settler))
    }

    /// Another process says what it sealed.
    pub(crate) fn hear(&mut self, theirs: Seal, settler: u64) -> Result<(), Box<Difference>> {
        self.told = self.told.max(theirs.number);
        if let Some(ours) = self.ours.get(&theirs.number) {
            return compare(*ours, theirs, settler);
        }
        // Older than what is kept, or not sealed here yet.
        if self.ours.last_key_value().is_none_or(|(last, _)| *last < theirs.number) {
            match self.theirs.get(&theirs.number) {
                Some((other, by)) if *other != theirs => return compare(*other, theirs, *by),
                _ => keep(&mut self.theirs, theirs.number, (theirs, settler)),
            }
        }
        Ok(())
    }

    /// The batches that nobody has told of yet, behind `after`.
    pub(crate) fn untold(&self, after: u64) -> impl Iterator<Item = &Seal> {
        self.ours.range(after.max(self.told) + 1..).map(|(_, seal)| seal)
    }
}

fn keep<T>(kept: &mut BTreeMap<u64, T>, number: u64, value: T) {
    kept.insert(number, value);
    while kept.len() > KEPT_MAX {
        kept.pop_first();
    }
}

fn compare(ours: Seal, theirs: Seal, settler: u64) -> Result<(), Box<Difference>> {
    if ours == theirs {
        return Ok(());
    }
    Err(Box::new(Difference { number: ours.number, ours, theirs, settler }))
}

struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(number: u64, byte: u8) -> Seal {
        Seal { number, last: number * 10, hash: [byte; 32], root: [9; 32] }
    }

    #[test]
    fn a_difference_is_found_whoever_comes_first() {
        let mut seals = Seals::default();
        seals.sealed(seal(1, 1)).unwrap();
        seals.hear(seal(1, 1), 5).unwrap();
        seals.hear(seal(2, 2), 5).unwrap();
        seals.sealed(seal(2, 2)).unwrap();
        let after = seals.hear(seal(2, 3), 5).unwrap_err();
        assert_eq!(after.ours, seal(2, 2));
        seals.hear(seal(3, 3), 5).unwrap();
        let why = seals.sealed(seal(3, 4)).unwrap_err().to_string();
        assert!(why.starts_with("batch 3 differs: here it ends at 30 with hash 0404"), "{why}");
        assert!(why.contains("at settler 0000000000000005 at 30 with hash 0303"), "{why}");
    }

    #[test]
    fn two_others_that_differ_are_a_difference_too() {
        let mut seals = Seals::default();
        seals.hear(seal(4, 1), 5).unwrap();
        seals.hear(seal(4, 1), 6).unwrap();
        assert!(seals.hear(seal(4, 2), 6).is_err());
    }

    #[test]
    fn only_what_nobody_told_of_is_untold() {
        let mut seals = Seals::default();
        (1..=4).for_each(|number| seals.sealed(seal(number, 1)).unwrap());
        seals.hear(seal(2, 1), 5).unwrap();
        let untold = |after| seals.untold(after).map(|seal| seal.number).collect::<Vec<_>>();
        assert_eq!(untold(0), [3, 4]);
        assert_eq!(untold(3), [4]);
    }
}
