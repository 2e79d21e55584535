//! What settlers of a pool tell each other, byte for byte.
//!
//! ```text
//! "causeway/1 peers" [16] | version u16 = 1 | kind u8 | pool u32 | settler u64 | term u64 | body
//!
//! kind 1 claim   -       this settler wants to be the active one of this term
//! kind 2 beat    -       it is, and it lives
//! kind 3 resign  -       it is no longer
//! kind 4 sealed  number u64 | last position u64 | batch hash [32] | state root [32]
//! ```
//! Behind every term and number there is another one: the largest u64 is refused as either.
//!
//! Nothing in it is needed to know what settled: that is in the log alone.

use channel::{DecodeError, Reader, Writer};
use clearing::SealedBatch;
use ledger::Hash;

const LABEL: &[u8; 16] = b"causeway/1 peers";
const VERSION: u16 = 1;

/// A message and who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message {
    /// The pool.
    pub(crate) pool: u32,
    /// The settler: a number drawn when it started.
    pub(crate) settler: u64,
    /// The term of the settler's claim, from 1; 0 for one that never claimed.
    pub(crate) term: u64,
    pub(crate) body: Body,
}

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Claim,
    Beat,
    Resign,
    Sealed(Seal),
}

/// A sealed batch, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seal {
    /// The batch's number.
    pub(crate) number: u64,
    /// The last position it covers.
    pub(crate) last: u64,
    /// Its hash.
    pub(crate) hash: Hash,
    /// Root of the whole state after it.
    pub(crate) root: Hash,
}

impl From<&SealedBatch> for Seal {
    fn from(batch: &SealedBatch) -> Self {
        let SealedBatch { number, last, hash, state_root: root, .. } = *batch;
        Self { number, last, hash, root }
    }
}

impl Message {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let kind = match self.body {
            Body::Claim => 1,
            Body::Beat => 2,
            Body::Resign => 3,
            Body::Sealed(_) => 4,
        };
        let mut writer = Writer::new();
        writer.raw(LABEL).u16(VERSION).u8(kind);
        writer.u32(self.pool).u64(self.settler).u64(self.term);
        if let Body::Sealed(seal) = &self.body {
            writer.u64(seal.number).u64(seal.last).raw(&seal.hash).raw(&seal.root);
        }
        writer.into_bytes()
    }

    /// The inverse of [`Message::encode`].
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.array::<16>("label")? != *LABEL {
            return Err(DecodeError::Range { field: "label" });
        }
        match reader.u16("version")? {
            VERSION => {}
            other => return Err(DecodeError::Unknown { field: "version", value: other.into() }),
        }
        let kind = reader.u8("kind")?;
        let (pool, settler) = (reader.u32("pool")?, reader.u64("settler")?);
        let term = counted(reader.u64("term")?, "term")?;
        let body = match kind {
            1 => Body::Claim,
            2 => Body::Beat,
            3 => Body::Resign,
            4 => Body::Sealed(Seal {
                number: counted(reader.u64("number")?, "number")?,
                last: reader.u64("last")?,
                hash: reader.array("hash")?,
                root: reader.array("root")?,
            }),
            other => return Err(DecodeError::Unknown { field: "kind", value: other.into() }),
        };
        reader.finish()?;
        Ok(Self { pool, settler, term, body })
    }
}

/// A number behind which there is another one.
fn counted(value: u64, field: &'static str) -> Result<u64, DecodeError> {
    if value == u64::MAX { Err(DecodeError::Range { field }) } else { Ok(value) }
}

/// Reads what a settler tells the others of its pool and writes it again: the same bytes, since a
/// message has one form. For tests of the format: it says nothing about who sent it.
///
/// # Errors
/// [`DecodeError`] naming the field, for bytes that are no message.
pub fn canonical_message(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    Ok(Message::decode(bytes)?.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_back_and_unknown_ones_are_named() {
        let seal = Seal { number: 7, last: 99, hash: [1; 32], root: [2; 32] };
        for body in [Body::Claim, Body::Beat, Body::Resign, Body::Sealed(seal)] {
            let message = Message { pool: 3, settler: u64::MAX, term: 5, body };
            let bytes = message.encode();
            assert_eq!(Message::decode(&bytes), Ok(message));
            for len in 0..bytes.len() {
                assert!(Message::decode(&bytes[..len]).is_err(), "{len} bytes");
            }
        }
        let message = Message { pool: 3, settler: 1, term: 5, body: Body::Beat };
        let with = |at: usize, byte: u8| {
            let mut bytes = message.encode();
            bytes[at] = byte;
            Message::decode(&bytes).unwrap_err()
        };
        assert_eq!(with(0, 0), DecodeError::Range { field: "label" });
        assert_eq!(with(17, 2), DecodeError::Unknown { field: "version", value: 2 });
        assert_eq!(with(18, 9), DecodeError::Unknown { field: "kind", value: 9 });
    }

    /// Whoever claims takes the next term, and tells of the next batch.
    #[test]
    fn numbers_without_a_next_one_are_refused() {
        let seal = |number| Body::Sealed(Seal { number, last: 9, hash: [1; 32], root: [2; 32] });
        let decoded = |term, body| {
            let message = Message { pool: 3, settler: 1, term, body };
            Message::decode(&message.encode()).map(drop)
        };
        let refused = |field| Err(DecodeError::Range { field });
        assert_eq!(decoded(u64::MAX, Body::Claim), refused("term"));
        assert_eq!(decoded(1, seal(u64::MAX)), refused("number"));
        assert_eq!(decoded(u64::MAX - 1, seal(u64::MAX - 1)), Ok(()));
    }
}
