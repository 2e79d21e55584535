//! The limits: pure checks on participants, exposure and velocity.
//!
//! * [`Participants`]: who takes part, and who is suspended.
//! * [`Limits`]: how far the net debit position of a day may go, bilaterally and multilaterally.
//! * [`Velocity`]: how much may be handed in within a window of logged time.
//!
//! Each is a state of its own with canonical bytes and a digest. Balances are the ledger's; what is
//! queued and what settles is decided elsewhere. Absent on purpose: I/O, clocks, randomness,
//! floats, threads.

#![forbid(clippy::float_arithmetic)]

mod codec;
mod limits;
mod participants;
mod reject;
mod velocity;

pub use codec::DecodeError;
pub use limits::{Limits, PAIR_LIMITS_MAX, PairLimit, Violation};
pub use participants::{
    CURRENCIES_MAX, CurrencyIndex, PARTICIPANTS_MAX, ParticipantId, Participants, Status,
};
pub use reject::LimitReject;
pub use velocity::{Velocity, VelocityRule};
