//! The statements record: what parties state about keys, policies, epochs and orders, each over a
//! signature of its own.
//!
//! ```text
//! body: count u16 (1 to 256) | count x (kind u8 | length u16 | signed statement)
//! ```

use channel::{AnyStatement, DecodeError, Reader, STATEMENT_BYTES_MAX};

use crate::record::{KIND_STATEMENTS, RecordError, room, seal};

/// Statements of one record, at most.
pub const STATEMENTS_MAX: usize = 256;

/// A statements record, read: every statement decodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementsRecord {
    /// 1 to [`STATEMENTS_MAX`]; their signatures were checked before they were logged.
    pub statements: Vec<AnyStatement>,
}

impl StatementsRecord {
    pub(super) fn read(body: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(body);
        let count = usize::from(reader.u16("statements")?);
        if !(1..=STATEMENTS_MAX).contains(&count) {
            return Err(RecordError::Length);
        }
        let statements = (0..count).map(|_| read_statement(&mut reader));
        let statements = statements.collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { statements })
    }
}

fn read_statement(reader: &mut Reader<'_>) -> Result<AnyStatement, DecodeError> {
    let kind = reader.u8("statement kind")?;
    let length = usize::from(reader.u16("statement length")?);
    AnyStatement::decode(kind, reader.raw(length, "statement")?)
}

/// Packs statements, all checked: 1 to [`STATEMENTS_MAX`], each its kind and its signed bytes, of
/// at most [`STATEMENT_BYTES_MAX`].
#[must_use]
pub fn pack_statements((pool, time_ms): (u32, u64), statements: &[(u8, &[u8])]) -> Vec<u8> {
    let length: usize = statements.iter().map(|(_, signed)| 3 + signed.len()).sum();
    let mut bytes = room(2 + length);
    bytes.extend_from_slice(&u16::try_from(statements.len()).unwrap_or(u16::MAX).to_be_bytes());
    for (kind, signed) in statements {
        debug_assert!(signed.len() <= STATEMENT_BYTES_MAX, "checked before it is packed");
        bytes.push(*kind);
        bytes.extend_from_slice(&u16::try_from(signed.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(signed);
    }
    seal(bytes, KIND_STATEMENTS, pool, time_ms)
}
