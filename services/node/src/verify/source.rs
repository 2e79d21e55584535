//! Where the records come from: a log with its store, or an export alone.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use archive::Reader;
use bus::embedded::EmbeddedLog;
use bus::{Log, Position};
use bytes::Bytes;

use super::batches::{Batches, Stored};
use super::genesis_of;
use super::report::Bad;
use crate::backends::{self, Opened};
use crate::datadir::DataDir;
use crate::export::open_log;

const READ_BYTES: usize = 4 << 20;
/// How often everything is computed from nothing on the way through a log.
const FULL_CHECKS: u64 = 8;

/// The records to replay.
pub(crate) enum Source {
    /// The log of a data directory, which stays locked.
    Log { log: Arc<EmbeddedLog>, dir: DataDir },
    /// What a node's configuration names.
    Opened(Opened),
    /// A file that `causewayd export` wrote.
    Export { records: Reader<BufReader<File>>, path: PathBuf },
}

fn open_export(path: &Path) -> Result<Reader<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(Reader::new(BufReader::with_capacity(1 << 20, file)))
}

impl Source {
    /// Opens a data directory, an export, or what a node's configuration names.
    ///
    /// # Errors
    /// The outer one: there is nothing that could be read. The inner one: what is there is damaged.
    pub(crate) fn open(path: &Path) -> Result<Result<Self, Bad>> {
        if backends::is_config(path) {
            return Ok(Ok(Self::Opened(backends::open_to_read(path)?)));
        }
        if path.is_file() {
            let (records, path) = (open_export(path)?, path.to_owned());
            return Ok(Ok(Self::Export { records, path }));
        }
        let dir = DataDir::existing(path)?;
        match open_log(&dir) {
            Ok(log) => Ok(Ok(Self::Log { log: Arc::new(log), dir })),
            Err(bus::Fault::Corrupt { position, place, why }) => {
                Ok(Err(Bad::record(position.0, format!("{why} ({place})"))))
            }
            Err(fault) => Err(fault).context("cannot open the log"),
        }
    }

    /// The batches to compare with: those of the store beside a log; an export has none.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub(super) fn batches(&self) -> Result<Result<Batches, Bad>> {
        let (log, store): (Arc<dyn Log>, _) = match self {
            Self::Log { log, dir } => (log.clone(), Stored::In(dir.store())),
            Self::Opened(opened) => (opened.log.clone(), Stored::Open(opened.store.clone())),
            Self::Export { .. } => return Ok(Ok(Batches::alone())),
        };
        match genesis_of(&*log) {
            Ok(genesis) => Batches::open(store, log, genesis.pool),
            Err(error) => Ok(Err(Bad::record(0, format!("{error:#}")))),
        }
    }

    /// The next records; none at the end.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn read(&mut self, next: u64) -> Result<Vec<Bytes>, Bad> {
        match self {
            Self::Log { log, .. } => take(&**log, next),
            Self::Opened(opened) => take(&*opened.log, next),
            Self::Export { records, .. } => {
                let record = records.next().transpose();
                let record = record.map_err(|error| Bad::record(error.position, error.why))?;
                Ok(record.into_iter().collect())
            }
        }
    }

    /// Hands on the records at some positions, each with its position, ascending.
    ///
    /// # Errors
    /// They cannot be read, or what `take` says.
    pub(super) fn read_again(
        &self,
        positions: &BTreeSet<u64>,
        mut take: impl FnMut(u64, &[u8]) -> Result<(), Bad>,
    ) -> Result<(), Bad> {
        let log: &dyn Log = match self {
            Self::Log { log, .. } => &**log,
            Self::Opened(opened) => &*opened.log,
            Self::Export { path, .. } => {
                let Some(last) = positions.last() else { return Ok(()) };
                let records = open_export(path).map_err(|error| Bad::record(0, error))?;
                for (position, record) in (0..=*last).zip(records) {
                    let record = record.map_err(|error| Bad::record(error.position, error.why))?;
                    if positions.contains(&position) {
                        take(position, &record)?;
                    }
                }
                return Ok(());
            }
        };
        for &position in positions {
            let records = log.read(Position(position), 1);
            let records = records.map_err(|fault| Bad::record(position, fault))?;
            records.first().map_or(Ok(()), |record| take(position, record))?;
        }
        Ok(())
    }

    /// Whether everything is to be computed from nothing after the record at `position`: a few
    /// times on the way, however long it is.
    pub(super) fn full_check_at(&self, position: u64) -> bool {
        match self {
            Self::Log { log, .. } => is_part(position, log.end().0),
            Self::Opened(opened) => is_part(position, opened.log.end().0),
            // Nobody knows yet where it ends.
            Self::Export { .. } => position.is_power_of_two(),
        }
    }

    /// Whether remains of a torn write lie behind the last record.
    pub(super) fn torn(&self) -> bool {
        match self {
            Self::Log { log, .. } => log.torn(),
            Self::Opened(_) | Self::Export { .. } => false,
        }
    }

    /// Whether there can be no store beside it.
    pub(super) fn is_export(&self) -> bool {
        matches!(self, Self::Export { .. })
    }
}

fn take(log: &dyn Log, next: u64) -> Result<Vec<Bytes>, Bad> {
    if next == log.end().0 {
        return Ok(Vec::new());
    }
    log.read(Position(next), READ_BYTES).map_err(|fault| Bad::record(next, fault))
}

/// Whether a position ends one of a few equal parts of a log.
fn is_part(position: u64, end: u64) -> bool {
    position.is_multiple_of((end / FULL_CHECKS).max(1))
}
