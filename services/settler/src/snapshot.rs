//! Snapshots: the pool as rows of the store, so that recovery need not replay the whole log.
//!
//! Two slots are written in turn, so that a whole snapshot is always there:
//!
//! ```text
//! Snapshots  slot u8 | 0              manifest: the last row to come, the first to go
//! Snapshots  slot u8 | 1 | chunk u32  the state's bytes, 1 MiB each
//! SeenPages  page u64                 full pages of the index of identities
//!
//! manifest:  version u16 = 1 | position u64 | chunks u32 | first page u64 | end of pages u64
//! ```
//! A full page never changes, so snapshots share pages: only new ones are written, and one goes
//! when no snapshot needs it any more. The store guards every row, the state carries its own
//! checksum and root. What does not hold is as if it were not there: replaying more of the log
//! gives the same pool.

use channel::{DecodeError, Reader, Writer};
use clearing::{Pool, Snapshot};
use store::{Fault, Store, Table, Write};

const VERSION: u16 = 1;
const SLOTS: u8 = 2;
const CHUNK_BYTES: usize = 1 << 20;
/// Rows of a few hundred KiB in one commit, at most.
const COMMIT_BYTES: usize = 4 << 20;
/// Pages read at once.
const PAGES_READ: u64 = 64;

/// What one slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Manifest {
    position: u64,
    chunks: u32,
    pages_from: u64,
    pages_to: u64,
}

impl Manifest {
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u16(VERSION).u64(self.position).u32(self.chunks);
        writer.u64(self.pages_from).u64(self.pages_to);
        writer.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        match reader.u16("version")? {
            VERSION => {}
            other => return Err(DecodeError::Unknown { field: "version", value: other.into() }),
        }
        let manifest = Self {
            position: reader.u64("position")?,
            chunks: reader.u32("chunks")?,
            pages_from: reader.u64("first page")?,
            pages_to: reader.u64("end of pages")?,
        };
        reader.finish()?;
        Ok(manifest)
    }
}

/// The snapshots in a store.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    slots: [Option<Manifest>; SLOTS as usize],
    /// The pages in the store.
    pages_from: u64,
    pages_to: u64,
}

