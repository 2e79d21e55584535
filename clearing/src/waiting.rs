//! The payments that are accepted and not in a queue: they wait for an instant, for the day of
//! their value date, or for the other members of their group.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Hash, Tree};
use sha2::{Digest, Sha256};

use crate::payment::{Payment, Stage};
use crate::record::Place;

/// The places are hashed in this many portions, so that a change rehashes only one of them.
const PORTIONS: usize = 256;

/// Where payments wait outside the queues.
#[derive(Debug)]
pub(crate) struct Waiting {
    by_time: BTreeSet<(u64, Place)>,
    /// By currency, value date, place.
    by_date: BTreeSet<(u8, u32, Place)>,
    all: BTreeMap<(usize, Place), Stage>,
    tree: Tree,
}

impl Default for Waiting {
    fn default() -> Self {
        let mut tree = Tree::new();
        tree.grow(PORTIONS);
        Self { by_time: BTreeSet::new(), by_date: BTreeSet::new(), all: BTreeMap::new(), tree }
    }
}

fn portion(place: Place) -> usize {
    (place.0 % PORTIONS as u64) as usize
}

impl Waiting {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Takes in a payment by its stage.
    pub(crate) fn insert(&mut self, payment: &Payment) {
        let place = payment.place;
        match payment.stage {
            Stage::Time => _ = self.by_time.insert((payment.not_before_ms, place)),
            Stage::Date => {
                self.by_date.insert((payment.currency, payment.value_date, place));
            }
            Stage::Group | Stage::Queue | Stage::Match | Stage::Matched | Stage::Held => {}
        }
        self.all.insert((portion(place), place), payment.stage);
        self.tree.mark(portion(place));
    }

    /// Takes a payment out again.
    pub(crate) fn remove(&mut self, payment: &Payment) {
        let place = payment.place;
        match payment.stage {
            Stage::Time => _ = self.by_time.remove(&(payment.not_before_ms, place)),
            Stage::Date => {
                self.by_date.remove(&(payment.currency, payment.value_date, place));
            }
            Stage::Group | Stage::Queue | Stage::Match | Stage::Matched | Stage::Held => {}
        }
        self.all.remove(&(portion(place), place));
        self.tree.mark(portion(place));
    }

    /// The earliest instant for which a payment waits.
    pub(crate) fn first_instant(&self) -> Option<u64> {
        self.by_time.first().map(|(at_ms, _)| *at_ms)
    }

    /// A payment whose instant has come, the earliest first.
    pub(crate) fn first_due(&self, now_ms: u64) -> Option<Place> {
        let (at_ms, place) = self.by_time.first()?;
        (*at_ms <= now_ms).then_some(*place)
    }

    /// The payments that wait for a day up to `date`, in the order of their places.
    pub(crate) fn dated(&self, currency: u8, date: u32) -> Vec<Place> {
        let range = (currency, 0, Place(0))..=(currency, date, Place(u64::MAX));
        let mut places: Vec<Place> =
            self.by_date.range(range).map(|(_, _, place)| *place).collect();
        places.sort_unstable();
        places
    }

    /// The Merkle root over the digests of the portions.
    pub(crate) fn root(&mut self) -> Hash {
        let all = &self.all;
        self.tree.root(|index| portion_digest(all, index))
    }

    /// The same from nothing.
    pub(crate) fn recompute_root(&self) -> Hash {
        let leaves: Vec<Hash> =
            (0..PORTIONS).map(|index| portion_digest(&self.all, index)).collect();
        ledger::merkle::root_of_hashes(&leaves)
    }
}

fn portion_digest(all: &BTreeMap<(usize, Place), Stage>, index: usize) -> Hash {
    let mut hasher = Sha256::new_with_prefix([0]);
    for ((_, place), stage) in all.range((index, Place(0))..=(index, Place(u64::MAX))) {
        hasher.update(place.0.to_be_bytes());
        hasher.update([*stage as u8]);
    }
    hasher.finalize().into()
}
