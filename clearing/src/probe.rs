//! A hash table that finds numbers by tag, in one cache line more often than not.
//!
//! Open addressing with linear probing; an entry that is removed is filled from behind, so that no
//! chain is ever cut. A slot holds the tag beside the number, so growing touches nothing else.

/// A table of (tag, number).
#[derive(Debug, Default)]
pub(crate) struct Probe {
    /// `tag << 32 | number`, or [`EMPTY`]; a power of two of them.
    slots: Vec<u64>,
    len: usize,
}

const EMPTY: u64 = u64::MAX;
const SLOTS_MIN: usize = 64;

/// A tag that is none of the table's own marks.
pub(crate) fn tag_of(hash: u32) -> u32 {
    if hash == u32::MAX { 0 } else { hash }
}

fn slot_of(tag: u32, number: u32) -> u64 {
    u64::from(tag) << 32 | u64::from(number)
}

impl Probe {
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }

    fn home(&self, slot: u64) -> usize {
        (slot >> 32) as usize & self.mask()
    }

    /// Where a tag is looked for first; reading it fetches its cache line.
    pub(crate) fn touch(&self, tag: u32) -> u64 {
        self.slots.get(tag as usize & self.mask()).copied().unwrap_or(EMPTY)
    }

    /// The first number of this tag that is the one.
    pub(crate) fn find(&self, tag: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = tag as usize & self.mask();
        loop {
            let slot = self.slots[at];
            if slot == EMPTY {
                return None;
            }
            if (slot >> 32) as u32 == tag && is_it(slot as u32) {
                return Some(slot as u32);
            }
            at = (at + 1) & self.mask();
        }
    }

    pub(crate) fn insert(&mut self, tag: u32, number: u32) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.len += 1;
        self.put(slot_of(tag, number));
    }

    fn put(&mut self, slot: u64) {
        let mut at = self.home(slot);
        while self.slots[at] != EMPTY {
            at = (at + 1) & self.mask();
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(SLOTS_MIN);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; size]);
        old.into_iter().filter(|slot| *slot != EMPTY).for_each(|slot| self.put(slot));
    }

    /// Removes an entry; nothing if it is not there.
    pub(crate) fn remove(&mut self, tag: u32, number: u32) {
        let wanted = slot_of(tag, number);
        if self.slots.is_empty() {
            return;
        }
        let mut at = self.home(wanted);
        while self.slots[at] != wanted {
            if self.slots[at] == EMPTY {
                return;
            }
            at = (at + 1) & self.mask();
        }
        self.len -= 1;
        self.close_gap(at);
    }

    /// Moves entries of the chain forward over a gap, as far as none comes before its home.
    fn close_gap(&mut self, mut gap: usize) {
        let mask = self.mask();
        let mut at = (gap + 1) & mask;
        while self.slots[at] != EMPTY {
            let home = self.home(self.slots[at]);
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(gap) & mask {
                self.slots[gap] = self.slots[at];
                gap = at;
            }
            at = (at + 1) & mask;
        }
        self.slots[gap] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few tags, at both ends of the table, so that chains are long and wrap around.
        #[test]
        fn it_holds_what_was_put_in_and_not_taken_out(
            steps in prop::collection::vec((any::<bool>(), 0_u32..12, 0_u32..40), 0..400),
        ) {
            let (mut table, mut model) = (Probe::default(), BTreeSet::new());
            for (put, tag, number) in steps {
                let tag = tag_of(if tag < 6 { tag } else { u32::MAX - (tag - 6) });
                if put && model.insert((tag, number)) {
                    table.insert(tag, number);
                } else {
                    table.remove(tag, number);
                    model.remove(&(tag, number));
                }
                prop_assert_eq!(table.len(), model.len());
                for number in 0..40 {
                    let found = table.find(tag, |found| found == number);
                    let expected = model.contains(&(tag, number)).then_some(number);
                    prop_assert_eq!(found, expected);
                }
            }
            for (tag, number) in &model {
                prop_assert_eq!(table.find(*tag, |found| found == *number), Some(*number));
            }
        }
    }
}
