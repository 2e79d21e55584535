//! Statements as they were handed in, read from the log by their places.

use bus::{Log, Position};
use channel::AnyStatement;
use clearing::{Place, Record, RecordBody, RecordError};
use proto::v1;

/// Why a statement cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum StatementFault {
    #[error("log: {0}")]
    Log(#[from] bus::Fault),
    #[error("record {position}: {source}")]
    Record { position: u64, source: RecordError },
    #[error("no statement at place {0}")]
    NoStatement(u64),
    #[error(transparent)]
    Store(#[from] projector::Fault),
}

/// The statements of one record, and its time.
type Statements = (Vec<AnyStatement>, u64);

/// Reads statements; those of one record that come one after the other cost one look at the log.
pub(super) struct Logged<'a> {
    log: &'a dyn Log,
    last: Option<(u64, Statements)>,
    bytes_read: usize,
}

impl<'a> Logged<'a> {
    pub(super) fn new(log: &'a dyn Log) -> Self {
        Self { log, last: None, bytes_read: 0 }
    }

    /// Bytes of all records read so far: what the reading has cost.
    pub(super) fn bytes_read(&self) -> usize {
        self.bytes_read
    }

    /// The statement at a place, and when it was logged, ms. Blocks.
    pub(super) fn at(&mut self, place: Place) -> Result<(&AnyStatement, u64), StatementFault> {
        let position = place.position();
        let statements = match self.last.take() {
            Some((known, statements)) if known == position => statements,
            _ => self.read(position)?,
        };
        let (_, (statements, logged_at_ms)) = self.last.insert((position, statements));
        let found = statements.get(place.index()).map(|statement| (statement, *logged_at_ms));
        found.ok_or(StatementFault::NoStatement(place.0))
    }

    /// The statement at a place, in the words of the wire. Blocks.
    pub(super) fn worded(&mut self, place: Place) -> Result<v1::LoggedStatement, StatementFault> {
        let (statement, logged_at_ms) = self.at(place)?;
        let (kind, signed) = (i32::from(statement.kind()), statement.encode().into());
        let statement = Some(v1::Statement { kind, signed });
        Ok(v1::LoggedStatement { statement, place: place.0, logged_at_ms })
    }

    /// Nothing if the record holds something else than statements.
    fn read(&mut self, position: u64) -> Result<Statements, StatementFault> {
        let bytes = self.log.read(Position(position), 1)?.into_iter().next().unwrap_or_default();
        self.bytes_read += bytes.len();
        let record =
            Record::read(&bytes).map_err(|source| StatementFault::Record { position, source })?;
        match record.body {
            RecordBody::Statements(read) => Ok((read.statements, record.time_ms)),
            _ => Ok((Vec::new(), record.time_ms)),
        }
    }
}
