//! The canonical bytes of limits and positions.
//!
//! ```text
//! magic "CWLM" · version u16 · currencies u32 · currency × n
//! currency:   nodes u32 · node × n · pairs u32 · pair × n · bilateral limits u32 · limit × n
//! node:       position i128 · multilateral limit u64 · net debit cap u64 (all ones: none)
//! pair:       low u32 · high u32 · position of low towards high i128, in the order of first use
//! limit:      from u32 · to u32 · limit u64, by ascending (from, to)
//! ```
//! All integers are big-endian.

use ledger::{Cursor, MINOR_MAX};

use super::book::{Book, NO_LIMIT, Node, pair_limit_bytes};
use super::pairs::Pair;
use super::{Limits, PAIR_LIMITS_MAX};
use crate::codec::{self, DecodeError};
use crate::ids::{CURRENCIES_MAX, PARTICIPANTS_MAX, ParticipantId};

const MAGIC: [u8; 4] = *b"CWLM";

/// Bounds positions that are loaded, so that no run of payments takes them out of an `i128`.
const POSITION_MAX: u128 = 1 << 120;

impl Limits {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = codec::start(MAGIC);
        push_count(&mut bytes, self.books.len());
        for book in &self.books {
            push_count(&mut bytes, book.nodes.len());
            book.nodes.iter().for_each(|node| bytes.extend(node.to_bytes()));
            push_count(&mut bytes, book.pairs.pairs().len());
            book.pairs.pairs().iter().for_each(|pair| bytes.extend(pair.to_bytes()));
            push_count(&mut bytes, book.pair_limits.len());
            for ((from, to), limit) in &book.pair_limits {
                bytes.extend(pair_limit_bytes(*from, *to, *limit));
            }
        }
        bytes
    }

    /// Reads canonical bytes and checks all invariants.
    ///
    /// # Errors
    /// [`DecodeError`] for everything that [`Limits::encode`] does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = codec::open(MAGIC, bytes)?;
        let mut limits = Self::new();
        for _ in 0..codec::count(&mut cursor, CURRENCIES_MAX)? {
            let mut book = Book::default();
            read_nodes(&mut cursor, &mut book)?;
            read_pairs(&mut cursor, &mut book)?;
            read_pair_limits(&mut cursor, &mut book)?;
            limits.books.push(book);
        }
        codec::finish(&cursor)?;
        limits.check()?;
        Ok(limits)
    }
}

/// Counts are below 2^32: participants and limits by their maximums, pairs by the index's slots.
fn push_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend((count as u32).to_be_bytes());
}

fn read_nodes(cursor: &mut Cursor<'_>, book: &mut Book) -> Result<(), DecodeError> {
    for index in 0..codec::count(cursor, PARTICIPANTS_MAX)? {
        *book.node_mut(ParticipantId(index as u32)) = Node {
            position: read_position(cursor)?,
            multilateral: read_limit(cursor)?,
            cap: read_limit(cursor)?,
        };
    }
    Ok(())
}

fn read_pairs(cursor: &mut Cursor<'_>, book: &mut Book) -> Result<(), DecodeError> {
    for _ in 0..codec::count(cursor, u32::MAX as usize)? {
        let (low, high) = (cursor.u32()?, cursor.u32()?);
        let position = read_position(cursor)?;
        if low >= high || book.pairs.find(low, high).is_some() {
            return Err(DecodeError::OutOfOrder);
        }
        book.pairs.insert(Pair { low, high, position });
    }
    Ok(())
}

fn read_pair_limits(cursor: &mut Cursor<'_>, book: &mut Book) -> Result<(), DecodeError> {
    for _ in 0..codec::count(cursor, PAIR_LIMITS_MAX)? {
        let (from, to) = (ParticipantId(cursor.u32()?), ParticipantId(cursor.u32()?));
        let limit = read_limit(cursor)?.ok_or(DecodeError::OutOfRange)?;
        if from == to || from.max(to).index() >= PARTICIPANTS_MAX {
            return Err(DecodeError::OutOfRange);
        }
        if book.pair_limits.last_key_value().is_some_and(|(last, _)| *last >= (from, to)) {
            return Err(DecodeError::OutOfOrder);
        }
        book.set_pair_limit(from, to, Some(limit));
    }
    Ok(())
}

fn read_position(cursor: &mut Cursor<'_>) -> Result<i128, DecodeError> {
    let position = cursor.u128()?.cast_signed();
    if position.unsigned_abs() > POSITION_MAX {
        return Err(DecodeError::OutOfRange);
    }
    Ok(position)
}

fn read_limit(cursor: &mut Cursor<'_>) -> Result<Option<u64>, DecodeError> {
    match cursor.u64()? {
        NO_LIMIT => Ok(None),
        limit if limit > MINOR_MAX => Err(DecodeError::OutOfRange),
        limit => Ok(Some(limit)),
    }
}
