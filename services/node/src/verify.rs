//! `causewayd verify`: is what is on disk what the log says it must be?
//!
//! Replays the log from zero in a pool of its own and checks, for every record, its checksum, the
//! digests, the Merkle root and the signatures in it, with the keys that were in force at its
//! position; for every accepted fault, that the order has the slot that it is about; for every
//! batch, that it hashes to what it says, follows the one before, nets to zero and is in the store
//! under the same hash; and, at intervals and at the end, all invariants and the state root from
//! nothing. A batch's hash covers its certificates, which the replay computes anew; with
//! `--resolve` the solver is run again, too.
//!
//! The log is a data directory's, or a file that `causewayd export` wrote; nothing is stored beside
//! such a file, so there the batches are checked against each other alone.
//!
//! The log is only read: what is verified is what lies there, a torn end included, and it may lie
//! where nothing can be written. The store is opened as the node opens it, for its engine knows no
//! other way; none of its rows is changed.

mod batches;
mod checker;
mod faults;
mod report;
mod resolve;
mod source;

use std::path::Path;

use anyhow::{Context, Result};
use bus::{Log, Position};
use channel::Genesis;
use clearing::{Pool, Record, RecordBody};

use self::batches::Batches;
use self::checker::Checker;
use self::faults::Faults;
pub(crate) use self::report::{Bad, Report};
use self::resolve::Resolve;
pub(crate) use self::source::Source;

/// Verifies a data directory or an export; `signatures` says whether to check those, too, and
/// `resolve` whether to run the solver again for each proposal.
///
/// # Errors
/// It could not be verified: no log there, in use, or not readable. What does not hold is not an
/// error but in the report.
pub(crate) fn verify(path: &Path, signatures: bool, resolve: bool) -> Result<Report> {
    let source = match Source::open(path)? {
        Ok(source) => source,
        Err(bad) => return Ok(Report::bad(bad)),
    };
    let batches = match source.batches()? {
        Ok(batches) => batches,
        Err(bad) => return Ok(Report::bad(bad)),
    };
    let checker = Checker::start(signatures)?;
    let resolve = resolve.then(Resolve::default);
    let (pool, faults) = (Pool::new(0), Faults::default());
    let mut replay = Replay { checker, batches, source, pool, faults, orders: 0, resolve };
    let replayed = replay.run();
    let checked = replay.checker.finish();
    // Of two things that do not hold, the one that comes first in the log is named.
    let bad = [replayed.err(), checked.err()].into_iter().flatten().min_by_key(|bad| bad.position);
    let report = Report {
        ok: bad.is_none(),
        records: replay.pool.next_position(),
        replayed: true,
        orders: replay.orders,
        batches: replay.batches.count(),
        stored_batches: replay.batches.stored(),
        state_root: replay.batches.state_root(),
        signatures,
        resolved: replay.resolve.map(|resolve| resolve.resolved),
        export: replay.source.is_export(),
        torn: replay.source.torn(),
        bad,
    };
    Ok(report)
}

/// The genesis of a log that has one.
pub(crate) fn genesis_of(log: &dyn Log) -> Result<Genesis> {
    let first = log.read(Position(0), 1).context("cannot read the genesis")?;
    genesis_in(first.first().context("the log is empty")?)
}

/// The genesis that the first record of a log must be.
pub(crate) fn genesis_in(record: &[u8]) -> Result<Genesis> {
    match Record::read(record).context("record 0")?.body {
        RecordBody::Genesis(genesis) => Ok(genesis),
        _ => anyhow::bail!("record 0 is not a genesis"),
    }
}

struct Replay {
    source: Source,
    pool: Pool,
    checker: Checker,
    batches: Batches,
    faults: Faults,
    orders: u64,
    resolve: Option<Resolve>,
}

impl Replay {
    fn run(&mut self) -> Result<(), Bad> {
        loop {
            let records = self.source.read(self.pool.next_position())?;
            if records.is_empty() {
                break;
            }
            for record in records {
                let position = self.pool.next_position();
                self.checker.check(position, record.clone(), &self.pool)?;
                if let Some(resolve) = &mut self.resolve {
                    resolve.check(position, &record)?;
                }
                let outcome = self.pool.apply(position, &record);
                let outcome = outcome.map_err(|error| Bad::record(position, error))?;
                if let Some(resolve) = &mut self.resolve {
                    resolve.follow(&self.pool, !outcome.rulings.is_empty());
                }
                self.faults.follow(&record, &outcome, &self.pool)?;
                self.orders += outcome.rulings.len() as u64;
                for sealed in outcome.sealed_before.iter().chain(&outcome.sealed) {
                    self.batches.check(position, sealed)?;
                }
                if self.source.full_check_at(position) {
                    self.check_in_full()?;
                }
            }
        }
        if self.pool.next_position() == 0 {
            return Err(Bad::record(0, "the log is empty"));
        }
        self.faults.check(&self.source)?;
        self.check_in_full()?;
        self.batches.check_end(self.pool.next_position())
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
