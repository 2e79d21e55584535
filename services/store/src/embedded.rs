//! The embedded store: a fjall LSM tree in a directory, with our own checks around it.
//!
//! * A commit is one atomic batch of the engine, synced before it returns. Packed segments lie in
//!   value files of their own, so that compaction moves their keys only.
//! * Every value ends in a checksum over its table, its key and itself (`seal`).
//! * Every commit leaves a manifest of its rows, kept for as long as the engine may still have to
//!   replay the commit from its journal; the number of the last acknowledged commit stands in a
//!   file of its own. Opening verifies that every acknowledged commit is there, whole (`recent`).
//!   This is what tells a torn tail from rot in the middle of the journal: the engine takes the
//!   one for the other and truncates.
//! * Any failed write or sync halts the store, except for a full disk.

mod engine;
mod marker;
mod names;
mod recent;
mod space;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use fjall::Readable as _;

use crate::commit::{Commit, FACT_BYTES_MAX, Fact, Stream};
use crate::fault::Fault;
use crate::port::{Row, Store};
use crate::seal;
use crate::table::Table;
use engine::Engine;
use marker::Marker;
use names::Heads;
use recent::Recent;
use space::{Changes, Space};

/// Rows removed in one write.
const REMOVED_AT_ONCE: usize = 8_192;

/// How the embedded store uses the machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Memory for cached blocks and values, bytes.
    pub cache_bytes: u64,
    /// Commits are refused with [`Fault::NoSpace`] while the disk has less than this left, bytes.
    /// The engine needs room to work in the background.
    pub reserve_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 128 << 20, reserve_bytes: 256 << 20 }
    }
}

/// A store in a directory. Open in one process at a time.
pub struct EmbeddedStore {
    dir: PathBuf,
    options: Options,
    /// Absent only after a failed attempt to open the engine again.
    engine: RwLock<Option<Engine>>,
    writer: Mutex<Writer>,
}

struct Writer {
    marker: Marker,
    recent: Recent,
    heads: Heads,
    state: State,
}

enum State {
    Open,
    /// The disk was full in the middle of a write; the engine has to be opened again.
    OutOfSpace,
    /// Why no commit is taken any more.
    Halted(String),
}

