//! The port: what the tables offer, whoever keeps them.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::write::Write;

/// The most bytes of a key.
pub const KEY_BYTES_MAX: usize = 64;
/// The most bytes of a value.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// A key with its value.
pub type Row = (Bytes, Bytes);

/// The tables, all of them ordered by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Positions and other small facts about the store's content.
    Meta = 0,
    /// Sealed batches.
    Batches = 1,
    /// Movements by batch.
    Transfers = 2,
    /// Movements by account.
    Postings = 3,
    /// States of payments by log record.
    States = 4,
    /// What happened to payments, by participant.
    Feed = 5,
    /// Payments by reference.
    Uetrs = 6,
    /// Snapshots of a pool's state.
    Snapshots = 7,
    /// Pages of the index of identities, referred to by snapshots.
    SeenPages = 8,
    /// Matches of FX payments with quotes.
    Matches = 9,
}

impl Table {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Meta,
        Self::Batches,
        Self::Transfers,
        Self::Postings,
        Self::States,
        Self::Feed,
        Self::Uetrs,
        Self::Snapshots,
        Self::SeenPages,
        Self::Matches,
    ];

    /// The name, for messages and for implementations that need one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Batches => "batches",
            Self::Transfers => "transfers",
            Self::Postings => "postings",
            Self::States => "states",
            Self::Feed => "feed",
            Self::Uetrs => "uetrs",
            Self::Snapshots => "snapshots",
            Self::SeenPages => "seen_pages",
            Self::Matches => "matches",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Tables of rows, ordered by key. All calls block; calls from many threads are fine.
pub trait Store: Send + Sync + 'static {
    /// Writes all of it, or nothing; durable on return.
    ///
    /// # Errors
    /// [`Fault::NoSpace`] and [`Fault::TooLarge`]: nothing was written. Any other fault: whether
    /// it was written is unknown until the store is opened again; no later commit succeeds.
    fn commit(&self, write: Write) -> Result<(), Fault>;

    /// The value of a key.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] if the row is damaged; [`Fault::Io`] if it cannot be read.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Fault>;

    /// The last row whose key begins with `prefix` and is not greater than `key`.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn last_at_or_before(
        &self,
        table: Table,
        prefix: &[u8],
        key: &[u8],
    ) -> Result<Option<Row>, Fault>;

    /// The first `limit` rows with `from <= key < to_exclusive`, ascending.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to_exclusive: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, Fault>;
}

/// The world broke.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// A row that was durable is damaged.
    #[error("row {} of table {table} is damaged: {why}", hex(.key))]
    Corrupt {
        /// Its table.
        table: Table,
        /// Its key.
        key: Vec<u8>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The store as a whole is damaged: it must be restored, or rebuilt from the log.
    #[error("store damaged: {why}")]
    Damaged {
        /// What is wrong with it.
        why: String,
    },
    /// The store was written by a version of this software that this build does not know.
    #[error("store format {found} is unknown to this build")]
    Unsupported {
        /// The format's number.
        found: u64,
    },
    /// Another process, or this one, has the store open.
    #[error("store is already open elsewhere")]
    Locked,
    /// The disk is full. Nothing was written; commits succeed again once there is space.
    #[error("no space left for the store")]
    NoSpace,
    /// A key or a value is out of bounds.
    #[error("a {what} of {bytes} bytes for table {table}")]
    TooLarge {
        /// The table it was meant for.
        table: Table,
        /// Key or value.
        what: &'static str,
        /// Its size in bytes.
        bytes: usize,
    },
    /// The operating system or the storage engine reported an error.
    #[error("cannot {doing} the store")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The error.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// A write failed before, so that nothing is known about what is durable: the store takes no
    /// commits until it is opened, and thereby verified, again.
    #[error("store has halted: {why}")]
    Halted {
        /// The failure.
        why: String,
    },
}

impl Fault {
    /// Whether the same call may succeed later without anybody's doing.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::NoSpace)
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
