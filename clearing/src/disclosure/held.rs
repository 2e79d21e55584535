//! Payments that are held until somebody has given the word that the policy asks for.

use std::collections::BTreeMap;

use channel::{DecodeError, ParticipantId, Reader, SLOTS_MAX, Writer};
use ledger::{Hash, Tree};
use sha2::{Digest, Sha256};

use crate::record::Place;
use crate::state::{bounded, read_bool};

/// Payments held at once, at most.
pub const HELD_MAX: usize = 1 << 20;
/// The places are hashed in this many portions, so that a change rehashes only one of them.
const PORTIONS: usize = 256;

/// What a held payment waits for, as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Which payment.
    pub place: Place,
    /// For the verdict of a screener who has given none.
    pub screening: bool,
    /// For another verdict of a screener who holds it.
    pub stopped: bool,
    /// For the receiver's confirmation.
    pub confirmation: bool,
}

/// How many payments are held, by what they wait for. One may wait for several words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldFor {
    /// For the verdict of a screener who has given none.
    pub screening: u64,
    /// For another verdict of a screener who holds them.
    pub stopped: u64,
    /// For the receiver's confirmation.
    pub confirmation: u64,
}

impl HeldFor {
    /// Every number with the one of the same name.
    fn counts_mut(&mut self, hold: &Hold) -> [(&mut u64, u64); 3] {
        [
            (&mut self.screening, hold.screening.into()),
            (&mut self.stopped, hold.stopped.into()),
            (&mut self.confirmation, hold.confirmation.into()),
        ]
    }

    fn add(&mut self, hold: &Hold) {
        self.counts_mut(hold).into_iter().for_each(|(count, one)| *count += one);
    }

    fn subtract(&mut self, hold: &Hold) {
        self.counts_mut(hold).into_iter().for_each(|(count, one)| *count -= one);
    }
}

/// What a held payment waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Who must pass it yet, and when that screener said to hold it, by its own clock, ms.
    pub(super) screeners: Vec<(ParticipantId, Option<u64>)>,
    pub(super) confirmation: bool,
}

impl Held {
    pub(super) fn over(&self) -> bool {
        self.screeners.is_empty() && !self.confirmation
    }

    pub(crate) fn told(&self, place: Place) -> Hold {
        let stopped = |wanted| self.screeners.iter().any(|(_, at)| at.is_some() == wanted);
        let (screening, stopped) = (stopped(false), stopped(true));
        Hold { place, screening, stopped, confirmation: self.confirmation }
    }

    fn write(&self, writer: &mut Writer) {
        writer.u8(u8::from(self.confirmation)).u8(self.screeners.len() as u8);
        for (screener, stopped_at_ms) in &self.screeners {
            writer.u32(screener.0).u8(u8::from(stopped_at_ms.is_some()));
            writer.u64(stopped_at_ms.unwrap_or_default());
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let confirmation = read_bool(reader, "hold confirmation")?;
        let count = bounded(reader.u8("hold screeners")?.into(), SLOTS_MAX.into(), "screeners")?;
        let screener = |_| {
            let screener = ParticipantId(reader.u32("screener")?);
            let stopped = read_bool(reader, "screener holds")?;
            let at_ms = reader.u64("screened at")?;
            Ok((screener, stopped.then_some(at_ms)))
        };
        let screeners = (0..count).map(screener).collect::<Result<_, DecodeError>>()?;
        Ok(Self { screeners, confirmation })
    }
}

/// All payments that are held, by portion and place.
#[derive(Debug)]
pub(crate) struct Holds {
    all: BTreeMap<(usize, Place), Held>,
    /// How many of them wait for what; follows from `all`.
    count: HeldFor,
    tree: Tree,
}

impl Default for Holds {
    fn default() -> Self {
        let mut tree = Tree::new();
        tree.grow(PORTIONS);
        Self { all: BTreeMap::new(), count: HeldFor::default(), tree }
    }
}

fn key(place: Place) -> (usize, Place) {
    ((place.0 % PORTIONS as u64) as usize, place)
}

impl Holds {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn count(&self) -> HeldFor {
        self.count
    }

    /// The same, counted anew.
    pub(crate) fn recount(&self) -> HeldFor {
        let mut count = HeldFor::default();
        self.all.iter().for_each(|((_, place), held)| count.add(&held.told(*place)));
        count
    }

    pub(crate) fn get(&self, place: Place) -> Option<&Held> {
        self.all.get(&key(place))
    }

    pub(crate) fn insert(&mut self, place: Place, held: Held) {
        self.tree.mark(key(place).0);
        self.count.add(&held.told(place));
        if let Some(before) = self.all.insert(key(place), held) {
            self.count.subtract(&before.told(place));
        }
    }

    pub(crate) fn remove(&mut self, place: Place) {
        self.tree.mark(key(place).0);
        if let Some(before) = self.all.remove(&key(place)) {
            self.count.subtract(&before.told(place));
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u32(self.all.len() as u32);
        for ((_, place), held) in &self.all {
            writer.u64(place.0);
            held.write(writer);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut holds = Self::default();
        for _ in 0..bounded(reader.u32("held")?, HELD_MAX, "held")? {
            let place = Place(reader.u64("held place")?);
            holds.insert(place, Held::read(reader)?);
        }
        Ok(holds)
    }

    pub(super) fn root(&mut self) -> Hash {
        let all = &self.all;
        self.tree.root(|index| portion_digest(all, index))
    }

    pub(super) fn recompute_root(&self) -> Hash {
        let leaves: Vec<Hash> =
            (0..PORTIONS).map(|index| portion_digest(&self.all, index)).collect();
        ledger::merkle::root_of_hashes(&leaves)
    }
}

fn portion_digest(all: &BTreeMap<(usize, Place), Held>, index: usize) -> Hash {
    let mut writer = Writer::new();
    writer.u8(0);
    for ((_, place), held) in all.range((index, Place(0))..=(index, Place(u64::MAX))) {
        writer.u64(place.0);
        held.write(&mut writer);
    }
    Sha256::digest(writer.into_bytes()).into()
}
