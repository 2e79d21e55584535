//! `causewayd import`: an exported log into an empty one, so that a pool can move between one
//! machine and a cluster. The records are the same, so the state is; tables are filled from the log
//! by whoever runs on it next.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use archive::Reader;
use bus::{Log, Position, Refused, Ticket};
use bytes::Bytes;
use clearing::Record;
use serde_json::json;

use crate::backends;
use crate::cli::Output;
use crate::config::Config;
use crate::{genesis, origin, verify};

const READ_BYTES: usize = 4 << 20;
/// Records on their way into the log at once.
const UNDER_WAY_MAX: usize = 64;

/// What is in the log now.
#[derive(Debug)]
pub(crate) struct Imported {
    pool: u32,
    records: u64,
    /// How many of them were there before.
    before: u64,
}

/// Writes what an export holds into the log that a configuration names; topics and tables of a
/// cluster are made. What an earlier call has written is compared, and gone on behind.
///
/// # Errors
/// The file is no whole export, the log holds something else, or it does not take a record: the
/// same call again goes on.
pub(crate) fn from_file(config: &Config, file: &Path) -> Result<Imported> {
    let shown = || format!("cannot open {}", file.display());
    let input = BufReader::with_capacity(1 << 20, File::open(file).with_context(shown)?);
    let mut records = Reader::new(input);
    let first = records.next().context("the file holds no record")??;
    let pool = verify::genesis_in(&first)?.pool;
    let expected = genesis::read(&config.genesis, [0; 32])?.genesis.pool;
    ensure!(pool == expected, "the file holds pool {pool}, the genesis file names pool {expected}");
    #[cfg(feature = "cluster")]
    if config.brokers.is_some() {
        crate::cluster::make(config, pool)?;
    }
    let dir = backends::data_dir(config)?;
    let log = backends::open_logs(config, pool, dir.as_ref())?.orders;
    if log.end() == Position(0) {
        // The tables of another log with the same beginning would be taken for this one's.
        origin::ensure_none(&*backends::open_store(config, pool, dir.as_ref())?)?;
    }
    let mut import = Import::new(pool, log);
    import.take(first)?;
    for record in records {
        import.take(record?)?;
    }
    let (records, before) = import.finish()?;
    Ok(Imported { pool, records, before })
}

struct Import {
    pool: u32,
    log: Arc<dyn Log>,
    /// The position of the next record of the file.
    next: u64,
    /// Up to here the log had records before.
    before: u64,
    /// Some of those, from `next` on.
    there: VecDeque<Bytes>,
    under_way: VecDeque<Ticket>,
    /// The position that the first of `under_way` must get.
    due: u64,
}

impl Import {
    fn new(pool: u32, log: Arc<dyn Log>) -> Self {
        let before = log.end().0;
        let (there, under_way) = (VecDeque::new(), VecDeque::new());
        Self { pool, log, next: 0, before, there, under_way, due: before }
    }

    fn take(&mut self, record: Bytes) -> Result<()> {
        // What is in a log stays there, so it is looked at before: its checksum, and whose it is.
        let read = Record::read(&record).with_context(|| format!("record {}", self.next))?;
        ensure!(read.pool == self.pool, "record {} is of pool {}", self.next, read.pool);
        if self.next < self.before {
            self.compare(&record)?;
        } else {
            self.append(record)?;
        }
        self.next += 1;
        Ok(())
    }

    fn compare(&mut self, record: &[u8]) -> Result<()> {
        if self.there.is_empty() {
            let read = self.log.read(Position(self.next), READ_BYTES);
            self.there.extend(read.context("cannot read the log")?);
        }
        let same = self.there.pop_front().is_some_and(|there| there == record);
        ensure!(
            same,
            "the log holds another record {} than the file: an export goes into an empty log (name \
             another data_dir; of a cluster another log.topic_prefix and store.keyspace)",
            self.next
        );
        Ok(())
    }

    fn append(&mut self, record: Bytes) -> Result<()> {
        while self.under_way.len() >= UNDER_WAY_MAX {
            self.await_one()?;
        }
        loop {
            match self.log.append(record.clone()) {
                Ok(ticket) => {
                    self.under_way.push_back(ticket);
                    return Ok(());
                }
                Err(Refused::Busy) if !self.under_way.is_empty() => self.await_one()?,
                Err(refused) => {
                    return Err(refused).context(format!("record {} was not taken", self.next));
                }
            }
        }
    }

    /// Waits for the oldest record under way.
    fn await_one(&mut self) -> Result<()> {
        let Some(ticket) = self.under_way.pop_front() else { return Ok(()) };
        let position = ticket.wait().with_context(|| format!("record {} was not logged", self.due));
        let position = position?.0;
        if position != self.due {
            bail!("record {} got position {position}: somebody else writes this log", self.due);
        }
        self.due += 1;
        Ok(())
    }

    /// How many records the log holds, and held before.
    fn finish(mut self) -> Result<(u64, u64)> {
        while !self.under_way.is_empty() {
            self.await_one()?;
        }
        let (next, before) = (self.next, self.before);
        ensure!(
            next >= before,
            "the log holds {before} records, the file {next}: somebody has used the log since"
        );
        Ok((next, before))
    }
}

impl Imported {
    pub(crate) fn render(&self, output: Output) -> String {
        let Self { pool, records, before } = self;
        match output {
            Output::Text => {
                let new = records - before;
                format!("pool     {pool}\nrecords  {records}, {new} of them new\n")
            }
            Output::Json => {
                let report = json!({ "pool": pool, "records": records, "records_before": before });
                format!("{report}\n")
            }
        }
    }
}
