//! The projector's inbox: bounded, in order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use clearing::Outcome;

use crate::fault::Fault;

/// A record of the log with what came of it.
#[derive(Clone, Debug)]
pub struct Projected {
    /// The record's position.
    pub position: u64,
    /// The record's bytes.
    pub record: Bytes,
    /// What came of it.
    pub outcome: Arc<Outcome>,
    /// Whether something has happened since the last seal, so that another batch is to come.
    pub batch_open: bool,
}

/// Where outcomes are handed in. Clones share one queue.
#[derive(Clone, Debug)]
pub struct Feed(pub(crate) Arc<Inbox>);

impl Feed {
    /// The position behind the last one whose effects are durable in the store: where to begin
    /// handing in after a start.
    #[must_use]
    pub fn next_position(&self) -> u64 {
        self.0.next_position.load(Ordering::Acquire)
    }

    /// Hands in what came of the next record; blocks while the queue is full. Positions follow
    /// each other without gap; those below [`Feed::next_position`] change nothing.
    ///
    /// # Errors
    /// [`Fault::Halted`]: the projector has halted or was stopped.
    pub fn push(&self, projected: Projected) -> Result<(), Fault> {
        self.0.push(projected)
    }
}

/// Where positions are done with in which nothing happened: there is no batch to show them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quiet {
    /// Nothing was open behind this position.
    pub(crate) position: u64,
    /// The last batch by then; 0 if none was handed in.
    pub(crate) batch: u64,
}

impl Quiet {
    fn note(&mut self, projected: &Projected) {
        let outcome = &projected.outcome;
        for sealed in outcome.sealed_before.iter().chain(&outcome.sealed) {
            self.batch = sealed.number;
        }
        if !projected.batch_open {
            self.position = projected.position;
        }
    }
}

#[derive(Debug)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    /// Signalled when there is more to take, or nothing will come any more.
    work: Condvar,
    /// Signalled when there is more room.
    room: Condvar,
    /// 0 if nobody takes what is handed in.
    records_max: usize,
    bytes_max: usize,
    pub(crate) next_position: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Projected>,
    bytes: usize,
    /// Noted only where nobody takes what is handed in.
    quiet: Quiet,
    stopping: bool,
    closed: Option<Arc<str>>,
}

impl Inbox {
    pub(crate) fn new(records_max: usize, bytes_max: usize, next_position: u64) -> Self {
        Self {
            queue: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            records_max,
            bytes_max,
            next_position: AtomicU64::new(next_position),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, projected: Projected) -> Result<(), Fault> {
        let full = |queue: &mut Queue| {
            queue.closed.is_none()
                && !queue.items.is_empty()
                && (queue.items.len() >= self.records_max || queue.bytes >= self.bytes_max)
        };
        let mut queue =
            self.room.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = &queue.closed {
            return Err(Fault::Halted { why: why.clone() });
        }
        if self.records_max == 0 {
            queue.quiet.note(&projected);
            return Ok(());
        }
        queue.bytes += projected.record.len();
        queue.items.push_back(projected);
        self.work.notify_one();
        Ok(())
    }

    /// The next item; waits for one unless told not to. Nothing once the inbox is stopping and
    /// empty, or, without waiting, if it is empty.
    pub(crate) fn pop(&self, wait: bool) -> Option<Projected> {
        let idle = |queue: &mut Queue| wait && queue.items.is_empty() && !queue.stopping;
        let mut queue =
            self.work.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let item = queue.items.pop_front()?;
        queue.bytes -= item.record.len();
        self.room.notify_one();
        Some(item)
    }

    pub(crate) fn quiet(&self) -> Quiet {
        self.lock().quiet
    }

    /// What is queued is still taken; then [`Inbox::pop`] says nothing.
    pub(crate) fn stop(&self) {
        self.lock().stopping = true;
        self.work.notify_all();
    }

    /// Waits for a while, or until it is stopping; whether it is.
    pub(crate) fn rest(&self, time: Duration) -> bool {
        let on = |queue: &mut Queue| !queue.stopping;
        let rested = self.work.wait_timeout_while(self.lock(), time, on);
        rested.unwrap_or_else(PoisonError::into_inner).0.stopping
    }

    pub(crate) fn stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Takes nothing in any more, and drops what is queued.
    pub(crate) fn close(&self, why: &str) {
        let mut queue = self.lock();
        queue.closed.get_or_insert_with(|| why.into());
        queue.items.clear();
        queue.bytes = 0;
        self.room.notify_all();
    }

    pub(crate) fn closed(&self) -> Option<Arc<str>> {
        self.lock().closed.clone()
    }
}
