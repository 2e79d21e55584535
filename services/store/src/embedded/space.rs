//! What rows of the engine belong to: a table, or the names of commits.

use bytes::Bytes;

use super::engine;
use crate::fault::Fault;
use crate::seal;
use crate::table::Table;

/// The number of the names in manifests and checksums; tables count from 0.
const NAMES: u8 = 254;

/// A table, or the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Space {
    Table(Table),
    Names,
}

impl Space {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Table(table) => table as u8,
            Self::Names => NAMES,
        }
    }

    pub(super) fn of_number(number: u8) -> Option<Self> {
        match number {
            NAMES => Some(Self::Names),
            table => Table::ALL.get(usize::from(table)).copied().map(Self::Table),
        }
    }

    /// Takes the value out of a stored one.
    pub(super) fn open(self, key: &[u8], stored: Bytes) -> Result<Bytes, Fault> {
        let value = seal::open_raw(self.number(), key, stored);
        value.ok_or_else(|| self.corrupt(key, "its checksum does not match"))
    }

    pub(super) fn corrupt(self, key: &[u8], why: &'static str) -> Fault {
        match self {
            Self::Table(table) => Fault::Corrupt { table, key: key.to_vec(), why },
            Self::Names => Fault::Damaged { why: format!("name {key:02x?} of a commit: {why}") },
        }
    }

    pub(super) fn read_fault(self, key: &[u8], error: fjall::Error) -> Fault {
        engine::read_fault(self, key, error)
    }
}

/// What is to be written at once.
#[derive(Default)]
pub(super) struct Changes {
    /// Where, key, and value with its checksum; none to remove the row.
    pub(super) rows: Vec<(Space, Bytes, Option<Bytes>)>,
    /// Bytes of all that.
    pub(super) bytes: usize,
}

impl Changes {
    /// Adds a row to set, its value with its checksum.
    pub(super) fn put(&mut self, space: Space, key: Bytes, stored: Bytes) {
        self.bytes += key.len() + stored.len();
        self.rows.push((space, key, Some(stored)));
    }

    /// Adds a row to remove.
    pub(super) fn delete(&mut self, space: Space, key: Bytes) {
        self.bytes += key.len();
        self.rows.push((space, key, None));
    }

    /// Adds a row whose value has no checksum yet.
    pub(super) fn close(&mut self, space: Space, key: &[u8], value: &[u8]) {
        let mut stored = value.to_vec();
        seal::close(space.number(), key, &mut stored);
        self.put(space, Bytes::copy_from_slice(key), stored.into());
    }
}
