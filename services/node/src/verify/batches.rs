//! Sealed batches: each for itself, after the one before, and against the store.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use bus::Log;
use clearing::SealedBatch;
use ledger::Hash;
use projector::Reader;
use store::Store;
use store::embedded::EmbeddedStore;

use super::report::Bad;

/// Transfers compared at once.
const PAGE: usize = 4_096;

/// The batches of the replay so far.
pub(super) struct Batches {
    stored: Option<Rows>,
    count: u64,
    next_position: u64,
    hash: Hash,
    state_root: Hash,
}

/// Where a store is.
pub(super) enum Stored {
    /// In a folder, if that is there.
    In(PathBuf),
    /// Here.
    Open(Arc<dyn Store>),
}

/// The store's side; an archive of a log alone has none.
struct Rows {
    reader: Reader,
    last: u64,
}

impl Batches {
    /// Opens the store that is kept beside the log.
    ///
    /// # Errors
    /// The outer one: the store is there but cannot be read now. The inner one: it is damaged.
    pub(super) fn open(at: Stored, log: Arc<dyn Log>, pool: u32) -> Result<Result<Self, Bad>> {
        let store: Result<Arc<dyn Store>, store::Fault> = match at {
            Stored::Open(store) => Ok(store),
            Stored::In(path) if path.is_dir() => {
                let store = EmbeddedStore::open(path, store::embedded::Options::default());
                store.map(|store| Arc::new(store) as Arc<dyn Store>)
            }
            Stored::In(_) => return Ok(Ok(Self::alone())),
        };
        let opened = store.map_err(projector::Fault::from);
        match opened.and_then(|store| Reader::open(store, log, pool)) {
            Ok(reader) => {
                let last = reader.readable().borrow().batch;
                Ok(Ok(Self { stored: Some(Rows { reader, last }), ..Self::alone() }))
            }
            Err(fault) if damaged(&fault) => Ok(Err(Bad::store(why(&fault)))),
            Err(fault) => Err(fault).context("cannot read the store"),
        }
    }

    /// Batches with no store to compare with.
    pub(super) fn alone() -> Self {
        let zeros = [0; 32];
        Self { stored: None, count: 0, next_position: 0, hash: zeros, state_root: zeros }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn state_root(&self) -> Hash {
        self.state_root
    }

    /// The last batch in the store, if there is a store.
    pub(super) fn stored(&self) -> Option<u64> {
        self.stored.as_ref().map(|stored| stored.last)
    }

    /// Checks a batch that the record at `position` sealed.
    ///
    /// # Errors
    /// What does not hold.
    pub(super) fn check(&mut self, position: u64, sealed: &SealedBatch) -> Result<(), Bad> {
        let bad = |why: &str| Err(Bad::batch(position, sealed.number, why));
        if sealed.hash != sealed.compute_hash() {
            return bad("its hash is not that of its content");
        }
        let follows = sealed.number == self.count + 1
            && sealed.first == self.next_position
            && sealed.previous == self.hash;
        if !follows {
            return bad("it does not follow the one before");
        }
        let mut sums = BTreeMap::<_, i128>::new();
        for net in &sealed.nets {
            *sums.entry(net.currency).or_default() += net.minor;
        }
        if sums.values().any(|sum| *sum != 0) {
            return bad("its nets do not sum to zero");
        }
        if let Some(stored) = self.stored.as_ref().filter(|stored| sealed.number <= stored.last) {
            let compared = stored.compare(sealed);
            compared.map_err(|why| Bad::batch(position, sealed.number, why))?;
        }
        self.count = sealed.number;
        self.next_position = sealed.last + 1;
        (self.hash, self.state_root) = (sealed.hash, sealed.state_root);
        Ok(())
    }

    /// Nothing may be in the store that is not in the log.
    ///
    /// # Errors
    /// The store is ahead of the log, which ends at `end`.
    pub(super) fn check_end(&self, end: u64) -> Result<(), Bad> {
        match self.stored() {
            Some(last) if last > self.count => {
                let why = format!("the store holds {last} batches, the log {}", self.count);
                Err(Bad::batch(end.saturating_sub(1), self.count + 1, why))
            }
            _ => Ok(()),
        }
    }
}

impl Rows {
    /// Header, nets, balances and transfers as they are stored.
    fn compare(&self, sealed: &SealedBatch) -> Result<(), String> {
        let stored = self.reader.batch(sealed.number).map_err(|fault| fault.to_string())?;
        let stored = stored.ok_or("the store lacks it")?;
        if stored.hash != sealed.hash {
            return Err("the store has another hash".to_owned());
        }
        if stored.nets != sealed.nets || stored.balances != sealed.balances {
            return Err("the store has other nets or balances".to_owned());
        }
        for (page, expected) in sealed.transfers.chunks(PAGE).enumerate() {
            let found = self.reader.transfers(sealed.number, page * PAGE, PAGE);
            if found.map_err(|fault| fault.to_string())? != expected {
                return Err("the store has other transfers".to_owned());
            }
        }
        Ok(())
    }
}

/// Whether a fault says that what is stored is not what was, or is of another log.
fn damaged(fault: &projector::Fault) -> bool {
    use projector::Fault as F;
    use store::Fault as S;
    matches!(
        fault,
        F::Store(S::Corrupt { .. } | S::Damaged { .. })
            | F::Malformed { .. }
            | F::Divergence { .. }
    )
}

fn why(fault: &projector::Fault) -> String {
    let what = match fault {
        projector::Fault::Store(fault) => fault.to_string(),
        other => other.to_string(),
    };
    format!(
        "the store cannot be read ({what}); removed, it is rebuilt from the log at the next start"
    )
}