impl EmbeddedStore {
    /// Opens the store in `dir`, creating it if there is none, and verifies what was written last.
    ///
    /// # Errors
    /// [`Fault::Locked`], [`Fault::Unsupported`], [`Fault::NoSpace`], [`Fault::Io`];
    /// [`Fault::Damaged`] or [`Fault::Corrupt`] if anything acknowledged is missing or changed.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self, Fault> {
        let dir = dir.as_ref().to_path_buf();
        std::fs::create_dir_all(&dir).map_err(|error| engine::io("create", error))?;
        let engine = Engine::open(&dir, &options)?;
        let marker = Marker::open(&dir, engine.is_empty()?)?;
        let recent = Recent::verify(&engine, marker.acknowledged())?;
        let heads = Heads::read(&engine)?;
        let writer = Writer { marker, recent, heads, state: State::Open };
        Ok(Self { dir, options, engine: RwLock::new(Some(engine)), writer: Mutex::new(writer) })
    }

    /// Why commits are refused for good, if they are.
    #[must_use]
    pub fn halted(&self) -> Option<String> {
        match &self.writer().state {
            State::Halted(why) => Some(why.clone()),
            State::Open | State::OutOfSpace => None,
        }
    }

    /// The number of writes ever acknowledged; one may hold several commits.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writer().marker.acknowledged()
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn engine(&self) -> RwLockReadGuard<'_, Option<Engine>> {
        self.engine.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the disk has room for `bytes` more, beyond the reserve.
    fn has_space(&self, bytes: usize) -> Result<bool, Fault> {
        let disk = rustix::fs::statvfs(&self.dir).map_err(|error| engine::io("measure", error))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // A value is written to the journal and, later, to a value file.
        Ok(free >= self.options.reserve_bytes.saturating_add(2 * bytes as u64))
    }

    /// Opens the engine again after the disk was full. Every acknowledged commit must be there,
    /// and nothing of the one that failed: were it there, it would have been its sync that failed,
    /// and more might be in doubt.
    fn resume(&self, writer: &mut Writer) -> Result<(), Fault> {
        match engine::renew_journal(&self.dir) {
            Ok(()) => {}
            Err(error) if engine::no_space(&error) => return Err(Fault::NoSpace),
            Err(error) => return Err(writer.fail("resume", error)),
        }
        let mut slot = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        drop(slot.take());
        let engine = Engine::open(&self.dir, &self.options)?;
        let acknowledged = writer.marker.acknowledged();
        let recent = Recent::verify(&engine, acknowledged)?;
        if recent.last() != acknowledged {
            let why = format!("commit {} was not synced", recent.last());
            return Err(writer.halt(why));
        }
        writer.recent = recent;
        writer.heads = Heads::read(&engine)?;
        writer.state = State::Open;
        *slot = Some(engine);
        tracing::info!(acknowledged, "store resumed after the disk was full");
        Ok(())
    }

    /// Some keys of a range, within one group.
    fn keys(&self, table: Table, from: &[u8], to_exclusive: &[u8]) -> Result<Vec<Bytes>, Fault> {
        if from >= to_exclusive {
            return Ok(Vec::new());
        }
        let slot = self.engine();
        let engine = slot.as_ref().ok_or(Fault::NoSpace)?;
        let rows = engine.snapshot().range(engine.keyspace(table), from..to_exclusive);
        let keys = rows.take(REMOVED_AT_ONCE).map(|row| {
            let key = row.key().map_err(|error| Space::Table(table).read_fault(from, error))?;
            Ok(Bytes::from(key))
        });
        let keys: Result<Vec<_>, Fault> = keys.collect();
        let mut keys = keys?;
        keys.retain(|key| table.group(key) == table.group(from));
        Ok(keys)
    }

    /// Waits for its turn to write; the engine is open then.
    fn turn(&self) -> Result<MutexGuard<'_, Writer>, Fault> {
        let mut writer = self.writer();
        if let State::Halted(why) = &writer.state {
            return Err(Fault::Halted { why: why.clone() });
        }
        if matches!(writer.state, State::OutOfSpace) {
            if !self.has_space(0)? {
                return Err(Fault::NoSpace);
            }
            self.resume(&mut writer)?;
        }
        Ok(writer)
    }

    /// Writes some changes; durable on return, and visible only then.
    fn write(&self, writer: &mut Writer, engine: &Engine, changes: Changes) -> Result<(), Fault> {
        if !self.has_space(changes.bytes)? {
            return Err(Fault::NoSpace);
        }
        let (prepared, batch) = writer.recent.prepare(engine, changes);
        match engine.commit(batch) {
            Ok(()) => {}
            Err(error) if engine::disk_full(&error) => return Err(writer.run_out(&error)),
            // A background task of the engine failed; its error is in the engine's own log only.
            Err(fjall::Error::Poisoned) if !self.has_space(0)? => {
                return Err(writer.run_out(&fjall::Error::Poisoned));
            }
            Err(error) => return Err(writer.fail("write to", error)),
        }
        writer.recent.written(prepared);
        let marked = writer.marker.write(prepared.number());
        marked.map_err(|error| writer.fail("acknowledge a commit in", error))
    }
}

impl Writer {
    fn run_out(&mut self, error: &fjall::Error) -> Fault {
        tracing::warn!(%error, "disk full while the store was writing");
        self.state = State::OutOfSpace;
        Fault::NoSpace
    }

    fn halt(&mut self, why: String) -> Fault {
        tracing::error!(why, "store halted");
        self.state = State::Halted(why.clone());
        Fault::Halted { why }
    }

    fn fail<E>(&mut self, doing: &'static str, error: E) -> Fault
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        self.halt(format!("cannot {doing} the store: {error}"));
        engine::io(doing, error)
    }
}

