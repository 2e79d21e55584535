//! The embedded log: preallocated segments in a directory, one writer, many readers.
//!
//! ```text
//! append ──▶ queue ──▶ writer: frame, write, sync ──▶ tail in memory ──▶ end ──▶ tickets
//!                        ▲                              │
//!              preparer: zeroed spare segments          └──▶ readers (older records: from disk)
//! ```
//!
//! * `frame`: the format, byte for byte. `scan`: opening, the torn end, damage.
//! * `engine`: writes frames, without threads. `queue`, `preparer`, `writer`: the threads around it.
//! * `index`, `read`: finding and reading records that memory no longer holds.

mod buffer;
mod engine;
mod frame;
mod index;
mod preparer;
mod queue;
mod read;
mod scan;
#[cfg(test)]
mod simulation;
mod writer;

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use self::engine::{Engine, Spare};
use self::frame::{BLOCK, FRAMES_AT, Record};
use self::index::Segments;
use self::preparer::Preparer;
use self::queue::Queue;
use self::writer::Writer;
use crate::bug::EndOnPanic;
use crate::disk::{Disk, RealDisk};
use crate::metrics;
use crate::port::{Fault, Log, Position, RECORD_BYTES_MAX, Refused, Ticket};
use crate::tail::Tail;

/// How an embedded log is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// Size of a segment's file in bytes, rounded up to 4 KiB, at least 64 KiB. Segments that
    /// exist keep their size. One spare segment is always kept ready.
    pub segment_bytes: u64,
    /// Records that wait, or are being written, may take this many bytes; beyond it appends are
    /// refused as busy.
    pub queue_bytes_max: usize,
    /// One write takes at most this many bytes (or a single record, if that is larger).
    pub group_bytes_max: usize,
    /// Write around the page cache where the file system can do that.
    pub direct_io: bool,
    /// The newest records are kept in memory, up to this many bytes.
    pub cache_bytes: usize,
    /// When nothing was appended for this long, the log marks its end on disk, so that damage to
    /// the last records can be told from a torn write.
    pub mark_after: Duration,
    /// How often a full disk is tried again.
    pub retry_space_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            queue_bytes_max: 64 << 20,
            group_bytes_max: 4 << 20,
            direct_io: true,
            cache_bytes: 64 << 20,
            mark_after: Duration::from_millis(50),
            retry_space_every: Duration::from_millis(200),
        }
    }
}

impl Options {
    /// The segment size as it is used.
    pub(crate) fn segment_bytes(&self) -> u64 {
        self.segment_bytes.max(64 << 10).next_multiple_of(BLOCK as u64)
    }

    /// The most bytes that a frame of several records takes.
    pub(crate) fn frame_bytes_max(&self) -> usize {
        self.group_bytes_max.min(self.segment_bytes() as usize / 2)
    }

    /// The largest record whose frame, with a mark behind it, goes into a segment.
    fn record_bytes_max(&self) -> usize {
        let frames = (self.segment_bytes() - FRAMES_AT) as usize - BLOCK;
        (frames - frame::HEADER_BYTES - frame::ENTRY_BYTES).min(RECORD_BYTES_MAX)
    }
}

/// What the writer and the readers share.
pub(crate) struct Shared {
    queue: Queue,
    tail: Tail,
    segments: Arc<Segments>,
    end: watch::Sender<Position>,
    /// Wakes threads that wait for the end to move.
    moved: Condvar,
    moving: Mutex<()>,
}

impl Shared {
    /// Nothing waits, and `end` records are in the segments.
    fn new(segments: Arc<Segments>, end: u64, options: &Options) -> Self {
        Self {
            queue: Queue::new(options.queue_bytes_max),
            tail: Tail::new(end, options.cache_bytes),
            segments,
            end: watch::Sender::new(Position(end)),
            moved: Condvar::new(),
            moving: Mutex::new(()),
        }
    }

    /// Shows durable records to the readers.
    fn publish(&self, records: Vec<Record>, end: u64) {
        self.tail.extend(records.into_iter().map(|record| record.bytes));
        self.end.send_replace(Position(end));
        metrics::end(end);
        drop(self.moving.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
    }
}

/// A pool's log in a directory of its own.
///
/// Dropping it is like [`EmbeddedLog::close`].
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    preparer: Arc<Preparer>,
    record_bytes_max: usize,
    threads: Vec<JoinHandle<()>>,
    torn: bool,
}

impl EmbeddedLog {
    /// Opens the log of a pool, or begins it in an empty or missing directory. Every byte that is
    /// there is checked; a torn end is cut.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] if something that was durable is damaged, [`Fault::Foreign`] for another
    /// pool's log, [`Fault::Unsupported`] for a newer format, [`Fault::Locked`] if it is open
    /// already, [`Fault::NoSpace`] if there is no room to begin, [`Fault::Io`].
    pub fn open(dir: &Path, pool: u32, options: Options) -> Result<Self, Fault> {
        let disk = RealDisk::open(dir, options.direct_io).map_err(open_fault)?;
        Self::open_on(Arc::new(disk), pool, options)
    }

