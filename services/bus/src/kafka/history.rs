//! Records that memory no longer holds.

use std::sync::{Condvar, Mutex, PoisonError};

use bytes::Bytes;

use super::cursor::Cursor;
use super::{Settings, settings};
use crate::port::{Fault, Position};

/// Cursors at most: each is a client with connections and threads of its own, and holds what it
/// fetched ahead.
const CURSORS_MAX: usize = 8;
/// Reads up to here are of a few records somewhere: little is fetched ahead for them, bytes.
const FEW_BYTES: usize = 256 << 10;

/// Cursors that stand where somebody read last.
pub(super) struct History {
    settings: Settings,
    cursors: Mutex<Cursors>,
    /// Wakes readers that wait for a cursor.
    returned: Condvar,
}

#[derive(Default)]
struct Cursors {
    /// Nobody reads with them; the one that was used last is the last.
    idle: Vec<Cursor>,
    /// How many are lent.
    lent: usize,
}

impl History {
    pub(super) fn new(settings: &Settings) -> Self {
        let (cursors, returned) = (Mutex::default(), Condvar::new());
        Self { settings: settings.clone(), cursors, returned }
    }

    /// Durable records from `from` to before `end`, at least one, about `bytes_max` bytes at most.
    pub(super) fn read(&self, from: u64, end: u64, bytes_max: usize) -> Result<Vec<Bytes>, Fault> {
        self.with(from, bytes_max > FEW_BYTES, |cursor| {
            cursor.seek(from)?;
            let records = cursor.take(end, bytes_max, settings::PATIENCE)?;
            if records.is_empty() {
                return Err(Fault::Unanswered { why: format!("position {from} did not come") });
            }
            Ok(records)
        })
    }

    /// The number of records in the topic now.
    pub(super) fn end(&self) -> Result<u64, Fault> {
        self.with(u64::MAX, false, |cursor| Ok(cursor.bounds()?.1))
    }

    /// Does it with a cursor: the one that stands there, or any other, or a new one; waits for one
    /// if too many are lent.
    fn with<T>(
        &self,
        position: u64,
        ahead: bool,
        read: impl FnOnce(&mut Cursor) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let lent = self.lend(position, ahead)?;
        // Given back, or thrown away, even by a panic.
        let mut place = Place { history: self, cursor: None };
        let mut cursor = match lent {
            Some(cursor) => cursor,
            None => Cursor::open(&self.settings, ahead)?,
        };
        let got = read(&mut cursor)?;
        place.cursor = Some(cursor);
        Ok(got)
    }

    /// An idle cursor; none if a new one may be made.
    fn lend(&self, position: u64, ahead: bool) -> Result<Option<Cursor>, Fault> {
        let cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |cursors: &mut Cursors| cursors.lent == CURSORS_MAX;
        let waited = self.returned.wait_timeout_while(cursors, settings::PATIENCE, full);
        let (mut cursors, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return Err(Fault::Unanswered { why: format!("{CURSORS_MAX} readers wait already") });
        }
        cursors.lent += 1;
        let alike = |cursor: &Cursor| cursor.ahead() == ahead;
        let stands = |cursor: &Cursor| cursor.next() == position && alike(cursor);
        let found = cursors.idle.iter().position(stands);
        if let Some(at) = found.or_else(|| cursors.idle.iter().position(alike)) {
            return Ok(Some(cursors.idle.remove(at)));
        }
        // Makes room for one of the other kind.
        let full = cursors.lent + cursors.idle.len() > CURSORS_MAX;
        let ended = full.then(|| cursors.idle.remove(0));
        // Ending a client takes long: others read meanwhile.
        drop(cursors);
        drop(ended);
        Ok(None)
    }
}

/// The place of a lent cursor, taken again when dropped.
struct Place<'a> {
    history: &'a History,
    cursor: Option<Cursor>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut cursors = self.history.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        cursors.lent -= 1;
        cursors.idle.extend(self.cursor.take());
        drop(cursors);
        self.history.returned.notify_one();
    }
}

/// The number of records in a topic whose first record is still there.
pub(super) fn bounds(settings: &Settings) -> Result<u64, Fault> {
    let (first, end) = Cursor::open(settings, false)?.bounds()?;
    if first > 0 {
        tracing::warn!(first = %Position(first), "the log's beginning is no longer held");
    }
    Ok(end)
}
