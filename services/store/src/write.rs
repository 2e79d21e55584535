//! Rows that are written together.

use std::sync::Arc;

use bytes::Bytes;

use crate::fault::Fault;
use crate::port::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use crate::seal;
use crate::table::Table;

/// Rows that are written together, or not at all. A key appears at most once in a write.
///
/// Rows lie packed, one buffer a table, each value with its checksum behind it, so that adding one
/// allocates nothing and an implementation can store them as they lie. A clone shares the buffers.
#[derive(Clone, Debug, Default)]
pub struct Write {
    buffers: [Arc<Vec<u8>>; Table::ALL.len()],
    rows: Vec<Packed>,
    bytes: usize,
}

/// Where a row lies in its table's buffer.
#[derive(Clone, Copy, Debug)]
struct Packed {
    table: Table,
    at: usize,
    key_bytes: usize,
    /// With the checksum behind the value.
    stored_bytes: usize,
}

impl Write {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row: a key of 1 to [`KEY_BYTES_MAX`] bytes, a value of at most [`VALUE_BYTES_MAX`]
    /// bytes.
    pub fn put(&mut self, table: Table, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.put_with(table, key, |into| into.extend_from_slice(value.as_ref()));
    }

    /// The same; `fill` appends the value, and must not touch what is there.
    pub fn put_with(
        &mut self,
        table: Table,
        key: impl AsRef<[u8]>,
        fill: impl FnOnce(&mut Vec<u8>),
    ) {
        let key = key.as_ref();
        let buffer = Arc::make_mut(&mut self.buffers[table as usize]);
        let at = buffer.len();
        buffer.extend_from_slice(key);
        fill(buffer);
        let value = &buffer[at + key.len()..];
        let checksum = seal::checksum(table as u8, key, value);
        buffer.extend_from_slice(&checksum.to_be_bytes());
        let stored_bytes = buffer.len() - at - key.len();
        self.bytes += buffer.len() - at;
        self.rows.push(Packed { table, at, key_bytes: key.len(), stored_bytes });
    }

    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Bytes of all keys and values, checksums included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows: table, key, value.
    pub fn puts(&self) -> impl Iterator<Item = (Table, &[u8], &[u8])> {
        self.rows.iter().map(|row| {
            let (key, stored) = self.stored(row);
            (row.table, key, &stored[..stored.len() - seal::BYTES])
        })
    }

    /// The rows in the order of table and key, each value with its checksum ([`seal`]).
    pub(crate) fn sorted(&self) -> impl Iterator<Item = (Table, &[u8], &[u8])> {
        let mut rows = self.rows.clone();
        // Stable, which is fast on what is sorted in parts, as most of it is.
        rows.sort_by(|a, b| (a.table, self.stored(a).0).cmp(&(b.table, self.stored(b).0)));
        rows.into_iter().map(|row| {
            let (key, stored) = self.stored(&row);
            (row.table, key, stored)
        })
    }

    fn stored(&self, row: &Packed) -> (&[u8], &[u8]) {
        let bytes = &self.buffers[row.table as usize][row.at..];
        bytes[..row.key_bytes + row.stored_bytes].split_at(row.key_bytes)
    }

    /// The rows as they are stored: table, key, value with its checksum. Nothing is copied.
    pub(crate) fn to_stored(&self) -> impl Iterator<Item = (Table, Bytes, Bytes)> {
        let buffers = self.buffers.clone().map(|buffer| Bytes::from_owner(Buffer(buffer)));
        self.rows.iter().map(move |row| {
            let buffer = &buffers[row.table as usize];
            let behind = row.at + row.key_bytes;
            let stored = buffer.slice(behind..behind + row.stored_bytes);
            (row.table, buffer.slice(row.at..behind), stored)
        })
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// [`Fault::TooLarge`] for the first key or value out of bounds.
    pub fn check(&self) -> Result<(), Fault> {
        for Packed { table, key_bytes, stored_bytes, .. } in self.rows.iter().copied() {
            if key_bytes == 0 || key_bytes > KEY_BYTES_MAX {
                return Err(Fault::TooLarge { table, what: "key", bytes: key_bytes });
            }
            let bytes = stored_bytes - seal::BYTES;
            if bytes > VALUE_BYTES_MAX {
                return Err(Fault::TooLarge { table, what: "value", bytes });
            }
        }
        Ok(())
    }
}

struct Buffer(Arc<Vec<u8>>);

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
