//! What the canonical bytes of both states have in common: magic, version, refusals.

use ledger::{Cursor, Truncated};

use crate::limits::Violation;

/// Why bytes are none of this crate's states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They do not start with the magic bytes of this state.
    #[error("not the bytes of this state")]
    BadMagic,
    /// Another version of the format.
    #[error("version {0} of the format is not known")]
    UnsupportedVersion(u16),
    /// They end too early.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// Something follows the last field.
    #[error("{0} bytes too many")]
    TrailingBytes(usize),
    /// A count above its maximum.
    #[error("more entries than there can be")]
    TooMany,
    /// A limit, position or rule out of range.
    #[error("a value is out of range")]
    OutOfRange,
    /// Entries out of order, or twice.
    #[error("entries are out of order")]
    OutOfOrder,
    /// Well-formed, but no possible state.
    #[error("the positions are corrupt")]
    Violation(#[from] Violation),
}

/// The version of all formats of this crate.
const VERSION: u16 = 1;

/// Starts canonical bytes.
pub(crate) fn start(magic: [u8; 4]) -> Vec<u8> {
    [magic.as_slice(), &VERSION.to_be_bytes()].concat()
}

/// Reads what [`start`] wrote.
pub(crate) fn open(magic: [u8; 4], bytes: &[u8]) -> Result<Cursor<'_>, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    if cursor.array() != Ok(magic) {
        return Err(DecodeError::BadMagic);
    }
    match cursor.u16()? {
        VERSION => Ok(cursor),
        other => Err(DecodeError::UnsupportedVersion(other)),
    }
}

/// Refuses what follows the last field.
pub(crate) fn finish(cursor: &Cursor<'_>) -> Result<(), DecodeError> {
    match cursor.rest().len() {
        0 => Ok(()),
        rest => Err(DecodeError::TrailingBytes(rest)),
    }
}

/// Reads a count of at most `max`.
pub(crate) fn count(cursor: &mut Cursor<'_>, max: usize) -> Result<usize, DecodeError> {
    let count = cursor.u32()? as usize;
    if count > max { Err(DecodeError::TooMany) } else { Ok(count) }
}
