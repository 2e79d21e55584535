//! Orders as they were handed in, read from the log by their places.

use bus::{Log, Position};
use bytes::Bytes;
use channel::HEADER_LEN;
use clearing::{Place, Record, RecordBody, RecordError};
use ledger::Hash;

/// An order as it stands in the log.
#[derive(Debug, Clone)]
pub(crate) struct LoggedOrder {
    pub(crate) header: [u8; HEADER_LEN],
    pub(crate) digest: Hash,
    /// A slice of its record: nothing is copied, but the record stays in memory as long.
    pub(crate) payload: Bytes,
}

/// Why an order cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderFault {
    #[error("log: {0}")]
    Log(#[from] bus::Fault),
    #[error("record {position}: {source}")]
    Record { position: u64, source: RecordError },
    #[error("no order at place {0}")]
    NoOrder(u64),
}

/// Reads orders; those of one record that come one after the other cost one look at the log.
pub(crate) struct Orders<'a> {
    log: &'a dyn Log,
    last: Option<(u64, Vec<LoggedOrder>)>,
}

impl<'a> Orders<'a> {
    pub(crate) fn new(log: &'a dyn Log) -> Self {
        Self { log, last: None }
    }

    /// The order at a place. Blocks.
    pub(crate) fn at(&mut self, place: Place) -> Result<LoggedOrder, OrderFault> {
        let position = place.position();
        let orders = match self.last.take() {
            Some((known, orders)) if known == position => orders,
            _ => read(self.log, position)?,
        };
        let found = orders.get(place.index()).cloned();
        self.last = Some((position, orders));
        found.ok_or(OrderFault::NoOrder(place.0))
    }
}

fn read(log: &dyn Log, position: u64) -> Result<Vec<LoggedOrder>, OrderFault> {
    let bytes = log.read(Position(position), 1)?.into_iter().next().unwrap_or_default();
    let record = Record::read(&bytes).map_err(|source| OrderFault::Record { position, source })?;
    let RecordBody::Orders(batch) = record.body else { return Ok(Vec::new()) };
    let orders = batch.orders().zip(batch.digests).map(|((header, payload), digest)| LoggedOrder {
        header: *header.bytes(),
        digest: *digest,
        payload: bytes.slice_ref(payload),
    });
    Ok(orders.collect())
}
