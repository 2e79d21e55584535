//! The checksum of a row: CRC-32C over table, key length, key and value, behind the value.
//!
//! An engine may have checksums of its own. This one does not depend on them, and it covers where
//! a value belongs, so that a value read from the wrong place is noticed.

use bytes::Bytes;

use crate::fault::Fault;
use crate::table::Table;

/// Bytes behind every value.
pub(crate) const BYTES: usize = 4;

/// The number under which the manifests' checksums are taken; tables count from 0.
pub(crate) const MANIFESTS: u8 = u8::MAX;

/// The checksum of a row.
pub(crate) fn checksum(table: u8, key: &[u8], value: &[u8]) -> u32 {
    let head = [table, u8::try_from(key.len()).unwrap_or(u8::MAX)];
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&head), key), value)
}

/// Puts the checksum behind the value and returns it.
pub(crate) fn close(table: u8, key: &[u8], value: &mut Vec<u8>) -> u32 {
    let checksum = checksum(table, key, value);
    value.extend_from_slice(&checksum.to_be_bytes());
    checksum
}

/// Takes the value out of a stored one.
pub(crate) fn open(table: Table, key: &[u8], stored: Bytes) -> Result<Bytes, Fault> {
    open_raw(table as u8, key, stored).ok_or_else(|| Fault::Corrupt {
        table,
        key: key.to_vec(),
        why: "its checksum does not match",
    })
}

/// Takes the value out of a stored one, if the checksum matches.
pub(crate) fn open_raw(table: u8, key: &[u8], mut stored: Bytes) -> Option<Bytes> {
    let expected = stored_checksum(&stored)?;
    stored.truncate(stored.len() - BYTES);
    (checksum(table, key, &stored) == expected).then_some(stored)
}

/// The checksum behind a stored value.
pub(crate) fn stored_checksum(stored: &[u8]) -> Option<u32> {
    stored.last_chunk::<BYTES>().map(|bytes| u32::from_be_bytes(*bytes))
}
