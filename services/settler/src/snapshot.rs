//! Snapshots: the pool as rows of the store, so that recovery need not replay the whole log.
//!
//! ```text
//! Snapshots  0 u8 | position u64              manifest: the last row to come, the first to go
//! Snapshots  1 u8 | position u64 | chunk u32  the state's bytes, 256 KiB each
//! SeenPages  page u64                         full pages of the index of identities
//!
//! manifest:  version u16 = 1 | chunks u32 | first page u64 | end of pages u64
//! ```
//! The state at a position is a function of the log, and so is each of these rows: every one is a
//! commit of its own, chunk n of a snapshot number position × 2^20 + n of its stream and the
//! manifest the one behind the chunks. Several settlers may write snapshots, the same or others.
//!
//! A full page never changes, so snapshots share pages: only new ones are written. The newest two
//! snapshots are kept with their pages; what is older goes once the newest is there. The store
//! guards every row, the state carries its own checksum and root. What does not hold is as if it
//! were not there: replaying more of the log gives the same pool.

use std::ops::Range;

use channel::{DecodeError, Reader, Writer};
use clearing::{Place, Pool, Snapshot};
use store::{Commit, Fault, Store, Stream, Table, Write};

const VERSION: u16 = 1;
/// Snapshots that are kept.
const KEPT: usize = 2;
const CHUNK_BYTES: usize = 256 << 10;
/// Rows handed to the store at once, bytes, about.
const COMMIT_BYTES: usize = 4 << 20;
/// Pages read at once.
const PAGES_READ: u64 = 64;
/// The first byte of keys in table Snapshots.
const MANIFEST: u8 = 0;
const CHUNK: u8 = 1;

/// What a snapshot consists of.
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
        writer.u16(VERSION).u32(self.chunks);
        writer.u64(self.pages_from).u64(self.pages_to);
        writer.into_bytes()
    }

    fn decode(position: u64, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        match reader.u16("version")? {
            VERSION => {}
            other => return Err(DecodeError::Unknown { field: "version", value: other.into() }),
        }
        let manifest = Self {
            position,
            chunks: reader.u32("chunks")?,
            pages_from: reader.u64("first page")?,
            pages_to: reader.u64("end of pages")?,
        };
        reader.finish()?;
        if manifest.pages_from > manifest.pages_to {
            return Err(DecodeError::Range { field: "end of pages" });
        }
        Ok(manifest)
    }
}

