//! `causewayd verify`: is what is on disk what the log says it must be?
//!
//! Replays the log from zero in a pool of its own and checks, for every record, its checksum, the
//! digests, the Merkle root and the signatures in it, with the keys that were in force at its
//! position; for every batch, that it hashes to what it says, follows the one before, nets to zero
//! and is in the store under the same hash; and, at intervals and at the end, all invariants and
//! the state root from nothing.
//!
//! The log is only read: what is verified is what lies there, a torn end included, and it may lie
//! where nothing can be written. The store is opened as the node opens it, for its engine knows no
//! other way; none of its rows is changed.

mod batches;
mod checker;
mod report;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use bus::embedded::EmbeddedLog;
use bus::{Log, Position};
use channel::Genesis;
use clearing::{Pool, Record, RecordBody};

use self::batches::Batches;
use self::checker::Checker;
use self::report::Bad;
pub(crate) use self::report::Report;
use crate::datadir::DataDir;

const READ_BYTES: usize = 4 << 20;
/// How often everything is computed from nothing on the way.
const FULL_CHECKS: u64 = 8;

/// Verifies a data directory; `signatures` says whether to check those, too.
///
/// # Errors
/// It could not be verified: no log there, in use, or not readable. What does not hold is not an
/// error but in the report.
pub(crate) fn verify(dir: &Path, signatures: bool) -> Result<Report> {
    let dir = DataDir::existing(dir)?;
    let log = match open_log(&dir) {
        Ok(log) => Arc::new(log),
        Err(bus::Fault::Corrupt { position, place, why }) => {
            return Ok(Report::bad(Bad::record(position.0, format!("{why} ({place})"))));
        }
        Err(fault) => return Err(fault).context("cannot open the log"),
    };
    let genesis = match genesis_of(&*log) {
        Ok(genesis) => genesis,
        Err(error) => return Ok(Report::bad(Bad::record(0, format!("{error:#}")))),
    };
    let mut replay = Replay {
        checker: Checker::start(signatures)?,
        batches: Batches::open(&dir, log.clone(), genesis.pool)?,
        pool: Pool::new(0),
        end: log.end().0,
        orders: 0,
    };
    let replayed = replay.run(&*log);
    let checked = replay.checker.finish();
    // Of two things that do not hold, the one that comes first in the log is named.
    let bad = [replayed.err(), checked.err()].into_iter().flatten().min_by_key(|bad| bad.position);
    let report = Report {
        ok: bad.is_none(),
        records: replay.pool.next_position(),
        orders: replay.orders,
        batches: replay.batches.count(),
        stored_batches: replay.batches.stored(),
        state_root: replay.batches.state_root(),
        signatures,
        torn: log.torn(),
        bad,
    };
    Ok(report)
}

/// Opens the log of whatever pool it is.
fn open_log(dir: &DataDir) -> Result<EmbeddedLog, bus::Fault> {
    let options = bus::embedded::Options::default();
    let open = |pool| EmbeddedLog::open_read_only(&dir.log(), pool, &options);
    match open(0) {
        Err(bus::Fault::Foreign { found, .. }) => open(found),
        opened => opened,
    }
}

/// The genesis of a log that has one.
pub(crate) fn genesis_of(log: &dyn Log) -> Result<Genesis> {
    let first = log.read(Position(0), 1).context("cannot read the genesis")?;
    let first = first.first().context("the log is empty")?;
    match Record::read(first).context("record 0")?.body {
        RecordBody::Genesis(genesis) => Ok(genesis),
        _ => anyhow::bail!("record 0 is not a genesis"),
    }
}

struct Replay {
    pool: Pool,
    checker: Checker,
    batches: Batches,
    end: u64,
    orders: u64,
}

impl Replay {
    fn run(&mut self, log: &dyn Log) -> Result<(), Bad> {
        let every = (self.end / FULL_CHECKS).max(1);
        while self.pool.next_position() < self.end {
            let from = self.pool.next_position();
            let records = log.read(Position(from), READ_BYTES);
            for record in records.map_err(|fault| Bad::record(from, fault))? {
                let position = self.pool.next_position();
                self.checker.check(position, record.clone(), self.pool.directory())?;
                let outcome = self.pool.apply(position, &record);
                let outcome = outcome.map_err(|error| Bad::record(position, error))?;
                self.orders += outcome.rulings.len() as u64;
                for sealed in outcome.sealed_before.iter().chain(&outcome.sealed) {
                    self.batches.check(position, sealed)?;
                }
                if position.is_multiple_of(every) {
                    self.check_in_full()?;
                }
            }
        }
        self.check_in_full()?;
        self.batches.check_end(self.end)
    }

    fn check_in_full(&mut self) -> Result<(), Bad> {
        let last = self.pool.next_position().saturating_sub(1);
        self.pool.check().map_err(|broken| Bad::record(last, broken))?;
        if self.pool.state_root() != self.pool.recompute_root() {
            return Err(Bad::record(last, "the state root is not that of the state"));
        }
        Ok(())
    }
}
