//! The contract suite on each implementation and disk.

use std::sync::Arc;

use bus::contract::{self, Host};
use bus::embedded::{EmbeddedLog, Options};
use bus::sim::SimDisk;
use tempfile::TempDir;

/// Small segments and caches, so that a few hundred records cross all their borders.
pub(crate) fn small() -> Options {
    Options {
        segment_bytes: 128 << 10,
        queue_bytes_max: 256 << 10,
        group_bytes_max: 32 << 10,
        cache_bytes: 16 << 10,
        ..Options::default()
    }
}

struct Directory {
    dir: TempDir,
    options: Options,
}

impl Host for Directory {
    type Log = EmbeddedLog;

    fn open(&self) -> EmbeddedLog {
        EmbeddedLog::open(&self.dir.path().join("log"), 7, self.options.clone()).expect("opens")
    }
}

fn on_a_directory(options: &Options) {
    contract::all(|| Directory {
        dir: tempfile::tempdir().expect("makes a directory"),
        options: options.clone(),
    });
}

#[test]
fn embedded_with_direct_writes() {
    on_a_directory(&small());
}

#[test]
fn embedded_through_the_page_cache() {
    on_a_directory(&Options { direct_io: false, ..small() });
}

#[test]
fn embedded_without_a_cache() {
    on_a_directory(&Options { cache_bytes: 0, ..small() });
}

struct Simulated(SimDisk);

impl Host for Simulated {
    type Log = EmbeddedLog;

    fn open(&self) -> EmbeddedLog {
        EmbeddedLog::open_on(Arc::new(self.0.clone()), 7, small()).expect("opens")
    }
}

#[test]
fn embedded_on_a_simulated_disk() {
    contract::all(|| Simulated(SimDisk::new(1)));
}
