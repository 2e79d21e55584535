//! Records on their way to the writer: a bounded queue with a gate.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::frame::{self, Record};
use crate::port::{Fault, Position, Refused, Ticket};

/// What a queued record costs besides its bytes.
const OVERHEAD_BYTES: usize = 128;

/// A record and who waits for it.
pub(crate) struct Waiting {
    pub(crate) record: Record,
    pub(crate) answer: oneshot::Sender<Result<Position, Fault>>,
}

/// Whether records are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    NoSpace,
    Halted,
}

struct State {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    gate: Gate,
    closing: bool,
}

/// What the writer has to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Write the records taken.
    Write,
    /// Nothing came for a while.
    Idle,
    /// Nothing is left and nothing will come.
    Finish,
}

/// The queue between the callers of append and the writer.
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    bytes_max: usize,
}

impl Queue {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let waiting = VecDeque::new();
        let state = State { waiting, bytes: 0, gate: Gate::Open, closing: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), bytes_max }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a record, unless the gate is shut or there is no room. One record always has room.
    pub(crate) fn push(&self, record: Record) -> Result<Ticket, Refused> {
        let mut state = self.lock();
        let bytes = record.bytes.len() + OVERHEAD_BYTES;
        match state.gate {
            _ if state.closing => return Err(Refused::Halted),
            Gate::Halted => return Err(Refused::Halted),
            Gate::NoSpace => return Err(Refused::NoSpace),
            Gate::Open if state.bytes > 0 && state.bytes + bytes > self.bytes_max => {
                return Err(Refused::Busy);
            }
            Gate::Open => {}
        }
        let (answer, ticket) = Ticket::new();
        state.bytes += bytes;
        state.waiting.push_back(Waiting { record, answer });
        drop(state);
        self.changed.notify_all();
        Ok(ticket)
    }

    /// Moves what waits into `group`, as many records as one frame of `frame_bytes_max` holds and
    /// at least one. Blocks until there is something, or for `idle` if that is given.
    pub(crate) fn take(
        &self,
        group: &mut Vec<Waiting>,
        frame_bytes_max: usize,
        idle: Option<Duration>,
    ) -> Next {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closing {
                return Next::Finish;
            }
            let Some(idle) = idle else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (woken, timeout) =
                self.changed.wait_timeout(state, idle).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out() && state.waiting.is_empty() && !state.closing {
                return Next::Idle;
            }
        }
        let mut bodies = 0;
        while let Some(first) = state.waiting.front() {
            bodies += first.record.bytes.len();
            let fits = frame::frame_bytes(group.len() + 1, bodies) <= frame_bytes_max;
            if !fits && !group.is_empty() {
                break;
            }
            group.extend(state.waiting.pop_front());
        }
        Next::Write
    }

    /// Gives back the room of records that were taken.
    pub(crate) fn release(&self, group: &[Waiting]) {
        let bytes: usize =
            group.iter().map(|waiting| waiting.record.bytes.len() + OVERHEAD_BYTES).sum();
        self.lock().bytes -= bytes;
    }

    /// Shuts the gate until [`Self::reopen`] and returns what waited.
    pub(crate) fn refuse_for_space(&self) -> Vec<Waiting> {
        self.shut(Gate::NoSpace)
    }

    /// Shuts the gate for good and returns what waited.
    pub(crate) fn halt(&self) -> Vec<Waiting> {
        self.shut(Gate::Halted)
    }

    fn shut(&self, gate: Gate) -> Vec<Waiting> {
        let mut state = self.lock();
        state.gate = gate;
        state.bytes = 0;
        state.waiting.drain(..).collect()
    }

    /// Opens the gate after a lack of space.
    pub(crate) fn reopen(&self) {
        let mut state = self.lock();
        if state.gate == Gate::NoSpace {
            state.gate = Gate::Open;
        }
    }

    /// Takes no more records; those that wait are still written.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    /// Waits for a while; true if the queue is being closed.
    pub(crate) fn pause(&self, time: Duration) -> bool {
        let state = self.lock();
        let paused = self.changed.wait_timeout_while(state, time, |state| !state.closing);
        paused.unwrap_or_else(PoisonError::into_inner).0.closing
    }
}
