//! Answers from a store whose rows may say anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use bus::embedded::{EmbeddedLog, Options};
use bus::sim::SimDisk;
use bytes::Bytes;
use channel::{EpochId, MessageKind, ParticipantId, Uetr};
use clearing::{BATCH_HEADER_BYTES, BatchHeader, Place, certificates_hash, nets_hash};
use ledger::AccountId;
use projector::{Fault, Reader, Sight};
use sha2::{Digest as _, Sha256};
use store::{Commit, Fact, Row, Store, Stream, Table};

const POOL: u32 = 9;

/// Rows: table u8, length of the key u8, length of the value u16, key, value. The hash of a batch's
/// header is made good. All that can be asked about a row is asked.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let rows = Rows::read(bytes);
    let keys: Vec<(Table, Vec<u8>)> = rows.0.keys().cloned().collect();
    let disk = Arc::new(SimDisk::new(1));
    let log = EmbeddedLog::open_read_only_on(disk, POOL, &Options::default()).unwrap();
    let Ok(reader) = Reader::open(Arc::new(rows), Arc::new(log), POOL) else { return false };
    let answered = |(table, key): &(Table, Vec<u8>)| matches!(ask(&reader, *table, key), Ok(true));
    keys.iter().filter(|it| answered(it)).count() == keys.len() && !keys.is_empty()
}

/// Asks about a row; whether that tells of something.
fn ask(reader: &Reader, table: Table, key: &[u8]) -> Result<bool, Fault> {
    match table {
        Table::Batches => {
            let (number, batches) = (u64_at(key, 1), reader.batches(u64_at(key, 1), 9)?);
            assert!(batches.iter().zip(number.max(1)..).all(|(it, at)| it.header.number == at));
            let sealed_at = batches.first().map_or(0, |it| it.header.sealed_at_ms);
            Ok(reader.batch(number)?.is_some() && reader.batch_at(sealed_at)?.is_some())
        }
        Table::Transfers => {
            let from = usize::from(key.get(9).copied().unwrap_or(0)) << 11;
            Ok(!reader.transfers(u64_at(key, 0), from, 5)?.is_empty())
        }
        Table::Postings => {
            let account = AccountId(u32_at(key, 0));
            let entries = reader.entries(account, (0, 0), 5)?;
            reader.balance(account, u64::MAX)?;
            Ok(!entries.is_empty())
        }
        Table::States => {
            let mut found = false;
            for index in 0..4 {
                let place = Place::new(u64_at(key, 0), index);
                reader.reads(ParticipantId(1), place)?;
                let row = reader.payment(place)?;
                found |= row.is_some();
                row.map(|row| reader.matched(&row)).transpose()?;
            }
            Ok(found)
        }
        Table::Feed => Ok(!reader.feed(ParticipantId(u32_at(key, 0)), 0, 9)?.is_empty()),
        Table::Matches => {
            let provider = ParticipantId(u32_at(key, 1));
            let found = reader.matches_of(provider, Place(0), 9)?;
            Ok(!found.is_empty() || key.first() == Some(&0))
        }
        Table::Statements => ask_for_statements(reader, key),
        Table::Uetrs => reader.payments(Uetr([7; 16])).map(|_| true),
        // Of others, or read with those above.
        Table::Meta | Table::Snapshots | Table::SeenPages | Table::UetrPages => Ok(true),
    }
}

fn ask_for_statements(reader: &Reader, key: &[u8]) -> Result<bool, Fault> {
    let sender = ParticipantId(u32_at(key, 1));
    let id = |at: usize| key.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    match key.first() {
        Some(0) => {
            let all = reader.statements(Sight::All, None, Place(0), 9)?;
            let some = reader.statements(Sight::Of(sender), Some(1), Place(0), 9)?;
            Ok(!all.0.is_empty() || !some.0.is_empty())
        }
        Some(1) => {
            let order = (sender, MessageKind::CustomerTransfer, Uetr(id(7)));
            let (found, _) = reader.statements_about(order, (Sight::All, None), Place(0), 9)?;
            Ok(!found.is_empty())
        }
        _ => Ok(reader.epoch(sender, EpochId(id(5)))?.is_some()),
    }
}

