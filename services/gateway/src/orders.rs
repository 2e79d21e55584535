//! Orders as they were handed in, read from the log by their places.

use bus::{Log, Position};
use bytes::Bytes;
use channel::{BatchProof, HEADER_LEN, HeaderView};
use clearing::{Place, Record, RecordBody, RecordError};
use ledger::Hash;

use crate::proofs::Tree;

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
    last: Option<(u64, Option<Columns>)>,
    bytes_read: usize,
}

/// The columns of a record of orders, slices of it: one order is found without looking at others
/// but for the lengths of the payloads before its own.
struct Columns {
    headers: Bytes,
    digests: Bytes,
    payloads: Bytes,
    /// The sender's signature of the batch.
    signature: [u8; 64],
    /// Made when it is first asked for.
    tree: Option<Tree>,
}

impl<'a> Orders<'a> {
    pub(crate) fn new(log: &'a dyn Log) -> Self {
        Self { log, last: None, bytes_read: 0 }
    }

    /// Bytes of all records read so far: what the reading has cost.
    pub(crate) fn bytes_read(&self) -> usize {
        self.bytes_read
    }

    /// The order at a place. Blocks.
    pub(crate) fn at(&mut self, place: Place) -> Result<LoggedOrder, OrderFault> {
        let found = self.columns(place)?.and_then(|columns| columns.order(place.index()));
        found.ok_or(OrderFault::NoOrder(place.0))
    }

    /// That the order at a place was signed by its sender. Blocks.
    pub(crate) fn proof(&mut self, place: Place) -> Result<BatchProof, OrderFault> {
        let found = self.columns(place)?.and_then(|columns| columns.proof(place.index()));
        found.ok_or(OrderFault::NoOrder(place.0))
    }

    /// The record in which a place is.
    fn columns(&mut self, place: Place) -> Result<Option<&mut Columns>, OrderFault> {
        let position = place.position();
        let columns = match self.last.take() {
            Some((known, columns)) if known == position => columns,
            _ => self.read(position)?,
        };
        Ok(self.last.insert((position, columns)).1.as_mut())
    }

    /// Nothing if the record holds something else than orders.
    fn read(&mut self, position: u64) -> Result<Option<Columns>, OrderFault> {
        let bytes = self.log.read(Position(position), 1)?.into_iter().next().unwrap_or_default();
        self.bytes_read += bytes.len();
        let record =
            Record::read(&bytes).map_err(|source| OrderFault::Record { position, source })?;
        let RecordBody::Orders(batch) = record.body else { return Ok(None) };
        let headers = bytes.slice_ref(batch.headers.as_flattened());
        let digests = bytes.slice_ref(batch.digests.as_flattened());
        let lengths = batch.headers.iter().map(|header| HeaderView::trusted(header).payload_len());
        // Reading it has checked that the payloads fill the rest of the record.
        let payloads = bytes.slice(bytes.len() - lengths.sum::<usize>()..);
        let signature = *batch.signature;
        Ok(Some(Columns { headers, digests, payloads, signature, tree: None }))
    }
}

impl Columns {
    fn order(&self, index: usize) -> Option<LoggedOrder> {
        let (headers, _) = self.headers.as_chunks::<HEADER_LEN>();
        let (digests, _) = self.digests.as_chunks();
        let header = *headers.get(index)?;
        let before = headers.iter().take(index);
        let start: usize = before.map(|header| HeaderView::trusted(header).payload_len()).sum();
        let end = start + HeaderView::trusted(&header).payload_len();
        Some(LoggedOrder {
            header,
            digest: *digests.get(index)?,
            payload: self.payloads.slice(start..end),
        })
    }

    fn proof(&mut self, index: usize) -> Option<BatchProof> {
        let (digests, _) = self.digests.as_chunks();
        self.tree.get_or_insert_with(|| Tree::new(digests)).proof(index, self.signature)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use bus::embedded::{EmbeddedLog, Options};
    use channel::ParticipantId;
    use clearing::{pack_orders, pack_tick};

    use super::*;

    /// A header that says nothing but a version and the length of its payload.
    fn header(version: u8, payload: &[u8]) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        header[0] = version;
        header[164..168].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
        header
    }

    /// A log of these records: orders as (version, payload); a record without orders is a tick.
    pub(crate) fn log_of(dir: &Path, records: &[&[(u8, &[u8])]]) -> EmbeddedLog {
        let options = Options { segment_bytes: 1 << 20, ..Options::default() };
        let log = EmbeddedLog::open(dir, 1, options).unwrap();
        for orders in records {
            let record = if orders.is_empty() {
                pack_tick((1, 0), 0)
            } else {
                let headers: Vec<_> =
                    orders.iter().map(|(version, payload)| header(*version, payload)).collect();
                let digests: Vec<Hash> = orders.iter().map(|(version, _)| [*version; 32]).collect();
                let payloads = orders.iter().map(|(_, payload)| *payload);
                let packed: Vec<_> = headers.iter().zip(payloads).collect();
                pack_orders((1, 0), ParticipantId(1), &[0; 64], &[0; 32], &digests, &packed)
            };
            log.append(record.into()).unwrap().wait().unwrap();
        }
        log
    }

    #[test]
    fn an_order_is_found_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let log = log_of(dir.path(), &[&[(1, b"a"), (2, b""), (3, b"ccc")], &[], &[(4, b"dd")]]);
        let mut orders = Orders::new(&log);
        let mut found = |position, index| {
            let order = orders.at(Place::new(position, index))?;
            Ok::<_, OrderFault>((order.header[0], order.digest[0], order.payload))
        };
        for (position, index, version, payload) in
            [(0, 2, 3, "ccc"), (0, 0, 1, "a"), (0, 1, 2, ""), (2, 0, 4, "dd")]
        {
            let payload = Bytes::from(payload);
            assert_eq!(found(position, index).unwrap(), (version, version, payload));
        }
        for (position, index) in [(0, 3), (1, 0), (2, 1)] {
            let fault = found(position, index).unwrap_err();
            let place = Place::new(position, index);
            assert!(matches!(fault, OrderFault::NoOrder(at) if at == place.0), "{fault}");
        }
    }

    #[test]
    fn a_record_is_read_once_for_all_its_orders() {
        let dir = tempfile::tempdir().unwrap();
        let log = log_of(dir.path(), &[&[(1, b"a"), (2, b"b")], &[(3, b"c")]]);
        let mut orders = Orders::new(&log);
        orders.at(Place::new(0, 0)).unwrap();
        let once = orders.bytes_read();
        assert!(once > 2 * HEADER_LEN);
        orders.at(Place::new(0, 1)).unwrap();
        assert_eq!(orders.bytes_read(), once);
        orders.at(Place::new(1, 0)).unwrap();
        assert!(orders.bytes_read() > once);
    }
}
