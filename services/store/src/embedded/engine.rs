//! The engine: how fjall is set up, and what its errors mean here.

use std::any::Any;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::config::CompressionPolicy;
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions,
    OwnedWriteBatch, PersistMode, Snapshot,
};

use super::Options;
use super::space::Space;
use crate::fault::Fault;
use crate::seal;
use crate::table::Table;

/// The format of everything in the directory.
const FORMAT: u64 = 1;
const FORMAT_KEY: &[u8] = b"format";

/// The engine's own directory, and where it is made.
const FOLDER: &str = "fjall";
const FOLDER_NEW: &str = "fjall.new";

/// The most bytes of journals before the engine flushes what they hold.
pub(super) const JOURNAL_BYTES_MAX: u64 = 128 << 20;
const MEMTABLE_BYTES_MAX: u64 = 16 << 20;
/// Values from this size on lie in value files, which compaction does not rewrite.
const SEPARATED_BYTES_MIN: u32 = 512;

/// The open engine with its tables.
pub(super) struct Engine {
    db: Database,
    tables: Vec<Keyspace>,
    /// The names of commits, see [`super::names`].
    names: Keyspace,
    /// One row per commit, see [`super::recent`].
    pub(super) manifests: Keyspace,
}

impl Engine {
    /// Opens or creates the engine below `dir`.
    pub(super) fn open(dir: &Path, options: &Options) -> Result<Self, Fault> {
        // The engine asserts some of what it reads; a panic there means damage, not a bug of ours.
        let open = || {
            if dir.join(FOLDER).symlink_metadata().is_err() {
                Self::create(dir, options)?;
            }
            Self::open_folder(&dir.join(FOLDER), options)
        };
        catch_unwind(AssertUnwindSafe(open))
            .unwrap_or_else(|panic| Err(Fault::Damaged { why: panic_text(panic.as_ref()) }))
    }

    /// Makes the engine's directory under another name first: the engine cannot go on where a
    /// crash has interrupted it in creating one, and it does not make the names of its tables'
    /// directories durable.
    fn create(dir: &Path, options: &Options) -> Result<(), Fault> {
        let new = dir.join(FOLDER_NEW);
        let removed = match fs::remove_dir_all(&new) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        removed.map_err(create_fault)?;
        drop(Self::open_folder(&new, options)?);
        let moved = sync_dirs(&new)
            .and_then(|()| fs::rename(&new, dir.join(FOLDER)))
            .and_then(|()| File::open(dir)?.sync_all());
        moved.map_err(create_fault)
    }

    fn open_folder(folder: &Path, options: &Options) -> Result<Self, Fault> {
        let db = Database::builder(folder)
            .cache_size(options.cache_bytes)
            .journal_compression(CompressionType::None)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .manual_journal_persist(true)
            .worker_threads(2)
            .open()
            .map_err(open_fault)?;
        let manifests = db.keyspace("manifests", keyspace_options).map_err(open_fault)?;
        let tables = Table::ALL
            .iter()
            .map(|table| db.keyspace(table.name(), keyspace_options).map_err(open_fault))
            .collect::<Result<_, _>>()?;
        let names = db.keyspace("names", keyspace_options).map_err(open_fault)?;
        let engine = Self { db, tables, names, manifests };
        engine.check_format()?;
        Ok(engine)
    }

    /// Writes the format's number into a new store, and refuses one that is not known.
    fn check_format(&self) -> Result<(), Fault> {
        let keyspace = self.db.keyspace("format", keyspace_options).map_err(open_fault)?;
        match keyspace.get(FORMAT_KEY).map_err(open_fault)? {
            Some(stored) => {
                let value = seal::open_raw(seal::MANIFESTS, FORMAT_KEY, stored.into());
                let value = value.and_then(|value| Some(*value.first_chunk::<8>()?));
                match value.map(u64::from_be_bytes) {
                    Some(FORMAT) => Ok(()),
                    Some(found) => Err(Fault::Unsupported { found }),
                    None => Err(Fault::Damaged { why: "format number unreadable".to_owned() }),
                }
            }
            None if self.is_empty()? => {
                let mut value = FORMAT.to_be_bytes().to_vec();
                seal::close(seal::MANIFESTS, FORMAT_KEY, &mut value);
                let mut batch = self.batch(1);
                batch.insert(&keyspace, FORMAT_KEY, value);
                self.commit(batch).map_err(open_fault)
            }
            None => Err(Fault::Damaged { why: "format number missing".to_owned() }),
        }
    }

    /// Whether no commit was ever made.
    pub(super) fn is_empty(&self) -> Result<bool, Fault> {
        self.manifests.is_empty().map_err(open_fault)
    }

