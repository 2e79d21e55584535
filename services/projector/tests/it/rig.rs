//! A store and a log in a directory, and projectors on them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bus::Log;
use bus::embedded::EmbeddedLog;
use projector::{Fault, Feed, Options, Projected, Projector, Reader};
use store::embedded::EmbeddedStore;
use store::{Row, Store, Table};
use tempfile::TempDir;

use crate::day::POOL;

/// Long enough for any commit; never a criterion by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory in memory if there is one: what a sync costs is not the point here.
pub(crate) fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("makes a directory")
}

pub(crate) struct Rig {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) options: Options,
    _dir: TempDir,
}

impl Rig {
    /// An empty store, and a log that holds the day.
    pub(crate) fn new(day: &[Projected]) -> Self {
        let dir = directory();
        let options =
            bus::embedded::Options { segment_bytes: 4 << 20, ..bus::embedded::Options::default() };
        let log = EmbeddedLog::open(&dir.path().join("log"), POOL, options).expect("opens");
        let tickets: Vec<_> =
            day.iter().map(|it| log.append(it.record.clone()).expect("appends")).collect();
        for ticket in tickets {
            ticket.wait().expect("becomes durable");
        }
        let options = store::embedded::Options { reserve_bytes: 0, cache_bytes: 1 << 20 };
        let store = EmbeddedStore::open(dir.path().join("store"), options).expect("opens");
        let (log, store): (Arc<dyn Log>, Arc<dyn Store>) = (Arc::new(log), Arc::new(store));
        // Each batch a commit of its own, and small runs: more edges to fall over.
        let options = Options { commit_bytes: 1, uetr_run_entries: 10, ..Options::default() };
        Self { log, store, options, _dir: dir }
    }

    pub(crate) fn start(&self) -> Running {
        let started = self.try_start();
        let (projector, feed, reader) = started.expect("starts");
        Running { projector, feed, reader }
    }

    pub(crate) fn try_start(&self) -> Result<(Projector, Feed, Reader), Fault> {
        Projector::start(self.store.clone(), self.log.clone(), POOL, &self.options)
    }

    /// All rows.
    pub(crate) fn rows(&self) -> Vec<(Table, Row)> {
        let tables = [
            (Table::Meta, &b"account/"[..]),
            (Table::Batches, &[0]),
            (Table::Batches, &[1]),
            (Table::Batches, &[2]),
            (Table::Batches, &[3]),
            (Table::Transfers, &[0]),
            (Table::States, &[0]),
            (Table::Matches, &[0]),
        ];
        let owners = (0..64_u32).map(u32::to_be_bytes).collect::<Vec<_>>();
        let owned = owners.iter().flat_map(|owner| {
            [(Table::Postings, owner.as_slice()), (Table::Feed, owner.as_slice())]
        });
        let rows = tables.into_iter().chain(owned).flat_map(|(table, from)| {
            let rows = self.store.scan(table, from, &[255; 9], usize::MAX).expect("scans");
            rows.into_iter().map(move |row| (table, row))
        });
        rows.collect()
    }
}

pub(crate) struct Running {
    pub(crate) projector: Projector,
    pub(crate) feed: Feed,
    pub(crate) reader: Reader,
}

impl Running {
    pub(crate) fn push_all(&self, day: &[Projected]) {
        for projected in day {
            self.feed.push(projected.clone()).expect("is taken");
        }
    }

    /// Waits until everything up to a position is readable.
    pub(crate) fn wait_for(&self, position: u64) {
        let deadline = std::time::Instant::now() + PATIENCE;
        while self.reader.readable().borrow().position < position {
            assert_eq!(self.reader.halted(), None);
            assert!(std::time::Instant::now() < deadline, "position {position} never came");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the projector has halted, and says why.
    pub(crate) fn wait_for_halt(&self) -> String {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            match self.reader.halted() {
                Some(why) => return why,
                None => assert!(std::time::Instant::now() < deadline, "never halted"),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
