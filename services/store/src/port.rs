//! The port: what the tables offer, whoever keeps them.

use bytes::Bytes;

use crate::commit::{Commit, Fact, Stream};
use crate::fault::Fault;
use crate::table::Table;

/// The most bytes of a key.
pub const KEY_BYTES_MAX: usize = 64;
/// The most bytes of a value.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// A key with its value.
pub type Row = (Bytes, Bytes);

/// Tables of rows, ordered by key. All calls block; calls from many threads are fine.
///
/// A reader sees all rows of a commit or none. Rows come in groups ([`Table::group`]); what goes
/// over several rows stays within one group.
pub trait Store: Send + Sync + 'static {
    /// Commits, in this order; durable on return. They may share a sync, or not: on a fault, those
    /// up to any one of them may have been committed.
    ///
    /// A commit whose name was committed before with the same rows changes nothing, so repeating a
    /// call is always safe, in any number of processes.
    ///
    /// # Errors
    /// [`Fault::Differs`] if a name was committed with other rows, [`Fault::Gap`] if one of a dense
    /// stream does not follow: neither that commit nor a later one of the call was made.
    /// [`Fault::TooLarge`]: nothing was written. A fault that is [`Fault::retryable`]: repeat the
    /// call. Any other fault: what was written is unknown until the store is opened again; no later
    /// commit succeeds.
    fn commit(&self, commits: &[Commit]) -> Result<(), Fault>;

    /// The last commit of a dense stream, with all before it; 0 if there is none, and for a stream
    /// that is not dense. Never goes back.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn head(&self, stream: Stream) -> Result<u64, Fault>;

    /// Removes rows with `from <= key < to_exclusive` in the group of `from`. Not a commit: while it
    /// runs, and after a fault, any part of them may be gone. For rows to which nothing that can be
    /// read refers any more.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn remove(&self, table: Table, from: &[u8], to_exclusive: &[u8]) -> Result<(), Fault>;

    /// Proposes the value of a fact; the value that was proposed first, by whoever.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn decide(&self, fact: Fact, value: &[u8]) -> Result<Bytes, Fault>;

    /// The value of a fact, if there is one yet.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn decided(&self, fact: Fact) -> Result<Option<Bytes>, Fault>;

    /// The value of a key.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] if the row is damaged; [`Fault::Io`] if it cannot be read;
    /// [`Fault::Unavailable`] if it cannot be read now.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Fault>;

    /// The last row in the group of `key` whose key begins with `prefix` and is not greater than
    /// `key`.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn last_at_or_before(
        &self,
        table: Table,
        prefix: &[u8],
        key: &[u8],
    ) -> Result<Option<Row>, Fault>;

    /// The first `limit` rows with `from <= key < to_exclusive` in the group of `from`, ascending.
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
