//! The most recent records, kept in memory: who follows the log's end never touches the disk.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// A bounded window of the newest records.
pub(crate) struct Tail {
    window: Mutex<Window>,
    bytes_max: usize,
}

#[derive(Default)]
struct Window {
    /// Position of the first record held.
    first: u64,
    records: VecDeque<Bytes>,
    bytes: usize,
}

impl Tail {
    /// An empty window that holds at most `bytes_max` bytes, from position `first` on.
    pub(crate) fn new(first: u64, bytes_max: usize) -> Self {
        Self { window: Mutex::new(Window { first, ..Window::default() }), bytes_max }
    }

    /// Adds the newest records and lets go of the oldest.
    pub(crate) fn extend(&self, records: impl Iterator<Item = Bytes>) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            window.bytes += record.len();
            window.records.push_back(record);
        }
        while window.bytes > self.bytes_max
            && let Some(oldest) = window.records.pop_front()
        {
            window.bytes -= oldest.len();
            window.first += 1;
        }
    }

    /// Records from `from` to before `end`; none if the window does not reach back that far.
    pub(crate) fn read(&self, from: u64, end: u64, bytes_max: usize) -> Option<Vec<Bytes>> {
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = usize::try_from(from.checked_sub(window.first)?).ok()?;
        let count = usize::try_from(end.saturating_sub(from)).ok()?;
        if skip >= window.records.len() {
            return None;
        }
        let mut bytes = 0;
        let records = window.records.range(skip..).take(count);
        let fitting = records.take_while(|record| {
            let first = bytes == 0;
            bytes += record.len().max(1);
            first || bytes <= bytes_max
        });
        Some(fitting.cloned().collect())
    }
}
