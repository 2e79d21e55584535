//! What can go wrong with a store.

use std::error::Error;
use std::sync::Arc;

use crate::commit::{CommitHash, Stream};
use crate::table::Table;

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
    /// A commit of this name was made before, of other rows: one of the two was not made from this
    /// log, or by another version of this software. Whoever meets this must stop.
    #[error(
        "commit {number} of {stream} was made before with other rows: hash {} here, {} there",
        hex(.ours),
        hex(.theirs)
    )]
    Differs {
        /// Its stream.
        stream: Stream,
        /// Its number.
        number: u64,
        /// The hash of the rows that were to be committed.
        ours: CommitHash,
        /// The hash of those that were.
        theirs: CommitHash,
    },
    /// A commit of a dense stream does not follow the one before.
    #[error("commit {number} of {stream} does not follow {head}")]
    Gap {
        /// The stream.
        stream: Stream,
        /// The number handed in.
        number: u64,
        /// The last commit there is.
        head: u64,
    },
    /// The store cannot be reached, or too few of its nodes. What was being done may have been done.
    #[error("cannot {doing} the store now: {why}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the last attempt met.
        why: Arc<str>,
    },
    /// The schema is not that of this build: it has to be migrated, or it was by a newer one.
    #[error("store schema has version {found}, this build needs {needed}")]
    Schema {
        /// Its version; 0 if there is none.
        found: u32,
        /// The version of this build.
        needed: u32,
    },
    /// The keyspace keeps fewer copies of a row than were promised.
    #[error("the keyspace keeps {found} copies of a row, promised were {promised}")]
    Promise {
        /// As it is.
        found: u32,
        /// As it should be.
        promised: u32,
    },
    /// No name of a keyspace.
    #[error("keyspace {name:?}: 1 to 48 lower-case letters, digits and _, a letter first")]
    Keyspace {
        /// What was given.
        name: String,
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
        matches!(self, Self::NoSpace | Self::Unavailable { .. })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
