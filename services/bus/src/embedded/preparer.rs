//! A thread that keeps the next segment ready, so that the writer never waits for zeros.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Options;
use super::engine::Spare;
use crate::disk::Disk;
use crate::port::Fault;

/// Where the spare segment is on its way.
enum State {
    /// To be made, for this epoch.
    Ordered(u64),
    Ready(Spare),
    /// Could not be made for lack of space; tried again after a while, for this epoch.
    NoSpace(u64),
    Failed(Fault),
    Taken,
    Stopped,
}

/// The writer's side of the thread, and its shared state.
pub(crate) struct Preparer {
    state: Mutex<State>,
    changed: Condvar,
    segment_bytes: u64,
    retry: Duration,
}

impl Preparer {
    /// Begins with an order for the spare of `epoch`.
    pub(crate) fn new(epoch: u64, options: &Options) -> Self {
        let state = Mutex::new(State::Ordered(epoch));
        Self {
            state,
            changed: Condvar::new(),
            segment_bytes: options.segment_bytes(),
            retry: options.retry_space_every,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.lock() = state;
        self.changed.notify_all();
    }

    /// Orders the spare of an epoch; the one before must have been taken.
    pub(crate) fn order(&self, epoch: u64) {
        let mut state = self.lock();
        if !matches!(*state, State::Stopped) {
            *state = State::Ordered(epoch);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// The spare, waiting for it if it is being made.
    pub(crate) fn take(&self) -> Result<Spare, Fault> {
        let mut state = self.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Ready(spare) => return Ok(spare),
                ordered @ State::Ordered(_) => *state = ordered,
                State::NoSpace(epoch) => {
                    *state = State::NoSpace(epoch);
                    return Err(Fault::NoSpace);
                }
                State::Failed(fault) => return Err(fault),
                State::Taken | State::Stopped => return Err(Fault::Halted),
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the disk had space for the next segment when it was last tried.
    pub(crate) fn has_space(&self) -> bool {
        !matches!(*self.lock(), State::NoSpace(_) | State::Ordered(_))
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        self.set(State::Stopped);
    }

    fn stopped(&self) -> bool {
        matches!(*self.lock(), State::Stopped)
    }

    /// The thread: makes what is ordered until it is stopped.
    pub(crate) fn run(&self, disk: &Arc<dyn Disk>) {
        while let Some(epoch) = self.next_order() {
            let made = Spare::prepare(&**disk, epoch, self.segment_bytes, &|| !self.stopped());
            let next = match made {
                Ok(Some(spare)) => State::Ready(spare),
                Ok(None) => return,
                Err(Fault::NoSpace) => State::NoSpace(epoch),
                Err(fault) => State::Failed(fault),
            };
            if !self.stopped() {
                self.set(next);
            }
        }
    }

    /// Waits for an order, or for the time to try again; none once stopped.
    fn next_order(&self) -> Option<u64> {
        let mut state = self.lock();
        loop {
            match *state {
                State::Ordered(epoch) => return Some(epoch),
                State::Stopped => return None,
                State::NoSpace(epoch) => {
                    let waited = self.changed.wait_timeout(state, self.retry);
                    let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    state = woken;
                    if timeout.timed_out() && matches!(*state, State::NoSpace(_)) {
                        return Some(epoch);
                    }
                }
                State::Ready(_) | State::Failed(_) | State::Taken => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}