/// The snapshots in a store, as far as this settler knows.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    /// The newest, ascending by position.
    kept: Vec<Manifest>,
    /// The pages that are in the store: those that were read or written, whatever a manifest says.
    pages: Range<u64>,
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
    for manifest in snapshots.kept.clone().iter().rev().filter(|kept| kept.position <= passed) {
        match restore(store, manifest, hash_seed) {
            Ok(pool) => {
                snapshots.pages = manifest.pages_from..manifest.pages_to;
                return Ok((pool, snapshots));
            }
            Err(Unusable::Store(fault @ (Fault::Io { .. } | Fault::Unavailable { .. }))) => {
                return Err(fault);
            }
            Err(unusable) => {
                tracing::warn!(position = manifest.position, %unusable, "snapshot passed over");
                snapshots.kept.retain(|kept| kept.position != manifest.position);
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
    #[error("page {0} or one behind it is missing")]
    Page(u64),
    #[error(transparent)]
    Store(#[from] Fault),
    #[error(transparent)]
    State(#[from] clearing::RestoreError),
}

impl Snapshots {
    fn read(store: &dyn Store) -> Result<Self, Fault> {
        let rows = store.scan(Table::Snapshots, &[MANIFEST], &[CHUNK], usize::MAX)?;
        let mut kept = Vec::new();
        for (key, bytes) in rows {
            let position = key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            match Manifest::decode(position, &bytes) {
                Ok(manifest) => kept.push(manifest),
                Err(error) => tracing::warn!(position, %error, "snapshot unknown"),
            }
        }
        Ok(Self { kept, pages: 0..0 })
    }

    /// Writes a snapshot, then removes what is older than the newest two.
    ///
    /// # Errors
    /// The store's fault. The other snapshots are untouched; one that is retryable leaves
    /// everything ready for another attempt.
    pub(crate) fn write(&mut self, store: &dyn Store, snapshot: &Snapshot) -> Result<(), Fault> {
        let first = |pages: &[(u64, _)]| pages.first().map(|(number, _)| *number);
        let pages_from = first(&snapshot.pages).unwrap_or(self.pages.end);
        let pages_to = pages_from + snapshot.pages.len() as u64;
        let position = snapshot.position;
        let chunks = u32::try_from(snapshot.state.len().div_ceil(CHUNK_BYTES)).unwrap_or(u32::MAX);
        let manifest = Manifest { position, chunks, pages_from, pages_to };
        let mut commits = Commits::new(store);
        for (number, page) in &snapshot.pages {
            if !self.pages.contains(number) {
                let key = page_key(*number);
                commits.put(
                    (Stream::SeenPages, *number),
                    (Table::SeenPages, &key),
                    page.encode(),
                )?;
            }
        }
        let number = |part: u32| (Stream::Snapshots, Place::new(position, part as usize).0);
        for (chunk, bytes) in (0..).zip(snapshot.state.chunks(CHUNK_BYTES)) {
            let key = chunk_key(position, chunk);
            commits.put(number(chunk), (Table::Snapshots, &key), bytes)?;
        }
        commits.flush()?;
        let key = manifest_key(position);
        commits.put(number(chunks), (Table::Snapshots, &key), &manifest.encode())?;
        commits.flush()?;
        self.kept.retain(|kept| kept.position != position);
        self.kept.push(manifest);
        self.kept.sort_unstable_by_key(|kept| kept.position);
        self.pages = pages_from..pages_to;
        self.forget(store)
    }

    /// Removes what is older than the newest two snapshots: first the manifests, so that nothing
    /// refers to the rest any more.
    fn forget(&mut self, store: &dyn Store) -> Result<(), Fault> {
        let surplus = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..surplus);
        let Some(oldest) = self.kept.first().map(|kept| kept.position) else { return Ok(()) };
        store.remove(Table::Snapshots, &manifest_key(0), &manifest_key(oldest))?;
        store.remove(Table::Snapshots, &chunk_key(0, 0), &chunk_key(oldest, 0))?;
        let pages_from = self.kept.iter().map(|kept| kept.pages_from).min().unwrap_or(0);
        store.remove(Table::SeenPages, &page_key(0), &page_key(pages_from))
    }
}

fn restore(store: &dyn Store, manifest: &Manifest, hash_seed: u64) -> Result<Pool, Unusable> {
    let mut state = Vec::new();
    for chunk in 0..manifest.chunks {
        let found = store.get(Table::Snapshots, &chunk_key(manifest.position, chunk))?;
        state.extend_from_slice(&found.ok_or(Unusable::Chunk(chunk))?);
    }
    let mut unusable = None;
    let pages = Pages { store, next: manifest.pages_from, end: manifest.pages_to };
    let pages = pages.map_while(|read| read.map_err(|why| unusable = Some(why)).ok());
    let restored = Pool::restore(hash_seed, &state, pages.flatten());
    match unusable {
        Some(why) => Err(why),
        None => Ok(restored?),
    }
}

/// Commits of one row each, handed over a few MiB at a time.
struct Commits<'a> {
    store: &'a dyn Store,
    commits: Vec<Commit>,
    bytes: usize,
}

impl<'a> Commits<'a> {
    fn new(store: &'a dyn Store) -> Self {
        Self { store, commits: Vec::new(), bytes: 0 }
    }

    fn put(
        &mut self,
        (stream, number): (Stream, u64),
        (table, key): (Table, &[u8]),
        value: &[u8],
    ) -> Result<(), Fault> {
        let mut write = Write::new();
        write.put(table, key, value);
        self.commits.push(Commit::new(stream, number, write));
        self.bytes += value.len();
        if self.bytes >= COMMIT_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.store.commit(&self.commits)?;
        self.commits.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// Reads pages, some at a time.
struct Pages<'a> {
    store: &'a dyn Store,
    next: u64,
    end: u64,
}

impl Iterator for Pages<'_> {
    type Item = Result<Vec<(u64, Vec<u8>)>, Unusable>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let count = (self.end - self.next).min(PAGES_READ);
        let (first, next) = (self.next, self.next + count);
        self.next = next;
        let (from, to) = (page_key(first), page_key(next));
        let rows = match self.store.scan(Table::SeenPages, &from, &to, PAGES_READ as usize) {
            Ok(rows) => rows,
            Err(fault) => return Some(Err(fault.into())),
        };
        // Whatever the manifest says, no more is asked for than is there.
        if rows.len() as u64 != count {
            return Some(Err(Unusable::Page(first)));
        }
        let number = |key: &[u8]| key.try_into().map(u64::from_be_bytes).unwrap_or(u64::MAX);
        Some(Ok(rows.into_iter().map(|(key, page)| (number(&key), page.to_vec())).collect()))
    }
}

fn manifest_key(position: u64) -> [u8; 9] {
    let mut key = [MANIFEST; 9];
    key[1..].copy_from_slice(&position.to_be_bytes());
    key
}

fn chunk_key(position: u64, chunk: u32) -> [u8; 13] {
    let mut key = [CHUNK; 13];
    key[1..9].copy_from_slice(&position.to_be_bytes());
    key[9..].copy_from_slice(&chunk.to_be_bytes());
    key
}

fn page_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}
