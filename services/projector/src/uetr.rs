//! The index of references: where the payments with a UETR stand in the log.
//!
//! An entry is a hash of the reference and a place; whoever looks up verifies the reference on the
//! order itself, so a false hit costs a read and nothing else. The hash is keyed with a secret of
//! the store, so nobody can make references that collide.
//!
//! The newest entries live in a table in memory. Once it holds a run's worth, at the end of a
//! batch, it is frozen, and a thread of its own sorts it and writes it as a run; the same thread
//! merges runs, eight at a time. After a start, what is in no run yet is gathered again from the
//! log ([`Index::open`] says from where).
//!
//! Which entries a run holds, and in which commits of stream [`store::Stream::Uetrs`] it is written,
//! is a function of the log, the seed and the size of runs: several writers write the same. Whoever
//! only reads takes note of their runs ([`Index::refresh`]).

mod filter;
mod run;
mod worker;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use channel::Uetr;
use clearing::Place;
use hashbrown::HashTable;
use store::{Fact, Store, Table};

use crate::fault::Fault;
use crate::metrics;
use run::{Run, RunId};
pub(crate) use worker::IndexWriter;

/// A reference's hash and a place where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) hash: u64,
    pub(crate) place: u64,
}

/// How far runs cover the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Covered {
    /// The first position that is in no run.
    pub(crate) position: u64,
    /// The last batch that is in a run.
    pub(crate) batch: u64,
}

/// The secret under which references are hashed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(pub(crate) [u64; 2]);

impl Seed {
    /// A keyed hash by folded multiplication.
    pub(crate) fn hash(self, uetr: Uetr) -> u64 {
        let number = u128::from_be_bytes(uetr.0);
        let (high, low) = ((number >> 64) as u64, number as u64);
        let first = fold(high ^ self.0[0], low ^ self.0[1]);
        fold(first ^ self.0[1], self.0[0] | 1)
    }

    /// The store's seed; for a new store one is drawn, and the first that was drawn holds.
    pub(crate) fn of(store: &dyn Store) -> Result<Self, Fault> {
        let bytes = match store.decided(Fact::UetrSeed)? {
            Some(bytes) => bytes,
            None => {
                let draw =
                    || getrandom::u64().map_err(|error| Fault::system("draw a seed", &error));
                let drawn = [draw()?, draw()?].map(u64::to_be_bytes);
                store.decide(Fact::UetrSeed, drawn.as_flattened())?
            }
        };
        match bytes.as_ref().as_chunks::<8>() {
            ([first, second], []) => Ok(Self([*first, *second].map(u64::from_be_bytes))),
            _ => Err(Fault::malformed(Table::Meta, "seed")),
        }
    }
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// Entries in memory.
type Memory = HashTable<Entry>;

/// A run's worth of entries on its way to the store.
#[derive(Debug)]
struct Frozen {
    entries: Memory,
    id: RunId,
    covered: Covered,
}

/// The index, to look things up in. Clones share it.
#[derive(Clone)]
pub(crate) struct Index(Arc<Shared>);

struct Shared {
    store: Arc<dyn Store>,
    seed: Seed,
    state: RwLock<State>,
    filter_bytes_max: usize,
}

#[derive(Default)]
struct State {
    newest: Memory,
    frozen: Vec<Arc<Frozen>>,
    runs: Vec<Arc<Run>>,
}

/// A look-up begins again this often when the runs it reads are merged away under it.
const ATTEMPTS: usize = 16;

impl Index {
    /// Opens the index of a store, and says how far its runs cover the log.
    pub(crate) fn open(
        store: Arc<dyn Store>,
        filter_bytes_max: usize,
    ) -> Result<(Self, Covered), Fault> {
        let seed = Seed::of(&*store)?;
        let state = RwLock::default();
        let index = Self(Arc::new(Shared { store, seed, state, filter_bytes_max }));
        let covered = index.refresh()?;
        Ok((index, covered))
    }

    /// Takes note of the runs in the store, whoever wrote them; how far they cover the log.
    pub(crate) fn refresh(&self) -> Result<Covered, Fault> {
        let store = &*self.0.store;
        let listed = Run::list(store)?;
        let known = self.state().runs.clone();
        let mut filter_bytes = 0;
        let mut runs = Vec::with_capacity(listed.len());
        // The newest first: they are asked for most, and there are few of the oldest.
        for mut run in listed {
            let known = known.iter().find(|known| known.id == run.id);
            filter_bytes += run.filter_bytes();
            let fits = filter_bytes <= self.0.filter_bytes_max;
            match known {
                Some(known) if known.filter.is_some() == fits => runs.push(known.clone()),
                _ => {
                    if fits {
                        run.load_filter(store)?;
                    }
                    runs.push(Arc::new(run));
                }
            }
        }
        let covered = runs.first().map(|run| run.covered).unwrap_or_default();
        metrics::uetr_runs(runs.len());
        self.state_mut().runs = runs;
        Ok(covered)
    }

    /// Adds the entries of a batch to those in memory.
    pub(crate) fn remember(&self, entries: &[Entry]) {
        let mut state = self.state_mut();
        for entry in entries {
            state.newest.insert_unique(entry.hash, *entry, |entry| entry.hash);
        }
    }

    /// For one who only reads: forgets the entries in memory that runs cover.
    pub(crate) fn forget(&self, covered: Covered) {
        let kept = |entry: &mut Entry| Place(entry.place).position() >= covered.position;
        self.state_mut().newest.retain(kept);
    }

    /// The secret under which references are hashed.
    pub(crate) fn seed(&self) -> Seed {
        self.0.seed
    }

    /// Places where the reference may stand, ascending.
    pub(crate) fn places(&self, uetr: Uetr) -> Result<Vec<Place>, Fault> {
        let hash = self.0.seed.hash(uetr);
        for _ in 0..ATTEMPTS {
            if let Some(mut places) = self.attempt(hash)? {
                places.sort_unstable();
                places.dedup();
                return Ok(places.into_iter().map(Place).collect());
            }
            self.refresh()?;
        }
        Err(Fault::malformed(Table::Uetrs, "a page of a run is missing"))
    }

    /// Nothing if a run was merged away meanwhile.
    fn attempt(&self, hash: u64) -> Result<Option<Vec<u64>>, Fault> {
        let mut places = Vec::new();
        let runs = {
            let state = self.state();
            let frozen = state.frozen.iter().map(|frozen| &frozen.entries);
            for memory in frozen.chain([&state.newest]) {
                let found = memory.iter_hash(hash).filter(|entry| entry.hash == hash);
                places.extend(found.map(|entry| entry.place));
            }
            state.runs.clone()
        };
        for run in runs {
            if !run.find(&*self.0.store, hash, &mut places)? {
                return Ok(None);
            }
        }
        Ok(Some(places))
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
