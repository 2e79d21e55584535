//! Rows that are written together.

use std::sync::Arc;

use bytes::Bytes;

use crate::port::{Fault, KEY_BYTES_MAX, Table, VALUE_BYTES_MAX};
use crate::seal;

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
    /// With the checksum behind the value; nothing for a row to remove.
    stored_bytes: Option<usize>,
}

impl Write {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row to set: a key of 1 to [`KEY_BYTES_MAX`] bytes, a value of at most
    /// [`VALUE_BYTES_MAX`] bytes.
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
        let (at, buffer) = self.begin(table, key);
        fill(buffer);
        let value = &buffer[at + key.len()..];
        let checksum = seal::checksum(table as u8, key, value);
        buffer.extend_from_slice(&checksum.to_be_bytes());
        let stored_bytes = Some(buffer.len() - at - key.len());
        self.bytes += buffer.len() - at;
        self.rows.push(Packed { table, at, key_bytes: key.len(), stored_bytes });
    }

    /// Adds a row to remove; one that is not there is no error.
    pub fn delete(&mut self, table: Table, key: impl AsRef<[u8]>) {
        let key = key.as_ref();
        let (at, _) = self.begin(table, key);
        self.bytes += key.len();
        self.rows.push(Packed { table, at, key_bytes: key.len(), stored_bytes: None });
    }

    fn begin(&mut self, table: Table, key: &[u8]) -> (usize, &mut Vec<u8>) {
        let buffer = Arc::make_mut(&mut self.buffers[table as usize]);
        let at = buffer.len();
        buffer.extend_from_slice(key);
        (at, buffer)
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

    /// The rows to set: table, key, value.
    pub fn puts(&self) -> impl Iterator<Item = (Table, &[u8], &[u8])> {
        self.rows.iter().filter_map(|row| {
            let value_bytes = row.stored_bytes? - seal::BYTES;
            let (key, rest) = self.buffers[row.table as usize][row.at..].split_at(row.key_bytes);
            Some((row.table, key, &rest[..value_bytes]))
        })
    }

    /// The rows to remove: table, key.
    pub fn deletes(&self) -> impl Iterator<Item = (Table, &[u8])> {
        self.rows.iter().filter(|row| row.stored_bytes.is_none()).map(|row| {
            let buffer = &self.buffers[row.table as usize];
            (row.table, &buffer[row.at..row.at + row.key_bytes])
        })
    }

    /// All rows as they are stored: table, key, and for those to set the value with its checksum
    /// ([`seal`]). Nothing is copied.
    pub(crate) fn into_stored(self) -> impl Iterator<Item = (Table, Bytes, Option<Bytes>)> {
        let buffers = self.buffers.map(|buffer| Bytes::from_owner(Buffer(buffer)));
        self.rows.into_iter().map(move |row| {
            let buffer = &buffers[row.table as usize];
            let behind = row.at + row.key_bytes;
            let stored = row.stored_bytes.map(|bytes| buffer.slice(behind..behind + bytes));
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
            let bytes = stored_bytes.map_or(0, |bytes| bytes - seal::BYTES);
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
