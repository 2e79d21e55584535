//! After a start: gathers from the log the references of batches that are in no run of the index.

use bus::{Log, Position};
use bytes::Bytes;
use clearing::{Place, Record, RecordBody};
use store::{Store, Stream, Table};

use crate::fault::Fault;
use crate::layout::{self, BatchPart, Progress, StateEntry};
use crate::uetr::{Covered, Entry, Seed};

/// How much of the log is read at once.
const LOG_BYTES: usize = 4 << 20;
/// Batches whose headers are read at once.
const BATCHES: usize = 256;

/// Hands on the references of the batches behind `done`, batch by batch, up to the store's last one
/// or the log's end as this process sees it; how far it came.
pub(crate) fn run(
    (store, log, seed): (&dyn Store, &dyn Log, Seed),
    mut done: Progress,
    mut take: impl FnMut(&[Entry], Covered) -> Result<(), Fault>,
) -> Result<Progress, Fault> {
    let last = store.head(Stream::Batches)?;
    let end = log.end().0;
    let mut reader = LogReader { log, seed, from: done.next_position, records: Vec::new() };
    let mut entries = Vec::new();
    while done.batch < last {
        let from = layout::batch_key(BatchPart::Header, done.batch + 1, 0);
        let to = layout::batch_key(BatchPart::Header, last + 1, 0);
        let rows = store.scan(Table::Batches, &from, &to, BATCHES)?;
        if rows.is_empty() {
            return Err(Fault::malformed(Table::Batches, "a batch is missing"));
        }
        for (_, value) in rows {
            let header = layout::decode_header(&value)?;
            if header.last >= end {
                return Ok(done);
            }
            entries.clear();
            for position in header.first..=header.last {
                let payments = payments_of(store, position)?;
                if !payments.is_empty() {
                    reader.gather(position, &payments, &mut entries)?;
                }
            }
            let batch = header.number;
            take(&entries, Covered { position: header.last + 1, batch })?;
            done = Progress { next_position: header.last + 1, batch, hash: header.hash() };
        }
    }
    Ok(done)
}

/// The places of the payments that a record made, ascending: those that ever had a state.
fn payments_of(store: &dyn Store, position: u64) -> Result<Vec<Place>, Fault> {
    let (from, to) = (layout::states_key(position, 0), layout::states_key(position + 1, 0));
    let mut payments = Vec::new();
    for (_, value) in store.scan(Table::States, &from, &to, usize::MAX)? {
        let (entries, rest) = value.as_chunks();
        layout::whole(Table::States, rest)?;
        for entry in entries {
            payments.push(StateEntry::get(position, entry)?.place);
        }
    }
    payments.sort_unstable();
    payments.dedup();
    Ok(payments)
}

/// Reads records in ascending order, many at a time.
struct LogReader<'a> {
    log: &'a dyn Log,
    seed: Seed,
    from: u64,
    records: Vec<Bytes>,
}

impl LogReader<'_> {
    /// Adds the references of a record's payments.
    fn gather(
        &mut self,
        position: u64,
        payments: &[Place],
        entries: &mut Vec<Entry>,
    ) -> Result<(), Fault> {
        let bytes = self.read(position)?;
        let record = Record::read(&bytes).map_err(|source| Fault::Record { position, source })?;
        let RecordBody::Orders(orders) = record.body else {
            return Err(Fault::malformed(Table::States, "a payment in a record without orders"));
        };
        for place in payments {
            let header = orders.headers.get(place.index());
            let header = header.ok_or(Fault::malformed(Table::States, "index of an order"))?;
            let uetr = channel::HeaderView::trusted(header).uetr();
            entries.push(Entry { hash: self.seed.hash(uetr), place: place.0 });
        }
        Ok(())
    }

    fn read(&mut self, position: u64) -> Result<Bytes, Fault> {
        let held = self.from..self.from + self.records.len() as u64;
        if !held.contains(&position) {
            self.records = self.log.read(Position(position), LOG_BYTES)?;
            self.from = position;
        }
        let at = (position - self.from) as usize;
        let end = Position(self.from);
        self.records.get(at).cloned().ok_or(Fault::Log(bus::Fault::Beyond { end }))
    }
}
