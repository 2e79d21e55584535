//! Two pools, one log.

use clearing::{Pool, Record, RecordBody, RecordError};
use thiserror::Error;

use crate::day::Day;
use crate::feeder::Feeder;
use crate::meter::Meter;
use crate::plan::Plan;

/// Why a log cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// A record of the log does not hold.
    #[error("record {position} of the log: {source}")]
    Record {
        /// Its position.
        position: u64,
        /// What is wrong.
        source: RecordError,
    },
    /// What became of a record under the plan cannot be applied: the plan sets what no rule book
    /// may hold.
    #[error("the plan at record {position}: {source}")]
    Plan {
        /// The position in the log.
        position: u64,
        /// What is wrong.
        source: RecordError,
    },
    /// The plan names somebody who never takes part.
    #[error("the plan names {0:?}, who is not in the log")]
    Unknown(String),
    /// There are no records.
    #[error("the log is empty")]
    Empty,
}

/// A day as it was, and as it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Logged time of the genesis, ms.
    pub from_ms: u64,
    /// Logged time of the last record, ms.
    pub until_ms: u64,
    /// As it was.
    pub was: Day,
    /// As it would be.
    pub would: Day,
}

/// A log being simulated.
#[derive(Debug)]
pub struct Simulation {
    pool: Pool,
    was: Meter,
    feeder: Feeder,
    would: Meter,
    from_ms: u64,
}

impl Simulation {
    /// Begins with an empty pool on either side.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            pool: Pool::new(0),
            was: Meter::default(),
            feeder: Feeder::new(plan),
            would: Meter::default(),
            from_ms: 0,
        }
    }

    /// Takes the next record of the log.
    ///
    /// # Errors
    /// [`Fault::Record`], [`Fault::Plan`]; the simulation is then of no further use.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let position = self.pool.next_position();
        let broken = |source| Fault::Record { position, source };
        let record = Record::read(bytes).map_err(broken)?;
        let closes = match &record.body {
            RecordBody::Tick { cycle } => {
                *cycle == self.pool.cycle() && self.pool.cut_waiting().is_none()
            }
            _ => false,
        };
        let outcome = self.pool.apply(position, bytes).map_err(broken)?;
        if position == 0 {
            self.from_ms = record.time_ms;
        }
        self.was.see(bytes, &outcome, &self.pool);
        let would = &mut self.would;
        let fed = self.feeder.feed(bytes, closes, &mut |bytes, outcome, pool| {
            would.see(bytes, outcome, pool);
        });
        fed.map_err(|source| Fault::Plan { position, source })
    }

    /// Ends both days and compares them.
    ///
    /// # Errors
    /// [`Fault::Unknown`], [`Fault::Empty`].
    pub fn finish(mut self) -> Result<Comparison, Fault> {
        let position = self.pool.next_position();
        if position == 0 {
            return Err(Fault::Empty);
        }
        let unknown = self.feeder.plan.names().find(|name| self.feeder.number(name).is_none());
        if let Some(name) = unknown {
            return Err(Fault::Unknown(name.to_owned()));
        }
        let until_ms = self.pool.now_ms();
        self.was.note_roots();
        self.would.note_roots();
        let mut last = Feeder::new(Plan::default());
        last.pool = self.pool;
        let was = &mut self.was;
        let ended = last.end(&mut |bytes, outcome, pool| was.see(bytes, outcome, pool));
        ended.map_err(|source| Fault::Record { position, source })?;
        let would = &mut self.would;
        let ended = self.feeder.end(&mut |bytes, outcome, pool| would.see(bytes, outcome, pool));
        ended.map_err(|source| Fault::Plan { position, source })?;
        let span = (self.from_ms, until_ms);
        Ok(Comparison {
            from_ms: self.from_ms,
            until_ms,
            was: self.was.day(span, &last.pool),
            would: self.would.day(span, &self.feeder.pool),
        })
    }
}
