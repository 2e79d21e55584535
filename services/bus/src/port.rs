//! The port: what a pool's ordered log offers, whoever implements it.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

/// The most bytes that one record may have, in every implementation.
pub const RECORD_BYTES_MAX: usize = 5 << 20;

/// Dense number of a record in a pool's log, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A pool's ordered, durable log of opaque records.
pub trait Log: Send + Sync + 'static {
    /// Queues a record; the ticket resolves once it is durable. Never blocks.
    ///
    /// Records appended by one thread keep their order.
    ///
    /// # Errors
    /// See [`Refused`]: nothing was queued.
    fn append(&self, record: Bytes) -> Result<Ticket, Refused>;

    /// Durable records from `from` on, in order: record `i` has position `from + i`.
    ///
    /// At least one record if there is one, and otherwise at most about `bytes_max` bytes. Empty
    /// when `from` is the end of the log: nothing there yet.
    ///
    /// # Errors
    /// [`Fault::Beyond`] or [`Fault::Gone`] for a position that the log does not hold, and
    /// [`Fault::Corrupt`] or [`Fault::Io`] when it cannot be read.
    fn read(&self, from: Position, bytes_max: usize) -> Result<Vec<Bytes>, Fault>;

    /// The position that the next record will get: the number of durable records.
    fn end(&self) -> Position;

    /// Blocks the calling thread until `end() > position` or the timeout passes; true if there is
    /// more to read.
    fn wait(&self, position: Position, timeout: Duration) -> bool;

    /// Watches [`Log::end`], for callers that cannot block.
    fn watch(&self) -> watch::Receiver<Position>;

    /// For how long the servers that keep the log have answered no read, where there are any: as
    /// old may be what readers take for its end.
    fn silence(&self) -> Duration {
        Duration::ZERO
    }
}

/// What an append returns: a future of the record's position, ready once the record is durable.
///
/// A dropped ticket does not take the record back.
#[derive(Debug)]
#[must_use = "a record is durable only once its ticket has resolved"]
pub struct Ticket(oneshot::Receiver<Result<Position, Fault>>);

impl Ticket {
    /// A ticket and the sender that resolves it, for implementations of [`Log`]. A sender dropped
    /// without an answer resolves the ticket to [`Fault::Halted`].
    pub fn new() -> (oneshot::Sender<Result<Position, Fault>>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }

    /// Blocks until the ticket resolves. Must not be called from asynchronous code.
    ///
    /// # Errors
    /// The same as awaiting the ticket.
    pub fn wait(self) -> Result<Position, Fault> {
        self.0.blocking_recv().unwrap_or(Err(Fault::Halted))
    }

    /// What it has resolved to, if it has, without waiting. To be asked no more once it has.
    pub fn now(&mut self) -> Option<Result<Position, Fault>> {
        match self.0.try_recv() {
            Ok(resolved) => Some(resolved),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(Fault::Halted)),
        }
    }
}

impl Future for Ticket {
    type Output = Result<Position, Fault>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|got| got.unwrap_or(Err(Fault::Halted)))
    }
}

/// Why a record was not queued. Nothing of it is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The queue is full; the same append may succeed in a moment.
    #[error("the log's queue is full")]
    Busy,
    /// The record is larger than the log takes.
    #[error("a record of {bytes} bytes, at most {bytes_max} are taken")]
    TooLarge {
        /// The record's size in bytes.
        bytes: usize,
        /// The most bytes that this log takes in one record.
        bytes_max: usize,
    },
    /// The disk is full; the log resumes by itself once there is space.
    #[error("no space left for the log")]
    NoSpace,
    /// The servers that keep the log cannot make records durable now; it resumes by itself.
    #[error("the log cannot be reached")]
    Unreachable,
    /// The log takes no records until it is opened again.
    #[error("the log has halted")]
    Halted,
}

impl Refused {
    /// Whether the same append may succeed later without anybody's doing.
    #[must_use]
    pub const fn retryable(self) -> bool {
        matches!(self, Self::Busy | Self::NoSpace | Self::Unreachable)
    }
}

/// The world broke.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// Bytes that were durable are damaged.
    #[error("log damaged at position {position} ({place}): {why}")]
    Corrupt {
        /// The first position that cannot be read.
        position: Position,
        /// Where that is, in the implementation's terms.
        place: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The log was written by a newer version of this software.
    #[error("log written by a newer version: {what} {found}")]
    Unsupported {
        /// What is not known here.
        what: &'static str,
        /// Its number.
        found: u64,
    },
    /// The log belongs to another pool.
    #[error("log of pool {found}, expected pool {expected}")]
    Foreign {
        /// The pool asked for.
        expected: u32,
        /// The pool found.
        found: u32,
    },
    /// Another process, or this one, has the log open.
    #[error("log is already open elsewhere")]
    Locked,
    /// The operating system reported an error. For a ticket: whether the record is durable is
    /// unknown until the log is opened again.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The operating system's error.
        source: Arc<io::Error>,
    },
    /// The disk is full. For a ticket: the record is not in the log and will not appear.
    #[error("no space left for the log")]
    NoSpace,
    /// The servers that keep the log did not answer in time. For a ticket: the record may or may
    /// not be in the log, and may still appear; handing it in again is safe where records are
    /// told apart by what they hold.
    #[error("no answer from the log's servers: {why}")]
    Unanswered {
        /// What they, or the connection to them, said last.
        why: String,
    },
    /// What keeps the log is not there.
    #[error("there is no {what}")]
    Absent {
        /// What is missing, in the implementation's terms.
        what: String,
    },
    /// The log stopped before it could answer.
    #[error("the log has halted")]
    Halted,
    /// The log no longer holds this position.
    #[error("position no longer held in {place}, the first one is {first}")]
    Gone {
        /// What keeps the log, in the implementation's terms.
        place: String,
        /// The first position that the log still holds.
        first: Position,
    },
    /// Records that were there are gone from the end of the log: readers have seen more than there
    /// is, or than is the same.
    #[error(
        "{place} was cut: position {asked} was asked for, it holds {first} to before {end}, and \
         not as it was before"
    )]
    Truncated {
        /// What keeps the log, in the implementation's terms.
        place: String,
        /// The position that a reader had come to.
        asked: Position,
        /// The first position held.
        first: Position,
        /// The position behind the last one held.
        end: Position,
    },
    /// The position lies beyond the end of the log: the reader has seen more than there is.
    #[error("position beyond the end of {place} at {end}")]
    Beyond {
        /// What keeps the log, in the implementation's terms.
        place: String,
        /// The end of the log.
        end: Position,
    },
}

impl Fault {
    /// Whether the same call may succeed later without anybody's doing.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::NoSpace | Self::Unanswered { .. })
    }

    /// A position behind the end of a log that is the only one here.
    #[must_use]
    pub fn beyond(end: Position) -> Self {
        Self::Beyond { place: "the log".to_owned(), end }
    }

    /// Wraps an operating system's error, a full disk apart from the others.
    pub(crate) fn io(doing: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            _ => Self::Io { doing, source: Arc::new(source) },
        }
    }
}
