//! A thread that keeps the next segment ready, so that the writer never waits for zeros.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Options;
use super::engine::Spare;
use crate::disk::Disk;
use crate::port::Fault;

/// Where the spare segment is on its way.
enum Stage {
    /// To be made, for this epoch.
    Ordered(u64),
    Ready(Spare),
    /// Could not be made for lack of space; tried again after a while, for this epoch.
    NoSpace(u64),
    Failed(Fault),
    Taken,
}

struct State {
    spare: Stage,
    stopped: bool,
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
        let state = State { spare: Stage::Ordered(epoch), stopped: false };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            segment_bytes: options.segment_bytes(),
            retry: options.retry_space_every,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, spare: Stage) {
        self.lock().spare = spare;
        self.changed.notify_all();
    }

    /// Orders the spare of an epoch; the one before must have been taken.
    pub(crate) fn order(&self, epoch: u64) {
        self.set(Stage::Ordered(epoch));
    }

    /// The spare, waiting for it if it is being made.
    pub(crate) fn take(&self) -> Result<Spare, Fault> {
        let ordered =
            |state: &mut State| matches!(state.spare, Stage::Ordered(_)) && !state.stopped;
        let waited = self.changed.wait_while(self.lock(), ordered);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut state.spare, Stage::Taken) {
            Stage::Ready(spare) => Ok(spare),
            Stage::NoSpace(epoch) => {
                state.spare = Stage::NoSpace(epoch);
                Err(Fault::NoSpace)
            }
            Stage::Failed(fault) => Err(fault),
            Stage::Ordered(_) | Stage::Taken => Err(Fault::Halted),
        }
    }

    /// Whether the disk had space for the next segment when it was last tried.
    pub(crate) fn has_space(&self) -> bool {
        !matches!(self.lock().spare, Stage::NoSpace(_) | Stage::Ordered(_))
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// The thread: makes what is ordered until it is stopped.
    pub(crate) fn run(&self, disk: &Arc<dyn Disk>) {
        while let Some(epoch) = self.next_order() {
            let go_on = || !self.lock().stopped;
            self.set(match Spare::prepare(&**disk, epoch, self.segment_bytes, &go_on) {
                Ok(Some(spare)) => Stage::Ready(spare),
                Ok(None) => return,
                Err(Fault::NoSpace) => Stage::NoSpace(epoch),
                Err(fault) => Stage::Failed(fault),
            });
        }
    }

    /// Waits for an order, or for the time to try again; none once stopped.
    fn next_order(&self) -> Option<u64> {
        let mut state = self.lock();
        while !state.stopped {
            match state.spare {
                Stage::Ordered(epoch) => return Some(epoch),
                Stage::NoSpace(epoch) => {
                    let waited = self.changed.wait_timeout(state, self.retry);
                    let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    state = woken;
                    if timeout.timed_out() && !state.stopped {
                        return Some(epoch);
                    }
                }
                Stage::Ready(_) | Stage::Failed(_) | Stage::Taken => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        None
    }
}
