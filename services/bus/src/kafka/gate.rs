//! The gate in front of the producer: whether records are taken.
//!
//! ```text
//!            answered                    led
//!   Open ◀──────────── Tried     Shut ────────▶ Ajar
//!    │                 │  ▲        ▲              │
//!    └── fails, stalls ┼──┼────────┘              │
//!                      └──┼── fails, stalls       │
//!                         └────── one record ─────┘
//! ```
//!
//! That a broker leads the topic again does not say that records become durable: there may be too
//! few replicas in sync. So one record goes first, and the others wait for its answer outside.

use std::mem::replace;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::meter::Meter;

/// What stands in a record's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing.
    Open,
    /// The brokers are out of reach, or make nothing durable.
    Shut,
    /// Nothing, for one record.
    Ajar,
    /// That record is on its way.
    Tried,
}

/// Whether records are taken.
pub(super) struct Gate {
    state: Mutex<State>,
    /// Shows whether records are refused.
    meter: Meter,
}

impl Gate {
    /// An open one.
    pub(super) fn new(meter: Meter) -> Self {
        Self { state: Mutex::new(State::Open), meter }
    }

    /// Whether a record may pass now.
    pub(super) fn admits(&self) -> bool {
        let mut state = self.state();
        match *state {
            State::Open => true,
            State::Shut | State::Tried => false,
            State::Ajar => {
                *state = State::Tried;
                true
            }
        }
    }

    /// The record that was let pass went nowhere: another one may.
    pub(super) fn give_back(&self) {
        let mut state = self.state();
        if *state == State::Tried {
            *state = State::Ajar;
        }
    }

    /// A broker has answered for a record.
    pub(super) fn open(&self) {
        if replace(&mut *self.state(), State::Open) != State::Open {
            self.meter.blocked(false);
        }
    }

    /// A record failed, or no answer came for too long.
    pub(super) fn shut(&self) {
        if replace(&mut *self.state(), State::Shut) != State::Shut {
            self.meter.blocked(true);
        }
    }

    /// There is reason to hope: one record may pass.
    pub(super) fn try_one(&self) {
        let mut state = self.state();
        match *state {
            State::Shut => *state = State::Ajar,
            // Nobody has anything to append: nobody is refused, either.
            State::Ajar => self.meter.blocked(false),
            State::Open | State::Tried => {}
        }
    }

    pub(super) fn is_open(&self) -> bool {
        *self.state() == State::Open
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A leader without enough replicas answers no record: but for one, none is taken.
    #[test]
    fn one_record_goes_first() {
        let gate = Gate::new(Meter { shown: false });
        assert!(gate.admits() && gate.admits());
        gate.shut();
        assert!(!gate.admits());
        gate.try_one();
        assert!(gate.admits());
        assert!(!gate.admits(), "the second one");
        gate.try_one();
        assert!(!gate.admits(), "the first is still on its way");
        gate.shut();
        assert!(!gate.admits());
        gate.try_one();
        assert!(gate.admits());
        gate.give_back();
        assert!(gate.admits(), "the one before was too large, say");
        gate.open();
        assert!(gate.admits() && gate.admits());
    }

    #[test]
    fn hope_does_not_shut_an_open_gate() {
        let gate = Gate::new(Meter { shown: false });
        gate.try_one();
        assert!(gate.is_open() && gate.admits() && gate.admits());
    }
}