    /// The same on any disk.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(disk: Arc<dyn Disk>, pool: u32, options: Options) -> Result<Self, Fault> {
        let mut engine = open_engine(&disk, pool, options.segment_bytes())?;
        // What recovery found is served from now on, so let the file say that it is durable.
        match engine.mark() {
            Ok(()) | Err(Fault::NoSpace) => {}
            Err(fault) => return Err(fault),
        }
        let shared = Arc::new(Shared::new(engine.segments(), engine.position(), &options));
        metrics::end(engine.position());
        let preparer = Arc::new(Preparer::new(engine.next_epoch(), &options));
        let mut log = Self {
            shared: shared.clone(),
            disk,
            preparer: preparer.clone(),
            record_bytes_max: options.record_bytes_max(),
            threads: Vec::new(),
            torn: false,
        };
        let writer = Writer { engine, shared, preparer, options };
        let (preparer, disk) = (log.preparer.clone(), log.disk.clone());
        log.spawn("log-preparer", move || preparer.run(&disk))?;
        log.spawn("log-writer", move || writer.run())?;
        Ok(log)
    }

    /// Opens a log to look at it. Every byte that is there is checked and nothing is written, so
    /// it may lie where nothing can be; a torn end stays where it is, and its records are not
    /// read. Appends are refused as [`Refused::Halted`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_read_only(dir: &Path, pool: u32, options: &Options) -> Result<Self, Fault> {
        let disk = RealDisk::open_read_only(dir).map_err(open_fault)?;
        Self::open_read_only_on(Arc::new(disk), pool, options)
    }

    /// The same on any disk.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_read_only_on(
        disk: Arc<dyn Disk>,
        pool: u32,
        options: &Options,
    ) -> Result<Self, Fault> {
        let scan::Inspected { segments, end, torn } = scan::inspect(&*disk, pool)?;
        let shared = Arc::new(Shared::new(Arc::new(segments), end, options));
        shared.queue.halt();
        Ok(Self {
            shared,
            disk,
            preparer: Arc::new(Preparer::new(0, options)),
            record_bytes_max: options.record_bytes_max(),
            threads: Vec::new(),
            torn,
        })
    }

    /// Whether remains of a torn write lie behind the records; only one that was opened
    /// [to look at it](Self::open_read_only) has any.
    #[must_use]
    pub fn torn(&self) -> bool {
        self.torn
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
        let guarded = move || {
            let _end = EndOnPanic;
            run();
        };
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(guarded);
        self.threads.push(spawned.map_err(|error| Fault::io("start a log thread", error))?);
        Ok(())
    }

    /// Writes what still waits, marks the end and closes the log.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.shared.queue.close();
        // The writer was started last, and may need the preparer to write what still waits.
        while let Some(thread) = self.threads.pop() {
            if self.threads.is_empty() {
                self.preparer.stop();
            }
            if thread.join().is_err() {
                tracing::error!("a log thread panicked");
            }
        }
    }
}

fn open_fault(error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::WouldBlock => Fault::Locked,
        _ => Fault::io("open the log's directory", error),
    }
}

/// Recovers the log, or begins a new one.
fn open_engine(disk: &Arc<dyn Disk>, pool: u32, segment_bytes: u64) -> Result<Engine, Fault> {
    engine::remove_spares(&**disk)?;
    match scan::recover(&**disk, pool)? {
        Some(recovered) => Ok(Engine::resume(disk.clone(), recovered)),
        None => match Spare::prepare(&**disk, 0, segment_bytes, &|| true)? {
            Some(spare) => Engine::begin(disk.clone(), pool, spare),
            None => Err(Fault::Halted),
        },
    }
}

impl Log for EmbeddedLog {
    fn append(&self, record: Bytes) -> Result<Ticket, Refused> {
        if record.len() > self.record_bytes_max {
            let (bytes, bytes_max) = (record.len(), self.record_bytes_max);
            return Err(Refused::TooLarge { bytes, bytes_max });
        }
        self.shared.queue.push(Record::new(record))
    }

    fn read(&self, from: Position, bytes_max: usize) -> Result<Vec<Bytes>, Fault> {
        let end = self.end();
        if from > end {
            return Err(Fault::beyond(end));
        }
        if let Some(records) = self.shared.tail.read(from.0, end.0, bytes_max) {
            return Ok(records);
        }
        read::read(&*self.disk, &self.shared.segments, from.0, end.0, bytes_max)
    }

    fn end(&self) -> Position {
        *self.shared.end.borrow()
    }

    fn wait(&self, position: Position, timeout: Duration) -> bool {
        let still = |(): &mut ()| self.end() <= position;
        let moving = self.shared.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.moved.wait_timeout_while(moving, timeout, still);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.end() > position
    }

    fn watch(&self) -> watch::Receiver<Position> {
        self.shared.end.subscribe()
    }
}
