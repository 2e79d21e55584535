//! After a start: gathers from the log the references of batches that are in no run of the index.
//!
//! Headers, states and records are read in long stretches, whatever the size of batches and records:
//! what a start costs goes with what is missing, not with how many pieces it came in.

use std::ops::Range;

use bus::{Log, Position};
use bytes::Bytes;
use clearing::{BatchHeader, Place, Record, RecordBody};
use store::{Store, Stream, Table};

use crate::fault::Fault;
use crate::headers::Headers;
use crate::layout::{self, Progress, StateEntry};
use crate::uetr::{Covered, Entry, Seed};

/// How much of the log is read at once.
const LOG_BYTES: usize = 4 << 20;
/// Records whose payments are read at once: of full ones, 16 MiB for each state they were ever in.
const RECORDS: u64 = 1_024;

/// Hands on the references of the batches behind `done`, batch by batch, up to the store's last one
/// or the log's end as this process sees it; how far it came.
pub(crate) fn run(
    (store, log, seed): (&dyn Store, &dyn Log, Seed),
    mut done: Progress,
    mut take: impl FnMut(&[Entry], Covered) -> Result<(), Fault>,
) -> Result<Progress, Fault> {
    let last = store.head(Stream::Batches)?;
    let end = log.end().0;
    let mut headers = Headers::default();
    let mut references = References {
        payments: Payments { store, read: 0..0, end, places: Vec::new() },
        records: Records { log, from: 0, read: Vec::new() },
        seed,
    };
    let mut entries = Vec::new();
    while let Some(header) = headers.get(store, (done.batch + 1, last))? {
        if header.last >= end {
            break;
        }
        entries.clear();
        references.of_batch(&header, &mut entries)?;
        let (next_position, batch) = (header.last + 1, header.number);
        take(&entries, Covered { position: next_position, batch })?;
        done = Progress { next_position, batch, hash: header.hash() };
    }
    Ok(done)
}

struct References<'a> {
    payments: Payments<'a>,
    records: Records<'a>,
    seed: Seed,
}

impl References<'_> {
    /// Adds the references of a batch's payments.
    fn of_batch(&mut self, batch: &BatchHeader, entries: &mut Vec<Entry>) -> Result<(), Fault> {
        for position in batch.first..=batch.last {
            let payments = self.payments.of_record(position)?;
            if payments.is_empty() {
                continue;
            }
            let bytes = self.records.read(position)?;
            let record =
                Record::read(&bytes).map_err(|source| Fault::Record { position, source })?;
            let RecordBody::Orders(orders) = record.body else {
                return Err(Fault::malformed(
                    Table::States,
                    "a payment in a record without orders",
                ));
            };
            for place in payments {
                let header = orders.headers.get(place.index());
                let header = header.ok_or(Fault::malformed(Table::States, "index of an order"))?;
                let uetr = channel::HeaderView::trusted(header).uetr();
                entries.push(Entry { hash: self.seed.hash(uetr), place: place.0 });
            }
        }
        Ok(())
    }
}

/// Reads which payments records have made, of many records at a time, in ascending order.
struct Payments<'a> {
    store: &'a dyn Store,
    /// The records whose payments are held.
    read: Range<u64>,
    /// Behind the last record that can be asked for.
    end: u64,
    /// Their places, ascending.
    places: Vec<Place>,
}

impl Payments<'_> {
    /// The places of the payments that a record made, ascending: those that ever had a state.
    fn of_record(&mut self, position: u64) -> Result<&[Place], Fault> {
        if !self.read.contains(&position) {
            self.read_from(position)?;
        }
        let before = |end: u64| move |place: &Place| place.position() < end;
        let from = self.places.partition_point(before(position));
        let to = self.places.partition_point(before(position + 1));
        Ok(&self.places[from..to])
    }

    fn read_from(&mut self, position: u64) -> Result<(), Fault> {
        let until = self.end.min(position.saturating_add(RECORDS)).max(position + 1);
        let (from, to) = (layout::states_key(position, 0), layout::states_key(until, 0));
        self.places.clear();
        for (key, value) in self.store.scan(Table::States, &from, &to, usize::MAX)? {
            let (position, _) = layout::split_states_key(&key)?;
            let (entries, rest) = value.as_chunks();
            layout::whole(Table::States, rest)?;
            for entry in entries {
                self.places.push(StateEntry::get(position, entry)?.place);
            }
        }
        self.places.sort_unstable();
        self.places.dedup();
        self.read = position..until;
        Ok(())
    }
}

/// Reads records in ascending order, many at a time.
struct Records<'a> {
    log: &'a dyn Log,
    from: u64,
    read: Vec<Bytes>,
}

impl Records<'_> {
    fn read(&mut self, position: u64) -> Result<Bytes, Fault> {
        let held = self.from..self.from + self.read.len() as u64;
        if !held.contains(&position) {
            self.read = self.log.read(Position(position), LOG_BYTES)?;
            self.from = position;
        }
        let at = (position - self.from) as usize;
        let end = Position(self.from);
        self.read.get(at).cloned().ok_or_else(|| Fault::Log(bus::Fault::beyond(end)))
    }
}
