//! The limits: pure checks on exposure and velocity.
//!
//! * [`Limits`]: how far the net debit position of a day may go, bilaterally and multilaterally.
//! * [`Velocity`]: how many orders, and of what value, may be handed in within a window of logged
//!   time.
//!
//! Each is a state of its own with canonical bytes and a digest. Balances are the ledger's; what is
//! queued and what settles is decided elsewhere. Absent on purpose: I/O, clocks, randomness,
//! floats, threads.

#![forbid(clippy::float_arithmetic)]

mod codec;
mod ids;
mod limits;
mod reject;
mod velocity;

pub use codec::DecodeError;
pub use ids::{CURRENCIES_MAX, CurrencyIndex, PARTICIPANTS_MAX, ParticipantId};
pub use limits::{Limits, PAIR_LIMITS_MAX, PairLimit, Violation};
pub use reject::LimitReject;
pub use velocity::{Measure, Velocity, VelocityRule};