impl Store for EmbeddedStore {
    fn commit(&self, commits: &[Commit]) -> Result<(), Fault> {
        commits.iter().try_for_each(|commit| commit.write.check())?;
        let mut writer = self.turn()?;
        let slot = self.engine();
        let engine = slot.as_ref().ok_or(Fault::NoSpace)?;
        let (changes, heads, end) = names::changes(engine, commits, writer.heads);
        if !changes.rows.is_empty() {
            self.write(&mut writer, engine, changes)?;
            writer.heads = heads;
        }
        end
    }

    fn head(&self, stream: Stream) -> Result<u64, Fault> {
        Ok(self.writer().heads.of(stream))
    }

    fn remove(&self, table: Table, from: &[u8], to_exclusive: &[u8]) -> Result<(), Fault> {
        let mut from = from.to_vec();
        loop {
            let keys = self.keys(table, &from, to_exclusive)?;
            let Some(last) = keys.last() else { return Ok(()) };
            from = [last, &[0][..]].concat();
            let mut writer = self.turn()?;
            let slot = self.engine();
            let engine = slot.as_ref().ok_or(Fault::NoSpace)?;
            let mut changes = Changes::default();
            keys.into_iter().for_each(|key| changes.delete(Space::Table(table), key));
            self.write(&mut writer, engine, changes)?;
        }
    }

    fn decide(&self, fact: Fact, value: &[u8]) -> Result<Bytes, Fault> {
        if value.len() > FACT_BYTES_MAX {
            return Err(Fault::TooLarge { table: Table::Meta, what: "fact", bytes: value.len() });
        }
        let mut writer = self.turn()?;
        let slot = self.engine();
        let engine = slot.as_ref().ok_or(Fault::NoSpace)?;
        if let Some(decided) = names::fact(engine, fact)? {
            return Ok(decided);
        }
        self.write(&mut writer, engine, names::decide(fact, value))?;
        Ok(Bytes::copy_from_slice(value))
    }

    fn decided(&self, fact: Fact) -> Result<Option<Bytes>, Fault> {
        names::fact(self.engine().as_ref().ok_or(Fault::NoSpace)?, fact)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        let slot = self.engine();
        let engine = slot.as_ref().ok_or(Fault::NoSpace)?;
        let found = engine.snapshot().get(engine.keyspace(table), key);
        let found = found.map_err(|error| engine::read_fault(Space::Table(table), key, error))?;
        found.map(|value| seal::open(table, key, value.into())).transpose()
    }

    fn last_at_or_before(
        &self,
        table: Table,
        prefix: &[u8],
        key: &[u8],
    ) -> Result<Option<Row>, Fault> {
        let group = table.group(key);
        let first = if prefix.len() < group.len() { group } else { prefix };
        if key < first || !first.starts_with(prefix) {
            return Ok(None);
        }
        let slot = self.engine();
        let engine = slot.as_ref().ok_or(Fault::NoSpace)?;
        let mut rows = engine.snapshot().range(engine.keyspace(table), first..=key);
        let Some(row) = rows.next_back() else { return Ok(None) };
        let (found, value) = row
            .into_inner()
            .map_err(|error| engine::read_fault(Space::Table(table), key, error))?;
        if !found.starts_with(first) {
            return Ok(None);
        }
        let value = seal::open(table, &found, value.into())?;
        Ok(Some((found.into(), value)))
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to_exclusive: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Fault> {
        if from >= to_exclusive {
            return Ok(Vec::new());
        }
        let slot = self.engine();
        let engine = slot.as_ref().ok_or(Fault::NoSpace)?;
        let rows = engine.snapshot().range(engine.keyspace(table), from..to_exclusive);
        let fault = |error| engine::read_fault(Space::Table(table), from, error);
        let mut found = Vec::new();
        for row in rows.take(limit) {
            let (key, value) = row.into_inner().map_err(fault)?;
            if table.group(&key) != table.group(from) {
                break;
            }
            let value = seal::open(table, &key, value.into())?;
            found.push((key.into(), value));
        }
        Ok(found)
    }
}