/// Restores the pool from the newest snapshot at or before `passed`, or an empty one.
///
/// # Errors
/// The store cannot be read. A snapshot that is damaged is passed over.
pub(crate) fn load(
    store: &dyn Store,
    passed: u64,
    hash_seed: u64,
) -> Result<(Pool, Snapshots), Fault> {
    let mut snapshots = Snapshots::read(store)?;
    let mut usable: Vec<u8> = (0..SLOTS)
        .filter(|slot| snapshots.at(*slot).is_some_and(|found| found.position <= passed))
        .collect();
    usable.sort_by_key(|slot| std::cmp::Reverse(snapshots.at(*slot).map(|it| it.position)));
    for slot in usable {
        match snapshots.restore(store, slot, hash_seed) {
            Ok(pool) => return Ok((pool, snapshots)),
            Err(Unusable::Store(fault @ Fault::Io { .. })) => return Err(fault),
            Err(unusable) => {
                tracing::warn!(slot, %unusable, "snapshot passed over");
                // Its pages may be what is damaged: the next snapshot writes them all again.
                snapshots.pages_to = snapshots.pages_from;
            }
        }
    }
    Ok((Pool::new(hash_seed), snapshots))
}

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("chunk {0} is missing")]
    Chunk(u32),
    #[error(transparent)]
    Store(#[from] Fault),
    #[error(transparent)]
    State(#[from] clearing::RestoreError),
}

impl Snapshots {
    fn read(store: &dyn Store) -> Result<Self, Fault> {
        let mut slots = [None; SLOTS as usize];
        for (slot, found) in (0..).zip(&mut slots) {
            let bytes = store.get(Table::Snapshots, &manifest_key(slot))?;
            *found = bytes.and_then(|bytes| {
                let decoded = Manifest::decode(&bytes);
                decoded.inspect_err(|error| tracing::warn!(slot, %error, "snapshot unknown")).ok()
            });
        }
        let known = || slots.iter().flatten();
        Ok(Self {
            pages_from: known().map(|slot| slot.pages_from).min().unwrap_or(0),
            pages_to: known().map(|slot| slot.pages_to).max().unwrap_or(0),
            slots,
        })
    }

    fn at(&self, slot: u8) -> Option<&Manifest> {
        self.slots.get(usize::from(slot)).and_then(Option::as_ref)
    }

    fn restore(&self, store: &dyn Store, slot: u8, hash_seed: u64) -> Result<Pool, Unusable> {
        let Some(manifest) = self.at(slot) else { return Err(Unusable::Chunk(0)) };
        let mut state = Vec::new();
        for chunk in 0..manifest.chunks {
            let found = store.get(Table::Snapshots, &chunk_key(slot, chunk))?;
            state.extend_from_slice(&found.ok_or(Unusable::Chunk(chunk))?);
        }
        let mut fault = None;
        let pages = Pages { store, next: manifest.pages_from, end: manifest.pages_to };
        let pages = pages.map_while(|read| read.map_err(|error| fault = Some(error)).ok());
        let restored = Pool::restore(hash_seed, &state, pages.flatten());
        match fault {
            Some(fault) => Err(fault.into()),
            None => Ok(restored?),
        }
    }

    /// Writes a snapshot over the older of the two.
    ///
    /// # Errors
    /// The store's fault. The other snapshot is untouched; [`Fault::NoSpace`] leaves everything
    /// ready for another attempt.
    pub(crate) fn write(&mut self, store: &dyn Store, snapshot: &Snapshot) -> Result<(), Fault> {
        let older = (0..SLOTS).min_by_key(|slot| self.at(*slot).map(|found| found.position));
        let slot = older.unwrap_or(0);
        let first = |pages: &[(u64, _)]| pages.first().map(|(number, _)| *number);
        let pages_from = first(&snapshot.pages).unwrap_or(self.pages_to);
        let manifest = Manifest {
            position: snapshot.position,
            chunks: u32::try_from(snapshot.state.len().div_ceil(CHUNK_BYTES)).unwrap_or(u32::MAX),
            pages_from,
            pages_to: pages_from + snapshot.pages.len() as u64,
        };
        self.clear(store, slot)?;
        let mut rows = Rows::new(store);
        for (number, page) in &snapshot.pages {
            if !(self.pages_from..self.pages_to).contains(number) {
                rows.put(Table::SeenPages, page_key(*number).to_vec(), page.encode().to_vec())?;
            }
        }
        for (chunk, bytes) in (0..).zip(snapshot.state.chunks(CHUNK_BYTES)) {
            rows.put(Table::Snapshots, chunk_key(slot, chunk).to_vec(), bytes.to_vec())?;
        }
        rows.commit()?;
        rows.put(Table::Snapshots, manifest_key(slot).to_vec(), manifest.encode())?;
        rows.commit()?;
        if let Some(found) = self.slots.get_mut(usize::from(slot)) {
            *found = Some(manifest);
        }
        self.forget_pages(store, manifest.pages_to)
    }

    /// Removes what a slot holds, its manifest in the same commit.
    fn clear(&mut self, store: &dyn Store, slot: u8) -> Result<(), Fault> {
        let Some(found) = self.slots.get_mut(usize::from(slot)).and_then(Option::take) else {
            return Ok(());
        };
        let mut write = Write::new();
        write.delete(Table::Snapshots, manifest_key(slot));
        for chunk in 0..found.chunks {
            write.delete(Table::Snapshots, chunk_key(slot, chunk));
        }
        store.commit(write)
    }

    /// Removes the pages that no snapshot needs.
    fn forget_pages(&mut self, store: &dyn Store, pages_to: u64) -> Result<(), Fault> {
        let needed = self.slots.iter().flatten().map(|slot| slot.pages_from).min();
        let from = needed.unwrap_or(pages_to);
        let mut write = Write::new();
        for number in self.pages_from..from {
            write.delete(Table::SeenPages, page_key(number));
        }
        if write.rows() > 0 {
            store.commit(write)?;
        }
        (self.pages_from, self.pages_to) = (from, pages_to);
        Ok(())
    }
}

/// Rows, committed a few MiB at a time.
struct Rows<'a> {
    store: &'a dyn Store,
    write: Write,
    bytes: usize,
}

impl<'a> Rows<'a> {
    fn new(store: &'a dyn Store) -> Self {
        Self { store, write: Write::new(), bytes: 0 }
    }

    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) -> Result<(), Fault> {
        self.bytes += value.len();
        self.write.put(table, key, value);
        if self.bytes >= COMMIT_BYTES { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<(), Fault> {
        self.bytes = 0;
        self.store.commit(std::mem::take(&mut self.write))
    }
}

/// Reads pages, some at a time.
struct Pages<'a> {
    store: &'a dyn Store,
    next: u64,
    end: u64,
}

impl Iterator for Pages<'_> {
    type Item = Result<Vec<(u64, Vec<u8>)>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let to = (self.next + PAGES_READ).min(self.end);
        let (from, to_key) = (page_key(self.next), page_key(to));
        self.next = to;
        let rows = self.store.scan(Table::SeenPages, &from, &to_key, PAGES_READ as usize);
        Some(rows.map(|rows| {
            let number = |key: &[u8]| key.try_into().map(u64::from_be_bytes).unwrap_or(u64::MAX);
            rows.into_iter().map(|(key, page)| (number(&key), page.to_vec())).collect()
        }))
    }
}

fn manifest_key(slot: u8) -> [u8; 2] {
    [slot, 0]
}

fn chunk_key(slot: u8, chunk: u32) -> [u8; 6] {
    let [a, b, c, d] = chunk.to_be_bytes();
    [slot, 1, a, b, c, d]
}

fn page_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}
