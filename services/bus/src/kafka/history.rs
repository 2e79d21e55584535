//! Records that memory no longer holds.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::cursor::Cursor;
use super::{Settings, settings};
use crate::port::{Fault, Position};

/// Cursors kept for the next reader, at most: each holds a connection and what it fetched ahead.
const IDLE_MAX: usize = 4;

/// Cursors that stand where somebody read last.
pub(super) struct History {
    settings: Settings,
    idle: Mutex<Vec<Cursor>>,
}

impl History {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), idle: Mutex::default() }
    }

    /// Durable records from `from` to before `end`, at least one, about `bytes_max` bytes at most.
    pub(super) fn read(&self, from: u64, end: u64, bytes_max: usize) -> Result<Vec<Bytes>, Fault> {
        let mut cursor = self.borrow(from)?;
        cursor.seek(from)?;
        let records = cursor.take(end, bytes_max, settings::PATIENCE)?;
        if records.is_empty() {
            return Err(Fault::Unanswered { why: format!("position {from} did not come") });
        }
        self.give_back(cursor);
        Ok(records)
    }

    /// The number of records in the topic now.
    pub(super) fn end(&self) -> Result<u64, Fault> {
        let cursor = self.borrow(u64::MAX)?;
        let (_, end) = cursor.bounds()?;
        self.give_back(cursor);
        Ok(end)
    }

    /// The cursor that stands there, or any other.
    fn borrow(&self, position: u64) -> Result<Cursor, Fault> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let stands = idle.iter().position(|cursor| cursor.next() == position);
        let oldest = (idle.len() == IDLE_MAX).then_some(0);
        match stands.or(oldest) {
            Some(at) => Ok(idle.remove(at)),
            None => {
                drop(idle);
                Cursor::open(&self.settings)
            }
        }
    }

    fn give_back(&self, cursor: Cursor) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(cursor);
        }
    }
}

/// The number of records in a topic whose first record is still there.
pub(super) fn bounds(settings: &Settings) -> Result<u64, Fault> {
    let (first, end) = Cursor::open(settings)?.bounds()?;
    if first > 0 {
        tracing::warn!(first = %Position(first), "the log's beginning is no longer held");
    }
    Ok(end)
}