    pub(super) fn keyspace(&self, table: Table) -> &Keyspace {
        &self.tables[table as usize]
    }

    pub(super) fn space(&self, space: Space) -> &Keyspace {
        match space {
            Space::Table(table) => self.keyspace(table),
            Space::Names => &self.names,
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.db.snapshot()
    }

    pub(super) fn batch(&self, rows: usize) -> OwnedWriteBatch {
        OwnedWriteBatch::with_capacity(self.db.clone(), rows)
    }

    /// Writes a batch and syncs it; visible only once it is durable.
    #[expect(clippy::unused_self, reason = "a batch is committed to the engine that made it")]
    pub(super) fn commit(&self, batch: OwnedWriteBatch) -> Result<(), fjall::Error> {
        batch.durability(Some(PersistMode::SyncAll)).commit()
    }
}

/// Puts a fresh, synced copy in the place of the journal that is being written.
///
/// A write that met the end of the disk leaves the rest of its batch in the engine's buffer, and
/// the engine writes that when it is dropped: to the old file, which nobody reads any more. And
/// whatever a failed sync has left in doubt is not in doubt in the copy.
pub(super) fn renew_journal(dir: &Path) -> io::Result<()> {
    let dir = dir.join(FOLDER);
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in fs::read_dir(&dir)? {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl"));
        let Some(number) = number.and_then(|number| number.parse().ok()) else { continue };
        if newest.as_ref().is_none_or(|(most, _)| number > *most) {
            newest = Some((number, path));
        }
    }
    let Some((_, path)) = newest else { return Ok(()) };
    let bytes = fs::read(&path)?;
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let copy = path.with_extension("copy");
    let written = File::create(&copy).and_then(|mut file| {
        file.write_all(&bytes[..used])?;
        // The engine keeps zeros behind the end; the last bytes of a batch may be zeros too.
        file.set_len(bytes.len() as u64)?;
        file.sync_all()
    });
    if let Err(error) = written {
        // It is in nobody's way, but it takes space.
        let _ = fs::remove_file(&copy);
        return Err(error);
    }
    fs::rename(&copy, &path)?;
    File::open(&dir)?.sync_all()
}

fn keyspace_options() -> KeyspaceCreateOptions {
    // Packed rows hardly compress, and the time is worth more than the space.
    let separation = KvSeparationOptions::default()
        .compression(CompressionType::None)
        .separation_threshold(SEPARATED_BYTES_MIN);
    KeyspaceCreateOptions::default()
        .max_memtable_size(MEMTABLE_BYTES_MAX)
        .data_block_compression_policy(CompressionPolicy::disabled())
        .with_kv_separation(Some(separation))
        .manual_journal_persist(true)
}

/// Wraps an error of the operating system or the engine.
pub(super) fn io<E>(doing: &'static str, source: E) -> Fault
where
    E: Error + Send + Sync + 'static,
{
    Fault::Io { doing, source: Arc::new(source) }
}

/// Whether an error says that the disk is full.
pub(super) fn disk_full(error: &fjall::Error) -> bool {
    io_error(error).is_some_and(no_space)
}

/// Whether an error of the operating system says that the disk is full.
pub(super) fn no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Makes the names in a directory durable, and in those below.
fn sync_dirs(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_dirs(&entry.path())?;
        }
    }
    File::open(dir)?.sync_all()
}

fn create_fault(error: io::Error) -> Fault {
    if no_space(&error) { Fault::NoSpace } else { io("create", error) }
}

fn io_error(error: &fjall::Error) -> Option<&io::Error> {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => Some(error),
        _ => None,
    }
}

fn open_fault(error: fjall::Error) -> Fault {
    match &error {
        fjall::Error::Locked => Fault::Locked,
        _ if disk_full(&error) => Fault::NoSpace,
        _ if environmental(&error) => io("open", error),
        _ => Fault::Damaged { why: error.to_string() },
    }
}

/// What reading a row ran into: damage of the row, or the world around it.
pub(super) fn read_fault(space: Space, key: &[u8], error: fjall::Error) -> Fault {
    if environmental(&error) {
        return io("read", error);
    }
    tracing::error!(%error, ?space, "store row unreadable");
    space.corrupt(key, "the engine cannot read it")
}

/// Errors of the operating system, apart from those that bad content causes.
fn environmental(error: &fjall::Error) -> bool {
    io_error(error).is_some_and(|error| {
        !matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::NotFound
        )
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("engine refused it: {}", text.unwrap_or_else(|| "no reason given".to_owned()))
}