fn u64_at(key: &[u8], at: usize) -> u64 {
    let bytes = key.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn u32_at(key: &[u8], at: usize) -> u32 {
    let bytes = key.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// A store of what a target was given, which takes no more.
#[derive(Default)]
struct Rows(BTreeMap<(Table, Vec<u8>), Bytes>);

impl Rows {
    fn read(mut bytes: &[u8]) -> Self {
        let mut rows = Self::default();
        while let Some(([table, key, high, low], rest)) = bytes.split_first_chunk() {
            let table = Table::ALL[usize::from(*table) % Table::ALL.len()];
            let (key, rest) = rest.split_at(usize::from(*key).min(rest.len()));
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let (value, rest) = rest.split_at(length.min(rest.len()));
            rows.put(table, key, value.to_vec());
            bytes = rest;
        }
        rows
    }

    fn put(&mut self, table: Table, key: &[u8], mut value: Vec<u8>) {
        if table == Table::Batches && value.len() == BATCH_HEADER_BYTES + 32 {
            let (header, hash) = value.split_at_mut(BATCH_HEADER_BYTES);
            hash.copy_from_slice(&Sha256::digest(header));
        }
        self.0.insert((table, key.to_vec()), value.into());
    }
}

impl Store for Rows {
    fn commit(&self, _: &[Commit]) -> Result<(), store::Fault> {
        Err(store::Fault::NoSpace)
    }

    /// As many batches as there are headers without a gap.
    fn head(&self, stream: Stream) -> Result<u64, store::Fault> {
        let header = |number: &u64| {
            let key = [&[0], &key(*number)[..], &[0, 0]].concat();
            self.0.contains_key(&(Table::Batches, key))
        };
        let batches = (1..).take_while(header).count() as u64;
        Ok(if stream == Stream::Batches { batches } else { 0 })
    }

    fn remove(&self, _: Table, _: &[u8], _: &[u8]) -> Result<(), store::Fault> {
        Err(store::Fault::NoSpace)
    }

    fn decide(&self, _: Fact, _: &[u8]) -> Result<Bytes, store::Fault> {
        Err(store::Fault::NoSpace)
    }

    fn decided(&self, fact: Fact) -> Result<Option<Bytes>, store::Fault> {
        Ok(Some(match fact {
            Fact::Format => {
                Bytes::copy_from_slice([[0, 0, 0, 1], POOL.to_be_bytes()].as_flattened())
            }
            Fact::UetrSeed => Bytes::from_static(&[7; 16]),
            Fact::Origin => Bytes::new(),
        }))
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, store::Fault> {
        Ok(self.0.get(&(table, key.to_vec())).cloned())
    }

    fn last_at_or_before(
        &self,
        table: Table,
        prefix: &[u8],
        key: &[u8],
    ) -> Result<Option<Row>, store::Fault> {
        let mut rows = self.0.range(..=(table, key.to_vec()));
        let last =
            rows.next_back().filter(|((of, key), _)| *of == table && key.starts_with(prefix));
        Ok(last.map(|((_, key), value)| (key.clone().into(), value.clone())))
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to_exclusive: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, store::Fault> {
        if from >= to_exclusive {
            return Ok(Vec::new());
        }
        let rows = self.0.range((table, from.to_vec())..(table, to_exclusive.to_vec()));
        let rows = rows.take_while(|((_, key), _)| table.group(key) == table.group(from));
        Ok(rows.take(limit).map(|((_, key), value)| (key.clone().into(), value.clone())).collect())
    }
}

/// A batch's header with one row of another table each, and with all of them.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let header = row(Table::Batches, &[&[0], &key(1), &[0, 0]], &[&header(), &[0; 32]]);
    let others = others();
    let mut seeds: Vec<_> = others.iter().map(|it| [header.as_slice(), it].concat()).collect();
    seeds.push([header, others.concat()].concat());
    seeds
}

fn row(table: Table, key: &[&[u8]], value: &[&[u8]]) -> Vec<u8> {
    let (key, value) = (key.concat(), value.concat());
    let [high, low] = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[table as u8, u8::try_from(key.len()).unwrap(), high, low], &key[..], &value].concat()
}

fn key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Of a batch with nothing in it whose hash it holds.
fn header() -> Vec<u8> {
    BatchHeader {
        pool: POOL,
        number: 1,
        first: 0,
        last: 5,
        sealed_at_ms: 1_000,
        payments: 1,
        transfers: 1,
        orders_root: [1; 32],
        nets_hash: nets_hash(&[]),
        transfers_hash: [2; 32],
        certificates_hash: certificates_hash(&[]),
        previous: [0; 32],
        state_root: [3; 32],
    }
    .encode()
}

/// Rows as `docs/internals/store-format.md` has them.
fn others() -> Vec<Vec<u8>> {
    // Of the record at position 2 the order 0: settled, by one transfer of 5 from 3 to 4.
    let (place, moved) = (key(2 << 20), key(1 << 60 | 5));
    let counters = |debits: u128, credits: u128| {
        [debits, credits, 0, 0].map(u128::to_be_bytes).as_flattened().to_vec()
    };
    let (debit, credit, one, chunk) = ([0, 0, 0, 3], [0, 0, 0, 4], [0, 0, 0, 1], [0, 0]);
    let debited = key(1 << 63 | 1 << 60 | 5);
    let fill: [&[u8]; 6] = [&one, &key(9 << 20), &[0, 1, 4], &key(10_825), &key(5), &key(6)];
    let order: [&[u8]; 5] = [&[1], &one, &[0, 1], &[6; 16], &key(4 << 20)];
    vec![
        row(Table::Batches, &[&[2], &key(1), &chunk], &[&debit, &counters(5, 9)]),
        row(Table::Transfers, &[&key(1), &chunk], &[&place, &place, &moved, &debit, &credit]),
        row(
            Table::Postings,
            &[&debit, &key(1), &chunk],
            &[&counters(5, 9), &place, &debited, &[0; 4], &credit],
        ),
        row(Table::States, &[&key(2), &key(1)], &[&[0, 0, 2, 0, 0, 0, 0, 0], &key(999)]),
        row(Table::Feed, &[&one, &key(1), &chunk], &[&place, &[2, 2, 0, 0]]),
        [
            row(Table::Matches, &[&[0], &place, &key(3 << 20)], &[&key(9_000), &fill.concat()]),
            row(Table::Matches, &[&[1], &one, &key(3 << 20)], &[&place]),
        ]
        .concat(),
        row(Table::Statements, &[&[0], &[0; 4], &key(4)], &[&[0, 6]]),
        row(Table::Statements, &order, &[&[8], &one]),
        row(Table::Statements, &[&[2], &one, &[5; 16], &key(4 << 20)], &[&[5]]),
        [
            row(Table::Uetrs, &[&[0], &one], &[&key(1), &[0], &one, &key(5), &key(1), &key(3)]),
            row(Table::UetrPages, &[&[1, 0], &one, &[0; 4]], &[&key(77), &place]),
        ]
        .concat(),
    ]
}
